"""Proving who one is: a domain by what it shows, a person by an electronic identity; looking again, and ending it.

Others are asked outside any transaction; what they said is written down in one.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from odr.database import write_unit
from odr.house import House
from odr.identity import eid, probes, queries, rules
from odr.identity.domains import domain_key
from odr.identity.queries import Proof
from odr.kernel import SYSTEM, Actor, Missing, Refused, new_id
from odr.log.payloads import conceal, disclose
from odr.people import limits, service
from odr.people.queries import Person
from odr.people.service import DAY, HOUR, Caller
from odr.people.tables import ceremony, identity_proof

LOOKED_AT_ONCE = 20
OTHERS_AT_ONCE = 4
"""Somebody waits for these; the worker comes to the others within a day."""

# -- a domain ---------------------------------------------------------------------------------------------------


def begin(house: House, caller: Caller, person: Person, *, domain: str, method: str) -> str:
    """Say that a domain is one's organisation's, and by which way it will show that; answers the id of the proof.
    The same domain again keeps the line that it may already show.

    Raises Refused("domain_malformed" | "domain_public" | "domain_of_many" | "too_many_proofs" | "identity_way") and
    Refused("too_many_attempts", minutes=…).
    """
    at, named = house.clock(), domain_key(domain)
    if method not in rules.WAYS:
        raise Refused("identity_way")
    _spend(house, at, caller, person, named)
    subject_hash = rules.subject_hash(house.settings.secret_key, rules.ORGANISATION, named)

    def unit(connection: Connection) -> str:
        own = queries.proofs_of(connection, house, person.account_id)
        known = next((one for one in own if one.subject_hash == subject_hash), None)
        if known is not None:
            if known.proven_at is None:
                _change(connection, known.id, {"method": method})
            return known.id
        if len(own) >= rules.MOST_PROOFS:
            raise Refused("too_many_proofs", most=rules.MOST_PROOFS)
        values = {"method": method, "subject_hash": subject_hash, "token": secrets.token_urlsafe(32)}
        return _add(connection, house, person.account_id, rules.ORGANISATION, named, values, at)

    return write_unit(house.engine, unit)


def check(house: House, caller: Caller, person: Person, proof_id: str) -> str:
    """Look now whether a domain shows its line; answers one of the words of `probes`. Proofs of other accounts for the
    same domain are looked at as well: whoever lost it does not keep it, and those who share it both do.

    Raises Missing, and Refused("too_many_attempts", minutes=…).
    """
    at = house.clock()
    with house.engine.connect() as connection:
        proof = queries.proof_of(connection, house, person.account_id, proof_id)
        others = queries.others_of(connection, house, proof, at, OTHERS_AT_ONCE)
    if proof.token is None:
        return probes.FOUND
    _spend(house, at, caller, person, proof.subject)
    seen = _look(house, proof)
    if seen == probes.FOUND:
        lost = [other for other in others if _look(house, other) == probes.ABSENT]
        write_unit(house.engine, lambda connection: _prove(connection, house, proof, at, lost))
    return seen


def _prove(connection: Connection, house: House, proof: Proof, at: int, lost: list[Proof]) -> None:
    for other in lost:
        _end(connection, house, other, at, "lost", actor=SYSTEM)
    values = {"proven_at": proof.proven_at or at, "checked_at": at, "missed": 0, "until": at + rules.LASTS}
    if _change(connection, proof.id, values):
        _tell(connection, house, proof, "identity_proven", at)


def end(house: House, person: Person, proof_id: str) -> None:
    """End one's own proof. Raises Missing."""
    at = house.clock()

    def unit(connection: Connection) -> None:
        proof = queries.proof_of(connection, house, person.account_id, proof_id)
        if proof.proven_at is None:
            # Nobody saw it; nothing is left to be told.
            connection.execute(delete(identity_proof).where(identity_proof.c.id == proof_id))
        else:
            _end(connection, house, proof, at, "ended")

    write_unit(house.engine, unit)


# -- an electronic identity -------------------------------------------------------------------------------------


