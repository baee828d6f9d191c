"""What the mediation reads: the roster, who can be drawn in a dispute, and the public record of a draw."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Connection, Row, case, exists, func, or_, select

from odr.disputes.queries import read_words, stand
from odr.disputes.records import stream_of, to_history
from odr.disputes.tables import appointment, dispute_row, draw, mandate, party
from odr.house import House
from odr.kernel import Missing, moment
from odr.log import tables as log
from odr.log.halt import first_over
from odr.log.journal import read_stream
from odr.log.signers import opened, opened_by_any, signers_of
from odr.mediation.rules import REQUIRED_CREDENTIALS
from odr.people.tables import CREDENTIALS, account, credential, mediator, role_grant
from odr.procedure.dispute import Dispute
from odr.procedure.draw import order_of
from odr.procedure.events import MediatorDrawn, PoolCommitted

# The published rules of eligibility (procedure 3.6). The page of the roster prints these very numbers.
PAUSED_AFTER = 2
LOOK_BACK_YEARS = 5
DAY = 86_400_000
YEAR = 365 * DAY

# So many days before a credential lapses, its mediator is told by mail; the desk says so from the first of them on.
REMINDED_BEFORE = (60, 14)

# The phases in which a mediator has work to do; one who waits for both sides' answer to a decision has room.
AT_WORK = ("assignment", "mediation", "decision")


@dataclass(frozen=True, slots=True)
class Credential:
    """What a mediator showed: of what, who issued it, and the first instant at which it does not hold any more.
    `document` is the SHA-256 of the paper that was looked at, in hexadecimal digits."""

    id: str
    kind: str
    issuer: str
    document: str
    added_at: int
    expires_at: int
    ended_at: int | None

    @property
    def until(self) -> date:
        """The last day on which it holds."""
        return last_day(self.expires_at)

    def holds(self, at: int) -> bool:
        return self.ended_at is None and at < self.expires_at


@dataclass(frozen=True, slots=True)
class Mediator:
    """A mediator as the roster knows them. `open_cases` and `missed` are counted when it is read."""

    id: str
    account_id: str
    name: str
    email: str
    languages: tuple[str, ...]
    fields: tuple[str, ...]
    country: str | None
    interest_sellers: tuple[str, ...]
    interest_domains: tuple[str, ...]
    training: str
    admitted_at: int
    mandate_until: int
    ended_at: int | None
    capacity: int
    excused_until: int | None
    credentials: tuple[Credential, ...]
    open_cases: int
    missed: int

    @property
    def is_paused(self) -> bool:
        """Whether too many appointments were let lie."""
        return self.missed >= PAUSED_AFTER

    @property
    def has_room(self) -> bool:
        return self.open_cases < self.capacity

    def has_mandate(self, at: int) -> bool:
        return self.ended_at is None and at < self.mandate_until

    def lacks(self, at: int) -> tuple[str, ...]:
        """The kinds of credentials that a mediator has to have and this one has not, or not any more."""
        held = {each.kind for each in self.credentials if each.holds(at)}
        return tuple(kind for kind in REQUIRED_CREDENTIALS if kind not in held)

    def needed_until(self, at: int) -> int:
        """The first instant at which this mediator will lack something, who lacks nothing now; 0 for who does."""
        held = [each for each in self.credentials if each.holds(at)]
        return min(
            max((each.expires_at for each in held if each.kind == kind), default=0) for kind in REQUIRED_CREDENTIALS
        )

    def is_excused(self, at: int) -> bool:
        """Whether the evidence need not be there yet."""
        return self.excused_until is not None and at < self.excused_until

    def is_evidenced(self, at: int) -> bool:
        """Whether nothing that a mediator has to have shown keeps this one out of a pool."""
        return self.is_excused(at) or not self.lacks(at)

    def knows(self, category: str) -> bool:
        """Whether disputes of this kind are within the fields; no field named means all of them."""
        return not self.fields or category in self.fields

    def speaks(self, language: str) -> bool:
        return base_of(language) in {base_of(each) for each in self.languages}


def last_day(expires_at: int) -> date:
    """The day after whose end, everywhere, something does not hold any more."""
    return moment(expires_at).date() - timedelta(1)


def base_of(language: str) -> str:
    """A language without script and region, which keep nobody from understanding: zh_Hans and zh-TW are zh."""
    return language.replace("-", "_").split("_")[0].lower()


# -- the roster -------------------------------------------------------------------------------------------------

_ROSTER = (
    select(mediator, account.c.name, account.c.email)
    .join(account, account.c.id == mediator.c.account_id)
    .order_by(account.c.name, mediator.c.id)
)


def roster(connection: Connection, at: int) -> list[Mediator]:
    """Everybody whose mandate runs and whose account is not suspended, by name, in four queries."""
    serving = (
        mediator.c.ended_at.is_(None),
        mediator.c.mandate_until > at,
        account.c.closed_at.is_(None),
        account.c.suspended_at.is_(None),
    )
    granted = exists().where(role_grant.c.account_id == account.c.id, role_grant.c.role == "mediator")
    return _counted(connection, connection.execute(_ROSTER.where(*serving, granted)).all())


def whole_roster(connection: Connection) -> list[Mediator]:
    """Everybody who was ever admitted, by name."""
    return _counted(connection, connection.execute(_ROSTER).all())


def mediator_by_id(connection: Connection, mediator_id: str) -> Mediator:
    """A mediator by the name that entries give them, whether or not the mandate still runs. Raises Missing."""
    found = _counted(connection, connection.execute(_ROSTER.where(mediator.c.id == mediator_id)).all())
    if not found:
        raise Missing(mediator_id)
    return found[0]


def mediator_of(connection: Connection, account_id: str) -> Mediator | None:
    """The mediator whose account this is."""
    found = _counted(connection, connection.execute(_ROSTER.where(mediator.c.account_id == account_id)).all())
    return found[0] if found else None


def names_of(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """The names of mediators by their ids; whoever closed the account has none any more."""
    query = select(mediator.c.id, account.c.name).join(account, account.c.id == mediator.c.account_id)
    return {row.id: row.name for row in connection.execute(query.where(mediator.c.id.in_(list(ids))))}


def _counted(connection: Connection, rows: Iterable[Row[Any]]) -> list[Mediator]:
    rows = list(rows)
    ids = [row.id for row in rows]
    busy: dict[str, int] = dict(
        connection.execute(
            select(dispute_row.c.mediator, func.count())
            .where(dispute_row.c.mediator.in_(ids), dispute_row.c.phase.in_(AT_WORK))
            .group_by(dispute_row.c.mediator)
        ).all()
    )
    missed: dict[str, int] = dict(
        connection.execute(
            select(appointment.c.mediator, func.count())
            .join(mediator, mediator.c.id == appointment.c.mediator)
            .where(appointment.c.mediator.in_(ids), appointment.c.missed_at >= mediator.c.counted_from)
            .group_by(appointment.c.mediator)
        ).all()
    )
    shown = credentials_of(connection, ids)
    return [_mediator(row, shown.get(row.id, ()), busy.get(row.id, 0), missed.get(row.id, 0)) for row in rows]


def credentials_of(connection: Connection, ids: Iterable[str]) -> dict[str, tuple[Credential, ...]]:
    """What these mediators ever showed, by their ids: by kind, and of one kind what lasts longest first."""
    kinds = case({kind: place for place, kind in enumerate(CREDENTIALS)}, value=credential.c.kind)
    query = select(credential).where(credential.c.mediator_id.in_(list(ids)))
    found: dict[str, tuple[Credential, ...]] = {}
    for row in connection.execute(query.order_by(kinds, credential.c.expires_at.desc(), credential.c.id)):
        found[row.mediator_id] = (*found.get(row.mediator_id, ()), _credential(row))
    return found


@dataclass(frozen=True, slots=True)
class Lapsing:
    """A credential of somebody who serves that lapses within `days_before` days, and whom to tell."""

    id: str
    mediator_id: str
    account_id: str
    kind: str
    expires_at: int
    days_before: int

    @property
    def until(self) -> date:
        return last_day(self.expires_at)


def lapsing(connection: Connection, at: int) -> list[Lapsing]:
    """Which credentials lapse so soon that their mediators are to be told, and have not been yet."""
    later = credential.alias("later")
    outlasted = exists().where(
        later.c.mediator_id == credential.c.mediator_id,
        later.c.kind == credential.c.kind,
        later.c.ended_at.is_(None),
        later.c.expires_at > credential.c.expires_at,
    )
    query = (
        select(credential, mediator.c.account_id)
        .join(mediator, mediator.c.id == credential.c.mediator_id)
        .where(credential.c.ended_at.is_(None), credential.c.expires_at > at, ~outlasted)
        .where(credential.c.expires_at <= at + max(REMINDED_BEFORE) * DAY)
        .where(mediator.c.ended_at.is_(None), mediator.c.mandate_until > at)
        .order_by(credential.c.expires_at, credential.c.id)
    )
    found = []
    for row in connection.execute(query):
        days = min(days for days in REMINDED_BEFORE if row.expires_at <= at + days * DAY)
        if row.reminded_at is None or row.reminded_at < row.expires_at - days * DAY:
            found.append(Lapsing(row.id, row.mediator_id, row.account_id, row.kind, row.expires_at, days))
    return found


def _credential(row: Row[Any]) -> Credential:
    return Credential(
        id=row.id,
        kind=row.kind,
        issuer=row.issuer,
        document=(row.document_sha256 or b"").hex(),
        added_at=row.added_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
    )


def _mediator(row: Row[Any], shown: tuple[Credential, ...], open_cases: int, missed: int) -> Mediator:
    return Mediator(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        email=row.email or "",
        languages=tuple(row.languages),
        fields=tuple(row.fields),
        country=row.country,
        interest_sellers=tuple(row.interest_sellers),
        interest_domains=tuple(row.interest_domains),
        training=row.training,
        admitted_at=row.admitted_at,
        mandate_until=row.mandate_until,
        ended_at=row.ended_at,
        capacity=row.capacity,
        excused_until=row.excused_until,
        credentials=shown,
        open_cases=open_cases,
        missed=missed,
    )


# -- who can be drawn -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sides:
    """Who stands on both sides of a dispute, or acts for one: their accounts, their addresses, and where the seller is
    at home. `held` are the accounts of the sides themselves."""

    accounts: frozenset[str]
    addresses: frozenset[str]
    seller_domains: frozenset[str]
    held: frozenset[str]


def pool(connection: Connection, house: House, dispute: Dispute, at: int) -> dict[str, tuple[str, ...]]:
    """The ids of those who can be drawn in this dispute at instant `at`, sorted, as the rule `commit_pool` takes them.

    Published rules: a running mandate; evidence of what a mediator has to know; not paused by appointments let lie;
    below the capacity; the kind of dispute among the fields; no tie to either side; not met in this dispute before. Of
    these, whoever speaks the language of the proceedings, which is the buyer's; of those, whoever has not sat for
    either side within the published years. Where that would leave nobody, the others: a seller must not be out of
    reach by having had many disputes.
    """
    sides = _sides(connection, house, dispute)
    stood, sat = _stood_opposite(connection, dispute, sides, at), _sat_before(connection, dispute, sides, at)
    acted = _acted_before(connection, dispute, sides, at)
    fit = [
        one
        for one in roster(connection, at)
        if one.is_evidenced(at)
        and not one.is_paused
        and one.has_room
        and one.knows(dispute.category)
        and one.id not in stood | acted
        and one.id not in dispute.met
        and not has_interest(one, dispute.seller, sides)
    ]
    speaking = [one for one in fit if one.speaks(dispute.buyer_language)] or fit
    fresh = [one for one in speaking if one.id not in sat] or speaking
    return {"pool": tuple(sorted(one.id for one in fresh))}


def has_interest(one: Mediator, seller: str, sides: Sides) -> bool:
    """Whether this mediator is a side, or declared a tie to the seller or to where the seller is at home."""
    return (
        one.account_id in sides.accounts
        or one.email in sides.addresses
        or seller in one.interest_sellers
        or any(_within(home, domain) for home in sides.seller_domains for domain in one.interest_domains)
    )


def _within(home: str, domain: str) -> bool:
    """Whether a host is this domain or lies below it: mail.shop.example belongs to shop.example."""
    return home == domain or home.endswith(f".{domain}")


def _sides(connection: Connection, house: House, dispute: Dispute) -> Sides:
    query = (
        select(party.c.account_id, account.c.email)
        .join(account, account.c.id == party.c.account_id)
        .where(party.c.dispute_id == dispute.id)
    )
    rows = connection.execute(query).all()
    acting = connection.execute(
        select(mandate.c.account_id, mandate.c.email).where(mandate.c.dispute_id == dispute.id)
    ).all()
    told = _addresses_told(connection, house, dispute)
    addresses = {row.email for row in (*rows, *acting) if row.email}
    addresses |= {each["email"].lower() for each in told if each.get("email")}
    seller = [each for each in told if each["side"] == "seller"]
    domains = {each["email"].rpartition("@")[2].lower() for each in seller if each.get("email")}
    hosts = {_host(each["site"]) for each in seller if each.get("site")}
    held = frozenset(row.account_id for row in rows)
    accounts = held | {row.account_id for row in acting if row.account_id}
    return Sides(accounts, frozenset(addresses), frozenset(domains | hosts) - {""}, held)


def _addresses_told(connection: Connection, house: House, dispute: Dispute) -> list[dict[str, str]]:
    """What the filing, and the buyer after it, said about how to reach both sides."""
    later = select(log.entry.c.ver).where(
        log.entry.c.stream == stream_of(dispute.id), log.entry.c.type == "address_given"
    )
    told = []
    for version in (1, *connection.scalars(later)):
        words = read_words(connection, house, dispute.id, version)
        told += [{"side": side, **json.loads(words[side])} for side in ("buyer", "seller") if side in words]
    return told


def _host(site: str) -> str:
    try:
        host = urlsplit(site if "//" in site else f"//{site}").hostname
    except ValueError:
        # Typed by a person; what is no address has no host.
        return ""
    return (host or "").removeprefix("www.")


def _sat_before(connection: Connection, dispute: Dispute, sides: Sides, at: int) -> frozenset[str]:
    """Mediators who took another dispute of this seller or of one of these accounts within the published years."""
    theirs = select(party.c.dispute_id).where(_of_these(dispute, sides))
    took = select(appointment.c.mediator).where(
        appointment.c.dispute_id != dispute.id,
        appointment.c.accepted_at >= at - LOOK_BACK_YEARS * YEAR,
        or_(appointment.c.seller == dispute.seller, appointment.c.dispute_id.in_(theirs)),
    )
    return frozenset(connection.scalars(took))


def _stood_opposite(connection: Connection, dispute: Dispute, sides: Sides, at: int) -> frozenset[str]:
    """Mediators who stood opposite either side as a side themselves within the published years."""
    own = party.alias("own")
    stood = (
        select(mediator.c.id)
        .join(own, own.c.account_id == mediator.c.account_id)
        .join(dispute_row, dispute_row.c.id == own.c.dispute_id)
        .join(party, party.c.dispute_id == own.c.dispute_id)
        .where(dispute_row.c.filed_at >= at - LOOK_BACK_YEARS * YEAR, party.c.side != own.c.side)
        .where(_of_these(dispute, sides))
    )
    return frozenset(connection.scalars(stood))


def _acted_before(connection: Connection, dispute: Dispute, sides: Sides, at: int) -> frozenset[str]:
    """Mediators who acted for a side, whichever it was, in another dispute of either of these within the published
    years."""
    theirs = select(party.c.dispute_id).where(_of_these(dispute, sides))
    acted = (
        select(mediator.c.id)
        .join(mandate, mandate.c.account_id == mediator.c.account_id)
        .where(mandate.c.given_at >= at - LOOK_BACK_YEARS * YEAR, mandate.c.dispute_id.in_(theirs))
    )
    return frozenset(connection.scalars(acted))


def _of_these(dispute: Dispute, sides: Sides) -> ColumnElement[bool]:
    named = (party.c.side == "seller") & (party.c.actor_id == dispute.seller)
    return or_(named, party.c.account_id.in_(sides.held))


# -- the draw ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seed:
    """The first checkpoint signed over a pool's entry, which lies at `position`."""

    position: int
    number: int
    size: int
    root: str


