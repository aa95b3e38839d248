"""The page's small tables: rows of reports as text."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from analyzer import reports
from analyzer.reports.channel import ENCRYPTED
from analyzer.sessions.failures import failure_label
from analyzer.sessions.protection import VERDICTS
from analyzer.terminal.format import TIME_FORMAT
from analyzer.terminal.weaknesses import weakness_label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from analyzer.tables.results import Results

_MAX_ROWS = 50
# whatever is not null
_KNOWN = ("",)
_LOGIN = (
    "auth_user",
    "auth_mechanism",
    "auth_exposure",
    "client_ip",
    "service",
    "server_ip",
    "auth_result",
)
# what may take several lines
_LONG = (
    "auth_user",
    "client_ips",
    "client_software",
    "last_error",
    "issuer",
    "name",
    "tls_cipher",
    "verdict",
    "weakness",
)


@dataclass(frozen=True, slots=True)
class Live:
    """How the script counts the rows of a table anew, for chosen sessions.

    Attributes:
        by: columns of the page's sessions: a row for each of their values, which is
            also what it filters by; of lists, each of their items counts.
        cells: of each column of the table, how it is counted, and of which columns:
            `by` (what it is), `count`, `sum`, `max`, `any`, `first`, `names` (the
            first of several), `count-of` (sessions with a value), `but` (any of the
            first, and none of the second). Those that are missing are in `by`.
        only: values that some columns must have; "" for any.
        order: of the values of the first column in `by`; otherwise the most come first.
    """

    by: Sequence[str]
    cells: Mapping[str, Sequence[str]] = field(
        default_factory=lambda: {"sessions": ("count",)}
    )
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    order: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table of the page.

    Attributes:
        name: its name in the page.
        title: its title.
        report: what it shows, of an analysis of which some sessions are attacks.
        headings: the columns that it shows, and what they are called.
        empty: what to say if there are no rows; nothing if it is then left out.
        by: columns of the report by whose values its rows filter, and what these are
            called among the page's sessions.
        live: how it is counted anew; `None` if it is always that of all sessions.
    """

    name: str
    title: str
    report: Callable[[Results, npt.NDArray[np.bool_]], pd.DataFrame]
    headings: Mapping[str, str]
    empty: str = ""
    by: Mapping[str, str] = field(default_factory=dict)
    live: Live | None = None


class FilledTable(NamedTuple):
    """A table with its rows as text.

    Attributes:
        spec: the table.
        headings: those of its columns of which something is known.
        kinds: what the columns hold: numbers, long text, or text.
        rows: the cells.
        links: of each row, what it filters by, as the fragment of a URL; or nothing.
        left_out: how many more rows there are.
    """

    spec: TableSpec
    headings: list[str]
    kinds: list[str]
    rows: list[list[str]]
    links: list[str]
    left_out: int


def _use(analysis: Results) -> pd.DataFrame:
    """Return the protocols that were used."""
    use = reports.protocol_use(analysis.sessions)
    return use[use["sessions"] > 0]


