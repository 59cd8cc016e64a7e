"""A clip as one picture that a page rolls past a window."""

from __future__ import annotations

import base64

import cv2
import numpy as np
from numpy.typing import NDArray


def strip(frames: NDArray[np.uint8]) -> str:
    """Frames ``(T, H, W)`` side by side as a JPEG; one stretch of contrast for all of them."""
    low, high = np.percentile(frames, [0.5, 99.7])
    stretched = np.clip((frames.astype(np.float32) - low) * (255.0 / max(high - low, 24.0)), 0, 255).astype(np.uint8)
    _, coded = cv2.imencode(".jpg", np.hstack(list(stretched)), [cv2.IMWRITE_JPEG_QUALITY, 82])
    return "data:image/jpeg;base64," + base64.b64encode(coded.tobytes()).decode()
