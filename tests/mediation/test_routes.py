"""The pages of the mediation, as each reader meets them: the roster, the draw, the desk, and every act."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from io import BytesIO

import pytest
from sqlalchemy import event

from odr.database import write_unit
from odr.decision.rules import ask_fresh_decider
from odr.evidence.service import take_in
from odr.house import House
from odr.kernel import Money, new_pseudonym
from odr.mediation import queries
from odr.mediation.rules import challenge_mediator, make_proposal, request_evidence, resign
from odr.mediation.service import advance_draw, end_mediator
from odr.people.queries import account_by_id
from odr.people.service import give_role
from odr.procedure.dispute import Phase
from odr.procedure.events import ClaimItem, Term
from tests.builders import ADispute, a_dispute
from tests.disputes.readers import Reader, invitation, text
from tests.mediation.conftest import Mediators, refreshed

pytestmark = pytest.mark.one_database

ALL_DECLARED = {"declared": ["no_tie", "no_money", "no_contact", "no_prejudgment"]}


def at(dispute: ADispute, path: str = "") -> str:
    return f"/disputes/{dispute.number}{path}"


# -- for everybody ------------------------------------------------------------------------------------------------


def test_the_roster_names_everybody_who_can_be_drawn(nobody, mediators: Mediators):
    page = nobody.read("/mediators")

    for name in ("First mediator", "Second mediator", "Third mediator"):
        assert name in page
    assert "Mediation, 200 hours" in page
    assert "English · German" in page
    assert "All kinds of disputes" in page
    assert "No open dispute" in page


def test_the_roster_says_when_nobody_is_on_it(nobody):
    assert "Nobody is on the list yet" in nobody.read("/mediators")


def test_whoever_is_ended_leaves_the_roster(house, nobody, mediators: Mediators):
    end_mediator(house, next(iter(mediators.readers)))

    assert nobody.client.get("/mediators").get_data(as_text=True).count("<h3") == 2


def test_a_draw_is_recomputed_by_the_program_on_its_page(house: House, nobody: Reader, drawn: ADispute):
    page = nobody.client.get(f"/draws/{drawn.state.draw.seal[:16]}").get_data(as_text=True)
    program = html.unescape(re.search(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.S)[1])

    printed = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed.split() == list(drawn.state.draw.order)
    assert printed.split()[0] == drawn.state.mediator


def test_a_draw_tells_nobody_whose_dispute_it_was(house: House, nobody: Reader, drawn: ADispute):
    page = nobody.client.get(f"/draws/{drawn.state.draw.seal[:16]}").get_data(as_text=True)

    for secret in (drawn.number, drawn.id, drawn.buyer.id, drawn.seller.id, drawn.number.replace("-", "")):
        assert secret not in page


def test_a_pool_without_a_seed_says_that_it_waits(
    house: House, nobody: Reader, mediators: Mediators, dispute: ADispute
):
    advance_draw(house, dispute.left().id)
    refreshed(house, dispute)

    assert "Nobody is drawn yet" in nobody.read(f"/draws/{dispute.state.draw.seal[:16]}")


@pytest.mark.parametrize("number", ["0" * 16, "nonsense", "0" * 15, "A" * 16])
def test_there_is_no_draw_under_another_number(nobody: Reader, number: str):
    assert nobody.client.get(f"/draws/{number}").status_code == 404


def test_who_reads_the_dispute_is_led_to_its_draw(buyer, stranger, mediators: Mediators, drawn: ADispute):
    for reader in (buyer, mediators.of(drawn)):
        assert reader.client.get(at(drawn, "/draw")).location == f"/draws/{drawn.state.draw.seal[:16]}"
    assert stranger.client.get(at(drawn, "/draw")).status_code == 404


def test_before_a_draw_its_page_leads_back(buyer: Reader, dispute: ADispute):
    assert buyer.client.get(at(dispute, "/draw")).location == at(dispute)


# -- the desk -----------------------------------------------------------------------------------------------------


def test_the_desk_is_for_mediators_only(buyer, registrar, nobody, mediators: Mediators, drawn: ADispute):
    assert mediators.of(drawn).client.get("/desk/mediator").status_code == 200
    for reader in (buyer, registrar, nobody):
        assert reader.client.get("/desk/mediator").status_code == 404


def test_the_desk_lists_the_own_disputes_only(mediators: Mediators, drawn: ADispute):
    assert drawn.number in mediators.of(drawn).read("/desk/mediator")
    assert drawn.number not in mediators.other_than(drawn).read("/desk/mediator")
    assert "You sit in no dispute" in mediators.other_than(drawn).read("/desk/mediator")


def test_the_desk_can_show_what_waits_for_the_mediator(mediators: Mediators, appointed: ADispute):
    reader = mediators.of(appointed)
    assert "Nothing waits for you" in reader.read("/desk/mediator?show=mine")

    appointed.in_mediation()

    assert appointed.number in reader.read("/desk/mediator?show=mine")


def test_what_runs_out_first_stands_on_top(app, house: House, mediators: Mediators, clock):
    sitting = next(iter(mediators.readers))
    later = a_dispute(house).in_mediation(sitting)
    sooner = a_dispute(house).left().drawn(sitting)

    page = mediators.readers[sitting].read("/desk/mediator")

    assert page.index(sooner.number) < page.index(later.number)


# -- the appointment ----------------------------------------------------------------------------------------------


def test_a_mediator_accepts_with_every_line_of_the_declaration(house, buyer, mediators: Mediators, drawn: ADispute):
    reader = mediators.of(drawn)
    page = reader.read(at(drawn, "/appointment"))
    assert "A Buyer" in page or "The buyer" in page

    answer = reader.send(at(drawn, "/appointment"), {**ALL_DECLARED, "text": "I once bought from this shop."})

    assert answer.status_code == 303, text(answer)
    assert refreshed(house, drawn).state.appointed
    assert "I once bought from this shop." in buyer.read(at(drawn, "/mediator/objection"))


def test_a_declaration_with_a_line_missing_is_refused_and_keeps_what_was_typed(house, mediators, drawn: ADispute):
    answer = mediators.of(drawn).send(at(drawn, "/appointment"), {"declared": ["no_tie"], "text": "Kept words"})

    assert answer.status_code == 409
    assert "Confirm every line of the declaration" in text(answer)
    assert "Kept words" in text(answer)
    assert not refreshed(house, drawn).state.appointed


def test_who_declines_leaves_and_the_next_is_asked(house, mediators: Mediators, drawn: ADispute):
    first, reader = drawn.state.mediator, mediators.of(drawn)

    answer = reader.send(at(drawn, "/appointment/refusal"), {"text": "I know the seller."})

    assert answer.location == "/desk/mediator"
    assert refreshed(house, drawn).state.mediator not in ("", first)
    assert reader.client.get(at(drawn)).status_code == 404
    assert mediators.of(drawn).client.get(at(drawn)).status_code == 200


def test_another_mediator_cannot_open_the_appointment(mediators: Mediators, drawn: ADispute):
    assert mediators.other_than(drawn).client.get(at(drawn, "/appointment")).status_code == 404


def test_a_side_reads_who_was_drawn_and_objects_once(house, buyer, mediators: Mediators, appointed: ADispute):
    first = appointed.state.mediator
    page = buyer.read(at(appointed, "/mediator/objection"))
    assert "Mediation, 200 hours" in page

    assert buyer.send(at(appointed, "/mediator/objection")).status_code == 303

    state = refreshed(house, appointed).state
    assert state.mediator != first
    appointed.appointed()
    answer = buyer.client.get(at(appointed, "/mediator/objection"), follow_redirects=True)
    assert "You" in text(answer) and answer.request.path == at(appointed)


def test_both_sides_waive_and_the_mediator_begins(house, buyer, seller, appointed: ADispute):
    for reader in (buyer, seller):
        answer = reader.send(at(appointed, "/mediator/objection/waiver"), form_at=at(appointed, "/mediator/objection"))
        assert answer.status_code == 303

    assert refreshed(house, appointed).state.phase is Phase.MEDIATION


def test_a_side_challenges_and_a_registrar_decides(house, buyer, registrar, mediators: Mediators, mediating: ADispute):
    first = mediating.state.mediator
    assert buyer.send(at(mediating, "/mediator/challenge"), {"text": "They are cousins."}).status_code == 409
    sent = buyer.send(at(mediating, "/mediator/challenge"), {"ground": "tie", "text": "They are cousins."})
    assert sent.status_code == 303, text(sent)

    page = registrar.read(at(mediating, "/mediator/challenge/decision"))
    assert "They are cousins." in page
    assert "The mediator has a tie to one side" in page
    unanswered = registrar.send(at(mediating, "/mediator/challenge/decision"), {"text": "It is shown."})
    assert unanswered.status_code == 422
    decided = {"upheld": "upheld", "text": "It is shown."}
    assert registrar.send(at(mediating, "/mediator/challenge/decision"), decided).status_code == 303

    assert refreshed(house, mediating).state.mediator not in ("", first)


def test_no_registrar_decides_on_a_challenge_in_a_dispute_against_themselves(house, registrar, mediators: Mediators):
    texts = {"narrative": "It never came.", "seller": json.dumps({"name": "A shop", "email": "Registrar@example.org"})}
    dispute = a_dispute(house, texts=texts).in_mediation(*sorted(mediators.readers))
    dispute.act(challenge_mediator, dispute.buyer, ground="delay", text="Nothing happens.")

    decided = {"upheld": "dismissed", "text": "It is two days."}
    answer = registrar.send(at(dispute, "/mediator/challenge/decision"), decided)

    assert answer.status_code == 409 and "Another registrar acts on it." in text(answer)
    assert refreshed(house, dispute).state.challenge


def test_no_registrar_decides_on_a_challenge_where_they_were_drawn_themselves(app, house, mediators: Mediators):
    dispute = a_dispute(house).in_mediation(*sorted(mediators.readers))
    drawn = mediators.of(dispute)
    write_unit(
        house.engine, lambda connection: give_role(connection, house, drawn.account_id, "registrar", at=house.clock())
    )
    drawn.sign_in()
    dispute.act(resign, dispute.mediator, text="I fell ill.")
    dispute.appointed().act(challenge_mediator, dispute.buyer, ground="delay", text="Nothing happens.")

    decided = {"upheld": "upheld", "text": "Mine was better."}
    answer = drawn.send(at(dispute, "/mediator/challenge/decision"), decided)

    assert answer.status_code == 409 and "Another registrar acts on it." in text(answer)
    assert refreshed(house, dispute).state.challenge


def test_a_dismissed_challenge_changes_nothing(house, buyer, registrar, mediating: ADispute):
    first = mediating.state.mediator
    mediating.act(challenge_mediator, mediating.buyer, ground="delay", text="Nothing happens.")

    decided = {"upheld": "dismissed", "text": "It is two days."}
    assert registrar.send(at(mediating, "/mediator/challenge/decision"), decided).status_code == 303

    assert refreshed(house, mediating).state.mediator == first
    assert refreshed(house, mediating).state.challenge is None


def test_a_mediator_resigns_with_a_reason(house, mediators: Mediators, mediating: ADispute):
    reader = mediators.of(mediating)
    assert reader.send(at(mediating, "/mediator/resignation"), {"text": ""}).status_code == 409

    assert reader.send(at(mediating, "/mediator/resignation"), {"text": "I am ill."}).location == "/desk/mediator"

    assert mediators.of(refreshed(house, mediating)) is not reader


# -- mediating ----------------------------------------------------------------------------------------------------


def test_a_mediator_asks_a_side_for_evidence(house, buyer, mediators: Mediators, mediating: ADispute):
    reader = mediators.of(mediating)
    for wrong in (
        {"side": "", "days": "3", "text": "Tracking"},
        {"side": "seller", "days": "soon", "text": "Tracking"},
    ):
        assert reader.send(at(mediating, "/evidence/request"), wrong).status_code == 422
    too_long = {"side": "seller", "days": "99", "text": "Tracking"}
    assert reader.send(at(mediating, "/evidence/request"), too_long).status_code == 409

    asked = {"side": "seller", "days": "3", "text": "Send the tracking number."}
    assert reader.send(at(mediating, "/evidence/request"), asked).status_code == 303

    assert [request.side for request in refreshed(house, mediating).state.requests] == ["seller"]
    assert "Send the tracking number." in buyer.read(at(mediating))


def test_a_mediator_admits_what_came_late(house: House, mediators: Mediators, mediating: ADispute, clock):
    mediating.act(request_evidence, mediating.mediator, side="seller", days=1, text="The label.")
    clock.advance(days=4)
    take_in(
        house,
        mediating.id,
        mediating.seller,
        key=new_pseudonym(),
        arriving=BytesIO(b"left the country\n"),
        name="label.txt",
        about="The label",
    )
    reader = mediators.of(refreshed(house, mediating))
    reader.sign_in()
    assert "label.txt" in reader.read(at(mediating, "/evidence/late"))
    item = str(mediating.state.evidence[-1].item)

    assert reader.send(at(mediating, "/evidence/late"), {"item": item, "text": ""}).status_code == 409
    assert reader.send(at(mediating, "/evidence/late"), {"item": item, "text": "It decides it."}).status_code == 303

    assert refreshed(house, mediating).state.admitted_late


def test_a_proposal_is_made_item_by_item_and_accepted_by_both(
    house: House, buyer, seller, mediators: Mediators, mediating: ADispute
):
    sent = {"amount_0": "30.00", "perform_days": "10", "text": "Half each, roughly."}
    answer = mediators.of(mediating).send(at(mediating, "/proposals/new"), sent)
    assert answer.status_code == 303, text(answer)
    for reader in (buyer, seller):
        page = reader.read(at(mediating, "/proposals/0"))
        assert "30.00" in page and "Half each, roughly." in page

    assert buyer.send(at(mediating, "/proposals/0/acceptance")).location == at(mediating)
    assert "The buyer has accepted it." in seller.read(at(mediating, "/proposals/0"))
    answer = seller.send(at(mediating, "/proposals/0/acceptance"))

    assert answer.location == at(mediating, "/settlement")
    state = refreshed(house, mediating).state
    assert (state.phase, state.agreement.how) == (Phase.SETTLED, "settled_mediation")


def test_each_item_of_a_claim_of_several_is_asked_about(app, house: House, buyer, mediators: Mediators):
    items = (ClaimItem("refund", Money(4890, "EUR")), ClaimItem("replacement"))
    sitting = next(iter(mediators.readers))
    dispute = a_dispute(house, items=items, buyer_account=buyer.account_id).in_mediation(sitting)
    reader = mediators.of(dispute)

    unanswered = reader.send(at(dispute, "/proposals/new"), {"amount_0": "30.00", "perform_days": "10"})
    assert unanswered.status_code == 422
    assert "Say whether you propose" in text(unanswered)
    sent = {"granted_0": "no", "granted_1": "yes", "perform_days": "10"}
    assert reader.send(at(dispute, "/proposals/new"), sent).status_code == 303

    proposal = refreshed(house, dispute).state.proposals[0]
    assert proposal.terms == (Term(0, False), Term(1, True))


def test_a_rejected_proposal_is_over(house, buyer, seller, mediators: Mediators, mediating: ADispute):
    mediating.proposed("20.00")

    assert buyer.send(at(mediating, "/proposals/0/rejection")).status_code == 303

    assert refreshed(house, mediating).state.proposals[0].state == "rejected"
    answer = seller.client.get(at(mediating, "/proposals/0/acceptance"))
    assert answer.location == at(mediating, "/proposals/0")
    assert "Rejected" in seller.read(at(mediating, "/proposals/0"))


def test_a_proposal_that_was_replaced_meanwhile_is_not_accepted_by_the_old_page(house, buyer, mediating: ADispute):
    mediating.proposed("20.00")
    form = buyer.hidden(at(mediating, "/proposals/0/acceptance"))
    mediating.proposed("10.00")

    answer = buyer.post(at(mediating, "/proposals/0/acceptance"), form)

    assert answer.status_code == 409
    assert refreshed(house, mediating).state.proposals[0].accepted_by == frozenset()


def test_a_registrar_and_the_next_decider_learn_nothing_of_proposals(
    house, registrar, mediators: Mediators, mediating: ADispute
):
    mediating.act(make_proposal, mediating.mediator, terms=(Term(0, True, Money(1234, "EUR")),), text="Canary")
    mediating.in_decision().opened_to(registrar.account_id)
    mediating.act(ask_fresh_decider, mediating.buyer)

    for reader in (registrar, mediators.of(mediating)):
        assert reader.client.get(at(mediating, "/proposals/0")).status_code == 404
        page = reader.read(at(mediating))
        assert "12.34" not in page and "Canary" not in page


def test_a_mediator_closes_the_mediation(house, mediators: Mediators, mediating: ADispute):
    assert mediators.of(mediating).send(at(mediating, "/mediation/closing")).status_code == 303

    assert refreshed(house, mediating).state.phase is Phase.DECISION


def test_an_act_that_is_over_leads_back_with_the_reason(mediators: Mediators, mediating: ADispute):
    reader = mediators.of(mediating)

    answer = reader.client.get(at(mediating, "/appointment"))

    assert answer.location == at(mediating)


def test_no_page_of_the_mediation_asks_more_than_a_few_queries(
    app, house: House, mediators: Mediators, drawn: ADispute
):
    asked: list[str] = []
    event.listen(house.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    counts = {}
    for path in ("/mediators", "/desk/mediator", f"/draws/{drawn.state.draw.seal[:16]}", at(drawn, "/appointment")):
        asked.clear()
        assert mediators.of(drawn).client.get(path).status_code == 200
        counts[path] = len([one for one in asked if one.startswith("SELECT")])

    # Two of them write down that a mediator read the dispute.
    assert counts.pop(at(drawn, "/appointment")) <= 11
    assert max(counts.values()) <= 9, counts


def test_the_desk_counts_by_whose_turn_it_is(house: House, mediators: Mediators, drawn: ADispute):
    assert _counts(house, drawn.state.mediator) == queries.DeskCounts(1, 1)

    drawn.appointed()

    assert _counts(house, drawn.state.mediator) == queries.DeskCounts(1, 0)
    assert _counts(house, "0" * 32) == queries.DeskCounts(0, 0)


def _counts(house: House, mediator_id: str) -> queries.DeskCounts:
    with house.engine.connect() as connection:
        return queries.desk_counts(connection, mediator_id)


def test_a_challenge_waits_in_the_registrars_queue_by_its_own_time(house, registrar, mediating: ADispute, clock):
    other = a_dispute(house)
    mediating.act(challenge_mediator, mediating.buyer, ground="delay", text="Nothing happens.")

    page = registrar.read("/desk")

    assert mediating.number in page and other.number in page
    assert "Decision on a challenge of the mediator" in page
    assert at(mediating) in registrar.client.get("/desk").get_data(as_text=True)
    registrar.send(at(mediating, "/mediator/challenge/decision"), {"upheld": "dismissed", "text": "It is two days."})
    assert mediating.number not in registrar.read("/desk")


def test_whoever_was_drawn_does_not_sit_down_as_the_seller(app, house, drawn, mediators):
    """A mediator whose address somebody gave as the seller's would otherwise read both sides and decide."""
    above = mediators.of(drawn)
    with house.engine.connect() as connection:
        email = account_by_id(connection, above.account_id).email
    link = f"/invitation/{invitation(app, drawn.id, email)}"

    refused = above.send(link, form_at=link)

    assert refused.status_code == 409
    assert "mediator who was drawn" in text(refused)
