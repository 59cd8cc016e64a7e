"""Which microscopes there are: random ones of every contrast method, with the looks that real pictures show.

Ranges of ``draw_optics`` follow a measured simulation-to-real study of 26 px heads: halo 0 or .2-.97, cut-off .13-.45
cycles per px of 1/3 um, contrast 10-140 grey levels, contrast to noise 5-90, JPEG quality 20-94 in most pictures.
``draw_closed_condenser`` and ``draw_relief`` were added after real stills lay beside simulated ones: heads a little out
of focus under a stopped-down condenser have dark outlines and bright fringes; under relief contrast they are dark or
bright as a whole beside their two slopes. Contrast to noise reaches 300 there, since compression swallows noise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from spermscope.simulate.optics import KINDS, Kind, Optics


def draw_optics(rng: np.random.Generator, kind: Kind | None = None) -> Optics:
    """A random microscope: see the module for the ranges and where they come from."""
    kind = kind or KINDS[int(rng.choice(3, p=(0.45, 0.35, 0.20)))]
    contrast = float(np.exp(rng.uniform(np.log(12), np.log(120))))
    draw = Optics(
        kind=kind,
        polarity=int(rng.choice((-1, 1))) if kind != "phase" else int(rng.choice((-1, 1), p=(0.3, 0.7))),
        theta=float(rng.uniform(-1.4, 1.4)) if rng.random() < 0.2 else float(rng.uniform(-0.3, 0.5)),
        blur=float(rng.uniform(0.18, 0.75)),
        halo=float(rng.uniform(0.2, 0.97)) if kind == "phase" or rng.random() < 0.3 else 0.0,
        halo_width=float(rng.uniform(1.2, 6.0)),
        relief_deg=float(rng.uniform(0, 360)),
        contrast=contrast,
        noise_sigma=float(np.clip(contrast / np.exp(rng.uniform(np.log(6), np.log(90))), 0.3, 9.0)),
        background=float(rng.uniform(60, 190)),
        gradient=float(rng.uniform(0, 0.25)),
        gradient_deg=float(rng.uniform(0, 360)),
        vignetting=float(rng.uniform(0, 0.2)),
        texture=float(rng.uniform(0.01, 0.05)) * contrast if rng.random() < 0.3 else 0.0,
        jpeg_quality=int(rng.integers(25, 95)) if rng.random() < 0.5 else 0,
        focus_um=float(rng.normal(0.0, 1.5)),
        thin=float(rng.uniform(-1.3, -0.3))
        if kind == "phase" and rng.random() < 0.55
        else float(rng.uniform(0.3, 1.1)),
    )
    if kind == "brightfield" and rng.random() < 0.5:
        side = float(rng.choice((-1.0, 1.0)))
        return replace(draw, theta=side * float(rng.uniform(1.0, 1.5)), focus_um=side * float(rng.uniform(2.5, 7.0)))
    return draw


def draw_wet_phase(rng: np.random.Generator) -> Optics:
    """A random positive phase contrast at 400x: heads shift light by radians and shine, thin matter is dark."""
    background = float(rng.uniform(70, 170))
    contrast = float(rng.uniform(0.25, 0.95)) * background
    return Optics(
        theta=0.0,
        phase_rad=float(rng.uniform(1.6, 3.2)),
        ring=float(rng.uniform(0.4, 0.9)),
        halo=float(rng.uniform(0.2, 0.95)),
        halo_width=float(rng.uniform(1.5, 5.0)),
        thin=float(rng.uniform(0.15, 0.6)),
        glow=float(rng.uniform(0.2, 2.5)) if rng.random() < 0.7 else 0.0,
        glow_um=float(rng.uniform(1.0, 3.0)),
        contrast=contrast,
        background=background,
        blur=float(rng.uniform(0.22, 0.7)),
        noise_sigma=float(np.clip(contrast / np.exp(rng.uniform(np.log(12), np.log(120))), 0.3, 6.0)),
        gradient=float(rng.uniform(0, 0.2)),
        gradient_deg=float(rng.uniform(0, 360)),
        vignetting=float(rng.uniform(0, 0.15)),
        texture=float(rng.uniform(0.01, 0.04)) * contrast if rng.random() < 0.3 else 0.0,
        jpeg_quality=int(rng.integers(25, 95)) if rng.random() < 0.6 else 0,
        focus_um=float(rng.normal(0.0, 2.5)),
    )


def add_glow(optics: Optics, rng: np.random.Generator) -> Optics:
    """The same microscope with light round thick heads and dark thin matter, as wet preparations show at 400x."""
    return replace(
        optics,
        polarity=1,
        thin=float(rng.uniform(-1.5, -0.2)),
        glow=float(rng.uniform(0.5, 8.0)),
        glow_um=float(rng.uniform(1.0, 3.2)),
    )


def draw_closed_condenser(rng: np.random.Generator) -> Optics:
    """A random bright field whose condenser is stopped down: clear cells show by the fringes of their outlines."""
    contrast = float(np.exp(rng.uniform(np.log(25), np.log(140))))
    side = float(rng.choice((-1.0, 1.0)))
    return Optics(
        kind="brightfield",
        polarity=-1 if rng.random() < 0.8 else 1,
        theta=side * float(rng.uniform(0.6, 1.57)),
        focus_um=side * float(rng.uniform(0.5, 8.0)),
        condenser=float(rng.uniform(0.1, 0.7)),
        blur=float(rng.uniform(0.15, 0.5)),
        halo=0.0,
        thin=float(rng.uniform(0.4, 1.6)),
        **_camera(contrast, rng, (15.0, 300.0)),
    )


def draw_relief(rng: np.random.Generator) -> Optics:
    """A random Hoffman modulation contrast: a bright and a dark slope, and more or less of the cell's own shade."""
    contrast = float(np.exp(rng.uniform(np.log(15), np.log(120))))
    return Optics(
        kind="hoffman",
        relief_deg=float(rng.uniform(0, 360)),
        body=float(rng.uniform(-0.8, 0.8)),
        focus_um=float(rng.normal(0.0, 2.5)),
        condenser=float(rng.uniform(0.2, 1.0)),
        blur=float(rng.uniform(0.15, 0.5)),
        halo=0.0,
        thin=float(rng.uniform(0.4, 1.4)),
        **_camera(contrast, rng, (10.0, 200.0)),
    )


def _camera(contrast: float, rng: np.random.Generator, to_noise: tuple[float, float]) -> dict[str, Any]:
    """Lamp, noise and compression for that contrast; ``to_noise`` its least and largest ratio to the noise."""
    return {
        "contrast": contrast,
        "noise_sigma": float(np.clip(contrast / np.exp(rng.uniform(*np.log(to_noise))), 0.2, 8.0)),
        "background": float(rng.uniform(70, 200)),
        "gradient": float(rng.uniform(0, 0.3)),
        "gradient_deg": float(rng.uniform(0, 360)),
        "vignetting": float(rng.uniform(0, 0.25)),
        "texture": float(rng.uniform(0.01, 0.05)) * contrast if rng.random() < 0.3 else 0.0,
        "jpeg_quality": int(rng.integers(30, 96)) if rng.random() < 0.6 else 0,
    }
