"""What a table of the page is, and how its rows are counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from analyzer.tables.results import Results


@dataclass(frozen=True, slots=True)
class Live:
    """How the script counts the rows of a table anew, for chosen sessions.

    Attributes:
        by: columns of the page's sessions: a row for each of their values, which is
            also what it filters by; of lists, each of their items counts.
        cells: of each column of the table, how it is counted, and of which columns:
            `by` (what it is), `count`, `sum`, `max`, `any`, `first`, `names` (the
            first of several), `count-of` (sessions with a value), `but` (any of the
            first, and none of the second). Those that are missing are in `by`.
        only: values that some columns must have; "" for any.
            What they must have of `count-of` may be "", too.
        order: of the values of the first column in `by`; what is not in it comes first.
        sort: the column of the table by which rows are sorted that are the same in
            that; after "-" from most to least. Rows that have none of it are left out.
    """

    by: Sequence[str]
    cells: Mapping[str, Sequence[str]] = field(
        default_factory=lambda: {"sessions": ("count",)}
    )
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    order: Sequence[str] = ()
    sort: str = "-sessions"


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table of the page.

    Attributes:
        name: its name in the page.
        title: its title.
        report: what it shows, of an analysis of which some sessions are attacks.
        headings: the columns that it shows, and what they are called.
        empty: what to say if there are no rows; nothing if it is then left out.
        by: columns of the report by whose values its rows filter, and what these are
            called among the page's sessions.
        live: how it is counted anew; `None` if it is always that of all sessions.
    """

    name: str
    title: str
    report: Callable[[Results, npt.NDArray[np.bool_]], pd.DataFrame]
    headings: Mapping[str, str]
    empty: str = ""
    by: Mapping[str, str] = field(default_factory=dict)
    live: Live | None = None
