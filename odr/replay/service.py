"""Driving scripts: each act of a line goes through the doorway, on a clock that the script sets."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from odr.compliance import rules as compliance
from odr.database import write_unit
from odr.decision import rules as decision
from odr.disputes.calendars import seats_of
from odr.disputes.records import stream_of, to_history
from odr.disputes.service import Gather, Rule, fire_one, perform
from odr.disputes.tables import dispute_row, party, seller
from odr.evidence.rules import StoredFile, add_evidence, complete_evidence
from odr.evidence.service import take_in
from odr.filing import rules as filing
from odr.filing.service import address_key
from odr.house import House
from odr.kernel import SYSTEM, Actor, Money, Refused, instant, new_number, new_pseudonym, real_clock
from odr.log.integrator import seal_all
from odr.log.journal import Stored, read_stream
from odr.log.tables import idempotency
from odr.mediation import rules as mediation
from odr.mediation.queries import Seed, seed_of
from odr.negotiation import rules as negotiation
from odr.people.service import open_account
from odr.people.tables import mediator
from odr.procedure import rules as procedure
from odr.procedure.dispute import SIDES, Dispute, fold, other_side
from odr.procedure.events import ClaimItem, Finding, Term
from odr.procedure.ruleset import Ruleset
from odr.replay.passages import COMMIT, DRAW, FILE, HOUSE, Outlook, groups_of, what_follows
from odr.replay.queries import count_mediators, pool_of
from odr.replay.rules import FIRST_YEAR, LAST_YEAR, NO_WORDS, Deed, Person, Script
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
    already, left by a run of the same line that was broken off. `sealing` is the version of an entry that a checkpoint
    must cover first. `refused` was found out before asking any rule.
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
    gather: Gather | None = None
    sealing: int | None = None
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
    if task.sealing is not None:
        seed = _seal(house, task.dispute_id, task.sealing)
        task = replace(task, given={"size": seed.size, "root": seed.root})
    if task.ahead and _recorded(house, actor, task.key) is None:
        _refuse_again(house, task, rule, actor)
    if task.file:
        return _hand_in(house, task, actor, task.file)
    return _send(house, task, rule, actor)


def _send(house: House, task: Task, rule: Rule, actor: Actor) -> Outcome:
    alongside = _seat_parties(task)
    given = {"key": task.key, "alongside": alongside, "gather": task.gather, **task.given}
    done = perform(house, rule, task.dispute_id, actor, **given)
    if task.twice:
        again = perform(house, rule, task.dispute_id, actor, **given)
        if (again.first, again.last) != (done.first, done.last):
            raise RuntimeError(f"one act was done twice: {task.key}")
    # The answer to an act that was done before shows the dispute as it is today, not as the act left it.
    return Outcome(done.dispute) if done.dispute.version == done.last else _state_at(house, task.dispute_id, done.last)


# Whoever else seals at this moment is done within milliseconds; this is a minute and a half.
_MOST_LOOKS, _PAUSE = 20_000, 0.005


def _seal(house: House, dispute_id: str, version: int) -> Seed:
    """Let a checkpoint cover this entry, and answer the first that does. It is really signed now, whatever day the
    script has.

    Of several processes one integrates at a time and the others find nothing to do, so each looks until its own entry
    is covered.
    """
    house = replace(house, clock=real_clock)
    for look in range(_MOST_LOOKS):
        with house.engine.connect() as connection:
            seed = seed_of(connection, house, dispute_id, version)
        if seed:
            return seed
        if look:
            time.sleep(_PAUSE)
        seal_all(house)
    raise RuntimeError(f"no checkpoint covers entry {version} of dispute {dispute_id}")


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
        with house.engine.connect() as connection:
            gathered = task.gather(connection, dispute) if task.gather else {}
        rule(dispute, actor, at=at, seats=seats, **given, **gathered)


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
        self._nobody_left = False
        self._turn = turn
        self._buyer = Actor(_name(stage.house, "buyer", self.dispute.id), "buyer")

    def steps(self) -> Generator[Step, list[Outcome], None]:
        """The steps in their order; each is sent what its tasks came to."""
        groups = groups_of(self.script, racing=self.stage.racing)
        for place, group in enumerate(groups):
            at, now = group[0].at, [deed.do for deed in group]
            ahead = [deed.do for others in groups[place:] for deed in others]
            yield from self._let_time_pass(at, ahead)
            yield from self._let_follow(at, Outlook(ahead, now))
            yield from self._do(group)
            yield from self._let_follow(at, Outlook(ahead[len(group) :]))

    def _let_time_pass(self, until: int, ahead: Sequence[str]) -> Generator[Step, list[Outcome], None]:
        while self.dispute.next_due is not None and self.dispute.next_due <= until:
            before = self.dispute.version
            due = self.dispute.next_due
            self._take(list((yield Step(due, (self._task(due),)))))
            if self.dispute.version == before:
                return
            yield from self._let_follow(due, Outlook(ahead))

    def _let_follow(self, at: int, outlook: Outlook) -> Generator[Step, list[Outcome], None]:
        """Do what the line need not spell out, until it is the line's turn again."""
        follows = what_follows(self.script, self.dispute, outlook, at)
        while follows and not (follows.by == HOUSE and self._nobody_left):
            if not (yield from self._do((follows,))):
                # Nobody joins the house while it replays, so it need not look again whenever the draw is overdue.
                self._nobody_left = follows.by == HOUSE
                return
            follows = what_follows(self.script, self.dispute, outlook, at)

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
        if deed.by == HOUSE:
            return self._of_house(deed)
        try:
            rule, given = self._opening() if deed.do == FILE else _ASKED[deed.do](deed, self.dispute)
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

    def _of_house(self, deed: Deed) -> Task:
        """What the house does for an assignment: it fixes a pool, and draws by the first checkpoint over that."""
        more: dict[str, Any] = {"rule": mediation.commit_pool, "gather": pool_of}
        if deed.do == COMMIT:
            # Here, in the process that all lines go through, so that they are made once.
            seat_mediators(self.stage.house)
        if deed.do == DRAW:
            sealing = self.dispute.draw.version if self.dispute.draw else None
            more = {"rule": mediation.draw_mediator, "sealing": sealing}
        return self._task(deed.at, deed=deed, actor=SYSTEM, key=self._key(deed), twice=self.stage.twice, **more)

    def _task(self, at: int, **more: Any) -> Task:
        self._turn += 1
        return Task(
            dispute_id=self.dispute.id, at=at, version=self.dispute.version, ahead=self._ahead, turn=self._turn, **more
        )

    def _key(self, deed: Deed) -> str:
        # The dispute's id is made from the line's; what happens by itself does so once for each act, side and mediator.
        met = f"/{len(self.dispute.met)}" if self.dispute.met else ""
        own = str(deed.position) if deed.position is not None else f"{deed.do}/{deed.by}{met}"
        return f"replay/{self.dispute.id}/{own}"

    def _actor(self, deed: Deed) -> Actor:
        if deed.by == "buyer":
            return self._buyer
        if deed.by == "seller":
            return Actor(self.dispute.seller or _name(self.stage.house, "nobody", self.dispute.id), "seller")
        if deed.by == "registrar":
            return Actor(self.stage.registrars[self.dispute.review_asked], "registrar")
        if deed.by == "mediator":
            return Actor(self.dispute.mediator or _name(self.stage.house, "nobody", self.dispute.id), "mediator")
        return SYSTEM

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


