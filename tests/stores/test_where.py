"""The filter language: read, and evaluated as a plain loop over the products would."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stores.bases import facts
from wearabouts.errors import QueryError
from wearabouts.stores.embedded.generations import tables
from wearabouts.stores.embedded.generations.columns import Columns
from wearabouts.stores.embedded.generations.drafting import Draft
from wearabouts.stores.embedded.generations.filtering import Filters
from wearabouts.stores.embedded.generations.mapped import MappedColumns
from wearabouts.stores.embedded.generations.segment import Segment
from wearabouts.stores.embedded.generations.tables import ProductTables
from wearabouts.stores.where import (
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_TERMS,
    AllOf,
    AnyOf,
    Compare,
    Has,
    Not,
    columns_of,
    normal,
    number,
    parse,
)

NOTHING = Columns().snapshot()


def row(ident="p", price=None, attributes=None, **texts):
    return facts(ident, 0, price, attributes, **texts)


def mapped(rows):
    """The columns of products that lie in a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "columns"
        with Draft(path) as made:
            tables = ProductTables(made)
            for each in rows:
                tables.extend([each])
            tables.close()
            made.finish({}, lambda: None)
        return MappedColumns(Segment.open(path), len(rows))


def kept(rows, where):
    """The products that a filter keeps, whether they lie in a file, in memory, or some here and some there."""
    masks = []
    for split in (0, len(rows) // 2, len(rows)):
        columns = Columns()
        for each in rows[split:]:  # one at a time, as the store grows
            columns.extend([each])
        masks.append(Filters(mapped(rows[:split]), columns.snapshot()).mask(parse(where)).tolist())
    assert masks[0] == masks[1] == masks[2]
    return [each["id"] for each, keep in zip(rows, masks[0], strict=True) if keep]


def test_the_issue_s_own_example():
    expected = AllOf(
        (
            Compare("category", "=", "dress"),
            Compare("price", "<", "50"),
            Compare("availability", "=", "in_stock"),
        )
    )
    assert parse("category = dress and price < 50 and in stock") == expected


@pytest.mark.parametrize(
    "text, tree",
    [
        (
            "A = 1 or B = 2 and c = 3",
            AnyOf((Compare("a", "=", "1"), AllOf((Compare("b", "=", "2"), Compare("c", "=", "3"))))),
        ),
        (
            "(a = 1 or b = 2) and c=3",
            AllOf((AnyOf((Compare("a", "=", "1"), Compare("b", "=", "2"))), Compare("c", "=", "3"))),
        ),
        ("not in stock", Not(Compare("availability", "=", "in_stock"))),
        ("not not has color", Not(Not(Has("color")))),
        ("size in (S, 'M L')", AnyOf((Compare("size", "=", "S"), Compare("size", "=", "M L")))),
        ("size not in (S)", Not(AnyOf((Compare("size", "=", "S"),)))),
        ("brand != 'O''Neill'", Not(Compare("brand", "=", "O'Neill"))),
        ('title CONTAINS "a ""b"" and"', Compare("title", "contains", 'a "b" and')),
        ('"care label" = x', Compare("care label", "=", "x")),
        ('brand = ""', Not(Has("brand"))),
        ("price>=19.99", Compare("price", ">=", "19.99")),
        ("category = Women/Tops", Compare("category", "=", "Women/Tops")),
    ],
)
def test_reading(text, tree):
    assert parse(text) == tree


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "the end"),
        ("price", "the end"),
        ("price <", "a value"),
        ("price < 50 and", "the end"),
        ("brand = Calvin Klein", "'Klein'"),
        ("(a = 1", "closing parenthesis"),
        ("a = 1)", r"'\)'"),
        ("a in ()", "a value"),
        ("a in (b", "comma"),
        ("a not = b", "in after not"),
        ("in store", "stock"),
        ("a == b", "a value"),
        ("a = 'b", "close the quotation"),
        ("a = b ! c", "write !="),
        ("and = b", "a column"),
        ("title contains ''", "at least one character"),
        ("a = not", "a value"),
        ("a = 1; DROP TABLE products", "'DROP'"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text, said):
    with pytest.raises(QueryError, match=said):
        parse(text)


def test_limits():
    assert parse("(" * (MAX_DEPTH - 1) + "a=1" + ")" * (MAX_DEPTH - 1)) == Compare("a", "=", "1")
    with pytest.raises(QueryError, match="nested deeper"):
        parse("(" * MAX_DEPTH + "a=1" + ")" * MAX_DEPTH)
    with pytest.raises(QueryError, match="nested deeper"):
        parse("not " * 900 + "a=1")
    with pytest.raises(QueryError, match=f"at most {MAX_LENGTH}"):
        parse("a = 1" + " " * MAX_LENGTH)
    with pytest.raises(QueryError, match=f"more than {MAX_TERMS}"):
        parse("a in (" + ",".join("1" for _ in range(MAX_TERMS + 1)) + ")")


