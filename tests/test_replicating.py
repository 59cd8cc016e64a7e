"""Replicates through the front door: sessions of simulated fields."""

import json
import shutil

import pytest
from click.testing import CliRunner

from spermscope.assessment import assess, assess_all
from spermscope.cli import commands
from spermscope.conclusion import Conditions
from spermscope.replicating import compare_sessions, read_replicate, sessions_of
from spermscope.session import read_session
from spermscope.simulate.scene import Scene, SceneSettings

pytestmark = pytest.mark.slow

WHO = Conditions(ejaculate=True, temperature_c=37.0, depth_um=20.0)
FIELD = "width_px=320,height_px=240,um_per_px=0.4,fps=15,duration_s=1.6,cells=12,debris=0"


@pytest.fixture(scope="module")
def replicates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replicates")
    assess_all([f"sim:{FIELD},seed={seed}" for seed in (1, 2)], folder / "first", conditions=WHO)
    assess(f"sim:{FIELD},seed=3", folder / "second", conditions=WHO)
    return folder


def test_a_replicate_is_what_its_fields_show_at_one_instant(replicates):
    sample = read_replicate(sessions_of(replicates / "first"))
    assert sample.fields == 2
    true = sum(Scene(SceneSettings.parse(f"{FIELD},seed={seed}")).truth(0.8).in_view.sum() for seed in (1, 2))
    assert sum(sample.counts.values()) + sample.ungraded == pytest.approx(true, rel=0.3)
    followed = sum(read_session(replicates / "first" / name).summary.cells for name in ("01", "02"))
    assert sum(sample.counts.values()) + sample.ungraded <= followed


def test_the_command_says_whether_they_agree_and_what_they_lack(replicates):
    words = ["replicates", str(replicates / "first"), str(replicates / "second")]
    told = CliRunner().invoke(commands, words).output
    assert "points apart" in told
    assert "200 each are asked for" in told
    kept = json.loads(CliRunner().invoke(commands, [*words, "--json"]).output)
    assert kept["second"]["fields"] == 1
    assert kept["agrees"] == (kept["agreement"]["difference"] <= kept["agreement"]["limit"])


def test_a_recording_in_both_replicates_is_refused_even_as_a_copy(replicates, tmp_path):
    shutil.copytree(replicates / "first" / "01", tmp_path / "copy")
    for second in (replicates / "first" / "02", tmp_path / "copy"):
        with pytest.raises(ValueError, match="found a recording that is in both"):
            compare_sessions(replicates / "first", second)


def test_a_field_without_a_cell_is_a_field(replicates, tmp_path):
    assess(f"sim:{FIELD.replace('cells=12', 'cells=0')},seed=5", tmp_path / "empty", conditions=WHO)
    sample = read_replicate([*sessions_of(replicates / "second"), *sessions_of(tmp_path / "empty")])
    assert sample.fields == 2
    assert sample.counts == read_replicate(sessions_of(replicates / "second")).counts


def test_without_a_scale_there_are_no_grades_to_compare(replicates, tmp_path):
    from spermscope.video.recorder import Recorder

    scene = Scene(SceneSettings.parse(f"{FIELD},seed=4"))
    with Recorder(tmp_path / "m.mkv", 320, 240, 15) as recorder:
        for _, time_s, image, _ in scene.frames():
            recorder.write(image, time_s)
    assess(tmp_path / "m.mkv", tmp_path / "s")
    with pytest.raises(ValueError, match="expected WHO motility grades, found: not computed: scale estimated"):
        compare_sessions(replicates / "second", tmp_path / "s")


def test_undeclared_samples_have_no_grades_to_compare(replicates, tmp_path):
    assess(f"sim:{FIELD},seed=6", tmp_path / "s")
    with pytest.raises(ValueError, match="found: not computed: WHO grades need ejaculate"):
        compare_sessions(replicates / "second", tmp_path / "s")


def test_a_folder_without_a_session_is_refused(replicates, tmp_path):
    with pytest.raises(ValueError, match="expected a session folder"):
        compare_sessions(replicates / "second", tmp_path)
