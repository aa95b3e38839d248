"""One session in one line, for people who watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.reports import Channel
from analyzer.sessions.failures import Failure, failure_label
from analyzer.sessions.protection import PLAINTEXT_LOGIN
from analyzer.terminal.format import as_size
from analyzer.text import as_line, endpoint, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ENDINGS = {"reset": "reset", "timeout": "fell silent"}
_SHOWN_ELSEWHERE = ("closed", "refused", "unanswered")
_MAX_CODES = 3
_WIDEST_TEXT = 60


class SessionLine(NamedTuple):
    """What a line says of a session.

    Attributes:
        time: when it ended, in UTC.
        service: its service.
        client: address of the client.
        server: address and port of the server.
        channel: how it was secured, in a word or two.
        user: who logged in or tried to.
        activity: what was done.
        warnings: what an administrator should look at.
    """

    time: str
    service: str
    client: str
    server: str
    channel: str
    user: str
    activity: str
    warnings: str

    def __str__(self) -> str:
        columns = (
            f"{self.time}  {self.service:<11}  {self.client:>15} > {self.server:<20}  "
            f"{self.channel:<16}  {self.user or '-':<20}  {self.activity}"
        )
        return f"{columns}  ! {self.warnings}" if self.warnings else columns


def describe(session: Mapping[str, Any], channel: str) -> SessionLine:
    """Say in a line what is known of a session.

    Args:
        session: its row; what is missing is `None`.
        channel: what `reports.channel_of` says of it.
    """
    return SessionLine(
        f"{session['end']:%H:%M:%S}",
        session["service"],
        session["client_ip"],
        endpoint(session["server_ip"], session["server_port"]),
        _channel(session, channel),
        _safe(session["auth_user"] or ""),
        ", ".join(_activity(session)),
        ", ".join(_warnings(session)),
    )


def _channel(session: Mapping[str, Any], channel: str) -> str:
    version = session["tls_version"] or "TLS"
    return {
        Channel.IMPLICIT: version,
        Channel.MIDSTREAM: version,
        Channel.STARTTLS: f"STARTTLS {version}",
        Channel.PLAINTEXT: "plaintext",
        Channel.FAILED: "TLS failed",
    }.get(Channel(channel), "-")


def _activity(session: Mapping[str, Any]) -> Iterator[str]:
    if session["auth_result"] == "success":
        yield "logged in"
    for column, verb in (
        ("messages_sent", "sent"),
        ("messages_appended", "stored"),
        ("messages_retrieved", "retrieved"),
        ("flags_changed", "flagged"),
        ("messages_copied", "copied"),
        ("messages_moved", "moved"),
        ("messages_deleted", "deleted"),
    ):
        if count := session[column]:
            yield f"{count:,} {verb}"
    if refused := session["rcpt_refused"]:
        yield f"{len(refused):,} recipient{'s' * (len(refused) > 1)} refused"
    yield as_size(session["client_bytes"] + session["server_bytes"])
    is_shown = session["failure"] == Failure.CONNECTION_RESET
    if session["ended"] not in _SHOWN_ELSEWHERE and not is_shown:
        yield _ENDINGS.get(session["ended"], "still open")


def _warnings(session: Mapping[str, Any]) -> list[str]:
    warnings = list(_faults(session))
    if not warnings and session["last_error"]:
        warnings.append(_safe(session["last_error"]))
    codes = session["anomalies"]
    warnings += codes[:_MAX_CODES]
    if len(codes) > _MAX_CODES:
        warnings.append(f"{len(codes) - _MAX_CODES} more oddities")
    return warnings


def _faults(session: Mapping[str, Any]) -> Iterator[str]:
    if session["credentials_exposed"]:
        yield f"{session['auth_exposure']} in plaintext"
    elif session["protection"] == PLAINTEXT_LOGIN:
        yield "plaintext login"
    failure, detail = session["failure"], _safe(session["failure_detail"] or "")
    if failures := session["auth_failures"]:
        text = "login failed" if failures == 1 else f"{failures:,} failed logins"
        is_cause = failure == Failure.LOGIN_FAILED
        yield f"{text}: {detail}" if is_cause else text
        if is_cause:
            return
    if failure is not None:
        yield ": ".join(filter(None, (failure_label(failure), detail)))


def _safe(text: str) -> str:
    """Return text of the traffic, as a part of a line."""
    text = as_line(text)
    return shorten(text, _WIDEST_TEXT)
