"""Names of rows and words of filters: digests, so that no text of a shop ever stands in an expression.

A key is a hash of what the row is, so any client can work out which rows belong to a product without asking, keys are
spread evenly (a collection is walked in parts by their first digits), and nothing needs quoting.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Final

from wearabouts.stores.where import normal

META: Final = "m"
KEY: Final = 40  # bytes of the longest key
# Text columns with a field of their own, compared as one number; the others share one array of terms.
SCALARS: Final = ("brand", "currency", "availability", "group")

_PLAIN: Final = re.compile(r"[a-z0-9_]{0,64}")


def product_key(product_id: str) -> str:
    """The key of a product's head."""
    return "p" + _digest("product", product_id).hex()


def note_key(name: str) -> str:
    """The key of a note's head."""
    return "n" + _digest("note", name).hex()


def word_key(kind: str, name: str) -> str:
    """The key of an entry of the shop's vocabulary: a column, garment or kind of evidence that some product has."""
    return "w" + _digest("word", kind, name).hex()


def photo_key(owner: str, version: int, place: int) -> str:
    """The key of a photo's row: one of a certain writing of its product, never used again."""
    return _digest("photo", owner, str(version), str(place)).hex()


def piece_key(owner: str, version: int, place: int) -> str:
    """The key of a piece of what does not fit into a row."""
    return _digest("piece", owner, str(version), str(place)).hex()


def term(*parts: str) -> int:
    """63 bits that stand for a fact; two facts of a shop share them once in billions of billions of pairs."""
    return int.from_bytes(_digest("term", *parts)[:8], "big") >> 1


def photo_term(photo_id: str) -> int:
    """What a photo is looked up by; whoever does compares its id as well."""
    return term("photo", photo_id)


def digest_term(digest: str) -> int:
    """What a photo's bytes are looked up by."""
    return term("digest", digest)


def scalar(column: str, text: str) -> int:
    """The value of a field of `SCALARS`; 0 where the column is empty."""
    plain = normal(column, text)
    return term(column, plain) if plain else 0


def partition(garment: str) -> str:
    """What a garment is called as the partition key: itself where it is a plain word, else a digest of it."""
    plain = normal("garment", garment)
    return plain if _PLAIN.fullmatch(plain) else "#" + _digest("garment", plain).hex()


def prefixes(category: str) -> Iterator[str]:
    """A category's path and every path above it, as the filter language compares them."""
    path = normal("category", category)
    parts = path.split(" > ")
    for count in range(1, len(parts) + 1):
        yield " > ".join(parts[:count])


def slices(rows: int, size: int, head: str = "") -> Iterator[str]:
    """Expressions that part a collection by the first digits of its keys.

    Args:
        rows: How many there are, about.
        size: How many a part shall have, about.
        head: What the keys wanted begin with.
    """
    digits = 0
    while rows > size * 16**digits:
        digits += 1
    for number in range(16**digits):
        start = head + (f"{number:0{digits}x}" if digits else "")
        yield f'key like "{start}%"' if start else 'key >= ""'


def _digest(*parts: str) -> bytes:
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        state.update(len(raw).to_bytes(8, "little") + raw)
    return state.digest()
