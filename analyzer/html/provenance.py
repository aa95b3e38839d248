"""From what the page was made, when, and how."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from analyzer import __version__
from analyzer.terminal.format import TIME_FORMAT
from analyzer.text import pluralize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# in a title, and in the list at the end
_FEW_NAMES = 3
_MAX_NAMES = 50


@dataclass(frozen=True, slots=True)
class Making:
    """When a page was made, and how.

    Attributes:
        time: when.
        options: what was asked for, in words.
    """

    time: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    options: Sequence[str] = ()

    @property
    def lines(self) -> list[str]:
        """What the end of the page says."""
        made = f"mailtap {__version__}, {self.time:{TIME_FORMAT}} UTC"
        return [made, *self.options]


class CaptureNames(dict[str, str]):
    """What captures are called, without their folders, which are nobody's business."""

    def __missing__(self, capture: str) -> str:
        # tables name captures that are not among those that were given
        return _name(capture)


def capture_names(captures: Sequence[str]) -> CaptureNames:
    """Name captures; those that would have the same name are numbered."""
    seen: Counter[str] = Counter()
    names = CaptureNames()
    for capture in dict.fromkeys(captures):
        name = _name(capture)
        seen[name] += 1
        names[capture] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return names


def _name(capture: str) -> str:
    return "standard input" if capture == "-" else PurePath(capture).name or capture


def source(names: Mapping[str, str]) -> str:
    """Say in a title what was read."""
    if len(names) > _FEW_NAMES:
        return pluralize(len(names), "capture")
    return ", ".join(names.values())


def listed(names: Mapping[str, str]) -> list[str]:
    """List what was read."""
    shown = [*names.values()][:_MAX_NAMES]
    left_out = len(names) - len(shown)
    return [*shown, *([f"and {pluralize(left_out, 'more capture')}"] * bool(left_out))]
