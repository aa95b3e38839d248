"""A condition as words: names, numbers, texts and signs."""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

from analyzer.selection.mistake import Mistake, Span

# in characters: a list of some thousand addresses
_MAX_LENGTH = 100_000


class Sort(enum.Enum):
    """What a word is."""

    NAME = "name"
    NUMBER = "number"
    TEXT = "text"
    SIGN = "sign"
    END = "end"


class Word(NamedTuple):
    """A word.

    Attributes:
        sort: what it is.
        text: a name or sign as it stands there, what a text says, or a number.
        span: where it stands.
    """

    sort: Sort
    text: str
    span: Span

    @property
    def keyword(self) -> str:
        """The name in upper case, or the sign; nothing for texts and numbers."""
        return self.text.upper() if self.sort in (Sort.NAME, Sort.SIGN) else ""


_WORD = re.compile(
    r"(?P<NAME>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<NUMBER>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|'(?P<TEXT>(?:[^']|'')*)'"
    r"|(?P<SIGN><<=|<=|>=|<>|!=|[-+*/=<>(),])"
)
_BLANK = re.compile(r"\s*")
# what other languages write, and is refused
_INSTEAD = {
    "==": "write =",
    "--": "a condition has no comments",
    "/*": "a condition has no comments",
    '"': "texts stand in single quotes: 'like this'",
    "&": "write AND",
    "|": "write OR",
    "~": "write LIKE, with % for any characters",
    ";": "conditions are joined by AND or OR",
}
_TOO_LONG = f"a condition has at most {_MAX_LENGTH:,} characters"
_UNENDED = "this text has no end: a single quote is missing"
_NO_WORD = "this means nothing in a condition"


def split_words(condition: str) -> list[Word]:
    """Split a condition into words; the last one is its end.

    Raises:
        Mistake: it is too long, or holds what is no word.
    """
    if len(condition) > _MAX_LENGTH:
        raise Mistake(_TOO_LONG, Span(_MAX_LENGTH, len(condition)))
    words: list[Word] = []
    at = _skip_blanks(condition, 0)
    while at < len(condition):
        for sign, reason in _INSTEAD.items():
            if condition.startswith(sign, at):
                raise Mistake(reason, Span(at, at + len(sign)))
        match = _WORD.match(condition, at)
        if match is None:
            raise _unknown(condition, at)
        sort = Sort[str(match.lastgroup)]
        text = match[sort.name]
        if sort is Sort.TEXT:
            text = text.replace("''", "'")
        words.append(Word(sort, text, Span(at, match.end())))
        at = _skip_blanks(condition, match.end())
    words.append(Word(Sort.END, "", Span(len(condition), len(condition))))
    return words


def _skip_blanks(condition: str, at: int) -> int:
    blank = _BLANK.match(condition, at)
    return blank.end() if blank else at


def _unknown(condition: str, at: int) -> Mistake:
    if condition[at] == "'":
        return Mistake(_UNENDED, Span(at, len(condition)))
    return Mistake(_NO_WORD, Span(at, at + 1))
