"""The streaming grader and the clip form of it: the same tokens, the same distribution."""

from dataclasses import replace

import numpy as np
import pytest

from spermscope.doubt import Doubt
from spermscope.grade import StreamingGrader, open_grader
from spermscope.grade.answers import answer
from spermscope.model_file import read_model, shipped
from spermscope.runtime import Model
from spermscope.settings import GradeSettings, Settings
from spermscope.simulate.scene import Scene, SceneSettings, View
from spermscope.types import Clip, Crops, Grades, Scale, SourceProfile


def profile(rate_hz=15.0):
    return SourceProfile(320, 240, rate_hz, Scale(0.4, "given"), 0, 110.0, 3.0)


@pytest.fixture(scope="module")
def grader() -> StreamingGrader:
    return open_grader(profile(), Settings())


def film(seed, count=16, **parameters):
    """A clip that follows one simulated cell."""
    scene = Scene(SceneSettings(width_px=150, height_px=150, um_per_px=0.5, cells=6, seed=seed, **parameters))
    frames, places = [], []
    for index in range(count):
        truth = scene.truth(index / 15)
        x, y = float(truth.x_um[0]), float(truth.y_um[0])
        frames.append(scene.render(index / 15, View(x - 37.25, y - 37.25, 150, 150, 0.5)))
        places.append((x, y))
    return Clip(seed, np.stack(frames), np.arange(count) / 15, np.array(places), np.ones(count, bool), 0.5)


def crops_of(clips, index):
    return Crops(
        np.array([clip.track_id for clip in clips]),
        np.stack([clip.frames[index] for clip in clips]),
        np.array([clip.time_s[index] for clip in clips]),
        np.stack([clip.xy_um[index] for clip in clips]),
        np.array([clip.observed[index] for clip in clips]),
    )


@pytest.fixture(scope="module")
def clips():
    return [film(seed) for seed in (1, 2, 3)]


def test_streaming_and_whole_clips_agree():
    longer = [film(seed, count=17) for seed in (1, 2, 3)]
    live, every = open_grader(profile(), Settings()), 2
    running = [live.step(crops_of(longer, index)) for index in range(17)]
    assert [len(step) for step in running] == [0] * 12 + [3, 0, 3, 0, 3]
    assert live.card.rate_hz == 15.0 / every
    latest = [Clip(c.track_id, c.frames[1:], c.time_s[1:], c.xy_um[1:], c.observed[1:], 0.5) for c in longer]
    whole = live.grade_clips(latest)
    np.testing.assert_allclose(running[-1].probabilities, whole.probabilities, atol=1e-5)
    np.testing.assert_allclose(running[-1].embedding, whole.embedding, atol=1e-3)


def test_where_it_is_late_a_cell_is_graded_half_as_often_and_nearly_the_same():
    longer = [film(seed, count=33) for seed in (1, 2, 3)]
    always, late = open_grader(profile(), Settings()), open_grader(profile(), Settings())
    whole = [always.step(crops_of(longer, index)) for index in range(33)]
    spared = [late.step(crops_of(longer, index), late=True) for index in range(33)]
    assert [len(step) for step in whole] == [0] * 12 + [3, 0] * 10 + [3]
    # Tokens come with the 3rd, 7th, .. crop; the first that has twelve crops behind it is the 15th.
    assert [index for index, step in enumerate(spared) if len(step)] == [14, 18, 22, 26, 30]
    for index in (14, 18, 22, 26, 30):
        apart = np.abs(np.cumsum(whole[index].probabilities - spared[index].probabilities, axis=1)).sum(axis=1)
        assert apart.max() < 0.5


def every_crop() -> StreamingGrader:
    return open_grader(profile(), Settings(grade=GradeSettings(every_crop=True)))


def without_the_last(clip):
    return Clip(clip.track_id, clip.frames[:-1], clip.time_s[:-1], clip.xy_um[:-1], clip.observed[:-1], 0.5)


