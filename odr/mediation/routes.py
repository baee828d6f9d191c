"""The pages of the mediation: the roster, draws, the mediator's desk, the appointment, and mediating itself."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from odr.disputes import queries as disputes
from odr.disputes.filters import Reading
from odr.disputes.forms import ActForm, ButtonForm
from odr.disputes.queries import PAGE
from odr.disputes.routes import ask, attempt, consenting, done, press, read, to_be_signed
from odr.disputes.turns import list_row
from odr.kernel import Missing, Refused
from odr.mediation import forms, queries, rules
from odr.mediation.filters import DrawShown, Profile, Shown, digits, shown
from odr.mediation.forms import said
from odr.procedure.access import PERMISSIONS, why_not
from odr.web import sentences
from odr.web.security import current_house, requires
from odr.web.sentences import refusal

blueprint = Blueprint("mediation", __name__)

PROPOSAL = "/disputes/<number>/proposals/<int(max=9999):proposal>"


# -- for everybody ------------------------------------------------------------------------------------------------


@blueprint.get("/mediators")
@requires("site:read")
def roster() -> str:
    house = current_house()
    with house.engine.connect() as connection:
        mediators = [Profile(one, house.clock()) for one in queries.roster(connection, house.clock())]
    return render_template(
        "mediation/roster.html",
        mediators=mediators,
        excused=any(one.lacking and one.mediator.is_excused(one.at) for one in mediators),
        paused_after=queries.PAUSED_AFTER,
        years=queries.LOOK_BACK_YEARS,
    )


@blueprint.get("/draws/<draw>")
@requires("site:read")
def draw(draw: str) -> str:
    house = current_house()
    if not re.fullmatch(r"[0-9a-f]{16}", draw):
        raise Missing(draw)
    with house.engine.connect() as connection:
        record = queries.draw_record(connection, house, draw)
    return render_template("mediation/draw.html", draw=DrawShown(record))


@blueprint.get("/disputes/<number>/draw")
@requires("dispute:read")
def draw_record(number: str) -> Response:
    """The public record of this dispute's draw, whose number tells nobody else whose draw it was."""
    found = queries.number_of(read(number).dispute)
    if found is None:
        flash(_("Nobody has been drawn in this dispute yet."), "warning")
        return redirect(url_for("disputes.page", number=number), 303)
    return redirect(url_for("mediation.draw", draw=found), 303)


# -- the desk -----------------------------------------------------------------------------------------------------


@blueprint.get("/desk/mediator")
@requires("desk:mediator")
def desk() -> str:
    house, mediator_id = current_house(), current_user.mediator_id or ""
    after = re.fullmatch(r"(\d{1,18})\.([0-9a-f]{32})", request.args.get("after", ""), re.ASCII)
    mine = request.args.get("show") == "mine"
    with house.engine.connect() as connection:
        own = Profile(queries.mediator_by_id(connection, mediator_id), house.clock())
        counts = queries.desk_counts(connection, mediator_id)
        rows = disputes.mediator_queue(
            connection,
            mediator_id,
            after=(int(after[1]), after[2]) if after else None,
            awaited="mediator" if mine else None,
        )
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return render_template(
        "mediation/desk.html",
        rows=[_desk_row(list_row(row)) for row in rows[:PAGE]],
        counts=counts,
        own=own,
        mine=mine,
        more=f"{last.due}.{last.id}" if last and last.due is not None else None,
    )


def _desk_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a list without the reader's role, which at this desk is always the same."""
    cells = [*row["cells"][:2], *row["cells"][3:]]
    return {**row, "cells": cells, "due": row["due"] and row["due"] - 1}


# -- the appointment ----------------------------------------------------------------------------------------------


@blueprint.route("/disputes/<number>/appointment", methods=["GET", "POST"])
@requires("appointment:accept")
def appointment(number: str) -> Any:
    reading = read(number)
    form = forms.appointment_form(reading)
    if attempt(form, reading, rules.accept_appointment, declared=tuple(form.declared.data or ()), text=said(form)):
        return done(number, _("You are appointed. Each side can now object to you once."))
    return _act_page("appointment:accept", reading, form, "mediation/appointment.html", own=_mediator(reading))


@blueprint.route("/disputes/<number>/appointment/refusal", methods=["GET", "POST"])
@requires("appointment:decline")
def decline(number: str) -> Any:
    reading, form = read(number), forms.DeclineForm()
    if attempt(form, reading, rules.decline_appointment, text=said(form)):
        return _to_desk(_("You declined. The next mediator of the same draw is asked."))
    return _act_page("appointment:decline", reading, form, "mediation/decline.html")


