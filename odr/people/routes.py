"""The pages of the people room: open an account, sign in and out, recover it, and look after it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as AnyResponse

from odr.kernel import Refused
from odr.people import forms, queries, service
from odr.people.rules import local_path
from odr.people.security import (
    caller,
    carry_session,
    drop_session,
    person_behind,
    remember_device,
    signed_in_owner,
)
from odr.procedure.access import PERMISSIONS
from odr.web.filters import link_to
from odr.web.language import language, zone
from odr.web.security import current_house, half_way, requires
from odr.web.sentences import refusal

blueprint = Blueprint("people", __name__)

# The field beside which a refusal is told; every other one stands above the form.
FIELDS = {
    "email_malformed": "email",
    "name_missing": "name",
    "password_too_short": "password",
    "password_too_long": "password",
    "password_common": "password",
    "password_own_words": "password",
    "password_wrong": "present",
    "address_differs": "email",
    "factor_code_wrong": "code",
    "domain_malformed": "domain",
    "domain_public": "domain",
    "domain_of_many": "domain",
    "identity_way": "method",
}
# Where those who have a desk begin, by what opens it.
DESKS = {
    "desk:registrar": "filing.desk",
    "desk:mediator": "mediation.desk",
    "desk:regulator": "statistics.desk",
    "desk:admin": "administration.desk",
}
LINK_REFUSALS = {
    "link_used": HTTPStatus.GONE,
    "link_expired": HTTPStatus.GONE,
    "link_unknown": HTTPStatus.NOT_FOUND,
    "link_of_another": HTTPStatus.FORBIDDEN,
}


# -- opening an account ---------------------------------------------------------------------------------------


@blueprint.route("/account/new", methods=["GET", "POST"])
@requires("account:open")
def open_account() -> Any:
    if current_user.is_authenticated:
        return redirect(url_for("people.account"), 303)
    form = _with_choices(forms.RegistrationForm(language=language().code))
    if not form.validate_on_submit():
        return form_page("people/open_account.html", form)
    try:
        mark = service.register(
            current_house(),
            caller(),
            name=form.name.data,
            email=form.email.data,
            country=form.country.data,
            language=form.language.data,
            zone=str(zone()),
            password=form.password.data,
        )
    except Refused as refused:
        return refused_page("people/open_account.html", form, refused)
    session["mark"] = mark
    return redirect(url_for("people.look_for_verification"), 303)


@blueprint.get("/account/new/sent")
@requires("account:open")
def look_for_verification() -> str:
    return render_template("people/sent.html", kind="verify", again=url_for("people.open_account"))


@blueprint.route("/account/verification/<token>", methods=["GET", "POST"])
@requires("account:open")
def verify_email(token: str) -> Any:
    form = forms.VerificationForm()
    try:
        asks = service.needs_password(current_house(), caller(), token)
        if not form.validate_on_submit():
            return form_page("people/verify_email.html", form, asks=asks)
        cookie = service.verify_email(current_house(), caller(), token, password=form.password.data or "")
    except Refused as refused:
        return refused_page("people/verify_email.html", form, refused, purpose="verify", asks=True)
    return _arrive(cookie, None, _("Your address is confirmed and you are signed in."))


# -- signing in and out ---------------------------------------------------------------------------------------


@blueprint.route("/session/new", methods=["GET", "POST"])
@requires("session:start")
def sign_in() -> Any:
    form: Any = forms.SignInForm(next=local_path(request.args.get("next"), ""))
    if request.method == "GET" and current_user.is_authenticated:
        return redirect(local_path(form.next.data, room_of(current_user)), 303)
    if request.method == "GET" and half_way():
        return redirect(url_for("factors.prove", next=form.next.data or None), 303)
    if not form.validate_on_submit():
        return form_page("people/sign_in.html", form)
    try:
        cookie = service.sign_in(current_house(), caller(), email=form.email.data, password=form.password.data)
    except Refused as refused:
        return refused_page("people/sign_in.html", form, refused)
    answer = _arrive(cookie, form.next.data)
    remember_device(answer, form.email.data)
    return answer


@blueprint.post("/session/end")
@requires("session:end")
def sign_out() -> AnyResponse:
    if cookie := caller().cookie:
        service.sign_out(current_house(), cookie)
    return _leave(_("You are signed out."))


@blueprint.get("/sessions")
@requires("account:own")
def sessions() -> str:
    house = current_house()
    with house.engine.connect() as connection:
        opened = queries.open_sessions(connection, current_user, house.clock())
    return render_template("people/sessions.html", sessions=opened)


@blueprint.post("/sessions/<handle>/end")
@requires("account:own")
def end_session(handle: str) -> AnyResponse:
    service.end_session(current_house(), current_user.account_id, handle)
    flash(_("That device is signed out."))
    return redirect(url_for("people.sessions"), 303)


@blueprint.post("/sessions/end")
@requires("account:own")
def sign_out_everywhere() -> AnyResponse:
    count = service.sign_out_everywhere(current_house(), current_user.account_id)
    return _leave(ngettext("You are signed out on %(num)d device.", "You are signed out on %(num)d devices.", count))


# -- mailed links ---------------------------------------------------------------------------------------------


@blueprint.route("/session/link", methods=["GET", "POST"])
@requires("session:start")
def ask_sign_in_link() -> Any:
    return _ask(service.ask_sign_in_link, "people/ask_sign_in_link.html", "people.look_for_sign_in_link")


@blueprint.get("/session/link/sent")
@requires("session:start")
def look_for_sign_in_link() -> str:
    return render_template("people/sent.html", kind="signin", again=url_for("people.ask_sign_in_link"))


@blueprint.route("/session/link/<token>", methods=["GET", "POST"])
@requires("session:start")
def sign_in_by_link(token: str) -> Any:
    form = forms.ButtonForm()
    try:
        if not form.validate_on_submit():
            service.open_link(current_house(), caller(), token, "signin")
            return form_page("people/sign_in_by_link.html", form)
        cookie = service.sign_in_by_link(current_house(), caller(), token)
    except Refused as refused:
        return refused_page("people/sign_in_by_link.html", form, refused, purpose="signin")
    return _arrive(cookie, None)


@blueprint.route("/password/forgotten", methods=["GET", "POST"])
@requires("password:recover")
def forgot_password() -> Any:
    return _ask(service.ask_reset, "people/forgot_password.html", "people.look_for_reset")


@blueprint.get("/password/forgotten/sent")
@requires("password:recover")
def look_for_reset() -> str:
    return render_template("people/sent.html", kind="reset", again=url_for("people.forgot_password"))


@blueprint.route("/password/reset/<token>", methods=["GET", "POST"])
@requires("password:recover")
def reset_password(token: str) -> Any:
    form: Any = forms.NewPasswordForm()
    try:
        service.open_link(current_house(), caller(), token, "reset")
        if not form.validate_on_submit():
            return form_page("people/reset_password.html", form)
        service.reset_password(current_house(), caller(), token, password=form.password.data)
    except Refused as refused:
        return refused_page("people/reset_password.html", form, refused, purpose="reset")
    flash(_("Your new password is set. Sign in with it."))
    return redirect(url_for("people.sign_in"), 303)


# -- the own account ------------------------------------------------------------------------------------------


@blueprint.route("/account", methods=["GET", "POST"])
@requires("account:own")
def account() -> Any:
    owner = signed_in_owner()
    form = _with_choices(forms.AccountForm(obj=owner))
    if not form.validate_on_submit():
        return form_page("people/account.html", form, owner=owner)
    service.change_account(
        current_house(), owner.id, name=form.name.data, language=form.language.data, zone=form.zone.data
    )
    flash(_("Your choices are kept."))
    answer = redirect(url_for("people.account"), 303)
    # The language chosen here is the last word: an older choice at the head of a page must not overrule it.
    answer.delete_cookie("lang", path="/")
    return answer


@blueprint.route("/password", methods=["GET", "POST"])
@requires("account:own")
def change_password() -> Any:
    owner = signed_in_owner()
    form: Any = forms.PasswordForm()
    if not form.validate_on_submit():
        return form_page("people/change_password.html", form, owner=owner)
    try:
        cookie = service.change_password(
            current_house(), caller(), owner.id, present=form.present.data, password=form.password.data
        )
    except Refused as refused:
        return refused_page("people/change_password.html", form, refused, owner=owner)
    answer = make_response(redirect(url_for("people.account"), 303))
    carry_session(answer, cookie)
    flash(_("Your password is changed. All other devices are signed out."))
    return answer


# -- what these pages share -----------------------------------------------------------------------------------


def _with_choices(form: Any) -> Any:
    form.language.choices = forms.language_choices()
    if "country" in form:
        form.country.choices = [("", _("Choose your country")), *forms.country_choices()]
    if "zone" in form:
        form.zone.choices = forms.zone_choices()
        if form.zone.data not in dict(form.zone.choices):
            form.zone.choices = [(form.zone.data, form.zone.data), *form.zone.choices]
    return form


def _ask(act: Any, template: str, then: str) -> Any:
    """Ask for a mail; where it goes and whether there is an account shows nowhere."""
    form = forms.AddressForm()
    if not form.validate_on_submit():
        return form_page(template, form)
    try:
        act(current_house(), caller(), email=form.email.data)
    except Refused as refused:
        return refused_page(template, form, refused)
    return redirect(url_for(then), 303)


def _arrive(cookie: str, wanted: str | None, told: str | None = None) -> Response:
    """Carry a new session and go where the person wanted to go, or to the room that is theirs; by way of their second
    factor where one is asked for."""
    person = person_behind(cookie)
    goal = local_path(wanted, "" if person and person.is_half_way else room_of(person))
    if person and person.is_half_way:
        goal = url_for("factors.prove", next=goal or None)
    answer = make_response(redirect(goal, 303))
    carry_session(answer, cookie)
    if told:
        flash(told)
    return answer


def room_of(person: queries.Person | None) -> str:
    """Where a person's work begins: a desk, the own disputes, or the account."""
    roles = person.roles if person else frozenset()
    if person and not person.mediator_id:
        # Without a place on the roster there is no desk to come to.
        roles -= {"mediator"}
    desks = (link_to(desk) for permission, desk in DESKS.items() if roles & PERMISSIONS[permission].who)
    return next(filter(None, desks), None) or link_to("disputes.mine") or url_for("people.account")