def test_with_the_crops_between_a_grade_is_the_mean_of_both_rows_and_heads_speak_for_both(grader, clips):
    both = every_crop().grade_clips(clips)
    last, before = grader.grade_clips(clips), grader.grade_clips([without_the_last(clip) for clip in clips])
    assert np.abs(last.probabilities - before.probabilities).max() > 0.01
    np.testing.assert_allclose(both.probabilities, (last.probabilities + before.probabilities) / 2, atol=1e-5)
    doubt = Doubt.of_card(grader.card.constants)
    spread, one, other = ((found.uncertainty / doubt.scale) ** (1 / doubt.power) for found in (both, last, before))
    assert (spread <= (one + other) / 2 + 1e-5).all()
    assert (spread >= np.abs(one - other) / 2 - 1e-5).all()
    assert both.time_s.tolist() == last.time_s.tolist()


def test_what_a_head_says_is_its_mean_over_readings_and_doubt_rises_with_how_far_heads_lie_apart():
    """Two heads, two readings, three grades: the first head says 1 and 2, the second 3 and 3."""
    sure = 50.0 * np.eye(3)
    logits = np.stack([[sure[[0, 2]], sure[[1, 2]]]])
    out = {"logits": logits, "embedding": np.zeros((1, 2), np.float32), "distance": np.zeros(1)}
    found = answer([7], [1.0], out, np.ones(1), 1.0, Doubt(2.0, 0.5))
    np.testing.assert_allclose(found.probabilities, [[0.25, 0.25, 0.5]])
    np.testing.assert_allclose(found.uncertainty, [2.0 * np.sqrt((3.0 - 1.5) / 2)])


def test_with_the_crops_between_a_cell_is_graded_anew_with_each_crop_as_its_clip_is():
    longer = [film(seed, count=19) for seed in (1, 2, 3)]
    live = every_crop()
    running = [live.step(crops_of(longer, index)) for index in range(19)]
    assert [len(step) for step in running] == [0] * 12 + [3] * 7
    for end in (13, 17, 19):  # crops that the model needs
        first = max(0, end - 16)
        seen = [Clip(c.track_id, *(part[first:end] for part in (c.frames, c.time_s, c.xy_um, c.observed)), 0.5)
                for c in longer]  # fmt: skip
        whole = live.grade_clips(seen)
        np.testing.assert_allclose(running[end - 1].probabilities, whole.probabilities, atol=1e-5)


def test_with_the_crops_between_a_clip_too_short_for_a_second_row_is_graded_by_one(grader, clips):
    short = [Clip(c.track_id, c.frames[:12], c.time_s[:12], c.xy_um[:12], c.observed[:12], 0.5) for c in clips]
    both, one = every_crop().grade_clips(short), grader.grade_clips(short)
    np.testing.assert_allclose(both.probabilities, one.probabilities, atol=1e-5)
    np.testing.assert_allclose(both.uncertainty, one.uncertainty, atol=1e-5)


def test_a_card_whose_doubt_is_no_pair_is_refused_in_one_line():
    file = read_model(shipped("grader"))
    card = file.card.model_copy(update={"constants": file.card.constants | {"doubt": [1.0, 0.3, 2.0]}})
    with pytest.raises(ValueError, match=r"stream: expected the constant doubt to be two numbers, found \[1\.0, 0\.3"):
        open_grader(profile(), Settings(), Model(replace(file, card=card)))


def test_where_it_is_late_the_crops_between_are_left_out_first():
    longer = [film(seed, count=21) for seed in (1, 2, 3)]
    plain, both = open_grader(profile(), Settings()), every_crop()
    for index in range(21):  # late with every second crop: that between, never twice in a row
        crops = crops_of(longer, index)
        alone, mean = plain.step(crops), both.step(crops, late=index % 2 == 1)
        np.testing.assert_allclose(mean.probabilities, alone.probabilities, atol=1e-5)


