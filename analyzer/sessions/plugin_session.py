"""Sessions of protocols that plug-ins add, whose dissectors may say anything."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from analyzer.sessions.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dissectors.events import Event

# RFC 5321 §4.2: the only numbers that are codes
_MAX_CODE = 999
# times and frame IDs fill a column's 64 bits; a million of any others can be added up
_MAX_INT64 = 2**63 - 1
_MAX_COUNT = 2**42


class PluginSession(Session):
    """Takes only events whose values are of the types that they declare.

    Tables can't hold others, which would not be found out before they are made.
    """

    __slots__ = ()

    def fold(self, new_events: Iterable[Event]) -> None:
        """Take events, in the order they happened.

        Raises:
            TypeError: one holds something else than it should; it is not taken.
        """
        for event in new_events:
            if type(event) in self._FOLD and not _fits(event, type(event)):
                raise TypeError(f"a value of {type(event).__name__} can't be stored")
            super().fold((event,))


def _fits(value: Any, kind: Any, limit: int = _MAX_COUNT) -> bool:
    """Return whether a value is of an annotated type, and no larger number."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_fits(value, argument, limit) for argument in arguments)
    if origin is not None and not isinstance(value, list | tuple):
        return False
    if origin is tuple:
        return len(value) == len(arguments) and all(map(_fits, value, arguments))
    if origin is not None:
        return all(_fits(item, arguments[0]) for item in value)
    return isinstance(value, kind) and _holds(value, kind, limit)


def _holds(value: Any, kind: type, limit: int) -> bool:
    """Return whether a table can hold a value of the right type."""
    if is_dataclass(kind):
        return all(_fits(getattr(value, name), *rest) for name, *rest in _fields(kind))
    if kind is str:
        return _is_text(value)
    return kind is not int or (not isinstance(value, bool) and -1 <= value <= limit)


def _is_text(value: str) -> bool:
    """Return whether it is without lone surrogates, which no file holds."""
    return value.isascii() or not any(
        "\ud800" <= character <= "\udfff" for character in value
    )


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any, int], ...]:
    """Return name, type and limit of each field of an event."""
    types = get_type_hints(kind)
    return tuple(
        (field.name, types[field.name], _limit(field.name)) for field in fields(kind)
    )


def _limit(name: str) -> int:
    if name.endswith("code"):
        return _MAX_CODE
    return _MAX_INT64 if name.endswith(("_ns", "frame")) else _MAX_COUNT
