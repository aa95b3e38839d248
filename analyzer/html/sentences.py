"""What the figures mean, in a few sentences."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from analyzer import reports
from analyzer.reports.channel import ENCRYPTED
from analyzer.reports.exposure import exposure, would_be_cut_off
from analyzer.sessions.failures import failure_label
from analyzer.sessions.protection import WEAK_TLS
from analyzer.terminal.format import as_share
from analyzer.terminal.summary import nothing_found
from analyzer.terminal.weaknesses import weakness_label
from analyzer.text import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from analyzer.tables.results import Results

_FEW_REASONS = 4
# a share of encrypted sessions below this is bad news
_MOST = 0.9
_MOST_NAMED = 100


class Tone(enum.StrEnum):
    """Whether a sentence is good news."""

    GOOD = "good"
    BAD = "bad"
    PLAIN = "plain"


class Sentence(NamedTuple):
    """One fact.

    Attributes:
        tone: whether it is good news.
        strong: what stands out.
        rest: the rest of the sentence.
        link: the sessions that it is about: what the page filters by, as the fragment
            of its address; nothing for all of them.
    """

    tone: Tone
    strong: str
    rest: str
    link: str = ""


def verdict(analysis: Results, attacks: npt.NDArray[np.bool_]) -> list[Sentence]:
    """Say what the figures of all sessions mean, the worst in red.

    Args:
        analysis: what was found.
        attacks: (n,) which sessions are those of attackers.
    """
    sessions = analysis.sessions
    if sessions.empty:
        return [Sentence(Tone.PLAIN, "Nothing", nothing_found())]
    return [
        _encryption(sessions),
        *_exposure(sessions, attacks),
        *_versions(sessions),
        *_certificates(sessions),
        *_weaknesses(sessions),
        *_failures(sessions),
    ]


def _encryption(sessions: pd.DataFrame) -> Sentence:
    share = reports.encrypted_share(sessions)
    if share is None:
        return Sentence(Tone.PLAIN, "Nothing", "tells whether mail was encrypted.")
    counts = reports.by_channel(sessions).set_index("channel")["sessions"]
    unknown = int(counts[reports.Channel.UNKNOWN])
    known, encrypted = len(sessions) - unknown, reports.is_encrypted(sessions).sum()
    tail = f"; of {unknown:,} more it is not known" if unknown else ""
    return Sentence(
        _tone_of_share(share),
        f"{as_share(share)} encrypted:",
        f"{encrypted:,} of {pluralize(known, 'mail session')} used TLS{tail}.",
        urlencode([("channel", channel.value) for channel in ENCRYPTED]),
    )


def _tone_of_share(share: float) -> Tone:
    if share == 1:
        return Tone.GOOD
    return Tone.PLAIN if share >= _MOST else Tone.BAD


def _exposure(
    sessions: pd.DataFrame, attacks: npt.NDArray[np.bool_]
) -> Iterator[Sentence]:
    totals = reports.plaintext_totals(sessions, attacks)
    if exposing := totals.exposing_logins:
        yield Sentence(
            Tone.BAD,
            pluralize(exposing, "session"),
            f"showed a password or a token in plaintext{_whose(totals)}.",
            "credentials_exposed=yes",
        )
    if others := totals.other_logins:
        yield Sentence(
            Tone.PLAIN,
            pluralize(others, "session"),
            "had a plaintext login that showed neither password nor token.",
            "plaintext_login=yes&credentials_exposed=no",
        )
    if not totals.plaintext_logins:
        yield _no_login(totals.unjudged)
    if cut_off := totals.cut_off_clients:
        yield Sentence(
            Tone.BAD,
            pluralize(cut_off, "client"),
            "would be cut off if plaintext were disabled.",
            _link_to_cut_off(sessions, attacks),
        )


def _link_to_cut_off(sessions: pd.DataFrame, attacks: npt.NDArray[np.bool_]) -> str:
    facts = exposure(sessions, attacks)
    clients = facts.loc[would_be_cut_off(facts), "client_ip"].unique()
    # an address of a page can't be of any length
    return urlencode([("client_ip", client) for client in clients[:_MOST_NAMED]])


def _no_login(unjudged: int) -> Sentence:
    if not unjudged:
        return Sentence(Tone.GOOD, "No plaintext login", "was seen.")
    tail = f"{pluralize(unjudged, 'session')} can't be judged"
    return Sentence(Tone.PLAIN, "No plaintext login", f"was seen; {tail}.")


def _whose(totals: reports.PlaintextTotals) -> str:
    """Say whose passwords and tokens the server accepted, and whose it refused."""
    exposed, refused = totals.exposed_accounts, totals.refused_accounts
    parts = [
        *([f"{pluralize(exposed, 'account')} exposed"] if exposed else []),
        *([f"{pluralize(refused, 'account')} refused"] if refused else []),
    ]
    return f": {', '.join(parts)}" if parts else ""


def _versions(sessions: pd.DataFrame) -> Iterator[Sentence]:
    versions = reports.by_tls_version(sessions)
    if versions.empty:
        return
    old = versions[versions["deprecated"]]
    if old.empty:
        yield Sentence(
            Tone.GOOD,
            versions["tls_version"].iloc[-1],
            "is the oldest TLS version in use.",
            urlencode({"tls_version": versions["tls_version"].iloc[-1]}),
        )
    else:
        names = ", ".join(old["tls_version"])
        count = pluralize(int(old["sessions"].sum()), "session")
        yield Sentence(
            Tone.BAD,
            count,
            f"agreed on a deprecated version: {names}.",
            urlencode(
                [("tls_version", version) for version in old["tls_version"]]
                + [("channel", channel.value) for channel in ENCRYPTED]
            ),
        )


def _certificates(sessions: pd.DataFrame) -> Iterator[Sentence]:
    unseen = reports.certificates_unseen(sessions)
    if unseen.sessions:
        hidden = f" ({unseen.hidden:,} in TLS 1.3, which hides it)"
        yield Sentence(
            Tone.PLAIN,
            f"{unseen.sessions:,} of {pluralize(unseen.tls, 'session')} with TLS",
            f"showed no certificate{hidden if unseen.hidden else ''}: nothing is known "
            "of theirs.",
            "tls_established=yes&cert_sha256=",
        )


def _weaknesses(sessions: pd.DataFrame) -> Iterator[Sentence]:
    count = int((sessions["protection"] == WEAK_TLS).sum())
    if count:
        codes = reports.weak_tls(sessions)["weakness"]
        reasons = codes.map(weakness_label).drop_duplicates().tolist()
        listed = ", ".join(reasons[:_FEW_REASONS])
        more = " and more" if len(reasons) > _FEW_REASONS else ""
        yield Sentence(
            Tone.BAD,
            pluralize(count, "session"),
            f"used weak TLS: {listed}{more}.",
            urlencode({"protection": WEAK_TLS}),
        )


def _failures(sessions: pd.DataFrame) -> Iterator[Sentence]:
    failures = reports.by_failure(sessions)
    if failures.empty:
        return
    listed = ", ".join(
        f"{failure_label(failure)} ({count:,})"
        for failure, count in zip(
            failures["failure"], failures["sessions"], strict=True
        )
    )
    count = pluralize(int(failures["sessions"].sum()), "session")
    link = urlencode([("failure", failure) for failure in failures["failure"]])
    yield Sentence(Tone.BAD, count, f"failed: {listed}.", link)
