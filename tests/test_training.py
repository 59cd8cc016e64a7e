"""Training's parts: losses against a twin, networks that learn, export that agrees, splits that keep donors apart."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scipy.ndimage import label, maximum_filter  # noqa: E402

from spermscope.clips import MODEL_PX, MOTION_FEATURES  # noqa: E402
from spermscope.detect import STRIDE  # noqa: E402
from spermscope.labels import split_by_donor, split_hash  # noqa: E402
from spermscope.metrics import emd_rms  # noqa: E402
from spermscope.models.heatmap import HeatmapAtWork, HeatmapNet, heatmap_loss, to_maps  # noqa: E402
from spermscope.models.scale import ScaleNet  # noqa: E402
from spermscope.models.streaming import TOKEN, CropEncoder, GradeHead, HeadAtWork  # noqa: E402
from spermscope.normalise import in_blocks  # noqa: E402
from spermscope.simulate.donors import draw_cells, draw_donor  # noqa: E402
from spermscope.simulate.experts import Appearance  # noqa: E402
from spermscope.study.traits import shape_traits  # noqa: E402
from spermscope.training.detector import calibrate, count_hits, lowest_as_good, rates  # noqa: E402
from spermscope.training.export import golden, to_onnx  # noqa: E402
from spermscope.training.losses import emd_loss  # noqa: E402
from spermscope.training.pictures import PATCH_PX, Picture, _stands_out, draw_picture  # noqa: E402
from spermscope.training.targets import CROWD_CARE, draw_targets  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def test_the_loss_is_the_metric():
    rng = np.random.default_rng(1)
    target, logits = rng.dirichlet(np.ones(5), 50), rng.normal(0, 2, (50, 5))
    predicted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = emd_loss(torch.tensor(logits), torch.tensor(target, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(found, emd_rms(predicted, target), atol=2e-4)


def test_the_loss_is_zero_and_its_gradient_finite_where_both_agree():
    target = torch.tensor([[0.2, 0.3, 0.5, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0]])
    logits = torch.log(target + 1e-12).requires_grad_()
    loss = emd_loss(logits, target)
    assert loss.abs().max() < 1e-4
    loss.sum().backward()
    assert torch.isfinite(logits.grad).all()


def batch(rows=4, length=16):
    return torch.randn(rows, length, TOKEN), torch.rand(rows, length, MOTION_FEATURES), torch.ones(rows, length)


def test_shapes_and_a_gradient_on_every_parameter():
    encoder, head = CropEncoder(), GradeHead(features=MOTION_FEATURES)
    tokens = encoder(torch.randn(32, 1, MODEL_PX, MODEL_PX)).reshape(2, 16, TOKEN)
    logits, embedding, distance = head(tokens, torch.rand(2, 16, MOTION_FEATURES), torch.ones(2, 16))
    assert logits.shape == (2, 4, 5)
    assert embedding.shape == (2, 192)
    assert distance.shape == (2,)
    logits.sum().backward()
    for name, weight in [*encoder.named_parameters(), *head.named_parameters()]:
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name


def test_what_is_not_valid_changes_nothing():
    head = GradeHead(features=MOTION_FEATURES).eval()
    tokens, motion, valid = batch()
    valid[:, :5] = 0
    other = tokens.clone()
    other[:, :5] = 99.0
    noisy = motion.clone()
    noisy[:, :5] = -3.0
    with torch.no_grad():
        for one, two in zip(head(tokens, motion, valid), head(other, noisy, valid), strict=True):
            torch.testing.assert_close(one, two)


def test_the_head_learns_four_clips():
    head = GradeHead(features=MOTION_FEATURES)
    tokens, motion, valid = batch()
    target = torch.eye(5)[[0, 1, 3, 4]]
    optimizer = torch.optim.AdamW(head.parameters(), lr=3e-3)
    for _ in range(40):
        loss = emd_loss(head(tokens, motion, valid)[0].mean(1), target).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.08


def test_the_detector_net_learns_two_pictures():
    pictures = [draw_picture(seed) for seed in (1, 3)]
    targets = [torch.from_numpy(np.stack(part)) for part in zip(*map(draw_targets, pictures), strict=True)]
    flat = torch.from_numpy(np.stack([p.flat for p in pictures]).astype(np.float32)[:, None])
    network = HeatmapNet()
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(30):
        loss = heatmap_loss(network(flat), *targets).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_targets_peak_at_the_heads():
    picture = next(p for p in map(draw_picture, range(20)) if (p.kind == 0).sum() >= 3)
    heat, box, weight, _ = draw_targets(picture)
    inside = [
        xy for kind, xy in zip(picture.kind, picture.xy_px, strict=True)
        if kind == 0 and (xy > 4).all() and (xy < PATCH_PX - 5).all()
    ]  # fmt: skip
    for x, y in inside:
        column, row = round((x - 0.5) / STRIDE), round((y - 0.5) / STRIDE)
        if heat[0, row, column] < 0:
            continue
        assert heat[0, row, column] == 1.0
        assert heat[0, row, column] == heat[0, row - 1 : row + 2, column - 1 : column + 2].max()
        if weight[0, row, column] == 1.0 and abs(box[0, row, column]) < 0.5:
            assert (column + box[0, row, column]) * STRIDE + 0.5 == pytest.approx(x, abs=3.0)


def picture_of(*xy_px, kind=None):
    """Heads 11 x 7 working pixels large on a flat picture."""
    places = np.array(xy_px, np.float32)
    kinds = np.zeros(len(places), np.int8) if kind is None else np.array(kind, np.int8)
    flat = np.zeros((PATCH_PX, PATCH_PX), np.float16)
    return Picture(flat, kinds, places, np.tile(np.float32([11.0, 7.0]), (len(places), 1)))


@pytest.mark.parametrize("apart_px", [5.0, 6.0, 8.0])
def test_two_heads_on_each_other_are_two_peaks(apart_px):
    heat = draw_targets(picture_of((100.5, 100.5), (100.5 + apart_px, 100.5)))[0][0]
    peak = (heat == maximum_filter(heat, 3)) & (heat > 0.5)
    assert label(peak, np.ones((3, 3)))[1] == 2


def test_heads_beside_another_head_count_more_and_no_others():
    care = draw_targets(picture_of((50.5, 50.5), (58.5, 50.5), (150.5, 150.5), (200.5, 50.5), (208.5, 50.5),
                                   kind=[0, 0, 0, 0, 1]))[3][0]  # fmt: skip
    assert care[25, 25] == care[25, 29] == CROWD_CARE
    assert care[75, 75] == care[25, 100] == care[100, 10] == 1.0


def test_what_counts_more_weighs_more_in_the_loss():
    heat, box, weight, care = (torch.from_numpy(t)[None] for t in draw_targets(picture_of((50.5, 50.5), (58.5, 50.5))))
    output = torch.zeros(1, 24, PATCH_PX // 4, PATCH_PX // 4)
    assert heatmap_loss(output, heat, box, weight, care) > heatmap_loss(
        output, heat, box, weight, torch.ones_like(care)
    )


def test_boxes_are_compared_at_heads_alone_as_if_everywhere():
    pictures = [picture_of((50.5, 50.5), (58.5, 50.5), (150.0, 151.0)), picture_of((90.0, 30.0), kind=[1])]
    targets = zip(*map(draw_targets, pictures), strict=True)
    heat, box, weight, care = (torch.from_numpy(np.stack(part)) for part in targets)
    sparse, dense = (torch.randn(2, 24, 64, 64, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    unjudged = torch.full_like(heat, -1.0)
    found = heatmap_loss(sparse.requires_grad_(), unjudged, box, weight, care)
    share = weight * care
    far = torch.tensor([3.0, 3.0, 1.0, 1.0])[:, None, None] * (to_maps(dense.requires_grad_())[:, 2:] - box).abs()
    expected = (far * share).sum((1, 2, 3)) / share.sum((1, 2, 3)).clamp(min=1e-3)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        *(torch.autograd.grad(loss.sum(), of)[0] for loss, of in ((found, sparse), (expected, dense)))
    )


def test_the_detector_at_work_is_the_network_that_was_trained():
    torch.manual_seed(0)
    network = HeatmapNet().eval()
    flat = np.random.default_rng(0).normal(0, 0.3, (64, 96)).astype(np.float32)
    with torch.no_grad():
        cells = network(torch.from_numpy(flat)[None, None])
        found = torch.cat(HeatmapAtWork(network)(torch.from_numpy(in_blocks(flat))), -1)
    torch.testing.assert_close(found.permute(0, 3, 1, 2), cells, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    "which", ["encoder", "head", *(pytest.param(name, marks=pytest.mark.slow) for name in ("detector", "scale"))]
)
@pytest.mark.slow
def test_torch_onnx_runtime_and_openvino_agree(which, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    from spermscope.model_file import ModelCard, write_model
    from spermscope.runtime import load_model

    tokens, motion, valid = batch(3)
    network, inputs, outputs = {
        "detector": (HeatmapAtWork(HeatmapNet()), {"blocks": torch.randn(3, 16, 24, 16)}, ["heat", "rest"]),
        "scale": (ScaleNet(), {"tile": torch.randn(3, 1, 64, 96)}, ["logits"]),
        "encoder": (CropEncoder(), {"picture": torch.randn(3, 1, MODEL_PX, MODEL_PX)}, ["token"]),
        "head": (
            GradeHead(features=MOTION_FEATURES),
            {"tokens": tokens, "motion": motion, "valid": valid},
            ["logits", "embedding", "distance"],
        ),
    }[which]
    axes = {name: {0: "batch"} for name in inputs}
    graph, expected = to_onnx(network, inputs, outputs, axes), golden("model", network, inputs, outputs)
    card = ModelCard(
        kind="clip", name="t", version="0", um_per_px=0.5, trained_on="nothing", recipe="none", seed=0,
        intended_use="tests", limits="all",
    )  # fmt: skip
    model = load_model(write_model(tmp_path / "t.spermscope", card, {"model": graph}, expected))
    arrays = {name: value.numpy() for name, value in inputs.items()}
    mine = model.run("model", arrays)
    theirs = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(outputs, arrays)
    for name, value in zip(outputs, theirs, strict=True):
        truth = expected[f"model/out/{name}"]
        np.testing.assert_allclose(value, truth, atol=1e-4, rtol=1e-4)
        np.testing.assert_allclose(mine[name], truth, atol=1e-4, rtol=1e-4)


def test_a_head_that_cannot_be_seen_is_not_asked_for():
    flat = np.random.default_rng(0).normal(0, 0.3, (PATCH_PX, PATCH_PX)).astype(np.float32)
    places = np.array([[60.0, 60.0], [180.0, 200.0]])
    y, x = np.mgrid[:PATCH_PX, :PATCH_PX]
    flat[np.hypot(x - 60, y - 60) < 5] += 2.0
    assert _stands_out(flat, places).tolist() == [True, False]


def test_a_detectors_score_counts_hits_once_and_leaves_out_what_is_not_judged():
    maps = torch.full((1, 6, 64, 64), -8.0)
    maps[:, 2:] = 0.0
    for row, column in ((10, 10), (30, 30), (50, 50)):
        maps[0, 0, row, column] = 3.0
    cells = torch.nn.functional.pixel_unshuffle(maps, 2)
    torch.testing.assert_close(to_maps(cells), maps)
    centre = np.array([[10, 10], [30, 31], [20, 50]]) * STRIDE + 0.5
    picture = Picture(
        np.zeros((PATCH_PX, PATCH_PX), np.float16), np.array([0, -1, 0], np.int8), centre.astype(np.float32),
        np.full((3, 2), 9.0, np.float32),
    )  # fmt: skip
    placed = cells[0].permute(1, 2, 0).numpy()
    counts, far_px = count_hits([(placed[..., :8], placed[..., 8:])], [picture], 0.5, (1.0, 0.0))
    assert counts.tolist() == [[1, 2, 2]]
    assert far_px.tolist() == [0.0]
    assert rates(counts[0]) == (0.5, 0.5, 0.5)


class OnePeak(torch.nn.Module):
    """A peak in the middle whose logit is what the picture is filled with."""

    def forward(self, blocks):
        heat = torch.full((1, 64, 64, 8), -9.0)
        heat[0, 32, 32, 0] = blocks[0, 0, 0, 0]
        return heat, torch.zeros(1, 64, 64, 16)


def test_a_calibrated_score_is_the_share_of_such_peaks_that_are_heads():
    here, elsewhere = (128.5, 128.5), (20.5, 20.5)
    pictures = []
    for value, heads in ((2.0, 5), (0.0, 2)):
        for number in range(10):
            picture = picture_of(here if number < heads else elsewhere)
            pictures.append(replace(picture, flat=np.full_like(picture.flat, value)))
    slope, shift = calibrate(OnePeak(), pictures)
    assert shift == pytest.approx(np.log(0.2 / 0.8), abs=0.01)
    assert 2 * slope + shift == pytest.approx(0.0, abs=0.01)


def test_of_thresholds_that_are_as_good_the_lowest_is_taken():
    assert lowest_as_good([0.2, 0.3, 0.4, 0.5], [0.70, 0.869, 0.87, 0.869]) == 0.3
    assert lowest_as_good([0.2, 0.3, 0.4, 0.5], [0.70, 0.861, 0.87, 0.869]) == 0.4
    assert lowest_as_good([0.2, 0.3], [0.0, 0.0]) == 0.2


def test_traits_stand_about_zero_and_a_large_head_above_it():
    rng = np.random.default_rng(4)
    cells = draw_cells(draw_donor(rng, 1), 500, rng)
    larger = replace(cells, head_length_um=1.4 * cells.head_length_um, head_width_um=1.4 * cells.head_width_um)
    seen = Appearance(*(np.full(500, 0.5) for _ in range(3)))
    traits, grown = shape_traits(cells, seen), shape_traits(larger, seen)
    assert np.abs(np.median(traits, axis=0)).max() < 2.0
    np.testing.assert_allclose(grown[:, 0], traits[:, 0])
    assert (grown[:, 1] > traits[:, 1] + 1.5).all()


def test_a_split_keeps_every_donor_on_one_side():
    donors = np.repeat(np.arange(50), 7)
    parts = split_by_donor(donors, (0.7, 0.1, 0.2), 3)
    assert sorted(np.concatenate(parts).tolist()) == list(range(50))
    assert split_hash(parts) == split_hash(split_by_donor(donors[::-1], (0.7, 0.1, 0.2), 3))
    assert split_hash(parts) != split_hash(split_by_donor(donors, (0.7, 0.1, 0.2), 4))


@pytest.mark.slow
def test_the_detector_recipe_runs_end_to_end(tmp_path):
    from spermscope.runtime import load_model
    from spermscope.training.detector import train_detector

    path = train_detector(tmp_path / "d.spermscope", steps=30, pictures=64, processes=1)
    assert load_model(path).card.kind == "detector"


@pytest.mark.parametrize("every", [1, 2, 3])
def test_the_head_at_work_leaves_out_only_what_changes_nothing(every):
    head = GradeHead(features=7).eval()
    tokens, motion, valid = torch.randn(4, 16, TOKEN), torch.rand(4, 16, 7), torch.zeros(4, 16)
    valid[:, 15 % every :: every] = 1.0
    valid[0, :9] = 0.0
    valid[1, :15] = 0.0
    with torch.no_grad():
        whole, part = head(tokens, motion, valid), HeadAtWork(head, every)(tokens, motion, valid)
    for one, other in zip(whole, part, strict=True):
        torch.testing.assert_close(one, other)
