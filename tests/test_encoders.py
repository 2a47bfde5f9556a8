"""What a bundle's graph says of landmarks, put where the photo has them."""

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
