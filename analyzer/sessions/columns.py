"""Says which columns of a table the values of a row are for.

Rows are tuples, since millions of them are made. A function that makes a row, or a
group of values that are next to each other in one, names the columns above them:

    @columns("client_packets", "server_packets")
    def _packets(connection: Connection) -> Row:
        return connection.flows[0].packets, connection.flows[1].packets

Names cost nothing when rows are made. That they are those of the schema, and that
there are as many values, is tested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Row = tuple[Any, ...]
_Group = TypeVar("_Group", bound="Callable[..., Row]")

GROUPS: dict[Callable[..., Row], tuple[str, ...]] = {}
"""The columns that each function makes values for."""


def columns(*names: str) -> Callable[[_Group], _Group]:
    """Name the columns of the values that a function returns, in order."""

    def record(group: _Group) -> _Group:
        GROUPS[group] = names
        return group

    return record


def columns_of(*groups: Callable[..., Row]) -> tuple[str, ...]:
    """Return the columns of some functions, one after the other."""
    return tuple(name for group in groups for name in GROUPS[group])


def nulls_of(group: Callable[..., Row]) -> Row:
    """Return a group's values where there is nothing to tell: all null."""
    return (None,) * len(GROUPS[group])
