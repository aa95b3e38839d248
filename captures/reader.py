"""One capture, from opening it to its batches of packets.

Whatever is wrong with a capture is a `CaptureError`: when it is opened, if it
can't be a capture at all, or in place of the next batch, after all packets
before the damage. Its text is for the user, and says what can be done.

Memory: one window of the capture (see `source`) and the columns of its packets.
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack, suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np

from captures.batch import MAX_BATCH_BYTES, MAX_BATCH_PACKETS, PacketBatch
from captures.compression import DecompressedStream, recognise_compression
from captures.errors import CaptureError
from captures.magic import describe
from captures.pcap import Pcap
from captures.pcapng import Pcapng
from captures.source import MappedFile, Source, StreamBlocks
from captures.streams import FileStream, StreamError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from types import TracebackType

    from captures.records import RecordFormat, Scan

STANDARD_INPUT = "-"

_FORMATS = (Pcap, Pcapng)
_HEAD_BYTES = 512
# all that a format must see to recognise itself
_SHORTEST_CAPTURE = 24

_CUT = (
    "the capture ends in the middle of a packet: the file was cut, or is still being "
    "written; all packets before it were read"
)


class CaptureReader:
    """An open capture: an iterator of its packets, and a context manager.

    Attributes:
        name: the capture's name as the user gave it.
        size: bytes of the input, compressed ones if it is compressed; `None` if
            that isn't known.
        format: "pcap" or "pcapng".
        captures: names that the batches carry.
        capture: which of them this capture's is.
        max_packets: most packets of a batch.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        record_format: RecordFormat,
        *,
        size: int | None,
        max_packets: int,
    ) -> None:
        self.name = name
        self.size = size
        self.format = record_format.name
        self.captures: tuple[str, ...] = (name,)
        self.capture = 0
        self.max_packets = max_packets
        self._source = source
        self._format = record_format
        self._frames = 0
        self._batches = self._read()

    @property
    def secrets(self) -> Sequence[tuple[int, bytes]]:
        """Type and data of the TLS secrets in the capture, as far as it was read."""
        return self._format.secrets

    @property
    def max_bytes(self) -> int:
        """About how many bytes a batch holds at most; may be changed any time."""
        return self._source.window

    @max_bytes.setter
    def max_bytes(self, size: int) -> None:
        self._source.window = size

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> PacketBatch:
        """Get the next packets.

        Raises:
            CaptureError: the capture is damaged here.
        """
        return next(self._batches)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the capture; batches that were read stay valid."""
        self._batches.close()
        self._source.close()

    def _read(self) -> Generator[PacketBatch]:
        source = self._source
        done = self._format.header_length
        while (stop := source.advance(done)) is not None:
            base = source.base
            scan = self._format.scan(source.data, done - base, stop - base)
            done = base + scan.end
            yield from self._cut_into_batches(scan)
            if scan.damage:
                raise self._error(scan.damage, done)
        if source.problem:
            raise self._error(source.problem, done)
        if done < source.base + len(source.data):
            raise self._error(_CUT, done)

    def _cut_into_batches(self, scan: Scan) -> Generator[PacketBatch]:
        """Yield a window's packets in batches of about the same size."""
        count = -(-len(scan) // self.max_packets)
        edges = np.linspace(0, len(scan), count + 1).astype(int).tolist()
        for first, end in pairwise(edges):
            rows = slice(first, end)
            is_last = end == len(scan)
            done = scan.end if is_last else int(scan.offset[end])
            frame = self._frames + 1
            self._frames += end - first
            yield PacketBatch(
                captures=self.captures,
                capture=np.full(end - first, self.capture, np.uint32),
                buffer=self._source.data,
                offset=scan.offset[rows],
                captured_length=scan.captured_length[rows],
                wire_length=scan.wire_length[rows],
                time_ns=scan.time_ns[rows],
                link_type=scan.link_type[rows],
                frame=np.arange(frame, frame + end - first),
                position=self._source.consumed(self._source.base + done),
            )

    def _error(self, reason: str, offset: int) -> CaptureError:
        return CaptureError(self.name, reason, offset=offset, usable=self._frames > 0)


def open_capture(
    path: str | os.PathLike[str],
    *,
    max_packets: int = MAX_BATCH_PACKETS,
    max_bytes: int = MAX_BATCH_BYTES,
) -> CaptureReader:
    """Open a capture file, a pipe, or standard input.

    Args:
        path: where it is; "-" is standard input.
        max_packets: most packets of a batch.
        max_bytes: about how many bytes of the capture a batch holds at most.

    Raises:
        CaptureError: there is no capture.
    """
    if max_packets < 1 or max_bytes < 1:
        raise ValueError("a batch holds at least one packet and one byte")
    name = os.fspath(path)
    descriptor = _open(name)
    stream = FileStream(descriptor)
    with ExitStack() as on_error:
        on_error.callback(stream.close)
        size = _regular_size(name, descriptor)
        source = _open_source(name, stream, descriptor, max_bytes)
        record_format = _recognise(name, source)
        on_error.pop_all()
    return CaptureReader(
        name, source, record_format, size=size, max_packets=max_packets
    )


def _open(name: str) -> int:
    try:
        if name == STANDARD_INPUT:
            return os.dup(0)
        return os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise _unusable(name, "there is no such file") from error
    except PermissionError as error:
        reason = "you may not read this file: ask for permission, or read it as root"
        raise _unusable(name, reason) from error
    except OSError as error:
        raise _unusable(name, f"it can't be opened ({error.strerror})") from error
    except ValueError as error:
        # a NUL in the name
        raise _unusable(name, "no file can have this name") from error


def _regular_size(name: str, descriptor: int) -> int | None:
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        reason = "this is a folder: name the captures in it"
        raise _unusable(name, reason)
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _open_source(
    name: str, stream: FileStream, descriptor: int, max_bytes: int
) -> Source:
    """Map the file if it can be; the stream is closed then."""
    try:
        head = stream.peek(_SHORTEST_CAPTURE)
    except StreamError as error:
        raise _unusable(name, str(error)) from error
    if not head:
        raise _unusable(name, "it is empty: nothing was captured, or nothing copied")
    if compression := recognise_compression(head):
        return StreamBlocks(DecompressedStream(stream, compression), max_bytes)
    # What can't be mapped (a pipe, some file systems) or was partly read already
    # by another program can still be read as a stream.
    with suppress(OSError, ValueError):
        if os.lseek(descriptor, 0, os.SEEK_CUR) == len(head):
            source = MappedFile(descriptor, max_bytes)
            stream.close()
            return source
    return StreamBlocks(stream, max_bytes)


def _recognise(name: str, source: Source) -> RecordFormat:
    head = source.head(_SHORTEST_CAPTURE)
    for record_format in _FORMATS:
        if recognised := record_format.recognise(head):
            return recognised
    if source.problem:
        raise _unusable(name, source.problem)
    if not head:
        raise _unusable(name, "there is nothing in the compressed file")
    raise _unusable(name, describe(bytes(source.data[:_HEAD_BYTES])))


def _unusable(name: str, reason: str) -> CaptureError:
    return CaptureError(name, reason, usable=False)
