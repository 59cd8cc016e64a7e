"""The whole-clip grader: torch's own answer, a closed form, the same as a stream, and what it refuses."""

import csv
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from test_grade import crops_of, profile  # noqa: E402

from spermscope.assessment import assess, assess_all  # noqa: E402
from spermscope.cli import commands  # noqa: E402
from spermscope.clips import Clipper, motion_features, to_model_input  # noqa: E402
from spermscope.grade import WholeClipGrader, open_grader  # noqa: E402
from spermscope.model_file import shipped, write_model  # noqa: E402
from spermscope.models.clip_grader import PicturesAlone  # noqa: E402
from spermscope.models.family import NETWORKS  # noqa: E402
from spermscope.runtime import load_model  # noqa: E402
from spermscope.settings import ClipSettings, Settings  # noqa: E402
from spermscope.summary import DEMONSTRATION  # noqa: E402
from spermscope.types import Clip, Frame, Tracks  # noqa: E402
from tests.clip_models import Graded, Known, KnownStill, clip_card, known_answer, write_clip_model  # noqa: E402


def film(seed, count=16, rate_hz=15.0):
    """A bright head on noise, and a way to go."""
    rng = np.random.default_rng(seed)
    frames = rng.normal(110, 6, (count, 150, 150))
    frames[:, 70:80, 70:80] += 60 + 10 * rng.random((count, 1, 1))
    xy_um = np.cumsum(rng.normal(0, 1 + seed % 3, (count, 2)), axis=0)
    pictures = frames.clip(0, 255).astype(np.uint8)
    return Clip(seed, pictures, np.arange(count) / rate_hz, xy_um, rng.random(count) < 0.9, 0.5)


def part(clip, rows):
    return replace(clip, **{name: getattr(clip, name)[rows] for name in ("frames", "time_s", "xy_um", "observed")})


def streamed(grader, clips, steps):
    """By step the grades of clips whose crops come one by one."""
    return [grader.step(crops_of(clips, at)) for at in range(steps)]


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    return load_model(write_clip_model(tmp_path_factory.mktemp("m") / "known.spermscope", Known()))


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
    """Eight pictures at 7.5 Hz, without displacements."""
    path = tmp_path_factory.mktemp("m") / "halved.spermscope"
    return load_model(write_clip_model(path, KnownStill(), length=8, moves=False, rate_hz=7.5))


@pytest.mark.parametrize("moves", [pytest.param(True, marks=pytest.mark.slow), False])
@pytest.mark.slow
def test_a_network_of_the_comparison_says_what_torch_says(tmp_path, moves):
    torch.manual_seed(3)
    network = NETWORKS["small-resnet-still"](motion=moves).eval()
    alone = network if moves else PicturesAlone(network)
    path = write_clip_model(tmp_path / "m.spermscope", Graded(alone), moves=moves)
    clips = [film(seed) for seed in range(3)]
    grader = open_grader(profile(), Settings(), load_model(path))
    assert isinstance(grader, WholeClipGrader)
    found = grader.grade_clips(clips)
    pictures = torch.from_numpy(to_model_input(np.stack([clip.frames for clip in clips])))
    motion = torch.from_numpy(np.stack([motion_features(c.time_s, c.xy_um, c.observed) for c in clips]))
    with torch.no_grad():
        logits, embedding = network(pictures, motion)
    each = torch.softmax(logits.double(), -1)
    np.testing.assert_allclose(found.probabilities, each.mean(1), atol=1e-4)
    np.testing.assert_allclose(found.uncertainty, (each @ torch.arange(1.0, 6.0).double()).std(1, False), atol=1e-4)
    np.testing.assert_allclose(found.embedding, embedding, atol=1e-4)


def test_a_closed_form_comes_out_for_any_number_of_clips(known):
    grader = open_grader(profile(), Settings(), known)
    for count in (1, 2, 8, 9, 17):
        clips = [film(seed) for seed in range(count)]
        found = grader.grade_clips(clips)
        assert found.track_id.tolist() == list(range(count))
        for row, clip in enumerate(clips):
            shares, embedding = known_answer(clip)
            np.testing.assert_allclose(found.probabilities[row], shares, atol=1e-4)
            np.testing.assert_allclose(found.embedding[row], embedding, atol=1e-4)


def test_displacements_that_are_absent_are_told_as_absent(known):
    still = replace(film(4), xy_um=np.full((16, 2), np.nan))
    found = open_grader(profile(), Settings(), known).grade_clips([still])
    np.testing.assert_allclose(found.probabilities[0], known_answer(still)[0], atol=1e-4)


