"""The command `mailtap`, and the table of its commands."""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from typing import Any

import click

from analyzer import __version__

# Exit statuses. Something could not be read or written; click uses 2 for wrong use.
FAILED = 1
# --fail-on-plaintext
PLAINTEXT = 3
# what a shell reports for a command that Ctrl-C ended
INTERRUPTED = 130

_OUT_OF_MEMORY = (
    "mailtap: memory ran out. Allow more (ulimit -v, cgroup), or read fewer captures "
    "at a time"
)

_COMMANDS = (
    "analyze",
    "interfaces",
    "monitor",
    "plaintext",
    "protocols",
    "report",
)


class _Group(click.Group):
    """Commands that are imported when they are asked for.

    Ctrl-C ends them with the status that shells expect. If memory runs out where
    nothing that was found can be told, that is said.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"analyzer.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except MemoryError:
            click.echo(_OUT_OF_MEMORY, err=True)
            sys.exit(FAILED)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mailtap")
def main() -> None:
    """Find every SMTP, IMAP and POP3 session in network traffic."""
    # a bug is an anomaly of its session, not a traceback
    logging.getLogger("analyzer").addHandler(logging.NullHandler())
