"""Search against a store that is a list: what is right can be worked out by hand."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from fakes import ListStore, TinyEncoder, TinyGarmentEncoder
from wearabouts.catalog import Photo, Product
from wearabouts.errors import ImageError, QueryError, StoreError
from wearabouts.images import Picture
from wearabouts.search import Searcher, answer_json, compare_photos
from wearabouts.settings import SearchSettings
from wearabouts.stores import PhotoRecord, ProductRecord
from wearabouts.types import Box

RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 200, 30), (20, 30, 220), (255, 255, 255)


def flat(colour, size=(64, 64)):
    return np.full((*size, 3), colour, np.uint8)


def on_white(colour, left, top, width, height, size=(200, 100)):
    """A coloured rectangle on a white photo of (height, width) `size`."""
    pixels = flat(WHITE, size)
    pixels[top : top + height, left : left + width] = colour
    return pixels


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def product(encoder, name, *photos, garment="", seen=None, **fields):
    """A product with one photo record for each (H, W, 3) array."""
    vectors = encoder.encode(photos).vectors
    records = tuple(
        PhotoRecord(Photo(f"{name}/{i}", f"{name}-{i}.jpg"), f"{name}{i}", vectors[i], garment, seen or {})
        for i in range(len(photos))
    )
    return ProductRecord(Product(id=name, photos=tuple(item.photo for item in records), **fields), records)


def shades(count, base=RED):
    """Photos ever further from a colour."""
    return [flat(np.clip(np.array(base) + np.array((-6, 9, 9)) * step, 0, 255)) for step in range(count)]


@pytest.fixture
def encoder():
    return TinyEncoder()


def test_products_come_in_order_of_similarity_with_their_best_photo(encoder):
    near, far = shades(5)[0], shades(5)[4]
    store = ListStore(
        [product(encoder, "b", flat(BLUE), near), product(encoder, "a", far), product(encoder, "c", flat(BLUE))]
    )
    answer = Searcher(encoder, store).search(png(near), 3, category="off")
    assert [match.product["id"] for match in answer.matches] == ["b", "a", "c"]
    assert answer.matches[0].photo_id == "b/1"
    assert answer.matches[0].photo_uri == "b-1.jpg"
    assert answer.matches[0].similarity == pytest.approx(1, abs=1e-5)
    expected = encoder.encode([near]).vectors[0] @ encoder.encode([far]).vectors[0]
    assert answer.matches[1].similarity == pytest.approx(float(expected), abs=1e-5)
    assert answer.size == (64, 64)
    assert answer.box_origin == "whole"
    assert answer.garment is None
    assert set(answer.timings) == {"decode", "encode", "search", "fetch", "total"}


def test_the_shortlist_grows_until_it_holds_k_distinct_products(encoder):
    crowd = product(encoder, "crowd", *[flat(RED)] * 50)
    others = [product(encoder, f"p{step}", photo) for step, photo in enumerate(shades(4)[1:])]
    store = ListStore([crowd, *others])
    answer = Searcher(encoder, store).search(png(flat(RED)), 3, category="off")
    assert [match.product["id"] for match in answer.matches] == ["crowd", "p0", "p1"]
    assert [count for count, _ in store.searches] == [12, 24, 48, 96]


def test_a_store_with_fewer_products_than_k_gives_them_all_and_stops(encoder):
    store = ListStore([product(encoder, "only", flat(RED), flat(BLUE))])
    answer = Searcher(encoder, store).search(png(flat(RED)), 50, category="off")
    assert [match.product["id"] for match in answer.matches] == ["only"]
    assert len(store.searches) == 1


def test_a_given_box_is_what_is_searched(encoder):
    photo = flat(RED, (100, 200))
    photo[:, 100:] = BLUE
    store = ListStore([product(encoder, "red", flat(RED)), product(encoder, "blue", flat(BLUE))])
    searcher = Searcher(encoder, store)
    left = searcher.search(png(photo), 1, box=Box(0, 0, 100, 100))
    right = searcher.search(png(photo), 1, box=Box(100, 0, 500, 500))
    assert left.matches[0].product["id"] == "red"
    assert right.matches[0].product["id"] == "blue"
    assert right.matches[0].similarity == pytest.approx(1, abs=1e-5)
    assert (right.box, right.box_origin) == (Box(100, 0, 100, 100), "given")


def test_boxes_count_in_pixels_of_the_original_also_where_it_was_decoded_smaller(encoder):
    photo = flat(RED, (1000, 2000))
    photo[:, 1000:] = BLUE
    picture = Picture(photo[::4, ::4], (2000, 1000), "PNG")
    store = ListStore([product(encoder, "red", flat(RED)), product(encoder, "blue", flat(BLUE))])
    answer = Searcher(encoder, store).search(picture, 1, box=Box(1100, 100, 800, 800))
    assert answer.matches[0].product["id"] == "blue"
    assert answer.matches[0].similarity == pytest.approx(1, abs=1e-5)


def test_a_box_outside_the_photo_is_refused_with_the_photo_s_size(encoder):
    store = ListStore([product(encoder, "red", flat(RED))])
    with pytest.raises(QueryError, match="200,0,10,10 lies outside the photo of 64 x 64 pixels"):
        Searcher(encoder, store).search(png(flat(RED)), box=Box(200, 0, 10, 10))


def test_where_the_model_looked_is_a_place_on_the_padded_square():
    encoder = TinyGarmentEncoder(saliency=True)
    photo = on_white(RED, 25, 100, 50, 80)  # 100 wide, 200 high: the square adds 50 white columns on each side
    answer = Searcher(encoder, ListStore([product(encoder, "close-up", flat(RED))], encoder.hash)).search(png(photo), 1)
    assert answer.box is not None
    assert 0 <= answer.box.left <= 25
    assert 75 <= answer.box.left + answer.box.width <= 100
    assert 70 <= answer.box.top <= 100
    assert 180 <= answer.box.top + answer.box.height <= 200


@pytest.mark.parametrize("saliency", [False, True])
def test_the_better_of_whole_photo_and_salient_crop_answers(saliency):
    encoder = TinyGarmentEncoder(saliency=saliency)
    photo = on_white(RED, 25, 50, 50, 100)
    close_up, scene = product(encoder, "close-up", flat(RED)), product(encoder, "scene", photo)
    by_crop = Searcher(encoder, ListStore([close_up], encoder.hash)).search(png(photo), 1, category="off")
    assert by_crop.box_origin == "salient"
    assert by_crop.box is not None
    assert by_crop.box.left <= 25
    assert by_crop.box.left + by_crop.box.width >= 75
    assert by_crop.box.width * by_crop.box.height < 0.85 * 200 * 100
    by_whole = Searcher(encoder, ListStore([close_up, scene], encoder.hash)).search(png(photo), 1, category="off")
    assert (by_whole.box_origin, by_whole.box) == ("whole", None)
    assert by_whole.matches[0].product["id"] == "scene"


def test_photo_and_crop_are_encoded_in_one_batch_where_the_model_tells_no_saliency(encoder):
    searcher = Searcher(encoder, ListStore([product(encoder, "red", flat(RED))]))
    encoder.calls.clear()
    searcher.search(png(on_white(RED, 25, 50, 50, 100)))
    assert encoder.calls == [2]


def kinds():
    """Three red dresses, one pair of red pants, one of green; the feed says what they are."""
    encoder = TinyGarmentEncoder()
    dresses = [product(encoder, f"dress{i}", photo, garment="dress") for i, photo in enumerate(shades(6)[3:])]
    pants = [
        product(encoder, "pants-red", flat(RED), garment="pants"),
        product(encoder, "pants", flat(GREEN), garment="pants"),
    ]
    return encoder, ListStore([*dresses, *pants], encoder.hash)


def test_hard_restriction_answers_with_the_garment_alone():
    encoder, store = kinds()
    answer = Searcher(encoder, store).search(png(flat(RED)), 10, category="hard")
    assert answer.garment == "dress"
    assert answer.garment_probability is not None
    assert answer.garment_probability > 0.99
    assert [match.product["id"] for match in answer.matches] == ["dress0", "dress1", "dress2"]
    assert "only 3 products of kind dress" in answer.notes[0]


def test_soft_restriction_keeps_the_garment_while_it_suffices_and_says_when_it_does_not():
    encoder, store = kinds()
    searcher = Searcher(encoder, store)
    enough = searcher.search(png(flat(RED)), 3)
    assert [match.product["id"] for match in enough.matches] == ["dress0", "dress1", "dress2"]
    assert enough.notes == ()
    short = searcher.search(png(flat(RED)), 4)
    assert [match.product["id"] for match in short.matches] == ["dress0", "dress1", "dress2", "pants-red"]
    assert "only 3 products of kind dress; the others are of other kinds" in short.notes


def test_soft_restriction_holds_every_garment_that_is_possible():
    encoder, store = kinds()
    unsure = Searcher(encoder, store)
    store.searches.clear()
    unsure.search(png(flat((150, 150, 10))), 1)  # as red as green, hardly blue
    assert set(store.searches[0][1]) == {"dress", "pants"}


def test_off_restricts_nothing():
    encoder, store = kinds()
    answer = Searcher(encoder, store).search(png(flat(RED)), 1, category="off")
    assert answer.matches[0].product["id"] == "pants-red"
    assert answer.garment == "dress"


def test_a_given_garment_takes_the_place_of_the_predicted_one():
    encoder, store = kinds()
    answer = Searcher(encoder, store).search(png(flat(RED)), 2, category="hard", garment="pants")
    assert [match.product["id"] for match in answer.matches] == ["pants-red", "pants"]
    assert answer.garment == "pants"
    assert answer.garment_probability is not None
    assert answer.garment_probability < 0.01


def test_a_model_without_garments_says_so_and_compares_all(encoder):
    store = ListStore([product(encoder, "red", flat(RED)), product(encoder, "blue", flat(BLUE))])
    answer = Searcher(encoder, store).search(png(flat(RED)), 2, category="hard")
    assert len(answer.matches) == 2
    assert "knows no garments" in answer.notes[0]
    assert answer.garment is None


def test_agreement_is_told_by_the_shop_s_own_word_before_the_photo_s():
    encoder = TinyGarmentEncoder()
    store = ListStore(
        [
            product(encoder, "a", flat(RED), seen={"color": "red"}),
            product(encoder, "b", shades(3)[1], seen={"color": "red"}, attributes={"color": " Blue "}),
            product(encoder, "c", shades(3)[2], seen={"color": "green"}, attributes={"color": "Midnight"}),
            product(encoder, "d", shades(9)[8]),
        ],
        encoder.hash,
    )
    matches = Searcher(encoder, store).search(png(flat(RED)), 4, category="off").matches
    assert [(match.agrees, match.differs) for match in matches] == [
        (("color: red",), ()),
        ((), ("color: red → blue",)),
        ((), ("color: red → green",)),
        ((), ()),
    ]


def test_what_the_model_is_not_certain_of_is_not_seen():
    encoder = TinyGarmentEncoder()
    store = ListStore([product(encoder, "a", flat(RED))], encoder.hash)
    answer = Searcher(encoder, store).search(png(flat((128, 128, 128))), 1)
    assert answer.attributes == {}
    assert Searcher(encoder, store).search(png(flat(BLUE)), 1).attributes == {"color": "blue"}


def test_a_filter_holds_and_an_unreadable_one_is_refused(encoder):
    store = ListStore(
        [product(encoder, "dear", flat(RED), price=90.0), product(encoder, "cheap", flat(BLUE), price=9.0)]
    )
    searcher = Searcher(encoder, store)
    assert [match.product["id"] for match in searcher.search(png(flat(RED)), where="cheap").matches] == ["cheap"]
    with pytest.raises(QueryError, match="cannot be read"):
        searcher.search(png(flat(RED)), where="price <")


def test_more_like_this_leaves_the_product_itself_out(encoder):
    reds = shades(3)
    store = ListStore(
        [product(encoder, "a", reds[0], flat(BLUE)), product(encoder, "b", reds[1]), product(encoder, "c", flat(GREEN))]
    )
    answer = Searcher(encoder, store).similar("a", 5)
    assert [match.product["id"] for match in answer.matches] == ["b", "c"]
    with pytest.raises(QueryError, match="no product 'z'"):
        Searcher(encoder, store).similar("z")


def test_more_like_this_of_the_only_product_says_why_nothing_comes(encoder):
    answer = Searcher(encoder, ListStore([product(encoder, "a", flat(RED))])).similar("a")
    assert answer.matches == ()
    assert answer.notes


def test_an_empty_store_and_an_emptying_filter_are_told_apart(encoder):
    empty = Searcher(encoder, ListStore([])).search(png(flat(RED)))
    assert empty.matches == ()
    assert "holds no products yet" in empty.notes[-1]
    dear = ListStore([product(encoder, "dear", flat(RED), price=90.0)])
    assert "no product passes the filter 'cheap'" in Searcher(encoder, dear).search(png(flat(RED)), where="cheap").notes


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"k": 0}, "k 0 is not allowed; ask for 1 to 1000"),
        ({"k": 1001}, "ask for 1 to 1000"),
        ({"category": "sofd"}, "did you mean 'soft'"),
        ({"garment": "dres"}, "did you mean 'dress'"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_decoded(asked, told):
    encoder = TinyGarmentEncoder()
    searcher = Searcher(encoder, ListStore([], encoder.hash))
    with pytest.raises(QueryError, match=told):
        searcher.search(b"not even looked at", **asked)


def test_bytes_that_are_no_picture_are_an_image_error(encoder):
    with pytest.raises(ImageError):
        Searcher(encoder, ListStore([])).search(b"no picture")


def test_a_store_of_another_encoder_is_refused_with_the_command_that_mends_it(encoder):
    with pytest.raises(StoreError, match="--rebuild"):
        Searcher(encoder, ListStore([], "another"))


def test_comparing_is_symmetric_and_follows_the_boxes():
    encoder = TinyGarmentEncoder()
    searcher = Searcher(encoder, ListStore([], encoder.hash))
    red, blue = png(flat(RED)), png(flat(BLUE))
    same, other = searcher.compare(red, red), searcher.compare(red, blue)
    assert same.similarity == pytest.approx(1, abs=1e-5)
    assert same.agrees == ("color: red",)
    assert other.similarity == pytest.approx(searcher.compare(blue, red).similarity, abs=1e-6)
    assert other.similarity < 0.5
    assert other.garments == ("dress", "shoes")
    assert other.differs == ("color: red → blue",)
    both = flat(RED, (100, 200))
    both[:, 100:] = BLUE
    halves = compare_photos(encoder, (png(both), Box(100, 0, 100, 100)), (blue, None))
    assert halves.similarity == pytest.approx(1, abs=1e-5)


def test_an_answer_becomes_plain_json():
    encoder, store = kinds()
    answer = Searcher(encoder, store).search(png(flat(RED)), 2, box=Box(1, 2, 30, 40))
    plain = json.loads(json.dumps(answer_json(answer), allow_nan=False))
    assert plain["box"] == {"left": 1, "top": 2, "width": 30, "height": 40}
    assert plain["size"] == [64, 64]
    assert plain["matches"][0]["product"]["id"] == "dress0"
    assert plain["matches"][0]["similarity"] == pytest.approx(answer.matches[0].similarity, abs=1e-6)


def test_settings_bound_k(encoder):
    searcher = Searcher(encoder, ListStore([]), settings=SearchSettings(max_results=5))
    with pytest.raises(QueryError, match="1 to 5"):
        searcher.search(png(flat(RED)), 6)
