"""Whatever anybody sends to whatever address: the house answers, never stumbles, and gives nothing away."""

from __future__ import annotations

import re
import secrets

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from odr.house import House
from odr.kernel import new_number
from tests.builders import ADispute, a_dispute
from tests.disputes.conftest import buyer, dispute, house, nobody, registrar, seller, stranger
from tests.disputes.readers import Reader
from tests.doors import Door, doors_of, token_of

__all__ = ["buyer", "dispute", "house", "nobody", "registrar", "seller", "stranger"]

READERS = ("nobody", "stranger", "buyer", "seller", "registrar")
STRICT = ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy")

IN_ADDRESSES = (
    "9" * 31, "-1", "%D9%A3", "a%00b", "%00", "%FF%FE", "%ED%A0%80", "%E2%80%AE", "..%2F..%2Fetc%2Fpasswd",
    "%0D%0ASet-Cookie:%20a=b", "x" * 5000, "' or 1=1--", "{{7*7}}", "null", "%C3%9F" * 9,
)  # fmt: skip

IN_HEADERS = (
    ("Referer", "http://["),
    ("Referer", "javascript:alert(1)"),
    ("Origin", "http://["),
    ("Host", "a..b"),
    ("Host", "[::1"),
    ("Host", "x" * 3000),
    ("Host", "elsewhere.example:99999999"),
    ("Accept-Language", "zh;q=abc,,," + "x" * 5000),
    ("Accept-Language", "\xff-\x80"),
    ("Cookie", "odr=\xff\xfe; odr-form=garbage; lang=../../etc; zone=../../../etc/passwd; odr-device=\x80"),
    ("Cookie", "=;;;,,a"),
    ("If-None-Match", "\xff"),
    ("If-Modified-Since", "never"),
    ("Range", "bytes=0-0,1-99999999999999999999999"),
    ("User-Agent", "\x80\xff" * 100),
    ("Content-Type", "\xff"),
    ("Content-Type", "multipart/form-data; boundary="),
    ("Content-Length", "99999999999999999999999"),
    ("X-Forwarded-For", "a,b,c\x80"),
    ("X-HTTP-Method-Override", "DELETE"),
)


def bodies(token: str) -> list[dict[str, object]]:
    """What a form could be sent as by somebody who holds its token."""
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    multipart = part % (b"csrf_token", token.encode())
    upload = b'--x\r\nContent-Disposition: form-data; name="file"; filename="\xff\x00/../a"\r\n\r\nabc'
    key = secrets.token_hex(16)
    return [
        {"data": {}},
        {"data": {"csrf_token": token}},
        {"data": {"csrf_token": token, "key": key, "text": b"a\x00b\xed\xa0\x80\xff", "name": b"\x00\xff",
                  "number": b"\x00", "email": b"\x00@\x00.c", "password": b"\x00" * 20, "items-0-remedy": "\x00"}},
        {"data": {"csrf_token": token, "key": key, "text": "x" * 30_000, "amount": "9" * 400,
                  "email": "a\r\nBcc: b@c.d"}},
        {"data": {"csrf_token": [token, token], "key": [key, "x"], "text": ["a", "b"], "email": ["a", "b"]}},
        {"data": {"csrf_token": token, "items-\u0663-amount": "1", "items-99999999999999-remedy": "refund",
                  "role": "registrar", "account_id": "1", "admit-text": "x", "refuse-ground": "?", "ask-topics": "?"}},
        {"data": b"csrf_token=%s&key=%%ff%%00&text=%%ed%%a0%%80%s" % (token.encode(), b"&a=1" * 1200),
         "content_type": "application/x-www-form-urlencoded; charset=utf-7"},
        {"data": b'{"a": 1}', "content_type": "application/json", "headers": {"X-CSRFToken": token}},
        {"data": b"zzz", "content_type": "multipart/form-data", "headers": {"X-CSRFToken": token}},
        {"data": multipart + upload, "content_type": "multipart/form-data; boundary=x"},
        {"data": multipart + part % (b"file", b"abc") + b"--x--", "content_type": "multipart/form-data; boundary=x"},
    ]  # fmt: skip


@pytest.fixture
def contested(dispute: ADispute) -> ADispute:
    """A dispute in which both sides may do most of what there is to do."""
    return dispute.admitted().contested()


def check(door: Door, answer: TestResponse, sent: object = "") -> None:
    assert answer.status_code < 500, (door, answer.status_code, sent)
    assert [name for name in STRICT if name not in answer.headers] == [], (door, answer.status_code)


@pytest.mark.one_database
@pytest.mark.parametrize("name", READERS)
def test_every_address_answers_everybody(app: Flask, contested: ADispute, name: str, request: pytest.FixtureRequest):
    reader: Reader = request.getfixturevalue(name)
    token = token_of(reader)

    for door in doors_of(app):
        sent = {"csrf_token": token} if door.method == "POST" else None
        check(door, reader.client.open(door.path(number=contested.number), method=door.method, data=sent))


@pytest.mark.one_database
def test_every_address_answers_methods_it_does_not_take(app: Flask, contested: ADispute, buyer: Reader):
    token = token_of(buyer)

    for door in doors_of(app):
        for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
            path = door.path(number=contested.number)
            check(door, buyer.client.open(path, method=method, headers={"X-CSRFToken": token}), method)


