"""The command line: parse, call one function, print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from analyzer import __version__
from analyzer.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.pipeline import Analysis
    from dissectors.services import Protocol

# exit status: an input was damaged or can't be read; click uses 2 for wrong use
DAMAGED = 1

_FORMATS = ("jsonl", "csv", "parquet")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mailtap")
def main() -> None:
    """Find every SMTP, IMAP and POP3 session in network captures."""


def _parse_ports(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> Mapping[int, Protocol]:
    from dissectors.services import PORTS, Protocol

    ports = dict(PORTS)
    for value in values:
        number, _, name = value.partition("=")
        if not number.isdecimal() or not 0 < int(number) < 65_536:
            raise click.BadParameter(f"{value!r}: a port is a number from 1 to 65535")
        if name not in list(Protocol):
            known = ", ".join(Protocol)
            raise click.BadParameter(f"{value!r}: write PORT=PROTOCOL, one of {known}")
        ports[int(number)] = Protocol(name)
    return ports


class Output(NamedTuple):
    """Where tables go to."""

    path: Path
    is_folder: bool


def _parse_output(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> Output | None:
    """Look at the name before any work is done for it."""
    if value is None:
        return None
    path = Path(value)
    is_folder = value.endswith("/") or path.is_dir()
    if not is_folder and path.suffix.removeprefix(".").lower() not in _FORMATS:
        endings = ", ".join(f".{name}" for name in _FORMATS)
        raise click.BadParameter(
            f"{value!r} must end in {endings}; or in / for a folder with all tables"
        )
    return Output(path, is_folder)


@main.command()
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="FILE|DIR/",
    callback=_parse_output,
    help="Write the session table to FILE (.csv, .jsonl, .parquet), or every table "
    "into the folder DIR/.",
)
@click.option(
    "--format",
    "table_format",
    type=click.Choice(_FORMATS),
    default="jsonl",
    show_default=True,
    help="Kind of the files in DIR/.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but problems.")
@click.option(
    "--port",
    "ports",
    metavar="PORT=PROTOCOL",
    multiple=True,
    callback=_parse_ports,
    help="Take PORT for smtp, imap or pop3; may be given several times.",
)
def analyze(
    captures: tuple[str, ...],
    output: Output | None,
    table_format: str,
    as_json: bool,
    quiet: bool,
    ports: Mapping[int, Protocol],
) -> None:
    """Find the mail sessions in capture files, and summarise them.

    CAPTURE is a pcap or pcapng file, also compressed with gzip, xz or zstd; - is
    standard input. Several captures are read as one, in time order.

    Exit status: 0; 1 if a capture is damaged or can't be read (everything else is
    still reported); 2 for wrong use.
    """
    from analyzer.pipeline import analyze as analyze_captures
    from analyzer.progress import progress_bar

    with progress_bar(shown=not quiet and sys.stderr.isatty()) as on_progress:
        analysis = analyze_captures(captures, ports=ports, on_progress=on_progress)
    if not quiet:
        _print(analysis, as_json=as_json)
    for problem in analysis.problems:
        click.echo(f"mailtap: {escape_controls(str(problem))}", err=True)
    if output is not None:
        _write(analysis, output, table_format)
    sys.exit(DAMAGED if analysis.problems else 0)


def _print(analysis: Analysis, *, as_json: bool) -> None:
    from analyzer.summary import print_summary, summary_json

    if as_json:
        click.echo(summary_json(analysis))
    else:
        from rich.console import Console

        print_summary(analysis, Console(highlight=False))


def _write(analysis: Analysis, output: Output, table_format: str) -> None:
    from analyzer.export import ExportError, write_table, write_tables

    try:
        if output.is_folder:
            write_tables(analysis.tables, output.path, table_format)
        else:
            write_table(analysis.tables["sessions"], output.path)
    except ExportError as error:
        raise click.ClickException(escape_controls(str(error))) from error
