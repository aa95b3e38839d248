"""Measures what attackers would send: `python -m tests.bench.hostile [SHARE [NAME]]`.

Each input of one connection is fed to a dissector in a process of its own, whole and a
tenth of it: time per byte must not grow, and memory must stay. The last column is what
the session's row says of what was cut. Captures of many connections (`crowds`) are read
by the whole command, and by as many processes as may be, whose memory is that of all
together. SHARE makes all of them smaller (0.01); NAME is part of the names
of those that are wanted.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from analyzer.runs.workers import MAX_PROCESSES
from analyzer.sessions.session import Session
from dissectors import new_dissector
from dissectors.events import Side
from dissectors.services import Protocol
from tests.bench.__main__ import mailtap, peak_together, run
from tests.bench.crowds import CROWDS, write
from tests.fuzz.check import held_bytes
from tests.support.tls import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dissectors.events import Event
    from tests.bench.crowds import Crowd

CLIENT, SERVER = Side
_SEGMENT = 1460
_LARGE_SEGMENT = 64 * 1024
_LONGEST_RECORD = 16 * 1024

Step = tuple[Side, bytes]
SMTP_START = ((SERVER, b"220 x\r\n"), (CLIENT, b"EHLO x\r\n"), (SERVER, b"250 x\r\n"))
SMTP_DATA = (
    *SMTP_START,
    (CLIENT, b"MAIL FROM:<a@b>\r\n"),
    (SERVER, b"250 ok\r\n"),
    (CLIENT, b"RCPT TO:<c@d>\r\n"),
    (SERVER, b"250 ok\r\n"),
    (CLIENT, b"DATA\r\n"),
    (SERVER, b"354 go\r\n"),
)
IMAP_START = ((SERVER, b"* PREAUTH x\r\n"),)
POP3_START = (
    (SERVER, b"+OK x\r\n"),
    (CLIENT, b"PASS x\r\n"),
    (SERVER, b"+OK\r\n"),
)


def repeated(side: Side, unit: bytes, count: int) -> Iterator[Step]:
    """So many units in segments of usual size; nothing large is ever made."""
    per_segment = max(1, _SEGMENT // len(unit))
    segment = unit * per_segment
    for _ in range(count // per_segment):
        yield side, segment
    yield side, unit * (count % per_segment)


def endless(side: Side, size: int, byte: bytes = b"x") -> Iterator[Step]:
    """So many bytes without a line end."""
    return repeated(side, byte * _LARGE_SEGMENT, max(1, size // _LARGE_SEGMENT))


def recipients(count: int) -> Iterator[Step]:
    """RCPT and its reply, again and again."""
    yield from SMTP_DATA[:5]
    for number in range(count):
        yield CLIENT, b"RCPT TO:<user%d@example.com>\r\n" % number
        yield SERVER, b"250 2.1.5 Ok\r\n"


def tagged(count: int) -> Iterator[Step]:
    """So many commands, each with its tag."""
    for number in range(0, count, 100):
        tags = range(number, number + 100)
        yield CLIENT, b"".join(b"a%d NOOP\r\n" % tag for tag in tags)


def nested(count: int) -> Iterator[Step]:
    """Parts in parts in parts."""
    yield from SMTP_DATA
    for number in range(count):
        line = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
        yield CLIENT, line % (number, number)
    yield from repeated(CLIENT, b"text\r\n", count)


def failing(count: int, extensions: list[tuple[int, bytes]]) -> Iterator[Step]:
    """Hellos, each of which is followed by a fatal alert."""
    hello = wire.handshake(1, wire.client_hello_body(extensions=extensions))
    records = [
        wire.record(0x16, hello[at : at + _LONGEST_RECORD])
        for at in range(0, len(hello), _LONGEST_RECORD)
    ]
    return repeated(CLIENT, b"".join(records) + wire.alert(2, 40), count)


def after(start: tuple[Step, ...], *more: Iterator[Step]) -> Iterator[Step]:
    """A start, and what follows it."""
    yield from start
    for each in more:
        yield from each


@dataclass(frozen=True, slots=True)
class Input:
    """A hostile input.

    Attributes:
        protocol: whose dissector reads it.
        size: how much of it there is, in its own unit.
        steps: makes it, that large.
    """

    protocol: Protocol
    size: int
    steps: Callable[[int], Iterator[Step]]


GIB, MB = 1 << 30, 1_000_000
SMTP, IMAP, POP3 = Protocol
INPUTS = {
    "SMTP: command line of 1 GiB": Input(
        SMTP, GIB, lambda n: after(SMTP_START, endless(CLIENT, n))
    ),
    "SMTP: reply line of 1 GiB": Input(
        SMTP, GIB, lambda n: after(SMTP_START, endless(SERVER, n))
    ),
    "SMTP: body line of 1 GiB": Input(
        SMTP,
        GIB,
        lambda n: after(SMTP_DATA, iter([(CLIENT, b"\r\n")]), endless(CLIENT, n)),
    ),
    "SMTP: multi-line reply, 100 MB": Input(
        SMTP,
        100 * MB // 7,
        lambda n: after(SMTP_START, repeated(SERVER, b"250-x\r\n", n)),
    ),
    "SMTP: 100,000 recipients": Input(SMTP, 100_000, recipients),
    "SMTP: 100,000 pipelined commands": Input(
        SMTP, 100_000, lambda n: after(SMTP_START, repeated(CLIENT, b"NOOP\r\n", n))
    ),
    "SMTP: header field of 100 MB": Input(
        SMTP,
        100 * MB,
        lambda n: after(SMTP_DATA, iter([(CLIENT, b"Subject: ")]), endless(CLIENT, n)),
    ),
    "SMTP: header fields, 100 MB": Input(
        SMTP,
        100 * MB // 6,
        lambda n: after(SMTP_DATA, repeated(CLIENT, b"To: a\r\n", n)),
    ),
    "SMTP: parameters, 10 MB": Input(
        SMTP,
        10 * MB,
        lambda n: after(
            SMTP_DATA, iter([(CLIENT, b"Content-Type: a/b")]), endless(CLIENT, n, b";")
        ),
    ),
    "SMTP: 1,000 nested parts": Input(SMTP, 1_000, nested),
    "SMTP: 100,000 parts": Input(
        SMTP,
        100_000,
        lambda n: after(
            SMTP_DATA,
            iter([(CLIENT, b"Content-Type: multipart/mixed; boundary=b\r\n\r\n")]),
            repeated(CLIENT, b"--b\r\nContent-Type: a/b; name=c\r\n\r\nx\r\n", n),
        ),
    ),
    "SMTP: uuencoded line of 100 MB": Input(
        SMTP,
        100 * MB,
        lambda n: after(
            SMTP_DATA,
            iter([(CLIENT, b"\r\nbegin 644 a\r\n")]),
            endless(CLIENT, n, b"M"),
        ),
    ),
    "IMAP: command line of 1 GiB": Input(
        IMAP, GIB, lambda n: after(IMAP_START, endless(CLIENT, n))
    ),
    "IMAP: response line of 1 GiB": Input(
        IMAP, GIB, lambda n: after(IMAP_START, endless(SERVER, n))
    ),
    "IMAP: literal of 4 GiB, 1 GiB of it": Input(
        IMAP,
        GIB,
        lambda n: after(
            IMAP_START,
            iter([(SERVER, b"* 1 FETCH (BODY[] {4294967296}\r\n\r\n")]),
            endless(SERVER, n),
        ),
    ),
    "IMAP: literal of a login, 1 GiB": Input(
        IMAP,
        GIB,
        lambda n: after(
            IMAP_START,
            iter([(CLIENT, b"a LOGIN {4294967296+}\r\n")]),
            endless(CLIENT, n),
        ),
    ),
    "IMAP: 100,000 pipelined commands": Input(
        IMAP, 100_000, lambda n: after(IMAP_START, tagged(n))
    ),
    "IMAP: 1,000,000 responses": Input(
        IMAP,
        1_000_000,
        lambda n: after(
            IMAP_START,
            iter([(CLIENT, b"a FETCH 1:* FLAGS\r\n")]),
            repeated(SERVER, b"* 7 FETCH (FLAGS (\\Seen))\r\n", n),
        ),
    ),
    "IMAP: 100,000 structures": Input(
        IMAP,
        100_000,
        lambda n: after(
            IMAP_START,
            repeated(SERVER, b"* 7 FETCH (BODYSTRUCTURE (((((((((())))\r\n", n),
        ),
    ),
    "TLS: 1,000,000 records of a byte": Input(
        SMTP,
        MB,
        lambda n: repeated(CLIENT, wire.record(0x16, b"\0"), n),
    ),
    "TLS: 1,000,000 alerts": Input(
        SMTP, MB, lambda n: repeated(CLIENT, wire.alert(1, 90), n)
    ),
    "TLS: 100,000 handshakes that fail": Input(
        SMTP, 100_000, lambda n: failing(n, [wire.server_name(b"mail.example.com")])
    ),
    "TLS: 1,000 hellos of 60 kB": Input(
        SMTP, 1_000, lambda n: failing(n, [wire.alpn(*[b"x"] * 30_000)])
    ),
    "TLS: lines after STARTTLS, 20 MB": Input(
        SMTP,
        20 * MB // 8,
        lambda n: after(
            SMTP_START,
            iter([(CLIENT, b"STARTTLS\r\n"), (SERVER, b"220 go\r\n")]),
            repeated(SERVER, b"250 ok\r\n", n),
        ),
    ),
    "POP3: command line of 1 GiB": Input(
        POP3, GIB, lambda n: after(POP3_START, endless(CLIENT, n))
    ),
    "POP3: response line of 1 GiB": Input(
        POP3, GIB, lambda n: after(POP3_START, endless(SERVER, n))
    ),
    "POP3: listing of 100 MB": Input(
        POP3,
        100 * MB // 6,
        lambda n: after(
            POP3_START,
            iter([(CLIENT, b"UIDL\r\n"), (SERVER, b"+OK\r\n")]),
            repeated(SERVER, b"1 ab\r\n", n),
        ),
    ),
    "POP3: 100,000 pipelined commands": Input(
        POP3, 100_000, lambda n: after(POP3_START, repeated(CLIENT, b"NOOP\r\n", n))
    ),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What an input cost.

    Attributes:
        size: in bytes.
        seconds: in the dissector, and to fold what it told.
        peak_mib: resident, above what it was before.
        held: bytes that the dissector holds before the end.
        anomalies: their codes.
    """

    size: int
    seconds: float
    peak_mib: float
    held: int
    anomalies: list[str]


