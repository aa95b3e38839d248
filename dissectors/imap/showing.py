"""What is shown of IMAP's lines: what their grammar proves to be harmless.

Of responses, all text that the server says by itself is shown, and what it tells of
mailboxes and messages; never what a message says, in whatever form it comes. What is
not known is `***`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dissectors.credentials.names import MASK
from dissectors.imap import grammar

if TYPE_CHECKING:
    from collections.abc import Iterator

_MASK = MASK.encode()

# Tags as programs make them: a few letters, digits and dots. A longer word may be a
# password before a word that looks like a command.
_TAG = re.compile(rb"[A-Za-z]{0,5}[0-9][0-9.]{0,9}|[A-Za-z.]{1,4}")
_STATUS = re.compile(
    rb"[^\x00-\x20]{1,64} (?:OK|NO|BAD)(?: .*)?", re.DOTALL | re.IGNORECASE
)
# RFC 9051 §7, RFC 5256, 5267, 4731, 2342, 5161, 7162, 9208, 2971
_OPEN_NAMES = frozenset(
    b"""
    BAD BYE CAPABILITY ENABLED ESEARCH FLAGS LIST LSUB NAMESPACE NO OK PREAUTH QUOTA
    QUOTAROOT SEARCH SORT STATUS THREAD VANISHED XLIST
    """.split()
)
_COUNT = re.compile(rb"\* [0-9]{1,10} (?:EXISTS|EXPUNGE|RECENT)", re.IGNORECASE)
_FETCH = re.compile(rb"\* [0-9]{1,10} FETCH \(", re.IGNORECASE)
# the prompts of a server, and no challenge: words, not base64
_PROMPT = re.compile(
    rb"\+(?: | [A-Za-z]{1,8}[.!]?| [A-Za-z,.!\'-]+(?: [A-Za-z,.!\'-]+)+)?"
)

# RFC 9051 §7.5.2: items whose values say nothing of what is in a message
_ITEM = re.compile(
    rb"""\ ?(?:
      FLAGS\ \([^()"]*+\) | UID\ [0-9]+ | RFC822\.SIZE\ [0-9]+ | MODSEQ\ \([0-9]+\)
    | INTERNALDATE\ "[0-9A-Za-z :+-]*+" | (?:EMAILID|THREADID)\ (?:\([^()"]*+\)|NIL)
    | X-GM-(?:MSGID|THRID)\ [0-9]+
    | (?:BODY|BINARY)(?:\.SIZE)?\[[^\]"]*+\](?:<[0-9]+>)?
      \ (?:NIL|~?\{[0-9]+\+?\}|[0-9]+)
    | RFC822(?:\.HEADER|\.TEXT)?\ (?:NIL|\{[0-9]+\})
    )""",
    re.IGNORECASE | re.VERBOSE,
)
# of a message's header and structure: a list in parentheses, as tables show it
_LIST_ITEM = re.compile(rb" ?(?:ENVELOPE|BODYSTRUCTURE|BODY) (?=\()", re.IGNORECASE)
_LIST_TOKEN = re.compile(rb'[()]|"(?:[^"\\]|\\.)*+"|[^()"]++', re.DOTALL)


def show_tag(command: bytes) -> str:
    """Return the tag of a command, `***` if it may be something else."""
    tag = command.partition(b" ")[0]
    parsed = grammar.parse_command(command)
    is_known = parsed is not None and grammar.is_known(parsed[1])
    return tag.decode() if is_known and _TAG.fullmatch(tag) else MASK


def show_response(line: bytes, *, is_challenge: bool) -> bytes:
    """Return what may be shown of a response, or of the rest of one.

    Args:
        line: without what its literals hold. The tag of a tagged one is `***`.
        is_challenge: an authentication is in progress, to which `+` belongs.
    """
    if line.startswith(b"* "):
        return _show_untagged(line)
    if line.startswith(b"+"):
        if is_challenge:
            return b"+ " + _MASK if line[1:].strip() else line
        return line if _PROMPT.fullmatch(line) else b"+ " + _MASK
    if _STATUS.fullmatch(line):
        return _MASK + b" " + line.partition(b" ")[2]
    return b"".join(_show_items(line))


def _show_untagged(line: bytes) -> bytes:
    name = line.split(b" ", 2)[1].upper()
    if name == b"ID":
        return b"* ID " + grammar.redact("ID", line[5:])
    if name in _OPEN_NAMES or _COUNT.fullmatch(line):
        return line
    fetch = _FETCH.match(line)
    if fetch is not None:
        return fetch[0] + b"".join(_show_items(line[fetch.end() :]))
    return b"* " + _MASK


def _show_items(text: bytes) -> Iterator[bytes]:
    """Yield items of a FETCH response, up to the first that may be anything."""
    at = 0
    while at < len(text):
        item = _ITEM.match(text, at)
        listed = _LIST_ITEM.match(text, at) if item is None else None
        end = at
        if item is not None:
            end = item.end()
        elif listed is not None:
            end = _end_of_list(text, listed.end())
        if end == at:
            break
        yield text[at:end]
        at = end
    rest = text[at:]
    yield rest if rest in (b"", b")") else _MASK


def _end_of_list(text: bytes, start: int) -> int:
    """Return where a list ends that begins at `start`; at the end if it goes on."""
    depth, at = 0, start
    while (token := _LIST_TOKEN.match(text, at)) is not None:
        at = token.end()
        depth += (token[0] == b"(") - (token[0] == b")")
        if not depth:
            break
    return at
