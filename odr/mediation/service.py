"""What the house does for the mediation: admit and end mediators, keep their evidence, fix pools, and draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from odr.database import write_unit
from odr.disputes.service import perform
from odr.disputes.tables import dispute_row, seller
from odr.filing.service import address_key
from odr.house import House
from odr.kernel import SYSTEM, Actor, Missing, Refused, moment, new_id, new_pseudonym
from odr.log import journal
from odr.mediation import queries
from odr.mediation.queries import Mediator
from odr.mediation.rules import REQUIRED_CREDENTIALS, commit_pool, draw_mediator
from odr.people.rules import email_key
from odr.people.service import account_for, give_role, mail, take_role
from odr.people.tables import credential, mediator
from odr.procedure.deadlines import end_of_day
from odr.procedure.dispute import Dispute
from odr.procedure.draw import RULE

CAPACITY = 15
LEAST_MANDATE_YEARS = 3
MOST_CREDENTIAL_YEARS = 10
LONGEST_ISSUER = 120


# -- the roster -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What a mediator is admitted with. `interests` are mail domains (shop.example) and addresses of sellers; no
    `fields` means all of them; without `mandate_years` the mandate that runs goes on."""

    languages: tuple[str, ...]
    fields: tuple[str, ...] = ()
    country: str | None = None
    interests: tuple[str, ...] = ()
    training: str = ""
    mandate_years: int | None = None
    capacity: int = CAPACITY


def admit_mediator(
    house: House, email: str, name: str, admission: Admission, *, actor: Actor = SYSTEM, account_id: str | None = None
) -> str:
    """Put somebody on the roster, or change what it says of them; answers the name that entries give to them.

    The account of that address is used, or opened under `name`; `account_id` names it where the caller has it. What
    was let lie before is forgiven. Raises Refused("languages_missing" | "mandate_too_short" | "capacity_too_small" |
    "email_malformed" | "name_missing").
    """
    at = house.clock()
    _check(admission)

    def unit(connection: Connection) -> str:
        owner = account_id or account_for(connection, house, email, name, at)
        known = queries.mediator_of(connection, owner)
        sellers, domains = _interests(connection, house, admission.interests)
        serving = known is not None and known.has_mandate(at)
        row = {
            "languages": list(admission.languages),
            "fields": list(admission.fields),
            "country": admission.country,
            "interest_sellers": sellers,
            "interest_domains": domains,
            "training": admission.training,
            "mandate_until": _mandate(known if serving else None, admission, at),
            "ended_at": None,
            "capacity": admission.capacity,
            "counted_from": at,
        }
        if not serving:
            # A mandate that begins now begins with its evidence.
            row["excused_until"] = None
        mediator_id = known.id if known else new_pseudonym()
        if known:
            connection.execute(update(mediator).where(mediator.c.id == mediator_id).values(row))
        else:
            connection.execute(insert(mediator).values(id=mediator_id, account_id=owner, admitted_at=at, **row))
        give_role(connection, house, owner, "mediator", at=at, actor=actor)
        fact = "mediator_changed" if serving else "mediator_admitted"
        told = {name: row[name] for name in ("languages", "fields", "capacity", "mandate_until", "interest_sellers")}
        _record(connection, house, mediator_id, fact, told, at, actor, {"interest_domains": " ".join(domains)})
        return mediator_id

    return write_unit(house.engine, unit)


def end_mediator(house: House, mediator_id: str, *, at_once: bool = False, actor: Actor = SYSTEM) -> int:
    """End a mandate: nobody is drawn under it any more. Answers in how many disputes the mediator still sits.

    Whoever sits in a dispute keeps the desk until that is over; with `at_once` the desk is closed now, and what waits
    there passes on when its time is over. Raises Missing, Refused("mandate_over").
    """
    at = house.clock()

    def unit(connection: Connection) -> int:
        known = queries.mediator_by_id(connection, mediator_id)
        sits = connection.scalar(_open_seats(mediator_id)) or 0
        if known.ended_at is not None and not at_once:
            raise Refused("mandate_over")
        if known.ended_at is None:
            connection.execute(update(mediator).where(mediator.c.id == mediator_id).values(ended_at=at))
        if at_once or not sits:
            take_role(connection, house, known.account_id, "mediator", at=at, actor=actor)
        _record(connection, house, mediator_id, "mediator_ended", {"at_once": at_once, "seats": sits}, at, actor)
        return sits

    return write_unit(house.engine, unit)