def read(name: str, size: int) -> Result:
    """Feed an input to its dissector, and fold what happens."""
    each = INPUTS[name]
    dissector, session = new_dissector(each.protocol, 0), Session(each.protocol)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total, seconds, frame = 0, 0.0, 0
    happened: list[Event]
    for frame, (side, data) in enumerate(each.steps(size), 1):
        total += len(data)
        began = time.perf_counter()
        happened = dissector.receive_data(side, data, frame, frame)
        if happened:
            session.fold(happened)
        seconds += time.perf_counter() - began
    held = held_bytes(dissector)
    began = time.perf_counter()
    for side in Side:
        session.fold(dissector.receive_eof(side, frame + 1, frame + 1))
    seconds += time.perf_counter() - began
    after_all = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    codes = sorted(session.oddities)
    return Result(total, seconds, (after_all - before) / 1024, held, codes)


def apart(name: str, size: int) -> Result:
    """The same in a process of its own, whose peak is that of this input."""
    with ProcessPoolExecutor(max_workers=1) as pool:
        return pool.submit(read, name, size).result()


def main() -> None:
    """Measure all inputs and print two tables."""
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    console = Console(width=150)
    measure_one(share, wanted, console)
    measure_many(share, wanted, console)


def measure_many(share: float, wanted: str, console: Console) -> None:
    """Captures of many connections at a time, read by the command."""
    table = Table(title="Many connections", title_justify="left")
    table.add_column("each connection")
    for column in (
        "connections",
        "MB",
        "seconds",
        "per 10 MB",
        "peak MiB",
        f"{MAX_PROCESSES} processes",
    ):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "crowd.pcap")
        for name, crowd in CROWDS.items():
            if wanted not in name:
                continue
            size = write_apart(crowd, path, share)
            took = run(mailtap(path))
            table.add_row(
                name,
                f"{crowd.connections * share:,.0f}",
                f"{size / MB:,.1f}",
                f"{took.cpu_s:.1f}",
                f"{took.cpu_s / size * 10 * MB:.1f}",
                f"{took.peak_kib / 1024:.0f}",
                f"{peak_together(shared(path)) / 1024:.0f}",
            )
    console.print(table)


