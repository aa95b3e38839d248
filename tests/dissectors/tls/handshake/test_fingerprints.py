"""Fingerprints against the examples that their authors published."""

from __future__ import annotations

import hashlib

import pytest

from dissectors.tls.handshake import fingerprints
from dissectors.tls.handshake.fingerprints import client_fingerprints, ja3, ja3s, ja4
from dissectors.tls.handshake.hello import ClientHello, ServerHello

JA4_SUITES = (
    *(0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9),
    *(0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D, 0x002F, 0x0035),
)
JA4_EXTENSIONS = (
    *(0x001B, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002D, 0x000D),
    *(0x0005, 0x0023, 0x0012, 0x002B, 0xFF01, 0x000B, 0x000A, 0x0015),
)
JA4_ALGORITHMS = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)


def client(**changes: object) -> ClientHello:
    hello = ClientHello(
        legacy_version=0x0303,
        cipher_suites=(0x2A2A, *JA4_SUITES),
        extensions=(0x7A7A, *JA4_EXTENSIONS, 0xAAAA),
        alpn_protocols=(b"h2",),
        supported_versions=(0x9A9A, 0x0304, 0x0303),
        signature_algorithms=JA4_ALGORITHMS,
    )
    for name, value in changes.items():
        setattr(hello, name, value)
    return hello


def test_ja3_example() -> None:
    """769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0."""
    suites = (47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4)
    hello = ClientHello(
        769, suites, (0, 10, 11), supported_groups=(23, 24, 25), ec_point_formats=b"\0"
    )
    assert ja3(hello) == "ada70206e40642a3e4461f35503241d5"


def test_ja3_example_without_extensions() -> None:
    """769,4-5-10-9-100-98-3-6-19-18-99,,,."""
    hello = ClientHello(769, (4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99))
    assert ja3(hello) == "de350869b8c85de67a350c8d186f11e6"


def test_ja3_leaves_grease_out() -> None:
    plain = ClientHello(771, (1, 2), (10, 11), supported_groups=(29,))
    greased = ClientHello(
        771, (0x0A0A, 1, 2), (10, 0x1A1A, 11), supported_groups=(0x2A2A, 29)
    )
    assert ja3(greased) == ja3(plain)


def test_ja3s_is_of_version_suite_and_extensions() -> None:
    hello = ServerHello(769, 47, (65281, 0, 11, 35, 5, 16))
    text = b"769,47,65281-0-11-35-5-16"
    assert ja3s(hello) == hashlib.md5(text, usedforsecurity=False).hexdigest()


def test_ja3s_has_the_legacy_version_in_tls_1_3() -> None:
    """771,4866,43-51: OpenSSL's usual answer."""
    hello = ServerHello(771, 4866, (43, 51), selected_version=0x0304)
    assert ja3s(hello) == "15af977ce25de452b96affa2addb1036"


def test_ja4_example() -> None:
    assert ja4(client()) == "t13d1516h2_8daaf6152771_e5627efa2ab1"


def test_ja4_does_not_depend_on_order() -> None:
    hello = client(
        extensions=tuple(reversed(JA4_EXTENSIONS)),
        cipher_suites=tuple(reversed(JA4_SUITES)),
    )
    assert ja4(hello) == ja4(client())


def test_ja4_depends_on_order_of_algorithms() -> None:
    hello = client(signature_algorithms=tuple(reversed(JA4_ALGORITHMS)))
    assert ja4(hello) != ja4(client())


@pytest.mark.parametrize(
    ("alpn", "ends"),
    [
        (b"", "00"),
        (b"h2", "h2"),
        (b"http/1.1", "h1"),
        (b"imap", "ip"),
        (b"h", "hh"),
        (b"\xab", "ab"),
        (b"\xab\xcd", "ad"),
        (b"\x30\xab", "3b"),
        (b"\x30\x31\xab\xcd", "3d"),
        (b"\x30\xab\xcd\x31", "01"),
    ],
)
def test_ja4_shows_ends_of_first_protocol(alpn: bytes, ends: str) -> None:
    assert ja4(client(alpn_protocols=(alpn,)))[8:10] == ends


@pytest.mark.parametrize(
    ("version", "shown"), [(0x0300, "s3"), (0x0301, "10"), (0x0302, "11"), (0x99, "00")]
)
def test_ja4_shows_legacy_version_where_no_other_is_offered(
    version: int, shown: str
) -> None:
    hello = client(supported_versions=(), legacy_version=version)
    assert ja4(hello)[1:3] == shown


def test_ja4_of_a_hello_without_anything() -> None:
    assert ja4(ClientHello(0x0301, ())) == "t10i000000_000000000000_000000000000"


def test_ja4_counts_to_99() -> None:
    hello = client(cipher_suites=tuple(range(200)), extensions=tuple(range(100, 300)))
    assert ja4(hello).startswith("t13i9999h2_")


def test_ja4_without_signature_algorithms_has_no_underscore() -> None:
    # sha256 of "0005,000a" begins so
    hello = client(extensions=(0, 10, 5), signature_algorithms=())
    assert ja4(hello).split("_")[2] == "ecbe99380d04"


CHANGES = [
    {"legacy_version": 0x0301},
    {"cipher_suites": (1, 2)},
    {"extensions": (10, 11)},
    {"supported_groups": (29,)},
    {"ec_point_formats": b"\0"},
    {"signature_algorithms": (0x0403,)},
    {"supported_versions": (0x0303,)},
    {"alpn_protocols": (b"imap",)},
]


@pytest.mark.parametrize("change", CHANGES)
def test_another_offer_is_not_mistaken_for_the_remembered_one(
    change: dict[str, object],
) -> None:
    usual, other = client(), client(**change)
    for hello in (usual, other, usual, other):
        assert client_fingerprints(hello) == (ja3(hello), ja4(hello))


def test_memory_of_fingerprints_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered: dict[object, object] = {}
    monkeypatch.setattr(fingerprints, "_fingerprints", remembered)
    for number in range(1000):
        client_fingerprints(client(cipher_suites=(number,)))
    assert len(remembered) == 256


def test_long_offer_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered: dict[object, object] = {}
    monkeypatch.setattr(fingerprints, "_fingerprints", remembered)
    hello = client(cipher_suites=(1,) * 30_000)
    assert client_fingerprints(hello).ja4 == ja4(hello)
    assert not remembered
