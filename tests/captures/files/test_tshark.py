from __future__ import annotations

import asyncio
import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from captures import CaptureError, PacketBatch, ReadEngine, open_capture, open_captures
from captures.files import tshark as wireshark
from captures.files.opening import needs_tshark
from tests.support.analyses import CAPTURES, DEMO
from tests.support.captures import Packet, packets, pcap, pcapng, unpack

if TYPE_CHECKING:
    from captures import CaptureReader

MANY = packets(100)
ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "capture"


def convert(capture: Path, file_format: str) -> Path:
    """Write a capture in another format beside it."""
    converted = capture.with_suffix(f".{file_format}")
    command = ["editcap", "-F", file_format, str(capture), str(converted)]
    subprocess.run(command, check=True, timeout=60)
    return converted


def pyshark(path: Path, max_packets: int = 65_536) -> CaptureReader:
    """Open a capture through tshark."""
    return open_capture(path, engine=ReadEngine.TSHARK, max_packets=max_packets)


def unpack_all(reader: CaptureReader) -> tuple[list[Packet], list[int]]:
    """The packets of a capture, and their numbers."""
    with reader:
        batches = list(reader)
    return (
        [each for batch in batches for each in unpack(batch)],
        [number for batch in batches for number in batch.frame.tolist()],
    )


def install(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a tshark that does what a shell script says."""
    program = folder / "tshark"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def tshark_of(reader: CaptureReader) -> int:
    """The process ID of a reader's tshark."""
    assert isinstance(reader, wireshark.TsharkReader)
    (process,) = reader._tshark._running_processes
    return int(process.pid)


def is_running(pid: int) -> bool:
    """Whether a process runs; one that nobody waited for doesn't any more."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_for_end(pid: int) -> None:
    """Wait until a process that isn't ours has ended."""
    deadline = time.monotonic() + 20
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.01)


# -- the same as mailtap's own readers --


def test_all_captures_are_read_as_mailtap_reads_them(path: Path) -> None:
    # in one file, as it takes tshark long to start
    command = ["mergecap", "-a", "-F", "nsecpcap", "-w", str(path)]
    command += [str(capture) for capture in CAPTURES.values()]
    subprocess.run(command, check=True, timeout=60)
    assert unpack_all(pyshark(path)) == unpack_all(open_capture(path))


@pytest.mark.parametrize("name", sorted(CAPTURES)[::9])
def test_capture_is_read_as_mailtap_reads_it(name: str) -> None:
    capture = CAPTURES[name]
    assert unpack_all(pyshark(capture)) == unpack_all(open_capture(capture))


def test_batches_are_those_of_the_contract(path: Path) -> None:
    path.write_bytes(pcap(MANY))
    with open_capture(path) as reader:
        (expected,) = reader
    with pyshark(path) as reader:
        assert (reader.name, reader.format) == (str(path), "wireshark")
        assert reader.secrets == ()
        assert reader.note is None
        (batch,) = reader
    others = {"captures", "buffer", "offset", "position", "mistimed"}
    columns = set(PacketBatch.__slots__) - others
    for name in columns:
        ours, theirs = getattr(batch, name), getattr(expected, name)
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)
    assert batch.captures == expected.captures
    assert not batch.buffer.flags.writeable


def test_batches_are_as_large_as_wanted(path: Path) -> None:
    path.write_bytes(pcap(MANY))
    with pyshark(path, max_packets=40) as reader:
        first = next(reader)
        reader.max_bytes = 200
        second = next(reader)
        reader.max_bytes = 100_000
        rest = list(reader)
    assert [len(each) for each in (first, second, *rest)] == [40, 4, 40, 16]
    found = [each for batch in (first, second, *rest) for each in unpack(batch)]
    assert found == MANY


def test_position_reaches_the_size(path: Path) -> None:
    path.write_bytes(pcap(MANY))
    with pyshark(path, max_packets=30) as reader:
        positions = [batch.position for batch in reader]
    assert positions == sorted(positions)
    assert 0 < positions[0] < positions[-1] == reader.size == path.stat().st_size


# -- what mailtap's own readers don't know --


@pytest.mark.parametrize(
    "file_format",
    ["5views", "k12text", "lanalyzer", "netmon2", "nettl", "ngsniffer", "snoop"],
)
def test_format_that_only_tshark_knows_is_read_with_a_note(
    path: Path, file_format: str
) -> None:
    path.write_bytes(pcap(MANY))
    converted = convert(path, file_format)
    with open_captures([converted]) as merged:
        found = [each for batch in merged for each in unpack(batch)]
    assert merged.problems == []
    assert [each.data for each in found] == [each.data for each in MANY]
    (note,) = merged.notes
    assert note.startswith(f"{converted}: read through tshark, as mailtap itself")
    assert needs_tshark(converted)


