"""What a list of sessions is told of a recording."""

from datetime import UTC, datetime

import numpy as np
import pytest

from spermscope.acquisition.disk import DiskRules
from spermscope.acquisition.recovery import describe, first_picture
from spermscope.acquisition.segments import SegmentedRecorder
from spermscope.locale import told
from spermscope.types import Frame


@pytest.fixture
def session(tmp_path):
    recorder = SegmentedRecorder(tmp_path / "video", 40, 30, 15, rules=DiskRules(0, 0, 0))
    for index in range(40):
        image = np.full((30, 40), index, np.uint8)
        recorder.write(Frame(image, index, index / 15), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    recorder.gap("the camera was lost")
    recorder.write(Frame(np.zeros((30, 40), np.uint8), 40, 9.0), datetime(2026, 1, 2, tzinfo=UTC))
    recorder.close()
    return tmp_path


def test_figures_and_gaps(session):
    found = describe(session, verify=True)
    assert (found.folder, found.segments, found.frames, found.ended) == (session / "video", 3, 41, True)
    assert found.recorded_s == pytest.approx(41 / 15)
    assert found.first_utc == "2026-01-02T03:04:05+00:00"
    assert found.lines == ("frames are missing before segment 3: the camera was lost",)
    assert describe(session / "video") == describe(session)


def test_changed_and_missing_files_are_told(session):
    path = session / "video" / "000001.mov"
    path.write_bytes(path.read_bytes() + b"x")
    (session / "video" / "000002.mov").unlink()
    assert describe(session, verify=True).lines[:2] == ("segment 1 was changed or damaged", "segment 2 is missing")
    assert describe(session).lines[0] == "segment 2 is missing"


def test_every_line_has_its_japanese(session):
    for line in describe(session).lines:
        assert told(line, "ja") != line


def test_the_first_picture_is_the_thumbnail(session):
    assert np.array_equal(first_picture(session), np.zeros((30, 40)))
    (session / "video" / "000001.mov").write_bytes(b"")
    assert np.array_equal(first_picture(session), np.full((30, 40), 23))


def test_a_folder_without_a_recording_has_none(tmp_path):
    assert describe(tmp_path) is None
    assert first_picture(tmp_path) is None
