"""Small stand-ins whose answers can be worked out by hand: encoders made of numpy alone, a store that is a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from wearabouts.calibration import Calibration, Cut
from wearabouts.errors import QueryError, StoreError
from wearabouts.stores import PhotoRecord, ProductRecord
from wearabouts.types import Encoding, Floats, Pixels, Ranking, Side
from wearabouts.verifiers import Evidence, Layout
from wearabouts.verifiers.judge import pooled

GRID = 4
DIM = 32
CHANNELS = ("red", "green", "blue")


def colour_grid(pixels: Pixels) -> Floats:
    """Mean colour of each of 4 x 4 cells: (4, 4, 3) float32 in [0, 1]. Works for any photo of at least one pixel."""
    height, width, _ = pixels.shape
    rows = np.linspace(0, height, GRID + 1).astype(int)
    columns = np.linspace(0, width, GRID + 1).astype(int)
    grid = np.empty((GRID, GRID, 3), np.float32)
    for i in range(GRID):
        for j in range(GRID):
            top, left = min(rows[i], height - 1), min(columns[j], width - 1)
            cell = pixels[top : max(rows[i + 1], top + 1), left : max(columns[j + 1], left + 1)]
            grid[i, j] = cell.reshape(-1, 3).mean(axis=0) / 255
    return grid


class TinyEncoder:
    """A colour grid, projected by a fixed seeded matrix to 32 floats; like colours in like places are near."""

    name = "tiny"
    hash = "tiny-1"
    dim = DIM
    input_size = 64
    garments: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = {}

    def __init__(self) -> None:
        # The last row is a constant feature, so that no photo, mid-grey included, has a vector of length 0.
        self.matrix = np.random.default_rng(7).standard_normal((GRID * GRID * 3 + 1, DIM)).astype(np.float32)
        self.calls: list[int] = []  # how many photos each call was given

    def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
        """One unit vector a photo; the side makes no difference."""
        self.calls.append(len(photos))
        return Encoding(self.vectors_of(photos))

    def vectors_of(self, photos: Sequence[Pixels]) -> Floats:
        """(N, 32) float32 unit vectors."""
        features = np.array([[*(colour_grid(photo).ravel() - 0.5), 0.1] for photo in photos], np.float32)
        vectors = features.reshape(len(photos), len(self.matrix)) @ self.matrix
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class TinyGarmentEncoder(TinyEncoder):
    """The same vectors, with a garment and a colour by mean: reddest = dress, greenest = pants, bluest = shoes.

    The centre alone decides, as a garment's would; `saliency` is how far each cell is from white, over the white square
    in whose middle the photo is fitted.
    """

    name = "tiny-garments"
    hash = "tiny-garments-1"
    garments = ("dress", "pants", "shoes")
    attributes: Mapping[str, tuple[str, ...]] = {"color": CHANNELS}

    def __init__(self, *, sharpness: float = 12.0, saliency: bool = False) -> None:
        super().__init__()
        self.sharpness = sharpness
        self.saliency = saliency

    def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
        """Vectors, garments (N, 3), attributes {"color": (N, 3)} and, when asked for, saliency (N, 4, 4)."""
        self.calls.append(len(photos))
        grids = np.array([colour_grid(photo) for photo in photos], np.float32).reshape(-1, GRID, GRID, 3)
        scores = self.sharpness * grids[:, 1:3, 1:3].mean(axis=(1, 2))
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
        return Encoding(
            self.vectors_of(photos),
            garments=shares,
            attributes={"color": shares},
            saliency=np.array([_darkness(photo) for photo in photos], np.float32) if self.saliency else None,
        )


class TinyTextEncoder(TinyGarmentEncoder):
    """The same, and it reads words: a text is where a photo of its colours' mean would be; unknown words are grey."""

    name = "tiny-words"
    hash = "tiny-words-1"
    reads_text = True
    colours: Mapping[str, tuple[int, int, int]] = {
        "red": (230, 20, 30),
        "green": (30, 200, 40),
        "blue": (20, 30, 160),
        "红色": (230, 20, 30),
    }

    def encode_text(self, texts: Sequence[str]) -> Floats:
        """(N, 32) float32 unit vectors."""
        photos = []
        for text in texts:
            said = [self.colours.get(word, (128, 128, 128)) for word in text.split()]
            photos.append(np.full((GRID, GRID, 3), np.mean(said, axis=0), np.uint8))
        return self.vectors_of(photos)


