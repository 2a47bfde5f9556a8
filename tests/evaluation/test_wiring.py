"""Every protocol from its dataset's files, as the authors ship them, to a report: reader, protocol and parts fit."""

import json

import numpy as np
import pytest

from fakes import TinyGarmentEncoder
from miniatures import (
    cifar10,
    darn,
    deepfashion_attributes,
    deepfashion_consumer2shop,
    deepfashion_inshop,
    deepfashion_landmarks,
    fashion_mnist,
    grocery_store,
    hipsterwars,
    lookbench,
    street2shop,
)
from wearabouts import evaluation
from wearabouts.cli import main as wearabouts
from wearabouts.errors import EvaluationError, SettingsError
from wearabouts.evaluation.protocols import PROTOCOLS
from wearabouts.types import Encoding

DRAWN = {"queries": "1", "trained": "2"}  # of each class, in a CIFAR-10 of six pictures a class
# protocol → what writes its dataset, the options it needs at this size, and how many queries it then has
WORLDS = {
    "wtbi": (street2shop.write, {}, None),
    "darn": (darn.write, {}, 3),
    "inshop": (deepfashion_inshop.inshop, {}, None),
    "inshop_other_colour": (deepfashion_inshop.inshop, {}, None),
    "consumer2shop_pair": (deepfashion_consumer2shop.consumer2shop, {"gallery": "test+val"}, None),
    "consumer2shop_item": (deepfashion_consumer2shop.consumer2shop, {}, None),
    "deepfashion_category": (deepfashion_attributes.attributes, {}, 4),
    "deepfashion_attributes": (deepfashion_attributes.attributes, {}, 4),
    "landmarks": (deepfashion_landmarks.landmarks, {}, None),
    "stylenet": (hipsterwars.hipsterwars, {}, 15),
    "lookbench": (lookbench.lookbench, {"subset": "real_streetlook"}, 6),
    "grocery_store": (grocery_store.grocery_store, {}, None),
    "cifar10": (cifar10.cifar10, DRAWN, 10),
    "cifar10-1": (cifar10.cifar10, DRAWN, 10),
    "cifar10-2": (cifar10.cifar10, {}, 20),
    "fashion_mnist": (fashion_mnist.fashion_mnist, {}, 20),
}


class Marking(TinyGarmentEncoder):
    """Places every landmark in the photo's middle."""

    hash = "marking-1"

    def encode(self, photos, side="shop"):
        said = super().encode(photos, side)
        return Encoding(
            said.vectors, said.garments, said.attributes, landmarks=np.full((len(photos), 8, 3), 0.5, np.float32)
        )


def test_no_protocol_is_left_out():
    assert set(WORLDS) == set(PROTOCOLS)


@pytest.mark.parametrize("name", WORLDS)
def test_from_the_files_to_the_report(name, tmp_path):
    write, options, queries = WORLDS[name]
    write(tmp_path / "set")
    report = evaluation.main(
        name, data=tmp_path / "set", model=Marking(), options=options, out=tmp_path / "out", store=tmp_path / "kept"
    )
    main = report.sections[0]
    (sample,) = main.samples
    assert sample.name == name
    assert len(sample.ids) == (queries or len(sample.ids)) > 0
    plain = json.loads((tmp_path / "out" / "report.json").read_text())
    assert plain["provenance"]["protocol"].startswith(name)
    assert plain["provenance"].get("options", {}) == options
    titles = [table["title"] for section in plain["sections"] for table in section["tables"]]
    if name not in ("fashion_mnist", "grocery_store", "inshop_other_colour"):
        assert any("published figures" in title for title in titles), titles
    again = evaluation.main(name, data=tmp_path / "set", model=Marking(), options=options, store=tmp_path / "kept")
    # what is remembered of queries is what was said of them
    assert again.sections[0].tables == main.tables


def test_a_model_without_landmarks_is_refused(tmp_path):
    deepfashion_landmarks.landmarks(tmp_path)
    with pytest.raises(EvaluationError, match="model tiny-garments places no landmarks"):
        evaluation.main("landmarks", data=tmp_path, model=TinyGarmentEncoder())


def test_an_option_that_neither_protocol_nor_reader_has_is_named(tmp_path):
    deepfashion_inshop.inshop(tmp_path)
    with pytest.raises(SettingsError, match="unknown option of reader deepfashion_inshop 'galery'"):
        evaluation.main("inshop", data=tmp_path, model=TinyGarmentEncoder(), options={"galery": "test"})


def test_one_command_from_a_datasets_folder_to_its_table(tmp_path, capsys):
    deepfashion_inshop.inshop(tmp_path / "set")
    words = ["evaluate", "inshop", "--data", str(tmp_path / "set"), "--model", "histogram", "--json"]
    assert wearabouts([*words, "--out", str(tmp_path / "one")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sections"][0]["samples"][0]["name"] == "inshop"
    # the same run again, compared with the first: the same queries, and nothing but noise between them
    assert wearabouts([*words, "--compare", str(tmp_path / "one" / "report.json")]) == 0
    again = json.loads(capsys.readouterr().out)
    assert "this difference is noise" in json.dumps(again["sections"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["inshopp"], "did you mean 'inshop'"),
        (["inshop"], "give --data"),
        (
            ["consumer2shop_pair", "--data", ".", "-o", "gallery=all"],
            "unknown gallery of protocol consumer2shop_pair 'all'",
        ),
        (["inshop", "--data", "nowhere"], "nowhere"),
    ],
)
def test_words_that_mean_nothing_are_one_line(words, message, capsys):
    assert wearabouts(["evaluate", *words, "--model", "histogram"]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert message in told[0]
