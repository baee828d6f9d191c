"""The pages of compliance: the seller's report, the buyer's answer to it, the registrar's check, and the grades."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask_babel import gettext as _

from odr.compliance import forms, rules
from odr.compliance.filters import Due, proof_of, proof_rows
from odr.disputes.filters import Reading
from odr.disputes.routes import ask, attempt, done, read
from odr.evidence.queries import words_of
from odr.web.security import current_house, requires

blueprint = Blueprint("compliance", __name__)


@blueprint.route("/disputes/<number>/performance", methods=["GET", "POST"])
@requires("performance:report")
def performance(number: str) -> Any:
    reading, form = read(number), forms.PerformanceForm()
    if attempt(form, reading, rules.report_performance, text=form.text.data or ""):
        return done(number, _("Your report is on record. The buyer is asked to confirm it."))
    return ask("performance:report", reading, form, "compliance/performance.html", due=Due(reading))


@blueprint.route("/disputes/<number>/performance/confirmation", methods=["GET", "POST"])
@requires("performance:confirm")
def confirmation(number: str) -> Any:
    reading, form = read(number), forms.ConfirmationForm()
    if attempt(form, reading, rules.confirm_performance):
        return done(number, _("You confirmed that it was carried out. Nothing is left to be done."))
    return ask("performance:confirm", reading, form, "compliance/confirmation.html", due=Due(reading))


@blueprint.route("/disputes/<number>/performance/denial", methods=["GET", "POST"])
@requires("performance:deny")
def denial(number: str) -> Any:
    reading, form = read(number), forms.DenialForm()
    if attempt(form, reading, rules.deny_performance, text=form.text.data or ""):
        return done(number, _("It is on record that it was not carried out. The seller is told."))
    return ask("performance:deny", reading, form, "compliance/denial.html", due=Due(reading))


@blueprint.route("/disputes/<number>/performance/proof", methods=["GET", "POST"])
@requires("proof:check")
def proof(number: str) -> Any:
    reading, form = read(number), forms.ProofForm()
    shown = form.shown.data == forms.SHOWN
    if attempt(form, reading, rules.check_proof, shown=shown, text=form.text.data or ""):
        return done(number, _("What you found is on record. Both sides are told."))
    return ask("proof:check", reading, form, "compliance/proof.html", due=Due(reading), files=_files(reading))


@blueprint.route("/disputes/<number>/rating", methods=["GET", "POST"])
@requires("procedure:rate")
def rating(number: str) -> Any:
    reading, form = read(number), forms.RatingForm()
    if attempt(form, reading, rules.rate_procedure, **form.given):
        return done(number, _("Thank you. Your grade is counted with those of others."))
    return ask("procedure:rate", reading, form, "compliance/rating.html")


def _files(reading: Reading) -> list[dict[str, Any]]:
    """The papers that came after the end, with the words of whoever sent them."""
    house = current_house()
    versions = [item.version for item in proof_of(reading)]
    with house.engine.connect() as connection:
        return proof_rows(reading, words_of(connection, house, reading.dispute.id, versions))
