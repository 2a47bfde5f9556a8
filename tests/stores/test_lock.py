"""The writer's lock and its note."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wearabouts.errors import StoreError
from wearabouts.stores.embedded.truth.lock import Acknowledged, WriterLock, acknowledged, holder

HOLD = """
import sys
from pathlib import Path
from wearabouts.stores.embedded.truth.lock import WriterLock

sys.argv = ["/opt/bin/wearabouts", "index", "https://user:secret@shop.example/feed"]
lock = WriterLock(Path(PATH))
print("held", flush=True)
sys.stdin.read()
"""


def test_another_process_s_lock_names_it_without_its_secrets_and_dies_with_it(tmp_path):
    path = tmp_path / "writer.lock"
    words = [sys.executable, "-c", HOLD.replace("PATH", repr(str(path)))]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=rf"being written by wearabouts index \(process {child.pid} on ") as caught:
            WriterLock(path)
        assert "secret" not in str(caught.value)
        child.kill()
        child.wait()
    assert holder(path)["pid"] == child.pid  # the note outlives the process, the lock does not
    lock = WriterLock(path)
    assert holder(path)["pid"] != child.pid
    lock.release()
    lock.release()
    assert holder(path) == {}


@pytest.mark.parametrize("note", [b"", b"\xff\xfe", b"[1, 2]", b'{"pid": "7\\nforged line"}', b"{" * 9_000])
def test_a_note_that_makes_no_sense_stays_one_line(tmp_path, note):
    path = tmp_path / "writer.lock"
    lock = WriterLock(path)
    path.write_bytes(note)
    with pytest.raises(StoreError, match="is being written by") as caught:
        WriterLock(path)
    assert "\n" not in str(caught.value)
    lock.release()


def test_what_was_acknowledged_is_remembered_and_a_damaged_note_is_none(tmp_path):
    path = tmp_path / "acknowledged"
    assert acknowledged(path) == 0
    note = Acknowledged(path)
    for number in (1, 2**40, 77):
        note.note(number)
        assert acknowledged(path) == number
    note.close()
    note.close()
    raw = path.read_bytes()
    for place in range(len(raw)):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        assert acknowledged(path) == 0
    path.write_bytes(raw + b"x")
    assert acknowledged(path) == 0
