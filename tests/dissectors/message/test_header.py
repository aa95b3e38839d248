"""Header sections, and the facts in them."""

from __future__ import annotations

import pytest

from dissectors.events import MessageFacts
from dissectors.limits import Limits
from dissectors.message.header import apply_fields, read_fields


def facts_of(section: bytes, limits: Limits | None = None) -> MessageFacts:
    facts = MessageFacts()
    apply_fields(facts, read_fields(section), limits or Limits())
    return facts


def test_fields_are_decoded() -> None:
    facts = facts_of(
        b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.com>\r\n"
        b"To: a@example.com\r\n"
        b"CC: b@example.com\r\n"
        b"Subject: =?utf-8?b?w6Q=?=\r\n"
        b"Message-ID: <1@example.com>\r\n"
        b"Date: Mon, 1 Jan 2024 00:00:00 +0000 (UTC)\r\n"
        b"X-Mailer: Example 1.0\r\n"
    )
    assert facts.from_ == "Jörg <joerg@example.com>"
    assert facts.to == ["a@example.com", "b@example.com"]
    assert facts.subject == "ä"
    assert facts.message_id == "<1@example.com>"
    assert facts.date == "Mon, 1 Jan 2024 00:00:00 +0000 (UTC)"
    assert facts.mailer == "Example 1.0"


def test_authors_and_answers_may_be_groups() -> None:
    """RFC 6854."""
    facts = facts_of(b"From: =?utf-8?q?T?=: a@x, b@x;\r\nReply-To: T: c@x;\r\n")
    assert (facts.from_, facts.reply_to) == ("a@x, b@x", "c@x")


def test_absent_fields_are_none_and_empty_ones_are_empty() -> None:
    facts = facts_of(b"Subject:\n")
    assert facts.subject == ""
    assert facts.from_ is None
    assert facts.to == []


def test_user_agent_counts_before_x_mailer() -> None:
    assert facts_of(b"X-Mailer: b\r\nUser-Agent: a\r\n").mailer == "a"


@pytest.mark.parametrize(
    "section",
    [
        b"Subject: one\r\n two\r\n",
        b"Subject: one\n two\n",
        b"Subject:\r\n one\r\n two\r\n",
        b"Subject : one two",
        b"SUBJECT:one two\r\nno colon\r\n:\r\n",
        b"Subject: one two\r\nSubject: second\r\n",
    ],
)
def test_subject_is_found_and_unfolded(section: bytes) -> None:
    assert facts_of(section).subject == "one two"


def test_file_name_at_the_beginning_of_a_line_belongs_to_the_field() -> None:
    """RFC 5322 §2.2.3 wants a blank before it; Outlook reads it."""
    section = b"Content-Type: a/b; x=y;\r\nname=c.rar\r\nSubject: d;\r\nTo: e\r\n"
    fields = read_fields(section)
    assert fields[b"content-type"] == [b"a/b; x=y;name=c.rar"]
    assert fields[b"to"] == [b"e"]


def test_folded_encoded_words_are_joined() -> None:
    section = b"Subject: =?utf-8?q?=C3?=\r\n =?utf-8?q?=A4?=\r\n"
    assert facts_of(section).subject == "ä"


def test_recipients_of_several_fields_are_limited() -> None:
    facts = facts_of(b"To: a,b\nTo: c,d\nCc: e\n", Limits(list_items=3))
    assert facts.to == ["a", "b", "c"]
    assert facts.exceeded_limits == ["list_too_long"]


def test_long_texts_are_cut() -> None:
    facts = facts_of(
        b"Subject: " + b"a" * 100 + b"\nTo: " + b"b" * 100, Limits(kept_text=10)
    )
    assert facts.subject == "a" * 40
    assert facts.to == ["b" * 40]


# the way of a message


def test_way_of_a_message_is_told() -> None:
    facts = facts_of(
        b"Received: from mx.example.com ([192.0.2.1])\r\n\tby in.example.org; date\r\n"
        b"Received: from laptop (unknown [198.51.100.7]) by mx.example.com; date\r\n"
        b"Authentication-Results: in.example.org; dkim=pass\r\n"
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com;\r\n\ts=key\r\n 1; b=abc\r\n"
        b"DKIM-Signature: v=1; d=example.net\r\n"
        b"List-Id: Our list <list.example.org>\r\n"
        b"Reply-To: =?utf-8?q?J=C3=B6rg?= <j@x>\r\nIn-Reply-To: <1@x>\r\n"
    )
    assert facts.received == [
        "from mx.example.com ([192.0.2.1])\tby in.example.org; date",
        "from laptop (unknown [198.51.100.7]) by mx.example.com; date",
    ]
    assert facts.originating_ip == "198.51.100.7"
    assert facts.authentication_results == ["in.example.org; dkim=pass"]
    assert facts.dkim == ["key1._domainkey.example.com"]
    assert facts.list_id == "list.example.org"
    assert (facts.reply_to, facts.in_reply_to) == ("J\u00f6rg <j@x>", "<1@x>")


def test_hops_are_bounded() -> None:
    assert len(facts_of(b"Received: from a by b\r\n" * 500).received) == 100
