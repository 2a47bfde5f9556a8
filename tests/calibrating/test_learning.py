"""How many labels are enough, on worlds where it is known whether there is anything to gain."""

from __future__ import annotations

import pytest

from calibration.worlds import World, queries
from wearabouts.calibrating.learning import enough, gains
from wearabouts.calibration import fit
from wearabouts.metrics import Difference

HERE, ELSEWHERE = World(), World(strength=4, spread=1.5)


@pytest.fixture(scope="module")
def shipped():
    return fit(queries(400, ELSEWHERE, seed=9), verifier="judge", calibrated_on="elsewhere")


def difference(low: float, p: float = 0.001) -> Difference:
    return Difference(low + 0.1, low, low + 0.2, p, 10, 10)


def test_enough_is_the_smallest_size_from_which_on_all_help():
    assert enough([(10, difference(0.1)), (20, difference(-0.1)), (40, difference(0.1)), (80, difference(0.2))]) == 40
    assert enough([(10, difference(0.1)), (20, difference(0.1))]) == 10
    assert enough([(10, difference(0.1)), (20, difference(0.1, p=0.4))]) is None
    assert enough([]) is None


def test_labels_gain_where_the_shop_is_otherwise(shipped):
    every, dress, hat = gains(queries(160, HERE, own={"dress": HERE, "hat": HERE}), shipped)
    assert (every.category, every.labels, dress.labels, hat.labels) == ("", 160, 80, 80)
    for gain in (every, dress, hat):
        assert gain.enough is not None
        assert gain.enough <= gain.labels
        assert gain.after.brier < gain.before.brier
        assert gain.gain.low > 0
        assert "were enough" in gain.words


def test_labels_gain_nothing_where_the_shop_is_as_the_model_believes(shipped):
    for gain in gains(queries(160, ELSEWHERE, own={"dress": ELSEWHERE, "hat": ELSEWHERE}), shipped):
        assert gain.enough is None
        assert gain.gain.low < 0
        assert "not yet enough" in gain.words or "worse" in gain.words
        assert gain.after.brier == pytest.approx(gain.before.brier, abs=0.02)


def test_without_an_earlier_calibration_there_is_nothing_to_compare_with():
    (every, _) = gains(queries(60, HERE), None)
    assert (every.before, every.gain, every.enough) == (None, None, None)
    assert every.after.brier < 0.25
    assert "no calibration to compare with" in every.words
