from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from analyzer.runs.pipeline import find_sessions
from analyzer.runs.ports import mail_ports
from dissectors import registry
from tests.support.analyses import CAPTURES


@pytest.mark.parametrize(
    ("ports", "reason"),
    [
        ({0: "smtp"}, "0 is no number from 1 to 65535"),
        ({65_536: "smtp"}, "65536 is no number"),
        ({-1: "smtp"}, "-1 is no number"),
        ({"25": "smtp"}, "'25' is no number"),
        ({25.0: "smtp"}, "25.0 is no number"),
        ({25: "smtp", 110: "xmpp"}, "port 110 is said to be 'xmpp', not smtp, imap"),
        ({110: "POP3"}, "port 110 is said to be 'POP3'"),
        ({110: None}, "port 110 is said to be None"),
    ],
)
def test_caller_names_a_port_or_a_protocol_that_there_is_not(
    ports: Any, reason: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(f"ports: {reason}")):
        find_sessions(CAPTURES["pop3-apop"], ports=ports)


def test_caller_names_ports_as_numpy_counts_them() -> None:
    ports: Any = {np.uint16(110): "pop3", np.int64(65_535): "smtp", 1: "imap"}

    assert mail_ports(ports) == ports
    assert len(find_sessions(CAPTURES["pop3-apop"], ports=ports).sessions) == 1


def test_caller_who_names_no_ports_means_those_of_all_protocols() -> None:
    assert mail_ports(None) == registry.ports()


@pytest.mark.parametrize("processes", [0, -2])
def test_caller_asks_for_no_process_at_all(processes: int) -> None:
    with pytest.raises(ValueError, match=f"processes is {processes}, not at least 1"):
        find_sessions(CAPTURES["pop3-apop"], processes=processes)
