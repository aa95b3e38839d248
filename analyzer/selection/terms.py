"""The parts of a condition: what kind of value each has, and how it is computed.

A term computes a column of Arrow from some rows, or one value for all. Nothing else is
there that a condition could do. Logic is that of SQL: what depends on a value that is
not known (null) isn't known either.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from analyzer.selection.literals import membership

if TYPE_CHECKING:
    from analyzer.selection.literals import Network
    from analyzer.selection.mistake import Span
    from analyzer.tables.schema import Column

# a column, or one value for all rows
Value = Any


class Kind(enum.Enum):
    """What kind of value a term has, in words."""

    TEXT = "a text"
    ADDRESS = "an address"
    NUMBER = "a number"
    TIME = "a time"
    INTERVAL = "an interval"
    FLAG = "true or false"
    TEXTS = "a list of texts"
    NUMBERS = "a list of numbers"

    @property
    def item(self) -> Kind | None:
        """What kind of values a list holds; `None` if it is no list."""
        return {Kind.TEXTS: Kind.TEXT, Kind.NUMBERS: Kind.NUMBER}.get(self)


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a condition.

    Attributes:
        kind: what kind of value it has.
        span: where it stands.
        of: computes it from a batch of rows.
        column: which column it is, if it is one.
        constant: what it is worth, if it is written out; times and intervals in
            nanoseconds.
    """

    kind: Kind
    span: Span
    of: Callable[[pa.RecordBatch], Value]
    column: Column | None = None
    constant: Any = None


def constant(kind: Kind, span: Span, value: Any) -> Term:
    """Return a term that is written out."""
    # made late: Arrow imports pandas for its first value, unless it is told not to
    return Term(kind, span, lambda _: pa.scalar(value), constant=value)


def column_term(column: Column, span: Span) -> Term:
    """Return a term that is a column."""
    kind = _kind_of(column)
    # numbers are computed with as such, and times as nanoseconds
    as_type = {Kind.TIME: pa.int64()}.get(kind)
    if kind is Kind.NUMBER:
        as_type = pa.float64() if pa.types.is_floating(column.type) else pa.int64()

    def value(rows: pa.RecordBatch) -> Value:
        values = rows[column.name]
        return values if as_type is None else values.cast(as_type)

    return Term(kind, span, value, column)


def _kind_of(column: Column) -> Kind:
    kind = column.type
    if pa.types.is_list(kind):
        return Kind.TEXTS if pa.types.is_string(kind.value_type) else Kind.NUMBERS
    if pa.types.is_string(kind):
        return Kind.ADDRESS if column.name.endswith("_ip") else Kind.TEXT
    if pa.types.is_boolean(kind):
        return Kind.FLAG
    return Kind.TIME if pa.types.is_timestamp(kind) else Kind.NUMBER


def all_of(terms: list[Term], span: Span) -> Term:
    """Return whether all of some flags are true."""
    return _joined(compute.and_kleene, terms, span)


def any_of(terms: list[Term], span: Span) -> Term:
    """Return whether any of some flags is true."""
    return _joined(compute.or_kleene, terms, span)


def _joined(join: Any, terms: list[Term], span: Span) -> Term:
    return Term(
        Kind.FLAG,
        span,
        lambda rows: functools.reduce(join, (term.of(rows) for term in terms)),
    )


def negation(term: Term, span: Span) -> Term:
    """Return the opposite of a flag."""
    return Term(Kind.FLAG, span, lambda rows: compute.invert(term.of(rows)))


def is_null(term: Term, span: Span) -> Term:
    """Return whether there is no value."""
    return Term(Kind.FLAG, span, lambda rows: compute.is_null(term.of(rows)))


_COMPARISONS = {
    "=": compute.equal,
    "<>": compute.not_equal,
    "!=": compute.not_equal,
    "<": compute.less,
    "<=": compute.less_equal,
    ">": compute.greater,
    ">=": compute.greater_equal,
}


def comparison(sign: str, left: Term, right: Term) -> Term:
    """Return whether two terms of the same kind compare as a sign says."""
    compare = _COMPARISONS[sign]
    return Term(
        Kind.FLAG,
        left.span.until(right.span),
        lambda rows: compare(*_alike(left.of(rows), right.of(rows))),
    )


