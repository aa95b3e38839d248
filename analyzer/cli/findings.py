"""`mailtap findings`: what is wrong, with its proof."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import click

from analyzer.cli import options, outputs
from analyzer.cli.inputs import read_inputs
from analyzer.cli.judging import failing_status, read_standards, standards

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

    from analyzer.tables.results import Results


def _parse_address(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> str | None:
    try:
        return None if value is None else str(ip_address(value))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no address") from error


@click.command()
@options.captures
@click.option(
    "--severity",
    type=click.Choice(options.SEVERITIES),
    default="info",
    help="List those that are so severe, or worse.",
)
@click.option(
    "--rule",
    "rules",
    metavar="ID",
    multiple=True,
    callback=options.parse_rules,
    help="List those of this rule; may be given several times.",
)
@click.option(
    "--client",
    metavar="ADDRESS",
    callback=_parse_address,
    help="List those that concern this client.",
)
@click.option(
    "--server",
    metavar="ADDRESS",
    callback=_parse_address,
    help="List those that concern this server.",
)
@click.option("--json", "form", flag_value="json", help="Print a JSON document.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option("--sarif", "form", flag_value="sarif", help="Print SARIF 2.1.0.")
@standards
@options.ports
@options.reader
@options.key_log
@options.ca
def findings(
    captures: tuple[str, ...],
    severity: str,
    rules: tuple[str, ...],
    client: str | None,
    server: str | None,
    form: str | None,
    config: Path | None,
    baseline: Path | None,
    accept: Path | None,
    fail_on: str | None,
    ports: Mapping[int, str],
    engine: str,
    key_log: Path | None,
    ca: Path | None,
) -> None:
    """List what is wrong, the worst first, with its proof and its remedy.

    CAPTURE is what `mailtap analyze` reads, or a folder that --output wrote. A finding
    about many clients of a server concerns all that talked to it, and the other way
    round.

    Exit status: 0; 1 if something can't be read or written; 2 for wrong use; 3 with
    --fail-on, if one that is listed is so severe.
    """
    from analyzer.findings import selection
    from analyzer.findings.judgement import inferred_own

    options.require_captures(captures)
    judged_by = read_standards(config, baseline, accept)
    analysis = read_inputs(
        captures, ports=ports, engine=engine, key_log=key_log, ca=ca, quiet=False
    )
    outputs.warn(analysis.notes)
    problems = outputs.describe_problems(analysis)
    listed = judged_by.judge(analysis.tables, problems).reviewed
    listed = selection.of_severities(listed, options.at_least(severity))
    if rules:
        listed = selection.of_rules(listed, rules)
    sessions = analysis.tables["sessions"]
    for column, address in (("client_ip", client), ("server_ip", server)):
        if address is not None:
            listed = selection.of_host(listed, sessions, column, address)
    own = inferred_own(analysis.tables, judged_by.settings)
    problems += _print(analysis, listed, own, form)
    outputs.exit_with(problems, failing_status(listed, fail_on))


def _print(
    analysis: Results, listed: pa.Table, own: str | None, form: str | None
) -> list[str]:
    from analyzer.terminal import findings as shown
    from analyzer.terminal.sarif import as_sarif

    if form == "csv":
        data = shown.findings_csv(listed)
        return outputs.print_safely(lambda: click.echo(data, nl=False))
    if form is not None:
        text = (
            as_sarif(listed)
            if form == "sarif"
            else shown.findings_json(listed, analysis, own)
        )
        return outputs.print_safely(lambda: click.echo(text))
    return outputs.print_safely(
        lambda: shown.print_findings(listed, analysis, outputs.console(), own)
    )
