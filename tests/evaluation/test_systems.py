"""Encoders by name, and vectors that are computed once."""

import numpy as np
import pytest
from PIL import Image

from fakes import TinyEncoder
from wearabouts.errors import BundleError
from wearabouts.evaluation.provenance import provenance
from wearabouts.evaluation.systems import Vectors, open_encoder, thumbnail


@pytest.fixture
def photos(tmp_path):
    paths = [tmp_path / f"{n}.png" for n in range(20)]
    for n, path in enumerate(paths):
        Image.fromarray(np.full((20, 20, 3), 10 * n, np.uint8)).save(path)
    return paths


def test_encoders_by_name():
    assert open_encoder("histogram").dim == 256
    joined = open_encoder("histogram + histogram")
    assert (joined.name, joined.dim) == ("histogram + histogram", 512)
    tiny = TinyEncoder()
    assert open_encoder(tiny) is tiny
    with pytest.raises(BundleError, match="no-such-model"):
        open_encoder("no-such-model")


def test_a_photo_is_seen_once(photos):
    tiny = TinyEncoder()
    vectors = Vectors(tiny)
    told = []
    vectors.see([*photos, *photos], "shop", lambda *what: told.append(what))
    vectors.see(photos[:3], "street")
    assert sum(tiny.calls) == 20
    assert told == [("embed with tiny", 16, 20), ("embed with tiny", 20, 20)]
    alone = tiny.encode([np.full((20, 20, 3), 70, np.uint8)]).vectors
    assert np.allclose(vectors.rows([photos[7]]), alone)


def test_a_photo_that_cannot_be_read_is_told_once(photos):
    photos[3].write_bytes(b"no picture")
    photos[4].unlink()
    vectors = Vectors(TinyEncoder())
    vectors.see(photos, "shop")
    assert set(vectors.faults) == {photos[3], photos[4]}
    assert len(vectors.kept) == 18
    assert thumbnail(photos[3]) == b""
    assert thumbnail(photos[0]).startswith(b"\xff\xd8")


def test_provenance_changes_with_what_was_measured(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("a")
    first = provenance([TinyEncoder()], seed=1, files=[path])
    path.write_text("b")
    second = provenance([TinyEncoder()], seed=1, files=[path])
    assert first["encoders"] == {"tiny": "tiny-1"}
    assert first["lists"] != second["lists"]
    assert first["packages"]["numpy"] == np.__version__
