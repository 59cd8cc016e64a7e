"""The only place that knows the inference engine (OpenVINO): a model file becomes functions of arrays."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from spermscope.model_file import INT8, Arrays, ModelFile, read_model

T = TypeVar("T")
MOST_COMPILED = 6
"""Compiled graphs kept: a folder of stills of many sizes must not fill the memory."""
Precision = Literal["f32", "int8"]
GOLDEN_TOLERANCE: dict[Precision, tuple[float, float]] = {"f32": (2e-3, 2e-3), "int8": (0.1, 1e-2)}
"""Largest and mean difference to the golden output, on outputs of order one.

f32 engines differ by 1e-5. In int8 a value between two steps may fall to either, and what follows with it: sound
engines come as far apart as int8 from f32, here by up to 0.05, on average by 0.006.
"""


class Model:
    """A loaded model: its card, its hash, and its graphs as functions of arrays.

    With ``precision`` int8 a graph that has an int8 variant is that variant, under the same name.

    Any thread may call ``run`` and ``read``; up to ``threads`` calls compute at once, each on one core.
    """

    def __init__(self, file: ModelFile, threads: int = 1, precision: Precision = "f32") -> None:
        self.card = file.card
        self.sha256 = file.sha256
        self.golden = file.golden
        self.precision = precision
        plain = [name for name in file.graphs if not name.endswith(INT8)]
        wanted = {name: name + INT8 if precision == "int8" else name for name in plain}
        self._entries = {name: entry if entry in file.graphs else name for name, entry in wanted.items()}
        self._graphs = {name: file.graphs[entry] for name, entry in self._entries.items()}
        self._threads = threads
        self._at_once = threads
        self._compiled: dict[tuple[str, tuple[tuple[int, ...], ...]], _Compiled] = {}
        self._lock = threading.Lock()

    def prompt(self) -> Model:
        """The same model for a live picture: one call at a time, on one core.

        Two cores shorten the wait by a third where nothing else runs, but cost a quarter more, and wait for each other.
        """
        model = copy(self)
        model._threads = model._at_once = 1
        model._compiled, model._lock = {}, threading.Lock()
        return model

    def run(self, graph: str, inputs: Arrays) -> dict[str, NDArray[np.float32]]:
        """Outputs of ``graph`` by name, float32.

        A graph is compiled for each size of picture, and the latest are kept. The batch may vary freely; one item
        alone, such as a frame, has a graph of its own, a tenth faster.

        Raises
        ------
        ValueError
            When there is no such graph in the file.
        """
        return self.read(graph, inputs, lambda outputs: {name: array.copy() for name, array in outputs.items()})

    def read(self, graph: str, inputs: Arrays, reader: Callable[[dict[str, NDArray[np.float32]]], T]) -> T:
        """What ``reader`` makes of the outputs of ``graph``, which it sees in place and must not keep.

        For outputs of which little is wanted: copying a frame's maps takes a tenth of the time that computing them
        does. Otherwise as ``run``.
        """
        compiled = self._ready(graph, inputs)
        try:
            request = compiled.idle.pop()
        except IndexError:
            request = compiled.network.create_infer_request()
        request.infer(dict(inputs), share_inputs=True)
        found = reader({output.get_any_name(): request.get_tensor(output).data for output in request.model_outputs})
        compiled.idle.append(request)
        return found

    def multiplications(self, graph: str, inputs: Arrays) -> int:
        """How many ``graph`` does for ``inputs``, in convolutions and products of matrices; all else is little."""
        network = _engine().read_model(self._graphs[graph])
        network.reshape({name: list(array.shape) for name, array in inputs.items()})
        total = 0
        for layer in network.get_ops():
            kind = layer.get_type_name()
            if kind in ("Convolution", "GroupConvolution", "MatMul"):
                first, second = (list(layer.input_value(number).shape) for number in (0, 1))
                inner = second[2 if kind == "GroupConvolution" else 1 :]
                if kind == "MatMul":
                    inner = [first[-2 if layer.get_attributes()["transpose_a"] else -1]]
                total += math.prod(layer.output(0).shape) * math.prod(inner)
        return total

    def _ready(self, graph: str, inputs: Arrays) -> _Compiled:
        if graph not in self._graphs:
            raise ValueError(f"{self.card.name}: expected one of the graphs {sorted(self._graphs)}, found {graph!r}")
        key = (graph, tuple(_shape(array) for array in inputs.values()))
        with self._lock:
            compiled = self._compiled.pop(key, None) or self._compile(graph, inputs)
            self._compiled[key] = compiled
            if len(self._compiled) > MOST_COMPILED:
                del self._compiled[next(iter(self._compiled))]
        return compiled

    def _compile(self, graph: str, inputs: Arrays) -> _Compiled:
        core = _engine()
        network = core.read_model(self._graphs[graph])
        network.reshape({name: list(_shape(array)) for name, array in inputs.items()})
        options = {
            "INFERENCE_NUM_THREADS": self._threads,
            "NUM_STREAMS": self._at_once,
            # A pinned stream waits for its core, whatever else runs there, while another idles.
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": "f32",
        }
        return _Compiled(core.compile_model(network, "CPU", options))

    def check_golden(self) -> None:
        """Run the golden inputs through every graph that ``run`` uses.

        Raises
        ------
        ValueError
            When a graph has no golden part, or an output is missing or differs in shape or values.
        """
        for graph, entry in self._entries.items():
            inputs = self._golden_part(f"{graph}/in/")
            expected = self._golden_part(f"{entry}/out/")
            most, mean = GOLDEN_TOLERANCE["f32" if entry == graph else "int8"]
            if not inputs or not expected:
                # The engine runs a graph without inputs on whatever it finds; without outputs nothing is checked.
                raise ValueError(f"{self.card.name}: expected golden inputs and outputs of graph {entry!r}, found none")
            found = self.run(graph, inputs)
            for name, value in expected.items():
                alike = name in found and found[name].shape == value.shape
                far = np.abs(found[name] - value) if alike else np.array(np.inf)
                size = max(1.0, float(np.abs(value).max()))
                if not (far.max() <= most * size and far.mean() <= mean * size):
                    raise ValueError(
                        f"{self.card.name}: graph {entry!r} does not give its golden output on this machine: "
                        f"{name} is {far.max():g} away, on average {far.mean():g}"
                    )

    def _golden_part(self, prefix: str) -> dict[str, NDArray[Any]]:
        return {key.removeprefix(prefix): value for key, value in self.golden.items() if key.startswith(prefix)}


class _Compiled:
    """A graph in the engine, and its requests that no call is using."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.idle: deque[Any] = deque()


