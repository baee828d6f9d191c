"""The pages of filing and admission: the questions one by one, the receipt, completing, and the registrar's desk."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

from babel.numbers import get_territory_currencies
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import Form

from odr.disputes import queries as disputes
from odr.disputes.filters import Reading, calendar_day, country
from odr.disputes.forms import KEY
from odr.disputes.queries import PAGE
from odr.disputes.routes import ask, attempt, demand_impartial, done, offer_receipt, read
from odr.disputes.service import Rule, perform
from odr.filing import forms, rules, service
from odr.filing.drafts import Draft, drafts_of
from odr.filing.forms import STEPS, ContactStep, Step
from odr.filing.queries import completeness, disputes_in
from odr.filing.service import Told
from odr.identity.filters import named_as
from odr.identity.rules import ORGANISATION
from odr.kernel import Missing, Money, Refused, moment
from odr.notices import mail
from odr.notices.mail import Recipient
from odr.notices.rules import letter_to_seller
from odr.people import queries as people
from odr.people.security import signed_in_owner
from odr.procedure import rules as procedure
from odr.procedure.access import PERMISSIONS, why_not
from odr.procedure.events import ClaimItem
from odr.profile.service import confirmed_domain
from odr.response import rules as response
from odr.web.forms import read_amount
from odr.web.language import offered
from odr.web.security import current_house, requires
from odr.web.sentences import (
    CATEGORIES,
    GROUNDS,
    PHASES,
    REMEDIES,
    SIDES,
    TOPICS,
    refusal,
    sentence,
)

blueprint = Blueprint("filing", __name__)

ONE_STEP = f"/drafts/<draft_id>/<any({', '.join(STEPS)}):step>"

TITLES = {
    "category": lazy_gettext("What went wrong"),
    "order": lazy_gettext("The order"),
    "seller": lazy_gettext("The seller"),
    "contact": lazy_gettext("Your first contact with the seller"),
    "claim": lazy_gettext("What you ask for"),
    "story": lazy_gettext("What happened"),
}
ORDER = tuple(STEPS)

# Where somebody reads Chinese on the seller's side, no buyer should have to know it.
LANGUAGES_BY_COUNTRY = {"CN": "zh_Hans", "SG": "zh_Hans"}


WORDS: dict[str, Mapping[str, Any]] = {
    "category": CATEGORIES,
    "remedy": REMEDIES,
    "ground": GROUNDS,
    "topic": TOPICS,
    "channel": forms.CHANNELS,
}


@blueprint.context_processor
def _sayings() -> dict[str, Any]:
    return {
        "words_of": words_of,
        "calendar_day": calendar_day,
        "country": country,
        "typed_amount": typed_amount,
        "between": between,
        "waits_for": waits_for,
        "desk_href": desk_href,
    }


def words_of(kind: str, code: str) -> str:
    """The words for a code of one of the closed lists."""
    return str(WORDS[kind].get(code, code))


def typed_amount(text: str | None, currency: str | None) -> Money | None:
    """What was typed as an amount, None where it cannot be read as one."""
    try:
        return read_amount(text or "", currency or "")
    except Refused:
        return None


def between(row: disputes.ListRow) -> str:
    """From where to where a purchase went, in the reader's language."""
    return _(
        "%(seller)s to %(buyer)s",
        seller=country(row.seller_country),
        buyer=country(row.buyer_country),
    )


def waits_for(row: disputes.ListRow) -> str:
    """What a registrar is to do with a dispute of the queue."""
    if row.awaited != "registrar":
        return _("Decision on a challenge of the mediator")
    return str(_WAITS.get(row.phase, PHASES[row.phase]))


def desk_href(row: disputes.ListRow) -> str:
    """Where a registrar does it: the desk's own page for admission, else the dispute's."""
    at_desk = row.awaited == "registrar" and row.phase in ("screening", "awaiting_response")
    return url_for("filing.admission" if at_desk else "disputes.page", number=row.number)


_WAITS = {
    "awaiting_response": lazy_gettext("Decision on an objection"),
    "assignment": lazy_gettext("Nobody could be drawn"),
    "closed": lazy_gettext("Check of the proof"),
}


# -- the questions --------------------------------------------------------------------------------------------


@blueprint.get("/filing")
@requires("site:read")
def start() -> str:
    drafts: list[Draft] = []
    house = current_house()
    if current_user.is_authenticated:
        with house.engine.connect() as connection:
            drafts = drafts_of(connection, house, current_user.account_id)
    return render_template("filing/start.html", drafts=drafts, rules=house.ruleset)


