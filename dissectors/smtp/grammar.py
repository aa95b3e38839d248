"""The grammar of SMTP commands and replies (RFC 5321 §4.1 and §4.2).

Lenient where the field is: addresses without brackets, blanks around the colon,
verbs in any case. Every function takes one line and is linear in its length.
"""

from __future__ import annotations

import re
from functools import lru_cache

from dissectors.caching import cache_short
from dissectors.conversation.capabilities import read_capability
from dissectors.conversation.commands import parse_verb
from dissectors.conversation.lines import decode_text, split_words

# RFC 5321 §4.1.1, RFC 3030, 3207, 4954, 1985, 2645, 2033, 821 (SEND, SOML, SAML,
# TURN), RFC 4468 (BURL), Postfix (XCLIENT, XFORWARD), Exchange (X-..., XEXCH50)
_RFC_VERBS = (
    "ATRN AUTH BDAT BURL DATA EHLO ETRN EXPN HELO HELP LHLO MAIL NOOP QUIT RCPT RSET "
    "SAML SEND SOML STARTTLS TURN VRFY"
)
_VENDOR_VERBS = "XCLIENT XEXCH50 XFORWARD X-ANONYMOUSTLS X-EXPS X-LINK2STATE"
VERBS = frozenset(f"{_RFC_VERBS} {_VENDOR_VERBS}".split())
# the extensions that commands prove, where the server accepts them
EXTENSION_VERBS = {
    "ATRN": "ATRN",
    "AUTH": "AUTH",
    "BDAT": "CHUNKING",
    "BURL": "BURL",
    "ETRN": "ETRN",
    "EXPN": "EXPN",
    "STARTTLS": "STARTTLS",
    "VRFY": "VRFY",
    "X-ANONYMOUSTLS": "X-ANONYMOUSTLS",
    "X-EXPS": "X-EXPS",
    "XCLIENT": "XCLIENT",
    "XEXCH50": "XEXCH50",
    "XFORWARD": "XFORWARD",
}
# how a message is smuggled: a lone dot between other line ends than CRLF, and behind it
# what hardly any text begins a line with
SMUGGLED = re.compile(
    rb"(?:\r?\n|\A)\.\r?\n"
    rb"(?:MAIL FROM:|RCPT TO:|(?:EHLO|HELO|LHLO) [^\s]|BDAT [0-9]|(?:DATA|RSET)\r?\n)",
    re.IGNORECASE,
)
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


# A line that can hardly be text: verbs are in one case, and what must follow does.
# Of MAIL and RCPT the beginning is enough.
_SURE_COMMAND = re.compile(
    rb"(?:EHLO|HELO|LHLO|VRFY|EXPN|ETRN|ATRN) \S+\s*\Z|(?:MAIL FROM|RCPT TO):\s*<"
    rb"|(?:DATA|QUIT|RSET|NOOP|HELP|STARTTLS|TURN|X-ANONYMOUSTLS)\s*\Z"
    rb"|BDAT \d+(?: LAST)?\s*\Z|(?:XCLIENT|XFORWARD) [A-Z]+="
    rb"|(?:AUTH|X-EXPS) (?:PLAIN|LOGIN|CRAM-MD5|DIGEST-MD5|SCRAM-[A-Z0-9-]+|NTLM|GSSAPI"
    rb"|EXTERNAL|XOAUTH2|OAUTHBEARER)(?: \S*)?\s*\Z",
    re.IGNORECASE,
)


def is_surely_command(line: bytes) -> bool:
    """Return whether a line, or its beginning, can hardly be one of a message."""
    word = line[:4]
    return _SURE_COMMAND.match(line) is not None and (word.isupper() or word.islower())


# Reverse-path = Path / "<>"; quoted local parts may hold blanks and brackets
_PATH = re.compile(rb'<((?:"(?:\\.|[^"\\])*+"|[^">])*+)>', re.DOTALL)
_KEYWORD = re.compile(rb"(?:FROM|TO)\b[ \t]*:?[ \t]*|:[ \t]*", re.IGNORECASE)