MEDIATORS = 7
_CAPACITY = 1_000_000


def seat_mediators(house: House) -> None:
    """A few mediators of the replay, always the same ones, where the house has none; nobody can sign in as one."""
    with house.engine.connect() as connection:
        if count_mediators(connection):
            return

    def unit(connection: Connection) -> None:
        if count_mediators(connection):
            return
        for number in range(1, MEDIATORS + 1):
            account_id = open_account(
                connection,
                house,
                email=f"mediator-{number}@replay.invalid",
                name=f"Mediator {number}",
                country=house.settings.country,
                at=house.clock(),
                verified=False,
            )
            connection.execute(
                insert(mediator).values(
                    id=_name(house, "mediator", str(number)),
                    account_id=account_id,
                    languages=[],
                    fields=[],
                    country=house.settings.country,
                    interest_sellers=[],
                    interest_domains=[],
                    training="",
                    # In office for every day that a script can have.
                    admitted_at=instant(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)),
                    mandate_until=instant(datetime(LAST_YEAR, 1, 1, tzinfo=UTC)),
                    capacity=_CAPACITY,
                    counted_from=0,
                )
            )

    write_unit(house.engine, unit)


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
Asking = Callable[[Deed, Dispute], Asked]


def _join(deed: Deed, dispute: Dispute) -> Asked:
    return response.join_seller, {"proof": "invitation_link"}


