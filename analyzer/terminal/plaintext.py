"""The plaintext report: for people on a terminal, as CSV for a spreadsheet, as JSON."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from rich.text import Text

from analyzer import reports
from analyzer.findings.attacks import attacks_among
from analyzer.reports.channel import ENCRYPTED
from analyzer.reports.verdicts import ClientUse
from analyzer.sessions.role import Role
from analyzer.tables.export import write_csv
from analyzer.terminal.format import as_table, fit_output
from analyzer.terminal.json_document import as_json
from analyzer.text import pluralize

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from rich.console import Console

    from analyzer.findings.settings import Settings
    from analyzer.tables.results import Results

_MAX_ROWS = 100
# for what is said of a port, on a narrow terminal
_LEAST_ROOM = 20
_PORT = ["server_ip", "server_port", "service", "role"]
# what a narrow terminal leaves out, in this order
_OPTIONAL_OF_PORTS = (
    "clients",
    "plaintext_clients",
    "offered",
    "plaintext_mail",
    "unknown",
    "midstream",
    "failed",
    "service",
    "plaintext_logins",
    "implicit",
    "starttls",
    "role",
)
_OPTIONAL_OF_CLIENTS = (
    "first_seen",
    "last_seen",
    "role",
    "service",
    "would_be_cut_off",
    "used_tls",
    "sessions",
    "seen",
    "client_software",
    "use",
    "accounts",
    "server_ip",
)
_OPTIONAL_OF_USERS = (
    "offered",
    "first_seen",
    "role",
    "last_seen",
    "service",
    "auth_mechanism",
    "used_tls",
    "sessions",
    "server_ip",
    "result",
    "server_port",
)

# The ports are repeated for each client, so that each row of a spreadsheet says what
# to do about whom; a port that nobody used in plaintext has a row without a client.
_CSV = pa.schema(
    [
        ("server_ip", pa.string()),
        ("server_port", pa.uint16()),
        ("service", pa.string()),
        ("role", pa.string()),
        ("verdict", pa.string()),
        ("offered", pa.string()),
        ("total", pa.string()),
        ("client_ip", pa.string()),
        ("use", pa.string()),
        ("client_software", pa.string()),
        ("action", pa.string()),
        ("seen", pa.string()),
        ("auth_user", pa.string()),
        ("auth_mechanism", pa.string()),
        ("result", pa.string()),
        ("exposed", pa.string()),
        ("sessions", pa.int64()),
        ("used_tls", pa.bool_()),
        ("would_be_cut_off", pa.bool_()),
        ("first_seen", pa.timestamp("ns", tz="UTC")),
        ("last_seen", pa.timestamp("ns", tz="UTC")),
    ]
)


def print_plaintext(
    analysis: Results, console: Console, settings: Settings | None = None
) -> None:
    """Print who uses plaintext, the worst first."""
    fit_output(console)
    sessions, attacked = analysis.sessions, attacks_among(analysis, settings)
    if analysis.choice is not None:
        console.print(Text(analysis.choice))
    console.print(_headline(reports.plaintext_totals(sessions, attacked)))
    _print_totals(console, reports.plaintext_by_port(sessions, attacked))
    clients = reports.plaintext_clients(sessions, attacked)
    ports = reports.plaintext_ports(sessions, attacked)
    users = reports.plaintext_users(sessions, attacked)
    is_relay = users["role"] == Role.RELAY
    relays, others = users[is_relay], users[~is_relay]
    is_cut = [
        _print_rows(
            console,
            "What to do about each client",
            clients[clients["role"] != Role.RELAY],
            optional=_OPTIONAL_OF_CLIENTS,
            styles={"action": list(map(_use_style, clients["use"]))},
        ),
        _print_rows(
            console,
            "Servers and ports",
            _without_zeros(ports),
            optional=_OPTIONAL_OF_PORTS,
            styles={"verdict": list(map(_verdict_style, ports.to_dict("records")))},
        ),
        _print_rows(
            console,
            "Plaintext logins and mail",
            others,
            optional=_OPTIONAL_OF_USERS,
            styles={"exposed": list(map(_exposed_style, others["exposed"]))},
            style="bold red",
        ),
        _print_rows(
            console,
            "Mail relayed in plaintext",
            relays[["client_ip", "server_ip", "server_port", "sessions", "used_tls"]],
            style="bold yellow",
        ),
    ]
    if any(is_cut):
        console.print()
        console.print(Text("Not all is shown here; --csv and --json have it.", "dim"))


def plaintext_csv(analysis: Results, settings: Settings | None = None) -> bytes:
    """Return a row per client, account and mechanism, with the port's verdict.

    A port that nobody used in plaintext has a row too, without a client.
    """
    sessions, attacked = analysis.sessions, attacks_among(analysis, settings)
    ports = reports.plaintext_ports(sessions, attacked)[[*_PORT, "verdict", "offered"]]
    totals = reports.plaintext_by_port(sessions, attacked)
    clients = reports.plaintext_clients(sessions, attacked)
    users = reports.plaintext_users(sessions, attacked)
    client = [*_PORT, "client_ip"]
    rows = ports.merge(totals[[*_PORT[1:], "total"]], on=_PORT[1:], how="left")
    rows = rows.merge(clients, on=_PORT, how="left")
    told = [name for name in users if name in client or name not in rows]
    also = ["sessions", "used_tls", "would_be_cut_off", "first_seen", "last_seen"]
    rows = rows.merge(
        users[[*told, *also]], on=client, how="left", suffixes=("", "_user")
    )
    # those who neither logged in nor moved mail are no users
    for name in also:
        rows[name] = rows.pop(f"{name}_user").fillna(rows[name])
    rows["sessions"] = rows["sessions"].astype("Int64")
    file = io.BytesIO()
    table = pa.Table.from_pandas(rows, _CSV, preserve_index=False)
    write_csv([table], table.schema, file)
    return file.getvalue()


def plaintext_json(analysis: Results, settings: Settings | None = None) -> str:
    """Return the figures, `totals` of ports, `clients`, `ports` and `users`.

    `plaintext` says if there is any.
    """
    sessions, attacked = analysis.sessions, attacks_among(analysis, settings)
    totals = reports.plaintext_totals(sessions, attacked)
    figures = {
        "plaintext": reports.has_plaintext(sessions),
        # what scripts have known `plaintext_sessions` by
        "clear": totals.plaintext_sessions,
        **totals._asdict(),
    }
    tables = {
        "totals": reports.plaintext_by_port(sessions, attacked),
        "clients": reports.plaintext_clients(sessions, attacked),
        "ports": reports.plaintext_ports(sessions, attacked),
        "users": reports.plaintext_users(sessions, attacked),
    }
    return as_json(analysis, figures, tables)


def _print_totals(console: Console, ports: pd.DataFrame) -> None:
    """Print a line for each port: whom it would cut off, on all servers."""
    if ports.empty:
        return
    console.print()
    for port in ports.head(_MAX_ROWS).to_dict("records"):
        begin = f"{port['server_port']:>5}: "
        total = Text(port["total"], "red" if port["cut_off_clients"] > 0 else "green")
        room = max(console.width - len(begin), _LEAST_ROOM)
        for line in total.wrap(console, room):
            line.rstrip()
            console.print(Text.assemble((begin, "bold"), line), soft_wrap=True)
            begin = " " * len(begin)
    if len(ports) > _MAX_ROWS:
        console.print(Text(f"and {len(ports) - _MAX_ROWS:,} more ports", "dim"))


def _headline(totals: reports.PlaintextTotals) -> Text:
    text = Text(pluralize(totals.sessions, "mail session"), style="bold")
    if not totals.sessions:
        return text
    text.append(f", {totals.plaintext_sessions:,} in plaintext", "not bold")
    if totals.plaintext_relay:
        text.append(
            f" ({totals.plaintext_relay:,} of them between servers)", "not bold"
        )
    text.append("\n")
    if totals.exposing_logins:
        logins = pluralize(totals.exposing_logins, "session")
        text.append(f"{logins} with a password or token in plaintext", "not bold red")
        text.append(_accounts(totals), "not bold red")
    if others := totals.other_logins:
        more = " more" if totals.exposing_logins else ""
        text.append(", " if more else "", "not bold")
        what = "another login" if more else "a login"
        logins = f"{others:,}{more}" if more else pluralize(others, "session")
        text.append(f"{logins} with {what} in plaintext", "not bold yellow")
    if not totals.plaintext_logins:
        text.append("no plaintext login was seen", "not bold green")
        if totals.unjudged:
            unjudged = pluralize(totals.unjudged, "session")
            text.append(f"; {unjudged} can't be judged", "not bold yellow")
    cut_off = totals.cut_off_clients
    text.append("\n")
    text.append(
        f"{pluralize(cut_off, 'client') if cut_off else 'no client'} would be cut off "
        "if plaintext were disabled",
        "not bold red" if cut_off else "not bold green",
    )
    return text


def _accounts(totals: reports.PlaintextTotals) -> str:
    """Say whose passwords and tokens crossed."""
    exposed, refused = totals.exposed_accounts, totals.refused_accounts
    text = f", of {pluralize(exposed, 'account')}" if exposed else ""
    if refused and exposed:
        return f"{text} ({refused:,} more {_were(refused)} refused)"
    if refused:
        return f", of {pluralize(refused, 'account')} that {_were(refused)} refused"
    return text


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _print_rows(
    console: Console, title: str, rows: pd.DataFrame, **options: Any
) -> bool:
    """Print a table; return whether rows, columns or names are left out."""
    if rows.empty:
        return False
    console.print()
    table = as_table(title, rows, console.width, limit=_MAX_ROWS, **options)
    console.print(table)
    return len(rows) > _MAX_ROWS or len(table.columns) < len(rows.columns)


def _without_zeros(ports: pd.DataFrame) -> pd.DataFrame:
    """Drop columns for what never happened, as most often."""
    rare = [
        name for name in ("midstream", "failed", "unknown") if not ports[name].any()
    ]
    return ports.drop(columns=rare)


def _verdict_style(port: Mapping[Any, Any]) -> str:
    if port["role"] != Role.RELAY and (
        port["plaintext_logins"] or port["plaintext_mail"]
    ):
        return "red"
    if port["plaintext"] or port["failed"]:
        return "yellow"
    return "green" if any(port[channel] for channel in ENCRYPTED) else "dim"


def _use_style(use: str) -> str:
    if use == ClientUse.PLAINTEXT_ONLY:
        return "red"
    return "yellow" if use == ClientUse.BOTH else "dim"


def _exposed_style(exposed: str) -> str:
    return "red" if exposed.startswith(("password", "token")) else "yellow"
