"""Every retrieval protocol: an oracle is right, dice are right as often as chance, and its traps are traps no more."""

import math
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evaluation.worlds import Dice, Oracle, Told, catalog, photo
from wearabouts import evaluation
from wearabouts.catalog import Fault, Product
from wearabouts.errors import EvaluationError, SettingsError
from wearabouts.evaluation.asking import Asker
from wearabouts.evaluation.measuring import measure, presenting
from wearabouts.evaluation.measuring.dividing import divide
from wearabouts.evaluation.measuring.retrieving import Run
from wearabouts.evaluation.protocols import PROTOCOLS, every, protocol
from wearabouts.evaluation.protocols.values import Pick, Retrieval
from wearabouts.fetch import Fetcher, FetchSettings
from wearabouts.types import Box

RETRIEVAL = [rules for rules in every() if isinstance(rules, Retrieval)]
IDS = [rules.name for rules in RETRIEVAL]


def world(rules, folder, *, items=20, shown=2, asking=2):
    """Products with `shown` searched and `asking` query photos each, in the splits that the protocol asks for."""
    products = []
    for item in range(items):
        searched = tuple(
            photo(
                folder,
                item,
                number,
                split=rules.searched.splits[number % len(rules.searched.splits)],
                side=rules.searched.side or "shop",
                labels={"color_number": f"{number:02d}"},
            )
            for number in range(shown)
        )
        asks = tuple(
            photo(
                folder,
                item,
                100 + number,
                split=rules.asks.splits[0],
                side=rules.asks.side or "street",
                labels={"color_number": "99", "pair": f"{item}-{number % shown}"},
                box=Box(-3, 2, 900, 9) if rules.crop == "box" else None,
            )
            for number in range(asking)
        )
        facts = {"color": f"c{item}", "length": f"l{item}", "collar": ""}
        category = f"kind {item % 4}" if rules.truth != "category" else f"class {item}"
        products.append(Product(f"item {item}", searched + asks, category=category, attributes=facts))
    return catalog(products)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Where the worlds' pictures lie: they are alike for all protocols, so each is drawn once."""
    return tmp_path_factory.mktemp("pictures")


def outcome(rules, made, encoder):
    run = Run(rules, Asker(Fetcher(FetchSettings())), served=0)
    return run.outcomes(made, [encoder])[1][0]


def chance(searched, right, k):
    """Probability that at least one of `right` among `searched` is in the first k of a random order."""
    return 1 - math.comb(searched - right, min(k, searched)) / math.comb(searched, min(k, searched))


@pytest.mark.parametrize("rules", RETRIEVAL, ids=IDS)
def test_an_oracle_is_right_and_dice_as_often_as_chance(rules, pictures):
    items, shown, asking = 20, 2, 3
    made = world(rules, pictures, items=items, shown=shown, asking=asking)
    run = Run(rules, Asker(Fetcher(FetchSettings())), served=4)
    division, (oracle, dice) = run.outcomes(made, [Oracle(), Dice()])
    assert len(oracle.queries) == len(dice.queries) == items * asking
    for figure in rules.figures:
        if figure.startswith("P@"):  # two of 40 photos are right: no ranking fills the first 100 places
            assert np.allclose(oracle.values[figure], shown / int(figure[2:]))
        elif rules.truth == "pair" and figure in ("R@1", "mAP"):
            # two photos of the item are equally near: the pair's own is the first for two of three queries
            assert oracle.values[figure].mean() == pytest.approx({"R@1": 2 / 3, "mAP": 5 / 6}[figure])
        else:
            assert np.allclose(oracle.values[figure], 1), figure
    pool = items // 4 if rules.within else items  # places: products, or photos
    searched, right = (pool, 1) if rules.items else (pool * shown, 1 if rules.truth == "pair" else shown)
    for k in (1, 5, 10, 20):
        if f"R@{k}" in dice.values:
            expected = chance(searched, right, k)
            error = math.sqrt(expected * (1 - expected) / len(dice.queries))
            assert abs(dice.values[f"R@{k}"].mean() - expected) <= 4 * error + 1e-12
    said = presenting.sections(rules, division, (oracle, dice), 0)
    check_report(rules, said, made)


