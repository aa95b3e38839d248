"""The command `mailtap`, and the table of its commands."""

from __future__ import annotations

import io
import logging
import os
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from analyzer import __version__
from analyzer.cli.statuses import FAILED, INTERRUPTED
from analyzer.errors import ExportError, LoadError
from analyzer.text import escape_controls, near_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# in the context: the folder of tables that is read
TABLES = "mailtap.tables"
# in the environment: show the traceback of a bug
TRACEBACK = "MAILTAP_TRACEBACK"

_OUT_OF_MEMORY = (
    "mailtap: memory ran out. Allow more (ulimit -v, cgroup), or read fewer captures "
    "at a time"
)

_COMMANDS = (
    "analyze",
    "attachments",
    "config",
    "cut",
    "extract",
    "findings",
    "interfaces",
    "messages",
    "monitor",
    "plaintext",
    "protocols",
    "report",
    "rules",
    "sessions",
    "show",
)


class _Group(click.Group):
    """Commands that are imported when they are asked for."""

    _meta: Mapping[str, Any] = MappingProxyType({})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"analyzer.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say which command may be meant by a name that none has."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            hint = near_names(name, _COMMANDS) or ": `mailtap --help` lists all"
            ctx.fail(f"No such command {name!r}{hint}")
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Remember what the command tells about itself, also after its end."""
        context = super().make_context(*args, **options)
        self._meta = context.meta
        return context

    def main(  # type: ignore[override]  # it always ends
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        **options: Any,
    ) -> NoReturn:
        """Run a command, and end with its status, whatever happens."""
        options["standalone_mode"] = False
        try:
            status = super().main(args, prog_name, **options)
        except click.ClickException as error:
            shown = io.StringIO()
            error.show(shown)
            shown.write(_place_of(error))
            # what was typed, or a script took from elsewhere, may control a terminal
            _print_errors(map(escape_controls, shown.getvalue().splitlines()))
            status = error.exit_code
        except Exception as error:
            if TRACEBACK in os.environ:
                raise
            text = _describe(error, self._meta.get(TABLES))
            _print_errors([f"mailtap: {escape_controls(text)}"])
            status = FAILED
        sys.exit(status)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        from analyzer.cli.defaults import PLACES, defaults_file, read_defaults

        try:
            if path := defaults_file():
                commands = {
                    name: command
                    for name in _COMMANDS
                    if (command := self.get_command(ctx, name))
                }
                ctx.default_map, ctx.meta[PLACES] = read_defaults(path, commands)
            return super().invoke(ctx)
        except (LoadError, ExportError) as error:
            from analyzer.cli.outputs import as_command_error

            raise as_command_error(error) from error
        except KeyboardInterrupt:
            # without the empty line of click
            sys.exit(INTERRUPTED)
        except MemoryError:
            _print_errors([_OUT_OF_MEMORY])
            sys.exit(FAILED)


def _place_of(error: click.ClickException) -> str:
    """Return where a wrong value is from, if it was not typed."""
    from click.core import ParameterSource

    from analyzer.cli.defaults import PLACES

    if not isinstance(error, click.BadParameter) or error.ctx is None:
        return ""
    name = error.param.name if error.param else None
    source = error.ctx.get_parameter_source(name) if name else None
    if source != ParameterSource.DEFAULT_MAP:
        return ""
    return f"That is set in {error.ctx.meta[PLACES][error.ctx.info_name, name]}.\n"


def _describe(error: Exception, tables: str | None) -> str:
    """Say what an error was that nobody foresaw."""
    *_, frame = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    if tables is not None:
        return (
            f"{tables}: these tables are not what mailtap wrote, or they are damaged: "
            f"analyse the captures again ({type(error).__name__}, {where})"
        )
    return (
        f"this is a bug of mailtap, please report it: {type(error).__name__}: {error} "
        f"({where}); {TRACEBACK}=1 in the environment shows more"
    )


def _print_errors(lines: Iterable[str]) -> None:
    # if even this fails, there is nobody to tell
    with suppress(OSError):
        for line in lines:
            click.echo(line, err=True)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mailtap")
def main() -> None:
    """Find every SMTP, IMAP and POP3 session in network traffic."""
    # a bug is an anomaly of its session, not a traceback
    logging.getLogger("analyzer").addHandler(logging.NullHandler())