def begin_eid(house: House, caller: Caller, person: Person) -> str:
    """Send a browser to the provider: answers the address to go to. What has to come back waits for this session.

    Raises Missing in a house without a provider, Refused("eid_unreachable"), Refused("too_many_attempts", minutes=…).
    """
    settings, at = house.settings, house.clock()
    if not eid.is_set_up(settings):
        raise Missing("eid")
    _spend(house, at, caller, person, settings.eid_issuer)
    try:
        provider = eid.discover(settings)
    except eid.Unreachable as trouble:
        raise Refused("eid_unreachable") from trouble
    errand = eid.Errand(*(secrets.token_urlsafe(32) for _ in range(3)))
    wrapped_key, sealed = conceal(house.keys, _waits_at(person), json.dumps(astuple(errand)).encode())

    def unit(connection: Connection) -> None:
        connection.execute(delete(ceremony).where(_of(person)))
        connection.execute(
            insert(ceremony).values(
                session_hash=person.session_hash,
                purpose=rules.EID,
                wrapped_key=wrapped_key,
                sealed=sealed,
                made_at=at,
            )
        )

    write_unit(house.engine, unit)
    return eid.way_to(settings, provider, errand)


def finish_eid(house: House, person: Person, *, state: str, code: str) -> None:
    """Take what a browser brought back from the provider, once. One identity proves one account: a second one is told
    so, and both get an entry for the staff.

    Raises Refused("eid_over" | "eid_failed" | "eid_unreachable" | "eid_of_another").
    """
    settings, at = house.settings, house.clock()
    errand = _take_errand(house, person, at)
    if errand is None or not eid.is_set_up(settings):
        raise Refused("eid_over")
    if not hmac.compare_digest(state.encode("utf-8", "replace"), errand.state.encode()):
        raise Refused("eid_failed")
    try:
        subject = eid.redeem(settings, eid.discover(settings), errand, code, at)
    except eid.Unreachable as trouble:
        raise Refused("eid_unreachable") from trouble
    except eid.Unproven as unproven:
        raise Refused("eid_failed") from unproven
    subject_hash = rules.subject_hash(settings.secret_key, rules.EID, settings.eid_issuer, subject)
    if not write_unit(house.engine, lambda connection: _prove_eid(connection, house, person, subject_hash, at)):
        raise Refused("eid_of_another")


def _prove_eid(connection: Connection, house: House, person: Person, subject_hash: str, at: int) -> bool:
    # Locks a row of this identity, so that of two accounts that prove it at once one is the second.
    bucket = limits.bucket(house.settings.secret_key, "eid", subject_hash)
    limits.spend(connection, bucket, "identity", at, 60, HOUR)
    others = queries.holders_of(connection, subject_hash, at) - {person.account_id}
    if others:
        for account_id in (person.account_id, *sorted(others)):
            told = {"level": rules.EID}
            service.record(connection, house, account_id, "identity_shared", told, at=at, actor=SYSTEM, reach="staff")
        return False
    own = [one for one in queries.proofs_of(connection, house, person.account_id) if one.level == rules.EID]
    same = next((one for one in own if one.subject_hash == subject_hash), None)
    for other in own:
        if other is not same:
            _end(connection, house, other, at, "ended")
    proof_id = same.id if same else ""
    if not same:
        values = {"method": rules.OIDC, "subject_hash": subject_hash}
        proof_id = _add(connection, house, person.account_id, rules.EID, eid.name_of(house.settings), values, at)
    proof = queries.proof_of(connection, house, person.account_id, proof_id)
    _prove(connection, house, proof, at, [])
    return True


def _take_errand(house: House, person: Person, at: int) -> eid.Errand | None:
    """What waits to come back, which is then used up, whatever comes of it."""

    def unit(connection: Connection) -> eid.Errand | None:
        row = connection.execute(select(ceremony).where(_of(person))).one_or_none()
        gone = connection.execute(delete(ceremony).where(_of(person))).rowcount
        if row is None or not gone or at >= row.made_at + rules.EID_WAITS:
            return None
        return eid.Errand(*json.loads(disclose(house.keys, _waits_at(person), row.wrapped_key, row.sealed)))

    return write_unit(house.engine, unit)


def _of(person: Person) -> ColumnElement[bool]:
    return (ceremony.c.session_hash == person.session_hash) & (ceremony.c.purpose == rules.EID)


def _waits_at(person: Person) -> bytes:
    return f"odr/ceremony/v1\n{person.session_hash}\n{rules.EID}".encode()


# -- looking again ----------------------------------------------------------------------------------------------


