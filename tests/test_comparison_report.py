"""The page, tables and charts of a comparison."""

import csv
import re
from dataclasses import asdict

import numpy as np
import pytest
from markupsafe import escape

from spermscope.locale import LANGUAGES, text
from spermscope.metrics import (
    MEASURES,
    Exam,
    beside,
    calibration_curve,
    mean_distribution,
    mean_ranks,
    paired_differences,
    score_table,
)
from spermscope.report.comparison import REFERENCES, Comparison, Row, render, write_comparison

PAGE = {
    "facts": {"clips": 60, "donors": 12, "votes": 480, "folds": 3, "epochs": 8, "initial": "", "raters_known": True}
}


def comparison(simulated=True, **facts):
    rng = np.random.default_rng(2)
    truth = rng.dirichlet(np.ones(5), 60)
    votes = np.stack([rng.choice(5, 8, p=row) for row in truth])
    mean = mean_distribution(truth, 60)
    exam = Exam.of_votes(votes, np.arange(60) // 5, mean, truth=truth if simulated else None)
    against = beside(exam, np.random.default_rng(0))
    names = [
        ("slowfast50", "emd", True),
        ("slowfast50", "mse", True),
        ("<b>", "emd", True),
        ("slowfast50", "emd", False),
    ]
    guesses = [(1 - off) * truth + off * rng.dirichlet(np.ones(5), 60) for off in (0.2, 0.4, 0.5, 0.9)]
    scores = [score_table(guess, exam, against, np.random.default_rng(0), resamples=50) for guess in guesses]
    ranks = mean_ranks([{name: score.value for name, score in one.items()} for one in scores])
    rows = []
    for number, (network, loss, motion) in enumerate(names):
        apart = (
            {}
            if number == 0
            else paired_differences(guesses[number], guesses[0], exam, np.random.default_rng(0), resamples=50)
        )
        made = Row(network, loss, 0, motion, scores[number], 10**6, 3.0 * number + 1, 9.0, (1, 2), (1.0, 1.1))
        rows.append(
            Row(**{name: getattr(made, name) for name in Row.__slots__} | {"rank": ranks[number], "apart": apart})
        )
    curve = calibration_curve(guesses[0], exam.target)
    return Comparison(tuple(rows), 0, against, curve, tuple("ABCDE"), PAGE["facts"] | {"simulated": simulated} | facts)


@pytest.fixture(scope="module")
def compared():
    return comparison()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_every_measure_and_reference_in_both_languages_and_asks_for_nothing(compared, language):
    page = render(compared, language)
    for measure in ("rank", *MEASURES):
        assert f"<h2>{escape(text(f'measure_{measure}', language))}</h2>" in page
    for reference in REFERENCES:
        assert text(f"compare_{reference}", language) in page
    assert text("compare_simulated", language) in page
    assert text("compare_alone", language) in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:|#)[^"']+""", page)
    assert "<script" not in page
    assert "<b>" not in page
    assert page.count("<svg") == 3


def test_the_page_says_what_the_networks_began_with(compared):
    assert text("compare_from_random") in render(compared, "en")
    assert text("compare_from", name="5eed") in render(comparison(initial="5eed"), "en")


def test_a_measured_page_does_not_say_that_it_was_simulated_nor_show_a_truth_row():
    page = render(comparison(simulated=False, raters_known=False), "en")
    assert text("compare_simulated") not in page
    assert text("compare_truth_row") not in page
    assert text("compare_no_raters") in page


def test_each_table_marks_its_best_number(compared):
    page = render(compared, "en")
    for measure, digits in (("mse", 4), ("histogram_intersection", 3)):
        part = page.split(f"<h2>{text(f'measure_{measure}')}</h2>")[1].split("</section>")[0]
        values = [row.scores[measure].value for row in compared.rows]
        best = max(values) if MEASURES[measure].higher else min(values)
        assert re.findall(r'<span class="top">([^<]+)</span>', part) == [f"{best:.{digits}f}"]
        assert f"{compared.beside[measure].mean_row:.{digits}f}" in part


def test_files_are_written_whole(compared, tmp_path):
    page = write_comparison(tmp_path / "o", compared)
    names = ["calibration.png", "cost.png", "costs.csv", "mse.png", "table.csv", "table.html"]
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == names
    assert page.read_text(encoding="utf-8") == render(compared, "en")
    for name in ("mse", "cost", "calibration"):
        assert (tmp_path / "o" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "o" / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == [*REFERENCES, "slowfast50", "slowfast50", "<b>", "slowfast50"]
    for reference, row in zip(REFERENCES, rows, strict=False):
        wanted = asdict(compared.beside["jsd"])[reference]
        assert row["jsd"] == (f"{wanted:.6g}" if np.isfinite(wanted) else "")
    np.testing.assert_allclose(float(rows[6]["jsd_high"]), compared.rows[1].scores["jsd"].high, rtol=1e-5)
    np.testing.assert_allclose(float(rows[6]["emd_less_best"]), compared.rows[1].apart["emd"].value, rtol=1e-5)
