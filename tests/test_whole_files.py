"""A file is the old one or the new one, never half of one, and nothing is left beside it."""

import os

import pytest

from spermscope.whole_files import move, put, put_text


def half_written(path):
    with put(path) as part:
        part.write_text("ne")
        raise RuntimeError


def test_what_fails_half_way_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "table.csv"
    put_text(path, "old")
    with pytest.raises(RuntimeError):
        half_written(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_new_file_stands_in_the_place_of_the_old(tmp_path):
    path = tmp_path / "table.csv"
    put_text(path, "old")
    with put(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_held_for_a_moment_is_moved_when_it_is_free(tmp_path, monkeypatch):
    held, real = iter([PermissionError(), PermissionError()]), os.replace

    def replace(source, target):
        if error := next(held, None):
            raise error
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr("spermscope.whole_files.time.sleep", lambda seconds: None)
    put_text(tmp_path / "a", "text")
    assert (tmp_path / "a").read_text() == "text"
    held = iter([PermissionError()] * 3)
    with pytest.raises(PermissionError):
        move(tmp_path / "a", tmp_path / "b", tries=3)
    assert (tmp_path / "a").read_text() == "text"
