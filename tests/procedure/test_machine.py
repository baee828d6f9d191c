"""Random lives of a dispute: legal and illegal acts by everybody, time that moves, and what must hold all along."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from odr.disputes.records import to_event, to_fact
from odr.kernel import Money, Refused
from odr.procedure.access import acts_of
from odr.procedure.deadlines import Calendar, Seats
from odr.procedure.dispute import Phase, fold
from odr.procedure.events import NO_WORDS, ClaimItem, DisputeClosed, OfferMade, SellerJoined, Term
from odr.web.sentences import REFUSALS
from tests.procedure.acts import ACTORS, ACTS, PLACES, leads_to
from tests.procedure.story import BUYER, OTHER_REGISTRAR, REFUND, REGISTRAR, SELLER, Story, day_of_week

ITEMS = (
    REFUND,
    (ClaimItem("refund", Money(72990, "JPY")), ClaimItem("costs", Money(1500, "KWD")), ClaimItem("apology")),
    (ClaimItem("replacement"),),
)
ENDS = {"dispute:withdraw", "direct:state", "negotiation:leave"}
# How far the usual course has gone when the dispute begins to live by itself.
COURSE = ["fold", "admitted", "contested", "in_negotiation"]
REAL = [BUYER, SELLER, REGISTRAR, OTHER_REGISTRAR]
amounts = st.none() | st.builds(
    Money, st.integers(-1, 80000) | st.integers(-(10**30), 10**30), st.sampled_from(["EUR", "JPY", "KWD", "USD", "XXX"])
)
wild_terms = st.lists(st.builds(Term, st.integers(-1, 3), st.booleans(), amounts), max_size=4).map(tuple)


class ADisputesLife(RuleBasedStateMachine):
    """The model beside the dispute is as plain as can be: what is open, who signed, whether it ended."""

    @initialize(start=st.sampled_from([*PLACES, *COURSE * 3]), items=st.sampled_from(ITEMS), rest=st.integers(0, 6))
    def begin_anywhere(self, start, items, rest):
        if start in PLACES:
            self.begin(PLACES[start]())
        else:
            rests, never = Calendar("one day a week", day_of_week(rest)), Calendar("never", frozenset())
            self.begin(getattr(Story(items=items, seats=Seats(rests, never, rests)), start)())

    def begin(self, story):
        self.story = story
        self.open = story.dispute.open_offer.number if story.dispute.open_offer else None
        self.closings = sum(isinstance(event, DisputeClosed) for event in story.events)
        self.after_the_end = []
        self.due_fires()

    # -- what can happen

    @rule(data=st.data())
    def somebody_does_what_the_page_offers(self, data):
        actor = data.draw(st.sampled_from(REAL))
        # Ends that are possible everywhere would leave no life to look at; they are among what anybody tries.
        offered = [act for act in acts_of(self.story.dispute, actor, self.story.at) if act not in ENDS]
        if offered:
            permission = data.draw(st.sampled_from(offered))
            act, fitting = data.draw(st.sampled_from(ACTS[permission]))
            self.attempt(permission, act, actor, fitting(self.story.dispute))

    @rule(
        permission=st.sampled_from(sorted(ACTS)),
        actor=st.sampled_from(sorted(ACTORS)),
        place=st.integers(0, 4),
    )
    def anybody_tries_anything(self, permission, actor, place):
        rules = ACTS[permission]
        act, fitting = rules[place % len(rules)]
        self.attempt(permission, act, ACTORS[actor], fitting(self.story.dispute))

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

    @rule(hours=st.integers(0, 30))
    def time_passes(self, hours):
        self.story.later(hours=hours)
        self.due_fires()

    @precondition(lambda self: self.story.dispute.phase is not Phase.SCREENING)
    @rule()
    def time_passes_to_the_next_end(self):
        if self.story.dispute.next_due is not None:
            self.story.at = max(self.story.at, self.story.dispute.next_due)
            self.due_fires()

    # -- how it is done

    def due_fires(self):
        while events := self.story.fire():
            offer = self.story.dispute.open_offer
            lapses = offer and offer.expires == self.story.dispute.next_due
            self.happen("time:offer" if lapses else f"time:{self.story.clock.step}", events, None)

    def attempt(self, permission, act, actor, given):
        self.due_fires()
        before = repr(self.story.dispute)
        try:
            events = self.story.ask(act, actor, **given)
        except Refused as no:
            assert no.code in REFUSALS
            events = []
        assert repr(self.story.dispute) == before
        self.happen(permission, events, actor)

    def happen(self, what, events, actor):
        before = self.story.dispute
        for event in events:
            self.remember(event)
            self.story.fold(event, by=actor) if actor else self.story.fold(event)
        after = self.story.dispute
        if events:
            assert after.phase in leads_to(before.phase, what), (before.phase, what, after.phase)
        if before.clock and after.clock and before.clock.step == after.clock.step and what.startswith("extension"):
            assert after.clock.due >= before.clock.due
        if before.clock and after.clock and after.clock.due < before.clock.due:
            assert after.clock.step != before.clock.step

    def remember(self, event):
        if self.closings:
            self.after_the_end.append(type(event))
        if isinstance(event, OfferMade):
            self.open = event.offer
        elif getattr(event, "offer", None) == self.open or isinstance(event, DisputeClosed):
            self.open = None
        if getattr(event, "by", "") in ("buyer", "seller", "clock"):
            self.open = None
        self.closings += isinstance(event, DisputeClosed)

    # -- what must hold all along

    @invariant()
    def at_most_one_offer_is_open_and_it_is_the_last(self):
        offers = self.story.dispute.offers
        assert [offer.number for offer in offers if offer.state == "open"] == ([] if self.open is None else [self.open])
        assert [offer.number for offer in offers] == list(range(len(offers)))

    @invariant()
    def a_dispute_ends_once_and_only_a_reader_comes_after(self):
        assert self.closings == (self.story.dispute.phase is Phase.CLOSED) <= 1
        assert set(self.after_the_end) <= {SellerJoined} and len(self.after_the_end) <= 1
        assert (self.story.dispute.code is None) == (self.closings == 0)

    @invariant()
    def whoever_is_to_act_has_time_or_none_runs(self):
        dispute = self.story.dispute
        resting = dispute.phase in (Phase.ASSIGNMENT, Phase.DEFAULT_TRACK, Phase.CLOSED)
        assert (dispute.clock is None) == resting
        assert dispute.next_due is None or dispute.next_due > self.story.at

    @invariant()
    def nobody_without_a_seat_is_offered_anything(self):
        for name in ("a stranger as buyer", "the seller as buyer", "mediator", "regulator", "admin", "system"):
            assert acts_of(self.story.dispute, ACTORS[name], self.story.at) == []

    @invariant()
    def an_agreement_gives_only_what_its_terms_give(self):
        agreement = self.story.dispute.agreement
        assert (agreement is not None) <= (self.story.dispute.phase in (Phase.SETTLED, Phase.CLOSED))
        if agreement:
            assert agreement.seal == f"{agreement.version:064x}"
            assert all(term.granted or term.amount is None for term in agreement.terms)

    def teardown(self):
        """Folded again from the facts, from the facts without their words, and from their entries: the same state."""
        story = self.story
        wordless = [(replace(event, words=NO_WORDS), header) for event, header in story.facts]
        stored = [(to_event(fact.type, fact.data), header) for fact, header in _facts(story)]

        assert fold(story.dispute.id, story.facts, story.rulesets) == story.dispute
        assert fold(story.dispute.id, wordless, story.rulesets) == story.dispute
        assert fold(story.dispute.id, stored, story.rulesets) == story.dispute
        assert [header.at for _, header in story.facts] == sorted(header.at for _, header in story.facts)


def _facts(story):
    return [(to_fact(event), header) for event, header in story.facts]


ADisputesLife.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_whatever_happens_the_procedure_holds = ADisputesLife.TestCase
