from __future__ import annotations

import ssl

from dissectors.tls.registries.content_types import ContentType


def test_content_types_are_those_of_openssl() -> None:
    known = ssl._TLSContentType  # type: ignore[attr-defined]
    own = {"HEARTBEAT", "SSLV2_HELLO"}

    assert {each.name: each.value for each in ContentType if each.name not in own} == {
        each.name: each.value for each in known if each.value in range(20, 24)
    }


def test_hello_of_sslv2_is_beyond_the_registry() -> None:
    assert ContentType.SSLV2_HELLO > 0xFF
