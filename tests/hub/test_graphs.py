"""Graphs of strangers: what they may refer to, what of them is kept, and that damage is one clear line."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hub import towers
from wearabouts import hub
from wearabouts.bundles import load
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import BundleError, SettingsError
from wearabouts.hub.graphs import cut, read_graph
from wearabouts.hub.repository import Folder

WEIGHT = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)


def tower(weight: TensorProto | None = None, *, size: object = "S", batch: object = "N", opset: int = 17, **model):
    """The mean colour, mixed: the smallest photo tower there is."""
    held = weight if weight is not None else numpy_helper.from_array(WEIGHT, "weight")
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixel_values"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "weight"], ["image_embeds"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tower",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, [batch, 3, size, size])],
        [helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, [batch, 8])],
        [held],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **{"ir_version": 8, **model})


def external(**entries: str) -> TensorProto:
    """A weight that names another file."""
    tensor = TensorProto(name="weight", data_type=TensorProto.FLOAT, dims=[3, 8], data_location=TensorProto.EXTERNAL)
    for key, value in entries.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


@pytest.fixture
def shelf(tmp_path: Path):
    """A repository around a graph of the test's own."""

    def put(model: object, **files: bytes) -> str:
        folder = tmp_path / "repository"
        (folder / "onnx").mkdir(parents=True)
        content = model if isinstance(model, bytes) else model.SerializeToString()
        (folder / "onnx/model.onnx").write_bytes(content)
        (folder / "README.md").write_text("---\nlicense: mit\n---\n")
        (folder / "config.json").write_text('{"model_type": "clip_vision_model"}')
        settings = '{"image_processor_type": "SiglipImageProcessor", "size": {"height": 32, "width": 32}}'
        (folder / "preprocessor_config.json").write_text(settings)
        for name, data in files.items():
            (folder / name.replace("__", "/").replace("_dot_", ".")).write_bytes(data)
        return str(folder)

    return put


def check_whole(repository: str, out: Path) -> None:
    """The bundle is right by arithmetic done here."""
    hub.pull(repository, out)
    photo = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    found = OnnxEncoder(load(out), threads=1).encode([photo]).vectors[0]
    wanted = (photo.mean((0, 1)) / 127.5 - 1) @ WEIGHT
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), atol=1e-5)


def test_a_tower_of_one_line_is_right_by_hand(shelf, tmp_path: Path) -> None:
    check_whole(shelf(tower()), tmp_path / "out")


def test_weights_in_a_file_beside_the_graph_come_in(shelf, tmp_path: Path) -> None:
    model = tower(external(location="model.onnx_data", offset="16", length="96"))
    check_whole(shelf(model, onnx__model_dot_onnx_data=bytes(16) + WEIGHT.tobytes()), tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"card.json", "encoder.onnx"}


@pytest.mark.parametrize(
    "location",
    [
        "/etc/passwd",
        "../config.json",
        "../../secret",
        "sub/../../secret",
        "onnx/model.onnx_data",
        "",
        ".",
        "nowhere",
        "a\0b",
        "..\\x",
    ],
)
def test_weights_anywhere_else_are_refused(shelf, tmp_path: Path, location: str) -> None:
    (tmp_path / "secret").write_bytes(WEIGHT.tobytes())
    with pytest.raises(BundleError, match="only files beside it"):
        hub.pull(shelf(tower(external(location=location))), tmp_path / "out")