def parse_path(argument: bytes) -> tuple[bytes, bytes]:
    """Split the argument of MAIL or RCPT: address without brackets, parameters.

    A source route stays part of the address. Without brackets it is the first word.
    """
    keyword = _KEYWORD.match(argument)
    path = argument[keyword.end() :] if keyword else argument
    bracket = path.find(b"<")
    if bracket < 0:
        words = path.split(None, 1)
        return (words[0], b"".join(words[1:])) if words else (b"", b"")
    match = _PATH.match(path, bracket)
    if match is not None:
        return match[1].strip(), path[match.end() :].strip()
    # an unbalanced quote or bracket
    address, _, parameters = path[bracket + 1 :].partition(b">")
    return address.strip(), parameters.strip()


# RFC 5321 §4.1.2: esmtp-param = esmtp-keyword ["=" esmtp-value]
_PARAMETER = re.compile(rb"([A-Za-z0-9][A-Za-z0-9-]*+)(=.*+)?", re.DOTALL)
# more than one command has
_MAX_PARAMETERS = 32

# the extension that a parameter of MAIL or RCPT belongs to, where its name differs
_EXTENSION_OF = {
    "BODY": "8BITMIME",
    "BY": "DELIVERBY",
    "ENVID": "DSN",
    "HOLDFOR": "FUTURERELEASE",
    "HOLDUNTIL": "FUTURERELEASE",
    "NOTIFY": "DSN",
    "ORCPT": "DSN",
    "RET": "DSN",
}


def parse_parameters(text: bytes, limit: int) -> list[str]:
    """Read what stands behind the path of MAIL or RCPT, as `KEYWORD=value`."""
    parameters = []
    for word in text[:limit].split()[:_MAX_PARAMETERS]:
        match = _PARAMETER.fullmatch(word)
        if match is not None:
            value = decode_text(match[2], limit) if match[2] else ""
            parameters.append(match[1].decode().upper() + value)
    return parameters


def extension_of(parameter: str) -> str:
    """Return the extension that a parameter belongs to."""
    keyword, _, value = parameter.partition("=")
    if keyword == "BODY" and value.upper() == "BINARYMIME":
        return "BINARYMIME"
    return _EXTENSION_OF.get(keyword, keyword)


# RFC 3030 §2: bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ] CR LF; a size of
# more digits than a 64-bit number has is refused by servers
_BDAT = re.compile(rb"(\d{1,19})(?:[ \t]+(LAST))?\Z", re.IGNORECASE)


def parse_bdat(argument: bytes) -> tuple[int, bool] | None:
    """Read the chunk size of BDAT, and whether it is the last chunk."""
    match = _BDAT.match(argument.rstrip())
    return (int(match[1]), match[2] is not None) if match else None


# Microsoft Exchange: XEXCH50 SP size SP owner; so many octets follow a 354
_XEXCH50 = re.compile(rb"(\d{1,9})\b")


def parse_xexch50(argument: bytes) -> int | None:
    """Read how many octets XEXCH50 announces."""
    match = _XEXCH50.match(argument)
    return int(match[1]) if match else None


def parse_burl(argument: bytes) -> bool:
    """Return whether BURL (RFC 4468 §3) ends the message; its URL grants access."""
    return argument.upper().split()[1:] == [b"LAST"]


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


# RFC 3463 §2: status-code = class "." subject "." detail
_ENHANCED_CODE = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?![^ \r\n])")


def parse_enhanced_code(text: bytes) -> str | None:
    """Read the enhanced status code that a text begins with (RFC 2034 §4)."""
    match = _ENHANCED_CODE.match(text) if text[1:2] == b"." else None
    return match[0].decode() if match else None


@cache_short
def parse_capabilities(raw: bytes, limit: int, item_limit: int) -> tuple[str, ...]:
    """Read the keywords of an EHLO reply.

    Args:
        raw: the lines' texts, the first of which is the domain.
        limit: how many bytes to read.
        item_limit: how many keywords to return.
    """
    lines = raw[:limit].split(b"\n")[1:]
    capabilities = (read_capability(line, limit) for line in lines)
    return tuple(filter(None, capabilities))[:item_limit]


@lru_cache(maxsize=256)
def login_mechanisms(capabilities: tuple[str, ...]) -> tuple[str, ...]:
    """Read the mechanisms of AUTH (RFC 4954 §3), also after `AUTH=` of old servers."""
    mechanisms: dict[str, None] = {}
    for capability in capabilities:
        if capability.startswith(("AUTH ", "AUTH=")):
            mechanisms |= dict.fromkeys(split_words(capability[5:].upper()))
    return tuple(mechanisms)
