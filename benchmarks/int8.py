"""The shipped grader in int8: what it gains in time and changes in every measure.

``python -m benchmarks.int8 [STUDY]``. STUDY is a data set of votes; else 300 clips of 30 simulated donors are drawn
(``spermscope simulate study --clips 300 --donors 30 --seed 91``). A fifth of the donors calibrates, the others judge,
as in ``spermscope export --int8``. Times are the processor's, of the encoder on one thread, f32 and int8 by turns, so
that a busy machine slows both; the ratio is the median over the rounds. Beside the form that is written stand others.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

from spermscope import metrics
from spermscope.clips import MOTION_FEATURES, to_model_input
from spermscope.dataset import open_dataset
from spermscope.grade import grade_rows
from spermscope.model_file import Arrays, ModelFile, read_model, shipped
from spermscope.runtime import Model
from spermscope.study.simulated import simulate_study
from spermscope.training.int8 import Parts, try_int8, with_int8
from spermscope.training.quantise import LAYERS, expected_outputs, layers
from spermscope.types import Grades

ROUNDS, BATCHES = 31, (1, 8, 64)


def speed(file: ModelFile, graph: str, inputs: Arrays) -> str:
    """By batch the median ratio of f32's time to int8's with its quartiles, and the milliseconds an item of both."""
    plain, whole = Model(file), Model(file, precision="int8")
    cells = []
    for batch in BATCHES:
        laps_s, given = [], {name: values[:batch] for name, values in inputs.items()}
        for _ in range(ROUNDS + 3):
            begun = time.process_time()
            plain.run(graph, given)
            middle = time.process_time()
            whole.run(graph, given)
            laps_s.append((middle - begun, time.process_time() - middle))
        taken_s = np.array(laps_s[3:])
        low, ratio, high = np.quantile(taken_s[:, 0] / taken_s[:, 1], [0.25, 0.5, 0.75])
        ms = 1e3 * np.median(taken_s, axis=0) / batch
        cells.append(f"{ratio:.2f} ({low:.2f}-{high:.2f}); {ms[0]:.2f}, {ms[1]:.2f}")
    return " | ".join(cells)


class _Feeds(CalibrationDataReader):
    def __init__(self, pictures: np.ndarray) -> None:
        self._next = iter([{"picture": pictures[first : first + 8]} for first in range(0, len(pictures), 8)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._next, None)


def other_form(graph: bytes, pictures: np.ndarray, *, every: bool = True, **changes: object) -> bytes:
    """As ``quantise`` does it, but for the ``changes``; ``every`` layer in int8, or those behind the first."""
    network = onnx.load_from_string(graph)
    network.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
    extra = {"OpTypesToExcludeOutputQuantization": list(LAYERS)} | dict(changes.pop("extra_options", {}))
    plan = {"per_channel": True, "op_types_to_quantize": list(LAYERS)} | changes
    # The library writes about its histograms where the table is written.
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        out = Path(folder) / "g.onnx"
        quantize_static(
            network,
            out,
            _Feeds(pictures),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[] if every else layers(network)[0],
            extra_options=extra,
            **plan,
        )
        return out.read_bytes()


FORMS = {
    "the first layers in f32": partial(other_form, every=False),
    "the last layer in int8, too": partial(other_form, op_types_to_quantize=["Conv", "Gemm"]),
    "one scale for a layer's weights": partial(other_form, per_channel=False),
    "the brightest 0.001 % cut off": partial(
        other_form, calibrate_method=CalibrationMethod.Percentile, extra_options={"CalibPercentile": 99.999}
    ),
    "outputs and sums rounded too": partial(
        other_form,
        op_types_to_quantize=["Conv", "Add", "AveragePool"],
        extra_options={"OpTypesToExcludeOutputQuantization": []},
    ),
}


def tokens_off(file: ModelFile, pictures: np.ndarray) -> tuple[float, float]:
    """Of the tokens, over f32's spread: root mean square of what int8 changes, and of what engines differ by."""
    found = [Model(file, precision=how).run("encoder", {"picture": pictures})["token"] for how in ("f32", "int8")]
    expected = expected_outputs(file.graphs["encoder-int8"], {"picture": pictures})["token"]
    return tuple(float(np.sqrt(np.mean((found[1] - one) ** 2)) / found[0].std()) for one in (found[0], expected))


def row(name: str, file: ModelFile, parts: Parts, before: Grades, pictures: np.ndarray) -> str:
    """A form of int8 in a line."""
    after = grade_rows(Model(file, precision="int8"), parts.data, parts.judged)
    sides, mse = (after.probabilities, before.probabilities), {"mse": metrics.MEASURES["mse"]}
    one = metrics.paired_differences(*sides, parts.exam(), np.random.default_rng(12), measures=mse)["mse"]
    moved = f"{one.value:+.5f} ({one.low:+.5f} to {one.high:+.5f})"
    off, engines = tokens_off(file, pictures)
    faster = speed(file, "encoder", {"picture": pictures})
    return f"| {name} | {moved} | {100 * off:.1f} % | {100 * engines:.2f} % | {faster} |\n"


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        study = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "study"
        if len(sys.argv) < 2:
            simulate_study(study, clips=300, donors=30, raters=40, seed=91, processes=1, progress=lambda *_: None)
        data, file = open_dataset(study), read_model(shipped("grader"))
        seeing = replace(file, graphs={name: graph for name, graph in file.graphs.items() if name != "head-int8"})
        parts = Parts(data, 0)
        seen, unseen = (
            to_model_input(data.clips(rows).frames[:, 1::2]).reshape(-1, 1, 128, 128)
            for rows in (parts.calibrating, parts.judged[:10])
        )
        trial = try_int8(shipped("grader"), study)
        sys.stdout.write(f"calibrated on {len(parts.calibrating)} clips, judged on {trial.variant.judged_on}\n\n")
        sys.stdout.write("| measure | f32 | int8 | difference, 95 % by donor | margin |\n|---|---|---|---|---|\n")
        for name, one in trial.variant.changes.items():
            moved = f"{one.difference:+.5f} ({one.low:+.5f} to {one.high:+.5f})"
            sys.stdout.write(f"| {name} | {one.before:.5f} | {one.after:.5f} | {moved} | {one.margin:.5f} |\n")
        sys.stdout.write(
            "\n| form | MSE, int8 - f32, 95 % by donor | tokens off f32's | engines apart | "
            + " | ".join(f"batch of {batch}: times faster (quartiles); ms a crop f32, int8" for batch in BATCHES)
            + " |\n"
            + "|---" * (4 + len(BATCHES))
            + "|\n"
        )
        before = grade_rows(Model(file), parts.data, parts.judged)
        written = {"as it is written": trial.file.graphs["encoder-int8"]}
        others = {name: form(file.graphs["encoder"], seen) for name, form in FORMS.items()}
        for name, form in (written | others).items():
            sys.stdout.write(row(name, with_int8(seeing, "encoder", form), parts, before, unseen))
            sys.stdout.flush()
        rng = np.random.default_rng(3)
        shapes = {"tokens": (16, 256), "motion": (16, MOTION_FEATURES), "valid": (16,)}
        noise = {name: rng.random((max(BATCHES), *shape), np.float32) for name, shape in shapes.items()}
        sys.stdout.write(f"\nhead: {speed(trial.file, 'head', noise)}\n")


if __name__ == "__main__":
    main()
