"""What shops write into their fields, and what it means: text, prices, availability, dates, names.

Each function takes one raw field and gives one value, or raises `ValueError` with what was found and what is allowed;
the caller (`wearabouts.readers.intake`) turns that into a `Fault`. Nothing here looks at more than a bounded part of
its input.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from html.parser import HTMLParser

from wearabouts.catalog import MAX_TEXT, Availability

# ISO 4217, active codes.
CURRENCIES = frozenset(
    re.findall(
        r"[A-Z]{3}",
        """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD
    HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN
    PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY
    TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
        """,
    )
)
# A bare "$", "¥" or "kr" belongs to several currencies: the amount is kept and the currency stays unknown.
SYMBOLS = {"€": "EUR", "£": "GBP", "US$": "USD", "C$": "CAD", "A$": "AUD", "R$": "BRL", "zł": "PLN", "₹": "INR",
           "₩": "KRW", "₺": "TRY", "₽": "RUB", "₪": "ILS", "₫": "VND", "฿": "THB", "Kč": "CZK", "$": "", "¥": "",
           "kr": "", "元": "CNY"}  # fmt: skip
THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
MAX_PRICE = 1e9

AVAILABILITY_WORDS: dict[str, Availability] = {
    **dict.fromkeys(
        ("in stock", "instock", "available", "limited availability", "limited stock", "available for order",
         "in store only", "online only", "yes", "true", "1", "auf lager", "verfügbar", "lieferbar", "en stock",
         "disponible"), "in_stock"
    ),
    **dict.fromkeys(
        ("out of stock", "outofstock", "sold out", "soldout", "unavailable", "not available", "discontinued", "no",
         "false", "0", "nicht auf lager", "nicht verfügbar", "ausverkauft", "rupture de stock",
         "en rupture de stock", "épuisé", "agotado", "sin existencias"), "out_of_stock"
    ),
    **dict.fromkeys(("preorder", "pre order", "presale", "vorbestellbar", "précommande", "reserva"), "preorder"),
    **dict.fromkeys(("backorder", "back order", "on backorder", "onbackorder", "nachbestellt", "bajo pedido"),
    "backorder"),
}  # fmt: skip

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2028\u2029\ufeff\ud800-\udfff]")
_SPACE = re.compile(r"\s+")
_AMOUNT = re.compile(r"[0-9](?:[0-9.,'’\s\u00a0\u202f]*[0-9])?")
_GROUPED = re.compile(r"[0-9]{1,3}(?:S[0-9]{2,3})*S[0-9]{3}")
_MAX_HTML = 8_000  # characters of markup that are read for a description


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of zero or more, and its ISO 4217 code or empty."""

    amount: float
    currency: str = ""


def text(raw: str, limit: int = MAX_TEXT) -> str:
    """One line of text without control characters, at most `limit` characters."""
    return _SPACE.sub(" ", _CONTROL.sub("", raw[: limit * 4])).strip()[:limit].rstrip()


