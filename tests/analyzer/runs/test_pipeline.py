from __future__ import annotations

import gzip
import io
import lzma
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from analyzer.html.page import render_page
from analyzer.runs import pipeline, workers
from analyzer.runs.pipeline import find_sessions
from analyzer.tables import export
from analyzer.terminal.plaintext import plaintext_json
from analyzer.terminal.summary import summary_json
from captures import MAX_BATCH_PACKETS, CaptureError
from tests.support import captures as files
from tests.support.analyses import CAPTURES, DEMO, analysis_of, rows, rows_of
from tests.support.traffic import CLIENT, SERVER, PacketScript, merged, write_pcap

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analyzer.tables.results import Results
    from dissectors.events import Side
    from tests.support.captures import Packet

# one of each: damage, fragments, tunnels, TLS, everything at once (IPv6, too)
NAMES = (
    "imap-midstream",
    "imap-reordered",
    "ip-fragments",
    "mpls",
    "port-reuse",
    "smtp-attachments",
    "smtp-capture-loss",
    "smtp-submission-starttls-tls13",
    "office",
)


def nanoseconds(packets: list[Packet]) -> bytes:
    return files.pcap(packets, magic=files.NANOSECONDS)


WRITERS: dict[str, Callable[[list[Packet]], bytes]] = {
    "pcap": files.pcap,
    "pcap, other byte order": lambda p: files.pcap(p, order=">"),
    "pcap, ns": nanoseconds,
    "pcap, ns, other byte order": lambda p: files.pcap(
        p, order=">", magic=files.NANOSECONDS
    ),
    "pcapng": files.pcapng,
    "pcapng, other byte order": lambda p: files.pcapng(p, order=">"),
    "gzip": lambda p: gzip.compress(files.pcap(p)),
    "xz": lambda p: lzma.compress(files.pcap(p)),
    "zstd": lambda p: zstd.compress(files.pcap(p)),
    "pcapng in gzip": lambda p: gzip.compress(files.pcapng(p)),
}


