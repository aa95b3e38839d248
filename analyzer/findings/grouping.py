"""Which hits of a rule are one finding: those about the same client, server, account.

If many clients of a server would have a finding each, the server has it in their place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analyzer.findings.levels import Confidence, Severity
from analyzer.findings.rule import SERVER
from analyzer.tables.columns import as_arrow, number

if TYPE_CHECKING:
    import numpy.typing as npt

    from analyzer.findings.facts import Facts
    from analyzer.findings.rule import Rule

    Places = npt.NDArray[np.int64]

SEVERITIES = tuple(Severity)
CONFIDENCES = tuple(Confidence)
_POSSIBLE = CONFIDENCES.index(Confidence.POSSIBLE)
# more clients of a server than this are told as one
_CROWD = 20
_OF_HITS = ("account", "kind")


@dataclass(slots=True)
class Subject:
    """What hits or findings are about, in one respect.

    Attributes:
        codes: a number for each; -1 if it is about nothing.
        meanings: what the numbers mean.
    """

    codes: Places
    meanings: pa.Array

    def at(self, places: Places) -> Subject:
        """Return what some of them are about."""
        return Subject(self.codes[places], self.meanings)

    def column(self) -> pa.Array:
        """Return what each is about; null for nothing."""
        return self.meanings.take(pa.array(self.codes, mask=self.codes < 0))


@dataclass(slots=True)
class Groups:
    """The findings of a rule.

    Attributes:
        order: places of its hits, those of a finding next to each other, in the order
            in which they are shown.
        starts: where in that order the hits of each finding start.
        ranks: how severe and how sure each finding is: that of its worst hit.
        subjects: what findings are about, by name.
    """

    order: Places
    starts: Places
    ranks: Places
    subjects: dict[str, Subject]

    def __len__(self) -> int:
        return len(self.starts)


def group(
    rule: Rule,
    facts: Facts,
    hits: pd.DataFrame,
    severity: Severity | None,
    chosen: npt.NDArray[np.bool_] | None = None,
) -> Groups:
    """Group the hits of a rule.

    Args:
        rule: whose.
        facts: what it looked at.
        hits: what it saw, at least one.
        severity: of all of them, if users set it.
        chosen: a flag for each session. What is seen in others only decides what is one
            finding, and is left out then; `None` for all.
    """
    sessions = hits["session"].to_numpy(dtype=np.int64)
    ranks = _ranks(rule, facts, hits, severity)
    about = _about(rule, facts, hits)
    single = _number(about)
    about = _join_crowds(about, single)
    groups = _number(about)
    # of each client the worst, then of each the second, and so on
    turn = _turns(single, np.lexsort((sessions, -ranks, single)))
    order = np.lexsort((np.arange(len(hits)), sessions, -ranks, turn, groups))
    if chosen is not None:
        order = order[chosen[sessions[order]]]
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    return Groups(
        order,
        starts,
        np.maximum.reduceat(ranks[order], starts),
        {name: subject.at(order[starts]) for name, subject in about.items()},
    )


def sizes_of(starts: Places, count: int) -> Places:
    """Return how long the parts of something are, given where they start."""
    return np.diff(np.append(starts, count))


def places_in(starts: Places, count: int) -> Places:
    """Return the place of each item in its part, given where parts start."""
    places: Places = np.arange(count) - np.repeat(starts, sizes_of(starts, count))
    return places


def _ranks(
    rule: Rule, facts: Facts, hits: pd.DataFrame, severity: Severity | None
) -> Places:
    """Rank hits by severity, and of the same severity by confidence."""
    if severity is None:
        severities = _rank(hits["severity"], rule.severity, SEVERITIES)
    else:
        severities = np.full(len(hits), SEVERITIES.index(severity))
    confidences = _rank(hits["confidence"], rule.confidence, CONFIDENCES)
    if rule.rests_on_absence:
        confidences[facts.has_gaps[hits["session"].to_numpy()]] = _POSSIBLE
    return severities * len(CONFIDENCES) + confidences


def _rank(told: pd.Series[Any], usual: str, names: tuple[str, ...]) -> Places:
    places = {str(name): place for place, name in enumerate(names)}
    otherwise = places[str(usual)]
    codes, values = pd.factorize(told)
    # what is not told has the code -1
    ranks = [*(places.get(str(value), otherwise) for value in values), otherwise]
    return np.array(ranks, np.int64)[codes]


def _about(rule: Rule, facts: Facts, hits: pd.DataFrame) -> dict[str, Subject]:
    about = {}
    for name in (*rule.per, *(("kind",) if rule.kinds else ())):
        if name in _OF_HITS or (name == "client_ip" and hits[name].notna().any()):
            codes, values = pd.factorize(hits[name])
            texts = as_arrow(values).cast(pa.string())
            about[name] = Subject(codes.astype(np.int64), texts)
        else:
            codes, values = facts.codes(name)
            about[name] = Subject(codes[hits["session"].to_numpy()], as_arrow(values))
    return about


def _number(about: dict[str, Subject]) -> Places:
    """Give the same number to hits that are about the same, from 1."""
    return number(*(subject.codes for subject in about.values()))


def _join_crowds(about: dict[str, Subject], groups: Places) -> dict[str, Subject]:
    """Tell of servers only, where many clients or accounts of one would be told."""
    servers = {name: about[name] for name in (*SERVER, "kind") if name in about}
    if not servers.keys() & set(SERVER) or len(servers) == len(about):
        return about
    numbers = _number(servers)
    # a hit of each group, which is of one server
    _, firsts = np.unique(groups, return_index=True)
    is_crowd = (np.bincount(numbers[firsts]) > _CROWD)[numbers]
    return {
        name: subject
        if name in servers
        else Subject(np.where(is_crowd, -1, subject.codes), subject.meanings)
        for name, subject in about.items()
    }


def _turns(groups: Places, order: Places) -> Places:
    """Count the hits of each group from 0, in an order that is one of groups first."""
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    turns = np.empty(len(order), np.int64)
    turns[order] = places_in(starts, len(order))
    return turns
