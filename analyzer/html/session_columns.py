"""What the page knows of each session: what it shows, counts and filters by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from analyzer import reports
from analyzer.html.charts.wording import CHANNEL_NAMES
from analyzer.reports.accounts import account, is_refused_login
from analyzer.reports.overview import message_count, payload_bytes
from analyzer.reports.tls import days_between, endpoints, reasons_for_weak_tls
from analyzer.sessions.failures import LABELS
from analyzer.sessions.role import Role
from analyzer.tables.columns import as_arrow
from analyzer.terminal.format import TIME_FORMAT

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class SessionColumn:
    """A column, and how the script shows it.

    Attributes:
        name: as in the table of sessions, if it has it.
        title: its heading; none if it can't be shown.
        kind: text, address, long, lists, flag; count, number, size, seconds or time.
        shown: whether it is shown to those who have chosen no columns.
        labels: what values are called, where that is not their name.
    """

    name: str
    title: str = ""
    kind: str = "text"
    shown: bool = False
    labels: Mapping[Any, str] = field(default_factory=dict)

    @property
    def is_number(self) -> bool:
        """Whether values are numbers, of which there is a range."""
        return self.kind in _NUMBERS


# the script sees times as thousandths of seconds since 1970, which need all digits
_NUMBERS = {
    "count": "float64",
    "number": "float64",
    "size": "float64",
    "seconds": "float32",
    "time": "float64",
}
_ROLES = {Role.RELAY.value: "between servers"}
PROTECTION = {
    "weak-tls": "weak TLS",
    "plaintext-login": "login in plaintext",
    "plaintext-mail": "mail in plaintext",
    "plaintext-no-data": "plaintext, no data",
}

COLUMNS = (
    SessionColumn("severity", "Worst", shown=True),
    SessionColumn("start", "Start (UTC)", "time", shown=True),
    SessionColumn("service", "Service", shown=True),
    SessionColumn("client_ip", "Client", "address", shown=True),
    SessionColumn("server_ip", "Server", "address", shown=True),
    SessionColumn("server_port", "Port", "port"),
    SessionColumn("protection", "Protection", shown=True, labels=PROTECTION),
    SessionColumn("channel", "Channel", labels=CHANNEL_NAMES),
    SessionColumn("tls_version", "TLS", shown=True),
    SessionColumn("auth_user", "User", "long", shown=True),
    SessionColumn("auth_result", "Login"),
    SessionColumn("failure", "Failure", "long", shown=True, labels=LABELS),
    SessionColumn("messages", "Messages", "count"),
    SessionColumn("bytes", "Bytes", "size", shown=True),
    SessionColumn("duration_s", "Duration", "seconds", shown=True),
    SessionColumn("slowest_s", "Slowest answer", "seconds"),
    SessionColumn("slowest_verb", "Slowest command"),
    SessionColumn("role", "Role", labels=_ROLES),
    SessionColumn("protocol", "Protocol"),
    SessionColumn("client_port", "Client port", "number"),
    SessionColumn("tcp_rtt_s", "Round trip", "seconds"),
    SessionColumn("banner_delay_s", "Greeting after", "seconds"),
    SessionColumn("tls_handshake_s", "TLS handshake", "seconds"),
    SessionColumn("login_delay_s", "Login after", "seconds"),
    SessionColumn("tls_cipher", "Cipher suite", "long"),
    SessionColumn("starttls", "STARTTLS"),
    SessionColumn("weaknesses", "Weak TLS", "lists"),
    SessionColumn("tls_sni", "Name asked for", "long"),
    SessionColumn("certificate", "Certificate", "long"),
    SessionColumn("cert_status", "Certificate status"),
    SessionColumn("account", "Account", "long"),
    SessionColumn("auth_mechanism", "Mechanism"),
    SessionColumn("auth_exposure", "Shown to eavesdroppers"),
    SessionColumn("auth_failures", "Failed logins", "count"),
    SessionColumn("credentials_exposed", "Password or token shown", "flag"),
    SessionColumn("exposed", "Shown and accepted", "flag"),
    SessionColumn("plaintext_login", "Login in plaintext", "flag"),
    SessionColumn("client_software", "Client software", "long"),
    SessionColumn("server_software", "Server software", "long"),
    SessionColumn("failure_temporary", "Temporary", "flag"),
    SessionColumn("failure_detail", "What was said", "long"),
    SessionColumn("last_error", "Last error", "long"),
    SessionColumn("mail_from", "Sender", "lists"),
    SessionColumn("rcpt_to", "Recipients", "lists"),
    SessionColumn("anomalies", "Anomalies", "lists"),
    SessionColumn("ended", "Ended"),
    SessionColumn("capture", "Capture", "long"),
    SessionColumn("first_frame", "First packet", "number"),
    SessionColumn("session_id", "Session", "address"),
    # what others are counted or filtered by
    SessionColumn("end", "", "time"),
    SessionColumn("cert_sha256", "Certificate (SHA-256)", "address"),
    SessionColumn("cert_issuer", kind="long"),
    SessionColumn("cert_until"),
    SessionColumn("cert_days_left", "", "number"),
    SessionColumn("server"),
    SessionColumn("tls_established", "TLS established", "flag"),
)


def session_facts(sessions: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Return a row for each session, with all `COLUMNS` but `severity`.

    Args:
        sessions: the sessions.
        names: what captures are called.
    """
    shown = sessions["credentials_exposed"].fillna(value=False)
    return sessions.assign(
        channel=reports.channel_of(sessions),
        messages=message_count(sessions),
        bytes=payload_bytes(sessions),
        account=account(sessions),
        exposed=shown & ~is_refused_login(sessions),
        plaintext_login=reports.is_plaintext_login(sessions),
        capture=sessions["capture"].map(names, na_action="ignore"),
        weaknesses=reasons_for_weak_tls(sessions),
        certificate=_certificate_names(sessions),
        cert_days_left=days_between(sessions["end"], sessions["cert_not_after"]),
        server=endpoints(sessions),
        cert_until=sessions["cert_not_after"].map(
            lambda time: f"{time:{TIME_FORMAT}}", na_action="ignore"
        ),
    )


def numbers_of(
    column: SessionColumn, values: pd.Series[Any]
) -> npt.NDArray[np.floating[Any]]:
    """Return a column of numbers; what is not known is not a number."""
    numbers: npt.NDArray[np.floating[Any]]
    if column.kind == "time":
        # since 1970, in milliseconds
        times = as_arrow(values).cast(pa.int64())
        numbers = times.to_numpy(zero_copy_only=False).astype("float64") / 1_000_000
        return numbers
    kind = _NUMBERS[column.kind]
    numbers = values.to_numpy(dtype=kind, na_value=float("nan"))
    return numbers


def _certificate_names(sessions: pd.DataFrame) -> pd.Series[Any]:
    """Return the first name of each server's certificate, else its subject."""
    names = as_arrow(sessions["cert_names"])
    first = [each[0] if each else None for each in names.to_pylist()]
    known = pd.Series(first, sessions.index, dtype=pd.ArrowDtype(pa.string()))
    return known.fillna(sessions["cert_subject"])
