"""The grammar of POP3 commands and responses (RFC 1939 §3, RFC 2449 §4)."""

from __future__ import annotations

import re

from dissectors.caching import cache_short
from dissectors.conversation.capabilities import read_capability
from dissectors.conversation.commands import parse_verb
from dissectors.conversation.forwarding import show_attribute
from dissectors.conversation.lines import split_words
from dissectors.credentials.names import MASK, read_name

_VERBS = (
    "APOP AUTH CAPA DELE LANG LAST LIST NOOP PASS QUIT RETR RPOP RSET STAT STLS TOP "
    "UIDL USER UTF8 XAUTH XCLIENT XSENDER XTND"
)
VERBS = frozenset(_VERBS.split())
_VERB_OF = {verb.encode(): verb for verb in VERBS}

# RFC 1939 §3: the status indicators; servers must send them in upper case
_STATUS = re.compile(rb"(\+OK|-ERR)(?![A-Za-z0-9])[ \t]*", re.IGNORECASE)
STATUS_BYTES = 5
_PLUS = 0x2B

# RFC 2449 §8: resp-code = "[" resp-level *("/" resp-level) "]"
_RESPONSE_CODE = re.compile(rb"\[([A-Za-z0-9./-]{1,64})\]")
# RFC 1939 §5: the drop listing of STAT: the count, and the size in octets
_DROP_LISTING = re.compile(rb"(\d{1,10}) (\d{1,19})(?!\d)")
# RFC 1939 §7: a greeting that offers APOP has a timestamp, a msg-id of RFC 822
_TIMESTAMP = re.compile(rb"<[^<>\s]++>")

# the extensions that commands prove, where the server accepts them
EXTENSION_VERBS = {
    "AUTH": "SASL",
    "LANG": "LANG",
    "STLS": "STLS",
    "TOP": "TOP",
    "UIDL": "UIDL",
    "UTF8": "UTF8",
    "XCLIENT": "XCLIENT",
}


def parse_command(line: bytes) -> tuple[str | None, bytes]:
    """Split a command line into verb, in upper case, and argument.

    The argument keeps its blanks, which may be part of a password.
    """
    word, _, argument = line.lstrip().replace(b"\t", b" ", 1).partition(b" ")
    return parse_verb(word, _VERB_OF), argument


# RFC 1939 §7: APOP name digest, which is MD5 in hex
_APOP = re.compile(rb"([^\x00-\x20]+) ([0-9a-f]{32})")

# what is behind the other verbs, if anything (RFC 1939 §5 and §7, RFC 6856 §3)
_NUMBER = rb"[0-9]{1,10}"
_ARGUMENTS = {
    "DELE": re.compile(_NUMBER),
    "LANG": re.compile(rb"[A-Za-z0-9*-]{1,35}"),
    "LIST": re.compile(_NUMBER),
    "RETR": re.compile(_NUMBER),
    "TOP": re.compile(_NUMBER + rb" +" + _NUMBER),
    "UIDL": re.compile(_NUMBER),
    "UTF8": re.compile(rb"USER", re.IGNORECASE),
}


def parse_apop(argument: bytes) -> str | None:
    """Read the name in the argument of APOP, if that is well formed."""
    match = _APOP.fullmatch(argument)
    return read_name(match[1], blanks=False) if match else None


def show_argument(verb: str, argument: bytes) -> str:
    """Return an argument if it is well formed, `***` if it may be a secret."""
    if verb == "USER":
        return read_name(argument, blanks=False) or MASK
    if verb == "XCLIENT":
        words = argument.decode("utf-8", "backslashreplace").split(" ")
        return " ".join(map(show_attribute, words))
    form = _ARGUMENTS.get(verb)
    return argument.decode() if form and form.fullmatch(argument) else MASK


def parse_status(line: bytes) -> tuple[str, bytes] | None:
    """Split a status line into the indicator and the text behind it."""
    match = _STATUS.match(line)
    if match is None:
        return None
    return "+OK" if line[0] == _PLUS else "-ERR", line[match.end() :]


def show_response(line: bytes) -> bytes | None:
    """Return what may be shown of a line of the server; `None` if it may be anything.

    RFC 5034 §4: behind a lone plus is a challenge.
    """
    if line[:2] in (b"+", b"+ "):
        return b"+ ***" if line[2:] else line
    return line if parse_status(line) is not None else None


@cache_short
def parse_capabilities(raw: bytes, line_limit: int, text_limit: int) -> tuple[str, ...]:
    """Read the lines of a CAPA response.

    Args:
        raw: the lines behind the status line.
        line_limit: how many of them to read.
        text_limit: how many bytes of each to keep.
    """
    lines = raw.splitlines()[:line_limit]
    capabilities = (read_capability(line, text_limit) for line in lines)
    return tuple(filter(None, capabilities))


def parse_response_code(text: bytes) -> str | None:
    """Read the response code that the text of a status line begins with."""
    match = _RESPONSE_CODE.match(text) if text.startswith(b"[") else None
    return match[1].decode().upper() if match else None


def parse_drop_listing(text: bytes) -> tuple[int, int] | None:
    """Read count and octets of a maildrop in the response to STAT."""
    match = _DROP_LISTING.match(text)
    return (int(match[1]), int(match[2])) if match else None


def has_timestamp(text: bytes) -> bool:
    """Return whether a greeting offers APOP."""
    return _TIMESTAMP.search(text) is not None


def parse_mechanisms(capabilities: tuple[str, ...]) -> list[str]:
    """Return the ways to log in that CAPA announces (RFC 2449 §6.2 and §6.3)."""
    mechanisms: dict[str, None] = {}
    for capability in capabilities:
        tag, _, parameters = capability.partition(" ")
        if tag == "SASL":
            mechanisms |= dict.fromkeys(split_words(parameters.upper()))
        elif tag == "USER":
            mechanisms[tag] = None
    return list(mechanisms)


def has_multi_line_response(verb: str, *, has_argument: bool) -> bool:
    """Return whether lines follow a positive response to a command."""
    if verb in ("CAPA", "RETR", "TOP"):
        return True
    # RFC 1939 §5 and §7, RFC 5034 §4, RFC 6856 §3.2: a listing of all
    return verb in ("LIST", "UIDL", "AUTH", "LANG") and not has_argument