@lru_cache(maxsize=4_096)
def column_name(raw: str) -> str:
    """A column's or attribute's name in lower_snake_case: ``Base Colour (EU)`` → ``base_colour_eu``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", raw.strip()[:200])
    return re.sub(r"[^\w]+|_+", "_", spaced.casefold()).strip("_")[:60]


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style")
        self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style") and self._silent > 0
        self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def plain(raw: str, limit: int = MAX_TEXT) -> str:
    """The words of a field that may hold HTML or escaped entities, as `text` gives them."""
    raw = raw[:_MAX_HTML]
    if "<" in raw:
        parser = _Words()
        parser.feed(raw)
        parser.close()
        raw = "".join(parser.words)
    elif "&" in raw:
        raw = html.unescape(raw)
    return text(raw, limit)


def price(raw: str) -> Money:
    """Read a price as people write it: ``19.99 USD``, ``USD 19.99``, ``19,99 EUR``, ``1.299,00 €``, ``1,299``, ``£5``.

    A point or comma that stands once is the decimal sign, except a comma before exactly three digits (``1,299``), which
    groups thousands unless the currency has three decimals or the amount begins with 0.

    Raises:
        ValueError: No amount, two amounts, a negative or absurd one, or an unknown currency.
    """
    shown = text(raw, 60)
    found = list(_AMOUNT.finditer(shown))
    if len(found) != 1:
        raise ValueError(f"price {shown!r} is not one amount and a currency such as '19.99 USD'")
    sign = (shown[: found[0].start()] + " " + shown[found[0].end() :]).strip()
    code = _currency(sign, shown)
    amount = _amount(found[0].group(), code, shown)
    if amount > MAX_PRICE:
        raise ValueError(f"price {shown!r} is above {MAX_PRICE:,.0f}")
    return Money(amount, code)


def _currency(sign: str, shown: str) -> str:
    sign = re.sub(r"[.,][-–—]+", "", sign).strip()
    if not sign:
        return ""
    if sign in SYMBOLS:
        return SYMBOLS[sign]
    if sign.upper() in CURRENCIES:
        return sign.upper()
    raise ValueError(f"price {shown!r} has {sign!r} beside the amount; allowed: an ISO 4217 code such as USD or EUR")


def _amount(digits: str, code: str, shown: str) -> float:
    bare = re.sub(r"[\s\u00a0\u202f'’]", "", digits)
    last = max(bare.rfind("."), bare.rfind(","))
    if last < 0:
        return float(bare)
    mark, other = bare[last], "," if bare[last] == "." else "."
    whole, fraction = bare[:last], bare[last + 1 :]
    once = whole.count(mark) == 0
    groups = not once or (
        mark == ","
        and other not in whole
        and len(fraction) == 3
        and code not in THREE_DECIMALS
        and not whole.startswith("0")
    )
    grouping, number, decimals = (mark, bare, "") if groups else (other, whole, fraction)
    if grouping in number and not re.fullmatch(_GROUPED.pattern.replace("S", re.escape(grouping)), number):
        raise ValueError(f"price {shown!r} groups its digits in no known way; write it as '1299.00 USD'")
    if groups and other in number:
        raise ValueError(f"price {shown!r} mixes points and commas; write it as '1299.00 USD'")
    return float(number.replace(grouping, "") + ("." + decimals if decimals else ""))


def availability(raw: str) -> Availability:
    """One of `AVAILABILITIES` from the usual spellings (also schema.org addresses, German, French, Spanish).

    Raises:
        ValueError: A word that is none of them.
    """
    shown = text(raw, 80)
    word = shown.rstrip("/").rsplit("/", 1)[-1] if "schema.org" in shown else shown
    key = _SPACE.sub(" ", re.sub(r"[_\-]+", " ", word.casefold())).strip()
    if key not in AVAILABILITY_WORDS:
        raise ValueError(f"availability {shown!r} is not one of in_stock, out_of_stock, preorder, backorder")
    return AVAILABILITY_WORDS[key]


def moment(raw: str) -> datetime:
    """A point in time from ISO 8601 (``2026-02-24T13:00-0800``) or ``2026-02-24``; without a zone it is UTC.

    Raises:
        ValueError: Anything else.
    """
    shown = text(raw, 60)
    compact = re.sub(r"([+-]\d{2}):?(\d{2})$", r"\1:\2", shown) if "T" in shown or ":" in shown else shown
    for form in (compact, compact.replace("Z", "+00:00")):
        try:
            parsed = datetime.fromisoformat(form)
        except ValueError:
            continue
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    for layout in ("%m/%d/%y", "%m/%d/%Y", "%m/%d/%y, %I:%M %p", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(shown, layout).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(f"date {shown!r} is not ISO 8601 such as 2026-02-24T13:00-0800")


def link(raw: str) -> str:
    """An http(s) address as written, spaces trimmed.

    Raises:
        ValueError: Another scheme, no host, or a user name in it.
    """
    shown = raw.strip()
    head = re.match(r"(?i)https?://([^/?#\\]+)", shown)
    if head is None or len(shown) > MAX_TEXT or _CONTROL.search(shown) or any(mark in shown for mark in '\t\r\n<>"'):
        raise ValueError(f"address {text(shown, 80)!r} is not an http:// or https:// address")
    if "@" in head.group(1):
        raise ValueError(f"address {text(shown, 80)!r} holds a user name; allowed: http(s)://host/path")
    return shown
