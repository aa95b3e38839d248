from __future__ import annotations

import pytest

from dissectors.events import Exchange
from dissectors.smtp import grammar
from tests.support.smtp import greeted


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        (b"FROM:<a@example.com>", b"a@example.com"),
        (b"from: <a@example.com> SIZE=1 BODY=8BITMIME", b"a@example.com"),
        (b"FROM : <a@example.com>", b"a@example.com"),
        (b"FROM a@example.com", b"a@example.com"),
        (b"FROM:a@example.com SIZE=3", b"a@example.com"),
        (b"FROM:<>", b""),
        (b"FROM:<> RET=HDRS", b""),
        (b"FROM:", b""),
        (b"", b""),
        (b'TO:<"a > b"@example.com> NOTIFY=NEVER', b'"a > b"@example.com'),
        (b'TO:<"a\\"> b"@example.com>', b'"a\\"> b"@example.com'),
        (b'TO:<"a@example.com> X', b'"a@example.com'),
        (b"TO:<a@example.com", b"a@example.com"),
        (
            b"TO:<@x.example,@y.example:a@example.com>",
            b"@x.example,@y.example:a@example.com",
        ),
        (b"TO:Ann <a@example.com>", b"a@example.com"),
        ("TO:<ä@example.com>".encode(), "ä@example.com".encode()),
        (b"TOM@example.com", b"TOM@example.com"),
    ],
)
def test_path_is_found(argument: bytes, address: bytes) -> None:
    assert grammar.parse_path(argument)[0] == address


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"2.1.0 ok", "2.1.0"),
        (b"5.7.8", "5.7.8"),
        (b"4.10.999 x", "4.10.999"),
        (b"2.1.0ok", None),
        (b"1.2.3 x", None),
        (b"2.1 x", None),
        (b"10.1.1.1", None),
        (b"", None),
    ],
)
def test_enhanced_status_code_begins_the_text(text: bytes, code: str | None) -> None:
    """RFC 3463 §2."""
    play = greeted().client(b"NOOP\r\n").server(b"250 " + text + b"\r\n")
    assert play.events_of(Exchange)[-1].enhanced_status_code == code


def test_extension_of_parameter_is_named_as_announced() -> None:
    assert grammar.extension_of("BODY=binarymime") == "BINARYMIME"
    assert grammar.extension_of("NOTIFY=NEVER") == "DSN"