def _reply(deed: Deed, dispute: Dispute) -> Asked:
    choice = deed.fields["choice"]
    given: dict[str, Any] = {"choice": choice, "text": deed.text(needed=choice in ("contest", "object"))}
    if choice == "offer" and {"amount", "items"} & deed.fields.keys():
        given["terms"] = _terms(deed, dispute)
    return response.give_reply, given


def _offer(deed: Deed, dispute: Dispute) -> Asked:
    return negotiation.make_offer, {
        "terms": _terms(deed, dispute),
        "text": deed.text(),
        **_told(deed, "perform_days", "open_days"),
    }


def _told(deed: Deed, *names: str) -> dict[str, Any]:
    """Those of these fields that the act has."""
    return {name: deed.fields[name] for name in names if name in deed.fields}


def _terms(deed: Deed, dispute: Dispute) -> tuple[Term, ...]:
    """One term for each claim item: as `items` say, or the amount for the first item that is about money."""
    if "items" in deed.fields:
        return tuple(_term(place, item, dispute) for place, item in enumerate(deed.fields["items"]))
    money = _first_money(dispute)
    amount = _money(deed.fields, dispute, money)
    places = range(max(len(dispute.items), 1))
    return tuple(_granted(place, amount) if place == money else Term(place, False) for place in places)


def _first_money(dispute: Dispute) -> int:
    """The place of the first item that is about money."""
    return next((place for place, item in enumerate(dispute.items) if item.amount), 0)


def _term(place: int, item: Any, dispute: Dispute) -> Term:
    return _granted(place, _money(item, dispute, place)) if isinstance(item, dict) else Term(place, bool(item))


def _granted(place: int, amount: Money) -> Term:
    # In an offer amounts are positive: one of 0.00 says that nothing is given on this item.
    return Term(place, True, amount) if amount.minor else Term(place, False)


def _money(told: Given, dispute: Dispute, place: int) -> Money:
    claimed = dispute.items[place].amount if place < len(dispute.items) else None
    paid = dispute.paid.currency if dispute.paid else ""
    return Money.parse(told["amount"], told.get("currency") or (claimed.currency if claimed else paid))


def _answered(deed: Deed, there: Sequence[Any]) -> int:
    """The offer or proposal that an act is about: the latest one, or the one that `of` names by its place."""
    place: int = deed.fields.get("of", max(len(there) - 1, 0))
    return place


def _seal_of(there: Sequence[Any], place: int) -> str:
    seal: str = there[place].seal if 0 <= place < len(there) else ""
    return seal


def _accept(deed: Deed, dispute: Dispute) -> Asked:
    place = _answered(deed, dispute.offers)
    return negotiation.accept_offer, {"offer": place, "seen": _seal_of(dispute.offers, place)}


def _sign(deed: Deed, dispute: Dispute) -> Asked:
    return procedure.sign_settlement, {"seen": dispute.agreement.seal if dispute.agreement else ""}


def _extend(deed: Deed, dispute: Dispute) -> Asked:
    """Ask for more time, or consent where the other side has asked; the registrar or the mediator grants it."""
    if deed.by not in SIDES:
        return procedure.grant_extension, {"text": deed.text(needed=True)}
    if dispute.extension_asked_by == other_side(deed.by):
        return procedure.agree_extension, {}
    return procedure.ask_extension, {"text": deed.text()}


