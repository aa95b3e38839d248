"""Parse functions for IMAP productions."""

from __future__ import annotations

import pytest

from dissectors.imap import grammar


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        (b"A142 SELECT INBOX", (b"A142", "SELECT", b"INBOX")),
        (b". noop", (b".", "NOOP", b"")),
        (b"7 uid fetch 1:* FLAGS", (b"7", "UID FETCH", b"1:* FLAGS")),
        (b"7 UID  FETCH 1 FLAGS", (b"7", "UID FETCH", b"1 FLAGS")),
        (b'a  LIST  "" *', (b"a", "LIST", b'"" *')),
        (b"a NOOP ", (b"a", "NOOP", b"")),
        (b"a]b X-FOO.BAR {3}", (b"a]b", "X-FOO.BAR", b"{3}")),
        (b"a UID", (b"a", "UID", b"")),
    ],
)
def test_command_is_split(line: bytes, parsed: tuple[bytes, str, bytes]) -> None:
    assert grammar.parse_command(line) == parsed


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"NOOP",
        b"DONE",
        b"+ NOOP",
        b"* NOOP",
        b" a NOOP",
        b"a 1NOOP",
        b"a NO\x00OP",
        b"\x16\x03\x01 NOOP",
        b"t" * 65 + b" NOOP",
        b"dGVzdAB0ZXN0AHRlc3Q=",
    ],
)
def test_line_is_no_command(line: bytes) -> None:
    assert grammar.parse_command(line) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"INBOX", b"INBOX"),
        (b"INBOX (CONDSTORE)", b"INBOX"),
        (b'"a b" c', b"a b"),
        (rb'"a \"b\" \\c" d', rb'a "b" \c'),
        (b'""', b""),
        (rb"DOMAIN\user secret", rb"DOMAIN\user"),
        ("jürgen x".encode(), "jürgen".encode()),
        (b"{3} x", b"lit"),
        (b"{3+} x", b"lit"),
        (b'"unclosed', None),
        (b"(list)", None),
        (b"", None),
    ],
)
def test_astring_is_parsed(text: bytes, value: bytes | None) -> None:
    assert grammar.parse_astring(text, b"lit") == value


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (b"joe secret", True),
        (b'"joe" "sec ret"', True),
        (b"{3} {6}", True),
        (b"joe {6}", True),
        (b"joe", False),
        (b"joe ", False),
        (b"{3}", False),
        (b"", False),
        # it can't be told where the user ends
        (b'"joe secret', True),
    ],
)
def test_login_has_password(argument: bytes, *, expected: bool) -> None:
    assert grammar.has_password(argument) is expected


