"""What must not happen: forged forms, foreign hosts and sites, rights that nobody gave, secrets that lie about."""

import json

import pytest
from fastapi import FastAPI
from msgspec.structs import replace

from resile.app.settings import Settings
from resile.app.wiring import Resile
from resile.model.errors import StoreError
from resile.web.security import is_trusted_host
from resile.web.server import create_app

from .conftest import PASSWORDS
from .visitor import ADMIN, Visitor

PAGES = ("/", "/restore", "/incidents", "/settings", "/api/v1/docs")
CALLS = ("/api/v1/report/restore", "/api/v1/incidents", "/api/v1/openapi.json", "/api/v1/version")
DECLARE = {"title": "Checkout fails"}


def test_before_the_first_admin_whoever_is_on_this_machine_may_read_and_write(visitor: Visitor) -> None:
    assert visitor.get("/settings").status_code == 200
    assert visitor.client.post("/api/v1/incidents", json=DECLARE).status_code == 201
    assert visitor.get("/api/v1/incidents/INC-1").json()["timeline"][0]["by"] == "local"


@pytest.mark.parametrize("path", [*PAGES, *CALLS])
def test_after_the_first_admin_nothing_is_shown_to_strangers_also_on_loopback(app: FastAPI, path: str) -> None:
    Visitor(app).set_up()

    answer = Visitor(app).get(path)

    if path.startswith("/api/") and path not in PAGES:
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    elif path.startswith("/api/"):
        assert answer.status_code == 401
    else:
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")


def test_every_address_of_the_application_is_closed_to_strangers_but_the_doors(app: FastAPI) -> None:
    Visitor(app).set_up()
    stranger = Visitor(app)
    document = app.openapi()
    open_paths = {"/login", "/setup", "/welcome", "/theme", "/healthz"}
    paths = {getattr(route, "path", "") for route in app.routes} | set(document["paths"])
    named = {path.replace("{incident_id:path}", "x").replace("{incident_id}", "x") for path in paths}

    for path in sorted(path for path in named if path and "{" not in path and path not in open_paths):
        if path.startswith("/static"):
            continue
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            status = stranger.client.request(method, path).status_code
            assert status in {303, 401}, (method, path, status)


def test_the_doors_and_static_files_are_open(app: FastAPI) -> None:
    Visitor(app).set_up()
    stranger = Visitor(app)

    assert stranger.get("/login").status_code == 200
    assert stranger.get("/welcome").status_code == 200
    assert stranger.get("/setup").headers["location"] == "/login"
    assert stranger.get("/static/app.css").status_code == 200
    assert stranger.get("/healthz").text == "ok\n"


@pytest.mark.parametrize(
    "path", ["/", "/login", "/settings", "/nowhere", "/static/app.css", "/healthz", "/api/v1/nowhere"]
)
def test_every_answer_carries_the_headers_that_protect_a_browser(visitor: Visitor, path: str) -> None:
    headers = visitor.get(path).headers

    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "cache-control" in headers


def test_a_fault_of_ours_is_answered_with_the_headers_and_without_its_stack(app: FastAPI) -> None:
    def fail() -> None:
        raise ZeroDivisionError("with a secret inside")

    app.add_api_route("/api/v1/fail", fail)
    answer = Visitor(app).get("/api/v1/fail")

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "[::1", "", "10.0.0.7"]
)
def test_a_foreign_name_that_leads_here_is_refused(visitor: Visitor, host: str) -> None:
    answer = visitor.get("/api/v1/incidents", headers={"host": host})

    assert answer.status_code == 400
    assert "set base_url" in answer.json()["detail"]


