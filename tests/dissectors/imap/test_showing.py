from __future__ import annotations

import pytest

from dissectors.imap.showing import show_response, show_tag


@pytest.mark.parametrize(
    "line",
    [
        b"* CAPABILITY IMAP4rev1 IDLE",
        b"* OK [UIDNEXT 2] Predicted",
        b"* 3 EXISTS",
        b'* LIST (\\HasNoChildren) "/" "Sent Items"',
        b"* SEARCH 1 2 3",
        b"* 1 FETCH (UID 7 FLAGS (\\Seen) RFC822.SIZE 9 BODY[] {12}",
        b'* 1 FETCH (ENVELOPE ("date" "s (ubject" NIL NIL) UID 3)',
        b'* 1 FETCH (BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 2 1) UID 3)',
        b"* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {20}",
        b" FLAGS (\\Seen))",
        b")",
        b"+ idling",
        b"+ Ready for literal data",
        b"+ ",
    ],
)
def test_what_says_nothing_of_a_message_is_shown(line: bytes) -> None:
    assert show_response(line, is_challenge=False) == line


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b'* 1 FETCH (BODY[TEXT] "dear diary")', b"* 1 FETCH (***"),
        (b'* 1 FETCH (UID 3 BODY[1] "dear diary")', b"* 1 FETCH (UID 3***"),
        (b'* 1 FETCH (PREVIEW "dear diary")', b"* 1 FETCH (***"),
        (b'* 1 FETCH (RFC822.TEXT "dear diary")', b"* 1 FETCH (***"),
        (b" dear diary", b"***"),
        (b'* METADATA "" (/private/comment "dear")', b"* ***"),
        (b"* GENURLAUTH imap://h/;urlauth=x:internal:91", b"* ***"),
        (b'* ID ("name" "x" "password" "y")', b'* ID ("name" "x" *** ***)'),
        (b"+ bm9uY2U9MTIz", b"+ ***"),
        (b"a1 NO [ALERT] what", b"*** NO [ALERT] what"),
        (b"dear diary OK", b"***"),
    ],
)
def test_what_may_be_of_a_message_or_a_login_is_not(line: bytes, shown: bytes) -> None:
    assert show_response(line, is_challenge=False) == shown


def test_nothing_of_a_challenge_is_shown() -> None:
    assert show_response(b"+ go ahead", is_challenge=True) == b"+ ***"
    assert show_response(b"+", is_challenge=True) == b"+"


@pytest.mark.parametrize("tag", ["a001", "1.23", "CPGI12", ".", "A0", "xyz1"])
def test_tag_of_a_program_is_shown(tag: str) -> None:
    assert show_tag(f"{tag} NOOP".encode()) == tag


@pytest.mark.parametrize("command", [b"correcthorse NOOP", b"a1 hunter2", b"a1"])
def test_word_that_may_be_no_tag_is_not(command: bytes) -> None:
    assert show_tag(command) == "***"