def seed_of(connection: Connection, house: House, dispute_id: str, version: int) -> Seed | None:
    """What a pool is drawn by: the first checkpoint that covers its entry; None as long as there is none. A signature
    that is not this house's raises Rejected: nobody is drawn by a checkpoint that was put there."""
    place = select(log.leaf.c.position).where(log.leaf.c.stream == stream_of(dispute_id), log.leaf.c.ver == version)
    position = connection.scalar(place)
    first = first_over(connection, house.origin, position) if position is not None else None
    if position is None or first is None:
        return None
    origin, row = first
    signers = signers_of(connection, origin)
    signed = opened(row.note, signers) if origin == house.origin else opened_by_any(row.note, signers)
    return Seed(position, row.number, signed.size, signed.root.hex())


@dataclass(frozen=True, slots=True)
class Place:
    """One place of an order: who stands on it, and since when they were drawn, None for whom nobody has asked yet."""

    mediator: str
    drawn_at: int | None


@dataclass(frozen=True, slots=True)
class DrawRecord:
    """What everybody may know of a draw; nothing in it names the dispute."""

    number: str
    pool: tuple[str, ...]
    rule: str
    commitment: str
    committed_at: int
    seed: Seed | None
    places: tuple[Place, ...]
    names: dict[str, str]