def _alike(left: Value, right: Value) -> tuple[Value, Value]:
    """Return numbers as those of one type: Arrow refuses to round large ones."""
    if left.type == right.type or not pa.types.is_floating(left.type) ^ (
        pa.types.is_floating(right.type)
    ):
        return left, right
    return _as_float(left), _as_float(right)


def _as_float(value: Value) -> Value:
    return compute.cast(value, pa.float64(), safe=False)


def among(term: Term, values: list[Any], span: Span) -> Term:
    """Return whether a term is one of some values."""

    def is_among(rows: pa.RecordBatch) -> Value:
        found, known = term.of(rows), pa.array(values)
        if pa.types.is_floating(found.type) or pa.types.is_floating(known.type):
            found, known = _as_float(found), _as_float(known)
        is_in = compute.is_in(found, value_set=known)
        return compute.if_else(compute.is_valid(found), is_in, None)

    return Term(Kind.FLAG, span, is_among)


def in_network(term: Term, network: Network, span: Span) -> Term:
    """Return whether an address is in a network."""
    is_inside = membership(network)

    def is_in(rows: pa.RecordBatch) -> Value:
        coded = term.of(rows).dictionary_encode()
        flags = [is_inside(address) for address in coded.dictionary.to_pylist()]
        return pa.array(flags, pa.bool_()).take(coded.indices)

    return Term(Kind.FLAG, span, is_in)


def like(term: Term, pattern: str, span: Span, *, ignore_case: bool) -> Term:
    """Return whether a text, or any of a list, is like a pattern of SQL."""

    def is_like(rows: pa.RecordBatch) -> Value:
        found = term.of(rows)
        if term.kind.item is None:
            return compute.match_like(found, pattern, ignore_case=ignore_case)
        items = compute.list_flatten(found)
        return _any_item(
            found, compute.match_like(items, pattern, ignore_case=ignore_case)
        )

    return Term(Kind.FLAG, span, is_like)


def contains(items: Term, item: Term, span: Span) -> Term:
    """Return whether a list has an item."""

    def has_item(rows: pa.RecordBatch) -> Value:
        lists, wanted = items.of(rows), item.of(rows)
        flat = compute.list_flatten(lists)
        if isinstance(wanted, pa.Scalar):
            return _any_item(lists, compute.equal(*_alike(flat, wanted)))
        of_items = wanted.take(compute.list_parent_indices(lists))
        has = _any_item(lists, compute.equal(*_alike(flat, of_items)))
        return compute.if_else(compute.is_valid(wanted), has, None)

    return Term(Kind.FLAG, span, has_item)


def _any_item(lists: pa.Array, flags: pa.Array) -> pa.Array:
    """Return of each list whether the flag of any of its items is true."""
    found = compute.fill_null(flags, fill_value=False)
    has_any = np.zeros(len(lists), bool)
    has_any[compute.list_parent_indices(lists).filter(found).to_numpy()] = True
    return compute.if_else(compute.is_valid(lists), pa.array(has_any), None)


def sum_of(first: Term, others: Sequence[tuple[str, Term]], kind: Kind) -> Term:
    """Return a sum, or a product, of numbers; or one of times and intervals.

    Args:
        first: what it begins with.
        others: what follows, each with its sign.
        kind: of the result.
    """
    span = first.span.until(others[-1][1].span)

    def value(rows: pa.RecordBatch) -> Value:
        number = _as_float if kind is Kind.NUMBER else lambda value: value
        result = number(first.of(rows))
        for sign, term in others:
            result = _ARITHMETIC[sign](result, number(term.of(rows)))
        return result

    return Term(kind, span, value)


def _divide(left: Value, right: Value) -> Value:
    # as in SQL
    known = compute.if_else(compute.equal(right, 0.0), None, right)
    return compute.divide(left, known)


_ARITHMETIC = {
    "+": compute.add,
    "-": compute.subtract,
    "*": compute.multiply,
    "/": _divide,
}
