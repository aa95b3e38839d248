"""The grammar of conditions, which is that of SQL's WHERE without all that does more.

    condition  = all *("OR" all)
    all        = not *("AND" not)
    not        = *"NOT" relation
    relation   = sum [sign sum / ["NOT"] test / "IS" ["NOT"] "NULL"]
    sign       = "=" / "<>" / "!=" / "<" / "<=" / ">" / ">="
    test       = "IN" "(" literal *("," literal) ")" / "IN" column
               / "BETWEEN" sum "AND" sum / ("LIKE" / "ILIKE" / "<<=") text
    sum        = product *(("+" / "-") product)
    product    = value *(("*" / "/") value)
    value      = *"-" (literal / column / function / "(" condition ")")
    literal    = ["-"] number / text / "TRUE" / "FALSE" / "INTERVAL" text
    function   = name "(" sum *("," sum) ")"

Names and keywords are the same in upper and lower case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from analyzer.selection import meaning, terms
from analyzer.selection.mistake import Mistake, Span
from analyzer.selection.terms import Kind, Term
from analyzer.selection.words import Sort, Word, split_words
from analyzer.tables.schema import WRITTEN
from analyzer.text import near_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from analyzer.tables.schema import Column

# parentheses in parentheses: the stack is always large enough
_MAX_DEPTH = 40
# each value is computed for all rows
_MAX_VALUES = 2000
_MAX_INTEGER = 2**63
_SIGNS = frozenset(("=", "<>", "!=", "<", "<=", ">", ">="))
_TESTS = frozenset(("IN", "BETWEEN", "LIKE", "ILIKE", "<<="))
_KEYWORDS = _TESTS | {"AND", "OR", "NOT", "IS", "NULL", "TRUE", "FALSE", "INTERVAL"}

_Parsed = TypeVar("_Parsed")


class Parser:
    """Parses a condition.

    Args:
        condition: what it says.
        columns: those that it may name.

    Attributes:
        used: the columns that it names.

    Raises:
        Mistake: it holds what is no word.
    """

    def __init__(self, condition: str, columns: Iterable[Column]) -> None:
        self._words = split_words(condition)
        self._at = 0
        self._depth = 0
        self._values = 0
        self._columns = {column.name: column for column in columns}
        self.used: set[str] = set()

    def whole(self) -> Term:
        """Return the term that says for each row whether it is chosen.

        Raises:
            Mistake: it means nothing.
        """
        term = meaning.flag(self._condition())
        if self._word.sort is not Sort.END:
            raise Mistake("AND or OR is missing before this", self._word.span)
        return term

    @property
    def _word(self) -> Word:
        return self._words[self._at]

    def _next(self) -> Word:
        word = self._word
        self._at += 1
        return word

    def _take(self, *keywords: str) -> Word | None:
        """Go on if one of some keywords or signs comes next."""
        return self._next() if self._word.keyword in keywords else None

    def _expect(self, keyword: str) -> Word:
        word = self._take(keyword)
        if word is None:
            raise Mistake(f"{keyword} is missing here", self._word.span)
        return word

    def _condition(self) -> Term:
        return self._joined("OR", self._all, terms.any_of)

    def _all(self) -> Term:
        return self._joined("AND", self._not, terms.all_of)

    def _joined(
        self,
        keyword: str,
        part: Callable[[], Term],
        join: Callable[[list[Term], Span], Term],
    ) -> Term:
        parts = [part()]
        while self._take(keyword):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        flags = [meaning.flag(each) for each in parts]
        return join(flags, flags[0].span.until(flags[-1].span))

    def _not(self) -> Term:
        first, count = self._word, 0
        while self._take("NOT"):
            count += 1
        term = self._relation()
        if not count:
            return term
        flag, span = meaning.flag(term), first.span.until(term.span)
        return terms.negation(flag, span) if count % 2 else flag

    def _relation(self) -> Term:
        left = self._sum()
        if self._take("IS"):
            is_not = self._take("NOT")
            span = left.span.until(self._expect("NULL").span)
            term = terms.is_null(left, span)
            return terms.negation(term, span) if is_not else term
        if sign := self._take(*_SIGNS):
            return meaning.compared(sign.text, left, self._sum())
        is_not = self._take("NOT")
        if test := self._take(*_TESTS):
            term = self._test(test.keyword, left)
            return terms.negation(term, term.span) if is_not else term
        if is_not:
            raise Mistake("IN, BETWEEN or LIKE is missing here", self._word.span)
        return left

    def _test(self, keyword: str, left: Term) -> Term:
        if keyword == "IN":
            return self._in(left)
        if keyword == "BETWEEN":
            low = self._sum()
            self._expect("AND")
            return meaning.between(left, low, self._sum())
        text = self._text()
        if keyword == "<<=":
            return meaning.in_network(left, text)
        return meaning.like(left, text, ignore_case=keyword == "ILIKE")

    def _in(self, left: Term) -> Term:
        if not self._take("("):
            return meaning.item_of(left, self._value())
        values = [self._literal()]
        while self._take(","):
            values.append(self._literal())
        return meaning.one_of(left, values, left.span.until(self._expect(")").span))

    def _text(self) -> Word:
        if self._word.sort is not Sort.TEXT:
            raise Mistake("a text is missing here, in single quotes", self._word.span)
        return self._next()

    def _sum(self) -> Term:
        return self._computed(("+", "-"), self._product)

    def _product(self) -> Term:
        return self._computed(("*", "/"), self._value)

    def _computed(self, signs: tuple[str, str], part: Callable[[], Term]) -> Term:
        first, others = part(), []
        while sign := self._take(*signs):
            others.append((sign.text, part()))
        return meaning.summed(first, others) if others else first

    def _value(self) -> Term:
        self._values += 1
        if self._values > _MAX_VALUES:
            raise Mistake(
                f"there are more than {_MAX_VALUES:,} values", self._word.span
            )
        first = self._word
        is_negative = False
        while self._take("-"):
            is_negative = not is_negative
        term = self._unsigned()
        span = first.span.until(term.span)
        return meaning.negative(term, span) if is_negative else term

    def _unsigned(self) -> Term:
        word = self._word
        if self._take("("):
            term = self._deeper(self._condition)
            self._expect(")")
            return term
        if word.sort is not Sort.NAME or word.keyword in _KEYWORDS:
            return self._literal()
        self._next()
        if self._take("("):
            arguments = self._deeper(self._arguments)
            return meaning.called(
                word, arguments, word.span.until(self._expect(")").span)
            )
        return self._column(word)

    def _arguments(self) -> list[Term]:
        arguments = [self._sum()]
        while self._take(","):
            arguments.append(self._sum())
        return arguments

    def _deeper(self, parse: Callable[[], _Parsed]) -> _Parsed:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Mistake("there are too many parentheses", self._word.span)
        parsed = parse()
        self._depth -= 1
        return parsed

    def _column(self, word: Word) -> Term:
        name = word.text.lower()
        column = self._columns.get(name)
        if column is None:
            hint = _elsewhere(name) or near_names(name, self._columns)
            if not hint or self._words[self._at - 2].text in _SIGNS:
                hint = f": a text stands in single quotes: '{word.text}'"
            raise Mistake(f"there is no column {word.text}{hint}", word.span)
        self.used.add(name)
        return terms.column_term(column, word.span)

    def _literal(self) -> Term:
        word = self._next()
        if word.sort is Sort.TEXT:
            return terms.constant(Kind.TEXT, word.span, word.text)
        if word.sort is Sort.NUMBER:
            return terms.constant(Kind.NUMBER, word.span, _number(word.text))
        if word.keyword == "-" and self._word.sort is Sort.NUMBER:
            number = self._next()
            span = word.span.until(number.span)
            return terms.constant(Kind.NUMBER, span, -_number(number.text))
        if word.keyword in ("TRUE", "FALSE"):
            return terms.constant(Kind.FLAG, word.span, word.keyword == "TRUE")
        if word.keyword == "INTERVAL":
            return meaning.literal(Kind.INTERVAL, self._text())
        raise _misplaced(word)


def _misplaced(word: Word) -> Mistake:
    if word.keyword == "NULL":
        return Mistake("write IS NULL or IS NOT NULL", word.span)
    if word.sort is Sort.NAME and word.keyword not in _KEYWORDS:
        return Mistake(f"a text stands in single quotes: '{word.text}'", word.span)
    if word.sort is Sort.END:
        return Mistake("something is missing at the end", word.span)
    return Mistake("a column or a value is missing before this", word.span)


def _number(text: str) -> int | float:
    if text.isdecimal() and len(text) < 20 and int(text) < _MAX_INTEGER:
        return int(text)
    return float(text)


def _elsewhere(name: str) -> str:
    """Say which other tables have a column, if any."""
    tables = [each.name for each in WRITTEN if name in each.arrow.names]
    return f" in this table, but in {' and '.join(tables)}" if tables else ""
