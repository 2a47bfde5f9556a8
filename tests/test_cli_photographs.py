"""The command line on a real shop's product table: photographs, not drawings."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from wearabouts import cli
from wearabouts.cli import main

MODEL = "histogram"
FRONT_VIEWS = 262  # 261 products of style and colour, one of them with two front views
EVERY = 8  # of the 86 back views, one in so many is searched for: 11 garments of all kinds

pytestmark = pytest.mark.data


def back_views(data_folder):
    return sorted((data_folder / "magento-fashion" / "images").glob("*_back.jpg"))[::EVERY]


def name_of(photo):
    """The product a back view belongs to: style and colour."""
    return photo.stem.removesuffix("_back")


@pytest.fixture(scope="module")
def store(data_folder, tmp_path_factory):
    """The real product table in a store; its index run's summary is checked by the test that asks for it."""
    folder = tmp_path_factory.mktemp("magento") / "store"
    table = data_folder / "magento-fashion" / "images.csv"
    assert main(["index", str(table), "--store", str(folder), "--model", MODEL, "--no-thumbnails"]) == 0
    return folder


def test_a_second_run_embeds_nothing(store, data_folder, capsys):
    table = data_folder / "magento-fashion" / "images.csv"
    capsys.readouterr()
    words = ["index", str(table), "--store", str(store), "--model", MODEL, "--no-thumbnails", "--json"]
    assert main(words) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["embedded"], summary["unchanged"], summary["pruned"]) == (0, FRONT_VIEWS, 0)
    assert summary["faults"]["counts"] == {"product": 0, "photo": 0, "field": 0}


def test_back_views_find_their_front_views(store, data_folder, capsys):
    found = {}
    for photo in back_views(data_folder):
        capsys.readouterr()
        words = ["search", str(photo), "--store", str(store), "--model", MODEL, "-k", "5", "--json"]
        assert main(words) == 0
        answer = json.loads(capsys.readouterr().out)
        found[photo.name] = name_of(photo) in [match["product"]["id"] for match in answer["matches"]]
    assert len(found) == 11
    assert sum(found.values()) >= 8, found


def test_the_served_page_finds_it_too_and_stops_in_order(store, data_folder):
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}
    words = [sys.executable, "-u", "-m", "wearabouts", "serve", "--store", str(store), "--model", MODEL, "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            address = re.search(r"http://\S+/", server.stdout.readline())
            assert address is not None
            found = []
            for photo in back_views(data_folder):
                headers = {"Content-Type": "image/jpeg"}
                body = photo.read_bytes()
                reply = httpx.post(f"{address[0]}v1/search?k=5", content=body, headers=headers, timeout=30)
                assert reply.status_code == 200, reply.text
                found.append(name_of(photo) in [match["product"]["id"] for match in reply.json()["matches"]])
            assert sum(found) >= 8
        finally:
            server.send_signal(signal.SIGINT)
            assert server.wait(30) == 0
