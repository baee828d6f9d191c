"""The pages of the decision: final words, writing and reading the decision, and saying yes or no to it."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, cast

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from odr.decision import forms, rules, service
from odr.decision.drafts import drop_draft
from odr.decision.filters import Document, choices_of, document_of
from odr.disputes.filters import Reading
from odr.disputes.forms import ActForm, ButtonForm
from odr.disputes.routes import ask, attempt, consenting, done, read, rehearsed, to_be_signed
from odr.kernel import Missing, Refused
from odr.procedure.access import why_not
from odr.procedure.events import DecisionIssued
from odr.procedure.rules import LONGEST_TEXT
from odr.web.security import current_house, requires
from odr.web.sentences import refusal

blueprint = Blueprint("decision", __name__)

DRAFT = "/disputes/<number>/decision/new"
# What is sent from the page of a decision is a draft, unless this button was pressed.
ISSUES = ("act", "issue")


# -- before it ----------------------------------------------------------------------------------------------------


@blueprint.route("/disputes/<number>/final-words", methods=["GET", "POST"])
@requires("final_words:give")
def final_words(number: str) -> Any:
    reading, form = read(number), forms.FinalWordsForm()
    if attempt(form, reading, rules.give_final_words, text=(form.text.data or "").strip()):
        return done(number, _("Your final words are on record."))
    return ask("final_words:give", reading, form, "decision/final_words.html", last=bool(reading.dispute.final_words))


@blueprint.route("/disputes/<number>/fresh-decider", methods=["GET", "POST"])
@requires("decider:ask")
def fresh_decider(number: str) -> Any:
    reading, form = read(number), ButtonForm()
    if attempt(form, reading, rules.ask_fresh_decider):
        return done(number, _("Somebody else decides. The next mediator of the same draw is asked."))
    return ask("decider:ask", reading, form, "decision/fresh_decider.html")


# -- writing it ---------------------------------------------------------------------------------------------------


@blueprint.route(DRAFT, methods=["GET", "POST"])
@requires("decision:issue", acts_by=ISSUES)
def draft(number: str) -> Any:
    reading = read(number)
    if request.method == "GET":
        seat = reading.page.seat
        kept = service.read_draft(current_house(), seat.dispute_id, seat.actor.id)
        return _form_page(reading, forms.decision_form(reading, kept.typed, choices_of(reading)))
    typed, step = forms.typed_in(request.form, len(reading.dispute.items)), request.form.get("act", "check")
    key = request.form.get("key", "")
    form = forms.decision_form(reading, typed, choices_of(reading), key=key, more=int(step == "more"))
    if step == "issue":
        return _issued(reading, form)
    if code := why_not("decision:issue", reading.dispute, reading.page.seat.actor, reading.page.at):
        # Nothing is kept any more, and whoever is told so still has the words.
        form.refuse(Refused(code))
        return _form_page(reading, form)
    _keep(reading, form)
    if step == "later":
        return done(number, _("Your draft is kept. You find it here when you come back."))
    if step != "check" or not form.validate_on_submit():
        return _form_page(reading, form, fresh=form.blocks[-1].text.id if step == "more" else "")
    return _check_page(reading, form)


@blueprint.post(f"{DRAFT}/copy")
@requires("decision:issue", acts_by=ISSUES)
def copy_draft(number: str) -> tuple[str, int]:
    """What is being typed, sent now and then by the page itself."""
    reading, seen = read(number), request.form.get("seen", "")
    seat, typed = reading.page.seat, forms.typed_in(request.form, len(reading.dispute.items))
    kept = (
        reading.may("decision:issue")
        and re.fullmatch(r"[0-9]{1,18}", seen, re.ASCII) is not None
        and service.copy_draft(current_house(), seat.dispute_id, seat.actor.id, typed, seen=int(seen))
    )
    return "", HTTPStatus.NO_CONTENT if kept else HTTPStatus.CONFLICT


@blueprint.post(f"{DRAFT}/challenge")
@requires("decision:issue", acts_by=ISSUES)
def challenge_draft(number: str) -> Response:
    reading = read(number)
    typed = forms.typed_in(request.form, len(reading.dispute.items))
    form = forms.decision_form(reading, typed, choices_of(reading), key=request.form.get("key", ""))
    return to_be_signed("decision:issue", reading, form, rules.issue_decision, lambda: form.given)


def _keep(reading: Reading, form: forms.DecisionForm) -> None:
    """Keep what was typed, while there is a decision to be written."""
    if reading.may("decision:issue"):
        seat = reading.page.seat
        service.keep_draft(current_house(), seat.dispute_id, seat.actor.id, form.typed)


def _check_page(reading: Reading, form: forms.DecisionForm) -> Any:
    """The decision as it would stand in the log, with the button that issues it; or the form, where it cannot."""
    try:
        issued = _rehearsed(reading, form)
    except Refused as refused:
        form.refuse(refused)
        return _form_page(reading, form)
    document = Document(reading, issued, issued.words)
    return render_template("decision/check.html", dispute=reading, decision=document, form=form)


def _rehearsed(reading: Reading, form: forms.DecisionForm) -> DecisionIssued:
    """What the rule would make of the form now; nothing comes of it. Raises Refused."""
    return cast(DecisionIssued, rehearsed(reading, rules.issue_decision, form.given))


def _issued(reading: Reading, form: forms.DecisionForm) -> Any:
    seat = reading.page.seat

    def alongside(connection: Any, stored: Any) -> None:
        drop_draft(connection, seat.dispute_id, seat.actor.id)

    consent = consenting("decision:issue")
    if not attempt(form, reading, rules.issue_decision, alongside=alongside, consent=consent, **form.given):
        _keep(reading, form)
        return _form_page(reading, form)
    flash(_("The decision is issued. Both sides are told."))
    return redirect(url_for("decision.decision", number=reading.number), 303)


def _form_page(reading: Reading, form: forms.DecisionForm, fresh: str = "") -> Any:
    told = {"fresh": fresh, "seen": current_house().clock(), "longest": LONGEST_TEXT}
    return ask("decision:issue", reading, form, "decision/draft.html", **told)


# -- reading and answering it -------------------------------------------------------------------------------------


@blueprint.get("/disputes/<number>/decision")
@requires("evidence:read")
def decision(number: str) -> Any:
    reading = _reader_of_file(number)
    document = document_of(reading)
    if document is None:
        flash(refusal(Refused("not_in_this_phase")), "warning")
        return redirect(url_for("disputes.page", number=number), 303)
    return _decision_page(reading, document)


@blueprint.route("/disputes/<number>/decision/acceptance", methods=["GET", "POST"])
@requires("decision:accept")
def acceptance(number: str) -> Any:
    reading, form = _reader_of_file(number), forms.AnswerForm()
    if attempt(form, reading, rules.accept_decision, consent=consenting("decision:accept"), seen=form.seen.data):
        flash(_("You accepted the decision."))
        return redirect(url_for("decision.decision", number=number), 303)
    return _answer_page("decision:accept", reading, form, "decision/acceptance.html")


@blueprint.route("/disputes/<number>/decision/rejection", methods=["GET", "POST"])
@requires("decision:reject")
def rejection(number: str) -> Any:
    reading, form = _reader_of_file(number), forms.AnswerForm()
    if attempt(form, reading, rules.reject_decision, consent=consenting("decision:reject"), seen=form.seen.data):
        flash(_("You rejected the decision."))
        return redirect(url_for("decision.decision", number=number), 303)
    return _answer_page("decision:reject", reading, form, "decision/rejection.html")


@blueprint.post("/disputes/<number>/decision/acceptance/challenge")
@requires("decision:accept", acts_by=ISSUES)
def challenge_acceptance(number: str) -> Response:
    reading, form = _reader_of_file(number), forms.AnswerForm()
    return to_be_signed("decision:accept", reading, form, rules.accept_decision, lambda: {"seen": form.seen.data})


@blueprint.post("/disputes/<number>/decision/rejection/challenge")
@requires("decision:reject", acts_by=ISSUES)
def challenge_rejection(number: str) -> Response:
    reading, form = _reader_of_file(number), forms.AnswerForm()
    return to_be_signed("decision:reject", reading, form, rules.reject_decision, lambda: {"seen": form.seen.data})


def _reader_of_file(number: str) -> Reading:
    """The dispute as somebody reads it who may read its file. Missing for everybody else."""
    reading = read(number)
    if not reading.reads_file:
        raise Missing(number)
    return reading


def _decision_page(reading: Reading, document: Document, form: ActForm | None = None) -> tuple[str, int]:
    page = render_template("decision/decision.html", dispute=reading, decision=document, form=form)
    return page, form.status if form else HTTPStatus.OK


def _answer_page(permission: str, reading: Reading, form: ActForm, template: str) -> Any:
    """The page of an answer. Where it is not possible, or no longer, the decision itself with the reason."""
    if form.status == HTTPStatus.CONFLICT:
        reading = read(reading.number)
    document = document_of(reading)
    if request.method == "POST" and not reading.may(permission):
        code = why_not(permission, reading.dispute, reading.page.seat.actor, reading.page.at) or "not_in_this_phase"
        if document is None:
            raise Refused(code)
        if form.status != HTTPStatus.CONFLICT:
            form.refuse(Refused(code))
        return _decision_page(reading, document, form)
    return ask(permission, reading, form, template, decision=document)
