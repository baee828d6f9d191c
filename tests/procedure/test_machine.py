"""Random lives of a dispute: legal and illegal acts by everybody, time that moves, retries, restarts, and what must
hold all along. `make bench` lives twenty thousand of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from odr.decision.rules import issue_decision
from odr.disputes.records import to_event, to_fact
from odr.kernel import SYSTEM, Actor, Money, Refused
from odr.mediation.rules import make_proposal, request_evidence
from odr.procedure.access import acts_of, may, may_know
from odr.procedure.deadlines import Calendar, Seats
from odr.procedure.dispute import SIDES, Phase, fold, other_side
from odr.procedure.events import (
    NO_WORDS,
    BuyerRated,
    ClaimItem,
    ComplianceEnded,
    ConfirmationAsked,
    DecisionIssued,
    DecisionOpened,
    DisputeClosed,
    ErasureOrdered,
    EvidenceAdded,
    FileClosed,
    FinalWordsGiven,
    Finding,
    HoldLifted,
    HoldPlaced,
    MandateEnded,
    MandateGiven,
    MandateTakenUp,
    MediatorDrawn,
    MediatorReleased,
    NegotiationEnded,
    NoticeReturned,
    NoticeSent,
    OfferMade,
    PerformanceConfirmed,
    PerformanceDenied,
    PerformanceReported,
    SellerJoined,
    SellerRated,
    Term,
    UploadRefused,
    WordsErased,
)
from odr.web.sentences import REFUSALS
from tests.procedure.acts import ACTORS, ACTS, PLACES, leads_to, time_that_ends
from tests.procedure.story import BUYER, REFUND, SELLER, Story, a_decision, a_mandate, day_of_week

ITEMS = (
    REFUND,
    (ClaimItem("refund", Money(72990, "JPY")), ClaimItem("costs", Money(1500, "KWD")), ClaimItem("apology")),
    (ClaimItem("replacement"),),
)
ENDS = {"dispute:withdraw", "direct:state", "negotiation:leave", "dispute:hand_over", "mediator:resign", "decider:ask"}
# How far the usual course has gone when the dispute begins to live by itself.
COURSE = (
    "fold admitted contested in_negotiation seller_silent left drawn appointed in_mediation in_decision file_closed"
    " decided closed_by_decision".split()
)
REPRESENTATIVES = [name for name in ACTORS if name.startswith("representative")]
REAL = ["buyer", "seller", "registrar", "another registrar", "system", "the mediator"]
# What may still be said of a dispute that has ended.
AFTER_THE_END = {
    SellerJoined,
    NoticeSent,
    NoticeReturned,
    EvidenceAdded,
    UploadRefused,
    PerformanceReported,
    ConfirmationAsked,
    PerformanceConfirmed,
    PerformanceDenied,
    ComplianceEnded,
    BuyerRated,
    SellerRated,
    HoldPlaced,
    HoldLifted,
    ErasureOrdered,
    WordsErased,
    MandateGiven,
    MandateTakenUp,
    MandateEnded,
}
# What a representative can do at most, told by hand beside the table.
BINDS = frozenset(
    "reply:give offer:make offer:accept offer:reject offer:withdraw negotiation:leave settlement:sign proposal:accept"
    " proposal:reject decision:accept decision:reject direct:state direct:deny dispute:withdraw"
    " performance:confirm".split()
)
SPEAKS = frozenset(
    "information:give refusal:review evidence:add evidence:complete message:send objection:make objection:waive"
    " challenge:make decider:ask final_words:give performance:report performance:deny address:give suspension:ask"
    " suspension:agree suspension:end extension:ask extension:agree".split()
)
ABOUT_THEMSELVES = frozenset({"mandate:take_up", "mandate:resign", "words:erase"})
starts = st.sampled_from([*PLACES, *COURSE * 6])
amounts = st.none() | st.builds(
    Money, st.integers(-1, 80000) | st.integers(-(10**30), 10**30), st.sampled_from(["EUR", "JPY", "KWD", "USD", "XXX"])
)
wild_terms = st.lists(st.builds(Term, st.integers(-1, 3), st.booleans(), amounts), max_size=4).map(tuple)
wild_findings = st.lists(st.builds(Finding, st.lists(st.integers(-1, 4), max_size=3).map(tuple)), max_size=3).map(tuple)


class ADisputesLife(RuleBasedStateMachine):
    """The model beside the dispute is as plain as can be: what is open, who sits, who may still speak, whether it
    ended."""

    walked: ClassVar[Counter[tuple[str, str]]] = Counter()

    @initialize(start=starts, items=st.sampled_from(ITEMS), rest=st.integers(0, 6))
    def begin_anywhere(self, start, items, rest):
        if start in PLACES:
            self.begin(PLACES[start]())
        else:
            rests, never = Calendar("one day a week", day_of_week(rest)), Calendar("never", frozenset())
            self.begin(getattr(Story(items=items, seats=Seats(rests, never, rests)), start)())

    def begin(self, story):
        self.story = story
        self.open = self.mediator = None
        self.spoken = set()
        self.acting = {}
        self.closings = 0
        self.after_the_end = []
        self.last = None
        for event, header in story.facts:
            self.remember(event, header.role)
        self.due_fires()

    @precondition(lambda self: self.story.dispute.phase is Phase.CLOSED and self.story.dispute.next_due is None)
    @rule(start=starts, items=st.sampled_from(ITEMS), rest=st.integers(0, 6))
    def another_dispute_begins(self, start, items, rest):
        self.its_whole_life_holds()
        self.begin_anywhere(start, items, rest)

    def who(self, name):
        return Actor(self.story.dispute.mediator, "mediator") if name == "the mediator" else ACTORS[name]

    # -- what can happen

    @rule(data=st.data())
    def somebody_does_what_the_page_offers(self, data):
        self.one_of(data, lambda permission: permission not in ENDS and not permission.startswith("mandate:"))

    @rule(data=st.data())
    def somebody_is_named_to_act_or_is_no_more(self, data):
        self.one_of(data, lambda permission: permission.startswith("mandate:"), "buyer", "seller", *REPRESENTATIVES)

    @precondition(lambda self: self.story.dispute.mandates)
    @rule(data=st.data())
    def a_representative_does_what_the_page_offers(self, data):
        self.one_of(data, lambda permission: not permission.startswith("mandate:"), *REPRESENTATIVES)

    @rule(data=st.data(), really=st.integers(0, 4))
    def somebody_has_had_enough(self, data, really):
        # Ends that are possible everywhere would leave no life to look at, were they as frequent as the other acts.
        if not really:
            self.one_of(data, lambda permission: permission in ENDS)

    @precondition(lambda self: self.story.dispute.awaited)
    @rule(data=st.data(), side=st.sampled_from(SIDES))
    def whoever_is_awaited_goes_on(self, data, side):
        awaited = self.story.dispute.awaited
        name = {"platform": "system", "both": side, "mediator": "the mediator"}.get(awaited, awaited)
        aside = ("notice:", "suspension:", "extension:", "message:", "evidence:request", "direct:", *ENDS)
        self.one_of(data, lambda permission: not permission.startswith(aside), name)

    def one_of(self, data, wanted, *names):
        """One of the acts that are offered and wanted, by anybody or by these."""
        offered = [
            (permission, actor)
            for actor in map(self.who, names or REAL)
            for permission in acts_of(self.story.dispute, actor, self.story.at)
            if wanted(permission)
        ]
        if offered:
            permission, actor = data.draw(st.sampled_from(offered))
            act, fitting = data.draw(st.sampled_from(ACTS[permission]))
            self.attempt(permission, act, actor, fitting(self.story.dispute))

    @rule(
        permission=st.sampled_from(sorted(ACTS)),
        actor=st.sampled_from([*sorted(ACTORS), "the mediator"]),
        place=st.integers(0, 4),
    )
    def anybody_tries_anything(self, permission, actor, place):
        rules = ACTS[permission]
        act, fitting = rules[place % len(rules)]
        self.attempt(permission, act, self.who(actor), fitting(self.story.dispute))

    @precondition(lambda self: self.story.dispute.phase in (Phase.EVIDENCE, Phase.NEGOTIATION))
    @rule(
        actor=st.sampled_from([BUYER, SELLER]),
        terms=wild_terms,
        days=st.integers(-1, 100),
        open_days=st.integers(0, 31),
    )
    def a_side_offers_anything(self, actor, terms, days, open_days):
        [(act, _)] = ACTS["offer:make"]
        self.attempt("offer:make", act, actor, {"terms": terms, "perform_days": days, "open_days": open_days})

    @precondition(lambda self: self.story.dispute.offers)
    @rule(
        actor=st.sampled_from([BUYER, SELLER]),
        number=st.integers(-1, 5),
        act=st.sampled_from(["accept", "reject", "withdraw"]),
    )
    def a_side_answers_any_offer(self, actor, number, act):
        [(rule_, fitting)] = ACTS[f"offer:{act}"]
        self.attempt(f"offer:{act}", rule_, actor, {**fitting(self.story.dispute), "offer": number})

    @precondition(lambda self: self.story.dispute.mediator)
    @rule(terms=wild_terms, days=st.integers(-1, 100), side=st.sampled_from(["buyer", "seller", "mediator"]))
    def the_mediator_proposes_or_asks_for_anything(self, terms, days, side):
        given = {"side": side, "days": days, "text": "The tracking."}
        self.attempt("evidence:request", request_evidence, self.who("the mediator"), given)
        self.attempt("proposal:make", make_proposal, self.who("the mediator"), {"terms": terms, "perform_days": days})

    @precondition(lambda self: self.story.dispute.file_closed_at)
    @rule(terms=wild_terms, costs=amounts, findings=wild_findings, fits=st.booleans(), days=st.integers(-1, 100))
    def the_mediator_decides_anything(self, terms, costs, findings, fits, days):
        texts = {"reasons": "Because.", **{f"finding_{place}": "So it is." for place in range(1, 4)}}
        wild = {"costs": costs, "findings": findings, "texts": texts, "perform_days": days}
        given = {**a_decision(self.story.dispute), **wild, **({} if fits else {"terms": terms})}
        self.attempt("decision:issue", issue_decision, self.who("the mediator"), given)

    @precondition(lambda self: self.last)
    @rule()
    def the_last_request_comes_again(self):
        permission, act, actor, given = self.last
        if "representative" in given and permission == "mandate:give":
            # The doorway draws a name for each sending.
            given = {**given, "representative": a_mandate(self.story.dispute)["representative"]}
        self.attempt(permission, act, actor, given)

    @rule()
    def the_house_restarts(self):
        """What stands in the entries is all there is."""
        stored = [(to_event(fact.type, fact.data), header) for fact, header in _facts(self.story)]
        again = fold(self.story.dispute.id, stored, self.story.rulesets)

        assert again == self.story.dispute
        self.story.dispute = again

    @rule(hours=st.integers(0, 30))
    def time_passes(self, hours):
        self.story.later(hours=hours)
        self.due_fires()

    @precondition(lambda self: self.story.dispute.phase is not Phase.SCREENING)
    @rule(days_late=st.sampled_from([0, 0, 0, 1, 40]))
    def time_passes_to_the_next_end(self, days_late):
        if self.story.dispute.next_due is not None:
            self.story.at = max(self.story.at, self.story.dispute.next_due)
            self.story.later(days=days_late)
            self.due_fires()

    # -- how it is done

    def due_fires(self):
        while events := self.story.fire():
            self.happen(f"time:{time_that_ends(self.story.dispute)}", events, SYSTEM)

    def attempt(self, permission, act, actor, given):
        self.due_fires()
        self.last = (permission, act, actor, given)
        try:
            events = self.story.ask(act, actor, **given)
        except Refused as no:
            assert no.code in REFUSALS
            return
        # Asked again, a rule says the same; and nobody does what the page would not have offered.
        assert self.story.ask(act, actor, **given) == events
        assert may(permission, self.story.dispute, actor, self.story.at)
        if actor.role in SIDES and actor not in (BUYER, SELLER):
            self.is_within_the_mandate(permission, actor)
        self.happen(permission, events, actor)

    def is_within_the_mandate(self, permission, actor):
        """By the plain model of what was given, taken up and ended."""
        side, scope, until, state = self.acting[actor.id]
        assert side == actor.role
        if permission in ABOUT_THEMSELVES:
            return
        assert state == "taken up" and self.story.at < until
        assert permission in {"read": (), "speak": SPEAKS, "bind": SPEAKS | BINDS}[scope]

    def happen(self, what, events, actor):
        before = self.story.dispute
        for event in events:
            self.remember(event, actor.role)
            self.story.fold(event, by=actor)
        after = self.story.dispute
        if events:
            self.walked[str(before.phase), what] += 1
            assert after.phase in leads_to(before.phase, what), (before.phase, what, after.phase)
        self.nobody_lost_time(before, after)
        if actor.role == "seller":
            assert before.admitted_at is not None
        if actor.role == "mediator":
            assert before.mediator == actor.id != ""

    def nobody_lost_time(self, before, after):
        """A deadline moves earlier only by another step's taking its place."""
        was, now = before.step_clock, after.step_clock
        if was and now and now.due < was.due and not after.suspension:
            assert now.step != was.step or after.mediator != before.mediator
        if after.suspension and after.phase is not Phase.CLOSED:
            assert after.clock is None

    def remember(self, event, role):
        if self.closings:
            self.after_the_end.append(type(event))
        match event:
            case OfferMade():
                self.open = event.offer
            case NegotiationEnded() | DisputeClosed():
                self.open = None
            case DecisionOpened():
                self.spoken = set()
            case FinalWordsGiven():
                self.spoken.add(event.side)
            case EvidenceAdded():
                self.spoken.discard(other_side(event.side))
            case FileClosed():
                # By an act only when nobody has anything left to say; else because the time for it was over.
                assert role == "system" or self.spoken == set(SIDES)
            case MediatorDrawn():
                assert self.mediator is None
                self.mediator = event.mediator
            case MediatorReleased():
                assert event.mediator == self.mediator
                self.mediator = None
            case DecisionIssued():
                self.check_decision(event)
            case MandateGiven():
                assert event.representative not in self.acting
                self.acting[event.representative] = (event.side, event.scope, event.until, "given")
            case MandateTakenUp() | MandateEnded():
                state = "taken up" if isinstance(event, MandateTakenUp) else "ended"
                self.acting[event.representative] = (*self.acting[event.representative][:3], state)
        if getattr(event, "offer", self.open) == self.open and type(event).__name__.startswith("Offer"):
            self.open = event.offer if isinstance(event, OfferMade) else None
        self.closings += isinstance(event, DisputeClosed)

    def check_decision(self, event):
        dispute = self.story.dispute
        if dispute.phase is not Phase.DECISION:
            # A story that begins later has decided before.
            return
        assert dispute.file_closed_at is not None and dispute.challenge is None
        for item, term in zip(dispute.items, event.terms, strict=True):
            granted = term.amount
            assert (granted is None) == (not term.granted or item.amount is None)
            if granted and item.amount:
                assert 0 < granted.minor <= item.amount.minor and granted.currency == item.amount.currency
        there = {0, *(item.item for item in dispute.evidence)}
        assert event.findings and all(finding.cites and there.issuperset(finding.cites) for finding in event.findings)

    # -- what must hold all along

    @invariant()
    def at_most_one_offer_is_open_and_it_is_the_last(self):
        offers = self.story.dispute.offers
        assert [offer.number for offer in offers if offer.state == "open"] == ([] if self.open is None else [self.open])
        assert [offer.number for offer in offers] == list(range(len(offers)))

    @invariant()
    def at_most_one_proposal_is_open_and_it_is_the_last(self):
        proposals = self.story.dispute.proposals
        assert all(proposal.state != "open" for proposal in proposals[:-1])
        if self.story.dispute.open_proposal:
            assert self.story.dispute.phase is Phase.MEDIATION
            assert self.story.dispute.open_proposal.accepted_by < set(SIDES)

    @invariant()
    def a_dispute_ends_once_and_only_what_was_promised_comes_after(self):
        dispute = self.story.dispute
        assert self.closings == (dispute.phase is Phase.CLOSED) <= 1
        assert set(self.after_the_end) <= AFTER_THE_END
        assert self.after_the_end.count(SellerJoined) <= 1
        assert self.after_the_end.count(ComplianceEnded) + self.after_the_end.count(PerformanceConfirmed) <= 1
        assert (dispute.code is None) == (dispute.compliance is None) == (self.closings == 0)

    @invariant()
    def whoever_is_to_act_has_time_or_none_runs(self):
        dispute = self.story.dispute
        over = dispute.phase is Phase.CLOSED and dispute.compliance not in ("due", "performed", "disputed", "checking")
        assert (dispute.clock is None) == (over or dispute.suspension is not None)
        assert (dispute.next_due is None) == over
        assert dispute.next_due is None or dispute.next_due > self.story.at
        assert (dispute.awaited is None) == (dispute.clock is None)

    @invariant()
    def one_mediator_sits_and_nobody_sits_twice(self):
        dispute = self.story.dispute
        assert dispute.mediator == (self.mediator or "")
        assert len(set(dispute.met)) == len(dispute.met)
        if dispute.challenge:
            assert dispute.mediator and dispute.phase in (Phase.ASSIGNMENT, Phase.MEDIATION, Phase.DECISION)
        if dispute.phase in (Phase.MEDIATION, Phase.DECISION, Phase.DECIDED):
            assert dispute.appointed and dispute.mediator

    @invariant()
    def nobody_without_a_seat_is_offered_anything(self):
        dispute = self.story.dispute
        for name, actor in ACTORS.items():
            named = dispute.mandate_of(actor.id)
            acts_for = named is not None and named.side == actor.role
            seated = actor.role in ("registrar", "system") or actor.id in (dispute.buyer, dispute.seller) or acts_for
            if name == "the seller as buyer" or not (seated or (actor.id and actor.id == dispute.mediator)):
                assert acts_of(dispute, actor, self.story.at) == []

    @invariant()
    def an_agreement_gives_only_what_its_terms_give(self):
        agreement = self.story.dispute.agreement
        assert (agreement is not None) <= (self.story.dispute.phase in (Phase.SETTLED, Phase.CLOSED))
        if agreement:
            assert agreement.seal == f"{agreement.version:064x}"
            assert all(term.granted or term.amount is None for term in agreement.terms)

    def teardown(self):
        if hasattr(self, "story"):
            self.its_whole_life_holds()

    def its_whole_life_holds(self):
        """Folded again from the facts, from the facts without their words, and from their entries: the same state. What
        a reader may know folds as well, to the same place and time."""
        story = self.story
        wordless = [(replace(event, words=NO_WORDS), header) for event, header in story.facts]
        stored = [(to_event(fact.type, fact.data), header) for fact, header in _facts(story)]

        assert fold(story.dispute.id, story.facts, story.rulesets) == story.dispute
        assert fold(story.dispute.id, wordless, story.rulesets) == story.dispute
        assert fold(story.dispute.id, stored, story.rulesets) == story.dispute
        assert [header.version for _, header in story.facts] == list(range(1, len(story.facts) + 1))
        assert [header.at for _, header in story.facts] == sorted(header.at for _, header in story.facts)
        for reader in ("buyer", "seller", "registrar", "mediator", "decider"):
            seen = fold(story.dispute.id, [fact for fact in stored if may_know(reader, fact[0].reach)], story.rulesets)
            assert (seen.phase, seen.clock, seen.code) == (story.dispute.phase, story.dispute.clock, story.dispute.code)
            assert (seen.mediator, seen.decision) == (story.dispute.mediator, story.dispute.decision)
            assert not seen.offers or reader in SIDES
            assert not seen.proposals or reader in (*SIDES, "mediator")


def _facts(story):
    return [(to_fact(event), header) for event, header in story.facts]


ADisputesLife.TestCase.settings = settings(max_examples=500, stateful_step_count=40, deadline=None)
test_whatever_happens_the_procedure_holds = ADisputesLife.TestCase
