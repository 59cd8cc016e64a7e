"""From a torch network to the graphs of a model file, with their golden outputs."""

from __future__ import annotations

import io
import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spermscope.clips import MODEL_PX, MOTION_FEATURES
from spermscope.models.streaming import TOKEN, CropEncoder, GradeHead, HeadAtWork

Graphs = dict[str, bytes]
Golden = dict[str, NDArray[np.float32]]
GRADED = ["logits", "embedding", "distance"]
ITEMS = 3
"""Of the golden inputs: noise, for a file must carry nobody's cell."""


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


def golden(graph: str, network: nn.Module, inputs: dict[str, Tensor], outputs: list[str]) -> Golden:
    """``GRAPH/in/NAME`` and ``GRAPH/out/NAME``: what torch gives for ``inputs``, for ``model_file.write_model``."""
    with torch.no_grad():
        given = network.eval().float()(*inputs.values())
    given = given if isinstance(given, tuple) else (given,)
    arrays = {f"{graph}/in/{name}": value.numpy() for name, value in inputs.items()}
    arrays |= {f"{graph}/out/{name}": value.numpy() for name, value in zip(outputs, given, strict=True)}
    return arrays


def streaming_graphs(encoder: CropEncoder, head: GradeHead, every: int) -> tuple[Graphs, Golden]:
    """``encoder`` and ``head`` of a streaming grader that sees one crop in ``every``."""
    length = head.place.shape[0]
    generator = torch.Generator().manual_seed(1)
    picture = {"picture": torch.randn(ITEMS, 1, MODEL_PX, MODEL_PX, generator=generator)}
    given = {
        "tokens": torch.randn(ITEMS, length, TOKEN, generator=generator),
        "motion": torch.rand(ITEMS, length, MOTION_FEATURES, generator=generator),
        "valid": torch.ones(ITEMS, length),
    }
    seeing, judging = encoder.to(memory_format=torch.contiguous_format), HeadAtWork(head, every)
    graphs = {
        "encoder": to_onnx(seeing, picture, ["token"], {"picture": {0: "batch"}}),
        "head": to_onnx(judging, given, GRADED, {name: {0: "batch"} for name in given}),
    }
    return graphs, golden("encoder", seeing, picture, ["token"]) | golden("head", judging, given, GRADED)


def clip_graphs(network: nn.Module, length: int) -> tuple[Graphs, Golden]:
    """``model`` of a whole-clip grader of ``length`` crops."""
    generator = torch.Generator().manual_seed(1)
    given = {
        "pictures": torch.randn(ITEMS, length, MODEL_PX, MODEL_PX, generator=generator),
        "motion": torch.rand(ITEMS, length, MOTION_FEATURES, generator=generator),
    }
    graph = to_onnx(network, given, GRADED, {name: {0: "batch"} for name in given})
    return {"model": graph}, golden("model", network, given, GRADED)
