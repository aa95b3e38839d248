"""Smuggled mail, and what only looks like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.findings import committed, found, judgements
from tests.support.traffic import CLIENT, SERVER, PacketScript

if TYPE_CHECKING:
    from pathlib import Path

RULE = "smtp-smuggling"
POSSIBLE = [("medium", "possible")]
PROVEN = [("critical", "proven")]
BEFORE = b"EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
HIDDEN = b"MAIL FROM:<e@f.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nhidden\r\n"
LOOKALIKES = [b"\n.\n", b"\n.\r\n", b"\r\n.\n"]


def begin() -> PacketScript:
    """Up to frame 8; the message is in the next one."""
    dialogue = PacketScript(25).server(b"220 mx\r\n").client(BEFORE[:8])
    dialogue.server(b"250-mx\r\n250 PIPELINING\r\n").client(BEFORE[8:])
    return dialogue.server(b"250 ok\r\n250 ok\r\n354 go\r\n")


def send(content: bytes, replies: bytes) -> PacketScript:
    dialogue = begin().client(content + b".\r\n").server(replies)
    return dialogue.client(b"QUIT\r\n").server(b"221 bye\r\n").close()


def test_server_falls_for_it() -> None:
    (finding,) = committed("smtp-smuggling", RULE)

    assert judgements([finding]) == PROVEN
    (evidence,) = finding["evidence"]
    assert (evidence["frame"], evidence["side"], evidence["offset"]) == (
        *(15, "client"),
        816,
    )
    assert evidence["seen"].endswith("; 4 more replies than asked")


@pytest.mark.parametrize("lookalike", LOOKALIKES)
def test_server_answers_more_often_than_it_was_asked(
    lookalike: bytes, tmp_path: Path
) -> None:
    dialogue = send(b"hi" + lookalike + HIDDEN, b"250 1\r\n250 a\r\n503 b\r\n")

    (finding,) = found(tmp_path, RULE, dialogue)

    assert judgements([finding]) == PROVEN
    assert finding["evidence"][0]["frame"] == 9
    assert finding["evidence"][0]["offset"] == len(BEFORE + b"hi")


@pytest.mark.parametrize("lookalike", LOOKALIKES)
def test_server_waits_for_the_true_end(lookalike: bytes, tmp_path: Path) -> None:
    dialogue = send(b"hi" + lookalike + HIDDEN, b"250 1\r\n")

    assert judgements(found(tmp_path, RULE, dialogue)) == POSSIBLE


def test_server_answers_before_the_true_end(tmp_path: Path) -> None:
    def answer(reply: bytes) -> PacketScript:
        return begin().client(b"hi\n.\n" + HIDDEN).server(reply)

    assert judgements(found(tmp_path, RULE, answer(b"250 1\r\n250 a\r\n"))) == PROVEN
    refused = answer(b"521 bare LF received\r\n").close()
    assert judgements(found(tmp_path, RULE, refused)) == POSSIBLE


@pytest.mark.parametrize("lookalike", [b"\r.\r", b"\r\n\0.\r\n"])
def test_server_takes_other_bytes_for_the_end(lookalike: bytes, tmp_path: Path) -> None:
    replies = b"250 1\r\n250 a\r\n250 b\r\n354 go\r\n250 2\r\n"

    dialogue = send(b"hi" + lookalike + HIDDEN, replies)

    assert judgements(found(tmp_path, RULE, dialogue)) == PROVEN
    assert not found(tmp_path, RULE, send(b"hi" + lookalike + HIDDEN, b"250 1\r\n"))


def test_message_quotes_a_dialogue(tmp_path: Path) -> None:
    quoted = b"They say:\r\n\r\nDATA\r\n\r\n..\r\n" + HIDDEN

    assert not found(tmp_path, RULE, send(quoted, b"250 1\r\n"))


def test_old_program_ends_its_message_in_bare_line_feeds(tmp_path: Path) -> None:
    dialogue = begin().client(b"hi\n.\n").server(b"250 1\r\n").client(b"QUIT\r\n")

    assert not found(tmp_path, RULE, dialogue.server(b"221 bye\r\n").close())


def test_server_closes_the_connection(tmp_path: Path) -> None:
    dialogue = send(b"hi\n.\n" + HIDDEN, b"250 1\r\n421 too long\r\n")

    assert judgements(found(tmp_path, RULE, dialogue)) == POSSIBLE


def test_answers_to_what_was_not_captured_prove_nothing(tmp_path: Path) -> None:
    dialogue = begin().client(b"hi\n.\n" + HIDDEN + b".\r\n").server(b"250 1\r\n")
    dialogue.lose(CLIENT, 6).client(b"").server(b"250 ok\r\n").lose(SERVER, 5)

    assert judgements(found(tmp_path, RULE, dialogue.close())) == POSSIBLE
