"""Reading disputes for pages and mails: who sits where, one dispute with its docket, and the lists."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, bindparam, case, exists, func, literal, or_, select, union_all

from odr.disputes.records import stream_of, to_history
from odr.disputes.tables import dispute_row, mandate, party, seller
from odr.house import House
from odr.identity.queries import Known, is_good, known, read_known
from odr.kernel import Actor, Missing, Money, read_number
from odr.log import tables as log
from odr.log.journal import EMPTY, Head, Stored, read_stream
from odr.log.payloads import Unreadable, reveal
from odr.notices.outbox import Acting
from odr.people import tables as people
from odr.procedure import access
from odr.procedure.dispute import SIDES, Dispute, Phase, fold, fold_on
from odr.procedure.events import TYPES, AddressGiven, Event

journal = logging.getLogger(__name__)

PAGE = 25
"""Rows of a list on one page."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a reader sits in a dispute: its id and number, the actor as its entries name it, and what the mediator in
    it is called."""

    dispute_id: str
    number: str
    actor: Actor
    mediator_name: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the docket. `words` are those this reader may read; `checkpoint` is the first one that covers the
    entry, None while it waits for its seal."""

    version: int
    at: int
    type: str
    event: Event
    data: Mapping[str, Any]
    role: str
    words: Mapping[str, str]
    seal: str
    position: int | None
    checkpoint: int | None
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A dispute as one reader sees it at instant `at`: state, docket, and the acts open to this reader. `has_work`:
    they read it for its own sake (see `access.has_work`)."""

    dispute: Dispute
    seat: Seat
    at: int
    docket: list[Line]
    acts: list[str]
    has_work: bool = False
    identities: Mapping[str, Known] = field(default_factory=dict)
    """How the house knows who sits on each side, by side; a seat that nobody has taken is missing."""

    def may(self, permission: str) -> bool:
        return permission in self.acts

    def line(self, version: int) -> Line:
        """The docket line of an entry. Missing when this reader may not know of it."""
        for line in self.docket:
            if line.version == version:
                return line
        raise Missing(str(version))

    @property
    def filing(self) -> Mapping[str, Any]:
        """What was filed in words: narrative as text; order, buyer and seller as objects."""
        words = self.docket[0].words
        return {name: text if name == "narrative" else json.loads(text) for name, text in words.items()}

    @property
    def seller_named(self) -> list[Mapping[str, Any]]:
        """The seller as the filing names them, and each time the buyer named another address, as far as this reader
        may read it and it was not erased."""
        named = [line.words["seller"] for line in (self.docket[0], *self._readdressed) if "seller" in line.words]
        return [json.loads(text) for text in named]

    @property
    def _readdressed(self) -> list[Line]:
        return [line for line in self.docket if line.type == "address_given"]


@dataclass(frozen=True, slots=True)
class ListRow:
    """A dispute in a list; `role` is the reader's, or that of the side they represent."""

    id: str
    number: str
    phase: str
    code: str | None
    category: str
    paid: Money
    buyer_country: str
    seller_country: str
    filed_at: int
    changed_at: int
    awaited: str | None
    due: int | None
    role: str
    represents: bool = False


_SEATS = (
    select(
        dispute_row.c.id,
        dispute_row.c.mediator,
        party.c.side,
        party.c.actor_id,
        party.c.account_id,
        people.account.c.name.label("mediator_name"),
        mandate.c.actor_id.label("representative"),
        mandate.c.side.label("represented"),
        mandate.c.given_at,
        mandate.c.ended_at,
    )
    .join(party, party.c.dispute_id == dispute_row.c.id)
    .outerjoin(
        mandate,
        (mandate.c.dispute_id == dispute_row.c.id) & (mandate.c.account_id == bindparam("account_id", type_=String)),
    )
    .outerjoin(people.mediator, people.mediator.c.id == dispute_row.c.mediator)
    .outerjoin(people.account, people.account.c.id == people.mediator.c.account_id)
    .where(dispute_row.c.number == bindparam("number"))
)


def take_seat(
    connection: Connection, number: str, account_id: str, roles: Collection[str], mediator_id: str | None = None
) -> Seat:
    """Where this person sits in the dispute of that number; `mediator_id` is the name that entries give to the person
    as a mediator. Missing when there is no such dispute or no such seat, which look the same from outside."""
    canonical = read_number(number)
    rows = connection.execute(_SEATS, {"number": canonical, "account_id": account_id}).all() if canonical else []
    actor = _actor_in(rows, account_id, roles, mediator_id)
    if actor is None:
        raise Missing(number)
    return Seat(rows[0].id, str(canonical), actor, rows[0].mediator_name or "")