def test_operators_mean_what_the_module_says():
    rows = [
        row(
            "a",
            10.0,
            {"color": "Red", "size": "38"},
            category="Women > Tops > Jackets",
            garment="t_shirt",
            brand="Two  Words",
        ),
        row("b", 50.0, {"color": "navy blue", "size": "XL"}, category="women>tops", availability="in_stock"),
        row("c", None, {"size": "40.5"}, category="Women > Topsellers", availability="out_of_stock", brand="ACME"),
        row("d", 0.5, {"Color": "RED", "price": "3"}, category="Men/Tops", availability="preorder", brand="acme"),
    ]
    assert kept(rows, "price < 50") == ["a", "d"]
    assert kept(rows, "not price < 50") == ["b", "c"]
    assert kept(rows, "price = 50 or price <= .5") == ["b", "d"]
    assert kept(rows, "price != 50") == ["a", "c", "d"]
    assert kept(rows, "has price") == ["a", "b", "d"]
    assert kept(rows, 'category = "WOMEN > Tops"') == ["a", "b"]
    assert kept(rows, 'category = "Women/Tops"') == ["a", "b"]
    assert kept(rows, "category = men") == ["d"]
    assert kept(rows, "category contains tops") == ["a", "b", "c", "d"]
    assert kept(rows, "category in (men, 'women > topsellers')") == ["c", "d"]
    assert kept(rows, "garment = T-Shirt") == ["a"]
    assert kept(rows, "availability = 'in stock'") == ["b"]
    assert kept(rows, "in stock") == ["b"]
    assert kept(rows, "not in stock") == ["a", "c", "d"]
    assert kept(rows, "brand = 'two words'") == ["a"]
    assert kept(rows, "brand = Acme") == ["c", "d"]
    assert kept(rows, "not has brand") == ["b"]
    assert kept(rows, "color = red") == ["a", "d"]
    assert kept(rows, "color != red") == ["b", "c"]
    assert kept(rows, "color contains blue") == ["b"]
    assert kept(rows, "has color") == ["a", "b", "d"]
    assert kept(rows, "size >= 38") == ["a", "c"]
    assert kept(rows, "size = 38") == ["a"]
    assert kept(rows, "id in (a, d)") == ["a", "d"]


@pytest.mark.parametrize(
    "where, said",
    [
        ("price contains 5", "price takes"),
        ("price < 1e3", "plain number"),
        ("price < nan", "plain number"),
        ("price = 50EUR", "plain number"),
        ("brand < 5", "on price or an attribute"),
        ("color > red", "plain number"),
        ("categry = x", "did you mean 'category'"),
        ("a = 1 or colr = red", "unknown column 'a'"),
        ("not has colr", "did you mean 'color'"),
    ],
)
def test_operators_that_do_not_fit_are_refused(where, said):
    with pytest.raises(QueryError, match=said):
        kept([row("a", 1.0, {"color": "red"})], where)


def test_only_plain_numbers_are_numbers():
    assert [number(text) for text in ("19.99", " -3 ", "+.5", "7.")] == [19.99, -3.0, 0.5, 7.0]
    assert [number(text) for text in ("1e3", "inf", "nan", "1_000", "1,5", "0x1", "", "9" * 400)] == [None] * 8


def test_a_store_with_very_many_attributes_names_only_some():
    many = {f"attribute_{i:03d}": "x" for i in range(300)}
    with pytest.raises(QueryError, match="and 260 more") as caught:
        kept([row("a", 1.0, many)], "nothing = x")
    assert len(str(caught.value)) < 2_000


def test_a_snapshot_does_not_see_what_comes_later():
    columns = Columns()
    columns.extend([row("a", 1.0, {"color": "red"})])
    before = Filters(NOTHING, columns.snapshot())
    for i in range(500):
        columns.extend([row(f"b{i}", 2.0, {"color": "blue", f"new{i % 7}": "x"})])
    assert before.mask(parse("color = red or price > 1 or id contains b")).tolist() == [True]
    assert "new1" not in before.names()
    assert int(Filters(NOTHING, columns.snapshot()).mask(parse("color = blue")).sum()) == 500


WORDS = ["red", "Red ", "dark red", "blue", "38", "40.5", "", "S/M", "a > b", "A>B > c", "a"]
TEXT = ["title", "category", "garment", "brand", "availability", "color", "size"]


@st.composite
def products(draw):
    facts = {name: draw(st.sampled_from(WORDS)) for name in ("title", "category", "garment", "brand", "availability")}
    attributes = {name: draw(st.sampled_from(WORDS)) for name in ("color", "size") if draw(st.booleans())}
    return row(f"p{draw(st.integers(0, 5))}", draw(st.none() | st.integers(0, 9).map(float)), attributes, **facts)


