from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captures import CaptureError, open_captures
from captures.files import merge
from tests.support.captures import (
    Packet,
    enhanced_packet,
    interface,
    packet,
    packets,
    pcap,
    pcapng,
    secrets,
    section,
    unpack,
)

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

# a packet with the index of its capture and its frame number
Row = tuple[int, int, Packet]


def write(folder: Path, *captures: list[Packet]) -> list[Path]:
    paths = [folder / f"{i}.pcap" for i in range(len(captures))]
    for path, content in zip(paths, captures, strict=True):
        path.write_bytes(pcap(content))
    return paths


def read(
    paths: list[Path], *, max_packets: int = 10_000, max_bytes: int = 1_000_000
) -> list[Row]:
    rows: list[Row] = []
    with open_captures(paths, max_packets=max_packets, max_bytes=max_bytes) as merged:
        for batch in merged:
            assert len(batch) <= max_packets
            assert batch.captures == tuple(str(path) for path in paths)
            columns = batch.capture.tolist(), batch.frame.tolist(), unpack(batch)
            rows += zip(*columns, strict=True)
    assert merged.problems == []
    return rows


def expected(*captures: list[Packet]) -> list[Row]:
    """Merge packet by packet."""
    rows: list[tuple[tuple[int, int, int], Row]] = []
    begin = [content[0].time_ns if content else 0 for content in captures]
    for index, content in enumerate(captures):
        latest = 0
        for frame, each in enumerate(content, 1):
            latest = max(latest, each.time_ns)
            rows.append(((latest, begin[index], index), (index, frame, each)))
    return [row for _, row in sorted(rows, key=lambda keyed: keyed[0])]


def test_captures_follow_each_other_whatever_their_order(tmp_path: Path) -> None:
    rotated = [packets(50, first=first) for first in (100, 0, 150, 50)]
    paths = write(tmp_path, *rotated)
    rows = read(paths)
    assert rows == expected(*rotated)
    assert [index for index, *_ in rows[::50]] == [1, 3, 0, 2]


def test_captures_that_follow_each_other_are_open_one_at_a_time(
    tmp_path: Path,
) -> None:
    paths = write(tmp_path, *[packets(50, first=first) for first in (0, 50, 100)])
    most = 0
    with open_captures(paths, max_packets=7) as merged:
        for _ in merged:
            most = max(most, len(merged._active))
    assert most == 1


def test_overlapping_captures_are_merged_packet_by_packet(tmp_path: Path) -> None:
    one, other = packets(100, first=0), packets(100, first=90)
    assert read(write(tmp_path, one, other)) == expected(one, other)


def test_alternating_captures_are_merged_into_large_batches(tmp_path: Path) -> None:
    one, other = packets(2000)[::2], packets(2000)[1::2]
    paths = write(tmp_path, one, other)
    assert read(paths) == expected(one, other)
    with open_captures(paths) as merged:
        assert len(list(merged)) <= 3


def test_long_run_of_one_capture_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge, "_LONG_RUN", 10)
    one, other = packets(100), packets(100, first=95)
    paths = write(tmp_path, one, other)
    assert read(paths) == expected(one, other)
    with open_captures(paths) as merged:
        batches = list(merged)
    assert [len(batch) for batch in batches] == [96, 8, 96]
    assert [len(set(batch.capture.tolist())) for batch in batches] == [1, 2, 1]


def test_equal_times_keep_the_order_of_the_captures(tmp_path: Path) -> None:
    same = [packet(5, b"%d" % i) for i in range(20)]
    captures = same[:7], same[7:9], same[9:]
    for max_packets in (1, 2, 7, 100):
        rows = read(write(tmp_path, *captures), max_packets=max_packets)
        assert rows == expected(*captures)
        assert [each for *_, each in rows] == same


def test_packets_out_of_order_keep_the_order_of_their_capture(tmp_path: Path) -> None:
    one = [packet(i) for i in (0, 9, 3, 4, 10, 2, 20)]
    other = [packet(i) for i in (1, 5, 9, 10, 11)]
    for max_bytes in (1, 50, 1000):
        rows = read(write(tmp_path, one, other), max_bytes=max_bytes)
        assert rows == expected(one, other)


def test_capture_named_twice_is_read_twice(tmp_path: Path) -> None:
    (path,) = write(tmp_path, packets(10))
    assert read([path, path]) == expected(packets(10), packets(10))


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.integers(0, 30), max_size=12), min_size=1, max_size=5),
    st.sampled_from([1, 3, 1000]),
    st.sampled_from([1, 200, 100_000]),
)
def test_any_captures_are_merged_as_packet_by_packet(
    tmp_path: Path, times: list[list[int]], max_packets: int, max_bytes: int
) -> None:
    captures = [
        [packet(time, b"%d.%d" % (i, j)) for j, time in enumerate(each)]
        for i, each in enumerate(times)
    ]
    paths = write(tmp_path, *captures)
    rows = read(paths, max_packets=max_packets, max_bytes=max_bytes)
    assert rows == expected(*captures)


