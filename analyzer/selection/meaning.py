"""What the parts of a condition mean together, or why they mean nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from analyzer.selection import terms
from analyzer.selection.functions import FUNCTIONS
from analyzer.selection.literals import (
    parse_address,
    parse_interval,
    parse_network,
    parse_time,
)
from analyzer.selection.mistake import Mistake, Span
from analyzer.selection.terms import Kind, Term
from analyzer.text import near_names, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analyzer.selection.words import Word

_PARSERS: dict[Kind, Callable[[str], Any]] = {
    Kind.TIME: parse_time,
    Kind.INTERVAL: parse_interval,
    Kind.ADDRESS: parse_address,
}
_TEXTS = (Kind.TEXT, Kind.ADDRESS)
_SUMS = {
    (Kind.NUMBER, "+", Kind.NUMBER): Kind.NUMBER,
    (Kind.NUMBER, "-", Kind.NUMBER): Kind.NUMBER,
    (Kind.NUMBER, "*", Kind.NUMBER): Kind.NUMBER,
    (Kind.NUMBER, "/", Kind.NUMBER): Kind.NUMBER,
    (Kind.TIME, "+", Kind.INTERVAL): Kind.TIME,
    (Kind.TIME, "-", Kind.INTERVAL): Kind.TIME,
    (Kind.TIME, "-", Kind.TIME): Kind.INTERVAL,
    (Kind.INTERVAL, "+", Kind.INTERVAL): Kind.INTERVAL,
    (Kind.INTERVAL, "-", Kind.INTERVAL): Kind.INTERVAL,
}
# RE2 takes time with each character
_LONGEST_PATTERN = 1000
_WIDEST_TEXT = 40


def flag(term: Term) -> Term:
    """Return a term that is true or false, as it is.

    Raises:
        Mistake: it is neither.
    """
    if term.kind is not Kind.FLAG:
        raise Mistake(
            f"{_name(term)} is {term.kind.value}: compare it with something", term.span
        )
    return term


def compared(sign: str, left: Term, right: Term) -> Term:
    """Return how two terms compare.

    Raises:
        Mistake: they can't be compared.
    """
    for term in (left, right):
        if term.kind.item is not None:
            raise Mistake(
                f"{_name(term)} is {term.kind.value}: write 'x' IN {_name(term)}, or "
                f"{_name(term)} LIKE 'x%' for any of them",
                term.span,
            )
    if left.kind is Kind.FLAG and sign not in ("=", "<>", "!="):
        raise Mistake(f"{_name(left)} is true or false", left.span)
    if left.constant is None:
        right = _fitted(right, left)
    else:
        left = _fitted(left, right)
    return terms.comparison(sign, left, right)


def between(term: Term, low: Term, high: Term) -> Term:
    """Return whether a term is between two others, or one of them.

    Raises:
        Mistake: they can't be compared.
    """
    both = [compared(">=", term, low), compared("<=", term, high)]
    return terms.all_of(both, term.span.until(high.span))


def one_of(term: Term, values: Sequence[Term], span: Span) -> Term:
    """Return whether a term is one of some values that are written out.

    Raises:
        Mistake: they can't be compared.
    """
    if term.kind.item is not None:
        raise Mistake(
            f"{_name(term)} is {term.kind.value}: write 'x' IN {_name(term)}", term.span
        )
    constants = [_fitted(value, term).constant for value in values]
    return terms.among(term, constants, span)


def item_of(item: Term, items: Term) -> Term:
    """Return whether a list has an item.

    Raises:
        Mistake: it is no list, or not of such items.
    """
    kind = items.kind.item
    if kind is None:
        raise Mistake(
            f"{_name(items)} is {items.kind.value}, and no list: write (...) around "
            "values",
            items.span,
        )
    if item.kind is not kind and not {item.kind, kind} <= {*_TEXTS}:
        raise Mistake(
            f"{_name(items)} is {items.kind.value}, and {_name(item)} is "
            f"{item.kind.value}",
            item.span,
        )
    return terms.contains(items, item, item.span.until(items.span))


def like(term: Term, pattern: Word, *, ignore_case: bool) -> Term:
    """Return whether a text, or any of a list of them, is like a pattern.

    Raises:
        Mistake: it is no text, or the pattern is too long.
    """
    if (term.kind.item or term.kind) not in _TEXTS:
        raise Mistake(f"{_name(term)} is {term.kind.value}, and no text", term.span)
    if len(pattern.text) > _LONGEST_PATTERN:
        raise Mistake(
            f"a pattern has at most {_LONGEST_PATTERN:,} characters", pattern.span
        )
    span = term.span.until(pattern.span)
    return terms.like(term, pattern.text, span, ignore_case=ignore_case)


def in_network(term: Term, text: Word) -> Term:
    """Return whether an address is in a network.

    Raises:
        Mistake: it is no address, or there is no such network.
    """
    if term.kind is not Kind.ADDRESS:
        raise Mistake(f"{_name(term)} is {term.kind.value}, no address", term.span)
    try:
        network = parse_network(text.text)
    except ValueError as error:
        raise Mistake(str(error), text.span) from error
    return terms.in_network(term, network, term.span.until(text.span))


def literal(kind: Kind, text: Word) -> Term:
    """Return what a text stands for.

    Raises:
        Mistake: it is none of that kind.
    """
    return _converted(kind, text.text, text.span)


def summed(first: Term, others: Sequence[tuple[str, Term]]) -> Term:
    """Return a sum, or a product.

    Raises:
        Mistake: something is in it with which nothing can be computed.
    """
    kind = first.kind
    for sign, term in others:
        result = _SUMS.get((kind, sign, term.kind))
        if result is None:
            hint = ""
            if kind is Kind.TIME and term.kind is Kind.TEXT:
                hint = f": write INTERVAL {_name(term)}"
            raise Mistake(
                f"{kind.value} {sign} {term.kind.value} means nothing{hint}", term.span
            )
        kind = result
    return terms.sum_of(first, others, kind)


def negative(term: Term, span: Span) -> Term:
    """Return a number with the other sign.

    Raises:
        Mistake: it is none.
    """
    if term.kind is not Kind.NUMBER:
        raise Mistake(f"{_name(term)} is {term.kind.value}, no number", term.span)
    if term.constant is not None:
        return terms.constant(Kind.NUMBER, span, -term.constant)
    return terms.sum_of(terms.constant(Kind.NUMBER, span, 0), [("-", term)], term.kind)


def called(name: Word, arguments: Sequence[Term], span: Span) -> Term:
    """Return what a function makes of some arguments.

    Raises:
        Mistake: there is no such function, or it takes others.
    """
    function = FUNCTIONS.get(name.text.lower())
    if function is None:
        hint = near_names(name.text.lower(), FUNCTIONS) or (
            f": there are {', '.join(FUNCTIONS)}"
        )
        raise Mistake(f"there is no function {name.text}{hint}", name.span)
    if len(arguments) != len(function.takes):
        raise Mistake(f"it is written as {function.example}", span)
    for argument, kinds in zip(arguments, function.takes, strict=True):
        if argument.kind not in kinds:
            raise Mistake(
                f"{_name(argument)} is {argument.kind.value}: the function is written "
                f"as {function.example}",
                argument.span,
            )
    if arguments[0].constant is not None:
        raise Mistake("name a column here", arguments[0].span)
    for argument in arguments[1:]:
        if argument.constant is None:
            raise Mistake("write this out, in single quotes", argument.span)
    return function.call(arguments, span)


def _fitted(term: Term, other: Term) -> Term:
    """Return a term that can be compared with another one: a text may be a time, say.

    Raises:
        Mistake: it can't.
    """
    if isinstance(term.constant, str) and other.kind in _PARSERS:
        return _converted(other.kind, term.constant, term.span)
    if term.kind is not other.kind and not {term.kind, other.kind} <= {*_TEXTS}:
        raise Mistake(
            f"{_name(other)} is {other.kind.value}, and {_name(term)} is "
            f"{term.kind.value}",
            term.span,
        )
    known = other.column.values if other.column is not None else ()
    if known and term.constant is not None and term.constant not in known:
        hint = near_names(term.constant, known) or f": it is {', '.join(known)}"
        raise Mistake(f"{_name(other)} is never {_name(term)}{hint}", term.span)
    return replace(term, kind=other.kind)


def _converted(kind: Kind, text: str, span: Span) -> Term:
    try:
        return terms.constant(kind, span, _PARSERS[kind](text))
    except ValueError as error:
        raise Mistake(str(error), span) from error


def _name(term: Term) -> str:
    if term.column is not None:
        return term.column.name
    if isinstance(term.constant, str):
        return f"'{shorten(term.constant, _WIDEST_TEXT)}'"
    # nobody wrote the nanoseconds that times and intervals are
    is_number = term.kind not in (Kind.TIME, Kind.INTERVAL)
    return str(term.constant) if term.constant is not None and is_number else "this"
