"""What the page's script is given: sessions in columns, and what belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from analyzer.findings.levels import Severity
from analyzer.html.blob import Blob
from analyzer.html.session_columns import (
    COLUMNS,
    numbers_of,
    session_facts,
)
from analyzer.reports import step_times, worries
from analyzer.reports.listing import MOST_WORRIES
from analyzer.tables.columns import as_arrow, whole
from analyzer.terminal.weaknesses import weakness_label
from analyzer.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from analyzer.findings.judgement import Judgement
    from analyzer.tables.results import Results

    Places = npt.NDArray[np.int64]

MAX_SESSIONS = 200_000
"""More make a page that is slow to open; the most worrying ones are kept."""
MAX_MESSAGES = 50_000
MAX_ANSWERS = 2_000_000
_SEVERITIES = tuple(severity.value for severity in Severity)


class PageSessions:
    """The sessions that the page has, and where they are among all.

    Args:
        analysis: what the page is about.
        judgement: what is wrong.
        names: what captures are called.

    Attributes:
        facts: a row for each of them, in the order of time, with all columns.
        kept: their places among all.
        left_out: how many there are besides.
    """

    def __init__(
        self, analysis: Results, judgement: Judgement, names: Mapping[str, str]
    ) -> None:
        self._analysis = analysis
        findings = judgement.findings
        self._ranks = [Severity(name).rank for name in findings["severity"].to_pylist()]
        self._shown = [
            judgement.sessions[each] for each in findings["finding_id"].to_pylist()
        ]
        count = len(analysis.sessions)
        worst = np.full(count, -1)
        for places, rank in zip(self._shown, self._ranks, strict=True):
            worst[places] = np.maximum(worst[places], rank)
        worry = worries(analysis.sessions).to_numpy() + (worst + 1) * (MOST_WORRIES + 1)
        kept = self.kept = np.sort(np.argsort(-worry, kind="stable")[:MAX_SESSIONS])
        self.left_out = count - len(kept)
        self._place = np.full(count + 1, -1)
        self._place[kept] = np.arange(len(kept))
        is_whole = len(kept) == count
        sessions = analysis.sessions if is_whole else analysis.sessions.iloc[kept]
        self.facts = session_facts(sessions, names)
        names_of_ranks = np.array([*_SEVERITIES, None], dtype="object")
        self.facts = self.facts.assign(
            severity=names_of_ranks[worst[kept]], worry=worry[kept]
        )

    def place(self, rows: pa.Table) -> Places:
        """Return the place of the session of each row; -1 where it is left out."""
        known = self._analysis.tables["sessions"]["session_id"]
        places = compute.index_in(rows["session_id"], whole(known))
        places = compute.fill_null(places, -1).to_numpy()
        placed: Places = self._place[places]
        return placed

    def add_to(self, blob: Blob, findings: pa.Table) -> None:
        """Add all columns, and which findings each session shows."""
        blob.table("sessions")
        blob.numbers("worry", self.facts["worry"].to_numpy().astype("uint16"))
        for column in COLUMNS:
            values = self.facts[column.name]
            if column.kind == "lists":
                blob.lists(column.name, as_arrow(values))
            elif column.is_number:
                blob.numbers(column.name, numbers_of(column, values))
            else:
                blob.texts(column.name, as_arrow(values))
        sizes = [len(places) for places in self._shown]
        shown = np.concatenate([np.empty(0, np.int64), *self._shown])
        places = self._place[shown]
        of_findings = np.repeat(np.arange(1, len(sizes) + 1), sizes)
        ids = findings["finding_id"].to_pylist()
        self._add_lists(blob, "finding", places, of_findings, [None, *ids])
        of_ranks = np.repeat(np.array(self._ranks, np.int64) + 1, sizes)
        self._add_lists(blob, "severities", places, of_ranks, [None, *_SEVERITIES])
        problems, titles = pd.factorize(np.array(findings["title"].to_pylist()))
        of_problems = np.repeat(problems + 1, sizes)
        self._add_lists(blob, "problem", places, of_problems, [None, *map(str, titles)])

    def add_answers(self, blob: Blob) -> None:
        """Add how long each step of each session took."""
        steps, names, seconds, sessions = _answers(self._analysis)
        order = self._add_lists(
            blob, "step", self._place[sessions], steps, [None, *names]
        )
        blob.table("answers")
        blob.numbers("seconds", seconds[order].astype("float32"))

    def _add_lists(
        self,
        blob: Blob,
        name: str,
        places: Places,
        codes: Places,
        values: list[str | None],
    ) -> Places:
        """Add a list for each session, given the session of each item.

        Returns:
            Which items are in them, in their order.
        """
        order = np.argsort(places, kind="stable")
        order = order[places[order] >= 0]
        lengths = np.bincount(places[order], minlength=len(self.facts))
        blob.coded_lists(name, lengths, codes[order], values)
        return order


def main_data(
    analysis: Results, judgement: Judgement, sessions: PageSessions, model: Any
) -> str:
    """Return what is needed at once.

    Args:
        analysis: what the page is about.
        judgement: what is wrong.
        sessions: those of the page.
        model: what else the script is told.
    """
    blob = Blob(model)
    sessions.add_to(blob, judgement.findings)
    sessions.add_answers(blob)
    _add_messages(blob, analysis, sessions)
    return blob.encode()


def labels(facts: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Return what values are called, by column, where that is not their name."""
    known = {column.name: {**column.labels} for column in COLUMNS if column.labels}
    weaknesses = facts["weaknesses"].dropna().explode().dropna().unique()
    known["weaknesses"] = {
        escape_controls(each): escape_controls(weakness_label(each))
        for each in weaknesses
    }
    return known


