"""Proving who one is: a domain by what it shows, a person by an electronic identity; looking again, and ending it.

Others are asked outside any transaction; what they said is written down in one.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, update

from odr.database import write_unit
from odr.house import House
from odr.identity import probes, queries, rules
from odr.identity.domains import domain_key
from odr.identity.queries import Proof
from odr.kernel import SYSTEM, Actor, Refused, new_id
from odr.log.payloads import conceal
from odr.people import limits, service
from odr.people.queries import Person
from odr.people.service import DAY, HOUR, Caller
from odr.people.tables import identity_proof

LOOKED_AT_ONCE = 20

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
        others = queries.others_of(connection, house, proof, at)
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
    secret = house.settings.secret_key
    spendings = (
        (limits.bucket(secret, "address", caller.prefix), 120, HOUR),
        (limits.bucket(secret, "account", person.account_id), 60, DAY),
        (limits.bucket(secret, "domain", domain), 300, HOUR),
    )

    def unit(connection: Connection) -> None:
        for bucket, limit, window in spendings:
            limits.spend(connection, bucket, "identity", at, limit, window)

    write_unit(house.engine, unit)
