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


@functools.cache
def decrypted(name: str) -> Analysis:
    """What is found in a committed capture with its TLS secrets, if it has any."""
    key_log = key_log_of(name)
    if key_log is None:
        return analysis_of(name)
    return analyzer.analyze(CAPTURES[name], key_log=key_log)


def key_log_of(name: str) -> Path | None:
    """The TLS secrets of a committed capture."""
    path = DATA / f"{name}.keys"
    return path if path.exists() else None


def judgement_of(name: str) -> Judgement:
    """What is wrong in a committed capture."""
    return analysis_of(name)._judgement


def judgement_of_all() -> Judgement:
    """What is wrong in all of them, read as one."""
    return analysis_of_all()._judgement


def rows(analysis: Results, table: str = "sessions") -> list[dict[str, Any]]:
    """The rows of a table."""
    return list(analysis.tables[table].to_pylist())


def rows_of(name: str, table: str = "sessions") -> list[dict[str, Any]]:
    """The rows of a table of a committed capture."""
    return rows(analysis_of(name), table)