def texts(name, value):
    """A product's text as the language compares it."""
    return normal(name, value)


def fact(product, name):
    return product[name] if name in product else product["attributes"].get(name, "")


def equal(name, value):
    def holds(product):
        mine, wanted = texts(name, fact(product, name)), texts(name, value)
        if not value.strip():
            return not mine
        return mine == wanted or (name == "category" and mine.startswith(wanted + " > "))

    return holds


def quoted(value):
    return '"' + value.replace('"', '""') + '"'


@st.composite
def terms(draw):
    """A comparison as text, and the same as a plain Python function."""
    kind = draw(st.sampled_from(["equal", "unequal", "contains", "in", "has", "price", "order", "stock"]))
    name, value = draw(st.sampled_from(TEXT)), draw(st.sampled_from(WORDS))
    if kind == "equal":
        return f"{name} = {quoted(value)}", equal(name, value)
    if kind == "unequal":
        return f"{name.upper()} != {quoted(value)}", lambda p: not equal(name, value)(p)
    if kind == "contains":
        part = value.strip() or "e"
        return f"{name} contains {quoted(part)}", lambda p: texts(name, part) in texts(name, fact(p, name))
    if kind == "in":
        other = draw(st.sampled_from(WORDS))
        listed = f"{name} in ({quoted(value)}, {quoted(other)})"
        return listed, lambda p: equal(name, value)(p) or equal(name, other)(p)
    if kind == "has":
        return f"has {name}", lambda p: bool(fact(p, name).strip())
    if kind == "price":
        limit = draw(st.integers(0, 9))
        return f"price <= {limit}", lambda p: p["price"] is not None and p["price"] <= limit
    if kind == "order":
        return "size > 38", lambda p: (found := number(fact(p, "size"))) is not None and found > 38
    return "in stock", equal("availability", "in_stock")


def joined(pairs):
    (a, f), (b, g), word, negated = pairs
    both = (lambda p: f(p) and g(p)) if word == "and" else (lambda p: f(p) or g(p))
    text = f"({a}) {word} ({b})"
    return (f"not ({text})", lambda p: not both(p)) if negated else (text, both)


expressions = st.recursive(
    terms(),
    lambda inner: st.tuples(inner, inner, st.sampled_from(["and", "or"]), st.booleans()).map(joined),
    max_leaves=6,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(products(), min_size=1, max_size=12), expressions)
def test_equal_to_a_plain_loop(rows, expression):
    where, holds = expression
    columns = Columns()
    columns.extend(rows[len(rows) // 2 :])
    known = row("known", None, {"color": "x", "size": "x"})
    mask = Filters(mapped([known, *rows[: len(rows) // 2]]), columns.snapshot()).mask(parse(where))
    np.testing.assert_array_equal(mask[1:], [holds(product) for product in rows])


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab=<>!()'\", \n\t0andorinthascok\0é", max_size=60))
def test_any_text_is_read_or_refused_with_one_line(text):
    try:
        tree = parse(text)
    except QueryError:
        return  # refused, typed: fine
    assert all(column == column.strip().casefold() for column in columns_of(tree))


def test_a_file_whose_words_repeat_and_whose_entries_are_sorted_in_parts_answers_the_same(monkeypatch):
    monkeypatch.setattr(tables, "COMMON", 2)  # as if a column had too many values to keep each once
    monkeypatch.setattr(tables, "SORTED", 3)
    generator = np.random.default_rng(6)
    rows = [
        row(
            f"p{place}",
            float(generator.integers(9)),
            {name: str(generator.choice(WORDS)) for name in ("size", "Color", "fit", "x") if generator.random() < 0.6},
            brand=str(generator.choice(["Acme", "acme ", "Other", "", "Two  Words"])),
            category=str(generator.choice(["A > B", "A/B/C", "AB", ""])),
        )
        for place in range(40)
    ]
    brands = kept(rows, "brand = acme")
    assert brands == [each["id"] for each in rows if each["brand"].strip().lower() == "acme"]
    for where in ("size > 38", "color = red or has fit", "category = a/b", "brand contains wo", "not has x", "x = m"):
        kept(rows, where)  # compares file and memory
    columns = Columns()
    columns.extend(rows)
    here, there = Filters(NOTHING, columns.snapshot()), Filters(mapped(rows), NOTHING)
    present = generator.random(40) < 0.7
    assert there.counts("brand", present) == here.counts("brand", present)
    for mine, theirs in zip(there.sampled(present), here.sampled(present), strict=True):
        assert {**mine, "values": None} == {**theirs, "values": None}
