"""Settings files: what is taken, and the one line that refuses the rest."""

import pytest

from spermscope.settings import Settings, load_settings


def written(tmp_path, text):
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_is_named_after_its_stage_and_the_rest_stays(tmp_path):
    found = load_settings(written(tmp_path, "threads = 1\n[track]\nmax_gap_s = 0.5\n"))
    assert found.track.max_gap_s == 0.5
    assert found == Settings(threads=1, track=Settings().track.model_copy(update={"max_gap_s": 0.5}))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[track]\nmax_gap = 0.5\n", r"track\.max_gap: Extra inputs are not permitted"),
        ("[track]\ngate = -1\n", r"track\.gate: .*greater than 0, found -1"),
        ("[track]\nleast_beat_um = 6.0\n", "track: .*expected least_beat_um <= widest_beat_um"),
        ("[tracks]\n", "tracks: Extra inputs"),
        ("[track\n", "expected TOML"),
    ],
)
def test_what_is_not_understood_is_refused_in_one_line(tmp_path, text, told):
    with pytest.raises(ValueError, match=told) as refusal:
        load_settings(written(tmp_path, text))
    assert "rules.toml" in str(refusal.value)
    assert "\n" not in str(refusal.value)
