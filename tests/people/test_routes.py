"""The pages of the people room, walked through as people and as attackers walk through them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, func, select

from odr.people import limits, service
from odr.people.security import device_of
from odr.people.tables import account, session
from tests.people.conftest import EMAIL, PASSWORD, an_account, link_for

pytestmark = pytest.mark.one_database

REGISTRATION = {"name": "First Holder", "email": EMAIL, "country": "SE", "language": "en", "password": PASSWORD}


@pytest.fixture
def house(app):
    return app.extensions["odr"]


def token_of(page) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', page.get_data(as_text=True))[1]


def send(client: FlaskClient, path: str, data: dict[str, object] | None = None, *, form_at: str | None = None):
    """Open a page with a form and send it, as a browser does."""
    token = token_of(client.get(form_at or path))
    return client.post(path, data={**(data or {}), "csrf_token": token}, headers={"Origin": "http://localhost"})


def sign_in(client: FlaskClient, *, email: str = EMAIL, password: str = PASSWORD, **more: str):
    return send(client, "/session/new", {"email": email, "password": password, **more})


def cookie_of(client: FlaskClient, name: str = "odr") -> str | None:
    cookie = client.get_cookie(name)
    return cookie.value if cookie else None


def text(page) -> str:
    return page.get_data(as_text=True)


def without_tokens(page) -> str:
    return re.sub(r'value="[^"]{20,}"', "", text(page))


# -- opening an account ---------------------------------------------------------------------------------------


def test_somebody_opens_an_account_and_arrives_signed_in(client, house):
    sent = send(client, "/account/new", REGISTRATION)
    token = link_for(house, "verify", email=EMAIL)
    arrived = send(client, f"/account/verification/{token}")

    assert (sent.status_code, sent.location) == (303, "/account/new/sent")
    assert "Look into your mail" in text(client.get(sent.location))
    assert arrived.status_code == 303
    assert "First Holder" in text(client.get("/account"))


def test_looking_at_the_mailed_page_opens_nothing(client, house):
    send(client, "/account/new", REGISTRATION)
    token = link_for(house, "verify", email=EMAIL)

    for _ in range(20):
        assert client.get(f"/account/verification/{token}").status_code == 200
        assert client.head(f"/account/verification/{token}").status_code == 200

    assert send(client, f"/account/verification/{token}").status_code == 303


def test_another_browser_is_asked_for_the_password(app, client, house):
    send(client, "/account/new", REGISTRATION)
    token = link_for(house, "verify", email=EMAIL)
    telephone = app.test_client()

    wrong = send(telephone, f"/account/verification/{token}", {"password": "not what I chose"})
    right = send(telephone, f"/account/verification/{token}", {"password": PASSWORD})

    assert wrong.status_code == 422
    assert "not the password" in text(wrong)
    assert right.status_code == 303


def test_registering_a_known_address_answers_exactly_the_same(app, house):
    an_account(house)
    answers = []
    for email in (EMAIL, "stranger@example.org"):
        client = app.test_client()
        sent = send(client, "/account/new", {**REGISTRATION, "email": email})
        answers.append((sent.status_code, sent.location, without_tokens(client.get(sent.location))))

    assert answers[0] == answers[1]


def test_errors_keep_what_was_typed_but_never_the_password(client):
    answer = send(client, "/account/new", {**REGISTRATION, "email": "holder", "password": "password1234"})

    assert answer.status_code == 422
    assert 'value="First Holder"' in text(answer)
    assert 'value="holder"' in text(answer)
    assert "password1234" not in text(answer)


def test_a_refused_password_is_told_beside_its_field(client):
    answer = send(client, "/account/new", {**REGISTRATION, "password": "password1234"})

    assert answer.status_code == 422
    assert 'href="#password"' in text(answer)
    assert "guessed early" in text(answer)


# -- signing in and out ---------------------------------------------------------------------------------------


def test_signing_in_leads_where_the_person_wanted_to_go(client, house):
    an_account(house)

    turned_away = client.get("/sessions")
    assert (turned_away.status_code, turned_away.location) == (303, "/session/new?next=/sessions")
    form = client.get(turned_away.location)
    arrived = client.post(
        "/session/new",
        data={"email": EMAIL, "password": PASSWORD, "next": "/sessions", "csrf_token": token_of(form)},
    )

    assert 'value="/sessions"' in text(form)
    assert (arrived.status_code, arrived.location) == (303, "/sessions")


def test_whoever_signs_in_arrives_at_a_page_that_is_theirs(app, house):
    for role in (None, "registrar", "mediator", "regulator", "admin"):
        account_id = an_account(house, f"{role}@example.org")
        if role:
            service.grant_role(house, account_id, role)
        client = app.test_client()

        arrived = sign_in(client, email=f"{role}@example.org")

        page = client.get(arrived.location, follow_redirects=True)
        assert (arrived.status_code, page.status_code) == (303, 200), role
        # Whoever works here is led to their second step before anything else opens.
        assert page.request.path == ("/account/factors" if role else "/disputes"), role


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\tevil", "javascript:alert(1)", "/a\r\nX: y"],
)
def test_signing_in_leads_nowhere_else(client, house, target):
    an_account(house)

    shown = client.get("/session/new", query_string={"next": target})
    arrived = sign_in(client, next=target)

    assert "evil" not in text(shown).split("<main")[1].split("</main")[0]
    assert arrived.status_code == 303
    assert arrived.location.startswith("/") and "evil" not in arrived.location and "X: y" not in arrived.location


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(client, house):
    an_account(house)

    cookies = [line for line in sign_in(client).headers.getlist("Set-Cookie") if line.startswith("odr")]

    assert {line.split("=")[0] for line in cookies} >= {"odr", "odr-device"}
    assert all({"HttpOnly", "SameSite=Lax", "Path=/"} <= set(line.split("; ")) for line in cookies)
    assert not any("Domain" in line for line in cookies)
    assert not any("Max-Age" in line or "Expires" in line for line in cookies if line.startswith("odr="))


def test_a_house_on_https_ties_its_cookie_to_its_host(app, clock, settings):
    app.extensions["odr"] = replace(app.extensions["odr"], settings=replace(settings, public_url="https://odr.example"))
    an_account(app.extensions["odr"])
    client = app.test_client()

    lines = sign_in(client).headers.getlist("Set-Cookie")
    session_line = next(line for line in lines if line.startswith("__Host-odr="))

    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(session_line.split("; "))


def test_an_unknown_address_and_a_wrong_password_get_the_same_page(app, house):
    an_account(house)
    pages = []
    for email in (EMAIL, "nobody@example.org"):
        answer = sign_in(app.test_client(), email=email, password="not the password")
        pages.append((answer.status_code, without_tokens(answer).replace(email, "…")))

    assert pages[0] == pages[1]
    assert pages[0][0] == 422


def test_whoever_guesses_on_is_told_how_long_to_wait(client, house):
    for _ in range(5):
        assert sign_in(client, password="not the password").status_code == 422

    answer = sign_in(client, password="not the password")

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert "Too many tries" in text(answer)
    assert f'value="{EMAIL}"' in text(answer)


def test_a_planted_cookie_is_not_made_valid_by_signing_in(client, house):
    an_account(house)
    client.set_cookie("odr", "planted by somebody")

    sign_in(client)

    assert cookie_of(client) not in (None, "planted by somebody")
    client.set_cookie("odr", "planted by somebody")
    assert client.get("/account").status_code == 303


def test_an_old_cookie_is_worth_nothing_after_signing_out_or_changing_the_password(client, house):
    an_account(house)
    for act in (
        lambda: send(client, "/session/end", form_at="/account"),
        lambda: send(client, "/password", {"present": PASSWORD, "password": "a river behind glass"}),
    ):
        sign_in(client)
        old = cookie_of(client)
        assert act().status_code == 303

        client.set_cookie("odr", old)
        assert client.get("/account").status_code == 303
        client.delete_cookie("odr")


def test_changing_the_password_keeps_this_browser_signed_in(client, house):
    an_account(house)
    sign_in(client)

    send(client, "/password", {"present": PASSWORD, "password": "a river behind glass"})

    assert "Your password is changed" in text(client.get("/account"))


def test_signing_out_clears_what_the_browser_kept(client, house):
    an_account(house)
    sign_in(client)

    answer = send(client, "/session/end", form_at="/account")

    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert cookie_of(client) is None


def test_signing_out_after_the_session_ran_out_is_no_error(client, house, clock):
    an_account(house)
    sign_in(client)
    token = token_of(client.get("/account"))
    clock.advance(hours=1)

    answer = client.post("/session/end", data={"csrf_token": token})

    assert (answer.status_code, answer.location) == (303, "/session/new")


def test_another_device_is_signed_out_from_the_list(app, client, house):
    an_account(house)
    sign_in(client)
    telephone = app.test_client()
    sign_in(telephone)
    path = re.search(r'action="(/sessions/[0-9a-f]{16}/end)"', text(client.get("/sessions")))[1]

    assert send(client, path, form_at="/sessions").status_code == 303

    assert telephone.get("/account").status_code == 303
    assert client.get("/account").status_code == 200


def test_a_session_of_somebody_else_does_not_exist(app, client, house):
    an_account(house)
    stranger = an_account(house, "stranger@example.org")
    sign_in(client)
    other = app.test_client()
    sign_in(other, email="stranger@example.org")
    with house.engine.connect() as connection:
        id_hash = connection.execute(select(session.c.id_hash).where(session.c.account_id == stranger)).scalar_one()

    answer = send(client, f"/sessions/{id_hash[:16]}/end", form_at="/sessions")

    assert answer.status_code == 404
    assert other.get("/account").status_code == 200


def test_signing_out_everywhere(app, client, house):
    an_account(house)
    other = app.test_client()
    sign_in(other)
    sign_in(client)

    answer = send(client, "/sessions/end", form_at="/sessions")

    assert "signed out on 2 devices" in text(client.get(answer.location))
    assert other.get("/account").status_code == 303


def test_nothing_changes_without_the_forms_token(client, house):
    an_account(house)
    sign_in(client)

    for path in ("/session/end", "/sessions/end", "/account", "/password", "/password/forgotten", "/session/link"):
        assert client.post(path, data={"email": EMAIL}).status_code == 400

    assert client.get("/account").status_code == 200


def test_a_page_asks_once_who_is_reading(client, house):
    an_account(house)
    sign_in(client)
    statements = []
    event.listen(house.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    client.get("/how-it-works")

    assert len([one for one in statements if one.lstrip().upper().startswith("SELECT")]) == 1
    assert not any(one.lstrip().upper().startswith(("UPDATE", "INSERT")) for one in statements)


# -- mailed links ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "sent"), [("/password/forgotten", "reset"), ("/session/link", "sign_in")])
def test_asking_for_a_link_looks_the_same_for_every_address(app, house, path, sent):
    an_account(house)
    answers = []
    for email in (EMAIL, "nobody@example.org"):
        client = app.test_client()
        answer = send(client, path, {"email": email})
        answers.append((answer.status_code, answer.location, without_tokens(client.get(answer.location))))

    assert answers[0] == answers[1]
    assert answers[0][:2] == (303, f"{path}/sent")


def test_a_reset_link_sets_a_password_once(client, house):
    token = link_for(house, "reset", account_id=an_account(house))

    first = send(client, f"/password/reset/{token}", {"password": "a river behind glass"})
    second = client.get(f"/password/reset/{token}")

    assert first.status_code == 303
    assert second.status_code == 410
    assert "already been used" in text(second) and "Ask for a new link" in text(second)
    assert sign_in(client, password="a river behind glass").status_code == 303


def test_a_password_that_is_refused_does_not_use_up_the_link(client, house):
    token = link_for(house, "reset", account_id=an_account(house))

    for password in ("", "short", "password1234", "first.holder", "x" * 300):
        assert send(client, f"/password/reset/{token}", {"password": password}).status_code == 422

    assert send(client, f"/password/reset/{token}", {"password": "a river behind glass"}).status_code == 303


def test_a_seller_without_a_password_signs_in_by_link(client, house):
    account_id = an_account(house, "seller@example.com", password=None)
    token = link_for(house, "signin", account_id=account_id)

    assert "Sign in" in text(client.get(f"/session/link/{token}"))
    assert send(client, f"/session/link/{token}").status_code == 303

    assert "None: you sign in by mailed links" in text(client.get("/account"))
    assert client.get(f"/session/link/{token}").status_code == 410


@pytest.mark.parametrize("path", ["/account/verification/", "/password/reset/", "/session/link/"])
def test_expired_and_invented_links_say_what_to_do_next(client, house, clock, path):
    purpose = {"/account/verification/": "verify", "/password/reset/": "reset", "/session/link/": "signin"}[path]
    token = link_for(house, purpose, account_id=an_account(house), email=EMAIL)
    clock.advance(days=2)

    expired, invented = client.get(path + token), client.get(path + "n" * 43)

    assert (expired.status_code, invented.status_code) == (410, 404)
    assert "run out" in text(expired) and "opens nothing" in text(invented)


def test_a_link_that_was_used_twice_by_post_answers_410(client, house):
    token = link_for(house, "signin", account_id=an_account(house, password=None))
    form = token_of(client.get(f"/session/link/{token}"))
    client.post(f"/session/link/{token}", data={"csrf_token": form})
    again = token_of(client.get("/account"))

    assert client.post(f"/session/link/{token}", data={"csrf_token": again}).status_code == 410


# -- the own account ------------------------------------------------------------------------------------------


def test_the_language_chosen_for_the_account_is_the_language_of_its_pages(client, house):
    an_account(house)
    sign_in(client)
    client.set_cookie("lang", "en")

    answer = send(client, "/account", {"name": "First H.", "language": "zh_Hans", "zone": "Asia/Shanghai"})

    assert answer.status_code == 303
    assert '<html lang="zh-Hans"' in text(client.get("/account"))


@pytest.mark.parametrize(
    "wrong", [{"language": "xx"}, {"zone": "../../etc/passwd"}, {"zone": "Mars/Olympus"}, {"name": " "}, {"zone": ""}]
)
def test_choices_that_do_not_exist_are_refused(client, house, wrong):
    an_account(house)
    sign_in(client)

    answer = send(client, "/account", {"name": "Holder", "language": "en", "zone": "UTC", **wrong})

    assert answer.status_code == 422
    assert "There is something to correct" in text(answer)


def test_whoever_is_signed_in_is_not_asked_to_sign_in_or_register(client, house):
    an_account(house)
    sign_in(client)

    assert client.get("/session/new").status_code == 303
    assert client.get("/account/new").status_code == 303


# -- hostile input --------------------------------------------------------------------------------------------

HOSTILE = [
    "",
    "\x00",
    "\ud800",
    "' OR '1'='1",
    "<script>alert(1)</script>",
    "{{ 7*7 }}",
    "%s%n%(x)s",
    "a@b.c\r\nBcc: d@e.f",
    "\u202eevil",
    "x" * 100_000,
    "𒐫" * 1000,
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_no_form_breaks_on_hostile_input(client, house, hostile):
    value = hostile.encode("utf-8", "surrogatepass")
    reset = link_for(house, "reset", account_id=an_account(house))
    fields = ("name", "email", "country", "language", "zone", "password", "present", "next")

    for path in ("/account/new", "/session/new", "/session/link", "/password/forgotten", f"/password/reset/{reset}"):
        answer = send(client, path, dict.fromkeys(fields, value))
        assert answer.status_code in (422, 303), path
        assert "<script>alert" not in text(answer)
    an_account(house, "stranger@example.org", name="Stranger")
    sign_in(client, email="stranger@example.org")
    for path in ("/account", "/password"):
        assert send(client, path, dict.fromkeys(fields, value)).status_code == 422, path


@pytest.mark.parametrize("token", ["%00", "%ff%fe", "..%2f..%2fetc", "x" * 3000, "'%20OR%201=1", "%F0%92%90%AB"])
def test_no_hostile_token_breaks_a_page(client, token):
    for path in ("/account/verification/", "/password/reset/", "/session/link/"):
        assert client.get(path + token).status_code == 404


def test_no_hostile_cookie_breaks_a_page(client, house):
    an_account(house)
    for value in ("", "x" * 4000, "\u00ff", "a=b; c", '"quoted"'):
        client.set_cookie("odr", value)
        client.set_cookie("odr-device", value)
        assert client.get("/account").status_code == 303
        assert sign_in(client, password="not the password").status_code in (422, 429)


def test_secrets_and_addresses_stay_out_of_the_operators_log(client, house, caplog):
    caplog.set_level(0)
    account_id = an_account(house)
    token = link_for(house, "reset", account_id=account_id)
    sign_in(client)
    send(client, f"/password/reset/{token}", {"password": "a river behind glass"})

    assert not any(secret in caplog.text for secret in (PASSWORD, EMAIL, token, "a river behind glass"))


def test_addresses_and_cookies_stay_out_of_the_database(client, house):
    an_account(house)
    sign_in(client)

    with house.engine.connect() as connection:
        dump = "\n".join(connection.connection.driver_connection.iterdump())

    assert "127.0.0" not in dump
    assert cookie_of(client) not in dump
    assert PASSWORD not in dump


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox · Linux"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome · Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari · iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge · Windows"),
        ("<script>alert(1)</script>", ""),
        ("", ""),
    ],
)
def test_a_device_is_named_in_words_of_our_own(agent, device):
    assert device_of(agent) == device


def test_registering_waits_like_everything_else(client, house):
    with house.engine.begin() as connection:
        bucket = limits.bucket(house.settings.secret_key, "address", limits.address_prefix("127.0.0.1"))
        for _ in range(60):
            limits.spend(connection, bucket, "register", house.clock(), 60, service.HOUR)

    answer = send(client, "/account/new", REGISTRATION)

    assert answer.status_code == 429
    with house.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(account)).scalar_one() == 0
