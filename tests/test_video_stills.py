"""Stills without a given scale: one estimate for each size of picture, in the session and its report too."""

import csv
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from spermscope.assessment import assess
from spermscope.report import write_report
from spermscope.settings import Settings
from spermscope.several_scales import open_still_detector
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.video import open_source
from spermscope.video.folder import ImageFolder
from spermscope.video.scale import UNSEEN, bin_centres, conclude, read_scale, scale_network
from spermscope.video.stills import MOST_PICTURES, MOST_TILES, confirmed, one_scale_odds


def still(seed, width, height, um_per_px=0.35):
    asked = {"width_px": width, "height_px": height, "um_per_px": um_per_px, "cells": 12, "seed": seed}
    return Scene(SceneSettings(**asked)).render(0.0)


def estimate(images, most_pictures):
    return conclude(confirmed(read_scale(images, scale_network(), most_tiles=MOST_TILES), images, most_pictures))


def write(folder, images):
    folder.mkdir()
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / f"{number}.png"), image)
    return folder


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Two sizes in turn, and blank pictures of a third."""
    seen = [still(seed, *((400, 300), (260, 260))[seed % 2]) for seed in range(6)]
    return write(tmp_path_factory.mktemp("mixed") / "in", [*seen, np.full((90, 120), 50, np.uint8)])


@pytest.fixture(scope="module")
def session(mixed, tmp_path_factory):
    return assess(mixed, tmp_path_factory.mktemp("out") / "s", stills=True)


@pytest.mark.slow
def test_pictures_of_one_size_share_the_estimate_from_all_of_them(mixed):
    with open_source(mixed, stills=True) as source:
        frames = [frame.image for frame in source]
        assert source.profile.scale is source.scale_of(frames[0])
        for image in frames:
            alike = [other for other in frames if other.shape == image.shape]
            shared = estimate(alike, MOST_PICTURES)
            assert source.stills.of_size(image) == shared
            assert source.scale_of(image) in (source.stills.of_size(image), estimate([image], 1))
        assert source.scale_of(frames[-1]) == UNSEEN
        assert source.stills.of_size(np.zeros((5, 5), np.uint8)) == UNSEEN


@given(st.floats(0.2, 0.6), st.floats(0.2, 0.6), st.floats(0.1, 0.2), st.floats(0.1, 0.2))
def test_the_odds_of_one_scale_are_those_of_two_gaussians(one, other, spread, width):
    """Closed form: a product of Gaussians integrates to a Gaussian of their distance, of the sum of their variances."""
    steps = bin_centres(32)
    first, second = norm.pdf(steps, np.log(one), spread), norm.pdf(steps, np.log(other), width)
    found = one_scale_odds(first / first.sum(), second / second.sum())
    reach = 32 * (steps[1] - steps[0])
    assert found == pytest.approx(
        reach * norm.pdf(np.log(one / other), 0.0, np.hypot(spread, width)), rel=0.05, abs=1e-9
    )


@given(st.lists(st.floats(0.0, 1.0), min_size=32, max_size=32).filter(lambda heights: sum(heights) > 0.1))
def test_what_says_nothing_is_never_apart(heights):
    assert one_scale_odds(np.full(32, 1 / 32), np.array(heights) / sum(heights)) == pytest.approx(1.0)


def test_a_given_scale_is_that_of_every_size(mixed):
    with open_source(mixed, stills=True, um_per_px=0.4) as source:
        assert source.stills is None
        assert all(source.scale_of(frame.image) is source.profile.scale for frame in source)


@pytest.mark.slow
def test_the_session_has_the_scale_of_every_size(session, mixed):
    profile = json.loads((session.folder / "session.json").read_text(encoding="utf-8"))["profile"]
    with open_source(mixed, stills=True) as source:
        assert {(one["longer_px"], one["shorter_px"]): one["um_per_px"] for one in profile["scales"]} == {
            sides: scale.um_per_px for sides, scale in source.stills.by_size.items()
        }
        expected = [f"{source.scale_of(frame.image).um_per_px:.5f}" for frame in source]
    assert set(map(tuple, source.stills.by_size)) == {(400, 300), (260, 260), (120, 90)}
    table = csv.DictReader((session.folder / "stage.csv").read_text(encoding="utf-8").splitlines())
    assert [row["um_per_px"] for row in table] == expected
    assert [model.kind for model in session.summary.models] == ["detector", "scale"]


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.slow
def test_the_report_has_the_scale_of_every_size(session, language):
    page = write_report(session.folder, language).read_text(encoding="utf-8")
    for one in session.summary.profile["scales"]:
        assert f"{one['longer_px']} x {one['shorter_px']}: {one['um_per_px']:.3f}" in page
    assert "± 100 %" in page


@pytest.mark.slow
def test_detections_are_those_of_a_picture_at_the_scale_of_its_size(session, mixed):
    rows = csv.DictReader((session.folder / "detections.csv").read_text(encoding="utf-8").splitlines())
    found = [float(row["score"]) for row in rows if row["frame"] == "1"]
    with open_source(mixed, stills=True) as source:
        frame = list(source)[1]
        profile = replace(source.profile, scale=source.scale_of(frame.image))
    assert found
    assert found == pytest.approx(open_still_detector(profile, Settings()).detect(frame).score, abs=1e-4)


def test_a_picture_on_its_side_has_the_same_size(tmp_path):
    upright = still(1, 300, 200)
    folder = write(tmp_path / "in", [upright, np.ascontiguousarray(upright.T)])
    with open_source(folder, stills=True) as source:
        assert list(source.stills.by_size) == [(300, 200)]
        assert source.scale_of(upright) == source.scale_of(upright.T)


def test_one_still_and_one_that_cannot_be_read(tmp_path):
    folder = write(tmp_path / "in", [still(1, 300, 200)])
    (folder / "1.png").write_bytes((folder / "0.png").read_bytes()[:200])
    with open_source(folder, stills=True) as source:
        (frame,) = source
        assert source.scale_of(frame.image) == estimate([frame.image], 1)
        assert source.warnings[0].startswith("image 1 could not be read")


def test_of_many_stills_some_are_decoded_spread_over_the_folder(tmp_path):
    folder = write(tmp_path / "in", [np.full((4, 6), number, np.uint8) for number in range(96)])
    (images,) = ImageFolder.of_folder(folder, stills=True, fps=None).of_each_size(32)
    assert [int(image[0, 0]) for image in images] == [round(95 * step / 31) for step in range(32)]


def test_sixteen_bit_stills_are_looked_at_through_their_own_levels(tmp_path):
    images = [still(seed, 256, 256).astype(np.uint16) * 30 + 500 for seed in range(3)]
    with open_source(write(tmp_path / "in", images), stills=True) as source:
        seen = [frame.image for frame in source]
        assert source.profile.scale == estimate(seen, MOST_PICTURES)


@pytest.mark.slow
def test_the_detector_settles_what_the_network_leaves_open():
    images = [still(seed, 400, 300, 0.3) for seed in range(3)]
    centres = bin_centres(32)
    open_ = np.exp(-0.5 * ((centres - np.log(0.42)) / 0.35) ** 2)
    before, after = conclude(open_ / open_.sum()), conclude(confirmed(open_, images, 3))
    assert abs(np.log(after.um_per_px / 0.3)) < abs(np.log(before.um_per_px / 0.3))


def test_where_the_network_tells_nothing_the_detector_is_not_asked():
    flat = np.full(32, 1 / 32)
    assert confirmed(flat, [still(0, 300, 200)], 1) is flat
