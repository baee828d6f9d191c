"""The forms of the mediation: the declaration, objection and challenge, evidence, a proposal and the answers to it."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from wtforms import HiddenField, RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields import SelectChoice

from odr.disputes.filters import Reading
from odr.disputes.forms import SEAL, ActForm, shaped, text_length
from odr.kernel import Refused
from odr.negotiation.forms import TermsForm, hint_at_days, read_days, whole_days, with_rows
from odr.procedure.dispute import SIDES
from odr.web import sentences
from odr.web.sentences import refusal

UPHELD, DISMISSED = "upheld", "dismissed"
# What the field begins with: enough to look for a paper, and within the time of a mediation.
USUAL_DAYS = 5


class AppointmentForm(ActForm):
    """Accepts the appointment, with a declaration of independence."""

    declared = SelectMultipleField(_("I declare"), validate_choice=False)
    text = TextAreaField(
        _("What both sides should know"),
        [text_length],
        default="",
        description=_(
            "Your experience with such disputes, and anything that a side could take for a tie. Both sides read it."
        ),
    )


class DeclineForm(ActForm):
    """Declines the appointment."""

    text = TextAreaField(
        _("Why you decline"),
        [text_length],
        default="",
        description=_("You need not say. Both sides read it."),
    )


class ResignationForm(ActForm):
    """Gives the dispute back."""

    text = TextAreaField(
        _("Why you resign"), [text_length], default="", description=_("Both sides read it as you write it.")
    )


class ChallengeForm(ActForm):
    """Challenges the mediator on a ground of the closed list."""

    ground = RadioField(_("The ground"), validate_choice=False)
    text = TextAreaField(
        _("What happened, and since when you know of it"),
        [text_length],
        default="",
        description=_("The registrar who decides reads it, and so do the other side and the mediator."),
    )

    def refuse(self, refused: Refused, field: str = "text") -> None:
        """A ground that is missing or not on the list is told beside the list."""
        super().refuse(refused, field)
        if refused.code == "ground_unknown":
            self.form_errors = []
            self.ground.errors = [gettext("Choose a ground of the list.")]


class ChallengeDecisionForm(ActForm):
    """Decides on a challenge."""

    upheld = RadioField(
        _("Your decision"),
        choices=[
            SelectChoice(UPHELD, _("Upheld: the mediator is released, and the next of the same draw is asked")),
            SelectChoice(DISMISSED, _("Dismissed: the mediator stays")),
        ],
        validate_choice=False,
    )
    text = TextAreaField(
        _("Your reasons"), [text_length], default="", description=_("Both sides and the mediator read them.")
    )

    def validate(self, extra_validators: Any = None) -> bool:
        sound = super().validate(extra_validators)
        if self.upheld.data not in (UPHELD, DISMISSED):
            self.upheld.errors = [gettext("Say whether the challenge is upheld or dismissed.")]
            self.status, sound = 422, False
        return sound


class EvidenceRequestForm(ActForm):
    """Asks a side for evidence."""

    side = RadioField(
        _("Whom you ask"),
        choices=[SelectChoice("buyer", _("The buyer")), SelectChoice("seller", _("The seller"))],
        validate_choice=False,
    )
    days = StringField(_("Days to send it in"), [whole_days])
    text = TextAreaField(
        _("What is missing"),
        [text_length],
        default="",
        description=_("Say what you ask for and what it is to show. Both sides read it."),
    )

    def validate(self, extra_validators: Any = None) -> bool:
        sound = super().validate(extra_validators)
        if self.side.data not in SIDES:
            self.side.errors = [gettext("Say whom you ask.")]
            self.status, sound = 422, False
        return sound

    def refuse(self, refused: Refused, field: str = "text") -> None:
        """A number of days that the rules do not allow is told beside the days."""
        super().refuse(refused, field)
        if refused.code == "request_days_out_of_range":
            self.form_errors = []
            self.days.errors = [*self.days.errors, refusal(refused)]

    @property
    def given(self) -> dict[str, Any]:
        """What the rule is asked."""
        return {"side": self.side.data or "", "days": read_days(self.days.data) or 0, "text": said(self)}


class LateEvidenceForm(ActForm):
    """Lets evidence count that came late."""

    item = RadioField(_("Which one"), validate_choice=False)
    text = TextAreaField(
        _("Why it counts all the same"), [text_length], default="", description=_("Both sides read it.")
    )

    @property
    def given(self) -> dict[str, Any]:
        """What the rule is asked; no item where none was chosen."""
        return {"item": read_days(self.item.data) or 0, "text": said(self)}


class ProposalForm(TermsForm):
    """Proposes a settlement, item by item."""

    asks = _("Do you propose that this is granted?")
    unanswered = _("Say whether you propose “%(remedy)s”.")

    text = TextAreaField(
        _("Why you propose this"),
        [text_length],
        description=_("Both sides read it. If another mediator decides in the end, that mediator does not."),
    )

    @property
    def given(self) -> dict[str, Any]:
        """What the rule is asked; of a form that is not whole, as far as it can be read."""
        return {"terms": self.terms, "perform_days": read_days(self.perform_days.data), "text": said(self)}


class AnswerForm(ActForm):
    """Answers the proposal that was shown."""

    seen = HiddenField(validators=[shaped(SEAL)])


def said(form: Any) -> str:
    """What was written into the text of a form."""
    return (form.text.data or "").strip()


def appointment_form(reading: Reading) -> AppointmentForm:
    """The declaration that the rules of this dispute ask for."""
    form = AppointmentForm()
    names = reading.dispute.rules.declarations
    form.declared.choices = [SelectChoice(name, sentences.DECLARATIONS[name]) for name in names]
    return form


def challenge_form(reading: Reading) -> ChallengeForm:
    """The grounds that the rules of this dispute know."""
    form = ChallengeForm()
    grounds = reading.dispute.rules.challenge_grounds
    form.ground.choices = [SelectChoice(ground, sentences.CHALLENGE_GROUNDS[ground]) for ground in grounds]
    return form


def evidence_request_form(reading: Reading) -> EvidenceRequestForm:
    """The form with the days that the rules of this dispute allow."""
    most = reading.dispute.rules.evidence_request_days_most
    form = EvidenceRequestForm(days=str(min(most, USUAL_DAYS)))
    form.days.description = ngettext("At most %(num)d day.", "At most %(num)d days.", most)
    return form


def late_evidence_form(reading: Reading) -> LateEvidenceForm:
    """The items that came late and do not count yet."""
    form = LateEvidenceForm()
    form.item.choices = [
        SelectChoice(str(row["number"]), gettext("%(place)s: %(title)s", place=row["number"], title=row["title"]))
        for row in reading.evidence
        if row["number"] in reading.dispute.barred
    ]
    return form


def proposal_form(reading: Reading) -> ProposalForm:
    """The form of a proposal on this dispute: a row for each claim item, in the currency of the claim."""
    kind = with_rows(ProposalForm, reading, other_currency=False)
    form: ProposalForm = kind(perform_days=str(reading.dispute.rules.perform_days))
    hint_at_days(form, reading)
    return form
