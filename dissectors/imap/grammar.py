"""Parse functions for the productions that matter (RFC 9051 §9, RFC 3501 §9).

They work on the text of a command or response in which each literal is left as
its `{n}`; what a literal held is given beside the text. They are stricter than
the field only where a secret could slip into what is kept: an argument that may
hold one is kept as far as it was understood.

Every expression here is linear in its subject.
"""

from __future__ import annotations

import functools
import re

from dissectors.caching import cache_short
from dissectors.credentials.names import MASK, read_name
from dissectors.credentials.urls import mask_urls
from dissectors.limits import KIB

# tag = 1*<any ASTRING-CHAR except "+">; command names are atoms. More than one
# blank between them is not allowed, but servers accept it.
_COMMAND = re.compile(
    rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]{1,64}) +"
    rb"((?:UID +)?[A-Z][A-Z0-9._-]{0,31})(?: +(.*))?",
    re.IGNORECASE | re.DOTALL,
)

# astring = 1*ASTRING-CHAR / string. Atoms are taken wider than the grammar has
# them: `DOMAIN\user` and UTF-8 come unquoted.
_ASTRING = re.compile(
    rb'("(?:[^"\\]|\\.)*+")|([^"(){\x00-\x20\x7f][^"\x00-\x20\x7f]*)|~?\{\d+[+-]?\}',
    re.DOTALL,
)

# login = "LOGIN" SP userid SP password; passwords come unquoted, whatever is in them
_LOGIN = re.compile(
    rb'("(?:[^"\\]|\\.)*+"|[^"(){\x00-\x20\x7f][^"\x00-\x20\x7f]*+|~?\{\d+[+-]?\}) +'
    rb'(?:"(?:[^"\\]|\\.)*+"|[^"\x00-\x20\x7f][^\x00-\x20\x7f]*+)',
    re.DOTALL,
)

# nstring = string / nil. An unclosed string ends with the text, or the search
# would try each of its quotes again.
_NSTRING = re.compile(
    rb'"(?:[^"\\]|\\.?)*+"?|~?\{\d+[+-]?\}|NIL', re.DOTALL | re.IGNORECASE
)

# id-params-list = "(" [string SP nstring *(SP string SP nstring)] ")" (RFC 2971 §4)
_ID_STRING = rb'"(?:[^"\\]|\\.)*+"|~?\{\d+[+-]?\}'
_ID_FIELD = re.compile(
    rb" *+(%b) ++(%b|NIL)(?=[ )])" % (_ID_STRING, _ID_STRING), re.DOTALL | re.IGNORECASE
)

# uniqueid / (uniqueid ":" uniqueid), inside a sequence-set
_UID_RANGE = re.compile(rb"(\d{1,10})(?::(\d{1,10}))?(?:,|$)")
_MAX_MESSAGES = 2**32 - 1

# What a response begins with; the numbers keep out a message's bullet lists
_RESPONSE = re.compile(
    rb"\* (?:\d{1,10} (?:EXISTS|EXPUNGE|RECENT)$|\d{1,10} FETCH \("
    rb"|(?:OK|NO|BAD|BYE) |(?:CAPABILITY IMAP|FLAGS \(|LIST \(|LSUB \(|ID \()"
    rb"|(?:SEARCH|SORT)(?: \d|$))",
    re.IGNORECASE,
)
_TAGGED = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]{1,64} (?:OK|NO|BAD) ")

# Response codes that a greeting may have; others mean an older session
_GREETING_CODES = (b"[CAPABILITY", b"[ALERT", b"[REFERRAL", b"[UNAVAILABLE")

_MASK = MASK.encode()

# Commands whose arguments hold no secret: RFC 9051 and 3501 §6, and extensions.
# URLFETCH and GENURLAUTH (RFC 4467) are missing on purpose, as their URLs grant
# access; so is whatever is not known, for nobody knows what it carries.
_OPEN_COMMAND = re.compile(
    r"""CAPABILITY | NOOP | LOGOUT | STARTTLS | COMPRESS | ID | IDLE
    | ENABLE | NAMESPACE | LIST | LSUB | STATUS | APPEND | UNAUTHENTICATE | NOTIFY
    | SELECT | EXAMINE | CREATE | DELETE | RENAME | SUBSCRIBE | UNSUBSCRIBE
    | CHECK | CLOSE | UNSELECT | (?:UID\ )?(?:EXPUNGE | SEARCH | FETCH | STORE | COPY
    | MOVE | SORT | THREAD | REPLACE) | ESEARCH | CANCELUPDATE
    | [GS]ETACL | DELETEACL | LISTRIGHTS | MYRIGHTS
    | [GS]ETQUOTA | GETQUOTAROOT | GETANNOTATION | GETMETADATA
    | XLIST | RLIST | RLSUB
    """,
    re.VERBOSE,
)
_SECRET_COMMANDS = frozenset(
    {
        *("AUTHENTICATE", "GENURLAUTH", "LOGIN", "RESETKEY", "URLFETCH"),
        *("COMPARATOR", "CONVERSIONS", "CONVERT", "GETJMAPACCESS", "LANGUAGE"),
        *("SETANNOTATION", "SETMETADATA", "UID CONVERT", "XAPPLEPUSHSERVICE"),
    }
)

