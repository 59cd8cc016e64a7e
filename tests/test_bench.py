"""The benchmark: scenes drawn once, measurements apart, what is asked wrongly, and a budget that names its stage."""

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.budget import slower, together
from spermscope.bench import time_stages
from spermscope.bench.apart import apart, peak_mb
from spermscope.bench.camera import RawCamera
from spermscope.bench.instructions import capped, note
from spermscope.bench.limit import measure_limit
from spermscope.bench.recorded import take
from spermscope.bench.scenes import BenchScene, draw_scenes
from spermscope.commands.bench import bench
from spermscope.model_file import shipped
from spermscope.runtime import load_model
from spermscope.settings import Settings
from spermscope.simulate.scene import Scene
from spermscope.video import open_source

SCENE = BenchScene("640x480", 10, frames=36)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    draw_scenes([SCENE], folder, 1, lambda done, total: None)
    return folder


def test_a_scene_is_the_same_raw_and_in_ffv1_and_near_it_in_h264(drawn):
    images = np.stack([image for _, _, image, _ in Scene(SCENE.settings).frames()])
    assert images.shape == (36, 480, 640)
    np.testing.assert_array_equal(SCENE.images(drawn), images)
    for codec, most in (("ffv1", 0), ("h264", 12)):
        with open_source(SCENE.movie(drawn, codec), um_per_px=SCENE.um_per_px) as source:
            read = np.stack([frame.image for frame in source])
        assert read.shape == images.shape
        assert np.percentile(np.abs(read.astype(int) - images), 99) <= most
    bits_s = 8 * SCENE.movie(drawn, "h264").stat().st_size / (36 / 15)
    assert bits_s <= 4.4e6


def test_a_scene_that_is_there_is_not_drawn_again(drawn):
    before = {path: path.stat().st_mtime_ns for path in drawn.iterdir()}
    draw_scenes([SCENE], drawn, 1, lambda done, total: None)
    assert {path: path.stat().st_mtime_ns for path in drawn.iterdir()} == before


def test_every_stage_is_timed_and_every_grade_counted(drawn):
    timings = time_stages(str(SCENE.movie(drawn, "ffv1")), Settings(threads=1), um_per_px=SCENE.um_per_px)
    found = timings.as_json()
    assert set(found["stages_ms"]) == {"read", "stage", "detect", "track", "clips", "tails", "grade", "measure"}
    assert len(timings.stages_ms["detect"]) == 16
    assert found["stages_ms"]["detect"]["p50"] <= found["stages_ms"]["detect"]["p99"]
    spent_ms = sum(sum(laps) for name, laps in timings.stages_ms.items() if name != "read")
    assert spent_ms <= 1e3 * timings.taken_s < 1.2 * spent_ms
    assert timings.filmed_s == pytest.approx(16 / 15, rel=1e-3)
    assert 4 <= timings.cells <= 16
    assert 0 < timings.graded <= 16 * 16


def test_a_movie_is_taken_whole(drawn):
    taken = take(str(SCENE.movie(drawn, "h264")), SCENE.um_per_px, Settings(threads=2))
    assert taken.frames == 15
    assert taken.filmed_s == pytest.approx(1.0, rel=1e-3)
    assert taken.ratio == pytest.approx(taken.frames_a_second / 15, rel=1e-6)


def test_a_measurement_apart_has_its_own_process_environment_and_memory():
    there, peak = apart(os.getpid)
    assert there != os.getpid()
    assert 10 < peak < 0.9 * peak_mb() or peak < peak_mb() + 200
    assert apart(os.getenv, "SPERMSCOPE_TRIED", environment={"SPERMSCOPE_TRIED": "so"})[0] == "so"
    assert "SPERMSCOPE_TRIED" not in os.environ
    with pytest.raises(ZeroDivisionError):
        apart(divmod, 1, 0)


def test_the_camera_goes_forwards_and_backwards_on_time():
    images = np.arange(3, dtype=np.uint8)[:, None, None].repeat(2, 1).repeat(2, 2)
    pictures = RawCamera(images, 200.0).pictures()
    came = [next(pictures) for _ in range(6)]
    assert [int(picture[0, 0]) for picture, _ in came] == [0, 1, 2, 1, 0, 1]
    np.testing.assert_allclose(np.diff([when_s for _, when_s in came]), 0.005)


