"""Every place of the procedure as a dispute with pages: the facts of stories, laid down in one house as they stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Flask
from sqlalchemy import Connection, insert

from odr.database import write_unit
from odr.disputes.queries import stand
from odr.disputes.rebuild import rebuild
from odr.disputes.records import stream_of, to_fact
from odr.disputes.tables import opening, party
from odr.kernel import Actor, new_id, new_number
from odr.log.chain import LARGEST_INTEGER
from odr.log.journal import EMPTY, Head, append
from odr.people.tables import mediator
from odr.procedure.dispute import Dispute
from odr.procedure.events import DisputeFiled
from tests.builders import run_alone
from tests.disputes.readers import Reader, account, house_of
from tests.procedure.acts import PLACES
from tests.procedure.story import BUYER, POOL, SELLER, Story


class Place:
    """A dispute that stands at a place of `tests.procedure.acts`, with a reader for each seat that is taken in it."""

    def __init__(self, places: Places, story: Story) -> None:
        self.places = places
        self.house = places.house
        self.story = story
        self.id = new_id()
        self.number = new_number()
        self.actors = {
            "buyer": BUYER,
            "seller": SELLER,
            "registrar": Actor(places.accounts["registrar"], "registrar"),
            "mediator": Actor(story.dispute.mediator, "mediator"),
        }
        self.readers: dict[str, Reader] = {}
        self._pages: dict[str, str] = {}

    @property
    def path(self) -> str:
        return f"/disputes/{self.number}"

    @property
    def dispute(self) -> Dispute:
        with self.house.engine.connect() as connection:
            return stand(connection, self.house, self.id).dispute

    def enter(self) -> Place:
        """Let it be the hour of the story, and everybody sign in at it."""
        self.places.clock.at = self.story.at
        if self.readers:
            return self
        accounts = dict(self.places.accounts)
        if self.story.dispute.mediator:
            accounts["mediator"] = self.places.mediators[self.story.dispute.mediator]
        self.readers = {role: Reader(self.places.app, account_id) for role, account_id in accounts.items()}
        return self

    def page(self, role: str) -> str:
        """The page as this reader gets it, read once; empty where there is none for them."""
        if role not in self._pages:
            answer = self.readers[role].client.get(self.path)
            assert answer.status_code in (200, 404), (role, answer.status)
            self._pages[role] = answer.get_data(as_text=True) if answer.status_code == 200 else ""
        return self._pages[role]

    def lay_down(self, connection: Connection) -> None:
        """Write the story's facts as entries, whatever the rules of this house would say to them."""
        stream, head = stream_of(self.id), EMPTY
        for event, header in self.story.facts:
            if isinstance(event, DisputeFiled):
                event = replace(event, number=self.number)
            by = Actor(header.actor, header.role)
            [stored] = append(connection, self.house, stream, [to_fact(event)], actor=by, at=header.at, head=head)
            head = Head(stored.entry.version, stored.entry.at, stored.seal)
        accounts = self.places.accounts
        connection.execute(
            insert(party),
            [
                {"dispute_id": self.id, "side": side.role, "actor_id": side.id, "account_id": accounts[side.role]}
                for side in (BUYER, SELLER)
            ],
        )
        # Whether or not anything there waits for a registrar.
        opened = {"dispute_id": self.id, "account_id": accounts["registrar"], "opened_at": 0, "until": LARGEST_INTEGER}
        connection.execute(insert(opening).values(opened))


class Places:
    """One house with a dispute at every place."""

    def __init__(self, app: Flask, clock: Any) -> None:
        self.app = app
        self.clock = clock
        self.house = house_of(app)
        self.accounts = {
            "buyer": account(app, "buyer@example.org", "The buyer"),
            "seller": account(app, "seller@example.org", "The seller"),
            "registrar": account(app, "registrar@example.org", "The registrar", "registrar"),
        }
        self.mediators = {name: self._on_the_roster(name) for name in POOL}
        self.all = {name: Place(self, tell()) for name, tell in PLACES.items()}
        write_unit(self.house.engine, self._lay_all_down)

    def _on_the_roster(self, mediator_id: str) -> str:
        account_id = account(self.app, f"{mediator_id[:2]}@example.org", "The mediator", "mediator")
        row = {
            "id": mediator_id, "account_id": account_id, "languages": ["en"], "fields": [], "interest_sellers": [],
            "interest_domains": [], "training": "", "admitted_at": 0, "mandate_until": 2 * self.clock(),
            "capacity": 15, "counted_from": 0,
        }  # fmt: skip
        run_alone(self.house, (mediator, row))
        return account_id

    def _lay_all_down(self, connection: Connection) -> None:
        for place in self.all.values():
            place.lay_down(connection)
        rebuild(connection, self.house)