# A lone CR, a tab or a NUL is in no argument (RFC 9051 §9: TEXT-CHAR, QUOTED-CHAR)
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_NOTHING = re.compile(rb"")
_ANY = re.compile(rb".*", re.DOTALL)
_MAILBOX = rb'(?:"(?:[^"\\]|\\.)*+"|[^"(){ ][^" ]*+|~?\{\d+[+-]?\})'
_SEQUENCE = re.compile(rb"[0-9:*,$]+(?: .*)?", re.DOTALL)
_ONE_MAILBOX = re.compile(_MAILBOX + rb"(?: \(.*\))?", re.DOTALL)
# What follows a verb, where the grammar allows no free text
_FORMS = {
    **dict.fromkeys(("CAPABILITY", "CHECK", "CLOSE", "IDLE", "LOGOUT"), _NOTHING),
    **dict.fromkeys(("NAMESPACE", "NOOP", "STARTTLS", "UNAUTHENTICATE"), _NOTHING),
    "UNSELECT": _NOTHING,
    **dict.fromkeys(("COPY", "FETCH", "MOVE", "REPLACE", "STORE"), _SEQUENCE),
    "EXPUNGE": re.compile(rb"[0-9:*,$]*"),
    **dict.fromkeys(("CREATE", "DELETE", "EXAMINE", "SELECT", "STATUS"), _ONE_MAILBOX),
    **dict.fromkeys(("GETACL", "GETQUOTAROOT", "MYRIGHTS"), _ONE_MAILBOX),
    **dict.fromkeys(("SUBSCRIBE", "UNSUBSCRIBE"), _ONE_MAILBOX),
    "RENAME": re.compile(_MAILBOX + rb" +" + _MAILBOX, re.DOTALL),
    "COMPRESS": re.compile(rb"DEFLATE", re.IGNORECASE),
    "ENABLE": re.compile(rb"[A-Z0-9=+./ -]+", re.IGNORECASE),
}

# RFC 2971 §3.3 without `arguments` and `environment`; and of Dovecot, Apple and others
_ID_FIELDS = frozenset(
    b"""
    name version os os-version vendor support-url address date command
    aguid build device device-type guid host-name model os-build platform
    release revision x-connected-ip x-connected-name x-connected-port
    x-originating-ip x-originating-port x-proxy-ttl x-session-ext-id x-session-id
    """.split()
)


@functools.lru_cache(maxsize=256)
def is_open(verb: str) -> bool:
    """Return whether a verb, in upper case, is that of arguments that may be shown."""
    return _OPEN_COMMAND.fullmatch(verb) is not None


def is_known(verb: str) -> bool:
    """Return whether a verb, in upper case, is a command and not a word by chance."""
    return is_open(verb) or verb in _SECRET_COMMANDS


def parse_command(line: bytes) -> tuple[bytes, str, bytes] | None:
    """Split a command (tag SP ...) into tag, upper-case verb, and the rest."""
    match = _COMMAND.fullmatch(line)
    if match is None:
        return None
    tag, verb, argument = match.groups()
    name = verb.decode().upper()
    if " " in name:
        name = " ".join(name.split())
    return tag, name, argument or b""


# A login without a tag, or with other blanks than the grammar has
_UNTIDY_LOGIN = re.compile(
    rb"[\x00-\x20]*+(?:([^\x00-\x20]{1,64}+)[\x00-\x20]++)?"
    rb"(?=LOGIN|AUTHENTICATE)([A-Z]+)[\x00-\x20]++(.*)",
    re.IGNORECASE | re.DOTALL,
)


def parse_untidy_login(line: bytes) -> tuple[bytes, str, bytes] | None:
    """Split a login that is no command, as `parse_command` does with commands."""
    match = _UNTIDY_LOGIN.fullmatch(line)
    if match is None or match[2].upper() not in (b"LOGIN", b"AUTHENTICATE"):
        return None
    return match[1] or match[2], match[2].decode().upper(), match[3]


def is_surely_command(line: bytes) -> bool:
    """Return whether a command can hardly be some line of a message.

    Clients number their tags, or write the command in capitals.
    """
    tag, _, rest = line.partition(b" ")
    return any(byte in b"0123456789" for byte in tag) or rest[:4].strip().isupper()


def parse_astring(text: bytes, literal: bytes | None) -> bytes | None:
    """Return the astring that `text` begins with, if its value is known.

    Args:
        text: begins with the astring.
        literal: what that held if it is a literal.
    """
    match = _ASTRING.match(text)
    if match is None:
        return None
    quoted, atom = match.groups()
    if quoted is not None:
        return unquote(quoted)
    return literal if atom is None else bytes(atom)


# mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil)
# SP mailbox
_LISTED = re.compile(rb'\([^)]*\) (?:"(?:[^"\\]|\\.)?"|NIL) (?=.)', re.IGNORECASE)


def parse_listed(mailbox_list: bytes) -> bytes | None:
    """Return the mailbox that a LIST response names; `None` if it can't be told."""
    match = _LISTED.match(mailbox_list)
    return parse_astring(mailbox_list[match.end() :], None) if match else None