def test_multiplications_are_counted_as_written_on_paper():
    model = load_model(shipped("grader"))
    one, four = (
        model.multiplications("encoder", {"picture": np.zeros((count, 1, 128, 128), np.float32)}) for count in (1, 4)
    )
    assert four == 4 * one
    tokens = {"tokens": np.zeros((1, 16, 256)), "motion": np.zeros((1, 16, 7)), "valid": np.zeros((1, 16))}
    places, width = 8, 192
    attention = 2 * places * places * width
    layer = places * (3 + 1 + 2 + 2) * width * width + attention
    into = places * (256 * width + 7 * width + width * width)
    out = 4 * (width * 96 + 96 * 5)
    head = model.multiplications("head", {name: array.astype(np.float32) for name, array in tokens.items()})
    assert head == pytest.approx(2 * layer + into + out, rel=0.05)


@pytest.mark.slow
def test_no_network_exceeds_what_the_machine_multiplies():
    limit, _ = apart(measure_limit)
    assert 5 < limit.matrices < 5000
    assert 0 < limit.share < 1.2
    assert limit.encoder_macs > limit.head_macs


@pytest.mark.parametrize("isa", ["avx2", "avx2_vnni"])
def test_a_cap_is_told_to_each_library_by_names_it_knows(isa):
    assert capped("native") == {}
    code = """
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
    print(any(__cpu_features__[name] for name in __cpu_dispatch__ if name.startswith(("AVX512", "X86_V4"))))
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    done = subprocess.run(command, env=os.environ | capped(isa), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr


def test_what_stands_for_a_cap_that_the_processor_does_not_know_is_told():
    asked, told = capped("avx2_vnni")["ONEDNN_MAX_CPU_ISA"], note("avx2_vnni")
    assert (asked == "AVX512_CORE_VNNI") == ("AVX-512 with VNNI" in told)
    assert note("avx2") == note("native") == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sim:", "--quick"], "expected a SOURCE, or options of the fixed scenes"),
        (["sim:", "--isa", "avx2"], "expected a SOURCE, or options of the fixed scenes"),
        (["--grader", "my.spermscope"], "expected --grader with a SOURCE"),
    ],
)
def test_what_does_not_go_together_is_refused(words, says):
    done = CliRunner().invoke(bench, words)
    assert isinstance(done.exception, ValueError)
    assert says in str(done.exception)


@pytest.mark.slow
def test_the_quick_suite_prints_tables_and_writes_figures_and_a_chart(tmp_path):
    command = [sys.executable, "-m", "spermscope", "bench", "--quick", "--int8", "--out", tmp_path / "out"]
    done = subprocess.run([*command, "--scenes", tmp_path], capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out" / "bench.json").read_text(encoding="utf-8"))
    assert list(found["scenes"]) == ["640x480 0", "640x480 10", "640x480 30"]
    empty, some, many = found["scenes"].values()
    assert empty["cells"] < 1 < some["cells"] < many["cells"]  # debris may be taken for a cell, now and then
    assert empty["graded_a_second"] < some["graded_a_second"]
    for scene in (some, many):
        assert 0 < scene["live"]["graded"] <= 1
        assert 7 < scene["live"]["renewed_hz"] < 17  # 15, more or less where cells come and go
        assert 0 < scene["live"]["delay_ms"]["p50"] <= scene["live"]["delay_ms"]["p99"]
        assert scene["ffv1"]["peak_mb"] > 100
    assert many["live_at_twice_the_rate"]["fps"] == 30
    assert many["live_at_twice_the_rate"]["came"] == pytest.approx(2 * many["live"]["came"], rel=0.1)
    assert "live_at_twice_the_rate" not in some
    assert found["start"]["first_frame_s"] < found["start"]["first_grade_s"]
    assert found["start"]["filmed_until_then_s"] == pytest.approx(1.0, abs=0.35)
    assert "graded/s" in done.stdout
    assert (tmp_path / "out" / "bench.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.slow
def test_ours_is_faster_than_what_one_would_build_from_the_papers():
    pytest.importorskip("transformers")
    from spermscope.bench.reference import detectors, graders

    for measure, least in ((graders, 20.0), (detectors, 3.0)):
        for ratio in apart(measure)[0].values():
            assert ratio.low <= ratio.value <= ratio.high
            assert ratio.value > least


def test_a_stage_that_became_slower_is_named_and_small_ones_are_told_together():
    then = {"detect, f32": 40.0, "track, f32": 2.0, "measure, f32": 0.1, "tails, f32": 0.35, "gone": 1.0}
    now = then | {"detect, f32": 47.0, "track, f32": 2.2, "tails, f32": 0.3, "new": 9.0}
    ratios = together(now, then)
    assert ratios == pytest.approx({"detect, f32": 1.175, "track, f32": 1.1, "rest": 0.4 / 0.45, "gone": 1.0})
    assert slower({name: [value, value, 0.5] for name, value in ratios.items()}) == {
        "detect, f32": "detect, f32: 1.18 times the last release's time, allowed 1.15"
    }
