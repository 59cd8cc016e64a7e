"""int8 variants of graders: rounded right, judged on other donors, refused where worse, checked at every start.

The grader here is made by hand: a cell's grade is how wide its blob is, so that what is right is known.
"""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from spermscope.clips import MOTION_FEATURES, to_model_input
from spermscope.dataset import DatasetWriter, Form, open_dataset
from spermscope.dataset.writer import Vote
from spermscope.metrics import MEASURES, Exam, mean_grade
from spermscope.model_file import ModelCard, read_model, shipped, write_model
from spermscope.runtime import Model, load_in, load_model
from spermscope.training.detector import blocks_of, count_hits, rates
from spermscope.training.int8 import LEAST_DONORS, MARGIN, Parts, judge, try_int8, with_int8
from spermscope.training.int8_detector import HELD, judge_detector, try_int8_detector
from spermscope.training.pictures import draw_picture
from spermscope.training.quantise import expected_outputs, layers, quantise
from spermscope.training.worsening import SIGHT, beyond, changes, doubt_change, margins, worst
from spermscope.types import Clip, Grades

pytestmark = pytest.mark.slow

DONORS, CLIPS, GRADES = 12, 72, 5
WIDTHS_PX = np.sqrt(np.linspace(9.0, 81.0, GRADES))


def blobs(width_px, count, rng):
    """``(count, 150, 150) uint8``: noise, and a head of that width."""
    y, x = np.mgrid[:150, :150] - 74.5
    head = 100 + 90 * np.exp(-0.5 * (x**2 + y**2) / width_px**2)
    return np.rint(head).astype(np.uint8) + rng.integers(0, 16, (count, 150, 150), np.uint8)


def graph(nodes, inputs, outputs, **weights):
    named = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    sides = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]) for name, shape in side.items()]
        for side in (inputs, outputs)
    ]
    made = helper.make_graph(nodes, "g", *sides, named)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString()