def _darkness(photo: Pixels) -> Floats:
    """(8, 8) float32 in [0, 1] over the photo's white square."""
    height, width, _ = photo.shape
    side = max(height, width)
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = photo
    cells = np.array([[cell.mean() for cell in np.array_split(row, 8, 1)] for row in np.array_split(square, 8, 0)])
    return (1 - cells / 255).astype(np.float32)


class TinyJudge:
    """A `Verifier` of an encoder's vectors: one signal, the cosine, and log-odds 20 · (similarity - 0.9).

    Args:
        encoder: Whose vectors it compares, and whose labels a store keeps; it looks at no label itself.
    """

    name = "tiny-judge"
    hash = "tiny-judge-1"
    signals: tuple[str, ...] = ("similarity",)
    shortlist = 10
    views = 1.0

    def __init__(self, encoder: TinyEncoder | type[TinyEncoder] = TinyEncoder) -> None:
        self.encoder_hash = encoder.hash
        self.dim = encoder.dim
        self.layout = Layout(labels=len(encoder.garments) + sum(len(part) for part in encoder.attributes.values()))
        self.calls: list[tuple[int, str | None]] = []  # how many candidates each call judged, and the category

    def weigh(self, query: Evidence, shop: Evidence, category: str | None = None) -> Floats:
        """(n, 1) cosines."""
        if query.vectors.shape != (1, self.dim) or shop.vectors.shape != (len(shop), self.dim):
            raise QueryError(f"vectors are {query.vectors.shape} and {shop.vectors.shape}, not (1, 32) and (n, 32)")
        self.calls.append((len(shop), category))
        return (shop.vectors * query.vectors).sum(axis=1, keepdims=True, dtype=np.float32)

    def logits(self, signals: Floats) -> Floats:
        """0 at a cosine of 0.9, 2 at 1."""
        if signals.ndim != 2 or signals.shape[1] != len(self.signals):
            raise QueryError(f"signals are {signals.shape}, not (n, {len(self.signals)})")
        return (20 * (signals[:, 0] - 0.9)).astype(np.float32)

    def pooled(self, logits: Floats, products: list[int]) -> Floats:
        """The mean of the photos' likelihood ratios."""
        return pooled(logits, products, self.views)


def tiny_calibration(verifier: str = TinyJudge.hash, **changed: Any) -> Calibration:
    """Curves for `TinyJudge`: alone on the shortlist, a cosine of 1 is the same item at .98, .95 at .88, .9 at .5.

    Args:
        verifier: Hash of the judge it is for.
        **changed: Fields of `Calibration` to have otherwise.
    """
    cuts = ((0.5, 0.4, 0.8), (0.8, 0.6, 0.7), (0.9, 0.75, 0.6), (0.95, 0.85, 0.5), (0.99, 0.97, 0.2), (0.999, None, 0))
    fields: dict[str, Any] = {
        "calibrated_on": "200 drawn colour patches",
        "population": "a query and the first 10 products of its search",
        "labels": 200,
        "temperature": 0.5,
        "absent": 0.0,
        "beyond": -8.0,
        "pair": (2.0, 0.0),
        "cuts": tuple(Cut(precision=asked, probability=least, said=said) for asked, least, said in cuts),
        "carried": 0.4,
    }
    return Calibration(verifier=verifier, **(fields | changed))


