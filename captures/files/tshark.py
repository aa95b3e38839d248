"""Any capture that the installed tshark can read, through PyShark.

tshark knows some fifty file formats and many more link layers. It takes each
packet apart as far as to the IP header; see `captures.files.tshark_json` for what is
taken of that. TLS secrets in a capture are not read.

PyShark's asyncio loop runs in a thread of its own, as the caller's thread may
have one running already (Jupyter). tshark ends when the reader is closed, and
with this process in any case: its next packet finds the pipe broken.

Memory: a batch of packets, three times. Cost: about 0.1 ms per packet.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from packaging.version import Version
from pyshark.capture.file_capture import FileCapture
from pyshark.tshark.output_parser.tshark_json import TsharkJsonParser

from captures.batch import PacketBatch, PacketColumns
from captures.errors import CaptureError
from captures.files.reader import CUT, CaptureReader
from captures.files.tshark_json import Frame, Layers, parse_frame
from captures.link_types import UNKNOWN_LINK_TYPE

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Generator, Iterator

INSTALL = "Debian, Ubuntu: apt-get install tshark; Fedora: dnf install wireshark-cli"

# Only the properties of the frame; all other layers as their bytes alone. What is
# above IP isn't needed, and JSON or MIME as a "link layer" may be a huge document.
_OPTIONS = ["-j", "frame"]
_NOT_NEEDED = ("tcp", "udp", "json", "mime_dlt")
_PREFERENCES = {"ip.defragment": "FALSE", "ipv6.defragment": "FALSE"}
# All that PyShark asks is whether it is older than this one of 2019, which is the
# oldest that knows all options; asking tshark itself takes as long as it starts.
_OLDEST_VERSION = Version("3.0.0")

# tshark reads packets of 256 KiB at most from link layers that may hold mail
_MAX_JSON_BYTES = 16 << 20
_MAX_STDERR_BYTES = 4096
_PATIENCE_S = 0.2

_Job = Callable[[], None]
# what a job failed with, if it did
_Outcome = SimpleQueue[BaseException | None]


def find_tshark() -> str | None:
    """Return the path of tshark, if it is installed."""
    return shutil.which("tshark")


class TsharkReader(CaptureReader):
    """A capture file that tshark reads."""

    def __init__(
        self, name: str, *, size: int, max_packets: int, max_bytes: int
    ) -> None:
        """Start tshark.

        Args:
            name: of a regular file.
            size: its bytes.
            max_packets: most packets of a batch.
            max_bytes: about how many bytes of packets a batch holds at most.

        Raises:
            CaptureError: there is no tshark.
        """
        super().__init__(name, size=size, max_packets=max_packets, max_bytes=max_bytes)
        program = find_tshark()
        if program is None:
            reason = f"reading it takes tshark, which is not installed ({INSTALL})"
            raise CaptureError(name, reason, usable=False)
        self.format = "wireshark"
        self._tshark = _Tshark(program, os.path.realpath(name))
        self._thread = _Thread()
        self._packets: Iterator[Layers] = iter(self._tshark)
        self._peeked: list[Frame] = []
        self._bytes = 0
        self._problem: str | None = None
        self._is_closed = False
        self._batches = self._read()

    def holds_network_traffic(self) -> bool:
        """Return whether any of the first packets has a known link or IP layer.

        tshark takes some documents and logs for captures, but finds none in them.
        """
        self._peeked = self._collect()
        return any(frame.link_type != UNKNOWN_LINK_TYPE for frame in self._peeked)

    def close(self) -> None:
        """End tshark; batches that were read stay valid."""
        super().close()
        # a batch that was being read when Ctrl-C came ends early
        self._tshark.interrupt()
        if not self._is_closed:
            self._thread.do(self._tshark.close)
            self._thread.end()
            self._is_closed = True

    def _read(self) -> Generator[PacketBatch]:
        usable = False
        while frames := self._peeked or self._collect():
            self._peeked = []
            usable = True
            yield self._pack(frames)
        if self._problem:
            raise CaptureError(self.name, self._problem, usable=usable)

    def _collect(self) -> list[Frame]:
        """Get the packets of the next batch, none at the end or before damage."""
        frames: list[Frame] = []
        self._thread.do(lambda: self._collect_in_thread(frames))
        return frames

    def _collect_in_thread(self, frames: list[Frame]) -> None:
        if self._problem:
            return
        room = self.max_bytes
        try:
            while len(frames) < self.max_packets and room > 0:
                if self._tshark.is_interrupted:
                    break
                if (layers := next(self._packets, None)) is None:
                    self._problem = self._tshark.problem
                    break
                if frame := parse_frame(layers):
                    frames.append(frame)
                    room -= len(frame.data)
        except OSError as error:
            self._problem = f"tshark can't be started ({error})"
        except (LookupError, TypeError, ValueError):
            self._problem = (
                "what tshark says of the next packet makes no sense: another version "
                "of Wireshark may read the capture"
            )

    def _pack(self, frames: list[Frame]) -> PacketBatch:
        number, time_ns, link_type, wire_length, data = zip(*frames, strict=True)
        packets = PacketColumns.of_packets(data, wire_length, time_ns, link_type)
        self._bytes += len(packets.buffer)
        return PacketBatch.of(
            packets,
            number,
            captures=self.captures,
            capture=self.capture,
            position=self._position(),
        )

    def _position(self) -> int:
        """Guess how far tshark is: it tells only that it is done."""
        size = self.size or 0
        return size if self._tshark.is_done else min(self._bytes, size)


class _Thread:
    """A thread for one job after another.

    Whoever waits for a job may be interrupted by Ctrl-C at any time. Python's own
    executors take their locks in Python, and may leave one locked then; a
    `SimpleQueue` can't.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[_Job, _Outcome] | None] = SimpleQueue()
        # a daemon, as a process that ends should not wait for it
        Thread(target=self._work, name="tshark", daemon=True).start()

    def do(self, job: _Job) -> None:
        """Have a job done, and wait for it."""
        outcome: _Outcome = SimpleQueue()
        self._jobs.put((job, outcome))
        while True:
            # a wait without an end may miss a Ctrl-C that comes when it begins
            with suppress(Empty):
                error = outcome.get(timeout=_PATIENCE_S)
                break
        if error:
            raise error

    def end(self) -> None:
        """End the thread when all jobs are done."""
        self._jobs.put(None)

    def _work(self) -> None:
        while job_and_outcome := self._jobs.get():
            job, outcome = job_and_outcome
            error: BaseException | None = None
            try:
                job()
            except BaseException as caught:  # noqa: BLE001  # raised where it is waited for
                error = caught
            outcome.put(error)


