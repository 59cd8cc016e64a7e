"""Heads found: by the network and, as its oracle, by a difference of boxes."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from spermscope.detect import STRIDE, BoxDetector, HeatmapDetector, decode, match_heads, open_detector, to_source
from spermscope.normalise import working_size
from spermscope.settings import Settings
from spermscope.simulate.optics import KINDS
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.types import Detections, Frame, Scale, SourceProfile


def profile(width, height, um_per_px, polarity=0):
    return SourceProfile(width, height, 50.0, Scale(um_per_px, "given"), polarity, 110.0, 3.0)


def recall_precision(detector, scene, times_s):
    hit = heads = seen_count = 0
    um = scene.settings.um_per_px
    size = np.array([scene.settings.width_px, scene.settings.height_px])
    for time_s in times_s:
        truth = scene.truth(time_s)
        seen = detector.detect(Frame(scene.render(time_s), 0, time_s))
        xy = np.column_stack([truth.x_px, truth.y_px])[truth.in_view].astype(np.float32)
        edge = 4.0 / um

        def inside(points, edge=edge):
            return np.all((points > edge) & (points < size - edge), axis=1)

        found = seen.xy_px[seen.sperm]
        pairs = match_heads(xy, found, 2.5 / um)
        hit += int(inside(xy[pairs[:, 0]]).sum())
        heads += int(inside(xy).sum())
        seen_count += int(inside(found).sum())
    return hit / heads, hit / max(seen_count, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_network_finds_heads_in_every_optics(kind):
    scene = Scene(SceneSettings.parse(f"width_px=640,height_px=480,um_per_px=0.4,cells=30,seed=61,optics={kind}"))
    detector = open_detector(profile(640, 480, 0.4), Settings())
    assert isinstance(detector, HeatmapDetector)
    recall, precision = recall_precision(detector, scene, [0.0, 1.0, 2.0])
    assert recall >= 0.8
    assert precision >= 0.75


def test_boxes_find_heads_where_their_polarity_is_known():
    scene = Scene(SceneSettings.parse("width_px=640,height_px=480,um_per_px=0.4,cells=20,seed=62,debris=0"))
    detector = open_detector(profile(640, 480, 0.4, +1), Settings(detect={"method": "boxes"}))
    assert isinstance(detector, BoxDetector)
    recall, _ = recall_precision(detector, scene, [0.0, 1.0])
    assert recall >= 0.8


@pytest.mark.parametrize("method", ["network", "boxes"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 501), (200, 200)])
def test_a_flat_picture_of_any_size_holds_nothing(shape, method):
    detector = open_detector(profile(shape[1], shape[0], 0.4, 1), Settings(detect={"method": method}))
    assert len(detector.detect(Frame(np.full(shape, 128, np.uint8), 0, 0.0))) == 0


def test_the_same_sample_through_another_camera_gives_the_same_heads():
    fine, coarse = (
        Scene(SceneSettings.parse(f"width_px={w},height_px={h},um_per_px={um},cells=12,seed=63,debris=0.2"))
        for w, h, um in ((640, 480, 0.3), (480, 360, 0.4))
    )
    found = []
    for scene in (fine, coarse):
        s = scene.settings
        seen = open_detector(profile(s.width_px, s.height_px, s.um_per_px), Settings()).detect(
            Frame(scene.render(0.0), 0, 0.0)
        )
        truth = scene.truth(0.0)
        xy = np.column_stack([truth.x_px, truth.y_px])[truth.in_view]
        found.append(float((cdist(xy, seen.xy_px[seen.sperm]).min(axis=1) * s.um_per_px < 2.0).mean()))
    assert min(found) > 0.8


def test_a_lower_threshold_finds_at_least_as_much():
    scene = Scene(SceneSettings.parse("width_px=320,height_px=240,um_per_px=0.4,cells=10,seed=64"))
    frame = Frame(scene.render(0.0), 0, 0.0)
    counts = [
        len(open_detector(profile(320, 240, 0.4), Settings(detect={"threshold": t})).detect(frame))
        for t in (0.2, 0.5, 0.8)
    ]
    assert counts == sorted(counts, reverse=True)


def test_faint_heads_come_beside_the_sure_ones():
    scene = Scene(SceneSettings.parse("width_px=640,height_px=480,um_per_px=0.4,cells=40,seed=65"))
    frame = Frame(scene.render(0.0), 0, 0.0)
    sure, every = (open_detector(profile(640, 480, 0.4), Settings(), faint=faint) for faint in (False, True))
    seen, more = sure.detect(frame), every.detect(frame)
    bright = more.where(more.score >= sure.model.card.constants["threshold"])
    np.testing.assert_array_equal(bright.xy_px, seen.xy_px)
    assert len(more) > len(seen)


def heat_and_rest(maps):
    """``(6, 2h, 2w)`` maps as the network gives them, ``(h, w, 8)`` and ``(h, w, 16)``: written out cell by cell."""
    cells = np.empty((maps.shape[1] // 2, maps.shape[2] // 2, 24), np.float32)
    for channel, row, column in np.ndindex(maps.shape):
        cells[row // 2, column // 2, 4 * channel + 2 * (row % 2) + column % 2] = maps[channel, row, column]
    return cells[..., :8], cells[..., 8:]


@pytest.mark.parametrize(("row", "column"), [(4, 8), (4, 7), (5, 8), (5, 7)])
def test_a_peak_is_read_at_its_offset_and_size(row, column):
    maps = np.full((6, 10, 12), -8.0, np.float32)
    maps[2:] = 0.0
    maps[0, row, column] = 3.0
    maps[2:, row, column] = (0.25, -0.5, np.log(11.0), np.log(7.0))
    seen = decode(*heat_and_rest(maps), 0.3, 0.4)
    assert seen.xy_px.tolist() == [[(column + 0.25) * STRIDE + 0.5, (row - 0.5) * STRIDE + 0.5]]
    assert seen.score[0] == pytest.approx(1 / (1 + np.exp(-3)))
    np.testing.assert_allclose(seen.wh_px, [[11.0, 7.0]], rtol=1e-6)
    assert seen.sperm.tolist() == [True]


def test_a_calibrated_score_and_its_threshold_are_on_one_scale():
    maps = np.full((6, 10, 12), -8.0, np.float32)
    maps[2:] = 0.0
    maps[0, 4, 3], maps[0, 4, 9] = 3.0, 1.0
    seen = decode(*heat_and_rest(maps), 0.4, 0.4, (0.5, -1.0))
    np.testing.assert_allclose(seen.score, [1 / (1 + np.exp(-0.5))], rtol=1e-6)
    assert len(decode(*heat_and_rest(maps), 0.37, 0.4, (0.5, -1.0))) == 2


def test_of_two_peaks_on_one_head_the_stronger_counts():
    maps = np.full((6, 10, 12), -8.0, np.float32)
    maps[2:] = 0.0
    maps[0, 4, 7], maps[1, 4, 8], maps[0, 8, 1] = 2.0, 3.0, 1.0
    seen = decode(*heat_and_rest(maps), 0.3, 0.4)
    assert sorted(seen.sperm.tolist()) == [False, True]


@pytest.mark.parametrize("um_per_px", [0.3333, 0.25, 0.517])
def test_working_corners_are_the_sources_corners(um_per_px):
    shape = (976, 1392)
    height, width = working_size(shape, um_per_px, 0.4)
    corners = np.array([[-0.49, -0.49], [width - 0.51, height - 0.51]], np.float32)
    seen = Detections(corners, np.ones((2, 2), np.float32), np.ones(2, np.float32), np.ones(2, bool))
    found = to_source(seen, (height, width), shape).xy_px
    np.testing.assert_allclose(found, [[-0.5, -0.5], [1391.5, 975.5]], atol=0.02)


def test_matching_is_one_to_one_and_within_reach():
    heads = np.array([[0, 0], [10, 0]], np.float32)
    seen = np.array([[1, 0], [9, 0], [9.5, 0], [50, 50]], np.float32)
    assert match_heads(heads, seen, 3.0).tolist() == [[0, 0], [1, 2]]
    assert match_heads(heads, seen[:0], 3.0).shape == (0, 2)
