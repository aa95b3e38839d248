"""What commands print and write, and how they say what went wrong."""

from __future__ import annotations

import errno
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

import click
from click.core import ParameterSource

from analyzer.cli.statuses import FAILED
from analyzer.cli.streams import discard_output
from analyzer.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pyarrow as pa
    from rich.console import Console

    from analyzer.cli.options import TableOutput
    from analyzer.errors import ExportError, LoadError
    from analyzer.findings.judgement import Judgement
    from analyzer.findings.settings import Settings
    from analyzer.tables.results import Results


STANDARD_OUTPUT = Path("-")
"""The name by which users ask for it in place of a file."""

IN_USE = (
    "a monitor writes into this folder, or was ended before it was done: name "
    "another one"
)

# they say where and how to write, and not what
_OF_OUTPUTS = frozenset(
    {"output", "html", "png", "svg", "quiet", "table_format", "as_json"}
)


class CommandError(click.ClickException):
    """The command can do nothing; the text is for the user."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Say why on standard error, whatever the traffic put into the text."""
        warn([self.message])


class WrongFileError(CommandError):
    """A file of the user says what can't be, in some lines."""

    exit_code = 2

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))

    def show(self, file: IO[Any] | None = None) -> None:
        """Say on standard error what is wrong in which line."""
        warn(self.mistakes)


def as_command_error(error: LoadError | ExportError) -> CommandError:
    """Return what is told of a file of the user that can't be read or written."""
    from analyzer.findings.toml_file import MistakesError

    if isinstance(error, MistakesError):
        return WrongFileError(error.mistakes)
    return CommandError(str(error))


def describe_problems(analysis: Results) -> list[str]:
    """Return what could not be read, in words."""
    return [str(problem) for problem in analysis.problems] + _unreadable_packets(
        analysis
    )


def _unreadable_packets(analysis: Results) -> list[str]:
    """Say which packets were not read, as their link layer is unknown."""
    unknown = [
        (reason, count)
        for reason, count in analysis.undecoded.items()
        if reason.startswith("link type ")
    ]
    if not unknown:
        return []
    from captures.files.tshark import INSTALL, find_tshark

    captures = analysis.captures
    where = captures[0] if len(captures) == 1 else f"{len(captures):,} captures"
    hint = "" if find_tshark() else f"; tshark may know it ({INSTALL})"
    return [
        f"{where}: {count:,} packets could not be read ({reason}){hint}"
        for reason, count in unknown
    ]


def warn(texts: Iterable[str]) -> None:
    """Tell the user on standard error."""
    # nobody else is left who could be told that this fails
    with suppress(OSError):
        for text in texts:
            click.echo(f"mailtap: {escape_controls(text)}", err=True)


def exit_with(problems: list[str], status: int = 0) -> NoReturn:
    """Exit with a status; problems come last, where they are seen."""
    warn(problems)
    sys.exit(FAILED if problems else status)


def refuse_terminal(options: str) -> None:
    """Refuse to write what is no text to a terminal, which it might take over.

    Raises:
        UsageError: standard output is one.
    """
    if sys.stdout.isatty():
        raise click.UsageError(
            f"{options} writes to a terminal: name a file, or use a pipe"
        )


def print_safely(output: Callable[[], None]) -> list[str]:
    """Print something; return what went wrong."""
    try:
        output()
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        discard_output()
        return [f"standard output: can't be written ({error.strerror})"]
    return []


def write_safely(write: Callable[[], object]) -> list[str]:
    """Write files; return what went wrong."""
    from analyzer.errors import ExportError

    try:
        write()
    except ExportError as error:
        return [str(error)]
    return []


def console() -> Console:
    """Return the console of standard output, for tables."""
    from rich.console import Console

    return Console(highlight=False)


def is_typed(name: str) -> bool:
    """Return whether a parameter was typed, and is no default, of a file or at all."""
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


def print_analysis(
    analysis: Results, *, findings: pa.Table | None = None, as_json: bool
) -> list[str]:
    """Print the summary; return what went wrong."""
    from analyzer.terminal.summary import print_summary, summary_json

    if as_json:
        return print_safely(lambda: click.echo(summary_json(analysis, findings)))
    return print_safely(lambda: print_summary(analysis, console(), findings))


def write_file(table: pa.Table, path: Path, table_format: str = "jsonl") -> list[str]:
    """Write a table to a file; return what went wrong.

    Args:
        table: what to write.
        path: the file, whose suffix names the format; or `STANDARD_OUTPUT`.
        table_format: csv, jsonl or parquet, for standard output.
    """
    from analyzer.tables.export import write_stream, write_table

    if path == STANDARD_OUTPUT:
        file = sys.stdout.buffer
        return print_safely(lambda: write_stream(table, file, table_format))
    return write_safely(lambda: write_table(table, path))


def write_output(
    analysis: Results,
    output: TableOutput,
    table_format: str,
    findings: pa.Table | None,
) -> list[str]:
    """Write the tables; return what went wrong."""
    from analyzer.tables.folder import write_folder
    from analyzer.tables.parts import has_parts

    if not output.is_folder:
        return write_file(analysis.tables["sessions"], output.path, table_format)
    if has_parts(output.path):
        return [f"{output.path}: {IN_USE}"]
    return write_safely(
        lambda: write_folder(analysis, output.path, table_format, findings)
    )


def write_html(
    analysis: Results, path: Path, judgement: Judgement | None, settings: Settings
) -> list[str]:
    """Write the page; return what went wrong."""
    from analyzer.html import render_page, write_page
    from analyzer.html.provenance import Making

    making = Making(options=_options())
    if path == STANDARD_OUTPUT:
        page = render_page(analysis, judgement, settings, making)
        return print_safely(lambda: click.echo(page.encode()))
    return write_safely(lambda: write_page(analysis, path, judgement, settings, making))


def write_spreadsheet(
    analysis: Results, path: Path, findings: pa.Table | None
) -> list[str]:
    """Write the report as a spreadsheet; return what went wrong."""
    from analyzer.terminal.spreadsheet import write_spreadsheet

    return write_safely(lambda: write_spreadsheet(analysis, path, findings))


def write_pictures(analysis: Results, folders: Mapping[str, Path]) -> list[str]:
    """Write the charts as pictures, of each kind; return what went wrong."""
    from analyzer.html.pictures import write_pictures

    return write_safely(lambda: write_pictures(analysis, folders))


def _options() -> list[str]:
    """Return the options that were given, but where to write; files without folders."""
    context = click.get_current_context()
    given = []
    for option in context.command.params:
        if not isinstance(option, click.Option) or option.name in _OF_OUTPUTS:
            continue
        name = str(option.name)
        if not is_typed(name):
            continue
        value = context.params[name]
        if value is True or isinstance(value, dict):
            given.append(option.opts[0])
            continue
        for each in value if isinstance(value, list | tuple) else (value,):
            text = each.name if isinstance(each, Path) else str(each)
            given.append(f"{option.opts[0]} {text}")
    return given