def add_credential(
    house: House,
    mediator_id: str,
    *,
    kind: str,
    issuer: str,
    document: str,
    until: date,
    actor: Actor = SYSTEM,
) -> str:
    """Write down what a mediator showed: its kind, who issued it, the SHA-256 (hex) of the paper, and the last day on
    which it holds; answers its id.

    Raises Missing for an unknown mediator, Refused("issuer_missing" | "credential_lapsed" | "credential_too_long").
    """
    at, fresh, name, expires_at = house.clock(), new_id(), _issuer(issuer), end_of_day(until)
    if expires_at <= at:
        raise Refused("credential_lapsed")
    if until.year > moment(at).year + MOST_CREDENTIAL_YEARS:
        raise Refused("credential_too_long")

    def unit(connection: Connection) -> str:
        queries.mediator_by_id(connection, mediator_id)
        row = {"kind": kind, "issuer": name, "document_sha256": bytes.fromhex(document), "expires_at": expires_at}
        connection.execute(insert(credential).values(id=fresh, mediator_id=mediator_id, added_at=at, **row))
        told = {"credential": fresh, "kind": kind, "document": document, "until": until.isoformat()}
        _record(connection, house, mediator_id, "credential_added", told, at, actor, {"issuer": name})
        return fresh

    return write_unit(house.engine, unit)


