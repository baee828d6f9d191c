"""Single-use links: bound, short-lived, worth something once, and never readable out of the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from odr.database import write_unit
from odr.kernel import Refused, new_id
from odr.people.links import LASTS, consume_link, find_link, issue_link, sweep, void_links
from odr.people.tables import link

NOW = 1_772_442_000_000
DISPUTE = "0" * 31 + "1"


def issue(engine, *, purpose="invite", email="seller@example.com", at=NOW, **bound):
    return write_unit(engine, lambda connection: issue_link(connection, purpose=purpose, email=email, at=at, **bound))


def consume(engine, token, *, purpose="invite", at=NOW):
    return write_unit(engine, lambda connection: consume_link(connection, token, purpose, at))


def peek(engine, token, *, purpose="invite", at=NOW):
    with engine.connect() as connection:
        found = find_link(connection, token, purpose)
    return found if found and found.used_at is None and at < found.expires_at else None


def test_a_link_opens_what_it_is_bound_to(engine):
    token = issue(engine, dispute_id=DISPUTE)

    found = consume(engine, token)

    assert (found.purpose, found.email, found.dispute_id) == ("invite", "seller@example.com", DISPUTE)


def test_looking_at_a_link_does_not_use_it_up(engine):
    token = issue(engine)

    looks = [peek(engine, token) for _ in range(20)]

    assert all(looks)
    assert consume(engine, token).email == "seller@example.com"


def test_a_link_opens_nothing_the_second_time(engine):
    token = issue(engine)
    consume(engine, token)

    with pytest.raises(Refused, match="link_used"):
        consume(engine, token)
    assert peek(engine, token) is None


@pytest.mark.parametrize("purpose", sorted(LASTS))
def test_a_link_lasts_until_its_instant_and_not_longer(engine, purpose):
    token = issue(engine, purpose=purpose)

    assert peek(engine, token, purpose=purpose, at=NOW + LASTS[purpose] - 1)
    assert peek(engine, token, purpose=purpose, at=NOW + LASTS[purpose]) is None
    with pytest.raises(Refused, match="link_expired"):
        consume(engine, token, purpose=purpose, at=NOW + LASTS[purpose])


def test_a_link_of_one_purpose_does_not_serve_another(engine):
    token = issue(engine, purpose="verify")

    with pytest.raises(Refused, match="link_unknown"):
        consume(engine, token, purpose="reset")


def test_the_database_holds_no_token(engine):
    token = issue(engine)

    with engine.connect() as connection:
        row = connection.execute(select(link)).one()

    assert token not in str(row)
    assert len(token) == 43


def test_of_ten_who_use_one_link_at_once_exactly_one_wins(engine):
    token = issue(engine)
    start = Barrier(10)

    def attempt(_):
        start.wait()
        try:
            return consume(engine, token).email
        except Refused as refused:
            return refused.code

    with ThreadPoolExecutor(10) as pool:
        answers = sorted(pool.map(attempt, range(10)))

    assert answers == ["link_used"] * 9 + ["seller@example.com"]


def test_voided_links_open_nothing_and_others_still_do(engine):
    owner = new_id()
    reset = issue(engine, purpose="reset", account_id=owner)
    other = issue(engine, purpose="reset", account_id=new_id())

    write_unit(engine, lambda connection: void_links(connection, owner, ("reset",), NOW))

    assert peek(engine, reset, purpose="reset") is None
    assert peek(engine, other, purpose="reset")


def test_old_links_are_forgotten(engine):
    old, young = issue(engine, at=NOW - 2 * LASTS["invite"]), issue(engine)

    write_unit(engine, lambda connection: sweep(connection, NOW))

    with engine.connect() as connection:
        assert find_link(connection, old, "invite") is None
        assert find_link(connection, young, "invite")


@given(token=st.text(max_size=300))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_invented_token_opens_anything(engine, token):
    with pytest.raises(Refused, match="link_unknown"):
        consume(engine, token)
