"""Stage two in reports, on a shop small enough to work out; what is measured is what serves."""

from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from fakes import TinyEncoder, TinyJudge, tiny_calibration
from wearabouts import embedding
from wearabouts.catalog import Catalog, Photo, Product
from wearabouts.evaluation.catalogs import evaluate_catalog
from wearabouts.evaluation.ranking import rank
from wearabouts.evaluation.systems import Second
from wearabouts.evaluation.verified import Asked, Shelved, verified, weighed
from wearabouts.report import markdown
from wearabouts.search.verifying import StageTwo
from wearabouts.settings import SearchSettings
from wearabouts.stores import open_store
from wearabouts.types import Ranking
from wearabouts.verifiers import Evidence

TITLES = (
    "Does stage two put the right one first?",
    "Can the probability be believed?",
    "Does it notice that the item is not there?",
)


def picture(path, colour):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((60, 40, 3), colour, np.uint8)).save(path)
    return str(path)


@pytest.fixture
def shop(tmp_path):
    """Twelve colours; every second product has two photos; each street photo is a little off its product's colour."""
    random = np.random.default_rng(3)
    colours = random.integers(20, 235, (12, 3))

    def product(number, colour):
        near = np.clip(colour + random.integers(-25, 26, 3), 0, 255)
        photos = [Photo(f"p{number}-a", picture(tmp_path / f"{number}-a.png", colour))]
        if number % 2:
            photos.append(Photo(f"p{number}-b", picture(tmp_path / f"{number}-b.png", np.clip(colour + 9, 0, 255))))
        photos.append(Photo(f"p{number}-s", picture(tmp_path / f"{number}-s.png", near), "street"))
        return Product(f"p{number:02}", tuple(photos))

    products = tuple(product(number, colour) for number, colour in enumerate(colours))
    return Catalog("made", "a made-up shop", lambda faults: iter(products))


class SureJudge(TinyJudge):
    """Knows nothing but says it aloud: the same log-odds for everything."""

    def logits(self, signals):
        return np.zeros(len(signals), np.float32)


def titled(report):
    return {section.title: section for section in report.sections}


def test_a_model_without_a_judge_has_no_such_section(shop):
    assert not set(TITLES) & set(titled(evaluate_catalog(shop, TinyEncoder())))


def test_stage_one_stands_beside_stage_two_on_all_queries(shop):
    plain = evaluate_catalog(shop, TinyEncoder())
    report = evaluate_catalog(shop, TinyEncoder(), second=Second(TinyJudge(), tiny_calibration()))
    whole = plain.sections[0].tables[0].rows[0].cells
    one, two, difference = titled(report)[TITLES[0]].tables[0].rows
    assert one.cells["R@1"] == whole["R@1"]
    assert one.cells["mAP"] == whole["mAP"]
    assert one.cells["R@1"].queries == 12
    assert difference.cells["R@1"].value == pytest.approx(two.cells["R@1"].value - one.cells["R@1"].value)
    (sample,) = titled(report)[TITLES[0]].samples
    assert np.mean(sample.values["R@1"]) == two.cells["R@1"].value
    # nothing that was there before has changed
    assert report.sections[0].tables[0].rows == plain.sections[0].tables[0].rows


def test_a_judge_that_tells_nothing_apart_keeps_the_order_and_earns_no_skill(shop):
    report = evaluate_catalog(shop, TinyEncoder(), second=Second(SureJudge(), tiny_calibration(temperature=1.0)))
    one, two, difference = titled(report)[TITLES[0]].tables[0].rows
    assert two.cells == one.cells
    assert difference.cells["R@1"].value == 0
    first, every = titled(report)[TITLES[1]].tables[0].rows
    # each of the ten judged is as likely: a tenth, next to nothing left for what lies beyond
    rate = one.cells["R@1"].value
    assert first.cells["Brier"].value == pytest.approx(rate * 0.9**2 + (1 - rate) * 0.1**2, abs=1e-3)
    assert first.cells["skill"].value < 0
    assert every.cells["count"] == 120
    assert every.cells["skill"].value == pytest.approx(0, abs=0.02)
    opened = titled(report)[TITLES[2]].tables[0].rows[0].cells
    assert opened["stage two"].value == 1.0  # a shop with the item and one without look alike to it
    assert opened["stage one"].value < 1.0


