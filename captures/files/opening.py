"""Opening a capture: what it is, and who reads it.

Whatever is wrong with it is a `CaptureError`, here if it can't be a capture at all. Its
text is for the user, and says what can be done.
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from enum import StrEnum
from typing import TYPE_CHECKING

from captures.batch import MAX_BATCH_BYTES, MAX_BATCH_PACKETS
from captures.errors import CaptureError
from captures.files.byte_streams import FileStream, StreamError
from captures.files.compression import DecompressedStream, recognise_compression
from captures.files.foreign_links import ForeignLinks, TranslatedReader, is_known
from captures.files.pcap import Pcap
from captures.files.pcapng import Pcapng
from captures.files.reader import CaptureReader, RecordReader
from captures.files.source import FileWindows, Source, StreamBlocks
from captures.files.unknown import CONVERT, describe

if TYPE_CHECKING:
    from captures.files.record_walk import RecordFormat
    from captures.files.tshark import TsharkReader

STANDARD_INPUT = "-"

_FORMATS = (Pcap, Pcapng)
_HEAD_BYTES = 512
# all that a format must see to recognise itself
_SHORTEST_CAPTURE = 24

_EMPTY = "it is empty: nothing was captured, or nothing copied"


class ReadEngine(StrEnum):
    """What reads a capture."""

    AUTO = "auto"
    NATIVE = "native"
    TSHARK = "tshark"


class UnknownFormatError(CaptureError):
    """A file of a format that mailtap doesn't read; it may still be a capture."""


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
        engine: what reads it: mailtap itself ("native"), tshark ("tshark"), or
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
    if engine == ReadEngine.TSHARK:
        return _open_with_tshark(name, max_packets, max_bytes)
    try:
        return _open_records(
            name,
            max_packets,
            max_bytes,
            again=again,
            with_tshark=engine == ReadEngine.AUTO,
        )
    except UnknownFormatError as error:
        if engine == ReadEngine.NATIVE:
            raise
        return _open_unknown(name, error, max_packets, max_bytes)


def needs_tshark(path: str | os.PathLike[str]) -> bool:
    """Return whether a regular file is of a format or link type for tshark only."""
    try:
        with _open_records(os.fspath(path), 1, _SHORTEST_CAPTURE) as reader:
            first = next(reader, None)
    except CaptureError as error:
        return isinstance(error, UnknownFormatError)
    return first is not None and not is_known(int(first.link_type[0]))


def is_known_format(path: str | os.PathLike[str]) -> bool:
    """Return whether a file begins like a capture of a format that mailtap reads.

    Raises:
        CaptureError: it can't be read, or it is empty.
    """
    try:
        with _open_records(os.fspath(path), 1, _SHORTEST_CAPTURE):
            return True
    except UnknownFormatError:
        return False


def open_source(
    path: str | os.PathLike[str], max_bytes: int, *, again: bool = False
) -> tuple[Source, RecordFormat, int | None]:
    """Open what mailtap reads by itself.

    Args:
        path: where it is.
        max_bytes: of a window.
        again: as for `open_capture`.

    Returns:
        Its bytes, its format, and its size, if that is known.

    Raises:
        CaptureError: there is no such capture.
    """
    name = os.fspath(path)
    descriptor = _open(name, os.O_NONBLOCK if again else 0)
    with ExitStack() as on_error:
        on_error.callback(os.close, descriptor)
        size = _regular_size(name, descriptor)
        if again and size is None:
            raise _unusable(name, "something else has taken its place meanwhile")
        source = _open_source(name, descriptor, size, max_bytes)
        record_format = _recognise(name, source)
        on_error.pop_all()
    return source, record_format, size


def _open_records(
    name: str,
    max_packets: int,
    max_bytes: int,
    *,
    again: bool = False,
    with_tshark: bool = False,
) -> RecordReader:
    source, record_format, size = open_source(name, max_bytes, again=again)
    # tshark must be able to open it a second time
    if with_tshark and size is not None and name != STANDARD_INPUT:
        foreign_links = ForeignLinks(
            lambda: _open_with_tshark(name, max_packets, max_bytes)
        )
        return TranslatedReader(
            name, source, record_format, foreign_links, size, max_packets
        )
    return RecordReader(name, source, record_format, size=size, max_packets=max_packets)


def _open_with_tshark(name: str, max_packets: int, max_bytes: int) -> TsharkReader:
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
    from captures.files.tshark import TsharkReader

    return TsharkReader(name, size=size, max_packets=max_packets, max_bytes=max_bytes)


def _open_unknown(
    name: str, unknown: UnknownFormatError, max_packets: int, max_bytes: int
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
        reason = "there is no capture in this folder"
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
    raise UnknownFormatError(name, reason, usable=False)


def _unusable(name: str, reason: str) -> CaptureError:
    return CaptureError(name, reason, usable=False)
