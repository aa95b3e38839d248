from __future__ import annotations

import contextlib
import ssl

from dissectors.tls.handshake.hello import read_client_hello
from dissectors.tls.registries import extensions


def test_openssl_offers_extensions_by_these_numbers() -> None:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["imap"])
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="mail.example.com")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    hello = read_client_hello(sent.read()[9:])

    assert hello.malformed is None
    assert {
        extensions.SERVER_NAME,
        extensions.SUPPORTED_GROUPS,
        extensions.EC_POINT_FORMATS,
        extensions.SIGNATURE_ALGORITHMS,
        extensions.ALPN,
        extensions.ENCRYPT_THEN_MAC,
        extensions.SESSION_TICKET,
        extensions.SUPPORTED_VERSIONS,
        extensions.KEY_SHARE,
    } <= set(hello.extensions)
