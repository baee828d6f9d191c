"""The one doorway: every act on a dispute goes through `perform`, one act, one transaction, one commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from itertools import count
from typing import Any

from sqlalchemy import Connection, select

from odr.database import write_unit
from odr.disputes.calendars import seats_of
from odr.disputes.queries import Standing, acting_in, claimant_of, keep, stand
from odr.disputes.records import deed_of, header_of, stream_of, to_fact
from odr.disputes.tables import dispute_row, project, project_draws, project_mandates
from odr.house import House
from odr.kernel import SYSTEM, Actor, Missing, Refused
from odr.log.consent import NAME, Deed
from odr.log.journal import Act, Head, Stored, act_of, append, recall, remember
from odr.notices.outbox import enqueue, tell
from odr.notices.rules import notices_for
from odr.procedure.deadlines import Seats
from odr.procedure.dispute import Dispute, apply
from odr.procedure.events import Event, FilingAdmitted, LastCallMade
from odr.procedure.expiry import fire
from odr.procedure.ruleset import Ruleset
from odr.statistics.tables import count_in

Rule = Callable[..., list[Event]]
Alongside = Callable[[Connection, list[Stored]], None]
Gather = Callable[[Connection, Dispute], Mapping[str, Any]]
Consent = Callable[[Connection, Deed], str]

# Deadlines that can follow from one another at one instant; more would be a circle in the rules.
_MOST_FIRED = 20


@dataclass(frozen=True, slots=True)
class Done:
    """What an act came to: the state after it and the versions (first, last) of the entries it made."""

    dispute: Dispute
    first: int
    last: int


def perform(
    house: House,
    rule: Rule,
    dispute_id: str,
    actor: Actor,
    *,
    key: str,
    alongside: Alongside | None = None,
    gather: Gather | None = None,
    consent: Consent | None = None,
    **given: Any,
) -> Done:
    """Let `actor` do what `rule` says to a dispute. `key` makes a repeated request the same act.

    `gather` reads in the act's own transaction the facts that the rule needs and nobody gives, such as a roster; a
    request is the same whatever it finds. `consent` tells how the actor consents to the first fact, which lies beside
    it as a payload (ADR 30); it can refuse, and is no part of what a request is known again by.

    In one transaction: what is due fires first, then the rule answers with facts or raises Refused, then entries,
    sealed words, row, notices and the key are written; `alongside` writes ordinary rows that belong to the act.
    When another act came first, all of it is asked again. Raises Refused, after committing what was due.
    """
    body = [stream_of(dispute_id), {"rule": rule.__name__, "given": _plain(given)}]
    tries = count()

    def unit(connection: Connection) -> Done | Refused:
        opened = _load(connection, house, dispute_id)
        # A new request, as nearly all are, is not looked up: if it was made before, its key is taken, or its own
        # consequences refuse it. Looked up after the history was read: were it the other way round, a first sending
        # committed in between would be in the history and not yet remembered.
        if next(tries) and (done := _done_before(opened, actor, key, body)):
            return done
        opened.fire_due()
        try:
            events = opened.ask(rule, actor, {**given, **(gather(connection, opened.dispute) if gather else {})})
            if consent:
                events = opened.consented(events, actor, consent)
        except Refused as refused:
            return _done_before(opened, actor, key, body) or refused
        act = act_of(house, actor, key, stream_of(dispute_id), body)
        first = opened.dispute.version + 1
        stored = opened.write(events, actor, act)
        if alongside:
            alongside(connection, stored)
        if stored:
            remember(connection, act, first, opened.dispute.version)
        return Done(opened.dispute, first, opened.dispute.version)

    outcome = write_unit(house.engine, unit)
    if isinstance(outcome, Refused):
        raise outcome
    return outcome


def _done_before(opened: _Opened, actor: Actor, key: str, body: object) -> Done | None:
    """What this very request came to when it was made before. Raises Refused when the key was used otherwise."""
    made = recall(opened.connection, actor, key, body)
    return Done(_load(opened.connection, opened.house, opened.dispute.id).dispute, *made) if made else None


def due_disputes(house: House, limit: int = 200) -> list[str]:
    """The ids of disputes on which something is due now, what has waited longest first."""
    now = house.clock()
    query = select(dispute_row.c.id).where(dispute_row.c.next_due <= now).order_by(dispute_row.c.next_due).limit(limit)
    with house.engine.connect() as connection:
        return list(connection.scalars(query))


def fire_one(house: House, dispute_id: str) -> Dispute:
    """Fire what is due on one dispute now, without an act; answers its state. Raises Missing."""

    def unit(connection: Connection) -> Dispute:
        opened = _load(connection, house, dispute_id)
        if opened.dispute.version == 0:
            raise Missing(dispute_id)
        opened.fire_due()
        return opened.dispute

    return write_unit(house.engine, unit)


class _Opened:
    """A dispute opened for one transaction: its state, the end of its stream, and the way to add to both."""

    def __init__(self, connection: Connection, house: House, dispute: Dispute, head: Head) -> None:
        self.connection = connection
        self.house = house
        self.dispute = dispute
        self.head = head
        self.at = max(house.clock(), dispute.at)

    def seats(self, given: Mapping[str, Any]) -> Seats:
        # Before the filing the countries stand in what is filed.
        source = self.dispute if self.dispute.version else given.get("filing", self.dispute)
        country = self.house.settings.country
        return seats_of(source.buyer_country, source.seller_country, country, self.at)

    def ask(self, rule: Rule, actor: Actor, given: Mapping[str, Any]) -> list[Event]:
        return rule(self.dispute, actor, at=self.at, seats=self.seats(given), **given)

    def consented(self, events: list[Event], actor: Actor, consent: Consent) -> list[Event]:
        """The same facts, with how the actor consents to the first one beside it."""
        first, *others = events
        told = consent(self.connection, deed_of(self.house.origin, self.dispute.id, actor, first))
        return [replace(first, words={**first.words, NAME: told}), *others]

    def fire_due(self) -> None:
        if self.dispute.version == 0:
            return
        for _ in range(_MOST_FIRED):
            if self.dispute.next_due is None or self.at < self.dispute.next_due:
                return
            self.write(fire(self.dispute, at=self.at, seats=self.seats({})), SYSTEM, None)
        raise RuntimeError(f"deadlines of dispute {self.dispute.id} fire in a circle")

    def write(self, events: list[Event], actor: Actor, act: Act | None) -> list[Stored]:
        """Append facts, fold them in, bring the row along, and tell whom they concern."""
        if not events:
            return []
        before = self.dispute
        facts = [to_fact(event) for event in events]
        stored = append(
            self.connection,
            self.house,
            stream_of(before.id),
            facts,
            actor=actor,
            at=self.at,
            head=self.head,
            act=act,
        )
        notices, history = [], []
        for event, one in zip(events, stored, strict=True):
            history.append((event, header_of(one)))
            self.dispute = apply(self.dispute, *history[-1], self.house.rulesets)
            notices += [(one.entry.version, notice) for notice in notices_for(event, self.dispute)]
        tell(self.connection, before.id, self.at, notices, acting_in(self.connection, self.dispute, self.at))
        self.tell_claimant(events)
        self.head = Head(self.dispute.version, self.dispute.at, stored[-1].seal)
        keep(Standing(self.dispute, self.head))
        project(self.connection, before, self.dispute)
        count_in(self.connection, before, self.dispute, self.house.clock_kind)
        project_draws(self.connection, self.dispute, history)
        project_mandates(self.connection, before, self.dispute)
        return stored

    def tell_claimant(self, events: list[Event]) -> None:
        """Whoever has claimed the seller's profile hears of what the seller's address is told while nobody has come."""
        if not any(isinstance(event, FilingAdmitted | LastCallMade) for event in events):
            return
        claimant = claimant_of(self.connection, self.dispute.id, self.at)
        if claimant:
            enqueue(
                self.connection,
                "profile_named",
                at=self.at,
                key=f"dispute/{self.dispute.id}/{self.dispute.version}/profile_named",
                params={"number": self.dispute.number},
                account_id=claimant,
            )


def _load(connection: Connection, house: House, dispute_id: str) -> _Opened:
    standing = stand(connection, house, dispute_id)
    return _Opened(connection, house, standing.dispute, standing.head)


def _plain(value: Any) -> Any:
    """What was given to an act as JSON values, to tell a repeated request from another one. Fields that two sendings
    of the same request do not share (a fresh object id) are declared `compare=False`."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Ruleset):
        return value.digest
    if is_dataclass(value):
        kind: Any = type(value)
        return {name: _plain(getattr(value, name)) for name in _compared(kind)}
    if isinstance(value, Mapping):
        return {name: _plain(held) for name, held in value.items()}
    return [_plain(part) for part in value]


@cache
def _compared(kind: Any) -> tuple[str, ...]:
    return tuple(part.name for part in fields(kind) if part.compare)
