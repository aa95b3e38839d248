"""Where a message was written, as servers of all kinds note it (RFC 5321 §4.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.message.header import read_fields
from dissectors.message.trace import find_origin


def origin(section: bytes) -> str | None:
    return find_origin(read_fields(section))


SEEN = "203.0.113.9"
SEEN_6 = "2001:db8::7"


@pytest.mark.parametrize(
    ("clause", "address"),
    [
        # Postfix
        ("from a (b.example [203.0.113.9])", SEEN),
        ("from [192.168.1.50] (b.example [203.0.113.9])", SEEN),
        ("from [192.168.1.50] (unknown [IPv6:2001:db8::7])", SEEN_6),
        ("from [IPv6:fd00::1] (unknown [203.0.113.9])\r\n\t(using TLSv1.3)", SEEN),
        ("from a (10-0-0-1.b.example [203.0.113.9])", SEEN),
        ("from a (10.0.0.1 [203.0.113.9])", SEEN),
        # Exim
        ("from b.example ([203.0.113.9] helo=a)", SEEN),
        ("from b.example ([203.0.113.9]:2525 helo=[192.168.1.50])", SEEN),
        ("from b.example ([2001:db8::7] helo=[IPv6:fd00::1])", SEEN_6),
        ("from [203.0.113.9] (helo=[192.168.1.50])", SEEN),
        ("from [203.0.113.9] (port=2525 helo=[192.168.1.50])", SEEN),
        ("from [203.0.113.9]:2525 (helo=a ident=10.0.0.1)", SEEN),
        ("from [2001:db8::7] (port=2525)", SEEN_6),
        # Sendmail
        ("from a (b.example [203.0.113.9] (may be forged))", SEEN),
        ("from [192.168.1.50] (IDENT:user@b.example [203.0.113.9])", SEEN),
        ("from [192.168.1.50] ([203.0.113.9])\r\n\t(authenticated bits=0)", SEEN),
        # qmail, qpsmtpd
        ("from unknown (HELO a) (203.0.113.9)", SEEN),
        ("from unknown (HELO [192.168.1.50]) (203.0.113.9)", SEEN),
        ("from unknown (HELO ?192.168.1.50?) (user@203.0.113.9)", SEEN),
        ("from [192.168.1.50] (HELO a) (203.0.113.9)", SEEN),
        ("from 203.0.113.9 (EHLO 192.168.1.50) (203.0.113.9)", SEEN),
        # Exchange
        ("from A.b.example (203.0.113.9)", SEEN),
        ("from A.b.example (2001:db8::7)", SEEN_6),
        ("from A ([fe80::f936:ca4b:b8b2:23c3%15])", "fe80::f936:ca4b:b8b2:23c3"),
        ("from A (fe80::f936:ca4b:b8b2:23c3%eth0)", "fe80::f936:ca4b:b8b2:23c3"),
        # Gmail, Courier, OpenSMTPD
        ("from [192.168.1.50] (b.example. [203.0.113.9])", SEEN),
        ("from a (b.example [::ffff:203.0.113.9])\r\n  (AUTH: PLAIN u, SSL)", SEEN),
        ("from a ([::ffff:203.0.113.9]) (AUTH: LOGIN u)", SEEN),
        ("from a (<unknown> [203.0.113.9])", SEEN),
        # CommuniGate, Ecelerity, MDaemon, webmail
        ("from [203.0.113.9] (account u@x HELO [192.168.1.50])", SEEN),
        ("from [192.168.1.50] ([203.0.113.9:53220] helo=a)", SEEN),
        ("from [192.168.1.50] (203.0.113.9:53220)", SEEN),
        ("from [192.168.1.50] [203.0.113.9]", SEEN),
        ("from a [203.0.113.9]", SEEN),
        ("from 203.0.113.9 (SquirrelMail authenticated user u)", SEEN),
        # all there is
        ("from [203.0.113.9]", SEEN),
        ("from [IPv6:2001:db8::7]", SEEN_6),
        ("FROM a\r\n (\r\n [203.0.113.9])", SEEN),
        # what a client says of itself may look like what servers write
        ("from a([10.0.0.1]) (b.example [203.0.113.9])", SEEN),
        ("from by (b.example [203.0.113.9])", SEEN),
        # nothing is told
        ("from a", None),
        ("from a ([999.1.2.3])", None),
        ("from a (version 1.2.3)", None),
        ("from a ([UNIX: 10.0.0.1])", None),
        ("from a (b [local])", None),
    ],
)
@pytest.mark.parametrize(
    "rest",
    [
        " by mx.example.com (Postfix) with ESMTP id A; Mon, 1 Jan 2024 00:00:00 +0000",
        "\r\n\tby mx.example.com ([192.0.2.1]) with ESMTP; date",
        " with SMTP (192.0.2.1) id 1; date",
        "",
    ],
)
def test_server_notes_the_address_that_it_saw(
    clause: str, rest: str, address: str | None
) -> None:
    section = "Received: from last ([192.0.2.9]) by x\r\nReceived: " + clause + rest
    assert origin(section.encode()) == address


@pytest.mark.parametrize(
    ("section", "address"),
    [
        (b"X-Originating-IP: [203.0.113.9]\r\nReceived: from a ([192.0.2.1])", SEEN),
        (b"X-Originating-IP: 203.0.113.9:1234", SEEN),
        (b"X-Originating-IP: [IPv6:2001:db8::7]", SEEN_6),
        (b"X-Originating-IP: fe80::1%4", "fe80::1"),
        (b"X-Sender-IP: 203.0.113.9", SEEN),
        (b"X-Originating-IP: nonsense\r\nX-Client-IP: 203.0.113.9", SEEN),
        (b"X-Originating-IP: nonsense\r\nReceived: from a ([203.0.113.9])", SEEN),
        (b"Received: by x ([192.0.2.1]) with LMTP", None),
        (b"X-Originating-IP: nonsense", None),
        (b"Subject: x", None),
    ],
)
def test_origin_is_what_the_header_tells(section: bytes, address: str | None) -> None:
    assert origin(section) == address


@given(st.text("from ([]) by 1.:%@\\helo=", max_size=200))
def test_any_field_is_read(body: str) -> None:
    origin(b"Received: from " + body.encode())
