"""The pages of the house itself, and the errors: each says what to do next."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from werkzeug.exceptions import HTTPException, TooManyRequests
from werkzeug.utils import redirect

from odr.kernel import Conflict, Missing, Refused
from odr.web.security import requires

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize("path", ["/", "/how-it-works", "/neutrality"])
def test_a_page_of_the_house_has_one_title_and_a_way_past_the_navigation(client, path):
    page = client.get(path).get_data(as_text=True)

    assert page.count("<h1") == 1
    assert 'class="skip" href="#main"' in page
    assert 'id="main"' in page


def test_the_procedure_is_told_from_the_rules_in_force(client):
    page = client.get("/how-it-works").get_data(as_text=True)

    assert "14 days" in page and "default-1" in page


def test_buyer_and_seller_come_in_one_order_and_with_equal_marks(client):
    page = client.get("/").get_data(as_text=True)

    assert page.index("I bought something") < page.index("I sold something")


def test_a_supervisor_learns_that_the_house_answers(client):
    assert client.get("/health").get_json() == {"status": "ok"}


def raising(app, error):
    def page():
        raise error

    app.testing = False
    app.view_functions["web.neutrality"] = requires("site:read")(page)
    return app.test_client().get("/neutrality")


def test_a_refusal_is_told_in_a_sentence_and_changes_nothing(app):
    answer = raising(app, Refused("own_offer"))

    assert answer.status_code == 409
    assert "own_offer" not in answer.get_data(as_text=True)
    assert "Nothing was changed" in answer.get_data(as_text=True)


def test_what_is_missing_and_what_is_foreign_look_the_same(app, client):
    missing = raising(app, Missing())
    nowhere = app.test_client().get("/nowhere")

    assert missing.status_code == nowhere.status_code == 404
    assert titles(missing) == titles(nowhere)


def test_who_lost_a_race_is_told_so(app):
    assert raising(app, Conflict()).status_code == 409


def test_a_database_that_does_not_answer_is_a_pause_and_no_trace(app):
    answer = raising(app, OperationalError("select", {}, Exception("secret address")))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "secret" not in answer.get_data(as_text=True)


def test_a_database_that_all_others_are_at_is_a_pause(app):
    assert raising(app, NoConnectionFree("all are taken")).status_code == 503


def test_a_fault_of_ours_shows_no_trace(app):
    answer = raising(app, RuntimeError("secret thing"))

    assert answer.status_code == 500
    assert "secret" not in answer.get_data(as_text=True)
    assert "wrong on our side" in answer.get_data(as_text=True)


def test_a_fault_is_logged_without_secrets_of_links_and_without_words(app, caplog):
    typed = {"name": "Account" + "Holder"}

    def page(token):
        with app.extensions["odr"].engine.connect() as connection:
            connection.execute(text("INSERT INTO account (id, name) VALUES ('1', :name)"), typed)

    app.testing = False
    app.view_functions["response.notice"] = requires("invitation:read")(page)

    answer = app.test_client().get("/invitation/secret-of-a-link")

    assert answer.status_code == 500
    assert "fault in response.notice [GET]" in caplog.text and "IntegrityError" in caplog.text
    assert "secret-of-a-link" not in caplog.text and "AccountHolder" not in caplog.text


@pytest.mark.parametrize("address", ["http://[", "http://\u2100.example", "javascript:alert(1)", "//elsewhere.example"])
def test_an_address_that_is_none_leads_back_to_the_front_page(client, address):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/").get_data(as_text=True))[1]

    answer = client.post("/language", data={"csrf_token": token, "language": "en", "next": address})

    assert (answer.status_code, answer.location) == (303, "/")


def test_a_page_that_is_missing_bears_with_any_referrer(client):
    assert client.get("/nowhere", headers={"Referer": "http://["}).status_code == 404


@pytest.mark.parametrize("host", ["a..example", "a" * 64, "a b"])
def test_a_host_that_cannot_be_is_a_fault_of_the_asker(client, host):
    answer = client.get("/", headers={"Host": host})

    assert answer.status_code < 500
    assert "Content-Security-Policy" in answer.headers


def test_too_many_tries_say_when_to_come_back(app):
    answer = raising(app, TooManyRequests(retry_after=120))

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "120")


def test_an_answer_that_a_page_breaks_off_with_stays_as_it_is(app):
    answer = raising(app, HTTPException(response=redirect("/how-it-works", 303)))

    assert (answer.status_code, answer.location) == (303, "/how-it-works")


def test_a_wrong_method_says_which_would_do(client):
    answer = client.get("/language")

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_a_demonstration_says_so_on_every_page_and_a_real_house_does_not(app, client):
    assert "This is a demonstration" not in client.get("/").get_data(as_text=True)

    house = app.extensions["odr"]
    app.extensions["odr"] = replace(house, settings=replace(house.settings, demonstration=True))

    assert all("This is a demonstration" in client.get(path).get_data(as_text=True) for path in ("/", "/nowhere"))


def titles(answer) -> str:
    page = answer.get_data(as_text=True)
    return page[page.index("<h1") : page.index("</h1>")]
