"""A session is the same whatever its packets were in when they were captured."""

from __future__ import annotations

from pathlib import Path

import pytest

import analyzer
from analyzer import Analysis
from tests.support.captures import Packet, pcap, read
from tests.support.encapsulations import LINKS, TAGS, TUNNELS, Wrap

DATA = Path(__file__).parents[1] / "data"
CAPTURE = DATA / "smtp-attachments.pcap"
WRAPPED: dict[str, tuple[int, Wrap]] = {
    **{name: (1, wrap) for name, wrap in {**TUNNELS, **TAGS}.items()},
    **{f"{name} capture": each for name, each in LINKS.items()},
}
# of the capture, not of what is in it
ABOUT_CAPTURE = {"capture", "vlan"}


@pytest.fixture(scope="module")
def plain() -> Analysis:
    return analyzer.analyze(CAPTURE, processes=1)


def wrapped(packet: Packet, link_type: int, wrap: Wrap) -> Packet:
    """A packet without its Ethernet header, in something else."""
    data = wrap(packet.data[14:])
    return packet._replace(data=data, wire_length=len(data), link_type=link_type)


@pytest.mark.parametrize("name", WRAPPED)
def test_tables_are_those_of_the_packets_inside(
    name: str, plain: Analysis, tmp_path: Path
) -> None:
    link_type, wrap = WRAPPED[name]
    path = tmp_path / "a.pcap"
    packets = [wrapped(each, link_type, wrap) for each in read(CAPTURE)]
    path.write_bytes(pcap(packets, network=link_type))

    found = analyzer.analyze(path, processes=1)

    assert not found.undecoded
    assert not found.problems
    for table, rows in plain.tables.items():
        columns = [each for each in rows.column_names if each not in ABOUT_CAPTURE]
        assert found.tables[table].select(columns).equals(rows.select(columns))
    assert len(found.sessions) == 1
