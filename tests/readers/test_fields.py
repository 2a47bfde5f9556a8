"""One field, one value: hand-computed readings, and properties that hold for all prices and all text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wearabouts.catalog import AVAILABILITIES, MAX_TEXT
from wearabouts.readers import fields
from wearabouts.readers.fields import CURRENCIES, Money

PRICES = {
    "19.99 USD": Money(19.99, "USD"),
    "USD 19.99": Money(19.99, "USD"),
    "usd19.99": Money(19.99, "USD"),
    "19,99 EUR": Money(19.99, "EUR"),
    "1.299,00 €": Money(1299.0, "EUR"),
    "€1.299,00": Money(1299.0, "EUR"),
    "1,299.00 USD": Money(1299.0, "USD"),
    "1,299": Money(1299.0),
    "1 299,00 EUR": Money(1299.0, "EUR"),
    "1\u202f299,00\u00a0EUR": Money(1299.0, "EUR"),
    "CHF 1'299.00": Money(1299.0, "CHF"),
    "1,00,000.00 INR": Money(100000.0, "INR"),  # lakh
    "1.234.567": Money(1234567.0),
    "12.500 KWD": Money(12.5, "KWD"),
    "12,500 KWD": Money(12.5, "KWD"),  # three decimals
    "12,500 USD": Money(12500.0, "USD"),
    "0,999": Money(0.999),
    "19.9": Money(19.9),
    "19": Money(19.0),
    "0.00 USD": Money(0.0, "USD"),
    "5,- €": Money(5.0, "EUR"),
    "£5": Money(5.0, "GBP"),
    "$5": Money(5.0),  # several countries have a dollar
    "  7.50  ": Money(7.5),
}
NO_PRICES = ("", "free", "-5 USD", "5 USD 6", "10-20 USD", "19.99.99", "1.234.56", "12,34,5",
             "9.99 XYZ", "1e5 USD", "٣ USD", "NaN",
             "inf", "99999999999 USD", "1,299,5.00", "1.299.00,5 EUR", "USD", "5 USD EUR", "$£5")  # fmt: skip


@pytest.mark.parametrize("raw", PRICES)
def test_prices(raw: str) -> None:
    assert fields.price(raw) == PRICES[raw]


@pytest.mark.parametrize("raw", NO_PRICES)
def test_what_is_no_price_is_said_so(raw: str) -> None:
    with pytest.raises(ValueError, match="price"):
        fields.price(raw)


@given(cents=st.integers(0, 99_999_999), code=st.sampled_from(sorted(CURRENCIES)), style=st.integers(0, 5))
@settings(max_examples=300, deadline=None)
def test_a_price_written_in_any_usual_style_comes_back(cents: int, code: str, style: int) -> None:
    whole, part = divmod(cents, 100)
    english, german = f"{whole:,}.{part:02d}", f"{whole:,}".replace(",", ".") + f",{part:02d}"
    swiss = f"{whole:,}".replace(",", "'") + f".{part:02d}"
    written = (
        f"{english} {code}",
        f"{code} {english}",
        f"{german} {code}",
        f"{code}{german}",
        f"{swiss} {code}",
        f"{whole}.{part:02d} {code}",
    )
    assert fields.price(written[style]) == Money(cents / 100, code)


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_a_price_is_never_negative_infinite_or_another_error(raw: str) -> None:
    try:
        money = fields.price(raw)
    except ValueError:
        return
    assert 0 <= money.amount <= fields.MAX_PRICE
    assert money.currency == "" or money.currency in CURRENCIES


@pytest.mark.parametrize(
    ("raw", "state"),
    [("in stock", "in_stock"), ("In_Stock", "in_stock"), ("in-stock", "in_stock"),
     ("https://schema.org/InStock", "in_stock"),
     ("http://schema.org/OutOfStock/", "out_of_stock"), ("out of stock", "out_of_stock"), ("SOLD OUT", "out_of_stock"),
     ("pre-order", "preorder"), ("backorder", "backorder"), ("onbackorder", "backorder"),
     ("nicht auf Lager", "out_of_stock"),
     ("en stock", "in_stock"), ("Agotado", "out_of_stock"), ("1", "in_stock"), ("0", "out_of_stock")],
)  # fmt: skip
def test_availability_in_its_spellings(raw: str, state: str) -> None:
    assert fields.availability(raw) == state


def test_unknown_availability_is_said_so() -> None:
    with pytest.raises(ValueError, match="soonish"):
        fields.availability("soonish")
    assert set(fields.AVAILABILITY_WORDS.values()) == set(AVAILABILITIES)


@pytest.mark.parametrize(
    ("raw", "moment"),
    [
        ("2026-02-24T13:00-0800", datetime(2026, 2, 24, 21, 0, tzinfo=UTC)),
        ("2026-02-24T13:00:30+01:00", datetime(2026, 2, 24, 13, 0, 30, tzinfo=timezone(timedelta(hours=1)))),
        ("2026-02-24T13:00Z", datetime(2026, 2, 24, 13, 0, tzinfo=UTC)),
        ("2026-02-24", datetime(2026, 2, 24, tzinfo=UTC)),
        ("2026-02-24 13:00:00", datetime(2026, 2, 24, 13, 0, tzinfo=UTC)),
        ("12/31/26", datetime(2026, 12, 31, tzinfo=UTC)),
    ],
)
def test_moments(raw: str, moment: datetime) -> None:
    assert fields.moment(raw) == moment


def test_no_moment() -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        fields.moment("next week")


def test_html_becomes_words() -> None:
    raw = "<p>Made of <em>cotton</em>&nbsp;&amp; love.</p><script>alert('x')</script><style>p{}</style><li>one<li>two"
    assert fields.plain(raw) == "Made of cotton & love. one two"
    assert fields.plain("Men&#39;s tee &lt; 20") == "Men's tee < 20"
    assert fields.plain("a < b") == "a < b"


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_text_is_one_clean_line(raw: str) -> None:
    clean = fields.text(raw)
    assert clean == clean.strip()
    assert not any(sign < " " for sign in clean)
    assert fields.text(clean) == clean
    assert clean.encode("utf-8").decode("utf-8") == clean  # lone surrogates are gone


def test_text_is_cut() -> None:
    assert len(fields.text("é" * 100_000)) == MAX_TEXT


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Base Colour (EU)", "base_colour_eu"),
        ("baseColour", "base_colour"),
        ("image link", "image_link"),
        ("ID", "id"),
        ("__x--y", "x_y"),
    ],
)
def test_column_names(raw: str, name: str) -> None:
    assert fields.column_name(raw) == name


@pytest.mark.parametrize(
    "raw", ["javascript:alert(1)", "data:text/html,x", "ftp://a/b", "//a/b", "http://", "https:///x", "http://u:p@a/b",
            "http://a@b/", "http://a/b\nX: y", "http://a/<script>", "/local", "", "http://a/" + "x" * 6_000]
)  # fmt: skip
def test_what_is_no_link(raw: str) -> None:
    with pytest.raises(ValueError, match="address"):
        fields.link(raw)


def test_links_stay_as_written() -> None:
    assert fields.link(" https://shop.example/ä?a=1&b=2#c ") == "https://shop.example/ä?a=1&b=2#c"
