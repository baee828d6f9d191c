"""The act panel of a dispute: one row for each permission that somebody's act needs, the most needed first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import lazy_gettext as _
from flask_babel import ngettext

from odr.disputes.queries import Page
from odr.disputes.turns import is_side, turn_of
from odr.web.filters import link_to

Row = dict[str, Any]
Build = Callable[[Page], Row]


def rows_for(page: Page) -> list[Row]:
    """What this reader may do now, the most needed first; only what this house has a page for."""
    rows = [row for permission, build in ACTS if page.may(permission) for row in [build(page)] if row["where"]]
    turn = turn_of(page)
    mine = turn is not None and (turn["holder"] == "you" or (turn["holder"] == "both" and is_side(page)))
    for place, row in enumerate(rows):
        row[row.pop("how")] = row.pop("where")
        row.setdefault("kind", "" if place == 0 and row.pop("main", False) and mine else "second")
    return rows


def extension_days(page: Page) -> int:
    """By how many days the present step can be extended."""
    clock = page.dispute.clock
    return page.dispute.rules.steps[clock.step].extension_days if clock else 0


# On the registrar's page the whole file stands above the forms.
_FORMS = "decide"


def _page_act(title: Any, consequence: Any, label: Any, endpoint: str, anchor: str | None = None, **more: Any) -> Build:
    """A row that leads to the page of an act."""

    def build(page: Page) -> Row:
        where = link_to(endpoint, number=page.seat.number, _anchor=anchor)
        return {"title": title, "consequence": consequence, "label": label, "how": "href", "where": where, **more}

    return build


def _offer_act(title: Any, consequence: Any, label: Any, endpoint: str, **more: Any) -> Build:
    """A row that leads to the page where the open offer is answered."""

    def build(page: Page) -> Row:
        offer = page.dispute.open_offer
        where = link_to(endpoint, number=page.seat.number, offer=offer.number) if offer else None
        return {"title": title, "consequence": consequence, "label": label, "how": "href", "where": where, **more}

    return build


def _proposal_act(title: Any, consequence: Any, label: Any, endpoint: str, **more: Any) -> Build:
    """A row that leads to the page where the open proposal is answered."""

    def build(page: Page) -> Row:
        proposal = page.dispute.open_proposal
        where = link_to(endpoint, number=page.seat.number, proposal=proposal.number) if proposal else None
        return {"title": title, "consequence": consequence, "label": label, "how": "href", "where": where, **more}

    return build


def _button_act(title: Any, consequence: Any, label: Any, endpoint: str) -> Build:
    """A row that is itself the form: a small act that binds nobody to an amount."""

    def build(page: Page) -> Row:
        where = link_to(endpoint, number=page.seat.number)
        return {"title": title, "consequence": consequence, "label": label, "how": "action", "where": where}

    return build


def _agree_extension(page: Page) -> Row:
    return {
        "title": _("Agree to more time"),
        "consequence": ngettext(
            "The time of the present step becomes %(num)d day longer for both sides. This is possible once per step.",
            "The time of the present step becomes %(num)d days longer for both sides. This is possible once per step.",
            extension_days(page),
        ),
        "label": _("Agree"),
        "how": "action",
        "where": link_to("disputes.agree_extension", number=page.seat.number),
    }


def _ask_extension(page: Page) -> Row:
    return {
        "title": _("Ask for more time"),
        "consequence": ngettext(
            "If the other side agrees, the present step becomes %(num)d day longer. Until then the time goes on.",
            "If the other side agrees, the present step becomes %(num)d days longer. Until then the time goes on.",
            extension_days(page),
        ),
        "label": _("Ask for more time"),
        "how": "href",
        "where": link_to("disputes.extension", number=page.seat.number),
    }


def _grant_extension(page: Page) -> Row:
    desk = page.seat.actor.role == "registrar"
    return {
        "title": _("Give more time"),
        "consequence": _("You extend the present step once, with a reason that both sides read."),
        "label": _("Give more time"),
        "how": "href",
        "where": link_to(
            "filing.extension" if desk else "disputes.added_time",
            number=page.seat.number,
            _anchor=_FORMS if desk else None,
        ),
    }


def _complete_evidence(page: Page) -> Row:
    consequence = (
        _("Somebody is then drawn who decides on the papers. What you have not shown by then is not in them.")
        if page.dispute.in_default
        else _("When both sides have said so, the negotiation begins at once.")
    )
    return {
        "title": _("Say that your file is complete"),
        "consequence": consequence,
        "label": _("My file is complete"),
        "how": "href",
        "where": link_to("evidence.completion", number=page.seat.number),
    }


def _suspension_days(page: Page) -> int:
    return page.dispute.rules.suspension_days


def _ask_suspension(page: Page) -> Row:
    return {
        "title": _("Ask to let time stand still"),
        "consequence": ngettext(
            "If the other side agrees, all time stands still for %(num)d day at most. Until then the time goes on.",
            "If the other side agrees, all time stands still for %(num)d days at most. Until then the time goes on.",
            _suspension_days(page),
        ),
        "label": _("Ask for it"),
        "how": "href",
        "where": link_to("disputes.suspension", number=page.seat.number),
    }


def _agree_suspension(page: Page) -> Row:
    return {
        "title": _("Agree to let time stand still"),
        "consequence": ngettext(
            "All time stands still for %(num)d day at most. Either side can let it go on before.",
            "All time stands still for %(num)d days at most. Either side can let it go on before.",
            _suspension_days(page),
        ),
        "label": _("Agree"),
        "how": "action",
        "where": link_to("disputes.agree_suspension", number=page.seat.number),
    }


def _order_suspension(page: Page) -> Row:
    return {
        "title": _("Let time stand still"),
        "consequence": ngettext(
            "All time stands still for %(num)d day at most, on a ground of the closed list and with your reasons.",
            "All time stands still for %(num)d days at most, on a ground of the closed list and with your reasons.",
            _suspension_days(page),
        ),
        "label": _("Let time stand still"),
        "how": "href",
        "where": link_to("filing.suspension", number=page.seat.number, _anchor=_FORMS),
    }


def _erase_words(page: Page) -> Row:
    own = is_side(page) and any(line.words for line in page.docket if line.actor == page.seat.actor.id)
    return {
        "title": _("Have your words erased"),
        "consequence": _("All is over here. You can have what you wrote and sent erased, with your account."),
        "label": _("See what can be erased"),
        "how": "href",
        "where": link_to("erasure.mine") if own else None,
    }


ACTS: tuple[tuple[str, Build], ...] = (
    ("direct:deny", _button_act(
        _("Say that nothing was settled directly"),
        _("The seller says that both of you settled directly. If that is not so, the dispute goes on as before."),
        _("It was not settled"), "disputes.deny_direct_settlement")),
    ("address:give", _page_act(
        _("Name another address of the seller"),
        _("The notice goes there, and the seller’s time to reply begins anew."),
        _("Name an address"), "response.address", main=True)),
    ("reply:give", _page_act(
        _("Reply to the claim"),
        _("You choose among five replies. Nothing binds you before you have seen what it means and confirmed it."),
        _("Reply"), "response.reply", main=True)),
    ("settlement:sign", _page_act(
        _("Sign the agreement"),
        _("You read the whole text first. When both sides have signed, the dispute closes."),
        _("Read and sign"), "disputes.settlement", main=True)),
    ("information:give", _page_act(
        _("Complete the filing"),
        _("You answer what the registrar asked. The admission check then begins anew."),
        _("Complete it"), "filing.information", main=True)),
    ("refusal:review", _page_act(
        _("Ask for a review of the refusal"),
        _("Another registrar looks at it. What that registrar decides is final."),
        _("Ask for a review"), "filing.review")),
    ("filing:admit", _page_act(
        _("Decide on admission"),
        _("You admit the dispute, ask the buyer to complete it, or refuse it on a ground of the closed list."),
        _("Go to the admission check"), "filing.admission", main=True)),
    ("scope:decide", _page_act(
        _("Decide on the objection"),
        _("You keep the dispute, or refuse it on a ground of the closed list."),
        _("Decide on the objection"), "filing.scope", main=True)),
    ("challenge:decide", _page_act(
        _("Decide on the challenge"),
        _("You keep the mediator or release them, with reasons that both sides read. You do not decide who is right."),
        _("Decide on the challenge"), "mediation.challenge_decision", main=True)),
    ("proof:check", _page_act(
        _("Check the proof"),
        _("You say whether the seller’s papers show that it was carried out. Nothing else is decided again."),
        _("Check the proof"), "compliance.proof", main=True)),
    ("appointment:accept", _page_act(
        _("Accept the appointment"),
        _("You declare that you are independent of both sides. Each side may then object to you once."),
        _("Read and accept"), "mediation.appointment", main=True)),
    ("appointment:decline", _page_act(
        _("Decline the appointment"),
        _("The next mediator of the same draw is asked. You need not say why."),
        _("Decline"), "mediation.decline")),
    ("decision:issue", _page_act(
        _("Write the decision"),
        _("You grant or refuse each item of the claim, with reasons. A draft is kept until you issue it."),
        _("Write the decision"), "decision.draft", main=True)),
    ("proposal:accept", _proposal_act(
        _("Accept the mediator’s proposal"),
        _("You see the amounts first. When both sides have accepted it, it binds both, and both are asked to sign."),
        _("Read and accept"), "mediation.acceptance", main=True)),
    ("proposal:reject", _proposal_act(
        _("Reject the mediator’s proposal"),
        _("The proposal ends. The mediator may make another one, or close the mediation."),
        _("Read and reject"), "mediation.rejection")),
    ("decision:accept", _page_act(
        _("Accept the decision"),
        _("You read the decision first. What it grants is carried out within its time."),
        _("Read and accept"), "decision.acceptance", main=True)),
    ("decision:reject", _page_act(
        _("Reject the decision"),
        _("You are not bound by it unless the rules say so. You keep every other way, a court among them."),
        _("Read and reject"), "decision.rejection")),
    ("objection:waive", _button_act(
        _("Say that you have no objection"),
        _("When both sides have said so, the mediator begins at once."),
        _("No objection"), "mediation.waive")),
    ("objection:make", _page_act(
        _("Object to the mediator"),
        _("You need not say why, and can do it once in a dispute. The next mediator of the same draw is asked."),
        _("Object"), "mediation.objection")),
    ("final_words:give", _page_act(
        _("Say your final words"),
        _("When both sides have given theirs, the file is closed and the mediator decides."),
        _("Say your final words"), "decision.final_words", main=True)),
    ("decider:ask", _page_act(
        _("Ask that somebody else decides"),
        _("The next mediator of the same draw decides, and learns nothing of the mediation. This is possible once."),
        _("Ask for somebody else"), "decision.fresh_decider")),
    ("performance:report", _page_act(
        _("Say that it is done"),
        _("You say what was done and when. The buyer is asked to confirm it."),
        _("It is done"), "compliance.performance", main=True)),
    ("performance:confirm", _page_act(
        _("Confirm that it was carried out"),
        _("It is recorded as honoured, and nothing more is expected of either side."),
        _("It was carried out"), "compliance.confirmation", main=True)),
    ("performance:deny", _page_act(
        _("Say that it was not carried out"),
        _("The seller gets time to make it good; where the seller says that it was, a registrar checks the proof."),
        _("It was not carried out"), "compliance.denial")),
    ("evidence:add", _page_act(
        _("Add evidence"),
        _("A picture, a paper or a text that shows what happened. The other side sees it too."),
        _("Add evidence"), "evidence.add", main=True)),
    ("evidence:complete", _complete_evidence),
    ("offer:accept", _offer_act(
        _("Accept the open offer"),
        _("You see the amounts first. If you accept, both sides are bound by it, and both are asked to sign."),
        _("Read and accept"), "negotiation.acceptance", main=True)),
    ("offer:make", _page_act(
        _("Make an offer"),
        _("You answer the claim item by item. An offer that is still open, yours or the other side’s, is replaced."),
        _("Make an offer"), "negotiation.offer", main=True)),
    ("offer:reject", _offer_act(
        _("Reject the open offer"),
        _("The offer ends. Either side can make another one."),
        _("Reject it"), "negotiation.rejection")),
    ("offer:withdraw", _offer_act(
        _("Take back your offer"),
        _("The other side can no longer accept it."),
        _("Take it back"), "negotiation.withdrawal")),
    ("proposal:make", _page_act(
        _("Propose a settlement"),
        _("You answer the claim item by item. It binds nobody unless both sides accept it."),
        _("Make a proposal"), "mediation.proposal_new", main=True)),
    ("evidence:request", _page_act(
        _("Ask a side for evidence"),
        _("You say what is missing and until when. Both sides read it."),
        _("Ask for evidence"), "mediation.evidence_request")),
    ("evidence:admit", _page_act(
        _("Admit evidence that came late"),
        _("It then counts like everything else in the file. Both sides read your reasons."),
        _("Admit late evidence"), "mediation.late_evidence")),
    ("mediation:close", _page_act(
        _("Close the mediation"),
        _("It ends without an agreement. Both sides say their final words, and then it is decided."),
        _("Close the mediation"), "mediation.closing")),
    ("extension:agree", _agree_extension),
    ("extension:ask", _ask_extension),
    ("extension:grant", _grant_extension),
    ("suspension:agree", _agree_suspension),
    ("suspension:end", _button_act(
        _("Let time go on"),
        _("All time goes on at once, with as many days left as there were."),
        _("Let time go on"), "disputes.end_suspension")),
    ("suspension:ask", _ask_suspension),
    ("suspension:order", _order_suspension),
    ("direct:state", _page_act(
        _("Say that you settled directly"),
        _("For when both of you have agreed outside. The buyer’s word on it ends the dispute."),
        _("We settled directly"), "disputes.direct_settlement")),
    ("challenge:make", _page_act(
        _("Challenge the mediator"),
        _("On a ground of the closed list and with your reasons. A registrar decides; the dispute goes on meanwhile."),
        _("Challenge the mediator"), "mediation.challenge")),
    ("procedure:rate", _page_act(
        _("Rate the procedure"),
        _("A grade from 1 to 5. The other side never reads it; it is counted only together with others."),
        _("Rate the procedure"), "compliance.rating")),
    ("negotiation:leave", _page_act(
        _("Leave the negotiation"),
        _("No further offers are possible. A mediator is appointed who belongs to neither side."),
        _("Leave the negotiation"), "negotiation.leaving")),
    ("mediator:resign", _page_act(
        _("Resign"),
        _("You leave the dispute, with reasons that both sides read. The next mediator of the same draw is asked."),
        _("Resign"), "mediation.resignation", kind="destroys")),
    ("dispute:hand_over", _page_act(
        _("Record that it is dealt with elsewhere"),
        _("The dispute closes without a decision, because a court or another body has it now."),
        _("Record it"), "filing.handover", _FORMS, kind="destroys")),
    ("dispute:withdraw", _page_act(
        _("Withdraw the dispute"),
        _("The dispute ends without a decision. You may file it once more."),
        _("Withdraw"), "disputes.withdrawal", kind="destroys")),
    ("hold:lift", _page_act(
        _("Let the words go again"),
        _("You lift a hold. When none counts any more, whoever wrote words here can have them erased."),
        _("See the holds"), "erasure.holds")),
    ("hold:place", _page_act(
        _("Have the words kept"),
        _("On a ground of the closed list. As long as a hold counts, nothing of this dispute is erased."),
        _("Have them kept"), "erasure.holds")),
    ("words:erase", _erase_words),
)  # fmt: skip