def test_times_of_another_format_are_kept(path: Path) -> None:
    path.write_bytes(pcap(MANY))
    assert unpack_all(open_capture(convert(path, "snoop")))[0] == MANY


def test_compressed_capture_is_read(path: Path) -> None:
    path.write_bytes(pcap(MANY))
    packed = path.with_suffix(".gz")
    packed.write_bytes(gzip.compress(convert(path, "snoop").read_bytes()))
    assert unpack_all(open_capture(packed))[0] == MANY


def test_capture_without_packets_is_read(path: Path) -> None:
    path.write_bytes(pcap([]))
    assert unpack_all(pyshark(convert(path, "snoop"))) == ([], [])


def test_captures_of_all_formats_are_merged(path: Path) -> None:
    path.write_bytes(pcap(MANY[::2]))
    other = path.with_suffix(".pcap")
    other.write_bytes(pcapng(MANY[1::2]))
    with open_captures([convert(path, "snoop"), other], max_packets=7) as merged:
        found = [each for batch in merged for each in unpack(batch)]
    assert found == MANY
    assert len(merged.notes) == 1


def test_fast_engine_leaves_tshark_alone(path: Path) -> None:
    path.write_bytes(pcap(MANY))
    with pytest.raises(CaptureError, match="snoop capture: Wireshark's editcap"):
        open_capture(convert(path, "snoop"), engine=ReadEngine.NATIVE)


def test_own_format_needs_no_tshark(path: Path) -> None:
    assert not needs_tshark(path)
    path.write_bytes(pcapng(MANY))
    assert not needs_tshark(path)
    with open_captures([path]) as merged:
        assert merged.notes == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"Subject: hello\n", "this is text"),
        # tshark takes this for a capture without any packets
        (b"hello\n", "this is text"),
        # tshark takes these for captures of a packet without any network layer
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "this is an image"),
        (Path(sys.executable).resolve().read_bytes()[:4096], "this is a program"),
        (b'01-01 00:00:00.000 I/mail( 1): {"a": 1}\n' * 9, "this is text"),
        (b'[{"a": 1}]', "this is text"),
    ],
)
def test_what_is_no_capture_of_a_network_is_named(
    path: Path, content: bytes, reason: str
) -> None:
    path.write_bytes(content)
    with pytest.raises(CaptureError, match=reason) as caught:
        open_capture(path)
    assert not caught.value.usable


@pytest.mark.parametrize("name", ["-x", "-", "a b\n'\"$HOME*", "\udcff", "é"])
def test_name_is_not_taken_for_anything_else(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("capture").write_bytes(pcap(MANY))
    convert(Path("capture"), "snoop").rename(name)
    # "-" alone is standard input
    path = Path(name if name != "-" else tmp_path / "-")
    assert unpack_all(open_capture(path))[0] == MANY


# -- what can't be read --


@pytest.mark.parametrize("max_packets", [10, 99, 65_536])
def test_packets_before_damage_are_read(path: Path, max_packets: int) -> None:
    path.write_bytes(pcap(MANY))
    cut = convert(path, "snoop")
    cut.write_bytes(cut.read_bytes()[:-1])
    found: list[Packet] = []
    with open_capture(cut, max_packets=max_packets) as reader:
        with pytest.raises(CaptureError, match="in the middle of a packet") as caught:
            found.extend(each for batch in reader for each in unpack(batch))
        assert list(reader) == []
    assert found == MANY[:99]
    assert caught.value.usable
    assert caught.value.capture == str(cut)


def test_what_tshark_complains_of_is_told(path: Path) -> None:
    damaged = bytearray(pcap(MANY))
    damaged[24 + 8 : 24 + 12] = b"\xff" * 4
    path.write_bytes(damaged)
    with pyshark(path) as reader, pytest.raises(CaptureError) as caught:
        next(reader)
    assert "tshark can't read it any further: " in caught.value.reason
    assert "bigger than maximum of 262144" in caught.value.reason
    assert not caught.value.usable


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "no such file"),
        (".", "folder"),
        ("empty", "it is empty"),
        ("pipe", "save it to a file"),
        ("text", "tshark knows no such format"),
        ("-", "save it to a file"),
    ],
)
def test_what_is_no_capture_file_is_an_error(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("Subject: hello\n")
    os.mkfifo(tmp_path / "pipe")
    # held open, as a pipe without a writer blocks
    descriptor = os.open(tmp_path / "pipe", os.O_RDWR)
    path = name if name == "-" else str(tmp_path / name)
    with (
        pytest.raises(CaptureError, match=reason) as caught,
        open_capture(path, engine=ReadEngine.TSHARK) as reader,
    ):
        next(reader)
    os.close(descriptor)
    assert caught.value.capture == path


@pytest.mark.parametrize("engine", [ReadEngine.AUTO, ReadEngine.TSHARK])
def test_missing_tshark_is_named_with_the_remedy(
    path: Path, engine: ReadEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(pcap(MANY))
    snoop = convert(path, "snoop")
    monkeypatch.setenv("PATH", str(path.parent))
    with pytest.raises(CaptureError, match="apt-get install tshark") as caught:
        open_capture(snoop, engine=engine)
    assert not caught.value.usable
    assert caught.value.capture == str(snoop)


def test_missing_tshark_is_not_blamed_for_text(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("Subject: hello\n")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CaptureError, match="this is text") as caught:
        open_capture(path)
    assert "tshark" not in caught.value.reason


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo nonsense; exit 3", "can't read it any further"),
        ("printf 'tshark: \\377\\nno' >&2; exit 4", r"any further: \\xff no"),
        ("kill -SEGV $$", "ended by signal 11"),
        ("printf '[\n  {\n    \"a\": 1\n  },\n  {}\n]'", "makes no sense"),
        ("printf '[\n  {\n    \\377\n  },\n  {}\n]'", "makes no sense"),
        ("exec yes {", "makes no sense"),
        ("head -c 10000000 /dev/zero >&2; exit 5", "can't read it any further"),
    ],
)
def test_tshark_that_fails_is_an_error(
    path: Path, script: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wireshark, "_MAX_JSON_BYTES", 1 << 20)
    path.write_bytes(pcap(MANY))
    install(path.parent, script, monkeypatch)
    with pyshark(path) as reader, pytest.raises(CaptureError, match=reason):
        next(reader)


