"""Settings of the application: kept whole, and never in the way of a start."""

import pytest

pytest.importorskip("PySide6")

from spermscope.app import preferences as module
from spermscope.app.preferences import Preferences, keep_preferences, preferences_path, read_preferences


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SPERMSCOPE_CONFIG", str(tmp_path / "config 設定"))


def test_the_first_start_has_none():
    assert read_preferences() == (Preferences(), None)


def test_what_is_kept_is_read_again():
    kept = Preferences(language="ja", operator="E-07", temperature_c=37.0, folder="D:/精子")
    keep_preferences(kept)
    keep_preferences(kept.model_copy(update={"opacity": 0.5}))
    assert read_preferences() == (kept.model_copy(update={"opacity": 0.5}), None)
    assert [path.name for path in preferences_path().parent.iterdir()] == ["live.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"opacity": 7}',
        b'{"schema_version": 2}',
        b'{"of a later version": 1}',
        b"\xff\xfe\x00garbage",
    ],
)
def test_a_broken_file_is_put_aside_and_told_and_the_start_goes_on(content):
    preferences_path().parent.mkdir(parents=True)
    preferences_path().write_bytes(content)
    found, aside = read_preferences()
    assert found == Preferences()
    assert aside is not None
    assert aside.read_bytes() == content
    keep_preferences(found)
    preferences_path().write_bytes(b"broken again")
    assert read_preferences()[1] not in (None, aside)


def test_a_folder_in_the_file_s_place_does_not_stop_the_start():
    preferences_path().mkdir(parents=True)
    assert read_preferences()[0] == Preferences()


def test_a_file_that_a_scanner_holds_for_a_moment_is_replaced_after_it(monkeypatch):
    real, tries = module.os.replace, []

    def held(source, target):
        tries.append(target)
        if len(tries) < 4:
            raise PermissionError("held")
        real(source, target)

    monkeypatch.setattr(module.os, "replace", held)
    keep_preferences(Preferences(language="ja"))
    assert len(tries) == 4
    assert read_preferences()[0].language == "ja"
