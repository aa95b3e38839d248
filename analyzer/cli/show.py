"""`mailtap show`: one session, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analyzer.cli import outputs
from analyzer.cli.judging import config_option, read_config
from analyzer.cli.naming import reading_one

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer.cli.inputs import Inputs

_MAX_STEPS = 1000


@click.command()
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    default=_MAX_STEPS,
    show_default=True,
    help="Show the first N steps.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
@config_option
@reading_one
def show(
    session: str,
    limit: int,
    as_json: bool,
    config: Path | None,
    inputs: Inputs,
) -> None:
    """Show what was said in one session, step by step.

    SESSION is an ID, as other commands print them, or as much of its beginning as tells
    it from all others. CAPTURE is what `mailtap analyze` reads, or a folder that
    --output wrote.

    Each step has its time since the first packet, the number of its packet, and how
    long an answer took; > is from the client, < from the server. Secrets are ***, and
    messages are one step each, without what they say. Then come what is known of the
    session, what is wrong with it, and the display filter by which Wireshark finds it.

    Exit status: 0; 1 if something can't be read or written, or there is no such
    session; 2 for wrong use.
    """
    from analyzer.dialogue.chosen import SessionChoiceError, find_session
    from analyzer.dialogue.dialogue import dialogue_of, table_of
    from analyzer.findings.judgement import judge
    from analyzer.findings.subset import of_session
    from analyzer.terminal.dialogue import dialogue_json, print_dialogue

    settings = read_config(config)
    analysis = inputs.read()
    outputs.warn(analysis.notes)
    problems = outputs.describe_problems(analysis)
    ids = analysis.tables["sessions"]["session_id"].to_pylist()
    try:
        chosen = find_session(ids, session)
    except SessionChoiceError as error:
        outputs.exit_with([*problems, str(error)])
    dialogue = dialogue_of(
        analysis,
        chosen,
        limit,
        ports=inputs.ports,
        engine=inputs.engine,
        key_log=inputs.key_log,
    )
    judgement = judge(analysis.tables, settings)
    problems += judgement.problems
    findings = of_session(judgement, ids.index(chosen))
    anomalies = table_of(analysis.tables["anomalies"], chosen)
    if as_json:
        text = dialogue_json(dialogue, analysis, findings, anomalies)
        problems += outputs.print_safely(lambda: click.echo(text))
    else:
        console = outputs.console()
        problems += outputs.print_safely(
            lambda: print_dialogue(dialogue, findings, anomalies, console)
        )
    outputs.exit_with(problems)
