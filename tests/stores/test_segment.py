"""A file of named arrays: what is written is read, and every flipped bit is found before it is believed."""

from __future__ import annotations

import json
import mmap
import zlib
from itertools import pairwise

import numpy as np
import pytest

from wearabouts.stores.embedded.generations import drafting, layout
from wearabouts.stores.embedded.generations.drafting import Draft, moved
from wearabouts.stores.embedded.generations.layout import ALIGN, BLOCK, HEAD, MAGIC, PAGE, SUM, blocks
from wearabouts.stores.embedded.generations.segment import Damaged, Segment

ARRAYS = {
    "floats": np.random.default_rng(1).standard_normal((5_000, 33)).astype(np.float32),
    "numbers": np.arange(70_000, dtype=np.int64) * 3,
    "small": np.asarray([1, 2, 3], np.uint8),
    "none": np.zeros((0, 7), np.float64),
    "one": np.asarray([2**63], np.uint64),
}
FACTS = {"name": "test", "deep": {"list": [1, None, "ü"]}}


def quiet():
    pass


def write(path, arrays=ARRAYS, facts=FACTS):
    with Draft(path) as made:
        for name, array in arrays.items():
            made.add(name, array)
        made.finish(facts, quiet)
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "segment")


def flipped(path, place):
    raw = bytearray(path.read_bytes())
    raw[place] ^= 8
    path.write_bytes(raw)


def test_what_is_written_is_read(path):
    segment = Segment.open(path)
    assert segment.facts == FACTS
    assert segment.names() == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert name in segment
        np.testing.assert_array_equal(segment.whole(name), array)
        assert segment.array(name).dtype == array.dtype
    assert not segment.array("floats").flags.writeable
    with pytest.raises(Damaged, match="no array 'more'"):
        segment.array("more")


def test_streams_scattered_writes_and_shortened_arrays(tmp_path, monkeypatch):
    monkeypatch.setattr(drafting, "SPOOL", 1_000)  # so that streams move to the disk
    generator = np.random.default_rng(2)
    values, order = generator.standard_normal((9_000, 5)).astype(np.float32), generator.permutation(9_000)
    texts = [f"text {number} ü".encode() * (number % 3) for number in range(2_000)]
    with Draft(tmp_path / "segment") as made:
        stream, table = made.stream("stream", "<i4"), made.texts("texts")
        for start in range(0, 2_000, 77):
            stream.append(np.arange(start, min(start + 77, 2_000)))
            table.extend(texts[start : start + 77])
        made.place()
        room = made.reserve("scattered", "<f4", (10_000, 5))
        for start in range(0, 9_000, 1_000):
            part = order[start : start + 1_000]
            room[part] = values[part]
        made.shorten("scattered", 9_000)
        made.add("after", np.arange(3))
        made.finish({}, quiet)
    segment = Segment.open(tmp_path / "segment")
    np.testing.assert_array_equal(segment.whole("stream"), np.arange(2_000))
    np.testing.assert_array_equal(segment.whole("scattered"), values)
    offsets, data = segment.whole("texts/offsets"), segment.whole("texts/data").tobytes()
    assert [data[a:b] for a, b in pairwise(offsets.tolist())] == texts
    assert segment.whole("after").tolist() == [0, 1, 2]
    assert list(tmp_path.iterdir()) == [tmp_path / "segment"]


