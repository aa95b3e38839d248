from __future__ import annotations

import gzip
import os
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from captures import CaptureError, open_capture, open_captures
from tests.support.captures import packets, pcap, pcapng, unpack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., bytes]

MANY = packets(100)


@pytest.fixture(params=[pcap, pcapng])
def write(request: pytest.FixtureRequest) -> Write:
    function: Write = request.param
    return function


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "capture"


@pytest.mark.parametrize("max_packets", [1, 7, 99, 100, 101])
def test_batches_hold_at_most_max_packets(
    path: Path, write: Write, max_packets: int
) -> None:
    path.write_bytes(write(MANY))
    with open_capture(path, max_packets=max_packets) as reader:
        batches = list(reader)
    assert max(len(batch) for batch in batches) <= max_packets
    assert len(batches) == -(-100 // max_packets)
    assert [each for batch in batches for each in unpack(batch)] == MANY


@pytest.mark.parametrize("max_bytes", [1, 70, 1000, 100_000])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_batches_hold_about_max_bytes(
    path: Path, write: Write, pack: Callable[[bytes], bytes], max_bytes: int
) -> None:
    path.write_bytes(pack(write(MANY)))
    with open_capture(path, max_bytes=max_bytes) as reader:
        batches = list(reader)
    assert [each for batch in batches for each in unpack(batch)] == MANY
    assert all(batch.captured_length[1:].sum() <= max_bytes for batch in batches)


def test_frames_are_numbered_from_1_through_all_batches(path: Path) -> None:
    path.write_bytes(pcap(MANY))
    with open_capture(path, max_packets=7, max_bytes=1000) as reader:
        frames = np.concatenate([batch.frame for batch in reader])
    assert frames.tolist() == list(range(1, 101))


def test_columns_have_the_types_of_the_contract(path: Path, write: Write) -> None:
    path.write_bytes(write(MANY))
    with open_capture(path) as reader:
        (batch,) = reader
    types = {
        "capture": np.uint32,
        "buffer": np.uint8,
        "offset": np.int64,
        "captured_length": np.uint32,
        "wire_length": np.uint32,
        "time_ns": np.int64,
        "link_type": np.uint16,
        "frame": np.int64,
    }
    assert {name: getattr(batch, name).dtype for name in types} == types
    assert not batch.buffer.flags.writeable
    assert batch.captures == (str(path),)
    assert batch.capture.tolist() == [0] * 100


def test_position_reaches_the_size(path: Path, write: Write) -> None:
    path.write_bytes(write(MANY))
    with open_capture(path, max_packets=30) as reader:
        positions = [batch.position for batch in reader]
    assert positions == sorted(positions)
    assert positions[-1] == reader.size == path.stat().st_size


def test_reader_tells_name_and_format(path: Path) -> None:
    path.write_bytes(pcap(MANY))
    with open_capture(str(path)) as reader:
        assert (reader.name, reader.format) == (str(path), "pcap")
        assert reader.secrets == ()
    path.write_bytes(pcapng(MANY))
    with open_capture(path) as reader:
        assert (reader.name, reader.format) == (str(path), "pcapng")


def test_batch_stays_valid_after_closing(path: Path, write: Write) -> None:
    path.write_bytes(write(MANY))
    with open_capture(path, max_packets=3, max_bytes=1000) as reader:
        batch = next(reader)
    assert unpack(batch) == MANY[: len(batch)]
    assert len(batch) > 0
    assert list(reader) == []


def test_window_can_be_changed_while_reading(path: Path) -> None:
    path.write_bytes(pcap(MANY))
    with open_capture(path, max_bytes=1) as reader:
        assert len(next(reader)) == 1
        reader.max_bytes = 100_000
        assert reader.max_bytes == 100_000
        assert len(next(reader)) == 99


def test_damage_is_reported_once(path: Path) -> None:
    path.write_bytes(pcap(MANY)[:-1])
    with open_capture(path) as reader:
        assert len(next(reader)) == 99
        with pytest.raises(CaptureError):
            next(reader)
        assert list(reader) == []


def test_error_names_capture_and_place(path: Path) -> None:
    path.write_bytes(pcap(packets(30_000, size=1))[:-1])
    with open_capture(path) as reader:
        next(reader)
        with pytest.raises(CaptureError) as caught:
            next(reader)
    place = path.stat().st_size - len(packets(30_000, size=1)[-1].data) - 16 + 1
    assert str(caught.value).startswith(f"{path} at byte {place:,}: ")


@pytest.mark.parametrize("left", [0, 24, 1000])
def test_capture_is_emptied_while_it_is_read(
    path: Path, write: Write, left: int
) -> None:
    path.write_bytes(write(MANY))
    with open_captures([path], max_bytes=1000) as merged:
        found = unpack(next(merged))
        os.truncate(path, left)
        for batch in merged:
            found += unpack(batch)
    assert found == MANY[: len(found)]
    [error] = merged.problems
    assert error.usable
    assert "shortened while it was read" in error.reason


def test_capture_that_is_deleted_while_it_is_read_is_read_to_its_end(
    path: Path, write: Write
) -> None:
    path.write_bytes(write(MANY))
    with open_capture(path, max_bytes=1000) as reader:
        found = unpack(next(reader))
        path.unlink()
        for batch in reader:
            found += unpack(batch)
    assert found == MANY


def test_pipe_is_read_although_its_writer_pauses(path: Path, write: Write) -> None:
    content = write(MANY)
    cut = len(write(MANY[:50])) + 10
    os.mkfifo(path)
    go_on = threading.Event()

    def write_slowly() -> None:
        with path.open("wb", buffering=0) as pipe:
            pipe.write(content[:cut])
            go_on.wait()
            pipe.write(content[cut:])

    writer = threading.Thread(target=write_slowly)
    writer.start()
    with open_capture(path) as reader:
        assert reader.size is None
        first = next(reader)
        go_on.set()
        rest = [each for batch in reader for each in unpack(batch)]
    writer.join()
    assert unpack(first) == MANY[:50]
    assert rest == MANY[50:]


def test_pipe_that_is_cut_gives_what_was_written(path: Path) -> None:
    content = pcap(MANY)
    reading, writing = os.pipe()
    os.write(writing, content[:-1])
    os.close(writing)
    with open_capture(f"/proc/self/fd/{reading}") as reader:
        assert len(next(reader)) == 99
        with pytest.raises(CaptureError) as caught:
            next(reader)
    os.close(reading)
    assert caught.value.offset == len(pcap(MANY[:-1]))
