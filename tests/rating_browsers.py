"""A rating server in a process of its own, and people before it in headless Chromium."""

import os
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from chromium import CHROMIUM
from playwright.sync_api import sync_playwright

from spermscope.rating.web.app import make_app

AXE = Path(os.environ.get("SPERMSCOPE_AXE", Path(__file__).parents[1] / "node_modules/axe-core/axe.min.js"))
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm install --no-save axe-core")
PASSPHRASE = "correct horse battery"
LAPTOP, TABLET, PHONE = (1280, 640), (768, 1024), (390, 844)


@contextmanager
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def serving(folder, *more):
    """``spermscope rate serve``; its address and the link that the coordinator joins by ('' where one has)."""
    command = [sys.executable, "-m", "spermscope", "rate", "serve", str(folder), "--port", "0", *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1) as process:
        try:
            line = process.stdout.readline()
            address = re.search(r"https?://\S+", line)
            assert address, line + process.stdout.read()
            yield address[0], process
        finally:
            process.terminate()
            process.stdout.read()


@contextmanager
def served(study, known_as=""):
    """An open study behind a real socket, within this process: it is there at once; ``known_as`` to others."""
    app = make_app(study)
    app.state.address = known_as
    with served_app(app) as address:
        yield address


@contextmanager
def served_app(app):
    """Any application, likewise; its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


class Seat:
    """One person's page; remembers every request and every complaint of the browser."""

    def __init__(self, browser, address, *, size=LAPTOP, locale="en-GB"):
        width, height = size
        self.address = address
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, locale=locale, ignore_https_errors=True, accept_downloads=True
        )
        # Chromium tells a loaded page of its first route by and by; after one of nowhere all others hold at once.
        self.context.route("http://nowhere.invalid/**", lambda route: route.abort())
        self.page = self.context.new_page()
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on(
            "console", lambda message: self.complaints.append(message.text) if message.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def join(self, link):
        """By the keyboard alone, as a link is opened from a message."""
        self.page.goto(link)
        self.page.wait_for_selector("#join:not([hidden])")
        self.page.locator("#join [name=passphrase]").focus()
        self.page.keyboard.type(PASSPHRASE)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(PASSPHRASE)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector("#joined:not([hidden])")
        self.page.locator("#joined a").focus()
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(re.compile("/(rate|coordinate)$"))
        return self

    def seen(self):
        """Wait until a clip is on show, long enough to be graded."""
        self.page.wait_for_selector("#clip:visible")
        self.page.wait_for_timeout(280)
        return self.number()

    def reload(self):
        """Load the page anew, and wait until the last answer can be undone and the page has been painted.

        Chromium drops strokes of keys until a page that was just loaded is painted.
        """
        self.page.reload()
        self.until("!document.body.classList.contains('waiting') && !document.querySelector('#undo').disabled")
        self.until("performance.getEntriesByType('paint').length > 0")
        return self.seen()

    def number(self):
        """How many are done, as the page says."""
        return min(map(int, re.findall(r"\d+", self.page.locator("#progress").inner_text())))

    def press(self, key):
        """Answer the clip on show; rests between blocks are gone over."""
        self.until("document.querySelector('#clip:not([hidden]), #notice:not([hidden]) button') !== null")
        if self.page.locator("#notice button").count():
            self.page.keyboard.press("1")
        self.seen()
        self.page.keyboard.press(key)

    def saved(self, patience_s=15):
        """Wait until everything is acknowledged."""
        waiting = "Object.keys(localStorage).filter((key) => key.endsWith('.waiting') && localStorage[key] !== '[]')"
        self.until(f"{waiting}.length === 0", patience_s)

    def faults(self):
        """What axe-core calls serious or critical on the page as it is."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run()")
        assert len(found["passes"]) > 10
        grave = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
        return [(one["id"], one["nodes"][0]["html"]) for one in grave]

    def until(self, true, patience_s=15):
        """Wait until an expression is true (Playwright's own waiting needs ``eval``, which the pages forbid)."""
        eventually(self.page, lambda: self.page.evaluate(true), patience_s)


def eventually(page, what, patience_s=15):
    """Wait until ``what()`` is true, while the page goes on."""
    until = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < until, "never came true"
        page.wait_for_timeout(50)
