"""The public page of who may do what: every permission stands on it, with what the table says of it."""

from __future__ import annotations

import html
import re

import pytest
from flask.testing import FlaskClient

from odr.web.sentences import PERMISSION_GROUPS
from tests.agreement import AGREED

pytestmark = pytest.mark.one_database


def test_anybody_reads_who_may_do_what_and_every_permission_stands_there_once(client: FlaskClient):
    page = html.unescape(client.get("/permissions").get_data(as_text=True))
    rows = dict(re.findall(r'<tr><th scope="row">([^<]+)</th>(.*?)</tr>', page, re.S))

    for agreed in AGREED.values():
        told = rows[agreed.words]
        assert page.count(f">{agreed.words}</th>") == 1
        assert ("asked once more" in told) == agreed.proof, agreed.name
        assert ("under conditions" in told) == bool(agreed.refused_by), agreed.name
        for role in ("Buyer", "Seller", "Mediator", "Registrar", "Regulator", "Administrator", "Auditor"):
            holds = agreed.who & {role.lower(), "admin" if role == "Administrator" else ""}
            assert bool(re.search(rf">{role}<", told.split("</td>")[0] + "<")) == bool(holds), (agreed.name, role)


def test_every_group_is_reached_from_the_top_and_the_page_from_where_neutrality_is_told(client: FlaskClient):
    page = client.get("/permissions").get_data(as_text=True)

    for name in PERMISSION_GROUPS:
        assert f'href="#{name}"' in page and f'id="{name}"' in page
    for path in ("/neutrality", "/about"):
        assert 'href="/permissions"' in client.get(path).get_data(as_text=True)
