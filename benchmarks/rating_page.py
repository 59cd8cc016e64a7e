"""How soon the rating page shows the next clip, how long a vote is on its way, and whether clips keep their rate.

``python -m benchmarks.rating_page`` serves the demonstration (43 clips in a fixed field) and grades it in headless
Chromium by the keyboard, a stroke as soon as the page takes one. From the stroke to the first frame of the next clip
that was painted; from sending a vote to its receipt; frames a second of a looping clip by a line through 10 s.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import uvicorn
from playwright.sync_api import Page, sync_playwright

from spermscope.rating.demonstration import prepare_demonstration
from spermscope.rating.opening import Study, open_study
from spermscope.rating.web.app import make_app

NEXT = """async (key) => {
  const paint = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  const done = document.getElementById("progress");
  const before = done.textContent;
  const began = performance.now();
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  do await paint(); while (done.textContent === before || document.getElementById("clip").hidden);
  return performance.now() - began;
}"""
RATE = """() => new Promise((done) => {
  const seen = [];
  const shown = document.getElementById("frame");
  const note = () => seen.push([performance.now() / 1000, parseInt(shown.textContent.match(/\\d+/)[0])]);
  new MutationObserver(note).observe(shown, { childList: true });
  setTimeout(() => done(seen), 10000);
})"""
VOTES = "performance.getEntriesByName(new URL('/api/votes', location), 'resource').map((one) => one.duration)"


@contextmanager
def served(study: Study) -> Iterator[str]:
    """The study behind a socket of this process."""
    server = uvicorn.Server(uvicorn.Config(make_app(study), port=0, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def join(page: Page, link: str) -> None:
    """Join as a rater and wait for the first clip."""
    page.goto(link)
    for field in ("passphrase", "again"):
        page.fill(f"#join [name={field}]", "on the bench at nine")
    page.keyboard.press("Enter")
    page.click("#joined a")
    page.wait_for_selector("#clip:visible")


def grade(page: Page, total: int) -> list[float]:
    """Milliseconds to each next clip within a block."""
    found = []
    for number in range(total - 1):
        page.wait_for_timeout(300)
        if page.locator("#notice button").is_visible():
            page.keyboard.press("1")
            page.wait_for_timeout(300)
        if (number + 1) % 12:
            found.append(page.evaluate(NEXT, "12345"[number % 5]))
        else:
            page.keyboard.press("3")
    return found


def line(name: str, found: list[float]) -> str:
    """A row of the table."""
    middle, high, most = np.percentile(found, [50, 95, 100])
    return f"| {name} | {len(found)} | {middle:.0f} | {high:.0f} | {most:.0f} |"


def main() -> None:
    """Print the table."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("Chromium is not installed")
        return
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = prepare_demonstration(Path(place) / "demo")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with open_study(folder) as study, served(study) as address:
            page = browser.new_context(viewport={"width": 1280, "height": 640}).new_page()
            join(page, f"{address}/enter#code={study.invite('rater')}")
            time_s, frame = np.array(page.evaluate(RATE)).T
            to_next = grade(page, study.progress("R007").total)
            votes = page.evaluate(VOTES)
        browser.close()
    print("| ms | n | median | 95 % | most |\n|---|---|---|---|---|")
    print(line("stroke to the next clip", to_next))
    print(line("vote to its receipt", votes))
    print(f"\n{np.polyfit(time_s, np.unwrap(frame, period=16), 1)[0]:.2f} frames a second of 15")


if __name__ == "__main__":
    main()
