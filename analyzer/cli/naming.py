"""Sessions that are named by their IDs, beside the captures that hold them."""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem
from click.shell_completion import split_arg_string as split_words

from analyzer.cli.inputs import Inputs, with_inputs
from analyzer.cli.locating import holds_tables, locate_captures
from analyzer.cli.options import require_captures
from analyzer.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa

_ID = re.compile(r"[0-9a-f]{1,16}", re.IGNORECASE)
_TOLD = ("session_id", "service", "client_ip", "server_ip", "start")
# what is read of captures while somebody waits for a word
_MAX_BYTES = 4 << 20
# more of them help nobody
_MAX_OFFERED = 200


def sessions_and_captures(metavar: str) -> Callable[[Any], Any]:
    """Return an argument for both, in any order; `tell_apart` knows which are which."""
    return click.argument(
        "captures", metavar=metavar, nargs=-1, shell_complete=_complete
    )


def tell_apart(arguments: Iterable[str]) -> tuple[list[str], tuple[str, ...]]:
    """Tell IDs from captures: what is there by that name is a capture.

    Raises:
        UsageError: no capture was named.
    """
    identifiers: list[str] = []
    names: list[str] = []
    for argument in arguments:
        (identifiers if _is_id(argument) else names).append(argument)
    captures = locate_captures(click.get_current_context(), names)
    require_captures(captures)
    return identifiers, captures


def reading_one(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add a session and captures, which the command is given: `session`, `inputs`.

    Raises:
        UsageError: no session was named, or more than one, or no capture.
    """

    @functools.wraps(command)
    def read(*, inputs: Inputs, **others: Any) -> Any:
        session, inputs = _tell_one(inputs)
        return command(session=session, inputs=inputs, **others)

    return with_inputs(read, sessions_and_captures("SESSION CAPTURE..."))


def _tell_one(inputs: Inputs) -> tuple[str, Inputs]:
    first, *others = inputs.captures or ("",)
    if not first:
        raise click.UsageError("Missing argument 'SESSION'.")
    if others and not os.path.lexists(first):
        # whatever it looks like, it is no capture
        identifiers, captures = tell_apart(others)
        identifiers.insert(0, first)
    else:
        identifiers, captures = tell_apart(inputs.captures)
    if len(identifiers) != 1:
        count = "one session" if identifiers else "a session"
        raise click.UsageError(f"Name {count}: `mailtap sessions` lists their IDs.")
    return identifiers[0], inputs._replace(captures=captures)


def _is_id(argument: str) -> bool:
    return bool(_ID.fullmatch(argument)) and not os.path.lexists(argument)


def _complete(
    context: click.Context, _argument: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the sessions of what is named elsewhere in the line, or else files."""
    offered: list[CompletionItem] = []
    if not incomplete or _is_id(incomplete):
        words = [*context.params["captures"], *_words_of_line()]
        named = list(dict.fromkeys(word for word in words if os.path.exists(word)))  # noqa: PTH110
        for table in _tables_of(named):
            offered += _sessions_beginning(incomplete.lower(), table)
    return offered[:_MAX_OFFERED] or [CompletionItem(incomplete, type="file")]


def _words_of_line() -> list[str]:
    """Return all words, those behind the cursor too, as shells tell them."""
    return split_words(os.environ.get("COMP_WORDS", ""))


def _tables_of(names: Sequence[str]) -> Iterator[pa.Table]:
    """Return the sessions of folders of tables, and of small captures."""
    if not names:
        return
    from analyzer.errors import LoadError
    from analyzer.tables.builder import prepare_arrow

    prepare_arrow()
    captures = []
    for name in names:
        try:
            if os.path.isdir(name) and holds_tables(name):  # noqa: PTH112
                yield _stored_sessions(Path(name))
            elif os.path.isfile(name):  # noqa: PTH113, neither pipes nor folders
                captures.append(name)
        except (LoadError, OSError):
            continue
    if captures and sum(map(os.path.getsize, captures)) <= _MAX_BYTES:
        from analyzer.runs.pipeline import find_sessions

        # what else is named, such as a key log, is nothing for tshark
        found = find_sessions(captures, processes=1, engine="native")
        yield found.tables["sessions"]


def _stored_sessions(folder: Path) -> pa.Table:
    from analyzer.selection.source import open_folder
    from analyzer.tables import schema
    from analyzer.tables.load import read_table
    from analyzer.tables.manifest import read_manifest

    opened = open_folder(folder)
    if opened is not None:
        return opened[1].read(schema.SESSIONS, _TOLD)
    kind = read_manifest(folder).kind
    return read_table(folder / f"sessions.{kind}", schema.SESSIONS, _TOLD)


def _sessions_beginning(begun: str, sessions: pa.Table) -> Iterator[CompletionItem]:
    from pyarrow import compute

    # a folder may be from somebody else, and hold anything
    are_ids = compute.match_substring_regex(sessions["session_id"], f"^{_ID.pattern}$")
    chosen = compute.and_(are_ids, compute.starts_with(sessions["session_id"], begun))
    for row in sessions.filter(chosen).select(_TOLD).to_pylist()[:_MAX_OFFERED]:
        identifier, service, client, server, start = (row[name] for name in _TOLD)
        told = f"{service}, {client} to {server}, {start:%Y-%m-%d %H:%M:%S}"
        yield CompletionItem(identifier, help=escape_controls(told))
