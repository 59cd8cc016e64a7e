"""Counts follow corrections, and the raw result stays."""

import json
from dataclasses import replace

import pytest
from live_cells import StillRun, cell, grade_of, peaked, swimming
from test_tally import step

from spermscope.acquisition.corrections import cells_in_view, counts, write_corrected
from spermscope.acquisition.decisions import Decisions
from spermscope.acquisition.standing import Standing
from spermscope.concentration import concentration
from spermscope.tally import Tally
from spermscope.types import Cell


def ended(track_id, speed_um_s, seen_s=2.0, grade=0):
    return Cell(
        track_id=track_id,
        field=0,
        first_frame=0,
        last_frame=99,
        first_time_s=0.0,
        last_time_s=9.9,
        seen_s=seen_s,
        why="end",
        identity="clear",
        kinematics=swimming(speed_um_s),
        grade=grade_of(track_id, peaked(grade, 1.0)),
        not_graded="",
        clip=None,
    )


@pytest.fixture
def tally():
    """Ten seconds, four tracks in every frame: two swim, two lie still; the still ones have the grade E."""
    tally = Tally(1)
    for index in range(100):
        tally.add_step(step(index, 0, "still" if index else "start", 4))
    tally.add_cells((ended(0, 40.0), ended(1, 40.0), ended(2, 0.0, grade=4), ended(3, 0.0, grade=4)))
    return tally


def test_without_corrections_the_figures_are_the_sessions_own(tally):
    raw = counts(tally)
    assert (raw.cells, raw.graded, raw.mean_in_view) == (4, 4, 4.0)
    assert raw.motility["motile"][0] == pytest.approx(0.5)
    assert raw.sample_distribution == pytest.approx({"A": 0.5, "B": 0, "C": 0, "D": 0, "E": 0.5})


def test_one_that_is_no_sperm_leaves_every_count_and_share(tally):
    left = counts(tally, not_sperm={3})
    assert (left.cells, left.graded, left.mean_in_view) == (3, 3, 3.0)
    assert left.motility["motile"][0] == pytest.approx(2 / 3)
    assert left.sample_distribution["E"] == pytest.approx(1 / 3)


def test_leaving_out_is_the_same_as_never_having_followed(tally):
    other = Tally(1)
    for index in range(100):
        other.add_step(step(index, 0, "still" if index else "start", 3))
    other.add_cells((ended(0, 40.0), ended(1, 40.0), ended(2, 0.0, grade=4)))
    assert counts(tally, not_sperm={3}) == counts(other)


def test_the_concentration_is_that_of_the_cells_in_view_that_are_left(tally):
    amount = concentration(4.0, 0.02)
    raw, left = counts(tally, amount), counts(tally, amount, {3})
    assert raw.concentration == pytest.approx((amount.millions_per_ml, amount.low, amount.high))
    expected = concentration(3.0, 0.02)
    assert left.concentration == pytest.approx((expected.millions_per_ml, expected.low, expected.high))
    assert counts(tally, amount, {0, 1, 2, 3}).concentration[:2] == (0.0, 0.0)


def test_one_that_is_no_sperm_leaves_the_share_of_hyperactivated(tally):
    called = {0: "yes", 1: "no", 2: "no", 3: "no"}
    told = Tally(1)
    for index in range(100):
        told.add_step(step(index, 0, "still" if index else "start", 4))
    told.add_cells(
        tuple(
            replace(cell, kinematics=replace(cell.kinematics, hyperactivated=called[cell.track_id]))
            for cell in (ended(0, 40.0), ended(1, 40.0), ended(2, 0.0), ended(3, 0.0))
        )
    )
    assert counts(told).hyperactivated[0] == pytest.approx(1 / 4)
    assert counts(told, not_sperm={3}).hyperactivated[0] == pytest.approx(1 / 3)
    assert counts(told, not_sperm={0, 1, 2, 3}).hyperactivated is None


def test_one_that_was_missed_adds_to_the_number_of_cells_alone(tally):
    raw, more = counts(tally), counts(tally, missed=2)
    assert more.cells == 6
    assert (more.motility, more.mean_in_view, more.graded) == (raw.motility, raw.mean_in_view, raw.graded)


def test_with_all_left_out_there_are_no_shares(tally):
    none = counts(tally, not_sperm={0, 1, 2, 3})
    assert (none.cells, none.motility, none.sample_distribution, none.mean_in_view) == (0, None, None, 0.0)


def test_ids_that_were_never_counted_change_nothing(tally):
    assert counts(tally, not_sperm={99}) == counts(tally)


def test_the_file_has_raw_and_corrected_figures_and_how_many_corrections_there_were(tally, tmp_path):
    made = Decisions(StillRun(tmp_path))
    made.not_sperm(3, grade_of(3), None, frame=1)
    made.not_sperm(2, grade_of(2), None, frame=1)
    made.undo()
    made.missed(9, 0.9, (10.0, 20.0))
    write_corrected(tmp_path, tally, None)
    told = json.loads((tmp_path / "corrected.json").read_text())
    assert told["corrections"] == 2
    assert told["not_sperm"] == [3]
    assert told["missed"] == [{"frame": 9, "time_s": 0.9, "x_px": 10.0, "y_px": 20.0}]
    assert (told["raw"]["cells"], told["corrected"]["cells"]) == (4, 4)
    assert told["corrected"]["motility"]["motile"][0] == pytest.approx(2 / 3)


def test_without_corrections_there_is_no_file(tally, tmp_path):
    Decisions(StillRun(tmp_path)).decide("accept", 1, grade_of(1), None, frame=1)
    write_corrected(tmp_path, tally, None)
    assert not (tmp_path / "corrected.json").exists()


def test_cells_in_view_leave_out_the_young_and_those_that_are_none(tmp_path):
    made = Decisions(StillRun(tmp_path))
    cells = (cell(1), cell(2), cell(3, confirmed=False))
    assert cells_in_view(cells, Standing()) == 2
    made.not_sperm(2, grade_of(2), None, frame=1)
    assert cells_in_view(cells, made.standing) == 1
