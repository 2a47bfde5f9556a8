"""Words as a query: alone, beside a photo, weighed, restricted, and refused where the model reads none."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakes import ListStore, TinyGarmentEncoder, TinyTextEncoder
from wearabouts.catalog import Photo, Product
from wearabouts.errors import QueryError
from wearabouts.search import Searcher, reads_text
from wearabouts.search.words import mixed, text_vector
from wearabouts.stores import PhotoRecord, ProductRecord

RED, GREEN, BLUE = (230, 20, 30), (30, 200, 40), (20, 30, 160)


def flat(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((64, 64, 3), colour, np.uint8)


def png(pixels: np.ndarray) -> bytes:
    with io.BytesIO() as out:
        Image.fromarray(pixels).save(out, "PNG")
        return out.getvalue()


def product(encoder: TinyTextEncoder, name: str, *colours: tuple[int, int, int], garment: str = "") -> ProductRecord:
    photos = [
        PhotoRecord(Photo(f"{name}/{n}", f"{name}-{n}.jpg"), f"{n:064x}", vector, "", {"color": "red"}, b"", {})
        for n, vector in enumerate(encoder.vectors_of([flat(colour) for colour in colours]))
    ]
    made = Product(id=name, photos=tuple(photo.photo for photo in photos), title=name, garment=garment, price=10.0)
    return ProductRecord(made, tuple(photos))


@pytest.fixture
def encoder() -> TinyTextEncoder:
    return TinyTextEncoder()


@pytest.fixture
def searcher(encoder: TinyTextEncoder) -> Searcher:
    records = [
        product(encoder, "red", RED, garment="dress"),
        product(encoder, "green", GREEN, garment="pants"),
        product(encoder, "blue", BLUE, garment="shoes"),
        product(encoder, "mixture", (125, 25, 95), garment="shoes"),  # halfway from red to blue
    ]
    return Searcher(encoder, ListStore(records, encoder.hash))


def test_words_find_what_they_say(searcher: Searcher) -> None:
    for word, name in (("red", "red"), ("green", "green"), ("blue", "blue"), ("红色", "red"), ("red blue", "mixture")):
        answer = searcher.search_text(word, 4)
        assert answer.matches[0].product["id"] == name
        assert answer.matches[0].similarity == pytest.approx(1, abs=1e-3)
        similarities = [match.similarity for match in answer.matches]
        assert similarities == sorted(similarities, reverse=True)
    assert (answer.size, answer.box, answer.garment, dict(answer.attributes)) == ((0, 0), None, None, {})
    assert set(answer.timings) == {"encode", "search", "fetch", "total"}
    assert all(not match.agrees and not match.differs for match in answer.matches)


def test_a_garment_named_beside_words_is_the_only_one_shown(searcher: Searcher) -> None:
    answer = searcher.search_text("red", 3, garment="shoes")
    assert [match.product["id"] for match in answer.matches] == ["mixture", "blue"]
    assert answer.garment == "shoes"
    assert "only 2 products of kind shoes" in answer.notes[0]
    with pytest.raises(QueryError, match="did you mean 'shoes'"):
        searcher.search_text("red", garment="shoe")


def test_words_pass_through_filters_and_k(searcher: Searcher) -> None:
    assert len(searcher.search_text("red", 2, where="cheap").matches) == 2
    with pytest.raises(QueryError, match="k 0"):
        searcher.search_text("red", 0)
    with pytest.raises(QueryError, match="filter"):
        searcher.search_text("red", where="dear")


@pytest.mark.parametrize(
    ("weight", "first"), [(0.0, "red"), (0.5, "mixture"), (1.0, "blue"), (0.02, "red"), (0.98, "blue")]
)
def test_a_photo_and_words_meet_as_far_as_the_weight_says(searcher: Searcher, weight: float, first: str) -> None:
    answer = searcher.search(png(flat(RED)), 4, category="off", text="blue", text_weight=weight)
    assert answer.matches[0].product["id"] == first


def test_what_is_compared_is_the_direction_of_the_weighted_sum(encoder: TinyTextEncoder, searcher: Searcher) -> None:
    photo, text = encoder.vectors_of([flat(RED)])[0], encoder.encode_text(["green"])[0]
    answer = searcher.search(png(flat(RED)), 4, category="off", text="green", text_weight=0.3)
    for match in answer.matches:
        stored = searcher.store.record(match.product["id"]).photos[0].vector
        total = [0.7 * float(p) + 0.3 * float(t) for p, t in zip(photo, text, strict=True)]
        length = sum(value**2 for value in total) ** 0.5
        expected = sum(a * float(b) for a, b in zip(total, stored, strict=True)) / length
        assert match.similarity == pytest.approx(expected, abs=1e-5)


def test_garment_and_attributes_stay_the_photo_s(searcher: Searcher) -> None:
    answer = searcher.search(png(flat(RED)), 1, text="blue", text_weight=1)
    assert answer.garment == "dress"
    assert answer.attributes == {"color": "red"}
    assert answer.matches[0].product["id"] == "red"  # soft: its kind comes first
    assert answer.size == (64, 64)


def test_a_bundle_with_a_text_tower_is_searched_by_words(tmp_path: Path) -> None:
    towers = pytest.importorskip("test_encode_text", reason="onnx or tokenizers is not installed")
    reader = towers.encoder(tmp_path)
    vectors = reader.encode_text(["red dress", "blue jacket"])
    records = [
        ProductRecord(
            Product(id=name, photos=(Photo(name, f"{name}.jpg"),)),
            (PhotoRecord(Photo(name, f"{name}.jpg"), "0" * 64, vector, "", {}, b"", {}),),
        )
        for name, vector in zip(("dress", "jacket"), vectors, strict=True)
    ]
    searcher = Searcher(reader, ListStore(records, reader.hash))
    for text, name in (("red dress", "dress"), ("blue jacket", "jacket")):
        found = searcher.search_text(text, 1).matches[0]
        assert (found.product["id"], found.similarity) == (name, pytest.approx(1, abs=1e-5))
    assert searcher.search(png(flat(RED)), 2, text="blue jacket", text_weight=1).matches[0].product["id"] == "jacket"


def test_no_words_are_no_change(searcher: Searcher) -> None:
    plain, empty = searcher.search(png(flat(RED)), 4), searcher.search(png(flat(RED)), 4, text="", text_weight=1)
    assert [match.similarity for match in plain.matches] == [match.similarity for match in empty.matches]


def test_a_model_that_reads_no_text_says_so_and_what_to_do() -> None:
    encoder = TinyGarmentEncoder()
    searcher = Searcher(encoder, ListStore([product(TinyTextEncoder(), "red", RED)], encoder.hash))
    assert not reads_text(encoder)
    assert reads_text(TinyTextEncoder())
    for ask in (lambda: searcher.search_text("red dress"), lambda: searcher.search(png(flat(RED)), text="red dress")):
        with pytest.raises(QueryError, match=r"'red dress'.*tiny-garments reads photos only; search with a photo"):
            ask()
    with pytest.raises(QueryError) as long:
        searcher.search_text("red " * 500)
    assert len(str(long.value)) < 300


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_an_empty_text_is_refused(searcher: Searcher, text: str) -> None:
    with pytest.raises(QueryError, match="the text is empty"):
        searcher.search_text(text)


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_weight_outside_0_to_1_is_refused(searcher: Searcher, weight: float) -> None:
    with pytest.raises(QueryError, match="text weight"):
        searcher.search(png(flat(RED)), text="red", text_weight=weight)


def test_the_mixture_is_of_length_one_and_between_both(encoder: TinyTextEncoder) -> None:
    photo, text = encoder.vectors_of([flat(RED)])[0], text_vector(encoder, "blue")
    shares = [mixed(photo, text, weight) for weight in (0, 0.25, 0.5, 0.75, 1)]
    assert all(np.linalg.norm(share) == pytest.approx(1, abs=1e-6) for share in shares)
    towards = [float(share @ text) for share in shares]
    assert towards == sorted(towards)
    assert np.allclose(shares[0], photo)
    assert np.allclose(shares[-1], text)
    assert np.array_equal(mixed(photo, -photo, 0.5), photo)  # no direction: the photo's
