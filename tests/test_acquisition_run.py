"""A live run: the session that assess makes, and whatever happens on the way there."""

import csv
import json
import sys
import time
from itertools import pairwise

import numpy as np
import pytest
from cameras import Camera, frames_of, grey, wait_for

from spermscope.acquisition.run import LiveRun
from spermscope.assessment import assess
from spermscope.conclusion import Conditions
from spermscope.journal import read_journal
from spermscope.model_file import read_model, shipped
from spermscope.runtime import Model
from spermscope.summary import DEMONSTRATION
from spermscope.video import open_source
from spermscope.video.recorder import Recorder

SCENE = "width_px=320,height_px=240,um_per_px=0.4,fps=15,duration_s=3,cells=8,seed=31"
TABLES = ("detections", "tracks", "stage", "grades", "sperm")


@pytest.fixture(scope="module")
def scene():
    return frames_of(SCENE)


@pytest.fixture(scope="module")
def movie(scene, tmp_path_factory):
    path = tmp_path_factory.mktemp("movie") / "a.mkv"
    with Recorder(path, 320, 240, 15.0) as recorder:
        for image, time_s in scene:
            recorder.write(image, time_s)
    return path


@pytest.fixture(scope="module")
def assessed(movie, tmp_path_factory):
    return assess(movie, tmp_path_factory.mktemp("out") / "s", um_per_px=0.4).folder


def live(folder, *cameras, address="camera:0", **options):
    """A run over cameras that are opened one after the other, the last one again and again."""
    rest = list(cameras)

    def opened():
        found = rest.pop(0) if len(rest) > 1 else rest[0]
        if isinstance(found, Exception):
            raise found
        return found

    return LiveRun(address, folder, um_per_px=0.4, open_reader=opened if cameras else None, **options)


def ended(run):
    return wait_for(lambda: run.figures().state == "ended", 60.0)


def table(folder, name):
    return list(csv.DictReader((folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()))


def kinds(folder):
    return [row["kind"] for row in read_journal(folder / "events.jsonl")]


@pytest.fixture(scope="module")
def unpaced(movie, tmp_path_factory):
    """A run that has analysed every frame, what it has become, and the progress it told."""
    run = live(tmp_path_factory.mktemp("live") / "s", address=str(movie), paced=False)
    run.start()
    assert ended(run)
    steps = []
    return run, run.finish(lambda done, total: steps.append((done, total))), steps


@pytest.mark.slow
def test_every_frame_analysed_gives_the_session_that_assess_makes(unpaced, assessed):
    _, found, steps = unpaced
    assert found.complete
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]
    for name in TABLES:
        assert (found.folder / f"{name}.csv").read_bytes() == (assessed / f"{name}.csv").read_bytes(), name
    ours, theirs = (json.loads((path / "session.json").read_text("utf-8")) for path in (found.folder, assessed))
    for key in theirs.keys() - {"session_id", "created", "timings_ms"}:
        assert ours[key] == theirs[key], key
    assert sorted(path.name for path in (found.folder / "clips").iterdir()) == sorted(
        path.name for path in (assessed / "clips").iterdir()
    )
    assert DEMONSTRATION in (found.folder / "report.html").read_text(encoding="utf-8")


def test_the_replay_holds_what_was_shown(unpaced):
    run, _, _ = unpaced
    assert len(run.replay) == 45
    assert run.replay.at(-1).step.frame.index == run.newest().step.frame.index


@pytest.mark.slow
def test_a_cameras_frames_give_the_session_of_a_file_that_holds_them(scene, movie, assessed, tmp_path):
    with open_source(movie, um_per_px=0.4) as source:
        filmed = [(image, frame.time_s) for (image, _), frame in zip(scene, source, strict=True)]
    run = live(tmp_path / "s", Camera(filmed, rate_hz=15.0), ValueError("none"), paced=False)
    run.start()
    assert wait_for(lambda: run.newest() is not None and run.newest().step.frame.index == 44, 60.0)
    run.finish()
    for name in TABLES:
        assert (run.place / f"{name}.csv").read_bytes() == (assessed / f"{name}.csv").read_bytes(), name


