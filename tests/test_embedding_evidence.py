"""What indexing keeps for the second stage: evidence of every photo, and a pair network's halves where asked for."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fakes import TinyEncoder, TinyGarmentEncoder
from pictures import saved
from wearabouts.catalog import Catalog, Photo, Product
from wearabouts.embedding import IndexSummary, index
from wearabouts.errors import SettingsError
from wearabouts.images import decode
from wearabouts.stores import Store, open_store
from wearabouts.types import Encoding, Floats, Pixels, Side
from wearabouts.verifiers import Layout
from wearabouts.verifiers.evidence import KIND, packed, packed_halves, seen, unpacked, unpacked_halves

REGIONS, WIDTH = 4, 5
LAYOUT = Layout(REGIONS, WIDTH, 6)


class RegionEncoder(TinyGarmentEncoder):
    """Garments and a colour, and four regions of five numbers that follow from the vector."""

    def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
        """As its parent, with `regions` (N, 4, 5)."""
        encoding = super().encode(photos, side)
        regions = np.rint(encoding.vectors[:, : REGIONS * WIDTH] * 127).astype(np.int8)
        return replace(encoding, regions=regions.reshape(-1, REGIONS, WIDTH))


class Doubling:
    """Halves of three floats: the vector's first three, times `factor`; counts the photos it was asked for."""

    def __init__(self, kind: str | None = "half-0011223344556677", factor: float = 2.0) -> None:
        self.half_kind, self.factor, self.asked = kind, factor, 0

    def half(self, shop: Floats) -> Floats:
        """(N, 3) float32."""
        self.asked += len(shop)
        return shop[:, :3] * np.float32(self.factor)


@pytest.fixture
def encoder() -> RegionEncoder:
    return RegionEncoder()


