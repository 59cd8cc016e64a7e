"""A live run on the emulated cameras: one that is lost comes back as a new segment; and a recording assesses alike."""

import os
import time

import pytest

from spermscope.acquisition.recovery import describe
from spermscope.acquisition.run import LiveRun
from spermscope.assessment import assess
from spermscope.video import open_source
from spermscope.video.open import open_reader

os.environ.setdefault("PYLON_CAMEMU", "1")  # read once, when pypylon is imported
pytestmark = pytest.mark.slow


def until(run, state, most_s=30.0):
    """Seconds until the run is in that state."""
    begun = time.monotonic()
    while run.figures().state != state:
        assert time.monotonic() - begun < most_s, run.figures()
        time.sleep(0.01)
    return time.monotonic() - begun


def basler():
    pytest.importorskip("pypylon", reason="needs pypylon")
    reader = open_reader("basler:0")
    reader.device.Width.Value, reader.device.Height.Value = 320, 240
    reader.device.AcquisitionFrameRateEnable.Value = True
    reader.device.AcquisitionFrameRate.Value = 15
    return reader


def silence_basler(reader):
    reader.device.TriggerMode.Value = "On"


def micromanager():
    pytest.importorskip("pymmcore_plus", reason="needs pymmcore-plus")
    pytest.importorskip("mm_test_adapters", reason="needs Micro-Manager's demonstration devices (mm-test-adapters)")
    reader = open_reader("micromanager:demo")
    reader.core.setExposure(66)
    return reader


def silence_micromanager(reader):
    reader.core.stopSequenceAcquisition()


@pytest.mark.parametrize(
    ("address", "make", "silence"),
    [("basler:0", basler, silence_basler), ("micromanager:demo", micromanager, silence_micromanager)],
)
def test_a_camera_that_is_lost_is_told_and_comes_back_as_a_new_segment(tmp_path, address, make, silence):
    made = []

    def opened():
        made.append(make())
        return made[-1]

    run = LiveRun(address, tmp_path / "session", um_per_px=0.5, open_reader=opened)
    run.record(True)
    run.start()
    until(run, "running")
    time.sleep(3)
    before = describe(run.place).segments
    silence(made[-1])
    assert until(run, "lost", 1.5) <= 1.5  # a second after the last picture, and what a busy machine adds
    assert until(run, "running", 5.0) < 5.0
    time.sleep(3)
    captured, dropped = run.figures().captured, run.figures().dropped_recording
    run.finish()
    found = describe(tmp_path / "session", verify=True)
    assert found.ended
    assert found.segments > before
    assert found.frames + dropped >= captured
    assert all(line.startswith("frames are missing before segment") for line in found.lines)
    with open_source(tmp_path / "session", um_per_px=0.5) as source:
        assert sum(1 for _ in source) == found.frames
    assert "s are missing after" in source.warnings[0]


def test_the_recording_of_a_run_assesses_to_the_same_session(tmp_path):
    address = "sim:cells=8,duration_s=4,width_px=400,height_px=300,seed=3"
    run = LiveRun(address, tmp_path / "session", paced=False)
    run.record(True)
    run.start()
    until(run, "ended", 300.0)
    run.finish()
    again = assess(tmp_path / "session" / "video", tmp_path / "again")
    assert again.complete
    for name in ("tracks", "grades", "sperm", "detections", "stage"):
        table = f"{name}.csv"
        assert (tmp_path / "again" / table).read_bytes() == (tmp_path / "session" / table).read_bytes(), table
