"""Bundles: whole or refused, with one clear line; hashes that change when vectors would."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from wearabouts import bundles
from wearabouts.bundles import Card, Graph, Preprocessing
from wearabouts.calibration import Calibration
from wearabouts.errors import BundleError

GRAPH = b"not a real graph, but bytes with a hash"


def _card(**fields) -> Card:
    entry = Graph(file="encoder.onnx", sha256=hashlib.sha256(GRAPH).hexdigest())
    given = {"name": "t", "preprocessing": Preprocessing(size=64), "graphs": {"shop": entry, "street": entry}, "dim": 8}
    return Card(**{**given, **fields})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bundles.write(tmp_path / "b", _card(), {"encoder.onnx": GRAPH})
    return tmp_path / "b"


def test_what_is_written_is_loaded(folder: Path) -> None:
    bundle = bundles.load(folder)
    assert bundle.card == _card()
    assert bundle.graphs["shop"] == bundle.graphs["street"] == GRAPH


def test_the_hash_changes_with_the_vectors_and_with_nothing_else() -> None:
    base = _card().encoder_hash()
    other = Graph(file="encoder.onnx", sha256="0" * 64)
    street_only = {"shop": _card().graphs["shop"], "street": other}
    assert _card(description="x", figures={"a": 1}, licence="MIT").encoder_hash() == base
    assert _card(graphs=street_only).encoder_hash() == base
    assert _card(graphs={"shop": other, "street": other}).encoder_hash() != base
    assert _card(preprocessing=Preprocessing(size=96)).encoder_hash() != base
    assert _card(dim=9).encoder_hash() != base


def _edit(folder: Path, **changes) -> None:
    path = folder / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / "card.json").unlink(), "no card.json"),
        (lambda f: (f / "card.json").write_text("{"), "no card this version reads"),
        (lambda f: (f / "card.json").write_bytes(b" " * (bundles.MAX_CARD + 1)), "at most"),
        (lambda f: (f / "encoder.onnx").unlink(), "not a file"),
        (lambda f: (f / "encoder.onnx").write_bytes(GRAPH[:-1]), "damaged"),
        (lambda f: _edit(f, format=2), "format"),
        (lambda f: _edit(f, colour="x"), "colour"),
        (lambda f: _edit(f, dim=0), "dim"),
        (lambda f: _edit(f, graphs={"shop": {"file": "../../etc/passwd.onnx", "sha256": "0" * 64}}), "graphs"),
        (lambda f: _edit(f, graphs={"shop": json.loads((f / "card.json").read_text())["graphs"]["shop"]}), "street"),
    ],
)
def test_damage_is_one_clear_line(folder: Path, damage, said: str) -> None:
    damage(folder)
    with pytest.raises(BundleError, match=said) as caught:
        bundles.load(folder)
    assert "\n" not in str(caught.value)


def test_a_linked_graph_is_refused(folder: Path) -> None:
    (folder / "elsewhere").write_bytes(GRAPH)
    (folder / "encoder.onnx").unlink()
    (folder / "encoder.onnx").symlink_to(folder / "elsewhere")
    with pytest.raises(BundleError, match="not a file"):
        bundles.load(folder)


KEY, PLACE = b"\x0a\x08location", b"\x12\x0b/etc/passwd"


# Written is key, then path; protobuf reads them in any order, and lengths of more bytes than they need.
@pytest.mark.parametrize("entry", [KEY + PLACE, PLACE + KEY, PLACE + b"\x0a\x88\x00location"])
def test_a_graph_that_reads_other_files_is_refused(tmp_path: Path, entry: bytes) -> None:
    pytest.importorskip("onnx", reason="the extra train is not installed")
    from onnx import ModelProto, TensorProto, helper

    def field(tag: int, body: bytes) -> bytes:
        return bytes([tag, len(body)]) + body

    out = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["vector"])], "g", [], [out])
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    weight_bytes = weight.SerializeToString() + field(0x6A, entry)  # external_data
    content = helper.make_model(graph).SerializeToString() + field(0x3A, field(0x2A, weight_bytes))  # graph.initializer
    (read,) = ModelProto.FromString(content).graph.initializer
    assert (read.external_data[0].key, read.external_data[0].value) == ("location", "/etc/passwd")
    side = Graph(file="e.onnx", sha256=hashlib.sha256(content).hexdigest())
    bundles.write(tmp_path / "b", _card(graphs={"shop": side, "street": side}), {"e.onnx": content})
    with pytest.raises(BundleError, match="other files"):
        bundles.load(tmp_path / "b")


@pytest.mark.parametrize(("given", "said"), [("minni", "did you mean 'mini'"), ("a/b", "no bundle at")])
def test_an_unknown_name_says_what_there_is(given: str, said: str) -> None:
    with pytest.raises(BundleError, match=said):
        bundles.load(given)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 500), (333, 77), (64, 64), (1200, 900)])
def test_a_photo_is_fitted_whole_and_centred_on_white(height: int, width: int) -> None:
    photo = np.zeros((height, width, 3), np.uint8)
    fitted = Preprocessing(size=64).apply(photo)
    assert fitted.shape == (64, 64, 3)
    dark = (fitted < 128).all(2)
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    assert max(len(rows), len(columns)) == 64
    assert (
        abs(
            (len(rows) / len(columns))
            - max(1, round(height * 64 / max(height, width))) / max(1, round(width * 64 / max(height, width)))
        )
        < 1e-9
    )
    assert abs(rows[0] - (63 - rows[-1])) <= 1
    assert abs(columns[0] - (63 - columns[-1])) <= 1


PARTS = {"verifier.onnx": b"a pair network", "halves.onnx": b"a shop's half", "local.onnx": b"regions compared"}


def _entry(name: str) -> Graph:
    return Graph(file=name, sha256=hashlib.sha256(PARTS[name]).hexdigest())


def _staged(**fields) -> Card:
    pair = bundles.Verifier(**_entry("verifier.onnx").model_dump(), halves=_entry("halves.onnx"))
    card = _card(
        garments=("dress",),
        regions=bundles.Regions(count=4, dim=3),
        local=_entry("local.onnx"),
        judge=bundles.Judge(weights={"similarity": 1.0, "pair": 2.0, "local": 0.5, "agreement": 1.0}),
        **fields,
    )
    return card.model_copy(update={"verifier": pair.model_copy(update={"encoder": card.encoder_hash()})})


def _calibration(card: Card, **fields) -> Calibration:
    return Calibration(**{"verifier": card.judge_hash(), "calibrated_on": "nothing", **fields})


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    card = _staged()
    card = card.model_copy(update={"calibration": _calibration(card)})
    bundles.write(tmp_path / "s", card, {"encoder.onnx": GRAPH, **PARTS})
    return tmp_path / "s"


def test_a_second_stage_is_loaded_whole(staged: Path) -> None:
    bundle = bundles.load(staged)
    assert (bundle.verifier, bundle.halves, bundle.local) == tuple(PARTS.values())
    assert bundle.beside() == PARTS
    assert bundle.card.calibration.verifier == bundle.card.judge_hash()


@pytest.mark.parametrize("name", list(PARTS))
def test_each_graph_of_the_second_stage_is_read_like_the_others(
    staged: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (staged / name).write_bytes(PARTS[name] + b"?")
    with pytest.raises(BundleError, match=f"{name} is damaged"):
        bundles.load(staged)
    (staged / name).unlink()
    with pytest.raises(BundleError, match=f"the card names {name}, which is not a file"):
        bundles.load(staged)
    (staged / name).symlink_to(staged / "encoder.onnx")
    with pytest.raises(BundleError, match="which is not a file"):
        bundles.load(staged)
    (staged / name).unlink()
    (staged / name).write_bytes(b"x" * 100)
    monkeypatch.setattr("wearabouts.bundles.reading.MAX_GRAPH", 99)
    with pytest.raises(BundleError, match=f"{name} has 100 bytes; at most 99 are read"):
        bundles.load(staged)


@pytest.mark.parametrize("name", list(PARTS))
def test_a_second_stage_that_reads_other_files_is_refused(tmp_path: Path, name: str) -> None:
    content = b"....\x08location...."
    card = _staged().model_dump(mode="json")
    sha256 = hashlib.sha256(content).hexdigest()
    entry = {"verifier.onnx": card["verifier"], "halves.onnx": card["verifier"]["halves"], "local.onnx": card["local"]}
    entry[name]["sha256"] = sha256
    bundles.write(tmp_path / "b", Card.model_validate(card), {"encoder.onnx": GRAPH, **PARTS, name: content})
    with pytest.raises(BundleError, match=f"{name} keeps weights in other files"):
        bundles.load(tmp_path / "b")


def _put(folder: Path, place: str, value: object) -> None:
    """Set one field of the card, by its path."""
    path = folder / "card.json"
    card = json.loads(path.read_text())
    *way, last = place.split(".")
    inner = card
    for step in way:
        inner = inner[step]
    inner[last] = value
    path.write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("verifier.encoder", "f" * 64, "verifier of 't' belongs to encoder fffffffff…, this one is .*export it again"),
        ("calibration.verifier", "e" * 64, "calibration of 't' belongs to judge eeeeeeeee…, this one's is .*again"),
        ("calibration.verifier", "", "calibration of 't' belongs to judge"),
        ("judge", None, "belongs to judge .*, this one has none; calibrate again"),
        ("judge.offset", 0.5, "calibration of 't' belongs to judge"),
        (
            "judge.weights",
            {"similarty": 1.0},
            "export 't' again, its judge weighs an unknown signal 'similarty'.*'similarity'",
        ),
        ("judge.sure", {"pear": 1.0}, "did you mean 'pair'"),
        ("judge.weights", {"similarity": float("nan")}, "judge.weights.similarity: Input should be a finite number"),
        ("judge.weights", {"similarity": float("inf")}, "finite number"),
        ("judge.offset", float("-inf"), "judge.offset: Input should be a finite number"),
        ("judge.certain", [0.7, 0.2], "must rise"),
        ("verifier", None, "weighs 'pair', which the bundle cannot give .it gives similarity, local, agreement"),
        ("local", None, "weighs 'local', which the bundle cannot give"),
        ("garments", [], "weighs 'agreement', which the bundle cannot give"),
        ("regions", None, "verifier of regions, but no regions"),
        ("regions.count", 5, "5 regions are not a square"),
        ("local.file", "../x.onnx", "local.file"),
        ("verifier.halves.file", "/etc/x.onnx", "verifier.halves.file"),
    ],
)
def test_parts_that_do_not_belong_together_are_one_clear_line(
    staged: Path, place: str, value: object, said: str
) -> None:
    _put(staged, place, value)
    with pytest.raises(BundleError, match=said) as caught:
        bundles.load(staged)
    assert "\n" not in str(caught.value)


def test_another_encoder_under_a_verifier_is_refused(staged: Path) -> None:
    """The mistake itself: somebody puts a newer encoder into the folder and keeps the rest."""
    newer = GRAPH + b", newer"
    (staged / "encoder.onnx").write_bytes(newer)
    entry = {"file": "encoder.onnx", "sha256": hashlib.sha256(newer).hexdigest()}
    _put(staged, "graphs", {"shop": entry, "street": entry})
    with pytest.raises(BundleError, match="belongs to encoder"):
        bundles.load(staged)


def test_nothing_is_written_whose_parts_do_not_belong_together(tmp_path: Path) -> None:
    card = _staged()
    wrong = card.model_copy(update={"calibration": _calibration(card, verifier="0" * 64)})
    with pytest.raises(BundleError, match="belongs to judge"):
        bundles.write(tmp_path / "b", wrong, {"encoder.onnx": GRAPH, **PARTS})
    assert not (tmp_path / "b").exists()


def test_a_judge_and_its_calibration_are_put_on_a_bundle_that_is_there(staged: Path) -> None:
    before = bundles.load(staged)
    judge = bundles.Judge(weights={"pair": 1.0}, offset=-2.0)
    with pytest.raises(BundleError, match="belongs to judge"):
        bundles.write_parts(staged, judge=judge)  # the old calibration is of the old judge
    assert bundles.load(staged) == before
    calibration = _calibration(before.card.model_copy(update={"judge": judge}), temperature=2.0)
    card = bundles.write_parts(staged, judge=judge, calibration=calibration)
    after = bundles.load(staged)
    assert after.card == card
    assert (after.card.judge, after.card.calibration) == (judge, calibration)
    assert after.hash == before.hash
    assert after.beside() == before.beside()
    assert bundles.write_parts(staged, judge=None, calibration=None).judge is None


def test_a_new_graph_never_takes_the_name_of_one_in_use(staged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, better = bundles.load(staged), b"a better pair network"
    pair = before.card.verifier.model_copy(update={"sha256": hashlib.sha256(better).hexdigest()})
    # The power goes while the card is written: the bundle is the one it was.
    with monkeypatch.context() as patched:
        patched.setattr("wearabouts.bundles.writing._text", lambda card: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            bundles.write_parts(staged, {"verifier.onnx": better}, verifier=pair, calibration=None)
    assert bundles.load(staged) == before
    card = bundles.write_parts(staged, {"verifier.onnx": better}, verifier=pair, calibration=None)
    after = bundles.load(staged)
    assert after.verifier == better
    assert card.verifier.file == f"verifier-{pair.sha256[:8]}.onnx"
    assert {path.name for path in staged.iterdir()} == {
        "card.json",
        "encoder.onnx",
        "halves.onnx",
        "local.onnx",
        card.verifier.file,
    }


def test_parts_without_their_graph_or_of_other_vectors_are_not_written(staged: Path) -> None:
    before = bundles.load(staged)
    other = bundles.Graph(file="other.onnx", sha256="0" * 64)
    for files, parts, said in (
        ({}, {"local": other}, r"other\.onnx is named on the card with SHA-256 000000000"),
        ({"other.onnx": b"?"}, {"local": other}, r"other\.onnx is named"),
        ({}, {"dim": 9}, "would change its vectors"),
    ):
        with pytest.raises(BundleError, match=said):
            bundles.write_parts(staged, files, calibration=None, **parts)
    assert bundles.load(staged) == before


def test_a_second_stage_follows_an_encoder_whose_vectors_are_the_same(staged: Path) -> None:
    card = bundles.load(staged).card
    entry = Graph(file="encoder.onnx", sha256="0" * 64)
    moved = card.model_copy(update={"graphs": {"shop": entry, "street": entry}})
    with pytest.raises(BundleError, match="belongs to encoder"):
        bundles.check(moved)
    there = bundles.rebound(moved)
    bundles.check(there)
    assert there.verifier.encoder == there.encoder_hash() != card.encoder_hash()
    assert there.calibration.verifier == there.judge_hash() != card.judge_hash()
