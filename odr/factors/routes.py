"""The pages of second factors: adding, removing and proving one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    after_this_request,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from odr.factors import filters, forms, keys, queries, rules, service
from odr.factors.sentences import statement
from odr.factors.service import Added
from odr.kernel import Missing, Refused
from odr.people.routes import form_page, refused_page, room_of
from odr.people.rules import local_path
from odr.people.security import caller, remember_proof, renew_cookie, signed_in_owner
from odr.web.security import current_house, no_devices_but, requires
from odr.web.sentences import refusal

blueprint = Blueprint("factors", __name__)

# -- what there is ----------------------------------------------------------------------------------------------


@blueprint.get("/account/factors")
@requires("factor:add")
def overview() -> str:
    house = current_house()
    with house.engine.connect() as connection:
        own = queries.factors_of(connection, current_user.account_id)
        left = queries.codes_left(connection, current_user.account_id)
        reset_until = queries.reset_until(connection, current_user.account_id, house.clock())
    told = {"codes_left": left, "reset_until": reset_until, "passkeys": keys.possible(house.settings)}
    return render_template("factors/overview.html", factors=own, **told)


@blueprint.post("/account/factors/<handle>/removal")
@requires("factor:change")
def remove(handle: str) -> AnyResponse:
    answer = redirect(url_for("factors.overview"), 303)
    try:
        renew_cookie(answer, service.remove(current_house(), current_user, handle))
    except Refused as refused:
        flash(refusal(refused), "warning")
        return answer
    flash(_("It is removed. All other devices are signed out, and we mail you a word about it."))
    return answer


@blueprint.post("/account/factors/codes")
@requires("factor:change")
def renew_codes() -> str:
    """New recovery codes, shown in the answer itself: nowhere could they be kept for a page to come."""
    codes = service.renew_codes(current_house(), current_user)
    return render_template("factors/codes.html", codes=codes, on=url_for("factors.overview"))


# -- adding one -------------------------------------------------------------------------------------------------


@blueprint.route("/account/factors/app", methods=["GET", "POST"])
@requires("factor:add")
def new_app() -> Any:
    return _begin(service.begin_app, "factors/new_app.html", "factors.confirm_app")


@blueprint.route("/account/factors/app/code", methods=["GET", "POST"])
@requires("factor:add")
def confirm_app() -> Any:
    house, form = current_house(), forms.AppForm()
    try:
        setup = service.app_setup(house, current_user)
    except Missing:
        return _over()
    told = {"secret": setup.secret, "picture": filters.picture(setup.address)}
    if not form.validate_on_submit():
        return form_page("factors/confirm_app.html", form, **told)
    try:
        added = service.confirm_app(house, caller(), current_user, code=form.code.data, name=form.name.data or "")
    except Refused as refused:
        return refused_page("factors/confirm_app.html", form, refused, **told)
    return _added(added)


@blueprint.route("/account/factors/passkey", methods=["GET", "POST"])
@requires("factor:add")
def new_passkey() -> Any:
    if not keys.possible(current_house().settings):
        flash(_("Browsers make no passkeys for this address. Use an app."), "warning")
        return redirect(url_for("factors.overview"), 303)
    return _begin(service.begin_passkey, "factors/new_passkey.html", "factors.make_passkey")


@blueprint.route("/account/factors/passkey/key", methods=["GET", "POST"])
@requires("factor:add")
def make_passkey() -> Any:
    house, form = current_house(), forms.PasskeyForm()
    if form.validate_on_submit():
        try:
            added = service.add_passkey(house, current_user, answer=form.answer.data or "", name=form.name.data or "")
        except Refused as refused:
            # The challenge is used up; from the page before it is one step to the next.
            flash(refusal(refused), "warning")
            return redirect(url_for("factors.new_passkey"), 303)
        return _added(added)
    try:
        wanted = service.passkey_to_make(house, current_user)
    except Missing:
        return _over()
    return _with_passkeys(*form_page("factors/make_passkey.html", form, wanted=wanted))


def _begin(begin: Any, template: str, then: str) -> Any:
    """The page before a factor is made; the first one is confirmed by the password, which staff have just typed."""
    form, owner = forms.BeginForm(), signed_in_owner()
    told = {"owner": owner, "first": not current_user.has_factor}
    if not form.validate_on_submit():
        return form_page(template, form, **told)
    given = {"password": form.password.data or "", "email": form.email.data or ""}
    try:
        begin(current_house(), caller(), current_user, **given)
    except Refused as refused:
        return refused_page(template, form, refused, **told)
    return redirect(url_for(then), 303)


def _over() -> AnyResponse:
    flash(refusal(Refused("factor_setup_over")), "warning")
    return redirect(url_for("factors.overview"), 303)


def _added(added: Added) -> Response:
    """Tell that it is done; with the first factor, the recovery codes in the answer itself, as in `renew_codes`."""
    flash(_("It is added. All other devices are signed out, and we mail you a word about it."))
    if added.codes:
        page = render_template("factors/codes.html", codes=added.codes, on=room_of(current_user))
        answer = make_response(page)
    else:
        answer = make_response(redirect(url_for("factors.overview"), 303))
    renew_cookie(answer, added.cookie)
    remember_proof(answer, current_user.account_id)
    return answer


# -- proving one ------------------------------------------------------------------------------------------------


@blueprint.route("/session/factor", methods=["GET", "POST"])
@requires("factor:prove")
def prove() -> Any:
    if not current_user.has_factor:
        return redirect(url_for("factors.overview"), 303)
    form: Any = forms.CodeForm(next=local_path(request.args.get("next"), ""))
    if not form.validate_on_submit():
        return _with_passkeys(*form_page("factors/prove.html", form, **_ways()))
    try:
        cookie = service.prove_code(current_house(), caller(), current_user, code=form.code.data)
    except Refused as refused:
        return _with_passkeys(refused_page("factors/prove.html", form, refused, **_ways()))
    return _proven(cookie, form.next.data, by_recovery_code=not rules.is_app_code(form.code.data))


@blueprint.post("/session/factor/challenge")
@requires("factor:prove")
def challenge() -> Response:
    """What the browser needs to prove a passkey, asked for by the page's script; Missing without one."""
    return Response(service.begin_proof(current_house(), current_user), content_type="application/json")


