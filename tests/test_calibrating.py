"""Calibration through the command line: measured, kept by name, used by name, refused in one line."""

import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from test_micrometer import micrometer

from spermscope.assessment import assess, assess_all
from spermscope.calibration import find_calibration, journal_path, scale_of_points
from spermscope.cli import commands
from spermscope.journal import Journal, read_journal
from spermscope.video import open_source


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SPERMSCOPE_CONFIG", str(tmp_path / "config 設定"))


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "micrometer.png"
    cv2.imwrite(str(path), micrometer(25.0, 4.0))
    return path


def run(*words):
    return CliRunner().invoke(commands, ["calibrate", *map(str, words)], standalone_mode=False)


def test_lines_give_a_scale_that_is_kept_and_drawn(picture, tmp_path):
    done = run(picture, "--division-um", 10, "--optics", "40x 位相差", "--check", tmp_path / "seen.png", "--json")
    assert done.exception is None
    said = json.loads(done.output)
    assert said["um_per_px"] == pytest.approx(0.4, rel=0.003)
    assert said["lines"] >= 20
    kept = find_calibration("40x 位相差")
    assert kept.um_per_px == said["um_per_px"]
    drawn = cv2.imread(str(tmp_path / "seen.png"))
    assert (np.ptp(drawn.astype(int), axis=2) > 40).sum() > 1000  # coloured lines


def test_two_points_give_a_scale(picture):
    done = run(picture, "--points", 100, 200, 400, 200, "--length-um", 120)
    assert "0.4 um/px" in done.output
    assert "two points" in done.output
    assert not journal_path().exists()  # no name, nothing kept


def test_the_latest_of_a_name_counts_and_nothing_is_lost(picture):
    run(picture, "--points", 0, 0, 100, 0, "--length-um", 50, "--optics", "a")
    run(picture, "--points", 0, 0, 100, 0, "--length-um", 60, "--optics", "a")
    assert find_calibration("a").um_per_px == pytest.approx(0.6)
    assert [row["um_per_px"] for row in read_journal(journal_path())] == [0.5, 0.6]


def test_a_named_scale_is_used_and_said(picture, tmp_path):
    run(picture, "--points", 0, 0, 100, 0, "--length-um", 40, "--optics", "a")
    image = np.full((480, 640), 120, np.uint8)
    cv2.imwrite(str(tmp_path / "field.png"), image)
    with open_source(tmp_path / "field.png", stills=True, scale=find_calibration("a").scale) as source:
        assert source.profile.scale.source == "calibrated"
        assert source.profile.scale.relative_error == pytest.approx(0.01414, rel=0.01)
    session = assess(tmp_path / "field.png", tmp_path / "s", optics="a", stills=True)
    assert session.summary.profile["scale_source"] == "calibrated"
    assert session.summary.profile["um_per_px"] == pytest.approx(0.4)
    assert session.summary.profile["optics"] == "a"
    assert session.summary.profile["calibrated"] == find_calibration("a").made
    assert "0.400 um/px ± 1.4 %, calibrated (a)" in (session.folder / "report.html").read_text(encoding="utf-8")


def test_a_recording_of_another_size_is_refused_and_nothing_is_written(picture, tmp_path):
    run(picture, "--points", 0, 0, 100, 0, "--length-um", 40, "--optics", "a")
    cv2.imwrite(str(tmp_path / "small.png"), np.full((240, 320), 120, np.uint8))
    with pytest.raises(ValueError, match="expected pictures of 640x480 px, as it was calibrated on, found 320x240"):
        assess(tmp_path / "small.png", tmp_path / "s", optics="a", stills=True)
    assert not list(tmp_path.glob("s")) + list(tmp_path.glob("s.partial"))


def test_one_picture_of_another_size_among_stills_refuses_them_all(picture, tmp_path):
    run(picture, "--points", 0, 0, 100, 0, "--length-um", 40, "--optics", "a")
    folder = tmp_path / "stills"
    folder.mkdir()
    for name, size in (("a.png", (480, 640)), ("b.png", (240, 320))):
        cv2.imwrite(str(folder / name), np.full(size, 120, np.uint8))
    with pytest.raises(ValueError, match="expected pictures of 640x480 px"):
        assess(folder, tmp_path / "s", optics="a", stills=True)
    assert not list(tmp_path.glob("s")) + list(tmp_path.glob("s.partial"))


