"""A clip plays at its own speed, over and over; a close-up is centred on the head."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets")
from live_cells import cell, clip_of, shown

from spermscope.app.large import LargeView
from spermscope.app.player import REST_S, ClipPlayer
from spermscope.types import Frame


@pytest.fixture
def player(qtbot):
    made = ClipPlayer()
    qtbot.addWidget(made)
    made.resize(150, 150)
    return made


def test_each_picture_comes_at_its_own_time_and_the_clip_begins_anew(player):
    clip = clip_of(1)
    player.set_clip(clip)
    for elapsed_s, at in [(0.0, 0), (0.06, 0), (0.07, 1), (0.99, 14), (1.0, 15), (1.2, 15), (1.0 + REST_S + 0.01, 0)]:
        player.seek(elapsed_s)
        assert player.at == at, elapsed_s


def test_uneven_times_are_kept(player):
    clip = clip_of(1, pictures=3)
    player.set_clip(replace(clip, time_s=np.array([5.0, 5.1, 5.9])))
    player.seek(0.5)
    assert player.at == 1


def test_it_plays_by_itself_while_it_is_seen(player, qtbot):
    player.set_clip(clip_of(1))
    player.show()
    qtbot.waitUntil(lambda: player.at > 2, timeout=2000)
    player.hide()
    assert not player._timer.isActive()


def test_a_shorter_clip_and_none_do_no_harm(player):
    player.set_clip(clip_of(1))
    player.seek(0.99)
    player.set_clip(clip_of(1, pictures=2))
    assert player.at == 1
    player.grab()
    player.set_clip(None)
    player.seek(3.0)
    player.grab()


def test_the_picture_is_the_clips(player):
    clip = clip_of(1, pictures=1)
    player.set_clip(replace(clip, frames=np.full_like(clip.frames, 77)))
    assert player.grab().toImage().pixelColor(75, 75).red() == 77


def test_the_close_up_is_centred_on_the_head_and_stays_when_the_cell_has_gone(qtbot):
    view = LargeView()
    qtbot.addWidget(view)
    view.resize(500, 260)
    one = shown([cell(4, xy_px=(230.0, 120.0))])
    image = np.zeros((300, 400), np.uint8)
    image[118:123, 228:233] = 250
    one = replace(one, step=replace(one.step, frame=Frame(image, 0, 0.0)))
    view.show_cell(one, 4, hidden=False)
    view.show()
    grabbed = view.close_up.grab().toImage()
    assert grabbed.pixelColor(grabbed.width() // 2, min(grabbed.width(), grabbed.height()) // 2).red() > 200
    view.show_cell(shown([]), 4, hidden=False)
    assert view.close_up.stale
    assert view.track_id == 4
    view.show_cell(shown([]), 5, hidden=False)
    assert view.track_id is None


@pytest.mark.parametrize("xy", [(0.0, 0.0), (399.0, 299.0)])
def test_a_cell_at_the_edge_is_shown_too(qtbot, xy):
    view = LargeView()
    qtbot.addWidget(view)
    view.show_cell(shown([cell(4, xy_px=xy)]), 4, hidden=False)
    view.grab()
    assert view.track_id == 4
