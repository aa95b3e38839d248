"""Sliding windows over the times of what sources did, for all sources at once.

Nothing here depends on how many sources there are, or how what they do is spread over
them: the cost is that of sorting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analyzer.tables.columns import nanoseconds, number

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    Flags = npt.NDArray[np.bool_]
    Numbers = npt.NDArray[np.int64]

_NS_PER_US = 1000
_US_PER_S = 1_000_000
# so that the times of ten million events, each a window apart, can be told
_LONGEST_US = 2**62 // 10**7


class Windows:
    """For each of some events the window that ends with it.

    Args:
        times: of the events, in any order; null is taken for 1970.
        seconds: how long a window is, both ends included.
        of: columns that are the same for events of one source.
    """

    def __init__(
        self, times: pd.Series[Any], seconds: float, *of: pd.Series[Any] | Numbers
    ) -> None:
        window = int(min(max(seconds, 0) * _US_PER_S, _LONGEST_US))
        stamps = nanoseconds(times).to_numpy() // _NS_PER_US
        sources = number(*of)
        self._order = np.lexsort((stamps, sources))
        stamps, self._sources = stamps[self._order], sources[self._order]
        # One line for all sources. Between two of them, or after a long silence, there
        # is a window and a bit more: no window reaches across.
        steps = np.minimum(np.diff(stamps, prepend=stamps[:1]), window + 1)
        steps[np.diff(self._sources, prepend=self._sources[:1]) != 0] = window + 1
        line = np.cumsum(steps)
        self._first = np.searchsorted(line, line - window, "left")
        self._beyond = np.searchsorted(line, line + window, "right")

    def count(self, chosen: Flags | None = None) -> Numbers:
        """Count the events, or those that are chosen, in the window of each event."""
        weights = np.ones(len(self._order), np.int64)
        if chosen is not None:
            weights = chosen[self._order].astype(np.int64)
        before = np.concatenate(([0], np.cumsum(weights)))
        return self._restore(before[1:] - before[self._first])

    def count_distinct(
        self, *values: pd.Series[Any] | Numbers, chosen: Flags | None = None
    ) -> Numbers:
        """Count the different values of events in the window of each event.

        Args:
            values: columns; those that are alike in all of them are counted once.
            chosen: the events that count, if not all do.
        """
        codes = number(*values)[self._order]
        places = np.arange(len(codes))
        if chosen is not None:
            places = places[chosen[self._order]]
        # An event stands for its value in each window that reaches to it, until the
        # same value comes again.
        ends = self._beyond.copy()
        by_value = places[np.lexsort((places, codes[places], self._sources[places]))]
        same = (np.diff(codes[by_value]) == 0) & (np.diff(self._sources[by_value]) == 0)
        earlier, later = by_value[:-1][same], by_value[1:][same]
        ends[earlier] = np.minimum(ends[earlier], later)
        changes = np.bincount(places, minlength=len(codes) + 1)
        changes -= np.bincount(ends[places], minlength=len(codes) + 1)
        return self._restore(np.cumsum(changes)[:-1])

    def reach(self, full: Flags) -> Flags:
        """Return which events are in any of some windows.

        Args:
            full: whether the window that ends with an event is one of them.
        """
        ends = np.flatnonzero(full[self._order])
        changes = np.bincount(self._first[ends], minlength=len(full) + 1)
        changes -= np.bincount(ends + 1, minlength=len(full) + 1)
        return self._restore(np.cumsum(changes)[:-1]) > 0

    def _restore(self, values: Numbers) -> Numbers:
        """Bring values into the order in which the events were given."""
        restored = np.empty_like(values)
        restored[self._order] = values
        return restored
