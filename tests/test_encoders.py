"""What a bundle's graph says of landmarks, put where the photo has them, and of regions, as the card promises."""

import hashlib

import numpy as np
import pytest

from wearabouts import bundles
from wearabouts.bundles import Card, Graph, Preprocessing
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import BundleError
from wearabouts.types import LANDMARK_SLOTS, Encoding

onnx = pytest.importorskip("onnx")
SIZE = 64


def graph(places):
    """A graph that sees nothing: one vector and the same landmarks (1, 8, 3) for every photo."""
    from onnx import TensorProto, helper, numpy_helper

    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", SIZE, SIZE, 3])
    constants = {
        "unit": np.array([[1, 0]], np.float32),
        "places": np.asarray(places, np.float32),
        "first": np.array([0], np.int64),
        "two": np.array([2], np.int64),
        "shape": np.array(np.shape(places)[1:], np.int64),
    }
    nodes = [
        helper.make_node("Shape", ["pixels"], ["all"]),
        helper.make_node("Gather", ["all", "first"], ["photos"]),
        helper.make_node("Concat", ["photos", "two"], ["flat"], axis=0),
        helper.make_node("Expand", ["unit", "flat"], ["vector"]),
        helper.make_node("Concat", ["photos", "shape"], ["deep"], axis=0),
        helper.make_node("Expand", ["places", "deep"], ["landmarks"]),
    ]
    outputs = [
        helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["N", 2]),
        helper.make_tensor_value_info("landmarks", TensorProto.FLOAT, ["N", *np.shape(places)[1:]]),
    ]
    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    made = helper.make_graph(nodes, "landmarks", [pixels], outputs, held)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


def encoder(folder, places):
    content = graph(places)
    entry = Graph(file="encoder.onnx", sha256=hashlib.sha256(content).hexdigest())
    preprocessing = Preprocessing(size=SIZE)
    card = Card(name="t", preprocessing=preprocessing, graphs={"shop": entry, "street": entry}, dim=2, landmarks=True)
    bundles.write(folder, card, {"encoder.onnx": content})
    return OnnxEncoder(bundles.load(folder), threads=1)


def test_landmarks_are_fractions_of_the_photo_and_not_of_the_square(tmp_path):
    # the square's middle, and a quarter of its width from its left edge
    places = np.tile([[[0.5, 0.5, 0.9]]], (1, 8, 1))
    places[0, 1, 0] = 0.25
    found = encoder(tmp_path, places).encode([np.zeros((100, 50, 3), np.uint8), np.zeros((50, 100, 3), np.uint8)])
    upright, lying = found.landmarks
    # upright: 32 of the 64 pixels across are photo, from 16 on; a quarter of the square is its left edge
    assert upright[0].tolist() == pytest.approx([0.5, 0.5, 0.9])
    assert upright[1].tolist() == pytest.approx([0.0, 0.5, 0.9])
    assert lying[1].tolist() == pytest.approx([0.25, 0.5, 0.9])


def test_a_place_in_the_square_is_the_pixel_that_preprocessing_put_there(tmp_path):
    photo = np.full((90, 31, 3), 255, np.uint8)
    photo[40:43, 8:11] = 0
    fitted = Preprocessing(size=SIZE).apply(photo)
    rows, columns = np.nonzero(fitted[:, :, 0] < 200)
    middle = [(columns.mean() + 0.5) / SIZE, (rows.mean() + 0.5) / SIZE, 1]
    found = encoder(tmp_path, np.tile([[middle]], (1, 8, 1))).encode([photo]).landmarks
    assert found[0, 0, 0] * 31 == pytest.approx(9.5, abs=1)
    assert found[0, 0, 1] * 90 == pytest.approx(41.5, abs=1)


def test_no_photo_has_no_landmarks(tmp_path):
    assert encoder(tmp_path, np.zeros((1, 8, 3))).encode([]).landmarks.shape == (0, len(LANDMARK_SLOTS), 3)


