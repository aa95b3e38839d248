"""Key logs: files that the user names, and secrets that captures bring along."""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from analyzer.errors import LoadError
from captures import CaptureError
from dissectors import KeyLog
from dissectors.tls import CLIENT_RANDOM_END, read_client_random

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from captures import PacketBatch
    from captures.packets.segments import Segments

# pcapng §4.7: Decryption Secrets Block, TLS Key Log
TLS_KEY_LOG = 0x544C534B
_MAX_BYTES = 1 << 30
_CHUNK_BYTES = 1 << 16
# lines of a key log that go into one block of a capture
_LINES_OF_BLOCK = 4096
# connections that a monitor remembers secrets of
_MAX_FOLLOWED = 100_000
# A server sends encrypted data at once (RFC 8446, section 2), before the client has
# logged by what it can be read: a busy machine takes a moment for that.
LOGGED_S = 1.0
# of packets that wait for that, however many come
_MAX_WAITING_BYTES = 64 << 20


class Secrets:
    """The secrets of an analysis: from a key log file, and from captures.

    Attributes:
        key_log: all of them, for dissectors.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        """Read a key log, if one is given.

        Raises:
            LoadError: it can't be read, or there is no secret in it.
        """
        self.key_log = KeyLog()
        self._path = path
        # of the secrets that captures bring, how many were taken
        self._taken = 0
        if path is not None:
            self._read(os.fspath(path))

    def _read(self, path: str) -> None:
        try:
            with open(path, "rb") as file:  # noqa: PTH123, may be a pipe
                text = file.read(_MAX_BYTES)
        except OSError as error:
            raise LoadError.of(path, error) from error
        self.key_log.add(text)
        if not len(self.key_log):
            reason = (
                f"{path}: no secret in it: a key log has lines such as "
                "CLIENT_RANDOM <64 hex digits> <96 hex digits>, which clients write "
                "if SSLKEYLOGFILE names a file"
            )
            raise LoadError(reason)

    def take(self, blocks: Sequence[tuple[int, bytes]]) -> None:
        """Add the secrets that captures have brought since the last call.

        Args:
            blocks: all of them so far: type and data.
        """
        for kind, data in blocks[self._taken :]:
            if kind == TLS_KEY_LOG:
                self.key_log.add(data)
        self._taken = len(blocks)

    def notes(self, used: int) -> list[str]:
        """Return what to tell the user.

        Args:
            used: how many connections with secrets were met.
        """
        log, notes = self.key_log, []
        if self._path is not None and not used:
            notes.append(
                f"{os.fspath(self._path)}: none of its secrets, of {len(log):,} "
                "connections, belongs to a mail session that was read"
            )
        if log.ignored:
            notes.append(f"{log.ignored:,} lines of key logs are no secrets")
        if log.overflows:
            notes.append(f"{log.overflows:,} secrets were left out: too many")
        return notes


def client_randoms(segments: Segments) -> Iterator[bytes]:
    """Yield the randoms of the ClientHellos with which segments begin."""
    lengths = np.minimum(segments.captured, CLIENT_RANDOM_END)
    ends = (segments.payload + lengths).tolist()
    for start, end in zip(segments.payload.tolist(), ends, strict=True):
        random = read_client_random(segments.buffer[start:end].tobytes())
        if random is not None:
            yield random


def secrets_of(
    blocks: Iterable[tuple[int, bytes]], randoms: Container[bytes]
) -> Iterator[bytes]:
    """Yield key logs of some connections, none of them long.

    Args:
        blocks: the secrets that captures bring along: type and data.
        randoms: those of the connections' ClientHellos.
    """
    kept: dict[bytes, None] = {}
    for kind, data in blocks:
        for line in data.splitlines() if kind == TLS_KEY_LOG else ():
            words = line.split()
            with suppress(ValueError):
                if len(words) == 3 and bytes.fromhex(words[1].decode()) in randoms:
                    kept[line] = None
    lines = list(kept)
    for start in range(0, len(lines), _LINES_OF_BLOCK):
        yield b"\n".join([*lines[start : start + _LINES_OF_BLOCK], b""])


class FollowedKeyLog:
    """A key log to which programs still add secrets.

    It stays open, so that it can be read without the rights that it took to open it.

    Attributes:
        key_log: the secrets of the last connections.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a key log, which may be empty yet.

        Raises:
            LoadError: it can't be read.
        """
        self.key_log = KeyLog(most=_MAX_FOLLOWED, forgets=True)
        self._path = os.fspath(path)
        # what was read of a line that is not complete
        self._rest = b""
        try:
            self._file = open(path, "rb", buffering=0)  # noqa: PTH123, SIM115, stays
        except OSError as error:
            reason = f"{self._path}: can't be read ({error.strerror})"
            if isinstance(error, FileNotFoundError):
                reason += ": make an empty file, to which programs can add secrets"
            raise LoadError(reason) from error

    def follow(self, batches: Iterable[PacketBatch]) -> Iterator[PacketBatch]:
        """Hand packets on when programs have had the time to log their secrets.

        Args:
            batches: those of an interface, as they come; some are empty.

        Raises:
            CaptureError: as `batches` does, after all that came before.
        """
        waiting: deque[tuple[float, PacketBatch]] = deque()
        waiting_bytes = 0
        failure = None
        try:
            for batch in batches:
                self.refresh()
                now = time.monotonic()
                if len(batch):
                    waiting.append((now + LOGGED_S, batch))
                    waiting_bytes += batch.buffer.nbytes
                elif not waiting:
                    yield batch
                while waiting and (
                    waiting[0][0] <= now or waiting_bytes > _MAX_WAITING_BYTES
                ):
                    _, due = waiting.popleft()
                    waiting_bytes -= due.buffer.nbytes
                    yield due
        except CaptureError as error:
            failure = error
        for _, batch in waiting:
            self.refresh()
            yield batch
        if failure is not None:
            raise failure

    def refresh(self) -> None:
        """Take the secrets that were added since the last call."""
        with suppress(OSError):
            if os.fstat(self._file.fileno()).st_size < self._file.tell():
                # somebody began it anew
                self._file.seek(0)
                self._rest = b""
            while added := self._file.read(_CHUNK_BYTES):
                lines, end, self._rest = (self._rest + added).rpartition(b"\n")
                self.key_log.add(lines + end)
                # no line is that long
                self._rest = self._rest[-_CHUNK_BYTES:]

    def close(self) -> None:
        """Close the file."""
        self._file.close()
