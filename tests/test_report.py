"""The report: what it holds, and how a browser shows it."""

import json
import re
import shutil

import numpy as np
import pytest

from spermscope.assessment import assess
from spermscope.conclusion import Conditions
from spermscope.locale import LANGUAGES, text
from spermscope.report import write_report
from spermscope.report.gallery import pick
from spermscope.report.page import render
from spermscope.report.paths import MOST_TRACKS, read_paths
from spermscope.session import Session, read_session
from spermscope.summary import Share
from tests.chromium import CHROMIUM, browse, widths

CONDITIONS = Conditions(sample="S-017", ejaculate=True, temperature_c=37.0, depth_um=20.0)
SCENE = "sim:width_px=480,height_px=360,um_per_px=0.4,fps=15,duration_s=3,cells=12,seed=51"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return assess(SCENE, tmp_path_factory.mktemp("r") / "s", conditions=CONDITIONS).folder


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_holds_every_part_in_both_languages(folder, language):
    page = write_report(folder, language).read_text(encoding="utf-8")
    for key in (
        "title",
        "research",
        "demonstration",
        "counts",
        "motility",
        "distribution",
        "highest",
        "disputed",
        "absent",
    ):
        assert text(key, language) in page, key
    assert f'<html lang="{language}">' in page
    assert page.count("data:image/jpeg;base64,") >= 2
    assert "S-017" in page
    assert len(page) < 5_000_000


def test_the_page_asks_for_nothing_from_outside(folder):
    page = write_report(folder).read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:|#)[^"']+""", page)
    assert "<script" not in page
    assert "@import" not in page


def test_the_bars_are_the_numbers(folder):
    shares = json.loads((folder / "session.json").read_text(encoding="utf-8"))["sample_distribution"]
    page = write_report(folder).read_text(encoding="utf-8")
    for share in shares.values():
        assert f"height:{100 * share:.1f}%" in page


def changed(folder, **values):
    """The session with other values in its summary."""
    session = Session(folder)
    session.__dict__["summary"] = read_session(folder).summary.model_copy(update=values)
    return session


@pytest.mark.parametrize(
    ("error", "shown"), [(1.0, "± 100 %"), (0.35, "± 35 %"), (0.0521, "± 5.2 %"), (0.0031, "± 0.31 %")]
)
def test_the_error_of_a_scale_is_shown_in_plain_digits(folder, error, shown):
    profile = read_session(folder).summary.profile | {"scale_source": "estimated", "scale_error": error}
    assert shown in render(changed(folder, profile=profile), "en")


def test_reasons_and_notes_are_in_the_readers_language_and_stay_english_on_disk(folder):
    line = "50 % of the frames repeat the picture before them: there are fewer pictures than frames"
    page = render(changed(folder, warnings=[line]), "ja")
    assert "未計算:15 fps は必要な 50 fps に達していません" in page
    assert "フレームの 50 % が直前の画像の繰り返しです" in page
    assert "not computed" not in page
    assert "fps is below" not in page
    assert line in render(changed(folder, warnings=[line]), "en")
    assert "15 fps is below 50" in (folder / "session.json").read_text(encoding="utf-8")


def test_what_is_absent_for_one_reason_stands_in_one_row(folder):
    page = render(Session(folder), "en")
    assert page.count("15 fps is below 50") == 1
    assert re.search(r"<td>Hyperactivation, VCL, LIN, WOB, ALH, BCF, MAD</td>", page)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_hyperactivated_share_stands_with_its_limits_and_their_doubtful_source(folder, language):
    assert text("hyperactivated", language) not in render(Session(folder), language)
    page = render(changed(folder, hyperactivated=Share(share=0.12, low=0.08, high=0.17), called_cell_s=81.4), language)
    assert "12 %" in page
    assert "8-17 %" in page
    for limit in ("150", "0.5", "7", "81", "Mortimer"):
        assert limit in page
    assert {"en": "not checked against the paper", "ja": "原著では確認していません"}[language] in page


def test_corrected_figures_stand_beside_those_that_were_found(folder, tmp_path):
    found = {"cells": 12, "mean_in_view": 10.0, "concentration": [9.5, 5.0, 16.0], "motility": None}
    raw = found | {"hyperactivated": [0.25, 0.1, 0.4]}
    left = found | {"cells": 11, "concentration": [8.7, 4.4, 15.0], "hyperactivated": None}
    told = {"corrections": 1, "not_sperm": [3], "missed": [], "raw": raw, "corrected": left}
    other = shutil.copytree(folder, tmp_path / "s")
    (other / "corrected.json").write_text(json.dumps(told))
    page = write_report(other).read_text(encoding="utf-8")
    for key, before, after in (
        ("cells_followed", "12", "11"),
        ("concentration", "9.5", "8.7"),
        ("hyperactivated", "25 %", "-"),
    ):
        pair = f'<td>{text(key)}</td><td class="n">{before}</td><td class="n">{after}</td>'
        assert pair in page, key


def row(track_id, expected, entropy):
    return {"track_id": str(track_id), "grade": "A", "expected_grade": expected, "entropy": entropy, "duration_s": "1"}


def test_the_galleries_are_in_order_and_leave_out_what_was_not_graded():
    rows = [row(1, "2.0", "0.5"), row(2, "1.5", "1.2"), row(3, "4.0", "0.1"), {**row(4, "", ""), "grade": ""}]
    assert pick(rows) == ([2, 1, 3], [2, 1, 3])
    assert pick([]) == ([], [])


def test_long_recordings_are_thinned_for_drawing(tmp_path):
    lines = ["frame,time_s,track_id,x_px,y_px,w_px,h_px,confidence,observed,x_um,y_um,field"]
    lines += [f"{f},{f / 15},{t},1,2,3,3,1,1,,,0" for f in range(30) for t in range(MOST_TRACKS + 50)]
    (tmp_path / "tracks.csv").write_text("\n".join(lines), encoding="utf-8")
    paths = read_paths(tmp_path, {MOST_TRACKS + 20})
    assert len(paths) == MOST_TRACKS + 1
    assert len(paths[0]) < 15
    assert len(paths[MOST_TRACKS + 20]) == 30


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_the_page_at_phone_and_desk_width(folder, tmp_path, width):
    page = tmp_path / "report.html"
    shutil.copy(write_report(folder), page)
    picture = tmp_path / "shot.png"
    browse(page, f"--window-size={width},1200", f"--screenshot={picture}")
    import cv2

    shot = cv2.imread(str(picture))
    assert shot.shape[1] == width
    assert shot.std() > 10
    # The demonstration's ground colour fills a wide part of a line near the top.
    cream = np.all(np.abs(shot[:400].astype(int) - (214, 243, 255)) < 6, axis=2)
    assert cream.sum(axis=1).max() > 0.3 * width


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_nothing_is_wider_than_a_narrow_window(folder, tmp_path):
    page = tmp_path / "report.html"
    wide, window = widths(write_report(folder).read_text(encoding="utf-8"), page, 500)
    assert wide <= window


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_it_prints_to_a_few_pages_of_a4(folder, tmp_path):
    page = tmp_path / "report.html"
    shutil.copy(write_report(folder), page)
    browse(page, "--no-pdf-header-footer", f"--print-to-pdf={tmp_path / 'r.pdf'}")
    pdf = (tmp_path / "r.pdf").read_bytes()
    sizes = {tuple(round(float(v)) for v in box.split()) for box in re.findall(rb"/MediaBox \[([^\]]+)\]", pdf)}
    assert sizes == {(0, 0, 595, 842)}
    assert 1 <= len(re.findall(rb"/Type /Page\b", pdf)) <= 8
