"""Proving a domain: begun, seen, looked at again, lost and ended; what stands in the log and what is mailed."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from odr.database import write_unit
from odr.identity import probes, queries, service
from odr.identity.rules import DAY, LASTS, MOST_PROOFS, line_of
from odr.kernel import Missing, Refused
from odr.log.journal import read_stream
from odr.log.tables import payload
from odr.notices.tables import outbox
from odr.people.service import close_within
from odr.people.tables import identity_proof
from tests.factors.conftest import CALLER, Holder
from tests.identity.conftest import DOMAIN
from tests.people.conftest import house

__all__ = ["house"]

RECORD = f"_evenhand.{DOMAIN}"


@pytest.fixture
def holder(house) -> Holder:
    return Holder(house, "office@shop.example")


@pytest.fixture
def other(house) -> Holder:
    return Holder(house, "sales@shop.example")


def begun(holder, domain: str = DOMAIN, method: str = "dns") -> queries.Proof:
    proof_id = service.begin(holder.house, CALLER, holder.person, domain=domain, method=method)
    return proof(holder, proof_id)


def proof(holder, proof_id: str) -> queries.Proof:
    with holder.house.engine.connect() as connection:
        return queries.proof_of(connection, holder.house, holder.account_id, proof_id)


def proven(holder, names, *further: str) -> queries.Proof:
    """A proof whose line the domain shows, beside these further texts."""
    made = begun(holder)
    names.write(RECORD, "TXT", line_of(made.token or ""), *further)
    assert service.check(holder.house, CALLER, holder.person, made.id) == probes.FOUND
    return proof(holder, made.id)


def known(holder) -> queries.Known:
    with holder.house.engine.connect() as connection:
        return queries.known_of(connection, holder.house, holder.account_id)


def facts(holder) -> list[tuple[str, dict]]:
    with holder.house.engine.connect() as connection:
        entries = read_stream(connection, f"account/{holder.account_id}")
    return [(one.entry.type, dict(one.entry.data)) for one in entries if one.entry.type.startswith("identity_")]


def mails(holder) -> list[str]:
    with holder.house.engine.connect() as connection:
        rows = connection.scalars(
            select(outbox.c.params)
            .where(outbox.c.template == "identity_changed", outbox.c.account_id == holder.account_id)
            .order_by(outbox.c.id)
        )
        return [params["what"] for params in rows]


def test_a_domain_is_proven_once_it_shows_its_line_and_others_see_that(house, holder, names):
    made = begun(holder)
    assert service.check(house, CALLER, holder.person, made.id) == probes.ABSENT
    assert known(holder).proofs == ()

    names.write(RECORD, "TXT", line_of(made.token or ""))
    assert service.check(house, CALLER, holder.person, made.id) == probes.FOUND

    at = house.clock()
    assert known(holder) == queries.Known(at, (queries.Shown("organisation", DOMAIN, at),))
    assert (proof(holder, made.id).until or 0) == at + LASTS
    assert facts(holder) == [
        ("identity_begun", {"level": "organisation", "method": "dns"}),
        ("identity_proven", {"level": "organisation", "method": "dns"}),
    ]
    assert mails(holder) == ["organisation_proven"]


def test_the_domain_itself_stands_sealed_in_its_row_and_nowhere_else(house, holder, names):
    made = proven(holder, names)

    with house.engine.connect() as connection:
        [row] = connection.execute(select(identity_proof))
        words = connection.execute(select(payload)).all()
        entries = read_stream(connection, f"account/{holder.account_id}")
        letters = connection.execute(select(outbox.c.params)).scalars().all()
    assert DOMAIN.encode() not in bytes(row.sealed) and DOMAIN not in repr(row)
    assert words == [] and DOMAIN not in repr([one.entry for one in entries]) + repr(letters)
    assert made.subject == DOMAIN


def test_the_same_domain_again_keeps_its_line_and_takes_the_other_way(house, holder, names, site):
    first = begun(holder)

    again = begun(holder, "https://www.SHOP.example/", "web")

    assert (again.id, again.token, again.method) == (first.id, first.token, "web")
    names.write(DOMAIN, "A", "127.0.0.1")
    site.says = site.file(line_of(first.token or ""))
    assert service.check(house, CALLER, holder.person, first.id) == probes.FOUND
    assert known(holder).proofs[0].subject == DOMAIN


def test_what_is_no_way_no_domain_or_one_too_many_is_refused(house, holder):
    with pytest.raises(Refused, match="identity_way"):
        begun(holder, method="oidc")
    with pytest.raises(Refused, match="domain_public"):
        begun(holder, "co.uk")
    for place in range(MOST_PROOFS):
        begun(holder, f"shop{place}.example")
    with pytest.raises(Refused, match="too_many_proofs"):
        begun(holder)


def test_a_proof_is_looked_at_and_ended_by_its_owner_alone(house, holder, other, names):
    made = proven(holder, names)

    for act in (
        lambda: service.end(house, other.person, made.id),
        lambda: service.check(house, CALLER, other.person, made.id),
        lambda: service.end(house, other.person, "0" * 32),
    ):
        with pytest.raises(Missing):
            act()
    assert known(holder).proofs

    service.end(house, holder.person, made.id)

    assert known(holder).proofs == ()
    assert facts(holder)[-1] == ("identity_ended", {"level": "organisation", "method": "dns", "why": "ended"})
    assert mails(holder) == ["organisation_proven", "organisation_ended"]
    with pytest.raises(Missing):
        service.end(house, holder.person, made.id)


def test_two_people_of_one_organisation_are_both_shown(house, holder, other, names):
    first = proven(holder, names)
    proven(other, names, line_of(first.token or ""))

    assert known(holder).proofs[0].subject == known(other).proofs[0].subject == DOMAIN


def test_who_lost_a_domain_does_not_keep_it_beside_its_new_owner(house, holder, other, names):
    proven(holder, names)
    proven(other, names)

    assert known(holder).proofs == () and known(other).proofs
    assert mails(holder)[-1] == "organisation_lost"
    assert facts(holder)[-1] == ("identity_ended", {"level": "organisation", "method": "dns", "why": "lost"})


def test_a_new_owner_does_not_end_what_cannot_be_asked_just_now(house, holder, other, names, site):
    first = begun(holder, method="web")
    names.write(DOMAIN, "A", "127.0.0.1")
    site.says = site.file(line_of(first.token or ""))
    service.check(house, CALLER, holder.person, first.id)
    # The name is there, and no site.
    names.write(DOMAIN, "TXT", "something else")
    names.forget(DOMAIN, "A")

    proven(other, names)

    assert known(holder).proofs and known(other).proofs


def test_a_new_owner_ends_what_stood_on_a_name_that_is_gone(house, holder, other, names, site):
    first = begun(holder, method="web")
    names.write(DOMAIN, "A", "127.0.0.1")
    site.says = site.file(line_of(first.token or ""))
    service.check(house, CALLER, holder.person, first.id)
    names.forget(DOMAIN, "A")

    proven(other, names)

    assert known(holder).proofs == () and known(other).proofs


def test_a_line_that_is_gone_for_three_days_ends_the_proof_and_one_that_comes_back_does_not(
    house, holder, names, clock
):
    made = proven(holder, names)
    names.forget(RECORD, "TXT")

    assert service.look_again(house) == 0
    for missed in (1, 2):
        clock.advance(days=1)
        assert (service.look_again(house), service.look_again(house)) == (1, 0)
        assert proof(holder, made.id).missed == missed
    names.write(RECORD, "TXT", line_of(made.token or ""))
    clock.advance(days=1)
    service.look_again(house)
    assert proof(holder, made.id).missed == 0

    names.forget(RECORD, "TXT")
    for _ in range(3):
        clock.advance(days=1)
        service.look_again(house)

    assert known(holder).proofs == ()
    assert mails(holder) == ["organisation_proven", "organisation_lost"]
    with house.engine.connect() as connection:
        last = read_stream(connection, f"account/{holder.account_id}")[-1].entry
    assert (last.type, last.actor) == ("identity_ended", "system")


def test_a_name_server_that_is_ill_ends_nothing(house, holder, names, clock, monkeypatch):
    made = proven(holder, names)
    names.is_ill = True
    monkeypatch.setattr(probes, "PATIENCE", 0.1)

    for _ in range(4):
        clock.advance(days=1)
        service.look_again(house)

    assert proof(holder, made.id).missed == 0 and known(holder).proofs


def test_a_proof_is_good_for_a_year_unless_its_owner_confirms_it(house, holder, names, clock):
    made = proven(holder, names)
    clock.advance(days=300)
    holder.sign_in_anew()
    service.check(house, CALLER, holder.person, made.id)
    clock.advance(days=364)
    assert known(holder).proofs[0].at == made.proven_at

    clock.advance(days=1)
    assert known(holder).proofs == ()
    service.look_again(house)

    assert mails(holder)[-1] == "organisation_over"


def test_what_was_begun_and_never_shown_is_forgotten_after_a_month(house, holder, clock):
    made = begun(holder)
    clock.at += 30 * DAY

    assert service.look_again(house) == 1

    with pytest.raises(Missing):
        proof(holder, made.id)


def test_a_domain_is_asked_so_often_and_no_more(house, holder, names):
    made = begun(holder)

    with pytest.raises(Refused, match="too_many_attempts"):
        for _ in range(100):
            service.check(house, CALLER, holder.person, made.id)

    assert len(names.asked) < 60


def test_a_closed_account_is_known_by_nothing(house, holder, names):
    proven(holder, names)
    write_unit(house.engine, lambda connection: close_within(connection, house, holder.account_id))

    assert known(holder) == queries.Known()
