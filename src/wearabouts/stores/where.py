"""The filter language: `category = dress and price < 50 and in stock`, read into a small tree.

    filter   := all ("or" all)*
    all      := one ("and" one)*
    one      := "not" one | "(" filter ")" | "in stock" | "has" column
              | column ("=" | "!=" | "<" | "<=" | ">" | ">=" | "contains") value
              | column ["not"] "in" "(" value ("," value)* ")"
    column, value := a bare word, or text in single or double quotes (a quote inside is doubled)

What the operators mean, with two-valued logic (a fact that is missing makes every comparison but `!=` false):

* Text is compared without regard to case and to runs of blanks.
* `category = "Women > Tops"` matches that category and everything beneath it: ``Women > Tops > Jackets`` too. The
  parts of a path are parted by ``>`` or ``/``. `contains` looks anywhere in the text.
* In `garment` and `availability`, blanks and hyphens equal underscores: `garment = t-shirt`,
  `availability = "in stock"`.
* `price` is a number. Any other column but the built-in ones takes ``<``, ``<=``, ``>``, ``>=`` too, on those products
  whose value reads as a number.
* `x != y` is exactly `not x = y`; `x = ""` is exactly `not has x`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, cast

from wearabouts.errors import QueryError

Operator = Literal["=", "<", "<=", ">", ">=", "contains"]

COLUMNS: Final = ("id", "title", "category", "garment", "brand", "price", "currency", "availability", "group")
TEXT_COLUMNS: Final = tuple(name for name in COLUMNS if name != "price")
MAX_LENGTH: Final = 4_000  # characters
MAX_DEPTH: Final = 32  # nested parentheses and nots
MAX_TERMS: Final = 500  # comparisons and listed values

_KEYWORDS: Final = frozenset({"and", "or", "not", "in", "has", "contains"})
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"]|"")*"|'(?:[^']|'')*')|(?P<sign><=|>=|!=|[=<>(),])"""
    r"""|(?P<word>[^\s=<>!(),"']+)|(?P<bad>\S))"""
)
_NUMBER: Final = re.compile(r"[+-]?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})")


@dataclass(frozen=True, slots=True)
class Compare:
    """One column beside one value."""

    column: str
    operator: Operator
    value: str


@dataclass(frozen=True, slots=True)
class Has:
    """The column is filled."""

    column: str


@dataclass(frozen=True, slots=True)
class Not:
    """Everything the term does not match."""

    term: Expression


