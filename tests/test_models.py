"""The shipped models: their files, their graphs in three engines, and what they refuse."""

import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from spermscope.model_file import ModelCard, shipped, write_model
from spermscope.runtime import MOST_COMPILED, Model, load_model

KINDS = ("detector", "grader", "scale")


@pytest.fixture(scope="module", params=KINDS)
def model(request) -> Model:
    return load_model(shipped(request.param))


def onnx_graphs(path):
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".onnx") and not name.endswith("-int8.onnx")]
        return {name[:-5]: archive.read(name) for name in names}


def test_openvino_gives_what_torch_gave_when_the_model_was_exported(model):
    graphs = {key.split("/")[0] for key in model.golden if "/in/" in key}
    for graph in graphs:
        parts = {
            side: {k.split("/")[-1]: v for k, v in model.golden.items() if k.startswith(f"{graph}/{side}/")}
            for side in ("in", "out")
        }
        mine = model.run(graph, parts["in"])
        for name, torch_gave in parts["out"].items():
            np.testing.assert_allclose(mine[name], torch_gave, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_openvino_and_onnx_runtime_agree_on_the_shipped_graphs(kind):
    onnxruntime = pytest.importorskip("onnxruntime")
    path, rng = shipped(kind), np.random.default_rng(3)
    model = load_model(path)
    for name, graph in onnx_graphs(path).items():
        session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        golden = {k.split("/")[-1]: v for k, v in model.golden.items() if k.startswith(f"{name}/in/")}
        inputs = {k: np.repeat(v, 2, axis=0) for k, v in golden.items()}
        inputs = {
            k: v if k == "valid" else v + rng.normal(0, 0.1, v.shape).astype(np.float32) for k, v in inputs.items()
        }
        mine, theirs = model.run(name, inputs), session.run(None, inputs)
        for output, value in zip([o.name for o in session.get_outputs()], theirs, strict=True):
            np.testing.assert_allclose(mine[output], value, atol=1e-4, rtol=1e-4)


def test_the_card_says_what_it_learned_from_and_how_to_make_it_again(model):
    card = model.card
    assert "simulated" in card.trained_on
    assert card.recipe.startswith("spermscope train ")
    assert card.licence == "Apache-2.0"
    assert "Research use only" in card.intended_use
    assert len(model.sha256) == 64


def test_the_shipped_grader_says_that_it_is_a_demonstration():
    card = load_model(shipped("grader")).card
    assert card.demonstration
    assert "no real expert" in card.trained_on


def test_any_batch_and_picture_size_runs():
    detector = load_model(shipped("detector"))
    for shape in [(1, 8, 8), (2, 16, 24), (1, 40, 80)]:
        maps = detector.run("model", {"blocks": np.zeros((*shape, 16), np.float32)})
        assert (maps["heat"].shape, maps["rest"].shape) == ((*shape, 8), (*shape, 16))


def test_pictures_of_many_sizes_do_not_pile_up():
    detector = load_model(shipped("detector"))
    blocks = np.random.default_rng(0).normal(size=(1, 8, 16, 16)).astype(np.float32)
    first = detector.run("model", {"blocks": blocks})["heat"]
    for width in range(8, 8 * (MOST_COMPILED + 4), 8):
        detector.run("model", {"blocks": np.zeros((1, 8, width, 16), np.float32)})
    assert len(detector._compiled) <= MOST_COMPILED
    np.testing.assert_allclose(detector.run("model", {"blocks": blocks})["heat"], first, atol=1e-5)


def test_threads_that_run_one_model_at_once_get_each_their_own_outputs():
    detector = load_model(shipped("detector"), threads=2)
    pictures = np.random.default_rng(0).normal(size=(12, 1, 16, 24, 16)).astype(np.float32)
    alone = [detector.run("model", {"blocks": blocks})["heat"] for blocks in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda blocks: detector.run("model", {"blocks": blocks})["heat"], pictures))
    np.testing.assert_array_equal(together, alone)


def test_outputs_may_be_read_in_place(model):
    for graph in model._graphs:
        inputs = model._golden_part(f"{graph}/in/")
        sums = model.read(graph, inputs, lambda found: {name: float(array.sum()) for name, array in found.items()})
        assert sums == {name: float(array.sum()) for name, array in model.run(graph, inputs).items()}


def test_a_missing_graph_is_named(model):
    with pytest.raises(ValueError, match=r"expected one of the graphs .* found 'nose'"):
        model.run("nose", {})


def _card(**changes):
    values = {
        "kind": "detector", "name": "x", "version": "1", "um_per_px": 0.4, "trained_on": "nothing", "recipe": "none",
        "seed": 0, "intended_use": "tests", "limits": "all",
    }  # fmt: skip
    return ModelCard(**(values | changes))


def test_a_model_whose_golden_output_differs_on_this_machine_is_refused(tmp_path):
    good = load_model(shipped("detector"))
    golden = {k: v + (0.5 if "/out/" in k else 0.0) for k, v in good.golden.items()}
    path = write_model(tmp_path / "bad.spermscope", _card(), onnx_graphs(shipped("detector")), golden)
    with pytest.raises(ValueError, match="does not give its golden output on this machine"):
        load_model(path)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_model_is_refused_in_one_line(content, tmp_path):
    path = tmp_path / "m.spermscope"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="expected a model file") as caught:
        load_model(path)
    assert len(str(caught.value)) < 400


def test_an_unknown_key_in_a_card_is_refused(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("card.json", json.dumps({"kind": "detector", "colour": "blue"}))
    (tmp_path / "m.spermscope").write_bytes(packed.getvalue())
    with pytest.raises(ValueError, match="expected a model file"):
        load_model(tmp_path / "m.spermscope")


def _packed(**arrays):
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


BLOCKS = np.zeros((1, 8, 8, 16), np.float32)


@pytest.mark.parametrize(
    ("part", "content", "says"),
    [
        ("golden.npz", _packed(), "expected golden inputs and outputs"),
        ("golden.npz", _packed(**{"model.in.blocks": BLOCKS}), "expected golden inputs and outputs"),
        ("golden.npz", _packed(**{"model.in.blocks": BLOCKS, "model.out.nose": BLOCKS}), "nose is inf away"),
        ("golden.npz", _packed(**{"model.in.blocks": np.array([{}], dtype=object)}), "expected plain arrays"),
        ("golden.npz", b"junk", "expected plain arrays"),
        ("model.onnx", b"junk" * 100, "expected graphs that the engine can run"),
        ("model.onnx", None, "expected at least one graph"),
        ("card.json", b'{"kind": "detector", "colour": "blue"}', "expected a model file"),
    ],
)
def test_a_damaged_model_is_refused_in_one_line(part, content, says, tmp_path):
    path = tmp_path / "m.spermscope"
    with zipfile.ZipFile(shipped("detector")) as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            held = content if name == part else good.read(name)
            if held is not None:
                bad.writestr(name, held)
    with pytest.raises(ValueError, match=says) as caught:
        load_model(path)
    assert len(str(caught.value).splitlines()) == 1


def test_the_same_model_gives_the_same_file(tmp_path):
    good = load_model(shipped("detector"))
    first, second = (
        write_model(tmp_path / f"{name}.spermscope", good.card, onnx_graphs(shipped("detector")), good.golden)
        for name in "ab"
    )
    assert first.read_bytes() == second.read_bytes()
