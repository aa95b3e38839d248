"""Looks for the secrets of damaged login dialogues in all that is told of them."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner
from rich.console import Console

from analyzer import analyze
from analyzer.cli import main
from analyzer.dialogue.dialogue import dialogue_of, table_of
from analyzer.tables.schema import FINDINGS
from analyzer.terminal.dialogue import dialogue_json, print_dialogue
from dissectors.conversation.transcript import Transcript
from dissectors.limits import DEFAULT_LIMITS
from tests.fuzz.check import PromiseError, check_other_cut, play
from tests.fuzz.logins import PORTS, login, spellings
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.playbook import Step


def find(secret: str, told: str) -> str | None:
    """Return how a secret is shown in a text, `None` if it is not."""
    low = told.lower()
    for spelling in spellings(secret):
        if spelling.decode() in low:
            return spelling.decode()
    return None


def try_login(number: int) -> None:
    """Play the dialogue of a seed, and look at its events and lines.

    Raises:
        PromiseError: its secret is in one.
    """
    protocol, steps, secret = login(number)
    transcript = Transcript()
    play(steps, protocol, DEFAULT_LIMITS, transcript=transcript)
    for line in transcript.lines:
        if find(secret, f"{line.tag} {line.text}") is not None:
            raise PromiseError(f"{secret} is shown in a line: {line}")
    events = play(steps, protocol, DEFAULT_LIMITS)
    if find(secret, repr(events)) is not None:
        shown = [event for event in events if find(secret, repr(event))]
        raise PromiseError(f"{secret} is shown: {shown}")
    if number % 8 == 0:
        check_other_cut(number, steps, protocol, events)


def try_outputs(numbers: Iterable[int]) -> None:
    """Let every command read the dialogues, as connections of one capture.

    Raises:
        PromiseError: a secret is in what one of them printed or wrote.
    """
    logins = [login(number) for number in numbers]
    with tempfile.TemporaryDirectory() as folder:
        capture = write_pcap(
            Path(folder) / "logins.pcap",
            *(
                _as_packets(protocol, steps, place)
                for place, (protocol, steps, _) in enumerate(logins)
            ),
        )
        told = "\n".join([*_everything(capture, Path(folder)), *_dialogues(capture)])
    for _, _, secret in logins:
        if find(secret, told) is not None:
            raise PromiseError(f"{secret} is in an output")


def _as_packets(protocol: str, steps: list[Step], place: int) -> PacketScript:
    port = PORTS[protocol][place % len(PORTS[protocol])]
    dialogue = PacketScript(port, client_port=20_000 + place, start_ms=100 * place)
    for step in steps:
        side, content = step.side, step.content
        if isinstance(content, bytes):
            # what is sent at once comes in packets of an ordinary size
            for start in range(0, len(content), 1400):
                dialogue.send(side, content[start : start + 1400])
        elif content is not None:
            dialogue.lose(side, content)
    return dialogue.close()


def _everything(capture: Path, folder: Path) -> Iterable[str]:
    commands = (
        ["analyze", "-o", f"{folder}/tables/", "--format", "jsonl"],
        ["analyze", "--json", "--html", f"{folder}/page.html"],
        ["plaintext"],
        ["plaintext", "--json"],
        ["protocols", "--json"],
    )
    for command in commands:
        result = CliRunner().invoke(main, [*command, str(capture)])
        if result.exit_code:
            raise PromiseError(f"exit status {result.exit_code}: {result.output}")
        yield result.output
    for path in folder.rglob("*"):
        if path.is_file() and path != capture:
            yield path.read_text()


def _dialogues(capture: Path) -> Iterable[str]:
    """What `mailtap show` prints of each session."""
    analysis = analyze(capture)
    tables = analysis.tables
    for session_id in tables["sessions"]["session_id"].to_pylist():
        dialogue = dialogue_of(analysis, session_id)
        anomalies = table_of(tables["anomalies"], session_id)
        file = io.StringIO()
        console = Console(file=file)
        print_dialogue(dialogue, FINDINGS.arrow.empty_table(), anomalies, console)
        yield file.getvalue() + dialogue_json(
            dialogue, analysis, FINDINGS.arrow.empty_table(), anomalies
        )
