"""No sentence contradicts the figures, whatever is in the tables."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import hypothesis
import pyarrow as pa
from hypothesis import strategies as st
from rich.console import Console

import analyzer
from analyzer import reports
from analyzer.findings.attacks import attacks
from analyzer.html.sentences import verdict
from analyzer.html.tables import TABLES, fill
from analyzer.reports.channel import ENCRYPTED
from analyzer.sessions.failures import Failure, failure_label
from analyzer.sessions.protection import VERDICTS
from analyzer.terminal.plaintext import print_plaintext
from analyzer.terminal.session_line import describe
from analyzer.terminal.summary import print_summary
from tests.support.tables import sessions_of, with_sessions

if TYPE_CHECKING:
    import pandas as pd

ROWS = st.fixed_dictionaries(
    {
        "protection": st.sampled_from([*VERDICTS, None]),
        "role": st.sampled_from(["access", "submission", "relay"]),
        "client_ip": st.sampled_from(["192.0.2.1", "192.0.2.2"]),
        "tls_mode": st.sampled_from(["none", "starttls", "implicit", None]),
        "tls_version": st.sampled_from(["TLSv1.0", "TLSv1.3", None]),
        "tls_established": st.sampled_from([True, False, None]),
        "ended": st.sampled_from(["closed", "refused", "unanswered", "open"]),
        "client_bytes": st.sampled_from([0, 9]),
        "auth_user": st.sampled_from(["tom", "TOM", "zoe", None]),
        "auth_result": st.sampled_from(["success", "failure", "unknown", None]),
        "auth_failures": st.integers(0, 2),
        "failure": st.sampled_from([*Failure, None]),
        "failure_temporary": st.sampled_from([True, False, None]),
    }
)
SHOWN = st.sampled_from([None, "nothing", "offline", "token", "password"])


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Sessions that agree with themselves as far as the schema says so."""
    rows = draw(st.lists(ROWS, max_size=5))
    for row in rows:
        shown = row["auth_exposure"] = draw(SHOWN)
        row["credentials_exposed"] = shown in ("token", "password")
        if row["credentials_exposed"]:
            row["protection"] = draw(st.sampled_from(["plaintext-login", "unknown"]))
        elif row["protection"] == "unknown" and draw(st.booleans()):
            row["credentials_exposed"] = None
    return sessions_of(*rows) if rows else sessions_of({}).iloc[:0]


def printed(show: Any, analysis: analyzer.Analysis) -> str:
    file = io.StringIO()
    show(analysis, Console(file=file, width=200))
    return file.getvalue()


@hypothesis.given(tables())
@hypothesis.settings(max_examples=10)
def test_no_sentence_contradicts_the_figures(sessions: pd.DataFrame) -> None:
    analysis = with_sessions(sessions)
    attacked = attacks(analysis.tables)
    page = [f"{each.strong} {each.rest}" for each in verdict(analysis, attacked)]
    page += [
        f"{t.spec.empty}"
        for t in (fill(e, analysis, attacked) for e in TABLES if e.empty)
        if not t.rows
    ]
    summary = printed(print_summary, analysis)
    said = "\n".join([*page, summary, printed(print_plaintext, analysis)])

    is_login = (sessions["protection"] == "plaintext-login").fillna(value=False)
    is_login |= sessions["credentials_exposed"].fillna(value=False)
    assert ("no plaintext login was seen" in said) == (
        bool(len(sessions)) and not is_login.any()
    )
    assert ("No plaintext login was seen" in said) == (not is_login.any())
    assert not (is_login.any() and re.search("(?i)no password", said))

    judged = sessions["protection"] != "unknown"
    unjudged = (~judged & (sessions["client_bytes"] > 0)).sum()
    if not is_login.any():
        assert ("can't be judged" in summary) == bool(unjudged)

    kinds = reports.channel_of(sessions)
    known = kinds[kinds != "unknown"]
    assert bool(len(known)) == bool(re.search(r"\d% encrypted", summary))
    assert ("100% encrypted" in summary) == (
        bool(len(known)) and known.isin(ENCRYPTED).all()
    )
    # what failed is not all that may be wrong
    assert "Nothing failed" not in said
    is_failure = sessions["failure"].notna().sum()
    assert bool(re.search(r"sessions? failed: ", "\n".join(page))) == bool(is_failure)
    for failure in sessions["failure"].dropna():
        assert failure_label(failure) in summary
    agreed = sessions.loc[kinds.isin(ENCRYPTED), "tls_version"]
    for version in ("TLSv1.0", "TLSv1.3"):
        assert (version in said) == (version in set(agreed))
    assert not re.search(r"(?i)\bnan\b|<NA>|None\b", said)
    assert not re.search(r"\b1 (sessions|accounts|clients)\b", said)


@hypothesis.given(tables())
@hypothesis.settings(max_examples=20)
def test_no_line_of_the_monitor_contradicts_its_row(sessions: pd.DataFrame) -> None:
    rows = pa.Table.from_pandas(sessions).to_pylist()
    for row, kind in zip(rows, reports.channel_of(sessions), strict=True):
        line = describe(row, kind)

        assert (row["protection"] == "plaintext-login") <= (
            "plaintext" in line.warnings
        )
        assert (kind == "failed") == (line.channel == "TLS failed")
        if row["failure"] is not None:
            told = row["failure"] == Failure.LOGIN_FAILED
            assert told or failure_label(row["failure"]) in line.warnings
        assert row["ended"] != "refused" or "reset" not in str(line).replace(
            "connection reset", ""
        )
