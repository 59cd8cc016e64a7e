"""Sessions on the disk: whole, a part, cut off, unreadable; and two side by side."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from spermscope.acquisition.archive import main_figures, sessions_in, thumbnail
from spermscope.acquisition.segments import SegmentedRecorder
from spermscope.assessment import assess
from spermscope.conclusion import Conditions
from spermscope.report import write_report
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.types import Frame

SCENE = "sim:width_px=240,height_px=200,um_per_px=0.4,fps=15,duration_s=2,cells=4,seed=3,optics=phase"
SMALL = "sim:width_px=200,height_px=160,um_per_px=0.4,fps=15,duration_s=1.2,cells=4,seed=3,optics=phase"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "one"
    assess(SMALL, folder, um_per_px=0.4, conditions=Conditions(sample="S-1"))
    return folder


@pytest.fixture
def root(tmp_path, made):
    shutil.copytree(made, tmp_path / "one")
    return tmp_path


def record(folder):
    """What a kill leaves of a recording: a copy of the folder while it is being written."""
    live = folder.with_name("live")
    recorder = SegmentedRecorder(live, 240, 200, 15.0)
    for index, (_, time_s, image, _) in enumerate(Scene(SceneSettings.parse(SCENE[4:])).frames()):
        recorder.write(Frame(image, index, time_s), datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=time_s))
    shutil.copytree(live, folder)
    recorder.close()
    shutil.rmtree(live)


def test_a_whole_session(root):
    (entry,) = sessions_in(root)
    assert (entry.state, entry.sample, entry.recording) == ("whole", "S-1", None)
    assert entry.cells >= 1
    assert entry.demonstration
    assert entry.report == root / "one" / "report.html"
    assert thumbnail(entry).shape == (150, 150)


def test_one_that_is_under_way_is_not_listed(root):
    assert sessions_in(root, running=root / "one") == []


def test_a_part_says_why(root):
    path = root / "one" / "session.json"
    said = json.loads(path.read_text()) | {"complete": False, "incomplete_because": "interrupted"}
    path.write_text(json.dumps(said))
    (entry,) = sessions_in(root)
    assert (entry.state, entry.why) == ("part", ("interrupted",))


def test_a_session_that_was_killed_is_listed_and_its_recording_found(tmp_path):
    record(tmp_path / "two.partial" / "video")
    (entry,) = sessions_in(tmp_path)
    assert (entry.state, entry.cells, entry.report) == ("killed", None, None)
    assert entry.recording == tmp_path / "two.partial" / "video"
    assert 1.4 < entry.recorded_s < 2.1
    assert "cut off" in entry.why[0]
    assert thumbnail(entry).shape == (200, 240)


def test_one_that_was_killed_before_its_first_frame_is_listed_too(tmp_path):
    (tmp_path / "two.partial").mkdir()
    (entry,) = sessions_in(tmp_path)
    assert (entry.state, entry.recording) == ("killed", None)
    assert thumbnail(entry) is None


def test_what_cannot_be_read_says_so_and_hides_nothing_else(root):
    (root / "bad").mkdir()
    (root / "bad" / "session.json").write_text("{")
    states = {entry.folder.name: entry.state for entry in sessions_in(root)}
    assert states == {"one": "whole", "bad": "unreadable"}


def test_other_folders_files_and_a_missing_root_are_no_sessions(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "note.txt").write_text("x")
    assert sessions_in(tmp_path) == []
    assert sessions_in(tmp_path / "nowhere") == []


def test_the_newest_comes_first(root):
    shutil.copytree(root / "one", root / "two")
    path = root / "two" / "session.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"created": "2036-01-01T00:00:00+00:00"}))
    assert [entry.folder.name for entry in sessions_in(root)] == ["two", "one"]


def test_main_figures_are_the_summarys_and_absent_ones_are_empty(root):
    figures, said = main_figures(root / "one"), json.loads((root / "one" / "session.json").read_text())
    assert figures["cells"] == str(said["cells"])
    assert figures["scale"] == "0.400"
    assert figures["motile"] == said["not_computed"]["motility"]
    assert figures["corrections"] == "0"
    assert figures["model"].startswith(next(use["name"] for use in said["models"] if use["kind"] == "streaming"))


def test_corrected_figures_stand_beside_the_raw_ones_here_and_in_the_report(root):
    part = {"cells": 9, "mean_in_view": 4.0, "motility": None, "graded": 3, "sample_distribution": None}
    told = {"corrections": 2, "not_sperm": [1], "missed": [], "raw": part, "corrected": part | {"cells": 8}}
    (root / "one" / "corrected.json").write_text(json.dumps(told))
    assert main_figures(root / "one")["cells"].endswith("[8]")
    assert main_figures(root / "one")["corrections"] == "2"
    page = write_report(root / "one").read_text(encoding="utf-8")
    assert "Corrected by hand: 2" in page
    assert "1 followed objects are not sperm" in page