def test_a_link_beside_the_graph_is_no_file_of_the_repository(shelf, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(WEIGHT.tobytes())
    folder = shelf(tower(external(location="model.onnx_data")))
    (Path(folder) / "onnx/model.onnx_data").symlink_to(tmp_path / "secret")
    with pytest.raises(BundleError, match="only files beside it"):
        hub.pull(folder, tmp_path / "out")


@pytest.mark.parametrize(
    "entries",
    [
        {"offset": "4"},
        {"offset": "-4"},
        {"offset": "x"},
        {"offset": str(2**70)},
        {"length": "4"},
        {"length": str(10**12)},
    ],
)
def test_weights_that_do_not_fit_their_shape_are_refused(shelf, tmp_path: Path, entries: dict[str, str]) -> None:
    model = tower(external(location="w.bin", **entries))
    with pytest.raises(BundleError, match="weight"):
        hub.pull(shelf(model, onnx__w_dot_bin=WEIGHT.tobytes()), tmp_path / "out")


@pytest.mark.parametrize("dims", [[-3, 8], [3, 10**12], [0, 0]])
def test_a_weight_of_an_impossible_shape_is_refused(shelf, tmp_path: Path, dims: list[int]) -> None:
    tensor = external(location="w.bin")
    del tensor.dims[:]
    tensor.dims.extend(dims)
    with pytest.raises(BundleError):
        hub.pull(shelf(tower(tensor), onnx__w_dot_bin=WEIGHT.tobytes()), tmp_path / "out")


def hidden(kind: str) -> onnx.ModelProto:
    """A graph whose tensor outside is not among its weights."""
    model = tower()
    outside = external(location="/etc/passwd")
    node = helper.make_node("Constant", [], ["unused"], value=numpy_helper.from_array(WEIGHT, "x"))
    node.attribute[0].t.CopyFrom(outside)
    if kind == "constant":
        model.graph.node.insert(0, node)
    elif kind == "branch":
        body = helper.make_graph([node], "body", [], [helper.make_tensor_value_info("unused", TensorProto.FLOAT, None)])
        flag = numpy_helper.from_array(np.array(True), "flag")
        model.graph.initializer.append(flag)
        model.graph.node.insert(0, helper.make_node("If", ["flag"], ["y"], then_branch=body, else_branch=body))
    elif kind == "function":
        opset = [helper.make_opsetid("", 17)]
        model.functions.append(helper.make_function("own", "f", [], ["unused"], [node], opset))
        model.opset_import.append(helper.make_opsetid("own", 1))
        model.graph.node.insert(0, helper.make_node("f", [], ["y"], domain="own"))
    else:
        model.graph.sparse_initializer.add().values.CopyFrom(outside)
    return model


@pytest.mark.parametrize("kind", ["constant", "branch", "function", "sparse"])
def test_references_outside_are_found_wherever_they_hide(shelf, tmp_path: Path, kind: str) -> None:
    with pytest.raises(BundleError, match="only files beside it"):
        hub.pull(shelf(hidden(kind)), tmp_path / "out")


def foreign() -> onnx.ModelProto:
    model = tower()
    model.graph.node[0].domain = "author.own"
    return model


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (b"", "no ONNX graph"),
        (b"PK\x03\x04 a zip", "no ONNX graph"),
        (b"\x80\x04\x95 a pickle", "no ONNX graph"),
        (tower().SerializeToString()[:-40], "no ONNX graph|cannot be run|not a valid"),
        (tower(opset=7), "opset 7"),
        (tower(opset=999), "opset 999"),
        (tower(ir_version=999), "IR version 999"),
        (foreign(), "author.own"),
        (tower(size=64), r"\[0, 3, 64, 64\]"),
        (tower(batch=1), "any number"),
        (tower(numpy_helper.from_array(WEIGHT[:2], "weight")), "cannot be run"),
        (tower(numpy_helper.from_array(np.zeros((3, 8), np.float32), "weight")), "length 1"),
        (tower(numpy_helper.from_array(WEIGHT * np.float32(np.nan), "weight")), "length 1"),
    ],
)
def test_a_graph_that_cannot_be_served_is_one_clear_line(shelf, tmp_path: Path, model, said: str) -> None:
    with pytest.raises(BundleError, match=said) as caught:
        hub.pull(shelf(model), tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "card.json").exists()