def test_where_it_stays_late_cells_whose_turn_it_is_are_passed_over_too():
    longer = [film(seed, count=33) for seed in (1, 2, 3)]
    both = every_crop()
    given = [len(both.step(crops_of(longer, index), late=True)) for index in range(33)]
    assert [index for index, count in enumerate(given) if count] == [12, 16, 20, 24, 28, 32]


def test_after_a_pause_between_the_newest_row_alone_counts():
    longer = [film(seed, count=17) for seed in (1, 2, 3)]
    plain, both = open_grader(profile(), Settings()), every_crop()
    for index in range(17):
        # Crop 15 is no look: what the row said by crop 13 is too old for the grade at crop 16.
        alone, mean = plain.step(crops_of(longer, index)), both.step(crops_of(longer, index), late=index == 15)
    np.testing.assert_allclose(mean.probabilities, alone.probabilities, atol=1e-5)


def test_a_distribution_adds_up_and_its_numbers_are_in_range(grader, clips):
    found = grader.grade_clips(clips)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1.0)
    assert ((found.expected_grade >= 1) & (found.expected_grade <= 5)).all()
    assert ((found.entropy >= 0) & (found.entropy <= np.log(5))).all()
    assert (found.uncertainty >= 0).all()


def test_the_order_of_cells_does_not_matter(grader, clips):
    forward, back = grader.grade_clips(clips), grader.grade_clips(clips[::-1])
    np.testing.assert_allclose(forward.probabilities, back.probabilities[::-1], atol=1e-5)


def test_where_a_cell_lies_on_the_map_does_not_matter(grader, clips):
    moved = [Clip(c.track_id, c.frames, c.time_s + 60, c.xy_um + 5000, c.observed, 0.5) for c in clips]
    np.testing.assert_allclose(
        grader.grade_clips(moved).probabilities, grader.grade_clips(clips).probabilities, atol=1e-3
    )


def test_noise_and_emptiness_are_unlike_training(grader):
    rng = np.random.default_rng(5)
    still = np.zeros((16, 2))
    noise = [
        rng.integers(0, 256, (16, 150, 150)).astype(np.uint8),
        np.full((16, 150, 150), 120, np.uint8),
        np.tile(((np.indices((150, 150)).sum(axis=0) // 8 % 2) * 200).astype(np.uint8), (16, 1, 1)),
    ]
    strange = [Clip(i, frames, np.arange(16) / 15, still, np.ones(16, bool), 0.5) for i, frames in enumerate(noise)]
    assert grader.grade_clips(strange).unlike.all()


def test_most_cells_of_a_plain_microscope_are_like_training(grader):
    found = grader.grade_clips([film(seed, debris=0.5) for seed in range(20, 32)])
    assert found.unlike.mean() <= 0.25


def test_below_twelve_frames_nothing_is_graded_and_it_says_why(clips):
    slow = open_grader(profile(10.0), Settings())
    assert slow.reason == "not graded: 10 fps is below 12"
    assert all(len(slow.step(crops_of(clips, index))) == 0 for index in range(16))


def test_nothing_in_gives_nothing_out(grader):
    assert len(grader.grade_clips([])) == 0
    empty = Crops(
        np.empty(0, np.int64), np.empty((0, 150, 150), np.uint8), np.empty(0), np.empty((0, 2)), np.empty(0, bool)
    )
    assert grader.step(empty).probabilities.shape == (0, 5)


def test_a_forgotten_track_begins_anew(clips):
    live = open_grader(profile(), Settings())
    for index in range(12):
        live.step(crops_of(clips[:1], index))
    live.forget(np.array([clips[0].track_id, 77]))
    assert len(live.step(crops_of(clips[:1], 12))) == 0


def test_a_tie_goes_to_the_worse_grade():
    grades = Grades(
        np.array([1]),
        np.zeros(1),
        np.array([[0.4, 0.4, 0.2, 0, 0]]),
        np.zeros(1),
        np.zeros(1, bool),
        np.zeros((1, 1), np.float32),
    )
    assert grades.mode.tolist() == [1]
    assert grades.expected_grade[0] == pytest.approx(1.8)
