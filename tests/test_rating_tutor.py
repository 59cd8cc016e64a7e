"""The tutor: what it shows is what the panel said, and nothing that a learner answers is taken."""

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from rating_browsers import CHROMIUM, Seat, chromium, eventually, needs_axe, served_app
from ratings import rate, started
from studies import noise_study

from spermscope.dataset import DatasetWriter, open_dataset
from spermscope.dataset.identity import dataset_hash
from spermscope.dataset.writer import Vote
from spermscope.model_file import shipped
from spermscope.rating.exporting import export_study
from spermscope.rating.panel_view import panel_protocol
from spermscope.rating.protocol import GRADES, Protocol, StudyFile, Wording
from spermscope.rating.sheets import read_frames, untiled
from spermscope.rating.tutoring import FEWEST_CLIPS, Lessons, lessons_of, nearest_of
from spermscope.rating.web.guards import HEADERS
from spermscope.rating.web.shown import sheet_of
from spermscope.rating.web.tutor import make_tutor
from spermscope.runtime import load_model
from spermscope.types import Clip


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    """By the shipped grader, of eight clips with four votes each."""
    data = open_dataset(noise_study(tmp_path_factory.mktemp("taught") / "d", clips=8, donors=4))
    return lessons_of(data, load_model(shipped("grader")))


@pytest.fixture(scope="module")
def client(lessons):
    return TestClient(make_tutor(lessons, hosts=("testserver",)), raise_server_exceptions=False)


def test_the_panel_is_the_data_sets_own_distribution(lessons, client):
    for number in range(len(lessons)):
        assert client.get(f"/api/panel/{number}").json()["shares"] == lessons.data.distributions()[number].tolist()


def test_a_rater_is_as_far_from_the_mean_as_counting_each_vote_says(lessons):
    votes = lessons.data.vote_matrix() + 1.0
    assert lessons.panel_apart == pytest.approx(np.abs(votes - votes.mean(axis=1, keepdims=True)).mean())


def test_a_sheet_holds_the_clips_frames_to_the_bit(lessons, client):
    told = client.get("/api/clips/3").json()
    picture = cv2.imdecode(np.frombuffer(client.get("/sheets/3.png").content, np.uint8), cv2.IMREAD_GRAYSCALE)
    frames = untiled(picture, told["frames"], told["width_px"], told["height_px"])
    np.testing.assert_array_equal(frames, lessons.data.clips([3]).frames[0])
    np.testing.assert_allclose(told["time_s"], np.arange(16) / 15, atol=1e-6)


def test_what_looks_most_alike_is_of_another_donor_where_there_is_one():
    embedding = np.array([[0.0], [0.1], [1.0], [3.0], [9.0]], np.float32)
    donor = np.array([0, 0, 1, 1, 2])
    assert nearest_of(embedding, donor).tolist() == [[2, 3, 4], [2, 3, 4], [1, 0, 4], [1, 0, 4], [3, 2, 1]]
    assert nearest_of(embedding, np.zeros(5, np.int64))[0].tolist() == [1, 2, 3]


def test_every_feature_counts_in_its_own_spread():
    embedding = np.random.default_rng(4).normal(size=(12, 3)).astype(np.float32)
    large = embedding * np.array([1, 2**20, 2**-20], np.float32)
    np.testing.assert_array_equal(nearest_of(embedding, np.arange(12)), nearest_of(large, np.arange(12)))
    assert nearest_of(embedding, np.arange(12)).tolist() != nearest_of(embedding[:, :1], np.arange(12)).tolist()


def test_a_set_with_too_few_votes_teaches_nothing(tmp_path):
    data = open_dataset(noise_study(tmp_path / "d", raters=2))
    with pytest.raises(ValueError, match=f"expected {FEWEST_CLIPS} clips or more with 3 votes, found 0 of 24"):
        lessons_of(data, load_model(shipped("grader")))


@pytest.fixture(scope="module")
def of_a_panel(tmp_path_factory):
    """A study in a fixed field with a trail under a question of its own, and lessons of its export."""
    folder = tmp_path_factory.mktemp("panel")
    question = Wording(en="How straight does it swim?", ja="どのくらい直進していますか。")
    with started(folder / "study", view="field", trail=True, question=question) as study:
        for rater in ("R001", "R002", "R003"):
            rate(study, rater)
        study.lock()
        export_study(study, folder / "rated")
        sheets = {
            sheet.name: (read_frames(study.folder, sheet), study.clip(sheet.hash)) for sheet in study.sheets.values()
        }
    return sheets, lessons_of(open_dataset(folder / "rated"), load_model(shipped("grader")))


