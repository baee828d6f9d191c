"""An electronic identity: proven by what the provider signs, for one browser, once, and for one account only."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace

import pytest
from joserfc import jwk
from sqlalchemy import func, select

from odr.administration.filters import deed_by, deed_words
from odr.administration.queries import deeds_about
from odr.app import create_app
from odr.config import ConfigError
from odr.identity import eid, queries, service
from odr.identity.rules import EID_WAITS
from odr.kernel import Missing, Refused
from odr.log.journal import read_stream
from odr.people.tables import identity_proof
from tests.disputes.readers import Reader, account
from tests.factors.conftest import CALLER, Holder
from tests.identity.provider import CLIENT, SECRET, Provider
from tests.people.conftest import house

__all__ = ["house"]


@pytest.fixture
def provider(clock) -> Provider:
    return Provider(clock)


@pytest.fixture
def settings(settings, provider):
    with provider.serving() as issuer:
        yield replace(settings, eid_issuer=issuer, eid_client_id=CLIENT, eid_secret=SECRET, eid_name="State Identity")


@pytest.fixture
def holder(house) -> Holder:
    return Holder(house, "one@shop.example")


def prove(holder, provider, subject: str = "person 1", **changes: str) -> None:
    brought = provider.sign_in(service.begin_eid(holder.house, CALLER, holder.person), subject)
    service.finish_eid(holder.house, holder.person, **{**brought, **changes})


def known(holder) -> queries.Known:
    with holder.house.engine.connect() as connection:
        return queries.known_of(connection, holder.house, holder.account_id)


def facts(holder) -> list[str]:
    with holder.house.engine.connect() as connection:
        entries = read_stream(connection, f"account/{holder.account_id}")
    return [f"{one.entry.type}/{one.entry.reach}" for one in entries if one.entry.type.startswith("identity_")]


def test_a_person_is_confirmed_by_what_the_provider_signs_and_nothing_else_of_it_is_kept(house, holder, provider):
    prove(holder, provider)

    assert known(holder).proofs == (queries.Shown("eid", "State Identity", house.clock()),)
    assert facts(holder) == ["identity_begun/person", "identity_proven/person"]
    with house.engine.connect() as connection:
        [row] = connection.execute(select(identity_proof))
    assert "person 1" not in repr(row) and "Somebody" not in repr(row) and row.token is None


HOSTILE = {
    "another nonce": {"nonce": "x" * 43},
    "no nonce": {"nonce": None},
    "for somebody else": {"aud": "another client"},
    "also for somebody else": {"aud": [CLIENT, "another client"]},
    "handed on by somebody else": {"aud": [CLIENT, "another client"], "azp": "another client"},
    "by somebody else": {"iss": "https://id.example"},
    "about nobody": {"sub": ""},
    "about a number": {"sub": 7},
    "without an end": {"exp": None},
    "ended in words": {"exp": "tomorrow"},
}


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.one_database
def test_a_token_that_says_something_else_proves_nothing(holder, provider, changes):
    provider.changes = changes

    with pytest.raises(Refused, match="eid_failed"):
        prove(holder, provider)

    assert known(holder).proofs == () and facts(holder) == []


@pytest.mark.one_database
def test_a_token_of_another_time_proves_nothing(house, holder, provider, clock):
    now = clock() // 1000
    for changes in ({"exp": now - 61}, {"iat": now + 61}):
        provider.changes = changes
        with pytest.raises(Refused, match="eid_failed"):
            prove(holder, provider)
    provider.changes = {"exp": now - 30}

    prove(holder, provider)

    assert known(holder).proofs


@pytest.mark.one_database
def test_a_token_signed_by_anything_but_the_providers_key_proves_nothing(holder, provider):
    strangers = jwk.ECKey.generate_key("P-256", {"kid": "1"})
    for key, header in ((strangers, {"alg": "ES256", "kid": "1"}), (provider.key, {"alg": "ES256", "kid": "2"})):
        provider.signed_by, provider.header = key, header
        with pytest.raises(Refused, match="eid_failed"):
            prove(holder, provider)

    # The published key taken for a shared secret.
    by_hash = unsigned({"alg": "HS256", "kid": "1"})
    seal = hmac.digest(provider.key.as_pem(private=False), by_hash[:-1].encode(), "sha256")
    for token in (unsigned({"alg": "none"}), unsigned({}), by_hash + encoded(seal), "a.b.c", "x", "é.é.é"):
        provider.token = token
        with pytest.raises(Refused, match="eid_failed"):
            prove(holder, provider)
    assert known(holder).proofs == ()


def unsigned(header: dict[str, str]) -> str:
    return ".".join(encoded(json.dumps(each).encode()) for each in (header, {"iss": "x", "sub": "y"})) + "."


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.one_database
def test_what_a_browser_brings_back_is_worth_something_to_one_session_once_and_for_a_while(
    house, holder, provider, clock
):
    other = Holder(house, "two@shop.example")
    way = service.begin_eid(house, CALLER, holder.person)
    brought = provider.sign_in(way, "person 1")
    # Somebody else's browser: the one who began is not confirmed by it, nor the one who was led there.
    with pytest.raises(Refused, match="eid_over"):
        service.finish_eid(house, other.person, **brought)
    with pytest.raises(Refused, match="eid_failed"):
        service.finish_eid(house, holder.person, **{**brought, "state": "x" * 43})
    with pytest.raises(Refused, match="eid_over"):
        service.finish_eid(house, holder.person, **brought)

    late = provider.sign_in(service.begin_eid(house, CALLER, holder.person), "person 1")
    clock.at += EID_WAITS
    with pytest.raises(Refused, match="eid_over"):
        service.finish_eid(house, holder.person, **late)
    clock.advance(minutes=1)
    once = provider.sign_in(service.begin_eid(house, CALLER, holder.person), "person 1")
    service.finish_eid(house, holder.person, **once)
    with pytest.raises(Refused, match="eid_over"):
        service.finish_eid(house, holder.person, **once)

    assert len(known(holder).proofs) == 1 and known(other).proofs == ()


def test_one_person_confirms_one_account_and_the_staff_can_see_who_tried_two(house, holder, provider):
    other = Holder(house, "two@shop.example")
    prove(holder, provider)
    with pytest.raises(Refused, match="eid_of_another"):
        prove(other, provider)

    assert known(other).proofs == () and known(holder).proofs
    assert facts(other) == ["identity_shared/staff"] and facts(holder)[-1] == "identity_shared/staff"

    with house.engine.connect() as connection:
        [deed] = deeds_about(connection, other.account_id)
    assert deed_words(deed).startswith("One electronic identity") and deed_by(deed) == "The house, by itself"

    [proof] = own(holder)
    service.end(house, holder.person, proof.id)
    prove(other, provider)
    assert known(other).proofs and known(holder).proofs == ()


def own(holder) -> list[queries.Proof]:
    with holder.house.engine.connect() as connection:
        return queries.proofs_of(connection, holder.house, holder.account_id)


def test_the_same_person_again_renews_and_another_takes_the_place(house, holder, provider, clock):
    prove(holder, provider)
    first = own(holder)
    clock.advance(minutes=1)
    prove(holder, provider)
    assert [(one.id, one.proven_at) for one in own(holder)] == [(first[0].id, first[0].proven_at)]
    assert own(holder)[0].until > first[0].until

    prove(holder, provider, "person 2")

    assert len(own(holder)) == 1 and own(holder)[0].id != first[0].id
    with house.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(identity_proof)) == 2


@pytest.mark.one_database
def test_a_provider_that_speaks_for_another_or_of_elsewhere_is_not_followed(house, holder, provider):
    for says in (
        {"issuer": "https://id.example"},
        {"token_endpoint": "ftp://127.0.0.1/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ):
        provider.says = says
        with pytest.raises(Refused, match="eid_unreachable"):
            service.begin_eid(house, CALLER, holder.person)


@pytest.mark.one_database
def test_a_house_without_a_provider_has_no_such_page_and_one_without_the_package_does_not_open(
    app, settings, clock, monkeypatch
):
    reader = Reader(app, account(app, "reader@example.org", "A Reader"))
    assert "State Identity" in reader.read("/identity")
    none = replace(settings, eid_issuer="")
    app.extensions["odr"] = replace(app.extensions["odr"], settings=none)
    reader.read("/identity/eid", 404)
    assert "State Identity" not in reader.read("/identity")
    holder = Holder(app.extensions["odr"], "one@shop.example")
    with pytest.raises(Missing):
        service.begin_eid(app.extensions["odr"], CALLER, holder.person)

    monkeypatch.setattr(eid, "_PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(ConfigError, match="ODR_EID_ISSUER"):
        create_app(settings, clock)


@pytest.mark.one_database
def test_the_way_there_is_a_link_and_the_way_back_tells_how_it_went(app, provider):
    reader = Reader(app, account(app, "reader@example.org", "A Reader"))
    page = reader.send("/identity/eid").get_data(as_text=True)
    [way] = [part.split('"')[0] for part in page.split('href="') if part.startswith(f"{provider.issuer}/authorize")]
    brought = provider.sign_in(way.replace("&amp;", "&"), "person 1")

    back = reader.client.get("/identity/eid/return", query_string=brought)
    again = reader.client.get("/identity/eid/return", query_string=brought)
    refused = reader.client.get("/identity/eid/return", query_string={"error": "access_denied"})

    assert {answer.location for answer in (back, again, refused)} == {"/identity"}
    page = reader.read("/identity")
    assert "Your electronic identity is confirmed" in page and "This took too long" in page
    assert "Electronic identity, confirmed by State Identity on" in page, page