def check_report(rules, said, made):
    main = said[0]
    assert main.protocol == rules.sentence()
    assert [row.name for row in main.tables[0].rows] == ["oracle", "dice"]
    (sample,) = main.samples
    assert sample.name == rules.name
    assert len(sample.ids) == len(sample.groups) == len(set(sample.ids)) == 60
    assert len(set(sample.groups)) == (20 if rules.grouped else 60)
    assert set(rules.figures) <= set(sample.values)
    assert main.successes
    assert main.curves[0].estimates[-1].value == 1
    served = next(section for section in said if section.title == "As a person gets it")
    for row in served.tables[0].rows:
        # of a pair, the one photo that a product is shown by need not be the pair's own
        assert row.cells["hit@20"].value == 1 or rules.truth == "pair"
        assert row.cells["hit@20"].queries == 4


def test_every_protocol_says_its_rules():
    for rules in every():
        said = rules.rules()
        assert {"Who asks", "Who is searched", "What is a hit", "Crops", "Missing truth", "Intervals"} <= set(said)
        assert all(sentence.endswith(".") for sentence in said.values())
        assert set(rules.beside) <= set(rules.figures)
    assert {rules.name for rules in every()} == set(PROTOCOLS)


def test_a_figure_by_hand(tmp_path):
    rules, _ = protocol("inshop")
    # at 0° asks item 1; the searched photos stand at 10° (item 2), 20° (item 1), 30° (item 3), 40° (item 1)
    angles = {(1, 100): 0, (2, 0): 10, (1, 0): 20, (3, 0): 30, (1, 1): 40}
    products = [
        Product(
            f"item {item}",
            tuple(
                photo(tmp_path, *number, split="query" if number[1] == 100 else "gallery")
                for number in angles
                if number[0] == item
            ),
        )
        for item in (1, 2, 3)
    ]
    found = outcome(rules, catalog(products), Told(angles))
    assert found.ranked.ranks[0].tolist() == [2, 4]
    assert [found.values[figure][0] for figure in ("R@1", "R@10", "mAP")] == [0, 1, (1 / 2 + 2 / 4) / 2]


def test_hashing_map_at_r_by_hand(tmp_path):
    rules = replace(protocol("cifar10-2")[0], figures=("mAP", "mAP@2", "mAP@2 of possible", "P@2"))
    # cat, dog, cat, cat: of the first two one is right, of the three that are right
    angles = {(1, 9): 0, (1, 0): 10, (2, 0): 20, (1, 1): 30, (1, 2): 40}
    products = [
        Product(f"{item}/{number}", (photo(tmp_path, item, number, split="query" if number == 9 else "train"),),
                category=f"class {item}")
        for item, number in angles
    ]  # fmt: skip
    values = outcome(rules, catalog(products), Told(angles)).values
    assert values["mAP"][0] == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert values["mAP@2"][0] == 1  # the papers' divisor: what was found
    assert values["mAP@2 of possible"][0] == pytest.approx(1 / 2)
    assert values["P@2"][0] == 1 / 2


def test_a_photo_listed_twice_asks_once_with_both_its_right_answers(tmp_path):
    rules, _ = protocol("consumer2shop_pair")
    shops = tuple(photo(tmp_path, 1, number, split="test") for number in (0, 1))
    other = Product("item 2", (photo(tmp_path, 2, 0, split="test"),))
    asking = photo(tmp_path, 1, 100, split="test", side="street", labels={"pair": "1-0"})
    again = replace(asking, id="listed again", labels={"pair": "1-1"})
    made = catalog([Product("item 1", (*shops, asking, again)), other])
    angles = {(1, 100): 0, (2, 0): 10, (1, 1): 20, (1, 0): 30}
    found = outcome(rules, made, Told(angles))
    assert [query.truths for query in found.queries] == [("1-0", "1-1")]
    assert found.ranked.ranks[0].tolist() == [2, 3]
    assert found.skips.told()["repeated listings of a query photo"] == 1


