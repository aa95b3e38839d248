"""`mailtap protocols`: what SMTP, IMAP and POP3 are for, and what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analyzer.cli import outputs
from analyzer.cli.choosing import choose, selecting
from analyzer.cli.inputs import Inputs, reading_if_any

if TYPE_CHECKING:
    from analyzer.selection.selection import Selection
    from analyzer.tables.results import Results


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
@selecting
@reading_if_any
def protocols(
    as_json: bool,
    selection: Selection,
    inputs: Inputs,
) -> None:
    """Compare SMTP, IMAP and POP3, and say what each was used for.

    Side by side: what each protocol is for, which way mail goes, where it is stored,
    whether it is synchronised, with how many devices it can be used, whether it has
    folders, when it needs the network, how it is secured, and its ports.

    With captures, below each of these what was seen there; TLS hides some of it.

    CAPTURE is what `mailtap analyze` reads, or a folder that --output wrote.

    Exit status: as that of `mailtap analyze`.
    """
    from analyzer.runs.plugins import plugin_notes

    if selection and not inputs.captures:
        raise click.UsageError("Name captures whose sessions are to be chosen.")
    analysis = None
    problems: list[str] = []
    if inputs.captures:
        analysis = inputs.read()
        analysis = choose(analysis, selection)
        outputs.warn(analysis.notes)
        problems += outputs.describe_problems(analysis)
    else:
        outputs.warn(plugin_notes())
    problems += _print(analysis, as_json=as_json)
    outputs.exit_with(problems)


def _print(analysis: Results | None, *, as_json: bool) -> list[str]:
    from analyzer.terminal.protocols import print_protocols, protocols_json

    if as_json:
        text = protocols_json(analysis)
        return outputs.print_safely(lambda: click.echo(text))
    return outputs.print_safely(lambda: print_protocols(outputs.console(), analysis))
