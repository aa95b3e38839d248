from __future__ import annotations

import pytest

from dissectors.conversation.software import find_software


@pytest.mark.parametrize(
    ("banner", "software"),
    [
        ("mx.example.com ESMTP Postfix (Debian/GNU)", "Postfix"),
        ("mx.example.com ESMTP Exim 4.96.2 #2 Tue, 04 Jun", "Exim 4.96.2"),
        ("mx.example.com ESMTP Sendmail 8.14.4/8.14.4; Wed", "Sendmail 8.14.4"),
        (
            "mx.example.com Microsoft ESMTP MAIL Service, Version: 6.0.3790.3959 ready",
            "Microsoft ESMTP MAIL Service 6.0.3790.3959",
        ),
        (
            "mx.example.com Microsoft ESMTP MAIL Service ready at Tue",
            "Microsoft ESMTP MAIL Service",
        ),
        ("mx.example.com ESMTP x - gsmtp", "gsmtp"),
        ("Dovecot ready.", "Dovecot"),
        ("mx.example.com Cyrus POP3 v2.4.17 server ready", "Cyrus 2.4.17"),
        ("Qpopper (version 4.0.5) at mx starting.", "Qpopper 4.0.5"),
        ("postfix.example.com ESMTP", None),
        ("mx.example.com ESMTP ready", None),
        ("", None),
    ],
)
def test_product_is_found(banner: str, software: str | None) -> None:
    assert find_software(banner) == software
