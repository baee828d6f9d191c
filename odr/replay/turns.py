"""A line on its way: what it does next, and what happens in between, until its last act is done."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from odr.disputes.service import Rule
from odr.filing import rules as filing
from odr.house import House
from odr.kernel import SYSTEM, Actor, Money, Refused
from odr.mediation import rules as mediation
from odr.procedure import rules as procedure
from odr.procedure.dispute import Dispute
from odr.procedure.events import ClaimItem
from odr.procedure.ruleset import Ruleset
from odr.replay.acts import ASKED, Given
from odr.replay.passages import COMMIT, DRAW, FILE, HOUSE, SERVE, Outlook, groups_of, what_follows
from odr.replay.queries import pool_of
from odr.replay.rules import Deed, Person, Script
from odr.replay.service import Outcome, Task, dispute_id_of, name_in, number_of, seat_mediators, seller_id_of


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
        self._buyer = Actor(name_in(stage.house, "buyer", self.dispute.id), "buyer")

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
            rule, given = self._opening() if deed.do == FILE else ASKED[deed.do](deed, self.dispute)
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
        """What the house does by its worker: for an assignment it fixes a pool, and draws by the first checkpoint over
        that; and it records that a notice left."""
        more: dict[str, Any] = {"rule": mediation.commit_pool, "gather": pool_of}
        if deed.do == SERVE:
            more = {"rule": procedure.record_notice, "given": {"side": "seller", "template": "last_call"}}
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
        if deed.do == SERVE:
            # Each last call is served, the second one too.
            met = f"/{self.dispute.version}"
        own = str(deed.position) if deed.position is not None else f"{deed.do}/{deed.by}{met}"
        return f"replay/{self.dispute.id}/{own}"

    def _actor(self, deed: Deed) -> Actor:
        if deed.by == "buyer":
            return self._buyer
        if deed.by == "seller":
            return Actor(self.dispute.seller or name_in(self.stage.house, "nobody", self.dispute.id), "seller")
        if deed.by == "registrar":
            return Actor(self.stage.registrars[self.dispute.review_asked], "registrar")
        if deed.by == "mediator":
            return Actor(self.dispute.mediator or name_in(self.stage.house, "nobody", self.dispute.id), "mediator")
        return SYSTEM

    def _opening(self) -> tuple[Rule, dict[str, Any]]:
        house, script, claim = self.stage.house, self.script, self.script.claim
        filed = filing.Filing(
            number=number_of(house, self.dispute.id),
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


def _claimed(item: Given, claim: Given, ruleset: Ruleset) -> ClaimItem:
    if item["remedy"] not in ruleset.money_remedies:
        return ClaimItem(item["remedy"])
    amount = Money.parse(item.get("amount", claim["amount"]), item.get("currency", claim["currency"]))
    return ClaimItem(item["remedy"], amount)


def _contact(person: Person) -> str:
    contact = {"name": person.name, "email": person.email, "country": person.country}
    return json.dumps(contact, ensure_ascii=False)
