"""The command line: parse, call one function, print."""

from __future__ import annotations

import errno
import gc
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from analyzer import __version__
from analyzer.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from analyzer.pipeline import Analysis, OnProgress
    from dissectors.services import Protocol

# exit status: something could not be read or written; click uses 2 for wrong use
FAILED = 1
# what a shell reports for a command that Ctrl-C ended
INTERRUPTED = 130

_FORMATS = ("jsonl", "csv", "parquet")


class _Group(click.Group):
    """Commands that Ctrl-C ends with the status that shells expect."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mailtap")
def main() -> None:
    """Find every SMTP, IMAP and POP3 session in network captures."""


def _parse_ports(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> Mapping[int, Protocol]:
    from dissectors.services import PORTS, Protocol

    ports = dict(PORTS)
    for value in values:
        number, _, name = value.lower().partition("=")
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
    still reported), or the output can't be written; 2 for wrong use.
    """
    from analyzer.pipeline import analyze as analyze_captures
    from analyzer.tables import defer_pandas
    from analyzer.workers import WorkerError

    defer_pandas()
    # what is imported by now stays: the collector need not look at it again
    gc.freeze()
    with _progress(shown=not quiet and sys.stderr.isatty()) as on_progress:
        try:
            analysis = analyze_captures(captures, ports=ports, on_progress=on_progress)
        except WorkerError as error:
            raise click.ClickException(str(error)) from error
    problems = [str(problem) for problem in analysis.problems]
    problems += _unreadable_packets(analysis)
    if output is not None:
        problems += _write(analysis, output, table_format)
    if not quiet:
        problems += _print(analysis, as_json=as_json)
    for problem in problems:
        click.echo(f"mailtap: {escape_controls(problem)}", err=True)
    sys.exit(FAILED if problems else 0)


def _progress(*, shown: bool) -> AbstractContextManager[OnProgress | None]:
    """A progress bar, or nothing."""
    if not shown:
        return nullcontext()
    from analyzer.progress import progress_bar

    return progress_bar()


def _unreadable_packets(analysis: Analysis) -> list[str]:
    """What is wrong with captures of interfaces that nobody here knows."""
    captures = analysis.captures
    where = captures[0] if len(captures) == 1 else f"{len(captures):,} captures"
    return [
        f"{where}: {count:,} packets could not be read ({reason})"
        for reason, count in analysis.undecoded.items()
        if reason.startswith("link type ")
    ]


def _print(analysis: Analysis, *, as_json: bool) -> list[str]:
    """Print the summary; return what went wrong."""
    from rich.console import Console

    from analyzer.summary import print_summary, summary_json

    try:
        if as_json:
            click.echo(summary_json(analysis))
        else:
            print_summary(analysis, Console(highlight=False))
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        # what is left in the buffer can't be written at the end either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return [f"standard output: can't be written ({error.strerror})"]
    return []


def _write(analysis: Analysis, output: Output, table_format: str) -> list[str]:
    """Write the tables; return what went wrong."""
    from analyzer.export import ExportError, write_table, write_tables

    try:
        if output.is_folder:
            write_tables(analysis.tables, output.path, table_format)
        else:
            write_table(analysis.tables["sessions"], output.path)
    except ExportError as error:
        return [str(error)]
    return []