def shared(path: Path) -> list[str]:
    """Read a capture in as many processes as may be."""
    script = (
        "from analyzer.runs.pipeline import find_sessions;"
        "from analyzer.tables.builder import prepare_arrow;"
        f"prepare_arrow(); find_sessions({str(path)!r}, processes={MAX_PROCESSES})"
    )
    return [sys.executable, "-c", script]


def write_apart(crowd: Crowd, path: Path, share: float) -> int:
    """Write a capture in a process of its own, with whose peak the command begins."""
    with ProcessPoolExecutor(max_workers=1) as pool:
        return pool.submit(write, crowd, path, share).result()


def measure_one(share: float, wanted: str, console: Console) -> None:
    """Inputs of one connection, fed to its dissector."""
    table = Table(title="Hostile inputs", title_justify="left")
    table.add_column("input")
    for column in ("MB", "seconds", "ns per byte", "to a tenth", "peak MiB"):
        table.add_column(column, justify="right")
    table.add_column("the row says")
    for name, each in INPUTS.items():
        if wanted not in name:
            continue
        size = max(10, int(each.size * share))
        tenth, whole = apart(name, size // 10), apart(name, size)
        per_byte = whole.seconds / whole.size
        table.add_row(
            name,
            f"{whole.size / MB:,.1f}",
            f"{whole.seconds:.2f}",
            f"{per_byte * 1e9:.1f}",
            f"{per_byte / (tenth.seconds / tenth.size):.2f}",
            f"{whole.peak_mib:.0f}",
            ", ".join(whole.anomalies),
        )
    console.print(table)


if __name__ == "__main__":
    main()
