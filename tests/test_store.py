"""A session on disk: columns, order, atomic ends."""

import csv
import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from spermscope.session import read_session
from spermscope.settings import Settings
from spermscope.store import TABLES, SessionWriter, sperm_row
from spermscope.summary import Summary
from spermscope.types import (
    Cell,
    Clip,
    Detections,
    Frame,
    Grades,
    Kinematics,
    StagePosition,
    Step,
    Tracks,
)  # fmt: skip

NAN = float("nan")


def summary(**changes):
    values = {
        "session_id": "x", "created": "2026-01-01T00:00:00+00:00", "complete": True, "source_kind": "file",
        "source_sha256": None, "profile": {"width_px": 64, "height_px": 48, "um_per_px": 0.4, "scale_source": "given"},
        "frames": 2, "duration_s": 0.1, "rate_hz": 15.0, "dropped": 0, "fields": 1, "cells": 0, "mean_in_view": 0.0,
        "motility": None, "graded": 0, "not_graded": {}, "sample_distribution": None, "conditions": {"sample": "S1"},
        "settings": Settings().model_dump(), "versions": {"spermscope": "0"}, "models": [], "demonstration": True,
        "demonstration_text": "DEMONSTRATION MODEL - NOT TRAINED ON EXPERTS", "timings_ms": {}, "warnings": [],
        "not_computed": {},
    }  # fmt: skip
    return Summary(**(values | changes))


def step(index, ids, *, confirmed=(), grades=None, finished=()):
    count = len(ids)
    xy = np.column_stack([10.0 + np.arange(count), 20.0 + np.arange(count)]).reshape(count, 2)
    tracks = Tracks(
        np.array(ids, np.int64), xy, np.full((count, 2), 8.0), 0.4 * xy, np.full(count, 0.9), np.ones(count, bool),
        np.isin(ids, confirmed), np.arange(count),
    )  # fmt: skip
    seen = Detections(xy.astype(np.float32), np.full((count, 2), 8, np.float32), np.full(count, 0.9, np.float32),
                      np.ones(count, bool))  # fmt: skip
    frame = Frame(np.zeros((48, 64), np.uint8), index, index / 15)
    place = StagePosition(0, 0.0, 0.0, "still", 1.0, 0, 0.4)
    return Step(frame, place, seen, tracks, grades or Grades.empty(), {}, tuple(finished))


def cell(track_id=1, *, unlike=False, **motion):
    names = "vcl_um_s vsl_um_s vap_um_s lin str_ wob alh_um bcf_hz mad_deg twitch_um tail_movement"
    values = dict.fromkeys(names.split(), NAN)
    why = {"vcl_um_s": "not computed: 15 fps is below 50", "wob": "not computed: 15 fps is below 50"}
    kinematics = Kinematics(
        **(values | motion), who_motility="rapid", hyperactivated="no", duration_s=1.5, n_frames=23, why=why
    )
    grade = Grades(np.array([track_id]), np.array([1.0]), np.array([[0.5, 0.3, 0.2, 0.0, 0.0]]), np.array([0.1]),
                   np.array([unlike]), np.zeros((1, 4), np.float32))  # fmt: skip
    clip = Clip(
        track_id, np.zeros((16, 150, 150), np.uint8), np.arange(16) / 15, np.zeros((16, 2)), np.ones(16, bool), 0.5
    )
    return Cell(track_id, 0, 0, 22, 0.0, 1.47, 1.47, "end", "clear", kinematics, grade,
                "not graded: unlike training" if unlike else "", clip)  # fmt: skip


def rows(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_every_table_has_exactly_its_columns(tmp_path):
    writer = SessionWriter(tmp_path / "s")
    writer.write(step(0, [1]))
    folder = writer.finish(summary())
    for name, columns in TABLES.items():
        assert (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0] == ",".join(columns)
    assert ",".join(TABLES["sperm"]) == (
        "track_id,field,first_frame,last_frame,n_frames,duration_s,p_A,p_B,p_C,p_D,p_E,expected_grade,grade,entropy,"
        "uncertainty,who_motility,vcl_um_s,vsl_um_s,vap_um_s,lin,str,wob,alh_um,bcf_hz,mad_deg,"
        "twitch_um,tail_movement,hyperactivated,identity,notes"
    )


def test_a_young_tracks_rows_come_once_it_counts_in_order_of_frames(tmp_path):
    writer = SessionWriter(tmp_path / "s")
    writer.write(step(0, [1, 2]))
    writer.write(step(1, [1, 2], confirmed=[2]))
    writer.write(step(2, [1, 2, 3], confirmed=[1, 2]))
    writer.write(step(3, [2], confirmed=[2]))
    found = [(int(row["frame"]), int(row["track_id"])) for row in rows(writer.finish(summary()) / "tracks.csv")]
    assert found == [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1), (2, 2), (3, 2)]


