"""Options and arguments that commands share, each defined once."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from analyzer.cli.completion import complete_interface, complete_port
from analyzer.cli.locating import locate_captures
from analyzer.findings.levels import Severity
from analyzer.text import near_names

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMATS = ("jsonl", "csv", "parquet")
READERS = ("auto", "native", "tshark")
ENGINES = ("auto", "socket", "dumpcap")
# what may not be read is told by what reads it, as all else that can't be
SOURCE = click.Path(path_type=Path, readable=False)
# from the least to the worst
SEVERITIES = tuple(severity.value for severity in Severity)
_PORT = re.compile("[0-9]{1,5}")


def _parse_ports(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> Mapping[int, str]:
    from dissectors import registry

    named: dict[int, str] = {}
    for value in values:
        number, _, name = value.lower().partition("=")
        if not _PORT.fullmatch(number) or not 0 < int(number) < 65_536:
            raise click.BadParameter(f"{value!r}: a port is a number from 1 to 65535")
        if name not in registry.protocols():
            known = ", ".join(registry.protocols())
            raise click.BadParameter(f"{value!r}: write PORT=PROTOCOL, one of {known}")
        if named.setdefault(int(number), name) != name:
            other = named[int(number)]
            raise click.BadParameter(f"{value!r}: the port was said to be {other}")
    return {**registry.ports(), **named}


def parse_rules(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse IDs of rules that there are not."""
    if values:
        from analyzer.findings import registry

        for value in values:
            if value not in registry.rules():
                hint = near_names(value, registry.rules())
                raise click.BadParameter(f"there is no rule {value!r}{hint}")
    return values


def _locate_captures(
    context: click.Context, _argument: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    return locate_captures(context, names)


class TableOutput(NamedTuple):
    """Where tables go to."""

    path: Path
    is_folder: bool


def parse_output(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> TableOutput | None:
    """Look at the name before any work is done for it."""
    if value is None:
        return None
    path = Path(value)
    is_folder = value.endswith("/") or os.path.isdir(path)  # noqa: PTH112, says no
    if value == "-":
        return TableOutput(path, is_folder=False)
    if not is_folder and path.suffix.removeprefix(".").lower() not in FORMATS:
        endings = ", ".join(f".{name}" for name in FORMATS)
        raise click.BadParameter(
            f"{value!r} must end in {endings}; or in / for a folder with all tables; "
            "or be - for standard output"
        )
    return TableOutput(path, is_folder)


key_log = click.option(
    "--keylog",
    "key_log",
    metavar="FILE",
    type=SOURCE,
    help="Decrypt TLS with the secrets of FILE, an NSS key log (SSLKEYLOGFILE).",
)

ca = click.option(
    "--ca",
    metavar="FILE",
    type=SOURCE,
    help="Trust the certificates in FILE (PEM) to sign others, not the system's.",
)

captures = click.argument(
    "captures",
    metavar="CAPTURE...",
    nargs=-1,
    type=click.Path(readable=False),
    callback=_locate_captures,
)
# where an interface may be named in place of them, or nothing
captures_if_any = click.argument(
    "captures",
    metavar="[CAPTURE]...",
    nargs=-1,
    type=click.Path(readable=False),
    callback=_locate_captures,
)

ports = click.option(
    "--port",
    "ports",
    metavar="PORT=PROTOCOL",
    multiple=True,
    callback=_parse_ports,
    shell_complete=complete_port,
    help="Treat PORT as smtp, imap or pop3, with or without TLS; may be given several "
    "times.",
)

reader = click.option(
    "--engine",
    type=click.Choice(READERS),
    default="auto",
    show_default=True,
    help="What reads the captures: mailtap itself (native), tshark, or "
    "tshark for what mailtap can't read (auto).",
)

table_format = click.option(
    "--format",
    "table_format",
    type=click.Choice(FORMATS),
    default="jsonl",
    show_default=True,
    help="File format for DIR/ and -.",
)

quiet = click.option("-q", "--quiet", is_flag=True, help="Print nothing but problems.")

interface = click.option(
    "-i",
    "--interface",
    metavar="IFACE",
    required=True,
    shell_complete=complete_interface,
    help="Which interface to watch.",
)

engine = click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="auto",
    show_default=True,
    help="What captures the packets: a packet socket (socket), dumpcap, or dumpcap "
    "where sockets are not allowed (auto).",
)

duration = click.option(
    "--duration",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop after this many seconds.",
)

run_as = click.option(
    "--run-as",
    metavar="NAME",
    help="Drop root privileges to NAME once the interface is open.  [default: "
    "$SUDO_USER, else nobody]",
)

any_port = click.option(
    "--any-port",
    is_flag=True,
    help="Capture all ports, to find mail on unusual ones and in tunnels too.",
)


def at_least(severity: str) -> tuple[str, ...]:
    """Return a severity and all that are worse."""
    return SEVERITIES[SEVERITIES.index(severity) :]


def require_captures(captures: tuple[str, ...]) -> None:
    """Complain, as click does, that no capture was named."""
    if not captures:
        raise click.UsageError("Missing argument 'CAPTURE...'.")