def test_another_number_of_landmarks_is_refused(tmp_path):
    with pytest.raises(BundleError, match=r"gives landmarks of shape \(6, 3\), not \(8, 3\)"):
        encoder(tmp_path, np.zeros((1, 6, 3))).encode([np.zeros((9, 9, 3), np.uint8)])
    with pytest.raises(ValueError, match=r"landmarks must be \(1, 8, 3\)"):
        Encoding(np.array([[1, 0]], np.float32), landmarks=np.zeros((1, 8, 2), np.float32))


def regional(folder, said, value=7, dtype=np.int8, shape=(4, 3)):
    """An encoder whose graph gives the same regions of every photo, of one shape and type, whatever the card says."""
    from onnx import TensorProto, helper, numpy_helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    held = {
        "unit": np.array([[1, 0]], np.float32),
        "blank": np.full((1, *shape), value, dtype),
        "first": np.array([0], np.int64),
        "two": np.array([2], np.int64),
        "shape": np.array(shape, np.int64),
    }
    nodes = [
        helper.make_node("Shape", ["pixels"], ["all"]),
        helper.make_node("Gather", ["all", "first"], ["photos"]),
        helper.make_node("Concat", ["photos", "two"], ["flat"], axis=0),
        helper.make_node("Expand", ["unit", "flat"], ["vector"]),
        helper.make_node("Concat", ["photos", "shape"], ["deep"], axis=0),
        helper.make_node("Expand", ["blank", "deep"], ["regions"]),
    ]
    outputs = [
        helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["N", 2]),
        helper.make_tensor_value_info("regions", kind, ["N", *shape]),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", SIZE, SIZE, 3])
    weights = [numpy_helper.from_array(array, name) for name, array in held.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "regions", [pixels], outputs, weights), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 8
    content = model.SerializeToString()
    entry = Graph(file="encoder.onnx", sha256=hashlib.sha256(content).hexdigest())
    card = Card(
        name="t",
        preprocessing=Preprocessing(size=SIZE),
        graphs={"shop": entry, "street": entry},
        dim=2,
        regions=bundles.Regions(count=said[0], dim=said[1]),
    )
    bundles.write(folder, card, {"encoder.onnx": content})
    return OnnxEncoder(bundles.load(folder), threads=1)


def test_regions_are_what_the_graph_gives(tmp_path):
    made = regional(tmp_path, (4, 3), value=-128)
    found = made.encode([np.zeros((9, 9, 3), np.uint8)] * 2).regions
    assert found.dtype == np.int8
    assert found.shape == (2, 4, 3)
    assert (found == -128).all()
    assert made.encode([]).regions.shape == (0, 4, 3)
    assert made.encode([]).regions.dtype == np.int8


@pytest.mark.parametrize(
    ("said", "given", "message"),
    [
        ((9, 3), {}, r"regions of \(4, 3\) int8, its card says \(9, 3\) int8"),
        ((4, 3), {"dtype": np.uint8}, r"regions of \(4, 3\) uint8, its card says \(4, 3\) int8"),
        ((4, 3), {"shape": (4, 3, 1)}, r"regions of \(4, 3, 1\) int8"),
    ],
)
def test_regions_other_than_the_card_says_are_refused(tmp_path, said, given, message):
    with pytest.raises(BundleError, match=message):
        regional(tmp_path, said, **given).encode([np.zeros((9, 9, 3), np.uint8)])


def test_no_photo_has_heads_of_the_cards_widths():
    """What is empty must have the shape that later rows would join."""
    made = OnnxEncoder(bundles.load("mini"), threads=1)
    none, one = made.encode([]), made.encode([np.full((9, 9, 3), 128, np.uint8)])
    assert none.garments.shape == (0, one.garments.shape[1])
    assert {name: part.shape for name, part in none.attributes.items()} == {
        name: (0, part.shape[1]) for name, part in one.attributes.items()
    }
