"""A locked study becomes the arrays that agreement is computed from, and a report."""

import re
import uuid

import numpy as np
import pytest
from click.testing import CliRunner
from ratings import new, new_vote, rate, started

from spermscope.agreement import fleiss_kappa
from spermscope.cli import commands
from spermscope.labels import MISSING
from spermscope.locale import LANGUAGES, text
from spermscope.rating.opening import open_study
from spermscope.rating.packages import unpack, write_package
from spermscope.rating.protocol import GRADES
from spermscope.rating.reporting import agreement_study, report_study
from spermscope.rating.values import Refused


def vote_some(study, rater, rng, count=1000):
    """The rater's next presentations at random, one in five not to be judged; what he said by clip, in turn."""
    said = {}
    while count and (coming := study.next_presentations(rater, 1)):
        grade = None if rng.random() < 0.2 else "ABCDE"[rng.integers(5)]
        study.vote(rater, new_vote(coming[0], grade, reason=None if grade else "too_short", elapsed_ms=1500))
        said.setdefault(coming[0].clip, []).append(grade)
        count -= 1
    return said


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    """Two raters did all, the third seven presentations; R001 corrected his last one."""
    folder, rng = tmp_path_factory.mktemp("report") / "s", np.random.default_rng(4)
    study = started(folder)
    said = {rater: vote_some(study, rater, rng) for rater in ("R001", "R002")} | {
        "R003": vote_some(study, "R003", rng, 7)
    }
    again = study.undo_last("R001")
    study.vote("R001", new_vote(again, "E", replaces=uuid.UUID(again.replaces)))
    said["R001"][again.clip][-1] = "E"
    study.lock()
    yield study, said
    study.close()


def test_first_answers_and_repeats_are_where_they_belong(rated):
    study, said = rated
    found = agreement_study(study)
    assert found.raters == ("R001", "R002", "R003")
    for column, rater in enumerate(found.raters):
        for row, clip in enumerate(found.clips):
            first = said[rater].get(clip, [MISSING])[0]
            assert found.votes[row, column] == ("ABCDE".index(first) if isinstance(first, str) else MISSING)
            assert found.reasons[row, column] == (MISSING if first else study.protocol.reasons.index("too_short"))
    expected = sorted(
        (rater, clip, *("ABCDE".index(grade) if grade else MISSING for grade in grades))
        for rater, by_clip in said.items()
        for clip, grades in by_clip.items()
        if len(grades) == 2
    )
    repeats = found.repeats
    assert expected == sorted(
        (found.raters[rater], found.clips[clip], *pair)
        for rater, clip, pair in zip(repeats.rater.tolist(), repeats.clip.tolist(), repeats.grade.tolist(), strict=True)
    )


def test_blocks_times_and_what_is_missing_come_along(rated):
    study, _ = rated
    found = agreement_study(study)
    assert found.due.all()
    assert found.missing.sum(axis=0).tolist() == [0, 0, 10 - len(rated[1]["R003"])]
    assert set(found.time_s[~found.missing].tolist()) == {1.2, 1.5}  # the correction took 1.2 s
    assert np.isnan(found.time_s[found.missing]).all()
    firsts = {turn.shown.clip: turn.shown.block - 1 for turn in study.turns.of("R002") if turn.occurrence == 1}
    assert [firsts[clip] for clip in found.clips] == found.blocks[:, 1].tolist()
    assert len(np.unique(found.donors)) == 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_protocol_speaks_the_reports_language(rated, language):
    study, _ = rated
    facts = agreement_study(study, language).facts
    assert facts.question == getattr(study.protocol.question, language)
    assert facts.labels == tuple(getattr(grade.label, language) for grade in GRADES)
    assert (facts.seats, facts.per_clip, facts.block, facts.seed, facts.view) == (3, None, 5, 7, "head")
    assert facts.started < facts.locked
    assert not facts.simulated


def test_the_report_names_no_donor_and_no_clip_of_the_source_and_shows_its_pictures(rated, tmp_path):
    study, _ = rated
    page = report_study(study, tmp_path / "out", resamples=20).read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == page.count('<div class="card">') > 3
    assert "animation:roll 1.07s steps(16)" in page
    told = re.sub(r"data:image/jpeg;base64,[^)]+", "", page)
    for sheet in study.sheets.values():
        assert not re.search(rf"\b({sheet.name}|{sheet.donor})\b", told)
    kappa = fleiss_kappa(agreement_study(study).counts).value
    assert f'<td class="n">{kappa:.2f}</td>' in page


def test_clips_that_a_rater_was_not_meant_to_see_are_not_missing(tmp_path):
    with started(tmp_path / "s", raters_per_clip=2) as study:
        rate(study, "R001")
        rate(study, "R002", 1)
        study.lock()
        found = agreement_study(study)
        assert found.due.sum() == sum(len({turn.shown.clip for turn in study.turns.of(r)}) for r in ("R001", "R002"))
        assert found.missing.sum() == found.due[:, 1].sum() - 1
        page = report_study(study, tmp_path / "out", resamples=20).read_text(encoding="utf-8")
    assert text("grras_some", "en", raters=2) in page


def test_a_locked_study_that_nobody_rated_still_has_a_page(tmp_path):
    with started(tmp_path / "s") as study:
        study.lock()
        page = report_study(study, tmp_path / "out", "ja", resamples=20).read_text(encoding="utf-8")
    assert text("agree_none_disputed", "ja") in page


def test_neither_an_unlocked_study_nor_a_package_is_reported(tmp_path):
    with started(tmp_path / "s") as study:
        rate(study, "R001", 2)
        with pytest.raises(Refused):
            report_study(study, tmp_path / "out")
        write_package(study, "R002", tmp_path / "p")
    unpack(tmp_path / "p", tmp_path / "mine", None)
    with open_study(tmp_path / "mine") as mine:
        mine.start()
        mine.lock()
        with pytest.raises(ValueError, match="expected a whole study"):
            report_study(mine, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_writes_the_page_and_names_it(tmp_path):
    with open_study(new(tmp_path / "s")) as study:
        study.start()
        rate(study, "R001")
        study.lock()
    words = ["rate", "report", str(tmp_path / "s"), "--out", str(tmp_path / "out"), "--language", "ja"]
    done = CliRunner().invoke(commands, words, standalone_mode=False)
    assert not done.exception
    assert done.stdout == f"{tmp_path / 'out' / 'agreement.html'}\n"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "agreement.csv",
        "agreement.html",
        "clips.csv",
        "raters.csv",
    ]