@blueprint.get("/drafts")
@requires("filing:draft")
def drafts() -> str:
    house = current_house()
    with house.engine.connect() as connection:
        mine = drafts_of(connection, house, current_user.account_id)
    return render_template("filing/drafts.html", drafts=mine, titles=TITLES)


@blueprint.post("/drafts")
@requires("filing:draft")
def begin() -> Response:
    owner = signed_in_owner()
    draft_id = service.begin_draft(current_house(), owner, _known_of(owner))
    return redirect(url_for("filing.step", draft_id=draft_id, step=ORDER[0]), 303)


@blueprint.get("/drafts/<draft_id>")
@requires("filing:draft")
def resume(draft_id: str) -> Response:
    draft = _draft(draft_id)
    return redirect(_onward(draft), 303)


@blueprint.route(ONE_STEP, methods=["GET", "POST"])
@requires("filing:draft")
def step(draft_id: str, step: str) -> Any:
    draft = _draft(draft_id)
    if request.method == "POST":
        return _answered(draft, step)
    form = _form(draft, step)
    if step in draft.given:
        form.validate()
    return _question(draft, step, form)


@blueprint.post(f"{ONE_STEP}/copy")
@requires("filing:draft")
def copy(draft_id: str, step: str) -> tuple[str, int]:
    """What is being typed, sent now and then by the page itself."""
    seen = request.form.get("seen", "")
    typed = STEPS[step].typed_in(request.form)
    kept = re.fullmatch(r"[0-9]{1,18}", seen) is not None and service.copy_answer(
        current_house(), current_user.account_id, draft_id, step, typed, seen=int(seen)
    )
    return "", HTTPStatus.NO_CONTENT if kept else HTTPStatus.CONFLICT


@blueprint.get("/drafts/<draft_id>/letter")
@requires("filing:draft")
def letter(draft_id: str) -> Any:
    draft = _draft(draft_id)
    steps = {name: _form(draft, name) for name in ORDER}
    _faults(steps)
    return render_template("filing/letter.html", draft=draft, steps=steps, owner=signed_in_owner())


@blueprint.route("/drafts/<draft_id>/answers", methods=["GET", "POST"])
@requires("filing:draft")
def answers(draft_id: str) -> Any:
    draft = _draft(draft_id)
    form = forms.DeclarationForm()
    steps = {name: _form(draft, name) for name in ORDER}
    faults = _faults(steps)
    if request.method == "GET" or faults or not form.validate():
        return _check(draft, steps, faults, form, HTTPStatus.OK if request.method == "GET" else _WRONG)
    try:
        number = service.file_draft(current_house(), signed_in_owner(), draft, _told(steps))
    except Refused as refused:
        form.form_errors.append(refusal(refused))
        return _check(draft, steps, faults, form, HTTPStatus.CONFLICT)
    return redirect(url_for("filing.receipt", number=number), 303)


@blueprint.route("/drafts/<draft_id>/removal", methods=["GET", "POST"])
@requires("filing:draft")
def remove(draft_id: str) -> Any:
    draft = _draft(draft_id)
    if request.method == "GET":
        return render_template("filing/removal.html", draft=draft)
    service.drop_draft(current_house(), current_user.account_id, draft_id)
    flash(_("The draft is deleted."))
    return redirect(url_for("filing.drafts"), 303)


@blueprint.errorhandler(service.Filed)
def _filed_meanwhile(filed: service.Filed) -> Response:
    return redirect(url_for("filing.receipt", number=filed.number), 303)


_WRONG = HTTPStatus.UNPROCESSABLE_ENTITY


def _draft(draft_id: str) -> Draft:
    """The reader's own draft. Raises Filed or Missing."""
    return service.read_draft(current_house(), current_user.account_id, draft_id)


def _known_of(owner: people.Account) -> dict[str, dict[str, str]]:
    """What the house can answer in the buyer's place, to be corrected where it is wrong."""
    currencies = get_territory_currencies(owner.country) if owner.country else []
    known = {"country": owner.country or "", "currency": currencies[0] if currencies else ""}
    return {"order": known}


