"""The front door: what is refused, what is handled, what is kept in part."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

from spermscope.assessment import assess
from spermscope.cli import commands
from spermscope.conclusion import Conditions
from spermscope.report.page import render
from spermscope.session import read_session
from spermscope.settings import Settings
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.summary import DEMONSTRATION
from spermscope.types import Scale
from spermscope.video.recorder import Recorder

SCENE = "width_px=320,height_px=240,um_per_px=0.4,fps=15,duration_s=2,cells=6,seed=31"


def record(path, parameters=SCENE, frames=None):
    settings = SceneSettings.parse(parameters)
    with Recorder(path, settings.width_px, settings.height_px, settings.fps) as recorder:
        for index, time_s, image, _ in Scene(settings).frames():
            if frames is None or index < frames:
                recorder.write(image, time_s)
    return path


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    return record(tmp_path_factory.mktemp("movie") / "a.mkv")


@pytest.fixture(scope="module")
def session(movie, tmp_path_factory):
    conditions = Conditions(sample="<b>S&1</b>", ejaculate=True, temperature_c=37.0, depth_um=20.0)
    return assess(movie, tmp_path_factory.mktemp("out") / "s", um_per_px=0.4, conditions=conditions, overlay=True)


def rows(folder, name):
    return list(csv.DictReader((folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()))


def spermscope(*words):
    command = [sys.executable, "-m", "spermscope.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_movie_becomes_a_whole_session(session):
    names = {path.name for path in session.folder.iterdir()}
    assert {"session.json", "detections.csv", "tracks.csv", "stage.csv", "grades.csv", "sperm.csv"} <= names
    assert {"decisions.csv", "clips", "report.html", "overlay.mkv", "source.json", "journal.jsonl"} <= names
    assert session.complete
    assert session.summary.cells == len(rows(session.folder, "sperm")) > 3
    assert session.summary.source_sha256


def test_two_seconds_give_shares_and_say_why_no_interval(session):
    shares = session.summary.motility
    assert sum(shares[name].share for name in ("rapid", "slow", "non-progressive", "immotile")) == pytest.approx(1)
    assert all(share.low is None and share.interval == "-" for share in shares.values())
    reason = session.summary.not_computed["motility intervals"]
    assert "below 5" in reason
    assert reason in (session.folder / "report.html").read_text(encoding="utf-8")


def test_the_concentration_is_that_of_the_simulated_chamber(session):
    settings = SceneSettings.parse(SCENE)
    in_view = np.mean([truth.in_view.sum() for *_, truth in Scene(settings).frames()])
    true = in_view / (320 * 240 * 0.4**2 * 20.0 * 1e-12) / 1e6
    amount = session.summary.concentration
    assert amount.millions_per_ml == pytest.approx(true, rel=0.25)
    assert amount.low < true < amount.high
    assert f"{amount.millions_per_ml:.3g}" in (session.folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"um_per_px": 0.4}, "no chamber depth was given"),
        ({"conditions": Conditions(depth_um=20.0), "settings": Settings(accept_estimated_scale=True)}, "estimated"),
    ],
)
def test_without_depth_or_scale_there_is_no_concentration_and_a_reason(options, why, tmp_path):
    found = assess(record(tmp_path / "short.mkv", frames=3), tmp_path / "s", **options)
    assert found.summary.concentration is None
    assert why in found.summary.not_computed["concentration"]


def test_every_track_is_counted_once_and_lies_in_the_picture(session):
    tracks, sperm = rows(session.folder, "tracks"), rows(session.folder, "sperm")
    assert {row["track_id"] for row in tracks} == {row["track_id"] for row in sperm}
    keys = [(row["frame"], row["track_id"]) for row in tracks]
    assert len(keys) == len(set(keys))
    assert [int(row["frame"]) for row in tracks] == sorted(int(row["frame"]) for row in tracks)
    seen = [row for row in tracks if row["observed"] == "1"]
    assert all(-0.5 <= float(row["x_px"]) < 320 and -0.5 <= float(row["y_px"]) < 240 for row in seen)


def test_below_fifty_frames_the_beat_is_absent_with_its_reason(session):
    for row in rows(session.folder, "sperm"):
        assert row["vcl_um_s"] == row["alh_um"] == row["bcf_hz"] == row["lin"] == row["wob"] == ""
        assert "15 fps is below 50" in row["notes"] or "positions" in row["notes"]
    assert "15 fps is below 50" in session.summary.not_computed["vcl_um_s"]


def test_the_grade_in_the_table_is_of_exactly_the_clip_that_was_kept(session):
    from spermscope.grade import open_grader
    from spermscope.types import Clip, Scale, SourceProfile

    profile = SourceProfile(320, 240, 15.0, Scale(0.4, "given"), 0, 110.0, 3.0)
    grader = open_grader(profile, Settings())
    graded = [row for row in rows(session.folder, "sperm") if row["grade"]]
    assert graded
    for row in graded:
        with np.load(session.folder / "clips" / f"{row['track_id']}.npz", allow_pickle=False) as clip:
            again = Clip(1, clip["frames"], clip["time_s"], clip["xy_um"], clip["observed"], float(clip["um_per_px"]))
        found = grader.grade_clips([again]).probabilities[0]
        np.testing.assert_allclose(found, [float(row[f"p_{grade}"]) for grade in "ABCDE"], atol=2e-4)


@pytest.mark.parametrize("name", ["session.json", "report.html"])
def test_the_demonstration_says_so_on_every_surface(session, name):
    assert DEMONSTRATION in (session.folder / name).read_text(encoding="utf-8")


def test_the_report_escapes_what_a_user_typed(session):
    page = (session.folder / "report.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;S&amp;1&lt;/b&gt;" in page
    assert "<b>S&1</b>" not in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


def test_the_file_name_is_nowhere_but_in_source_json(session):
    for path in session.folder.glob("*"):
        if path.is_file() and path.name not in ("source.json", "overlay.mkv"):
            assert "a.mkv" not in path.read_text(encoding="utf-8"), path.name


def test_an_estimated_scale_withholds_um_until_it_is_accepted(movie, tmp_path):
    plain = assess(movie, tmp_path / "plain")
    assert plain.summary.motility is None
    assert [model.kind for model in plain.summary.models] == ["detector", "streaming", "scale"]
    assert "calibrate" in plain.summary.not_computed["motility"]
    assert all(row["x_um"] == "" for row in rows(plain.folder, "tracks"))
    assert all(row["vsl_um_s"] == "" and row["who_motility"] == "" for row in rows(plain.folder, "sperm"))
    taken = assess(movie, tmp_path / "taken", settings=Settings(accept_estimated_scale=True))
    assert any(row["vsl_um_s"] for row in rows(taken.folder, "sperm"))
    assert all("estimated scale" in row["notes"] for row in rows(taken.folder, "sperm"))
    assert all("WHO grades need" in row["notes"] for row in rows(taken.folder, "sperm"))


WHO_CONDITIONS = {"ejaculate": True, "temperature_c": 37.0, "depth_um": 20.0}


@pytest.mark.parametrize(
    ("changed", "source", "told"),
    [
        ({}, "given", ""),
        ({"temperature_c": 37.5}, "calibrated", ""),
        ({"ejaculate": False}, "given", "WHO grades need ejaculate (--ejaculate)"),
        ({"temperature_c": 25.0}, "given", "WHO grades need 37 C (--temperature-c)"),
        ({"temperature_c": None, "depth_um": None}, "given", "37 C (--temperature-c), a chamber's depth (--depth-um)"),
        ({}, "estimated", "WHO grades need a measured scale"),
    ],
)
def test_who_grades_are_given_under_their_declared_conditions_alone(changed, source, told):
    reason = Conditions(**(WHO_CONDITIONS | changed)).who_reason(Scale(0.4, source, 0.1))
    assert reason.endswith(told) if told else not reason


def test_without_the_conditions_speeds_alone_are_reported(movie, tmp_path):
    found = assess(movie, tmp_path / "s", um_per_px=0.4)
    assert found.summary.motility is None
    reason = "not computed: WHO grades need ejaculate (--ejaculate), 37 C (--temperature-c), a chamber's depth"
    assert found.summary.not_computed["motility"].startswith(reason)
    table = rows(found.folder, "sperm")
    assert any(row["vsl_um_s"] for row in table)
    assert not any(row["who_motility"] for row in table)


def test_live_and_recorded_agree(movie, session):
    from spermscope.pipeline import Pipeline
    from spermscope.video import open_source

    with open_source(movie, um_per_px=0.4) as source:
        pipeline = Pipeline(source.profile)
        cells = [cell for step in pipeline.run(source) for cell in step.finished]
    cells += pipeline.finish()
    assert sorted(str(cell.track_id) for cell in cells) == sorted(r["track_id"] for r in rows(session.folder, "sperm"))


# Refused: one clear line, exit 2, nothing that looks whole.


@pytest.fixture
def bad(tmp_path, movie):
    (tmp_path / "text.mp4").write_text("not a video", encoding="utf-8")
    (tmp_path / "empty.mp4").write_bytes(b"")
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for number, side in enumerate((30, 40)):
        cv2.imwrite(str(mixed / f"{number}.png"), np.zeros((side, side), np.uint8))
    (tmp_path / "taken").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("missing.mp4",), "expected a file or a folder, found nothing there"),
        (("text.mp4",), "expected"),
        (("empty.mp4",), "expected"),
        (("mixed", "--fps", "15"), "30x30"),
        (("MOVIE", "--um-per-px", "-1"), "expected 0.03 to 2.5 um per pixel, found -1"),
        (("MOVIE", "--um-per-px", "4000"), "expected 0.03 to 2.5 um per pixel, found 4000"),
        (("MOVIE", "--fps", "0"), "fps"),
        (("sim:cels=3",), "expected one of"),
    ],
)
def test_what_cannot_be_assessed_is_refused_in_one_line(words, told, bad, movie):
    source = str(movie) if words[0] == "MOVIE" else words[0] if words[0].startswith("sim:") else str(bad / words[0])
    done = spermscope("assess", source, *words[1:], "--out", bad / "out")
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert done.stderr.strip().count("\n") == 0
    assert "Traceback" not in done.stderr
    assert not list(bad.glob("out*"))


@pytest.mark.parametrize("out", ["taken", "text.mp4/s"])
def test_an_output_that_exists_or_cannot_be_made_is_refused(out, bad, movie):
    done = spermscope("assess", movie, "--um-per-px", "0.4", "--out", bad / out)
    assert done.returncode == 2
    assert "expected a" in done.stderr
    assert done.stderr.strip().count("\n") == 0


# Handled.


def test_an_empty_field_gives_a_report_that_says_so(tmp_path):
    empty = "sim:width_px=160,height_px=120,um_per_px=0.5,cells=0,debris=0,fps=15,duration_s=1"
    found = assess(empty, tmp_path / "s", conditions=Conditions(depth_um=100.0))
    assert found.summary.cells == 0
    assert found.summary.concentration.sentence.startswith("none seen in 0.0005 uL: at most 6.24 10^6/mL")
    report = (found.folder / "report.html").read_text(encoding="utf-8")
    assert "no cell seen in 15 frames" in report
    # 80 x 60 x 100 um are 0.00048 uL; three cells there would be 6.24 million in one mL.
    assert "None seen in 0.0005 uL: at most 3 cells in that volume that could be seen, 6.24" in report


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (121, 83)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_odd_tiny_and_sixteen_bit_stacks_are_handled(shape, dtype, tmp_path):
    rng = np.random.default_rng(1)
    with tifffile.TiffWriter(tmp_path / "stack.tif") as stack:
        for _ in range(4):
            stack.write(rng.integers(0, 200, shape).astype(dtype), photometric="minisblack", metadata=None)
    found = assess(tmp_path / "stack.tif", tmp_path / "s", fps=15)
    assert found.summary.frames == 4
    assert found.complete


def test_a_single_frame_is_a_session(tmp_path):
    tifffile.imwrite(tmp_path / "one.tif", np.full((60, 80), 100, np.uint8))
    assert assess(tmp_path / "one.tif", tmp_path / "s", fps=15).summary.frames == 1


def test_colour_images_in_a_folder_are_a_sequence(tmp_path):
    (tmp_path / "frames").mkdir()
    scene = Scene(SceneSettings.parse(SCENE))
    for index in range(5):
        grey = scene.render(index / 15)
        cv2.imwrite(str(tmp_path / "frames" / f"f{index}.png"), cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
    assert assess(tmp_path / "frames", tmp_path / "s", fps=15, um_per_px=0.4).summary.frames == 5


def test_stills_of_mixed_sizes_give_detections_only(tmp_path):
    (tmp_path / "stills").mkdir()
    for index, side in enumerate((200, 260)):
        scene = Scene(SceneSettings.parse(f"width_px={side},height_px={side},um_per_px=0.4,cells=5,seed={index}"))
        cv2.imwrite(str(tmp_path / "stills" / f"{index}.png"), scene.render(0.0))
    found = assess(tmp_path / "stills", tmp_path / "s", stills=True, um_per_px=0.4)
    assert {row["frame"] for row in rows(found.folder, "detections")} == {"0", "1"}
    assert rows(found.folder, "sperm") == []
    assert "stills have no time" in found.summary.not_computed["motility"]
    heads = sum(row["label"] == "sperm" for row in rows(found.folder, "detections"))
    page = render(read_session(found.folder), "en")
    assert f"<b>{heads}</b><span>heads found</span>" in page
    assert "cells followed" not in page


@pytest.mark.slow
def test_several_sources_get_numbered_folders(movie, tmp_path):
    done = CliRunner().invoke(
        commands, ["assess", str(movie), str(movie), "--um-per-px", "0.4", "--out", str(tmp_path / "both"), "--json"]
    )
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == ["01", "02"]


# In part: kept and marked, exit 3.


def test_a_truncated_file_is_kept_in_part(movie, tmp_path):
    whole = movie.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    done = spermscope("assess", tmp_path / "cut.mkv", "--um-per-px", "0.4", "--out", tmp_path / "s")
    said = json.loads((tmp_path / "s" / "session.json").read_text(encoding="utf-8"))
    assert 0 < said["frames"] < 30
    assert said["complete"] is False
    assert done.returncode == 3
    assert "NOT COMPLETE" in (tmp_path / "s" / "report.html").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="signals differ on Windows")
def test_ctrl_c_keeps_what_is_done(tmp_path):
    address = "sim:width_px=320,height_px=240,um_per_px=0.4,cells=5,fps=15,duration_s=600"
    command = [sys.executable, "-m", "spermscope.cli", "assess", address, "--out", str(tmp_path / "s")]
    # A shell's background job ignores Ctrl-C, and so would what it starts.
    own_signal = {} if os.name == "nt" else {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **own_signal)
    table = tmp_path / "s.partial" / "stage.csv"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (table.exists() and table.stat().st_size > 200):
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3, errors
    said = json.loads((tmp_path / "s" / "session.json").read_text(encoding="utf-8"))
    assert said["incomplete_because"] == "interrupted"
    assert said["frames"] > 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs a small file system of its own")
def test_a_full_disk_keeps_what_is_done(movie, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=900k", "none", str(small)], check=False, capture_output=True
    ).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        done = spermscope("assess", movie, "--um-per-px", "0.4", "--out", small / "s")
        assert done.returncode == 3, done.stdout + done.stderr
        said = json.loads((small / "s" / "session.json").read_text(encoding="utf-8"))
        assert said["complete"] is False
        assert "space" in said["incomplete_because"].lower()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def words_of_every_command(command=commands, words=()):
    for name, verb in getattr(command, "commands", {}).items():
        yield from words_of_every_command(verb, (*words, name))
    if not hasattr(command, "commands"):
        yield words


@pytest.mark.parametrize("words", list(words_of_every_command()), ids=" ".join)
def test_every_command_has_help_with_an_example(words):
    page = CliRunner().invoke(commands, [*words, "--help"])
    assert page.exit_code == 0
    assert "Example: spermscope" in page.output


def test_a_wrong_setting_is_named(tmp_path):
    (tmp_path / "s.toml").write_text("[track]\ngaet = 3\n", encoding="utf-8")
    done = spermscope("assess", "sim:cells=1", "--out", tmp_path / "o", "--settings", tmp_path / "s.toml")
    assert done.returncode == 2
    assert "track.gaet" in done.stderr


def test_simulate_writes_a_movie_and_its_truth(tmp_path):
    out, truth = tmp_path / "m.mkv", tmp_path / "t.csv"
    words = [
        "simulate",
        "width_px=160,height_px=120,duration_s=0.4,fps=10,cells=4",
        "--out",
        str(out),
        "--truth",
        str(truth),
    ]
    assert CliRunner().invoke(commands, words).exit_code == 0
    assert out.stat().st_size > 1000
    assert Path(tmp_path / "t_cells.csv").is_file()


def hyperactive_scene(fps, duration_s):
    mix = "hyperactivated=1,progressive=0,circling=0,nonprogressive=0,immotile=0.3"
    return f"sim:width_px=400,height_px=300,um_per_px=0.4,fps={fps},duration_s={duration_s},cells=8,seed=37,{mix}"


@pytest.mark.slow
def test_sixty_frames_a_second_give_the_share_of_hyperactivated_cells(tmp_path):
    found = assess(hyperactive_scene(60, 6), tmp_path / "s")
    seconds = {"yes": 0.0, "no": 0.0, "": 0.0}
    for row in rows(found.folder, "sperm"):
        seconds[row["hyperactivated"]] += float(row["duration_s"])
    share = found.summary.hyperactivated
    assert 0.0 < share.low <= share.share <= share.high < 1.0
    assert share.share == pytest.approx(seconds["yes"] / (seconds["yes"] + seconds["no"]), abs=0.05)
    assert "hyperactivated" not in found.summary.not_computed


@pytest.mark.parametrize(
    ("fps", "scale", "why"),
    [(15, {}, "15 fps is below 50"), (50, {"um_per_px": None}, "scale estimated")],
)
def test_where_hyperactivation_cannot_be_told_its_reason_is(fps, scale, why, tmp_path):
    source = hyperactive_scene(fps, 1) + (",unscaled=1" if scale else "")
    found = assess(source, tmp_path / "s").summary
    assert found.hyperactivated is None
    assert why in found.not_computed["hyperactivated"]
