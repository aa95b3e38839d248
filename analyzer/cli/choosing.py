"""The options by which people choose sessions, for all commands that read some."""

from __future__ import annotations

import functools
import re
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from analyzer.cli import options
from analyzer.cli.completion import (
    columns_beginning,
    complete_rule,
    complete_service,
    service_names,
)
from analyzer.cli.outputs import CommandError
from analyzer.text import near_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.shell_completion import CompletionItem

    from analyzer.findings.settings import Settings
    from analyzer.selection.condition import Condition
    from analyzer.selection.mistake import ConditionError
    from analyzer.selection.selection import Selection
    from analyzer.tables.results import Results

# an address or a network, and a port; IPv6 in brackets (RFC 3986 §3.2.2)
_WITH_PORT = re.compile(r"(?:\[([^]]+)\]|([^:]+)):([0-9]{1,5})")
# or as much of one as tells it from others
_FINDING_ID = re.compile("[0-9a-f]{4,16}")
_LAST_WORD = re.compile(r"[a-z_0-9]*\Z")


class WrongConditionError(CommandError):
    """An option says what no session can be."""

    exit_code = 2

    def __init__(self, option: str, error: ConditionError) -> None:
        self._pointer = error.pointer
        super().__init__(f"{option}: {error.reason}")

    def show(self, file: IO[Any] | None = None) -> None:
        """Say on standard error what is wrong, and point at it."""
        super().show(file)
        for line in self._pointer:
            click.echo(f"  {line}", err=True)


def _conditions(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[Condition, ...]:
    return tuple(_condition("--where", value) for value in values)


def _condition(option: str, text: str, short: str | None = None) -> Condition:
    from analyzer.selection.condition import Condition
    from analyzer.selection.mistake import ConditionError
    from analyzer.tables.schema import SESSIONS

    try:
        return Condition(text, SESSIONS, short)
    except ConditionError as error:
        raise WrongConditionError(option, error) from error


def _any_of(
    written: Callable[[str], str],
) -> Callable[[click.Context, click.Parameter, Any], list[Condition]]:
    """Return what makes conditions of the values of an option, any of which may hold.

    Args:
        written: writes one of them as a condition; a ValueError says why it is none.
    """

    def parse(
        _context: click.Context,
        option: click.Parameter,
        given: tuple[str, ...] | str | None,
    ) -> list[Condition]:
        values = given if isinstance(given, tuple) else [*filter(None, [given])]
        try:
            text = " or ".join(f"({written(value)})" for value in values)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
        short = ", ".join(values)
        return [_condition(option.opts[0], text, short)] if text else []

    return parse


def _of_client(value: str) -> str:
    from analyzer.selection.literals import parse_network

    return f"client_ip <<= '{parse_network(value)}'"


def _of_server(value: str) -> str:
    from analyzer.selection.literals import parse_network

    match = _WITH_PORT.fullmatch(value)
    if match is None:
        return f"server_ip <<= '{parse_network(value)}'"
    network = parse_network(match[1] or match[2])
    return f"server_ip <<= '{network}' and server_port = {match[3]}"


def _of_service(value: str) -> str:
    known, name = service_names(), value.lower()
    if name not in known:
        hint = near_names(name, known) or f": there are {', '.join(known)}"
        raise ValueError(f"there is no service {value!r}{hint}")
    return f"service = '{name}'"


def _since(value: str) -> str:
    return f"start >= '{_time(value)}'"


def _until(value: str) -> str:
    return f"start < '{_time(value)}'"


def _time(value: str) -> str:
    from analyzer.selection.literals import parse_time

    parse_time(value)
    return value


def _parse_findings(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse what is neither a rule nor may be the ID of a finding."""
    named = tuple(value for value in values if not _FINDING_ID.fullmatch(value))
    options.parse_rules(context, option, named)
    return values


def _complete_column(
    _context: click.Context, _option: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the column that a condition ends with."""
    begun = _LAST_WORD.findall(incomplete)[0]
    return columns_beginning(begun, incomplete.removesuffix(begun))


_OPTIONS = (
    click.option(
        "--where",
        metavar="CONDITION",
        multiple=True,
        callback=_conditions,
        shell_complete=_complete_column,
        help="Choose the sessions for which CONDITION over their columns holds, such "
        "as \"service = 'imap' and duration_s > 5\".",
    ),
    click.option(
        "--client",
        "clients",
        metavar="ADDRESS",
        multiple=True,
        callback=_any_of(_of_client),
        help="Choose those of this client, or of this network (192.0.2.0/24).",
    ),
    click.option(
        "--server",
        "servers",
        metavar="ADDRESS[:PORT]",
        multiple=True,
        callback=_any_of(_of_server),
        help="Choose those with this server, or with servers of this network.",
    ),
    click.option(
        "--user",
        "users",
        metavar="NAME",
        multiple=True,
        help="Choose those in which this user logged in, or tried to.",
    ),
    click.option(
        "--service",
        "services",
        metavar="NAME",
        multiple=True,
        callback=_any_of(_of_service),
        shell_complete=complete_service,
        help="Choose those of this service, such as imaps.",
    ),
    click.option(
        "--finding",
        "found",
        metavar="RULE|ID",
        multiple=True,
        callback=_parse_findings,
        shell_complete=complete_rule,
        help="Choose those that show what this rule finds (`mailtap rules`), or this "
        "one finding.",
    ),
    click.option(
        "--since",
        metavar="TIME",
        callback=_any_of(_since),
        help="Choose those that began at this time (UTC) or later: 2026-01-31 10:00.",
    ),
    click.option(
        "--until",
        metavar="TIME",
        callback=_any_of(_until),
        help="Choose those that began before this time.",
    ),
)


def selecting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options by which sessions are chosen.

    The command is given what they say as `selection`, for `choose`.
    """

    @functools.wraps(command)
    def with_selection(
        *arguments: Any,
        where: tuple[Condition, ...],
        clients: list[Condition],
        servers: list[Condition],
        services: list[Condition],
        since: list[Condition],
        until: list[Condition],
        users: tuple[str, ...],
        found: tuple[str, ...],
        **others: Any,
    ) -> Any:
        from analyzer.selection.selection import Selection

        short = (*clients, *servers, *services, *since, *until)
        selection = Selection((*where, *short), users, found)
        return command(*arguments, selection=selection, **others)

    for option in reversed(_OPTIONS):
        with_selection = option(with_selection)
    return with_selection


def choose(
    analysis: Results, selection: Selection | None, settings: Settings | None = None
) -> Results:
    """Return what was found of the sessions that are chosen; of all by default.

    Args:
        analysis: what was found.
        selection: which sessions.
        settings: by which rules judge.
    """
    if not selection:
        return analysis
    from analyzer.selection.narrow import narrow

    with naming_findings():
        return narrow(analysis, selection.of(analysis.tables, settings))


@contextmanager
def naming_findings() -> Iterator[None]:
    """Say it as an error of the command, if a finding that was named is not there."""
    from analyzer.selection.mistake import FindingChoiceError

    try:
        yield
    except FindingChoiceError as error:
        raise CommandError(f"--finding: {error}") from error
