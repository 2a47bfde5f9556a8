"""The model table on a small made-up folder whose figures can be worked out, and on the real photographs."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from fakes import TinyEncoder, TinyGarmentEncoder, TinyJudge, tiny_calibration
from wearabouts import evaluation
from wearabouts.errors import EvaluationError
from wearabouts.evaluation import tasks
from wearabouts.evaluation.photographs import evaluate_photographs
from wearabouts.evaluation.systems import Second
from wearabouts.garments import GARMENT_OF_LABEL, GARMENTS

RED, GREEN, BLUE, YELLOW = (220, 20, 20), (20, 180, 20), (20, 20, 220), (220, 220, 20)


def picture(path, colour):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((40, 40, 3), colour, np.uint8)).save(path)


def table(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)


@pytest.fixture
def photographs(tmp_path):
    """Grocery: items 1 and 2 are found, 3 looks like 2 and is not. Everything else is found."""

    def listed(folder, name, colour, **facts):
        picture(tmp_path / folder / name, colour)
        return {"path": name, **facts}

    def item(name, colour, role, number):
        return listed("grocery", name, colour, role=role, item_id=number, item_name=f"item {number}")

    grocery = [item(f"g{n}.png", colour, "gallery", str(n)) for n, colour in enumerate((RED, GREEN, BLUE, YELLOW))]
    grocery += [
        item("q1.png", GREEN, "query", "1"),
        item("q2.png", BLUE, "query", "2"),
        item("q3.png", BLUE, "query", "3"),
    ]
    grocery += [item("q0.png", BLUE, "query", "0")]  # of an item to train on: not asked
    table(tmp_path / "grocery" / "images.csv", grocery)
    splits = [{"item_id": str(n), "split": "test" if n else "train"} for n in range(4)]
    table(tmp_path / "grocery" / "splits.csv", splits)

    def garment(name, colour, role, view, number):
        return listed("magento-fashion", name, colour, role=role, view=view, item_id=number)

    magento = [garment(f"m{n}.png", colour, "gallery", "main", str(n)) for n, colour in enumerate((RED, GREEN, BLUE))]
    magento += [garment("b0.png", RED, "query", "back", "0"), garment("b9.png", BLUE, "query", "back", "9")]
    magento += [garment("d0.png", RED, "query", "alt1", "0")]
    table(tmp_path / "magento-fashion" / "images.csv", magento)

    def worn(name, colour, role, label, sender):
        return listed("clothing", name, colour, role=role, label=label, sender_id=sender)

    clothing = [worn("c1.png", RED, "gallery", "Dress", "1"), worn("c2.png", GREEN, "gallery", "Pants", "1")]
    clothing += [worn("c3.png", RED, "query", "Dress", "2"), worn("c4.png", BLUE, "query", "Pants", "3")]
    table(tmp_path / "clothing" / "images.csv", clothing)

    def variant(name, colour, kind):
        return listed("robustness", name, colour, kind=kind, upright_reference="0.png")

    robust = [variant("0.png", RED, "reference"), variant("1.png", RED, "same_picture")]
    robust += [
        variant("2.png", BLUE, "near_picture"),
        variant("4.tif", RED, "same_picture"),
        variant("3.png", BLUE, "tiny"),
    ]
    table(tmp_path / "robustness" / "images.csv", robust)
    return tmp_path


def figures(report, section, row):
    tables = report.to_dict()["sections"][section]["tables"]
    return next(each["cells"] for each in tables[0]["rows"] if each["name"] == row)


def test_figures_worked_out_by_hand(photographs):
    report = evaluation.main("photographs", model=TinyEncoder(), data=photographs)
    tiny = figures(report, 1, "tiny")
    assert tiny["R@1"]["value"] == pytest.approx(2 / 3)
    assert (tiny["R@1"]["queries"], tiny["R@1"]["groups"]) == (3, 3)
    assert (tiny["R@5"]["value"], tiny["R@1"]["low"], tiny["R@1"]["high"]) == (1, 0, 1)
    summary = figures(report, 0, "grocery, R@1")
    assert summary["tiny"] == tiny["R@1"]
    assert summary["difference"]["value"] == pytest.approx(0)
    assert figures(report, 2, "tiny")["R@1"] == {
        "value": 1, "low": None, "high": None, "level": 0.95, "queries": 1, "groups": 1,
    }  # fmt: skip
    assert report.skipped == {"back view: queries without a right answer in the gallery": 1}
    # to a histogram blue is as far from red as from green: the tie goes to c1, the first by path, which is a dress
    assert figures(report, 4, "histogram")["R@1"]["value"] == 0.5
    robust = report.sections[-1].tables[0].rows
    assert robust[0].cells["tiny"] == "1.000 (1.png)"
    assert float(robust[1].cells["tiny"].split()[0]) < 0.9
    (refused,) = report.sections[-1].notes
    assert refused.startswith("Left out: 4.tif, a TIFF is not an accepted picture")


def test_the_histogram_is_joined_at_every_weight_and_the_best_is_marked(photographs):
    report = evaluation.main("photographs", model="histogram", data=photographs, beside=["histogram", TinyEncoder()])
    names = [row.name for row in report.sections[1].tables[0].rows]
    assert names[:3] == ["histogram", "histogram", "tiny"]
    assert names[3:] == [f"tiny + {weight:g} histogram" for weight in np.arange(1, 11) / 10]
    for row in report.sections[1].tables[0].rows:
        best = max(each.cells["R@1"].value for each in report.sections[1].tables[0].rows)
        assert ("R@1" in row.marked) <= (row.cells["R@1"].value == best)


def test_the_garment_head_is_measured_where_there_is_one(photographs):
    report = evaluation.main("photographs", model=TinyGarmentEncoder(), data=photographs, beside=[])
    table = next(section for section in report.sections if "garment?" in section.title).tables[0]
    everything, dress, pants = table.rows  # the red dress is seen as one, the blue pants as shoes
    assert (everything.cells["photos"], everything.cells["top 1"].value, everything.cells["top 3"].value) == (2, 0.5, 1)
    assert (dress.name, dress.cells["top 1"]) == ("dress", 1)
    assert (pants.cells["top 1"], pants.cells["most often mistaken for"]) == (0, "shoes (1)")


def test_a_photo_that_cannot_be_read_is_left_out_and_counted(photographs):
    (photographs / "grocery" / "q3.png").write_bytes(b"no picture")
    report = evaluation.main("photographs", model=TinyEncoder(), data=photographs, beside=[])
    assert figures(report, 1, "tiny")["R@1"]["value"] == 1
    assert report.skipped["photos that cannot be read"] == 1


def test_failures_show_what_was_asked_wanted_and_came(photographs):
    report = evaluation.main("photographs", model=TinyEncoder(), data=photographs, beside=[])
    (failure,) = report.sections[1].failures
    assert failure.query.caption == "item 3"
    assert failure.wanted.caption in ("at place 3: item 3", "at place 2: item 3", "at place 4: item 3")
    assert (failure.came[0].caption, failure.came[0].right) == ("item 2", False)
    assert all(picture.thumbnail.startswith(b"\xff\xd8") for picture in (failure.query, failure.wanted, *failure.came))


def test_written_reports_say_where_they_come_from(photographs, tmp_path):
    evaluation.main("photographs", model=TinyEncoder(), data=photographs, out=tmp_path / "out", seed=3)
    plain = json.loads((tmp_path / "out" / "report.json").read_text())
    assert plain["provenance"]["seed"] == 3
    assert set(plain["provenance"]["encoders"]) == {"tiny", "histogram"}
    assert set(plain["provenance"]["lists"]) == {
        "grocery/images.csv", "grocery/splits.csv", "magento-fashion/images.csv", "clothing/images.csv",
    }  # fmt: skip


def test_a_row_that_hangs_on_one_sender_says_so(photographs):
    report = evaluation.main("photographs", model=TinyEncoder(), data=photographs)
    assert "one group" not in report.sections[0].tables[0].note
    with (photographs / "clothing" / "images.csv").open("a") as file:
        file.write("c3.png,query,Dress,2\n" * 3)
    report = evaluation.main("photographs", model=TinyEncoder(), data=photographs)
    assert "In clothing kind one group holds most queries" in report.sections[0].tables[0].note
    (note,) = report.sections[4].notes
    assert note.startswith("4 of 5 queries belong to one group (2)")


def test_folders_that_are_no_photographs_are_refused(tmp_path):
    with pytest.raises(EvaluationError, match="WEARABOUTS_DATA"):
        evaluation.main("photographs", model="histogram", data=tmp_path)
    with pytest.raises(EvaluationError, match="--data"):
        evaluation.main("photographs", model="histogram")


def test_labels_map_to_garments_of_the_model():
    assert set(GARMENT_OF_LABEL.values()) == set(GARMENTS)


@pytest.mark.data
def test_the_real_rows_are_what_the_table_says_they_are(data_folder):
    rows = {task.protocol.name: task for task in tasks.photograph_tasks(data_folder)}
    counts = {name: (len(task.queries), len(task.gallery)) for name, task in rows.items()}
    assert counts == {"grocery": (312, 40), "back view": (86, 262), "detail": (58, 262), "clothing kind": (473, 569)}
    assert len({shot.group for shot in rows["grocery"].queries}) == 12
    askers, answerers = (
        {shot.group for shot in part} for part in (rows["clothing kind"].queries, rows["clothing kind"].gallery)
    )
    assert not askers & answerers
    assert all(shot.path.is_file() for task in rows.values() for shot in (*task.queries, *task.gallery))


def test_a_second_stage_is_asked_for_the_very_same_item_only(photographs):
    second = Second(TinyJudge(TinyGarmentEncoder), tiny_calibration())
    plain = evaluate_photographs(photographs, TinyGarmentEncoder(), ())
    report = evaluate_photographs(photographs, TinyGarmentEncoder(), (), second=second)
    before = {section.title: repr(section.tables) for section in plain.sections}
    for section in report.sections:
        assert repr(section.tables) == before.get(section.title, repr(section.tables))
    order, believed, open_set = [section for section in report.sections if section.title not in before]
    rows = {row.name: row.cells for row in order.tables[0].rows}
    # of one kind is not the same item: no row of the clothing's
    assert list(rows)[::3] == ["grocery, stage one", "back view, stage one", "detail, stage one"]
    assert len(rows) == 9
    assert rows["grocery, stage one"]["R@1"] == report.sections[0].tables[0].rows[0].cells["tiny-garments"]
    assert rows["grocery, stage two"]["R@1"].value == pytest.approx(2 / 3)
    assert [row.name for row in believed.tables[0].rows][:2] == ["grocery, first candidates", "grocery, all judged"]
    assert len(believed.diagrams) == len(open_set.diagrams) == 3
    assert {category for _, category in second.judge.calls} <= set(TinyGarmentEncoder.garments)
