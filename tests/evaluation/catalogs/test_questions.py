"""How a catalog is divided into queries and gallery."""

import pytest

from wearabouts.catalog import Catalog, Fault, Faults, Photo, Product
from wearabouts.errors import EvaluationError
from wearabouts.evaluation.catalogs.questions import divide


def catalog(*products):
    return Catalog("test", "a test catalog", lambda faults: iter(products))


def product(name, *photos, **facts):
    return Product(name, tuple(photos), **facts)


def photo(name, side="shop", split=""):
    return Photo(name, f"/photos/{name}.jpg", side, split)


def gallery(questions):
    return {product.id: [photo.id for photo in product.photos] for product in questions.gallery.stream(Faults())}


def test_street_photos_ask_and_shop_photos_are_searched():
    questions = divide(
        catalog(
            product("a", photo("a1"), photo("a2", "street"), photo("a3")),
            product("b", photo("b1"), photo("b2", split="query")),
        )
    )
    assert [(query.photo.id, query.truth) for query in questions.queries] == [("a2", "a"), ("b2", "b")]
    assert gallery(questions) == {"a": ["a1", "a3"], "b": ["b1"]}
    assert questions.protocol.name == "street to shop"


def test_without_street_photos_the_further_views_ask():
    questions = divide(catalog(product("a", photo("a1"), photo("a2"), photo("a3")), product("b", photo("b1"))))
    assert [query.photo.id for query in questions.queries] == ["a2", "a3"]
    assert gallery(questions) == {"a": ["a1"], "b": ["b1"]}
    assert questions.protocol.name == "other views"


def test_learnt_photos_take_no_part():
    questions = divide(
        catalog(
            product("a", photo("a0", split="train"), photo("a1"), photo("a2", "street", "val"), photo("a3", "street")),
            product("b", photo("b1", split="train"), photo("b2", "street", "train")),
        )
    )
    assert [query.photo.id for query in questions.queries] == ["a3"]
    assert gallery(questions) == {"a": ["a1"]}


def test_street_photos_may_be_the_gallery_and_are_indexed_then():
    questions = divide(catalog(product("a", photo("a1", "street", "gallery"), photo("a2", "street"))))
    assert gallery(questions) == {"a": ["a1"]}
    assert [each.side for item in questions.gallery.products() for each in item.photos] == ["shop"]


def test_queries_without_a_right_answer_are_counted():
    questions = divide(catalog(product("a", photo("a1"), photo("a2", "street")), product("b", photo("b2", "street"))))
    assert [query.photo.id for query in questions.queries] == ["a2"]
    assert questions.skipped["query photos without a right answer in the gallery"] == 1


def test_relevance_by_category_reaches_other_products():
    products = (
        product("a", photo("a1"), category="hats"),
        product("b", photo("b2", "street"), category="hats"),
        product("c", photo("c1"), photo("c2", "street"), category=""),
    )
    questions = divide(catalog(*products), relevant="category")
    assert [(query.photo.id, query.truth) for query in questions.queries] == [("b2", "hats")]
    assert {name: each.truth for name, each in questions.products.items()} == {"a": "hats", "c": ""}


def test_the_sample_is_the_seeds_and_counted():
    products = [product(f"{n:03}", photo(f"{n:03}s"), photo(f"{n:03}q", "street")) for n in range(50)]
    one, same, other = (divide(catalog(*products), limit=10, seed=seed) for seed in (1, 1, 2))
    assert len(one.queries) == 10
    assert one.queries == same.queries != other.queries
    assert one.skipped["query photos not drawn into the sample"] == 40
    assert len(gallery(one)) == 50


def test_single_photos_of_a_kind_are_held_out():
    products = [product(f"p{n:03}", photo(f"f{n:03}"), category="hat" if n % 2 else "shoe") for n in range(200)]
    questions = divide(catalog(*products), relevant="category")
    asking = {query.product_id for query in questions.queries}
    assert 5 <= len(asking) <= 40
    assert asking.isdisjoint(questions.products)
    assert set(gallery(questions)) == set(questions.products)
    assert len(asking) + len(questions.products) == 200
    assert questions.photos == 200 - len(asking)
    assert questions.protocol.name == "held out"
    assert {query.product_id for query in divide(catalog(*products), relevant="category", seed=1).queries} != asking


def test_what_the_reader_could_not_read_is_counted():
    def stream(faults):
        faults.add(Fault("feed", 3, "image", "no address", "photo"))
        yield product("a", photo("a1"), photo("a2", "street"))

    questions = divide(Catalog("test", "a feed", stream))
    assert questions.skipped["rows and photos that the catalog's reader could not read"] == 1


@pytest.mark.parametrize(
    "products", [(), (product("a", photo("a1")),), (product("a", photo("a1")), product("b", photo("b1", "street")))]
)
def test_a_catalog_without_questions_is_refused(products):
    with pytest.raises(EvaluationError, match="right answer; give a catalog"):
        divide(catalog(*products))


def test_an_unknown_relevance_is_refused():
    with pytest.raises(EvaluationError, match="product, group, category, garment"):
        divide(catalog(), relevant="brand")
