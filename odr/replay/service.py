"""Driving scripts: each act of a line goes through the doorway, on a clock that the script sets."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from odr.database import write_unit
from odr.disputes.calendars import seats_of
from odr.disputes.records import stream_of, to_history
from odr.disputes.service import Rule, fire_one, perform
from odr.disputes.tables import dispute_row, party, seller
from odr.evidence.rules import StoredFile, add_evidence, complete_evidence
from odr.evidence.service import take_in
from odr.filing import rules as filing
from odr.filing.service import address_key
from odr.house import House
from odr.kernel import Actor, Money, Refused, new_number, new_pseudonym
from odr.log.journal import Stored, read_stream
from odr.log.tables import idempotency
from odr.negotiation import rules as negotiation
from odr.procedure import rules as procedure
from odr.procedure.dispute import Dispute, fold, other_side
from odr.procedure.events import ClaimItem, Term
from odr.procedure.ruleset import Ruleset
from odr.replay.rules import FILE, LATER, Deed, Person, Script, groups_of, what_follows
from odr.response import rules as response

Given = Mapping[str, Any]


class SimulatedClock:
    """A clock that shows what the script says."""

    def __init__(self) -> None:
        self.at = 0

    def __call__(self) -> int:
        return self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing to be done at instant `at`: an act, or without a `rule` firing what is due.

    `version` is how far the line has come in the entries of its dispute; `ahead` says that there are more of them
    already, left by a run of the same line that was broken off. `refused` was found out before asking any rule.
    """

    dispute_id: str
    at: int
    version: int
    ahead: bool
    turn: int
    rule: Rule | None = None
    actor: Actor | None = None
    key: str = ""
    given: Given = field(default_factory=dict)
    parties: tuple[Given, ...] = ()
    file: Path | None = None
    twice: bool = False
    deed: Deed | None = None
    refused: Refused | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a task came to: the state after it, None when that is as before, and the refusal if there was one."""

    dispute: Dispute | None = None
    ahead: bool = False
    refused: Refused | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What a line does next, at instant `at`: its tasks are done at once, and the line waits for all of them."""

    at: int
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What all lines of a replay share. `folder` is where their files lie; `accounts` are those of people by their
    address; of the two `registrars` the second reviews what the first refused."""

    house: House
    ruleset: Ruleset
    folder: Path
    registrars: tuple[str, str]
    accounts: Mapping[str, str] = field(default_factory=dict)
    racing: bool = False
    twice: bool = False


# -- one task -------------------------------------------------------------------------------------------------


def do(house: House, clock: SimulatedClock, task: Task) -> Outcome:
    """Do one task; `clock` is the one that the house runs on."""
    clock.at = task.at
    if task.refused:
        return Outcome(None, task.ahead, task.refused)
    if task.rule is None or task.actor is None:
        return _let_fire(house, task)
    try:
        return _act(house, task, task.rule, task.actor)
    except Refused as refused:
        return Outcome(None, task.ahead, refused)


def _let_fire(house: House, task: Task) -> Outcome:
    if task.version == 0:
        return Outcome()
    if task.ahead:
        stored = _stored(house, task.dispute_id)
        version = task.version
        while version < len(stored) and not stored[version].entry.act and stored[version].entry.at <= task.at:
            version += 1
        if version < len(stored):
            return Outcome(_state(house, task.dispute_id, stored[:version]), ahead=True)
    return Outcome(fire_one(house, task.dispute_id))


def _act(house: House, task: Task, rule: Rule, actor: Actor) -> Outcome:
    if task.ahead and _recorded(house, actor, task.key) is None:
        _refuse_again(house, task, rule, actor)
    if task.file:
        return _hand_in(house, task, actor, task.file)
    return _send(house, task, rule, actor)


def _send(house: House, task: Task, rule: Rule, actor: Actor) -> Outcome:
    alongside = _seat_parties(task)
    done = perform(house, rule, task.dispute_id, actor, key=task.key, alongside=alongside, **task.given)
    if task.twice:
        again = perform(house, rule, task.dispute_id, actor, key=task.key, alongside=alongside, **task.given)
        if (again.first, again.last) != (done.first, done.last):
            raise RuntimeError(f"one act was done twice: {task.key}")
    # The answer to an act that was done before shows the dispute as it is today, not as the act left it.
    return Outcome(done.dispute) if done.dispute.version == done.last else _state_at(house, task.dispute_id, done.last)


def _recorded(house: House, actor: Actor, key: str) -> int | None:
    """The last version that this act made, None when it has not been done."""
    query = select(idempotency.c.last).where(idempotency.c.actor == actor.id, idempotency.c.key == key)
    with house.engine.connect() as connection:
        return connection.scalar(query)


def _refuse_again(house: House, task: Task, rule: Rule, actor: Actor) -> None:
    """Raise the refusal that this act met in the run that was broken off.

    Refusals leave no entry and the dispute has moved on, so the rule is asked about the state before the act, and
    about the one after all that came at its instant.
    """
    stored = _stored(house, task.dispute_id)
    given = {**task.given, **_UNREAD} if task.file else task.given
    for seen in (stored[: task.version], [one for one in stored if one.entry.at <= task.at]):
        dispute = _state(house, task.dispute_id, seen)
        at = max(task.at, dispute.at)
        seats = seats_of(dispute.buyer_country, dispute.seller_country, house.settings.country, at)
        rule(dispute, actor, at=at, seats=seats, **given)


_UNREAD = {"media": "", "file": StoredFile("", 0, "")}


def _seat_parties(task: Task) -> Callable[[Connection, list[Stored]], None] | None:
    def alongside(connection: Connection, stored: list[Stored]) -> None:
        connection.execute(insert(party), [dict(row) for row in task.parties])

    return alongside if task.parties else None


def _hand_in(house: House, task: Task, actor: Actor, path: Path) -> Outcome:
    """Take in the file of an evidence act as an upload is; one that is turned away stays on the record as such."""
    done = None
    try:
        for _ in range(1 + task.twice):
            with path.open("rb") as file:
                done = take_in(house, task.dispute_id, actor, key=task.key, arriving=file, **task.given)
    except OSError as missing:
        raise Refused("file_missing") from missing
    except Refused as turned_away:
        last = _recorded(house, actor, task.key)
        kept = _state_at(house, task.dispute_id, last) if last else Outcome(None, task.ahead)
        return Outcome(kept.dispute, kept.ahead, turned_away)
    return _state_at(house, task.dispute_id, done.last) if done else Outcome()


def _stored(house: House, dispute_id: str) -> list[Stored]:
    with house.engine.connect() as connection:
        return read_stream(connection, stream_of(dispute_id))


def _state(house: House, dispute_id: str, stored: list[Stored]) -> Dispute:
    return fold(dispute_id, to_history(stored), house.rulesets)


def _state_at(house: House, dispute_id: str, version: int) -> Outcome:
    stored = _stored(house, dispute_id)
    return Outcome(_state(house, dispute_id, stored[:version]), ahead=len(stored) > version)


# -- one line -------------------------------------------------------------------------------------------------


class Course:
    """One line on its way. Nothing of it depends on other lines: before each act the deadlines due on this dispute
    fire, each at its own due instant, and after the last act none does."""

    def __init__(self, stage: Stage, script: Script, turn: int) -> None:
        self.stage = stage
        self.script = script
        self.dispute = Dispute(id=dispute_id_of(stage.house, script))
        self._ahead = False
        self._turn = turn
        self._buyer = Actor(_name(stage.house, "buyer", self.dispute.id), "buyer")

    def steps(self) -> Generator[Step, list[Outcome], None]:
        """The steps in their order; each is sent what its tasks came to."""
        groups = groups_of(self.script, racing=self.stage.racing)
        for place, group in enumerate(groups):
            at = group[0].at
            yield from self._let_time_pass(at)
            yield from self._do(group)
            later = {deed.do for others in groups[place + 1 :] for deed in others}
            follows = what_follows(self.script, self.dispute, later, at)
            while follows and (yield from self._do((follows,))):
                follows = what_follows(self.script, self.dispute, later, at)

    def _let_time_pass(self, until: int) -> Generator[Step, list[Outcome], None]:
        while self.dispute.next_due is not None and self.dispute.next_due <= until:
            before = self.dispute.version
            due = self.dispute.next_due
            self._take(list((yield Step(due, (self._task(due),)))))
            if self.dispute.version == before:
                return

    def _do(self, deeds: tuple[Deed, ...]) -> Generator[Step, list[Outcome], bool]:
        """Do these acts at once; answers whether any of them was done."""
        outcomes = yield Step(deeds[0].at, tuple(self._prepare(deed) for deed in deeds))
        self._take(outcomes)
        return any(outcome.refused is None for outcome in outcomes)

    def _take(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.dispute and outcome.dispute.version > self.dispute.version:
                self.dispute = outcome.dispute
                self._ahead = outcome.ahead

    def _prepare(self, deed: Deed) -> Task:
        if deed.do == "advance":
            return self._task(deed.at, deed=deed)
        try:
            rule, given = self._opening() if deed.do == FILE else _asked(deed, self.dispute)
        except Refused as refused:
            return self._task(deed.at, deed=deed, refused=refused)
        return self._task(
            deed.at,
            deed=deed,
            rule=rule,
            given=given,
            actor=self._actor(deed),
            key=self._key(deed),
            parties=self._parties(given["filing"]) if deed.do == FILE else (),
            file=self.stage.folder / deed.fields["file"] if deed.do == "evidence" else None,
            twice=self.stage.twice,
        )

    def _task(self, at: int, **more: Any) -> Task:
        self._turn += 1
        return Task(
            dispute_id=self.dispute.id, at=at, version=self.dispute.version, ahead=self._ahead, turn=self._turn, **more
        )

    def _key(self, deed: Deed) -> str:
        # The dispute's id is made from the line's; what happens by itself does so once for each act and side.
        own = str(deed.position) if deed.position is not None else f"{deed.do}/{deed.by}"
        return f"replay/{self.dispute.id}/{own}"

    def _actor(self, deed: Deed) -> Actor:
        if deed.by == "buyer":
            return self._buyer
        if deed.by == "seller":
            return Actor(self.dispute.seller or _name(self.stage.house, "nobody", self.dispute.id), "seller")
        if deed.by == "registrar":
            return Actor(self.stage.registrars[self.dispute.review_asked], "registrar")
        return Actor(_name(self.stage.house, deed.by), deed.by)

    def _opening(self) -> tuple[Rule, dict[str, Any]]:
        house, script, claim = self.stage.house, self.script, self.script.claim
        filed = filing.Filing(
            number=_number_of(house, self.dispute.id),
            seller=seller_id_of(house, script.seller),
            buyer_country=script.buyer.country,
            seller_country=script.seller.country,
            buyer_language=script.buyer.language,
            seller_language=script.seller.language,
            category=claim["category"],
            items=tuple(_claimed(item, claim, self.stage.ruleset) for item in claim["items"]),
            paid=Money.parse(claim["amount"], claim["currency"]),
            ordered_on=claim["ordered_on"],
            contacted_on=claim["contacted_on"],
            texts={
                "narrative": claim["narrative"],
                "order": json.dumps(claim["order"], ensure_ascii=False),
                "buyer": _contact(script.buyer),
                "seller": _contact(script.seller),
            },
        )
        return filing.file_dispute, {"filing": filed, "ruleset": self.stage.ruleset}

    def _parties(self, filed: filing.Filing) -> tuple[Given, ...]:
        sides = (("buyer", self._buyer.id, self.script.buyer), ("seller", filed.seller, self.script.seller))
        return tuple(
            {
                "dispute_id": self.dispute.id,
                "side": side,
                "actor_id": actor_id,
                "account_id": self.stage.accounts.get(person.email),
            }
            for side, actor_id, person in sides
        )


def dispute_id_of(house: House, script: Script) -> str:
    """The id of the dispute that a line becomes: the same line in the same house is the same dispute. A UUIDv7 of the
    instant it was filed at, so that ids sort by filing as those of live disputes do."""
    drawn = _drawn(house, "dispute", house.origin, script.digest.hex())
    bits = (script.opened << 80) | (0x7 << 76) | (0x2 << 62) | (int.from_bytes(drawn[:8], "big") >> 2)
    bits |= (int.from_bytes(drawn[8:10], "big") & 0xFFF) << 64
    return uuid.UUID(int=bits).hex


def seller_id_of(house: House, person: Person) -> str:
    """The stable id that entries name this seller with, given to it now if it is met for the first time."""
    if person.email:
        key = address_key(house.settings.secret_key, person.email, "")
    else:
        key = _drawn(house, "seller", person.name, person.country)

    def unit(connection: Connection) -> str:
        known: str | None = connection.scalar(select(seller.c.id).where(seller.c.address_key == key))
        if known:
            return known
        fresh = new_pseudonym()
        connection.execute(insert(seller).values(id=fresh, address_key=key))
        return fresh

    return write_unit(house.engine, unit)


def registrar_names(house: House) -> tuple[str, str]:
    """The two registrars of replays that have no accounts for them."""
    return _name(house, "registrar", "1"), _name(house, "registrar", "2")


def _name(house: House, *parts: str) -> str:
    return _drawn(house, *parts).hex()[:32]


def _drawn(house: House, *parts: str) -> bytes:
    """32 bytes that look random and are the same for the same parts in the same house."""
    key = hashlib.sha256(b"odr/replay/v1\n" + house.settings.secret_key.encode()).digest()
    return hmac.new(key, json.dumps(parts).encode(), hashlib.sha256).digest()


def _number_of(house: House, dispute_id: str) -> str:
    with house.engine.connect() as connection:
        known = connection.scalar(select(dispute_row.c.number).where(dispute_row.c.id == dispute_id))
    return known or new_number()


def _claimed(item: Given, claim: Given, ruleset: Ruleset) -> ClaimItem:
    if item["remedy"] not in ruleset.money_remedies:
        return ClaimItem(item["remedy"])
    amount = Money.parse(item.get("amount", claim["amount"]), item.get("currency", claim["currency"]))
    return ClaimItem(item["remedy"], amount)


def _contact(person: Person) -> str:
    contact = {"name": person.name, "email": person.email, "country": person.country}
    return json.dumps(contact, ensure_ascii=False)


# -- what the rule of each act is given -----------------------------------------------------------------------

Asked = tuple[Rule, dict[str, Any]]


def _asked(deed: Deed, dispute: Dispute) -> Asked:
    """The rule of an act and what it is given, of the dispute as the actor sees it now."""
    if deed.do in LATER:
        raise Refused("not_in_this_phase")
    return _ASKED[deed.do](deed, dispute)


def _join(deed: Deed, dispute: Dispute) -> Asked:
    return response.join_seller, {"proof": "invitation_link"}


def _reply(deed: Deed, dispute: Dispute) -> Asked:
    choice = deed.fields["choice"]
    given: dict[str, Any] = {"choice": choice, "text": deed.text(needed=choice in ("contest", "object"))}
    if choice == "offer" and {"amount", "items"} & deed.fields.keys():
        given["terms"] = _terms(deed, dispute)
    return response.give_reply, given


def _offer(deed: Deed, dispute: Dispute) -> Asked:
    days = {name: deed.fields[name] for name in ("perform_days", "open_days") if name in deed.fields}
    return negotiation.make_offer, {"terms": _terms(deed, dispute), "text": deed.text(), **days}


def _terms(deed: Deed, dispute: Dispute) -> tuple[Term, ...]:
    """One term for each claim item: as `items` say, or the amount for the first item that is about money."""
    if "items" in deed.fields:
        return tuple(_term(place, item, dispute) for place, item in enumerate(deed.fields["items"]))
    money = [place for place, item in enumerate(dispute.items) if item.amount] or [0]
    amount = _money(deed.fields, dispute, money[0])
    places = range(max(len(dispute.items), 1))
    return tuple(_granted(place, amount) if place == money[0] else Term(place, False) for place in places)


def _term(place: int, item: Any, dispute: Dispute) -> Term:
    return _granted(place, _money(item, dispute, place)) if isinstance(item, dict) else Term(place, bool(item))


def _granted(place: int, amount: Money) -> Term:
    # In an offer amounts are positive: one of 0.00 says that nothing is given on this item.
    return Term(place, True, amount) if amount.minor else Term(place, False)


def _money(told: Given, dispute: Dispute, place: int) -> Money:
    claimed = dispute.items[place].amount if place < len(dispute.items) else None
    paid = dispute.paid.currency if dispute.paid else ""
    return Money.parse(told["amount"], told.get("currency") or (claimed.currency if claimed else paid))


def _answered(deed: Deed, dispute: Dispute) -> int:
    """The offer that an act is about: the open one, or the one that `of` names by its place."""
    place: int = deed.fields.get("of", max(len(dispute.offers) - 1, 0))
    return place


def _accept(deed: Deed, dispute: Dispute) -> Asked:
    place = _answered(deed, dispute)
    seen = dispute.offers[place].seal if 0 <= place < len(dispute.offers) else ""
    return negotiation.accept_offer, {"offer": place, "seen": seen}


def _sign(deed: Deed, dispute: Dispute) -> Asked:
    return procedure.sign_settlement, {"seen": dispute.agreement.seal if dispute.agreement else ""}


def _extend(deed: Deed, dispute: Dispute) -> Asked:
    """Ask for more time, or consent where the other side has asked; the registrar grants it."""
    if deed.by == "registrar":
        return procedure.grant_extension, {"text": deed.text(needed=True)}
    if dispute.extension_asked_by == other_side(deed.by):
        return procedure.agree_extension, {}
    return procedure.ask_extension, {"text": deed.text()}


def _ask(deed: Deed, dispute: Dispute) -> Asked:
    topics = tuple(deed.fields.get("topics", ("story",)))
    return filing.ask_information, {"topics": topics, "text": deed.text(needed=True)}


def _evidence(deed: Deed, dispute: Dispute) -> Asked:
    name = deed.fields.get("name") or Path(deed.fields["file"]).name
    return add_evidence, {"name": name, "about": deed.fields.get("about", "")}


def _plain(rule: Rule) -> Callable[[Deed, Dispute], Asked]:
    return lambda deed, dispute: (rule, {})


def _with_text(rule: Rule, *, needed: bool = True) -> Callable[[Deed, Dispute], Asked]:
    return lambda deed, dispute: (rule, {"text": deed.text(needed=needed)})


def _with_ground(rule: Rule) -> Callable[[Deed, Dispute], Asked]:
    return lambda deed, dispute: (rule, {"ground": deed.fields["ground"], "text": deed.text(needed=True)})


def _with_offer(rule: Rule) -> Callable[[Deed, Dispute], Asked]:
    return lambda deed, dispute: (rule, {"offer": _answered(deed, dispute)})


_ASKED: dict[str, Callable[[Deed, Dispute], Asked]] = {
    "join": _join,
    "reply": _reply,
    "message": _with_text(procedure.send_message),
    "evidence": _evidence,
    "evidence_complete": _plain(complete_evidence),
    "offer": _offer,
    "withdraw_offer": _with_offer(negotiation.withdraw_offer),
    "accept": _accept,
    "reject": _with_offer(negotiation.reject_offer),
    "leave": _plain(negotiation.leave_negotiation),
    "sign": _sign,
    "settled_directly": _with_text(procedure.state_direct_settlement),
    "deny_direct": _plain(procedure.deny_direct_settlement),
    "extend": _extend,
    "complete": _with_text(filing.give_information),
    "review": _with_text(filing.ask_review),
    "withdraw": _with_text(procedure.withdraw_dispute, needed=False),
    "admit": _plain(filing.admit_filing),
    "ask": _ask,
    "refuse": _with_ground(filing.refuse_filing),
    "dismiss": _with_text(response.dismiss_objection),
    "uphold": _with_ground(filing.uphold_objection),
}
