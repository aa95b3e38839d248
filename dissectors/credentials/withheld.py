"""What a client said that is not shown, so that nobody else's words show it.

Servers repeat what they don't understand: `BAD Error in IMAP command HUNTER2`. What
was masked in a session is remembered until the connection ends, nowhere but here, and
masked wherever the server repeats it: in any case, in base64 wherever it begins
(RFC 4648 §4), and what is inside the base64 that the client sent.

Memory is bounded: what crossed in a login is kept, or else nothing that the server
says is shown any more; of other unreadable lines the last are kept. The cost is
linear in what the server says, for each of a bounded number of words.
"""

from __future__ import annotations

import binascii
import re
from string import punctuation
from typing import TYPE_CHECKING

from dissectors.credentials.names import MASK
from dissectors.events import (
    Anomaly,
    CapabilitiesAnnounced,
    Exchange,
    ExtensionUsed,
    GreetingReceived,
    LoginOffered,
    Side,
    SoftwareIdentified,
)
from dissectors.limits import DEFAULT_LIMITS, KIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dissectors.events import Event

# characters that are kept of logins, and of other lines
_MAX_OF_LOGINS = 4 * KIB
_MAX_OF_LINES = 2 * KIB
# of one line, and of one word of it; a word that is longer ends at the next blank
_MAX_OF_LINE = KIB
_MAX_OF_WORD = 32
_MAX_WORDS = 24
# words are found in other words if they have as many letters, base64 as many digits
_SHORTEST_INSIDE = 4
_SHORTEST_BASE64 = 6

# what words end with, also where the bytes are no UTF-8
_BLANKS = re.compile(r"(?:[\s\x00-\x20]|\\x(?:[89][0-9a-f]|a0|ad))+")
_BETWEEN_PARTS = re.compile(r"[\"'()<>\[\]{},;:=|&?]+")
# a verb, or what a gap left of it, and something else than a blank behind it
_AFTER_VERB = re.compile(r"[A-Za-z]{0,8}[\W_]+(.+)")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}")
# RFC 4648 §5
_OF_URLS = bytes.maketrans(b"-_", b"+/")


class Withheld:
    """The words of one connection that must not be shown.

    Attributes:
        withholds_all: nothing more of what the server says is shown.
    """

    __slots__ = ("_of_lines", "_of_logins", "withholds_all")

    def __init__(self) -> None:
        # spellings in lower case, a line each: fewer objects than a list
        self._of_logins = ""
        self._of_lines = ""
        self.withholds_all = False

    def __bool__(self) -> bool:
        return bool(self._of_logins or self._of_lines or self.withholds_all)

    def add_line(self, line: bytes, shown: Iterable[str] = ()) -> None:
        """Remember what nobody can read, for as long as few others come.

        Args:
            line: as it was sent.
            shown: words in it that are shown.
        """
        names = frozenset(map(_fold, shown))
        spellings = _spell(line, names, _SHORTEST_INSIDE)
        self._of_lines = _append(self._of_lines, spellings)
        excess = len(self._of_lines) - _MAX_OF_LINES
        if excess > 0:
            self._of_lines = self._of_lines[self._of_lines.find("\n", excess) + 1 :]

    def add_login(self, line: bytes, shown: Iterable[str | None] = ()) -> None:
        """Remember what crossed in a login.

        Args:
            line: as it was sent, perhaps in base64.
            shown: the names in it that are shown.
        """
        if self.withholds_all:
            return
        names = frozenset(_fold(name) for name in shown if name)
        self._of_logins = _append(self._of_logins, _spell(line, names, 1))
        if len(line) > _MAX_OF_LINE:
            # in base64, groups of four begin with the first of these, too
            tail = line.rstrip()[-_MAX_OF_LINE:]
            self._of_logins = _append(self._of_logins, _spell(tail, names, 1))
        if len(self._of_logins) > _MAX_OF_LOGINS or len(line.split()) > _MAX_WORDS:
            self.withhold_all()

    def withhold_all(self) -> None:
        """Show nothing more of what the server says."""
        self._of_logins = self._of_lines = ""
        self.withholds_all = True

    def mask(self, text: str) -> str:
        """Mask what must not be shown in what the server said."""
        if not text:
            return text
        if self.withholds_all:
            return MASK
        folded = _fold(text)
        spellings = f"{self._of_logins}\n{self._of_lines}".split("\n")
        spans = [
            span
            for spelling in spellings
            if spelling and spelling in folded
            for span in _find(folded, spelling)
        ]
        if _may_be_cut(text):
            spans += _find_cut(folded, spellings)
        return _cut_out(text, spans) if spans else text

    def _mask_all(self, texts: list[str]) -> list[str]:
        """Mask each text; hardly any list has one that holds something."""
        together = "\n".join(texts)
        if not _may_be_cut(together) and self.mask(together) == together:
            return texts
        return [self.mask(text) for text in texts]

    def mask_event(self, event: Event) -> None:
        """Mask what the server said in an event."""
        if isinstance(event, SoftwareIdentified) and event.side is Side.CLIENT:
            return
        for name in _SERVERS_WORDS.get(type(event), ()):
            said = getattr(event, name)
            if isinstance(said, str):
                setattr(event, name, self.mask(said))
            elif said:
                setattr(event, name, self._mask_all(said))