def test_pairs_named_in_one_label_are_all_right_answers(tmp_path):
    rules, _ = protocol("consumer2shop_pair")
    products = [
        Product("item 1", (
            *(photo(tmp_path, 1, number, split="test") for number in (0, 1, 2)),
            photo(tmp_path, 1, 100, split="test", side="street", labels={"pair": "1-0|1-2"}),
        )),
    ]  # fmt: skip
    found = outcome(rules, catalog(products), Told({(1, 100): 0, (1, 1): 10, (1, 2): 20, (1, 0): 30}))
    assert found.ranked.ranks[0].tolist() == [2, 3]
    item = outcome(protocol("consumer2shop_item")[0], catalog(products), Told(
        {(1, 100): 0, (1, 1): 10, (1, 2): 20, (1, 0): 30}))  # fmt: skip
    assert item.ranked.ranks[0].tolist() == [1, 2, 3]


def test_the_other_gallery_of_consumer_to_shop_is_an_option(tmp_path):
    products = [
        Product("item 1", (
            photo(tmp_path, 1, 0, split="test"), photo(tmp_path, 1, 100, split="test", side="street",
                                                       labels={"pair": "1-0"}),
        )),
        Product("item 2", (photo(tmp_path, 2, 0, split="val"), photo(tmp_path, 2, 1, split="train"))),
    ]  # fmt: skip
    sizes = {}
    for gallery in ("test", "test+val"):
        rules, rest = protocol("consumer2shop_item", {"gallery": gallery})
        sizes[gallery] = len(divide(catalog(products), rules).gallery)
        assert rest == {}
        assert ("val" in rules.rules()["Who is searched"]) == (gallery == "test+val")
    assert sizes == {"test": 1, "test+val": 2}
    with pytest.raises(SettingsError, match="unknown gallery of protocol consumer2shop_item 'val'"):
        protocol("consumer2shop_item", {"gallery": "val"})


def test_products_are_ranked_by_their_best_photo_and_only_within_the_category(tmp_path):
    rules, _ = protocol("wtbi")

    def shop(category, item, *numbers, street=False):
        photos = [photo(tmp_path, item, n, id=f"{category}/{item}-{n}", split="gallery") for n in numbers]
        if street:
            photos.append(photo(tmp_path, item, 100, id=f"{category}/q{item}", split="test", side="street"))
        return Product(f"{category}/{item % 10}", tuple(photos), category=category)

    # ids are local to a category: dresses/1 is not tops/1, and the photo of tops at 1° must not be searched
    made = catalog([
        shop("dresses", 1, 0, street=True), shop("dresses", 2, 0, 1, 2), shop("dresses", 3, 0), shop("tops", 11, 0),
    ])  # fmt: skip
    angles = {(1, 100): 0, (11, 0): 1, (2, 0): 10, (2, 1): 11, (2, 2): 12, (3, 0): 30, (1, 0): 20}
    found = outcome(rules, made, Told(angles))
    assert found.ranked.ranks[0].tolist() == [2]  # three photos of dresses/2 are one place
    assert [found.gallery[place].product for place in found.ranked.nearest[0]] == [
        "dresses/2",
        "dresses/1",
        "dresses/3",
    ]


def test_each_row_of_street_to_shop_is_a_query_even_of_one_photo(tmp_path):
    rules, _ = protocol("wtbi")
    asking = photo(tmp_path, 1, 100, id="bags/000000001_1_0", split="test", side="street")
    rows = (asking, replace(asking, id="bags/000000001_1_1"))
    made = catalog([Product("bags/1", (photo(tmp_path, 1, 0, split="gallery"), *rows), category="bags"),
                    Product("bags/2", (photo(tmp_path, 2, 0, split="gallery"),), category="bags")])  # fmt: skip
    encoder = Oracle()
    found = outcome(rules, made, encoder)
    assert [query.id for query in found.queries] == ["bags/000000001_1_0", "bags/000000001_1_1"]
    assert encoder.seen.count((1, 100)) == 1


def test_an_item_in_two_directories_is_one_item(tmp_path):
    rules, _ = protocol("inshop")
    here = photo(tmp_path, 1, 100, id="WOMEN/Denim/id_1/01_1.jpg", split="query")
    there = photo(tmp_path, 1, 0, id="WOMEN/Leggings/id_1/01_2.jpg", split="gallery")
    other = Product("id_2", (photo(tmp_path, 2, 0, split="gallery"),), category="WOMEN > Denim")
    made = catalog([Product("id_1", (here, there), category="WOMEN > Denim"), other])
    assert outcome(rules, made, Oracle()).values["R@1"].tolist() == [1]


