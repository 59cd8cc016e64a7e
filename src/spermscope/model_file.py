"""Model files: what a model is, its graphs, and what it must answer to be the one that was made.

A model file is one zip, ``NAME.spermscope``: ``card.json``, the ONNX graphs, ``golden.npz`` with one input and its
outputs. Beside ``GRAPH`` may stand ``GRAPH-int8``, the same computed in whole numbers where that is expensive, with
golden outputs of its own for the same input. It is read without pickle, without paths and without external data.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spermscope.whole_files import put

Arrays = Mapping[str, NDArray[Any]]
SUFFIX = ".spermscope"
MOST_BYTES = 1 << 30
INT8 = "-int8"


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


def write_model(path: Path, card: ModelCard, graphs: dict[str, bytes], golden: Arrays) -> Path:
    """Write a model file; ``golden`` holds ``GRAPH/in/NAME`` and ``GRAPH/out/NAME`` arrays."""
    if path.suffix != SUFFIX:
        raise ValueError(f"{path}: expected a name that ends in {SUFFIX}")
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **{key.replace("/", "."): value for key, value in golden.items()})
    with put(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "card.json", card.model_dump_json(indent=1).encode())
        for name, graph in sorted(graphs.items()):
            _add(archive, f"{name}.onnx", graph)
        _add(archive, "golden.npz", packed.getvalue())
    return path


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # A fixed time stamp: the same model gives the same bytes and hash.
    archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)


def read_model(path: Path) -> ModelFile:
    """What a model file holds, not yet tried.

    Raises
    ------
    ValueError
        One line: the file is not a model, or its card is not understood.
    """
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