@pytest.mark.slow
def test_a_played_file_is_shown_at_its_own_pace_recorded_whole_and_kept(movie, tmp_path):
    run = live(tmp_path / "s", address=str(movie), sample="S-7", operator="op1")
    assert run.figures().state == "starting"
    run.record(True)
    run.start()
    assert wait_for(lambda: run.newest() is not None, 30.0)
    assert run.place.name == "s.partial"
    assert run.figures().state == "running"
    first = run.newest()
    assert ended(run)
    figures, last = run.figures(), run.newest()
    passed_s = last.taken_s - first.taken_s
    assert passed_s == pytest.approx(last.step.frame.time_s - first.step.frame.time_s, abs=0.1)
    assert (figures.captured, figures.dropped_recording) == (45, 0)
    assert figures.recorded_s == pytest.approx(3.0, abs=0.15)
    assert figures.delay_ms > 0
    assert figures.engine.startswith("OpenVINO")
    assert figures.precision == "f32"
    clip = run.clip(last.cells[0].track_id)
    assert clip is None or clip.frames.shape[1:] == (150, 150)
    run.note("flag", track_id=last.cells[0].track_id)
    found = run.finish()
    assert run.place == found.folder == tmp_path / "s"
    assert found.summary.conditions["sample"] == "S-7"
    assert found.summary.dropped == figures.dropped_analysis
    assert found.summary.frames + figures.dropped_analysis == 45
    noted = [row for row in read_journal(found.folder / "events.jsonl") if row["kind"] == "dropped"]
    assert sum(row["analysis"] for row in noted) == figures.dropped_analysis
    row = read_journal(found.folder / "decisions.jsonl")[0]
    assert (row["kind"], row["who"], row["track_id"]) == ("flag", "op1", last.cells[0].track_id)
    with open_source(found.folder / "video") as source:
        assert len(list(source)) == 45
    with pytest.raises(ValueError, match="has ended"):
        run.note("flag")


class Slow(Model):
    """A model on a computer that takes a fifth of a second to encode crops."""

    def run(self, graph, inputs):
        if graph == "encoder":
            time.sleep(0.2)
        return super().run(graph, inputs)


@pytest.mark.slow
@pytest.mark.parametrize("paced", [True, False])
def test_where_grading_is_late_fewer_cells_are_graded_and_it_is_said(scene, movie, paced, tmp_path):
    slow = Slow(read_model(shipped("grader")))
    run = live(tmp_path / "s", address=str(movie), grader=slow, paced=paced)
    run.start()
    assert ended(run)
    figures, found = run.figures(), run.finish()
    said = "more cells than this computer grades in time: their ratings are renewed less often"
    noted = [row for row in read_journal(found.folder / "events.jsonl") if row["kind"] == "dropped"]
    assert sum(row["late"] for row in noted) == figures.late
    assert (said in found.summary.warnings) == paced
    assert "late" in kinds(found.folder) or not paced
    if paced:
        assert figures.late >= 15
    else:
        assert (figures.late, figures.dropped_analysis) == (0, 0)


@pytest.mark.slow
def test_predictions_that_are_withheld_are_in_no_table_and_in_no_picture(movie, tmp_path):
    run = live(tmp_path / "s", address=str(movie), paced=False)
    run.withhold("not graded: the self-test failed")
    run.start()
    assert ended(run)
    assert {cell.not_graded for cell in run.newest().cells} == {"not graded: the self-test failed"}
    assert not any(len(cell.grade) for place in range(len(run.replay)) for cell in run.replay.at(place).cells)
    found = run.finish()
    assert table(found.folder, "grades") == []
    rows = table(found.folder, "sperm")
    assert rows
    assert all(row["p_A"] == "" and "the self-test failed" in row["notes"] for row in rows)
    assert found.summary.graded == 0


@pytest.mark.slow
def test_a_camera_that_is_lost_and_back_goes_on_in_the_same_session(scene, tmp_path):
    first = Camera([(image, number / 15) for number, (image, _) in enumerate(scene * 20)], 15.0, error=OSError("gone"))
    second = Camera(scene * 20, rate_hz=15.0)
    run = live(tmp_path / "s", first, ValueError("none"), second)
    run.record(True)
    run.start()
    assert wait_for(lambda: run.newest() is not None, 60.0)
    first.unplugged.set()
    unplugged_s = time.monotonic()
    assert wait_for(lambda: run.figures().state == "lost")
    assert time.monotonic() - unplugged_s < 1.5
    assert any("gone" in line for line in run.figures().warnings)
    before = run.newest().step.frame.index
    assert wait_for(lambda: run.newest().step.frame.index > before + 5)
    assert time.monotonic() - unplugged_s < 6.0
    assert any("was lost for" in line for line in run.figures().warnings)
    assert not any("is being sought" in line for line in run.figures().warnings)
    begun_s = time.monotonic()
    found = run.finish()
    assert time.monotonic() - begun_s < 15.0
    assert second.closed.wait(2.0)
    assert {"started", "profile", "lost", "back", "ended"} <= set(kinds(found.folder))
    rows = table(found.folder, "stage")
    times = [float(row["time_s"]) for row in rows]
    assert all(before < after for before, after in pairwise(times))
    assert max(np.diff(times)) > 0.5
    assert {row["map"] for row in rows} <= {"0", "1"}
    assert any("was lost for" in line for line in found.summary.warnings)
    gaps = [row for row in read_journal(found.folder / "video" / "journal.jsonl") if row["kind"] == "gap"]
    assert [row["reason"] for row in gaps] == ["gone"]


