"""Google feeds in XML as a stream of items: constant memory, and a broken item costs itself only.

A strict parser gives up at the first unescaped ``&``, and a forgiving one nests all later items into the one with the
unclosed tag. So the file is cut into items first, and each is parsed alone, forgivingly; what had to be repaired is
reported with its item. DTDs are cut away with the head of the file, so entities have nothing to expand to, nothing
outside is ever loaded, and libxml2's own limits on depth and text stay on. An item that the file breaks off in is never
taken for a whole one.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.entities import html5
from pathlib import Path
from typing import Any

from wearabouts.errors import CatalogError
from wearabouts.readers.intake import Intake

MAX_ITEM = 2_000_000  # characters of one item
MAX_FIELDS = 500  # elements of one item
_CHUNK = 1 << 18
_HEAD = 1 << 16  # characters in which the root element must begin
_GOOGLE = "base.google.com"
_ENCODINGS = re.compile(
    r"(?i)(us-)?ascii|utf-?(8|16(le|be)?|32)|iso-?8859-\d+|latin-?\d|windows-125\d|cp125\d|gb2312|gbk|gb18030|big5|shift_jis|euc-(jp|kr)|koi8-[ru]"
)
_ROOT = re.compile(r"<(?:rss|feed|channel|(?:\w+:)?RDF)[\s>]")
_TOKEN = re.compile(r"<!\[CDATA\[|<!--|<(?:item|entry)(?=[\s>/])|</(?:item|entry)\s*>")
_INVALID = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,30});")
_XML_ENTITIES = frozenset({"lt", "gt", "amp", "quot", "apos"})


@dataclass(frozen=True, slots=True)
class Item:
    """One item: its number (1 for the first) and its fields, each a list in the order of the file."""

    number: int
    values: dict[str, list[str]] = field(default_factory=dict)


def read(intake: Intake) -> Iterator[Item]:
    """Walk the items of an RSS or Atom feed.

    Raises:
        CatalogError: The file is no such feed.
    """
    from lxml import etree

    number = 0
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=True,
        remove_comments=True,
        remove_pis=True,
    )
    for number, (item, complaint) in enumerate(_cut(intake), 1):
        if item is None:
            intake.fault(number, "", complaint)
            continue
        if complaint:
            intake.fault(number, "", complaint, "field")
        yield Item(number, _values(item, number, intake, parser))
    if not number:
        intake.fault(0, "", "the feed holds no <item> and no <entry>")


def _encoding(source: Path, intake: Intake) -> str:
    with source.open("rb") as file:
        start = file.read(512)
    for mark, codec in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if start.startswith(mark):
            return codec
    if start[:4] in (b"<\x00?\x00", b"\x00<\x00?"):
        return "utf-16-le" if start[0] else "utf-16-be"
    declared = re.match(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.\-]{1,40})["']""", start)
    name = declared.group(1).decode("ascii", "replace") if declared else "utf-8"
    if not _ENCODINGS.fullmatch(name):
        intake.fault(0, "encoding", f"encoding {name!r} is not known; the file was read as UTF-8", "field")
        name = "utf-8"
    return "utf-8" if name.lower().replace("-", "").startswith("utf16") else name


def _cut(intake: Intake) -> Iterator[tuple[str | None, str]]:
    """Each item as text, with a complaint or empty; None for an item that is lost, with the reason."""
    with intake.source.open(encoding=_encoding(intake.source, intake), errors="replace", newline="") as file:
        text, ended = file.read(_HEAD), False
        if not _ROOT.search(text):
            raise CatalogError(
                f"{intake.source} is no RSS or Atom feed: no <rss>, <feed> or <rdf:RDF> in it; readers: see READERS"
            )
        start: int | None = None  # where the open item begins in `text`
        place = 0
        while True:
            token = _TOKEN.search(text, place)
            close = _section_end(text, token) if token and token.group().startswith("<!") else 0
            short = token is None or close is None or token.end() > len(text) - 16
            if short and not ended:
                text, place, start = _forget(text, place, start)
                if start is not None and len(text) > MAX_ITEM:
                    yield None, f"an item of more than {MAX_ITEM} characters; it was left out"
                    start, place = None, max(0, len(text) - 16)
                chunk = file.read(_CHUNK)
                text, ended = text + chunk, not chunk
                continue
            if token is None:
                break
            if token.group().startswith("<!"):
                place = token.end() if close is None else close
            elif token.group().startswith("</"):
                if start is not None:
                    yield text[start : token.end()], ""
                start, place = None, token.end()
            else:
                if start is not None:
                    yield (
                        text[start : token.start()],
                        "the item is not closed before the next begins; it was read as far as it goes",
                    )
                start, place = token.start(), token.end()
        if start is not None:
            yield None, "the file breaks off in this item; it was left out"
        elif not re.search(r"</(rss|feed|channel|(\w+:)?RDF)\s*>\s*(<!--.*)?$", text[-2_000:], re.DOTALL):
            yield None, "the file breaks off after the item before; what followed is missing"


