"""The page and tables of a study's agreement, and the checklist that goes with them."""

import csv
import re
from dataclasses import replace

import numpy as np
import pytest
from markupsafe import escape
from rating_browsers import Seat, chromium, needs_axe

from spermscope.agreement import COEFFICIENTS, StudyFacts, most_disputed, summarise
from spermscope.labels import MISSING
from spermscope.locale import LANGUAGES, reasons, text, told
from spermscope.report.agreement import CARDS, render, write_agreement
from spermscope.report.agreement_plots import colours
from spermscope.report.grras import checklist
from tests.agreement_studies import REASONS, simulated
from tests.chromium import CHROMIUM, browse, widths


def no_pictures(name):
    return None


@pytest.fixture(scope="module")
def study():
    return simulated()


@pytest.fixture(scope="module")
def found(study):
    return summarise(study, np.random.default_rng(0), resamples=30)


def rendered(study, language="en", pictures=no_pictures):
    return render(study, summarise(study, np.random.default_rng(0), resamples=30), pictures, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_every_number_in_both_languages_and_asks_for_nothing(study, found, language):
    page = render(study, found, no_pictures, language)
    for name in COEFFICIENTS:
        assert escape(text(f"agree_{name}", language)) in page
        assert escape(text(f"agree_says_{name}", language)) in page
        assert f"{found.coefficients[name].value:.2f}" in page
    for row in found.raters:
        assert f"<td>{row.name}</td>" in page
        assert f"{row.severity:+.2f}" in page
    for reason in REASONS:
        assert text(f"agree_reason_{reason}", language) in page
    assert text("agree_simulated", language) in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:|#)[^"']+""", page)
    assert "<script" not in page
    assert page.count("<svg") == 4


def test_a_real_study_is_not_called_simulated_and_its_texts_are_escaped(study):
    page = rendered(replace(study, name="<b>", facts=StudyFacts(question="<i>Which?</i>")))
    assert text("agree_simulated") not in page
    assert "<b>:" not in page
    assert "&lt;i&gt;Which?" in page


def test_every_answer_is_counted_once(study):
    page = rendered(study)
    votes, cannot = int((study.votes != MISSING).sum()), int((study.reasons != MISSING).sum())
    for name, count in (
        ("votes", votes),
        ("cannot_judge", cannot),
        ("missing", study.votes.size - votes - cannot),
        ("repeats", int((study.repeats.grade != MISSING).all(axis=1).sum())),
    ):
        assert f"<dt>{text(f'agree_count_{name}')}</dt><dd>{count}</dd>" in page
    for number, name in enumerate(REASONS):
        count, clips = (study.reasons == number).sum(), (study.reasons == number).any(axis=1).sum()
        assert f'{text(f"agree_reason_{name}")}</td><td class="n">{count}</td><td class="n">{clips}</td>' in page


def test_the_most_disputed_clips_are_shown_with_their_pictures_at_their_own_shape_and_pace(study):
    asked = []

    def pictures(name):
        asked.append(name)
        return (np.random.default_rng(len(asked)).integers(0, 255, (7, 90, 180), np.uint8), 0.5) if asked[1:] else None

    page = rendered(study, pictures=pictures)
    rows = most_disputed(study.counts, CARDS)
    assert asked == [study.clips[row] for row in rows]
    assert page.count("data:image/jpeg") == CARDS - 1
    assert page.count(text("agree_no_picture")) == 1
    assert page.count("width:300px") == CARDS - 1
    assert page.count("animation:roll 0.50s steps(7)") == CARDS - 1
    first = study.counts[rows[0]]
    assert all(f"{grade}<br>{count}</div>" in page for grade, count in zip("ABCDE", first, strict=True))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_study_without_a_vote_says_why_there_is_nothing(language):
    page = rendered(simulated(share=0.0, missing=1.0), language)
    assert told(reasons()["no_two_grades"]["en"], language) in page
    assert told(reasons()["no_repeats"]["en"], language) in page
    assert text("agree_none_disputed", language) in page
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).lower().replace("finance", "")
    assert "<svg" not in page


def test_a_study_of_four_donors_has_numbers_and_says_why_no_interval(study):
    page = rendered(simulated(clips=24, donors=4))
    assert "no interval: fewer than 5 donors" in page


def test_one_block_has_no_drift_to_draw(study):
    page = rendered(simulated(blocks=1))
    assert "not computed: all raters saw each clip in the same block" in page
    assert page.count("<svg") == 3


