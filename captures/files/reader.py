"""An open capture, and its batches of packets.

What is wrong with a capture is a `CaptureError` in place of the next batch, after all
packets before the damage. Its text is for the user, and says what can be done.

Memory: one window of the capture (see `source`) and the columns of its packets.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from captures.batch import BatchSource, PacketBatch
from captures.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from captures.files.record_walk import RecordFormat, Scan
    from captures.files.source import Source

CUT = (
    "the capture ends in the middle of a packet: the file was cut, or is still being "
    "written; all packets before it were read"
)


class CaptureReader(BatchSource):
    """An open capture: an iterator of its packets, and a context manager.

    Attributes:
        name: the capture's name as the user gave it.
        size: bytes of the input, compressed ones if it is compressed; `None` if
            that isn't known.
        format: "pcap", "pcapng", or "wireshark" for all that tshark reads.
        captures: names that the batches carry.
        capture: which of them this capture's is.
        max_packets: most packets of a batch.
        max_bytes: about how many bytes a batch holds at most; may be changed any
            time.
        note: what the user should know of how the capture is read.
    """

    format: str
    _batches: Generator[PacketBatch]

    def __init__(
        self, name: str, *, size: int | None, max_packets: int, max_bytes: int
    ) -> None:
        self.name = name
        self.size = size
        self.captures: tuple[str, ...] = (name,)
        self.capture = 0
        self.max_packets = max_packets
        self.max_bytes = max_bytes
        self.note: str | None = None

    @property
    def secrets(self) -> Sequence[tuple[int, bytes]]:
        """Type and data of the TLS secrets in the capture, as far as it was read."""
        return ()

    def __next__(self) -> PacketBatch:
        """Get the next packets.

        Raises:
            CaptureError: the capture is damaged here.
        """
        return next(self._batches)

    def close(self) -> None:
        """Close the capture; batches that were read stay valid."""
        self._batches.close()


class RecordReader(CaptureReader):
    """A capture in a format that mailtap reads by itself."""

    def __init__(
        self,
        name: str,
        source: Source,
        record_format: RecordFormat,
        *,
        size: int | None,
        max_packets: int,
    ) -> None:
        """Read a capture from its beginning.

        Args:
            name: the capture's name.
            source: its bytes.
            record_format: its format.
            size: bytes of the input, if known.
            max_packets: most packets of a batch.
        """
        super().__init__(
            name, size=size, max_packets=max_packets, max_bytes=source.window
        )
        self.format = record_format.name
        self._source = source
        self._format = record_format
        self._frames = 0
        self._batches = self._read()

    @property
    def secrets(self) -> Sequence[tuple[int, bytes]]:
        """Type and data of the TLS secrets in the capture, as far as it was read."""
        return self._format.secrets

    def close(self) -> None:
        """Close the capture; batches that were read stay valid."""
        super().close()
        self._source.close()

    def _read(self) -> Generator[PacketBatch]:
        source = self._source
        done = self._format.header_length
        while (stop := self._advance(done)) is not None:
            base = source.base
            scan = self._format.scan(source.data, done - base, stop - base)
            done = base + scan.end
            yield from self._cut_into_batches(scan)
            if scan.damage:
                raise self._error(scan.damage, done)
        if source.problem:
            raise self._error(source.problem, done)
        if done < source.base + len(source.data):
            raise self._error(CUT, done)

    def _advance(self, done: int) -> int | None:
        self._source.window = self.max_bytes
        return self._source.advance(done)

    def _cut_into_batches(self, scan: Scan) -> Generator[PacketBatch]:
        """Yield a window's packets in batches of about the same size."""
        packets = scan.packets
        count = -(-len(packets) // self.max_packets)
        edges = np.linspace(0, len(packets), count + 1).astype(int).tolist()
        for first, end in pairwise(edges):
            is_last = end == len(packets)
            done = scan.end if is_last else int(packets.offset[end])
            before = self._frames
            self._frames += end - first
            yield PacketBatch.of(
                packets.take(slice(first, end)),
                np.arange(before + 1, self._frames + 1),
                captures=self.captures,
                capture=self.capture,
                position=self._source.consumed(self._source.base + done),
            )

    def _error(self, reason: str, offset: int) -> CaptureError:
        return CaptureError(self.name, reason, offset=offset, usable=self._frames > 0)
