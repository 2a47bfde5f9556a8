"""Downloads of Street2Shop's photos, from a real server on this machine that answers as ten-year-old addresses do."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from miniatures import pictures, street2shop
from miniatures.street2shop import Miniature
from pictures import saved
from wearabouts.catalog import Faults
from wearabouts.cli import main
from wearabouts.errors import CatalogError, FetchError, SettingsError
from wearabouts.fetch import Fetcher, FetchSettings
from wearabouts.readers import downloader, open_catalog
from wearabouts.readers.datasets.street2shop import download
from wearabouts.readers.datasets.street2shop.downloading import ALIKE, PATIENCE, WORKERS

PAGE = b"<!DOCTYPE html><title>Not found</title>"


class Site:
    """Path → status and body; and how often each was asked for."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: Counter[str] = Counter()


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        site: Site = self.server.site  # type: ignore[attr-defined]  # set by the fixture
        site.asked[self.path] += 1
        status, body = site.answers.get(self.path, (404, PAGE))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def site() -> Iterator[Site]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.site = Site(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]  # read by the handler
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server.site  # type: ignore[attr-defined]  # see above
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(FetchSettings(allow_private=True, tries=1), sleep=lambda _seconds: None) as made:
        yield made


@pytest.fixture
def mini(site: Site, tmp_path: Path) -> Miniature:
    """Eight photos: 1 and 2 of product 1 in shops, 3 of it in the street, and so on; all of them live."""
    made = street2shop.write(
        tmp_path / "set", categories=["bags"], products=2, distractors=1, address=site.address, draw=False
    )
    for number, path in made.photos.items():
        site.answers[path] = (200, saved(pictures.shop(made.items[number]), "JPEG"))
    return made


def listed(made: Miniature) -> list[dict[str, Any]]:
    path = made.root / "photos" / "failures.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def names(made: Miniature) -> set[str]:
    return {path.name for path in (made.root / "photos").iterdir()} - {"photos.txt", "failures.jsonl"}


def test_what_is_missing_comes_and_what_is_there_is_not_asked_for(
    site: Site, mini: Miniature, fetcher: Fetcher
) -> None:
    (mini.root / "photos" / "000000002.png").write_bytes(b"kept as it is")
    told: list[tuple[str, int, int | None]] = []
    done = download(mini.root, fetcher=fetcher, progress=lambda *now: told.append(now))
    assert (done.wanted, done.present, done.fetched, done.dead, done.failed, done.unlisted) == (8, 1, 7, 0, 0, 0)
    assert names(mini) == {f"{number:09d}.jpg" for number in range(1, 9) if number != 2} | {"000000002.png"}
    assert (mini.root / "photos" / "000000001.jpg").read_bytes() == site.answers[mini.photos[1]][1]
    assert mini.photos[2] not in site.asked
    assert told[-1] == ("downloading", 7, 7)
    again = download(mini.root, fetcher=fetcher)
    assert (again.present, again.fetched) == (8, 0)
    assert sum(site.asked.values()) == 7


def test_each_format_gets_its_own_suffix(site: Site, mini: Miniature, fetcher: Fetcher) -> None:
    for number, kind in ((1, "PNG"), (2, "GIF"), (3, "WEBP"), (4, "BMP")):
        site.answers[mini.photos[number]] = (200, saved(pictures.shop(1), kind))
    download(mini.root, fetcher=fetcher)
    assert {"000000001.png", "000000002.gif", "000000003.webp", "000000004.bmp"} < names(mini)
    uris = [
        photo.uri for product in open_catalog(mini.root, reader="street2shop").products() for photo in product.photos
    ]
    assert all(Path(uri).is_file() for uri in uris)


