"""What a scenario leaves behind: a capture, its facts, its TLS secrets."""

from __future__ import annotations

import contextlib
import json
import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.laboratory.capture import DEFAULT_FILTER, capture, forget_machine
from tests.support.laboratory.network import Network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.laboratory.clients.access import Facts
    from tests.support.laboratory.machine import Machine
    from tests.support.laboratory.office import Office

REPOSITORY = Path(__file__).parents[3]
DATA = REPOSITORY / "tests" / "data"
DEMO = REPOSITORY / "analyzer" / "data"


class Tape:
    """Records one scenario.

    Attributes:
        capture_path: the capture file.
        key_log: where clients may leave their TLS secrets.
        sessions: facts of the mail connections, in the order they were opened.
        other: facts of the capture as a whole.
    """

    def __init__(self, scenario: Scenario, office: Office) -> None:
        self.scenario = scenario
        folder = DEMO if scenario.is_demo else DATA
        self.capture_path = folder / f"{scenario.name}{scenario.suffix}"
        self.key_log = DATA / f"{scenario.name}.keys"
        self.key_log.unlink(missing_ok=True)
        self.sessions: list[Facts] = []
        self.other: Facts = {}
        self._facts_path = DATA / f"{scenario.name}.json"
        self._office = office

    @contextlib.contextmanager
    def recording(
        self,
        machine: Machine | None = None,
        *,
        interface: str = Network.BRIDGE,
        packets: str = DEFAULT_FILTER,
        snap_length: int = 0,
    ) -> Iterator[None]:
        """Capture on a machine, the office's server if not said otherwise."""
        with capture(
            machine or self._office.server,
            self.capture_path,
            interface=interface,
            packets=packets,
            snap_length=snap_length,
        ):
            yield

    def add(self, *sessions: Facts) -> None:
        """Note the facts of connections."""
        self.sessions += sessions

    def discard(self) -> None:
        """Leave no files of a scenario that failed."""
        for path in (self.capture_path, self.key_log, self._facts_path):
            path.unlink(missing_ok=True)

    def save(self) -> None:
        """Write the facts; the capture and the secrets are there already."""
        facts = {
            "capture": str(self.capture_path.relative_to(REPOSITORY)),
            "description": self.scenario.description,
            "made_with": [version(package) for package in self.scenario.made_with]
            + self.other.pop("made_with", []),
            **self.other,
            "sessions": self.sessions,
        }
        text = json.dumps(facts, indent=1, ensure_ascii=False)
        self._facts_path.write_text(text + "\n")
        if self.capture_path.suffix == ".pcapng":
            forget_machine(self.capture_path)
            # dumpcap lets only its user read
            self.capture_path.chmod(0o644)


Play = Callable[["Office", Tape], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Something that happens between the lab's machines.

    Attributes:
        description: one sentence, which is also the capture's provenance.
        made_with: Debian packages whose versions matter, `python3` for the
            standard library's clients.
    """

    name: str
    description: str
    made_with: tuple[str, ...]
    play: Play
    suffix: str = ".pcap"
    is_demo: bool = False


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    name: str, description: str, *made_with: str, suffix: str = ".pcap",
    is_demo: bool = False,
) -> Callable[[Play], Play]:  # fmt: skip
    """Register a function that plays a scenario."""

    def register(play: Play) -> Play:
        SCENARIOS[name] = Scenario(name, description, made_with, play, suffix, is_demo)
        return play

    return register


def version(package: str) -> str:
    """Return the name and upstream version of a program."""
    if package == "python3":
        return f"Python {platform.python_version()}"
    if package == "aiosmtpd":
        return f"aiosmtpd {metadata.version(package)}"
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${source:Upstream-Version}", package],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return f"{package} {done.stdout.partition('+')[0]}"


def load_facts() -> list[dict[str, Any]]:
    """Return the facts of all scenarios that have been made, in order of name."""
    return [json.loads(path.read_text()) for path in sorted(DATA.glob("*.json"))]