@blueprint.route("/disputes/<number>/mediator/objection", methods=["GET", "POST"])
@requires("objection:make")
def objection(number: str) -> Any:
    reading, form = read(number), ButtonForm()
    if attempt(form, reading, rules.object_to_mediator):
        return done(number, _("You objected. The next mediator of the same draw is asked."))
    return _act_page("objection:make", reading, form, "mediation/objection.html", drawn=_mediator(reading))


@blueprint.post("/disputes/<number>/mediator/objection/waiver")
@requires("objection:waive")
def waive(number: str) -> Response:
    press(read(number), rules.waive_objection)
    return done(number, _("It is on record that you have no objection."))


@blueprint.route("/disputes/<number>/mediator/challenge", methods=["GET", "POST"])
@requires("challenge:make")
def challenge(number: str) -> Any:
    reading = read(number)
    form = forms.challenge_form(reading)
    if attempt(form, reading, rules.challenge_mediator, ground=form.ground.data or "", text=said(form)):
        return done(number, _("Your challenge is on record. A registrar decides on it; the dispute goes on meanwhile."))
    return _act_page("challenge:make", reading, form, "mediation/challenge.html", drawn=_mediator(reading))


@blueprint.route("/disputes/<number>/mediator/challenge/decision", methods=["GET", "POST"])
@requires("challenge:decide")
def challenge_decision(number: str) -> Any:
    reading, form = read(number), forms.ChallengeDecisionForm()
    upheld = form.upheld.data == forms.UPHELD
    if attempt(form, reading, rules.decide_challenge, upheld=upheld, text=said(form)):
        return done(number, _("The challenge is decided. Both sides are told."))
    return _act_page("challenge:decide", reading, form, "mediation/challenge_decision.html", drawn=_mediator(reading))


@blueprint.route("/disputes/<number>/mediator/resignation", methods=["GET", "POST"])
@requires("mediator:resign")
def resignation(number: str) -> Any:
    reading, form = read(number), forms.ResignationForm()
    if attempt(form, reading, rules.resign, text=said(form)):
        return _to_desk(_("You resigned. The next mediator of the same draw is asked."))
    return _act_page("mediator:resign", reading, form, "mediation/resignation.html")


# -- mediating ----------------------------------------------------------------------------------------------------


@blueprint.route("/disputes/<number>/evidence/request", methods=["GET", "POST"])
@requires("evidence:request")
def evidence_request(number: str) -> Any:
    reading = read(number)
    form = forms.evidence_request_form(reading)
    if attempt(form, reading, rules.request_evidence, **form.given):
        return done(number, _("Both sides read what you ask for."))
    return _act_page("evidence:request", reading, form, "mediation/evidence_request.html")


@blueprint.route("/disputes/<number>/evidence/late", methods=["GET", "POST"])
@requires("evidence:admit")
def late_evidence(number: str) -> Any:
    reading = read(number)
    form = forms.late_evidence_form(reading)
    if attempt(form, reading, rules.admit_late_evidence, **form.given):
        return done(number, _("It counts now. Both sides read your reasons."), "evidence")
    return _act_page("evidence:admit", reading, form, "mediation/late_evidence.html")


@blueprint.route("/disputes/<number>/proposals/new", methods=["GET", "POST"])
@requires("proposal:make")
def proposal_new(number: str) -> Any:
    reading = read(number)
    form = forms.proposal_form(reading)
    if attempt(form, reading, rules.make_proposal, **form.given):
        return done(number, _("Your proposal is made. Both sides are told."))
    return _act_page("proposal:make", reading, form, "mediation/proposal_new.html", last=_last(reading))


@blueprint.get(PROPOSAL)
@requires("proposal:read")
def proposal(number: str, proposal: int) -> Any:
    reading = read(number)
    if not reading.may_read("proposal:read"):
        raise Missing(number)
    return _proposal_page(reading, shown(reading, proposal))


@blueprint.route(f"{PROPOSAL}/acceptance", methods=["GET", "POST"])
@requires("proposal:accept")
def acceptance(number: str, proposal: int) -> Any:
    reading, form = read(number), forms.AnswerForm()
    shown(reading, proposal)
    consent = consenting("proposal:accept")
    if attempt(form, reading, rules.accept_proposal, consent=consent, proposal=proposal, seen=form.seen.data):
        return _accepted(read(number))
    return _answer_page("proposal:accept", reading, form, "mediation/acceptance.html", proposal)