def test_tshark_that_cannot_be_started_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(pcap(MANY))
    install(path.parent, "", monkeypatch)
    (path.parent / "tshark").write_text("#!/nowhere\n")
    with pyshark(path) as reader, pytest.raises(CaptureError, match="can't be started"):
        next(reader)


def test_settings_in_the_current_folder_are_not_followed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(pcap(MANY))
    monkeypatch.chdir(path.parent)
    Path("config.ini").write_text("[tshark]\ntshark_path = /bin/false\n")
    assert unpack_all(pyshark(path))[0] == MANY


# -- processes --


def test_reader_works_beside_a_running_event_loop(path: Path) -> None:
    path.write_bytes(pcap(MANY))

    async def read() -> list[Packet]:
        return unpack_all(pyshark(path))[0]

    assert asyncio.run(read()) == MANY


def test_tshark_ends_when_the_reader_is_closed_early() -> None:
    with pyshark(DEMO, max_packets=1) as reader:
        batch = next(reader)
        pid = tshark_of(reader)
        assert is_running(pid)
    assert not is_running(pid)
    assert list(reader) == []
    assert len(unpack(batch)) == 1
    reader.close()


def test_tshark_ends_after_an_error_of_the_caller() -> None:
    pids = []

    def fail() -> None:
        with pyshark(DEMO, max_packets=1) as reader:
            next(reader)
            pids.append(tshark_of(reader))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not is_running(*pids)


def test_tshark_ends_when_the_reader_was_never_read(path: Path) -> None:
    path.write_bytes(pcap(MANY))
    with pyshark(path):
        pass


READ_SLOWLY = """
import signal
import sys
from captures import ReadEngine, open_capture

# whoever runs the tests in the background may have it ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
with open_capture(sys.argv[1], engine=ReadEngine.TSHARK, max_packets=1) as reader:
    next(reader)
    print(*(each.pid for each in reader._tshark._running_processes), flush=True)
    sys.stdin.readline()
    reader.max_packets = 1_000_000
    print("reading", flush=True)
    next(reader)
"""


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_tshark_ends_with_a_process_that_waits_for_it(
    signal_number: signal.Signals,
) -> None:
    with read_slowly() as process:
        assert process.stdin
        assert process.stdout
        pid = int(process.stdout.readline())
        # a tshark that says nothing more
        os.kill(pid, signal.SIGSTOP)
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal_number)
        _, said = process.communicate(timeout=60)
        if signal_number == signal.SIGINT:
            assert said.splitlines()[-1] == "KeyboardInterrupt"
        else:
            # it was stopped above by us; what nobody stops ends by itself
            os.kill(pid, signal.SIGCONT)
    wait_for_end(pid)


def test_tshark_ends_with_a_process_that_is_killed() -> None:
    with read_slowly() as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        process.kill()
    wait_for_end(pid)


def read_slowly() -> subprocess.Popen[str]:
    """A Python process that reads a capture through tshark when told to."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", READ_SLOWLY, DEMO],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
