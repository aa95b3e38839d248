"""SMTP, IMAP and POP3 side by side: what each is for, and what traffic really did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from analyzer import reports
from analyzer.terminal.format import as_size
from analyzer.terminal.json_document import as_json
from analyzer.terminal.observations import observations
from analyzer.text import pluralize
from dissectors import registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from rich.console import Console

    from analyzer.tables.results import Results
    from dissectors.spec import ProtocolSpec

    # for each protocol, texts by the names of the attributes of `Profile`
    Columns = Mapping[str, Mapping[str, str]]

# sentences are read in lines: also in a pipe, and on the widest terminal
_PIPE_WIDTH = 80
_MAX_WIDTH = 140
_GAP = 2

# in which the protocols are compared; what has a long name is called otherwise
_ASPECTS = (
    "purpose",
    "direction",
    "storage",
    "synchronisation",
    "devices",
    "folders",
    "network",
    "security",
    "ports",
)
_TITLES = {"synchronisation": "in sync"}


def print_protocols(console: Console, analysis: Results | None = None) -> None:
    """Print the protocols side by side, and below each claim what was seen, if any."""
    fits = min(console.width, _MAX_WIDTH)
    console.width = fits if console.is_terminal else _PIPE_WIDTH
    claims = {name: _claims(spec) for name, spec in registry.protocols().items()}
    if analysis is None:
        console.print(_comparison(claims))
        return
    use = reports.protocol_use(analysis.sessions)
    console.print(_headline(analysis, use))
    console.print()
    console.print(_comparison(claims, _seen(use, reports.by_port(analysis.sessions))))


def protocols_json(analysis: Results | None = None) -> str:
    """Return the `profiles` as JSON, and what was seen, as tables of reports."""
    profiles = {name: _plain(spec) for name, spec in registry.protocols().items()}
    if analysis is None:
        return json.dumps({"profiles": profiles}, indent=2)
    tables = {
        "use": reports.protocol_use(analysis.sessions),
        "ports": reports.by_port(analysis.sessions),
        "accounts": reports.accounts(analysis.sessions),
        "transfers": reports.transfer_rates(analysis.messages),
    }
    return as_json(analysis, {"profiles": profiles}, tables)


def _claims(spec: ProtocolSpec) -> dict[str, str]:
    texts = {name: getattr(spec.profile, name) for name in _ASPECTS[:-1]}
    ports = (
        f"{service.port} {service.name}, {spec.security_name(service)}"
        for service in spec.registered_services
    )
    return texts | {"ports": "\n".join(ports)}


def _plain(spec: ProtocolSpec) -> dict[str, Any]:
    ports = [
        {"port": service.port, "service": service.name, "security": service.security}
        for service in spec.registered_services
    ]
    texts = {name: getattr(spec.profile, name) for name in _ASPECTS[:-1]}
    return texts | {"ports": ports}


def _seen(use: pd.DataFrame, ports: pd.DataFrame) -> Columns:
    columns = {}
    for row in use.to_dict("records"):
        own = ports[ports["protocol"] == row["protocol"]].to_dict("records")
        seen = observations(row, own)
        columns[row["protocol"]] = {name: "\n".join(seen[name]) for name in _ASPECTS}
    return columns


def _headline(analysis: Results, use: pd.DataFrame) -> Text:
    text = Text(analysis.count_sessions("mail session"), style="bold")
    size = as_size(analysis.capture_bytes)
    text.append(f" in {pluralize(analysis.packets, 'packet')} ({size})", "not bold")
    if hidden := int(use["hidden"].sum()):
        sessions = pluralize(hidden, "session")
        text.append(f"\nTLS hides what was done in {sessions}", "not bold")
    return text


def _comparison(claims: Columns, seen: Columns | None = None) -> Table:
    """Return a column per protocol; below each claim what was seen."""
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    for name in claims:
        table.add_column(name.upper(), ratio=1, overflow="fold")
    for aspect in _ASPECTS:
        if seen and table.row_count:
            table.add_row()
        title = _TITLES.get(aspect, aspect)
        table.add_row(title, *(Text(claim[aspect]) for claim in claims.values()))
        if seen:
            texts = (Text(seen[name][aspect], "cyan") for name in claims)
            table.add_row("  seen", *texts)
    return table
