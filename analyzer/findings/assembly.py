"""The table of findings, made of what rules saw: columns, whatever their number."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import compute

from analyzer.findings.grouping import (
    CONFIDENCES,
    SEVERITIES,
    Subject,
    places_in,
    sizes_of,
)
from analyzer.tables.columns import as_arrow
from analyzer.tables.schema.findings import EVIDENCE, FINDINGS
from analyzer.text import as_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt
    import pandas as pd

    from analyzer.findings.facts import Facts
    from analyzer.findings.grouping import Groups, Places
    from analyzer.findings.rule import Kind, Rule

_MAX_SESSIONS = 100
_MAX_EVIDENCE = 5
_MAX_SEEN = 200
_ID_BYTES = 8
# of which Python's repr is the text in quotes
_PLAIN = r"^[ -&(-\[\]-~]*$"
_PRINTABLE = r"^[ -~]*$"


class Batch(NamedTuple):
    """The findings of a rule.

    Attributes:
        columns: of the table `findings`; where few texts come often, each is there
            once.
        ids: of findings, as numbers.
        ranks: of their severities.
        sessions: the places of all sessions that show them, those of a finding next to
            each other.
        counts: how many sessions show each finding.
    """

    columns: dict[str, pa.Array]
    ids: npt.NDArray[np.uint64]
    ranks: Places
    sessions: Places
    counts: Places


class ShownBy(Mapping[str, "Places"]):
    """Places in `sessions` of all that show a finding, by its ID."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._ids = [batch.columns["finding_id"] for batch in batches]
        self._sessions = _joined(batch.sessions for batch in batches)
        counts = _joined(batch.counts for batch in batches)
        self._ends = np.cumsum(counts)
        self._starts = self._ends - counts

    def __getitem__(self, finding_id: str) -> Places:
        place = self._places[finding_id]
        places: Places = self._sessions[self._starts[place] : self._ends[place]]
        return places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._starts)

    @cached_property
    def _places(self) -> dict[str, int]:
        names = (name for ids in self._ids for name in ids.to_pylist())
        return {name: place for place, name in enumerate(names)}


def assemble(rule: Rule, facts: Facts, hits: pd.DataFrame, groups: Groups) -> Batch:
    """Make findings of groups of hits."""
    severities, confidences = np.divmod(groups.ranks, len(CONFIDENCES))
    subjects = {name: each.column() for name, each in groups.subjects.items()}
    ids = _identify(rule, subjects, len(groups))
    sessions, starts = _sessions(facts, hits, groups)
    counts = sizes_of(starts, len(sessions))
    nothing = pa.nulls(len(groups))
    columns = {
        **dict.fromkeys(FINDINGS.arrow.names, nothing),
        **subjects,
        "finding_id": pa.array([each.hex() for each in ids], pa.string()),
        "rule": _named(np.zeros(len(groups), np.int64), [rule.id]),
        "severity": _named(severities, SEVERITIES),
        "confidence": _named(confidences, CONFIDENCES),
        **_said(rule, groups),
        "service": _service(facts, sessions, starts),
        "first_seen": np.minimum.reduceat(facts.values("start")[sessions], starts),
        "last_seen": np.maximum.reduceat(facts.values("end")[sessions], starts),
        "session_count": counts,
        "session_ids": _session_ids(facts, sessions, starts),
        "evidence": _evidence(facts, hits, groups),
    }
    numbers = np.frombuffer(b"".join(ids), f">u{_ID_BYTES}").astype(np.uint64)
    arrays = {name: as_arrow(column) for name, column in columns.items()}
    return Batch(arrays, numbers, severities, sessions, counts)


def put_together(batches: Sequence[Batch]) -> pa.Table:
    """Make one table of findings: the worst first, then those with most sessions.

    A column after the other, so that no more than one is there twice.

    Args:
        batches: of rules; their columns are taken out.
    """
    rules = [batch.columns["rule"] for batch in batches]
    names = sorted({each.dictionary[0].as_py() for each in rules})
    places = [names.index(each.dictionary[0].as_py()) for each in rules]
    order = np.lexsort(
        (
            _joined(batch.ids for batch in batches),
            np.repeat(places, [len(each) for each in rules]),
            -_joined(batch.counts for batch in batches),
            -_joined(batch.ranks for batch in batches),
        )
    )
    columns = []
    for column in FINDINGS.arrow:
        parts = [batch.columns.pop(column.name) for batch in batches]
        columns.append(_ordered(parts, column.type, order))
    return pa.Table.from_arrays(columns, schema=FINDINGS.arrow)


def _ordered(parts: Sequence[pa.Array], kind: pa.DataType, order: Places) -> Any:
    if all(pa.types.is_dictionary(part.type) for part in parts) and parts:
        # texts that come often are copied only once
        coded = pa.chunked_array(parts).unify_dictionaries()
        return coded.take(pa.array(order)).cast(kind)
    nothing = pa.array([], kind)
    whole = pa.concat_arrays([nothing, *(part.cast(kind) for part in parts)])
    return whole.take(pa.array(order))


