"""The captures of `tests.bench.crowds`, with few connections and a small budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import analyzer
from captures import ConnectionTable
from captures.tcp import budget
from tests.bench.crowds import CROWDS, MANY, write

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Analysis

CONNECTIONS = 100
# as much for each as 65,536 of them have
BUDGET = budget.MAX_HELD_BYTES * CONNECTIONS // MANY

# zlib's windows, of which most of what some hold consists, are expected as they are
ROUGHLY = 1.05


def analyzed(
    name: str, connections: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Analysis, list[tuple[int, int]]]:
    """What so many of a crowd are found to be.

    And of each that is open at the end, how much it holds, and is thought to hold.
    """
    sizes: list[tuple[int, int]] = []
    close = ConnectionTable.close

    def measure(table: ConnectionTable) -> None:
        connections = table._connections.values()
        sizes.extend((each.held_bytes, each.growth_bytes) for each in connections)
        close(table)

    monkeypatch.setattr(ConnectionTable, "close", measure)
    crowd = CROWDS[name]
    write(crowd, path / "crowd.pcap", connections / crowd.connections)
    return analyzer.analyze(path / "crowd.pcap", processes=1), sizes


@pytest.mark.parametrize("name", CROWDS)
def test_crowd_holds_no_more_than_is_expected_of_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, sizes = analyzed(name, 4, tmp_path, monkeypatch)
    assert all(held <= ROUGHLY * guess for held, guess in sizes)


@pytest.mark.parametrize("name", CROWDS)
def test_crowd_stays_within_the_budget(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MAX_HELD_BYTES", BUDGET)

    analysis, sizes = analyzed(name, CONNECTIONS, tmp_path, monkeypatch)

    assert sum(held for held, _ in sizes) <= BUDGET
    codes = {code for each in analysis.sessions["anomalies"] for code in each}
    assert "dissector_bug" not in codes
    assert not analysis.problems
