"""The reader's language and zone: what they chose comes first, then their browser; nothing else gets through."""

from __future__ import annotations

import pytest

from odr.kernel import is_zone
from odr.web.language import chosen_language, chosen_zone, language

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("zh", "zh_Hans"),
        ("zh-CN,zh;q=0.9", "zh_Hans"),
        ("zh-TW", "zh_Hans"),
        ("en-US", "en"),
        ("de, zh;q=0.5", "zh_Hans"),
        ("tr", "en"),
        ("", "en"),
    ],
)
def test_a_browser_that_asks_for_a_language_gets_the_nearest(app, header, code):
    with app.test_request_context("/", headers={"Accept-Language": header}):
        assert chosen_language() == code


def test_the_language_people_chose_beats_what_their_browser_asks(app):
    with app.test_request_context("/", headers={"Accept-Language": "en", "Cookie": "lang=zh_Hans"}):
        assert chosen_language() == "zh_Hans"
        assert language().tag == "zh-Hans"


@pytest.mark.parametrize("wish", ["xx", "../../etc", "zh_Hans.UTF-8", ""])
def test_an_unknown_language_changes_nothing(app, wish):
    with app.test_request_context("/", headers={"Cookie": f"lang={wish}"}):
        assert chosen_language() == "en"


def test_the_page_says_its_language_and_direction(client):
    client.set_cookie("lang", "zh_Hans")

    assert '<html lang="zh-Hans" dir="ltr">' in client.get("/").get_data(as_text=True)


@pytest.mark.parametrize(
    ("cookie", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("Asia/Shanghai", "Asia/Shanghai"),
        ("../../etc/passwd", "UTC"),
        ("Mars/One", "UTC"),
    ],
)
def test_the_zone_of_the_device_is_used_when_it_is_one(app, cookie, zone):
    with app.test_request_context("/", headers={"Cookie": f"zone={cookie}"}):
        assert chosen_zone() == zone


def test_a_zone_is_a_name_of_the_zone_database():
    assert is_zone("America/Sao_Paulo")
    assert not is_zone("America/../America/Sao_Paulo")


@pytest.mark.parametrize(
    "next_page",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example", ""],
)
def test_choosing_a_language_never_leads_to_another_site(app, next_page):
    app.config["WTF_CSRF_ENABLED"] = False

    answer = app.test_client().post("/language", data={"language": "en", "next": next_page})

    assert (answer.status_code, answer.location) == (303, "/")


def test_an_address_of_ours_is_reached_after_choosing(app):
    app.config["WTF_CSRF_ENABLED"] = False

    answer = app.test_client().post("/language", data={"language": "zh_Hans", "next": "/how-it-works?from=mail"})

    assert answer.location == "/how-it-works?from=mail"
    assert "lang=zh_Hans" in answer.headers["Set-Cookie"]


def test_reading_a_page_never_changes_the_language(client):
    assert client.get("/language?language=zh_Hans").status_code == 405
