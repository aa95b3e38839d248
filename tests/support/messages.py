"""Messages for tests, and what is read of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dissectors.limits import Limits
from dissectors.message import MessageReader

if TYPE_CHECKING:
    from dissectors.events import MessageFacts


def read(
    message: bytes,
    limits: Limits | None = None,
    *,
    complete: bool = True,
    size: int = 1 << 20,
) -> MessageFacts:
    reading = MessageReader(limits or Limits())
    for start in range(0, len(message), size):
        reading.feed(message[start : start + size])
    return reading.finish(complete=complete)


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def attachments(
    message: bytes, limits: Limits | None = None
) -> list[tuple[object, ...]]:
    return [
        (each.name, each.content_type, each.size_bytes, each.sha256)
        for each in read(message, limits).attachments
    ]


def file(
    name: str, content: bytes, media_type: str = "text/plain"
) -> tuple[object, ...]:
    return name, media_type, len(content), sha256(content)


PLAIN = crlf("""\
From: alice@example.com
To: bob@example.com
Subject: plain

a body
""")


MIXED = crlf("""\
Subject: outer
Content-Type: multipart/mixed; boundary="=_b"

preamble
--=_b
Content-Type: text/plain; charset=utf-8

inline text
--=_b
Content-Type: text/plain; name="one.txt"

first
--=_b\x20\t
Content-Disposition: attachment; filename=two.bin
Content-Type: Application/Octet-Stream
Content-Transfer-Encoding: base64

AAEC
AwQ=
--=_b--
epilogue with a name=three.txt
--=_b
Content-Type: text/plain; name="four.txt"

not a part any more
""")


def one_part(header: str, content: bytes = b"content") -> bytes:
    start = crlf(f"""\
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

text
--b
{header}

""")
    return start + content + b"\r\n--b--\r\n"


def nested(outer: str, inner: str) -> bytes:
    return crlf(f"""\
Content-Type: multipart/mixed; boundary={outer}

--{outer}
Content-Type: multipart/mixed; boundary={inner}

--{inner}
Content-Type: text/plain; name=inner.txt

in
--{inner}--
between
--{outer}
Content-Type: text/plain; name=outer.txt

out
--{outer}--
""")


INNER = crlf("""\
Subject: inner
To: nobody@example.com
Content-Type: multipart/mixed; boundary=in

--in
Content-Type: text/plain; name=deep.txt

deep
--in--
""")


def forwarded(header: str) -> bytes:
    start = crlf(f"""\
Subject: outer
Content-Type: multipart/mixed; boundary=out

--out
{header}

""")
    return start + INNER + b"\r\n--out--\r\n"


def with_gap(message: bytes, start: int, end: int) -> MessageFacts:
    reading = MessageReader()
    reading.feed(message[:start])
    reading.skip_gap(end - start)
    reading.feed(message[end:])
    return reading.finish(complete=True)
