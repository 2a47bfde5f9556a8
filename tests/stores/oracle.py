"""What a store must answer, worked out the slow way: a dictionary of records, plain loops, double precision."""

from __future__ import annotations

import numpy as np

from wearabouts.catalog import Photo, Product
from wearabouts.stores import PhotoRecord, ProductRecord

DIM = 16
HASH = "sha256:encoder-one"
COLORS = ("red", "Blue", "green")
CATEGORIES = ("Women > Tops", "Women > Tops > Shirts", "Women > Dresses", "Men/Shirts", "")
KINDS = ("evidence", "half-0123456789abcdef")
GARMENTS = ("shirt", "dress", "t_shirt", "")


def unit(generator, count=1, dim=DIM):
    vectors = generator.standard_normal((count, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def photo_record(ident, vector, **facts):
    photo = facts.pop("photo", None) or Photo(ident, f"/photos/{ident}.jpg")
    return PhotoRecord(photo, facts.pop("digest", f"digest-{ident}"), np.asarray(vector, np.float32), **facts)


def product_record(ident, photos, **facts):
    return ProductRecord(Product(ident, tuple(each.photo for each in photos), **facts), tuple(photos))


def random_product(generator, ident, photo_ids=None, pool=None):
    """A product with one to three photos; `pool` are vectors that come again and again, so that similarities tie."""
    if photo_ids is None:
        photo_ids = [f"{ident}/{place}" for place in range(generator.integers(1, 4))]
    photos = []
    for each in photo_ids:
        again = pool is not None and generator.random() < 0.4
        vector = pool[generator.integers(len(pool))] if again else unit(generator)[0]
        kinds = [kind for kind in KINDS if generator.random() < 0.6]
        beside = {kind: generator.bytes(int(generator.integers(1, 60))) for kind in kinds}
        photos.append(photo_record(each, vector, garment=str(generator.choice(GARMENTS)), beside=beside))
    return product_record(
        ident,
        photos,
        title=f"Thing {ident}",
        category=str(generator.choice(CATEGORIES)),
        garment=str(generator.choice(GARMENTS)),
        brand=str(generator.choice(["Acme", "ACME", "Two Words", ""])),
        price=None if generator.random() < 0.2 else float(generator.integers(1, 100)),
        currency="EUR",
        availability=str(generator.choice(["in_stock", "out_of_stock", ""])),
        attributes={"color": str(generator.choice(COLORS))} if generator.random() < 0.7 else {},
    )


def counted_garment(record):
    """The garment a product counts as: its own, else the commonest of its photos, the first seen of equals."""
    if record.product.garment:
        return record.product.garment
    seen = [each.garment for each in record.photos if each.garment]
    return max(seen, key=lambda garment: (seen.count(garment), -seen.index(garment))) if seen else ""


class Shop:
    """The oracle."""

    def __init__(self):
        self.records = {}

    def upsert(self, records):
        for record in records:
            self.records[record.product.id] = record

    def delete(self, ids):
        for ident in ids:
            self.records.pop(ident, None)

    def nearest(self, vector, count, keep=lambda record: True):
        """(photo id, product id, similarity) of the nearest photos, ties by photo id."""
        rows = []
        for record in filter(keep, self.records.values()):
            for each in record.photos:
                exact = float(np.dot(each.vector.astype(np.float64), vector.astype(np.float64)))
                rows.append((-np.float32(min(1.0, max(-1.0, exact))), each.photo.id, record.product.id))
        rows.sort()
        return [(photo, product, -similarity) for similarity, photo, product in rows[:count]]


def assert_same_ranking(ranking, expected):
    assert list(ranking.photo_ids) == [photo for photo, _, _ in expected]
    assert list(ranking.product_ids) == [product for _, product, _ in expected]
    np.testing.assert_allclose(ranking.similarity, [similarity for _, _, similarity in expected], rtol=0, atol=2e-7)


def assert_same_record(found, expected):
    assert found.product == expected.product
    assert [each.photo for each in found.photos] == [each.photo for each in expected.photos]
    for mine, theirs in zip(found.photos, expected.photos, strict=True):
        np.testing.assert_array_equal(mine.vector, theirs.vector)
        for name in ("digest", "garment", "thumbnail"):
            assert getattr(mine, name) == getattr(theirs, name)
        assert dict(mine.seen) == dict(theirs.seen)
        assert dict(mine.validators) == dict(theirs.validators)
        assert dict(mine.beside) == dict(theirs.beside)
