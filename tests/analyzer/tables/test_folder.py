from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from analyzer import Analysis
from analyzer.errors import ExportError, LoadError
from analyzer.tables.folder import is_folder_of_tables, read_folder, write_folder
from analyzer.tables.manifest import MANIFEST
from analyzer.tables.schema import FINDINGS, TABLES
from tests.support.analyses import CAPTURES, analysis_of

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("csv", "jsonl", "parquet")
NOTHING = FINDINGS.arrow.empty_table()


@pytest.mark.parametrize("name", CAPTURES)
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_tables_are_read_as_they_were_written(
    name: str, kind: str, tmp_path: Path
) -> None:
    analysis = analysis_of(name)

    write_folder(analysis, tmp_path, kind)

    assert is_folder_of_tables(tmp_path)
    assert Analysis.of(read_folder(tmp_path)) == analysis


def test_tables_are_read_from_csv_with_what_was_escaped(tmp_path: Path) -> None:
    analysis = analysis_of("office")

    write_folder(analysis, tmp_path, "csv")

    tables = read_folder(tmp_path).tables
    assert tables["sessions"] == analysis.tables["sessions"]
    assert tables["messages"] == analysis.tables["messages"]
    assert tables["exchanges"].schema == analysis.tables["exchanges"].schema


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The kind of a folder of tables."""
    write_folder(analysis_of("pop3-apop"), tmp_path, request.param)
    return str(request.param)


def test_folder_without_tables_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"there are no tables in this folder"):
        read_folder(tmp_path)


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").touch()

    with pytest.raises(LoadError, match=r"a\.pcap: this is no folder: name one that"):
        read_folder(tmp_path / "a.pcap")
    with pytest.raises(LoadError, match="none: there is no such folder"):
        read_folder(tmp_path / "none")


def test_missing_table_is_named(kind: str, tmp_path: Path) -> None:
    (tmp_path / f"messages.{kind}").unlink()

    with pytest.raises(LoadError, match=rf"messages\.{kind}: .* a table is missing"):
        read_folder(tmp_path)


@pytest.mark.parametrize("content", [b"\x00\xffnonsense\n", b"{}\n", b"a,b\n1,2\n"])
def test_damaged_table_is_named(content: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / f"sessions.{kind}").write_bytes(content)

    with pytest.raises(LoadError, match=rf"sessions\.{kind}: .* damaged"):
        read_folder(tmp_path)


@pytest.mark.parametrize("before", KINDS)
@pytest.mark.parametrize("after", KINDS)
def test_folder_holds_nothing_of_the_analysis_that_was_there_before(
    before: str, after: str, tmp_path: Path
) -> None:
    write_folder(analysis_of("office"), tmp_path, before, NOTHING)
    assert (tmp_path / f"findings.{before}").exists()
    (tmp_path / "notes.txt").write_text("of somebody else")
    about = json.loads((tmp_path / MANIFEST).read_bytes())
    (tmp_path / MANIFEST).write_text(json.dumps(about | {"schema_version": "older"}))

    write_folder(analysis_of("pop3-apop"), tmp_path, after)

    tables = {f"{table.name}.{after}" for table in TABLES}
    assert {each.name for each in tmp_path.iterdir()} == {
        MANIFEST,
        "notes.txt",
        *tables,
    }
    found = read_folder(tmp_path).tables["sessions"]
    assert found == analysis_of("pop3-apop").tables["sessions"]


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"kind": ["csv"]}', b"\xff"])
def test_tables_that_mailtap_may_not_have_written_stay(
    content: bytes, tmp_path: Path
) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    (tmp_path / "sessions.csv").write_bytes(b"of somebody else")

    write_folder(analysis_of("pop3-apop"), tmp_path, "jsonl")

    assert (tmp_path / "sessions.csv").read_bytes() == b"of somebody else"
    assert len(read_folder(tmp_path).sessions) == 1


def test_tables_of_two_analyses_are_not_read_as_one_if_writing_fails(
    tmp_path: Path,
) -> None:
    write_folder(analysis_of("office"), tmp_path, "csv")
    (tmp_path / "messages.csv").unlink()
    # nothing can take its place
    (tmp_path / "messages.csv").mkdir()

    with pytest.raises(ExportError, match=r"messages\.csv: can't be written"):
        write_folder(analysis_of("pop3-apop"), tmp_path, "csv")

    (tmp_path / "messages.csv").rmdir()
    with pytest.raises(LoadError, match="there are no tables in this folder"):
        read_folder(tmp_path)
