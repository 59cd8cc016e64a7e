"""How long a disk lasts, and what is said of it."""

import math
import shutil

import pytest

from spermscope.acquisition.disk import DiskRules, expected_bytes_per_s, seconds_left


def test_seconds_left_are_the_free_bytes_less_the_reserve(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    assert seconds_left(tmp_path, 1e6, 0) == pytest.approx(free / 1e6, rel=0.01)
    assert seconds_left(tmp_path, 1e6, free // 2) == pytest.approx(free / 2e6, rel=0.01)
    assert seconds_left(tmp_path, 1e6, 2 * free) == 0.0


def test_a_disk_that_is_not_there_is_not_known(tmp_path):
    assert math.isnan(seconds_left(tmp_path / "gone", 1e6))


@pytest.mark.parametrize(
    ("minutes", "warns", "refuses"),
    [(9.99, True, True), (10, True, False), (29.99, True, False), (30, False, False), (math.nan, False, False)],
)
def test_below_thirty_minutes_it_warns_and_below_ten_it_refuses(minutes, warns, refuses):
    rules = DiskRules()
    assert bool(rules.warning(60 * minutes)) is warns
    assert bool(rules.refusal(60 * minutes)) is refuses
    assert rules.refusal(599) == "the disk has room for 9 min of recording, 10 min are needed"


@pytest.mark.parametrize("fps", [0.0, math.nan, math.inf])
def test_an_unknown_rate_counts_as_fifteen(fps):
    assert expected_bytes_per_s(1392, 976, fps) == expected_bytes_per_s(1392, 976, 15.0) < 1392 * 976 * 15
