"""From a catalog to a filled store, and again: what is embedded, what is not, and what a stop leaves behind."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakes import TinyEncoder, TinyGarmentEncoder
from pictures import saved, scene
from torture.indexing import torture
from wearabouts.catalog import Catalog, Fault, Faults, Photo, Product
from wearabouts.embedding import IndexProgress, IndexSummary, index
from wearabouts.errors import CatalogError, FetchError, SettingsError, StoreError
from wearabouts.fetch import Fetched, Fetcher, FetchSettings
from wearabouts.images import decode
from wearabouts.stores import PhotoRecord, ProductRecord, Store, open_store
from wearabouts.types import Box, Encoding, Pixels, Side


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "store", mode="write", encoder_hash=TinyEncoder.hash, dim=TinyEncoder.dim)
    yield opened
    assert opened.check() == []
    opened.close()


def catalog(products: Sequence[Product], *faults: Fault) -> Catalog:
    def stream(into: Faults) -> Iterator[Product]:
        for fault in faults:
            into.add(fault)
        yield from products

    return Catalog("list", "a list", stream)


def write(folder: Path, name: str, seed: int, kind: str = "PNG", width: int = 40) -> str:
    path = folder / name
    path.write_bytes(saved(scene(width, 60, seed), kind))
    return str(path)


def shop(folder: Path, count: int, photos: int = 2) -> list[Product]:
    """`count` products of `photos` photos each, all different."""
    return [
        Product(
            f"p{number:03}",
            tuple(
                Photo(f"p{number:03}~{view}", write(folder, f"{number}-{view}.png", 1_000 * view + number))
                for view in range(photos)
            ),
            title=f"product {number}",
            price=10.0 + number,
            currency="EUR",
            attributes={"size": "M"},
        )
        for number in range(count)
    ]


def embedded(encoder: TinyEncoder) -> int:
    """How many photos went through the encoder since the last time, which is forgotten."""
    total = sum(encoder.calls)
    encoder.calls.clear()
    return total


def figures(summary: IndexSummary) -> tuple[int, int, int, int, int]:
    return summary.products, summary.photos, summary.embedded, summary.reused, summary.unchanged


class Watched:
    """A store that counts the products written to it."""

    def __init__(self, store: Store) -> None:
        self.store, self.written = store, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)

    def upsert(self, records: Sequence[ProductRecord]) -> int:
        self.written += len(list(records))
        return self.store.upsert(records)


@pytest.mark.parametrize("batch, workers", [(1, 1), (3, 2), (64, 8)])
def test_every_photo_gets_the_vector_of_its_own_pixels(tmp_path: Path, store: Store, batch: int, workers: int) -> None:
    products = shop(tmp_path, 23)
    encoder = TinyEncoder()
    summary = index(catalog(products), encoder, store, batch=batch, workers=workers)
    assert figures(summary) == (23, 46, 46, 0, 0)
    assert embedded(encoder) == 46
    assert list(store.products()) == [product.id for product in products]
    for product in products:
        record = store.record(product.id)
        assert record is not None
        assert record.product == product
        for stored, photo in zip(record.photos, product.photos, strict=True):
            data = Path(photo.uri).read_bytes()
            assert stored.photo == photo
            assert stored.digest == sha256(data).hexdigest()
            assert np.allclose(stored.vector, encoder.vectors_of([decode(data).pixels])[0], atol=1e-6)
            assert (stored.garment, dict(stored.seen)) == ("", {})


def test_a_second_run_embeds_and_writes_nothing(tmp_path: Path, store: Store) -> None:
    products, encoder, watched = shop(tmp_path, 12), TinyEncoder(), Watched(store)
    index(catalog(products), encoder, watched)
    assert watched.written == 12
    embedded(encoder)
    summary = index(catalog(products), encoder, watched, prune=True)
    assert figures(summary) == (12, 24, 0, 0, 24)
    assert (embedded(encoder), watched.written, summary.pruned, len(summary.faults)) == (0, 12, 0, 0)


def test_changed_facts_are_written_without_embedding(tmp_path: Path, store: Store) -> None:
    products, encoder, watched = shop(tmp_path, 5), TinyEncoder(), Watched(store)
    index(catalog(products), encoder, watched)
    embedded(encoder)
    products[2] = replace(products[2], price=3.5, attributes={"size": "L"})
    assert figures(index(catalog(products), encoder, watched)) == (5, 10, 0, 0, 10)
    assert (embedded(encoder), watched.written) == (0, 6)
    assert store.record("p002").product == products[2]


def test_changed_bytes_are_embedded_and_moved_ones_are_not(tmp_path: Path, store: Store) -> None:
    products, encoder = shop(tmp_path, 5), TinyEncoder()
    index(catalog(products), encoder, store)
    embedded(encoder)
    vectors = store.vectors(["p001~0", "p001~1", "p003~0"])
    write(tmp_path, "1-0.png", 77)
    moved = Path(products[3].photos[0].uri).rename(tmp_path / "moved.png")
    products[3] = replace(products[3], photos=(replace(products[3].photos[0], uri=str(moved)), products[3].photos[1]))
    assert figures(index(catalog(products), encoder, store)) == (5, 10, 1, 1, 8)
    assert embedded(encoder) == 1
    now = store.vectors(["p001~0", "p001~1", "p003~0"])
    assert not np.allclose(now[0], vectors[0])
    assert np.array_equal(now[1:], vectors[1:])
    assert store.record("p003").photos[0].photo.uri == str(moved)
    assert store.thumbnail("p003~0") is not None


def test_a_photo_added_or_taken_away_leaves_the_others(tmp_path: Path, store: Store) -> None:
    products, encoder = shop(tmp_path, 3, photos=3), TinyEncoder()
    index(catalog([replace(product, photos=product.photos[:2]) for product in products]), encoder, store)
    embedded(encoder)
    summary = index(catalog([replace(product, photos=product.photos[1:]) for product in products]), encoder, store)
    assert figures(summary) == (3, 6, 3, 0, 3)
    assert [record.photo.id for record in store.record("p001").photos] == ["p001~1", "p001~2"]


@pytest.mark.parametrize("batch", [2, 50])
def test_the_same_bytes_are_embedded_once(tmp_path: Path, store: Store, batch: int) -> None:
    uri = write(tmp_path, "one.png", 1)
    copy = write(tmp_path, "copy.png", 1)
    products = [
        Product(f"v{number}", (Photo(f"v{number}~0", (uri, copy)[number % 2]),), group="v") for number in range(9)
    ]
    encoder = TinyEncoder()
    assert figures(index(catalog(products), encoder, store, batch=batch)) == (9, 9, 1, 8, 0)
    assert embedded(encoder) == 1
    vectors = store.vectors([f"v{number}~0" for number in range(9)])
    assert np.array_equal(vectors, np.tile(vectors[0], (9, 1)))


def test_an_address_shared_by_variants_is_fetched_once(tmp_path: Path, store: Store) -> None:
    asked: list[str] = []

    class Counting(Fetcher):
        def fetch(self, uri: str, **options: object) -> Fetched:
            asked.append(uri)
            return super().fetch(uri)

    uris = [write(tmp_path, f"{seed}.png", seed) for seed in range(3)]
    products = [
        Product(f"v{number}", tuple(Photo(f"v{number}~{view}", uri) for view, uri in enumerate(uris)))
        for number in range(8)
    ]
    summary = index(catalog(products), TinyEncoder(), store, fetcher=Counting())
    assert figures(summary) == (8, 24, 3, 21, 0)
    assert sorted(asked) == sorted(uris)
    for product in products:
        assert [record.photo for record in store.record(product.id).photos] == list(product.photos)


def test_bad_photos_cost_themselves_alone(tmp_path: Path, store: Store) -> None:
    products = shop(tmp_path, 6)
    Path(products[1].photos[0].uri).write_bytes(b"<html>not found</html>")
    Path(products[4].photos[0].uri).unlink()
    Path(products[4].photos[1].uri).write_bytes(saved(scene(), "PNG")[:200])
    summary = index(catalog(products), TinyEncoder(), store)
    assert figures(summary) == (5, 9, 9, 0, 0)
    assert summary.faults.counts == {"product": 1, "photo": 3, "field": 0}
    assert list(store.products()) == ["p000", "p001", "p002", "p003", "p005"]
    reasons = " ".join(fault.reason for fault in summary.faults.kept)
    for part in ("1-0.png", "4-0.png", "4-1.png", "none of its 2 photos", "'p004'"):
        assert part in reasons
    assert "\n" not in reasons


def test_a_photo_out_of_reach_stays_and_a_broken_one_goes(tmp_path: Path, store: Store) -> None:
    products, encoder = shop(tmp_path, 2), TinyEncoder()
    index(catalog(products), encoder, store)
    embedded(encoder)
    Path(products[0].photos[0].uri).unlink()
    Path(products[1].photos[0].uri).write_bytes(b"broken")
    summary = index(catalog(products), encoder, store)
    assert figures(summary) == (2, 3, 0, 0, 3)
    assert summary.faults.counts["photo"] == 2
    assert [record.photo.id for record in store.record("p000").photos] == ["p000~0", "p000~1"]
    assert [record.photo.id for record in store.record("p001").photos] == ["p001~1"]


def test_queries_and_customers_photos_stay_out(tmp_path: Path, store: Store) -> None:
    uris = [write(tmp_path, f"{seed}.png", seed) for seed in range(4)]
    box = Box(10, 10, 20, 30)
    photos = (
        Photo("shop", uris[0], box=box),
        Photo("query", uris[1], split="query"),
        Photo("street", uris[2], side="street", box=box),
        Photo("street query", uris[3], side="street", split="query"),
    )
    products = [Product("a", photos), Product("queries only", (replace(photos[1], id="b"),))]
    encoder = TinyEncoder()
    assert figures(index(catalog(products), encoder, store)) == (1, 1, 1, 0, 0)
    summary = index(catalog(products), encoder, store, all_photos=True)
    assert (summary.products, summary.photos, len(summary.faults)) == (2, 5, 0)
    seen = {uri: decode(Path(uri).read_bytes()) for uri in uris}
    whole = encoder.vectors_of([seen[uris[0]].pixels])[0]
    part = encoder.vectors_of([seen[uris[2]].crop(box)])[0]
    stored = store.vectors(["shop", "street"])
    assert np.allclose(stored[0], whole, atol=1e-6)  # the shop's own picture is compared as it is shown
    assert np.allclose(stored[1], part, atol=1e-6)  # of a customer's picture, only what the box says is the product


def test_a_moved_box_on_a_customers_photo_is_embedded_again(tmp_path: Path, store: Store) -> None:
    photo = Photo("street", write(tmp_path, "s.png", 1), side="street", box=Box(0, 0, 10, 10))
    encoder = TinyEncoder()
    index(catalog([Product("a", (photo,))]), encoder, store, all_photos=True)
    other = replace(photo, box=Box(20, 20, 20, 30))
    assert figures(index(catalog([Product("a", (other,))]), encoder, store, all_photos=True)) == (1, 1, 1, 0, 0)
    same = replace(other, labels={"view": "front"})
    assert figures(index(catalog([Product("a", (same,))]), encoder, store, all_photos=True)) == (1, 1, 0, 0, 1)
    assert store.record("a").photos[0].photo == same


def test_what_the_model_sees_is_stored_beside_the_feeds_word(tmp_path: Path) -> None:
    encoder = TinyGarmentEncoder()
    store = open_store(tmp_path / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    photos = []
    for number, colour in enumerate([(250, 0, 0), (0, 0, 250), (245, 5, 5), (120, 120, 120)]):
        path = tmp_path / f"{number}.png"
        path.write_bytes(saved(np.full((30, 30, 3), colour, np.uint8)))
        photos.append(Photo(f"x{number}", str(path)))
    products = [
        Product("voted", tuple(photos[:3])),
        Product("told", (replace(photos[0], id="y"),), garment="skirt"),
        Product("unsure", (photos[3],)),
    ]
    index(catalog(products), encoder, store)
    voted = store.record("voted")
    assert [(photo.garment, dict(photo.seen)) for photo in voted.photos] == [
        ("dress", {"color": "red"}),
        ("shoes", {"color": "blue"}),
        ("dress", {"color": "red"}),
    ]
    assert store.product("voted")["garment"] == "dress"
    assert store.product("told")["garment"] == "skirt"
    assert store.record("told").photos[0].garment == "dress"
    assert dict(store.record("unsure").photos[0].seen) == {}  # three colours of one third each: none is certain
    store.close()


def test_thumbnails_are_small_and_made_later_when_asked_for(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(saved(scene(900, 1_200), "JPEG", comment="secret"))
    products, encoder = [Product("a", (Photo("a~0", str(path)),))], TinyEncoder()
    index(catalog(products), encoder, store, thumbnails=False)
    assert store.thumbnail("a~0") is None
    vector = store.vectors(["a~0"])
    assert figures(index(catalog(products), encoder, store)) == (1, 1, 0, 0, 1)
    thumbnail = store.thumbnail("a~0")
    assert Image.open(BytesIO(thumbnail)).size == (384, 512)
    assert b"secret" not in thumbnail
    assert np.array_equal(store.vectors(["a~0"]), vector)
    assert sum(encoder.calls) == 1
    index(catalog(products), encoder, store, thumbnails=False)
    assert store.thumbnail("a~0") == thumbnail


def test_what_left_the_catalog_is_pruned_only_when_asked(tmp_path: Path, store: Store) -> None:
    products, encoder = shop(tmp_path, 10), TinyEncoder()
    index(catalog(products), encoder, store)
    assert index(catalog(products[:7]), encoder, store).pruned == 0
    assert len(list(store.products())) == 10
    summary = index(catalog(products[:7]), encoder, store, prune=True)
    assert (summary.pruned, summary.prune_refused) == (3, "")
    assert list(store.products()) == [product.id for product in products[:7]]


def test_a_catalog_that_looks_broken_prunes_nothing(tmp_path: Path, store: Store) -> None:
    products, encoder = shop(tmp_path, 24, photos=1), TinyEncoder()
    index(catalog(products), encoder, store)
    lost = [Fault("feed", row, "id", "unreadable") for row in range(3)]
    for given, said in [
        (catalog([]), "no product"),
        (catalog(products[:20], *lost), "lost 3 rows"),
        (catalog(products[:11]), "13 of 24"),
    ]:
        summary = index(given, encoder, store, prune=True)
        assert summary.pruned == 0
        assert said in summary.prune_refused
        assert len(list(store.products())) == 24
    assert index(catalog(products[:20], *lost[:2]), encoder, store, prune=True).pruned == 4
    assert index(catalog(products[:2]), encoder, store, prune=True, prune_limit=1).pruned == 18


def test_a_product_without_a_good_photo_is_not_pruned(tmp_path: Path, store: Store) -> None:
    products, encoder = shop(tmp_path, 3), TinyEncoder()
    index(catalog(products), encoder, store)
    for photo in products[1].photos:
        Path(photo.uri).write_bytes(b"broken")
    summary = index(catalog(products), encoder, store, prune=True)
    assert (summary.pruned, summary.faults.counts["product"]) == (0, 1)
    assert list(store.products()) == ["p000", "p001", "p002"]


def test_a_catalog_that_breaks_off_keeps_what_it_gave_and_prunes_nothing(tmp_path: Path, store: Store) -> None:
    products, encoder = shop(tmp_path, 6), TinyEncoder()
    index(catalog(products[5:]), encoder, store)

    def stream(faults: Faults) -> Iterator[Product]:
        yield from products[:4]
        raise CatalogError("the feed ends inside a tag")

    with pytest.raises(CatalogError, match="ends inside"):
        index(Catalog("list", "a list", stream), encoder, store, prune=True)
    assert list(store.products()) == ["p000", "p001", "p002", "p003", "p005"]


def test_progress_reaches_the_total(tmp_path: Path, store: Store) -> None:
    products, told = shop(tmp_path, 9), []
    Path(products[3].photos[0].uri).write_bytes(b"broken")
    summary = index(catalog(products), TinyEncoder(), store, progress=told.append)
    photos = [progress.photos for progress in told]
    assert photos == sorted(photos)
    last: IndexProgress = told[-1]
    assert (last.photos, last.products, last.embedded, last.faults) == (18, 9, 17, 1)
    assert {progress.total for progress in told} <= {None, 18}
    assert last.rate == pytest.approx(last.photos / last.seconds)
    assert summary.photos_per_second == pytest.approx(17 / summary.seconds)


class Pulled(TinyEncoder):
    """An encoder that fails after so many photos, as when somebody presses Ctrl-C."""

    def __init__(self, photos: int, error: type[BaseException]) -> None:
        super().__init__()
        self.left, self.error = photos, error

    def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
        self.left -= len(photos)
        if self.left < 0:
            raise self.error
        return super().encode(photos, side)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, MemoryError])
def test_a_stopped_run_keeps_what_was_written_and_goes_on(
    tmp_path: Path, store: Store, error: type[BaseException]
) -> None:
    products, before = shop(tmp_path, 90, photos=1), threading.active_count()
    with pytest.raises(error):
        index(catalog(products), Pulled(80, error), store, batch=4, workers=2)
    assert threading.active_count() == before
    kept = list(store.products())
    assert kept == [product.id for product in products[: len(kept)]]
    assert len(kept) == 64  # one group; what was still under way is dropped
    encoder = TinyEncoder()
    assert figures(index(catalog(products), encoder, store)) == (90, 90, 26, 0, 64)
    assert embedded(encoder) == 26


def test_a_stop_from_the_callers_own_thread_is_clean(tmp_path: Path, store: Store) -> None:
    products, before = shop(tmp_path, 40), threading.active_count()

    def stop(progress: IndexProgress) -> None:
        if progress.products == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index(catalog(products), TinyEncoder(), store, progress=stop, batch=4)
    assert threading.active_count() == before
    assert index(catalog(products), TinyEncoder(), store).products == 40


def test_a_product_that_the_store_refuses_costs_itself_alone(tmp_path: Path, store: Store) -> None:
    products = shop(tmp_path, 4)
    products[1] = replace(products[1], title="lone \ud800 surrogate")
    summary = index(catalog(products), TinyEncoder(), store)
    assert (summary.products, summary.faults.counts["product"]) == (3, 1)
    assert list(store.products()) == ["p000", "p002", "p003"]


def test_a_store_that_takes_nothing_is_an_error_not_a_list_of_faults(tmp_path: Path, store: Store) -> None:
    class Full(Watched):
        def upsert(self, records: Sequence[ProductRecord]) -> int:
            raise StoreError("the disk is full")

    with pytest.raises(StoreError, match="disk is full"):
        index(catalog(shop(tmp_path, 3)), TinyEncoder(), Full(store))


def test_what_cannot_be_meant_is_refused(tmp_path: Path, store: Store) -> None:
    with pytest.raises(StoreError, match="tiny-1"):
        index(catalog([]), TinyGarmentEncoder(), store)
    for options in ({"workers": 0}, {"batch": 0}, {"prune_limit": 0.0}, {"prune_limit": 1.5}):
        with pytest.raises(SettingsError):
            index(catalog([]), TinyEncoder(), store, **options)


class _Site(http.server.BaseHTTPRequestHandler):
    """Serves pictures with an ETag, and says 304 to those who know it."""

    pictures: dict[str, bytes]
    asked: list[tuple[str, int]]

    def do_GET(self) -> None:
        data = self.pictures.get(self.path)
        tag = f'"{sha256(data or b"").hexdigest()[:8]}"'
        status = 404 if data is None else 304 if self.headers.get("If-None-Match") == tag else 200
        self.asked.append((self.path, status))
        self.send_response(status)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(data)) if status == 200 and data else "0")
        self.end_headers()
        if status == 200 and data:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[tuple[str, dict[str, bytes], list[tuple[str, int]]]]:
    handler = type("Site", (_Site,), {"pictures": {}, "asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler.pictures, handler.asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_addresses_are_asked_only_for_what_changed(
    store: Store, site: tuple[str, dict[str, bytes], list[tuple[str, int]]]
) -> None:
    address, pictures, asked = site
    products = []
    for number in range(4):
        pictures[f"/{number}.png"] = saved(scene(seed=number))
        products.append(Product(f"p{number}", (Photo(f"p{number}~0", f"{address}/{number}.png"),)))
    products.append(Product("gone", (Photo("gone~0", f"{address}/gone.png"),)))
    encoder = TinyEncoder()
    with Fetcher(FetchSettings(allow_private=True, backoff=0.0)) as fetcher:
        run: Callable[[], IndexSummary] = partial(index, catalog(products), encoder, store, fetcher=fetcher)
        first = run()
        assert figures(first) == (4, 4, 4, 0, 0)
        assert first.faults.counts == {"product": 1, "photo": 1, "field": 0}
        asked.clear()
        pictures["/2.png"] = saved(scene(seed=99))
        assert figures(run()) == (4, 4, 1, 0, 3)
        statuses = {path: status for path, status in asked}
        assert statuses == {"/0.png": 304, "/1.png": 304, "/2.png": 200, "/3.png": 304, "/gone.png": 404}
        asked.clear()
        pictures.clear()  # the whole site is out of order
        down = run()
        assert figures(down) == (4, 4, 0, 0, 4)
        assert down.faults.counts["photo"] == 5


def test_a_fetcher_that_says_unchanged_of_the_unknown_is_a_fault(tmp_path: Path, store: Store) -> None:
    class Confused:
        def fetch(self, uri: str, **_: object) -> Fetched:
            if uri == "x:unreachable":
                raise FetchError("x:unreachable is out of reach")
            return Fetched(None)

    products = [Product("a", (Photo("a~0", "x:here"),)), Product("b", (Photo("b~0", "x:unreachable"),))]
    summary = index(catalog(products), TinyEncoder(), store, fetcher=Confused())
    assert summary.faults.counts == {"product": 2, "photo": 2, "field": 0}


def test_photos_are_not_held_all_at_once(tmp_path: Path, store: Store) -> None:
    held: list[int] = []
    under_way = 0
    lock = threading.Lock()

    class Counting(Fetcher):
        def fetch(self, uri: str, **options: object) -> Fetched:
            nonlocal under_way
            with lock:
                under_way += 1
                held.append(under_way)
            return super().fetch(uri)

    class Slow(TinyEncoder):
        def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
            nonlocal under_way
            encoding = super().encode(photos, side)
            with lock:
                under_way -= len(photos)
            return encoding

    index(catalog(shop(tmp_path, 150, photos=1)), Slow(), store, fetcher=Counting(), batch=4, workers=2)
    assert len(held) == 150
    assert max(held) <= 40  # window of 2 batches + workers, batches under way and being filled


def test_nothing_acknowledged_is_lost_when_killed(tmp_path: Path) -> None:
    result = torture(tmp_path, kills=5, seed=1)
    assert result.kills == 5
    assert result.acknowledged > 0


def test_records_of_the_line_are_whole(tmp_path: Path, store: Store) -> None:
    index(catalog(shop(tmp_path, 1)), TinyEncoder(), store)
    for record in store.record("p000").photos:
        assert isinstance(record, PhotoRecord)
        assert set(record.validators) == {"stat"}
        assert Image.open(BytesIO(record.thumbnail)).format == "JPEG"
