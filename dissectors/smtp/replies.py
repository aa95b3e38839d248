"""Replies of one or more lines (RFC 5321 §4.2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from dissectors.conversation.lines import decode_text
from dissectors.smtp.grammar import parse_enhanced_code, parse_reply_line

if TYPE_CHECKING:
    from dissectors.events import Exchange

# what an empty line costs in memory
_LINE_OVERHEAD = 32


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """A reply.

    Attributes:
        lines: the texts of its lines, without the code.
        complete: it was seen up to its last line.
        too_long: it had more lines than are kept.
    """

    code: int
    lines: list[bytes]
    complete: bool = True
    too_long: bool = False

    @property
    def is_positive(self) -> bool:
        """RFC 5321 §4.2.1: a positive completion reply."""
        return 200 <= self.code < 300

    def describe(self, exchange: Exchange, limit: int) -> None:
        """Fill in the codes and the text of all lines."""
        exchange.reply_code = self.code
        lines = self.lines
        exchange.enhanced_status_code = parse_enhanced_code(lines[0])
        text = lines[0] if len(lines) == 1 else b"\n".join(lines)
        exchange.reply_text = decode_text(text, limit)


class ReplyReader:
    """Puts the lines of a reply together; keeps no more than `limit` bytes."""

    __slots__ = ("_code", "_kept", "_limit", "_lines")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._code = 0
        self._kept = 0
        self._lines: list[bytes] = []

    @property
    def is_open(self) -> bool:
        """A reply has begun and goes on."""
        return bool(self._lines)

    def add(self, code: int, text: bytes, *, is_last: bool) -> SmtpReply | None:
        """Take a line; return the reply if this was its last."""
        if is_last and not self._lines:
            return SmtpReply(code, [text])
        self._code = code
        self._kept += len(text) + _LINE_OVERHEAD
        if self._kept <= self._limit or not self._lines:
            self._lines.append(text)
        return self.flush(complete=True) if is_last else None

    def flush(self, *, complete: bool = False) -> SmtpReply | None:
        """Return what there is of a reply that will not go on."""
        if not self._lines:
            return None
        too_long = self._kept > self._limit and len(self._lines) > 1
        reply = SmtpReply(self._code, self._lines, complete, too_long)
        self._lines, self._kept = [], 0
        return reply


# servers say the same to every client; the caller sees to it that it is short
@lru_cache(maxsize=256)
def parse_reply(data: bytes, limit: int) -> SmtpReply | None:
    """Read a reply; `None` if this is not just that, to its last CRLF."""
    reader = ReplyReader(limit)
    reply = None
    *lines, rest = data.split(b"\r\n")
    for line in lines:
        parsed = parse_reply_line(line)
        if parsed is None or reply is not None or b"\n" in line:
            return None
        code, is_last, text = parsed
        reply = reader.add(code, text, is_last=is_last)
    return None if rest else reply