def test_a_photo_whose_vector_depends_on_its_company_is_refused(shelf, tmp_path: Path) -> None:
    model = tower()
    model.graph.node[2].output[0] = "mixed"
    axis = numpy_helper.from_array(np.array([0], np.int64), "axis")
    model.graph.initializer.append(axis)
    model.graph.node.extend(
        [
            helper.make_node("ReduceSum", ["mixed", "axis"], ["all"], keepdims=1),
            helper.make_node("Sin", ["all"], ["turned"]),
            helper.make_node("Add", ["mixed", "turned"], ["image_embeds"]),
        ]
    )
    with pytest.raises(BundleError, match="than in company"):
        hub.pull(shelf(model), tmp_path / "out")
    assert not (tmp_path / "out" / "card.json").exists()


def test_photos_can_be_fitted_otherwise_than_the_towers_were(shelf, tmp_path: Path) -> None:
    repository = shelf(tower())
    bundle = hub.pull(repository, tmp_path / "out", fit="white_square")
    assert (bundle.card.preprocessing.fit, bundle.card.preprocessing.size) == ("white_square", 32)
    assert hub.pull(repository, tmp_path / "as").card.preprocessing.fit == "stretch"
    assert bundle.hash != hub.pull(repository, tmp_path / "as").hash
    with pytest.raises(SettingsError, match="did you mean 'stretch'"):
        hub.pull(repository, tmp_path / "out", fit="strech")


def test_names_of_ours_inside_a_tower_do_no_harm(shelf, tmp_path: Path) -> None:
    model = tower()
    model.graph.node[0].output[0] = model.graph.node[1].input[0] = "pixels"
    model.graph.node[1].output[0] = model.graph.node[2].input[0] = "vector"
    check_whole(shelf(model), tmp_path / "out")


def test_half_precision_inside_stays_inside(shelf, tmp_path: Path) -> None:
    model = tower(numpy_helper.from_array(WEIGHT.astype(np.float16), "weight"))
    for part in (model.graph.input[0], model.graph.output[0]):
        part.type.tensor_type.elem_type = TensorProto.FLOAT16
    bundle = hub.pull(shelf(model), tmp_path / "out")
    photo = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    found = OnnxEncoder(bundle, threads=1).encode([photo]).vectors
    assert found.dtype == np.float32
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)


def test_only_what_the_vector_needs_is_kept(shelf) -> None:
    model = tower()
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(10_000, np.float32), "ballast"))
    model.graph.node.append(helper.make_node("Identity", ["ballast"], ["other"]))
    model.graph.output.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, [10_000]))
    read = read_graph(Folder(Path(shelf(model))), "onnx/model.onnx")
    cut(read, "image_embeds", ["pixel_values"], "x")
    assert [each.name for each in read.graph.initializer] == ["weight"]
    assert [each.name for each in read.graph.output] == ["image_embeds"]
    with pytest.raises(BundleError, match="computes no 'nothing'"):
        cut(read, "nothing", ["pixel_values"], "x")
    with pytest.raises(BundleError, match="also needs pixel_values"):
        cut(read, "image_embeds", ["photos"], "x")


def text_tower() -> onnx.ModelProto:
    """The mean of a row a token, of those that the mask keeps: told by 8 floats."""
    rows = np.random.default_rng(2).normal(size=(32, 8)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["rows", "input_ids"], ["each"]),
        helper.make_node("Cast", ["attention_mask"], ["kept"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["kept", "last"], ["column"]),
        helper.make_node("Mul", ["each", "column"], ["parts"]),
        helper.make_node("ReduceSum", ["parts", "one"], ["text_embeds"], keepdims=0),
    ]
    held = {"rows": rows, "last": np.array([-1], np.int64), "one": np.array([1], np.int64)}
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["N", "L"]) for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("text_embeds", TensorProto.FLOAT, ["N", 8])
    made = helper.make_graph(nodes, "text", inputs, [output], [numpy_helper.from_array(v, k) for k, v in held.items()])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(("kind", "padded"), [("clip", False), ("siglip", True)])
