"""Every place of the procedure as a dispute with pages: the facts of a story, laid down in a house as they stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Flask
from sqlalchemy import Connection, insert

from odr.database import write_unit
from odr.disputes.queries import stand
from odr.disputes.rebuild import rebuild
from odr.disputes.records import stream_of, to_fact
from odr.disputes.tables import party
from odr.house import House
from odr.kernel import Actor, new_number
from odr.log.journal import EMPTY, Head, append
from odr.people.tables import mediator
from odr.procedure.dispute import Dispute
from odr.procedure.events import DisputeFiled
from tests.builders import run_alone
from tests.disputes.readers import Reader, account, house_of
from tests.procedure.acts import PLACES
from tests.procedure.story import BUYER, SELLER, Story


class Place:
    """A dispute that stands at a place of `tests.procedure.acts`, with a reader for each seat that is taken in it."""

    def __init__(self, app: Flask, clock: Any, name: str) -> None:
        story = PLACES[name]()
        self.house = house_of(app)
        self.number = new_number()
        self.id = story.dispute.id
        clock.at = story.at
        accounts = _accounts(app, self.house, story)
        write_unit(self.house.engine, lambda connection: self._lay_down(connection, story, accounts))
        self.readers = {role: Reader(app, account_id) for role, account_id in accounts.items()}
        self.actors = {
            "buyer": BUYER,
            "seller": SELLER,
            "mediator": Actor(story.dispute.mediator, "mediator"),
            "registrar": Actor(accounts["registrar"], "registrar"),
        }

    def _lay_down(self, connection: Connection, story: Story, accounts: dict[str, str]) -> None:
        """Write the story's facts as entries, whatever the rules of this house would say to them, and fold the rows."""
        stream, head = stream_of(self.id), EMPTY
        for event, header in story.facts:
            if isinstance(event, DisputeFiled):
                event = replace(event, number=self.number)
            by = Actor(header.actor, header.role)
            [stored] = append(connection, self.house, stream, [to_fact(event)], actor=by, at=header.at, head=head)
            head = Head(stored.entry.version, stored.entry.at, stored.seal)
        connection.execute(
            insert(party),
            [
                {"dispute_id": self.id, "side": side.role, "actor_id": side.id, "account_id": accounts[side.role]}
                for side in (BUYER, SELLER)
            ],
        )
        rebuild(connection, self.house)

    @property
    def path(self) -> str:
        return f"/disputes/{self.number}"

    @property
    def dispute(self) -> Dispute:
        with self.house.engine.connect() as connection:
            return stand(connection, self.house, self.id).dispute


def _accounts(app: Flask, house: House, story: Story) -> dict[str, str]:
    accounts = {
        "buyer": account(app, "buyer@example.org", "The buyer"),
        "seller": account(app, "seller@example.org", "The seller"),
        "registrar": account(app, "registrar@example.org", "The registrar", "registrar"),
    }
    if story.dispute.mediator:
        accounts["mediator"] = account(app, "mediator@example.org", "The mediator", "mediator")
        run_alone(house, (mediator, _on_the_roster(story.dispute.mediator, accounts["mediator"], story.at)))
    return accounts


def _on_the_roster(mediator_id: str, account_id: str, at: int) -> dict[str, Any]:
    return {
        "id": mediator_id, "account_id": account_id, "languages": ["en"], "fields": [], "country": None,
        "interest_sellers": [], "interest_domains": [], "training": "", "admitted_at": at, "mandate_until": 2 * at,
        "ended_at": None, "capacity": 15, "counted_from": at,
    }  # fmt: skip
