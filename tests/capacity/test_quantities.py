"""Numbers as people write them."""

from __future__ import annotations

import pytest

from wearabouts.capacity.quantities import count, milliseconds, shown, shown_bytes, size
from wearabouts.errors import SettingsError


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (count, "400000", 400_000),
        (count, "400,000", 400_000),
        (count, "400_000", 400_000),
        (count, "1.5M", 1_500_000),
        (count, "100 m", 100_000_000),
        (count, "2B", 2_000_000_000),
        (count, "1e6", 1_000_000),
        (milliseconds, "50ms", 50),
        (milliseconds, "0.2s", 200),
        (milliseconds, "50", 50),
        (size, "64GB", 64e9),
        (size, "2 GiB", 2 * 1024**3),
        (size, "512MiB", 512 * 1024**2),
    ],
)
def test_it_reads_what_people_write(read, text: str, value: float) -> None:
    assert read(text) == value


@pytest.mark.parametrize("text", ["", "many", "-5", "0", "5 parsecs", "1e99999", "..5", "5 5", "٥"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError, match="such as 100M"):
        count(text)


def test_it_shows_them_short() -> None:
    assert [shown(value) for value in (7, 12_500, 1e8, 2.5e9)] == ["7", "12.5k", "100M", "2.5B"]
    assert [shown_bytes(value) for value in (7, 1.5e3, 64e9, 1.24e12)] == ["7 B", "1.5 kB", "64 GB", "1.24 TB"]
