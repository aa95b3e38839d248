"""The grammar of ManageSieve (RFC 5804 §4), as far as it is needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dissectors.text_protocol import TextLine

MASK = "***"

VERBS = (
    "AUTHENTICATE",
    "CAPABILITY",
    "CHECKSCRIPT",
    "DELETESCRIPT",
    "GETSCRIPT",
    "HAVESPACE",
    "LISTSCRIPTS",
    "LOGOUT",
    "NOOP",
    "PUTSCRIPT",
    "RENAMESCRIPT",
    "SETACTIVE",
    "STARTTLS",
    "UNAUTHENTICATE",
)
# §4: which arguments a command has: names of scripts, numbers, and scripts
_ARGUMENTS = {
    "CAPABILITY": "",
    "CHECKSCRIPT": "s",
    "DELETESCRIPT": "n",
    "GETSCRIPT": "n",
    "HAVESPACE": "n#",
    "LISTSCRIPTS": "",
    "LOGOUT": "",
    "PUTSCRIPT": "ns",
    "RENAMESCRIPT": "nn",
    "SETACTIVE": "n",
    "STARTTLS": "",
    "UNAUTHENTICATE": "",
}
_STATUSES = frozenset({b"OK", b"NO", b"BYE"})

# quoted (§4: only \" and \\ are escaped), the announcement of a literal, an atom
_TOKEN = re.compile(
    rb' *(?:"((?:[^"\\\r\n]|\\.)*)"|(\{[0-9]{1,19}\+?\})|([^\s"{}()]+)|([()]))'
)
_ESCAPED = re.compile(rb"\\(.)")
_ANY_STRING = re.compile(rb'"|\{[0-9]+\+?\}$')


class Token(NamedTuple):
    """A piece of a line.

    Attributes:
        kind: `"` for a string, `a` for an atom or a number, `(` or `)`.
        value: what the string holds; `None` if that is not known.
    """

    kind: str
    value: bytes | None


class Response(NamedTuple):
    """OK, NO or BYE, with what stands behind it (§1.2 and §1.3).

    Attributes:
        code: in upper case, without arguments.
    """

    status: str
    code: str | None
    text: bytes


def tokens(line: TextLine, start: int = 0) -> Iterator[Token]:
    """Split a line from a place on; what is no token comes as an unknown string."""
    literals = iter(line.literals)
    text, end = line.text, len(line.text.rstrip())
    while start < end:
        match = _TOKEN.match(text, start)
        if match is None:
            yield Token('"', None)
            return
        start = match.end()
        quoted, literal, atom, bracket = match.groups()
        if quoted is not None:
            yield Token('"', _ESCAPED.sub(rb"\1", quoted))
        elif literal is not None:
            yield Token('"', next(literals, None))
        elif atom is not None:
            yield Token("a", atom)
        else:
            yield Token(bracket.decode(), bracket)


def parse_verb(text: bytes) -> str | None:
    """Return the command that a line begins with, if it is known."""
    word = text.split(b" ", 1)[0].upper().decode("latin-1")
    return word if word in VERBS else None


def is_string(line: TextLine) -> bool:
    """Return whether a line begins as a string: it is part of a login (§2.1)."""
    return _ANY_STRING.match(line.text) is not None


def parse_arguments(verb: str, line: TextLine) -> list[str] | None:
    """Return the arguments that can be shown: names, numbers, the sizes of scripts.

    `None` if the line is not what the grammar asks for, and may hold anything.
    """
    wanted = _ARGUMENTS.get(verb)
    given = list(tokens(line, len(verb)))
    if wanted is None or len(given) != len(wanted) or not line.is_whole:
        return None
    shown = []
    for kind, token in zip(wanted, given, strict=True):
        if kind == "#":
            if token.kind != "a" or token.value is None or not token.value.isdigit():
                return None
            shown.append(token.value.decode())
        elif token.kind != '"' or (token.value is None and kind == "n"):
            return None
        elif kind == "n" and token.value is not None:
            shown.append('"' + token.value.decode("utf-8", "backslashreplace") + '"')
    return shown


def parse_response(line: TextLine) -> Response | None:
    """Read a response; `None` if the line is data, or nothing known."""
    word = line.text.split(b" ", 1)[0].upper()
    if word not in _STATUSES:
        return None
    code, text, depth = None, b"", 0
    for kind, value in tokens(line, len(word)):
        if kind in "()":
            depth += 1 if kind == "(" else -1
        elif depth and kind == "a" and code is None:
            code = (value or b"").upper().decode("latin-1")
        elif not depth and kind == '"':
            text = value or b""
    return Response(word.decode(), code, text)


def parse_capability(line: TextLine) -> tuple[str, bytes] | None:
    """Read a line that announces a capability (§1.7): its name, and its value."""
    found = list(tokens(line))
    if not 0 < len(found) < 3 or any(kind != '"' for kind, _ in found):
        return None
    name, value = found[0].value, found[1].value if len(found) > 1 else b""
    if not name or value is None:
        return None
    return name.upper().decode("utf-8", "backslashreplace"), value
