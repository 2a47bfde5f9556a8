"""The registry: the right reader is guessed, a wrong one is refused with words that help."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from wearabouts.catalog import Faults
from wearabouts.errors import CatalogError, SettingsError
from wearabouts.readers import READERS, guess, open_catalog
from wearabouts.readers.intake import Draft, DraftPhoto, Intake

FEEDS = Path(__file__).parent / "feeds"


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("google_rss.xml", "google_merchant"),
        ("google_atom.xml", "google_merchant"),
        ("google.tsv", "google_merchant"),
        ("shopify_old.csv", "shopify"),
        ("shopify_new.csv", "shopify"),
        ("woocommerce.csv", "woocommerce"),
        ("magento.csv", "magento"),
    ],
)
def test_feeds_are_recognised_by_what_they_hold(tmp_path: Path, name: str, reader: str) -> None:
    assert guess(FEEDS / name) == reader
    renamed = tmp_path / "export.txt"
    renamed.write_bytes((FEEDS / name).read_bytes())
    assert guess(renamed) == reader


def test_tables_and_folders(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,path\n1,a.jpg\n")
    (tmp_path / "t.jsonl").write_text("{}\n")
    assert guess(tmp_path / "t.csv") == guess(tmp_path / "t.jsonl") == "table"
    assert guess(tmp_path) == "folder"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.csv", "no file or folder"),
        ("x" * 5_000, "no path"),
        ("a\x00b", "no file or folder"),
        ("x.pdf", "name one of the readers"),
        ("https://shop.example/feed.xml", "download it first"),
    ],
)
def test_what_cannot_be_read_is_said_with_what_can(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "x.pdf").write_bytes(b"%PDF")
    source = name if "://" in name else tmp_path / name
    with pytest.raises(CatalogError, match=words):
        open_catalog(source)


def test_unknown_readers_and_options_are_refused_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,path\n1,a.jpg\n")
    with pytest.raises(SettingsError, match="did you mean 'shopify'"):
        open_catalog(tmp_path / "t.csv", reader="shopfy")
    with pytest.raises(SettingsError, match="did you mean 'mapping'"):
        open_catalog(tmp_path / "t.csv", maping={})


@pytest.mark.parametrize("reader", ["google_merchant", "shopify", "woocommerce", "magento"])
def test_a_reader_refuses_a_table_that_is_not_its_own(tmp_path: Path, reader: str) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CatalogError, match="use reader table"):
        open_catalog(tmp_path / "t.csv", reader=reader)


def test_a_catalog_can_be_walked_again(tmp_path: Path) -> None:
    catalog = open_catalog(FEEDS / "shopify_old.csv")
    assert list(catalog.products()) == list(catalog.products())


@pytest.mark.parametrize("name", sorted(set(READERS) - {"drawn"}))
def test_every_registered_reader_is_there(name: str) -> None:
    module, attribute = READERS[name].split(":")
    assert callable(getattr(import_module(module), attribute))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop" / "img").mkdir(parents=True)
    (tmp_path / "shop" / "img" / "a.jpg").write_bytes(b"x")
    (tmp_path / "outside.jpg").write_bytes(b"x")
    (tmp_path / "shop" / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (tmp_path / "shop-secrets").mkdir()
    return tmp_path / "shop" / "feed.csv"


@pytest.mark.parametrize(
    "reference",
    [
        "../outside.jpg",
        "img/../../outside.jpg",
        "..\\outside.jpg",
        "link.jpg",
        "/etc/passwd",
        "file:///etc/passwd",
        "file:///%65tc/passwd",
        "file://localhost/etc/passwd",
        "../shop-secrets/x.jpg",
        "a\x00.jpg",
        "",
        " ",
        ".",
        "file:////etc/passwd",
        "/",
    ],
)
def test_no_photo_leaves_the_folder(shop: Path, reference: str) -> None:
    with pytest.raises(ValueError, match=r"photo"):
        Intake(shop, Faults()).uri(reference)


@pytest.mark.parametrize(
    "reference",
    [
        "javascript:alert(1)",
        "data:image/png;base64,AA",
        "ftp://x/y",
        "gopher://x",
        "JAVASCRIPT:x",
        "http:/x",
        "https://u@x/y",
        "mailto:a@b",
    ],
)
def test_no_other_scheme(shop: Path, reference: str) -> None:
    with pytest.raises(ValueError, match=r"allowed|not an http"):
        Intake(shop, Faults()).uri(reference)


def test_photos_that_may_be_read(shop: Path) -> None:
    intake = Intake(shop, Faults())
    inside = str(shop.parent / "img" / "a.jpg")
    for reference in ("img/a.jpg", "./img/a.jpg", "img\\a.jpg", "img/../img/a.jpg", f"file://{inside}", inside):
        assert intake.uri(reference) == inside
    assert intake.uri("//cdn.example/a.jpg") == "https://cdn.example/a.jpg"
    assert intake.uri("http://cdn.example/a b.jpg?x=1,2") == "http://cdn.example/a b.jpg?x=1,2"
    outside = str(shop.parent.parent / "outside.jpg")
    assert Intake(shop, Faults(), allow_local_paths=True).uri("../outside.jpg") == outside
    assert Intake(shop, Faults(), images="https://cdn.example/m/").uri("/a/b.jpg") == "https://cdn.example/m/a/b.jpg"
    assert Intake(shop, Faults(), images=shop.parent / "img").uri("a.jpg") == inside


def test_photo_ids_are_stable_and_unique(shop: Path) -> None:
    photos = [DraftPhoto(reference, 1) for reference in ("img/a.jpg", "img/b.jpg", "img/a.jpg")]
    first = Intake(shop, Faults()).product(Draft(1, "p", photos=photos))
    turned = Intake(shop, Faults()).product(Draft(1, "p", photos=photos[::-1]))
    assert first is not None
    assert turned is not None
    assert len(first.photos) == 2
    assert {photo.id for photo in first.photos} == {photo.id for photo in turned.photos}