def _form(draft: Draft, name: str) -> Step:
    """A step with what was typed in it so far."""
    typed = dict(draft.typed(name))
    if name == "claim":
        currency = draft.typed("order").get("currency", "")
        typed = typed or forms.rows_typed([{"remedy": "", "amount": "", "currency": currency}])
    return STEPS[name](
        typed,
        today=_latest_day(),
        ordered_on=draft.typed("order").get("ordered_on", ""),
        own_address=_own_address() if name == "seller" else "",
    )


def _own_address() -> str:
    return signed_in_owner().email


def _latest_day() -> date:
    """The last day that has begun anywhere on Earth (UTC+14)."""
    return (moment(current_house().clock()) + timedelta(hours=14)).date()


def _answered(draft: Draft, step: str) -> Any:
    typed = STEPS[step].typed_in(request.form)
    act = request.form.get("act", "")
    if step == "claim":
        typed, stays = _rows_after(typed, act, draft)
        if stays is not None:
            service.keep_answer(current_house(), draft.account_id, draft.id, step, typed, given=False)
            return redirect(url_for("filing.step", draft_id=draft.id, step=step, _anchor=stays), 303)
    draft = service.keep_answer(current_house(), draft.account_id, draft.id, step, typed, given=True)
    if act == "later":
        flash(_("Your draft is kept. You find it here when you come back."))
        return redirect(url_for("filing.drafts"), 303)
    form = _form(draft, step)
    if not form.validate():
        return _question(draft, step, form), _WRONG
    if isinstance(form, ContactStep) and form.contacted.data == "no":
        return redirect(url_for("filing.letter", draft_id=draft.id), 303)
    return redirect(_onward(draft), 303)


def _rows_after(typed: Mapping[str, str], act: str, draft: Draft) -> tuple[dict[str, str], str | None]:
    """The rows of the claim after a row was added or taken out, and the place to stay at; None to go on."""
    rows = forms.typed_rows(typed)
    removed = re.fullmatch(r"remove-(\d)", act, re.ASCII)
    if act == "add" and len(rows) < rules.MOST_ITEMS:
        rows.append({"remedy": "", "amount": "", "currency": draft.typed("order").get("currency", "")})
        return forms.rows_typed(rows), f"items-{len(rows) - 1}-remedy"
    if removed and len(rows) > 1:
        del rows[int(removed[1]) : int(removed[1]) + 1]
        return forms.rows_typed(rows), "items-0-remedy"
    filled = [row for row in rows if row["remedy"] or row["amount"].strip()]
    return forms.rows_typed(filled or rows[:1]), None


def _onward(draft: Draft) -> str:
    """The next question that is still open, or the answers when all were given."""
    for name in ORDER:
        if name not in draft.given:
            return url_for("filing.step", draft_id=draft.id, step=name)
    return url_for("filing.answers", draft_id=draft.id)


def _question(draft: Draft, step: str, form: Step) -> str:
    place = ORDER.index(step)
    before = ORDER[place - 1] if place else None
    return render_template(
        f"filing/{step}.html",
        draft=draft,
        step=step,
        form=form,
        place=place + 1,
        count=len(ORDER) + 1,
        before=url_for("filing.step", draft_id=draft.id, step=before) if before else url_for("filing.start"),
        most=rules.MOST_ITEMS,
        longest=procedure.LONGEST_TEXT,
        latest=_latest_day().isoformat(),
    )


def _faults(steps: Mapping[str, Step]) -> dict[str, list[tuple[str, str]]]:
    """What still keeps the filing from being sent, by step."""
    found = {name: form.faults() for name, form in steps.items() if not form.validate()}
    if "contact" not in found and steps["contact"]["contacted"].data != "yes":
        found["contact"] = [("contacted-0", _("Tell the seller about the problem first, then come back."))]
    return found


def _check(draft: Draft, steps: Mapping[str, Step], faults: Mapping[str, Any], form: FlaskForm, status: int) -> Any:
    page = render_template(
        "filing/answers.html",
        draft=draft,
        steps=steps,
        faults=faults,
        form=form,
        titles=TITLES,
        count=len(ORDER) + 1,
        confirmed=None if "seller" in faults else _confirmed(steps["seller"].data),
    )
    return page, status


def _confirmed(seller: Mapping[str, Any]) -> str | None:
    """The domain that whoever has claimed the seller's address has proven, as people read it."""
    named = ((seller["email"] or "").strip(), (seller["site"] or "").strip())
    domain = confirmed_domain(current_house(), *named) if any(named) else None
    return named_as(ORGANISATION, domain) if domain else None


