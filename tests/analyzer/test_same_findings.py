"""The same traffic gives the same findings, however it was captured and read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from analyzer.runs.pipeline import find_sessions
from tests.support import captures as files
from tests.support.analyses import CAPTURES
from tests.support.findings import findings_of

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer.tables.results import Results

# of each theme some, and what is hard to read: loss, one direction, TLS
NAMES = (
    *("imap-courier-preauth", "imap-midstream", "imap-untrusted-certificate"),
    *(
        "lmtp-aiosmtpd",
        "office",
        "one-direction-client",
        "pop3-apop",
    ),
    *("smtp-auth-cram-md5", "smtp-capture-loss", "smtp-starttls-injected"),
    *("smtp-pipelining-refused-recipients", "smtp-smuggling", "smtp-snaplen"),
    *("smtp-starttls-refused", "smtp-starttls-stripped", "tls10", "unusual-port"),
)
PATHS = [CAPTURES[name] for name in NAMES]


def told(results: Results) -> list[dict[str, Any]]:
    """All findings, without the names of captures and the numbers of packets."""
    findings = findings_of(results)
    for finding in findings:
        for evidence in finding["evidence"]:
            del evidence["capture"], evidence["frame"]
    return findings


@pytest.fixture(scope="module")
def expected() -> list[dict[str, Any]]:
    """What is found if everything is as usual."""
    findings = told(find_sessions(PATHS))
    # or there would be nothing that could differ
    assert len({each["rule"] for each in findings}) > 20
    return findings


def test_findings_do_not_depend_on_the_batch_size(
    expected: list[dict[str, Any]],
) -> None:
    assert told(find_sessions(PATHS, max_packets=7)) == expected


def test_findings_do_not_depend_on_the_size_of_blocks(
    expected: list[dict[str, Any]],
) -> None:
    assert told(find_sessions(PATHS, max_bytes=2000)) == expected


def test_findings_do_not_depend_on_the_number_of_processes(
    expected: list[dict[str, Any]],
) -> None:
    assert told(find_sessions(PATHS, processes=3)) == expected


def test_findings_do_not_depend_on_the_order_of_files(
    expected: list[dict[str, Any]],
) -> None:
    assert told(find_sessions(PATHS[::-1])) == expected


def test_findings_do_not_depend_on_the_file_format(
    tmp_path: Path, expected: list[dict[str, Any]]
) -> None:
    paths = [tmp_path / f"{path.stem}.pcapng" for path in PATHS]
    for path, written in zip(PATHS, paths, strict=True):
        written.write_bytes(files.pcapng(files.read(path)))

    assert told(find_sessions(paths)) == expected


def test_findings_do_not_depend_on_how_files_are_cut(
    tmp_path: Path, expected: list[dict[str, Any]]
) -> None:
    paths = []
    for path in PATHS:
        packets = files.read(path)
        half = len(packets) // 2
        for part, content in enumerate((packets[:half], packets[half:])):
            paths.append(tmp_path / f"{path.stem}-{part}.pcap")
            paths[-1].write_bytes(files.pcap(content))

    assert told(find_sessions(paths)) == expected