class ListStore:
    """A `Store` for searching only: brute force over a list, filters as Python functions, every call written down."""

    dim = DIM

    def __init__(self, records: Sequence[ProductRecord], encoder_hash: str = TinyEncoder.hash) -> None:
        self.encoder_hash = encoder_hash
        self.records = {record.product.id: record for record in records}
        self.filters = {"cheap": lambda product: product.price is not None and product.price < 20}
        self.searches: list[tuple[int, tuple[str, ...]]] = []  # (count, garments) of each
        self.asked: list[tuple[int, str]] = []  # (photos, kind) of each question for what lies beside
        self.notes: dict[str, dict[str, Any]] = {}

    def search(
        self, vector: Floats, count: int, *, where: str | None = None, garments: Sequence[str] = (), exact: bool = False
    ) -> Ranking:
        """All photos that pass, best first, ties by id, cut at `count`."""
        self.searches.append((count, tuple(garments)))
        if where is not None and where not in self.filters:
            raise QueryError(f"filter {where!r} cannot be read")
        rows = [
            (-float(np.float32(photo.vector @ vector)), photo.photo.id, record.product.id)
            for record in self.records.values()
            for photo in record.photos
            if (where is None or self.filters[where](record.product))
            and (not garments or (record.product.garment or photo.garment) in garments)
        ]
        rows = sorted(rows)[:count]
        similarity = np.array([-row[0] for row in rows], np.float32)
        return Ranking(tuple(row[1] for row in rows), tuple(row[2] for row in rows), similarity)

    def record(self, product_id: str) -> ProductRecord | None:
        """The record as given."""
        return self.records.get(product_id)

    def product(self, product_id: str) -> dict[str, Any] | None:
        """The fields of `Product`, and of each photo id, uri, garment, seen."""
        return self.told([product_id]).get(product_id)

    def told(self, product_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The same of many."""
        return {ident: self._told(self.records[ident]) for ident in product_ids if ident in self.records}

    def _told(self, record: ProductRecord) -> dict[str, Any]:
        photos = [
            {"id": item.photo.id, "uri": item.photo.uri, "garment": item.garment, "seen": dict(item.seen)}
            for item in record.photos
        ]
        names = ("id", "title", "category", "garment", "brand", "price", "currency", "attributes")
        return {**{name: getattr(record.product, name) for name in names}, "photos": photos}

    def products(self) -> Iterator[str]:
        """Ids in order."""
        return iter(sorted(self.records))

    def vectors(self, photo_ids: Sequence[str]) -> Floats:
        """(n, 32) float32 in the order asked for."""
        photos = self._photos()
        for ident in photo_ids:
            if ident not in photos:
                raise StoreError(f"photo {ident!r} is not in the store")
        return np.array([photos[ident].vector for ident in photo_ids], np.float32).reshape(-1, self.dim)

    def photos(self, product_ids: Sequence[str]) -> list[tuple[str, ...]]:
        """Each product's photos, none for one that is not there."""
        found = (self.records.get(ident) for ident in product_ids)
        return [() if each is None else tuple(item.photo.id for item in each.photos) for each in found]

    def beside(self, photo_ids: Sequence[str], kind: str) -> list[bytes | None]:
        """What the records hold of that kind, None where there is none or no such photo."""
        self.asked.append((len(photo_ids), kind))
        photos = self._photos()
        return [photos[ident].beside.get(kind) if ident in photos else None for ident in photo_ids]

    def refresh(self) -> None:
        """Nobody else writes."""

    def settle(self, progress: object = None) -> None:
        """Nothing is left for later."""

    def vitals(self) -> dict[str, float]:
        """Nothing changes."""
        return {}

    def note(self, name: str) -> dict[str, Any] | None:
        """A copy of the note."""
        facts = self.notes.get(name)
        return None if facts is None else dict(facts)

    def write_note(self, name: str, facts: Mapping[str, Any] | None) -> None:
        """Keep a note, or forget it."""
        self.notes.pop(name, None)
        if facts is not None:
            self.notes[name] = dict(facts)

    def _photos(self) -> dict[str, PhotoRecord]:
        return {each.photo.id: each for record in self.records.values() for each in record.photos}