@pytest.mark.slow
def test_every_address_answers_garbage_in_its_blanks(app: Flask, contested: ADispute, buyer: Reader):
    token = token_of(buyer)
    doors = [(door, blank) for door in doors_of(app) for blank in door.blanks]

    for door, blank in doors:
        for garbage in IN_ADDRESSES:
            path = door.path(**{"number": contested.number, blank: garbage})
            sent = {"csrf_token": token} if door.method == "POST" else None
            answer = buyer.client.open(path, method=door.method, data=sent)
            check(door, answer, garbage)
            assert "Set-Cookie" not in answer.headers or "a=b" not in answer.headers["Set-Cookie"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["buyer", "nobody"])
def test_every_form_bears_with_anything_sent_to_it(
    app: Flask, contested: ADispute, name: str, request: pytest.FixtureRequest
):
    reader: Reader = request.getfixturevalue(name)
    token = token_of(reader)

    for door in doors_of(app):
        if door.method == "POST":
            for sent in bodies(token):
                check(door, reader.client.post(door.path(number=contested.number), **sent), sent)


@pytest.mark.one_database
def test_no_header_makes_the_house_stumble(contested: ADispute, buyer: Reader):
    paths = ("/", "/nowhere", "/session/new", "/static/css/base.css", "/disputes", f"/disputes/{contested.number}")

    for header in IN_HEADERS:
        for path in paths:
            for method in ("GET", "POST"):
                answer = buyer.client.open(path, method=method, headers=dict([header]))
                check(Door(path, method, path, ""), answer, header)


@pytest.mark.one_database
def test_of_two_wishes_where_to_go_none_leads_elsewhere(nobody: Reader):
    token = token_of(nobody)
    for first, second in (("/rules", "//elsewhere.example"), ("//elsewhere.example", "/rules"), ("/\\e.example",) * 2):
        asked = nobody.client.get("/session/new", query_string={"next": [first, second]})
        sent = nobody.client.post(
            "/language?next=//elsewhere.example",
            data={"csrf_token": token, "language": "en", "next": [first, second]},
        )

        assert "elsewhere" not in asked.get_data(as_text=True).split("<main")[1]
        assert sent.location in ("/", "/rules"), (first, second)


@pytest.mark.one_database
def test_a_form_that_names_another_method_is_the_form_that_it_is(contested: ADispute, buyer: Reader):
    path, token = f"/disputes/{contested.number}", token_of(buyer)

    for said in ({"_method": "DELETE"}, {"_method": "GET"}, {"method": "PUT"}):
        sent = buyer.client.post(f"{path}/withdrawal", data=said, headers={"X-HTTP-Method-Override": "GET"})
        assert sent.status_code == 400
        answer = buyer.client.post(f"{path}?_method=POST", data={**said, "csrf_token": token})
        assert answer.status_code == 405


@pytest.mark.one_database
def test_what_is_far_too_long_is_answered(nobody: Reader):
    long = "x" * 10_000_000
    for name in ("odr", "odr-device", "odr-proven", "odr-form", "lang", "zone", "unknown"):
        answer = nobody.client.get("/session/new", headers={"Cookie": f"{name}={long}"})
        check(Door("people.sign_in", "GET", "/session/new", ""), answer, name)
        assert answer.status_code == 200
    for path in ("/" + long[:200_000], "/disputes/" + long[:200_000], "/" + "a/" * 50_000, "/?" + long[:200_000]):
        check(Door("", "GET", "", ""), nobody.client.get(path), path[:20])


@pytest.mark.one_database
@pytest.mark.parametrize("path", [
    "/static/../pyproject.toml", "/static/%2e%2e/pyproject.toml", "/static/..%5c..%5cpyproject.toml",
    "/static/%2e%2e%2f%2e%2e%2fetc/passwd", "/static/css/", "/static/%00", "/static/css/base.css%00.js",
    "/static/" + "a" * 3000,
])  # fmt: skip
def test_nothing_but_static_files_comes_out_of_their_folder(nobody: Reader, path: str):
    answer = nobody.client.get(path)

    assert answer.status_code == 404
    assert "[project]" not in answer.get_data(as_text=True)


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["nobody", "stranger"])
def test_what_is_anothers_and_what_does_not_exist_look_the_same(
    app: Flask, contested: ADispute, name: str, request: pytest.FixtureRequest
):
    reader: Reader = request.getfixturevalue(name)
    token, missing = token_of(reader), new_number()

    for door in doors_of(app):
        if "number" in door.blanks:
            seen = [
                plain(reader.client.open(door.path(number=number), method=door.method, data=form), number)
                for number in (contested.number, missing)
                for form in [{"csrf_token": token, "key": "0" * 32, "text": "a"} if door.method == "POST" else None]
            ]
            assert seen[0] == seen[1], door


@pytest.mark.one_database
def test_a_seller_cannot_tell_a_filing_that_is_not_admitted_from_none(
    app: Flask, house: House, buyer: Reader, seller: Reader
):
    filed = a_dispute(house, buyer_account=buyer.account_id, seller_account=seller.account_id)
    token, missing = token_of(seller), new_number()

    for door in doors_of(app):
        if "number" in door.blanks:
            sent = {"csrf_token": token, "key": "0" * 32} if door.method == "POST" else None
            own, none = (
                plain(seller.client.open(door.path(number=number), method=door.method, data=sent), number)
                for number in (filed.number, missing)
            )
            assert own == none, door
    assert filed.number not in seller.read("/disputes")


def plain(answer: TestResponse, number: str) -> tuple[int, str, str]:
    """An answer without what differs between any two: the number asked for and the tokens of forms."""
    body = re.sub(r'value="[^"]{20,}"', "", answer.get_data(as_text=True)).replace(number, "N")
    return answer.status_code, answer.headers.get("Location", "").replace(number, "N"), body
