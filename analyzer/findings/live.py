"""Raises findings while sessions are still coming, each of them once.

Rules look at the sessions of the last while, of which no more are kept than a limit: so
neither memory nor the time that they take grows with the time for which is watched.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import compute

from analyzer.findings.engine import find
from analyzer.findings.judgement import describe_failure
from analyzer.findings.levels import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analyzer.findings.rule import Rule
    from analyzer.findings.settings import Settings

_WINDOW_NS = 3600 * 10**9
_MAX_SESSIONS = 10_000
# rows of any other table
_MAX_DETAILS = 100_000
# by so much more than is kept, before some are let go of
_SLACK = 1.25
_MAX_RAISED = 100_000
# rules may take this part of the time
_SHARE_OF_TIME = 0.1


class LiveFindings:
    """Finds what is wrong in the sessions of the last hour.

    Args:
        rules: what may be wrong.
        settings: what users set.

    Attributes:
        failures: rules that failed, each once, in words; the caller may clear it.
    """

    def __init__(self, rules: Iterable[Rule], settings: Settings) -> None:
        self._rules = tuple(rules)
        self._settings = settings
        self._window: dict[str, pa.Table] = {}
        # by ID: how severe they were
        self._raised: OrderedDict[str, int] = OrderedDict()
        self._next_s = 0.0
        self.failures: list[str] = []
        self._failed: set[str] = set()

    def take(
        self,
        closed: Mapping[str, pa.Table],
        recent: Mapping[str, pa.Table],
        *,
        is_last: bool = False,
    ) -> list[dict[str, Any]]:
        """Take rows; return the findings that are new, or worse than before.

        Args:
            closed: rows that stay as they are, by table.
            recent: rows of sessions that may still change: they will come again.
            is_last: nothing more comes, so that nothing can wait.

        Returns:
            Rows of `findings`, the worst first; none if rules took long the last time,
            until they may take time again.
        """
        for name, table in closed.items():
            known = self._window.get(name)
            self._window[name] = (
                table if known is None else pa.concat_tables([known, table])
            )
        self._forget()
        began = time.monotonic()
        if began < self._next_s and not is_last:
            return []
        tables = {
            name: pa.concat_tables([table, recent[name]])
            for name, table in self._window.items()
        }
        findings = find(tables, self._rules, self._settings, self._note_failure)
        now = time.monotonic()
        self._next_s = now + (now - began) / _SHARE_OF_TIME
        return [row for row in findings.to_pylist() if self._is_new(row)]

    def _note_failure(self, rule: Rule, error: Exception) -> None:
        if rule.id not in self._failed:
            self._failed.add(rule.id)
            self.failures.append(describe_failure(rule, error))

    def _is_new(self, row: Mapping[str, Any]) -> bool:
        severity = Severity(row["severity"]).rank
        name = row["finding_id"]
        before = self._raised.get(name, -1)
        self._raised[name] = max(severity, before)
        self._raised.move_to_end(name)
        while len(self._raised) > _MAX_RAISED:
            self._raised.popitem(last=False)
        return severity > before

    def _forget(self) -> None:
        """Let go of old sessions, and of what belongs to them."""
        sessions = self._window["sessions"]
        ends = sessions["end"].cast(pa.int64())
        last = compute.max(ends).as_py()
        if last is None:
            return
        is_kept = compute.greater_equal(ends, last - _WINDOW_NS)
        is_late = not compute.all(is_kept).as_py()
        if is_late or len(sessions) > _MAX_SESSIONS * _SLACK:
            sessions = sessions.filter(is_kept)
            sessions = sessions.slice(max(0, len(sessions) - _MAX_SESSIONS))
            self._window["sessions"] = sessions.combine_chunks()
        for name, table in self._window.items():
            if len(table) > _MAX_DETAILS * _SLACK:
                rest = table.slice(len(table) - _MAX_DETAILS)
                self._window[name] = rest.combine_chunks()
