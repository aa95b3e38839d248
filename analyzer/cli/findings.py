"""`mailtap findings`: what is wrong, with its proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analyzer.cli import options, outputs
from analyzer.cli.choosing import choose, selecting
from analyzer.cli.completion import complete_rule
from analyzer.cli.inputs import Inputs, reading
from analyzer.cli.judging import failing_status, read_standards, standards

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from analyzer.selection.selection import Selection
    from analyzer.tables.results import Results


@click.command()
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
    shell_complete=complete_rule,
    help="List those of this rule; may be given several times.",
)
@click.option("--json", "form", flag_value="json", help="Print a JSON document.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option("--sarif", "form", flag_value="sarif", help="Print SARIF 2.1.0.")
@standards
@selecting
@reading
def findings(
    severity: str,
    rules: tuple[str, ...],
    form: str | None,
    config: Path | None,
    baseline: Path | None,
    accept: Path | None,
    fail_on: str | None,
    selection: Selection,
    inputs: Inputs,
) -> None:
    """List what is wrong, the worst first, with its proof and its remedy.

    CAPTURE is what `mailtap analyze` reads, or a folder that --output wrote. Of chosen
    sessions, what proves a finding must be in one of them.

    Exit status: 0; 1 if something can't be read or written; 2 for wrong use; 3 with
    --fail-on, if one that is listed is so severe.
    """
    from analyzer.findings import subset
    from analyzer.findings.judgement import inferred_own

    judged_by = read_standards(config, baseline, accept, selection)
    analysis = inputs.read(on_demand=not selection)
    analysis = choose(analysis, selection, judged_by.settings)
    outputs.warn(analysis.notes)
    problems = outputs.describe_problems(analysis)
    listed = judged_by.judge_analysis(analysis, problems).reviewed
    own = None
    if form in (None, "json"):
        own = inferred_own(analysis.context, judged_by.settings)
    listed = subset.of_severities(listed, options.at_least(severity))
    if rules:
        listed = subset.of_rules(listed, rules)
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
