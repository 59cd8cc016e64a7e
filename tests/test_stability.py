"""What the benchmark of stability stands on: disturbed videos, clips of any second, the same cell again, its table."""

from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.disturbances import disturbances
from benchmarks.stability import RECORDING, Rated, rate, row
from benchmarks.trails import SECOND_S, Trail, cut, follow, same_cell
from spermscope.grade import open_grader
from spermscope.pipeline import Pipeline
from spermscope.settings import Settings
from spermscope.video import open_source
from spermscope.video.recorder import Recorder

WIDTH, HEIGHT = 160, 120
CHANGES = disturbances(WIDTH, HEIGHT)
SHORT = Path("sim:width_px=160,height_px=120,um_per_px=0.5,fps=30,duration_s=0.4,cells=3,seed=801")
SCENE = Path("sim:width_px=200,height_px=160,um_per_px=0.5,fps=30,duration_s=1.6,cells=8,seed=801")


def trail(xy_px, frames=None, fps=48.0):
    xy_px = np.asarray(xy_px, float)
    frames = np.arange(len(xy_px)) if frames is None else np.asarray(frames)
    return Trail(frames, frames / fps, xy_px, 0.5 * xy_px, np.ones(len(frames), bool))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
@pytest.mark.parametrize("place", [(40.0, 30.0), (101.3, 77.6)])
def test_a_point_of_the_recording_is_found_where_the_disturbance_says(change, place):
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    spot = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * 4.0**2))
    drawn = change.draw((120.0 * spot).astype(np.uint8)).astype(float)
    rows, columns = np.indices(drawn.shape)
    centre = np.array([(columns * drawn).sum(), (rows * drawn).sum()]) / drawn.sum()
    np.testing.assert_allclose(change.of(trail([place])).xy_px[0], centre, atol=0.05)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_disturbed_trail_keeps_its_time_and_its_size_on_the_stated_scale(change):
    path = trail(np.column_stack([np.linspace(20, 90, 97), np.full(97, 50.0)]))
    moved = change.of(path)
    whole_um = 0.5 * 70.0 * change.stated
    assert np.hypot(*(moved.xy_px[-1] - moved.xy_px[0])) * change.um_per_px(0.5) == pytest.approx(whole_um)
    assert np.hypot(*(moved.xy_um[-1] - moved.xy_um[0])) == pytest.approx(whole_um)
    assert moved.lasts_s == path.lasts_s
    assert moved.frame.tolist() == list(range(len(moved.frame)))
    assert len(moved.frame) == (49 if change.every == 2 else 97)


@pytest.mark.parametrize("change", [CHANGES[0], CHANGES[7], CHANGES[9], CHANGES[10]], ids=lambda change: change.name)
def test_a_disturbed_video_has_the_pictures_it_should_at_their_times(change, tmp_path):
    with open_source(SHORT) as source:
        before = [frame for frame in source if frame.index % change.every == 0]
    with open_source(change.write(SHORT, tmp_path)) as source:
        after = list(source)
    assert len(after) == len(before)
    mirrored = CHANGES[7].draw if change.name.startswith("mirrored") else np.asarray
    for one, other in zip(before, after, strict=True):
        assert other.time_s == pytest.approx(one.time_s, abs=6e-4)
        off = np.abs(mirrored(one.image).astype(float) - other.image)
        assert off.max() == 0 if not change.bit_s else 0 < off.mean() < 3


@pytest.mark.slow
def test_a_clip_of_a_trail_is_the_one_that_the_pipeline_grades():
    with open_source(SCENE) as source:
        pipeline = Pipeline(source.profile)
        cells = [cell for step in pipeline.run(source) for cell in step.finished] + list(pipeline.finish())
    clips = [cell.clip for cell in cells if cell.clip is not None and len(cell.clip.frames) == 16]
    trails = follow(SCENE, 0.5, open_grader(source.profile, Settings()))
    assert len(clips) >= 3
    for clip in clips:
        own = [path.second(clip.time_s[0]) for path in trails]
        own = [second for second in own if second and np.array_equal(second.xy_um, clip.xy_um)]
        assert len(own) == 1
        again = cut(SCENE, 0.5, own)[0]
        np.testing.assert_array_equal(again.frames, clip.frames)
        np.testing.assert_array_equal(again.time_s, clip.time_s)
        np.testing.assert_array_equal(again.observed, clip.observed)


