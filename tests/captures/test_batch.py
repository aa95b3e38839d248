from __future__ import annotations

import numpy as np
import pytest

from captures import PacketBatch, split_frame_id
from captures.batch import frame_ids


@pytest.mark.parametrize("capture", [0, 1, 4000, (1 << 20) - 1])
@pytest.mark.parametrize("frame", [1, 65_536, (1 << 40) - 1])
def test_frame_id_tells_capture_and_number(capture: int, frame: int) -> None:
    (frame_id,) = frame_ids(np.array([capture], np.uint32), np.array([frame], np.int64))

    assert split_frame_id(int(frame_id)) == (capture, frame)


def test_batch_is_as_long_as_its_columns() -> None:
    none = np.empty(3, np.int64)
    batch = PacketBatch(
        captures=("a.pcap",),
        capture=none.astype(np.uint32),
        buffer=np.empty(0, np.uint8),
        offset=none,
        captured_length=none.astype(np.uint32),
        wire_length=none.astype(np.uint32),
        time_ns=none,
        link_type=none.astype(np.uint16),
        frame=none,
        position=0,
    )

    assert len(batch) == 3
