"""`mailtap rules`: what may be found wrong, and how it is proven."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analyzer.cli import outputs
from analyzer.cli.completion import complete_rule
from analyzer.cli.judging import config_option, read_config
from analyzer.text import near_names

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("rule_id", metavar="[ID]", required=False, shell_complete=complete_rule)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
@config_option
def rules(rule_id: str | None, as_json: bool, config: Path | None) -> None:
    """List the rules, or explain the one named ID.

    Of each: severity, who can mend it and how, what it takes as proof, references, and
    the thresholds that --config may set.

    Exit status: 0; 1 if something can't be read or written; 2 for wrong use.
    """
    from analyzer.findings import registry
    from analyzer.terminal.rules import print_rule, print_rules, rules_json

    settings = read_config(config)
    known = registry.rules()
    if rule_id is not None and rule_id not in known:
        hint = near_names(rule_id, known) or ": `mailtap rules` lists them"
        raise click.UsageError(f"There is no rule {rule_id!r}{hint}")
    problems = list(registry.problems())
    chosen = [known[rule_id]] if rule_id is not None else list(known.values())
    if as_json:
        text = rules_json(chosen, settings)
        problems += outputs.print_safely(lambda: click.echo(text))
    elif rule_id is not None:
        problems += outputs.print_safely(
            lambda: print_rule(known[rule_id], settings, outputs.console())
        )
    else:
        problems += outputs.print_safely(
            lambda: print_rules(chosen, settings, outputs.console())
        )
    outputs.exit_with(problems)
