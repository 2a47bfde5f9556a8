"""The contract of every store: inherit `StoreContract`, give a fixture `open_again`, and all of it runs."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from stores.oracle import (
    KINDS,
    Shop,
    assert_same_ranking,
    assert_same_record,
    counted_garment,
    photo_record,
    product_record,
    random_product,
    unit,
)
from wearabouts.catalog import Photo, Product
from wearabouts.errors import QueryError, StoreError
from wearabouts.stores import MAX_BESIDE, ProductRecord
from wearabouts.types import Box, Landmark

FILTERS = {
    "price < 50": lambda r: r.product.price is not None and r.product.price < 50,
    "price >= 50 and in stock": lambda r: (r.product.price or 0) >= 50 and r.product.availability == "in_stock",
    "not in stock": lambda r: r.product.availability != "in_stock",
    'category = "women > tops"': lambda r: r.product.category in ("Women > Tops", "Women > Tops > Shirts"),
    "category contains shirt": lambda r: "shirt" in r.product.category.lower(),
    "brand = acme": lambda r: r.product.brand.lower() == "acme",
    "garment = t-shirt": lambda r: counted_garment(r) == "t_shirt",
    "color in (red, blue) or not has color": lambda r: r.product.attributes.get("color") != "green",
    "id = p7": lambda r: r.product.id == "p7",
    "price < 0": lambda r: False,
}


class StoreContract:
    """Give a fixture `open_again`: a function that opens the same store anew for writing, closing the one before."""

    @pytest.fixture
    def store(self, open_again):
        return open_again()

    @pytest.fixture
    def generator(self):
        return np.random.default_rng(11)

    def filled(self, store, generator, count=60):
        shop = Shop()
        pool = unit(generator, 3)
        records = [random_product(generator, f"p{i}", pool=pool) for i in range(count)]
        assert store.upsert(records) == sum(len(record.photos) for record in records)
        shop.upsert(records)
        return shop, pool

    def test_search_equals_brute_force(self, store, generator):
        shop, pool = self.filled(store, generator)
        for query in [*unit(generator, 5), *pool]:
            for count in (1, 7, 40, 1_000):
                assert_same_ranking(store.search(query, count), shop.nearest(query, count))
                assert_same_ranking(store.search(query, count, exact=True), shop.nearest(query, count))

    @pytest.mark.parametrize("where", FILTERS)
    def test_filters_equal_brute_force(self, store, generator, where):
        shop, pool = self.filled(store, generator)
        for query in (unit(generator)[0], pool[0]):
            expected = shop.nearest(query, 20, FILTERS[where])
            assert_same_ranking(store.search(query, 20, where=where), expected)

    def test_garments_restrict_to_what_products_count_as(self, store, generator):
        shop, _ = self.filled(store, generator)
        query = unit(generator)[0]
        for wanted in (["dress"], ["shirt", "t_shirt"], ["hat"]):
            expected = shop.nearest(query, 30, lambda record, wanted=wanted: counted_garment(record) in wanted)
            assert_same_ranking(store.search(query, 30, garments=wanted), expected)
        both = shop.nearest(query, 30, lambda r: counted_garment(r) == "dress" and (r.product.price or 100) < 50)
        assert_same_ranking(store.search(query, 30, garments=["dress"], where="price < 50"), both)

    def test_photos_of_products_are_those_written_through_changes_and_reopening(self, store, generator, open_again):
        shop, _ = self.filled(store, generator, 20)
        changed = random_product(generator, "p3", pool=unit(generator, 3))
        store.upsert([changed])
        shop.upsert([changed])
        store.delete(["p5"])
        wanted = [*sorted(set(shop.records) - {"p5"}), "p5", "never"]
        for reopened in (False, True):
            current = open_again() if reopened else store
            found = dict(zip(wanted, current.photos(wanted), strict=True))
            assert found.pop("p5") == found.pop("never") == ()
            assert {ident: sorted(photos) for ident, photos in found.items()} == {
                ident: sorted(each.photo.id for each in shop.records[ident].photos) for ident in found
            }
            assert current.photos([]) == []

    def test_a_photo_finds_itself_and_a_nearer_one_never_scores_lower(self, store, generator):
        shop, _ = self.filled(store, generator, 20)
        for record in shop.records.values():
            for each in record.photos:
                best = store.search(each.vector, 1)
                assert best.similarity[0] == pytest.approx(1, abs=1e-6)
        ranking = store.search(unit(generator)[0], 100)
        assert (np.diff(ranking.similarity) <= 0).all()

    def test_equal_photos_stand_in_order_of_id_even_where_they_fill_the_shop(self, store, generator):
        vector, other = unit(generator, 2)
        ids = [f"x{i:03d}" for i in generator.permutation(200)]
        store.upsert([product_record(f"of-{ident}", [photo_record(ident, vector)]) for ident in ids])
        store.upsert([product_record("other", [photo_record("other", other)])])
        for count in (1, 5, 150):
            assert list(store.search(vector, count).photo_ids) == sorted(ids)[:count]

    def test_a_product_comes_back_exactly_as_written(self, store, generator):
        first = Photo(
            "фото 1",
            "https://shop.example/a?b=c&d=1",
            side="shop",
            split="gallery",
            box=Box(1.5, 2, 30, 40.25),
            landmarks=tuple(Landmark(i + 0.5, 2 * i, i % 2 == 0) for i in range(8)),
            labels={"view": "back", "名": "値"},
        )
        missing = Photo("never fetched", "https://shop.example/gone.jpg", labels={"view": "side"})
        product = Product(
            id="sku/1'\"; --",
            photos=(missing, first),
            title='Robe "été" 👗',
            category="Women > Dresses",
            garment="dress",
            brand="Ünï",
            price=19.99,
            regular_price=29.5,
            currency="EUR",
            availability="preorder",
            link="https://shop.example/p?id=1",
            group="g1",
            attributes={"color": "red", "size": "38", "": "odd"},
        )
        photo = photo_record(
            "",
            unit(generator)[0],
            photo=first,
            digest="a" * 64,
            garment="dress",
            seen={"color": "red"},
            thumbnail=bytes(range(256)),
            validators={"ETag": 'W/"1"'},
            beside={"half-0123456789abcdef": bytes(range(256)), "evidence": b"\0"},
        )
        record = ProductRecord(product, (photo,))
        store.upsert([record])
        assert_same_record(store.record(product.id), record)
        told = store.product(product.id)
        assert store.told([product.id, "nobody", product.id]) == {product.id: told}
        assert store.told([]) == {}
        for name in ("id", "title", "category", "brand", "price", "regular_price", "currency", "availability", "link"):
            assert told[name] == getattr(product, name)
        assert told["attributes"] == dict(product.attributes)
        assert told["photos"][0]["id"] == first.id
        assert told["photos"][0]["seen"] == {"color": "red"}
        assert store.thumbnail(first.id) == bytes(range(256))
        assert store.known(product.id)[first.id].validators == {"ETag": 'W/"1"'}

    def test_the_garment_a_product_counts_as(self, store, generator):
        photos = [photo_record(f"a{i}", unit(generator)[0], garment=g) for i, g in enumerate(["top", "dress", "dress"])]
        store.upsert([product_record("guessed", photos)])
        store.upsert([product_record("given", [photo_record("b", unit(generator)[0], garment="top")], garment="hat")])
        assert (store.product("guessed")["garment"], store.product("guessed")["garment_given"]) == ("dress", "")
        assert (store.product("given")["garment"], store.product("given")["garment_given"]) == ("hat", "hat")

    def test_an_update_replaces_the_product_whole(self, store, generator):
        old, kept, new = unit(generator, 3)
        store.upsert([product_record("p", [photo_record("old", old), photo_record("kept", old)], price=10.0)])
        store.upsert([product_record("p", [photo_record("kept", kept), photo_record("new", new)], price=90.0)])
        assert set(store.search(old, 10).photo_ids) == {"kept", "new"}
        assert store.search(kept, 1).similarity[0] == pytest.approx(1, abs=1e-6)
        assert set(store.known("p")) == {"kept", "new"}
        assert store.thumbnail("old") is None
        assert not store.search(old, 10, where="price < 50").photo_ids
        np.testing.assert_array_equal(store.vectors(["new", "kept"]), np.stack([new, kept]))
        with pytest.raises(StoreError, match="'old'"):
            store.vectors(["new", "old"])

    def test_a_deleted_product_is_gone_at_once(self, store, generator):
        shop, _ = self.filled(store, generator)
        gone = [f"p{i}" for i in range(0, 60, 2)]
        assert store.delete([*gone, "never was"]) == len(gone)
        assert store.delete(gone) == 0
        shop.delete(gone)
        query = unit(generator)[0]
        assert_same_ranking(store.search(query, 500), shop.nearest(query, 500))
        assert list(store.products()) == sorted(shop.records)
        assert store.product("p0") is None
        assert store.record("p0") is None
        assert store.known("p0") == {}

    def test_a_photo_may_move_to_another_product_within_one_write(self, store, generator):
        a, b, c = unit(generator, 3)
        store.upsert([product_record("left", [photo_record("moving", a), photo_record("stays", b)])])
        store.upsert(
            [product_record("right", [photo_record("moving", c)]), product_record("left", [photo_record("stays", b)])]
        )
        assert store.search(c, 1).product_ids == ("right",)
        assert len(store.search(a, 10)) == 2

    def test_a_photo_of_two_products_is_refused_and_nothing_written(self, store, generator):
        a, b = unit(generator, 2)
        store.upsert([product_record("first", [photo_record("shared", a)])])
        with pytest.raises(StoreError, match=r"'shared'.*'first'.*'second'"):
            store.upsert(
                [product_record("fine", [photo_record("x", b)]), product_record("second", [photo_record("shared", b)])]
            )
        assert list(store.products()) == ["first"]
        with pytest.raises(StoreError, match=r"'y'.*'one'.*'two'"):
            store.upsert([product_record(name, [photo_record("y", b)]) for name in ("one", "two")])
        assert list(store.products()) == ["first"]
        assert len(store.search(b, 10)) == 1

    def test_of_a_product_given_twice_the_last_is_kept(self, store, generator):
        a, b = unit(generator, 2)
        written = store.upsert(
            [product_record("p", [photo_record("a", a)]), product_record("p", [photo_record("b", b)], title="last")]
        )
        assert written == 1
        assert store.product("p")["title"] == "last"
        assert store.search(a, 5).photo_ids == ("b",)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda v: v[:-1],
            lambda v: v.astype(np.float64),
            lambda v: v * 1.01,
            lambda v: v * np.float32(0),
            lambda v: np.where(np.arange(len(v)) == 3, np.float32(np.nan), v),
            lambda v: v[None],
        ],
    )
    def test_a_vector_that_cannot_be_meant_is_refused(self, store, generator, spoil):
        vector = unit(generator)[0]
        bad = photo_record("bad", vector)
        object.__setattr__(bad, "vector", spoil(vector))
        with pytest.raises(StoreError, match="'bad'"):
            store.upsert([product_record("good", [photo_record("good", vector)]), product_record("p", [bad])])
        assert list(store.products()) == []

    def test_a_query_that_cannot_be_meant_is_refused(self, store, generator):
        vector = unit(generator)[0]
        store.upsert([product_record("p", [photo_record("a", vector)], attributes={"color": "red"})])
        for bad in (vector[:-1], vector * 2, vector * np.float32(np.nan)):
            with pytest.raises(QueryError):
                store.search(bad, 5)
        with pytest.raises(QueryError, match="0 results"):
            store.search(vector, 0)
        with pytest.raises(QueryError, match=r"unknown column 'colour'.*did you mean 'color'"):
            store.search(vector, 5, where="colour = red")
        with pytest.raises(QueryError, match="price"):
            store.search(vector, 5, where="price < cheap")

    def test_bytes_known_under_another_name_are_found_by_digest(self, store, generator):
        vector = unit(generator)[0]
        store.upsert([product_record("p", [photo_record("a", vector, digest="d" * 64, thumbnail=b"jpeg")])])
        found = store.digest_record("d" * 64)
        np.testing.assert_array_equal(found.vector, vector)
        assert found.thumbnail == b"jpeg"
        assert store.digest_record("e" * 64) is None
        store.delete(["p"])
        assert store.digest_record("d" * 64) is None

    def test_what_lies_beside_photos_comes_back_in_the_order_asked_for(self, store, generator):
        shop, _ = self.filled(store, generator, 150)
        written = {each.photo.id: each.beside for record in shop.records.values() for each in record.photos}
        asked = [str(ident) for ident in generator.permutation([*written, *written, "never was"])]
        for kind in KINDS:
            expected = [written[ident].get(kind) if ident in written else None for ident in asked]
            assert store.beside(asked, kind) == expected
            assert len(set(expected)) > 100
            assert None in expected
        assert store.beside(asked, "other") == [None] * len(asked)
        assert store.beside([], KINDS[0]) == []

    def test_what_lies_beside_a_photo_changes_and_goes_with_it(self, store, generator):
        a, b = unit(generator, 2)
        first = [photo_record("a", a, beside={"evidence": b"old", "more": b"1"}), photo_record("b", b)]
        store.upsert([product_record("p", first)])
        assert store.digest_record("digest-a").beside == {"evidence": b"old", "more": b"1"}
        store.upsert([product_record("p", [photo_record("a", a, beside={"evidence": b"new"})])])
        assert store.beside(["a", "b"], "evidence") == [b"new", None]
        assert store.beside(["a"], "more") == [None]
        store.upsert([product_record("q", [photo_record("b", b, beside={"evidence": b"of b"})])])
        assert store.beside(["b", "a"], "evidence") == [b"of b", b"new"]
        store.delete(["p"])
        assert store.beside(["b", "a"], "evidence") == [b"of b", None]
        assert store.check() == []

    @pytest.mark.parametrize(
        "beside, said",
        [
            ({"evidence": bytes(MAX_BESIDE + 1)}, rf"'bad' is {MAX_BESIDE + 1} bytes; 1 to {MAX_BESIDE}"),
            ({"evidence": b""}, "'bad' is 0 bytes"),
            ({"evidence": "text"}, "'bad' is str"),
            ({"": b"x"}, "kind '' beside photo 'bad'"),
            ({"Evidence": b"x"}, "kind 'Evidence' beside photo 'bad'"),
            ({"k" * 65: b"x"}, "kind 'k+' beside photo 'bad'"),
            ({f"kind-{number}": b"x" for number in range(9)}, "9 kinds.*'bad'; at most 8"),
        ],
    )
    def test_what_cannot_lie_beside_a_photo_is_refused(self, store, generator, beside, said):
        vector = unit(generator)[0]
        with pytest.raises(StoreError, match=said):
            store.upsert([product_record("p", [photo_record("bad", vector, beside=beside)])])
        assert list(store.products()) == []
        most = {f"kind-{number}": bytes(MAX_BESIDE) for number in range(8)}
        store.upsert([product_record("p", [photo_record("a", vector, beside=most)])])
        assert store.record("p").photos[0].beside == most

    def test_notes_are_kept_replaced_and_removed(self, open_again):
        store = open_again()
        assert store.note("calibration") is None
        facts = {"verifier": "abc", "cuts": [0.25, 1e-9, None, True], "по-русски": {"деep": "値 \0 \ud800"}}
        store.write_note("calibration", facts)
        store.write_note("other", {"n": 1})
        assert store.note("calibration") == facts
        store.write_note("calibration", {"labels": 300})
        assert store.note("calibration") == {"labels": 300}
        store = open_again()
        assert store.note("calibration") == {"labels": 300}
        assert store.check() == []
        store.write_note("calibration", None)
        store.write_note("calibration", None)
        assert (store.note("calibration"), store.note("other")) == (None, {"n": 1})

    @pytest.mark.parametrize(
        "name, facts",
        [
            ("calibration", {"n": float("nan")}),
            ("calibration", {"n": np.float32(1)}),
            ("calibration", {"n": {1, 2}}),
            ("calibration", {"n": "x" * 2**20}),
            ("Calibration", {}),
            ("", {}),
            ("n" * 65, {}),
        ],
    )
    def test_a_note_that_cannot_be_kept_is_refused(self, store, name, facts):
        store.write_note("calibration", {"kept": 1})
        with pytest.raises(StoreError, match="note"):
            store.write_note(name, facts)
        assert store.note("calibration") == {"kept": 1}

    def test_an_empty_store_answers(self, store, generator):
        assert len(store.search(unit(generator)[0], 5)) == 0
        assert list(store.products()) == []
        assert store.check() == []
        assert store.describe()["photos"] == 0

    def test_random_histories_equal_the_oracle_and_survive_reopening(self, open_again, generator):
        store, shop = open_again(), Shop()
        pool = unit(generator, 4)
        for step in range(120):
            names = [f"p{i}" for i in generator.choice(25, generator.integers(1, 5), replace=False)]
            if generator.random() < 0.3:
                assert store.delete(names) == sum(name in shop.records for name in names)
                shop.delete(names)
            else:
                records = [random_product(generator, name, pool=pool) for name in names]
                store.upsert(records)
                shop.upsert(records)
            if step % 40 == 39:
                store = open_again()
            query = pool[0] if step % 2 else unit(generator)[0]
            assert_same_ranking(store.search(query, 9), shop.nearest(query, 9))
        for ident, record in shop.records.items():
            assert_same_record(store.record(ident), record)
        assert store.check() == []
        told = store.describe()
        assert told["products"] == len(shop.records)
        assert told["photos"] == sum(len(record.photos) for record in shop.records.values())

    def test_what_is_described_is_what_products_have(self, store, generator):
        shop, _ = self.filled(store, generator, 20)
        told = store.describe()
        products = [each.product for each in shop.records.values()]
        garments = Counter(counted_garment(each) for each in shop.records.values())
        garments.pop("", None)
        assert told["garments"] == dict(garments)
        filled = {each["name"]: each["filled"] for each in told["columns"]}
        assert filled["id"] == filled["title"] == len(products)
        assert filled["brand"] == sum(bool(each.brand) for each in products)
        assert filled["price"] == sum(each.price is not None for each in products)
        assert filled["color"] == sum("color" in each.attributes for each in products)

    def test_a_closed_store_says_so(self, store, generator):
        store.close()
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.search(unit(generator)[0], 5)
        with pytest.raises(StoreError, match="closed"):
            store.upsert([])
