"""Text tables record by record: a broken record costs itself only, all others come out as they went in."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wearabouts.catalog import Faults
from wearabouts.errors import CatalogError
from wearabouts.readers import rows
from wearabouts.readers.intake import Intake

Cells = list[list[str]]


def walk(path: Path) -> tuple[Cells, Faults]:
    faults = Faults()
    return [list(row.cells.values()) for row in rows.read(Intake(path, faults), rows.sniff(path))], faults


def given_text(tmp_path: Path, text: str | bytes, name: str = "t.csv") -> tuple[Cells, Faults]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return walk(path)


def told(faults: Faults) -> list[tuple[int, str]]:
    return [(fault.row, fault.lost) for fault in faults.kept]


def test_an_unclosed_quote_costs_its_line_only(tmp_path: Path) -> None:
    found, faults = given_text(tmp_path, 'a,b\n1,"x\n2,y\n3,"z ""q"" z"\n4,w\n')
    assert found == [["2", "y"], ["3", 'z "q" z'], ["4", "w"]]
    assert told(faults) == [(1, "product")]
    assert "quote" in faults.kept[0].reason


def test_two_unclosed_quotes_do_not_swallow_what_lies_between(tmp_path: Path) -> None:
    found, faults = given_text(tmp_path, 'a,b\n1,"x\n2,y\n3,"z\n4,w\n5,v\n')
    assert found == [["2", "y"], ["4", "w"], ["5", "v"]]
    assert told(faults) == [(1, "product"), (3, "product")]


def test_an_unclosed_quote_in_front_of_many_good_lines(tmp_path: Path) -> None:
    good = [[str(number), f"title {number}"] for number in range(5_000)]
    text = 'a,b\n"bad,x\n' + "".join(f"{number},{title}\n" for number, title in good)
    found, faults = given_text(tmp_path, text)
    assert found == good
    assert told(faults) == [(1, "product")]


def test_quoted_cells_may_hold_anything(tmp_path: Path) -> None:
    found, faults = given_text(tmp_path, 'a,b\r\n1,"line one\r\nline, two ""q"""\r\n"2",5" wide\r\n')
    assert found == [["1", 'line one\r\nline, two "q"'], ["2", '5" wide']]
    assert not len(faults)


def test_too_many_cells_cost_the_line_too_few_are_filled_up(tmp_path: Path) -> None:
    found, faults = given_text(tmp_path, "a,b,c\n1,2,3,4\n1,2\n1,2,3,,\n\n,,\n7,8,9\n")
    assert found == [["1", "2"], ["1", "2", "3"], ["7", "8", "9"]]
    assert told(faults) == [(1, "product"), (2, "field")]


def test_a_gigantic_line_is_skipped_without_reading_it_whole(tmp_path: Path) -> None:
    text = "a,b\n1,x\n2," + "y" * (3 * rows.MAX_RECORD) + "\n3,z\n"
    found, faults = given_text(tmp_path, text)
    assert found == [["1", "x"], ["3", "z"]]
    assert told(faults) == [(2, "product")]


def test_nul_and_undecodable_bytes_are_dropped_and_told(tmp_path: Path) -> None:
    found, faults = given_text(tmp_path, b"a,b\n1,x\x00y\n" + "2,é\n".encode() + b"3,\xff\n4,z\n")
    assert found == [["1", "xy"], ["2", "é"], ["3", "\ufffd"], ["4", "z"]]
    assert told(faults) == [(1, "field"), (3, "field")]


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("cp1252", "1252"),
    ],
)
def test_encodings_are_found_out(tmp_path: Path, encoding: str, note: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("id,title\n1,Kleid für größere Größen\n2,Écharpe\n".encode(encoding))
    dialect = rows.sniff(path)
    assert dialect.header == ("id", "title")
    assert walk(path)[0] == [["1", "Kleid für größere Größen"], ["2", "Écharpe"]]
    assert note in " ".join(dialect.notes)
    assert bool(note) == bool(dialect.notes)


@pytest.mark.parametrize("mark", [",", "\t", ";", "|"])
def test_delimiters_are_found_out(tmp_path: Path, mark: str) -> None:
    found, _ = given_text(tmp_path, f'"a, b"{mark}c{mark}d\n1{mark}2{mark}3\n')
    assert found == [["1", "2", "3"]]


def test_headers_of_spreadsheets(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("sep=;\n\n id ;title;title;;x\n1;2;3;4;5\n")
    dialect = rows.sniff(path)
    assert dialect.header == ("id", "title", "title_2", "column_4", "x")
    assert walk(path)[0] == [["1", "2", "3", "4", "5"]]


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"PK\x03\x04\x14\x00\x06\x00\x08\x00"]
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(CatalogError, match=r"t\.csv"):
        rows.sniff(path)


_CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00\ufffd", exclude_categories=["Cs"]), max_size=20)


@given(
    st.lists(st.tuples(st.sampled_from(["1", "x y"]), _CELL, _CELL), min_size=1, max_size=12), st.sampled_from(",\t;|")
)
@settings(max_examples=200, deadline=None)
def test_whatever_a_csv_writer_writes_comes_back(table: list[tuple[str, str, str]], mark: str) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=mark, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    writer.writerows(table)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_bytes(buffer.getvalue().encode())
        found, faults = walk(path)
    assert [tuple(cells) for cells in found] == table
    assert not len(faults)


@given(st.lists(st.binary(max_size=40), max_size=10), st.integers(0, 9))
@settings(max_examples=200, deadline=None)
def test_rubbish_between_good_lines_never_raises(lines: list[bytes], place: int) -> None:
    content = [b"a,b"] + [line.replace(b"\r", b"").replace(b"\n", b"") for line in lines]
    content.insert(min(place, len(content) - 1) + 1, b"good,line")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_bytes(b"\n".join(content) + b"\n")
        found, _ = walk(path)
    if not any(b'"' in line for line in lines) and not any(b"\x00" in line for line in lines):
        assert ["good", "line"] in found
