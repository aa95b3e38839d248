from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from captures import CaptureError, open_capture
from tests.support.captures import packets, pcap, pcapng, read

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., bytes]

MANY = packets(100)


@pytest.fixture(params=[pcap, pcapng])
def write(request: pytest.FixtureRequest) -> Write:
    function: Write = request.param
    return function


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "capture"


@pytest.mark.parametrize(("packets", "size"), [(0, 1), (1, 0)])
def test_batch_without_room_is_refused(path: Path, packets: int, size: int) -> None:
    path.write_bytes(pcap(MANY))
    with pytest.raises(ValueError, match="at least one"):
        open_capture(path, max_packets=packets, max_bytes=size)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "no such file"),
        ("folder", "folder"),
        ("empty", "empty"),
        ("a\0b", "name"),
        ("x" * 300, "can't be opened"),
        ("text", "text"),
        ("short", "beginning of a pcap"),
    ],
)
def test_what_is_no_capture_is_an_error(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("Subject: hello\n")
    (tmp_path / "short").write_bytes(pcap([])[:20])
    path = str(tmp_path / name)
    with pytest.raises(CaptureError, match=reason) as caught:
        open_capture(path)
    assert caught.value.capture == path
    assert caught.value.offset is None
    assert not caught.value.usable


def test_missing_permission_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(CaptureError, match="you may not read"):
        open_capture(path)


@pytest.mark.parametrize("content", [b"text", b"", b"\x1f\x8b\x08", pcap([])[:20]])
def test_capture_that_fails_at_once_is_closed(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    before = [*Path("/proc/self/fd").iterdir()]
    with pytest.raises(CaptureError):
        open_capture(path)
    assert [*Path("/proc/self/fd").iterdir()] == before


def test_pipe_in_the_place_of_a_file_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(CaptureError, match="something else has taken its place"):
        open_capture(path, again=True)


def test_input_that_fails_to_be_read_is_an_error() -> None:
    # address 0 of a process is not mapped
    with pytest.raises(CaptureError, match="can't be read any further"):
        open_capture("/proc/self/mem")


def test_standard_input_is_read(
    path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = write(MANY)
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    found = read_standard_input(reading)
    assert found == MANY


@pytest.mark.parametrize("skipped", [0, 5])
def test_file_as_standard_input_is_read_from_where_it_is(
    path: Path, write: Write, skipped: int
) -> None:
    path.write_bytes(bytes(skipped) + write(MANY))
    descriptor = os.open(path, os.O_RDONLY)
    os.lseek(descriptor, skipped, os.SEEK_SET)
    assert read_standard_input(descriptor) == MANY


def read_standard_input(descriptor: int) -> object:
    """Read "-" while standard input is what `descriptor` is open for."""
    saved = os.dup(0)
    os.dup2(descriptor, 0)
    os.close(descriptor)
    try:
        return read(Path("-"))
    finally:
        os.dup2(saved, 0)
        os.close(saved)