@pytest.mark.slow
def test_pictures_of_another_size_go_on_under_a_new_profile(scene, tmp_path):
    wide = frames_of(SCENE.replace("width_px=320", "width_px=400").replace("seed=31", "seed=32"))
    both = [*scene, *((image, time_s + 3.0) for image, time_s in wide)]
    chamber = Conditions(depth_um=20.0)
    run = live(tmp_path / "s", Camera(both, rate_hz=15.0), ValueError("none"), paced=False, conditions=chamber)
    run.start()
    assert wait_for(lambda: run.newest() is not None and run.newest().step.frame.index == 89, 60.0)
    assert run.newest().step.frame.image.shape == (240, 400)
    found = run.finish()
    assert found.summary.frames == 90
    assert any("400x240" in line for line in found.summary.warnings)
    rows = table(found.folder, "stage")
    assert [row["state"] for row in rows].count("cut") == 1
    assert rows[45]["state"] == "cut"
    fields = {row["frame"]: row["field"] for row in rows}
    assert fields["44"] != fields["45"]
    by_track = {}
    for row in table(found.folder, "tracks"):
        by_track.setdefault(row["track_id"], set()).add(row["field"])
    assert all(len(seen) == 1 for seen in by_track.values())
    assert any("not known to hold at 400x240" in line for line in found.summary.warnings)
    assert found.summary.not_computed["concentration"] == "not computed: the pictures have several sizes"
    cells = [row for row in table(found.folder, "sperm") if row["field"] != fields["44"]]
    assert cells
    assert {row["vcl_um_s"] for row in cells} == {""}


class Breaking(Model):
    """A grader that the engine gives up on after a few calls."""

    calls = 0

    def run(self, graph, inputs):
        self.calls += 1
        if self.calls > 1:
            raise RuntimeError("out of memory")
        return super().run(graph, inputs)


@pytest.mark.slow
def test_an_analysis_that_breaks_is_told_and_the_recording_goes_on(movie, tmp_path):
    run = live(tmp_path / "s", address=str(movie), grader=Breaking(read_model(shipped("grader"))))
    run.record(True)
    run.start()
    assert ended(run)
    assert "the analysis stopped: out of memory" in run.figures().warnings
    found = run.finish()
    assert not found.complete
    assert found.summary.incomplete_because == "the analysis stopped: out of memory"
    assert 0 < found.summary.frames < 45
    with open_source(found.folder / "video") as source:
        assert len(list(source)) == 45


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_ends_the_tables_and_not_the_picture(movie, tmp_path):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    run = live(tmp_path / "s", address=str(movie))
    run.start()
    assert wait_for(lambda: run.newest() is not None, 30.0)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
        assert ended(run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert run.newest().step.frame.index == 44
    assert any("could not go on after frame" in line for line in run.figures().warnings)
    found = run.finish()
    assert found.summary.incomplete_because.startswith("could not go on after frame")
    assert 0 < found.summary.frames < 45


def test_a_source_that_is_not_there_is_told_and_leaves_nothing(tmp_path):
    run = live(tmp_path / "s", address=str(tmp_path / "none.mkv"))
    run.start()
    assert ended(run)
    assert any("none.mkv" in line for line in run.figures().warnings)
    with pytest.raises(ValueError, match=r"none\.mkv"):
        run.finish()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_begun_is_refused_in_one_line(tmp_path):
    (tmp_path / "s").mkdir()
    with pytest.raises(ValueError, match="exists"):
        live(tmp_path / "s", Camera(grey(3))).start()
    with pytest.raises(ValueError, match="sample: expected one"):
        live(tmp_path / "t", Camera(grey(3)), sample="S-1", conditions=Conditions(sample="S-2"))
    with pytest.raises(ValueError, match="was started"):
        live(tmp_path / "u", Camera(grey(3))).finish()
