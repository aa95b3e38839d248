"""Handshakes and decrypted bytes, beside those that tshark finds."""

from __future__ import annotations

import subprocess
from typing import Any
from unittest import mock

import pytest

import analyzer
from dissectors.conversation.secured import Secured
from dissectors.events import Side
from dissectors.tls import ApplicationData
from dissectors.tls.registries.cipher_suites import cipher_suite_name
from dissectors.tls.registries.grease import GREASE
from dissectors.tls.registries.groups import group_name
from dissectors.tls.registries.signature_schemes import signature_scheme_name
from dissectors.tls.registries.versions import version_name
from tests.support.analyses import CAPTURES, DATA, rows_of

CLIENT_HELLO, SERVER_HELLO = "1", "2"
FIELDS = (
    "tcp.srcport",
    "tcp.dstport",
    "tls.handshake.type",
    "tls.handshake.version",
    "tls.handshake.ciphersuite",
    "tls.handshake.extensions_server_name",
    "tls.handshake.extensions_supported_group",
    "tls.handshake.sig_hash_alg",
    "tls.handshake.extensions.supported_version",
    "tls.handshake.extensions_key_share_group",
    "tls.handshake.ja3",
    "tls.handshake.ja3s",
)
PORTS = (25, 587, 465, 143, 993, 110, 995, 2525, 2526)
TLS_NAMES = [
    name for name in CAPTURES if any(row["tls_mode"] != "none" for row in rows_of(name))
]
KEYED = sorted(path.stem for path in DATA.glob("*.keys") if path.stem != "office")


def tshark(name: str, *options: str) -> str:
    command = ["tshark", "-n", "-r", str(CAPTURES[name]), *options]
    for port in PORTS[-2:]:
        command += ["-d", f"tcp.port=={port},smtp"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


def hellos(name: str) -> list[dict[str, str]]:
    """The fields of each packet with a hello."""
    options = ["-Y", "tls.handshake.type in {1, 2}", "-T", "fields"]
    for field in FIELDS:
        options += ["-e", field]
    lines = tshark(name, *options).splitlines()
    return [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in lines]


def numbers(text: str) -> list[int]:
    found = [int(word, 0) for word in text.split(",") if word]
    return [each for each in found if each not in GREASE]


def expect_client_hello(row: dict[str, Any], fields: dict[str, str]) -> None:
    prefix = "tls.handshake."
    suites = numbers(fields[prefix + "ciphersuite"])
    assert row["tls_offered_ciphers"] == [cipher_suite_name(each) for each in suites]
    groups = numbers(fields[prefix + "extensions_supported_group"])
    assert row["tls_offered_groups"] == [group_name(each) for each in groups]
    schemes = numbers(fields[prefix + "sig_hash_alg"])
    names = [signature_scheme_name(each) for each in schemes]
    assert row["tls_offered_signatures"] == names
    versions = numbers(
        fields[prefix + "extensions.supported_version"] or fields[prefix + "version"]
    )
    assert row["tls_offered_versions"] == [version_name(each) for each in versions]
    assert row["tls_sni"] == (fields[prefix + "extensions_server_name"] or None)
    assert row["ja3"] == fields[prefix + "ja3"]


def expect_server_hello(row: dict[str, Any], fields: dict[str, str]) -> None:
    prefix = "tls.handshake."
    suite, *_ = numbers(fields[prefix + "ciphersuite"])
    assert row["tls_cipher"] == cipher_suite_name(suite)
    versions = numbers(
        fields[prefix + "extensions.supported_version"] or fields[prefix + "version"]
    )
    assert row["tls_version"] == version_name(versions[0])
    share = numbers(fields[prefix + "extensions_key_share_group"])
    if share:
        assert row["tls_group"] == group_name(share[0])
    assert row["ja3s"] == fields[prefix + "ja3s"]


@pytest.mark.parametrize("name", TLS_NAMES)
def test_hellos_are_those_of_tshark(name: str) -> None:
    rows = {row["client_port"]: row for row in rows_of(name)}
    compared = set()
    for fields in hellos(name):
        kind = fields["tls.handshake.type"].split(",")[0]
        is_client = kind == CLIENT_HELLO
        port = int(fields["tcp.srcport" if is_client else "tcp.dstport"])
        row = rows[port]
        if (port, kind) in compared:
            continue
        compared.add((port, kind))
        (expect_client_hello if is_client else expect_server_hello)(row, fields)
    with_tls = [port for port, row in rows.items() if row["ja3"] is not None]
    assert {port for port, kind in compared if kind == CLIENT_HELLO} == set(with_tls)
    answered = [port for port, row in rows.items() if row["tls_version"] is not None]
    assert {port for port, kind in compared if kind == SERVER_HELLO} == set(answered)


@pytest.mark.parametrize("name", KEYED)
def test_decrypted_bytes_are_those_of_tshark(name: str) -> None:
    log = DATA / f"{name}.keys"
    followed = tshark(
        name, "-o", f"tls.keylog_file:{log}", "-q", "-z", "follow,tls,raw,0"
    )
    expected = [b"", b""]
    for line in followed.splitlines():
        # those of the second side are indented
        text = line.strip()
        if text and all(each in "0123456789abcdef" for each in text):
            expected[line.startswith("\t")] += bytes.fromhex(text)
    found = [b"", b""]
    keep = Secured.receive

    def receive(self: Secured, opened: Any, *at: int) -> Any:
        assert isinstance(opened, ApplicationData)
        found[opened.side] += opened.data
        return keep(self, opened, *at)

    with mock.patch.object(Secured, "receive", receive):
        analyzer.analyze(CAPTURES[name], key_log=log)
    assert found[Side.CLIENT]
    assert sorted(found) == sorted(expected)
