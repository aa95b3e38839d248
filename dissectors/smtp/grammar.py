"""The grammar of SMTP commands and replies (RFC 5321 §4.1 and §4.2).

Lenient where the field is: addresses without brackets, blanks around the colon,
verbs in any case. Every function takes one line and is linear in its length.
"""

from __future__ import annotations

import re

from dissectors.conversation import decode_text, remember_short
from dissectors.dialogue import parse_verb

# RFC 5321 §4.1.1, RFC 3030, 3207, 4954, 1985, 2645, 2033, 821 (SEND, SOML, SAML,
# TURN), RFC 4468 (BURL), Postfix (XCLIENT, XFORWARD), Exchange (X-..., XEXCH50)
_RFC_VERBS = (
    "ATRN AUTH BDAT BURL DATA EHLO ETRN EXPN HELO HELP LHLO MAIL NOOP QUIT RCPT RSET "
    "SAML SEND SOML STARTTLS TURN VRFY"
)
_VENDOR_VERBS = "XCLIENT XEXCH50 XFORWARD X-ANONYMOUSTLS X-EXPS X-LINK2STATE"
VERBS = frozenset(f"{_RFC_VERBS} {_VENDOR_VERBS}".split())
_VERB_OF = {verb.encode(): verb for verb in VERBS}


def parse_command(line: bytes) -> tuple[str | None, bytes]:
    """Split a command line.

    Returns:
        The verb in upper case, or `None` if none can be made out; the argument.
    """
    # RFC 5321 §4.1.1.1: trailing white space is tolerated
    line = line.strip()
    word, _, argument = line.partition(b" ")
    verb = parse_verb(word, _VERB_OF)
    if verb is None and b"\t" in word:
        word, _, argument = line.partition(b"\t")
        verb = parse_verb(word, _VERB_OF)
    return verb, argument.lstrip() if verb is not None else b""


# Reverse-path = Path / "<>"; quoted local parts may hold blanks and brackets
_PATH = re.compile(rb'<((?:"(?:\\.|[^"\\])*+"|[^">])*+)>', re.DOTALL)
_KEYWORD = re.compile(rb"(?:FROM|TO)\b[ \t]*:?[ \t]*|:[ \t]*", re.IGNORECASE)


def parse_path(argument: bytes) -> bytes:
    """Find the address in the argument of MAIL or RCPT, without its brackets.

    A source route stays part of it. Without brackets it is the first word.
    """
    keyword = _KEYWORD.match(argument)
    path = argument[keyword.end() :] if keyword else argument
    bracket = path.find(b"<")
    if bracket < 0:
        return path.split(None, 1)[0] if path.strip() else b""
    match = _PATH.match(path, bracket)
    if match is not None:
        return match[1].strip()
    # an unbalanced quote or bracket
    return path[bracket + 1 :].partition(b">")[0].strip()


# RFC 3030 §2: bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ] CR LF; a size of
# more digits than a 64-bit number has is refused by servers
_BDAT = re.compile(rb"(\d{1,19})(?:[ \t]+(LAST))?\Z", re.IGNORECASE)


def parse_bdat(argument: bytes) -> tuple[int, bool] | None:
    """Read the chunk size of BDAT, and whether it is the last chunk."""
    match = _BDAT.match(argument.rstrip())
    return (int(match[1]), match[2] is not None) if match else None


# RFC 5321 §4.2: Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code
# [ SP textstring ] CRLF; Reply-code = %x32-35 %x30-35 %x30-39, and what is close
_REPLY_STARTS = {
    b"%d%s" % (code, separator): (code, separator != b"-")
    for code in range(200, 600)
    for separator in (b"-", b" ", b"")
}


def parse_reply_line(line: bytes) -> tuple[int, bool, bytes] | None:
    """Read a line of a reply.

    Returns:
        The code, whether the line is the reply's last, and its text.
    """
    start = _REPLY_STARTS.get(line[:4])
    return None if start is None else (*start, line[4:])


@remember_short
def parse_capabilities(raw: bytes, limit: int, item_limit: int) -> tuple[str, ...]:
    """Read the keywords of an EHLO reply.

    Args:
        raw: the lines' texts, the first of which is the domain.
        limit: how many bytes to read.
        item_limit: how many keywords to return.
    """
    capabilities = []
    for line in decode_text(raw, limit).split("\n")[1:]:
        # RFC 5321 §4.1.1.1: ehlo-line = ehlo-keyword *( SP ehlo-param )
        keyword, blank, parameters = line.strip().partition(" ")
        if keyword:
            capabilities.append(f"{keyword.upper()}{blank}{parameters}")
    return tuple(capabilities[:item_limit])
