"""Marks: told apart by letter, by shape and by colour, also by eyes that lack a cone; no indicator's colour."""

import colorsys
from itertools import combinations

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from spermscope.app.marks import MARKS, NEUTRAL, paint_mark, shape_path
from spermscope.app.theme import ACCENT, NOTICE
from spermscope.types import GRADES

# Machado, Oliveira & Fernandes 2009, severity 1, on linear light.
EYES = {
    "all cones": np.eye(3),
    "no L": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no M": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "no S": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def channels(colour):
    return np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])


def seen(colour, eyes):
    """CIE L*a*b* of a colour as those eyes see it."""
    light = channels(colour)
    light = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    ratio = XYZ @ np.clip(eyes @ light, 0, 1) / np.array([0.9505, 1.0, 1.089])
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", EYES)
def test_the_colours_differ_for_every_kind_of_eye(eyes):
    places = {mark.letter: seen(mark.colour, EYES[eyes]) for mark in MARKS}
    for one, other in combinations(places, 2):
        assert np.linalg.norm(places[one] - places[other]) > 15, (one, other)


@pytest.mark.parametrize("colour", [*(mark.colour for mark in MARKS), NEUTRAL, NOTICE, ACCENT])
def test_no_colour_is_red_amber_yellow_or_green(colour):
    hue, _, saturation = colorsys.rgb_to_hls(*channels(colour))
    assert saturation < 0.1 or 170 <= 360 * hue <= 325


def test_letters_are_the_grades_and_every_shape_is_another():
    assert tuple(mark.letter for mark in MARKS) == GRADES
    drawn = []
    for grade in range(len(MARKS)):
        image = QImage(40, 40, QImage.Format.Format_Grayscale8)
        image.fill(0)
        painter = QPainter(image)
        painter.fillPath(shape_path(grade, QRectF(4, 4, 32, 32)), QColor("white"))
        painter.end()
        drawn.append(np.frombuffer(image.constBits(), np.uint8).reshape(40, 40) > 128)
    for one, other in combinations(drawn, 2):
        assert (one & other).sum() / (one | other).sum() < 0.85


@pytest.mark.usefixtures("qapp")
def test_a_mark_is_painted_in_its_colour_and_inside_its_rectangle():
    for grade, mark in enumerate(MARKS):
        image = QImage(80, 40, QImage.Format.Format_RGB32)
        image.fill(QColor("black"))
        painter = QPainter(image)
        paint_mark(painter, grade, QRectF(8, 5, 54, 30))
        painter.end()
        pixels = np.frombuffer(image.constBits(), np.uint8).reshape(40, 80, 4)[..., 2::-1]
        near = (np.abs(pixels.astype(int) - (255 * channels(mark.colour)).astype(int)).max(axis=2) < 8).nonzero()
        assert len(near[0]) > 60
        assert near[0].min() >= 4
        assert near[0].max() <= 36
        assert near[1].min() >= 7
