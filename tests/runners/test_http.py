"""A step that asks an address: inputs stay where they stand, and nobody inside is asked who was not allowed."""

import threading
from collections.abc import Iterator, Mapping

import pytest

from resile.channels.http_client import HttpClient
from resile.channels.outward import Outward
from resile.model.playbook import Comparison, Expectation
from resile.model.room_event import StepOutcome
from resile.ports.runner import Ran, StepRefusedError, Work
from resile.runners.http import HttpRunner, request_of
from resile.testing.loopback_http import Fault, LoopbackHttp, Reply


@pytest.fixture
def service() -> Iterator[LoopbackHttp]:
    with LoopbackHttp() as running:
        yield running


def work(body: str, inputs: Mapping[str, str] | None = None, **more: object) -> Work:
    return Work(language="http", body=body, inputs=inputs or {}, **{"timeout_s": 5.0, **more})  # type: ignore[arg-type]


def asked(given: Work, *allowed: str) -> Ran:
    return HttpRunner(HttpClient(Outward(allowed or ("127.0.0.1",)))).run(given, threading.Event())


def test_method_headers_and_body_are_those_of_the_step(service: LoopbackHttp) -> None:
    step = work(
        f"POST {service.address}/deploy/$service?by=$who\n"
        "Authorization: Bearer $TOKEN\n\n"
        '{"service": "$service", "price": "$$5"}\n',
        {"service": 'a/b?c="d"', "who": "ann & bob"},
        secrets={"TOKEN": "s3cret-value"},
    )

    ran = asked(step)

    [request] = service.requests
    assert (request.method, request.query) == ("POST", {"by": "ann & bob"})
    assert request.path == "/deploy/a%2Fb%3Fc%3D%22d%22"
    assert request.headers["authorization"] == "Bearer s3cret-value"
    assert request.json() == {"service": 'a/b?c="d"', "price": "$5"}
    assert (ran.outcome, ran.value, ran.head) == (StepOutcome.DONE, 200.0, b"HTTP 200\nnull")


@pytest.mark.parametrize(
    ("body", "inputs", "why"),
    [
        ("GET https://$host/", {"host": "evil"}, "without an input in the host"),
        ("GET https://api.$host/x", {"host": "evil"}, "without an input in the host"),
        ("GET file:///etc/passwd", {}, "https://host/path"),
        ("GET $url", {"url": "https://evil"}, "https://host/path"),
        ("echo hello", {}, "is no request"),
        ("GET https://a/\nX: $x", {"x": "a\r\nHost: evil"}, "line break"),
        ("GET https://a/\nHost: evil", {}, "no header that a step may send"),
        ("GET https://a/\nno header", {}, "no header"),
        ("GET https://a/$nothing", {}, "no input of the playbook"),
        ("GET https://a/$x/b", {"x": ".."}, "lead elsewhere"),
        ("GET https://a/$x", {"x": "\ud800"}, "half a character"),
        ("POST https://a/\n\n" + "x" * 100_001, {}, "a step may send"),
        ('POST https://a/\n\n{"n": $n}', {"n": "[1, 2]"}, "between quotation marks in JSON"),
        ('POST https://a/\n\n{"n": $n}', {"n": "0, null"}, "between quotation marks in JSON"),
        ("POST https://a/\nContent-Type: application/yaml\n\na: $x", {"x": "1\nb: 2"}, "cannot be quoted for"),
    ],
)
def test_what_is_no_request_is_refused_with_a_sentence(body: str, inputs: dict[str, str], why: str) -> None:
    with pytest.raises(StepRefusedError, match=why):
        request_of(work(body, inputs))


def test_a_form_keeps_its_fields_apart(service: LoopbackHttp) -> None:
    asked(work(f"POST {service.address}/\nContent-Type: application/x-www-form-urlencoded\n\na=$x", {"x": "1&b=2"}))

    assert service.requests[0].body == b"a=1%26b%3D2"


def test_other_forms_keep_a_value_where_it_stands(service: LoopbackHttp) -> None:
    asked(work(f"POST {service.address}/\nContent-Type: text/xml\n\n<a b='$x'/>", {"x": "'/><c>&"}))
    asked(work(f'POST {service.address}/\n\n{{"n": $n, "s": "$n $$"}}', {"n": "-1.5e3"}))

    assert service.requests[0].body == b"<a b='&#x27;/&gt;&lt;c&gt;&amp;'/>"
    assert service.requests[1].json() == {"n": -1500, "s": "-1.5e3 $"}


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/", "http://169.254.169.254/latest", "http://[::1]/"])
def test_nobody_inside_is_asked_who_was_not_allowed(address: str) -> None:
    ran = asked(work(f"GET {address}"), "hooks.example.org")

    assert ran.outcome is StepOutcome.FAILED
    assert "inside our own network" in ran.because


def test_a_redirect_is_not_followed_inside(service: LoopbackHttp) -> None:
    service.fails.append(Reply(status=302, headers={"location": "http://169.254.169.254/"}))

    ran = asked(work(f"GET {service.address}/"))

    assert (ran.outcome, ran.because) == (StepOutcome.FAILED, "it answered 302")
    assert len(service.requests) == 1


def test_a_status_may_be_expected(service: LoopbackHttp) -> None:
    service.fails += [Reply(status=404), Reply(status=500)]
    gone = Expectation(Comparison.EQUAL, 404.0)

    assert asked(work(f"GET {service.address}/", expect=gone)).outcome is StepOutcome.DONE
    assert asked(work(f"GET {service.address}/", expect=gone)).because == "it answered 500, not == 404"


@pytest.mark.parametrize("fault", list(Fault))
def test_whatever_goes_wrong_has_an_end(service: LoopbackHttp, fault: Fault) -> None:
    service.fails.append(fault)

    ran = asked(work(f"GET {service.address}/", timeout_s=0.3))

    assert ran.outcome in {StepOutcome.FAILED, StepOutcome.TIMED_OUT, StepOutcome.DONE}
    assert ran.because