@blueprint.post("/session/factor/passkey")
@requires("factor:prove")
def prove_passkey() -> Any:
    form: Any = forms.AnswerForm()
    if not form.validate_on_submit():
        abort(400)
    try:
        cookie = service.prove_passkey(current_house(), current_user, answer=form.answer.data or "")
    except Refused as refused:
        code_form = forms.CodeForm(formdata=None, next=local_path(form.next.data, ""))
        return _with_passkeys(refused_page("factors/prove.html", code_form, refused, **_ways()))
    return _proven(cookie, form.next.data)


# -- signing with a passkey ---------------------------------------------------------------------------------------


@blueprint.post("/session/factor/signature")
@requires("factor:prove")
def sign() -> Any:
    """Take the signature that the script of a page had made there; it waits for the form of that page."""
    form: Any = forms.AnswerForm()
    if not form.validate_on_submit():
        abort(400)
    cookie = service.take_signature(current_house(), current_user, answer=form.answer.data or "")
    answer = make_response("", HTTPStatus.NO_CONTENT)
    renew_cookie(answer, cookie)
    return answer


@blueprint.app_template_global("offers_signature")
def offers_signature() -> bool:
    """Whether the reader can sign the act of this page with a passkey; the page may then reach for it."""
    if "offers_signature" not in g:
        g.offers_signature = current_user.has_factor and service.can_sign(current_house(), current_user)
        if g.offers_signature:
            after_this_request(_with_passkeys)
    return bool(g.offers_signature)


blueprint.add_app_template_global(statement, "statement")


def _ways() -> dict[str, bool]:
    """By what this person can prove who they are."""
    with current_house().engine.connect() as connection:
        kinds = {one.kind for one in queries.factors_of(connection, current_user.account_id)}
    return {"by_app": "totp" in kinds, "by_passkey": "passkey" in kinds}


def _proven(cookie: str, wanted: str | None, *, by_recovery_code: bool = False) -> AnyResponse:
    answer = redirect(local_path(wanted, room_of(current_user)), 303)
    renew_cookie(answer, cookie)
    remember_proof(answer, current_user.account_id)
    if by_recovery_code:
        with current_house().engine.connect() as connection:
            left = queries.codes_left(connection, current_user.account_id)
        told = ngettext(
            "That recovery code is used up; %(num)d is left.", "That recovery code is used up; %(num)d are left.", left
        )
        flash(told, "warning")
    elif not current_user.is_half_way:
        flash(_("Thank you. Now repeat your step; for five minutes we do not ask again."))
    return answer


# -- what these pages share -------------------------------------------------------------------------------------


def _with_passkeys(page: Any, status: int = 200) -> Response:
    """The answer of a page that may reach for passkeys; no other page of this house may."""
    answer = page if isinstance(page, Response) else make_response(page, status)
    needed = no_devices_but("publickey-credentials-create", "publickey-credentials-get")
    answer.headers["Permissions-Policy"] = needed
    return answer