def _told(steps: Mapping[str, Step]) -> Told:
    """The answers of valid steps in their proper shape."""
    order, seller, contact = steps["order"].data, steps["seller"].data, steps["contact"].data
    language = seller["language"]
    if language not in {each.code for each in offered()}:
        language = _language_in(seller["country"])
    return Told(
        category=steps["category"].data["category"],
        bought=order["bought"].strip(),
        reference=(order["reference"] or "").strip(),
        ordered_on=order["ordered_on"],
        paid=read_amount(order["paid"], order["currency"]),
        country=order["country"],
        seller_name=seller["name"].strip(),
        seller_email=(seller["email"] or "").strip(),
        seller_site=(seller["site"] or "").strip(),
        seller_country=seller["country"],
        seller_language=language,
        contacted_on=contact["contacted_on"],
        channel=contact["channel"],
        answer=(contact["answer"] or "").strip(),
        items=tuple(_item(row) for row in steps["claim"].data["items"]),
        narrative=steps["story"].data["narrative"].strip(),
    )


def _language_in(country: str) -> str:
    spoken = LANGUAGES_BY_COUNTRY.get(country, "")
    codes = [each.code for each in offered()]
    return spoken if spoken in codes else codes[0]


def _item(row: Mapping[str, str]) -> ClaimItem:
    if row["remedy"] not in forms.MONEY_REMEDIES:
        return ClaimItem(row["remedy"])
    return ClaimItem(row["remedy"], read_amount(row["amount"], row["currency"]))


# -- after the filing -----------------------------------------------------------------------------------------


@blueprint.get("/disputes/<number>/filing")
@requires("filing:read")
def receipt(number: str) -> str:
    reading = read(number)
    if not reading.may_read("filing:read"):
        raise Missing(number)
    return render_template("filing/receipt.html", dispute=reading)


@blueprint.route("/disputes/<number>/completion", methods=["GET", "POST"])
@requires("information:give")
def information(number: str) -> Any:
    reading, form = read(number), forms.CompletionForm()
    if attempt(form, reading, rules.give_information, text=_clean(form.text.data)):
        return done(number, _("Your answer is filed. The registrar looks at it next."))
    return ask("information:give", reading, form, "filing/information.html", longest=procedure.LONGEST_TEXT)


@blueprint.route("/disputes/<number>/review", methods=["GET", "POST"])
@requires("refusal:review")
def review(number: str) -> Any:
    reading, form = read(number), forms.ReviewForm()
    if attempt(form, reading, rules.ask_review, text=_clean(form.text.data)):
        return done(number, _("Your request is filed. Another registrar looks at it next."))
    return ask("refusal:review", reading, form, "filing/review.html", longest=procedure.LONGEST_TEXT)


def _clean(text: str | None) -> str:
    return forms.tidy(text or "", forms.KEPT_TEXT).strip()


# -- the registrar --------------------------------------------------------------------------------------------


@blueprint.get("/desk")
@requires("desk:registrar")
def desk() -> str:
    after = re.fullmatch(r"(\d{1,18})\.([0-9a-f]{32})", request.args.get("after", ""), re.ASCII)
    with current_house().engine.connect() as connection:
        rows = disputes.registrar_queue(connection, after=(int(after[1]), after[2]) if after else None)
        counts = disputes.phase_counts(connection)
    more = f"{rows[PAGE - 1].due}.{rows[PAGE - 1].id}" if len(rows) > PAGE else None
    return render_template("filing/desk.html", rows=rows[:PAGE], counts=counts, phases=PHASES, more=more)


@blueprint.get("/desk/<phase>")
@requires("desk:registrar")
def in_phase(phase: str) -> str:
    if phase not in PHASES:
        raise Missing(phase)
    after = re.fullmatch(r"[0-9a-f]{32}", request.args.get("after", ""))
    with current_house().engine.connect() as connection:
        rows = disputes_in(connection, phase, after=after[0] if after else None)
        counts = disputes.phase_counts(connection)
    more = rows[PAGE - 1].id if len(rows) > PAGE else None
    return render_template(
        "filing/in_phase.html", rows=rows[:PAGE], counts=counts, phases=PHASES, phase=phase, more=more
    )


@blueprint.get("/disputes/<number>/admission")
@requires("desk:dispute")
def admission(number: str) -> str:
    return _desk_page(_at_desk(number))