def test_a_second_with_a_gap_or_beyond_the_trail_is_none():
    whole = trail(np.zeros((60, 2)))
    assert len(whole.second(0.0).frame) == 16
    assert whole.second(60 / 48 - SECOND_S) is not None
    assert whole.second(0.4) is None
    assert trail(np.zeros((55, 2)), [*range(20), *range(25, 60)]).second(0.0) is None
    assert whole.take(np.arange(0, 60, 2)).second(0.0) is not None
    assert whole.take(np.arange(0, 60, 4)).second(0.0) is None  # 12 frames a second cannot give 16 crops


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.floats(0.0, 2.0))
def test_the_same_cell_is_found_among_others_by_place_and_time(seed, others, off_um):
    rng = np.random.default_rng(seed)
    path = np.cumsum(rng.normal(0, 0.5, (60, 2)), axis=0)
    places = 40.0 * np.column_stack([np.arange(others + 1), np.zeros(others + 1)])
    angle = rng.uniform(0, 2 * np.pi)
    off_px = off_um / 0.5 * np.array([np.cos(angle), np.sin(angle)])
    found = [trail(path + place + off_px) for place in rng.permutation(places)]
    best = same_cell(trail(path), found, 0.1, 0.5)
    assert best is not None
    np.testing.assert_allclose(best.xy_px, path + off_px, atol=1e-9)
    assert same_cell(trail(path), [one for one in found if one is not best], 0.1, 0.5) is None


def test_a_track_of_half_the_second_or_of_another_time_is_not_the_same_cell():
    path = np.zeros((120, 2))
    assert same_cell(trail(path), [trail(path[:70])], 0.0, 0.5) is not None
    assert same_cell(trail(path), [trail(path[:24])], 0.0, 0.5) is None
    assert same_cell(trail(path), [trail(path[60:], np.arange(60, 120))], 0.0, 0.5) is None


def test_the_table_tells_how_many_grades_apart_and_leaves_the_unlike_out_where_it_says_so():
    before = Rated(np.tile([1.0, 0, 0, 0, 0], (10, 1)), np.arange(10) == 0)
    moved = [0.0] * 9 + [4.0]  # the first is unlike training and stays; the last goes from A to E
    after = Rated(np.array([[1 - m / 4, 0, 0, 0, m / 4] for m in [2.0, *moved[1:]]]), np.zeros(10, bool))
    cells = [cell.strip() for cell in row("x", before, after).split("|")[1:-1]]
    assert cells[:2] == ["x", "10"]
    assert cells[2].startswith("0.00 (0.00-")
    assert cells[3] == f"{np.quantile([2, 0, 0, 0, 0, 0, 0, 0, 0, 4], 0.9):.2f}"
    assert cells[4] == "10 %, 0 %"
    assert cells[5] == "0.00 (9)"
    halves = Rated(np.tile([0.0, 0.5, 0.5, 0, 0], (10, 1)), np.zeros(10, bool))
    assert "| 1.50 (1.50-1.50) | 1.50 |" in row("y", before, halves, group=np.arange(10) // 5)
    assert "| - (0) |" in row("z", Rated(before.shares, np.ones(10, bool)), after)


@pytest.mark.real
@pytest.mark.skipif(not RECORDING.is_file(), reason="the recording does not lie beside the checkout")
def test_cells_of_the_real_clip_are_rated_alike_when_mirrored(tmp_path):
    short = tmp_path / "short.mkv"
    with open_source(RECORDING) as source, Recorder(short, 640, 480, 48.0) as film:
        profile = source.profile
        for frame in takewhile(lambda frame: frame.index < 560, source):
            if frame.index >= 428:
                film.write(frame.image, frame.time_s)
    grader, scale = open_grader(profile, Settings()), profile.scale.um_per_px
    found = [path for path in follow(short, scale, grader) if path.second(path.time_s[0])]
    assert len(found) >= 10
    before = rate(grader, cut(short, scale, [path.second(path.time_s[0]) for path in found]))
    change = disturbances(640, 480)[7]
    mirrored = [change.of(path).second(path.time_s[0]) for path in found]
    after = rate(grader, cut(change.write(short, tmp_path), scale, mirrored))
    apart = np.abs(np.cumsum(before.shares[:, None] - after.shares[None], axis=2)).sum(axis=2)
    own = np.eye(len(found), dtype=bool)
    assert np.median(apart[own]) <= 0.3
    assert np.median(apart[own]) < 0.6 * np.median(apart[~own])
