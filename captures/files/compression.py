"""Compressed captures: gzip (RFC 1952), xz and Zstandard (RFC 8878).

Recognised by their first bytes, never by a file name. Several members or
frames one after another are one capture; zeros may fill up the end. Damage is
reported after what is good before it: to the byte for gzip, for the others to
about the last 4 KiB of compressed data.

Memory: a block of input and a block of output, besides the window that the
compression itself needs (256 MiB at most), however well the input is packed.
"""

from __future__ import annotations

import importlib
import lzma
import sys
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from captures.files.byte_streams import StreamError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from captures.files.byte_streams import ByteStream

_OUTPUT_BYTES = 1024 * 1024
_MAX_WINDOW_BYTES = 256 * 1024 * 1024


class Decompressor(Protocol):
    """Decompresses one member of a file, as the standard library's decompressors do."""

    @property
    def eof(self) -> bool:
        """Whether the end of the member was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether there is no more output without more input."""

    @property
    def unused_data(self) -> bytes:
        """What follows the member."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take input and give up to `max_length` bytes of output."""


@dataclass(frozen=True, slots=True)
class Compression:
    """A compression format.

    Attributes:
        name: what users call it.
        magic: alternatives of what a member begins with.
        step: bytes of input at a time; the output of one step may get lost
            when it is damaged.
        decompressor: makes one for a member.
        errors: gives what a decompressor raises for damaged input.
    """

    name: str
    magic: tuple[bytes, ...]
    step: int
    decompressor: Callable[[], Decompressor]
    errors: Callable[[], type[Exception]]


class _Inflater:
    """A gzip member, with the interface of the other decompressors."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        self._damage: zlib.error | None = None
        self._was_full = False

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def needs_input(self) -> bool:
        # zlib may take all input and still have output for which was no room
        return not (self._was_full or self._inflater.unconsumed_tail or self._damage)

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if self._damage:
            raise self._damage
        data = self._inflater.unconsumed_tail + data
        before = self._inflater.copy()
        try:
            output = self._inflater.decompress(data, max_length)
        except zlib.error as error:
            self._damage = error
            return _inflate_until_damage(before, data)
        self._was_full = len(output) == max_length
        return output


def _inflate_until_damage(inflater: zlib._Decompress, data: bytes) -> bytes:
    """Get what zlib drops when it fails: the output before the damage."""
    output = bytearray()
    with suppress(zlib.error):
        for position in range(len(data)):
            output += inflater.decompress(data[position : position + 1])
    return bytes(output)


def _unxz() -> Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_WINDOW_BYTES)


def _zstd() -> ModuleType:
    # imported late: few captures need it
    return importlib.import_module(
        "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    )


_COMPRESSIONS = (
    Compression("gzip", (b"\x1f\x8b\x08",), 64 * 1024, _Inflater, lambda: zlib.error),
    Compression("xz", (b"\xfd7zXZ\x00",), 4096, _unxz, lambda: lzma.LZMAError),
    Compression(
        "Zstandard",
        # RFC 8878 §3.1.2: besides frames of data there are skippable ones
        (b"\x28\xb5\x2f\xfd", *(bytes((i, 0x2A, 0x4D, 0x18)) for i in range(80, 96))),
        4096,
        lambda: _zstd().ZstdDecompressor(),
        lambda: _zstd().ZstdError,
    ),
)
_LONGEST_MAGIC = 6


def recognise_compression(head: bytes) -> Compression | None:
    """Find the compression of a file that begins with `head`."""
    for compression in _COMPRESSIONS:
        if head.startswith(compression.magic):
            return compression
    return None


class DecompressedStream:
    """The content of a compressed stream."""

    def __init__(self, stream: ByteStream, compression: Compression) -> None:
        self._stream = stream
        self._compression = compression
        self._member = compression.decompressor()
        self._input = b""
        self._output = b""
        # bytes of the output that were read
        self._read = 0
        self._has_ended = False

    @property
    def consumed(self) -> int:
        """Bytes of the compressed input that were taken so far."""
        return self._stream.consumed

    def read(self, limit: int) -> bytes:
        """Take up to `limit` bytes, at least one unless the content has ended."""
        while self._has_no_output() and not self._has_ended:
            self._step()
        data = self._output[self._read : self._read + limit]
        self._read += len(data)
        return data

    def is_ready(self, timeout_s: float) -> bool:
        """Wait for the next bytes of content."""
        deadline = time.monotonic() + timeout_s
        while self._has_no_output() and not self._has_ended:
            if self._waits_for_input() and not self._stream.is_ready(
                deadline - time.monotonic()
            ):
                return False
            self._step()
        return True

    def close(self) -> None:
        """Close the compressed input."""
        self._stream.close()

    def _has_no_output(self) -> bool:
        return self._read == len(self._output)

    def _waits_for_input(self) -> bool:
        return not self._input and (self._member.eof or self._member.needs_input)

    def _step(self) -> None:
        """Decompress what one block of input gives."""
        if self._member.eof and not self._begin_member():
            self._has_ended = True
            return
        data, self._input = self._input, b""
        if not data and self._member.needs_input:
            data = self._stream.read(self._compression.step)
            if not data:
                raise StreamError(
                    f"the {self._compression.name} data ends early: the file was cut; "
                    "copy it again"
                )
        try:
            self._output = self._member.decompress(data, _OUTPUT_BYTES)
        except self._compression.errors() as error:
            reason = (
                f"the {self._compression.name} data is damaged ({error}): copy it again"
            )
            raise StreamError(reason) from error
        self._read = 0
        if self._member.eof:
            self._input = self._member.unused_data

    def _begin_member(self) -> bool:
        """Go on with the next member, if there is one."""
        self._input = self._input.lstrip(b"\0")
        while len(self._input) < _LONGEST_MAGIC:
            more = self._stream.read(self._compression.step)
            if not more:
                break
            self._input = (self._input + more).lstrip(b"\0")
        if not self._input:
            return False
        if not self._input.startswith(self._compression.magic):
            raise StreamError(
                f"something else follows the {self._compression.name} data; "
                "decompress it with that program's own tool to see what"
            )
        self._member = self._compression.decompressor()
        return True
