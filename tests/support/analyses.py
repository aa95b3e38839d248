"""The committed captures, analysed once for all tests."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import analyzer

if TYPE_CHECKING:
    from analyzer import Analysis
    from analyzer.findings.judgement import Judgement
    from analyzer.tables.results import Results

DATA = Path(__file__).parents[1] / "data"
DEMO = Path(__file__).parents[2] / "analyzer" / "data" / "office.pcap"
CAPTURES = {path.stem: path for path in [*sorted(DATA.glob("*.pcap*")), DEMO]}


@functools.cache
def analysis_of(name: str) -> Analysis:
    """What is found in a committed capture."""
    return analyzer.analyze(CAPTURES[name])


@functools.cache
def analysis_of_all() -> Analysis:
    """What is found in all of them, read as one."""
    return analyzer.analyze(list(CAPTURES.values()))


def judgement_of(name: str) -> Judgement:
    """What is wrong in a committed capture."""
    return analysis_of(name)._judgement


def rows(analysis: Results, table: str = "sessions") -> list[dict[str, Any]]:
    """The rows of a table."""
    return list(analysis.tables[table].to_pylist())


def rows_of(name: str, table: str = "sessions") -> list[dict[str, Any]]:
    """The rows of a table of a committed capture."""
    return rows(analysis_of(name), table)