def _joined(parts: Iterable[Any]) -> Any:
    return np.concatenate([np.empty(0, np.int64), *parts])


def _named(codes: Places, names: Sequence[str]) -> pa.Array:
    """Return the names for some numbers, each of which is there once."""
    texts = pa.array([str(name) for name in names], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), texts)


def _said(rule: Rule, groups: Groups) -> dict[str, pa.Array]:
    """Say what is wrong, who can mend it and how."""
    said: list[Rule | Kind] = [rule]
    codes = np.zeros(len(groups), np.int64)
    if rule.kinds:
        kinds = groups.subjects["kind"]
        codes = kinds.codes
        if (codes < 0).any():
            raise ValueError("a hit tells no kind")
        said = [rule.kinds[name] for name in kinds.meanings.to_pylist()]
    return {
        "title": _named(codes, [each.title for each in said]),
        "mender": _named(codes, [each.mender for each in said]),
        "remedy": _named(codes, [each.remedy for each in said]),
    }


def _sessions(
    facts: Facts, hits: pd.DataFrame, groups: Groups
) -> tuple[Places, Places]:
    """Return the sessions of each finding, and where those of each start."""
    sessions = hits["session"].to_numpy(dtype=np.int64)[groups.order]
    sizes = sizes_of(groups.starts, len(sessions))
    findings = np.repeat(np.arange(len(groups)), sizes)
    # each session of a finding once, where it comes first
    pairs = findings * len(facts.sessions) + sessions
    firsts = np.sort(np.unique(pairs, return_index=True)[1])
    return sessions[firsts], np.flatnonzero(np.diff(findings[firsts], prepend=-1))


def _session_ids(facts: Facts, sessions: Places, starts: Places) -> pa.Array:
    sizes = sizes_of(starts, len(sessions))
    findings = np.repeat(np.arange(len(starts)), sizes)
    is_named = places_in(starts, len(sessions)) < _MAX_SESSIONS
    named = sessions[is_named]
    named = named[np.lexsort((named, findings[is_named]))]
    ids = as_arrow(facts.sessions["session_id"].take(named))
    return _lists(ids, np.minimum(sizes, _MAX_SESSIONS))


def _service(facts: Facts, sessions: Places, starts: Places) -> pa.Array:
    """Return the service of each finding, if all its sessions are of the same one."""
    codes, names = facts.codes("service")
    lowest = np.minimum.reduceat(codes[sessions], starts)
    highest = np.maximum.reduceat(codes[sessions], starts)
    common = np.where(lowest == highest, lowest, -1)
    return Subject(common, as_arrow(names)).column()


def _identify(rule: Rule, subjects: Mapping[str, pa.Array], count: int) -> list[bytes]:
    """Return what is the same for findings of a rule about the same."""
    lines = [_described(name, subjects[name]) for name in sorted(subjects)]
    texts = compute.binary_join_element_wise(
        pa.repeat(rule.id, count), *lines, "\n"
    ).cast(pa.binary())
    return [sha256(text).digest()[:_ID_BYTES] for text in texts.to_pylist()]


def _described(name: str, values: pa.Array) -> pa.Array:
    """Write `name=value` as Python does, however many there are."""
    if pa.types.is_string(values.type):
        plain = compute.match_substring_regex(values, _PLAIN)
        if compute.all(plain, min_count=0).as_py():
            lines = compute.binary_join_element_wise(f"{name}='", values, "'", "")
            return lines.fill_null(f"{name}=None")
    lines = [f"{name}={value!r}" for value in values.to_pylist()]
    return pa.array(lines, pa.string())


def _evidence(facts: Facts, hits: pd.DataFrame, groups: Groups) -> pa.Array:
    """Return where each finding can be seen."""
    count = len(groups.order)
    shown = hits.take(groups.order[places_in(groups.starts, count) < _MAX_EVIDENCE])
    told = {**shown, "session_id": facts.of_session(shown, "session_id")}
    columns = []
    for field in EVIDENCE:
        column = as_arrow(told[field.name]).cast(field.type)
        columns.append(_safe(column) if field.name == "seen" else column)
    rows = pa.StructArray.from_arrays(columns, fields=list(EVIDENCE))
    return _lists(rows, np.minimum(sizes_of(groups.starts, count), _MAX_EVIDENCE))


def _safe(seen: pa.Array) -> pa.Array:
    """Make texts short, and harmless for a terminal."""
    is_plain = compute.match_substring_regex(seen, _PRINTABLE)
    if not compute.all(is_plain, min_count=0).as_py():
        coded = seen.dictionary_encode()
        texts = [as_line(text) for text in coded.dictionary.to_pylist()]
        seen = pa.array(texts, pa.string()).take(coded.indices)
    return compute.utf8_slice_codeunits(seen, 0, _MAX_SEEN)


def _lists(items: pa.Array, sizes: Places) -> pa.Array:
    """Put so many items after each other into lists."""
    ends = np.cumsum(np.insert(sizes, 0, 0)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), items)