@dataclass(frozen=True, slots=True)
class AllOf:
    """What every term matches."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """What at least one term matches."""

    terms: tuple[Expression, ...]


Expression = Compare | Has | Not | AllOf | AnyOf


def parse(text: str) -> Expression:
    """Read a filter.

    Args:
        text: A filter in the language of this module.

    Raises:
        QueryError: It cannot be read, is longer than `MAX_LENGTH`, deeper than `MAX_DEPTH` or has more than `MAX_TERMS`
            terms.
    """
    if len(text) > MAX_LENGTH:
        raise QueryError(f"the filter has {len(text)} characters; at most {MAX_LENGTH} are allowed; make it shorter")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise QueryError("the filter holds half of a character; give it as UTF-8 text")
    parser = _Parser(list(_tokens(text)))
    expression = parser.alternatives(0)
    parser.finish()
    return expression


def columns_of(expression: Expression) -> Iterator[str]:
    """The columns a filter names, in order, lower case, with repeats."""
    match expression:
        case Compare(column=column) | Has(column=column):
            yield column
        case Not(term=term):
            yield from columns_of(term)
        case AllOf(terms=terms) | AnyOf(terms=terms):
            for each in terms:
                yield from columns_of(each)


def number(text: str) -> float | None:
    """A plain decimal number such as ``19.99``, or None: no exponents, infinities or separators of thousands."""
    found = _NUMBER.fullmatch(text.strip())
    return float(found.group()) if found else None


def normal(column: str, text: str) -> str:
    """Text in the form in which the language compares it.

    Args:
        column: Lower-case name; some columns have rules of their own.
        text: As the shop or the person wrote it.
    """
    folded = " ".join(text.casefold().split())
    if column in ("garment", "availability"):
        return re.sub(r"[ -]+", "_", folded)
    if column == "category":
        return " > ".join(part.strip() for part in re.split("[>/]", folded))
    return folded


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["quoted", "sign", "word", "end"]
    text: str
    at: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while found := _TOKEN.match(text, at):
        kind, token = str(found.lastgroup), str(found[str(found.lastgroup)])
        if kind == "bad":
            hint = (
                "close the quotation"
                if token in ('"', "'")
                else "write != for unequal, and quote text with signs in it"
            )
            raise QueryError(f"the filter cannot be read at character {found.end()}: {token!r}; {hint}")
        if kind == "quoted":
            token = token[1:-1].replace(token[0] * 2, token[0])
        yield _Token(cast(Literal["quoted", "sign", "word"], kind), token, found.start(kind) + 1)
        at = found.end()
    yield _Token("end", "the end", len(text) + 1)


class _Parser:
    """Recursive descent over the tokens; its depth is bounded by `MAX_DEPTH`."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.place = 0
        self.count = 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        token = self.next
        self.place += token.kind != "end"
        return token

    def refuse(self, wanted: str) -> QueryError:
        token = self.next
        return QueryError(
            f"the filter cannot be read at character {token.at}: found {token.text!r}, allowed is {wanted}; "
            'an example: category = dress and price < 50 and brand = "Two Words"'
        )

    def finish(self) -> None:
        if self.next.kind != "end":
            raise self.refuse("and, or, or the end (quote text of several words)")

    def alternatives(self, depth: int) -> Expression:
        terms = [self.conjunction(depth)]
        while self.next.is_word("or"):
            self.take()
            terms.append(self.conjunction(depth))
        return terms[0] if len(terms) == 1 else AnyOf(tuple(terms))

    def conjunction(self, depth: int) -> Expression:
        terms = [self.one(depth)]
        while self.next.is_word("and"):
            self.take()
            terms.append(self.one(depth))
        return terms[0] if len(terms) == 1 else AllOf(tuple(terms))

    def one(self, depth: int) -> Expression:
        if depth >= MAX_DEPTH:
            raise QueryError(f"the filter is nested deeper than {MAX_DEPTH} parentheses and nots; make it flatter")
        if self.next.is_word("not"):
            self.take()
            return Not(self.one(depth + 1))
        if self.next.is_sign("("):
            self.take()
            inner = self.alternatives(depth + 1)
            self.expect(")", "and, or, or a closing parenthesis")
            return inner
        if self.next.is_word("in"):
            self.take()
            if not self.next.is_word("stock"):
                raise self.refuse("the word stock (in stock)")
            self.take()
            return self.counted(Compare("availability", "=", "in_stock"))
        if self.next.is_word("has"):
            self.take()
            return self.counted(Has(self.name("a column after has")))
        return self.comparison()

    def comparison(self) -> Expression:
        column = self.name("a column, has, in stock, not or an opening parenthesis")
        negated = self.next.is_word("not")
        if negated:
            self.take()
        if self.next.is_word("in"):
            self.take()
            expression: Expression = AnyOf(tuple(self.listed(column)))
            return Not(expression) if negated else expression
        if negated:
            raise self.refuse("in after not")
        if self.next.is_word("contains"):
            self.take()
            value = self.value()
            if not value.strip():
                raise QueryError(f"{column} contains nothing: contains needs at least one character to look for")
            return self.counted(Compare(column, "contains", value))
        if not self.next.is_sign("=", "!=", "<", "<=", ">", ">="):
            raise self.refuse("=, !=, <, <=, >, >=, in or contains")
        sign = self.take().text
        value = self.value()
        if sign in ("=", "!="):
            equal = self.equal(column, value)
            return Not(equal) if sign == "!=" else equal
        return self.counted(Compare(column, cast(Operator, sign), value))

    def listed(self, column: str) -> Iterator[Expression]:
        self.expect("(", "an opening parenthesis after in")
        yield self.equal(column, self.value())
        while self.next.is_sign(","):
            self.take()
            yield self.equal(column, self.value())
        self.expect(")", "a comma or a closing parenthesis")

    def equal(self, column: str, value: str) -> Expression:
        return self.counted(Compare(column, "=", value) if value.strip() else Not(Has(column)))

    def counted(self, expression: Expression) -> Expression:
        self.count += 1
        if self.count > MAX_TERMS:
            raise QueryError(f"the filter has more than {MAX_TERMS} comparisons and listed values; make it shorter")
        return expression

    def expect(self, sign: str, wanted: str) -> None:
        if not self.next.is_sign(sign):
            raise self.refuse(wanted)
        self.take()

    def name(self, wanted: str) -> str:
        token = self.next
        if token.kind not in ("word", "quoted") or (token.kind == "word" and token.text.lower() in _KEYWORDS):
            raise self.refuse(wanted)
        return self.take().text.strip().casefold()

    def value(self) -> str:
        token = self.next
        if token.kind not in ("word", "quoted") or (token.kind == "word" and token.text.lower() in _KEYWORDS):
            raise self.refuse("a value (a word, a number, or text in quotes)")
        return self.take().text
