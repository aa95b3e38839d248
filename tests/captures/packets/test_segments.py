from __future__ import annotations

import numpy as np

from captures import Decoder, SegmentFilter, Segments
from tests.support.packets import batch_of, ethernet, frame, ipv4, tcp


def decoded(count: int) -> Segments:
    packets = [
        frame(ethernet(ipv4(tcp(b"%d" % number, sequence=number))))
        for number in range(count)
    ]
    return Decoder(SegmentFilter([25])).decode(batch_of(packets))


def test_segments_are_joined_in_capture_order() -> None:
    segments = decoded(5)
    parts = [segments.take(np.array(chosen)) for chosen in ([4, 1], [3], [0, 2])]
    assert Segments.concat(parts).sequence.tolist() == [4, 1, 3, 0, 2]
    assert Segments.merge(parts).sequence.tolist() == [0, 1, 2, 3, 4]
    assert len(Segments.merge(parts[:1])) == 2


def test_segments_without_payload_keep_no_batch() -> None:
    segments = decoded(3)
    bare = segments.without_payload()
    assert bare.buffer.size == 0
    assert bare.captured.tolist() == [0, 0, 0]
    assert bare.length.tolist() == segments.length.tolist() == [1, 1, 1]
