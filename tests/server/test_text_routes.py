"""Words over the API: alone by GET, beside a photo by POST, and refused in one problem where they cannot be meant."""

from __future__ import annotations

import httpx
import pytest

from server.world import PIECES, Served, picture, problem

COLOURS = {name: colour for name, colour, _, _ in PIECES}


def ids(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [match["product"]["id"] for match in response.json()["matches"]]


def ask(served: Served, text: str, **parameters: object) -> httpx.Response:
    return served.client.get("/v1/search", params={"text": text, **parameters})


@pytest.mark.parametrize(("text", "kind"), [("red", "dress"), ("green", "pants"), ("blue", "shoes"), ("红色", "dress")])
def test_words_find_what_they_say(talking: Served, text: str, kind: str) -> None:
    answer = ask(talking, text, k=2)
    nearest = {"dress": "p/scarlet", "pants": "p/leaf", "shoes": "p/ink"}[kind]
    assert ids(answer)[0] == nearest
    body = answer.json()
    assert body["size"] == {"width": 0, "height": 0}
    assert body["box"] is None
    assert body["garment"] is None
    assert "decode" not in body["timings"]


def test_words_are_filtered_restricted_and_counted(talking: Served) -> None:
    assert ids(ask(talking, "red", where="price <= 30", k=7)) == ["p/scarlet", "p/leaf"]
    assert sorted(ids(ask(talking, "red", garment="pants", k=7))) == ["p/leaf", "p/moss"]
    assert len(ids(ask(talking, "red", k=3))) == 3
    assert ids(ask(talking, "red", k=7, exact=True)) == ids(ask(talking, "red", k=7))


def test_a_photo_with_words_lies_between_both(talking: Served) -> None:
    photo = picture(COLOURS["scarlet"], (300, 400))
    first = [ids(talking.search(photo, category="off", text="green", text_weight=weight))[0] for weight in (0, 0.9, 1)]
    assert first == ["p/scarlet", "p/leaf", "p/leaf"]
    alone, beside = (talking.search(photo, category="off", k=7, **more).json() for more in ({}, {"text": "green"}))
    similarity = [{m["product"]["id"]: m["similarity"] for m in each["matches"]} for each in (alone, beside)]
    assert similarity[1]["p/leaf"] > similarity[0]["p/leaf"]
    assert similarity[1]["p/scarlet"] < similarity[0]["p/scarlet"]
    assert beside["garment"] == "dress"
    form = talking.client.post(
        "/v1/search",
        params={"category": "off", "k": 7, "text": "green"},
        files={"photo": ("x.jpg", photo, "image/jpeg")},
    )
    assert ids(form) == [match["product"]["id"] for match in beside["matches"]]


def test_blank_words_beside_a_photo_are_none(talking: Served) -> None:
    photo = picture(COLOURS["rose"])
    assert ids(talking.search(photo, text="  ")) == ids(talking.search(photo))


def test_a_shop_says_whether_it_reads_words(served: Served, talking: Served) -> None:
    assert [each.client.get("/v1/describe").json()["reads_text"] for each in (served, talking)] == [False, True]


def test_a_shop_that_reads_none_says_what_to_do(served: Served) -> None:
    said = problem(ask(served, "red dress"), 422, "query")
    assert "'red dress'" in said
    assert "search with a photo" in said
    assert "reads photos only" in problem(served.search(picture(COLOURS["rose"]), text="in red"), 422, "query")
    assert ids(served.search(picture(COLOURS["rose"]), text=" "))[0] == "p/rose"


def test_what_cannot_be_meant_is_one_problem(talking: Served) -> None:
    problem(talking.client.get("/v1/search"), 422, "parameter")
    for text, kind in (("", "parameter"), ("x" * 1001, "parameter"), (" ", "query")):
        problem(ask(talking, text), 422, kind)
    for weight in ("-1", "1.5", "nan", "much"):
        problem(talking.search(picture(COLOURS["rose"]), text="red", text_weight=weight), 422, "parameter")
    problem(ask(talking, "red", k=1001), 422, "parameter")
    problem(ask(talking, "red", where="price <"), 422, "query")


@pytest.mark.parametrize("text", ["\x00", "🙂", "<script>", "red' or 1=1 --", "%", "\u202e", "a" * 1000])
def test_any_words_are_answered(talking: Served, text: str) -> None:
    assert len(ids(ask(talking, text, k=2))) == 2


def test_the_description_names_the_words(served: Served) -> None:
    paths = served.client.get("/openapi.json").json()["paths"]["/v1/search"]
    (alone,) = [each for each in paths["get"]["parameters"] if each["name"] == "text"]
    assert alone["required"]
    beside = {each["name"]: each for each in paths["post"]["parameters"]}
    assert not beside["text"]["required"]
    assert (beside["text_weight"]["schema"]["minimum"], beside["text_weight"]["schema"]["maximum"]) == (0, 1)
