"""What the API says of the very same item: fields, parameters, counters; by a script, and by a real second stage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from fakes import TinyGarmentEncoder, TinyJudge, tiny_calibration
from server.judged import AWAY, DOUBTED, Scripted
from server.world import HOSTILE, PIECES, Served, fill, picture, problem, serve
from wearabouts.search import Searcher
from wearabouts.settings import SearchSettings
from wearabouts.stores import Store, open_store
from wearabouts.types import REASONS

COLOURS = {name: colour for name, colour, _, _ in PIECES}
PHOTO = picture(COLOURS["scarlet"])
OLD_ANSWER = {
    "matches",
    "garment",
    "garment_probability",
    "attributes",
    "box",
    "box_origin",
    "size",
    "timings",
    "exact",
    "notes",
}
OLD_MATCH = {"product", "photo", "similarity", "agrees", "differs"}


@pytest.fixture(scope="module")
def doubted(shop: tuple[Searcher, Store]) -> Iterator[Served]:
    with serve(Scripted(shop[0], DOUBTED), shop[1]) as running:
        yield running


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Store]]:
    """A real second stage: the tiny judge over the store's own vectors."""
    folder: Path = tmp_path_factory.mktemp("verified") / "store"
    encoder = TinyGarmentEncoder()
    judge = TinyJudge(encoder)
    judge.layout = type(judge.layout)()  # the cosine alone: nothing beside the vectors
    store = open_store(folder, mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    fill(store, encoder)
    searcher = Searcher(encoder, store, verifier=judge, calibration=tiny_calibration())
    with serve(searcher, store) as running:
        yield running, store
    store.close()


def test_all_that_an_answer_says(doubted: Served):
    answer = doubted.search(PHOTO, category="off", k=7).json()
    assert set(answer) > OLD_ANSWER
    assert set(answer["matches"][0]) > OLD_MATCH
    assert [match["probability"] for match in answer["matches"]] == [0.81, 0.08, 0.05]
    assert answer["matches"][0]["similarity"] > 0.98
    told = {name: answer[name] for name in ("verdict", "reason", "carried", "precision", "threshold", "hidden")}
    assert told == {
        "verdict": "similar",
        "reason": "doubtful",
        "carried": 0.95,
        "precision": 0.95,
        "threshold": 0.9,
        "hidden": 4,
    }
    assert (answer["calibrated_on"], answer["own_labels"]) == ("200 drawn colour patches", False)
    assert answer["levels"][1] == {"precision": 0.8, "threshold": 0.7, "verdict": "same", "reason": "sure"}


def test_precision_and_tail_are_parameters(doubted: Served):
    sure = doubted.search(PHOTO, category="off", k=7, precision=0.7, tail=True).json()
    assert (sure["verdict"], sure["precision"], sure["threshold"], sure["hidden"]) == ("same", 0.7, 0.7, 0)
    assert [match["unlikely"] for match in sure["matches"]] == [False, False, False, True, True, True, True]


@pytest.mark.parametrize("precision", ["0.49", "0.9991", "1", "-1", "nan", "inf", "high", ""])
def test_a_precision_out_of_range_is_a_problem(doubted: Served, precision: str):
    problem(doubted.search(PHOTO, precision=precision), 422, "parameter")


def test_both_ends_of_the_range_are_allowed(verified: tuple[Served, Store]):
    for precision in (0.5, 0.999):
        response = verified[0].search(PHOTO, precision=precision)
        assert response.status_code == 200, response.text
        assert response.json()["precision"] == precision


def test_not_carried_is_an_empty_answer_with_its_reason(shop: tuple[Searcher, Store]):
    with serve(Scripted(shop[0], AWAY), shop[1]) as running:
        answer = running.search(PHOTO, k=5).json()
        assert (answer["verdict"], answer["reason"], answer["matches"]) == ("not_carried", "unlike", [])
        assert answer["hidden"] > 0
        tail = running.search(PHOTO, k=5, tail=True).json()
        assert len(tail["matches"]) == answer["hidden"]
        value = running.context.metrics.registry.get_sample_value
        assert value("wearabouts_verdicts_total", {"verdict": "not_carried"}) == 2
        assert value("wearabouts_verdicts_total", {"verdict": "same"}) is None
        assert value("wearabouts_stage_seconds_count", {"stage": "verify"}) == 2
        assert 'wearabouts_verdicts_total{verdict="not_carried"} 2.0' in running.client.get("/metrics").text


def test_compare_has_a_probability(doubted: Served):
    both = doubted.client.post("/v1/compare", files={"a": PHOTO, "b": PHOTO}).json()
    assert both["similarity"] == pytest.approx(1, abs=1e-5)
    assert (both["probability"], both["calibrated_on"]) == (0.75, "200 drawn colour patches")


def test_without_a_verifier_everything_is_as_before(served: Served):
    answer = served.search(PHOTO, category="off", k=7, precision=0.6, tail=True).json()
    assert len(answer["matches"]) == 7
    assert (answer["verdict"], answer["reason"], answer["carried"], answer["levels"]) == (None, "", None, [])
    assert {match["probability"] for match in answer["matches"]} == {None}
    assert not any(match["unlikely"] for match in answer["matches"])
    assert "verify" not in answer["timings"]
    compared = served.client.post("/v1/compare", files={"a": PHOTO, "b": PHOTO}).json()
    assert (compared["probability"], compared["calibrated_on"]) == (None, "")
    assert served.client.get("/v1/describe").json()["judge"] is None
    ready = served.client.get("/readyz").json()
    assert (ready["verifier"], ready["calibrated_on"]) == ("", "")


def test_a_real_second_stage_at_work(verified: tuple[Served, Store]):
    served, _ = verified
    answer = served.search(PHOTO, category="off", k=7, tail=True).json()
    first = answer["matches"][0]
    assert first["product"]["id"] == "p/scarlet"
    probabilities = [match["probability"] for match in answer["matches"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) <= answer["carried"] + 1e-6
    assert answer["verdict"] == ("same" if first["probability"] >= answer["threshold"] else "similar")
    assert [level["precision"] for level in answer["levels"]] == [cut.precision for cut in tiny_calibration().cuts]
    for level in answer["levels"]:
        again = served.search(PHOTO, category="off", k=7, precision=level["precision"]).json()
        assert {name: again[name] for name in level} == level  # the slider says what a new search would
    assert "verify" in answer["timings"]


def test_describe_and_readyz_tell_what_judges(verified: tuple[Served, Store]):
    served, store = verified
    judge = served.client.get("/v1/describe").json()["judge"]
    assert judge == {
        "name": "tiny-judge",
        "calibrated_on": "200 drawn colour patches",
        "population": "a query and the first 10 products of its search",
        "labels": 200,
        "own_labels": False,
        "precision": 0.95,
    }
    ready = served.client.get("/readyz").json()
    assert (ready["verifier"], ready["calibrated_on"]) == ("tiny-judge", "200 drawn colour patches")
    own = tiny_calibration(own_labels=True, calibrated_on=HOSTILE, labels=300)
    store.write_note("calibration", own.model_dump(mode="json"))
    try:
        judge = served.client.get("/v1/describe").json()["judge"]
        assert (judge["own_labels"], judge["labels"], judge["calibrated_on"]) == (True, 300, HOSTILE)
        answer = served.search(PHOTO).json()
        assert (answer["own_labels"], answer["calibrated_on"]) == (True, HOSTILE)
    finally:
        store.write_note("calibration", None)


def test_the_second_stage_can_be_switched_off(verified: tuple[Served, Store]):
    _, store = verified
    encoder = TinyGarmentEncoder()
    off = SearchSettings(judged=0)
    searcher = Searcher(encoder, store, verifier=TinyJudge(encoder), calibration=tiny_calibration(), settings=off)
    with serve(searcher, store) as running:
        assert running.search(PHOTO).json()["verdict"] is None
        assert running.client.get("/v1/describe").json()["judge"] is None


def test_openapi_describes_every_new_field(served: Served):
    api = served.client.get("/openapi.json").json()
    schemas = api["components"]["schemas"]
    new = {
        "AnswerReply": {
            "verdict",
            "reason",
            "carried",
            "precision",
            "threshold",
            "hidden",
            "calibrated_on",
            "own_labels",
            "levels",
        },
        "MatchReply": {"probability", "unlikely"},
        "ComparisonReply": {"probability", "calibrated_on"},
        "ShopReply": {"judge"},
        "Readiness": {"verifier", "calibrated_on"},
    }
    for name, names in new.items():
        for field in names:
            assert schemas[name]["properties"][field].get("description"), (name, field)
    parameters = {each["name"]: each for each in api["paths"]["/v1/search"]["post"]["parameters"]}
    bounds = parameters["precision"]["schema"]["anyOf"][0]
    assert (bounds["minimum"], bounds["maximum"]) == (0.5, 0.999)
    assert parameters["tail"]["schema"]["default"] is False
    assert "precision" not in {each["name"] for each in api["paths"]["/v1/search"]["get"]["parameters"]}


def test_the_page_on_the_api_names_every_field(served: Served):
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    section = text.partition("## The very same item")[2].partition("## Errors")[0]
    named = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    words = {word for cell in named for word in re.findall(r"`([a-z_.\[\]]+)`", cell)}
    schemas = served.client.get("/openapi.json").json()["components"]["schemas"]
    answer = set(schemas["AnswerReply"]["properties"]) - OLD_ANSWER
    match = {f"matches[].{name}" for name in set(schemas["MatchReply"]["properties"]) - OLD_MATCH}
    assert words == answer | match | {"timings.verify"}
    settings = {field.name for field in fields(SearchSettings)}
    assert {"judged", "budget_ms"} <= settings & set(re.findall(r"`(\w+)[` ]", section))
    assert set(REASONS) == set(re.findall(r"`(\w+)`", section.partition("why, as a code: ")[2].partition("|")[0]))