def test_a_network_of_half_the_rate_sees_every_second_crop_counted_back(halved):
    grader = open_grader(profile(), Settings(), halved)
    clip = film(5)
    seen = replace(part(clip, slice(1, None, 2)), xy_um=np.full((8, 2), np.nan))
    np.testing.assert_allclose(grader.grade_clips([clip]).probabilities[0], known_answer(seen)[0], atol=1e-4)


@pytest.mark.parametrize(("name", "due"), [("known", [16, 24, 32]), ("halved", [15, 23, 31])])
def test_the_first_grade_comes_when_all_are_there_and_then_every_half_of_a_clip(name, due, request):
    grader = open_grader(profile(), Settings(), request.getfixturevalue(name))
    clips = [film(seed, count=33) for seed in (1, 2)]
    running = streamed(grader, clips, 33)
    assert [at + 1 for at, found in enumerate(running) if len(found)] == due
    for count in due:
        latest = [part(clip, slice(count - grader.first, count)) for clip in clips]
        whole = open_grader(profile(), Settings(), grader.model).grade_clips(latest)
        np.testing.assert_allclose(running[count - 1].probabilities, whole.probabilities, atol=1e-6)
        np.testing.assert_array_equal(running[count - 1].time_s, [clip.time_s[count - 1] for clip in clips])


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 40))
def test_the_clip_that_is_kept_ends_where_it_was_graded(known, halved, count):
    for model in (known, halved):
        grader = open_grader(profile(), Settings(), model)
        clipper = Clipper(0.5, first=grader.first, every=grader.every)
        graded = {}
        for index in range(count):
            frame = Frame(np.full((40, 40), 90, np.uint8), index, index / 15)
            found = grader.step(clipper.step(frame, one_track()))
            graded.update({float(time_s): row for row, time_s in enumerate(found.time_s)})
            kept = clipper.best_clip(1)
            assert (len(kept.frames) >= grader.first) == (index + 1 >= grader.first)
            assert len(kept.frames) < grader.first or kept.time_s[-1] in graded


def one_track():
    return Tracks(
        np.array([1]), np.array([[20.0, 20.0]]), np.ones((1, 2)), np.zeros((1, 2)), np.ones(1), np.ones(1, bool),
        np.ones(1, bool), np.zeros(1, np.int64),
    )  # fmt: skip


def test_a_forgotten_track_begins_anew(known):
    grader, clip = open_grader(profile(), Settings(), known), film(1)
    streamed(grader, [clip], 15)
    grader.forget(np.array([1, 77]))
    assert not any(len(found) for found in streamed(grader, [clip], 15))


def test_what_lies_far_or_shows_no_head_is_unlike_training(tmp_path, known):
    near = write_model(
        tmp_path / "n.spermscope",
        clip_card(constants={"unlike_above": [0.5]}),
        known._graphs,
        known.golden,
    )
    grader = open_grader(profile(), Settings(), load_model(near))
    slow = replace(film(3), xy_um=np.zeros((16, 2)))
    fast = replace(slow, xy_um=np.column_stack([np.arange(16.0), np.zeros(16)]))
    empty = replace(slow, frames=np.random.default_rng(0).integers(90, 130, (16, 150, 150)).astype(np.uint8))
    assert grader.grade_clips([slow, fast, empty]).unlike.tolist() == [False, True, True]


def test_below_twelve_frames_nothing_is_graded_and_it_says_why(known):
    slow = open_grader(profile(10.0), Settings(), known)
    assert slow.reason == "not graded: 10 fps is below 12"
    assert not any(len(found) for found in streamed(slow, [film(1)], 16))


def test_nothing_in_gives_nothing_out(known):
    assert open_grader(profile(), Settings(), known).grade_clips([]).probabilities.shape == (0, 5)


def test_a_clip_that_is_too_short_is_refused(known):
    with pytest.raises(ValueError, match="mine: expected clips of 16 crops or more, found 12"):
        open_grader(profile(), Settings(), known).grade_clips([film(1), film(2, count=12)])


