from __future__ import annotations

import subprocess

import pytest

from analyzer.dialogue.dialogue import rows_of
from analyzer.dialogue.display_filter import display_filter
from tests.support.analyses import CAPTURES, analysis_of

# in tunnels and tags, and two sessions between the same ports
NAMES = ["qinq", "ipip", "vxlan", "port-reuse", "smtp-ipv6"]


@pytest.mark.parametrize("name", NAMES)
def test_wireshark_finds_all_packets_of_a_session_and_no_others(name: str) -> None:
    sessions = analysis_of(name).tables["sessions"]
    for session_id in sessions["session_id"].to_pylist():
        [session] = rows_of(sessions, session_id)
        frames = subprocess.run(
            [
                *("tshark", "-n", "-r", str(CAPTURES[name])),
                *("-Y", display_filter(session), "-T", "fields", "-e", "frame.number"),
            ],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.split()

        packets = session["client_packets"] + session["server_packets"]
        assert len(frames) == packets
        assert int(frames[0]) == session["first_frame"]


def test_time_is_told_to_the_nanosecond() -> None:
    session = {
        "client_ip": "2001:db8::1",
        "client_port": 143,
        "server_ip": "2001:db8::2",
        "server_port": 143,
        "start": 1_000_000_001,
        "end": 20_000_000_000,
    }

    assert display_filter(session) == (
        "ipv6.addr == 2001:db8::1 && ipv6.addr == 2001:db8::2 && tcp.port == 143 && "
        "frame.time_epoch >= 1.000000001 && frame.time_epoch <= 20.000000000"
    )
