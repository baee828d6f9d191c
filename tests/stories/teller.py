"""Telling a whole dispute: people act on the day they act, and between them the worker does what it does."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from odr import worker
from odr.disputes.queries import contact_of, stand
from odr.disputes.records import to_history
from odr.disputes.service import Done
from odr.evidence.service import take_in
from odr.house import House
from odr.kernel import Actor, Money, instant, moment, new_pseudonym
from odr.log.journal import Stored, read_stream
from odr.mediation import rules as mediation
from odr.mediation.service import Admission, admit_mediator
from odr.negotiation import rules as negotiation
from odr.notices.tables import outbox
from odr.people.service import Caller
from odr.procedure.events import ClaimItem, NoticeSent, Term
from odr.response.service import join
from odr.statistics.figures import Record, record_of
from tests.builders import ADispute
from tests.conftest import FrozenClock
from tests.disputes.readers import Reader, account, invitation
from tests.mediation.roster import evidenced

BUYER_AT, SELLER_AT = "buyer-{0}@example.org", "seller-{0}@shop-{0}.example"


class Case(ADispute):
    """A dispute whose days are counted from its filing. Where nobody acts, deadlines fire, mediators are drawn, the log
    is sealed and mail leaves as the worker does it; no page is opened for that."""

    def __init__(
        self,
        app: Flask,
        clock: FrozenClock,
        shared: Path,
        *,
        name: str,
        filed: str,
        buyer: tuple[str, str],
        seller: tuple[str, str],
        claim: tuple[ClaimItem, ...],
        paid: Money,
        narrative: str,
        seller_name: str = "The seller",
        seller_signed_up: bool = True,
        **changes: Any,
    ) -> None:
        self.app, self.clock, self.files = app, clock, shared / "data" / "evidence"
        self.open_to_late_seller: list[str] = []
        self.filed_at = datetime.fromisoformat(filed).replace(tzinfo=UTC)
        clock.at = instant(self.filed_at)
        self.emails = {"buyer": BUYER_AT.format(name), "seller": SELLER_AT.format(name)}
        countries = {"buyer": buyer[0], "seller": seller[0]}
        names = {"buyer": "The buyer", "seller": seller_name}
        contacts = {
            side: json.dumps(
                {"name": names[side], "email": self.emails[side], "country": countries[side]}, ensure_ascii=False
            )
            for side in ("buyer", "seller")
        }
        accounts = {"buyer": account(app, self.emails["buyer"], "The buyer", country=buyer[0], language=buyer[1])}
        if seller_signed_up:
            accounts["seller"] = account(app, self.emails["seller"], seller_name, country=seller[0], language=seller[1])
        self.accounts = accounts
        super().__init__(
            app.extensions["odr"],
            items=claim,
            buyer_account=accounts["buyer"],
            seller_account=accounts.get("seller"),
            buyer_country=buyer[0],
            buyer_language=buyer[1],
            seller_country=seller[0],
            seller_language=seller[1],
            paid=paid,
            ordered_on=(self.filed_at - timedelta(21)).date().isoformat(),
            contacted_on=(self.filed_at - timedelta(7)).date().isoformat(),
            texts={"narrative": narrative, "order": json.dumps({"reference": name}), **contacts},
            **changes,
        )

    # -- time

    def on(self, day: int, hour: int = 12, minute: int = 0) -> Case:
        """Day so many after the filing, at this hour UTC; what fell due meanwhile happened at its own instant."""
        return self.at(self.filed_at.replace(hour=hour, minute=minute) + timedelta(day))

    def at(self, when: datetime) -> Case:
        until = instant(when)
        self.work()
        while (moved := self._next_moment(until)) is not None:
            self.clock.at = moved
            self.work()
        self.clock.at = max(self.clock.at, until)
        return self

    def _next_moment(self, until: int) -> int | None:
        """When a deadline of this dispute or a letter about it falls due next, None when none does until then."""
        waiting = select(func.min(outbox.c.due_at)).where(
            outbox.c.dispute_id == self.id, outbox.c.sent_at.is_(None), outbox.c.due_at > self.clock.at
        )
        with self.house.engine.connect() as connection:
            instants = [self.next_due, connection.scalar(waiting)]
        return min((each for each in instants if each is not None and self.clock.at < each <= until), default=None)

    def to_the_end(self) -> Case:
        """Until nothing is due any more."""
        while self.next_due:
            self.at(moment(self.next_due))
        return self

    @property
    def next_due(self) -> int | None:
        return self.state.next_due

    def work(self) -> None:
        """Let the worker do all that is due now."""
        assert worker.run(self.app, once=True)
        with self.house.engine.connect() as connection:
            self.state = stand(connection, self.house, self.id).dispute

    # -- acts that stories need in few words

    def hand_in(self, actor: Actor, file: str, name: str | None = None, about: str = "") -> Done:
        """Hand in one of the real files, under this name."""
        return self.hand_in_bytes(actor, (self.files / file).read_bytes(), name or file, about)

    def hand_in_bytes(self, actor: Actor, content: bytes, name: str, about: str = "") -> Done:
        key = new_pseudonym()
        done = take_in(self.house, self.id, actor, key=key, arriving=io.BytesIO(content), name=name, about=about)
        self.state = done.dispute
        return done

    def offers(self, actor: Actor, amount: str, currency: str = "EUR") -> Case:
        self.offer(actor, amount, currency)
        return self

    def rejects(self, actor: Actor) -> Case:
        self.act(negotiation.reject_offer, actor, offer=self.state.offers[-1].number)
        return self

    def accepts_the_appointment(self) -> Case:
        """The drawn mediator accepts and declares to be free of every tie."""
        declared = self.state.rules.declarations
        self.act(mediation.accept_appointment, self.mediator, declared=declared, text="I know neither side.")
        return self

    def nobody_objects(self, *sides: Actor) -> Case:
        for side in sides or (self.buyer, self.seller):
            self.act(mediation.waive_objection, side)
        return self

    def award(self, amount: str | None, currency: str = "EUR") -> tuple[Term, ...]:
        """The first item granted with this amount, or refused."""
        return (Term(0, True, Money.parse(amount, currency)) if amount else Term(0, granted=False),)

    def reader(self, side: str) -> Reader:
        """A side in front of a browser."""
        return Reader(self.app, self.accounts[side])

    def seller_comes(self) -> None:
        """The seller answers the link of a mail at last, and with that has an account."""
        token = invitation(self.app, self.id, self.emails["seller"])
        given = {"name": "The seller", "language": "zh_Hans", "zone": "Asia/Hong_Kong"}
        join(self.house, Caller(), token, key=new_pseudonym(), **given)
        with self.house.engine.connect() as connection:
            self.accounts["seller"] = contact_of(connection, self.house, self.id, "seller").account_id or ""
        self.work()

    # -- what came of it

    @property
    def entries(self) -> list[Stored]:
        with self.house.engine.connect() as connection:
            return read_stream(connection, f"dispute/{self.id}")

    @property
    def types(self) -> list[str]:
        return [stored.entry.type for stored in self.entries]

    def told(self, side: str) -> list[tuple[str, int]]:
        """The notices with a time limit that left for a side, each with the day it left on."""
        return [
            (event.template, self.days_to(header.at))
            for event, header in to_history(self.entries)
            if isinstance(event, NoticeSent) and event.side == side
        ]

    @property
    def record(self) -> Record:
        """What the statistics count about this dispute."""
        return record_of(self.state)

    def days_to(self, at: int | None) -> int:
        """Days from the filing, as the difference of dates in UTC."""
        assert at is not None
        return (moment(at).date() - self.filed_at.date()).days


def a_mediator(house: House, country: str, *languages: str) -> str:
    """Somebody on the roster, admitted now."""
    email = f"mediator-{'-'.join(languages)}@example.org"
    admission = Admission(languages=languages, country=country, training="Mediation training, consumer law")
    return evidenced(house, admit_mediator(house, email, "A mediator", admission))
