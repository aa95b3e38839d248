"""`mailtap messages`: the messages that crossed the wire, and where they went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analyzer.cli import options, outputs
from analyzer.cli.choosing import choose, selecting
from analyzer.cli.inputs import read_inputs
from analyzer.cli.lists import ListOutput, list_output

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from analyzer.selection.selection import Selection


@click.command()
@options.captures
@click.option(
    "--journey",
    is_flag=True,
    help="Follow each message by its Message-ID: submitted, relayed, fetched, and how "
    "long that took.",
)
@list_output
@selecting
@options.ports
@options.reader
@options.key_log
@options.ca
def messages(
    captures: tuple[str, ...],
    journey: bool,
    listed: ListOutput,
    selection: Selection,
    ports: Mapping[int, str],
    engine: str,
    key_log: Path | None,
    ca: Path | None,
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

    options.require_captures(captures)
    columns = reports.JOURNEY_COLUMNS if journey else reports.MESSAGE_COLUMNS
    listed.check(columns, (*captures, key_log, ca))
    analysis = read_inputs(
        captures, ports=ports, engine=engine, key_log=key_log, ca=ca, quiet=False
    )
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