def _answers(
    analysis: Results,
) -> tuple[Places, list[str], npt.NDArray[np.float64], Places]:
    """Return which step each answer is to, from 1; their names, times and sessions."""
    times = step_times(analysis.exchanges, analysis.sessions)
    times = times[times["latency_s"].notna()].iloc[:MAX_ANSWERS]
    known = as_arrow(analysis.sessions["session_id"])
    places = compute.index_in(as_arrow(times["session_id"]), known).to_numpy()
    protocols, protocol_names = pd.factorize(analysis.sessions["protocol"])
    steps, step_names = pd.factorize(times["step"])
    codes, pairs = pd.factorize(protocols[places] * len(step_names) + steps)
    names = [
        f"{str(protocol_names[pair // len(step_names)]).upper()} "
        f"{step_names[pair % len(step_names)]}"
        for pair in pairs.tolist()
    ]
    seconds = times["latency_s"].to_numpy(dtype="float64")
    return codes + 1, names, seconds, places


def _add_messages(blob: Blob, analysis: Results, sessions: PageSessions) -> None:
    """Add the messages of the sessions of the page."""
    rows = analysis.tables["messages"]
    places = sessions.place(rows)
    kept = np.flatnonzero(places >= 0)[:MAX_MESSAGES]
    rows = rows.take(kept)
    blob.table("messages")
    blob.numbers("session", places[kept].astype("uint32"))
    times = whole(rows["time"]).cast(pa.int64())
    blob.numbers("time", times.to_numpy(zero_copy_only=False) / 1_000_000)
    for name in ("direction", "from", "subject", "outcome"):
        blob.texts(name, rows[name])
    blob.texts("to", pa.array(map(_joined, rows["to"].to_pylist()), pa.string()))
    blob.texts(
        "attachments",
        pa.array(map(_attachments, rows["attachments"].to_pylist()), pa.string()),
    )
    sizes = rows["size_bytes"].to_numpy().astype("float64")
    blob.numbers("size_bytes", sizes)


def _joined(texts: list[str] | None) -> str | None:
    return ", ".join(texts) if texts else None


def _attachments(attachments: list[dict[str, Any]] | None) -> str | None:
    names = [each["name"] or each["type"] or "?" for each in attachments or ()]
    return _joined(names)
