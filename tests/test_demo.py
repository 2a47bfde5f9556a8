"""The drawn shop with one command, small."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fakes import TinyEncoder, TinyGarmentEncoder, TinyJudge, tiny_calibration
from wearabouts import demo
from wearabouts.errors import SettingsError
from wearabouts.search import Searcher, opening
from wearabouts.stores import open_store


def prepared(folder, products):
    """Prepare, and tell how often each step drew or indexed."""
    steps = []
    ready = demo.prepare(
        folder, products=products, encoder=TinyGarmentEncoder(), progress=lambda what, done, total: steps.append(what)
    )
    return ready, steps


def test_a_second_start_draws_and_embeds_nothing_and_a_smaller_shop_is_smaller(tmp_path):
    first, steps = prepared(tmp_path, 3)
    assert (first.products, first.photos) == (3, 6)
    assert set(steps) == {"drawing products", "drawing street photos", "indexing photos"}
    drawn = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jpg")}
    assert len(drawn) == 6 + 3 + demo.AWAY
    second, _ = prepared(tmp_path, 3)
    assert second == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jpg")} == drawn
    smaller, _ = prepared(tmp_path, 2)
    assert (smaller.products, smaller.photos) == (2, 4)
    assert len(list(smaller.samples.glob("*.jpg"))) == 2 + demo.AWAY


def test_a_store_of_another_version_s_encoder_is_made_anew(tmp_path):
    prepared(tmp_path, 2)
    ready = demo.prepare(tmp_path, products=2, encoder=TinyEncoder())
    store = open_store(ready.store, encoder_hash=TinyEncoder.hash)
    try:
        assert len(list(store.products())) == 2
    finally:
        store.close()


def test_samples_are_named_after_products_and_the_last_are_not_of_this_shop(tmp_path):
    ready, _ = prepared(tmp_path, 2)
    encoder = TinyGarmentEncoder()
    store = open_store(ready.store, encoder_hash=encoder.hash)
    try:
        searcher = Searcher(encoder, store)
        samples = sorted(ready.samples.glob("*.jpg"))
        assert [store.product(sample.stem) is not None for sample in samples] == [True, True, False, False]
        for sample in samples:
            assert len(searcher.search(sample.read_bytes(), 2, category="off").matches) == 2
    finally:
        store.close()


def test_the_page_opens_where_it_was_asked_to(tmp_path, monkeypatch):
    ready, _ = prepared(tmp_path, 1)
    heard, opened = [], []

    def serve_and_stop(app, settings, *, ready):
        assert settings.samples_folder == tmp_path / "samples"
        ready("http://127.0.0.1:9/")

    monkeypatch.setattr(demo, "run", serve_and_stop)
    monkeypatch.setattr(demo.webbrowser, "open", opened.append)
    at_once = SimpleNamespace(Thread=lambda target, args, daemon: SimpleNamespace(start=lambda: target(*args)))
    monkeypatch.setattr(demo, "threading", at_once)  # the module's own name: the store begins threads, too
    demo.serve(ready, encoder=TinyGarmentEncoder(), ready=heard.append)
    assert (heard, opened) == (["http://127.0.0.1:9/"], ["http://127.0.0.1:9/"])
    demo.serve(ready, encoder=TinyGarmentEncoder(), ready=heard.append, browser=False)
    assert (len(heard), len(opened)) == (2, 1)


def test_the_page_has_the_second_stage_of_its_model(tmp_path, monkeypatch):
    ready, _ = prepared(tmp_path, 1)
    encoder = TinyGarmentEncoder()
    opened = []
    monkeypatch.setattr(opening, "second_stage", lambda each: (TinyJudge(each), tiny_calibration()))
    monkeypatch.setattr(demo, "run", lambda app, settings, *, ready: opened.append(app.state.context.searcher))
    demo.serve(ready, encoder=encoder, browser=False)
    assert opened[0].stage_two.verifier.name == "tiny-judge"


def test_a_shop_without_products_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="products 0"):
        prepared(tmp_path, 0)