def _leave(told: str) -> Response:
    answer = make_response(redirect(url_for("people.sign_in"), 303))
    drop_session(answer)
    flash(told)
    return answer


def form_page(template: str, form: FlaskForm, **told: Any) -> tuple[str, int]:
    """The page with its form; after a POST everything typed is kept but the passwords."""
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render_template(template, form=form, **told), status


def refused_page(template: str, form: FlaskForm, refused: Refused, *, purpose: str = "", **told: Any) -> Any:
    """The same page with the reason; or, for a link that opens nothing any more, a page that says what to do next."""
    if refused.code == "too_many_attempts":
        # For the operator; who it is, nobody writes down.
        current_app.logger.warning("too many tries at %s", request.endpoint)
    if refused.code in LINK_REFUSALS:
        page = render_template("people/link_over.html", code=refused.code, purpose=purpose)
        return page, LINK_REFUSALS[refused.code]
    field = form[name] if (name := FIELDS.get(refused.code, "")) in form else None
    if field is None and refused.code == "password_wrong":
        field = form["password"]
    if field is None:
        form.form_errors.append(refusal(refused))
    else:
        field.errors = [*field.errors, refusal(refused)]
    answer = make_response(render_template(template, form=form, **told), _status_of(refused))
    if minutes := refused.params.get("minutes", refused.code == "house_busy"):
        answer.headers["Retry-After"] = str(int(minutes) * 60)
    return answer


def _status_of(refused: Refused) -> int:
    if refused.code == "too_many_attempts":
        return HTTPStatus.TOO_MANY_REQUESTS
    return HTTPStatus.SERVICE_UNAVAILABLE if refused.code == "house_busy" else HTTPStatus.UNPROCESSABLE_ENTITY
