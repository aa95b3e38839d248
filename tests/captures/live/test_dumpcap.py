"""What only dumpcap does; `test_live` has what both engines do."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from captures import CaptureError, Engine, open_live
from captures.live import dumpcap
from captures.live.dumpcap import DumpcapCapture
from tests.support.captures import unpack
from tests.support.namespaces import (
    ROOT,
    as_real_root,
    collect,
    drain,
    open_folder,
    send,
    wait_for_packets,
)
from tests.support.packets import ethernet, ipv4, tcp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.captures import Packet

pytestmark = [pytest.mark.usefixtures("network"), as_real_root]

MAIL = ethernet(ipv4(tcp(b"220 ready\r\n")))
CAP_NET_ADMIN, CAP_NET_RAW = 12, 13
RIGHTS = 1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW
NOBODY = 65_534


@contextlib.contextmanager
def capture() -> Iterator[DumpcapCapture]:
    with open_live("vb", engine=Engine.DUMPCAP) as live:
        assert isinstance(live, DumpcapCapture)
        yield live


def link(folder: Path, program: str) -> None:
    found = shutil.which(program)
    assert found
    (folder / program).symlink_to(found)


def status_of(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (x.partition(":") for x in lines)}


def test_dumpcap_of_root_has_only_the_rights_to_capture() -> None:
    with capture() as live:
        status = status_of(live._dumpcap._process.pid)
    assert status["Uid"].split() == [str(NOBODY)] * 4
    assert status["Groups"] == ""
    assert status["NoNewPrivs"] == "1"
    # it gives them up itself once the interface is open
    for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) & ~RIGHTS == 0


def test_dumpcap_belongs_to_the_user_who_is_named() -> None:
    with open_live("vb", engine=Engine.DUMPCAP, user="daemon") as live:
        assert isinstance(live, DumpcapCapture)
        status = status_of(live._dumpcap._process.pid)
    assert status["Uid"].split()[0] == "1"


def run_python(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_dumpcap_can_be_ended_after_root_has_given_up_its_rights() -> None:
    program = """
from captures import Engine, drop_privileges, open_live
with open_live("vb", engine=Engine.DUMPCAP) as live:
    process = live._dumpcap._process
    drop_privileges()
    live.stop()
    for batch in live:
        pass
print(process.returncode, live.drops())
"""
    with run_python(program) as done:
        assert done.stdout
        assert done.stdout.read() == "0 0\n"


def test_dumpcap_ends_with_a_process_that_is_killed() -> None:
    program = """
from captures import Engine, open_live
live = open_live("vb", engine=Engine.DUMPCAP)
print(live._dumpcap._process.pid, flush=True)
while True:
    next(live)
"""
    with run_python(program) as monitor:
        assert monitor.stdout
        process = int(monitor.stdout.readline() or 0)
        was_running = _runs(process)
        monitor.send_signal(signal.SIGKILL)
    assert was_running
    deadline = time.monotonic() + 10
    while _runs(process) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(process)


def _runs(process: int) -> bool:
    try:
        return not status_of(process)["State"].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("engine", ["auto", "dumpcap"])
def test_user_may_capture_if_dumpcap_may(engine: str) -> None:
    program = """
import os, sys
from captures import list_interfaces, open_live
from captures.live import dumpcap
from tests.support.namespaces import become_nobody
import scapy.arch.linux
os.environ["PATH"] = sys.argv[1]
become_nobody()
with open_live("vb", engine=sys.argv[2]) as live:
    next(live)
    print(live.engine, *list_interfaces()[-1].engines)