def test_a_draft_that_fails_leaves_nothing(tmp_path):
    def stop():
        raise InterruptedError

    def stopped():
        with Draft(tmp_path / "segment") as made:
            made.add("a", np.arange(5))
            made.finish({}, stop)

    with pytest.raises(InterruptedError):
        stopped()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="cannot be kept"):
        write(tmp_path / "segment", {"objects": np.asarray(["text"])})
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_an_error_before_anything_is_mapped(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wearabouts.stores.embedded.generations.drafting.os.posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"), Draft(tmp_path / "segment") as made:
        made.reserve("large", "<f4", (1_000, 8))
    assert list(tmp_path.iterdir()) == []


def test_a_replaced_file_stays_readable_for_who_has_it_mapped(tmp_path, path):
    first = Segment.open(path)
    write(tmp_path / "draft", {"floats": np.zeros((1, 1), np.float32)})
    moved(tmp_path / "draft", path)
    assert Segment.open(path).array("floats").shape == (1, 1)
    path.unlink()
    np.testing.assert_array_equal(first.whole("floats"), ARRAYS["floats"])


class TestDamage:
    def test_only_what_is_touched_is_proven_and_a_bad_block_names_itself(self, path):
        segment = Segment.open(path)
        assert segment.proven == 0
        start = segment._specs["numbers"].offset
        flipped(path, start + BLOCK + 5)
        segment = Segment.open(path)
        segment.require("small")
        before = segment.proven
        assert 0 < before < 1
        segment.require("numbers", 0, 10)
        with pytest.raises(Damaged, match=r"block .* is wrong") as caught:
            segment.require("numbers")
        assert caught.value.path == path
        assert "numbers" in caught.value.reason
        with pytest.raises(Damaged):
            segment.require("numbers", 40_000, 40_001)
        with pytest.raises(Damaged):
            segment.scrub()
        assert len(list(segment.faults())) == 1

    def test_ranges_prove_exactly_the_blocks_they_lie_in(self, path):
        rows = np.sort(np.random.default_rng(3).choice(5_000, 40, replace=False))
        spec = Segment.open(path)._specs["floats"]
        needed = {(spec.offset + row * spec.row + edge - PAGE) // BLOCK for row in rows for edge in (0, spec.row - 1)}
        segment = Segment.open(path)
        segment.require_ranges("floats", rows, rows + 1)
        assert set(np.flatnonzero(segment._proven).tolist()) == needed
        np.testing.assert_array_equal(segment.taken("floats", rows), ARRAYS["floats"][rows])
        segment.require_ranges("floats", np.asarray([7, 3]), np.asarray([7, 2]))  # nothing
        for starts, stops in (([-1], [2]), ([0], [5_001])):
            with pytest.raises(Damaged, match="has not got"):
                segment.require_ranges("floats", np.asarray(starts), np.asarray(stops))
        for row in (-1, 5_000):
            with pytest.raises(Damaged, match="has not got"):
                segment.taken("floats", np.asarray([row]))

    def test_scrubbing_proves_the_rest_and_can_be_stopped(self, path):
        segment = Segment.open(path)
        seen = []
        segment.require("small")
        segment.scrub(lambda: seen.append(segment.proven))
        assert segment.proven == 1
        assert seen == sorted(seen)
        assert len(seen) == len(segment._table) - 1  # one was proven before

        def stop():
            raise KeyboardInterrupt

        segment = Segment.open(path)
        with pytest.raises(KeyboardInterrupt):
            segment.scrub(stop)
        assert 0 < segment.proven < 1

    def test_every_byte_counts(self, path):
        raw = path.read_bytes()
        generator = np.random.default_rng(4)
        footer = HEAD.unpack_from(raw)[2]
        places = [*range(40), PAGE - 1, *generator.integers(0, PAGE, 20), *generator.integers(PAGE, len(raw), 60)]
        for place in [*places, *generator.integers(footer, len(raw), 40), len(raw) - 1]:
            path.write_bytes(raw[:place] + bytes([raw[place] ^ 32]) + raw[place + 1 :])
            with pytest.raises(Damaged):
                Segment.open(path).scrub()
        for size in (0, 1, PAGE - 1, PAGE, len(raw) // 2, len(raw) - 1):
            path.write_bytes(raw[:size])
            with pytest.raises(Damaged):
                Segment.open(path).scrub()
        path.write_bytes(raw + b"x")
        with pytest.raises(Damaged, match="were written"):
            Segment.open(path)

    def test_a_file_cut_off_while_it_is_mapped_is_damage_and_no_signal(self, path):
        segment = Segment.open(path)
        with path.open("r+b") as file:
            file.truncate(PAGE + BLOCK)
        with pytest.raises(Damaged):
            segment.require("numbers")

    def test_links_folders_and_pipes_are_refused(self, tmp_path, path):
        (tmp_path / "link").symlink_to(path)
        with pytest.raises(OSError):  # noqa: PT011 - which one, the system decides
            Segment.open(tmp_path / "link")
        (tmp_path / "folder").mkdir()
        with pytest.raises(Damaged, match="plain file"):
            Segment.open(tmp_path / "folder")


def forged(path, change):
    """The file with another footer, all checksums right: what only a hostile hand writes."""
    raw = path.read_bytes()
    _, _, end, _, _ = HEAD.unpack_from(raw)
    sums = SUM.itemsize * blocks(end)
    told = json.loads(raw[end + sums :])
    footer = raw[end : end + sums] + change(told)
    page = bytearray(PAGE)
    HEAD.pack_into(page, 0, MAGIC, 0, end, len(footer), zlib.crc32(footer))
    page[8:12] = zlib.crc32(page[12:]).to_bytes(4, "little")
    path.write_bytes(bytes(page) + raw[PAGE:end] + footer)


@pytest.mark.parametrize(
    "spec",
    [
        ["<f4", [5_000, 34], PAGE],
        ["<f4", [2**47], PAGE],
        ["<f4", [2**47, 0], PAGE],
        ["<f4", [-1, 3], PAGE],
        ["<f4", [2, 3, 4], PAGE],
        ["<f4", [], PAGE],
        ["<f4", [True], PAGE],
        ["<f4", 5, PAGE],
        ["|O", [2], PAGE],
        ["<c16", [2], PAGE],
        ["<f4", [2], PAGE + 1],
        ["<f4", [2], 0],
        ["<f4", [2], -ALIGN],
        ["<f4", [2], 2**50],
        ["<f4", [2], "here"],
        ["<f4", [2]],
        None,
        {"dtype": "<f4"},
    ],
    ids=str,
)
def test_hostile_specs_are_refused(path, spec):
    def change(told):
        told["arrays"]["floats"] = spec
        return json.dumps(told).encode()

    forged(path, change)
    with pytest.raises(Damaged):
        Segment.open(path)


@pytest.mark.parametrize(
    "footer", [b"", b"[]", b"{", b'{"facts": {}}', b'{"facts": 1, "arrays": {}}', b"\xff", b"[" * 100_000]
)
def test_hostile_footers_are_refused(path, footer):
    forged(path, lambda told: footer)
    with pytest.raises(Damaged, match="another format"):
        Segment.open(path)


def test_arrays_across_each_other_are_refused(path):
    def change(told):
        told["arrays"]["small"] = told["arrays"]["numbers"]
        return json.dumps(told).encode()

    forged(path, change)
    with pytest.raises(Damaged, match="across each other"):
        Segment.open(path)


def test_a_page_that_tells_of_another_size_is_refused(path):
    raw = bytearray(path.read_bytes())
    for end, length in ((2**60, 100), (0, len(raw)), (PAGE, layout.MAX_FOOTER + 1), (len(raw), 0), (len(raw) - 2, 2)):
        HEAD.pack_into(raw, 0, MAGIC, 0, end, length, 0)
        raw[8:12] = zlib.crc32(raw[12:PAGE]).to_bytes(4, "little")
        path.write_bytes(raw)
        with pytest.raises(Damaged):
            Segment.open(path)


def test_rooms_lie_anywhere_in_the_file(tmp_path):
    assert ALIGN < mmap.ALLOCATIONGRANULARITY
    with Draft(tmp_path / "segment") as made:
        rooms = [made.reserve(f"r{place}", "<i4", (place * 37,)) for place in range(60)]
        for place, room in enumerate(rooms):
            room[:] = place
        made.finish({}, quiet)
    segment = Segment.open(tmp_path / "segment")
    for place in range(60):
        assert segment.whole(f"r{place}").tolist() == [place] * (place * 37)
