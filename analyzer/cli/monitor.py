"""`mailtap monitor`: the mail sessions of an interface, as they end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.cli import options, outputs
from analyzer.cli.inputs import read_trust
from analyzer.cli.judging import accept_option, config_option, read_standards
from analyzer.cli.preflight import check_owners

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command()
@options.interface
@options.engine
@options.any_port
@options.ports
@options.duration
@click.option(
    "--count",
    metavar="SESSIONS",
    type=click.IntRange(min=1),
    help="Stop after this many sessions.",
)
@click.option(
    "-o",
    "--output",
    metavar="DIR/",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write every table into the folder DIR/, every few seconds and at the end.",
)
@options.table_format
@click.option("--json", "as_json", is_flag=True, help="Print sessions as JSON Lines.")
@config_option
@accept_option
@options.quiet
@options.run_as
@options.key_log
@options.ca
def monitor(
    interface: str,
    engine: str,
    any_port: bool,
    ports: Mapping[int, str],
    duration: float | None,
    count: int | None,
    output: Path | None,
    table_format: str,
    as_json: bool,
    config: Path | None,
    accept: Path | None,
    quiet: bool,
    run_as: str | None,
    key_log: Path | None,
    ca: Path | None,
) -> None:
    """Watch an interface: a line for each mail session that ends.

    A line says when the session ended, its service, client and server, how it was
    protected, who logged in, what happened and, behind "!", what is worrying.
    What is wrong is told as it comes up, once: a line that begins with how bad it is;
    with --json, an object that has a "finding_id". Ctrl-C ends the command, which
    then summarises all that was seen, what is wrong first.

    Secrets that programs add to the file of --keylog meanwhile decrypt their sessions.

    `mailtap interfaces` lists what can be watched. Root's rights are given up as
    soon as the interface is open.

    Exit status: 0; 1 if the interface can't be watched (any longer), or the output
    can't be written; 2 for wrong use.
    """
    if output is not None:
        check_owners(output, table_format)
    from analyzer.cli.live import watch
    from analyzer.terminal.summary import print_summary

    watched = watch(
        interface,
        print_summary,
        engine=engine,
        ports=ports,
        any_port=any_port,
        duration_s=duration,
        count=count,
        output=output,
        table_format=table_format,
        as_json=as_json,
        quiet=quiet,
        user=run_as,
        trust=read_trust(ca),
        key_log=key_log,
        standards=read_standards(config, None, accept),
    )
    problems = watched.problems + outputs.describe_problems(watched.analysis)
    if not quiet and not as_json:
        problems += outputs.print_analysis(
            watched.analysis, findings=watched.judged.reviewed, as_json=False
        )
    outputs.exit_with(problems)
