"""A real Ray cluster of two nodes on this machine: the same store as without it, whatever is lost on the way."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crews import KILLING, STOPPING, Deadly, Slow, Steady, catalog, indexed, same, shop
from pictures import saved, scene
from walkthrough import blocks
from wearabouts.catalog import Product
from wearabouts.cli import main
from wearabouts.embedding import Cluster, IndexProgress, index
from wearabouts.embedding.cluster import job
from wearabouts.embedding.cluster.shards import MANIFEST, Shards
from wearabouts.errors import BundleError, SettingsError, StoreError
from wearabouts.stores import open_store

pytest.importorskip("ray", reason="needs ray: pip install 'wearabouts[cluster]'")

SMALL = {"num_cpus": 1, "object_store_memory": 80_000_000}
pytestmark = [
    # Ray's own: files of its logs, its sockets and its finished processes are left to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:.*:FutureWarning:ray.*"),
    pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:ray.*"),
]


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[Any]:
    """A head with one processor and a second node with one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "1")
        from ray.cluster_utils import Cluster as Nodes

        head = {**SMALL, "include_dashboard": False}
        try:
            nodes = Nodes(initialize_head=True, head_node_args=head)
        except Exception:  # Ray gives its own processes thirty seconds, which a disk that is busy may not
            nodes = Nodes(initialize_head=True, head_node_args=head)
        nodes.second = nodes.add_node(**SMALL)
        nodes.wait_for_nodes()
        yield nodes
        nodes.shutdown()


@pytest.fixture(scope="module")
def joined(ray_cluster: Any) -> Iterator[Any]:
    """The cluster with this process in it already: a run uses that, and workers stay warm from test to test."""
    import ray

    ray.init(address=ray_cluster.address, log_to_driver=False, logging_level="ERROR")
    yield ray_cluster
    ray.shutdown()


def cluster(nodes: Any, shards: Path, each: int = 8) -> Cluster:
    return Cluster(nodes.address, shards, each=each)


def files(shards: Path) -> list[str]:
    return sorted(path.name for path in shards.iterdir())


def test_no_cluster_is_an_error_that_says_how_to_start_one(tmp_path: Path) -> None:
    products: list[Product] = []  # first of all: once this process is in a cluster, that is the one it uses
    for address, said in (("ray://10.0.0.1:10001", "--ray auto"), ("not an address", "ray start --head")):
        with pytest.raises(SettingsError, match=said):
            indexed(tmp_path / "store", products, Steady(), cluster=Cluster(address, tmp_path / "shards"))
    with pytest.raises(SettingsError, match="photos a task"):
        indexed(tmp_path / "store", products, Steady(), cluster=Cluster("auto", tmp_path / "shards", each=0))
    with pytest.raises(StoreError, match="other files"):
        indexed(tmp_path / "store", products, Steady(), cluster=Cluster("auto", tmp_path))


def test_a_node_lost_in_the_middle_loses_no_photo_and_changes_no_bit(tmp_path: Path, ray_cluster: Any) -> None:
    products = shop(tmp_path, 90)
    Path(products[5].photos[0].uri).write_bytes(b"not a picture")
    Path(products[7].photos[0].uri).unlink()
    plain, expected = indexed(tmp_path / "local", products, Steady(), processes=0)
    lost: list[int] = []

    def lose(progress: IndexProgress) -> None:
        if progress.photos >= 10 and not lost:
            lost.append(progress.photos)
            ray_cluster.remove_node(ray_cluster.second, allow_graceful=False)

    shards = tmp_path / "shards"
    try:
        summary, records = indexed(
            tmp_path / "store", products, Slow(), cluster=cluster(ray_cluster, shards), progress=lose
        )
    finally:
        ray_cluster.second = ray_cluster.add_node(**SMALL)
    assert lost[0] < 30
    assert (summary.products, summary.embedded, summary.reused) == (plain.products, plain.embedded, plain.reused)
    assert same(records, expected)
    assert len(summary.faults) == len(plain.faults) == 4
    unread = {fault.reason for fault in plain.faults.kept if "005" in fault.reason}
    assert unread <= {fault.reason for fault in summary.faults.kept}


def test_what_is_in_shards_is_not_made_again_while_its_bytes_are_the_same(tmp_path: Path, joined: Any) -> None:
    products, shards = shop(tmp_path, 20), tmp_path / "shards"
    _, expected = indexed(tmp_path / "local", products, Steady(), processes=0)
    indexed(tmp_path / "first", products, Steady(), cluster=cluster(joined, shards))
    written = files(shards)
    assert len(written) == 4  # three of eight, eight and four photos, and the manifest
    # Another store, the catalog in another order: nothing is embedded, or the encoder would raise.
    summary, records = indexed(tmp_path / "second", products[::-1], Never(), cluster=cluster(joined, shards))
    assert (summary.products, len(summary.faults)) == (20, 0)
    assert same(records, expected)
    assert files(shards) == written
    Path(products[4].photos[0].uri).write_bytes(saved(scene(40, 60, 77)))
    _, fresh = indexed(tmp_path / "fresh", products, Steady(), processes=0)
    _, records = indexed(tmp_path / "third", products, Steady(), cluster=cluster(joined, shards))
    assert same(records, fresh)
    assert not same(records, expected)
    assert len(files(shards)) == len(written) + 1
    (shards / written[1]).write_bytes(b"PAR1 not what the manifest says PAR1")
    _, records = indexed(tmp_path / "fourth", products, Steady(), cluster=cluster(joined, shards))
    assert same(records, fresh)