@blueprint.post(f"{PROPOSAL}/acceptance/challenge")
@requires("proposal:accept")
def challenge_acceptance(number: str, proposal: int) -> Response:
    reading, form = read(number), forms.AnswerForm()
    shown(reading, proposal)
    given = lambda: {"proposal": proposal, "seen": form.seen.data}  # noqa: E731 - the form is read once it was checked
    return to_be_signed("proposal:accept", reading, form, rules.accept_proposal, given)


@blueprint.route(f"{PROPOSAL}/rejection", methods=["GET", "POST"])
@requires("proposal:reject")
def rejection(number: str, proposal: int) -> Any:
    reading, form = read(number), forms.AnswerForm()
    shown(reading, proposal)
    if attempt(form, reading, rules.reject_proposal, proposal=proposal, seen=form.seen.data):
        return done(number, _("You rejected the proposal. The mediator may make another one."))
    return _answer_page("proposal:reject", reading, form, "mediation/rejection.html", proposal)


@blueprint.route("/disputes/<number>/mediation/closing", methods=["GET", "POST"])
@requires("mediation:close")
def closing(number: str) -> Any:
    reading, form = read(number), ButtonForm()
    if attempt(form, reading, rules.close_mediation):
        return done(number, _("The mediation is over. Both sides say their final words next."))
    return _act_page("mediation:close", reading, form, "mediation/closing.html")


# -- what these pages share ---------------------------------------------------------------------------------------


def _act_page(permission: str, reading: Reading, form: ActForm, template: str, **told: Any) -> Any:
    """The page of an act, as `ask` gives it; for whoever cannot hold the permission there is no such page."""
    if reading.role not in PERMISSIONS[permission].who:
        raise Missing(reading.number)
    return ask(permission, reading, form, template, **told)


def _mediator(reading: Reading) -> Profile | None:
    """Whoever sits in the dispute as its mediator, as the roster tells of them."""
    mediator_id = reading.dispute.mediator
    if not mediator_id:
        return None
    with current_house().engine.connect() as connection:
        try:
            return Profile(queries.mediator_by_id(connection, mediator_id), reading.page.at)
        except Missing:
            # Named in the log by a roster that this house does not have, as in a replay.
            return None


def _last(reading: Reading) -> Shown | None:
    proposals = reading.dispute.proposals
    return Shown(reading, proposals[-1]) if proposals else None


def _proposal_page(reading: Reading, proposal: Shown, form: ActForm | None = None) -> tuple[str, int]:
    page = render_template("mediation/proposal.html", dispute=reading, proposal=proposal, form=form)
    return page, form.status if form else HTTPStatus.OK


def _answer_page(permission: str, reading: Reading, form: ActForm, template: str, number: int) -> Any:
    """The page of an answer. Where it is not possible, or no longer, the proposal itself with the reason."""
    if form.status == HTTPStatus.CONFLICT:
        reading = read(reading.number)
    answered = shown(reading, number)
    if reading.role not in PERMISSIONS[permission].who:
        raise Missing(reading.number)
    code = "proposal_changed" if not answered.is_open else None
    code = why_not(permission, reading.dispute, reading.page.seat.actor, reading.page.at) or code
    if code is None:
        return render_template(template, dispute=reading, proposal=answered, form=form), form.status
    if request.method == "GET":
        flash(refusal(Refused(code)), "warning")
        return redirect(url_for("mediation.proposal", number=reading.number, proposal=number), 303)
    if form.status != HTTPStatus.CONFLICT:
        form.refuse(Refused(code))
    return _proposal_page(reading, answered, form)


def _accepted(reading: Reading) -> Response:
    if reading.dispute.agreement:
        flash(_("Both sides accepted the proposal and are bound by it; what is left is to sign the agreement."))
        return redirect(url_for("disputes.settlement", number=reading.number), 303)
    return done(reading.number, _("You accepted the proposal. It binds you once the other side accepts it too."))


def _to_desk(told: str) -> Response:
    # Whoever left a dispute has no seat in it any more, and its page is not theirs to read.
    flash(told)
    return redirect(url_for("mediation.desk"), 303)


@blueprint.context_processor
def _words() -> dict[str, Any]:
    return {"declarations": sentences.DECLARATIONS}


blueprint.add_app_template_filter(digits, "code")
