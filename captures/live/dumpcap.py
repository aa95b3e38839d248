"""Live packets by Wireshark's dumpcap, which writes them as pcapng into a pipe.

dumpcap may have privileges that this process lacks. If this process is root, dumpcap
gets just the capabilities it needs, and belongs to the user that this process
switches to later, so that it can still be ended. It ends with this process in any
case: by a signal, or when it finds the pipe broken.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from captures.batch import MAX_BATCH_PACKETS, PacketBatch
from captures.errors import CaptureError
from captures.files.byte_streams import FileStream
from captures.files.pcapng import Pcapng
from captures.files.reader import RecordReader
from captures.files.source import StreamBlocks
from captures.live.capture import (
    LET_DUMPCAP,
    NO_RIGHTS,
    Engine,
    LiveCapture,
)
from captures.live.interfaces import (
    InterfaceState,
    WatchedInterface,
    down_reason,
    find_link_type,
    no_such_interface,
    state_of,
)
from captures.live.kernel_filter import filter_expression
from captures.live.privileges import PrivilegeError, find_user

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from captures.files.record_walk import Scan

# the most that anybody may ask for (pipe(7))
_PIPE_BYTES = 1 << 20
_WINDOW_BYTES = 4 << 20
# the longest that packets are under way from the kernel to the pipe
_LATENCY_S = 0.35
_END_S = 2.0
_DROPS = re.compile(r"/dropped on interface .*: \d+/(\d+) \(pcap:")
# of pcapng; dumpcap writes it at once, unless something is wrong
_HEAD_BYTES = 4
# what dumpcap says when all is well
_BANNERS = ("Capturing on", "File:", "Packets ")
_RIGHTS = "net_raw,+net_admin"
_NEEDED = f"capturing takes dumpcap, which you may not run or don't have: {LET_DUMPCAP}"
_NO_SETPRIV = (
    "dumpcap is only started with fewer rights than root's, which takes setpriv: "
    "install it (Debian, Ubuntu: apt-get install util-linux), or capture without "
    "dumpcap (--engine socket)"
)


def find_dumpcap() -> str | None:
    """Return the path of dumpcap, if it is installed and this user may run it."""
    return shutil.which("dumpcap")


def may_dumpcap_capture() -> bool:
    """Return whether dumpcap is installed, and may open interfaces."""
    try:
        # asking for the link types of an interface opens it
        command = [*_command("lo", None), "-i", "lo", "-L"]
        done = subprocess.run(command, check=False, capture_output=True)  # noqa: S603
    except (CaptureError, PrivilegeError, OSError):
        return False
    return not done.returncode


class DumpcapCapture(LiveCapture):
    """An interface that is watched by dumpcap."""

    engine = Engine.DUMPCAP

    def __init__(
        self,
        name: str,
        ports: Sequence[int] | None,
        buffer_bytes: int,
        user: str | None,
    ) -> None:
        """Start dumpcap.

        Args:
            name: of the interface.
            ports: TCP ports to capture; `None` for everything.
            buffer_bytes: size of the kernel's buffer.
            user: who dumpcap belongs to, if this process is root.

        Raises:
            CaptureError: dumpcap can't watch the interface.
        """
        super().__init__(name)
        state = state_of(name)
        if state is InterfaceState.DOWN:
            raise CaptureError(name, down_reason(name), usable=False)
        # dumpcap knows others, such as "any"; but "-" is its standard input, and
        # TCP@HOST another machine
        if state is InterfaceState.GONE and not name.isidentifier():
            raise no_such_interface(name)
        command = _command(name, user)
        command += ["-q", "-i", name, "-w", "-", "-B", str(max(1, buffer_bytes >> 20))]
        if ports is not None:
            command += ["-f", filter_expression(ports, find_link_type(name))]
        self._device = WatchedInterface(name)
        self._outage: str | None = None
        self._dumpcap = _Dumpcap(command)
        self._source = StreamBlocks(
            FileStream(self._dumpcap.output), _WINDOW_BYTES, follows=True
        )
        # when this was stopped: of the packets' clock, and of the one that is steady
        self._stop_ns = 0
        self._stop_s = 0.0
        self._is_stopped = False
        # when dumpcap was told to end
        self._end_s: float | None = None
        if not self._source.head(_HEAD_BYTES):
            self.close()
            raise _explain(name, self._dumpcap.stderr_text)
        self._reader = _PipeReader(name, self._source)

    def __next__(self) -> PacketBatch:
        """Wait a moment for packets; the batch is empty if none came.

        Raises:
            CaptureError: the interface is down or gone, or dumpcap has ended.
        """
        if not self._is_stopped and (outage := self._device.check()):
            self._outage = outage
            self.stop()
        try:
            batch = next(self._reader)
        except (StopIteration, CaptureError):
            self._dumpcap.close()
            if self._is_stopped and self._outage is None:
                raise StopIteration from None
            raise self._failure() from None
        if self._is_stopped:
            self._end_dumpcap(batch)
        return batch

    def stop(self) -> None:
        """Deliver what is buffered, and end; a signal handler may call this."""
        self._stop_ns, self._stop_s = time.time_ns(), time.monotonic()
        self._is_stopped = True

    def drops(self) -> int | None:
        """Return how many packets were lost, which dumpcap tells when it ends."""
        match = _DROPS.search(self._dumpcap.stderr_text)
        return int(match[1]) if match else None

    def close(self) -> None:
        """End dumpcap; batches that were read stay valid."""
        self.stop()
        self._source.close()
        self._dumpcap.close()

    def _end_dumpcap(self, batch: PacketBatch) -> None:
        """Have dumpcap end, once it has written what came before it was stopped."""
        now = time.monotonic()
        if self._end_s is None:
            is_newer = len(batch) and batch.time_ns[-1] > self._stop_ns
            is_pause = not len(batch) and now > self._stop_s + _LATENCY_S
            if is_newer or is_pause:
                self._dumpcap.request_stop()
                self._end_s = now
        elif not len(batch) and now > self._end_s + _END_S:
            self._dumpcap.close()

    def _failure(self) -> CaptureError:
        reason = self._outage or self._device.outage()
        if reason is None:
            reason = f"dumpcap has ended ({_first_line(self._dumpcap.stderr_text)})"
        return CaptureError(self.name, reason, usable=self._reader.frames > 0)


class _PipeReader(RecordReader):
    """Reads what dumpcap writes; a pause is an empty batch."""

    def __init__(self, name: str, source: StreamBlocks) -> None:
        super().__init__(
            name, source, Pcapng(), size=None, max_packets=MAX_BATCH_PACKETS
        )

    @property
    def frames(self) -> int:
        """Packets that were read so far."""
        return self._frames

    def _cut_into_batches(self, scan: Scan) -> Generator[PacketBatch]:
        if len(scan.packets):
            yield from super()._cut_into_batches(scan)
        else:
            yield PacketBatch.empty(self.captures, self._source.consumed(0))


class _Dumpcap:
    """A process of dumpcap.

    Attributes:
        output: where its pcapng can be read.
        stderr_text: what it said, once it has ended.
    """

    def __init__(self, command: list[str]) -> None:
        self.stderr_text = ""
        self.output, writing = os.pipe()
        try:
            with suppress(OSError):
                fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            self._process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=subprocess.PIPE,
                env=os.environ | {"LC_ALL": "C"},
                # Ctrl-C is for us alone
                process_group=0,
            )
        except BaseException:
            os.close(self.output)
            raise
        finally:
            os.close(writing)

    def request_stop(self) -> None:
        """Let it write what it still has, and end."""
        self._process.terminate()

    def close(self) -> None:
        """End it, by force if need be."""
        self._process.terminate()
        try:
            _, stderr = self._process.communicate(timeout=_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            _, stderr = self._process.communicate()
        self.stderr_text = self.stderr_text or stderr.decode(errors="replace")


def _command(name: str, user: str | None) -> list[str]:
    """Return how dumpcap's command line begins: with the privileges that it needs."""
    program = find_dumpcap()
    if program is None:
        raise CaptureError(name, _NEEDED, usable=False)
    target = find_user(user)
    if target is None:
        return [program]
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise CaptureError(name, _NO_SETPRIV, usable=False)
    status = Path(program).stat()
    is_for_all = status.st_mode & stat.S_IXOTH
    return [
        setpriv,
        f"--reuid={target.uid}",
        f"--regid={target.gid}",
        "--clear-groups" if is_for_all else f"--groups={status.st_gid}",
        f"--inh-caps=-all,+{_RIGHTS}",
        f"--ambient-caps=-all,+{_RIGHTS}",
        f"--bounding-set=-all,+{_RIGHTS}",
        "--no-new-privs",
        "--pdeathsig=TERM",
        "--",
        program,
    ]


def _explain(name: str, stderr_text: str) -> CaptureError:
    """Say what dumpcap could not do, and what helps."""
    if "ermission" in stderr_text or "not permitted" in stderr_text:
        reason = NO_RIGHTS
    elif "no device named" in stderr_text or "No such device" in stderr_text:
        return no_such_interface(name)
    else:
        reason = f"dumpcap can't capture ({_first_line(stderr_text)})"
    return CaptureError(name, reason, usable=False)


def _first_line(stderr_text: str) -> str:
    """Return the line of dumpcap's output that matters."""
    lines = [
        line.removeprefix("dumpcap: ").strip()
        for line in stderr_text.splitlines()
        if line.strip() and not line.startswith(_BANNERS)
    ]
    return lines[0] if lines else "it doesn't say why"
