"""One capture, from opening it to its batches of packets.

Whatever is wrong with a capture is a `CaptureError`: when it is opened, if it
can't be a capture at all, or in place of the next batch, after all packets
before the damage. Its text is for the user, and says what can be done.

Memory: one window of the capture (see `source`) and the columns of its packets.
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np

from captures.batch import MAX_BATCH_BYTES, MAX_BATCH_PACKETS, PacketBatch
from captures.errors import CaptureError
from captures.files.byte_streams import FileStream, StreamError
from captures.files.compression import DecompressedStream, recognise_compression
from captures.files.foreign_links import ForeignLinks, is_known
from captures.files.pcap import Pcap
from captures.files.pcapng import Pcapng
from captures.files.source import FileWindows, Source, StreamBlocks
from captures.files.unknown import CONVERT, describe

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from types import TracebackType

    from captures.files.record_walk import RecordFormat, Scan
    from captures.files.tshark import WiresharkReader

STANDARD_INPUT = "-"

_FORMATS = (Pcap, Pcapng)
_HEAD_BYTES = 512
# all that a format must see to recognise itself
_SHORTEST_CAPTURE = 24

_EMPTY = "it is empty: nothing was captured, or nothing copied"
CUT = (
    "the capture ends in the middle of a packet: the file was cut, or is still being "
    "written; all packets before it were read"
)


class ReadEngine(StrEnum):
    """What reads a capture."""

    AUTO = "auto"
    FAST = "fast"
    PYSHARK = "pyshark"


class CaptureReader:
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
        foreign_links: ForeignLinks | None = None,
    ) -> None:
        """Read a capture from its beginning.

        Args:
            name: the capture's name.
            source: its bytes.
            record_format: its format.
            size: bytes of the input, if known.
            max_packets: most packets of a batch.
            foreign_links: reads packets of link types that mailtap doesn't know.
        """
        super().__init__(
            name, size=size, max_packets=max_packets, max_bytes=source.window
        )
        self.format = record_format.name
        self._foreign_links = foreign_links
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
        if self._foreign_links:
            self._foreign_links.close()

    def _read(self) -> Generator[PacketBatch]:
        source = self._source
        done = self._format.header_length
        while (stop := self._advance(done)) is not None:
            base = source.base
            scan = self._format.scan(source.data, done - base, stop - base)
            done = base + scan.end
            yield from map(self._translated, self._cut_into_batches(scan))
            if scan.damage:
                raise self._error(scan.damage, done)
        if source.problem:
            raise self._error(source.problem, done)
        if done < source.base + len(source.data):
            raise self._error(CUT, done)
        if self._foreign_links and (problem := self._foreign_links.problem()):
            raise CaptureError(self.name, problem, usable=True)

    def _translated(self, batch: PacketBatch) -> PacketBatch:
        if self._foreign_links is None:
            return batch
        batch = self._foreign_links.translate(batch)
        if self._foreign_links.is_used:
            self.note = (
                f"{self.name}: read through tshark, too, as mailtap itself doesn't "
                "know all its link types; that is slower"
            )
        return batch

    def _advance(self, done: int) -> int | None:
        self._source.window = self.max_bytes
        return self._source.advance(done)

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


class _UnknownFormatError(CaptureError):
    """What is there may still be a capture, though of a format of others."""


def open_capture(
    path: str | os.PathLike[str],
    *,
    engine: ReadEngine = ReadEngine.AUTO,
    max_packets: int = MAX_BATCH_PACKETS,
    max_bytes: int = MAX_BATCH_BYTES,
    again: bool = False,
) -> CaptureReader:
    """Open a capture file, a pipe, or standard input.

    Args:
        path: where it is; "-" is standard input.
        engine: what reads it: mailtap itself ("fast"), tshark ("pyshark"), or
            tshark only if mailtap doesn't know the format and tshark finds network
            packets in it, and for packets of link types that mailtap doesn't know
            ("auto").
        max_packets: most packets of a batch.
        max_bytes: about how many bytes of the capture a batch holds at most.
        again: whether it was a file when it was opened before, and a pipe that
            has taken its name since then is not waited for.

    Raises:
        CaptureError: there is no capture.
    """
    if max_packets < 1 or max_bytes < 1:
        raise ValueError("a batch holds at least one packet and one byte")
    name = os.fspath(path)
    if engine == ReadEngine.PYSHARK:
        return _open_with_tshark(name, max_packets, max_bytes)
    try:
        foreign_links = None
        if engine == ReadEngine.AUTO:
            foreign_links = ForeignLinks(
                lambda: _open_with_tshark(name, max_packets, max_bytes)
            )
        return _open_records(
            name, max_packets, max_bytes, again=again, foreign_links=foreign_links
        )
    except _UnknownFormatError as error:
        if engine == ReadEngine.FAST:
            raise
        return _open_unknown(name, error, max_packets, max_bytes)


def needs_tshark(path: str | os.PathLike[str]) -> bool:
    """Whether mailtap doesn't know format or first link type of a regular file."""
    try:
        with _open_records(os.fspath(path), 1, _SHORTEST_CAPTURE) as reader:
            first = next(reader, None)
    except CaptureError as error:
        return isinstance(error, _UnknownFormatError)
    return first is not None and not is_known(int(first.link_type[0]))


