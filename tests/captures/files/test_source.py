from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from captures.files import source as source_module
from captures.files.byte_streams import FileStream, StreamError
from captures.files.source import FileWindows, StreamBlocks

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = bytes(range(256)) * 512


class Pieces:
    """A stream of given pieces, one for each read; `None` is a pause."""

    def __init__(self, *pieces: bytes | None) -> None:
        self.pieces = list(pieces)
        self.consumed = 0
        self.is_closed = False

    def read(self, limit: int) -> bytes:
        while self.pieces and self.pieces[0] is None:
            del self.pieces[0]
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0) or b""
        if len(piece) > limit:
            self.pieces.insert(0, piece[limit:])
        self.consumed += len(piece[:limit])
        return piece[:limit]

    def is_ready(self, timeout_s: float) -> bool:
        return not self.pieces or self.pieces[0] is not None

    def close(self) -> None:
        self.is_closed = True


class Failing(Pieces):
    """A stream that fails after its pieces."""

    def read(self, limit: int) -> bytes:
        if not self.pieces:
            raise StreamError("it broke")
        return super().read(limit)


def open_windows(path: Path, window: int) -> FileWindows:
    path.write_bytes(CONTENT)
    return FileWindows(os.open(path, os.O_RDONLY), len(CONTENT), window)


def test_file_is_read_window_by_window(tmp_path: Path) -> None:
    windows = open_windows(tmp_path / "a", 100_000)
    assert windows.head(3) == CONTENT[:3]
    assert windows.advance(24) == 100_024
    assert windows.base == 24
    assert windows.data.tobytes() == CONTENT[24:100_024]
    assert not windows.data.flags.writeable
    assert windows.advance(100_020) == len(CONTENT)
    assert windows.data.tobytes() == CONTENT[100_020:]
    assert windows.advance(len(CONTENT)) is None
    assert windows.problem is None
    assert windows.consumed(77) == 77
    windows.close()
    windows.close()


def test_window_grows_for_a_long_record(tmp_path: Path) -> None:
    windows = open_windows(tmp_path / "a", 10)
    ends = []
    while (end := windows.advance(5)) is not None:
        ends.append(end)
    assert windows.data.tobytes() == CONTENT[5:]
    assert len(ends) < 20
    assert windows.problem is None
    windows.close()


def test_window_is_small_again_after_a_long_record(tmp_path: Path) -> None:
    windows = open_windows(tmp_path / "a", 10)
    assert windows.advance(5) == 15
    assert windows.advance(5) == 25
    assert windows.advance(20) == 30
    windows.close()


def test_window_outlives_the_next_one_and_the_source(tmp_path: Path) -> None:
    windows = open_windows(tmp_path / "a", 1000)
    windows.advance(0)
    view = windows.data[5:9]
    windows.advance(900)
    windows.close()
    assert view.tobytes() == CONTENT[5:9]


@pytest.mark.parametrize("left", [0, 1500, 50_000])
def test_file_is_shortened_while_it_is_read(tmp_path: Path, left: int) -> None:
    windows = open_windows(tmp_path / "a", 1000)
    assert windows.advance(0) == 1000
    os.truncate(tmp_path / "a", left)
    done = 1000
    while (end := windows.advance(done)) is not None:
        done = end
    assert done == max(1000, left)
    assert "shortened" in str(windows.problem)
    windows.close()


def test_file_is_not_read_further_than_it_went_at_first(tmp_path: Path) -> None:
    windows = open_windows(tmp_path / "a", len(CONTENT))
    with (tmp_path / "a").open("ab") as file:
        file.write(CONTENT)
    assert windows.advance(0) == len(CONTENT)
    assert windows.advance(len(CONTENT)) is None
    assert windows.problem is None
    windows.close()


def test_file_whose_disk_fails_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = open_windows(tmp_path / "a", 1000)

    def fail(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "preadv", fail)
    assert windows.advance(0) == 0
    assert windows.advance(0) is None
    assert windows.problem == "it can't be read any further (Input/output error)"
    windows.close()


