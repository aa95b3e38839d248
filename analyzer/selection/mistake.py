"""What is wrong with a choice; of a condition also where."""

from __future__ import annotations

from typing import NamedTuple

from analyzer.text import as_line

# of the condition, so much is shown, so that a narrow terminal has room for it; half of
# it before the place
_SHOWN = 70
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


class Span(NamedTuple):
    """Where something stands in a condition: the first character, and the next."""

    start: int
    end: int

    def until(self, other: Span) -> Span:
        """Return the place from the beginning of this to the end of another one."""
        return Span(self.start, other.end)


class Mistake(Exception):
    """Something is wrong with a part of a condition."""

    def __init__(self, reason: str, span: Span) -> None:
        self.reason = reason
        self.span = span
        super().__init__(reason)


class FindingChoiceError(LookupError):
    """No finding is meant, or several, or the rule failed; the text says which."""


class ConditionError(ValueError):
    """A condition means nothing; its text says why, and points at the place.

    Attributes:
        reason: what is wrong.
        pointer: the part of the condition around it, and carets below; safe to print.
    """

    def __init__(self, condition: str, mistake: Mistake) -> None:
        self.reason = as_line(mistake.reason)
        self.pointer = _point_at(condition, mistake.span)
        super().__init__("\n".join([self.reason, *self.pointer]))


def _point_at(condition: str, span: Span) -> tuple[str, str]:
    from rich.cells import cell_len

    first = max(0, span.start - _SHOWN // 2)
    end = min(len(condition), first + _SHOWN)
    last = min(span.end, end)
    before = as_line(condition[first : span.start])
    wrong = as_line(condition[span.start : last])
    behind = as_line(condition[last:end])
    if first:
        before = _ELLIPSIS + before
    if end < len(condition):
        behind += _ELLIPSIS
    carets = "^" * max(1, cell_len(wrong))
    return before + wrong + behind, " " * cell_len(before) + carets
