"""The dialogues that the page shows of single sessions: of the most worrying ones."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from pyarrow import compute

from analyzer.dialogue.dialogue import dialogue_of_rows
from analyzer.html.blob import Blob
from analyzer.tables.table import as_rows
from analyzer.text import as_line, shorten

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from analyzer.dialogue.dialogue import Dialogue
    from analyzer.html.data import PageSessions
    from analyzer.tables.results import Results

MAX_EXCHANGES = 20_000
"""Of all dialogues together; `mailtap show` has all others."""
MAX_STEPS = 400
_LONGEST_TEXT = 500
_DETAILS = ("exchanges", "messages", "anomalies")


def dialogue_data(analysis: Results, sessions: PageSessions) -> str:
    """Return the dialogues, by session, for the page's script.

    Args:
        analysis: what the page is about.
        sessions: those of the page.
    """
    table = analysis.tables["sessions"]
    chosen = _most_worrying(analysis, sessions)
    details = {
        name: _by_session(analysis.tables[name], table["session_id"].take(chosen))
        for name in _DETAILS
    }
    dialogues = {}
    for row in as_rows(table.take(chosen)):
        exchanges, messages, anomalies = (
            details[name][row["session_id"]] for name in _DETAILS
        )
        dialogue = dialogue_of_rows(
            row, exchanges, messages, anomalies, limit=MAX_STEPS
        )
        dialogues[row["session_id"]] = _told(dialogue)
    return Blob({"dialogues": dialogues}).encode()


def _most_worrying(analysis: Results, sessions: PageSessions) -> npt.NDArray[np.int64]:
    """Return the places, among all sessions, of those whose dialogue is told."""
    exchanges = analysis.tables["exchanges"]
    places = sessions.place(exchanges)
    counts = np.bincount(places[places >= 0], minlength=len(sessions.facts))
    order = np.argsort(-sessions.facts["worry"].to_numpy(), kind="stable")
    # even without exchanges, a session has its beginning and its end
    return sessions.kept[order[np.cumsum(counts[order] + 2) <= MAX_EXCHANGES]]


def _by_session(table: pa.Table, session_ids: pa.Array) -> dict[str, list[Any]]:
    """Return the rows of some sessions, by session, times in nanoseconds."""
    is_wanted = compute.is_in(table["session_id"], value_set=session_ids)
    found: dict[str, list[Any]] = defaultdict(list)
    for row in as_rows(table.filter(is_wanted)):
        found[row["session_id"]].append(row)
    return found


def _told(dialogue: Dialogue) -> dict[str, Any]:
    """Return the steps of a dialogue as short lists, and how many are left out."""
    return {
        "steps": [
            [
                _rounded(dialogue.since_start(step)),
                step.kind.value,
                step.side,
                shorten(as_line(step.text), _LONGEST_TEXT),
                _rounded(step.latency_s),
                step.frame,
            ]
            for step in dialogue.steps
        ],
        "left_out": dialogue.left_out,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
