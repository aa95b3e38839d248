"""The captures of `tests.bench.crowds`, with few connections and a small budget."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

import analyzer
from captures import ConnectionTable
from captures.tcp import budget
from tests.bench.crowds import CROWDS, MANY, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONNECTIONS = 100
# as much for each as 65,536 of them have
BUDGET = budget.MAX_HELD_BYTES * CONNECTIONS // MANY


@pytest.fixture(autouse=True)
def frozen_heap() -> Iterator[None]:
    """Leave what was there before out of the search for reference cycles."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("name", CROWDS)
def test_crowd_stays_within_the_budget(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    close = ConnectionTable.close

    def measure(table: ConnectionTable) -> None:
        held.extend(each.held_bytes for each in table._connections.values())
        close(table)

    monkeypatch.setattr(budget, "MAX_HELD_BYTES", BUDGET)
    monkeypatch.setattr(ConnectionTable, "close", measure)
    crowd, path = CROWDS[name], tmp_path / "crowd.pcap"
    write(crowd, path, CONNECTIONS / crowd.connections)

    analysis = analyzer.analyze(path, processes=1)

    assert sum(held) <= BUDGET
    codes = {code for each in analysis.sessions["anomalies"] for code in each}
    assert "dissector_bug" not in codes
    assert not analysis.problems