class _Parser(TsharkJsonParser):  # type: ignore[misc]
    """Takes packets out of tshark's JSON, as plain dictionaries."""

    def _extract_packet_from_data(
        self, data: bytes, **state: Any
    ) -> tuple[bytes | None, bytes]:
        if len(data) > _MAX_JSON_BYTES:
            raise ValueError("a packet without end")
        packet_and_rest: tuple[bytes | None, bytes] = super()._extract_packet_from_data(
            data, **state
        )
        return packet_and_rest

    def _parse_single_packet(self, packet: bytes) -> Layers:
        layers: Layers = json.loads(packet)["_source"]["layers"]
        return layers


class _Tshark(FileCapture):  # type: ignore[misc]
    """tshark as PyShark runs it, except for how it begins and ends.

    PyShark looks for tshark in a `config.ini` of the current folder, which may be
    anybody's, takes a process that hasn't ended quite yet for one to be killed, and of
    its complaints shows only the last line, if that can be decoded.

    Attributes:
        problem: why tshark ended before the capture did, if it did.
        is_interrupted: whether nobody waits for more packets.
    """

    def __init__(self, program: str, path: str) -> None:
        disabled = [f"--disable-protocol={name}" for name in _NOT_NEEDED]
        super().__init__(
            path,
            keep_packets=False,
            use_json=True,
            include_raw=True,
            override_prefs=_PREFERENCES,
            custom_parameters=[*_OPTIONS, *disabled],
            # with a loop of its own PyShark needs no child watcher, which Python
            # 3.12 deprecates and 3.14 doesn't have
            eventloop=asyncio.new_event_loop(),
        )
        self.problem: str | None = None
        self._program = program
        self._stderr_tail = b""
        self.is_interrupted = False

    @property
    def is_done(self) -> bool:
        """Whether tshark has said all that it had to say."""
        return bool(self._eof_reached)

    def interrupt(self) -> None:
        """End tshark, from another thread than the one that reads."""
        self.is_interrupted = True
        for process in self._running_processes.copy():
            _kill(process)

    def close(self) -> None:
        """End tshark and the loop."""
        if not self.eventloop.is_closed():
            super().close()
            self.eventloop.close()

    def _get_tshark_path(self) -> str:
        return self._program

    def _get_tshark_version(self) -> Version:
        return _OLDEST_VERSION

    def _setup_tshark_output_parser(self) -> _Parser:
        return _Parser(_OLDEST_VERSION)

    def _created_new_process(
        self, parameters: list[str], process: Process, process_name: str = "TShark"
    ) -> None:
        # one that has failed already gets the same explanation as any other
        self._running_processes.add(process)

    async def _handle_process_stderr_forever(
        self, stderr: asyncio.StreamReader
    ) -> None:
        while data := await stderr.read(_MAX_STDERR_BYTES):
            self._stderr_tail = (self._stderr_tail + data)[-_MAX_STDERR_BYTES:]

    async def _cleanup_subprocess(self, process: Process) -> None:
        if not self._eof_reached:
            _kill(process)
        # asyncio closes a pipe when it was read to its end
        assert process.stdout is not None
        await process.stdout.read()
        status = await process.wait()
        await asyncio.gather(*self._stderr_handling_tasks)
        if status:
            self.problem = _explain(status, self._stderr_tail)


def _kill(process: Process) -> None:
    # `process.kill()` may fetch the exit status, which asyncio then warns about
    with suppress(ChildProcessError, ProcessLookupError):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        os.kill(process.pid, signal.SIGKILL)


def _explain(status: int, stderr: bytes) -> str:
    """Say why tshark ended with this exit status."""
    message = stderr.decode(errors="backslashreplace").rpartition("tshark: ")[2]
    if status < 0:
        return f"tshark was ended by signal {-status}; all packets before were read"
    if "cut short" in message:
        return CUT
    if "isn't a capture file" in message:
        return "tshark knows no such format: name a capture file"
    return f"tshark can't read it any further: {' '.join(message.split())}"