def test_dead_addresses_are_remembered_and_asked_again_only_when_told(
    site: Site, mini: Miniature, fetcher: Fetcher
) -> None:
    whole = site.answers[mini.photos[3]][1]
    site.answers[mini.photos[1]] = (404, PAGE)
    site.answers[mini.photos[2]] = (200, PAGE)
    site.answers[mini.photos[3]] = (200, whole[: len(whole) // 2])
    done = download(mini.root, fetcher=fetcher)
    assert (done.fetched, done.dead, done.failed) == (5, 3, 0)
    reasons = {record["photo"]: record["reason"] for record in listed(mini)}
    assert "status 404" in reasons[1]
    assert "no whole picture" in reasons[2]
    assert "no whole picture" in reasons[3]
    assert not {"000000001.jpg", "000000002.jpg", "000000003.jpg"} & names(mini)
    assert "5 present, 3 dead" in open_catalog(mini.root, reader="street2shop").notes[-1]

    site.answers[mini.photos[3]] = (200, whole)
    again = download(mini.root, fetcher=fetcher)
    assert (again.fetched, again.dead) == (0, 3)
    assert site.asked[mini.photos[3]] == 1
    retried = download(mini.root, fetcher=fetcher, retry=True)
    assert (retried.fetched, retried.dead) == (1, 2)
    download(mini.root, fetcher=fetcher)
    assert sorted(record["photo"] for record in listed(mini)) == [1, 2]


def test_what_may_pass_is_asked_for_on_the_next_run(site: Site, mini: Miniature, fetcher: Fetcher) -> None:
    whole = site.answers[mini.photos[1]]
    site.answers[mini.photos[1]] = (503, b"")
    done = download(mini.root, fetcher=fetcher)
    assert (done.fetched, done.dead, done.failed) == (7, 0, 1)
    assert [record["dead"] for record in listed(mini)] == [False]
    site.answers[mini.photos[1]] = whole
    assert download(mini.root, fetcher=fetcher).fetched == 1


def test_a_host_that_never_answers_is_left_alone_for_the_run(tmp_path: Path, site: Site) -> None:
    made = street2shop.write(tmp_path / "set", categories=["bags"], products=120, distractors=0, draw=False)
    asked: list[str] = []

    class Silent(Fetcher):
        def fetch(self, uri: str, **_: Any) -> Any:
            asked.append(uri)
            raise FetchError("no answer", passing=True)

    with Silent() as fetcher:
        done = download(made.root, fetcher=fetcher)
    assert done.failed == done.wanted == 360
    assert PATIENCE <= len(asked) <= PATIENCE + WORKERS


def test_private_addresses_are_refused_unless_allowed(site: Site, mini: Miniature) -> None:
    assert download(mini.root).dead == 8
    assert not site.asked
    assert "not a public address" in listed(mini)[0]["reason"] or "port" in listed(mini)[0]["reason"]


@pytest.mark.parametrize("address", ["file:///etc/passwd", "/etc/passwd", "ftp://host/x", "javascript:1"])
def test_only_web_addresses_are_fetched(mini: Miniature, fetcher: Fetcher, address: str) -> None:
    (mini.root / "photos" / "photos.txt").write_text(f"000000001,{address}\n")
    done = download(mini.root, fetcher=fetcher)
    assert (done.fetched, done.dead, done.unlisted) == (0, 1, 7)


def test_stopped_in_the_middle_what_came_stays(site: Site, mini: Miniature, fetcher: Fetcher) -> None:
    def stop(_what: str, done: int, _total: int | None) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(mini.root, fetcher=fetcher, progress=stop)
    came = names(mini)
    assert len(came) >= 3
    assert not any(name.endswith(".part") for name in came)
    again = download(mini.root, fetcher=fetcher)
    assert again.present == len(came)
    assert again.present + again.fetched == 8


def test_a_list_cut_short_costs_one_photo_another_request(site: Site, mini: Miniature, fetcher: Fetcher) -> None:
    site.answers[mini.photos[1]] = site.answers[mini.photos[2]] = (404, b"")
    download(mini.root, fetcher=fetcher)
    path = mini.root / "photos" / "failures.jsonl"
    path.write_bytes(path.read_bytes()[:-10] + b"\n[[[\n")
    download(mini.root, fetcher=fetcher)
    assert sorted(site.asked[mini.photos[number]] for number in (1, 2)) == [1, 2]


def test_one_category_alone(site: Site, tmp_path: Path, fetcher: Fetcher) -> None:
    made = street2shop.write(tmp_path / "set", products=2, distractors=0, address=site.address, draw=False)
    done = download(made.root, category="dresses", fetcher=fetcher)
    assert done.wanted == len(made.photos) // 2


def test_walking_the_products_asks_for_nothing_unless_told(
    site: Site, mini: Miniature, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(open_catalog(mini.root, reader="street2shop").products(Faults()))
    assert not site.asked
    (mini.root / "photos" / "photos.txt").unlink()
    with pytest.raises(CatalogError, match=r"photos\.tar"):
        list(open_catalog(mini.root, reader="street2shop", download=True).products(Faults()))


def test_the_command_line_downloads(site: Site, mini: Miniature, capsys: pytest.CaptureFixture[str]) -> None:
    site.answers[mini.photos[1]] = (404, b"")
    words = ["read", "street2shop", str(mini.root), "--download", "--allow-private-addresses", "-o", "category=bags"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "7 of 8 photos are there (7 fetched now); dead: 1" in shown
    assert "7 present, 1 dead (failures.jsonl) and 0 missing" in shown
    assert "1 picture is missing, the first of them" in shown
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"what": "pictures:missing", "expected": None, "found": 1, "difference": None} in told["census"]


def test_the_same_picture_for_many_photos_is_told(site: Site, tmp_path: Path, fetcher: Fetcher) -> None:
    made = street2shop.write(
        tmp_path / "set", categories=["bags"], products=4, distractors=0, address=site.address, draw=False
    )
    for number, path in made.photos.items():
        site.answers[path] = (200, saved(pictures.shop(0 if number <= ALIKE else number), "PNG"))
    done = download(made.root, fetcher=fetcher)
    assert (done.fetched, done.alike) == (12, ALIKE)
    assert f"came as the same few pictures, look at these: {ALIKE}" in str(done)


def test_datasets_without_addresses_say_so() -> None:
    with pytest.raises(SettingsError, match="downloads nothing"):
        downloader("darn")
