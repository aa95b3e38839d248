from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from captures import (
    CaptureError,
    Decoder,
    PacketBatch,
    ReadEngine,
    open_capture,
    open_captures,
)
from captures.wireshark import WiresharkReader, _explain, _parse_time
from tests.support.analyses import CAPTURES, DEMO
from tests.support.captures import START_NS, Packet, packets, pcap, pcapng, unpack
from tests.support.packets import ethernet, ipv4, ipv6, tcp

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY = packets(100)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "capture"


def read_with(engine: str, *paths: Path) -> tuple[list[Packet], list[int]]:
    """Packets and their numbers."""
    with open_captures(paths, engine=ReadEngine(engine)) as merged:
        batches = list(merged)
    assert merged.problems == []
    return (
        [each for batch in batches for each in unpack(batch)],
        [number for batch in batches for number in batch.frame.tolist()],
    )


def link_packet(data: bytes, link_type: int) -> bytes:
    return pcap([Packet(START_NS, data, len(data))], network=link_type)


# -- the same as mailtap's own readers --


def test_all_captures_are_read_as_mailtap_reads_them(path: Path) -> None:
    # one process of tshark for all of them, as it takes long to start
    subprocess.run(
        ["mergecap", "-a", "-F", "nsecpcap", "-w", path, *CAPTURES.values()],
        check=True,
    )
    found, numbers = read_with("pyshark", path)
    assert found == read_with("fast", path)[0]
    assert numbers == list(range(1, len(found) + 1))


@pytest.mark.parametrize("name", sorted(CAPTURES)[::9])
def test_capture_is_read_as_mailtap_reads_it(name: str) -> None:
    capture = CAPTURES[name]
    assert read_with("pyshark", capture) == read_with("fast", capture)