def number_of(dispute: Dispute) -> str | None:
    """The number of the public record of the present draw."""
    return dispute.draw.seal[:16] if dispute.draw else None


def draw_record(connection: Connection, house: House, number: str) -> DrawRecord:
    """The public record of a draw, from the public entries of its dispute alone. Raises Missing."""
    row = connection.execute(select(draw).where(draw.c.number == number)).one_or_none()
    if row is None:
        raise Missing(number)
    stored = read_stream(connection, stream_of(row.dispute_id), since=row.version)
    public = to_history([one for one in stored if one.entry.reach == "public"])
    (committed, header), drawn = public[0], {}
    if not isinstance(committed, PoolCommitted):
        raise Missing(number)
    for event, later in public[1:]:
        if isinstance(event, PoolCommitted):
            break
        if isinstance(event, MediatorDrawn):
            drawn[event.place] = later.at
    seed = seed_of(connection, house, row.dispute_id, row.version)
    order = order_of(committed.pool, header.seal, seed.root) if seed else ()
    return DrawRecord(
        number=number,
        pool=committed.pool,
        rule=committed.rule,
        commitment=header.seal,
        committed_at=header.at,
        seed=seed,
        places=tuple(Place(name, drawn.get(place)) for place, name in enumerate(order)),
        names=names_of(connection, committed.pool),
    )


def state_of(connection: Connection, house: House, dispute_id: str) -> Dispute:
    """A dispute as it stands, whole: for the house, which draws, and for no page."""
    return stand(connection, house, dispute_id).dispute


# -- the desk ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeskCounts:
    """How many disputes a mediator sits in, and in how many of them the next act is theirs."""

    all: int
    mine: int


def desk_counts(connection: Connection, mediator_id: str) -> DeskCounts:
    """What a mediator's desk holds."""
    mine = func.coalesce(func.sum(case((dispute_row.c.awaited == "mediator", 1), else_=0)), 0)
    query = select(func.count().label("seats"), mine.label("mine"))
    row = connection.execute(query.where(dispute_row.c.mediator == mediator_id, dispute_row.c.phase != "closed")).one()
    return DeskCounts(row.seats, int(row.mine))
