"""`mailtap attachments`: the files that messages carried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analyzer.cli import outputs
from analyzer.cli.choosing import choose, selecting
from analyzer.cli.inputs import Inputs, reading
from analyzer.cli.lists import ListOutput, list_output

if TYPE_CHECKING:
    from analyzer.selection.selection import Selection


@click.command()
@list_output
@selecting
@reading
def attachments(
    listed: ListOutput,
    selection: Selection,
    inputs: Inputs,
) -> None:
    """List the files that messages carried, each once, by its SHA-256.

    Each has its name, the type that was declared and the one that its content tells,
    size, and how many messages carried it, in which sessions. A file of which some is
    missing has no SHA-256.

    CAPTURE is what `mailtap analyze` reads, or a folder that --output wrote.

    Exit status: 0; 1 if something can't be read or written; 2 for wrong use.
    """
    from analyzer import reports
    from analyzer.terminal.messages import print_attachments

    listed.check(reports.ATTACHMENT_COLUMNS, inputs.paths)
    analysis = inputs.read()
    analysis = choose(analysis, selection)
    outputs.warn(analysis.notes)
    problems = outputs.describe_problems(analysis)
    rows = listed.arrange(reports.attachment_list(analysis.messages))
    problems += listed.write(
        analysis,
        "attachments",
        rows,
        lambda console, limit: print_attachments(rows, console, limit),
        analysis.choice,
    )
    outputs.exit_with(problems)
