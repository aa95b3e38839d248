"""What the figures mean, in a few sentences."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from analyzer import reports
from analyzer.failures import failure_words
from analyzer.protection import PROTECTED_WEAKLY
from analyzer.terminal import as_share
from analyzer.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from analyzer.analysis import Analysis

_NOTHING = (
    "looked like SMTP, IMAP or POP3. Mail with TLS on a port of its own must be named, "
    "such as --port 10993=imap."
)

_FEW_REASONS = 4


class Tone(enum.StrEnum):
    """Whether a sentence is good news."""

    GOOD = "good"
    BAD = "bad"
    PLAIN = "plain"


class Sentence(NamedTuple):
    """One fact: what stands out, and the rest of the sentence."""

    tone: Tone
    strong: str
    rest: str


def verdict(analysis: Analysis) -> list[Sentence]:
    """Say what an administrator wants to know first, the worst in red."""
    sessions = analysis.sessions
    if sessions.empty:
        return [Sentence(Tone.PLAIN, "Nothing", _NOTHING)]
    return [
        _encryption(sessions),
        *_exposure(sessions),
        *_versions(sessions),
        *_weaknesses(sessions),
        _failures(sessions),
    ]


def _encryption(sessions: pd.DataFrame) -> Sentence:
    count = len(sessions)
    encrypted = int(reports.is_encrypted(sessions).sum())
    tone = Tone.GOOD if encrypted == count else Tone.PLAIN
    return Sentence(
        tone,
        f"{as_share(encrypted / count)} encrypted:",
        f"{encrypted:,} of {counted(count, 'mail session')} went over to TLS.",
    )


def _exposure(sessions: pd.DataFrame) -> Iterator[Sentence]:
    logins = reports.plaintext_logins(sessions)
    exposed = int(logins["sessions"].sum())
    if not exposed:
        yield Sentence(Tone.GOOD, "No password", "or token was seen in clear.")
        return
    accounts = counted(logins["auth_user"].nunique(), "account")
    clients = counted(logins["client_ip"].nunique(), "client")
    yield Sentence(
        Tone.BAD,
        counted(exposed, "session"),
        f"showed a password or a token in clear: {accounts}, from {clients}.",
    )
    breaking = reports.plaintext_totals(sessions).breaking_clients
    if breaking:
        yield Sentence(
            Tone.BAD, counted(breaking, "client"), "would break without plaintext."
        )


def _versions(sessions: pd.DataFrame) -> Iterator[Sentence]:
    versions = reports.by_tls_version(sessions)
    if versions.empty:
        return
    old = versions[versions["deprecated"]]
    if old.empty:
        yield Sentence(
            Tone.GOOD, versions["tls_version"].iloc[-1], "is the oldest TLS version."
        )
    else:
        names = ", ".join(old["tls_version"])
        count = counted(int(old["sessions"].sum()), "session")
        yield Sentence(Tone.BAD, count, f"agreed on a deprecated version: {names}.")


def _weaknesses(sessions: pd.DataFrame) -> Iterator[Sentence]:
    count = int((sessions["protection"] == PROTECTED_WEAKLY).sum())
    if count:
        reasons = reports.weak_tls(sessions)["weakness"].drop_duplicates().tolist()
        listed = ", ".join(reasons[:_FEW_REASONS])
        more = " and more" if len(reasons) > _FEW_REASONS else ""
        yield Sentence(
            Tone.BAD,
            counted(count, "session"),
            f"{'was' if count == 1 else 'were'} protected weakly: {listed}{more}.",
        )


def _failures(sessions: pd.DataFrame) -> Sentence:
    failures = reports.by_failure(sessions)
    if failures.empty:
        return Sentence(Tone.GOOD, "Nothing failed.", "")
    listed = ", ".join(
        f"{failure_words(failure)} ({count:,})"
        for failure, count in zip(
            failures["failure"], failures["sessions"], strict=True
        )
    )
    count = counted(int(failures["sessions"].sum()), "session")
    return Sentence(Tone.PLAIN, count, f"failed: {listed}.")
