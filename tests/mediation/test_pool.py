"""Who can be drawn in a dispute: each of the published rules of eligibility, on both databases."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from odr.house import House
from odr.kernel import SYSTEM
from odr.mediation import queries
from odr.mediation.queries import LOOK_BACK_YEARS, PAUSED_AFTER, YEAR
from odr.mediation.rules import accept_appointment, decline_appointment
from odr.mediation.service import Admission, admit_mediator, end_mediator
from odr.procedure.dispute import Phase
from odr.procedure.rules import return_notice
from odr.response.rules import give_address
from tests.builders import ADispute, a_dispute
from tests.mediation.roster import a_mediator, an_account, evidenced

EMAIL = "shop@mail.lights.example"


def pool_of(house: House, dispute: ADispute) -> tuple[str, ...]:
    with house.engine.connect() as connection:
        return queries.pool(connection, house, dispute.state, house.clock())["pool"]


def texts(**seller: str) -> dict[str, str]:
    return {
        "narrative": "Two lights never came.",
        "order": json.dumps({"reference": "A-1"}),
        "buyer": json.dumps({"name": "The buyer", "email": "buyer@example.org"}),
        "seller": json.dumps({"name": "The seller", "email": EMAIL, **seller}),
    }


@pytest.fixture
def waiting(house: House) -> ADispute:
    """A dispute in which somebody is to be drawn."""
    return a_dispute(house, texts=texts()).left()


def test_whoever_is_on_the_roster_can_be_drawn(house, waiting):
    ids = {a_mediator(house, name) for name in ("First", "Second")}

    assert set(pool_of(house, waiting)) == ids
    assert list(pool_of(house, waiting)) == sorted(ids)


def test_nobody_is_drawn_whose_mandate_is_over(house, waiting, clock):
    a_mediator(house, mandate_years=3)

    clock.at += 3 * YEAR

    assert pool_of(house, waiting) == ()


def test_nobody_is_drawn_whose_mandate_was_ended(house, waiting):
    ended = a_mediator(house)
    end_mediator(house, ended)

    assert pool_of(house, waiting) == ()


def test_a_mediator_who_let_two_appointments_lie_is_paused_until_the_entry_is_renewed(house, waiting, clock):
    paused = a_mediator(house)
    for place in range(PAUSED_AFTER):
        assert pool_of(house, waiting) == (paused,), place
        a_dispute(house).left().drawn(paused).expired()

    assert pool_of(house, waiting) == ()

    clock.advance(minutes=1)
    assert a_mediator(house) == paused
    assert pool_of(house, waiting) == (paused,)


def test_declining_is_no_fault(house, waiting):
    honest = a_mediator(house)
    for _ in range(PAUSED_AFTER):
        declined = a_dispute(house).left().drawn(honest)
        declined.act(decline_appointment, declined.mediator)

    assert pool_of(house, waiting) == (honest,)


def test_nobody_gets_more_disputes_than_their_capacity(house, waiting):
    busy = a_mediator(house, capacity=1)
    assert pool_of(house, waiting) == (busy,)

    working = a_dispute(house).in_mediation(busy)

    assert pool_of(house, waiting) == ()
    working.decided()
    assert working.state.phase is Phase.DECIDED
    assert pool_of(house, waiting) == (busy,)


def test_those_who_speak_the_language_of_the_buyer_come_first(house):
    english, chinese = a_mediator(house, "First"), a_mediator(house, "Second", languages=("zh_Hans",))
    ours = a_dispute(house).left()
    theirs = a_dispute(house, buyer_language="zh_Hant").left()

    assert pool_of(house, ours) == (english,)
    assert pool_of(house, theirs) == (chinese,)


def test_where_nobody_speaks_the_language_all_can_be_drawn(house):
    ids = {a_mediator(house, "First"), a_mediator(house, "Second", languages=("zh_Hans",))}
    waiting = a_dispute(house, buyer_language="pt").left()

    assert set(pool_of(house, waiting)) == ids


def test_the_language_never_makes_up_for_a_conflict(house):
    tied = a_mediator(house, "First", languages=("pt",), interests=("lights.example",))
    other = a_mediator(house, "Second")
    waiting = a_dispute(house, buyer_language="pt", texts=texts()).left()

    assert tied not in pool_of(house, waiting)
    assert pool_of(house, waiting) == (other,)


def test_nobody_is_drawn_for_a_field_outside_their_own(house, waiting):
    a_mediator(house, "First", fields=("defective", "wrong_item"))
    assert pool_of(house, waiting) == ()

    fitting = a_mediator(house, "Second", fields=("defective", "not_delivered"))

    assert pool_of(house, waiting) == (fitting,)


@pytest.mark.parametrize("side", ["buyer_account", "seller_account"])
def test_nobody_is_drawn_in_a_dispute_of_their_own(house, side):
    account = an_account(house, "own@mediators.example", "Own")
    evidenced(house, admit_mediator(house, "own@mediators.example", "Own", Admission(languages=("en",))))

    assert pool_of(house, a_dispute(house, **{side: account}).left()) == ()


def test_nobody_is_drawn_whose_address_the_filing_names(house):
    a_mediator(house, email="shop@mail.lights.example")

    assert pool_of(house, a_dispute(house, texts=texts(email="Shop@Mail.Lights.example")).left()) == ()


@pytest.mark.parametrize("interest", [EMAIL, "lights.example", "mail.lights.example", "www.lights.example"])
def test_nobody_is_drawn_who_declared_an_interest_in_the_seller(house, interest):
    site = {"site": "https://lights.example/shop"}
    tied = a_mediator(house, interests=(interest,))
    dispute = a_dispute(house, texts=texts(**site)).left()
    with house.engine.connect() as connection:
        sellers = queries.mediator_by_id(connection, tied).interest_sellers
    if sellers:
        dispute.state = replace(dispute.state, seller=sellers[0])

    assert pool_of(house, dispute) == ()


def test_an_interest_in_another_shop_keeps_nobody_away(house, waiting):
    free = a_mediator(house, interests=("ghts.example", "shop.example", "other@mail.lights.example"))

    assert pool_of(house, waiting) == (free,)


def test_an_address_given_later_counts_as_the_filing_does(house):
    tied = a_mediator(house, interests=("elsewhere.example",))
    dispute = a_dispute(house).admitted()
    assert pool_of(house, dispute) == (tied,)

    dispute.act(return_notice, SYSTEM, side="seller", template="invitation")
    dispute.act(give_address, dispute.buyer, seller=json.dumps({"name": "Shop", "email": "new@elsewhere.example"}))

    assert pool_of(house, dispute) == ()


def test_whoever_took_a_dispute_of_the_same_seller_comes_last_for_five_years(house, clock):
    tied, free = a_mediator(house, "First", mandate_years=9), a_mediator(house, "Second", mandate_years=9)
    before = a_dispute(house).in_mediation(tied)
    waiting = a_dispute(house).left()
    waiting.state = replace(waiting.state, seller=before.seller.id)

    assert pool_of(house, waiting) == (free,)

    clock.at += LOOK_BACK_YEARS * YEAR + 1
    assert set(pool_of(house, waiting)) == {tied, free}


def test_nobody_is_out_of_reach_by_having_had_many_disputes(house):
    buyer = an_account(house, "buyer@example.com", "Buyer")
    ids = {a_mediator(house, "First"), a_mediator(house, "Second")}
    for mediator in ids:
        a_dispute(house, buyer_account=buyer).in_mediation(mediator)

    assert set(pool_of(house, a_dispute(house, buyer_account=buyer).left())) == ids


def test_having_been_drawn_without_taking_the_dispute_is_no_tie(house):
    drawn = a_mediator(house)
    before = a_dispute(house).left().drawn(drawn)
    before.act(decline_appointment, before.mediator)
    waiting = a_dispute(house).left()
    waiting.state = replace(waiting.state, seller=before.seller.id)

    assert pool_of(house, waiting) == (drawn,)


def test_whoever_took_a_dispute_of_the_same_buyer_comes_last(house):
    buyer = an_account(house, "buyer@example.com", "Buyer")
    tied, free = a_mediator(house, "First"), a_mediator(house, "Second")
    a_dispute(house, buyer_account=buyer).in_mediation(tied)

    assert pool_of(house, a_dispute(house, buyer_account=buyer).left()) == (free,)


def test_whoever_stood_opposite_the_seller_is_not_drawn(house):
    account = an_account(house, "own@mediators.example", "Own")
    evidenced(house, admit_mediator(house, "own@mediators.example", "Own", Admission(languages=("en",))))
    before = a_dispute(house, buyer_account=account)
    waiting = a_dispute(house).left()
    assert len(pool_of(house, waiting)) == 1

    waiting.state = replace(waiting.state, seller=before.seller.id)

    assert pool_of(house, waiting) == ()


def test_nobody_is_drawn_twice_in_one_dispute(house, waiting):
    first, second = a_mediator(house, "First"), a_mediator(house, "Second")
    waiting.drawn(first)
    waiting.act(decline_appointment, waiting.mediator)

    assert pool_of(house, waiting) == (second,)


def test_a_fresh_appointment_is_counted_once_it_is_accepted(house):
    mediator = a_mediator(house)
    drawn = a_dispute(house).left().drawn(mediator)
    drawn.act(accept_appointment, drawn.mediator, declared=drawn.state.rules.declarations)

    with house.engine.connect() as connection:
        (one,) = queries.roster(connection, house.clock())
    assert (one.open_cases, one.missed) == (1, 0)
