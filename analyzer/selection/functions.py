"""The functions that a condition may call: they look at a value, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import compute

from analyzer.selection.terms import Kind, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from analyzer.selection.mistake import Span

_TEXT = (Kind.TEXT, Kind.ADDRESS)
_HAS_LENGTH = (Kind.TEXT, Kind.ADDRESS, Kind.TEXTS, Kind.NUMBERS)


@dataclass(frozen=True, slots=True)
class Function:
    """A function.

    Attributes:
        example: how it is written.
        takes: for each argument the kinds that it may have.
        kind: of what it returns.
        compute: computes it; a `pattern` behind the first one is written out.
    """

    example: str
    takes: tuple[tuple[Kind, ...], ...]
    kind: Kind
    compute: Callable[..., Any]

    def call(self, arguments: Sequence[Term], span: Span) -> Term:
        """Return the term that it makes of some arguments."""
        first, *others = arguments
        patterns = [other.constant for other in others]
        return Term(
            self.kind, span, lambda rows: self.compute(first.of(rows), *patterns)
        )


def _length(value: Any) -> Any:
    count = (
        compute.list_value_length
        if pa.types.is_list(value.type)
        else compute.utf8_length
    )
    return compute.cast(count(value), pa.int64())


def _hour(time_ns: Any) -> Any:
    hour = compute.hour(compute.cast(time_ns, pa.timestamp("ns")))
    return compute.cast(hour, pa.int64())


FUNCTIONS: Mapping[str, Function] = {
    "lower": Function(
        "lower(auth_user)",
        (_TEXT,),
        Kind.TEXT,
        compute.utf8_lower,
    ),
    "upper": Function(
        "upper(slowest_verb)",
        (_TEXT,),
        Kind.TEXT,
        compute.utf8_upper,
    ),
    "length": Function(
        "length(rcpt_to)",
        (_HAS_LENGTH,),
        Kind.NUMBER,
        _length,
    ),
    "contains": Function(
        "contains(banner, 'Exim')",
        (_TEXT, _TEXT),
        Kind.FLAG,
        compute.match_substring,
    ),
    "starts_with": Function(
        "starts_with(tls_sni, 'mail.')",
        (_TEXT, _TEXT),
        Kind.FLAG,
        compute.starts_with,
    ),
    "ends_with": Function(
        "ends_with(helo, '.example.com')",
        (_TEXT, _TEXT),
        Kind.FLAG,
        compute.ends_with,
    ),
    "hour": Function(
        "hour(start)",
        ((Kind.TIME,),),
        Kind.NUMBER,
        _hour,
    ),
}
