"""`mailtap config`: the file of settings, with the defaults."""

from __future__ import annotations

import click

from analyzer.cli import outputs


@click.command()
def config() -> None:
    """Print a file for --config that changes nothing, with comments.

    It names what may be one's own, and every rule with its severity and thresholds.
    What is left out of such a file is as it is here.

    Exit status: 0; 1 if it can't be written.
    """
    from analyzer.findings import registry
    from analyzer.findings.settings_file import write_defaults

    text = write_defaults(registry.rules())
    outputs.exit_with(outputs.print_safely(lambda: click.echo(text, nl=False)))
