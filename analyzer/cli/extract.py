"""`mailtap extract`: messages and their files, written into a folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.cli import outputs
from analyzer.cli.choosing import choose, selecting
from analyzer.cli.inputs import Inputs, check_read_again, progress, reading
from analyzer.cli.locating import holds_tables
from analyzer.text import escape_controls, pluralize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.extraction.run import Extracted
    from analyzer.selection.selection import Selection
    from analyzer.tables.results import Results


@click.command()
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path),
    help="Write into DIR, which is new or empty.",
)
@click.option("-y", "--yes", is_flag=True, help="Write without asking.")
@selecting
@reading
def extract(
    output: Path,
    yes: bool,
    selection: Selection,
    inputs: Inputs,
) -> None:
    """Write messages, and the files that they carry, into a folder.

    No other command takes out what people wrote. This one says first how much that is,
    and asks. Messages become DIR/messages/HASH.eml, their files DIR/attachments/HASH,
    by their SHA-256, each once; what is not complete ends in .partial. DIR/index.csv
    and DIR/index.parquet say what each file is called, and where it came from. All are
    for you alone (mode 0600), and none is executable. A file may be malware: don't
    open it by a name that it brings along.

    CAPTURE is what `mailtap analyze` reads, but neither a pipe, as it is read twice,
    nor a folder of tables, which holds no messages.

    Exit status: 0; 1 if something can't be read or written, or you did not agree; 2
    for wrong use.
    """
    from analyzer.extraction.folder import check_folder
    from analyzer.extraction.run import extract as write_messages

    _check_captures(inputs.captures)
    check_folder(output)
    analysis = inputs.read()
    analysis = choose(analysis, selection)
    outputs.warn(analysis.notes)
    problems = outputs.describe_problems(analysis)
    _ask(analysis, output, yes=yes)
    try:
        with progress(shown=sys.stderr.isatty()) as on_progress:
            done = write_messages(
                inputs.captures,
                output,
                set(analysis.tables["messages"]["session_id"].to_pylist()),
                ports=inputs.ports,
                engine=inputs.engine,
                key_log=inputs.key_log,
                on_progress=on_progress,
            )
    except KeyboardInterrupt:
        outputs.warn([f"{output}/index.csv says what was written until now"])
        raise
    problems += done.problems
    problems += outputs.print_safely(lambda: click.echo(_said_of(done, output)))
    outputs.exit_with(problems)


def _check_captures(captures: Sequence[str]) -> None:
    """Refuse what can't be read twice, or holds no messages.

    Of what is missing or empty, whoever reads it says so, and the others are read.
    """
    for capture in captures:
        if holds_tables(capture):
            raise outputs.CommandError(
                f"{capture}: tables hold no messages: give the captures"
            )
    check_read_again(filter(_is_stream, captures))


def _is_stream(capture: str) -> bool:
    """Return whether this is standard input, a pipe or a device."""
    is_there = os.path.exists(capture)  # noqa: PTH110, says no
    is_stored = os.path.isfile(capture) or os.path.isdir(capture)  # noqa: PTH112, PTH113
    return capture == "-" or (is_there and not is_stored)


def _ask(analysis: Results, output: Path, *, yes: bool) -> None:
    """Say what will be written, and go on only if that is wanted."""
    from analyzer.extraction.plan import plan_of

    plan = plan_of(analysis.tables["messages"])
    click.echo(f"{plan} will be written into {escape_controls(str(output))}.", err=True)
    if yes:
        return
    if not _is_asked_on_a_terminal():
        raise click.UsageError("Say --yes to write without being asked.")
    try:
        agreed = click.confirm("This is what people wrote. Go on?", err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        raise outputs.CommandError("nothing was written")


def _is_asked_on_a_terminal() -> bool:
    return sys.stdin.isatty()


def _said_of(done: Extracted, output: Path) -> str:
    messages = pluralize(done.messages, "message")
    attachments = pluralize(done.attachments, "attachment")
    partial = f", {done.partial:,} of them in part" if done.partial else ""
    said = (
        f"{messages} and {attachments}{partial}, in {pluralize(done.files, 'file')}: "
        f"{escape_controls(str(output))}/index.csv says what they are"
    )
    if not done.fetched_in_part:
        return said
    more = pluralize(done.fetched_in_part, "more message")
    return f"{said}; of {more}, only header fields or parts were fetched"
