"""The networks of a comparison: published figures, independent twins, the one interface, and that each learns."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from spermscope.models.clip_grader import ClipGrader, PicturesAlone  # noqa: E402
from spermscope.models.family import NETWORKS, TRUNKS  # noqa: E402
from spermscope.models.motion import Alone, Motion  # noqa: E402
from spermscope.models.r2plus1d import R2Plus1D  # noqa: E402
from spermscope.models.resnet import FrameMean, ResNet, bottleneck  # noqa: E402
from spermscope.models.sampling import central, evenly  # noqa: E402
from spermscope.models.slowfast import SlowFast  # noqa: E402
from spermscope.models.streaming import TOKEN, CropEncoder, GradeHead, HeadAtWork, StreamingClip  # noqa: E402
from spermscope.models.timesformer import TimeSformer  # noqa: E402
from spermscope.models.weights import ANSWERS, load_trunk  # noqa: E402
from spermscope.training.export import to_onnx  # noqa: E402
from spermscope.training.losses import LOSSES  # noqa: E402

SMALL = [name for name in NETWORKS if name.startswith("small-")] + ["stream"]
FULL = [name for name in NETWORKS if name not in SMALL]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def clips(count=2, length=16, side=128):
    return torch.randn(count, length, side, side), torch.rand(count, length, 7)


def counted(name):
    with torch.device("meta"):
        return sum(weight.numel() for weight in TRUNKS[name]().parameters())


# Published parameters in millions without the classifier; what is taken off: two of three input channels.
@pytest.mark.parametrize(
    ("name", "published", "per_channel"),
    [
        ("resnet18-still", 11_176_512, 64 * 49),
        ("resnet50-mean", 23_508_032, 64 * 49),
        ("r2plus1d18", 31_505_325 - 513 * 400, 45 * 49),
    ],
)
def test_parameters_are_the_published_ones(name, published, per_channel):
    assert counted(name) == published - 2 * per_channel


@pytest.mark.parametrize(
    ("name", "millions"),
    [("slowfast50", 33.6), ("timesformer-tiny", 7.6), ("timesformer-small", 30.3), ("timesformer-base", 120.8)],
)
def test_parameters_are_near_the_published_ones(name, millions):
    assert counted(name) / 1e6 == pytest.approx(millions, abs=0.06)


def test_timesformer_small_multiplies_as_often_as_measured_elsewhere():
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        TimeSformer()(torch.randn(1, 16, 128, 128))
    attention = 12 * 2 * 384 * (49 * 8 * 8 + 8 * 50 * 50) / 1e9
    assert counter.get_total_flops() / 2e9 - attention == pytest.approx(11.90, abs=0.005)


@pytest.mark.parametrize("name", [name for name in TRUNKS if name in SMALL])
def test_a_small_variant_is_small(name):
    assert 200_000 < counted(name) < 1_000_000


@pytest.mark.parametrize(
    ("length", "count", "places"),
    [
        (16, 1, [8]), (16, 8, [1, 3, 5, 7, 9, 11, 13, 15]), (16, 16, list(range(16))), (9, 3, [1, 4, 7]),
        (2, 4, [0, 0, 1, 1]),
    ],
)  # fmt: skip
def test_crops_are_taken_evenly(length, count, places):
    pictures = torch.arange(length, dtype=torch.float32)[None, :, None, None].expand(2, -1, 3, 3)
    assert evenly(pictures, count)[1, :, 0, 0].tolist() == places


def test_the_middle_is_seen_as_it_is_and_small_pictures_are_enlarged():
    pictures = torch.randn(2, 3, 32, 40)
    torch.testing.assert_close(central(pictures, 16), pictures[:, :, 8:24, 12:28])
    torch.testing.assert_close(central(pictures[..., :32], 32), pictures[..., :32])
    assert central(torch.full((1, 2, 8, 8), 3.0), 16).eq(3).all()


def unsettle(network):
    """Random statistics and gains, so that a twin that skipped or swapped one would be seen."""
    for part in network.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 1.5)
        for name, weight in part.named_parameters(recurse=False):
            if weight.dim() == 1:
                torch.nn.init.normal_(weight, 1.0 if name == "weight" else 0.0, 0.2)
    return network.eval()


ATTENTION = {
    "time.qkv": "temporal_attention.attention.qkv", "time.join": "temporal_attention.output.dense",
    "space.qkv": "attention.attention.qkv", "space.join": "attention.output.dense", "join_time": "temporal_dense",
    "norm_time": "temporal_layernorm", "norm_space": "layernorm_before", "norm_mlp": "layernorm_after",
    "mlp.0": "intermediate.dense", "mlp.2": "output.dense",
}  # fmt: skip


@pytest.mark.filterwarnings("default")
def test_timesformer_is_an_independent_one_with_the_same_weights():
    pytest.importorskip("transformers", reason="the independent TimeSformer is in the dev extra")
    from transformers import TimesformerConfig, TimesformerModel

    theirs = unsettle(
        TimesformerModel(
            TimesformerConfig(
                image_size=48, patch_size=16, num_channels=1, num_frames=4, hidden_size=48, num_hidden_layers=3,
                num_attention_heads=4, intermediate_size=192,
            )
        )
    )  # fmt: skip
    mine = TimeSformer(48, 4, depth=3, side=48, frames=4).eval()
    given = theirs.state_dict()
    for name in ("cls_token", "position_embeddings", "time_embeddings"):
        given[f"embeddings.{name}"].normal_(0, 0.5)
    names = {
        "mark": "embeddings.cls_token", "place": "embeddings.position_embeddings",
        "moment": "embeddings.time_embeddings", "patch.weight": "embeddings.patch_embeddings.projection.weight",
        "patch.bias": "embeddings.patch_embeddings.projection.bias", "norm.weight": "layernorm.weight",
        "norm.bias": "layernorm.bias",
    }  # fmt: skip
    for block in range(3):
        for ours, other in ATTENTION.items():
            for kind in ("weight", "bias"):
                names[f"blocks.{block}.{ours}.{kind}"] = f"encoder.layer.{block}.{other}.{kind}"
    assert sorted(names.values()) == sorted(given)
    mine.load_state_dict({ours: given[other] for ours, other in names.items()})
    pictures = torch.randn(3, 4, 48, 48)
    with torch.no_grad():
        expected = theirs(pictures[:, :, None]).last_hidden_state[:, 0]
        torch.testing.assert_close(mine(pictures), expected, atol=1e-4, rtol=1e-4)


def layers(network):
    kinds = (torch.nn.Conv2d, torch.nn.BatchNorm2d)
    return [part for part in network.modules() if isinstance(part, kinds)]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", ["basic", "bottleneck"])
def test_resnet_is_an_independent_one_with_the_same_weights(kind):
    pytest.importorskip("transformers", reason="the independent ResNet is in the dev extra")
    from transformers import ResNetConfig, ResNetModel

    depths, first = ([2, 2, 2, 2], 64) if kind == "basic" else ([3, 4, 6, 3], 64)
    sizes = [first * 2**stage * (1 if kind == "basic" else 4) for stage in range(4)]
    theirs = unsettle(
        ResNetModel(
            ResNetConfig(
                num_channels=1, embedding_size=first, hidden_sizes=sizes, depths=depths, layer_type=kind,
            )
        )
    )  # fmt: skip
    mine = ResNet() if kind == "basic" else ResNet(bottleneck, tuple(depths))
    given = layers(theirs.embedder)
    for stage in theirs.encoder.stages:
        for block in stage.layers:
            given += layers(block.layer) + layers(block.shortcut)
    for ours, other in zip(layers(mine), given, strict=True):
        ours.load_state_dict(other.state_dict())
    picture = torch.randn(2, 1, 64, 96, dtype=torch.float64)
    with torch.no_grad():
        expected = theirs.double()(picture).pooler_output.flatten(1)
        torch.testing.assert_close(mine.double().eval()(picture), expected, atol=1e-10, rtol=1e-10)


def test_the_still_network_sees_the_middle_crop_alone_and_the_mean_all_eight():
    pictures = clips()[0]
    encoder = ResNet(depths=(1, 1, 1, 1), first=8).eval()
    with torch.no_grad():
        torch.testing.assert_close(FrameMean(encoder, 1)(pictures), encoder(pictures[:, 8, None]))
        each = torch.stack([encoder(pictures[:, place, None]) for place in range(1, 16, 2)])
        torch.testing.assert_close(FrameMean(encoder, 8)(pictures), each.mean(0))


def test_the_fast_pathway_feeds_the_slow_one_at_every_stage():
    network = TRUNKS["small-slowfast"]()
    fast_width = network.fast_stages[-1][-1].change[-1][1].num_features
    network(clips(1)[0])[:, :-fast_width].square().sum().backward()
    for part in (network.fast_enter, *network.fast_stages[:-1], *network.laterals):
        assert silent(part) == []
    assert len(silent(network.fast_stages[-1])) == len(list(network.fast_stages[-1].parameters()))


def test_the_slow_pathway_has_a_quarter_of_the_crops_and_time_is_never_strided():
    network = SlowFast((1, 1, 1, 1), first=8, fast=4, side=32)
    lengths = {}
    for name in ("slow_stages", "fast_stages"):
        for number, stage in enumerate(getattr(network, name)):
            stage.register_forward_hook(lambda _, __, out, key=(name, number): lengths.update({key: out.shape[2]}))
    network(clips(1, side=32)[0])
    assert {lengths["slow_stages", number] for number in range(4)} == {4}
    assert {lengths["fast_stages", number] for number in range(4)} == {16}


def test_the_slow_pathway_mixes_crops_in_its_last_two_stages_alone():
    network = SlowFast()
    kernels = [stage[0].change[0][0][0].kernel_size[0] for stage in network.slow_stages]
    assert kernels == [1, 1, 3, 3]
    assert [stage[0].change[0][0][0].kernel_size[0] for stage in network.fast_stages] == [3, 3, 3, 3]


@pytest.mark.parametrize("name", ["small-r2plus1d", "small-slowfast", "small-timesformer"])
def test_a_video_network_sees_the_order_of_crops_and_a_mean_over_crops_does_not(name):
    pictures = clips(2)[0]
    mixed = pictures.flip(1)
    with torch.no_grad():
        video, mean = TRUNKS[name]().eval(), FrameMean(ResNet(depths=(1,), first=8).eval(), 16)
        torch.testing.assert_close(mean(pictures), mean(mixed))
        assert not torch.allclose(video(pictures), video(mixed), atol=1e-4)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(("length", "side", "grades", "heads"), [(2, 128, 3, 1), (11, 128, 7, 2), (20, 160, 5, 4)])
def test_any_length_number_of_grades_and_heads(name, length, side, grades, heads):
    side = 128 if name == "stream" else side
    network = NETWORKS[name](grades, heads).eval()
    with torch.no_grad():
        logits, embedding = network(*clips(3, length, side))
    assert logits.shape == (3, heads, grades)
    assert embedding.shape[0] == 3
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", SMALL)
def test_displacements_are_read_unless_the_network_is_built_without(name):
    pictures, motion = clips()
    faster = motion * 2.0
    with torch.no_grad():
        reads = NETWORKS[name]().eval()
        assert not torch.allclose(reads(pictures, motion)[0], reads(pictures, faster)[0], atol=1e-4)
        without = NETWORKS[name](motion=False).eval()
        for one, two in zip(without(pictures, motion), without(pictures, faster), strict=True):
            torch.testing.assert_close(one, two)
        torch.testing.assert_close(PicturesAlone(without)(pictures)[0], without(pictures, motion)[0])


def test_the_track_is_seen_at_any_length_and_in_its_order():
    seen = Motion().eval()
    motion = torch.rand(2, 16, 7)
    with torch.no_grad():
        for length in (2, 9, 16):
            assert seen(motion[:, :length]).shape == (2, 64)
        assert not torch.allclose(seen(motion), seen(motion.flip(1)), atol=1e-4)


def looking_closely(pointing):
    """An encoder that takes every head to point there, and tells of its close sight alone."""
    torch.manual_seed(0)
    encoder = CropEncoder().eval()
    with torch.no_grad():
        encoder.heading.weight.zero_()
        encoder.heading.bias.copy_(torch.tensor(pointing))
        encoder.out.weight[:, -256:] = 0.0
    return encoder


def test_a_cell_that_is_turned_with_its_heading_is_seen_closely_as_before():
    picture = torch.randn(2, 1, 128, 128)
    below = torch.rot90(picture, -1, (2, 3))
    with torch.no_grad():
        right, down = looking_closely([1.0, 0.0]), looking_closely([0.0, 1.0])
        torch.testing.assert_close(down(below), right(picture), rtol=1e-4, atol=1e-5)
        assert not torch.allclose(down(picture), right(picture), atol=1e-2)


def test_the_close_sight_is_of_the_head_and_its_neck_alone():
    picture, encoder = torch.randn(1, 1, 128, 128), looking_closely([1.0, 0.0])
    inside = torch.zeros(128, 128, dtype=torch.bool)
    inside[51:77, 39:77] = True  # 12 um across, from 12 um behind the middle to 6 before it, and a pixel about
    with torch.no_grad():
        seen = encoder(picture)
        torch.testing.assert_close(encoder(torch.where(inside, picture, 5.0)), seen)
        assert not torch.allclose(encoder(torch.where(inside, 5.0, picture)), seen, atol=1e-2)


def test_the_streaming_network_on_a_clip_is_encoder_and_head_at_work():
    encoder, head = CropEncoder().eval(), GradeHead(features=7).eval()
    pictures, motion = clips(3)
    tokens, valid = torch.zeros(3, 16, TOKEN), torch.zeros(3, 16)
    valid[:, 1::2] = 1.0
    with torch.no_grad():
        tokens[:, 1::2] = encoder(pictures[:, 1::2].flatten(0, 1)[:, None]).unflatten(0, (3, 8))
        logits, embedding, _ = HeadAtWork(head, 2)(tokens, motion, valid)
        found = StreamingClip(encoder, head)(pictures, motion)
        torch.testing.assert_close(found, (logits, embedding))
        longer = (torch.cat([torch.randn(3, 5, 128, 128), pictures], 1), torch.cat([torch.rand(3, 5, 7), motion], 1))
        torch.testing.assert_close(StreamingClip(encoder, head)(*longer), found)
        valid[:, :7] = 0.0
        logits, embedding, _ = HeadAtWork(head, 2)(tokens, motion, valid)
        torch.testing.assert_close(StreamingClip(encoder, head)(pictures[:, 7:], motion[:, 7:]), (logits, embedding))


TARGET = 0.8 * torch.eye(5)[[0, 1, 2, 3, 4, 0, 2, 4]] + 0.04
STEPS = 150


def silent(network):
    """Parameters that no gradient has reached, or one that is not finite."""
    return [
        name for name, weight in network.named_parameters()
        if weight.grad is None or not torch.isfinite(weight.grad).all() or not weight.grad.abs().sum() > 0
    ]  # fmt: skip


def steps_to_learn(network, loss, share):
    """Steps until the loss above its least value is ``share`` of what it was; infinite above ``STEPS``."""
    blobs = torch.nn.functional.interpolate(torch.randn(8, 16, 8, 8), (128, 128), mode="bilinear")
    motion = torch.rand(8, 16, 7)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    least, first = loss(TARGET.log(), TARGET).mean().item(), math.inf
    for step in range(STEPS):
        logits = network(blobs, motion)[0]
        found = torch.stack([loss(logits[:, head], TARGET).mean() for head in range(logits.shape[1])]).mean()
        first = found.item() - least if step == 0 else first
        if found.item() - least < share * first:
            return step
        optimizer.zero_grad()
        found.backward()
        if step == 0:
            assert silent(network) == []
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    return math.inf


LEARNS = [(name, loss) for name in SMALL for loss in LOSSES]
QUICK = list(
    zip(
        [name for name in SMALL if name != "small-timesformer"],
        ("emd", "emd-r1", "macro-f1", "macro-hi", "jsd"),
        strict=True,
    )
)


@pytest.mark.parametrize(
    ("name", "loss"), [pytest.param(*pair, marks=[] if pair in QUICK else pytest.mark.slow) for pair in LEARNS]
)
def test_a_network_learns_eight_clips_and_every_parameter_has_a_part_in_it(name, loss):
    assert steps_to_learn(NETWORKS[name](heads=2), LOSSES[loss], share=0.2) < STEPS


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL)
def test_a_gradient_reaches_every_parameter_of_a_full_size_network(name):
    network = NETWORKS[name]()
    logits = network(*clips(2))[0]
    LOSSES["emd"](logits.flatten(0, 1), TARGET).mean().backward()
    assert silent(network) == []


def farthest(network, inputs):
    """Of what ONNX Runtime and OpenVINO give from what torch gives, relative above 1; for another batch too."""
    onnxruntime, openvino = pytest.importorskip("onnxruntime"), pytest.importorskip("openvino")
    graph = to_onnx(network, inputs, ["logits", "embedding"], {name: {0: "batch"} for name in inputs})
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    core = openvino.Core()
    engine = core.compile_model(core.read_model(graph), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    apart = []
    for repeats in (1, 2):
        given = {name: value.repeat(repeats, *[1] * (value.dim() - 1)) for name, value in inputs.items()}
        with torch.no_grad():
            expected = network(*given.values())
        arrays = {name: value.numpy() for name, value in given.items()}
        for found in (session.run(None, arrays), [engine(arrays)[number] for number in (0, 1)]):
            for value, truth in zip(found, expected, strict=True):
                assert value.shape == truth.shape
                apart.append(np.max(np.abs(value - truth.numpy()) / np.maximum(1.0, np.abs(truth.numpy()))))
    return max(apart)


EXPORTS = [name if name == "small-resnet-still" else pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS]


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.slow
def test_an_exported_network_gives_what_torch_gives(name):
    pictures, motion = clips(2)
    assert farthest(NETWORKS[name]().eval(), {"pictures": pictures, "motion": motion}) <= 1e-4


@pytest.mark.slow
def test_without_displacements_the_exported_graph_asks_for_pictures_alone():
    network = PicturesAlone(NETWORKS["small-resnet-still"](motion=False)).eval()
    assert farthest(network, {"pictures": clips(2)[0]}) <= 1e-4


def small(width=8, grades=5):
    return ClipGrader(FrameMean(ResNet(depths=(1, 1), first=width), 1), Alone(2 * width), grades, 1)


def as_read(network):
    return {name: value for name, value in network.state_dict().items() if not name.startswith(ANSWERS)}


def test_all_but_the_answers_is_read_from_another_panels_network(tmp_path):
    one, other = small(grades=4), small()
    before = {name: value.clone() for name, value in other.state_dict().items()}
    torch.save(one.state_dict(), tmp_path / "w.pt")
    load_trunk(other, tmp_path / "w.pt")
    for name, value in other.state_dict().items():
        torch.testing.assert_close(value, before[name] if name.startswith(ANSWERS) else one.state_dict()[name])


@pytest.mark.parametrize("name", ["small-resnet-still", "small-timesformer", "stream"])
def test_a_network_without_displacements_starts_from_one_that_has_them(name, tmp_path):
    torch.save(NETWORKS[name]().state_dict(), tmp_path / "w.pt")
    network = NETWORKS[name](3, motion=False)
    load_trunk(network, tmp_path / "w.pt")
    kept = torch.load(tmp_path / "w.pt", weights_only=True)
    read = as_read(network)
    assert len(read) > 20
    for part, value in read.items():
        torch.testing.assert_close(value, kept[part])


class Runs:
    def __reduce__(self):
        return exec, ("raise SystemExit('ran')",)


def broken():
    return small().state_dict() | {"trunk.encoder.enter.0.1.bias": torch.full((8,), math.nan)}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda: small(width=16).state_dict(), r"enter.0.0.weight of shape \(8, 1, 7, 7\), found \(16, 1, 7, 7\)"),
        (lambda: R2Plus1D((1,), 16).state_dict(), r"found none named trunk.encoder.enter.0.0.weight"),
        (broken, "found NaN or infinity in trunk.encoder.enter.0.1.bias"),
        (lambda: [1, 2], "expected a table of weights by name"),
        (lambda: {"epoch": 3}, "expected a table of weights by name"),
        (Runs, "expected a file of weights"),
    ],
)
def test_what_is_no_weights_of_this_network_is_refused_and_changes_nothing(content, says, tmp_path):
    torch.save(content(), tmp_path / "w.pt")
    network = small()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(ValueError, match=says) as caught:
        load_trunk(network, tmp_path / "w.pt")
    assert len(str(caught.value).splitlines()) == 1
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name])


@pytest.mark.parametrize("content", [b"", b"junk" * 50, None])
def test_a_file_that_is_none_is_refused(content, tmp_path):
    if content is not None:
        (tmp_path / "w.pt").write_bytes(content)
    with pytest.raises(ValueError, match="expected a file of weights"):
        load_trunk(small(), tmp_path / "w.pt")