@blueprint.post("/disputes/<number>/admission")
@requires("filing:admit")
def admit(number: str) -> Any:
    return _decide(number, "admit", rules.admit_filing, lambda form: {}, _("The filing is admitted."))


@blueprint.post("/disputes/<number>/admission/question")
@requires("information:ask")
def ask_buyer(number: str) -> Any:
    return _decide(number, "ask", rules.ask_information, _on_topics, _("The buyer is asked to complete the filing."))


@blueprint.post("/disputes/<number>/admission/refusal")
@requires("filing:refuse")
def refuse(number: str) -> Any:
    return _decide(number, "refuse", rules.refuse_filing, _on_ground, _("The filing is not admitted."))


@blueprint.get("/disputes/<number>/objection")
@requires("scope:decide")
def scope(number: str) -> str:
    return _desk_page(_at_desk(number))


@blueprint.post("/disputes/<number>/objection/dismissal")
@requires("scope:decide")
def dismiss(number: str) -> Any:
    return _decide(number, "dismiss", response.dismiss_objection, _with_text, _("The objection is dismissed."))


@blueprint.post("/disputes/<number>/objection/upholding")
@requires("scope:decide")
def uphold(number: str) -> Any:
    return _decide(number, "uphold", rules.uphold_objection, _on_ground, _("The objection is upheld."))


@blueprint.get("/disputes/<number>/extension/grant")
@requires("extension:grant")
def extension(number: str) -> str:
    return _desk_page(_at_desk(number), opened="extend")


@blueprint.post("/disputes/<number>/extension/grant")
@requires("extension:grant")
def extend(number: str) -> Any:
    return _decide(number, "extend", procedure.grant_extension, _with_text, _("More time is given."))


@blueprint.get("/disputes/<number>/suspension/order")
@requires("suspension:order")
def suspension(number: str) -> str:
    return _desk_page(_at_desk(number), opened="suspend")


@blueprint.post("/disputes/<number>/suspension/order")
@requires("suspension:order")
def suspend(number: str) -> Any:
    return _decide(number, "suspend", procedure.order_suspension, _on_ground, _("All time stands still now."))


@blueprint.get("/disputes/<number>/handover")
@requires("dispute:hand_over")
def handover(number: str) -> str:
    return _desk_page(_at_desk(number), opened="hand_over")


@blueprint.post("/disputes/<number>/handover")
@requires("dispute:hand_over")
def hand_over(number: str) -> Any:
    return _decide(number, "hand_over", procedure.hand_over, _for_reason, _("The dispute is closed here."))


@blueprint.get("/disputes/<number>/post")
@requires("desk:dispute")
def by_post(number: str) -> Any:
    reading, house = _at_desk(number), current_house()
    notice = letter_to_seller(reading.dispute)
    if notice is None:
        flash(_("There is nothing to write to the seller now; no answer of the seller is awaited."), "note")
        return redirect(url_for("filing.admission", number=number), 303)
    seller = Recipient("", reading.dispute.seller_language, "UTC")
    letter = mail.by_post(notice, reading.dispute.id, reading.page.at)
    press = mail.Press(current_app.jinja_env, house.settings)
    subject, text = press.words(letter, seller, f"{house.settings.public_url.rstrip('/')}{url_for('response.renewal')}")
    blocks = [block.strip("\n").split("\n") for block in re.split(r"\n{2,}", text)]
    return render_template(
        "filing/by_post.html",
        dispute=reading,
        country=country(reading.dispute.seller_country),
        subject=subject,
        blocks=blocks,
        language_of=press.tag(seller),
    )


_DECISIONS: dict[str, tuple[str, type[Form]]] = {
    "admit": ("filing:admit", forms.AdmissionForm),
    "ask": ("information:ask", forms.InformationForm),
    "refuse": ("filing:refuse", forms.RefusalForm),
    "dismiss": ("scope:decide", forms.ReasonForm),
    "uphold": ("scope:decide", forms.RefusalForm),
    "extend": ("extension:grant", forms.ReasonForm),
    "suspend": ("suspension:order", forms.SuspensionForm),
    "hand_over": ("dispute:hand_over", forms.HandoverForm),
}

