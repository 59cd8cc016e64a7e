"""What one would build from the papers, with random weights, to be timed beside ours (``bench.reference``)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from spermscope.model_file import ModelCard, ModelFile
from spermscope.models.timesformer import TimeSformer
from spermscope.runtime import Model
from spermscope.training.export import to_onnx

if TYPE_CHECKING:
    from transformers import RTDetrConfig

Run = Callable[[], object]


class _Grader(nn.Module):
    """TimeSformer-Small (Bertasius et al. 2021) and a grade: 8 frames of 112 x 112, 30.3 M parameters."""

    def __init__(self, grades: int = 5) -> None:
        super().__init__()
        self.trunk = TimeSformer()
        self.out = nn.Linear(self.trunk.width, grades)

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.out(self.trunk(pictures))
        return logits


class _Detector(nn.Module):
    """RT-DETR R18 (Zhao et al. 2024): 20 M parameters."""

    def __init__(self, config: RTDetrConfig) -> None:
        from transformers import RTDetrForObjectDetection

        super().__init__()
        self.network = RTDetrForObjectDetection(config)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        found = self.network(pictures)
        return found.logits, found.pred_boxes


def timesformer_small(clips: int) -> tuple[Run, Run]:
    """So many clips at once through it, in PyTorch and in the engine of the clinic, on one thread in f32."""
    torch.set_num_threads(1)
    network, pictures = _Grader().eval(), torch.rand(clips, 8, 112, 112)

    def in_torch() -> None:
        with torch.inference_mode():
            network(pictures)

    return in_torch, _in_engine(network, pictures, ["logits"], "TimeSformer-Small")


def rt_detr_r18() -> Run:
    """A picture of 640 x 640 through it, in the engine of the clinic, on one thread in f32.

    Raises
    ------
    ModuleNotFoundError
        Without transformers.
    """
    from transformers import RTDetrConfig
    from transformers.models.rt_detr.configuration_rt_detr_resnet import RTDetrResNetConfig

    backbone = RTDetrResNetConfig(
        depths=[2, 2, 2, 2],
        hidden_sizes=[64, 128, 256, 512],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = RTDetrConfig(
        backbone_config=backbone,
        encoder_in_channels=[128, 256, 512],
        decoder_layers=3,
        hidden_expansion=0.5,
        num_labels=2,
        anchor_image_size=[640, 640],
    )
    return _in_engine(_Detector(config).eval(), torch.rand(1, 3, 640, 640), ["logits", "boxes"], "RT-DETR R18")


def _in_engine(network: nn.Module, pictures: Tensor, outputs: list[str], name: str) -> Run:
    card: dict[str, Any] = {"version": "0", "um_per_px": 0.5, "trained_on": "nothing", "recipe": "random", "seed": 0}
    card |= {"kind": "clip", "name": name, "intended_use": "timing", "limits": "predicts nothing"}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it names what torchvision would bring
    graph = to_onnx(network, {"pictures": pictures}, outputs, {})
    model, given = Model(ModelFile(ModelCard(**card), {"model": graph}, {}, "")), {"pictures": pictures.numpy()}
    return lambda: model.run("model", given)
