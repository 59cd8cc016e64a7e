"""The int8 twin of a graph, and what it must give: by ONNX Runtime, which is not the engine at work.

Static and per channel (Jacob et al. 2018): weights in int8, symmetric; what meets them in uint8, between the least and
the greatest value of the calibration. Rounded is only what enters a layer. Its output and sums of outputs stay f32, as
the engine computes them within the layer anyway: rounded as well, engines come apart by up to a tenth of the output.
``Gemm`` layers, which a network has at its end, and products of two activations stay f32.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

Feed = Mapping[str, NDArray[np.float32]]
LAYERS = ("Conv", "MatMul")
"""Where the time goes. A ``MatMul`` counts where its second factor is a weight."""


def quantise(graph: bytes, feeds: Iterable[Feed], *, first: bool = False, held: float = 1.0) -> bytes:
    """``graph`` (ONNX) with its expensive layers in int8, calibrated on ``feeds``, inputs by name of any batch.

    ``first``: also the layers that read the inputs themselves. Where they see a few bright points and much that is
    faint, rounding costs much there; where that is compressed (``compress.asinh``), little, but half of the time.
    ``held``: the share of all values of the calibration between the least and the greatest that are told apart; what
    lies beyond on either side is taken for these.

    Raises
    ------
    ValueError
        When no layer lies behind the first ones, or there is nothing to calibrate on.
    """
    network = onnx.load_from_string(graph)
    kept, inner = layers(network)
    reader = _Reader(feeds)
    if not inner:
        raise ValueError(f"int8: expected a graph with {' or '.join(LAYERS)} behind its first layers, found none")
    if reader.empty:
        raise ValueError("int8: expected clips to calibrate on, found none")
    # What the library's own preparation would fold, the exporter has folded; it complains without this mark.
    network.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
    with tempfile.TemporaryDirectory(prefix="spermscope-int8-") as folder:
        out = Path(folder) / "int8.onnx"
        quantize_static(
            network,
            out,
            reader,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(LAYERS),
            nodes_to_exclude=[] if first else kept,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax if held == 1.0 else CalibrationMethod.Percentile,
            extra_options={
                "OpTypesToExcludeOutputQuantization": list(LAYERS),
                "MatMulConstBOnly": True,
                "CalibPercentile": 100.0 * held,
                "CalibTensorRangeSymmetric": False,
            },
        )
        return out.read_bytes()


def layers(network: onnx.ModelProto) -> tuple[list[str], list[str]]:
    """Names of the layers that see an input before any other layer does, and of those behind them."""
    weights = {weight.name for weight in network.graph.initializer}
    behind: set[str] = set()
    first: list[str] = []
    inner: list[str] = []
    for node in network.graph.node:
        layer = node.op_type == "Conv" or (node.op_type == "MatMul" and node.input[1] in weights)
        # Where a picture is looked at again elsewhere, the grid that says where is no layer's output in its place.
        late = any(name in behind for name in (node.input[:1] if node.op_type == "GridSample" else node.input))
        if layer:
            (inner if late else first).append(node.name)
        if layer or late:
            behind.update(node.output)
    return first, inner


def expected_outputs(graph: bytes, inputs: Feed) -> dict[str, NDArray[np.float32]]:
    """Outputs of ``graph`` by name, every rounding as it stands in the graph and computed in f32.

    So they are the same on every machine, also on one whose int8 products overflow.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


class _Reader(CalibrationDataReader):
    """The feeds, one after another, as the library asks for them."""

    def __init__(self, feeds: Iterable[Feed]) -> None:
        self._feeds = iter(feeds)
        self._next: Any = self._take()

    @property
    def empty(self) -> bool:
        return self._next is None

    def get_next(self) -> Any:
        found, self._next = self._next, self._take()
        return found

    def _take(self) -> Any:
        feed = next(self._feeds, None)
        return None if feed is None else dict(feed)