def _issuer(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_ISSUER:
        raise Refused("issuer_missing", most=LONGEST_ISSUER)
    return name


def end_credential(house: House, mediator_id: str, credential_id: str, *, actor: Actor = SYSTEM) -> None:
    """Take back what was written down of a mediator's evidence: withdrawn by its issuer, or entered by mistake. Whoever
    lacks it now is not drawn any more, and ends the disputes they have. Raises Missing."""
    at = house.clock()

    def unit(connection: Connection) -> None:
        own = (credential.c.id == credential_id) & (credential.c.mediator_id == mediator_id)
        standing = update(credential).where(own, credential.c.ended_at.is_(None)).values(ended_at=at)
        ended = connection.execute(standing.returning(credential.c.kind)).one_or_none()
        if ended is None:
            raise Missing(credential_id)
        told = {"credential": credential_id, "kind": ended.kind}
        _record(connection, house, mediator_id, "credential_ended", told, at, actor)

    write_unit(house.engine, unit)


def remind_of_credentials(house: House) -> int:
    """Mail every mediator whose credential lapses within the published days; answers how many letters that made.

    Nobody is reminded of what a later one of the same kind outlasts, nor twice of the same days.
    """
    at = house.clock()

    def unit(connection: Connection) -> int:
        lapsing = queries.lapsing(connection, at)
        for each in lapsing:
            told = {"kind": each.kind, "until": each.until.isoformat(), "needed": each.kind in REQUIRED_CREDENTIALS}
            mail_id = f"{each.id}/{each.days_before}"
            mail(connection, house, "credential_lapses", at, mail_id, account_id=each.account_id, params=told)
            connection.execute(update(credential).where(credential.c.id == each.id).values(reminded_at=at))
        return len(lapsing)

    return write_unit(house.engine, unit)


def _open_seats(mediator_id: str) -> Any:
    return (
        select(func.count())
        .select_from(dispute_row)
        .where(dispute_row.c.mediator == mediator_id, dispute_row.c.phase != "closed")
    )


def _check(admission: Admission) -> None:
    if not admission.languages:
        raise Refused("languages_missing")
    if admission.mandate_years is not None and admission.mandate_years < LEAST_MANDATE_YEARS:
        raise Refused("mandate_too_short", least=LEAST_MANDATE_YEARS)
    if admission.capacity < 1:
        raise Refused("capacity_too_small")


def _mandate(serving: Mediator | None, admission: Admission, at: int) -> int:
    """Until when the mandate runs: never shortened by a change, since nobody is removed without a cause."""
    given = at + (admission.mandate_years or LEAST_MANDATE_YEARS) * queries.YEAR
    if serving is None:
        return given
    return serving.mandate_until if admission.mandate_years is None else max(serving.mandate_until, given)


def _interests(connection: Connection, house: House, named: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Sellers by their stable ids, and mail domains. An address stands for one seller only: its domain may be one that
    half the world has its mail at."""
    sellers, domains = set(), set()
    for each in named:
        if "@" in each:
            sellers.add(_seller_at(connection, house, email_key(each)))
        else:
            domains.add(each.strip().lower().removeprefix("www.").rstrip("."))
    return sorted(sellers), sorted(domains - {""})


def _seller_at(connection: Connection, house: House, address: str) -> str:
    key = address_key(house.settings.secret_key, address, "")
    known: str | None = connection.scalar(select(seller.c.id).where(seller.c.address_key == key))
    if known:
        return known
    fresh = new_pseudonym()
    connection.execute(insert(seller).values(id=fresh, address_key=key))
    return fresh


def _record(
    connection: Connection,
    house: House,
    mediator_id: str,
    fact: str,
    data: Mapping[str, Any],
    at: int,
    actor: Actor,
    words: Mapping[str, str] | None = None,
) -> None:
    """Append one fact to the mediator's own stream: who could be drawn, and since when, is proof."""
    stream = f"mediator/{mediator_id}"
    said = {name: text for name, text in (words or {}).items() if text}
    journal.append(
        connection,
        house,
        stream,
        [journal.NewFact(fact, "staff", data, said)],
        actor=actor,
        at=at,
        head=journal.head_of(connection, stream),
    )


# -- the draw ---------------------------------------------------------------------------------------------------


def advance_draw(house: House, dispute_id: str) -> bool:
    """Take a dispute that waits for a mediator one step further, if that can be done now; answers whether it was.

    First the pool is fixed; once a checkpoint is signed over its entry, one is drawn by it. Of several workers that
    come at once one does it and the rule refuses the others; one that died in between is followed by the next. Raises
    Refused("pool_empty") when nobody can be drawn: the dispute then waits, and its clock tells a registrar.
    """
    with house.engine.connect() as connection:
        dispute = queries.state_of(connection, house, dispute_id)
        seed = queries.seed_of(connection, house, dispute_id, dispute.draw.version) if dispute.draw else None
    # Where all time stands still the house does not hurry either.
    if dispute.suspension or dispute.mediator:
        return False
    if dispute.draw is None:
        return _fix_pool(house, dispute)
    return seed is not None and _draw(house, dispute, seed)


def _fix_pool(house: House, dispute: Dispute) -> bool:
    def gather(connection: Connection, now: Dispute) -> Mapping[str, Any]:
        return queries.pool(connection, house, now, house.clock())

    return _unless_done(house, commit_pool, dispute, key=f"pool/{dispute.id}/{dispute.version}", gather=gather)


def _draw(house: House, dispute: Dispute, seed: queries.Seed) -> bool:
    key = f"{RULE}/{dispute.draw.seal if dispute.draw else ''}"
    return _unless_done(house, draw_mediator, dispute, key=key, size=seed.size, root=seed.root)


# What the rule says to whoever comes second, or too late because the dispute went another way meanwhile.
_OVERTAKEN = frozenset({"draw_begun", "no_pool", "not_in_this_phase", "dispute_closed"})


def _unless_done(house: House, rule: Any, dispute: Dispute, *, key: str, gather: Any = None, **given: Any) -> bool:
    try:
        perform(house, rule, dispute.id, SYSTEM, key=key, gather=gather, **given)
    except Refused as refused:
        if refused.code in _OVERTAKEN:
            return False
        raise
    return True
