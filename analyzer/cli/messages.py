"""`mailtap messages`: the messages that crossed the wire, and where they went."""

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
@click.option(
    "--journey",
    is_flag=True,
    help="Follow each message by its Message-ID: submitted, relayed, fetched, and how "
    "long that took.",
)
@list_output
@selecting
@reading
def messages(
    journey: bool,
    listed: ListOutput,
    selection: Selection,
    inputs: Inputs,
) -> None:
    """List the messages that crossed in plaintext or were decrypted.

    Each has its envelope or header, size, outcome, and the names of its files. With
    --journey, the transfers of a message stand together, whatever captures, servers
    and protocols they are from.

    CAPTURE is what `mailtap analyze` reads, or a folder that --output wrote.

    Exit status: 0; 1 if something can't be read or written; 2 for wrong use.
    """
    from analyzer import reports
    from analyzer.terminal.messages import print_journeys, print_messages

    columns = reports.JOURNEY_COLUMNS if journey else reports.MESSAGE_COLUMNS
    listed.check(columns, inputs.paths)
    analysis = inputs.read()
    analysis = choose(analysis, selection)
    outputs.warn(analysis.notes)
    problems = outputs.describe_problems(analysis)
    report = reports.journeys if journey else reports.message_list
    rows = listed.arrange(report(analysis.messages, analysis.sessions))
    name = "transfers" if journey else "messages"
    show = print_journeys if journey else print_messages
    problems += listed.write(
        analysis,
        name,
        rows,
        lambda console, limit: show(rows, console, limit),
        analysis.choice,
    )
    outputs.exit_with(problems)