# in which attributes of events the server's words are
_SERVERS_WORDS: dict[type, tuple[str, ...]] = {
    Anomaly: ("detail",),
    CapabilitiesAnnounced: ("capabilities",),
    Exchange: ("reply_text", "response_code"),
    ExtensionUsed: ("name",),
    GreetingReceived: ("text", "software"),
    LoginOffered: ("mechanisms",),
    SoftwareIdentified: ("name", "fields"),
}


def _fold(text: str) -> str:
    """Take a text to lower case without changing its length."""
    if text.isascii():
        return text.lower()
    return "".join(
        low if len(low := letter.lower()) == 1 else letter for letter in text
    )


def _append(kept: str, spellings: Iterator[str]) -> str:
    known = kept.split("\n")
    return "\n".join(dict.fromkeys([*known, *spellings]))


def _spell(line: bytes, names: frozenset[str], shortest: int) -> Iterator[str]:
    """Return the spellings of what is in a line, in lower case."""
    line = line[:_MAX_OF_LINE]
    text = line.decode("utf-8", "backslashreplace").strip()
    words = _words(text)
    inner = [word for digits in _BASE64.findall(line) for word in _inside(digits)]
    if len(words) > 1:
        # of several words, it is not known that each is a secret
        shortest = _SHORTEST_INSIDE
    pieces = dict.fromkeys((text, *words, *inner))
    for word in (*words, *inner):
        pieces |= dict.fromkeys(_parts(word))
    for piece in list(pieces)[: 8 * _MAX_WORDS]:
        folded = _fold(piece)
        if len(piece) < shortest or folded in names or "\n" in folded:
            continue
        yield folded[:_MAX_OF_WORD]
        if len(piece) >= _SHORTEST_INSIDE:
            yield from _in_base64(piece[:_MAX_OF_WORD].encode("utf-8", "replace"))


def _words(text: str) -> list[str]:
    return [word for word in _BLANKS.split(text, _MAX_WORDS) if word]


def _parts(word: str) -> Iterator[str]:
    """Return what is in quotes, brackets, `name=value` and `user:password@host`.

    Also without other punctuation around it.
    """
    if "\\" in word:
        yield word.strip('"').replace('\\"', '"').replace("\\\\", "\\")
    if word.isalnum():
        return
    parts = _BETWEEN_PARTS.split(word)
    after_verb = _AFTER_VERB.match(word)
    if after_verb is not None:
        yield after_verb[1]
        parts += _BETWEEN_PARTS.split(after_verb[1])
    for part in parts:
        # what stands around it may be no part of it
        for text in (part, part.strip(punctuation)):
            if len(text) >= _SHORTEST_INSIDE:
                yield text
        if "@" in part:
            yield part.partition("@")[0]


def _inside(digits: bytes) -> Iterator[str]:
    """Return the words in base64, also without padding or with the letters of URLs.

    What precedes it may look like base64, too.
    """
    for start in range(4):
        raw = binascii.a2b_base64(_padded(digits[start:].translate(_OF_URLS)))
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("latin-1") if not start else ""
        words = _words(text)
        yield from words if not start else filter(_is_long, words)


def _is_long(word: str) -> bool:
    return len(word) >= _SHORTEST_INSIDE


def _padded(digits: bytes) -> bytes:
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return digits + b"=" * (-len(digits) % 4)


def _in_base64(raw: bytes) -> Iterator[str]:
    """Return base64 that holds some bytes, wherever in a group of three they begin."""
    for before in range(3):
        encoded = binascii.b2a_base64(b"." * before + raw, newline=False).decode()
        whole = len(encoded.rstrip("=")) - bool((before + len(raw)) % 3)
        inside = encoded[(0, 2, 3)[before] : whole].lower()
        if len(inside) >= _SHORTEST_BASE64:
            yield inside


def _find(folded: str, spelling: str) -> Iterator[tuple[int, int]]:
    """Find a spelling in a text; a short one only as a word of its own."""
    start = folded.find(spelling)
    while start >= 0:
        end = start + len(spelling)
        if len(spelling) >= _MAX_OF_WORD:
            blank = _BLANKS.search(folded, end)
            end = blank.start() if blank else len(folded)
        alone = not (
            folded[start - 1 : start].isalnum() or folded[end : end + 1].isalnum()
        )
        if alone or len(spelling) >= _SHORTEST_INSIDE:
            yield start, end
        start = folded.find(spelling, end)


def _may_be_cut(text: str) -> bool:
    most = DEFAULT_LIMITS.kept_text
    # no character takes more than four bytes
    return len(text) >= most // 4 and len(text.encode(errors="replace")) >= most


def _find_cut(folded: str, spellings: list[str]) -> Iterator[tuple[int, int]]:
    """Find where the end of a text that was cut may begin a spelling."""
    for spelling in spellings:
        for length in range(len(spelling) - 1, _SHORTEST_INSIDE - 1, -1):
            if folded.endswith(spelling[:length]):
                yield len(folded) - length, len(folded)
                break


def _cut_out(text: str, spans: list[tuple[int, int]]) -> str:
    shown, place = "", 0
    for start, end in sorted(spans):
        if start >= place:
            shown += text[place:start] + MASK
        place = max(place, end)
    return shown + text[place:]
