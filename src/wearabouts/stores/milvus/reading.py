"""What is read by name.

A row counts only while the head of its product names its version: that is what makes a product change at one moment,
whatever order its rows are written and removed in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from wearabouts.errors import StoreError
from wearabouts.stores import Known, PhotoRecord, ProductRecord
from wearabouts.stores.milvus.client import Connection, Row
from wearabouts.stores.milvus.keys import (
    digest_term,
    note_key,
    photo_key,
    photo_term,
    piece_key,
    product_key,
    slices,
)
from wearabouts.stores.milvus.layout import VECTOR, companions
from wearabouts.stores.milvus.packing import FULL, HEAD, facts_of, joined, keys_of, unpack, unpack_photo, vector_of
from wearabouts.stores.records import AwayError
from wearabouts.types import Floats

LISTED: Final = 4_000  # heads read at once without their facts
PHOTO: Final = ("key", "version", "owner", "product", "photo", "photo_term")


class Reader:
    """Reads one store's collections."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.photos, self.products, self.pieces = companions(connection.address.collection)

    def heads(self, keys: Iterable[str], fields: Sequence[str] = HEAD, *, strong: bool = False) -> dict[str, Row]:
        """Key → head of those that are there.

        Where a server that was killed in the middle of a change shows two heads of one product, the newer counts.
        """
        found: dict[str, Row] = {}
        for row in self.connection.among(self.products, "key", keys, fields, strong=strong):
            known = found.get(row["key"])
            if known is None or known["version"] < row["version"]:
                found[row["key"]] = row
        return found

    def head(self, key: str, *, strong: bool = False) -> tuple[Row, dict[str, Any]] | None:
        """One head and its facts, or None.

        Raises:
            StoreError: They are damaged.
        """
        row = self.heads([key], FULL, strong=strong).get(key)
        return None if row is None else (row, facts_of(row, self._more([row])))

    def facts(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """The facts of heads read with `FULL`."""
        pieces = self._more(rows)
        return [facts_of(row, pieces) for row in rows]

    def _more(self, rows: Sequence[Row]) -> dict[str, str]:
        keys = (piece_key(row["key"], row["version"], place) for row in rows for place in range(row["more"]))
        return self.texts(keys)

    def texts(self, keys: Iterable[str]) -> dict[str, str]:
        """Key → text of pieces."""
        return {key: row["data"] for key, row in self._named(self.pieces, list(keys), ("key", "data")).items()}

    def _named(self, name: str, keys: Sequence[str], fields: Sequence[str]) -> dict[str, Row]:
        """Rows that a head names: one that does not show yet was written by another client just now."""
        found: dict[str, Row] = {}
        for strong in (False, True):
            if len(found) < len(keys):
                rows = self.connection.among(name, "key", keys, fields, strong=strong)
                found = {row["key"]: row for row in rows}
        return found

    def product_ids(self) -> list[str]:
        """All product ids in order."""
        total = self.connection.count(self.products, 'key like "p%"')
        rows = (
            row
            for part in slices(total, LISTED, "p")
            for row in self.connection.query(self.products, part, ("key", "product"))
        )
        return sorted({row["product"] for row in rows})

    def living(self, rows: Sequence[Row]) -> tuple[list[Row], set[str]]:
        """The rows that belong to the present writing of their product, and the keys of the others."""
        heads = self.heads({row["owner"] for row in rows}, ("key", "version"))
        kept = [row for row in rows if heads.get(row["owner"], {}).get("version") == row["version"]]
        return kept, {row["key"] for row in rows} - {row["key"] for row in kept}

    def by_id(self, photo_ids: Iterable[str], fields: Sequence[str]) -> dict[str, Row]:
        """Photo id → its living row."""
        wanted = {photo_term(ident): ident for ident in photo_ids}
        if not wanted:
            return {}
        rows = self.connection.among(self.photos, "photo_term", wanted, (*PHOTO, *fields))
        kept, _ = self.living([row for row in rows if wanted.get(row["photo_term"]) == row["photo"]])
        return {row["photo"]: row for row in kept}

    def told(self, product_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Products as plain data, by id, those that are there."""
        rows = self.heads({product_key(ident) for ident in product_ids}, FULL).values()
        return {each["product"]["id"]: _product_told(each) for each in self.facts(list(rows))}

    def known(self, product_id: str) -> dict[str, Known]:
        """Photo id → what is stored of each of a product's photos."""
        found = self.head(product_key(product_id))
        photos = [] if found is None else found[1]["photos"]
        return {
            each["photo"]["id"]: Known(product_id, each["photo"]["uri"], each["digest"], each["validators"])
            for each in photos
        }

    def record(self, product_id: str) -> ProductRecord | None:
        """The product as it was written, or None.

        Raises:
            StoreError: It is damaged, or a photo of it is missing.
        """
        lost = 0
        for strong in (False, True):  # once more where it was changed in between
            found = self.head(product_key(product_id), strong=strong)
            if found is None:
                return None
            row, facts = found
            keys, pieces = keys_of(row)
            rows = self._named(self.photos, keys, ("key", "pieces", VECTOR))
            texts = self.texts(pieces)
            lost = len(keys) - len(rows)
            if not lost and len(texts) == len(pieces):
                break
        if lost:
            raise StoreError(
                f"{lost} photos of product {product_id!r} are missing; run `wearabouts check --repair`, then index "
                "again"
            )
        photos = [self._photo(row, plain, rows[key], texts) for key, plain in zip(keys, facts["photos"], strict=True)]
        return unpack(facts, photos)

    def _photo(self, head: Row, plain: Mapping[str, Any], row: Row, texts: Mapping[str, str]) -> PhotoRecord:
        told = json.loads(row["pieces"])
        thumbnail = b""
        if "thumbnail" in told:
            data = joined(texts, head["key"], head["version"], told["thumbnail"])
            if data is None:
                raise _damaged(plain["photo"]["id"])
            thumbnail = data
        beside = {
            kind: data
            for kind, pieces in told["beside"].items()
            if (data := joined(texts, head["key"], head["version"], pieces)) is not None
        }
        return unpack_photo(plain, vector_of(row), thumbnail, beside)

    def digest_record(self, digest: str) -> PhotoRecord | None:
        """The first photo with a digest, or None."""
        rows = self.connection.query(self.photos, f"digest_term == {digest_term(digest)}", PHOTO)
        kept, _ = self.living(rows)
        for row in sorted(kept, key=lambda row: (row["version"], row["photo"])):
            record = self.record(row["product"])
            for each in () if record is None else record.photos:
                if each.photo.id == row["photo"] and each.digest == digest:
                    return each
        return None

    def thumbnail(self, photo_id: str) -> bytes | None:
        """The small copy of a photo, or None.

        Raises:
            StoreError: It is damaged.
        """
        for _ in range(2):  # once more where it was changed in between
            row = self.by_id([photo_id], ["pieces"]).get(photo_id)
            told = None if row is None else json.loads(row["pieces"]).get("thumbnail")
            if row is None or told is None:
                return None
            data = joined(self.texts(_keys(row, told)), row["owner"], row["version"], told)
            if data is not None:
                return data
        raise _damaged(photo_id)

    def vectors(self, photo_ids: Sequence[str], dim: int) -> Floats:
        """(n, D) float32 in the order asked for."""
        rows = self.by_id(photo_ids, [VECTOR])
        for ident in photo_ids:
            if ident not in rows:
                raise StoreError(f"photo {ident!r} is not in the store; ask for photos that a search has just given")
        return (
            np.stack([vector_of(rows[ident]) for ident in photo_ids]) if photo_ids else np.zeros((0, dim), np.float32)
        )

    def photos_of(self, product_ids: Sequence[str]) -> list[tuple[str, ...]]:
        """The ids of each product's photos; none for a product that is not there."""
        heads = self.heads(map(product_key, product_ids))
        keys = {
            photo_key(key, head["version"], place): (key, place)
            for key, head in heads.items()
            for place in range(head["photos"])
        }
        found: dict[str, list[tuple[int, str]]] = {}
        for row in self._named(self.photos, list(keys), ("key", "photo")).values():
            owner, place = keys[row["key"]]
            found.setdefault(owner, []).append((place, row["photo"]))
        ordered = (sorted(found.get(product_key(ident), ())) for ident in product_ids)
        return [tuple(photo for _, photo in each) for each in ordered]

    def beside(self, photo_ids: Sequence[str], kind: str) -> list[bytes | None]:
        """One kind of what lies beside photos, in the order asked for; None where there is none or it is damaged."""
        rows = self.by_id(photo_ids, ["pieces"])
        told = {ident: json.loads(row["pieces"])["beside"].get(kind) for ident, row in rows.items()}
        texts = self.texts(key for ident, each in told.items() if each for key in _keys(rows[ident], each))

        def value(ident: str) -> bytes | None:
            each = told.get(ident)
            return joined(texts, rows[ident]["owner"], rows[ident]["version"], each) if each else None

        return [value(ident) for ident in photo_ids]

    def note(self, name: str) -> dict[str, Any] | None:
        """A note as it was written, or None.

        Raises:
            StoreError: It is damaged.
        """
        try:
            found = self.head(note_key(name))
        except AwayError:
            raise
        except StoreError as error:
            raise StoreError(
                f"the note {name!r} is damaged; run `wearabouts check --repair`, then write it again"
            ) from error
        return None if found is None else found[1]["note"]

    def vocabulary(self) -> set[tuple[str, str]]:
        """Every (kind, name) some product has brought: columns, garments, kinds of evidence."""
        rows = self.connection.query(self.products, 'key like "w%"', ("key", "facts"))
        return {(each["kind"], each["name"]) for each in (json.loads(row["facts"]) for row in rows)}


def _keys(row: Row, told: Sequence[int]) -> Iterator[str]:
    first, count, _ = told
    return (piece_key(row["owner"], row["version"], place) for place in range(first, first + count))


def _product_told(facts: Mapping[str, Any]) -> dict[str, Any]:
    own = facts["product"]
    told = {name: own[name] for name in ("id", "title", "category")}
    told |= {"garment": facts["garment"], "garment_given": own["garment"]}
    names = ("brand", "price", "regular_price", "currency", "availability", "link", "group", "attributes")
    told |= {name: own[name] for name in names}
    return told | {"photos": [_photo_told(each) for each in facts["photos"]]}


def _photo_told(facts: Mapping[str, Any]) -> dict[str, Any]:
    photo = facts["photo"]
    told = {name: photo[name] for name in ("id", "uri", "side", "box", "labels")}
    return told | {name: facts[name] for name in ("garment", "seen", "thumbnail")}


def _damaged(photo_id: str) -> StoreError:
    return StoreError(
        f"the stored thumbnail of photo {photo_id[:80]!r} is damaged; run `wearabouts check --repair`, then index again"
    )
