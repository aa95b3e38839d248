"""What is extracted of real captures, and of hostile ones."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from email import message_from_bytes
from email.policy import SMTP
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import parquet

import analyzer
from analyzer.extraction.run import Extracted, extract
from dissectors.registry import ports
from tests.support.analyses import (
    CAPTURES,
    DATA,
    analysis_of,
    decrypted,
    key_log_of,
    rows,
)
from tests.support.deliveries import Delivery
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Analysis

SECRETS = (DATA / "secrets.txt").read_text(encoding="utf-8").splitlines()
# one for each way in which a message crosses, and some in which not all of it does
NAMES = (
    *("smtp-attachments", "smtp-bdat-chunking", "smtp-exim-chunking", "lmtp-dovecot"),
    *("imap-login-plain", "imap-extensions", "imap-compress", "imap-mbsync"),
    *("pop3-user-pass", "pop3-top-and-leave", "smtp-capture-loss", "smtp-smuggling"),
    *("one-direction-client", "smtp-loss", "vlan-tagged", "office"),
)


def run(found: Analysis, target: Path, key_log: Path | None = None) -> Extracted:
    """Extract all messages of what was found."""
    chosen = {row["session_id"] for row in rows(found, "messages")}
    options: Any = {"ports": ports(), "engine": "auto", "key_log": key_log}
    return extract(found.captures, target, chosen, **options)


def run_decrypted(name: str, target: Path) -> Extracted:
    """Extract all messages of a committed capture."""
    return run(decrypted(name), target, key_log_of(name))


def index_of(target: Path) -> list[dict[str, Any]]:
    index: list[dict[str, Any]] = parquet.read_table(
        target / "index.parquet"
    ).to_pylist()
    return index


@pytest.mark.parametrize("name", NAMES)
def test_files_have_the_hashes_that_the_tables_tell(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out"

    done = run_decrypted(name, target)

    index = index_of(target)
    for row in index:
        content = (target / row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
        assert len(content) == row["size_bytes"]
        assert row["file"].endswith(".partial") == row["partial"]
        assert not any(secret.encode() in content for secret in SECRETS)
    messages = rows(decrypted(name), "messages")
    told = [
        (message["session_id"], file["name"], file["size_bytes"], file["sha256"])
        for message in messages
        for file in message["attachments"]
        if file["sha256"]
    ]
    found = [
        (row["session_id"], row["name"], row["size_bytes"], row["sha256"])
        for row in index
        if row["kind"] == "attachment" and not row["partial"]
    ]
    assert sorted(map(str, found)) == sorted(map(str, told))
    assert list(done.problems) == []
    modes = {stat.S_IMODE(path.stat().st_mode) for path in target.glob("*/*")}
    assert modes <= {0o600}


def test_files_are_those_that_real_clients_sent(tmp_path: Path) -> None:
    for name in ("smtp-attachments", "lmtp-dovecot", "office"):
        facts = json.loads((DATA / f"{name}.json").read_text())
        sent = {
            file["sha256"]
            for session in facts["sessions"]
            for message in session.get("messages", [])
            for file in message.get("attachments", [])
        }

        run_decrypted(name, tmp_path / name)

        index = index_of(tmp_path / name)
        assert {row["sha256"] for row in index if row["kind"] == "attachment"} == sent


def test_messages_are_what_other_programs_read(tmp_path: Path) -> None:
    target = tmp_path / "out"
    run_decrypted("office", target)

    index = index_of(target)
    for row in index:
        if row["kind"] == "message":
            content = (target / row["file"]).read_bytes()
            mail = message_from_bytes(content, policy=SMTP)
            assert mail["Message-ID"] == row["message_id"]
            assert row["file"] == f"messages/{row['sha256']}.eml"
            names = {
                each["name"] for each in index if each["message_file"] == row["file"]
            }
            assert {part.get_filename() for part in mail.iter_attachments()} == names


def test_what_is_not_complete_says_so(tmp_path: Path) -> None:
    done = run(analysis_of("smtp-capture-loss"), tmp_path / "out")

    assert done.partial > 0
    partial = [row["file"] for row in index_of(tmp_path / "out") if row["partial"]]
    assert partial
    assert all(name.endswith(".partial") for name in partial)


def deliver(number: int, content: bytes) -> PacketScript:
    """A message that somebody sends, whose lines are stuffed already."""
    script = Delivery(number).sender().recipient("250 ok")
    script.client(b"DATA\r\n").server(b"354 go on\r\n")
    return script.client(content).client(b".\r\n").server(b"250 ok\r\n").close()


def test_names_that_senders_choose_name_no_file(tmp_path: Path) -> None:
    hostile = [
        "../../../escaped",
        "/tmp/escaped",
        "CON",
        "a\0b",
        "-rf",
        "x" * 999,
        "\u202egnp.exe",
    ]
    content = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    for name in hostile:
        content += b"--b\r\nContent-Disposition: attachment; filename*=utf-8''"
        content += "".join(f"%{byte:02x}" for byte in name.encode()).encode()
        content += (
            b"\r\n\r\n" + name.encode("utf-8", "replace").hex().encode() + b"\r\n"
        )
    capture = write_pcap(tmp_path / "a.pcap", deliver(1, content + b"--b--\r\n"))
    target = tmp_path / "in" / "out"

    done = run(analyzer.analyze(capture), target)

    assert (done.attachments, done.files) == (len(hostile), len(hostile) + 1)
    written = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert all(path == capture or path.is_relative_to(target) for path in written)
    digits = {path.name.split(".")[0] for path in target.glob("*/*")}
    assert all(len(name) == 64 and int(name, 16) for name in digits)


def test_dots_are_unstuffed_and_odd_line_ends_stay(tmp_path: Path) -> None:
    content = b"From: a@example.com\r\n\r\n..a\r\n...\r\nb\nc\rd\0\xff\r\n"
    capture = write_pcap(tmp_path / "a.pcap", deliver(1, content))

    run(analyzer.analyze(capture), tmp_path / "out")

    (row,) = index_of(tmp_path / "out")
    expected = b"From: a@example.com\r\n\r\n.a\r\n..\r\nb\nc\rd\0\xff\r\n"
    assert (tmp_path / "out" / row["file"]).read_bytes() == expected


def test_many_messages_at_once_and_long_ones_come_out_whole(tmp_path: Path) -> None:
    scripts, expected = [], set()
    for number in range(30):
        body = b"From: a@example.com\r\n\r\n" + (b"%d " % number * 300 + b"\r\n") * 30
        script = Delivery(number).sender().recipient("250 ok")
        script.client(b"DATA\r\n").server(b"354 go on\r\n")
        for start in range(0, len(body), 1400):
            script.client(body[start : start + 1400])
        script.client(b".\r\n").server(b"250 ok\r\n")
        scripts.append(script)
        expected.add(hashlib.sha256(body).hexdigest())

    capture = write_pcap(tmp_path / "a.pcap", *scripts)

    done = run(analyzer.analyze(capture), tmp_path / "out")

    assert {row["sha256"] for row in index_of(tmp_path / "out")} == expected
    assert (done.messages, done.partial) == (30, 0)


def test_full_disk_ends_it_and_leaves_what_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, room = os.write, 60_000

    def fill(descriptor: int, data: memoryview) -> int:
        nonlocal room
        room -= len(data)
        if room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", fill)
    target = tmp_path / "out"

    done = run(analysis_of("office"), target)

    assert 0 < done.messages < 8
    assert [problem.split(": ")[1] for problem in done.problems] == [
        "can't be written (No space left on device)"
    ] * 2
    for path in target.glob("*/*"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert path.name.split(".")[0] == digest
    assert {path.name for path in target.iterdir()} <= {"messages", "attachments"}


def test_session_that_is_not_there_any_more_is_told(tmp_path: Path) -> None:
    options: Any = {"ports": ports(), "engine": "auto", "key_log": None}
    captures = [str(CAPTURES["smtp-attachments"])]

    done = extract(captures, tmp_path / "out", {"0" * 16}, **options)

    assert list(done.problems) == [
        "1 session not found again: did the captures change?"
    ]
    assert done.messages == 0