def test_padding_is_hidden_from_a_tower_that_never_saw_any(shelf, tmp_path: Path, kind: str, padded: bool) -> None:
    folder = Path(shelf(tower()))
    (folder / "onnx/model.onnx").rename(folder / "onnx/vision_model.onnx")
    (folder / "onnx/text_model.onnx").write_bytes(text_tower().SerializeToString())
    (folder / "config.json").write_text(f'{{"model_type": "{kind}"}}')
    towers.tokenizer(folder, pad="<pad>", end="</s>")
    bundle = hub.pull(str(folder), tmp_path / "out")
    assert bundle.card.text.fixed is padded
    rows = numpy_helper.to_array(text_tower().graph.initializer[0])
    words = towers.WORDS.index("red") + 4, 3  # after the four marks; then the end token
    wanted = rows[list(words)].sum(0) + (rows[0] * (towers.CONTEXT - 2) if padded else 0)
    found = OnnxEncoder(bundle, threads=1).encode_text(["red"])[0]
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), atol=1e-5)


def changed(made, tmp_path: Path, name: str, **files: str | None) -> str:
    """A copy of a repository with files of its own, or without some."""
    folder = tmp_path / name
    shutil.copytree(made[name], folder)
    for path, content in files.items():
        file = folder / path.replace("_json", ".json").replace("_onnx", ".onnx").replace("__", "/")
        if content is None:
            file.unlink()
        else:
            file.write_text(content)
    return str(folder)


@pytest.mark.parametrize(
    ("name", "files", "said"),
    [
        ("clip", {"config_json": "[]"}, "object is wanted"),
        ("clip", {"config_json": "[" * 100_000}, "not JSON"),
        ("clip", {"preprocessor_config_json": None}, "no preprocessor_config"),
        ("clip", {"preprocessor_config_json": "{}"}, "no preprocessor_config"),
        ("clip", {"tokenizer_json": None}, "no tokenizer.json"),
        ("clip", {"tokenizer_json": "{}"}, "is no tokenizer"),
        ("clip", {"onnx__vision_model_onnx": None}, "no photo tower"),
        ("siglip", {"config_json": '{"model_type": "unheard"}'}, "not known here"),
        ("dinov2", {"config_json": '{"model_type": "clip"}'}, "none of which"),
    ],
)
def test_a_repository_that_lacks_a_part_says_which(made, tmp_path: Path, name: str, files: dict, said: str) -> None:
    with pytest.raises(BundleError, match=said) as caught:
        hub.pull(changed(made, tmp_path, name, **files), tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_without_text_a_broken_tokenizer_does_not_matter(made, tmp_path: Path) -> None:
    bundle = hub.pull(changed(made, tmp_path, "clip", tokenizer_json="{}"), tmp_path / "out", text=False)
    assert bundle.card.text is None


def test_a_variant_that_is_not_there_names_those_that_are(made, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"onnx/vision_model\.onnx"):
        hub.pull(str(made["siglip"]), tmp_path, variant="fp16")
    with pytest.raises(SettingsError, match="name"):
        hub.pull(str(made["siglip"]), tmp_path, name="a b")


def test_a_damaged_settings_file_never_reaches_past_a_typed_error(made, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for name in ("config.json", "preprocessor_config.json", "tokenizer_config.json"):
        content = (made["siglip"] / name).read_bytes()
        for n in range(6):
            folder = tmp_path / f"{name}{n}"
            shutil.copytree(made["siglip"], folder)
            damaged = bytearray(content)
            for place in rng.integers(0, len(content), 3):
                damaged[place] = rng.integers(32, 127)
            (folder / name).write_bytes(bytes(damaged))
            try:
                hub.pull(str(folder), tmp_path / "out", text=name.startswith("tokenizer"))
            except (BundleError, SettingsError):
                continue
