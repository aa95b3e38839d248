from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields, make_dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from analyzer import Analysis, __version__
from analyzer.errors import LoadError
from analyzer.tables.attempts import AttemptCount
from analyzer.tables.folder import read_folder, write_folder
from analyzer.tables.manifest import (
    MANIFEST,
    SCHEMA_VERSION,
    Manifest,
    Problem,
    read_manifest,
    schema_version,
    write_manifest,
)
from analyzer.tables.results import Results
from captures import CaptureError
from tests.support.analyses import analysis_of

if TYPE_CHECKING:
    from pathlib import Path

FULL = Results(
    {},
    ["a.pcap"],
    packets=7,
    problems=[CaptureError("a.pcap", "it is cut", offset=7, usable=True)],
    undecoded=Counter({"link type 9999": 3}),
    attempts=[AttemptCount(None, "192.0.2.1", 25, "refused", 70)],
)


def test_version_is_the_one_that_folders_were_written_with() -> None:
    """Folders of another version are refused when they are read.

    If this fails, a column, a value of one or a key of the manifest was added, removed,
    renamed or given another type. Say so in CHANGELOG.md, and that folders written
    before can't be read, and put the new version here.
    """
    assert SCHEMA_VERSION == "e24c12ea71cc"


def test_version_changes_with_keys_and_their_types() -> None:
    keys = [(key.name, key.type) for key in fields(Problem)]
    others = [[("name", "str"), *keys[1:]], [("capture", "int"), *keys[1:]], keys[1:]]
    shapes = [make_dataclass("Shape", each) for each in (keys, *others)]

    same, *versions = (
        schema_version(Manifest, shape, AttemptCount) for shape in shapes
    )

    assert same == SCHEMA_VERSION
    assert len({same, *versions}) == 4


def test_what_could_not_be_read_is_kept(tmp_path: Path) -> None:
    analysis = replace(
        analysis_of("pop3-apop"),
        captures=["a\x1b.pcap", "b.pcap"],
        problems=[CaptureError("a\x1b.pcap", "it is cut", offset=7, usable=True)],
        undecoded=Counter({"link type 9999": 3}),
        connections_evicted=2,
        dropped=5,
    )

    write_folder(analysis, tmp_path, "jsonl")

    found = Analysis.of(read_folder(tmp_path))
    assert [str(each) for each in found.problems] == [
        str(each) for each in analysis.problems
    ]
    assert replace(found, problems=[]) == replace(analysis, problems=[])
    assert (tmp_path / MANIFEST).read_bytes().isascii()


@pytest.mark.parametrize(
    ("writer", "reason"),
    [
        ({"mailtap": "9.9"}, "mailtap 9.9 wrote"),
        ({"mailtap": __version__}, f"another state of mailtap {__version__} wrote"),
        ({}, "mailtap of another version wrote"),
    ],
)
def test_tables_of_another_version_are_refused_whatever_else_is_said_of_them(
    writer: dict[str, str], reason: str, tmp_path: Path
) -> None:
    about = {"schema_version": 4, **writer}
    (tmp_path / MANIFEST).write_text(json.dumps(about))

    with pytest.raises(LoadError, match=rf"{reason} .* analyse the captures again"):
        read_folder(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"1"])
def test_damaged_description_is_named(content: bytes, tmp_path: Path) -> None:
    write_folder(analysis_of("pop3-apop"), tmp_path, "csv")
    (tmp_path / MANIFEST).write_bytes(content)

    with pytest.raises(LoadError, match=rf"{MANIFEST}: .*damaged"):
        read_folder(tmp_path)


def content_with(folder: Path, *path: str | int, value: Any) -> None:
    """Replace one value of a manifest; a value of `...` takes the key away."""
    content = json.loads((folder / MANIFEST).read_bytes())
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    (folder / MANIFEST).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["kind"], "exe"),
        (["kind"], ...),
        (["packets"], "7"),
        (["packets"], 7.0),
        (["packets"], True),
        (["packets"], -1),
        (["packets"], 2**63),
        (["captures"], "a.pcap"),
        (["captures"], [None]),
        (["captures"], {"a.pcap": 1}),
        (["undecoded"], ["link type 9999"]),
        (["undecoded", "link type 9999"], None),
        (["problems", 0], "it is cut"),
        (["problems", 0, "usable"], 1),
        (["problems", 0, "offset"], ...),
        (["attempts", 0, "attempts"], "many"),
        (["attempts", 0, "more"], 1),
        (["more"], 1),
    ],
)
def test_manifest_of_another_shape_is_refused(
    path: list[str | int], value: Any, tmp_path: Path
) -> None:
    write_manifest(FULL, tmp_path, "csv")
    assert read_manifest(tmp_path).results().attempts == FULL.attempts

    content_with(tmp_path, *path, value=value)

    with pytest.raises(LoadError, match=rf"{MANIFEST}: .*damaged"):
        read_manifest(tmp_path)
