"""ClientHello and ServerHello."""

from __future__ import annotations

import pytest

from dissectors.tls.handshake.hello import (
    escape,
    read_client_hello,
    read_server_hello,
    read_sslv2_client_hello,
)
from dissectors.tls.handshake.structs import MalformedStructError
from tests.support.tls.wire import (
    HELLO_RETRY_RANDOM,
    alpn,
    client_hello_body,
    selected_version,
    server_hello_body,
    server_name,
    supported_versions,
    uint16s,
    vector,
)


def test_client_offers_extensions() -> None:
    body = client_hello_body(
        suites=(0x0A0A, 0x1301),
        extensions=[
            (0x1A1A, b""),
            server_name(b"mail.example.com"),
            supported_versions(0x2A2A, 0x0304, 0x0303),
            (10, vector(2, uint16s(29, 23))),
            (11, vector(1, b"\0\1")),
            (13, vector(2, uint16s(0x0403, 0x0804))),
            alpn(b"imap", b"pop3"),
            (51, vector(2, uint16s(29) + vector(2, bytes(32)))),
        ],
    )
    hello = read_client_hello(body)
    assert hello.cipher_suites == (0x0A0A, 0x1301)
    assert hello.extensions == (0x1A1A, 0, 43, 10, 11, 13, 16, 51)
    assert hello.sni == "mail.example.com"
    assert hello.highest_version == 0x0304
    assert hello.supported_groups == (29, 23)
    assert hello.ec_point_formats == b"\0\1"
    assert hello.signature_algorithms == (0x0403, 0x0804)
    assert hello.alpn == b"imap"
    assert hello.key_share_groups == (29,)
    assert hello.malformed is None


def test_client_hello_may_lack_extensions() -> None:
    """RFC 5246 §7.4.1.2."""
    hello = read_client_hello(client_hello_body(version=0x0301))
    assert hello.extensions == ()
    assert hello.highest_version == 0x0301


def test_client_sends_hostile_server_name() -> None:
    name = b"a\0\x1b[31m\\\xff.example.com"
    hello = read_client_hello(client_hello_body(extensions=[server_name(name)]))
    assert hello.sni == r"a\x00\x1b[31m\\\xff.example.com"


def test_first_host_name_counts() -> None:
    names = (
        b"\7" + vector(2, b"other") + b"\0" + vector(2, b"a") + b"\0" + vector(2, b"b")
    )
    hello = read_client_hello(client_hello_body(extensions=[(0, vector(2, names))]))
    assert hello.sni == "a"


def test_broken_extension_does_not_spoil_the_others() -> None:
    extensions = [
        (0, b"\xff\xff"),
        (10, vector(2, uint16s(29)) + b"left"),
        alpn(b"imap"),
    ]
    hello = read_client_hello(client_hello_body(extensions=extensions))
    assert hello.extensions == (0, 10, 16)
    assert hello.alpn == b"imap"
    assert hello.malformed == "extension 10"


def test_cut_extension_block_keeps_what_can_be_read() -> None:
    hello = read_client_hello(
        client_hello_body(extensions=[alpn(b"imap"), (5, b"")]) + b"x"
    )
    assert hello.extensions == ()
    assert hello.malformed == "extensions: 1 bytes too many"


@pytest.mark.parametrize("length", [0, 10, 40, 45])
def test_cut_client_hello_is_malformed(length: int) -> None:
    with pytest.raises(MalformedStructError):
        read_client_hello(client_hello_body()[:length])


def test_server_chooses_tls_1_3() -> None:
    hello = read_server_hello(
        server_hello_body(
            suite=0x1301, extensions=[selected_version(0x0304), (51, b"")]
        )
    )
    assert (hello.legacy_version, hello.version) == (0x0303, 0x0304)
    assert hello.is_tls_1_3
    assert not hello.is_retry_request
    assert hello.extensions == (43, 51)


def test_server_chooses_protocol() -> None:
    hello = read_server_hello(server_hello_body(extensions=[alpn(b"im\nap")]))
    assert hello.alpn == r"im\nap"
    assert hello.version == 0x0303


def test_server_chooses_two_protocols() -> None:
    """RFC 7301 §3.1: exactly one is allowed."""
    hello = read_server_hello(server_hello_body(extensions=[alpn(b"a", b"b")]))
    assert hello.malformed == "extension 16"


def test_retry_request_is_told_by_its_random() -> None:
    body = server_hello_body(extensions=[], random=HELLO_RETRY_RANDOM)
    assert read_server_hello(body).is_retry_request


def sslv2_hello(version: int = 0x0301) -> bytes:
    suites = bytes.fromhex("00002f 010080 0000ff")
    lengths = uint16s(len(suites), 0, 16)
    return b"\1" + uint16s(version) + lengths + suites + bytes(16)


def test_client_sends_sslv2_compatible_hello() -> None:
    """RFC 5246 Appendix E.2."""
    hello = read_sslv2_client_hello(sslv2_hello())
    assert hello.is_sslv2
    assert hello.highest_version == 0x0301
    assert hello.cipher_suites == (0x2F, 0x010080, 0xFF)


@pytest.mark.parametrize(
    "body", [b"", b"\4" + sslv2_hello()[1:], sslv2_hello()[:-1], sslv2_hello() + b"x"]
)
def test_malformed_sslv2_hello(body: bytes) -> None:
    with pytest.raises(MalformedStructError):
        read_sslv2_client_hello(body)


def test_escaped_text_is_printable_ascii() -> None:
    assert escape("plain.example.com") == "plain.example.com"
    assert escape("ü\u202e") == r"\xfc\u202e"