"""
    with open_folder() as folder:
        grant_rights(folder)
        with run_python(program, str(folder), engine) as done:
            assert done.stdout
            assert done.stdout.read() == "dumpcap dumpcap\n"


def test_root_gives_dumpcap_the_group_that_may_run_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open_folder() as folder:
        program = grant_rights(folder)
        link(folder, "setpriv")
        os.chown(program, 0, 12_345)
        program.chmod(0o750)
        # changing the owner took them away
        os.setxattr(program, "security.capability", file_capabilities())
        monkeypatch.setenv("PATH", str(folder))
        with capture() as live:
            assert status_of(live._dumpcap._process.pid)["Groups"] == "12345"
            send_mail_and_expect_it(live)


def grant_rights(folder: Path) -> Path:
    """Install a dumpcap that any user may capture with, as Debian does."""
    found = shutil.which("dumpcap")
    assert found
    program = Path(shutil.copy(found, folder / "dumpcap"))
    os.setxattr(program, "security.capability", file_capabilities())
    return program


def file_capabilities() -> bytes:
    """Version 2, effective; the permitted ones, then the inheritable ones."""
    return struct.pack("<IIIII", 0x02000001, RIGHTS, RIGHTS, 0, 0)


def send_mail_and_expect_it(live: DumpcapCapture) -> None:
    send("va", [MAIL])
    assert [packet.data for packet in drain(live)] == [MAIL]


def test_missing_dumpcap_is_told_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(CaptureError, match="apt-get install wireshark-common") as e:
        open_live("vb", engine=Engine.DUMPCAP)
    assert not e.value.usable


def test_missing_setpriv_is_told_with_the_remedies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open_folder() as folder:
        link(folder, "dumpcap")
        monkeypatch.setenv("PATH", str(folder))
        remedies = r"apt-get install util-linux\), .* \(--engine socket\)"
        with pytest.raises(CaptureError, match=remedies):
            open_live("vb", engine=Engine.DUMPCAP)


def test_what_else_dumpcap_complains_of_is_told() -> None:
    with pytest.raises(CaptureError, match=r"^vb: dumpcap can't capture \(.*filter"):
        open_live("vb", ports=[99_999], engine=Engine.DUMPCAP)


def test_dumpcap_that_is_ended_by_others_is_told_after_its_packets() -> None:
    seen: list[Packet] = []
    with capture() as live:
        send("va", [MAIL])
        seen += wait_for_packets(live)
        live._dumpcap._process.kill()
        with pytest.raises(CaptureError, match="dumpcap has ended") as caught:
            collect(live, seen)
    assert caught.value.usable
    assert [packet.data for packet in seen] == [MAIL]


def test_slow_reader_gets_all_that_came_before_it_stopped() -> None:
    frames = [
        ethernet(ipv4(tcp(b"%d" % number + b"." * 1400))) for number in range(9999)
    ]
    seen = []
    with capture() as live:
        send("va", frames)
        live.stop()
        for batch in live:
            seen += [packet.data for packet in unpack(batch)]
            time.sleep(0.25)
    assert seen == frames


def test_stop_ends_where_packets_never_pause() -> None:
    program = """
from tests.support.namespaces import send
from tests.support.packets import ethernet, ipv4, tcp
mail = ethernet(ipv4(tcp(b"220 ready")))
while True:
    send("va", [mail] * 100)
"""
    with capture() as live, run_python(program) as sender:
        try:
            next(batch for batch in live if len(batch))
            drain(live)
        finally:
            sender.kill()


def test_drops_are_known_at_the_end() -> None:
    with capture() as live:
        next(live)
        assert live.drops() is None
        drain(live)
        assert live.drops() == 0


def test_lost_packets_are_counted() -> None:
    frames = [ethernet(ipv4(tcp(b"." * 1400)))] * 10_000
    with open_live("vb", engine=Engine.DUMPCAP, buffer_bytes=2 << 20) as live:
        assert isinstance(live, DumpcapCapture)
        # dumpcap does not read while it is stopped
        live._dumpcap._process.send_signal(signal.SIGSTOP)
        send("va", frames)
        live._dumpcap._process.send_signal(signal.SIGCONT)
        seen = drain(live)
    assert live.drops() == len(frames) - len(seen) > 0


def test_dumpcap_that_hangs_is_ended_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumpcap, "_END_S", 0.1)
    with capture() as live:
        live._dumpcap._process.send_signal(signal.SIGSTOP)
        assert drain(live) == []
    assert live._dumpcap._process.returncode == -signal.SIGKILL


def test_dumpcap_that_hangs_can_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumpcap, "_END_S", 0.1)
    with capture() as live:
        process = live._dumpcap._process
        process.send_signal(signal.SIGSTOP)
    assert process.returncode == -signal.SIGKILL
    live.close()


def test_any_interface_can_be_captured() -> None:
    with open_live("any", ports=[25], engine=Engine.DUMPCAP) as live:
        send("va", [MAIL])
        # once as it goes out, once as it comes in
        assert len(drain(live)) == 2