def test_tables_hold_what_the_page_says(study, found, tmp_path):
    page = write_agreement(tmp_path / "o", study, no_pictures, resamples=30)
    names = ["agreement.csv", "agreement.html", "clips.csv", "raters.csv"]
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == names
    assert page.read_text(encoding="utf-8") == render(study, found, no_pictures, "en")

    def read(name):
        with (tmp_path / "o" / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    rows = read("agreement.csv")
    assert [row["coefficient"] for row in rows] == [*COEFFICIENTS, "panel_trend"]
    assert float(rows[0]["low"]) == pytest.approx(found.coefficients["alpha"].low, rel=1e-5)
    raters = read("raters.csv")
    assert [row["rater"] for row in raters] == list(study.raters)
    assert float(raters[2]["severity"]) == pytest.approx(found.raters[2].severity, rel=1e-5)
    clips = read("clips.csv")
    assert [[int(row[f"n_{grade}"]) for grade in study.grades] for row in clips] == study.counts.tolist()
    assert sum(int(row["n_out_of_focus"]) for row in clips) == (study.reasons == 0).sum()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_checklist_has_fifteen_items_filled_with_what_is_known_and_blank_where_only_authors_know(
    study, found, language
):
    items = checklist(study, found, "1.2", language)
    assert [item.number for item in items] == list(range(1, 16))
    assert [item.number for item in items if item.state == "blank"] == [1, 5, 14]
    assert [item.number for item in items if item.state == "filled"] == [10, 11, 13, 15]
    assert all(item.to_add for item in items if item.state != "filled")
    assert study.facts.question in items[1].known
    assert "1.2" in items[1].known
    assert f"{found.coefficients['alpha'].value:.2f} ({found.coefficients['alpha'].low:.2f}" in items[12].known


def test_the_checklist_leaves_out_what_the_protocol_does_not_say(study, found):
    items = checklist(replace(study, facts=StudyFacts()), found, "1.2", "en")
    assert "Question" not in items[1].known
    assert "seed" not in items[6].known
    assert "Example" not in items[7].known
    assert "None" not in " ".join(item.known for item in items)


def test_grades_have_colours_that_grow_lighter():
    light = [sum(int(shade[at : at + 2], 16) for at in (1, 3, 5)) for shade in colours(9)]
    assert light == sorted(light)
    assert len(set(light)) == 9


def agreed(study):
    """All raters gave each clip the grade that the first of them gave, so that every pair agrees."""
    votes = np.where(study.votes == MISSING, MISSING, np.maximum(study.votes[:, :1], 0))
    return replace(study, votes=votes)


def luminance(colour):
    parts = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour]
    return float(np.dot((0.2126, 0.7152, 0.0722), parts))


def test_every_share_can_be_read_on_its_ground(study):
    cells = re.findall(r'<td style="background:rgba\(0,114,178,([\d.]+)\)">', rendered(agreed(study)))
    alphas = {float(alpha) for alpha in cells}
    assert {min(alphas), max(alphas)} == {0.0, 0.6}
    for alpha in alphas:
        ground = [255 + alpha * (part - 255) for part in (0, 114, 178)]
        assert (luminance(ground) + 0.05) / (luminance((0x1D, 0x27, 0x33)) + 0.05) > 4.5


@pytest.mark.browser
@needs_axe
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_axe_finds_no_serious_fault(study, tmp_path):
    page = tmp_path / "page.html"
    with chromium() as browser:
        for one in (study, agreed(study)):
            page.write_text(rendered(one, pictures=pictures_of_noise), encoding="utf-8")
            reader = Seat(browser, page.as_uri())
            reader.page.goto(page.as_uri())
            assert reader.faults() == []


def pictures_of_noise(name):
    return np.random.default_rng(int(name, 16) % 997).integers(0, 255, (8, 150, 260), np.uint8), 0.53


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [500, 1280])
def test_nothing_but_tables_that_scroll_is_wider_than_the_window(study, tmp_path, width, language):
    wide, window = widths(rendered(study, language, pictures_of_noise), tmp_path / "page.html", width)
    assert wide <= window


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_it_prints_to_landscape_a4(study, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(rendered(study, pictures=pictures_of_noise), encoding="utf-8")
    browse(page, "--no-pdf-header-footer", f"--print-to-pdf={tmp_path / 'r.pdf'}")
    pdf = (tmp_path / "r.pdf").read_bytes()
    sizes = {tuple(round(float(v)) for v in box.split()) for box in re.findall(rb"/MediaBox \[([^\]]+)\]", pdf)}
    assert sizes == {(0, 0, 842, 595)}
    assert 3 <= len(re.findall(rb"/Type /Page\b", pdf)) <= 12