def _shape(array: NDArray[Any]) -> tuple[int, ...]:
    """The shape that a graph is compiled for: any batch, -1, or one item."""
    return (1 if len(array) == 1 else -1, *array.shape[1:])


def load_model(path: Path, *, threads: int = 1, precision: Precision = "f32", at_once: int | None = None) -> Model:
    """Read a model file and check its golden output on this machine; ``threads`` and the rest as ``Model`` has them.

    Raises
    ------
    ValueError
        One line: the file is not a model, its card is not understood, it has no variant of that precision, or this
        machine computes something else.
    """
    file = read_model(path)
    if precision == "int8" and not any(graph.endswith(INT8) for graph in file.graphs):
        raise ValueError(f"{path}: expected a model with an int8 variant (spermscope export --int8), found f32 alone")
    model = Model(file, threads, precision)
    try:
        model.check_golden()
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path}: expected graphs that the engine can run on the golden input: {reason}") from error
    return model


def load_in(path: Path, precision: Precision, *, threads: int = 1) -> Model:
    """The model in that precision; in f32 where it has no such variant, or this machine computes another one.

    ``Model.precision`` says which it is. Raises as ``load_model``.
    """
    if precision == "int8" and any(graph.endswith(INT8) for graph in read_model(path).graphs):
        with suppress(ValueError):
            return load_model(path, threads=threads, precision=precision)
    return load_model(path, threads=threads)


@lru_cache(maxsize=1)
def engine_name() -> str:
    """The engine and its version, as a status bar shows it."""
    return f"OpenVINO {version('openvino')}"


@lru_cache(maxsize=1)
def _engine() -> Any:
    import openvino

    return openvino.Core()