def test_stream_is_read_until_a_block_is_full() -> None:
    blocks = StreamBlocks(Pieces(CONTENT), 1000)
    assert blocks.head(4) == CONTENT[:4]
    assert blocks.advance(4) == 1000
    assert blocks.data.tobytes() == CONTENT[:1000]
    assert not blocks.data.flags.writeable


def test_what_is_not_done_moves_to_the_next_block() -> None:
    blocks = StreamBlocks(Pieces(CONTENT), 1000)
    assert blocks.advance(0) == 1000
    before = blocks.data
    assert blocks.advance(990) == 1990
    assert blocks.base == 990
    assert blocks.data.tobytes() == CONTENT[990:1990]
    assert before.tobytes() == CONTENT[:1000]


def test_block_grows_for_a_long_record() -> None:
    blocks = StreamBlocks(Pieces(CONTENT), 10)
    ends = []
    while (end := blocks.advance(5)) is not None:
        ends.append(end)
    assert blocks.data.tobytes() == CONTENT[blocks.base :]
    # the size of a block doubles, so few of them were needed
    assert len(ends) < 20


def test_stream_of_single_bytes_is_read_into_one_block() -> None:
    pieces = [CONTENT[i : i + 1] for i in range(2000)]
    blocks = StreamBlocks(Pieces(*pieces), 100_000)
    assert blocks.advance(0) == 2000


def test_pause_ends_a_block() -> None:
    blocks = StreamBlocks(Pieces(b"first", None, b"second", None, b"third"), 1000)
    assert blocks.advance(0) == 5
    assert blocks.advance(5) == 11
    # the rest of the block is used, nothing moves
    assert blocks.base == 0
    assert blocks.advance(11) == 16
    assert blocks.data.tobytes() == b"firstsecondthird"
    assert blocks.advance(16) is None


def test_head_waits_through_pauses() -> None:
    blocks = StreamBlocks(Pieces(b"a", None, b"b", None, b"c"), 1000)
    assert blocks.head(2) == b"ab"
    # and what was read is offered before more is waited for
    assert blocks.advance(1) == 2


def test_head_of_a_short_stream_is_short() -> None:
    blocks = StreamBlocks(Pieces(b"a"), 1000)
    assert blocks.head(2) == b"a"
    assert blocks.advance(0) == 1
    assert blocks.advance(0) is None


def test_rest_is_offered_as_long_as_some_of_it_gets_done() -> None:
    blocks = StreamBlocks(Pieces(b"abc"), 1000)
    assert blocks.advance(0) == 3
    assert blocks.advance(1) == 3
    assert blocks.advance(2) == 3
    assert blocks.advance(2) is None


def test_failing_stream_gives_what_precedes_the_failure() -> None:
    blocks = StreamBlocks(Failing(b"abc"), 1000)
    assert blocks.advance(0) == 3
    assert blocks.problem == "it broke"
    assert blocks.advance(3) is None


def test_consumed_bytes_are_those_of_the_stream() -> None:
    stream = Pieces(b"abc")
    blocks = StreamBlocks(stream, 1000)
    blocks.advance(0)
    assert blocks.consumed(1) == 3
    blocks.close()
    assert stream.is_closed


def test_pipe_is_not_waited_for_longer_than_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source_module, "_PATIENCE_S", 0.001)
    reading, writing = os.pipe()
    blocks = StreamBlocks(FileStream(reading), 1000)
    os.write(writing, b"abc")
    assert blocks.advance(0) == 3
    os.write(writing, b"def")
    os.close(writing)
    assert blocks.advance(3) == 6
    assert np.array_equal(blocks.data, np.frombuffer(b"abcdef", np.uint8))
    blocks.close()


def test_follower_is_told_of_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "_PATIENCE_S", 0.001)
    reading, writing = os.pipe()
    blocks = StreamBlocks(FileStream(reading), 1000, follows=True)
    assert blocks.advance(0) == 0
    os.write(writing, b"abc")
    assert blocks.advance(0) == 3
    # a record that isn't complete yet
    assert blocks.advance(1) == 3
    os.close(writing)
    assert blocks.advance(1) == 3
    assert blocks.advance(1) is None
    blocks.close()