@pytest.mark.parametrize("wrong", [{"um_per_px": -3.0}, {"optics": "nobody's"}])
def test_of_several_sources_with_a_wrong_scale_nothing_is_written(picture, tmp_path, wrong):
    with pytest.raises(ValueError, match="expected"):
        assess_all([str(picture)] * 2, tmp_path / "many", stills=True, **wrong)
    assert not (tmp_path / "many").exists()


def test_the_check_picture_may_have_any_name_but_its_folder_must_be_there(picture, tmp_path):
    done = run(picture, "--division-um", 10, "--check", tmp_path / "確認.seen")
    assert done.exception is None
    assert (tmp_path / "確認.seen").read_bytes().startswith(b"\x89PNG")
    assert isinstance(run(picture, "--division-um", 10, "--check", tmp_path / "no" / "a.png").exception, OSError)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "expected either --division-um, or --points together with --length-um"),
        (("--points", 1, 2, 3, 4), "expected either --division-um, or --points"),
        (("--length-um", 10), "expected either --division-um, or --points"),
        (("--division-um", 10, "--length-um", 10), "expected either --division-um, or --points"),
        (("--division-um", 10, "--points", 0, 0, 90, 0, "--length-um", 10), "expected either"),
        (("--division-um", -10), "expected micrometres above 0, found -10"),
        (("--division-um", "nan"), "expected micrometres above 0, found nan"),
        (("--division-um", 0), "expected micrometres above 0, found 0"),
        (("--points", 5, 5, 8, 5, "--length-um", 10), "expected two points at least 10 px apart, found 3 px"),
        (("--points", 0, 0, 100, 0, "--length-um", 1e7), "expected 0.03 to 2.5 um per pixel"),
    ],
)
def test_what_is_not_clear_is_refused_in_one_line(picture, words, says):
    error = run(picture, *words, "--optics", "a").exception
    assert isinstance(error, ValueError)
    assert says in str(error)
    assert not journal_path().exists()


def test_an_unknown_name_lists_the_known_ones(picture):
    with pytest.raises(ValueError, match=r"expected one of \(none calibrated yet\), found 'x'"):
        find_calibration("x")
    run(picture, "--points", 0, 0, 100, 0, "--length-um", 40, "--optics", "a")
    with pytest.raises(ValueError, match=r"expected one of \(a\), found 'x'"):
        find_calibration("x")


def test_an_entry_of_another_version_is_refused_in_one_line(picture):
    journal_path().parent.mkdir()
    journal = Journal(journal_path())
    journal.append({"name": "x", "um_per_px": 0.4, "binning": 2})
    journal.close()
    with pytest.raises(ValueError, match=r"expected calibrations as this version writes them, found: .*binning"):
        find_calibration("x")


def test_a_picture_that_is_none_is_refused(tmp_path):
    (tmp_path / "notes.png").write_text("not a picture")
    for name in ("notes.png", "absent.png"):
        assert isinstance(run(tmp_path / name, "--division-um", 10).exception, ValueError)


def test_a_typed_and_a_named_scale_together_are_refused(picture, tmp_path):
    run(picture, "--points", 0, 0, 100, 0, "--length-um", 40, "--optics", "a")
    with pytest.raises(ValueError, match="found both a typed and a calibrated scale"):
        assess(picture, tmp_path / "s", optics="a", um_per_px=0.4, stills=True)


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(0, 6.28), st.floats(50, 5000), st.floats(0.05, 2.4))
def test_points_anywhere_in_any_direction_give_the_scale(x, y, turn, apart_px, um_per_px):
    points = (x, y, x + apart_px * np.cos(turn), y + apart_px * np.sin(turn))
    assert scale_of_points(um_per_px * apart_px, points).um_per_px == pytest.approx(um_per_px, rel=1e-6)
