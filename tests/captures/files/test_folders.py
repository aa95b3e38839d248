from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from captures import CaptureError, find_captures, open_captures
from tests.support.analyses import CAPTURES

POP3 = CAPTURES["pop3-apop"].read_bytes()


def names(folder: Path, found: list[str]) -> list[str]:
    return [str(Path(path).relative_to(folder)) for path in found]


def nothing(_folder: Path) -> bool:
    return False


def test_captures_are_found_by_how_they_begin_and_at_any_depth(tmp_path: Path) -> None:
    deep = tmp_path / "b" / "c"
    deep.mkdir(parents=True)
    (tmp_path / "z.trace0").write_bytes(POP3)
    (deep / "x").write_bytes(gzip.compress(POP3))
    (tmp_path / "README").write_text("of these captures")
    (tmp_path / "b" / "page.html.gz").write_bytes(gzip.compress(b"<p>no</p>"))
    (tmp_path / "b" / "empty").touch()

    found = find_captures(tmp_path, nothing)

    assert names(tmp_path, found.captures) == ["z.trace0", "b/c/x"]
    assert found.others == 3


@pytest.mark.parametrize("name", ["a.pcap", "a.PCAPNG", "a.pcap.gz", "a.b.cap.zst"])
def test_what_is_named_like_a_capture_is_found_though_it_is_damaged(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(b"nothing that begins so is a capture")

    assert find_captures(tmp_path, nothing) == ([str(tmp_path / name)], 0)


def test_hidden_and_unwanted_are_passed_over_in_silence(tmp_path: Path) -> None:
    for folder in (".git", "tables", "more"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.pcap").write_bytes(POP3)
    (tmp_path / ".a.pcap.swp").write_bytes(POP3)

    found = find_captures(tmp_path, lambda folder: folder.name == "tables")

    assert names(tmp_path, found.captures) == ["more/a.pcap"]
    assert found.others == 0


def test_links_lead_to_files_once_and_not_in_circles(tmp_path: Path) -> None:
    outside = tmp_path / "outside.pcap"
    outside.write_bytes(POP3)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a.pcap", "b.pcap"):
        (folder / name).symlink_to(outside)
    (folder / "circle").symlink_to(folder)
    (folder / "nowhere.pcap").symlink_to("nothing")

    assert names(folder, find_captures(folder, nothing).captures) == ["a.pcap"]


def test_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.pcap")

    assert find_captures(tmp_path, nothing) == ([], 0)


def test_folder_without_captures_is_said_when_it_is_opened(tmp_path: Path) -> None:
    problems: list[CaptureError] = []

    with open_captures([tmp_path], on_problem=problems.append) as batches:
        assert list(batches) == []

    assert [each.reason for each in problems] == ["there is no capture in this folder"]
