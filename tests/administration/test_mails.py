"""Every letter about an account says what was done, in each of its ways, and names nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from odr.administration.rules import SUSPENSION_GROUNDS
from odr.notices.mail import Press, Recipient
from odr.notices.outbox import Letter
from odr.people.service import STAFF
from odr.people.tables import RESET_GROUNDS
from tests.administration.conftest import Somebody

pytestmark = pytest.mark.one_database

MAY = 1_778_846_400_000  # 15 May 2026, 12:00 UTC
ADMINISTRATION = (
    "admin_made", "admin_made_by_operator", "admin_ended", "reset_asked", "reset_done", "reset_refused",
    "reset_by_operator",
)  # fmt: skip


def ways() -> Iterator[tuple[str, dict[str, Any]]]:
    plain = {"role": "", "ground": ""}
    for role in STAFF:
        yield "account_changed", plain | {"what": "role_given", "role": role}
        yield "account_changed", plain | {"what": "role_taken", "role": role}
    for ground in SUSPENSION_GROUNDS:
        yield "account_changed", plain | {"what": "suspended", "ground": ground}
    for what in ("restored", "sessions_ended"):
        yield "account_changed", plain | {"what": what}
    for ground in RESET_GROUNDS:
        yield "factor_reset", {"what": "asked", "ground": ground, "until": MAY}
    yield "factor_reset", {"what": "refused", "ground": "lost", "until": MAY}
    for what in ADMINISTRATION:
        yield "administration", {"what": what}


def test_every_way_reads_whole_and_like_no_other(app: Flask, first: Somebody) -> None:
    press, read = Press(app.jinja_env, app.extensions["odr"].settings), set()
    with app.app_context():
        for template, params in ways():
            message = press.render(
                letter(template, params), Recipient(first.email, "en", "UTC", first.id), "https://house.example/x", MAY
            )
            words = message.get_body(("plain",)).get_content()
            assert re.match(r"[A-Z].*[^.]$", message["Subject"]) and "15 May 2026" in words, (template, params)
            assert first.name not in words and first.email not in words
            read.add(words)

    assert len(read) == len(list(ways()))


def letter(template: str, params: dict[str, Any]) -> Letter:
    return Letter(
        id=1,
        key=f"{template}:1",
        mark="0" * 32,
        template=template,
        account_id="0" * 32,
        email_sealed=None,
        dispute_id=None,
        side=None,
        params=params,
        created_at=MAY,
        due_at=MAY,
        attempts=0,
        leased_until=MAY,
        lease_owner="",
    )
