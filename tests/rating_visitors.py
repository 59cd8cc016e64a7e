"""Small rating studies and people who visit them, for several files of tests."""

import json
import shutil
import tempfile
import uuid
from functools import lru_cache
from pathlib import Path

from fastapi.testclient import TestClient
from studies import noise_study

from spermscope.rating.creating import new_study
from spermscope.rating.opening import open_study
from spermscope.rating.protocol import Protocol
from spermscope.rating.web.app import make_app

PASSPHRASE = "correct horse battery"


def small_study(folder, *, clips=8, anchors=True, started=True, **protocol):
    """An open study of noise clips in ``folder``, whose first two clips are anchors of A and B."""
    rules = {"raters": 4, "block": 4, "repeats_share": 0.25} | protocol
    shutil.copytree(_made(clips, anchors, json.dumps(rules)), folder / "study")
    study = open_study(folder / "study")
    if started:
        study.start()
    return study


@lru_cache(maxsize=8)
def _made(clips, anchors, rules):
    """A study to be copied: making one takes longer than opening it."""
    folder = Path(tempfile.mkdtemp(prefix="ratings-"))
    noise_study(folder / "set", clips=clips, donors=4, raters=2)
    shown = {"A": ["c0"], "B": ["c1"]} if anchors else {}
    new_study(folder / "study", [folder / "set"], Protocol(**json.loads(rules)), anchors=shown)
    return folder / "study"


class Visitor:
    """A browser without a screen: keeps cookies, sends the token its page was given."""

    def __init__(self, study, app=None):
        self.study = study
        self.client = TestClient(app or make_app(study, hosts=("testserver",)), raise_server_exceptions=False)
        self.token = ""

    def ask(self, method, path, body=None, **more):
        headers = ({"X-CSRF-Token": self.token} if self.token else {}) | more.pop("headers", {})
        return self.client.request(method, path, json=body, headers=headers, follow_redirects=False, **more)

    def get(self, path):
        answer = self.ask("GET", path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    def join(self, role="rater"):
        answer = self.ask("POST", "/api/join", {"code": self.study.invite(role), "passphrase": PASSPHRASE})
        assert answer.status_code == 200, answer.text
        return self.known()

    def known(self):
        self.token = ""
        self.me = self.get("/api/me")
        self.token = self.me["token"]
        return self

    def other(self):
        """Someone else before the same server."""
        return Visitor(self.study, self.client.app)


def vote_on(presentation, **answer):
    """A vote as the page sends it."""
    return {
        "id": str(uuid.uuid4()),
        "presentation": presentation["id"],
        **(answer or {"grade": "B"}),
        "elapsed_ms": 2100,
        "display_width_px": 540,
        "display_height_px": 540,
        "display_scale": 1.5,
        "app_version": "0.1.0",
        "protocol_version": 1,
    }


def refused(answer):
    """Status and key of a refusal."""
    return answer.status_code, answer.json()["refused"]["key"]