def test_a_learner_is_asked_and_shown_what_the_panel_was(of_a_panel):
    sheets, lessons = of_a_panel
    client = TestClient(make_tutor(lessons, hosts=("testserver",)))
    told = client.get("/api/lessons").json()["protocol"]
    assert told["question"]["en"] == "How straight does it swim?"
    assert (told["view"], told["trail"]) == ("field", True)
    for number in range(len(lessons)):
        frames, info = sheets[str(lessons.data.items.clip[lessons.rows[number]])]
        picture = cv2.imdecode(
            np.frombuffer(client.get(f"/sheets/{number}.png").content, np.uint8), cv2.IMREAD_GRAYSCALE
        )
        np.testing.assert_array_equal(untiled(picture, info.frames, info.width_px, info.height_px), frames)
        assert client.get(f"/api/clips/{number}").json() == sheet_of(info)


def test_a_protocol_of_other_grades_is_refused_in_one_line(tmp_path):
    data = open_dataset(noise_study(tmp_path / "d", clips=8, donors=4))
    other = StudyFile(study_id="0" * 16, public_key="0" * 64, protocol=Protocol(grades=GRADES[:3]))
    (tmp_path / "d" / "protocol.json").write_text(other.model_dump_json(), encoding="utf-8")
    with pytest.raises(ValueError, match=r"expected the data set's grades A, B, C, D, E, found A, B, C$"):
        panel_protocol(data)
    (tmp_path / "d" / "protocol.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="expected a protocol as rate export writes it"):
        panel_protocol(data)


def test_clips_that_the_panels_view_cannot_be_made_of_are_left_out(tmp_path):
    folder = noise_study(tmp_path / "d", clips=6, donors=4)
    frames, unknown = np.zeros((16, 150, 150), np.uint8), np.full((16, 2), np.nan)
    with DatasetWriter(folder) as writer:
        writer.add("still", Clip(9, frames, np.arange(16) / 15, unknown, np.ones(16, bool), 0.5, "D1", "S"))
        for rater in ("r0", "r1", "r2"):
            writer.vote(Vote("still", rater, "B"))
    asked = StudyFile(study_id="0" * 16, public_key="0" * 64, protocol=Protocol(view="field"))
    (folder / "protocol.json").write_text(asked.model_dump_json(), encoding="utf-8")
    lessons = lessons_of(open_dataset(folder), load_model(shipped("grader")))
    assert len(lessons) == 6
    assert all(lessons.sheet(number).head_px for number in range(6))


def test_the_server_takes_no_answer_and_leaves_the_set_as_it_was(lessons, client):
    name = dataset_hash(lessons.data)
    for path in ("/", "/api/lessons", "/api/panel/0", "/api/votes", "/api/clips/0"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert client.request(method, path, json={"grade": "A"}).status_code in (404, 405)
    assert dataset_hash(lessons.data) == name


@pytest.mark.parametrize(
    "path", ["/api/clips/8", "/api/panel/-1", "/sheets/99.png", "/sheets/..%2fd.png", "/rate", "/x"]
)
def test_nothing_else_is_there(client, path):
    answer = client.get(path)
    assert answer.status_code in (404, 422)
    assert set(answer.json()) == {"refused"}


def test_nothing_tells_a_clips_name_or_donor_and_every_answer_has_its_guards(lessons, client):
    for path in ("/", "/words", "/api/lessons", "/api/clips/1", "/api/panel/1", "/sheets/1.png"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        if path.startswith("/api"):
            assert not any(f'"{name}"' in answer.text for name in (*lessons.data.items.clip, *lessons.data.items.donor))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_learner_sees_the_panel_after_each_answer_and_keeps_the_curve(lessons: Lessons):
    with served_app(make_tutor(lessons)) as address, chromium() as browser:
        learner = Seat(browser, address)
        learner.page.goto(address)
        for count, key in enumerate("135", 1):
            learner.page.wait_for_selector("#clip:visible")
            learner.page.wait_for_timeout(300)
            assert learner.page.locator("#next").is_hidden()
            assert "%" not in learner.page.locator("#grades").inner_text()
            learner.page.keyboard.press(key)
            learner.page.wait_for_selector("#next:visible")
            learner.until("document.querySelectorAll('#nearest canvas').length === 3")
            assert learner.page.locator("#answered").inner_text() == f"{count} answered"
            learner.page.keyboard.press("Enter")
        kept = learner.page.evaluate("JSON.parse(Object.values(localStorage).find((text) => text.includes('apart')))")
        means = lessons.shares @ np.arange(5)
        for answer, grade in zip(kept, (0, 2, 4), strict=True):
            assert answer["apart"] == pytest.approx(abs(grade - means[answer["clip"]]))
        assert learner.complaints == []
        assert all(url.startswith(address) for url in learner.requests)


COUNT_FRAMES = """
  window.asked = 0;
  window.anew = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (then) => { window.asked += 1; return window.anew(then); };
"""
IN_A_FRAME = "new Promise((done) => anew(() => { const before = asked; anew(() => done(asked - before)); }))"


@pytest.fixture
def learner(lessons):
    with served_app(make_tutor(lessons)) as address, chromium() as browser:
        seat = Seat(browser, address)
        seat.page.add_init_script(COUNT_FRAMES)
        seat.page.goto(address)
        seat.page.wait_for_selector("#clip:visible")
        seat.page.wait_for_timeout(300)
        yield seat


def answer(learner, key):
    learner.page.wait_for_timeout(300)
    learner.page.keyboard.press(key)
    learner.page.wait_for_selector("#next:visible")
    learner.until("document.querySelectorAll('#nearest canvas').length === 3")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_clips_that_left_the_page_ask_for_no_more_frames(learner):
    for _ in range(3):
        answer(learner, "1")
        learner.page.keyboard.press("Enter")
        learner.page.wait_for_selector("#next", state="hidden")
    answer(learner, "1")
    assert 1 <= learner.page.evaluate(IN_A_FRAME) <= 1 + 3


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_two_quick_keys_are_one_answer_and_a_lost_network_is_told(learner):
    learner.context.set_offline(True)
    learner.page.keyboard.press("2")
    learner.page.wait_for_selector("#trouble:has-text('No connection')")
    assert learner.page.locator("#answered").inner_text() == "0 answered"
    held = []
    learner.page.route("**/api/panel/*", lambda route: held.append(route))
    learner.context.set_offline(False)

    def asked():
        """The browser takes a moment until it is online again; while an answer is asked for, keys do nothing."""
        learner.page.keyboard.press("2")
        learner.page.keyboard.press("3")
        return held

    eventually(learner.page, asked)
    learner.page.wait_for_timeout(200)
    for route in held:
        route.continue_()
    learner.page.wait_for_selector("#next:visible")
    assert (len(held), learner.page.locator("#answered").inner_text()) == (1, "1 answered")
    assert learner.page.locator("#trouble").is_hidden()
    learner.context.set_offline(True)
    learner.page.keyboard.press("Enter")
    learner.page.wait_for_selector("#trouble:has-text('No connection')")
    learner.context.set_offline(False)

    def gone_on():
        learner.page.keyboard.press("Enter")
        return learner.page.locator("#next").is_hidden()

    eventually(learner.page, gone_on)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_buttons_slow_step_and_zoom_a_lesson(learner):
    learner.page.click("#slow")
    assert learner.page.locator("#slow").get_attribute("aria-pressed") == "true"
    learner.page.click("[data-do=step_on]")
    stopped = learner.page.locator("#frame").inner_text()
    learner.page.wait_for_timeout(300)
    assert learner.page.locator("#frame").inner_text() == stopped
    learner.page.click("[data-do=closer]")
    assert learner.page.locator("#zoom").inner_text() == "1.5×"
    assert learner.page.locator("#mark").is_hidden()


@pytest.mark.browser
@needs_axe
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_axe_finds_no_serious_fault_before_and_after_an_answer(lessons):
    with served_app(make_tutor(lessons)) as address, chromium() as browser:
        learner = Seat(browser, address)
        learner.page.goto(address)
        learner.page.wait_for_selector("#clip:visible")
        assert learner.faults() == []
        learner.page.wait_for_timeout(300)
        learner.page.keyboard.press("2")
        learner.page.wait_for_selector("#next:visible")
        assert learner.faults() == []