class Never(Steady):
    """Steady's vectors by name, but whoever asks for one is told off."""

    def encode(self, *_: object) -> Any:
        raise BundleError("nothing was to be encoded")


def test_a_run_that_is_stopped_goes_on_from_its_shards(tmp_path: Path, joined: Any) -> None:
    products, shards = shop(tmp_path, 60), tmp_path / "shards"

    def stop(_: IndexProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        indexed(tmp_path / "store", products, Slow(), cluster=cluster(joined, shards), progress=stop)
    before = files(shards)
    assert 2 <= len(before) < 9  # the manifest and some of eight shards
    _, expected = indexed(tmp_path / "local", products, Steady(), processes=0)
    summary, records = indexed(tmp_path / "store", products, Steady(), cluster=cluster(joined, shards))
    assert (summary.products, len(summary.faults)) == (60, 0)
    assert same(records, expected)
    assert set(before) <= set(files(shards))
    assert len(Shards(shards, Steady.hash, Steady.dim)) == 60  # no photo is in two shards


def test_a_second_run_over_the_same_store_embeds_nothing(tmp_path: Path, joined: Any) -> None:
    products = shop(tmp_path, 12)
    with_store = open_store(tmp_path / "store", mode="write", encoder_hash=Steady.hash, dim=Steady.dim)
    index(catalog(products), Steady(), with_store, processes=0)
    changed = [replace(product, price=1.0) for product in products]
    summary = index(catalog(changed), Never(), with_store, cluster=cluster(joined, tmp_path / "shards"))
    assert (summary.unchanged, summary.embedded, len(summary.faults)) == (12, 0, 0)
    assert with_store.record("p003").product.price == 1.0
    assert files(tmp_path / "shards") == [MANIFEST]
    with_store.close()


def test_a_photo_that_kills_its_worker_costs_itself_alone(
    tmp_path: Path, joined: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "TRIES", 1)  # the start of a worker is what takes time here
    products = shop(tmp_path, 6)
    Path(products[3].photos[0].uri).write_bytes(saved(np.full((30, 30, 3), KILLING, np.uint8)))
    summary, records = indexed(
        tmp_path / "store", products, Deadly(), cluster=cluster(joined, tmp_path / "shards", each=6)
    )
    assert [record.product.id for record in records] == ["p000", "p001", "p002", "p004", "p005"]
    assert any("003.png" in fault.reason and "died twice" in fault.reason for fault in summary.faults.kept)


def test_what_no_worker_can_do_is_the_runs_own_error(tmp_path: Path, joined: Any) -> None:
    products = shop(tmp_path, 3)
    Path(products[1].photos[0].uri).write_bytes(saved(np.full((30, 30, 3), STOPPING, np.uint8)))
    with pytest.raises(BundleError, match="gives nothing"):
        indexed(tmp_path / "store", products, Deadly(), cluster=cluster(joined, tmp_path / "shards"))


def test_photos_that_no_node_can_see_are_said_so_at_once(
    tmp_path: Path, joined: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "_unseen", lambda _: True)
    with pytest.raises(SettingsError, match="folder that all nodes share"):
        indexed(tmp_path / "store", shop(tmp_path, 2), Steady(), cluster=cluster(joined, tmp_path / "shards"))


PAGES = [Path(__file__).parents[2] / "docs" / name for name in ("cluster.md", "cluster.zh.md")]


def test_the_pages_commands_and_code_do_what_they_say(
    tmp_path: Path, joined: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for number in range(3):
        (tmp_path / "photos" / f"{number}.jpg").write_bytes(saved(scene(60, 80, number), "JPEG"))
    shell, code = blocks(PAGES[0])
    commands = [line.partition("#")[0].split() for line in shell.code.splitlines()]
    (command,) = [words for words in commands if words[0] == "wearabouts"]
    assert main(command[1:]) == 0
    assert (tmp_path / "shop-shards" / MANIFEST).exists()
    with contextlib.closing(open_store("shop")) as store:
        assert len(list(store.products())) == 3
    shutil.rmtree("shop")
    exec(code.code, {"__name__": "page"})
    with contextlib.closing(open_store("shop")) as store:
        assert len(list(store.products())) == 3
    assert len(files(tmp_path / "shop-shards")) == 2  # from the shards of the run before
    from ray.scripts import scripts

    for words in commands:
        if words[0] == "ray":
            options = {each for option in scripts.cli.commands[words[1]].params for each in option.opts}
            assert {word for word in words if word.startswith("--")} <= options


def test_both_pages_have_the_same_commands_and_code() -> None:
    assert [block.bare() for block in blocks(PAGES[0])] == [block.bare() for block in blocks(PAGES[1])]
