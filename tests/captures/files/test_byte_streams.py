from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from captures.files.byte_streams import FileStream, StreamError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def pipe() -> Iterator[tuple[FileStream, int]]:
    reading, writing = os.pipe()
    stream = FileStream(reading)
    yield stream, writing
    stream.close()
    os.close(writing)


def test_bytes_that_were_peeked_at_are_read_again(
    pipe: tuple[FileStream, int],
) -> None:
    stream, writing = pipe
    os.write(writing, b"abcdef")
    assert stream.peek(4) == b"abcd"
    assert stream.consumed == 0
    assert stream.is_ready(0)
    assert stream.read(3) == b"abc"
    assert stream.consumed == 3
    assert stream.read(9) == b"d"
    assert stream.read(9) == b"ef"
    assert stream.consumed == 6


def test_peek_waits_for_all_bytes(pipe: tuple[FileStream, int]) -> None:
    stream, writing = pipe
    os.write(writing, b"ab")
    assert stream.peek(2) == b"ab"
    os.write(writing, b"cd")
    assert stream.peek(4) == b"abcd"


def test_pipe_is_ready_when_something_was_written(
    pipe: tuple[FileStream, int],
) -> None:
    stream, writing = pipe
    assert not stream.is_ready(0)
    assert not stream.is_ready(-1)
    os.write(writing, b"a")
    assert stream.is_ready(10)


def test_end_is_an_empty_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"ab")
    stream = FileStream(os.open(path, os.O_RDONLY))
    assert stream.peek(5) == b"ab"
    assert stream.read(5) == b"ab"
    assert stream.read(5) == b""
    assert stream.is_ready(0)
    stream.close()


def test_closing_twice_closes_once(tmp_path: Path) -> None:
    stream = FileStream(os.open(tmp_path, os.O_RDONLY))
    stream.close()
    stream.close()


def test_failure_to_read_is_a_stream_error(tmp_path: Path) -> None:
    stream = FileStream(os.open(tmp_path, os.O_RDONLY))
    with pytest.raises(StreamError, match="can't be read"):
        stream.read(1)
    stream.close()