def _suspend(deed: Deed, dispute: Dispute) -> Asked:
    """Ask that all time stands still, or consent where the other side has asked; the registrar orders it."""
    if deed.by not in SIDES:
        ground = deed.fields.get("ground", "")
        return procedure.order_suspension, {"ground": ground, "text": deed.text(needed=True)}
    if dispute.suspension_asked_by == other_side(deed.by):
        return procedure.agree_suspension, {}
    return procedure.ask_suspension, {"text": deed.text()}


def _ask(deed: Deed, dispute: Dispute) -> Asked:
    topics = tuple(deed.fields.get("topics", ("story",)))
    return filing.ask_information, {"topics": topics, "text": deed.text(needed=True)}


def _evidence(deed: Deed, dispute: Dispute) -> Asked:
    name = deed.fields.get("name") or Path(deed.fields["file"]).name
    return add_evidence, {"name": name, "about": deed.fields.get("about", "")}


def _address(deed: Deed, dispute: Dispute) -> Asked:
    contact = {"country": dispute.seller_country, **_told(deed, "name", "email")}
    return response.give_address, {"seller": json.dumps(contact, ensure_ascii=False)}


def _returned(deed: Deed, dispute: Dispute) -> Asked:
    return procedure.return_notice, {"side": deed.fields.get("side", "seller"), "template": INVITATION}


INVITATION = "invitation"
"""The notice that tells a seller of a dispute, which is the one that comes back most."""


def _accept_appointment(deed: Deed, dispute: Dispute) -> Asked:
    # Before the filing there are no rules, and the act is refused whatever it says.
    declared = dispute.ruleset.declarations if dispute.ruleset else ()
    return mediation.accept_appointment, {"declared": declared, "text": deed.text()}


def _request(deed: Deed, dispute: Dispute) -> Asked:
    side, days = deed.fields.get("side", "seller"), deed.fields.get("days", REQUEST_DAYS)
    return mediation.request_evidence, {"side": side, "days": days, "text": deed.text(needed=True)}


REQUEST_DAYS = 7


def _admit_late(deed: Deed, dispute: Dispute) -> Asked:
    late = [item.item for item in dispute.evidence if "late" in item.notes and item.item not in dispute.admitted_late]
    item = deed.fields.get("item", late[-1] if late else 0)
    return mediation.admit_late_evidence, {"item": item, "text": deed.text(needed=True)}


def _propose(deed: Deed, dispute: Dispute) -> Asked:
    return mediation.make_proposal, {
        "terms": _terms(deed, dispute),
        "text": deed.text(),
        **_told(deed, "perform_days"),
    }


def _with_proposal(rule: Rule) -> Asking:
    def asked(deed: Deed, dispute: Dispute) -> Asked:
        place = _answered(deed, dispute.proposals)
        return rule, {"proposal": place, "seen": _seal_of(dispute.proposals, place)}

    return asked


def _decide(deed: Deed, dispute: Dispute) -> Asked:
    findings, texts = _findings(deed, dispute)
    return decision.issue_decision, {
        "terms": _award(deed, dispute),
        "basis": deed.fields.get("basis", "buyer_law"),
        "findings": findings,
        "texts": texts,
        "costs": _costs(deed, dispute),
        **_told(deed, "perform_days"),
    }


def _award(deed: Deed, dispute: Dispute) -> tuple[Term, ...]:
    """What is granted: as `items` say; else the whole claim, nothing of it, or the amount for the first item that is
    about money. What is said of the amount goes before the word for the outcome."""
    if "items" in deed.fields:
        return _terms(deed, dispute)
    if deed.fields["outcome"] == "for_buyer":
        award = [Term(place, True, item.amount) for place, item in enumerate(dispute.items)]
        if "amount" in deed.fields and award:
            money = _first_money(dispute)
            award[money] = _granted(money, _money(deed.fields, dispute, money))
        return tuple(award)
    if "amount" in deed.fields:
        return _terms(deed, dispute)
    return tuple(Term(place, granted=False) for place in range(len(dispute.items)))


def _costs(deed: Deed, dispute: Dispute) -> Money | None:
    told = {"amount": deed.fields.get("costs", ""), **_told(deed, "currency")}
    return _money(told, dispute, _first_money(dispute)) if told["amount"] else None


