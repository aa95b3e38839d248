"""`mailtap cut`: the packets of chosen sessions, as a capture of their own."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from analyzer.cli import options, outputs
from analyzer.cli.choosing import naming_findings, selecting
from analyzer.cli.inputs import Inputs, check_read_again, is_folder, progress
from analyzer.cli.naming import sessions_and_captures, tell_apart
from analyzer.cli.preflight import check_file
from analyzer.text import pluralize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from analyzer.selection.selection import Selection
    from analyzer.tables.results import Results


@click.command()
@sessions_and_captures("[SESSION]... CAPTURE...")
@click.option(
    "-w",
    "--write",
    "output",
    metavar="FILE",
    required=True,
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Where to write the packets, as pcapng; - is standard output.",
)
@click.option(
    "--secrets",
    "with_secrets",
    is_flag=True,
    help="Write the secrets of TLS, too, that captures bring along for these sessions: "
    "whoever gets the file can decrypt them.",
)
@selecting
@options.quiet
@options.ports
@options.key_log
def cut(
    captures: tuple[str, ...],
    output: Path,
    with_secrets: bool,
    selection: Selection,
    quiet: bool,
    ports: Mapping[int, str],
    key_log: Path | None,
) -> None:
    """Write the packets of sessions to a capture of their own.

    SESSION is an ID, as other commands print them, or as much of its beginning as tells
    it from all others. Without one, all sessions are meant that the options below
    choose, or all mail sessions. CAPTURE is what `mailtap analyze` reads, but no pipe;
    or a folder that --output wrote, whose captures are still there.

    Each packet is as it was: with its tunnels and tags, its fragments, its time, the
    interface that captured it, and all that is in it, such as passwords. What a capture
    brings along besides is left out: names of hosts, and secrets of TLS but for
    --secrets.

    Exit status: 0; 1 if something can't be read or written, or there is no such
    session; 2 for wrong use.
    """
    from analyzer.runs.cutting import cut_sessions
    from captures import CaptureError

    identifiers, captures = tell_apart(captures)
    check_read_again(name for name in captures if not is_folder((name,)))
    if output == outputs.STANDARD_OUTPUT:
        outputs.refuse_terminal("-w -")
    inputs = Inputs(captures, ports, key_log=key_log)
    check_file(output, inputs.paths)
    analysis = inputs.read(quiet=quiet)
    sources = list(analysis.captures)
    check_read_again(sources)
    check_file(output, sources)
    chosen = _choose(analysis, identifiers, selection)
    problems = outputs.describe_problems(analysis)
    cut_out = partial(
        cut_sessions,
        sources,
        analysis.tables["sessions"],
        chosen,
        with_secrets=with_secrets,
    )
    try:
        packets = _write(cut_out, output, quiet=quiet)
    except CaptureError as error:
        outputs.exit_with([str(error)])
    if not quiet:
        sessions = pluralize(len(chosen), "session")
        outputs.warn([f"{pluralize(packets, 'packet')} of {sessions} were written"])
    outputs.exit_with(problems)


def _choose(
    analysis: Results, identifiers: Sequence[str], selection: Selection
) -> set[str]:
    """Return the IDs of the sessions that are meant.

    Raises:
        CommandError: there is none, or more than one with the same beginning.
    """
    from analyzer.dialogue.chosen import SessionChoiceError, find_session

    ids = analysis.tables["sessions"]["session_id"]
    with naming_findings():
        among = ids.filter(selection.of(analysis.tables)).to_pylist()
    try:
        chosen = {find_session(among, each) for each in identifiers}
    except SessionChoiceError as error:
        raise outputs.CommandError(str(error)) from error
    if not identifiers:
        chosen = set(among)
    if not chosen:
        raise outputs.CommandError("there is no such session: nothing is written")
    return chosen


def _write(cut_out: Callable[..., int], output: Path, *, quiet: bool) -> int:
    """Write the packets; return how many they are.

    Raises:
        CaptureError: a capture is not what it was, or only tshark can read it.
        ExportError: they can't be written.
    """
    from analyzer.tables.export import atomic_write

    def write(file: BinaryIO) -> int:
        with progress(shown=not quiet and sys.stderr.isatty()) as on_progress:
            return cut_out(file, on_progress)

    if output == outputs.STANDARD_OUTPUT:
        return _print(write)
    with atomic_write(output) as file:
        return write(file)


def _print(write: Callable[[BinaryIO], int]) -> int:
    """Write the packets to standard output; return how many they are.

    Raises:
        CommandError: they can't be written.
    """
    counts: list[int] = []

    def write_all() -> None:
        counts.append(write(sys.stdout.buffer))
        sys.stdout.flush()

    problems = outputs.print_safely(write_all)
    if problems:
        raise outputs.CommandError(*problems)
    return counts[0]