def encoder(rng):
    """Means of 4 x 4 pixels, made even smoother; the token is their sum and differences that say nothing."""
    smooth = np.full((8, 8, 3, 3), 1 / 72) * rng.uniform(0.2, 1.8, (8, 1, 1, 1))
    nodes = [
        helper.make_node("Conv", ["picture", "w0"], ["a"], "first", strides=[4, 4]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["c"], "second", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Conv", ["d", "w2"], ["e"], "third"),
        helper.make_node("GlobalAveragePool", ["e"], ["f"]),
        helper.make_node("Flatten", ["f"], ["token"]),
    ]
    kernels = {"w0": np.full((8, 1, 4, 4), 1 / 16), "w1": smooth, "w2": rng.uniform(0.5, 1.5, (6, 8, 1, 1))}
    return graph(nodes, {"picture": (1, 128, 128)}, {"token": (6,)}, **kernels)


def head(slope, start):
    """``softmax(-(x - k)^2)`` of ``x``, the mean token's line: its logits are linear in the token.

    The mean is turned over and back, so that a layer lies behind the first.
    """
    k = np.arange(GRADES)
    nodes = [
        helper.make_node("ReduceMean", ["tokens", "middle"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "over"], ["turned"], "outer"),
        helper.make_node("MatMul", ["turned", "over"], ["back"], "inner"),
        helper.make_node("Gemm", ["back", "w", "b"], ["flat"]),
        helper.make_node("Unsqueeze", ["flat", "middle"], ["logits"]),
        helper.make_node("Identity", ["mean"], ["embedding"]),
        helper.make_node("ReduceMean", ["valid", "middle"], ["apart"], keepdims=0),
        helper.make_node("ReduceMean", ["motion", "both"], ["still"], keepdims=0),
        helper.make_node("Mul", ["apart", "still"], ["distance"]),
    ]
    made = onnx.load_from_string(
        graph(
            nodes,
            {"tokens": (16, 6), "motion": (16, MOTION_FEATURES), "valid": (16,)},
            {"logits": (1, GRADES), "embedding": (6,), "distance": ()},
            over=np.eye(6)[::-1],
            w=np.outer(np.full(6, slope / 6), 2 * k),
            b=2 * k * start - k**2,
        )
    )
    for name, axes in (("middle", [1]), ("both", [1, 2])):
        made.graph.initializer.append(numpy_helper.from_array(np.array(axes, np.int64), name))
    return made.SerializeToString()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Clips of blobs, six of each donor; 20 raters who see their width, and err."""
    rng, folder = np.random.default_rng(5), tmp_path_factory.mktemp("int8") / "study"
    with DatasetWriter(folder, Form()) as writer:
        for number in range(CLIPS):
            grade = number % GRADES
            frames = blobs(WIDTHS_PX[grade], 16, rng)
            still = np.zeros((16, 2)), np.ones(16, bool)
            donor = f"D{number // 6:02d}"
            writer.add(f"c{number}", Clip(number, frames, np.arange(16) / 15, *still, 0.5, donor, "S"))
            for rater in range(20):
                given_grade = int(np.clip(np.rint(grade + rng.normal(0, 0.6)), 0, GRADES - 1))
                writer.vote(Vote(f"c{number}", f"r{rater}", "ABCDE"[given_grade]))
    return folder


@pytest.fixture(scope="module")
def grader(tmp_path_factory):
    """A streaming grader in a file, whose line from token to grade is fitted to the blobs."""
    rng = np.random.default_rng(6)
    seeing = encoder(rng)
    pictures = np.stack([to_model_input(blobs(width, 1, rng)) for width in WIDTHS_PX])
    seen = expected_outputs(seeing, {"picture": pictures})["token"].mean(axis=1)
    # Of a clip's 16 places 8 have tokens, the others are 0.
    slope, start = np.polyfit(seen / 2, np.arange(GRADES), 1)
    graphs = {"encoder": seeing, "head": head(slope, start)}
    inputs = {
        "encoder/in/picture": pictures[:3],
        "head/in/tokens": rng.normal(size=(3, 16, 6)).astype(np.float32),
        "head/in/motion": rng.random((3, 16, MOTION_FEATURES)).astype(np.float32),
        "head/in/valid": np.ones((3, 16), np.float32),
    }
    golden = dict(inputs)
    for name, content in graphs.items():
        fed = {key.split("/")[-1]: value for key, value in inputs.items() if key.startswith(f"{name}/")}
        golden |= {f"{name}/out/{key}": value for key, value in expected_outputs(content, fed).items()}
    card = ModelCard(
        kind="streaming", name="blobs", version="1", um_per_px=0.5, rate_hz=7.5, grades=tuple("ABCDE"),
        trained_on="blobs", recipe="none", seed=0, intended_use="tests", limits="all", constants={"unlike_above": 1e9},
    )  # fmt: skip
    return write_model(tmp_path_factory.mktemp("model") / "blobs.spermscope", card, graphs, golden)


@pytest.fixture(scope="module")
def pictures(study):
    return to_model_input(open_dataset(study).clips(range(0, 40, 4)).frames[:, 0])[:, None]


@pytest.fixture(scope="module")
def whole(grader, pictures):
    """The int8 encoder."""
    return quantise(read_model(grader).graphs["encoder"], [{"picture": pictures}])


def run(*words):
    command = [sys.executable, "-m", "spermscope", "export", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def exported(grader, study, tmp_path_factory):
    """The file that the command writes, and what it says."""
    out = tmp_path_factory.mktemp("out") / "small.spermscope"
    return out, run(grader, "--int8", study, "--out", out, "--json")


@pytest.fixture(scope="module")
def file(exported):
    return read_model(exported[0])


def written(folder, file):
    return write_model(folder / "changed.spermscope", file.card, file.graphs, file.golden)


def test_layers_behind_the_first_are_rounded_and_nothing_else(grader, whole):
    assert layers(onnx.load_from_string(read_model(grader).graphs["encoder"])) == (["first"], ["second", "third"])
    network = onnx.load_from_string(whole)
    made_by = {output: node for node in network.graph.node for output in node.output}
    entered = {
        node.name: [name in made_by and made_by[name].op_type for name in node.input[:2]]
        for node in network.graph.node
        if node.op_type == "Conv"
    }
    assert entered == {
        "first": [False, False],
        "second": ["DequantizeLinear", "DequantizeLinear"],
        "third": ["DequantizeLinear", "DequantizeLinear"],
    }
    # Of each of the two layers: one scale for what enters, one a channel for the weights.
    scales = {one.name: one for one in network.graph.initializer if one.name.endswith("_scale")}
    assert sorted(int(np.prod(one.dims)) for one in scales.values()) == [1, 1, 6, 8]


def test_a_layer_that_looks_at_the_picture_itself_elsewhere_is_a_first_one():
    """Where it looks hangs on layers, what it sees does not."""
    nodes = [
        helper.make_node("Conv", ["picture", "w"], ["a"], "first"),
        helper.make_node("MatMul", ["a", "turn"], ["grid"], "where"),
        helper.make_node("GridSample", ["picture", "grid"], ["there"]),
        helper.make_node("Conv", ["there", "w"], ["b"], "close"),
        helper.make_node("GridSample", ["b", "grid"], ["again"]),
        helper.make_node("Conv", ["again", "w"], ["token"], "last"),
    ]
    kernels = {"w": np.ones((1, 1, 1, 1)), "turn": np.ones((128, 2))}
    made = graph(nodes, {"picture": (1, 128, 128)}, {"token": (6,)}, **kernels)
    assert layers(onnx.load_from_string(made)) == (["first", "close"], ["where", "last"])


def test_rounding_is_what_its_closed_form_says(grader, whole, pictures):
    """Against numpy, from the f32 graph: 255 steps from 0 to the greatest value seen, 127 each way of a weight."""
    plain = onnx.load_from_string(read_model(grader).graphs["encoder"]).graph
    weights = {weight.name: numpy_helper.to_array(weight) for weight in plain.initializer}

    def steps(value, most, count):
        return np.clip(np.rint(value * count / most), -count, count) * most / count

    means = np.maximum(pictures[:, 0].reshape(-1, 32, 4, 32, 4).mean(axis=(2, 4)), 0)[:, None].repeat(8, 1)

    def second(x, w):
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        return np.maximum(np.einsum("bcyxij,ocij->boyx", windows, w), 0)

    def rounded(w):
        return steps(w, np.abs(w).max(axis=(1, 2, 3), keepdims=True), 127)

    greatest = second(means, weights["w1"]).max()
    smooth = second(steps(means, means.max(), 255), rounded(weights["w1"]))
    mixed = np.einsum("bcyx,oc->boyx", steps(smooth, greatest, 255), rounded(weights["w2"])[:, :, 0, 0])
    token = expected_outputs(whole, {"picture": pictures})["token"]
    np.testing.assert_allclose(token, mixed.mean(axis=(2, 3)), rtol=2e-4)


def test_openvino_and_onnx_runtime_agree_on_int8(grader, whole, pictures):
    file = with_int8(read_model(grader), "encoder", whole)
    mine = Model(file, precision="int8").run("encoder", {"picture": pictures})["token"]
    exact = expected_outputs(whole, {"picture": pictures})["token"]
    fast = onnxruntime.InferenceSession(whole, providers=["CPUExecutionProvider"]).run(None, {"picture": pictures})[0]
    plain = Model(file).run("encoder", {"picture": pictures})["token"]
    np.testing.assert_allclose(mine, exact, rtol=1e-3)
    np.testing.assert_allclose(mine, fast, rtol=1e-3)
    assert 1e-5 < np.abs(mine - plain).max() / np.abs(plain).max() < 0.02


def test_a_graph_without_inner_layers_and_an_empty_calibration_are_refused(grader, pictures):
    graphs = read_model(grader).graphs
    shallow = graph(
        [helper.make_node("Conv", ["picture", "w"], ["token"], "only")],
        {"picture": (1, 128, 128)}, {"token": (1, 125, 125)}, w=np.ones((1, 1, 4, 4)),
    )  # fmt: skip
    with pytest.raises(ValueError, match="expected a graph with Conv or MatMul behind"):
        quantise(shallow, [{"picture": pictures}])
    with pytest.raises(ValueError, match="expected clips to calibrate on, found none"):
        quantise(graphs["encoder"], [])


def test_the_command_writes_what_is_no_worse_and_the_card_keeps_what_was_measured(exported, file):
    done, variant = exported[1], file.card.variants["int8"]
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert json.loads(done.stdout) == {"accepted": True, **variant.model_dump()}
    assert variant.judged_on == "60 clips of 10 other donors"
    assert set(variant.changes) >= {"mse", "emd", "macro_f1", "calibration_error", "unlike"}
    assert variant.changes["mse"].before < 0.3 * variant.changes["mse"].margin / MARGIN
    for name, one in variant.changes.items():
        assert one.low <= one.high
        assert worst(name, one) <= one.margin
        if name != "unlike":
            assert one.difference == pytest.approx(one.after - one.before, abs=2e-6)


@pytest.mark.slow
def test_the_command_refuses_in_one_line_and_writes_nothing(grader, study, tmp_path):
    done = run(grader, "--int8", study, "--out", tmp_path / "s.spermscope", "--margin", 0, "--language", "ja")
    assert done.returncode == 2
    assert done.stderr.strip().startswith("int8 版は採用されず、何も書き込みませんでした:")
    assert "mse は 0.0" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "macro_f1" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_those_who_calibrate_never_judge(study):
    data = open_dataset(study)
    parts = Parts(data, 0)
    donor = data.donor_number()
    assert not set(donor[parts.calibrating]) & set(donor[parts.judged])
    assert {len(part) for part in parts.donors} == {2, 10}
    assert not np.array_equal(Parts(data, 1).judged, parts.judged)


def test_a_variant_made_worse_on_purpose_is_refused(grader, study, pictures):
    file = read_model(grader)
    saturating = quantise(file.graphs["encoder"], [{"picture": 0.3 * pictures}])
    worse = judge(with_int8(file, "encoder", saturating), Parts(open_dataset(study), 0), 0.05)
    assert not worse.accepted
    assert "mse" in beyond(worse.variant.changes)
    assert worse.variant.changes["mse"].low > 0


def test_int8_is_used_where_it_is_asked_for(grader, exported, file, pictures):
    plain, whole = load_model(exported[0]), load_model(exported[0], precision="int8")
    assert (plain.precision, whole.precision) == ("f32", "int8")
    inputs = {"picture": pictures}
    as_before = load_model(grader).run("encoder", inputs)["token"]
    np.testing.assert_array_equal(plain.run("encoder", inputs)["token"], as_before)
    expected = expected_outputs(file.graphs["encoder-int8"], inputs)["token"]
    np.testing.assert_allclose(whole.run("encoder", inputs)["token"], expected, rtol=1e-3)
    with pytest.raises(ValueError, match=r"expected one of the graphs \['encoder', 'head'\], found 'encoder-int8'"):
        whole.run("encoder-int8", inputs)
    fed = {"tokens": np.ones((2, 16, 6), np.float32), "valid": np.ones((2, 16), np.float32)}
    fed["motion"] = np.ones((2, 16, MOTION_FEATURES), np.float32)
    expected = expected_outputs(file.graphs["head-int8"], fed)["logits"]
    np.testing.assert_allclose(whole.run("head", fed)["logits"], expected, rtol=1e-3)
    assert not np.array_equal(whole.run("head", fed)["logits"], plain.run("head", fed)["logits"])


def test_a_file_without_int8_loads_and_says_so():
    assert load_model(shipped("scale")).card.variants == {}
    with pytest.raises(ValueError, match=r"expected a model with an int8 variant .* found f32 alone") as caught:
        load_model(shipped("scale"), precision="int8")
    assert len(str(caught.value).splitlines()) == 1
    assert load_in(shipped("scale"), "int8").precision == "f32"


@pytest.mark.parametrize("kind", ["detector", "grader"])
def test_what_is_shipped_has_an_int8_variant_that_was_accepted(kind):
    model = load_in(shipped(kind), "int8")
    assert model.precision == "int8"
    assert model.card.variants["int8"].changes
    assert not beyond(model.card.variants["int8"].changes)


def test_a_machine_that_computes_another_int8_goes_on_in_f32(tmp_path):
    file = read_model(shipped("detector"))
    off = {key: value + 1.0 if "int8/out" in key else value for key, value in file.golden.items()}
    path = write_model(tmp_path / "off.spermscope", file.card, file.graphs, off)
    with pytest.raises(ValueError, match="golden output"):
        load_model(path, precision="int8")
    assert load_in(path, "int8").precision == "f32"


@pytest.mark.parametrize("name", ["second", "third"])
@pytest.mark.parametrize("what", ["scale", "weights"])
def test_a_changed_int8_graph_is_refused_and_f32_still_loads(name, what, file, tmp_path):
    network = onnx.load_from_string(file.graphs["encoder-int8"])
    weights = {weight.name: weight for weight in network.graph.initializer}
    made_by = {output: node for node in network.graph.node for output in node.output}
    conv = next(node for node in network.graph.node if node.name == name)
    dequantise = made_by[conv.input[1]]
    held = weights[dequantise.input[1] if what == "scale" else dequantise.input[0]]
    value = numpy_helper.to_array(held).copy()
    changed = value * np.float32(1.03) if what == "scale" else np.where(np.arange(len(value)) == 0, -value.T, value.T).T
    held.CopyFrom(numpy_helper.from_array(changed.astype(value.dtype), held.name))
    graphs = file.graphs | {"encoder-int8": network.SerializeToString()}
    path = written(tmp_path, replace(file, graphs=graphs))
    load_model(path)
    with pytest.raises(ValueError, match="graph 'encoder-int8' does not give its golden output on this machine"):
        load_model(path, precision="int8")


def test_a_variant_without_golden_outputs_is_refused(file, tmp_path):
    path = written(tmp_path, replace(file, golden={k: v for k, v in file.golden.items() if "int8" not in k}))
    with pytest.raises(ValueError, match="expected golden inputs and outputs of graph 'encoder-int8', found none"):
        load_model(path, precision="int8")


def test_what_does_not_belong_together_is_refused(grader, study, tmp_path):
    with pytest.raises(ValueError, match="expected a grader, found a detector model"):
        try_int8(shipped("detector"), study)
    file = read_model(grader)
    for change, says in (
        ({"grades": tuple("VWXYZ")}, "expected the model's grades"),
        ({"um_per_px": 0.4}, "expected clips of 0.4 um/px, found 0.5"),
    ):
        path = write_model(tmp_path / "o.spermscope", file.card.model_copy(update=change), file.graphs, file.golden)
        with pytest.raises(ValueError, match=says):
            try_int8(path, study)


def test_few_donors_are_refused(grader, tmp_path):
    with DatasetWriter(tmp_path / "few", Form()) as writer:
        for number in range(LEAST_DONORS + 3):
            xy_um = np.zeros((16, 2))
            frames = np.zeros((16, 150, 150), np.uint8)
            clip = Clip(number, frames, np.arange(16) / 15, xy_um, np.ones(16, bool), 0.5, f"D{number}", "S")
            writer.add(f"c{number}", clip)
            # The last four are not graded.
            if number < LEAST_DONORS - 1:
                writer.vote(Vote(f"c{number}", "r", "A"))
    with pytest.raises(ValueError, match=f"expected {LEAST_DONORS} donors or more .* found {LEAST_DONORS - 1}"):
        try_int8(grader, tmp_path / "few")


def exam(rng, donors=12):
    truth = rng.dirichlet(np.ones(GRADES), 6 * donors)
    target = rng.multinomial(30, truth) / 30
    donor = np.repeat(np.arange(donors), 6)
    mean = np.tile(target.mean(axis=0), (len(target), 1))
    return Exam(target, np.full(len(target), 30), donor, donor, mean, truth=truth)


def graded(probabilities, unlike=None, doubt=0.0):
    count = len(probabilities)
    unlike = np.zeros(count, bool) if unlike is None else unlike
    return Grades(np.arange(count), np.zeros(count), probabilities, np.full(count, doubt), unlike, np.zeros((count, 1)))


@pytest.mark.slow
@settings(max_examples=2, deadline=None)
@given(st.integers(0, 10**6))
def test_the_same_predictions_are_no_worse_and_the_mean_row_is_worse_by_more_than_any_margin_below_a_half(seed):
    one = exam(np.random.default_rng(seed))
    truth, mean = graded(one.truth), graded(one.mean)
    whole = {"mse", "emd", "histogram_intersection", "macro_hi"}
    assert beyond(changes(truth, truth, one, 0.0, resamples=50)) == {}
    assert whole <= set(beyond(changes(truth, mean, one, 0.5, resamples=50)))
    assert whole.isdisjoint(beyond(changes(mean, truth, one, 0.0, resamples=50)))


def test_margins_are_a_share_of_the_way_from_the_mean_row_to_the_floor():
    one = exam(np.random.default_rng(2), donors=60)
    found = margins(one, 0.1)
    floor = (one.truth * (1 - one.truth)).sum(axis=1).mean() / (GRADES * 30)
    mean_row = ((one.mean - one.target) ** 2).mean()
    assert found["mse"] == pytest.approx(0.1 * (mean_row - floor), rel=0.03)
    assert found["calibration_error"] == pytest.approx(0.02)
    assert 0.08 < found["rank_correlation"] < 0.1
    assert set(found) == set(MEASURES)


def test_an_answer_that_changes_either_way_counts():
    one = exam(np.random.default_rng(3))
    before, after = (graded(one.truth, np.arange(len(one.truth)) % 6 == place) for place in (0, 1))
    found = changes(before, after, one, 0.05, resamples=200)
    change = found["unlike"]
    assert (change.before, change.after) == (pytest.approx(1 / 6, abs=1e-6), pytest.approx(1 / 6, abs=1e-6))
    assert change.difference == pytest.approx(1 / 3, abs=1e-6)
    assert list(beyond(found)) == ["unlike"]


def test_a_doubt_that_no_longer_says_how_far_the_grade_is_off_is_refused():
    rng = np.random.default_rng(4)
    one = exam(rng, donors=80)
    strange = 0.7 * one.truth + 0.3 * rng.dirichlet(np.ones(GRADES), len(one.truth))
    off = replace(one, target=strange, raters=np.full(len(strange), 10**6))
    error = graded(one.truth).expected_grade - mean_grade(off.target)
    right = float(np.sqrt(np.mean(error**2)))
    for factor, refused in ((0.5, True), (1.02, False), (3.0, True)):
        sides = (graded(one.truth, doubt=doubt) for doubt in (right, factor * right))
        found = doubt_change(*sides, off, 0.05, resamples=200)
        assert ("doubt" in beyond({"doubt": found})) == refused


def test_a_detector_is_rounded_from_its_first_layer_on_and_judged_by_its_own_counts():
    file = read_model(shipped("detector"))
    pictures = [draw_picture(seed) for seed in range(7_000_000, 7_000_012)]
    feeds = ({"blocks": blocks_of(one).numpy()} for one in pictures[:4])
    whole = quantise(file.graphs["model"], feeds, first=True, held=HELD)
    network = onnx.load_from_string(whole)
    made_by = {output: node.op_type for node in network.graph.node for output in node.output}
    entered = {made_by[name] for node in network.graph.node if node.op_type == "Conv" for name in node.input[:2]}
    assert entered == {"DequantizeLinear"}
    trial = judge_detector(with_int8(file, "model", whole), pictures[4:])
    plain, constants = Model(file), file.card.constants
    found = [plain.run("model", {"blocks": blocks_of(one).numpy()}) for one in pictures[4:]]
    outputs = [(maps["heat"][0], maps["rest"][0]) for maps in found]
    hits = count_hits(outputs, pictures[4:], constants["threshold"], tuple(constants["calibration"]))[0].sum(axis=0)
    found = trial.variant.changes
    assert [found[name].before for name in SIGHT] == pytest.approx([*rates(hits)], abs=1e-6)
    assert all(found[name].low <= found[name].difference <= found[name].high for name in SIGHT)
    assert all(abs(found[name].difference) < 0.1 for name in SIGHT)
    assert worst("recall", found["recall"]) == -found["recall"].low


def test_a_grader_is_no_detector():
    with pytest.raises(ValueError, match="expected a detector, found a streaming model"):
        try_int8_detector(shipped("grader"))
