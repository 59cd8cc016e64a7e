"""How a thickness of glass-clear cell becomes grey levels: one transfer function for every contrast method.

A layer at height z above the focal plane goes through
``T(f) = cos(pi L z f^2 + theta) exp(-2 (pi s f)^2) (1 - h exp(-f^2 / 2 f0^2))``
with ``L`` the wavelength in the medium (Fresnel propagation of a thin object; Goodman, Introduction to Fourier
Optics, ch. 4), ``s`` the blur of aperture and defocus, ``h`` and ``f0`` strength and reach of a phase ring's halo.
``theta`` runs from absorption (0) to phase (90 degrees). Relief (Hoffman, oblique) is a directional derivative.
With ``phase_rad`` above 0 the whole of Zernike's formula stands in for this weak-object form: light that a head delays
by so many radians meets the undiffracted light, dimmed to amplitude ``a`` and turned by a quarter wave,
``I = |S (1 - (1 + i a) h exp(-f^2 / 2 f0^2)) - i a|^2 / a^2``, ``S = exp(i phase) - 1`` (Zernike 1942; Born & Wolf,
Principles of Optics, 8.6.3). Thin matter is then dark and a thick head bright; defocus makes rings.
Which values microscopes have is in ``microscopes``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

Kind = Literal["phase", "brightfield", "hoffman"]
KINDS: tuple[Kind, ...] = ("phase", "brightfield", "hoffman")
WAVELENGTH_UM = 0.41
"""Green light, 0.55 um, in water (n = 1.33)."""
DEFOCUS_BLUR = 0.10
"""Blur (um) per um of defocus, an aperture of about 0.4."""

COHERENT_BLUR = 0.05
"""The same where a phase ring lights the cell from a narrow cone, so that defocus makes rings."""

Image = NDArray[np.float32]
Spectrum = NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class Optics:
    """One microscope and camera. Lengths in um, contrast and noise in grey levels of 8 bit.

    ``thin`` is how tails and specks show beside heads: in phase contrast thick, refracting heads are often bright
    where thin matter is dark (-1 .. 1).
    ``glow`` and ``glow_um`` spread light round thick matter, as phase contrast does round a refracting head.
    ``phase_rad`` is the delay by a typical head (0: weak-object form), ``ring`` the amplitude that the phase ring
    passes (0..1); ``contrast`` is then the step from the background to black.
    ``condenser``: its opening, 1 as wide as the objective's, 0 a pinhole, whose light is coherent: what lies out of
    focus then shows sharp fringes where an open condenser blurs it. ``body``: how much relief contrast lets a head's
    own darkness (or brightness) show beside its slopes, -1..1.
    """

    kind: Kind = "phase"
    polarity: int = 1
    theta: float = 0.2
    blur: float = 0.25
    halo: float = 0.8
    halo_width: float = 3.0
    relief_deg: float = 45.0
    contrast: float = 70.0
    noise_sigma: float = 2.0
    background: float = 110.0
    gradient: float = 0.05
    gradient_deg: float = 30.0
    vignetting: float = 0.05
    texture: float = 0.0
    jpeg_quality: int = 0
    focus_um: float = 0.0
    thin: float = 1.0
    glow: float = 0.0
    glow_um: float = 1.8
    phase_rad: float = 0.0
    ring: float = 0.5
    condenser: float = 1.0
    body: float = 0.12

    def blur_um(self, z_um: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standard deviation of the blur of something at height ``z_um``; what can be seen is larger than it."""
        return np.hypot(self.blur, self._defocus_blur * (np.asarray(z_um) - self.focus_um))

    @property
    def _defocus_blur(self) -> float:
        return self.condenser * (COHERENT_BLUR if self.phase_rad > 0 else DEFOCUS_BLUR)

    @property
    def contrast_to_noise(self) -> float:
        """A typical head's contrast over the noise."""
        return self.contrast / max(self.noise_sigma, 0.3)

    def spectrum(self, layers: list[tuple[float, Image]], um_per_px: float) -> Spectrum:
        """What ``(z_um, thickness)`` layers of one shape scatter, as it leaves the objective; spectra add up."""
        total: Spectrum | None = None
        for z_um, thickness in layers:
            through = _transfer(self, thickness.shape, um_per_px, z_um)
            if self.phase_rad > 0:
                scattered = np.zeros(thickness.shape, np.complex64)
                there = thickness != 0
                scattered[there] = np.exp(1j * np.float32(self.phase_rad) * thickness[there]) - 1
                part = fft.fft2(scattered, workers=1)
            else:
                part = fft.rfft2(thickness, workers=1)
            part *= through
            total = part if total is None else np.add(total, part, out=total)
        if total is None:
            raise ValueError("layers: expected at least one, found none")
        return total

    def develop(self, spectrum: Spectrum, shape: tuple[int, int], um_per_px: float) -> Image:
        """The picture's contrast (signed) from a spectrum: a typical head is 1, or, with ``phase_rad``, black is -1."""
        if self.phase_rad > 0:
            field = fft.ifft2(spectrum, workers=1, overwrite_x=True)
            field -= np.complex64(1j * self.ring)
            power = field.real**2 + field.imag**2
            bright: Image = (power * np.float32(self.polarity / self.ring**2) - np.float32(self.polarity)).astype(
                np.float32
            )
            return bright
        seen: Image = fft.irfft2(spectrum, s=shape, workers=1, overwrite_x=True).astype(np.float32)
        seen *= np.float32(self.polarity / _head_response(self, um_per_px))
        return seen

    def expose(self, seen: Image, rng: np.random.Generator, lit: Image | None = None) -> NDArray[np.uint8]:
        """Grey levels: illumination (times ``lit``), contrast, texture, noise, and what compression leaves of them."""
        height, width = seen.shape
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        turn = np.radians(self.gradient_deg)
        light = 1.0 + self.gradient * (x * np.cos(turn) + y * np.sin(turn)) - self.vignetting * (x * x + y * y)
        grey = self.background * light + self.contrast * seen
        if self.texture > 0:
            coarse = rng.standard_normal((max(2, height // 12), max(2, width // 12))).astype(np.float32)
            grey += self.texture * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        if lit is not None:
            grey *= lit
        noise = np.empty((height, width), np.float32)
        rng.standard_normal(out=noise, dtype=np.float32)
        grey += self.noise_sigma * noise
        picture = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
        if self.jpeg_quality:
            _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg_quality])
            return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
        exposed: NDArray[np.uint8] = picture
        return exposed


def clean_optics(kind: Kind = "phase") -> Optics:
    """A typical good microscope of that kind."""
    if kind == "phase":
        return Optics()
    if kind == "brightfield":
        return Optics(kind=kind, polarity=-1, theta=0.35, halo=0.0, contrast=45.0, background=150.0)
    return Optics(kind=kind, polarity=1, halo=0.0, contrast=45.0, background=140.0, blur=0.22)


@lru_cache(maxsize=6)
def _transfer(optics: Optics, shape: tuple[int, int], um_per_px: float, z_um: float) -> Spectrum:
    """T on the rfft grid of a picture of ``shape``; on the whole grid where ``phase_rad`` asks for complex light."""
    whole = optics.phase_rad > 0
    fy = fft.fftfreq(shape[0], um_per_px)[:, None].astype(np.float32)
    fx = (fft.fftfreq if whole else fft.rfftfreq)(shape[1], um_per_px)[None, :].astype(np.float32)
    f2 = fx * fx + fy * fy
    dz = z_um - optics.focus_um
    blur = float(np.hypot(optics.blur, optics._defocus_blur * dz))
    out = np.exp(np.float32(-2.0 * (np.pi * blur) ** 2) * f2)
    reach = 1.0 / (2.0 * np.pi * optics.halo_width)
    if whole:
        held = np.exp(f2 * np.float32(-0.5 / reach**2))
        lens = np.exp(np.complex64(-1j * np.pi * WAVELENGTH_UM * dz) * f2)
        passed = out * lens * (1.0 - np.complex64(1.0 + 1j * optics.ring) * np.float32(optics.halo) * held)
        if optics.glow > 0:
            spread = np.exp(np.float32(-2.0 * (np.pi * optics.glow_um) ** 2) * f2)
            passed += np.complex64(1j * optics.ring * optics.glow) * spread
        return np.asarray(passed, np.complex64)
    if optics.kind == "hoffman":
        turn = np.radians(optics.relief_deg)
        relief = 2j * np.pi * (fx * np.cos(turn) + fy * np.sin(turn)) * 1.2
        return np.asarray(out * (relief + optics.body * np.cos(np.pi * WAVELENGTH_UM * dz * f2)), np.complex64)
    out *= np.cos(np.float32(np.pi * WAVELENGTH_UM * dz) * f2 + np.float32(optics.theta))
    if optics.halo > 0:
        out *= 1.0 - optics.halo * np.exp(f2 * np.float32(-0.5 / reach**2))
    if optics.glow > 0:
        out += optics.glow * np.exp(-2.0 * (np.pi * optics.glow_um) ** 2 * f2)
    return out.astype(np.complex64)


@lru_cache(maxsize=64)
def _head_response(optics: Optics, um_per_px: float) -> float:
    """Largest response to a typical head, so that ``contrast`` means the same for every optics.

    In focus; under a stopped-down condenser, where a clear head in focus shows nothing, at height 0.
    """
    size = int(24.0 / um_per_px)
    y, x = np.mgrid[:size, :size].astype(np.float32) - size / 2
    r2 = (x * um_per_px / 2.3) ** 2 + (y * um_per_px / 1.5) ** 2
    head = np.sqrt(np.clip(1.0 - r2, 0.0, 1.0)).astype(np.float32)
    z_um = optics.focus_um + 0.5 if optics.condenser >= 1.0 else 0.0
    seen = fft.irfft2(fft.rfft2(head) * _transfer(optics, head.shape, um_per_px, z_um), s=head.shape)
    return max(float(np.abs(seen).max()), 0.08)
