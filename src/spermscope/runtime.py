"""Model files and the only place that knows the inference engine (OpenVINO).

A model file is one zip, ``NAME.spermscope``: ``card.json``, the ONNX graphs, ``golden.npz`` with one input and its
outputs. Beside ``GRAPH`` may stand ``GRAPH-int8``, the same computed in whole numbers where that is expensive, with
golden outputs of its own for the same input. It is read without pickle, without paths and without external data.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import threading
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

T = TypeVar("T")
Arrays = Mapping[str, NDArray[Any]]
SUFFIX = ".spermscope"
MOST_BYTES = 1 << 30
MOST_COMPILED = 6
"""Compiled graphs kept: a folder of stills of many sizes must not fill the memory."""
INT8 = "-int8"
Precision = Literal["f32", "int8"]
GOLDEN_TOLERANCE: dict[Precision, tuple[float, float]] = {"f32": (2e-3, 2e-3), "int8": (0.1, 1e-2)}
"""Largest and mean difference to the golden output, on outputs of order one.

f32 engines differ by 1e-5. In int8 a value between two steps may fall to either, and what follows with it: sound
engines come as far apart as int8 from f32, here by up to 0.05, on average by 0.006.
"""


class Change(BaseModel):
    """One measure of a variant: ``difference``, after minus before, with its 95 % interval by donor.

    ``margin`` is how much worse the interval's worse end may be.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: float
    after: float
    difference: float
    low: float
    high: float
    margin: float = Field(ge=0)


class Variant(BaseModel):
    """How the graphs of another precision were made, and what that changed, by measure, on donors apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_by: str
    judged_on: str
    split_hash: str
    changes: dict[str, Change]


class ModelCard(BaseModel):
    """What a model is, what it learned from, and how well it does; travels inside the model file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    kind: Literal["detector", "clip", "streaming", "scale"]
    name: str
    version: str
    um_per_px: float = Field(gt=0, description="working scale of the input; of a scale network the middle of its range")
    grades: tuple[str, ...] = ()
    rate_hz: float | None = None
    trained_on: str
    demonstration: bool = Field(default=False, description="not trained on experts; every surface says so")
    recipe: str = Field(description="the command that makes it again")
    seed: int
    licence: str = "Apache-2.0"
    intended_use: str
    limits: str
    scores: dict[str, float | list[float]] = {}
    split_hash: str = ""
    constants: dict[str, float | list[float]] = {}
    variants: dict[Literal["int8"], Variant] = {}


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What a model file holds: ``graphs`` by name, ``golden`` arrays ``GRAPH/in/NAME`` and ``GRAPH/out/NAME``."""

    card: ModelCard
    graphs: dict[str, bytes]
    golden: dict[str, NDArray[Any]]
    sha256: str


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


def write_model(path: Path, card: ModelCard, graphs: dict[str, bytes], golden: Arrays) -> Path:
    """Write a model file; ``golden`` holds ``GRAPH/in/NAME`` and ``GRAPH/out/NAME`` arrays."""
    if path.suffix != SUFFIX:
        raise ValueError(f"{path}: expected a name that ends in {SUFFIX}")
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **{key.replace("/", "."): value for key, value in golden.items()})
    temporary = path.with_name(path.name + ".part")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "card.json", card.model_dump_json(indent=1).encode())
        for name, graph in sorted(graphs.items()):
            _add(archive, f"{name}.onnx", graph)
        _add(archive, "golden.npz", packed.getvalue())
    temporary.replace(path)
    return path


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # A fixed time stamp: the same model gives the same bytes and hash.
    archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)


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


def read_model(path: Path) -> ModelFile:
    """What a model file holds, not yet tried; raises as ``load_model``."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: expected a model file, found: {error.strerror}") from error
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(item.file_size for item in archive.infolist()) > MOST_BYTES:
                raise ValueError(f"{path}: expected a model below {MOST_BYTES >> 20} MiB")
            card = ModelCard.model_validate(json.loads(archive.read("card.json")))
            names = [name for name in archive.namelist() if name.endswith(".onnx")]
            graphs = {name.removesuffix(".onnx"): archive.read(name) for name in names}
            golden = _read_golden(archive.read("golden.npz"))
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValidationError, json.JSONDecodeError) as error:
        found = " ".join(str(error).split())[:200]
        raise ValueError(f"{path}: expected a model file ({SUFFIX}), found something else: {found}") from error
    if all(name.endswith(INT8) for name in graphs):
        raise ValueError(f"{path}: expected at least one graph (*.onnx), found none")
    return ModelFile(card, graphs, golden, hashlib.sha256(content).hexdigest())


def _read_golden(content: bytes) -> dict[str, NDArray[Any]]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return {key.replace(".", "/"): arrays[key] for key in arrays.files}
    except ValueError as error:
        # numpy's own words advise to load the file unsafely.
        raise ValueError("golden.npz: expected plain arrays, found pickled objects or no archive") from error


@lru_cache(maxsize=1)
def engine_name() -> str:
    """The engine and its version, as a status bar shows it."""
    return f"OpenVINO {version('openvino')}"


def shipped(kind: Literal["detector", "grader", "scale"]) -> Path:
    """Path of the model that comes with the package.

    Raises
    ------
    ValueError
        When this build carries none.
    """
    with as_file(files("spermscope").joinpath("weights", kind + SUFFIX)) as path:
        if not path.is_file():
            raise ValueError(f"expected the shipped {kind} in {path.parent}, found none")
        return path


@lru_cache(maxsize=1)
def _engine() -> Any:
    import openvino

    return openvino.Core()
