from __future__ import annotations

import numpy as np
import pytest

from captures import PacketBatch, split_frame_id
from captures.batch import PacketColumns, frame_ids


@pytest.mark.parametrize("capture", [0, 1, 4000, (1 << 20) - 1])
@pytest.mark.parametrize("frame", [1, 65_536, (1 << 40) - 1])
def test_frame_id_tells_capture_and_number(capture: int, frame: int) -> None:
    (frame_id,) = frame_ids(np.array([capture], np.uint32), np.array([frame], np.int64))

    assert split_frame_id(int(frame_id)) == (capture, frame)


def batch(capture: int, *packets: bytes) -> PacketBatch:
    count = len(packets)
    columns = PacketColumns.of_packets(
        packets, [100] * count, range(5, 5 + count), [1] * count
    )
    return PacketBatch.of(
        columns,
        range(1, 1 + count),
        captures=("a.pcap", "b.pcap"),
        capture=capture,
        position=sum(map(len, packets)),
    )


def packets_of(batch: PacketBatch) -> list[bytes]:
    rows = zip(batch.offset.tolist(), batch.captured_length.tolist(), strict=True)
    return [batch.buffer[at : at + length].tobytes() for at, length in rows]


def test_batch_is_made_of_packets() -> None:
    made = batch(1, b"first", b"", b"third")
    assert len(made) == 3
    assert packets_of(made) == [b"first", b"", b"third"]
    assert made.wire_length.tolist() == [100] * 3
    assert made.time_ns.tolist() == [5, 6, 7]
    assert [split_frame_id(each) for each in made.frame_ids.tolist()] == [
        (1, 1),
        (1, 2),
        (1, 3),
    ]


def test_empty_batch_has_no_packets() -> None:
    nothing = PacketBatch.empty(("a.pcap",), 7)
    assert (len(nothing), nothing.captures, nothing.position) == (0, ("a.pcap",), 7)


def test_some_packets_are_taken() -> None:
    taken = batch(0, b"first", b"second", b"third").take([2, 0])
    assert packets_of(taken) == [b"third", b"first"]
    assert taken.frame.tolist() == [3, 1]
    assert taken.time_ns.tolist() == [7, 5]


def test_batches_are_put_together_in_a_buffer_of_their_own() -> None:
    middle = batch(1, b"cut off", b"second", b"cut off").take(slice(1, 2))
    together = PacketBatch.concat([batch(0, b"first"), middle, batch(0, b"third")])
    assert packets_of(together) == [b"first", b"second", b"third"]
    assert together.buffer.tobytes() == b"firstsecondthird"
    assert together.capture.tolist() == [0, 1, 0]
    assert not together.buffer.flags.writeable


def test_rows_hold_other_packets() -> None:
    other = batch(1, b"a", b"b").take([1]).with_packets([b"datagram"], 101)
    assert packets_of(other) == [b"datagram"]
    assert other.wire_length.tolist() == [8]
    assert (other.frame.tolist(), other.time_ns.tolist()) == ([2], [6])
    assert other.link_type.tolist() == [101]