def _findings(deed: Deed, dispute: Dispute) -> tuple[tuple[Finding, ...], dict[str, str]]:
    """The findings with their words; where the script has none, one that rests on all that is in the file."""
    barred = {item.item for item in dispute.evidence if "late" in item.notes} - dispute.admitted_late
    file = [item.item for item in dispute.evidence if item.item not in barred] or [decision.STATEMENTS]
    told = deed.fields.get("findings") or [{"text": NO_WORDS}]
    texts = {f"finding_{place}": finding["text"] for place, finding in enumerate(told, 1)}
    reasons = deed.fields.get("reasons", NO_WORDS)
    return tuple(Finding(tuple(one.get("cites") or file)) for one in told), {"reasons": reasons, **texts}


def _with_decision(rule: Rule) -> Asking:
    return lambda deed, dispute: (rule, {"seen": dispute.decision.seal if dispute.decision else ""})


def _on_challenge(upheld: bool) -> Asking:
    return lambda deed, dispute: (mediation.decide_challenge, {"upheld": upheld, "text": deed.text(needed=True)})


def _check_proof(deed: Deed, dispute: Dispute) -> Asked:
    return compliance.check_proof, {"shown": deed.fields["shown"], "text": deed.text(needed=True)}


def _hand_over(deed: Deed, dispute: Dispute) -> Asked:
    return procedure.hand_over, {"reason": deed.fields["reason"], "text": deed.text(needed=True)}


def _plain(rule: Rule) -> Asking:
    return lambda deed, dispute: (rule, {})


def _with_text(rule: Rule, *, needed: bool = True) -> Asking:
    return lambda deed, dispute: (rule, {"text": deed.text(needed=needed)})


def _with_ground(rule: Rule) -> Asking:
    return lambda deed, dispute: (rule, {"ground": deed.fields["ground"], "text": deed.text(needed=True)})


def _with_offer(rule: Rule) -> Asking:
    return lambda deed, dispute: (rule, {"offer": _answered(deed, dispute.offers)})


def _with_score(rule: Rule) -> Asking:
    return lambda deed, dispute: (rule, {"score": deed.fields["score"]})


_ASKED: dict[str, Asking] = {
    # The parties.
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
    "suspend": _suspend,
    "resume": _plain(procedure.end_suspension),
    "complete": _with_text(filing.give_information),
    "review": _with_text(filing.ask_review),
    "address": _address,
    "withdraw": _with_text(procedure.withdraw_dispute, needed=False),
    "object": _plain(mediation.object_to_mediator),
    "waive": _plain(mediation.waive_objection),
    "challenge": _with_ground(mediation.challenge_mediator),
    "accept_proposal": _with_proposal(mediation.accept_proposal),
    "reject_proposal": _with_proposal(mediation.reject_proposal),
    "fresh_decider": _plain(decision.ask_fresh_decider),
    "final_words": _with_text(decision.give_final_words, needed=False),
    "accept_decision": _with_decision(decision.accept_decision),
    "reject_decision": _with_decision(decision.reject_decision),
    "performed": _with_text(compliance.report_performance),
    "confirm": _plain(compliance.confirm_performance),
    "not_honoured": _with_text(compliance.deny_performance),
    "rate": _with_score(compliance.rate_procedure),
    # The registrar.
    "admit": _plain(filing.admit_filing),
    "ask": _ask,
    "refuse": _with_ground(filing.refuse_filing),
    "dismiss": _with_text(response.dismiss_objection),
    "uphold": _with_ground(filing.uphold_objection),
    "dismiss_challenge": _on_challenge(upheld=False),
    "uphold_challenge": _on_challenge(upheld=True),
    "check_proof": _check_proof,
    "hand_over": _hand_over,
    # The mediator.
    "accept_appointment": _accept_appointment,
    "decline_appointment": _with_text(mediation.decline_appointment, needed=False),
    "resign": _with_text(mediation.resign),
    "request_evidence": _request,
    "admit_late": _admit_late,
    "propose": _propose,
    "close_mediation": _plain(mediation.close_mediation),
    "decide": _decide,
    # The mail.
    "notice_returned": _returned,
}
