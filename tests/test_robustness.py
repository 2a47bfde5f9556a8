"""Strangers' files through the door and the line: a right picture or one error each, in bounded memory."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakes import TinyEncoder
from pictures import costly, hostile, png, png_chunk, saved, scene
from wearabouts import bundles
from wearabouts.catalog import Catalog, Faults, Photo, Product
from wearabouts.embedding import decode_side, index
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import BundleError, ImageError
from wearabouts.images import FORMATS, decode
from wearabouts.stores import open_store

ADDRESS_SPACE = 1_500_000_000  # bytes a decoding process may map, libraries included
RESIDENT = 512  # MB it may hold at any time

# Pictures that Pillow opens and we refuse, with the limit that says so.
OVER_LIMITS = {
    "derived/strip_3000x2.png": "times the other",
    "jpeg-decoder/8e5e74dbf9b68a322fbb9512db837329.jpg": "193x31237",
    "jpeg-decoder/grayscale_long.jpg": "times the other",
}

# Decodes every file named on standard input with little memory, and tells what came of each and the most it held (MB).
CHILD = """
import json, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
from wearabouts.errors import ImageError
from wearabouts.images import decode
for name in sys.stdin.read().splitlines():
    Path("/proc/self/clear_refs").write_text("5")
    data = Path(name).read_bytes()
    for target in (0, 224):
        try:
            picture = decode(data, target=target)
            told = [picture.format, *picture.size, *picture.pixels.shape]
        except ImageError as error:
            told = str(error)
    picture = None
    held = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps([name, told, int(held.split()[1]) // 1024]))
"""


def decoded_apart(paths: list[Path]) -> dict[str, tuple[list[object] | str, int]]:
    """What a process with little memory makes of files: path → format and sizes, or the error; and its peak in MB."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD.format(limit=ADDRESS_SPACE)],
        input="\n".join(map(str, paths)),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert child.returncode == 0, child.stderr[-2_000:]
    return {name: (told, peak) for name, told, peak in map(json.loads, child.stdout.splitlines())}


@pytest.fixture(scope="session")
def strangers(data_folder: Path) -> list[dict[str, str]]:
    """The rows of robustness/images.csv, `path` made absolute, the one given as `name`."""
    folder = data_folder / "robustness"
    with (folder / "images.csv").open(newline="") as file:
        rows = [row | {"name": row["path"], "path": str(folder / row["path"])} for row in csv.DictReader(file)]
    assert len(rows) == 311
    return rows


@pytest.mark.data
def test_every_file_is_a_right_picture_or_one_error_in_bounded_memory(strangers: list[dict[str, str]]) -> None:
    told = decoded_apart([Path(row["path"]) for row in strangers])
    assert len(told) == 311
    for row in strangers:
        result, peak = told[row["path"]]
        assert peak <= RESIDENT, row["name"]
        kind = "JPEG" if row["format"] == "MPO" else row["format"]
        if row["name"] in OVER_LIMITS:
            assert OVER_LIMITS[row["name"]] in result
        elif row["pillow_result"] == "ok" and kind in FORMATS:
            size = [int(row["width"]), int(row["height"])]
            assert result[:3] == [kind, *(size[::-1] if int(row["exif_orientation"] or 1) > 4 else size)], row["name"]
        else:
            assert isinstance(result, str), row["name"]
            assert "\n" not in result


def shrunk(pixels: np.ndarray) -> np.ndarray:
    """(32, 32, 3) mean colours: what two wrappings of one picture must share whatever they did to its pixels."""
    return np.asarray(Image.fromarray(pixels).resize((32, 32), Image.Resampling.BOX), float)


@pytest.mark.data
@pytest.mark.parametrize("target", [0, 160])
def test_wrappings_of_one_picture_look_the_same(
    strangers: list[dict[str, str]], data_folder: Path, target: int
) -> None:
    seen: dict[str, np.ndarray] = {}
    compared, encoder = 0, TinyEncoder()
    for row in strangers:
        if (
            row["kind"] not in ("same_picture", "same_picture_after_exif", "exif_orientation")
            or row["format"] == "TIFF"
        ):
            continue
        whole = data_folder / "robustness" / row["upright_reference"]
        reference = seen.setdefault(str(whole), decode(whole.read_bytes(), target=target).pixels)
        pixels = decode(Path(row["path"]).read_bytes(), target=target).pixels
        # A palette keeps 256 colours; each orientation file has its own digit drawn into it; a JPEG is made smaller
        # by its own cosines, other formats by averaging blocks.
        allowed = 4 if "palette" in row["name"] or row["kind"] == "exif_orientation" else 2 + bool(target)
        assert np.abs(shrunk(pixels) - shrunk(reference)).mean() < allowed, row["name"]
        one, other = encoder.vectors_of([pixels, reference])
        assert one @ other > 0.99, row["name"]
        compared += 1
    assert compared == 69


@pytest.mark.data
def test_the_shipped_model_sees_one_picture_in_all_its_wrappings(
    strangers: list[dict[str, str]], data_folder: Path
) -> None:
    try:
        encoder = OnnxEncoder(bundles.load("mini"), threads=1)
    except BundleError as error:
        pytest.skip(f"the bundle 'mini' is not in this checkout: {error}")
    side = decode_side(encoder)
    for row in strangers:
        if row["kind"] not in ("same_picture", "same_picture_after_exif") or row["format"] == "TIFF":
            continue
        whole = data_folder / "robustness" / row["upright_reference"]
        photos = [decode(path.read_bytes(), target=side).pixels for path in (Path(row["path"]), whole)]
        one, other = encoder.encode(photos).vectors
        assert one @ other >= 0.95, row["name"]


@pytest.mark.data
def test_indexing_strangers_files_keeps_the_good_ones_and_lists_the_others(
    strangers: list[dict[str, str]], tmp_path: Path
) -> None:
    def stream(_: Faults) -> Iterator[Product]:
        return (Product(row["name"], (Photo(row["name"], row["path"]),)) for row in strangers)

    good = {
        row["name"]
        for row in strangers
        if row["pillow_result"] == "ok" and row["format"] != "TIFF" and row["name"] not in OVER_LIMITS
    }
    store = open_store(tmp_path / "store", mode="write", encoder_hash=TinyEncoder.hash, dim=TinyEncoder.dim)
    encoder = TinyEncoder()
    summary = index(Catalog("list", "strangers", stream), encoder, store)
    assert set(store.products()) == good
    assert summary.photos == len(good) == summary.embedded + summary.reused
    assert summary.faults.counts == {"product": 311 - len(good), "photo": 311 - len(good), "field": 0}
    encoder.calls.clear()
    again = index(Catalog("list", "strangers", stream), encoder, store)
    assert (again.embedded, again.unchanged, encoder.calls) == (0, len(good), [])
    assert store.check() == []
    store.close()


def test_bombs_are_taken_apart_in_bounded_memory(tmp_path: Path) -> None:
    paths = []
    for number, data in enumerate([*hostile().values(), *costly().values()]):
        paths.append(tmp_path / f"{number}.bin")
        paths[-1].write_bytes(data)
    told = decoded_apart(paths)
    refused = [isinstance(told[str(path)][0], str) for path in paths]
    assert refused == [True] * len(hostile()) + [False] * len(costly())
    assert max(peak for _, peak in told.values()) <= 256


def test_the_largest_pictures_allowed_fit_into_memory(tmp_path: Path) -> None:
    width, height = 6_400, 6_250  # 40 megapixels exactly
    smooth = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    key = png_chunk(b"tRNS", b"\0" * 6)
    files = {
        "grey.png": png(width, height, 8, 0, b"\0" * (width + 1), times=height),
        "deep.png": png(width, height, 16, 0, b"\0" * (2 * width + 1), times=height),
        "alpha.png": png(width, height, 8, 6, b"\0" * (4 * width + 1), times=height),
        "key.png": png(width, height, 8, 2, b"\0" * (3 * width + 1), key, times=height),
        "progressive.jpg": saved(smooth, "JPEG", progressive=True, subsampling=0, quality=20),
        "smooth.avif": saved(smooth, "AVIF", speed=10),
        "smooth.webp": saved(smooth.crop((0, 0, width, 3_750)), "WEBP", method=0),  # 24 megapixels
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    for path, (result, peak) in decoded_apart([tmp_path / name for name in files]).items():
        assert result[1:3] == [width, 3_750 if path.endswith("smooth.webp") else height], path
        assert peak <= RESIDENT, path


def test_too_little_memory_is_the_one_error() -> None:
    # A decoder that runs out of memory says so in many ways; all must come out as the one error.
    data = saved(Image.linear_gradient("L").resize((4_000, 4_000)).convert("RGB"), "JPEG")
    code = (
        "import resource, sys; from wearabouts.images import decode; from wearabouts.errors import ImageError\n"
        "data = sys.stdin.buffer.read(); decode(data, target=100)\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 20_000_000,) * 2)\n"
        "try:\n    decode(data)\nexcept ImageError as error:\n    print('refused:', error)\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", code],
        input=data,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        timeout=60,
    )
    assert child.stdout.startswith(b"refused:"), child.stderr[-1_000:]


def test_a_picture_made_of_two_formats_never_comes_back_as_bytes_of_its_own() -> None:
    evil = b"<svg onload=alert(1)>"
    for data in (saved(scene(), "JPEG", comment=evil) + evil, saved(scene(), "PNG") + evil):
        thumbnail = decode(data).thumbnail()
        assert evil not in thumbnail
        assert Image.open(io.BytesIO(thumbnail)).size == (48, 64)
    with pytest.raises(ImageError, match="begins with"):
        decode(evil + saved(scene(), "JPEG"))
