from __future__ import annotations

import pytest

from dissectors import Pop3Dialogue
from tests.support.playbook import CLIENT, Playbook, exchange


def test_playbook_that_nobody_plays_is_noticed() -> None:
    playbook = Playbook(Pop3Dialogue).client(b"NOOP\r\n")

    with pytest.raises(AssertionError, match="NOOP"):
        playbook.__del__()

    playbook.run()


def test_difference_is_shown_with_its_steps() -> None:
    playbook = Playbook(Pop3Dialogue).client(b"NOOP\r\n").server(b"+OK\r\n").eof(CLIENT)

    with pytest.raises(AssertionError, match=r"(?s)>> b'NOOP.*- Exchange.*\+ Exchange"):
        playbook.expect(exchange("NOOP", reply="-ERR"))
