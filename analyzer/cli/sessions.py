"""`mailtap sessions`: the sessions themselves, as a list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.cli import outputs
from analyzer.cli.choosing import naming_findings, selecting
from analyzer.cli.completion import columns_beginning
from analyzer.cli.inputs import Inputs, read_folder_of_tables, reading
from analyzer.cli.judging import config_option, read_config
from analyzer.cli.lists import SHOWN_ROWS, ListOutput, list_output
from analyzer.text import near_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem
    from rich.console import Console

    from analyzer.findings.settings import Settings
    from analyzer.selection.listing import Listing
    from analyzer.selection.selection import Selection
    from analyzer.selection.source import Source


def _parse_columns(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> tuple[str, ...]:
    from analyzer.tables.schema import SESSIONS

    names = tuple(name.strip() for name in value.split(",")) if value else ()
    known = SESSIONS.arrow.names
    for name in names:
        if name not in known:
            hint = near_names(name, known)
            raise click.BadParameter(f"there is no column {name!r}{hint}")
    return tuple(dict.fromkeys(names))


def _complete_columns(
    _context: click.Context, _option: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    before, comma, begun = incomplete.rpartition(",")
    return columns_beginning(begun, before + comma)


@click.command()
@list_output
@click.option(
    "--columns",
    metavar="NAME,...",
    callback=_parse_columns,
    shell_complete=_complete_columns,
    help="List these columns of the table `sessions`.  [default: a few for people, "
    "all for programs]",
)
@selecting
@config_option
@reading
def sessions(
    listed: ListOutput,
    columns: tuple[str, ...],
    selection: Selection,
    config: Path | None,
    inputs: Inputs,
) -> None:
    """List sessions, by time unless they are sorted.

    People are shown as much of an ID as tells it from all others, which is enough for
    `mailtap show`. Of a folder of Parquet files, only what is asked for is read.

    CAPTURE is what `mailtap analyze` reads, or a folder that --output wrote.

    Exit status: 0; 1 if something can't be read or written; 2 for wrong use.
    """
    listed.check(_all_columns(), (*inputs.paths, config))
    settings = read_config(config)
    analysis, source = inputs.open(whole=bool(selection.findings))
    outputs.warn(analysis.notes)
    problems = outputs.describe_problems(analysis)
    shown = columns or _usual_columns(listed)
    listing = _list(inputs, source, selection, shown, listed, settings)
    if selection and analysis.sessions_in_all is None:
        analysis.sessions_in_all = listing.in_all
    problems += listed.write(
        analysis,
        "sessions",
        listing.rows,
        lambda console, _: _show(listing, console, analysis.sessions_in_all),
    )
    outputs.exit_with(problems)


def _list(
    inputs: Inputs,
    source: Source,
    selection: Selection,
    columns: Sequence[str],
    listed: ListOutput,
    settings: Settings,
) -> Listing:
    from analyzer.errors import LoadError
    from analyzer.selection.listing import Order, list_sessions
    from analyzer.selection.source import Loaded

    order = None
    if listed.sort is not None:
        order = Order(listed.sort.removeprefix("-"), listed.sort.startswith("-"))
    limit = listed.limit or (SHOWN_ROWS if listed.is_for_people else None)
    try:
        with naming_findings():
            return list_sessions(source, selection, columns, order, limit, settings)
    except LoadError:
        # a monitor may have put parts together meanwhile
        tables = read_folder_of_tables(Path(inputs.captures[0])).tables
    loaded = Loaded(tables)
    return list_sessions(loaded, selection, columns, order, limit, settings)


def _usual_columns(listed: ListOutput) -> Sequence[str]:
    if not listed.is_for_people:
        return _all_columns()
    from analyzer.terminal.sessions import COLUMNS

    return COLUMNS


def _show(listing: Listing, console: Console, in_all: int | None) -> None:
    from analyzer.terminal.sessions import print_sessions

    print_sessions(listing, console, in_all)


def _all_columns() -> Sequence[str]:
    from analyzer.tables.schema import SESSIONS

    return list(SESSIONS.arrow.names)