def test_bad_captures_do_not_stop_the_others(tmp_path: Path) -> None:
    paths = write(tmp_path, packets(10), packets(10, first=5), packets(10, first=20))
    content = paths[1].read_bytes()
    paths[1].write_bytes(content[:-1])
    text, cut = tmp_path / "text", tmp_path / "cut"
    text.write_text("text")
    cut.write_bytes(content[:40])
    told: list[CaptureError] = []
    names = [text, *paths, tmp_path / "missing", cut]
    with open_captures(names, on_problem=told.append) as merged:
        assert len(told) == 3
        count = sum(len(batch) for batch in merged)
    assert count == 29
    assert merged.problems == told
    bad = [text, tmp_path / "missing", cut, paths[1]]
    assert [error.capture for error in told] == [str(path) for path in bad]
    assert [error.usable for error in told] == [False, False, False, True]


def test_capture_that_vanishes_is_a_problem(tmp_path: Path) -> None:
    paths = write(tmp_path, packets(10), packets(10, first=5))
    with open_captures(paths) as merged:
        paths[1].unlink()
        assert sum(len(batch) for batch in merged) == 10
    assert [error.capture for error in merged.problems] == [str(paths[1])]


def test_pipe_that_takes_the_place_of_a_capture_is_a_problem(tmp_path: Path) -> None:
    paths = write(tmp_path, packets(3), packets(3, first=10))
    with open_captures(paths) as merged:
        paths[1].unlink()
        os.mkfifo(paths[1])
        assert sum(len(batch) for batch in merged) == 3
    assert [error.capture for error in merged.problems] == [str(paths[1])]


def test_captures_that_all_vanish_are_problems(tmp_path: Path) -> None:
    paths = write(tmp_path, packets(10), packets(10, first=5))
    with open_captures(paths) as merged:
        for path in paths:
            path.unlink()
        assert list(merged) == []
    assert [error.capture for error in merged.problems] == [str(p) for p in paths]


def test_nothing_to_read_has_no_packets(tmp_path: Path) -> None:
    assert read([]) == []
    assert read(write(tmp_path, [], [])) == []


def test_single_capture_is_opened_once(tmp_path: Path) -> None:
    (path,) = write(tmp_path, packets(10))
    with open_captures([path]) as merged:
        path.unlink()
        assert sum(len(batch) for batch in merged) == 10
    assert merged.problems == []


def test_pipes_are_opened_once(tmp_path: Path) -> None:
    contents = [packets(100)[::2], packets(100)[1::2]]
    readers = []
    for content in contents:
        reading, writing = os.pipe()
        os.write(writing, pcap(content))
        os.close(writing)
        readers.append(reading)
    names = [f"/proc/self/fd/{reading}" for reading in readers]
    with open_captures(names) as merged:
        found = [each for batch in merged for each in unpack(batch)]
    for reading in readers:
        os.close(reading)
    assert found == packets(100)


def test_closing_early_closes_all_captures(tmp_path: Path) -> None:
    paths = write(tmp_path, packets(10), packets(10, first=5), packets(10, first=40))
    reading, writing = os.pipe()
    os.write(writing, pcap(packets(10, first=30)))
    os.close(writing)
    with open_captures([*paths, f"/proc/self/fd/{reading}"]) as merged:
        next(merged)
        active = [cursor.capture.reader for cursor in merged._active]
        waiting = [each.opened[0].reader for each in merged._waiting if each.opened]
    os.close(reading)
    assert len(active) == 2
    assert len(waiting) == 1
    assert [next(reader, None) for reader in [*active, *waiting]] == [None] * 3
    assert list(merged) == []


def test_position_reaches_the_size(tmp_path: Path) -> None:
    paths = write(tmp_path, packets(100), packets(100, first=50))
    paths[1].write_bytes(gzip.compress(paths[1].read_bytes()))
    with open_captures(paths, max_packets=10, max_bytes=1000) as merged:
        positions = [batch.position for batch in merged]
    assert positions == sorted(positions)
    assert positions[-1] == merged.size == sum(path.stat().st_size for path in paths)


def test_secrets_of_all_captures_are_collected(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    last = secrets("<", 1, b"last")
    paths[0].write_bytes(section() + secrets("<", 1, b"first") + interface())
    with paths[0].open("ab") as file:
        # of the first few packets nobody knows yet whether their time is right
        file.write(enhanced_packet("<", packet(0)) * 20 + last)
    paths[1].write_bytes(pcapng(packets(5)) + last)
    with open_captures(paths, max_bytes=1) as merged:
        assert merged.secrets == []
        next(merged)
        assert merged.secrets == [(1, b"first")]
        assert sum(len(batch) for batch in merged) == 24
    assert merged.secrets == [(1, b"first"), (1, b"last"), (1, b"last")]
