"""From a torch network to ONNX bytes, with its golden output."""

from __future__ import annotations

import io
import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def to_onnx(
    network: nn.Module, inputs: dict[str, Tensor], outputs: list[str], dynamic: dict[str, dict[int, str]]
) -> bytes:
    """The network as one ONNX file without external data; ``dynamic`` names the axes that may vary."""
    network = network.eval().float()
    shapes = {name: dict.fromkeys(dynamic.get(name, {}), torch.export.Dim.DYNAMIC) for name in inputs}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=outputs,
            dynamo=True,
            dynamic_shapes=tuple(shapes.values()),
            external_data=False,
            verbose=False,
        )
    packed = io.BytesIO()
    program.save(packed)
    return packed.getvalue()


def golden(
    graph: str, network: nn.Module, inputs: dict[str, Tensor], outputs: list[str]
) -> dict[str, NDArray[np.float32]]:
    """``GRAPH/in/NAME`` and ``GRAPH/out/NAME``: what torch gives for ``inputs``, for ``runtime.write_model``."""
    with torch.no_grad():
        given = network.eval().float()(*inputs.values())
    given = given if isinstance(given, tuple) else (given,)
    arrays = {f"{graph}/in/{name}": value.numpy() for name, value in inputs.items()}
    arrays |= {f"{graph}/out/{name}": value.numpy() for name, value in zip(outputs, given, strict=True)}
    return arrays