@pytest.mark.parametrize(
    "host",
    ["localhost/static/x?", "localhost/healthz#", "evil.example@localhost", "localhost:80/static", "localhost:eighty"],
)
def test_a_host_name_with_more_in_it_than_a_name_is_refused(app: FastAPI, host: str) -> None:
    Visitor(app).set_up()

    assert Visitor(app).get("/api/v1/incidents", headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost:8321", "127.0.0.1", "127.0.0.2:99", "[::1]:8321", "LOCALHOST"])
def test_loopback_under_its_own_names_is_answered(visitor: Visitor, host: str) -> None:
    assert visitor.get("/healthz", headers={"host": host}).status_code == 200


def test_only_with_accounts_is_the_public_name_answered(app: FastAPI, resile: Resile) -> None:
    settings = resile.settings.model_copy(update={"base_url": "https://resile.example.com"})

    assert not is_trusted_host("resile.example.com", settings, has_accounts=False)
    assert is_trusted_host("resile.example.com", settings, has_accounts=True)
    assert not is_trusted_host("evil.example", settings, has_accounts=True)
    assert not is_trusted_host("10.0.0.7", settings, has_accounts=True)
    assert is_trusted_host("10.0.0.7", settings.model_copy(update={"host": "0.0.0.0"}), has_accounts=True)  # noqa: S104


@pytest.mark.parametrize(
    "header", ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via", "forwarded", "x-real-ip"]
)
def test_without_accounts_nothing_that_a_proxy_passes_on_is_answered(visitor: Visitor, header: str) -> None:
    answer = visitor.get("/healthz", headers={header: "203.0.113.9"})

    assert answer.status_code == 403
    assert "own machine alone" in answer.json()["detail"]


def test_without_accounts_a_far_address_is_not_answered(app: FastAPI) -> None:
    assert Visitor(app, address="192.0.2.7").get("/healthz").status_code == 403


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/settings/users", {"name": "eve", "role": "admin"}),
        ("/settings/tokens", {"name": "eve", "scopes": ["read"]}),
        ("/settings/password", {"old": ADMIN[1], "new": "purple monkey dishwasher"}),
        ("/logout", {}),
    ],
)
@pytest.mark.parametrize("token", [None, "", "0" * 64, "é"])
def test_a_form_without_the_token_of_its_session_changes_nothing(
    visitor: Visitor, resile: Resile, path: str, fields: dict[str, str], token: str | None
) -> None:
    visitor.set_up()
    before = resile.accounts.changes()

    answer = visitor.client.post(path, data=fields if token is None else {**fields, "csrf_token": token})

    assert answer.status_code == 403
    assert "open the page again" in answer.text
    assert resile.accounts.changes() == before


def test_one_browsers_form_token_is_of_no_use_to_another(app: FastAPI) -> None:
    ann = Visitor(app).set_up()
    bob = ann.new_user("bob", "viewer")
    stolen = bob.form_token("/settings")

    answer = ann.client.post("/settings/users", data={"name": "eve", "role": "admin", "csrf_token": stolen})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "https://127.0.0.1:8321"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_change_that_another_site_sends_is_refused_even_with_the_right_token(
    visitor: Visitor, headers: dict[str, str]
) -> None:
    visitor.set_up()

    answer = visitor.send("/settings/users", seen_on="/settings", headers=headers, name="eve", role="admin")

    assert answer.status_code == 403
    assert "another site" in answer.text


def test_another_site_cannot_write_through_the_api_of_a_machine_without_accounts(visitor: Visitor) -> None:
    headers = {"origin": "http://evil.example", "content-type": "text/plain"}

    answer = visitor.client.post("/api/v1/incidents", content=json.dumps(DECLARE), headers=headers)

    assert answer.status_code == 403
    assert visitor.get("/api/v1/incidents").json()["total"] == 0


def test_a_login_form_needs_its_token_too(app: FastAPI) -> None:
    Visitor(app).set_up()

    answer = Visitor(app).client.post("/login", data={"name": ADMIN[0], "password": ADMIN[1]})

    assert answer.status_code == 403
    assert "resile_session" not in answer.cookies