def look_again(house: House) -> int:
    """Look at domains whose proof was not looked at for a day, and end what is over; answers how many."""
    at = house.clock()
    with house.engine.connect() as connection:
        waiting = queries.to_look_at(connection, house, at, LOOKED_AT_ONCE)
    for proof in waiting:
        _look_again(house, proof, at)
    return len(waiting) + write_unit(house.engine, lambda connection: _forget_begun(connection, at))


def _look_again(house: House, proof: Proof, at: int) -> None:
    if proof.until is not None and proof.until <= at:
        write_unit(house.engine, lambda connection: _end(connection, house, proof, at, "over", actor=SYSTEM))
        return
    # Taken first, so that of several workers one looks, and a site that hangs is not asked again at once.
    taken = write_unit(house.engine, lambda connection: _take(connection, proof, at))
    if not taken:
        return
    seen = _look(house, proof)
    # A domain that does not answer at all may be ill for a while; what ends with it is its year.
    missed = {probes.FOUND: 0, probes.ABSENT: proof.missed + 1}.get(seen, proof.missed)

    def unit(connection: Connection) -> None:
        if missed >= rules.MOST_MISSED:
            _end(connection, house, proof, at, "lost", actor=SYSTEM)
        else:
            _change(connection, proof.id, {"missed": missed})

    write_unit(house.engine, unit)


def _look(house: House, proof: Proof) -> str:
    return probes.ask(house.settings, proof.method, proof.subject, proof.token or "")


def _take(connection: Connection, proof: Proof, at: int) -> bool:
    row = identity_proof.c
    still = (row.id == proof.id) & (row.checked_at == proof.checked_at) & row.ended_at.is_(None)
    return bool(connection.execute(update(identity_proof).where(still).values(checked_at=at)).rowcount)


def _forget_begun(connection: Connection, at: int) -> int:
    forgotten: int = connection.execute(delete(identity_proof).where(queries.never_shown(at))).rowcount
    return forgotten


# -- what the acts above share ----------------------------------------------------------------------------------


def _add(
    connection: Connection,
    house: House,
    account_id: str,
    level: str,
    subject: str,
    values: Mapping[str, Any],
    at: int,
) -> str:
    proof_id = new_id()
    wrapped_key, sealed = conceal(house.keys, queries.place_of(proof_id), subject.encode())
    connection.execute(
        insert(identity_proof).values(
            id=proof_id,
            account_id=account_id,
            level=level,
            wrapped_key=wrapped_key,
            sealed=sealed,
            begun_at=at,
            **values,
        )
    )
    told = {"level": level, "method": values["method"]}
    service.record(connection, house, account_id, "identity_begun", told, at=at)
    return proof_id


def _change(connection: Connection, proof_id: str, values: Mapping[str, Any]) -> bool:
    """Whether the proof was still open, so that it could be changed."""
    still = (identity_proof.c.id == proof_id) & identity_proof.c.ended_at.is_(None)
    return bool(connection.execute(update(identity_proof).where(still).values(**values)).rowcount)


def _end(connection: Connection, house: House, proof: Proof, at: int, why: str, *, actor: Actor | None = None) -> None:
    if _change(connection, proof.id, {"ended_at": at}):
        _tell(connection, house, proof, "identity_ended", at, why=why, actor=actor)


def _tell(
    connection: Connection,
    house: House,
    proof: Proof,
    fact: str,
    at: int,
    *,
    why: str = "",
    actor: Actor | None = None,
) -> None:
    """Write the fact into the account's stream, without the name, and mail its owner, so that nobody speaks for an
    organisation from a stolen account without its owner learning of it."""
    told = {"level": proof.level, "method": proof.method} | ({"why": why} if why else {})
    service.record(connection, house, proof.account_id, fact, told, at=at, actor=actor)
    params = {"what": f"{proof.level}_{why or 'proven'}"}
    service.mail(connection, house, "identity_changed", at, new_id(), account_id=proof.account_id, params=params)


def _spend(house: House, at: int, caller: Caller, person: Person, domain: str) -> None:
    """Count one question to somebody outside: by account, by where it comes from, and by the domain, which did not ask
    to be asked. Raises Refused("too_many_attempts", minutes=…)."""
    service.spend(
        house,
        at,
        ("address", caller.prefix, "identity", 120, HOUR),
        ("account", person.account_id, "identity", 60, DAY),
        ("domain", domain, "identity", 300, HOUR),
    )