TABLES = (
    TableSpec(
        "plaintext-ports",
        "Impact of disabling plaintext",
        lambda a, attacks: reports.plaintext_ports(a.sessions, attacks),
        {
            "server_ip": "server",
            "server_port": "port",
            "service": "service",
            "sessions": "sessions",
            "plaintext": "in plaintext",
            "verdict": "verdict",
        },
        by={"server_ip": "server_ip", "server_port": "server_port"},
    ),
    TableSpec(
        "plaintext-logins",
        "Plaintext logins",
        lambda a, _: reports.plaintext_logins(a.sessions),
        {
            "auth_user": "user",
            "auth_mechanism": "mechanism",
            "auth_exposure": "exposed",
            "client_ip": "client",
            "service": "service",
            "server_ip": "server",
            "auth_result": "result",
            "sessions": "sessions",
        },
        empty="No plaintext login was seen.",
        live=Live(by=_LOGIN, only={"plaintext_login": ["yes"]}),
    ),
    TableSpec(
        "use",
        "What each protocol was used for",
        lambda a, _: _use(a),
        {
            "protocol": "protocol",
            "sessions": "sessions",
            "hidden": "hidden by TLS",
            "messages_submitted": "submitted",
            "messages_relayed": "relayed",
            "messages_retrieved": "retrieved",
            "messages_appended": "stored",
            "messages_deleted": "deleted",
            "messages_left": "left on the server",
            "accounts": "accounts",
            "most_devices": "max. addresses per account",
        },
        by={"protocol": "protocol"},
    ),
    TableSpec(
        "accounts",
        "Accounts",
        lambda a, _: reports.accounts(a.sessions),
        {
            "auth_user": "user",
            "services": "services",
            "sessions": "sessions",
            "client_ips": "addresses",
            "client_software": "software",
            "failures": "failures",
            "exposed": "exposed",
            "only_refused": "only refused",
            "last_seen": "last seen (UTC)",
        },
        live=Live(
            by=["account"],
            cells={
                "auth_user": ("first", "auth_user"),
                "services": ("names", "service"),
                "sessions": ("count",),
                "client_ips": ("names", "client_ip"),
                "client_software": ("names", "client_software"),
                "failures": ("sum", "auth_failures"),
                "exposed": ("any", "exposed"),
                "only_refused": ("but", "credentials_exposed", "exposed"),
                "last_seen": ("max", "end"),
            },
            only={"account": _KNOWN},
        ),
    ),
    TableSpec(
        "ciphers",
        "Cipher suites",
        lambda a, _: reports.tls_versions(a.sessions),
        {"tls_version": "version", "tls_cipher": "cipher", "sessions": "sessions"},
        live=Live(
            by=["tls_version", "tls_cipher"],
            only={"channel": ENCRYPTED, "tls_version": _KNOWN},
        ),
    ),
    TableSpec(
        "verdicts",
        "How well sessions were protected",
        lambda a, _: reports.by_verdict(a.sessions),
        {
            "verdict": "verdict",
            "sessions": "sessions",
            "relay": "between servers",
            "submission": "submission",
            "access": "access",
        },
        live=Live(
            by=["protection"],
            cells={
                "verdict": ("by", "protection"),
                "sessions": ("count",),
                "relay": ("count-of", "role", "relay"),
                "submission": ("count-of", "role", "submission"),
                "access": ("count-of", "role", "access"),
            },
            only={"protection": _KNOWN},
            order=VERDICTS,
        ),
    ),
    TableSpec(
        "weak-tls",
        "Weak TLS",
        lambda a, _: reports.weak_tls(a.sessions),
        {
            "weakness": "weakness",
            "server_ip": "server",
            "server_port": "port",
            "sessions": "sessions",
        },
        live=Live(
            by=["weaknesses", "server_ip", "server_port"],
            cells={"weakness": ("by", "weaknesses"), "sessions": ("count",)},
        ),
    ),
    TableSpec(
        "certificates",
        "Certificates of servers",
        lambda a, _: reports.server_certificates(a.certificates, a.sessions),
        {
            "name": "name",
            "issuer": "issuer",
            "not_after": "valid until (UTC)",
            "status": "status",
            "sessions": "sessions",
        },
        live=Live(
            by=["cert_sha256", "cert_status"],
            cells={
                "name": ("first", "certificate"),
                "issuer": ("first", "cert_issuer"),
                "not_after": ("first", "cert_until"),
                "status": ("by", "cert_status"),
                "sessions": ("count",),
            },
            only={"cert_sha256": _KNOWN},
        ),
    ),
    TableSpec(
        "failed",
        "What was said",
        lambda a, _: reports.failed(a.sessions),
        {
            "service": "service",
            "failure": "failure",
            "temporary": "temporary",
            "sessions": "sessions",
            "last_error": "last error",
        },
        live=Live(
            by=["service", "failure", "failure_temporary", "failure_detail"],
            cells={
                "temporary": ("by", "failure_temporary"),
                "last_error": ("by", "failure_detail"),
                "sessions": ("count",),
            },
            only={"failure": _KNOWN},
        ),
    ),
    TableSpec(
        "not-read",
        "Not read",
        lambda a, _: reports.not_read(a),
        {"what": "what", "count": "count", "unit": "of"},
    ),
)


def fill(
    table: TableSpec, analysis: Results, attacks: npt.NDArray[np.bool_]
) -> FilledTable:
    """Take the rows of a table from its report.

    Args:
        table: which one.
        analysis: what it is about.
        attacks: (n,) which sessions are those of attackers.
    """
    rows = table.report(analysis, attacks)[list(table.headings)]
    # what is known of nobody takes room from the rest
    unknown = [name for name in rows if len(rows) and rows[name].isna().all()]
    rows = rows.drop(columns=unknown)
    if "server_port" in rows:
        # no number, but a name made of digits
        rows["server_port"] = rows["server_port"].astype("string")
    shown = rows.head(_MAX_ROWS)
    return FilledTable(
        table,
        [table.headings[name] for name in rows.columns],
        [_kind(rows, name) for name in rows.columns],
        [
            [_cell(*cell) for cell in zip(rows.columns, row, strict=True)]
            for row in shown.astype("object").to_numpy()
        ],
        [_link(table.by, row) for row in shown.to_dict("records")],
        len(rows) - len(shown),
    )


def _link(by: Mapping[str, str], row: Mapping[Any, Any]) -> str:
    """Return what a row filters by, as the fragment of a URL."""
    return urllib.parse.urlencode({column: row[name] for name, column in by.items()})


def _kind(rows: pd.DataFrame, name: str) -> str:
    if name in _LONG:
        return "long"
    kind = rows[name].dtype
    is_flag = pd.api.types.is_bool_dtype(kind)
    is_number = pd.api.types.is_numeric_dtype(kind) and not is_flag
    return "number" if is_number else "text"


def _cell(name: str, value: Any) -> str:
    if pd.isna(value):
        return "\N{EN DASH}"
    if name == "failure":
        return failure_label(value)
    if name == "weakness":
        return weakness_label(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, pd.Timestamp):
        return f"{value:{TIME_FORMAT}}"
    return f"{value:,}" if isinstance(value, int) else str(value).replace("\n", " ")
