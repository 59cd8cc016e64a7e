"""What a person does in a real run ends in its session: decisions, corrections, snapshots, and the report."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import csv
import json

import pytest

pytest.importorskip("PySide6.QtWidgets")

from spermscope.acquisition.decision_table import read_decisions
from spermscope.acquisition.run import LiveRun
from spermscope.app.candidates import CandidatesPanel
from spermscope.app.replay_bar import ReplayBar
from spermscope.app.view import LiveView
from spermscope.session import read_session

SCENE = "sim:width_px=260,height_px=220,um_per_px=0.4,fps=15,duration_s=2.4,cells=6,seed=3,optics=phase"


@pytest.fixture
def run(tmp_path):
    made = LiveRun(SCENE, tmp_path / "s", um_per_px=0.4, sample="S-1", operator="OP7", paced=False)
    made.start()
    return made


@pytest.mark.slow
def test_decisions_corrections_and_snapshots_are_in_the_session(qtbot, run, tmp_path):
    qtbot.waitUntil(lambda: run.figures().state == "ended", timeout=60_000)
    view, panel = LiveView(), CandidatesPanel(lambda: run)
    bar = ReplayBar(lambda: run, view.picture)
    for widget in (view, panel, bar):
        qtbot.addWidget(widget)
    panel.resize(420, 1000)
    bar.shown.connect(panel.show_cells)
    bar.toggle()
    offered = [row.cell.track_id for row in panel.rows if row.cell is not None]
    assert len(offered) >= 2
    panel.pick(offered[0])
    panel.do("accept", "straight")
    panel.pick(offered[1])
    panel.do("not_sperm")
    bar.keep()
    assert panel.mark.isVisibleTo(panel)
    session = run.finish()
    assert session.complete
    rows = read_decisions(tmp_path / "s")
    assert [row["kind"] for row in rows] == ["accept", "correction", "snapshot"]
    assert all(row["who"] == "OP7" and row["sample"] == "S-1" for row in rows)
    assert rows[0]["model"]["sha256"] == next(use.sha256 for use in session.summary.models if use.kind == "streaming")
    with (tmp_path / "s" / "decisions.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["action"] for row in table] == ["accept", "not_sperm", "snapshot"]
    assert (table[0]["reason"], table[0]["demonstration"]) == ("straight", "1")
    corrected = json.loads((tmp_path / "s" / "corrected.json").read_text())
    assert corrected["not_sperm"] == [offered[1]]
    assert corrected["raw"]["cells"] == session.summary.cells
    assert corrected["corrected"]["cells"] == session.summary.cells - 1
    assert len(list((tmp_path / "s" / "snapshots").iterdir())) == 2
    assert "Corrected by hand: 1" in (tmp_path / "s" / "report.html").read_text(encoding="utf-8")
    assert read_session(tmp_path / "s").summary.cells == session.summary.cells


@pytest.mark.slow
def test_after_the_end_nothing_is_decided_and_that_is_said(qtbot, run):
    qtbot.waitUntil(lambda: run.figures().state == "ended", timeout=60_000)
    panel = CandidatesPanel(lambda: run)
    qtbot.addWidget(panel)
    panel.resize(420, 1000)
    panel.show_cells(run.newest())
    panel.pick(next(row.cell.track_id for row in panel.rows if row.cell is not None))
    run.finish()
    panel.do("accept")
    assert panel.foot.message.text().startswith("NOT SAVED")
    assert panel.deeds.standing.judged() == {}
