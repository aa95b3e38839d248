"""`mailtap interfaces`: what can be watched."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from analyzer.cli import outputs
from analyzer.text import escape_controls

if TYPE_CHECKING:
    from rich.table import Table

    from captures import Interface


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def interfaces(as_json: bool) -> None:
    """List the network interfaces, and whether you may watch them.

    Exit status: 0 if at least one can be watched, else 1.
    """
    from captures import list_interfaces

    available = list_interfaces()
    if as_json:
        text = json.dumps([asdict(interface) for interface in available], indent=2)
        problems = outputs.print_safely(lambda: click.echo(text))
    else:
        problems = outputs.print_safely(
            lambda: outputs.console().print(_table(available))
        )
    if not any(interface.engines for interface in available):
        # the same for all of them, most likely
        problems += dict.fromkeys(
            interface.problem for interface in available if interface.problem
        )
    outputs.exit_with(problems)


def _table(interfaces: list[Interface]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.padding = (0, 2, 0, 0)
    for heading in ("interface", "state", "link", "addresses", "watched by"):
        table.add_column(heading, overflow="fold")
    for interface in interfaces:
        addresses = "\n".join(interface.addresses) or "-"
        by = (
            Text(", ".join(interface.engines), "green")
            if interface.engines
            else Text("-", "red")
        )
        table.add_row(
            Text(escape_controls(interface.name), "bold"),
            "up" if interface.is_up else "down",
            interface.link,
            addresses,
            by,
        )
    return table
