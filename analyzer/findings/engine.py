"""From what rules see to findings: one for each thing to mend.

Hits of a rule that are about the same client, server and account, or whatever the rule
is about, are one finding. If many clients of a server would have one each, the server
has it in their place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from analyzer.errors import LoadError
from analyzer.findings.columns import number
from analyzer.findings.facts import Facts
from analyzer.findings.levels import Confidence, Severity
from analyzer.findings.rule import SERVER
from analyzer.tables.builder import import_pandas
from analyzer.tables.schema.findings import FINDINGS
from analyzer.text import as_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from analyzer.findings.rule import Rule
    from analyzer.findings.settings import Settings
    from analyzer.tables.table import Columns

    Places = npt.NDArray[np.int64]

# more clients of a server than this are told as one
_CROWD = 20
_MAX_SESSIONS = 100
_MAX_EVIDENCE = 5
_MAX_SEEN = 200
_SEVERITIES = tuple(Severity)
_CONFIDENCES = tuple(Confidence)
_POSSIBLE = _CONFIDENCES.index(Confidence.POSSIBLE)
# all that a finding may be about
_ABOUT = ("client_ip", "server_ip", "server_port", "account", "kind")
_OF_HITS = ("account", "kind")


OnFailure = Callable[["Rule", Exception], None]


class Found(NamedTuple):
    """What is wrong, and where.

    Attributes:
        findings: the table `findings`: the worst first, then those with the most
            sessions.
        sessions: places in `sessions` of all that show a finding, by its ID.
    """

    findings: pa.Table
    sessions: dict[str, Places]


def _raise(_rule: Rule, error: Exception) -> None:
    raise error


def find(
    tables: Mapping[str, Columns],
    rules: Iterable[Rule],
    settings: Settings,
    on_failure: OnFailure = _raise,
) -> pa.Table:
    """Find what is wrong.

    Args:
        tables: of an analysis, by name.
        rules: what may be wrong.
        settings: what users set.
        on_failure: is told of a rule that failed, in place of what it would find.

    Returns:
        The table `findings`: the worst first, then those with the most sessions.

    Raises:
        LoadError: a column can't be read.
    """
    return search(tables, rules, settings, on_failure).findings


def search(
    tables: Mapping[str, Columns],
    rules: Iterable[Rule],
    settings: Settings,
    on_failure: OnFailure = _raise,
) -> Found:
    """Find what is wrong, and all sessions that show it; arguments as for `find`."""
    known = tuple(rules)
    # rules hand Series to pyarrow
    import_pandas()
    asked = [rule for rule in known if settings.of(rule.id).enabled]
    facts = facts_for(tables, known, settings)
    rows: list[dict[str, Any]] = []
    for rule in asked:
        try:
            rows += _findings(rule, facts, settings.of(rule.id).severity)
        except LoadError:
            # no rule's fault
            raise
        except Exception as error:  # noqa: BLE001, whoever wrote it
            on_failure(rule, error)
    rows.sort(key=_worst_first)
    sessions = {row["finding_id"]: row.pop("sessions") for row in rows}
    return Found(pa.Table.from_pylist(rows, schema=FINDINGS.arrow), sessions)


def facts_for(
    tables: Mapping[str, Columns], rules: Iterable[Rule], settings: Settings
) -> Facts:
    """Return what rules look at.

    Args:
        tables: of an analysis, by name.
        rules: all of them: those that are asked may build on what others look for.
        settings: what users set.
    """
    thresholds = {
        rule.id: {**rule.thresholds, **settings.of(rule.id).thresholds}
        for rule in rules
    }
    return Facts(tables, settings.own, thresholds)


def _worst_first(row: dict[str, Any]) -> tuple[int, int, str, str]:
    return (
        -Severity(row["severity"]).rank,
        -row["session_count"],
        row["rule"],
        row["finding_id"],
    )


def _findings(
    rule: Rule, facts: Facts, severity: Severity | None
) -> list[dict[str, Any]]:
    hits = rule.find(facts)
    if hits.empty:
        return []
    sessions = hits["session"].to_numpy(dtype=np.int64)
    ranks = _ranks(rule, facts, hits, severity)
    about = _about(rule, facts, hits)
    single = _number(about)
    about = _join_crowds(about, single)
    groups = _number(about)
    # of each client the worst, then of each the second, and so on
    turn = _turns(single, np.lexsort((sessions, -ranks, single)))
    order = np.lexsort((np.arange(len(hits)), sessions, -ranks, turn, groups))
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    return [
        {**_judged(rule, subject, int(rank)), **told, "evidence": evidence}
        for subject, rank, told, evidence in zip(
            _subjects(about, order[starts]),
            np.maximum.reduceat(ranks[order], starts),
            _told(facts, sessions[order], starts),
            _evidence(facts, hits, order, starts),
            strict=True,
        )
    ]


def _ranks(
    rule: Rule, facts: Facts, hits: pd.DataFrame, severity: Severity | None
) -> Places:
    """Rank hits by severity, and of the same severity by confidence."""
    severities = _rank(
        hits["severity"] if severity is None else pd.Series(severity, hits.index),
        rule.severity,
        _SEVERITIES,
    )
    confidences = _rank(hits["confidence"], rule.confidence, _CONFIDENCES)
    if rule.rests_on_absence:
        confidences[facts.has_gaps[hits["session"].to_numpy()]] = _POSSIBLE
    return severities * len(_CONFIDENCES) + confidences


def _rank(told: pd.Series[Any], usual: str, names: tuple[str, ...]) -> Places:
    places = {str(name): place for place, name in enumerate(names)}
    ranks = told.astype("object").map(places).fillna(places[str(usual)])
    return ranks.to_numpy().astype(np.int64)


@dataclass(slots=True)
class _Subject:
    """What hits are about, in one respect: a number for each value, -1 for none."""

    codes: Places
    values: pd.Index[Any]

    def values_of(self, hits: Places) -> list[Any]:
        """Return what some hits are about; `None` for nothing."""
        codes = self.codes[hits]
        if not len(self.values):
            return [None] * len(codes)
        values = self.values.take(np.maximum(codes, 0)).to_list()
        return [
            value if code >= 0 else None
            for value, code in zip(values, codes, strict=True)
        ]


def _about(rule: Rule, facts: Facts, hits: pd.DataFrame) -> dict[str, _Subject]:
    about = {}
    for name in (*rule.per, *(("kind",) if rule.kinds else ())):
        if name in _OF_HITS:
            codes, values = pd.factorize(hits[name].astype("object"))
            about[name] = _Subject(codes.astype(np.int64), pd.Index(values))
        else:
            codes, values = facts.codes(name)
            about[name] = _Subject(codes[hits["session"].to_numpy()], values)
    return about


def _subjects(about: dict[str, _Subject], hits: Places) -> list[dict[str, Any]]:
    """Return what findings are about, given a hit of each."""
    columns = [subject.values_of(hits) for subject in about.values()]
    return [dict(zip(about, each, strict=True)) for each in zip(*columns, strict=True)]


def _number(about: dict[str, _Subject]) -> Places:
    """Give the same number to hits that are about the same, from 1."""
    return number(*(subject.codes for subject in about.values()))


def _join_crowds(about: dict[str, _Subject], groups: Places) -> dict[str, _Subject]:
    """Tell of servers only, where many clients or accounts of one would be told."""
    servers = {name: about[name] for name in (*SERVER, "kind") if name in about}
    if not servers.keys() & set(SERVER) or len(servers) == len(about):
        return about
    numbers = _number(servers)
    pairs = np.unique(np.stack((numbers, groups)), axis=1)
    is_crowd = (np.bincount(pairs[0]) > _CROWD)[numbers]
    return {
        name: subject
        if name in servers
        else _Subject(np.where(is_crowd, -1, subject.codes), subject.values)
        for name, subject in about.items()
    }


def _turns(groups: Places, order: Places) -> Places:
    """Count the hits of each group from 0, in an order that is one of groups first."""
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    turns = np.empty(len(order), np.int64)
    turns[order] = _places(starts, len(order))
    return turns


def _told(facts: Facts, sessions: Places, starts: Places) -> list[dict[str, Any]]:
    """Tell of the sessions of each finding.

    Args:
        facts: the sessions.
        sessions: of the hits, those of a finding next to each other, in the order in
            which they are shown.
        starts: where the hits of each finding start.
    """
    findings = np.repeat(np.arange(len(starts)), _sizes(starts, len(sessions)))
    # each session of a finding once, where it comes first
    pairs = findings * len(facts.sessions) + sessions
    firsts = np.sort(np.unique(pairs, return_index=True)[1])
    sessions, findings = sessions[firsts], findings[firsts]
    starts = np.flatnonzero(np.diff(findings, prepend=-1))
    counts = _sizes(starts, len(sessions))
    is_named = _places(starts, len(sessions)) < _MAX_SESSIONS
    named = sessions[is_named]
    named = named[np.lexsort((named, findings[is_named]))]
    ids = iter(facts.sessions["session_id"].take(named).to_list())
    columns = (
        _services(facts, sessions, starts),
        np.minimum.reduceat(facts.values("start")[sessions], starts),
        np.maximum.reduceat(facts.values("end")[sessions], starts),
        counts,
        np.split(sessions, starts[1:]),
    )
    return [
        {
            "service": service,
            "first_seen": int(first_seen),
            "last_seen": int(last_seen),
            "session_count": int(count),
            "session_ids": list(islice(ids, min(int(count), _MAX_SESSIONS))),
            "sessions": places,
        }
        for service, first_seen, last_seen, count, places in zip(*columns, strict=True)
    ]


def _services(facts: Facts, sessions: Places, starts: Places) -> list[str | None]:
    """Return the service of each finding, if all its sessions are of the same one."""
    codes, names = facts.codes("service")
    lowest = np.minimum.reduceat(codes[sessions], starts)
    highest = np.maximum.reduceat(codes[sessions], starts)
    common = _Subject(np.where(lowest == highest, lowest, -1), names)
    return common.values_of(np.arange(len(starts)))


def _sizes(starts: Places, count: int) -> Places:
    """Return how long the parts of something are, given where they start."""
    return np.diff(np.append(starts, count))


def _places(starts: Places, count: int) -> Places:
    """Return the place of each item in its part, given where parts start."""
    places: Places = np.arange(count) - np.repeat(starts, _sizes(starts, count))
    return places


def _judged(rule: Rule, subject: dict[str, Any], rank: int) -> dict[str, Any]:
    """Tell what is wrong with a subject, and how badly: the rank of its worst hit."""
    severity, confidence = divmod(rank, len(_CONFIDENCES))
    said = rule.kinds[subject["kind"]] if rule.kinds else rule
    return {
        **dict.fromkeys(_ABOUT),
        **subject,
        "finding_id": _identify(rule, subject),
        "rule": rule.id,
        "severity": str(_SEVERITIES[severity]),
        "confidence": str(_CONFIDENCES[confidence]),
        "title": said.title,
        "mender": str(said.mender),
        "remedy": said.remedy,
    }


def _identify(rule: Rule, subject: dict[str, Any]) -> str:
    parts = [rule.id, *(f"{name}={subject[name]!r}" for name in sorted(subject))]
    return sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def _evidence(
    facts: Facts, hits: pd.DataFrame, order: Places, starts: Places
) -> list[list[dict[str, Any]]]:
    """Return where each finding can be seen.

    Args:
        facts: the sessions.
        hits: of all findings.
        order: of hits, those of a finding next to each other.
        starts: where those of each finding start.
    """
    shown = hits.take(order[_places(starts, len(order)) < _MAX_EVIDENCE])
    named = shown.assign(session_id=facts.of_session(shown, "session_id"))
    fields = [field.name for field in FINDINGS.arrow.field("evidence").type.value_type]
    rows = named[fields].astype("object")
    evidence = iter(rows.where(rows.notna(), None).to_numpy().tolist())
    return [
        [
            _safe(dict(zip(fields, row, strict=True)))
            for row in islice(evidence, min(int(size), _MAX_EVIDENCE))
        ]
        for size in _sizes(starts, len(order))
    ]


def _safe(told: dict[str, Any]) -> dict[str, Any]:
    if told["seen"] is not None:
        told["seen"] = as_line(str(told["seen"]))[:_MAX_SEEN]
    return told