def _section_end(text: str, token: re.Match[str]) -> int | None:
    """Where a comment or CDATA section ends; or its start if it never does; None to read on."""
    opening = token.group()
    again = text.find(opening, token.end())
    # Only as far as the next opening: looking further for each of many openings would take quadratic time.
    end = text.find("-->" if opening == "<!--" else "]]>", token.end(), again if again >= 0 else len(text))
    if end >= 0:
        return end + 3
    return token.end() if again >= 0 or len(text) - token.end() > MAX_ITEM // 2 else None


def _forget(text: str, place: int, start: int | None) -> tuple[str, int, int | None]:
    """Drop what is read; a tag may be cut in two at the end, so its last characters stay."""
    keep = start if start is not None else max(place, len(text) - 4_096) if not _TOKEN.search(text, place) else place
    return text[keep:], max(place - keep, 0), None if start is None else 0


def _values(item: str, number: int, intake: Intake, parser: Any) -> dict[str, list[str]]:
    from lxml import etree

    if "\ufffd" in item:
        intake.fault(number, "", "bytes that are not of the file's encoding; they are shown as \ufffd", "field")
    clean = _INVALID.sub("", item)
    if clean != item:
        intake.fault(number, "", "characters that XML does not allow (such as NUL); they were dropped", "field")
    try:
        root = etree.fromstring(_ENTITY.sub(_named, clean).encode(), parser)
    except etree.XMLSyntaxError as problem:
        intake.fault(number, "", f"the item cannot be read as XML ({str(problem)[:120]})", "field")
        return {}
    broken = [entry.message.strip() for entry in parser.error_log if entry.level_name == "FATAL"]
    if broken:
        intake.fault(number, "", f"broken markup was repaired ({broken[0][:120]})", "field")
    return _fields(root, number, intake)


def _named(entity: re.Match[str]) -> str:
    """HTML's names for letters (``&eacute;``), which XML does not know but feeds are full of."""
    name = entity.group(1)
    if name in _XML_ENTITIES or f"{name};" not in html5:
        return entity.group()
    return html5[f"{name};"]


def _fields(root: Any, number: int, intake: Intake) -> dict[str, list[str]]:
    """Field name → values; a field of Google's namespace replaces RSS's or Atom's own of the same name."""
    own: dict[str, list[str]] = {}
    google: dict[str, list[str]] = {}
    for count, element in enumerate(root):
        if count == MAX_FIELDS:
            intake.fault(
                number, "", f"more than {MAX_FIELDS} fields in one item; the first {MAX_FIELDS} were read", "field"
            )
            break
        name, of_google = _local(element.tag)
        value = (element.text or "").strip()
        if name == "link" and not value and element.get("rel", "alternate") == "alternate":
            value = (element.get("href") or "").strip()
        if name and value:
            (google if of_google else own).setdefault(name, []).append(value)
    return {**own, **google}


def _local(tag: object) -> tuple[str, bool]:
    """Local name of an element and whether it is Google's; empty for other vocabularies (``media:``, ``dc:``)."""
    if not isinstance(tag, str):
        return "", False
    namespace, _, name = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
    prefix, _, name = name.rpartition(":")
    if namespace and _GOOGLE not in namespace and "atom" not in namespace.lower() and "rss" not in namespace.lower():
        return "", False
    if prefix and prefix not in ("g", "c"):
        return "", False
    return name.casefold(), bool(prefix) or _GOOGLE in namespace
