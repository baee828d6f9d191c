"""The door: every page says who may enter, foreign forms stay outside, and every answer carries strict headers."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask import Flask

from odr.app import create_app
from odr.procedure.access import PERMISSIONS
from odr.web.security import CONTENT_POLICY, Undeclared, check_declared, csrf, permission_of, requires

pytestmark = pytest.mark.one_database

PAGES = ("/", "/how-it-works", "/neutrality", "/nowhere", "/language", "/static/css/base.css", "/health")


def test_every_page_of_the_house_says_who_may_enter(app):
    declared = {rule.endpoint: permission_of(app, rule.endpoint) for rule in app.url_map.iter_rules()}

    assert {endpoint: name for endpoint, name in declared.items() if name not in PERMISSIONS} == {}


def test_a_page_that_does_not_say_who_may_enter_keeps_the_house_shut():
    app = Flask("planted")
    app.add_url_rule("/open", "open", lambda: "everything")
    app.add_url_rule("/odd", "odd", requires("no:such")(lambda: "everything"))

    with pytest.raises(Undeclared) as refused:
        check_declared(app)

    assert "/open" in str(refused.value) and "no:such" in str(refused.value)


def test_a_form_that_is_taken_without_its_token_keeps_the_house_shut():
    app = Flask("planted")
    taken = csrf.exempt(requires("site:read")(lambda: "taken"))
    app.add_url_rule("/taken", "taken", taken, methods=["POST"])
    try:
        with pytest.raises(Undeclared, match="takes a form without its token"):
            check_declared(app)
    finally:
        csrf._exempt_views.discard(f"{taken.__module__}.{taken.__name__}")


def test_a_row_that_makes_no_sense_keeps_the_house_shut(monkeypatch: pytest.MonkeyPatch):
    row = PERMISSIONS["decision:issue"]
    monkeypatch.setitem(PERMISSIONS, row.name, replace(row, who=row.who | {"anyone"}))

    with pytest.raises(Undeclared, match="decision:issue"):
        check_declared(Flask("planted"))


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_carries_the_strict_headers(client, path):
    headers = client.get(path).headers

    assert headers["Content-Security-Policy"] == CONTENT_POLICY
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_the_policy_allows_nothing_inline_and_nobody_else():
    assert CONTENT_POLICY.startswith("default-src 'none'")
    assert "unsafe" not in CONTENT_POLICY and "http" not in CONTENT_POLICY and "*" not in CONTENT_POLICY


def test_https_is_remembered_only_where_people_come_over_https(client, settings, clock):
    secure = create_app(replace(settings, public_url="https://evenhand.example"), clock)

    answer = secure.test_client().get("/", base_url="https://evenhand.example")

    assert "max-age=63072000" in answer.headers["Strict-Transport-Security"]
    assert all("__Host-" in cookie and "Secure" in cookie for cookie in answer.headers.getlist("Set-Cookie"))
    assert "Strict-Transport-Security" not in client.get("/").headers
    secure.extensions["odr"].engine.dispose()


def test_what_is_not_for_everybody_is_not_kept_by_any_cache(client):
    assert client.get("/nowhere").headers["Cache-Control"] == "no-store"
    assert client.get("/").headers["Cache-Control"] == "private, no-cache"
    assert "Cookie" in client.get("/").headers["Vary"]


def test_a_static_file_is_kept_until_it_changes_and_never_longer(client):
    page = client.get("/").get_data(as_text=True)
    address = re.search(r'href="(/static/css/base\.css\?v=[0-9a-f]+)"', page)[1]

    assert "immutable" in client.get(address).headers["Cache-Control"]
    assert client.get("/static/css/base.css").headers["Cache-Control"] == "no-cache"


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(client):
    cookies = client.get("/").headers.getlist("Set-Cookie")

    assert cookies
    assert all("HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in cookies)


def token_of(client) -> str:
    page = client.get("/").get_data(as_text=True)
    return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]


def choose(client, token: str | None, **headers: str):
    given = {"language": "zh_Hans", "next": "/neutrality"} | ({"csrf_token": token} if token else {})
    return client.post(
        "/language", data=given, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def test_a_form_of_ours_is_taken(client):
    answer = choose(client, token_of(client), Origin="http://localhost", Sec_Fetch_Site="same-origin")

    assert (answer.status_code, answer.location) == (303, "/neutrality")


def test_a_form_without_its_token_is_turned_away(client):
    assert choose(client, None).status_code == 400


def test_a_token_of_another_session_is_turned_away(client, app):
    foreign = token_of(app.test_client())
    token_of(client)

    assert choose(client, foreign).status_code == 400


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_that_another_site_sends_is_turned_away_even_with_a_token(client, site):
    assert choose(client, token_of(client), Sec_Fetch_Site=site).status_code == 403


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://localhost:81"]
)
def test_a_form_of_another_origin_is_turned_away_even_with_a_token(client, origin):
    assert choose(client, token_of(client), Origin=origin).status_code == 403


def test_the_public_address_counts_as_ours_behind_a_proxy(client, settings):
    assert choose(client, token_of(client), Origin=settings.public_url).status_code == 303


def test_a_staff_page_does_not_admit_to_exist(app):
    app.view_functions["web.neutrality"] = requires("desk:registrar")(lambda: "the desk")

    answer = app.test_client().get("/neutrality")

    assert answer.status_code == 404
    assert "the desk" not in answer.get_data(as_text=True)


def test_a_page_for_the_signed_in_sends_others_to_sign_in(app):
    app.view_functions["web.neutrality"] = requires("account:own")(lambda: "mine")

    answer = app.test_client().get("/neutrality?a=b")

    assert answer.status_code == 303
    assert "next=" in answer.location and "neutrality" in answer.location


def send_signed_out(app, path: str, **written: str):
    client = app.test_client()
    return client.post(path, data={"csrf_token": token_of(client), **written})


@pytest.mark.parametrize(
    "path, field, back",
    [
        ("/disputes/0000-0000-0/withdrawal", "text", "/disputes/0000-0000-0/withdrawal"),
        ("/disputes/0000-0000-0/messages", "text", "/disputes/0000-0000-0"),
        (f"/drafts/{'0' * 32}/story", "narrative", f"/drafts/{'0' * 32}/story"),
        (f"/drafts/{'0' * 32}/contact", "answer", f"/drafts/{'0' * 32}/contact"),
        ("/disputes/0000-0000-0/admission/refusal", "refuse-text", None),
    ],
)
def test_what_was_written_over_the_end_of_a_session_comes_back(app, path, field, back):
    answer = send_signed_out(app, path, **{field: "Everything I wrote over an evening."})

    page = answer.get_data(as_text=True)
    assert answer.status_code == 401
    assert "Everything I wrote over an evening." in page
    assert f'href="/session/new{f"?next={back}" if back else ""}"' in page


def test_what_was_written_comes_back_when_the_form_has_expired(app):
    client = app.test_client()
    token_of(client)

    answer = client.post(
        "/disputes/0000-0000-0/messages", data={"csrf_token": "of before", "text": "My long <message>."}
    )

    assert answer.status_code == 400
    assert "My long &lt;message&gt;." in answer.get_data(as_text=True)


def test_a_password_sent_over_the_end_of_a_session_is_not_shown(app):
    answer = send_signed_out(app, "/password", present="an old password", password="a new password")

    assert (answer.status_code, answer.location) == (303, "/session/new?next=/password")
    assert "password" not in answer.get_data(as_text=True).replace("next=/password", "")


def test_a_registrar_signed_out_with_nothing_written_finds_no_desk(app):
    assert send_signed_out(app, "/disputes/0000-0000-0/admission/refusal").status_code == 404