def test_what_is_answered_adds_up(shop):
    report = evaluate_catalog(shop, TinyEncoder(), second=Second(TinyJudge(), tiny_calibration(share=0.8)))
    there, gone, mixed = titled(report)[TITLES[2]].tables[1].rows
    for row in (there, gone, mixed):
        shares = [cell.value for name, cell in row.cells.items() if name != "right of the same"]
        assert sum(shares) == pytest.approx(1)
    right, wrong = (mixed.cells[name].value for name in ("same, right", "same, wrong"))
    assert mixed.name == "80% there"
    assert right == pytest.approx(0.8 * there.cells["same, right"].value)
    assert mixed.cells["right of the same"].value == pytest.approx(right / (right + wrong))
    assert gone.cells["same, right"].value == 0
    assert gone.cells["not carried"].value > there.cells["not carried"].value
    assert "Stage one goes by the highest similarity" in markdown(report)
    assert len(titled(report)[TITLES[1]].diagrams) == len(titled(report)[TITLES[2]].diagrams) == 1


def test_where_the_default_is_out_of_reach_the_highest_within_reach_is_shown_too(shop):
    whole = tiny_calibration()
    short = tiny_calibration(cuts=tuple(cut for cut in whole.cuts if cut.precision < 0.95))
    usual, reached = (
        titled(evaluate_catalog(shop, TinyEncoder(), second=Second(TinyJudge(), curves)))[TITLES[2]].tables
        for curves in (whole, short)
    )
    assert [table.title for table in usual] == ["", "What is answered"]
    assert [table.title for table in reached] == ["", "What is answered", "What is answered where 90% is asked for"]
    assert {row.cells["same, right"].value + row.cells["same, wrong"].value for row in reached[1].rows} == {0}
    assert "no probability is enough" in reached[1].note
    assert "that is the highest within reach, 90%, the same is said from a probability of 0.75 on" in reached[2].note
    assert reached[2].rows[0].cells["same, right"].value >= usual[1].rows[0].cells["same, right"].value > 0


def test_without_curves_there_is_an_order_and_no_probability(shop):
    report = evaluate_catalog(shop, TinyEncoder(), second=Second(TinyJudge(), None))
    assert TITLES[0] in titled(report)
    assert TITLES[1] not in titled(report)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_what_is_measured_is_what_serves(shop, tmp_path, share):
    """The same photos through `search.StageTwo` over a store: same order, same probabilities."""
    encoder, judge, calibration = TinyEncoder(), TinyJudge(), tiny_calibration()
    judge.shortlist = 4
    gallery = Catalog(
        "made",
        "gallery",
        lambda faults: (
            Product(one.id, tuple(photo for photo in one.photos if photo.side == "shop")) for one in shop.products()
        ),
    )
    with closing(open_store(tmp_path / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)) as store:
        embedding.index(gallery, encoder, store)
        owners = {photo.id: one.id for one in gallery.products() for photo in one.photos}
        photos = sorted(owners)
        vectors = store.vectors(photos)
        products = [owners[photo] for photo in photos]
        street = [photo for one in shop.products() for photo in one.photos if photo.side == "street"]
        queries = encoder.encode([np.asarray(Image.open(photo.uri)) for photo in street]).vectors
        truths = sorted(set(products))
        ranked = rank(queries, vectors, truths, products, items=products, shown=5)
        candidates = weighed(
            judge,
            Asked(Evidence(queries), (None,) * len(queries)),
            Shelved(Evidence(vectors), products, products),
            truths,
            ranked,
        )
        said = verified(candidates, ranked.ranks, judge, calibration, judged=4, share=share)
        second = StageTwo(judge, store, calibration, SearchSettings(carried_share=share))
        for place, query in enumerate(queries):
            cosines = vectors @ query
            order = np.argsort(-cosines, kind="stable")
            ranking = Ranking(
                tuple(photos[row] for row in order), tuple(products[row] for row in order), cosines[order]
            )
            served = second.verify(Evidence(query[None]), ranking)
            judged = np.isfinite(served.probability)
            firsts = list(dict.fromkeys(name for name, known in zip(served.product_ids, judged, strict=True) if known))
            assert (truths[place] == firsts[0]) == said.hit[place]
            each = {name: p for name, p in zip(served.product_ids, served.probability, strict=True)}
            mine = said.probability[said.owner == place]
            assert np.allclose([each[name] for name in firsts], mine, atol=1e-5)
            assert served.carried == pytest.approx(said.carried[place], abs=1e-6)