@pytest.mark.parametrize(
    ("card", "clip", "says"),
    [
        ({"rate_hz": 10.0}, {}, "expected 10 crops a second or a multiple of it, found 15"),
        ({"rate_hz": 30.0}, {}, "expected 30 crops a second or a multiple of it, found 15"),
        ({"rate_hz": 7.5}, {}, "clips that 16 crops at 15 Hz hold, found one that needs 31"),
        ({"um_per_px": 0.4}, {}, "expected crops at 0.4 um/px, found 0.5"),
        ({}, {"size_px": 100}, "expected crops of 128 px or more, found 100"),
        ({"constants": {}}, {}, "expected the constant unlike_above on the card, found none"),
        ({"grades": ("A", "B", "C")}, {}, r"expected logits \(B, M, 3\), found \(2, 2, 5\)"),
        ({"kind": "streaming"}, {}, "expected a grader with head/in/tokens, found model/in/motion"),
        ({"kind": "scale"}, {}, r"expected a grader \(streaming or clip\), found a model of kind scale"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_in_one_line(tmp_path, known, card, clip, says):
    path = write_model(tmp_path / "m.spermscope", clip_card(**card), known._graphs, known.golden)
    with pytest.raises(ValueError, match=f"^mine: .*{says}") as caught:
        open_grader(profile(), Settings(clip=ClipSettings(**clip)), load_model(path))
    assert len(str(caught.value).splitlines()) == 1


def test_a_detector_is_no_grader():
    with pytest.raises(ValueError, match=r"expected a grader .* found a model of kind detector"):
        open_grader(profile(), Settings(), load_model(shipped("detector")))


def test_the_streaming_grader_refuses_crops_of_another_rate():
    with pytest.raises(ValueError, match="expected 15 crops a second, found 30"):
        open_grader(profile(), Settings(clip=ClipSettings(rate_hz=30.0)))


SCENE = "sim:width_px=320,height_px=240,um_per_px=0.4,fps=15,duration_s=3,cells=6,seed=31"


@pytest.mark.parametrize("demonstration", [False, True])
def test_a_clinics_own_model_grades_a_source_and_its_card_says_whether_it_is_a_demonstration(
    tmp_path, known, demonstration
):
    card = clip_card(demonstration=demonstration)
    model = load_model(write_model(tmp_path / "m.spermscope", card, known._graphs, known.golden))
    done = assess(SCENE, tmp_path / "s", um_per_px=0.4, grader=model)
    use = next(use for use in done.summary.models if use.kind == "clip")
    assert (use.name, use.sha256, use.card) == ("mine", model.sha256, card.model_dump(mode="json"))
    assert done.summary.demonstration is demonstration
    for name in ("session.json", "report.html"):
        assert (DEMONSTRATION in (done.folder / name).read_text(encoding="utf-8")) is demonstration
    rows = list(csv.DictReader((done.folder / "sperm.csv").read_text(encoding="utf-8").splitlines()))
    graded = [row for row in rows if row["grade"]]
    assert len(graded) >= 3
    for row in graded:
        with np.load(done.folder / "clips" / f"{row['track_id']}.npz", allow_pickle=False) as kept:
            clip = Clip(1, kept["frames"], kept["time_s"], kept["xy_um"], kept["observed"], 0.5)
        assert len(clip.frames) == 16
        shares = [float(row[f"p_{grade}"]) for grade in "ABCDE"]
        np.testing.assert_allclose(known_answer(clip)[0], shares, atol=2e-4)


@pytest.mark.parametrize(
    ("card", "options", "says"),
    [
        ({"kind": "scale"}, {}, "expected a grader"),
        ({"grades": ("a", "b", "c", "d", "e")}, {}, "expected the grades A B C D E, found a b c d e"),
        ({}, {"stills": True}, "expected a recording to grade, found stills"),
    ],
)
def test_a_model_that_a_session_cannot_hold_is_refused_before_anything_is_written(tmp_path, known, card, options, says):
    model = load_model(write_model(tmp_path / "m.spermscope", clip_card(**card), known._graphs, known.golden))
    (tmp_path / "out").mkdir()
    for number, sources in enumerate(([SCENE], [SCENE, SCENE])):
        with pytest.raises(ValueError, match=says):
            assess_all(sources, tmp_path / "out" / str(number), grader=model, **options)
    assert not list((tmp_path / "out").iterdir())


def test_the_command_takes_a_model_file_and_says_in_one_line_when_it_is_none(tmp_path):
    for path, says in (
        (tmp_path / "none.spermscope", "expected a model file"),
        (shipped("scale"), "expected a grader"),
    ):
        words = ["assess", SCENE, "--out", str(tmp_path / "s"), "--grader", str(path)]
        done = CliRunner().invoke(commands, words, standalone_mode=False)
        assert isinstance(done.exception, ValueError)
        assert says in str(done.exception)
        assert len(str(done.exception).splitlines()) == 1
    assert not (tmp_path / "s").exists()
