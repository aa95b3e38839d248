"""Which sessions are chosen: by conditions, by who logged in, by what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from analyzer.findings.settings import Settings
    from analyzer.selection.condition import Condition


@dataclass(frozen=True, slots=True)
class Selection:
    """Those sessions for which all of this holds; without any of it, all sessions.

    Attributes:
        conditions: over the columns of `sessions`.
        users: one of them logged in, or tried to, in upper or lower case.
        findings: IDs of rules or findings, one of which is shown there.
    """

    conditions: tuple[Condition, ...] = ()
    users: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything is asked for."""
        return bool(self.conditions or self.users or self.findings)

    @property
    def columns(self) -> frozenset[str]:
        """The columns of `sessions` that conditions look at."""
        return frozenset(name for each in self.conditions for name in each.columns)

    def of(
        self, tables: Mapping[str, pa.Table], settings: Settings | None = None
    ) -> pa.ChunkedArray:
        """Return for each row of `sessions` whether it is chosen.

        Args:
            tables: of an analysis, by name: `sessions`, with the columns that are
                looked at; `logins`, if users are asked for; all, if findings are.
            settings: by which rules judge.

        Raises:
            FindingChoiceError: there is no such finding.
        """
        import pyarrow as pa
        from pyarrow import compute

        sessions = tables["sessions"]
        chosen = pa.chunked_array([pa.repeat(True, len(sessions))])  # noqa: FBT003
        for condition in self.conditions:
            chosen = compute.and_(chosen, condition.of(sessions))
        for ids in self._ids(tables, settings):
            is_named = compute.is_in(sessions["session_id"], value_set=ids)
            chosen = compute.and_(chosen, is_named)
        return chosen

    def _ids(
        self, tables: Mapping[str, pa.Table], settings: Settings | None
    ) -> Iterator[pa.Array]:
        if self.users:
            yield _sessions_of(self.users, tables["logins"])
        if self.findings:
            from analyzer.findings.settings import Settings
            from analyzer.selection.showing import sessions_of_findings

            settings = settings or Settings()
            yield sessions_of_findings(self.findings, tables, settings)


def _sessions_of(users: tuple[str, ...], logins: pa.Table) -> pa.Array:
    import pyarrow as pa
    from pyarrow import compute

    wanted = pa.array([user.lower() for user in users])
    is_one = [
        compute.is_in(compute.utf8_lower(logins[name]), value_set=wanted)
        for name in ("user", "authzid")
    ]
    return logins["session_id"].filter(compute.or_(*is_one)).combine_chunks()


def where(condition: str) -> Selection:
    """Return the selection of the sessions for which a condition holds.

    Raises:
        ConditionError: it means nothing.
    """
    from analyzer.selection.condition import Condition
    from analyzer.tables.schema import SESSIONS

    return Selection((Condition(condition, SESSIONS),))
