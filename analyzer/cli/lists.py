"""How commands print a list: in which order, how much of it, as what, where to."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from analyzer.cli import outputs
from analyzer.cli.options import FORMATS
from analyzer.cli.preflight import check_file
from analyzer.text import near_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pandas as pd
    import pyarrow as pa
    from rich.console import Console

    from analyzer.tables.results import Results

# rows that people are shown unless they ask for more
SHOWN_ROWS = 100


class ListOutput(NamedTuple):
    """What a command is asked to do with its list.

    Attributes:
        sort: column to sort by, with a minus in front for the largest first.
        limit: how many rows there may be.
        form: `json` or `csv`; `None` for people, or what the file's name says.
        path: file to write, or `-` for standard output.
    """

    sort: str | None
    limit: int | None
    form: str | None
    path: str | None

    def check(self, columns: Sequence[str], read: Iterable[str | Path | None]) -> None:
        """Check, before any work is done, whether that can be done.

        Args:
            columns: those of the list.
            read: files and folders of tables that are read.

        Raises:
            UsageError: there is no such column, or no such kind of file.
            CommandError: the file can't be written.
        """
        column = (self.sort or "").removeprefix("-")
        if self.sort is not None and column not in columns:
            hint = near_names(column, columns) or f": there are {', '.join(columns)}"
            raise click.UsageError(f"--sort: there is no column {column!r}{hint}")
        path = outputs.STANDARD_OUTPUT if self.path is None else Path(self.path)
        if path == outputs.STANDARD_OUTPUT:
            return
        if self.form is not None:
            raise click.UsageError("--json and --csv are for standard output.")
        if path.suffix.removeprefix(".").lower() not in FORMATS:
            endings = ", ".join(f".{name}" for name in FORMATS)
            raise click.UsageError(f"--output {self.path!r} must end in {endings}.")
        check_file(path, read)

    @property
    def is_for_people(self) -> bool:
        """Whether it is printed as a table, and not written for programs."""
        return self.form is None and self.path is None

    def arrange(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Sort as it was asked for; rows that are alike stay in order, nulls last."""
        if self.sort is None:
            return rows
        column, is_ascending = self.sort.removeprefix("-"), self.sort[0] != "-"
        return rows.sort_values(
            column, ascending=is_ascending, kind="stable", key=_sortable
        )

    def write(
        self,
        analysis: Results,
        name: str,
        rows: pd.DataFrame | pa.Table,
        show: Callable[[Console, int], None],
        headline: str | None = None,
    ) -> list[str]:
        """Print or write the list; return what went wrong.

        Args:
            analysis: what it was made of.
            name: of the list, in JSON.
            rows: all of them, in order; or no more than are wanted.
            show: prints it for people, up to a number of rows.
            headline: what people are told first.
        """
        if self.is_for_people:
            return outputs.print_safely(lambda: self._show(show, headline))
        table = _as_arrow(rows).slice(0, self.limit)
        if self.form == "json" and self.path is None:
            return _print_document(analysis, name, table)
        path = outputs.STANDARD_OUTPUT if self.path is None else Path(self.path)
        lines = "csv" if self.form == "csv" else "jsonl"
        return outputs.write_file(table, path, lines)

    def _show(self, show: Callable[[Console, int], None], headline: str | None) -> None:
        console = outputs.console()
        if headline is not None:
            console.print(headline, markup=False)
        show(console, self.limit or SHOWN_ROWS)


def list_output(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a list, which the command is given as `listed`."""

    @functools.wraps(command)
    def with_list(
        *arguments: Any,
        sort: str | None,
        limit: int | None,
        form: str | None,
        output: str | None,
        **others: Any,
    ) -> Any:
        if output is not None and not outputs.is_typed("form"):
            # what is typed wins over what is always wanted
            form = None
        listed = ListOutput(sort, limit, form, output)
        return command(*arguments, listed=listed, **others)

    for option in reversed(_OPTIONS):
        with_list = option(with_list)
    return with_list


def _complete_sort(
    context: click.Context, _option: click.Parameter, incomplete: str
) -> list[str]:
    """Complete the column that a list is sorted by."""
    columns = _columns_of(context.info_name)
    return [name for name in columns if name.startswith(incomplete)]


def _columns_of(command: str | None) -> Sequence[str]:
    from analyzer import reports
    from analyzer.tables.schema import SESSIONS

    columns: dict[str | None, Sequence[str]] = {
        "attachments": reports.ATTACHMENT_COLUMNS,
        "messages": reports.MESSAGE_COLUMNS,
        "sessions": SESSIONS.arrow.names,
    }
    return columns.get(command, ())


_OPTIONS = (
    click.option(
        "--sort",
        metavar="COLUMN",
        shell_complete=_complete_sort,
        help="Sort by COLUMN; by -COLUMN for the largest first.",
    ),
    click.option(
        "--limit",
        metavar="N",
        type=click.IntRange(min=1),
        help=f"List the first N.  [default: {SHOWN_ROWS} for people, all for programs]",
    ),
    click.option("--json", "form", flag_value="json", help="Print a JSON document."),
    click.option("--csv", "form", flag_value="csv", help="Print CSV."),
    click.option(
        "-o",
        "--output",
        metavar="FILE|-",
        help="Write the list to FILE (.csv, .jsonl, .parquet), or as JSON Lines to "
        "standard output (-).",
    ),
)


def _sortable(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return by what rows are sorted: of lists, by how many items they have."""
    import pyarrow as pa

    kind = getattr(values.dtype, "pyarrow_dtype", pa.null())
    return values.list.len() if pa.types.is_list(kind) else values


def _as_arrow(rows: pd.DataFrame | pa.Table) -> pa.Table:
    import pyarrow as pa

    if isinstance(rows, pa.Table):
        return rows
    return pa.Table.from_pandas(rows, preserve_index=False)


def _print_document(analysis: Results, name: str, table: pa.Table) -> list[str]:
    from analyzer.tables.export import json_rows
    from analyzer.terminal.json_document import as_json

    text = as_json(analysis, {}, {name: list(json_rows(table))})
    return outputs.print_safely(lambda: click.echo(text))