def parse_login(argument: bytes, literal: bytes | None) -> str | None:
    """Return the userid of LOGIN's argument, if that is well formed.

    Args:
        argument: all that follows the verb.
        literal: what the userid held if it is a literal.
    """
    match = _LOGIN.fullmatch(argument)
    if match is None:
        return None
    user = parse_astring(match[1], literal)
    return read_name(user, blanks=False)


@cache_short
def parse_announced(capability_data: bytes) -> tuple[frozenset[str], frozenset[str]]:
    """Read the names of capabilities, in upper case, and the SASL mechanisms."""
    text = capability_data[: 64 * KIB].decode("ascii", "replace").upper()
    names = frozenset(text.split(" "))
    mechanisms = (name for name in names if name.startswith("AUTH="))
    return names, frozenset(name[5:] for name in mechanisms)


def has_password(login: bytes) -> bool:
    """Return whether the argument of LOGIN holds more than a userid."""
    userid = _ASTRING.match(login)
    if userid is None:
        return bool(login)
    return b":" in userid[0] or bool(login[userid.end() :].strip())


def parse_id(text: bytes, limit: int) -> dict[bytes, bytes]:
    """Return the fields of an id-params-list (RFC 2971 §3.3), names in lower case.

    Args:
        text: the list.
        limit: how many fields are read.
    """
    strings = [
        unquote(token) if token.startswith(b'"') else None
        for token in _NSTRING.findall(text)[: 2 * limit]
    ]
    return {
        name.lower(): value
        for name, value in zip(strings[::2], strings[1::2], strict=False)
        if name and value
    }


def count_uids(uid_set: bytes) -> int:
    """Count the messages in known-uids (RFC 7162 §3.2.10)."""
    count = 0
    for match in _UID_RANGE.finditer(uid_set):
        first = int(match[1])
        last = int(match[2]) if match[2] else first
        count += abs(last - first) + 1
    return min(count, _MAX_MESSAGES)


# resp-text-code = atom [SP 1*<any TEXT-CHAR except "]">]
_RESPONSE_CODE = re.compile(rb"\[([A-Za-z0-9!#$&'+,./:;<=>?@^_`|~-]{1,64})")


def parse_response_code(text: bytes) -> str | None:
    """Return the name of the response code that a resp-text begins with."""
    match = _RESPONSE_CODE.match(text) if text.startswith(b"[") else None
    return mask_urls(match[1].decode()).upper() if match else None


def count_copied(text: bytes) -> int:
    """Count the messages that `[COPYUID validity source destination]` names."""
    words = text.partition(b"]")[0].split()
    return count_uids(words[2]) if len(words) > 2 else 0


def redact(verb: str, argument: bytes) -> bytes:
    """Return an argument without the secrets that it may hold."""
    if not argument:
        return argument
    if is_open(verb):
        return _redact_open(verb, argument)
    if verb == "LOGIN":
        match = _LOGIN.fullmatch(argument)
        if match is not None and read_name(match[1], blanks=False) is not None:
            return match[1] + b" " + _MASK
    return _MASK


def _redact_open(verb: str, argument: bytes) -> bytes:
    form = _FORMS.get(verb.removeprefix("UID "), _ANY)
    if _CONTROL.search(argument) or not form.fullmatch(argument):
        return _MASK
    if verb == "ID":
        return _redact_id(argument)
    if b"://" in argument or b"=" in argument:
        return mask_urls(argument.decode("latin-1")).encode("latin-1")
    return argument


def _redact_id(argument: bytes) -> bytes:
    """Leave out the fields of ID (RFC 2971 §3.3) that nobody registered."""
    if argument.upper() == b"NIL":
        return argument
    shown: list[bytes] = []
    place = int(argument.startswith(b"("))
    while (field := _ID_FIELD.match(argument, place)) is not None:
        is_known = unquote(field[1]).lower() in _ID_FIELDS
        shown += [field[1], field[2]] if is_known else [_MASK, _MASK]
        place = field.end()
    if argument[place:].strip() != b")":
        # no list of fields any more
        shown.append(_MASK)
    if _MASK not in shown:
        return argument
    return b"(" + b" ".join(shown) + b")"


def unquote(quoted: bytes) -> bytes:
    """Return what a quoted string holds; its closing quote may be missing."""
    text = quoted[1:-1] if len(quoted) > 1 and quoted.endswith(b'"') else quoted[1:]
    # quoted-specials come behind a backslash, the backslash itself too
    return b"\\".join(part.replace(b"\\", b"") for part in text.split(b"\\\\"))


def begins_response(line: bytes) -> bool:
    """Return whether a line surely is a response, and not some line of a message."""
    return _RESPONSE.match(line) is not None


def begins_tagged_response(line: bytes) -> bool:
    """Return whether a line may be a response-tagged (tag SP resp-cond-state)."""
    return _TAGGED.match(line) is not None


def may_greet(text: bytes) -> bool:
    """Return whether a status text may be a greeting's, not an older session's."""
    return not text.startswith(b"[") or text.upper().startswith(_GREETING_CODES)
