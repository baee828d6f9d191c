"""What administrators do, on both databases: each act an entry, a mail and a limit that one alone cannot pass."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from odr.administration import queries, service
from odr.disputes.queries import stand
from odr.factors.queries import reset_until
from odr.house import House
from odr.kernel import SYSTEM, Missing, Refused
from odr.mediation.queries import mediator_by_id, pool
from odr.notices.tables import outbox
from odr.people.queries import account_by_email, roles_of
from odr.people.service import Caller, change_password, reset_password, sign_in, sign_in_by_link
from odr.people.tables import factor_reset
from odr.procedure import rules as procedure
from odr.response.service import join
from tests.administration.conftest import Somebody
from tests.builders import a_dispute
from tests.conftest import FrozenClock
from tests.disputes.readers import invitation
from tests.mediation.roster import a_mediator
from tests.people.conftest import PASSWORD, link_for


def refused(code: str):
    return pytest.raises(Refused, match=f"^{code}$")


def roles(house: House, somebody: Somebody) -> set[str]:
    with house.engine.connect() as connection:
        return set(roles_of(connection, somebody.id))


def wishes(house: House) -> list[queries.Wish]:
    with house.engine.connect() as connection:
        return queries.waiting_wishes(connection, house.clock())


def asked(house: House, asker: Somebody, somebody: Somebody) -> str:
    """A reset that this administrator asked for; answers the id of the wish."""
    service.ask_reset(house, asker.actor, somebody.id, "lost")
    return next(each.id for each in wishes(house) if each.account_id == somebody.id)


# -- roles --------------------------------------------------------------------------------------------------------


def test_a_desk_is_given_and_taken_on_the_record(house, first, second):
    cookie = (clerk := Somebody(house, "Clerk")).session()

    for _ in range(2):
        service.give_role(house, first.actor, email="Clerk@example.org", name="", role="registrar")

    given = {"type": "role_granted", "by": first.id, "role": "admin", "class": "staff", "data": {"role": "registrar"}}
    assert clerk.last_entry() == given and roles(house, clerk) == {"registrar"}
    assert clerk.behind(cookie) is None and clerk.mails() == ["account_changed role_given"]
    cookie = clerk.session()
    service.take_role(house, second.actor, clerk.id, "registrar")
    assert clerk.last_entry() == {**given, "type": "role_taken", "by": second.id} and roles(house, clerk) == set()
    assert clerk.behind(cookie) is None and clerk.mails()[-1] == "account_changed role_taken"
    with pytest.raises(Missing):
        service.take_role(house, second.actor, clerk.id, "registrar")


def test_whoever_has_no_account_gets_one_that_a_mailed_link_opens(house, first):
    service.give_role(house, first.actor, email="new@example.org", name="A Regulator", role="regulator")

    with house.engine.connect() as connection:
        new = account_by_email(connection, "new@example.org")
    assert (new.name, new.verified_at, new.password_hash) == ("A Regulator", None, None)


def test_nobody_gives_or_takes_a_desk_of_their_own(house, first, second):
    with refused("not_to_oneself"):
        service.give_role(house, first.actor, email=first.email, name="", role="registrar")
    with refused("not_to_oneself"):
        service.take_role(house, first.actor, first.id, "admin")
    assert roles(house, first) == {"admin"}


def test_who_administers_has_no_other_desk(house, first, second):
    clerk = Somebody(house, "Clerk", "registrar")

    with refused("roles_apart"):
        service.give_role(house, first.actor, email=clerk.email, name="", role="admin")
    with refused("roles_apart"):
        service.give_role(house, SYSTEM, email=second.email, name="", role="registrar")
    with refused("role_unknown"):
        service.give_role(house, first.actor, email=clerk.email, name="", role="mediator")
    service.give_role(house, first.actor, email=clerk.email, name="", role="regulator")
    assert roles(house, clerk) == {"registrar", "regulator"}


def test_who_administers_no_more_does_nothing_more(house, first, second):
    """The page that was open when the desk was taken away still sends its form."""
    clerk = Somebody(house, "Clerk", "registrar")
    Somebody(house, "Third", "admin").with_factor()
    service.take_role(house, first.actor, second.id, "admin")

    for act in (
        lambda: service.give_role(house, second.actor, email=clerk.email, name="", role="regulator"),
        lambda: service.take_role(house, second.actor, clerk.id, "registrar"),
        lambda: service.suspend(house, second.actor, clerk.id, "misuse"),
        lambda: service.end_sessions(house, second.actor, clerk.id),
        lambda: service.ask_reset(house, second.actor, clerk.id, "lost"),
    ):
        with pytest.raises(Missing):
            act()
    assert roles(house, clerk) == {"registrar"}


def test_the_last_administrator_stays(house, first, second):
    service.suspend(house, SYSTEM, second.id, "insecure")

    with refused("admin_last"):
        service.take_role(house, SYSTEM, first.id, "admin")
    with refused("admin_last"):
        service.suspend(house, SYSTEM, first.id, "insecure")


def test_no_administrator_throws_the_last_other_one_out(house, first, second, clock):
    """Who is left alone could make up a second person, with nobody there to object."""
    with refused("admin_last"):
        service.take_role(house, first.actor, second.id, "admin")
    with refused("admin_last"):
        service.suspend(house, first.actor, second.id, "insecure")
    service.give_role(house, first.actor, email="made.up@example.org", name="Made Up", role="admin")
    with refused("admin_last"):
        service.take_role(house, first.actor, second.id, "admin")
    assert "admin" in roles(house, second)

    service.take_role(house, SYSTEM, second.id, "admin")
    assert roles(house, second) == set()


def test_of_two_who_take_each_others_desk_at_once_one_stays(house, first, second):
    Somebody(house, "Third", "admin").with_factor()
    gate, outcomes = threading.Barrier(2), []

    def take(one: Somebody, other: Somebody) -> None:
        gate.wait(10)
        try:
            service.take_role(house, one.actor, other.id, "admin")
            outcomes.append("taken")
        except (Refused, Missing) as turned_away:
            outcomes.append(type(turned_away).__name__)

    threads = [threading.Thread(target=take, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(outcomes) == ["Missing", "taken"]
    assert sorted([roles(house, first), roles(house, second)], key=len) == [set(), {"admin"}]


# -- lost second factors ------------------------------------------------------------------------------------------


def test_a_reset_needs_two_and_says_who_they_were(house, first, second):
    lost = Somebody(house, "Loser", "registrar").with_factor()
    cookie = lost.session()

    wish = asked(house, first, lost)

    assert lost.last_entry() == {
        "type": "factor_reset_asked",
        "by": first.id,
        "role": "admin",
        "class": "staff",
        "data": {"ground": "lost"},
    }
    assert lost.mails() == ["factor_reset asked"] and second.mails() == ["administration reset_asked"]
    with refused("reset_needs_another"):
        service.confirm_reset(house, first.actor, wish)
    with refused("reset_asked_already"):
        service.ask_reset(house, second.actor, lost.id, "stolen")
    assert lost.behind(cookie).has_factor

    assert service.confirm_reset(house, second.actor, wish) == 1

    agreed = {"asked_by": first.id, "confirmed_by": second.id, "ground": "lost", "count": 1, "sessions_ended": 1}
    entry = lost.last_entry()
    assert (entry["type"], entry["by"], entry["data"]) == ("factors_reset", second.id, agreed)
    assert lost.behind(cookie) is None and not lost.behind(lost.session()).has_factor
    assert lost.mails()[-1] == "factor_changed factors_reset" and first.mails() == ["administration reset_done"]
    with pytest.raises(Missing):
        service.confirm_reset(house, second.actor, wish)
    with refused("no_factor_here"):
        service.ask_reset(house, first.actor, lost.id, "lost")


def test_nobody_resets_what_is_their_own(house, first, second):
    third = Somebody(house, "Third", "admin").with_factor()

    with refused("not_to_oneself"):
        service.ask_reset(house, first.actor, first.id, "lost")
    wish = asked(house, second, first)
    with refused("not_to_oneself"):
        service.confirm_reset(house, first.actor, wish)

    assert service.confirm_reset(house, third.actor, wish) == 1


def test_one_administrator_cannot_make_up_the_second(house, first, clock: FrozenClock):
    """Not by making one, nor by letting that one ask: three days pass first, and the others have a mail."""
    other = Somebody(house, "Other", "admin")
    lost, puppet = Somebody(house, "Loser", "registrar").with_factor(), Somebody(house, "Puppet")
    service.give_role(house, first.actor, email=puppet.email, name="", role="admin")
    assert other.mails() == ["administration admin_made"]

    wish = asked(house, first, lost)
    with refused("admin_too_new"):
        service.confirm_reset(house, puppet.actor, wish)
    service.refuse_reset(house, first.actor, wish)
    with refused("admin_too_new"):
        service.ask_reset(house, puppet.actor, lost.id, "lost")

    clock.advance(hours=72)
    assert service.confirm_reset(house, puppet.actor, asked(house, first, lost)) == 1


def test_a_wish_lapses_after_three_days_or_with_the_desk_of_who_asked(house, first, second, clock: FrozenClock):
    third = Somebody(house, "Third", "admin").with_factor()
    lost = Somebody(house, "Loser", "registrar").with_factor()
    late, gone = asked(house, first, lost), ""
    clock.advance(hours=71, minutes=59)
    assert [each.id for each in wishes(house)] == [late]

    clock.advance(minutes=1)
    assert wishes(house) == []
    with pytest.raises(Missing):
        service.confirm_reset(house, second.actor, late)
    gone = asked(house, second, lost)
    with house.engine.connect() as connection:
        found = dict(connection.execute(select(factor_reset.c.id, factor_reset.c.outcome)).all())
    assert found == {late: "lapsed", gone: None}

    service.take_role(house, first.actor, second.id, "admin")
    assert wishes(house) == []
    with pytest.raises(Missing):
        service.confirm_reset(house, third.actor, gone)


def test_whoever_has_lost_nothing_refuses(house, first, second):
    owner = Somebody(house, "Owner", "registrar").with_factor()
    wish = asked(house, first, owner)
    with house.engine.connect() as connection:
        assert reset_until(connection, owner.id, house.clock()) == house.clock() + 72 * 3_600_000

    service.refuse_own_reset(house, owner.behind(owner.session()))

    entry = owner.last_entry()
    assert (entry["type"], entry["by"], entry["role"]) == ("factor_reset_refused", owner.id, "person")
    assert first.mails()[-1] == second.mails()[-1] == "administration reset_refused"
    with house.engine.connect() as connection:
        assert reset_until(connection, owner.id, house.clock()) is None
    with pytest.raises(Missing):
        service.confirm_reset(house, second.actor, wish)
    with pytest.raises(Missing):
        service.refuse_own_reset(house, owner.behind(owner.session()))


def test_of_an_agreement_and_a_refusal_at_once_one_counts(house, first, second):
    owner = Somebody(house, "Owner", "registrar").with_factor()
    wish = asked(house, first, owner)
    person = owner.behind(owner.session())
    gate, outcomes = threading.Barrier(2), []

    def attempt(act) -> None:
        gate.wait(10)
        try:
            act()
            outcomes.append("done")
        except Missing:
            outcomes.append("over")

    acts = (
        lambda: service.confirm_reset(house, second.actor, wish),
        lambda: service.refuse_own_reset(house, person),
    )
    threads = [threading.Thread(target=attempt, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(outcomes) == ["done", "over"]
    with house.engine.connect() as connection:
        outcome = connection.scalar(select(factor_reset.c.outcome))
    assert (outcome == "done") == (owner.last_entry()["type"] == "factors_reset")


def test_the_operator_only_asks_where_two_administrators_can_agree(house, first, second):
    lost = Somebody(house, "Loser", "mediator").with_factor()

    assert service.reset_by_operator(house, lost.email) == service.Reset(0, True)

    (wish,) = wishes(house)
    assert wish.asked_by is None and lost.last_entry()["by"] == "system"
    assert first.mails() == second.mails() == ["administration reset_asked"]
    assert service.confirm_reset(house, first.actor, wish.id) == 1
    assert lost.last_entry()["data"]["asked_by"] is None


def test_the_operator_resets_at_once_where_nobody_else_could_agree(house, first, second):
    """Of the two, one is the one concerned: a house must not be locked out of its own desk."""
    assert service.reset_by_operator(house, first.email) == service.Reset(1, False)

    entry = first.last_entry()
    assert (entry["type"], entry["by"], entry["data"]["count"]) == ("factors_reset", "system", 1)
    assert first.mails() == ["factor_changed factors_reset"] and second.mails() == ["administration reset_by_operator"]
    with pytest.raises(Missing):
        service.reset_by_operator(house, "nobody@example.org")


# -- who comes in -------------------------------------------------------------------------------------------------


def test_a_suspended_account_opens_nothing_until_it_is_restored(house, first):
    owner = Somebody(house, "Owner", password=True)
    cookie, caller = owner.session(), Caller()
    assert sign_in(house, caller, email=owner.email, password=PASSWORD)

    assert service.suspend(house, first.actor, owner.id, "insecure") == ()

    told = {"ground": "insecure", "sessions_ended": 2}
    entry = owner.last_entry()
    assert (entry["type"], entry["by"], entry["class"], entry["data"]) == ("account_suspended", first.id, "staff", told)
    assert owner.behind(cookie) is None and owner.mails() == ["account_changed suspended"]
    with refused("account_suspended"):
        sign_in(house, caller, email=owner.email, password=PASSWORD)
    with refused("sign_in_failed"):
        sign_in(house, caller, email=owner.email, password="a guess of somebody's")
    for purpose, use in (
        ("signin", lambda token: sign_in_by_link(house, caller, token)),
        ("reset", lambda token: reset_password(house, caller, token, password="nine slow herons over the delta")),
    ):
        with refused("account_suspended"):
            use(link_for(house, purpose, account_id=owner.id))
    with refused("account_suspended"):
        change_password(house, caller, owner.id, present=PASSWORD, password="nine slow herons over the delta")
    with refused("account_suspended_already"):
        service.suspend(house, first.actor, owner.id, "misuse")
    with refused("role_for_suspended"):
        service.give_role(house, first.actor, email=owner.email, name="", role="regulator")

    service.restore(house, first.actor, owner.id)

    assert owner.last_entry()["type"] == "account_restored" and owner.mails()[-1] == "account_changed restored"
    assert owner.behind(cookie) is None and owner.behind(sign_in(house, caller, email=owner.email, password=PASSWORD))
    with refused("account_not_suspended"):
        service.restore(house, first.actor, owner.id)
    with refused("ground_unknown"):
        service.suspend(house, first.actor, owner.id, "dislike")
    with refused("not_to_oneself"):
        service.suspend(house, first.actor, first.id, "asked")


def test_an_invitation_seats_nobody_whose_account_is_suspended(app, house, first):
    seller = Somebody(house, "Seller")
    dispute = a_dispute(house).admitted()
    token = invitation(app, dispute.id, seller.email)
    service.suspend(house, first.actor, seller.id, "misuse")

    with refused("account_suspended"):
        join(house, Caller(), token, key="0" * 32, name="", language="en", zone="UTC")

    with house.engine.connect() as connection:
        assert stand(connection, house, dispute.id).dispute.version == dispute.state.version
        assert queries.disputes_of(connection, seller.id) == []


def test_registrars_learn_where_time_runs_against_somebody_locked_out(house, first):
    party = Somebody(house, "Party")
    clerks = [Somebody(house, f"Clerk{number}", "registrar") for number in range(2)]
    runs = a_dispute(house, buyer_account=party.id).admitted()
    due = a_dispute(house, buyer_account=party.id).closed_with()
    over = a_dispute(house, buyer_account=party.id)
    over.act(procedure.withdraw_dispute, over.buyer)

    numbers = service.suspend(house, first.actor, party.id, "authority")

    assert numbers == tuple(sorted((runs.number, due.number)))
    assert [each.mails() for each in clerks] == [["party_suspended"], ["party_suspended"]]
    with house.engine.connect() as connection:
        told = connection.scalars(select(outbox.c.params).where(outbox.c.template == "party_suspended"))
        assert [one["numbers"] for one in told] == [list(numbers), list(numbers)]
        sheet = queries.sheet_of(connection, party.id, house.clock(), reader=first.id)
    assert (sheet.disputes, sheet.sits_in, sheet.together) == (numbers, 0, False)


def test_a_suspended_mediator_is_not_drawn(house, first):
    one, other = a_mediator(house, "One"), a_mediator(house, "Other")
    dispute = a_dispute(house).admitted()

    def drawn() -> set[str]:
        with house.engine.connect() as connection:
            return set(pool(connection, house, dispute.state, house.clock())["pool"])

    assert drawn() == {one, other}
    with house.engine.connect() as connection:
        account_id = mediator_by_id(connection, one).account_id
    service.suspend(house, first.actor, account_id, "asked")
    assert drawn() == {other}
    service.restore(house, first.actor, account_id)
    assert drawn() == {one, other}


def test_nobody_decides_on_whom_they_have_a_dispute_with(house, first, second):
    """Neither on the other side, nor on the mediator who was drawn between them."""
    other = Somebody(house, "Opponent").with_factor()
    mediator_id = a_mediator(house, "Drawn")
    a_dispute(house, buyer_account=first.id, seller_account=other.id).in_mediation(mediator_id)
    with house.engine.connect() as connection:
        drawn = mediator_by_id(connection, mediator_id).account_id

    for concerned in (other.id, drawn):
        with refused("own_dispute_with"):
            service.suspend(house, first.actor, concerned, "misuse")
        with refused("own_dispute_with"):
            service.ask_reset(house, first.actor, concerned, "lost")
    wish = asked(house, second, other)
    with refused("own_dispute_with"):
        service.confirm_reset(house, first.actor, wish)

    service.suspend(house, second.actor, drawn, "misuse")


def test_an_administrator_signs_an_account_out_everywhere(house, first):
    owner = Somebody(house, "Owner")
    cookies = [owner.session(), owner.session()]

    assert service.end_sessions(house, first.actor, owner.id) == 2

    assert [owner.behind(cookie) for cookie in cookies] == [None, None]
    entry = owner.last_entry()
    assert (entry["type"], entry["by"], entry["data"]) == ("sessions_ended", first.id, {"count": 2})
    assert owner.mails() == ["account_changed sessions_ended"]


def test_what_was_done_about_an_account_is_told_with_who_did_it(house, first):
    clerk = Somebody(house, "Clerk")
    service.give_role(house, first.actor, email=clerk.email, name="", role="registrar")
    service.suspend(house, SYSTEM, clerk.id, "asked")

    with house.engine.connect() as connection:
        deeds = queries.deeds_about(connection, clerk.id)

    assert [(deed.type, deed.by) for deed in deeds] == [("account_suspended", ""), ("role_granted", "First")]