def test_the_api_takes_a_browsers_session_for_changes_only_with_the_form_token(visitor: Visitor) -> None:
    visitor.set_up()
    token = visitor.form_token("/settings")

    assert visitor.client.post("/api/v1/incidents", json=DECLARE).status_code == 403
    right = visitor.client.post("/api/v1/incidents", json=DECLARE, headers={"x-csrf-token": token})
    assert right.status_code == 201
    assert right.json()["timeline"][0]["by"] == "user:ann"


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(visitor: Visitor) -> None:
    visitor.get("/login")
    code = visitor.client.app.state.access.make_set_up_link()  # type: ignore[attr-defined]
    answer = visitor.send("/setup", seen_on="/setup", code=code, name=ADMIN[0], password=ADMIN[1])

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("resile_session=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie


def test_over_https_cookies_are_bound_to_the_host_and_browsers_told_to_stay_there(resile: Resile) -> None:
    settings = resile.settings.model_copy(update={"base_url": "https://127.0.0.1:8321"})
    app = create_app(_with_settings(resile, settings), passwords=PASSWORDS)
    answer = Visitor(app).get("/login")

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-resile_visitor=")
    assert {"Secure", "HttpOnly", "SameSite=lax"} <= set(cookie.split("; "))
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_over_https_logging_out_takes_the_cookie_away_in_the_only_way_that_browsers_heed(resile: Resile) -> None:
    settings = resile.settings.model_copy(update={"base_url": "https://127.0.0.1:8321"})
    visitor = Visitor(create_app(_with_settings(resile, settings), passwords=PASSWORDS))
    visitor.client.base_url = "https://127.0.0.1:8321"
    here = {"origin": "https://127.0.0.1:8321"}

    cookie = visitor.send("/logout", seen_on="/setup", headers=here).headers["set-cookie"]

    # A `__Host-` cookie is neither set nor deleted by a header without these two.
    assert cookie.startswith('__Host-resile_session=""')
    assert {"Secure", "Path=/", "Max-Age=0"} <= set(cookie.split("; "))


def _with_settings(resile: Resile, settings: Settings) -> Resile:
    return replace(resile, settings=settings)


def test_logging_out_ends_the_session_and_not_only_the_cookie(visitor: Visitor) -> None:
    visitor.set_up()
    kept = visitor.client.cookies["resile_session"]
    visitor.send("/logout", seen_on="/settings")
    visitor.client.cookies.set("resile_session", kept)

    assert visitor.get("/settings").status_code == 303


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nx: y", "x"])
def test_a_login_leads_nowhere_but_to_ourselves(app: FastAPI, target: str) -> None:
    Visitor(app).set_up()
    stranger = Visitor(app)

    answer = stranger.send("/login", seen_on="/login", name=ADMIN[0], password=ADMIN[1], next=target)

    assert answer.headers["location"] == "/"


def test_after_logging_in_one_is_where_one_wanted_to_go(app: FastAPI) -> None:
    Visitor(app).set_up()
    stranger = Visitor(app)
    asked = stranger.get("/incidents?severity=SEV1&q=a b").headers["location"]

    assert asked == "/login?next=%2Fincidents%3Fseverity%3DSEV1%26q%3Da%2520b"
    answer = stranger.send("/login", seen_on=asked, name=ADMIN[0], password=ADMIN[1], next="/incidents?severity=SEV1")
    assert answer.headers["location"] == "/incidents?severity=SEV1"


def test_a_body_that_is_too_large_is_refused_before_it_is_read(visitor: Visitor) -> None:
    answer = visitor.client.post("/api/v1/incidents", content=b"x" * 1_000_001, headers={"content-type": "text/plain"})

    assert answer.status_code == 413
    assert "1,000,000 bytes" in answer.json()["detail"]


def test_a_body_that_does_not_say_how_long_it_is_is_cut_off(visitor: Visitor) -> None:
    endless = (b"x" * 100_000 for _ in range(20))

    answer = visitor.client.post("/api/v1/incidents", content=endless, headers={"content-type": "application/json"})

    assert answer.status_code == 413


def test_a_page_that_is_not_there_says_so_as_a_page_and_to_programs_as_a_problem(visitor: Visitor) -> None:
    page, call = visitor.get("/nowhere"), visitor.get("/api/v1/nowhere")

    assert page.status_code == call.status_code == 404
    assert "<h1>Not found" in page.text
    assert call.json()["detail"].startswith("there is nothing at /api/v1/nowhere")


def test_where_the_database_lies_is_told_to_the_log_and_not_to_strangers(
    app: FastAPI, resile: Resile, monkeypatch: pytest.MonkeyPatch
) -> None:
    Visitor(app).set_up()
    stranger = Visitor(app, cookie="resile_session=guessed")

    def fail(_: bytes) -> None:
        raise StoreError("database /srv/secret/place/resile.db is locked")

    monkeypatch.setattr(resile.accounts, "session", fail)
    answer = stranger.get("/restore")

    assert answer.status_code == 503
    assert "/srv/secret" not in answer.text