@pytest.fixture
def store(tmp_path: Path, encoder: RegionEncoder) -> Iterator[Store]:
    opened = open_store(tmp_path / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    yield opened
    assert opened.check() == []
    opened.close()


@pytest.fixture
def products(tmp_path: Path) -> list[Product]:
    """Seven products of two photos, every photo of another colour."""
    colours = np.random.default_rng(2).integers(0, 255, (14, 3))
    for number, colour in enumerate(colours):
        pixels = np.full((24, 20, 3), colour, np.uint8)
        (tmp_path / f"{number}.png").write_bytes(saved(pixels))
    photos = [Photo(f"a{number:02}", str(tmp_path / f"{number}.png")) for number in range(14)]
    return [Product(f"p{number}", tuple(photos[2 * number : 2 * number + 2])) for number in range(7)]


def run(products: Sequence[Product], encoder: TinyEncoder, store: Store, **options: object) -> IndexSummary:
    return index(Catalog("list", "a list", lambda _: iter(products)), encoder, store, **options)


def ids(products: Sequence[Product]) -> list[str]:
    return [photo.id for product in products for photo in product.photos]


def forget(store: Store, tmp_path: Path) -> None:
    """Take everything beside the photos away, as in a store that was migrated."""
    connection = sqlite3.connect(tmp_path / "store" / "store.db")
    connection.execute("DELETE FROM beside")
    connection.commit()
    connection.close()
    assert store.describe()["beside"] == {}


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_every_photo_gets_the_evidence_of_its_own_pixels(
    products: list[Product], encoder: RegionEncoder, store: Store, batch: int
) -> None:
    run(products, encoder, store, batch=batch)
    names = ids(products)
    kept = store.beside(names, KIND)
    pixels = [decode(Path(photo.uri).read_bytes()).pixels for product in products for photo in product.photos]
    encoding = encoder.encode(pixels)
    assert kept == packed(seen(encoding))
    evidence = unpacked(store.vectors(names), kept, LAYOUT)
    assert np.array_equal(evidence.regions, encoding.regions)
    assert np.allclose(evidence.labels[:, :3] / 255, encoding.garments, atol=1 / 500)
    assert len({bytes(value) for value in kept}) == 14
    assert store.describe()["beside"] == {KIND: {"photos": 14, "bytes": 14 * LAYOUT.size}}


def test_a_known_photo_keeps_its_evidence(
    products: list[Product], encoder: RegionEncoder, store: Store, tmp_path: Path
) -> None:
    run(products, encoder, store)
    kept = store.beside(ids(products), KIND)
    encoder.calls.clear()
    products[1] = replace(products[1], price=5.0)
    moved = Path(shutil.copy(products[2].photos[0].uri, tmp_path / "moved.png"))
    products[2] = replace(products[2], photos=(replace(products[2].photos[0], uri=str(moved)), products[2].photos[1]))
    summary = run(products, encoder, store)
    assert (summary.embedded, summary.reused, encoder.calls) == (0, 1, [])
    assert store.product("p1")["price"] == 5
    assert store.beside(ids(products), KIND) == kept


def test_a_photo_without_evidence_is_embedded_again_once(
    products: list[Product], encoder: RegionEncoder, store: Store, tmp_path: Path
) -> None:
    run(products, encoder, store)
    names = ids(products)
    kept, vectors = store.beside(names, KIND), store.vectors(names)
    forget(store, tmp_path)
    # Neither its own record nor another photo of the same bytes stands in for it.
    twin = replace(products[0].photos[0], id="twin")
    summary = run([Product("of the twin", (twin,)), *products], encoder, store)
    assert (summary.embedded, summary.reused, summary.unchanged) == (14, 1, 0)
    assert store.beside([*names, "twin"], KIND) == [*kept, kept[0]]
    assert np.array_equal(store.vectors(names), vectors)
    assert run(products, encoder, store).unchanged == 14


def test_a_photo_out_of_reach_stays_without_evidence(
    products: list[Product], encoder: RegionEncoder, store: Store, tmp_path: Path
) -> None:
    run(products, encoder, store)
    forget(store, tmp_path)
    Path(products[3].photos[1].uri).unlink()
    summary = run(products, encoder, store)
    assert (summary.embedded, len(summary.faults)) == (13, 1)
    kept = store.beside(ids(products), KIND)
    assert [place for place, value in enumerate(kept) if value is None] == [7]
    assert len(store.record("p3").photos) == 2


def test_an_encoder_that_says_nothing_more_keeps_nothing(products: list[Product], tmp_path: Path) -> None:
    encoder = TinyEncoder()
    store = open_store(tmp_path / "plain", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    run(products, encoder, store)
    assert (run(products, encoder, store).unchanged, store.describe()["beside"]) == (14, {})
    store.close()


def test_evidence_too_long_to_be_kept_is_left_out_for_good(products: list[Product], tmp_path: Path) -> None:
    class Verbose(TinyGarmentEncoder):
        attributes = {"word": tuple(f"word {number}" for number in range(9_000))}

        def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
            words = np.full((len(photos), 9_000), 1 / 9_000, np.float32)
            return replace(super().encode(photos, side), attributes={"word": words})

    encoder = Verbose()
    store = open_store(tmp_path / "verbose", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    run(products, encoder, store)
    assert (run(products, encoder, store).unchanged, store.describe()["beside"]) == (14, {})
    store.close()


def test_halves_are_kept_only_when_asked_for_and_then_of_every_photo(
    products: list[Product], encoder: RegionEncoder, store: Store
) -> None:
    halves, names = Doubling(), ids(products)
    run(products[:3], encoder, store)
    assert store.beside(names, halves.half_kind) == [None] * 14
    encoder.calls.clear()
    # What was stored before gets them from its vectors: nothing is embedded for them.
    summary = run(products, encoder, store, halves=halves)
    assert (summary.embedded, summary.unchanged, sum(encoder.calls), halves.asked) == (8, 6, 8, 14)
    expected = (2 * store.vectors(names)[:, :3]).astype(np.float16).astype(np.float32)
    kept = store.beside(names, halves.half_kind)
    assert np.array_equal(unpacked_halves(kept, 3), expected)
    assert None not in store.beside(names, KIND)
    assert store.describe()["beside"][halves.half_kind] == {"photos": 14, "bytes": 14 * 6}
    run(products, encoder, store, halves=halves)
    assert halves.asked == 14
    products[0] = replace(products[0], price=5.0)
    run(products, encoder, store)
    assert store.beside(names, halves.half_kind) == kept


def test_another_networks_halves_take_their_place(
    products: list[Product], encoder: RegionEncoder, store: Store
) -> None:
    first, second = Doubling(), Doubling("half-8899aabbccddeeff", 3.0)
    run(products, encoder, store, halves=first)
    evidence = store.beside(ids(products), KIND)
    run(products, encoder, store, halves=second)
    assert set(store.describe()["beside"]) == {KIND, second.half_kind}
    expected = (3 * store.vectors(ids(products))[:, :3]).astype(np.float16).astype(np.float32)
    assert np.array_equal(unpacked_halves(store.beside(ids(products), second.half_kind), 3), expected)
    assert store.beside(ids(products), KIND) == evidence


def test_a_network_in_one_piece_has_no_halves(products: list[Product], encoder: RegionEncoder, store: Store) -> None:
    with pytest.raises(SettingsError, match="in one piece"):
        run(products, encoder, store, halves=Doubling(None))
    assert list(store.products()) == []


def test_halves_come_back_as_half_precision_or_not_at_all() -> None:
    halves = np.array([[0, 1 / 3, -2], [70, 1e-3, 5]], np.float32)
    kept = packed_halves(halves)
    assert [len(value) for value in kept] == [6, 6]
    assert np.allclose(unpacked_halves(kept, 3), halves, rtol=1e-3)
    assert unpacked_halves([kept[0], None], 3) is None
    assert unpacked_halves(kept, 4) is None
    assert unpacked_halves([], 3).shape == (0, 3)
