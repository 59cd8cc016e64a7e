"""Training batches: the maps turn with the picture, and inverting is rare where microscopes do not do it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from spermscope.training.lessons import BOX, HEAT, WEIGHT, Lessons, disturbed, turned  # noqa: E402
from spermscope.training.pictures import PATCH_PX, Picture  # noqa: E402
from spermscope.training.targets import Lesson  # noqa: E402


def one_head(x_px, y_px, *, either_sign=True):
    """The lesson of a bright bump at a head of 11 x 7 working pixels."""
    y, x = np.mgrid[:PATCH_PX, :PATCH_PX]
    flat = np.exp(-((x - x_px) ** 2 / 18 + (y - y_px) ** 2 / 8)).astype(np.float16)
    place, size = np.array([[x_px, y_px]], np.float32), np.array([[11.0, 7.0]], np.float32)
    return Lesson.of(Picture(flat, np.zeros(1, np.int8), place, size, either_sign))


def generator():
    return torch.Generator().manual_seed(3)


def test_the_head_lies_where_the_turned_maps_say():
    lessons = Lessons([one_head(60.3, 171.9)], torch.device("cpu"))
    flat, maps = turned(lessons.flat.float().repeat(64, 1, 1, 1), lessons.maps.float().repeat(64, 1, 1, 1), generator())
    places = set()
    for picture, map_ in zip(flat[:, 0].numpy(), maps.numpy(), strict=True):
        row, column = np.unravel_index(map_[HEAT][0].argmax(), map_[HEAT][0].shape)
        assert map_[WEIGHT][0, row, column] == 1.0
        off_x, off_y, log_width, log_height = map_[BOX][:, row, column]
        x, y = 2 * (column + off_x) + 0.5, 2 * (row + off_y) + 0.5
        rows, columns = np.mgrid[:PATCH_PX, :PATCH_PX]
        share = picture / picture.sum()
        assert (x, y) == pytest.approx(((share * columns).sum(), (share * rows).sum()), abs=0.1)
        spread_x, spread_y = ((share * (axis - (share * axis).sum()) ** 2).sum() for axis in (columns, rows))
        assert (log_width > log_height) == (spread_x > spread_y)
        places.add((round(float(x)), round(float(y))))
    assert len(places) == 8


def test_pictures_of_one_polarity_are_seldom_inverted():
    lessons = Lessons([one_head(99.0, 99.0), one_head(99.0, 99.0, either_sign=False)], torch.device("cpu"))
    flat = lessons.flat.float().repeat(400, 1, 1, 1)[..., 94:104, 94:104]
    seen = disturbed(flat, lessons.inverted.repeat(400), generator())
    inverted = (seen.mean((1, 2, 3)) < 0).float().reshape(400, 2).mean(0)
    assert inverted[0] == pytest.approx(0.3, abs=0.07)
    assert inverted[1] == pytest.approx(0.05, abs=0.03)


def test_two_pictures_in_five_get_more_noise():
    seen = disturbed(torch.zeros(600, 1, 16, 16), torch.full((600,), 0.2), generator())
    noise = seen.std((1, 2, 3))
    assert (noise > 0).float().mean() == pytest.approx(0.4, abs=0.06)
    assert 0.13 < noise.max() < 0.19
    assert noise[noise > 0].mean() == pytest.approx(0.075, abs=0.01)


def test_a_batch_has_the_shapes_that_the_loss_takes():
    lessons = Lessons([one_head(60.0, 60.0), one_head(90.0, 120.0)], torch.device("cpu"))
    flat, maps = lessons.batch(5, generator())
    assert flat.shape == (5, 1, PATCH_PX, PATCH_PX)
    assert maps.shape == (5, 8, PATCH_PX // 2, PATCH_PX // 2)
    assert flat.dtype == maps.dtype == torch.float32
    assert [len(batch) for batch in lessons.plain(1, 9)] == [1, 1]
