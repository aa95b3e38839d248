"""The committed captures: each has its provenance, its facts and a bounded size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"
DEMO = Path(__file__).parents[1] / "analyzer" / "data" / "office.pcap"

CAPTURES = sorted(DATA.glob("*.pcap*"))
MAGIC_NUMBERS = {
    ".pcap": {b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4"},
    ".pcapng": {b"\x0a\x0d\x0d\x0a"},
}


@pytest.mark.parametrize("path", [*CAPTURES, DEMO], ids=lambda path: path.name)
def test_capture_has_provenance_and_facts(path: Path) -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    facts = json.loads((DATA / f"{path.stem}.json").read_text(encoding="utf-8"))

    assert f"| `{path.name}` | {facts['description']} (" in readme
    assert Path(facts["capture"]).name == path.name
    assert facts["made_with"]


@pytest.mark.parametrize("path", [*CAPTURES, DEMO], ids=lambda path: path.name)
def test_capture_is_what_its_suffix_says(path: Path) -> None:
    with path.open("rb") as capture:
        assert capture.read(4) in MAGIC_NUMBERS[path.suffix]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_capture_is_small(path: Path) -> None:
    assert path.stat().st_size < 100 * 1024


def test_demo_is_small_enough_to_be_shipped() -> None:
    assert DEMO.stat().st_size < 1024 * 1024


def test_every_file_belongs_to_a_capture() -> None:
    names = {path.stem for path in [*CAPTURES, DEMO]}

    strangers = [
        path.name
        for path in DATA.iterdir()
        if path.stem not in names
        and path.name not in {"README.md", "golden", "secrets.txt"}
    ]

    assert strangers == []


def test_secrets_that_crossed_the_wire_are_listed() -> None:
    secrets = (DATA / "secrets.txt").read_bytes().splitlines()
    demo = DEMO.read_bytes()

    found = [secret for secret in secrets if secret in demo]

    assert len(found) > 5
