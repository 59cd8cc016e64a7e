"""What a trunk has learned on single crops, it sees in clips."""

import pytest

torch = pytest.importorskip("torch")

from spermscope.models.family import TRUNKS  # noqa: E402
from spermscope.models.one_crop import on_one_crop  # noqa: E402

SMALL = [name for name in TRUNKS if name.startswith("small-")]


@pytest.mark.parametrize("name", SMALL)
def test_a_clip_that_stands_still_is_seen_as_its_crop(name):
    torch.manual_seed(0)
    trunk, crop = TRUNKS[name]().eval(), torch.randn(2, 1, 128, 128)
    frames = trunk.frames
    with torch.no_grad():
        with on_one_crop(trunk):
            alone = trunk(crop)
        clip = trunk(crop.expand(-1, 16, -1, -1))
    assert trunk.frames == frames
    torch.testing.assert_close(clip, alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["small-r2plus1d", "small-slowfast"])
def test_time_can_still_be_learned(name):
    torch.manual_seed(0)
    trunk = TRUNKS[name]()
    with on_one_crop(trunk):
        trunk(torch.randn(2, 1, 128, 128))
    trunk(torch.randn(2, 16, 128, 128)).square().sum().backward()
    kernels = [part.weight for part in trunk.modules() if isinstance(part, torch.nn.Conv3d) and part.kernel_size[0] > 1]
    assert all(not kernel[:, :, 0].any() for kernel in kernels)
    assert sum(kernel.grad[:, :, 0].abs().sum() for kernel in kernels) > 0


def test_attention_along_time_begins_as_that_in_space_and_learns():
    torch.manual_seed(0)
    trunk = TRUNKS["small-timesformer"]()
    with on_one_crop(trunk):
        trunk(torch.randn(2, 1, 128, 128)).square().sum().backward()
    block = trunk.blocks[0]
    assert block.time.qkv.weight.grad is None
    torch.testing.assert_close(block.time.qkv.weight, block.space.qkv.weight)
    optimizer = torch.optim.SGD(trunk.parameters(), 0.1)
    for _ in range(2):
        optimizer.zero_grad()
        trunk(torch.randn(2, 16, 128, 128)).square().sum().backward()
        optimizer.step()
    assert block.time.qkv.weight.grad.abs().sum() > 0