def in_csv(analysis: Results) -> dict[str, bytes]:
    """The tables as written, without the name of the capture."""
    written = {}
    for name, table in analysis.tables.items():
        file = io.BytesIO()
        names = ("capture", "tls_capture")
        kept = [column for column in table.column_names if column not in names]
        export.write_csv([table.select(kept)], table.select(kept).schema, file)
        written[name] = file.getvalue()
    return written


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", WRITERS)
def test_tables_do_not_depend_on_the_file_format(
    name: str, kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "capture"
    path.write_bytes(WRITERS[kind](files.read(CAPTURES[name])))

    analysis = find_sessions(path)

    assert in_csv(analysis) == in_csv(analysis_of(name))


def test_nanoseconds_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(nanoseconds(files.read(CAPTURES["smtp-ipv6"])))

    assert in_csv(find_sessions(path)) == in_csv(analysis_of("smtp-ipv6"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("max_packets", [1, 7, MAX_BATCH_PACKETS])
def test_tables_do_not_depend_on_the_batch_size(name: str, max_packets: int) -> None:
    analysis = find_sessions(CAPTURES[name], max_packets=max_packets)

    assert in_csv(analysis) == in_csv(analysis_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_tables_do_not_depend_on_the_size_of_blocks(name: str) -> None:
    analysis = find_sessions(CAPTURES[name], max_bytes=2000)

    assert in_csv(analysis) == in_csv(analysis_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_tables_do_not_depend_on_the_number_of_processes(name: str) -> None:
    analysis = find_sessions(CAPTURES[name], processes=3)

    assert in_csv(analysis) == in_csv(analysis_of(name))
    assert analysis.undecoded == analysis_of(name).undecoded


def test_no_number_of_processes_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []

    def run_partitions(job: Callable[[int], Any], count: int) -> list[Any]:
        counts.append(count)
        return workers.run_partitions(job, count)

    monkeypatch.setattr(pipeline, "run_partitions", run_partitions)
    analysis = find_sessions(CAPTURES["pop3-user-pass"], processes=1_000)

    assert counts == [workers.MAX_PROCESSES]
    assert in_csv(analysis) == in_csv(analysis_of("pop3-user-pass"))


def test_problems_are_told_by_several_processes(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(DEMO.read_bytes()[:-1])

    alone = find_sessions(path, processes=1)
    shared = find_sessions(path, processes=2)

    assert [str(each) for each in shared.problems] == [
        str(each) for each in alone.problems
    ]
    assert in_csv(shared) == in_csv(alone)


@pytest.mark.parametrize("processes", [1, 2])
def test_log_rotation_empties_a_capture_while_it_is_read(
    tmp_path: Path, processes: int
) -> None:
    path = tmp_path / "rotated.pcap"
    path.write_bytes(DEMO.read_bytes())

    def rotate(done: int, _: int | None) -> None:
        if done > 300_000:
            os.truncate(path, 0)

    found = find_sessions(
        path, max_bytes=50_000, processes=processes, on_progress=rotate
    )
    assert 0 < len(found.sessions) <= 29
    assert [error.usable for error in found.problems] == [True]
    assert "shortened while it was read" in str(found.problems[0])


def test_capture_is_read_from_a_pipe() -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, CAPTURES["pop3-apop"].read_bytes())
    os.close(write_end)

    analysis = find_sessions(f"/dev/fd/{read_end}")
    os.close(read_end)

    assert in_csv(analysis) == in_csv(analysis_of("pop3-apop"))


def test_progress_is_told_up_to_the_end() -> None:
    told: list[tuple[int, int | None]] = []

    find_sessions(DEMO, max_packets=100, on_progress=lambda *at: told.append(at))

    size = DEMO.stat().st_size
    assert len(told) > 10
    assert told == sorted(told)
    assert told[-1] == (size, size)


def rotated(tmp_path: Path, name: str = "smtp-attachments") -> list[Path]:
    """A capture that went on in a second file."""
    packets = files.read(CAPTURES[name])
    half = len(packets) // 2
    paths = [tmp_path / "first.pcap", tmp_path / "second.pcap"]
    paths[0].write_bytes(files.pcap(packets[:half]))
    paths[1].write_bytes(files.pcap(packets[half:]))
    return paths


@pytest.mark.parametrize("order", [1, -1])
def test_session_in_two_files_is_one_session(tmp_path: Path, order: int) -> None:
    analysis = find_sessions(rotated(tmp_path)[::order])

    (session,) = rows(analysis)
    (message,) = rows(analysis, "messages")
    (whole,) = rows_of("smtp-attachments")
    assert session == whole | {"capture": str(tmp_path / "first.pcap")}
    assert message["capture"] == str(tmp_path / "second.pcap")
    assert (
        message["attachments"]
        == rows_of("smtp-attachments", "messages")[0]["attachments"]
    )


def test_frames_are_numbered_in_their_own_file(tmp_path: Path) -> None:
    paths = rotated(tmp_path)
    analysis = find_sessions(paths)

    size = {str(path): len(files.read(path)) for path in paths}
    for exchange in rows(analysis, "exchanges"):
        for frame in (exchange["request_frame"], exchange["reply_frame"]):
            assert frame is None or 1 <= frame <= size[exchange["capture"]]


def test_bad_file_leaves_the_others_alone(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"no capture")

    analysis = find_sessions([CAPTURES["pop3-apop"], bad, CAPTURES["gre"]])

    assert len(analysis.sessions) == len(rows_of("pop3-apop")) + len(rows_of("gre"))
    (problem,) = analysis.problems
    assert isinstance(problem, CaptureError)
    assert problem.capture == str(bad)


def test_same_sessions_in_two_files_are_sorted_by_time(tmp_path: Path) -> None:
    late = PacketScript(110, start_ms=500).server(b"+OK late\r\n").close()
    early = PacketScript(110, client_port=50_000).server(b"+OK early\r\n").close()
    paths = [
        write_pcap(tmp_path / "late.pcap", late),
        write_pcap(tmp_path / "early.pcap", early),
    ]

    analysis = find_sessions(paths)

    assert list(analysis.sessions["banner"]) == ["early", "late"]
    assert list(analysis.sessions["capture"]) == [str(path) for path in paths[::-1]]
    assert [each["reply_text"] for each in rows(analysis, "exchanges")] == [
        "early",
        "late",
    ]


def test_other_port_is_taken_for_what_it_is_said_to_be(tmp_path: Path) -> None:
    from dissectors import registry

    # no more than a greeting: not enough to tell by itself
    path = write_pcap(
        tmp_path / "a.pcap", PacketScript(1110).server(b"+OK\r\n").close()
    )

    unknown = find_sessions(path)
    known = find_sessions(path, ports={**registry.ports(), 1110: "pop3"})

    assert len(unknown.sessions) == 0
    assert list(known.sessions["protocol"]) == ["pop3"]


def test_empty_capture_has_empty_tables(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "empty.pcap")

    analysis = find_sessions(path)

    assert analysis.packets == 0
    assert not any(len(table) for table in analysis.tables.values())
    assert len(analysis.sessions) == 0


def test_frames_have_the_types_of_the_tables() -> None:
    analysis = analysis_of("pop3-apop")

    for name in ("sessions", "messages", "exchanges", "certificates", "anomalies"):
        frame, table = getattr(analysis, name), analysis.tables[name]
        assert list(frame.columns) == table.column_names
        assert len(frame) == len(table)
        assert [str(kind.pyarrow_dtype) for kind in frame.dtypes] == [
            str(column.type) for column in table.schema
        ]


def test_dissector_that_fails_costs_only_its_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from dissectors import Pop3Dialogue

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Pop3Dialogue, "pass_lines", fail)
    pop3 = PacketScript(110).server(b"+OK hi\r\n").client(b"QUIT\r\n").close()
    smtp = PacketScript(25, client_port=50_000).server(b"220 hi\r\n").close()
    path = write_pcap(tmp_path / "two.pcap", pop3, smtp)

    analysis = find_sessions(path)

    assert {each["protocol"]: each["anomalies"] for each in rows(analysis)} == {
        "pop3": ["dissector_bug"],
        "smtp": [],
    }
    assert "a dissector failed" in caplog.text


def test_session_whose_dissector_failed_is_never_called_unexposed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The password may be behind what it failed on."""
    from dissectors import Pop3Dialogue

    pass_lines = Pop3Dialogue.pass_lines

    def fail(self: Pop3Dialogue, side: Side, data: bytes) -> object:
        if data.startswith(b"PASS"):
            int(data)
        return pass_lines(self, side, data)

    monkeypatch.setattr(Pop3Dialogue, "pass_lines", fail)
    pop3 = (
        PacketScript(110)
        .server(b"+OK hi\r\n")
        .client(b"STAT\r\n")
        .server(b"+OK 1 1\r\n")
    )
    pop3.client(b"PASS secret\r\n").close()
    path = write_pcap(tmp_path / "one.pcap", pop3)

    analysis = find_sessions(path)

    (row,) = rows(analysis)
    assert (row["protection"], row["credentials_exposed"]) == ("unknown", None)
    assert len(analysis.sessions[analysis.sessions["credentials_exposed"]]) == 0
    assert "secret" not in caplog.text
    assert "a dissector failed" in caplog.text
    assert "ValueError" in caplog.text
    # reports know nulls
    for told in (
        summary_json(analysis),
        plaintext_json(analysis),
        render_page(analysis),
    ):
        assert "no password" not in told.lower()


def test_packets_of_two_connections_may_mix(tmp_path: Path) -> None:
    first = (
        PacketScript(143)
        .server(b"* OK a\r\n")
        .client(b"1 NOOP\r\n")
        .server(b"1 OK\r\n")
    )
    second = PacketScript(143, client_port=50_000).server(b"* OK b\r\n").lose(SERVER, 9)
    second.client(b"2 NOOP\r\n").lose(CLIENT, 10).close()
    path = tmp_path / "mixed.pcap"
    path.write_bytes(files.pcap(merged(first, second)))

    analysis = find_sessions(path)

    told = {each["banner"]: each["missing_bytes"] for each in rows(analysis)}
    assert told == {"a": 0, "b": 19}