@pytest.mark.parametrize(
    ("verb", "argument", "shown"),
    [
        ("LOGIN", b"joe secret", b"joe ***"),
        ("LOGIN", b'"joe" "sec ret"', b'"joe" ***'),
        ("LOGIN", b'"joe secret" x', b"***"),
        ("LOGIN", b"{3} {6}", b"{3} ***"),
        # this may be the password
        ("LOGIN", b"secret", b"***"),
        ("LOGIN", b'"joe secret', b"***"),
        ("LOGIN", b'joe"secret', b"***"),
        ("LOGIN", b"", b""),
        ("LOGIN", b"joe\tsecret", b"***"),
        ("LOGIN", b"joe secret x", b"***"),
        ("LOGIN", b"joe:secret", b"***"),
        ("LOGIN", b'"joe secret"', b"***"),
        ("LOGIN", "joe\u00a0secret x".encode(), b"***"),
        ("LOGIN", b"joe\xa0secret x", b"***"),
        ("NOOP", b"secret", b"***"),
        ("SELECT", b"INBOX (CONDSTORE)", b"INBOX (CONDSTORE)"),
        ("SELECT", b"INBOX secret", b"***"),
        ("SELECT", b'"a\rb LOGIN joe secret"', b"***"),
        ("SELECT", b'"imap://joe:secret@h/INBOX"', b'"imap://joe:***@h/INBOX"'),
        ("SELECT", b'"/a;URLAUTH=joe:internal:9"', b'"/a;URLAUTH=joe:***"'),
        ("UID FETCH", b"secret (FLAGS)", b"***"),
        ("ID", b'("name" "x" "token" "secret")', b'("name" "x" *** ***)'),
        ("ID", b'("name" "x" "version" {1})', b'("name" "x" "version" {1})'),
        ("ID", b'("name" "x" "version" NIL)', b'("name" "x" "version" NIL)'),
        ("ID", b"NIL", b"NIL"),
        ("ID", b"()", b"()"),
        # RFC 2971 §4: names are strings, values strings or NIL
        ("ID", b'("name" "x" "token" secret)', b'("name" "x" ***)'),
        ("ID", b'("token" secret "name" "x")', b"(***)"),
        ("ID", b'("name" "x" secret)', b'("name" "x" ***)'),
        ("ID", b'("name" "x" "secret")', b'("name" "x" ***)'),
        ("ID", b'("name" "x"secret)', b"(***)"),
        ("ID", b'("name" "x") secret', b'("name" "x" ***)'),
        ("ID", b'("name" "x" "version" "secret', b'("name" "x" ***)'),
        ("ID", b"name secret", b"(***)"),
        ("SETMETADATA", b'"" (/private/password "secret")', b"***"),
        ("URLFETCH", b'"imap://example.com/;urlauth=anonymous:internal:1"', b"***"),
        ("LOGINN", b"joe secret", b"***"),
        ("UID LOGIN", b"joe secret", b"***"),
        ("UID FETCH", b"1 (FLAGS)", b"1 (FLAGS)"),
        ("SETQUOTA", b'"" (STORAGE 1)', b'"" (STORAGE 1)'),
    ],
)
def test_argument_is_redacted(verb: str, argument: bytes, shown: bytes) -> None:
    assert grammar.redact(verb, argument) == shown


@pytest.mark.parametrize(
    ("params", "name"),
    [
        # RFC 2971 §3.1, §3.2
        (b'("name" "sodr" "version" "19.34" "vendor" "x")', b"sodr"),
        (b'("version" "1" "Name" "Cyrus")', b"Cyrus"),
        (b'("name" "a \\"b\\"")', b'a "b"'),
        (b'("name" NIL "version" "1")', None),
        (b'("version" "1")', None),
        (b'("name" {3} "version" "1")', None),
        (b'("name"', None),
        (b"NIL", None),
        (b"", None),
    ],
)
def test_id_is_parsed(params: bytes, name: bytes | None) -> None:
    assert grammar.parse_id(params, 30).get(b"name") == name


@pytest.mark.parametrize(
    ("uid_set", "count"),
    [
        # RFC 7162 §3.2.10
        (b"405,407,410,425", 4),
        (b"300:310,405", 12),
        (b"310:300", 11),
        (b"1:4294967295,1:4294967295", 4294967295),
        (b"", 0),
        (b"*", 0),
    ],
)
def test_uids_are_counted(uid_set: bytes, count: int) -> None:
    assert grammar.count_uids(uid_set) == count


@pytest.mark.parametrize(
    "line",
    [
        b"* 12 EXISTS",
        b"* 12 FETCH (FLAGS (\\Seen))",
        b"* OK [UIDNEXT 3] x",
        b"* BYE x",
        b"* SEARCH",
        b"* SEARCH 1 2",
        b'* LIST (\\Noselect) "/" x',
    ],
)
def test_line_is_a_response_for_sure(line: bytes) -> None:
    assert grammar.begins_response(line)


@pytest.mark.parametrize(
    "line", [b"* 12 apples", b"* bread", b"* OKAY", b"* SEARCH for it", b"-- ", b"* "]
)
def test_line_may_be_of_a_message(line: bytes) -> None:
    assert not grammar.begins_response(line)


@pytest.mark.parametrize(
    ("quoted", "text"),
    [
        (rb'"a"', b"a"),
        (rb'"a\\b\"c"', rb'a\b"c'),
        (rb'"\\\""', rb"\""),
        (rb'"\x"', b"x"),
        (b'"open', b"open"),
        (b'"', b""),
    ],
)
def test_quoted_string_is_unquoted(quoted: bytes, text: bytes) -> None:
    assert grammar.unquote(quoted) == text


def test_unclosed_quotes_cost_one_pass() -> None:
    assert grammar.parse_id(b'"a' + rb"\"a" * 100_000, 30) == {}