def _actor_in(rows: Sequence[Any], account_id: str, roles: Collection[str], mediator_id: str | None) -> Actor | None:
    for row in rows:
        if row.account_id is not None and row.account_id == account_id:
            return Actor(row.actor_id, row.side)
    if rows and any(row.representative for row in rows):
        return _acting(rows)
    if rows and mediator_id and rows[0].mediator == mediator_id:
        return Actor(mediator_id, "mediator")
    return Actor(account_id, "registrar") if rows and "registrar" in roles else None


def _acting(rows: Sequence[Any]) -> Actor | None:
    """The seat of whoever acts for a side. Once their mandate has ended they have none, and never another one in the
    same dispute: nobody sits at the table and then above it."""
    held = [row for row in rows if row.representative and row.ended_at is None]
    latest = max(held, key=lambda row: row.given_at, default=None)
    return Actor(latest.representative, latest.represented) if latest else None


def has_acted(connection: Connection, dispute_id: str, account_id: str, side: str) -> bool:
    """Whether an account acts for this side of a dispute, or ever did."""
    held = (mandate.c.dispute_id == dispute_id, mandate.c.account_id == account_id, mandate.c.side == side)
    return connection.execute(select(mandate.c.actor_id).where(*held)).first() is not None


def acting_in(connection: Connection, dispute: Dispute, at: int) -> list[Acting]:
    """Who acts for a side of a dispute now, as accounts; without a query where nobody was ever named."""
    standing = [each.representative for each in dispute.mandates if access.mandate_stands(dispute, each, at)]
    if not standing:
        return []
    rows = connection.execute(
        select(mandate.c.side, mandate.c.actor_id, mandate.c.account_id)
        .where(mandate.c.dispute_id == dispute.id, mandate.c.actor_id.in_(standing))
        .where(mandate.c.account_id.is_not(None))
        .order_by(mandate.c.given_at)
    )
    return [Acting(row.side, row.actor_id, row.account_id) for row in rows]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a dispute stands: its state and the end of its stream."""

    dispute: Dispute
    head: Head


# The seal of an entry covers the whole history before it, so a state kept under its last seal is the state of that
# history, whoever wrote on meanwhile; what does not meet its seal again is folded from the beginning.
_kept: dict[str, Standing] = {}
MOST_KEPT = 1_024
# A dictionary that another thread grows meanwhile does not name its oldest key, and the act would fail on that.
_keeping = Lock()


def keep(standing: Standing) -> None:
    """Keep a state, so that the next act on its dispute folds only what came after. It need not be committed yet."""
    with _keeping:
        _kept.pop(standing.dispute.id, None)
        _kept[standing.dispute.id] = standing
        while len(_kept) > MOST_KEPT:
            del _kept[next(iter(_kept))]


def stand(connection: Connection, house: House, dispute_id: str) -> Standing:
    """Where this dispute stands now, folded from its entries; at version 0 when there are none."""
    stream, known = stream_of(dispute_id), _kept.get(dispute_id, Standing(Dispute(id=dispute_id), EMPTY))
    stored = read_stream(connection, stream, since=known.head.version)
    if known.head is not EMPTY:
        if stored and stored[0].seal == known.head.seal:
            stored = stored[1:]
        else:
            known, stored = Standing(Dispute(id=dispute_id), EMPTY), read_stream(connection, stream)
    if not stored:
        return known
    dispute = fold_on(known.dispute, to_history(stored), house.rulesets)
    standing = Standing(dispute, Head(dispute.version, dispute.at, stored[-1].seal))
    keep(standing)
    return standing


_WORDS = select(log.payload.c.ver, log.payload.c.name, log.payload.c.wrapped_key, log.payload.c.sealed).where(
    log.payload.c.stream == bindparam("stream")
)
_PLACES = select(
    log.leaf.c.ver,
    log.leaf.c.position,
    select(func.min(log.checkpoint.c.number))
    .where(log.checkpoint.c.size > log.leaf.c.position)
    .correlate(log.leaf)
    .scalar_subquery()
    .label("checkpoint"),
).where(log.leaf.c.stream == bindparam("stream"))


def open_page(connection: Connection, house: House, seat: Seat) -> Page:
    """The dispute as this reader sees it, in four queries however long its docket is.

    Entries that the reader may not know of are left out before anything is folded: the wall stands here, and no page
    can show what lies behind it. What the reader may do follows from the whole history.
    """
    stream = stream_of(seat.dispute_id)
    whole = read_stream(connection, stream)
    dispute = fold(seat.dispute_id, to_history(whole), house.rulesets)
    now = max(house.clock(), dispute.at)
    _demand_reading(dispute, seat, now)
    reader = access.reader_of(dispute, seat.actor)
    stored = [one for one in whole if access.may_know(reader, one.entry.reach)]
    history = to_history(stored)
    words = _words(connection, house, stream, stored, reader)
    places = places_of(connection, stream)
    docket = docket_of(stored, words, places)
    seen = dispute if len(stored) == len(whole) else fold(seat.dispute_id, history, house.rulesets)
    acted_at = max((one.entry.at for one in whole if one.entry.actor == seat.actor.id), default=None)
    works = access.has_work(dispute, seat.actor, now, acted_at)
    acts = access.acts_of(dispute, seat.actor, now)
    return Page(seen, seat, now, docket, acts, works, identities_of(connection, house, seat.dispute_id))


def identities_of(connection: Connection, house: House, dispute_id: str) -> Mapping[str, Known]:
    """How the house knows who sits on each side of a dispute."""
    seated = party.c.account_id == people.account.c.id
    query = known(house.clock(), party.c.side, party.c.dispute_id == dispute_id).join(party, seated)
    return read_known(connection, house, query)


def _demand_reading(dispute: Dispute, seat: Seat, at: int) -> None:
    if not access.may("dispute:read", dispute, seat.actor, at):
        raise Missing(seat.number)


def _words(
    connection: Connection, house: House, stream: str, stored: list[Stored], reader: str
) -> dict[int, dict[str, str]]:
    entries = [one.entry for one in stored]
    readable = {each.version for each in entries if access.may_read_words(reader, each.type, each.reach, each.data)}
    words: dict[int, dict[str, str]] = {}
    for row in connection.execute(_WORDS, {"stream": stream}):
        if row.ver in readable:
            try:
                text = reveal(house.keys, stream, row.ver, row.name, row.wrapped_key, row.sealed).decode()
            except (Unreadable, UnicodeDecodeError) as damaged:
                # The page says that they are gone and shows all else; `odr verify` and the nightly check name them.
                journal.error("words damaged", extra={"facts": {"stream": stream, "ver": row.ver, "why": str(damaged)}})
                continue
            words.setdefault(row.ver, {})[row.name] = text
    return words


def made_by(connection: Connection, house: House, dispute_id: str, actor: Actor) -> tuple[Dispute, list[Line]]:
    """The dispute as somebody last knew it, and what they did in it, with their words: whoever acted on a mandate keeps
    the right to those, and learns nothing of what came after."""
    stream = stream_of(dispute_id)
    whole = read_stream(connection, stream)
    dispute = fold(dispute_id, to_history(whole), house.rulesets)
    mandate_held = dispute.mandate_of(actor.id)
    until = access.mandate_end(dispute, mandate_held) if mandate_held else None
    known = [
        one
        for one in whole
        if access.may_know(actor.role, one.entry.reach) and (until is None or one.entry.at <= until)
    ]
    own = [one for one in whole if one.entry.actor == actor.id]
    lines = docket_of(own, _words(connection, house, stream, own, actor.role), places_of(connection, stream))
    return fold(dispute_id, to_history(known), house.rulesets), lines


def places_of(connection: Connection, stream: str) -> dict[int, Any]:
    """Position in the tree and first checkpoint of each entry of a stream that has a place, by its version."""
    return {row.ver: row for row in connection.execute(_PLACES, {"stream": stream})}


def docket_of(stored: list[Stored], words: Mapping[int, Mapping[str, str]], places: Mapping[int, Any]) -> list[Line]:
    """The docket that these entries make, with the words and the place in the tree of each by its version."""
    return [
        _line(one, event, words.get(one.entry.version, {}), places.get(one.entry.version))
        for one, (event, _) in zip(stored, to_history(stored), strict=True)
    ]


def _line(stored: Stored, event: Event, words: Mapping[str, str], place: Any) -> Line:
    entry = stored.entry
    return Line(
        version=entry.version,
        at=entry.at,
        type=entry.type,
        event=event,
        data=entry.data,
        role=entry.role,
        words=words,
        seal=stored.seal,
        position=place.position if place else None,
        checkpoint=place.checkpoint if place else None,
        actor=entry.actor,
    )


def read_words(connection: Connection, house: House, dispute_id: str, version: int) -> dict[str, str]:
    """The words beside one entry, for those parts of the house that need them without a reader (the mail's address)."""
    stream = stream_of(dispute_id)
    rows = connection.execute(_WORDS.where(log.payload.c.ver == version), {"stream": stream})
    return {
        row.name: reveal(house.keys, stream, version, row.name, row.wrapped_key, row.sealed).decode() for row in rows
    }


# -- lists ----------------------------------------------------------------------------------------------------

_LISTED = (
    dispute_row.c.id,
    dispute_row.c.number,
    dispute_row.c.phase,
    dispute_row.c.code,
    dispute_row.c.category,
    dispute_row.c.amount,
    dispute_row.c.currency,
    dispute_row.c.buyer_country,
    dispute_row.c.seller_country,
    dispute_row.c.filed_at,
    dispute_row.c.changed_at,
    dispute_row.c.awaited,
    dispute_row.c.clock_due,
    dispute_row.c.next_due,
)
# What a seller must not learn of: filings that were never admitted.
_BEFORE_ADMISSION = ("screening", "needs_information", "refused")


def disputes_of(
    connection: Connection, account_id: str, *, after: str | None = None, acting_at: int | None = None
) -> list[ListRow]:
    """A person's disputes, the newest filing first, a page at a time; `after` is the id of the last one seen. With
    `acting_at` also those in which they act for a side at that instant."""
    own = select(party.c.dispute_id, party.c.side, literal(0).label("represents"))
    seats = [own.where(party.c.account_id == account_id)]
    if acting_at is not None:
        standing = (mandate.c.ended_at.is_(None), mandate.c.until > acting_at)
        acting = select(mandate.c.dispute_id, mandate.c.side, literal(1))
        seats.append(acting.where(mandate.c.account_id == account_id, *standing))
    held = union_all(*seats).subquery()
    query = (
        select(*_LISTED, held.c.side, held.c.represents)
        .join(held, held.c.dispute_id == dispute_row.c.id)
        .where(or_(held.c.side == "buyer", dispute_row.c.phase.not_in(_BEFORE_ADMISSION)))
        # Ids are UUIDv7: their order is the order of filing, and the key of the page.
        .order_by(held.c.dispute_id.desc())
        .limit(PAGE + 1)
    )
    if after:
        query = query.where(held.c.dispute_id < after)
    return [replace(listed(row, row.side), represents=bool(row.represents)) for row in connection.execute(query)]


def registrar_queue(connection: Connection, *, after: tuple[int, str] | None = None) -> list[ListRow]:
    """What waits for a registrar, what runs out first on top, a page at a time; `after` is (due, id) of the last.

    A challenge waits beside the step, in which somebody else may be awaited: such a row says so by `awaited`."""
    challenge = dispute_row.c.challenge_due
    steps = case((dispute_row.c.awaited == "registrar", dispute_row.c.clock_due))
    due = case((steps.is_(None), challenge), (challenge < steps, challenge), else_=steps)
    query = (
        select(*_LISTED, due.label("due"))
        .where(or_(dispute_row.c.awaited == "registrar", challenge.is_not(None)))
        .order_by(due, dispute_row.c.id)
        .limit(PAGE + 1)
    )
    if after:
        query = query.where(or_(due > after[0], (due == after[0]) & (dispute_row.c.id > after[1])))
    return [replace(listed(row, "registrar"), due=row.due) for row in connection.execute(query)]


def mediator_queue(
    connection: Connection, mediator_id: str, *, after: tuple[int, str] | None = None, awaited: str | None = None
) -> list[ListRow]:
    """The disputes a mediator sits in, or those of them in which this role is `awaited`; what runs out first on top, a
    page at a time; `after` is (due, id) of the last one seen."""
    due = dispute_row.c.clock_due
    query = (
        select(*_LISTED)
        .where(dispute_row.c.mediator == mediator_id, dispute_row.c.phase != "closed")
        # Where time stands still nothing runs out.
        .order_by(due.is_(None), due, dispute_row.c.id)
        .limit(PAGE + 1)
    )
    if awaited:
        query = query.where(dispute_row.c.awaited == awaited)
    if after:
        query = query.where(or_(due > after[0], (due == after[0]) & (dispute_row.c.id > after[1])))
    return [listed(row, "mediator") for row in connection.execute(query)]


def to_be_drawn(connection: Connection, limit: int = 200) -> list[str]:
    """The ids of disputes in which the house itself is awaited: a pool is to be fixed, or somebody to be drawn."""
    query = (
        select(dispute_row.c.id)
        .where(dispute_row.c.phase == "assignment", dispute_row.c.mediator.is_(None))
        .order_by(dispute_row.c.clock_due)
        .limit(limit)
    )
    return list(connection.scalars(query))


def listed(row: Any, role: str) -> ListRow:
    """A row of the docket table as a list shows it to a reader of this role."""
    # An open offer may end before the negotiation does. Nobody but the sides may learn that there is one.
    bargains = role in SIDES and row.phase == Phase.NEGOTIATION
    return ListRow(
        id=row.id,
        number=row.number,
        phase=row.phase,
        code=row.code,
        category=row.category,
        paid=Money(row.amount, row.currency),
        buyer_country=row.buyer_country,
        seller_country=row.seller_country,
        filed_at=row.filed_at,
        changed_at=row.changed_at,
        awaited=row.awaited,
        due=row.next_due if bargains else row.clock_due,
        role=role,
    )


def phase_counts(connection: Connection) -> dict[str, int]:
    """How many disputes stand in each phase, for the registrar's desk."""
    query = select(dispute_row.c.phase, func.count()).group_by(dispute_row.c.phase)
    return {phase: count for phase, count in connection.execute(query)}


# -- claimed profiles -----------------------------------------------------------------------------------------


def is_claimed(at: int) -> ColumnElement[bool]:
    """What makes a row of `seller` a profile whose claim counts at this instant: it stands on a proof of its claimant's
    that is good, and the claimant can act and does not work here."""
    proof, owner, holder = people.identity_proof.c, people.account.c, seller.c.claimed_by
    stands = exists().where(proof.id == seller.c.claimed_proof, proof.account_id == holder, is_good(at))
    acts = exists().where(owner.id == holder, owner.closed_at.is_(None), owner.suspended_at.is_(None))
    return stands & acts & ~exists().where(people.role_grant.c.account_id == holder)


def awaits_claimant() -> ColumnElement[bool]:
    """What makes a row of `party` a seller's seat that nobody has taken, in a dispute in which the buyer named no other
    address later: that one need not be the claimant's."""
    anew = exists().where(
        log.entry.c.stream == literal(stream_of("")) + party.c.dispute_id, log.entry.c.type == TYPES[AddressGiven]
    )
    return (party.c.side == "seller") & party.c.account_id.is_(None) & ~anew


def claimant_of(connection: Connection, dispute_id: str, at: int) -> str | None:
    """The account that has claimed the profile of a dispute's seller, while nobody sits there."""
    query = (
        select(seller.c.claimed_by)
        .join(party, party.c.actor_id == seller.c.id)
        .where(party.c.dispute_id == dispute_id, awaits_claimant(), is_claimed(at))
    )
    found: str | None = connection.scalar(query)
    return found


# -- mail -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Contact:
    """How a side of a dispute is reached: its account, or the address that the filing names for the seller, unless the
    buyer named another one later. `named_at` is when the buyer did."""

    side: str
    number: str
    account_id: str | None
    email: str | None
    name: str | None
    language: str
    named_at: int


_NAMED_ANEW = (
    select(log.entry.c.ver, log.entry.c.at)
    .where(log.entry.c.stream == bindparam("stream"), log.entry.c.type == TYPES[AddressGiven])
    .order_by(log.entry.c.ver.desc())
    .limit(1)
)


def contact_of(connection: Connection, house: House, dispute_id: str, side: str) -> Contact:
    """Where mail for one side of a dispute goes."""
    if side not in SIDES:
        raise Missing(side)
    dispute = stand(connection, house, dispute_id).dispute
    account_id = connection.scalar(
        select(party.c.account_id).where(party.c.dispute_id == dispute_id, party.c.side == side)
    )
    anew = connection.execute(_NAMED_ANEW, {"stream": stream_of(dispute_id)}).first() if side == "seller" else None
    version, named_at = anew or (1, dispute.filed_at)
    named = json.loads(read_words(connection, house, dispute_id, version).get(side, "{}"))
    language = dispute.buyer_language if side == "buyer" else dispute.seller_language
    return Contact(side, dispute.number, account_id, named.get("email"), named.get("name"), language, named_at)
