"""What each network of a comparison costs: parameters, multiplications, time a clip on one core.

``python -m benchmarks.networks [NAME...]``. Clips of 16 crops of 128 x 128, 5 grades, 4 heads, with displacements;
batches of 16, one thread, in bf16 where the processor multiplies it. Times are the processor's, of the faster of two
batches: forward as in grading, and a training step (forward, backward, AdamW). A multiplication and its addition count
as one, attention's own products too.
"""

from __future__ import annotations

import sys
import time

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from spermscope.clips import MODEL_PX, MOTION_FEATURES
from spermscope.models.family import NETWORKS
from spermscope.training.loop import mixed_precision
from spermscope.training.losses import emd_loss

BATCH, LENGTH, ROUNDS = 16, 16, 2


def clips(count: int) -> tuple[Tensor, Tensor]:
    """Noise: costs do not hang on what is seen."""
    return torch.randn(count, LENGTH, MODEL_PX, MODEL_PX), torch.rand(count, LENGTH, MOTION_FEATURES)


def multiplications(name: str) -> float:
    """Of one clip, in 10^9."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        NETWORKS[name]().eval()(*clips(1))
    return counter.get_total_flops() / 2e9


def forward_ms(network: nn.Module, pictures: Tensor, motion: Tensor) -> float:
    """Milliseconds a clip."""
    network.eval()
    laps_s = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        with torch.no_grad(), mixed_precision():
            network(pictures, motion)
        laps_s.append(time.process_time() - begun)
    return 1e3 * min(laps_s) / len(pictures)


def step_ms(network: nn.Module, pictures: Tensor, motion: Tensor) -> float:
    """Milliseconds a clip of a training step."""
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    target = torch.full((len(pictures), 5), 0.2)
    laps_s = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        with mixed_precision():
            logits, _ = network(pictures, motion)
        optimizer.zero_grad()
        emd_loss(logits.mean(1), target).mean().backward()
        optimizer.step()
        laps_s.append(time.process_time() - begun)
    return 1e3 * min(laps_s) / len(pictures)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    sys.stdout.write("| network | parameters, M | GMAC a clip | forward, ms a clip | training step, ms a clip |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    for name in sys.argv[1:] or NETWORKS:
        network = NETWORKS[name]()
        millions = sum(weight.numel() for weight in network.parameters()) / 1e6
        given = clips(BATCH)
        row = f"| {name} | {millions:.2f} | {multiplications(name):.2f} | {forward_ms(network, *given):.0f}"
        sys.stdout.write(f"{row} | {step_ms(network, *given):.0f} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
