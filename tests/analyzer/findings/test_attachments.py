from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.abuse import OUTSIDE, found, mail
from tests.support.analyses import analysis_of
from tests.support.findings import findings_of, named

if TYPE_CHECKING:
    from pathlib import Path

RULE = "dangerous-attachment"
PROGRAM = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0" + bytes(48)
ARCHIVE = b"PK\x03\x04" + bytes(40)
PDF = b"%PDF-1.7\n"


def message(*files: tuple[str, bytes]) -> bytes:
    parts = [
        b"--b\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename*=utf-8''%b\r\n\r\n%b\r\n"
        % (
            "".join(f"%{byte:02x}" for byte in name.encode()).encode(),
            base64.b64encode(content),
        )
        for name, content in files
    ]
    return (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"".join(parts)
        + b"--b--\r\n"
    )


def seen(
    folder: Path, *files: tuple[str, bytes], answer: str = "250 Ok"
) -> tuple[str, str, str] | None:
    """Severity, confidence and reason of what is found in a message with files."""
    dialogue = mail(OUTSIDE, content=message(*files), answer=answer)
    findings = found(folder, RULE, [dialogue])
    if not findings:
        return None
    (finding,) = findings
    reason = finding["evidence"][0]["seen"].partition(":")[0]
    return finding["severity"], finding["confidence"], reason


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("setup.exe", PROGRAM, ("medium", "proven", "program by its content")),
        ("setup.bin", PROGRAM, ("medium", "proven", "program by its content")),
        ("setup.exe. ", b"hi", ("medium", "likely", "runs by its name")),
        ("invoice.pdf", PROGRAM, ("high", "proven", "program in disguise")),
        ("invoice.pdf   .exe", PROGRAM, ("high", "proven", "program in disguise")),
        ("Invoice.DOCX.js", b"hi", ("high", "proven", "program in disguise")),
        ("a\u202efdp.exe", b"hi", ("high", "proven", "program in disguise")),
        ("scan.pdf", ARCHIVE, ("medium", "proven", "content contradicts name")),
        ("photo.jpg", PDF, ("medium", "proven", "content contradicts name")),
        ("scan.pdf", b"<html>", ("medium", "proven", "content contradicts name")),
        ("install.sh", b"#!/bin/sh\n", ("low", "likely", "script by its content")),
    ],
)
def test_file_is_dangerous(
    name: str, content: bytes, expected: tuple[str, str, str], tmp_path: Path
) -> None:
    assert seen(tmp_path, (name, content)) == expected


def test_harmless_files_are_silent(tmp_path: Path) -> None:
    files = [
        ("notes.txt", b"MZ is how programs begin\r\n"),
        ("scan.pdf", PDF),
        ("photo.png", b"\xff\xd8\xff\xe0"),
        ("letter.docx", ARCHIVE),
        ("letter.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("list.xls", b"<html>"),
        ("page.html", b"<html>"),
        ("logs.tar.gz", b"\x1f\x8b\x08"),
        ("release.v2.exe.sig", b"-----BEGIN PGP SIGNATURE"),
        ("exe", b"hi"),
    ]
    assert seen(tmp_path, *files) is None


def test_worst_file_of_a_message_is_told_first(tmp_path: Path) -> None:
    files = [("install.sh", b"#!/bin/sh\n"), ("scan.pdf", PDF), ("a.pdf", PROGRAM)]

    assert seen(tmp_path, *files) == ("high", "proven", "program in disguise")


def test_refused_message_is_low(tmp_path: Path) -> None:
    refused = seen(tmp_path, ("a.pdf.exe", PROGRAM), answer="552 5.7.0 Blocked")

    assert refused == ("low", "proven", "program in disguise")


def test_attachments_of_an_office_are_silent() -> None:
    for name in ("smtp-attachments", "office"):
        findings: list[dict[str, Any]] = findings_of(analysis_of(name))
        assert named(findings, RULE) == []