def test_micrometres_are_empty_where_they_are_not_allowed(tmp_path):
    writer = SessionWriter(tmp_path / "s", um_allowed=False)
    writer.write(step(0, [1], confirmed=[1]))
    folder = writer.finish(summary())
    assert rows(folder / "tracks.csv")[0]["x_um"] == ""
    assert rows(folder / "stage.csv")[0]["x_um"] == ""
    assert rows(folder / "tracks.csv")[0]["x_px"] == "10.00"


def test_a_cells_row_holds_its_numbers_and_the_reasons_for_the_absent_ones():
    row = dict(zip(TABLES["sperm"], sperm_row(cell(vsl_um_s=31.26, str_=0.913), "marked"), strict=True))
    assert (row["vsl_um_s"], row["str"], row["vcl_um_s"], row["grade"]) == ("31.26", "0.913", "", "A")
    assert row["expected_grade"] == "1.700"
    assert row["notes"] == "marked; not computed: 15 fps is below 50"


def test_a_cell_unlike_training_shows_no_grade():
    row = dict(zip(TABLES["sperm"], sperm_row(cell(unlike=True)), strict=True))
    assert row["p_A"] == row["grade"] == row["expected_grade"] == ""
    assert "unlike training" in row["notes"]


def test_clips_and_summary_come_back(tmp_path):
    writer = SessionWriter(tmp_path / "s")
    writer.write(step(0, [1], finished=[cell()]))
    writer.write_source("/home/a name/movie.mp4")
    session = read_session(writer.finish(summary()))
    assert session.clip(1)["frames"].shape == (16, 150, 150)
    assert session.clip(2) is None
    assert session.summary.demonstration
    everything = "".join(
        p.read_text(encoding="utf-8") for p in session.folder.iterdir() if p.name != "source.json" and p.is_file()
    )
    assert "a name" not in everything


def test_an_existing_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "mine").write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match="expected a new folder, found one that exists"):
        SessionWriter(tmp_path / "s")
    assert (tmp_path / "s" / "mine").exists()


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match="expected a place that can be written to"):
        SessionWriter(tmp_path / "file" / "s")


def test_until_the_end_nothing_stands_under_the_final_name(tmp_path):
    writer = SessionWriter(tmp_path / "s")
    writer.write(step(0, [1]))
    assert not (tmp_path / "s").exists()
    writer.abandon()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_writer_leaves_nothing_that_looks_whole(tmp_path):
    code = f"""
    import os, sys
    sys.path.insert(0, {str(__file__).rsplit("/", 1)[0]!r})
    from test_store import SessionWriter, cell, step
    from pathlib import Path
    writer = SessionWriter(Path({str(tmp_path)!r}) / "s")
    for index in range(50):
        writer.write(step(index, [1], confirmed=[1], finished=[cell(index)]))
    os._exit(9)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, timeout=60)
    assert done.returncode == 9
    assert not (tmp_path / "s").exists()
    partial = tmp_path / "s.partial"
    assert not (partial / "session.json").exists()
    assert len(rows(partial / "sperm.csv")) >= 49
    with pytest.raises(ValueError, match="expected a session folder"):
        read_session(partial)


def test_a_nan_in_the_summary_becomes_null(tmp_path):
    writer = SessionWriter(tmp_path / "s")
    folder = writer.finish(summary(profile={"scale_error": NAN}))
    assert json.loads((folder / "session.json").read_text(encoding="utf-8"))["profile"] == {"scale_error": None}


def test_a_partial_session_is_kept_and_says_so(tmp_path):
    writer = SessionWriter(tmp_path / "s")
    writer.write(step(0, [1], confirmed=[1]))
    folder = writer.finish(summary(complete=False, incomplete_because="interrupted"))
    said = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    assert (said["complete"], said["incomplete_because"]) == (False, "interrupted")
    assert not (folder / ".ballast").exists()