CHECKS = {
    "order": (
        lazy_gettext("The order has a number."),
        lazy_gettext("No order number is given."),
    ),
    "seller": (
        lazy_gettext("The seller has an e-mail address for the notice."),
        lazy_gettext("There is no e-mail address for the notice, only a web site."),
    ),
    "contact": (
        lazy_gettext("The seller was told first, and the answer is described."),
        lazy_gettext("The seller was told first; no answer is described."),
    ),
    "in_time": (
        lazy_gettext("It was filed within a year of the complaint to the seller."),
        lazy_gettext("More than a year passed between the complaint to the seller and the filing."),
    ),
    "border": (
        lazy_gettext("Buyer and seller are in different countries."),
        lazy_gettext("Buyer and seller are in the same country."),
    ),
    "claim": (
        lazy_gettext("No more is asked for than was paid."),
        lazy_gettext("More is asked for than was paid."),
    ),
    "story": (
        lazy_gettext("What happened is told."),
        lazy_gettext("What happened is told in very few words."),
    ),
    "evidence": (
        lazy_gettext("Papers or pictures are in the file."),
        lazy_gettext("No papers or pictures are in the file yet; they can still be added."),
    ),
}


def _at_desk(number: str) -> Reading:
    """The dispute as a registrar sees it. Refused when the reader is a party to it, named in it as one, or was drawn in
    it; Missing for everybody who is no registrar, its mediator among them."""
    reading = read(number)
    if not PERMISSIONS["desk:dispute"].who & current_user.roles:
        raise Missing(number)
    if not reading.may_read("desk:dispute"):
        raise Refused("own_dispute")
    demand_impartial(reading)
    return reading


def _desk_page(reading: Reading, opened: str | None = None, sent: Form | None = None) -> str:
    """The admission page; `opened` names the decision that stands open, `sent` is its form where it came back to be
    corrected."""
    may = [name for name, (permission, _kind) in _DECISIONS.items() if reading.may(permission)]
    given = {name: kind(prefix=f"{name}-") for name, (_name, kind) in _DECISIONS.items()}
    if sent is not None and opened:
        given[opened] = sent
    return render_template(
        "filing/admission.html",
        dispute=reading,
        may=may,
        obstacle=_obstacle(reading),
        forms=given,
        sent=sent,
        opened=opened,
        checks=[(CHECKS[name][not fine], fine) for name, fine in completeness(reading.page)],
        docket=[_docket_row(line) for line in reading.page.docket],
        phases=PHASES,
        letter=letter_to_seller(reading.dispute),
        longest=procedure.LONGEST_TEXT,
    )


def _obstacle(reading: Reading) -> str:
    """Why another registrar decides and not this one; empty where this one may."""
    seat, code = reading.page.seat, "review_needs_another_registrar"
    asked = (why_not(name, reading.dispute, seat.actor, reading.page.at) for name in ("filing:admit", "scope:decide"))
    return refusal(Refused(code)) if code in asked else ""


def _docket_row(line: disputes.Line) -> dict[str, Any]:
    # The filing itself stands above in full.
    words = "" if line.version == 1 else line.words.get("text", "")
    return {
        "version": line.version,
        "at": line.at,
        "role": line.role,
        "actor": SIDES.get(line.role, ""),
        "sentence": sentence(line.type, line.data),
        "words": words,
    }


def _decide(number: str, name: str, rule: Rule, given: Callable[[Any], Mapping[str, Any]], told: str) -> Any:
    reading = _at_desk(number)
    form = _DECISIONS[name][1](request.form, prefix=f"{name}-")
    if not form.validate():
        return _desk_page(reading, name, form), _WRONG
    seat = reading.page.seat
    try:
        made = perform(current_house(), rule, seat.dispute_id, seat.actor, key=_key(), **given(form))
    except Refused as refused:
        form.form_errors.append(refusal(refused))
        return _desk_page(_at_desk(number), name, form), HTTPStatus.CONFLICT
    offer_receipt(reading, made)
    flash(told)
    return redirect(url_for("filing.desk"), 303)


def _key() -> str:
    """The key that the form has carried since it was shown. Raises Refused("form_stale") for any other."""
    key = request.form.get("key", "")
    if not KEY.fullmatch(key):
        raise Refused("form_stale")
    return key


def _with_text(form: Any) -> dict[str, str]:
    return {"text": _clean(form.text.data)}


def _on_ground(form: Any) -> dict[str, str]:
    return {"ground": form.ground.data, **_with_text(form)}


def _for_reason(form: Any) -> dict[str, str]:
    return {"reason": form.reason.data, **_with_text(form)}


def _on_topics(form: Any) -> dict[str, Any]:
    return {"topics": tuple(form.topics.data), **_with_text(form)}
