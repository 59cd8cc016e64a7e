"""Schemathesis draws requests from the server's description, fitting and unfitting: nothing breaks, nobody votes."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from rating_visitors import Visitor, small_study
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from spermscope.rating.web.app import make_app

LEFT_OUT = {"DELETE /api/session"}
"""What fits ends the session that the others need; tests of intruders send it what does not fit."""
QUIET = settings(max_examples=5, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    with small_study(tmp_path_factory.mktemp("fuzzed")) as opened:
        yield opened


@pytest.fixture(scope="module")
def described(study):
    """The application with its description, which is not served otherwise."""
    app = make_app(study, hosts=("*",))
    paths = [Route("/openapi.json", lambda request: JSONResponse(app.openapi())), Mount("/", app)]
    return app, schemathesis.openapi.from_asgi("/openapi.json", Starlette(routes=paths))


OTHERS = [pytest.param(role, marks=pytest.mark.slow) for role in ("coordinator", None)]


@pytest.mark.parametrize("role", ["rater", *OTHERS])
def test_whatever_is_drawn_is_answered_without_a_fault_and_without_a_vote(study, described, role):
    app, schema = described
    visitor = Visitor(study, app)
    if role:
        visitor.join(role)
    headers = {
        "X-CSRF-Token": visitor.token,
        "Cookie": "; ".join(f"{k}={v}" for k, v in visitor.client.cookies.items()),
    }
    operations = [found.ok() for found in schema.get_all_operations()]
    drawn = {operation.label: 0 for operation in operations if operation.label not in LEFT_OUT}
    assert len(drawn) == 12
    for operation in operations:
        if operation.label in drawn:
            for strategy in strategies(operation):
                drawn[operation.label] += send(strategy, headers, strange=role is None)
    assert min(drawn.values()) > 0
    assert sum(row.done for row in study.completion()) == 0


def send(strategy, headers, *, strange):
    """How many requests were drawn and sent."""
    count = 0

    @QUIET
    @given(case=strategy)
    def answered(case):
        nonlocal count
        count += 1
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=[not_a_server_error])
        assert not strange or answer.status_code in (400, 401, 403, 404, 422, 429)

    answered()
    return count


def strategies(operation):
    """Requests that fit; and that do not, where anything in them could."""
    yield operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if operation.body or operation.query:
        yield operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