def test_equal_similarities_stand_in_order_of_id(tmp_path):
    rules, _ = protocol("inshop")

    def made(right, wrong):
        return catalog([
            Product("item 1", (photo(tmp_path, 1, 0, id=right, split="gallery"),
                               photo(tmp_path, 1, 100, split="query"))),
            Product("item 2", (photo(tmp_path, 2, 0, id=wrong, split="gallery"),)),
        ])  # fmt: skip

    angles = {(1, 100): 0, (1, 0): 10, (2, 0): 10}
    assert outcome(rules, made("a", "b"), Told(angles)).values["R@1"].tolist() == [1]
    assert outcome(rules, made("b", "a"), Told(angles)).values["R@1"].tolist() == [0]


def test_what_has_no_figure_is_counted_by_category(tmp_path):
    rules, _ = protocol("wtbi")
    made = world(rules, tmp_path, items=8, shown=1, asking=1)
    (tmp_path / "0-0.png").write_bytes(b"<html>not found</html>")  # the only right answer
    (tmp_path / "1-100.png").unlink()
    lonely = Product(
        "item 99", (photo(tmp_path, 99, 100, split="test", side="street"),), category="kind 2"
    )  # its shop photos were dropped
    broken = Fault("pairs.json", 7, "bbox", "no box")
    whole = catalog([*made.products(), lonely], lambda faults: faults.add(broken))
    report = measure(rules, whole, Oracle())
    assert report.skipped == {
        "queries without a right answer in the gallery": 1,
        "searched photos that cannot be read": 1,
        "queries whose right answers cannot be read": 1,
        "queries whose photo cannot be read, or whose box lies outside it": 1,
        "rows or photos that the reader could not read": 1,
    }
    section = next(section for section in report.sections if section.title == "Category by category")
    cells = {row.name: row.cells for row in section.tables[0].rows}
    counted = {name: (cells[name]["queries"], cells[name]["left out"]) for name in cells if name.startswith("kind")}
    assert counted == {"kind 0": (1, 1), "kind 1": (1, 1), "kind 2": (2, 1), "kind 3": (2, 0)}
    assert (cells["mean over categories"]["queries"], cells["mean over categories"]["left out"]) == (6, 3)


def test_other_colours_are_a_measurement_of_their_own(tmp_path):
    near = (photo(tmp_path, 1, 0, split="gallery", labels={"color_number": "01"}),
            photo(tmp_path, 1, 100, split="query", labels={"color_number": "01"}))  # fmt: skip
    far = (photo(tmp_path, 2, 0, split="gallery", labels={"color_number": "01"}),
           photo(tmp_path, 2, 100, split="query", labels={"color_number": "02"}))  # fmt: skip
    made = catalog([Product("item 1", near), Product("item 2", far)])
    angles = {(1, 100): 0, (1, 0): 10, (2, 0): 20, (2, 100): 1}
    report = measure(protocol("inshop")[0], made, Told(angles))
    assert report.sections[0].tables[0].rows[0].cells["R@1"].value == 0.5
    apart = next(section for section in report.sections if section.title.startswith("Only queries without"))
    assert (apart.tables[0].rows[0].cells["R@1"].value, apart.tables[0].rows[0].cells["R@1"].queries) == (0, 1)
    alone = measure(protocol("inshop_other_colour")[0], made, Told(angles))
    assert alone.sections[0].samples[0].ids == ("2-100",)
    assert alone.skipped == {"queries with a searched photo of the same color number": 1}
    assert len(alone.sections[0].failures) == 1


def test_a_query_is_cut_to_its_box_where_the_protocol_says_so(tmp_path):
    rules, _ = protocol("consumer2shop_item")
    path = tmp_path / "two.png"
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16], pixels[:, 16:] = (0, 1, 100), (0, 2, 100)
    Image.fromarray(pixels).save(path)
    asking = replace(photo(tmp_path, 9, 9, split="test", side="street"), uri=str(path), box=Box(-5, -5, 21, 99))
    made = catalog([
        Product("item 1", (photo(tmp_path, 1, 0, split="test", side="shop"), asking)),
        Product("item 2", (photo(tmp_path, 2, 0, split="test", side="shop"),)),
    ])  # fmt: skip
    assert outcome(rules, made, Oracle()).values["R@1"].tolist() == [1]
    assert outcome(replace(rules, crop="whole"), made, Oracle()).values["R@1"].tolist() == [0]