def _open_records(
    name: str,
    max_packets: int,
    max_bytes: int,
    *,
    again: bool = False,
    foreign_links: ForeignLinks | None = None,
) -> RecordReader:
    descriptor = _open(name, os.O_NONBLOCK if again else 0)
    with ExitStack() as on_error:
        on_error.callback(os.close, descriptor)
        size = _regular_size(name, descriptor)
        if again and size is None:
            raise _unusable(name, "something else has taken its place meanwhile")
        source = _open_source(name, descriptor, size, max_bytes)
        record_format = _recognise(name, source)
        on_error.pop_all()
    return RecordReader(
        name,
        source,
        record_format,
        size=size,
        max_packets=max_packets,
        # tshark must be able to open it a second time
        foreign_links=None if size is None or name == STANDARD_INPUT else foreign_links,
    )


def _open_with_tshark(name: str, max_packets: int, max_bytes: int) -> WiresharkReader:
    descriptor = _open(name)
    try:
        size = _regular_size(name, descriptor)
    finally:
        os.close(descriptor)
    if size is None or name == STANDARD_INPUT:
        reason = "tshark can't read it from here: save it to a file, and name that"
        raise _unusable(name, reason)
    if size == 0:
        raise _unusable(name, _EMPTY)
    from captures.files.tshark import WiresharkReader

    return WiresharkReader(
        name, size=size, max_packets=max_packets, max_bytes=max_bytes
    )


def _open_unknown(
    name: str, unknown: _UnknownFormatError, max_packets: int, max_bytes: int
) -> CaptureReader:
    """Open what only tshark may know; if it doesn't, our own error is the better."""
    from captures.files.tshark import INSTALL, find_tshark

    if not find_tshark():
        if CONVERT not in unknown.reason:
            raise unknown
        hint = f"or install tshark, and mailtap reads it as it is ({INSTALL})"
        raise _unusable(name, f"{unknown.reason}; {hint}")
    try:
        reader = _open_with_tshark(name, max_packets, max_bytes)
    except CaptureError:
        raise unknown from None
    with ExitStack() as on_error:
        on_error.callback(reader.close)
        if not reader.holds_network_traffic():
            raise unknown
        on_error.pop_all()
    reader.note = (
        f"{reader.name}: read through tshark, as mailtap itself doesn't know this "
        "format; that is slower"
    )
    return reader


def _open(name: str, flags: int = 0) -> int:
    try:
        if name == STANDARD_INPUT:
            return os.dup(0)
        return os.open(name, os.O_RDONLY | os.O_CLOEXEC | flags)
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
    name: str, descriptor: int, size: int | None, max_bytes: int
) -> Source:
    """Read a regular file at will, all else as the stream that it is."""
    stream = FileStream(descriptor)
    try:
        head = stream.peek(_SHORTEST_CAPTURE)
    except StreamError as error:
        raise _unusable(name, str(error)) from error
    if not head:
        raise _unusable(name, _EMPTY)
    if compression := recognise_compression(head):
        return StreamBlocks(DecompressedStream(stream, compression), max_bytes)
    # A file of /proc has no size; another program may have read a part already.
    if size and os.lseek(descriptor, 0, os.SEEK_CUR) == len(head):
        return FileWindows(descriptor, size, max_bytes)
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
    reason = describe(bytes(source.data[:_HEAD_BYTES]))
    raise _UnknownFormatError(name, reason, usable=False)


def _unusable(name: str, reason: str) -> CaptureError:
    return CaptureError(name, reason, usable=False)
