"""What users bring: inverted, tinted, dark, combed, empty of cells. A sensible result, or a clear refusal."""

import csv

import cv2
import numpy as np
import pytest

from spermscope.assessment import assess
from spermscope.conclusion import Conditions
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.types import Scale

SCENE = "width_px=400,height_px=300,um_per_px=0.4,fps=15,duration_s=2,cells=12,seed=41"
EJACULATE = Conditions(ejaculate=True, temperature_c=37.0, depth_um=20.0)


def frames(parameters=SCENE):
    return [image for _, _, image, _ in Scene(SceneSettings.parse(parameters)).frames()]


def assessed(images, folder):
    """The rows of ``sperm.csv``, with each cell's last place, of these images at 15 frames per second, 0.4 um/px."""
    (folder / "in").mkdir()
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / "in" / f"{number:04d}.png"), image)
    session = assess(folder / "in", folder / "out", um_per_px=0.4, fps=15, conditions=EJACULATE)
    assert (session.folder / "report.html").is_file()
    rows, places = (table_of(session.folder / name) for name in ("sperm.csv", "tracks.csv"))
    last = {row["track_id"]: (float(row["x_um"]), float(row["y_um"])) for row in places}
    return [{**row, "last_um": last[row["track_id"]]} for row in rows]


def table_of(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def tinted(image):
    return np.stack([0.6 * image, image, 0.9 * image], axis=-1).astype(np.uint8)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return assessed(frames(), tmp_path_factory.mktemp("plain"))


def long_ones(rows):
    """Cells that were followed for a second."""
    return [row for row in rows if float(row["duration_s"]) >= 1.0]


@pytest.mark.parametrize(
    "changed",
    [lambda i: 255 - i, tinted, lambda i: i // 12, lambda i: i[:299, :399]],
    ids=["inverted", "tinted", "dark", "odd"],
)
def test_the_same_cells_are_found_however_the_picture_was_taken(changed, plain, tmp_path):
    rows = assessed(map(changed, frames()), tmp_path)
    # Heads seen the other way round score a little lower, and a few faint ones no longer count.
    assert len(long_ones(rows)) == pytest.approx(len(long_ones(plain)), rel=0.25)
    far = [[np.hypot(*np.subtract(a["last_um"], b["last_um"])) for b in long_ones(plain)] for a in long_ones(rows)]
    same = [(a, long_ones(plain)[np.argmin(row)]) for a, row in zip(long_ones(rows), far, strict=True) if min(row) < 2]
    assert len(same) >= 0.6 * len(long_ones(plain))
    speeds = np.array([[float(cell["vsl_um_s"]) for cell in pair] for pair in same])
    np.testing.assert_allclose(speeds[:, 0], speeds[:, 1], rtol=0.1, atol=1.0)


def test_a_saturated_picture_shows_half_of_the_cells_or_more_and_no_others(plain, tmp_path):
    rows = assessed([np.clip(2.1 * image.astype(float), 0, 255).astype(np.uint8) for image in frames()], tmp_path)
    assert len(long_ones(plain)) / 2 <= len(long_ones(rows)) <= len(long_ones(plain)) + 1


def test_a_nearly_black_picture_shows_most_cells_or_none_but_no_flood(plain, tmp_path):
    rows = assessed([image // 40 for image in frames()], tmp_path)
    assert len(rows) <= 1.3 * len(plain)


def test_a_combed_picture_shows_no_more_cells_than_there_are(plain, tmp_path):
    images = frames()
    combed = [image.copy() for image in images[:-1]]
    for image, later in zip(combed, images[1:], strict=True):
        image[1::2] = later[1::2]
    assert len(assessed(combed, tmp_path)) <= 1.3 * len(plain)


def test_debris_alone_is_no_cell(tmp_path):
    assert len(assessed(frames(SCENE.replace("cells=12", "cells=0") + ",debris=8"), tmp_path)) <= 1


@pytest.mark.slow
def test_a_picture_repeated_a_thousand_times_holds_still_cells(tmp_path):
    still = frames(SCENE.replace("400", "200").replace("300", "160"))[0]
    rows = assessed([still] * 1000, tmp_path)
    assert rows
    for row in rows:
        assert float(row["duration_s"]) == 60.0  # the latest minute of a track
        assert float(row["vsl_um_s"]) == pytest.approx(0.0, abs=0.1)
        assert row["who_motility"] == "immotile"


def test_no_bead_of_a_bead_slide_swims(tmp_path):
    rng = np.random.default_rng(5)
    places, beads = rng.uniform(20, 280, (25, 2)), []
    for _ in range(30):
        places += rng.normal(0.0, 0.25, places.shape)
        image = np.full((300, 300), 110, np.uint8)
        for x, y in places:
            cv2.circle(image, (round(16 * x), round(16 * y)), 16 * 6, 190, -1, cv2.LINE_AA, 4)
        beads.append(
            np.clip(cv2.GaussianBlur(image, None, 1.2) + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)
        )
    assert not {row["who_motility"] for row in assessed(beads, tmp_path)} & {"rapid", "slow"}


@pytest.mark.parametrize("um_per_px", [0.02, 5.0])
def test_a_scale_at_which_no_head_could_be_seen_is_refused(um_per_px):
    with pytest.raises(ValueError, match=r"expected 0.03 to 2.5 um per pixel, found"):
        Scale(um_per_px, "given")