def test_graded_gain_by_hand(tmp_path):
    rules = replace(protocol("darn")[0], figures=("NDCG@1", "NDCG@2"))

    def item(number, *, asks=False, **facts):
        photos = [photo(tmp_path, number, 0, split="test")]
        if asks:
            photos.append(photo(tmp_path, number, 100, split="test", side="street"))
        return Product(f"item {number}", tuple(photos), attributes=facts)

    # of the two attributes that are known of the query: item 2 shares one, item 3 none, its own photo both
    made = catalog([
        item(1, asks=True, color="red", sleeve="long", collar=""), item(2, color="red", sleeve="short", collar="round"),
        item(3, color="blue", collar="round"),
    ])  # fmt: skip
    values = outcome(rules, made, Told({(1, 100): 0, (3, 0): 10, (2, 0): 20, (1, 0): 30})).values
    half = 2**0.5 - 1
    best = 1 + half / math.log2(3)
    assert values["NDCG@1"].tolist() == [0]
    assert values["NDCG@2"][0] == pytest.approx((0 + half / math.log2(3)) / best)


def test_a_kept_store_embeds_nothing_the_second_time(tmp_path):
    rules, _ = protocol("inshop")
    made = world(rules, tmp_path / "photos", items=6)
    first, second = Oracle(), Oracle()
    one = measure(rules, made, first, keep=tmp_path / "kept")
    two = measure(rules, made, second, keep=tmp_path / "kept")
    served = 2 * 12 + 1  # queries asked as a person asks, in two ways, and the searcher's own blank photo
    assert (len(first.seen), len(second.seen)) == (24 + served, served)
    assert one.to_dict()["sections"][0] == two.to_dict()["sections"][0]
    # a photo that has changed is looked at again, and so is a gallery that has shrunk
    photo(tmp_path / "photos", 0, 100)
    os.utime(tmp_path / "photos" / "0-100.png", ns=(1, 1))
    third = Oracle()
    shrunk = catalog([product for product in made.products() if product.id != "item 5"])
    report = measure(rules, shrunk, third, keep=tmp_path / "kept")
    assert len(third.seen) == 1 + 2 * 10 + 1
    assert report.sections[0].samples[0].gallery != one.sections[0].samples[0].gallery


def test_a_sample_of_the_queries_says_so(tmp_path):
    rules, _ = protocol("inshop")
    report = measure(rules, world(rules, tmp_path, items=6), Oracle(), limit=5)
    assert report.skipped == {"queries not drawn into the sample": 7}
    assert len(report.sections[0].samples[0].ids) == 5


def test_nobody_asking_is_one_clear_error(tmp_path):
    rules, _ = protocol("inshop")
    only = catalog([Product("item 1", (photo(tmp_path, 1, 0, split="gallery"),))])
    with pytest.raises(EvaluationError, match="0 photos of split query ask and 1 photos of split gallery are searched"):
        divide(only, rules)
    asks = catalog([Product("item 1", (photo(tmp_path, 1, 1, split="query"),)), *only.products()][::-1])
    with pytest.raises(EvaluationError, match="none of 1 queries can be measured by protocol inshop"):
        divide(catalog([replace(product, id=f"item {n}") for n, product in enumerate(asks.products())]), rules)


def test_picks_read_as_they_pick(tmp_path):
    pick = Pick(("test", "val"), "shop")
    assert pick.words() == "shop photos of splits test and val"
    assert pick.takes(photo(tmp_path, 1, 1, split="val"))
    assert not pick.takes(photo(tmp_path, 1, 2, split="train"))
    assert not pick.takes(photo(tmp_path, 1, 3, split="val", side="street"))


def test_a_misspelt_protocol_names_the_nearest():
    with pytest.raises(EvaluationError, match="did you mean 'inshop'"):
        evaluation.main("inshopp", model=Oracle())
    with pytest.raises(EvaluationError, match="give --data"):
        evaluation.main("inshop", model=Oracle())
