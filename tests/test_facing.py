"""A crop's middle, turned so that the head points to the right: against pictures whose every point is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from spermscope.models.facing import Facing  # noqa: E402

SIZE = 128


def wave(x, y):
    """A smooth picture at ``x, y``, pixels from its middle, to the right and downward."""
    return np.sin(0.11 * x + 0.4) + np.cos(0.07 * y - 0.05 * x) + 0.02 * y


def pictured(of):
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    return torch.from_numpy(of(x, y).astype(np.float32))[None, None]


@given(degrees=st.floats(-180, 180), length=st.floats(1e-3, 1e3))
def test_every_pixel_shows_the_point_that_lies_there_when_the_head_points_right(degrees, length):
    facing = Facing(height=32, width=48, step_px=0.75, behind_px=6.0)
    angle = np.radians(degrees)
    pointing = torch.tensor([[length * np.cos(angle), length * np.sin(angle)]], dtype=torch.float32)
    seen = facing(pictured(wave), pointing)[0, 0].numpy()
    along = (np.arange(48) - 23.5) * 0.75 - 6.0
    across = (np.arange(32)[:, None] - 15.5) * 0.75
    wanted = wave(along * np.cos(angle) - across * np.sin(angle), along * np.sin(angle) + across * np.cos(angle))
    # Between four pixels bilinear sampling is off by an eighth of the second derivatives.
    np.testing.assert_allclose(seen, wanted, atol=0.01)


def test_what_is_right_of_a_head_that_points_up_comes_below():
    spot = pictured(lambda x, y: np.hypot(x - 4.0, y + 10.0) < 2.0)
    seen = Facing(height=32, width=48, step_px=1.0, behind_px=0.0)(spot, torch.tensor([[0.0, -1.0]]))[0, 0]
    row, column = divmod(int(seen.argmax()), 48)
    assert (column - 23.5, row - 15.5) == pytest.approx((10.0, 4.0), abs=2.0)


def test_a_heading_of_length_zero_gives_no_nan_and_gradients_reach_the_others():
    facing = Facing(height=8, width=8, step_px=1.0, behind_px=0.0)
    pointing = torch.tensor([[0.0, 0.0], [1.0, 0.5]], requires_grad=True)
    seen = facing(pictured(wave).expand(2, -1, -1, -1), pointing)
    assert torch.isfinite(seen).all()
    seen.square().sum().backward()
    assert torch.isfinite(pointing.grad).all()
    assert pointing.grad[1].abs().sum() > 0


def test_the_gradient_is_that_of_turning_a_little_further():
    facing = Facing(height=8, width=12, step_px=1.0, behind_px=2.0)
    picture = pictured(wave)

    def shown(angle):
        return facing(picture, torch.stack([angle.cos(), angle.sin()])[None]).square().mean()

    angle = torch.tensor(0.3, requires_grad=True)
    shown(angle).backward()
    with torch.no_grad():
        further = (shown(torch.tensor(0.31)) - shown(torch.tensor(0.29))) / 0.02
    assert float(angle.grad) == pytest.approx(float(further), rel=0.1)


def test_pixels_lie_where_they_should_where_all_else_is_in_half_precision():
    facing, pointing = Facing(height=8, width=12, step_px=1.0, behind_px=2.0), torch.tensor([[0.8, 0.6]])
    seen = facing(pictured(wave), pointing)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(facing(pictured(wave), pointing), seen)
    assert facing.to("meta")(pictured(wave).to("meta"), pointing.to("meta")).shape == seen.shape
