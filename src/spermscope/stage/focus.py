"""How sharp a picture is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def focus_score(image: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000) of a central part, over the mean level squared."""
    height, width = image.shape
    part = image[height // 4 : max(height * 3 // 4, 1), width // 4 : max(width * 3 // 4, 1)]
    level = cv2.mean(part)[0] if part.size else 0.0
    if level == 0.0:
        return 0.0
    spread = cv2.meanStdDev(cv2.Laplacian(part, cv2.CV_16S))[1]
    return float(spread[0, 0] / level) ** 2
