"""Words to vectors: the text tower of a bundle, its tokenizer, and what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from wearabouts import bundles
from wearabouts.bundles import Card, Graph, Preprocessing, TextTower
from wearabouts.encoders import MAX_TEXT, OnnxEncoder
from wearabouts.errors import BundleError, QueryError

onnx = pytest.importorskip("onnx")
tokenizers = pytest.importorskip("tokenizers")

WORDS = ("[pad]", "[unk]", "[end]", "red", "blue", "dress", "jacket")
ROWS = np.random.default_rng(0).normal(size=(len(WORDS), 4)).astype(np.float32)


def tokenizer() -> bytes:
    """A word a token, an end token after the last."""
    made = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[unk]")
    )
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing("$A [end]", special_tokens=[("[end]", 2)])
    return made.to_str().encode()


def graph(masked: bool) -> bytes:
    """The mean of a row a token: of all tokens, or of those that the mask keeps."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [helper.make_node("Gather", ["rows", "tokens"], ["each"])]
    inputs = [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["N", "L"])]
    if masked:
        inputs.append(helper.make_tensor_value_info("mask", TensorProto.INT64, ["N", "L"]))
        nodes += [
            helper.make_node("Cast", ["mask"], ["kept"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["kept", "last"], ["column"]),
            helper.make_node("Mul", ["each", "column"], ["parts"]),
        ]
    nodes += [
        helper.make_node("ReduceSum", ["parts" if masked else "each", "one"], ["sum"], keepdims=0),
        helper.make_node("LpNormalization", ["sum"], ["vector"], axis=-1, p=2),
    ]
    held = {"rows": ROWS, "last": np.array([-1], np.int64), "one": np.array([1], np.int64)}
    made = helper.make_graph(
        nodes,
        "text",
        inputs,
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(value, name) for name, value in held.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def photo_graph() -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "mix"], ["mixed"]),
        helper.make_node("LpNormalization", ["mixed"], ["vector"], axis=-1, p=2),
    ]
    made = helper.make_graph(
        nodes,
        "photo",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", 32, 32, 3])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(ROWS[:3], "mix")],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def encoder(folder: Path, *, masked: bool = True, words: bytes | None = None, **facts) -> OnnxEncoder:
    photo, text, words = photo_graph(), graph(masked), words or tokenizer()
    side = Graph(file="encoder.onnx", sha256=sha(photo))
    given = {"file": "text.onnx", "sha256": sha(text), "tokenizer_sha256": sha(words), "context": 6, "pad": 0}
    card = Card(
        name="t",
        preprocessing=Preprocessing(size=32),
        graphs={"shop": side, "street": side},
        dim=4,
        text=TextTower(**{**given, **facts}),
    )
    bundles.write(folder, card, {"encoder.onnx": photo, "text.onnx": text, "tokenizer.json": words})
    return OnnxEncoder(bundles.load(folder), threads=1)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows)


def test_a_text_is_what_its_tokens_are(tmp_path: Path) -> None:
    found = encoder(tmp_path).encode_text(["red dress", "blue"])
    assert found.shape == (2, 4)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], unit(ROWS[[3, 5, 2]].sum(0)), atol=1e-6)
    np.testing.assert_allclose(found[1], unit(ROWS[[4, 2]].sum(0)), atol=1e-6)


def test_the_company_of_a_text_does_not_change_it(tmp_path: Path) -> None:
    texts = [f"{'red ' * (1 + n % 3)}dress" for n in range(70)]
    reader = encoder(tmp_path)
    together = reader.encode_text(texts)
    np.testing.assert_allclose(together, np.concatenate([reader.encode_text([text]) for text in texts]), atol=1e-6)


def test_a_long_text_is_cut_and_keeps_its_end_token(tmp_path: Path) -> None:
    found = encoder(tmp_path).encode_text(["red " * 50])
    np.testing.assert_allclose(found[0], unit(5 * ROWS[3] + ROWS[2]), atol=1e-6)


def test_a_tower_trained_on_padding_sees_padding(tmp_path: Path) -> None:
    found = encoder(tmp_path, masked=False, fixed=True, lower=True).encode_text(["RED"])
    np.testing.assert_allclose(found[0], unit(ROWS[3] + ROWS[2] + 4 * ROWS[0]), atol=1e-6)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_goes_where_the_card_says(tmp_path: Path, side: str) -> None:
    reader = encoder(tmp_path, fixed=True, pad_side=side)._reader
    tokens, mask = reader._padded([[3, 2]])
    assert tokens[0].tolist() == ([0, 0, 0, 0, 3, 2] if side == "left" else [3, 2, 0, 0, 0, 0])
    assert (mask == (tokens > 0)).all()


def test_a_model_without_text_says_so(tmp_path: Path) -> None:
    mini = OnnxEncoder(bundles.load("mini"), threads=1)
    assert not mini.reads_text
    with pytest.raises(BundleError, match="reads no text"):
        mini.encode_text(["red"])
    assert encoder(tmp_path).reads_text
    assert encoder(tmp_path).encode_text([]).shape == (0, 4)


@pytest.mark.parametrize("text", ["", "  \n", "x" * (MAX_TEXT + 1), "\ud800"])
def test_what_is_no_text_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(QueryError, match="give"):
        encoder(tmp_path).encode_text([text])


@pytest.mark.parametrize("name", ["text.onnx", "tokenizer.json"])
def test_damage_to_the_text_tower_is_found(tmp_path: Path, name: str) -> None:
    encoder(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-1])
    with pytest.raises(BundleError, match="damaged"):
        OnnxEncoder(bundles.load(tmp_path), threads=1).encode_text(["red"])
    (tmp_path / name).unlink()
    with pytest.raises(BundleError, match="not a file"):
        bundles.load(tmp_path)


def test_a_tokenizer_of_another_model_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        encoder(tmp_path / "a", words=b"{}").encode_text(["red"])
    larger = json.loads(tokenizer())
    larger["model"]["vocab"]["green"] = 99
    with pytest.raises(BundleError, match="fails"):
        encoder(tmp_path / "b", words=json.dumps(larger).encode()).encode_text(["green"])
