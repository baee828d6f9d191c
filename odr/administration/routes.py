"""The pages of the administrators: who has a desk, who comes in, and lost second factors; never a dispute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from odr.administration import filters, forms, queries, service
from odr.administration.queries import Sheet
from odr.administration.service import acting
from odr.kernel import Missing, Refused
from odr.people.routes import form_page, refused_page
from odr.web.security import current_house, requires
from odr.web.sentences import refusal

blueprint = Blueprint("administration", __name__)


@blueprint.context_processor
def words() -> dict[str, Any]:
    """What these pages say of people and of what was done, in words."""
    said = (
        filters.deed_words, filters.deed_by, filters.roles_words, filters.role_words, filters.factors_words,
        filters.state_words, filters.wish_words,
    )  # fmt: skip
    return {each.__name__: each for each in said}


# -- the desk -----------------------------------------------------------------------------------------------------


@blueprint.route("/administration", methods=["GET", "POST"])
@requires("desk:admin")
def desk() -> Any:
    """Who works here and what waits; and finding an account by its address, which stands in no address of ours."""
    form = forms.FindForm()
    if form.validate_on_submit():
        try:
            found = service.account_at(current_house(), form.email.data or "")
        except Missing:
            form.email.errors = [*form.email.errors, _("Nobody has an account with this address.")]
        else:
            return redirect(url_for("administration.account", handle=found), 303)
    house = current_house()
    with house.engine.connect() as connection:
        staff = queries.colleagues(connection, house.clock())
        wishes = queries.waiting_wishes(connection, house.clock())
        able = sum(each.has_factor for each in queries.admins(connection))
    too_few = able < 2 and house.settings.staff_prove
    return form_page("administration/desk.html", form, staff=staff, wishes=wishes, too_few=too_few)


@blueprint.get("/administration/accounts/<handle>")
@requires("desk:admin")
def account(handle: str) -> str:
    return render_template("administration/account.html", sheet_of=_sheet(handle))


# -- roles --------------------------------------------------------------------------------------------------------


@blueprint.route("/administration/desks", methods=["GET", "POST"])
@requires("role:give")
def give_role() -> Any:
    form: Any = forms.RoleForm()
    if not form.validate_on_submit():
        return form_page("administration/give_role.html", form)
    given = {"email": form.email.data, "name": form.name.data or "", "role": form.role.data}
    try:
        account_id = service.give_role(current_house(), acting(current_user), **given)
    except Refused as refused:
        if refused.code != "name_missing":
            return refused_page("administration/give_role.html", form, refused)
        form.name.errors = [_("Nobody has an account with this address yet. Write what the person is called.")]
        return form_page("administration/give_role.html", form)
    flash(_("The desk is given. The person gets a mail, and signs in anew."))
    return redirect(url_for("administration.account", handle=account_id), 303)


@blueprint.post("/administration/accounts/<handle>/desks/<any(registrar, regulator, admin):role>/end")
@requires("role:take")
def take_role(handle: str, role: str) -> AnyResponse:
    told = _("The desk is taken away. The person is signed out everywhere and gets a mail.")
    return _press(handle, lambda: service.take_role(current_house(), acting(current_user), handle, role), told)


# -- who comes in -------------------------------------------------------------------------------------------------


@blueprint.route("/administration/accounts/<handle>/suspension", methods=["GET", "POST"])
@requires("account:suspend")
def suspend(handle: str) -> Any:
    form: Any = forms.SuspensionForm()
    if not form.validate_on_submit():
        return form_page("administration/suspension.html", form, sheet_of=_sheet(handle))
    try:
        service.suspend(current_house(), acting(current_user), handle, form.ground.data)
    except Refused as refused:
        return refused_page("administration/suspension.html", form, refused, sheet_of=_sheet(handle))
    flash(_("The account is suspended. Its holder is signed out everywhere and gets a mail."))
    return redirect(url_for("administration.account", handle=handle), 303)


@blueprint.post("/administration/accounts/<handle>/restoration")
@requires("account:suspend")
def restore(handle: str) -> AnyResponse:
    told = _("The account is restored. Its holder gets a mail and can sign in again.")
    return _press(handle, lambda: service.restore(current_house(), acting(current_user), handle), told)


@blueprint.post("/administration/accounts/<handle>/sessions/end")
@requires("sessions:end")
def end_sessions(handle: str) -> AnyResponse:
    count = service.end_sessions(current_house(), acting(current_user), handle)
    flash(ngettext("Signed out on %(num)d device.", "Signed out on %(num)d devices.", count))
    return redirect(url_for("administration.account", handle=handle), 303)


# -- lost second factors ------------------------------------------------------------------------------------------


@blueprint.route("/administration/accounts/<handle>/reset", methods=["GET", "POST"])
@requires("factor:reset")
def ask_reset(handle: str) -> Any:
    form: Any = forms.ResetForm()
    if not form.validate_on_submit():
        return form_page("administration/reset.html", form, sheet_of=_sheet(handle))
    try:
        service.ask_reset(current_house(), acting(current_user), handle, form.ground.data)
    except Refused as refused:
        return refused_page("administration/reset.html", form, refused, sheet_of=_sheet(handle))
    flash(_("It is asked for. Another administrator has to agree; the holder gets a mail and can refuse."))
    return redirect(url_for("administration.account", handle=handle), 303)


@blueprint.route("/administration/resets/<handle>", methods=["GET", "POST"])
@requires("factor:reset")
def confirm_reset(handle: str) -> Any:
    form = forms.AgreementForm()
    wish = _wish(handle)
    if not form.validate_on_submit():
        return form_page("administration/agreement.html", form, wish=wish)
    try:
        service.confirm_reset(current_house(), acting(current_user), handle)
    except Refused as refused:
        return refused_page("administration/agreement.html", form, refused, wish=wish)
    flash(_("All second steps are taken away. The holder is signed out everywhere and gets a mail."))
    return redirect(url_for("administration.account", handle=wish.account_id), 303)


@blueprint.post("/administration/resets/<handle>/refusal")
@requires("factor:reset")
def refuse_reset(handle: str) -> AnyResponse:
    wish = _wish(handle)
    service.refuse_reset(current_house(), acting(current_user), handle)
    flash(_("The reset is refused. Nothing was taken away, and the holder gets a mail."))
    return redirect(url_for("administration.account", handle=wish.account_id), 303)


@blueprint.post("/account/factors/reset/refusal")
@requires("account:own")
def refuse_own_reset() -> AnyResponse:
    """For whom it concerns: whoever is signed in has proven a second factor, and so has not lost it."""
    service.refuse_own_reset(current_house(), current_user)
    flash(_("You refused it. Nothing was taken away."))
    return redirect(url_for("factors.overview"), 303)


# -- what these pages share ---------------------------------------------------------------------------------------


def _sheet(handle: str) -> Sheet:
    house = current_house()
    with house.engine.connect() as connection:
        return queries.sheet_of(connection, handle, house.clock(), reader=current_user.account_id)


def _wish(handle: str) -> queries.Wish:
    house = current_house()
    with house.engine.connect() as connection:
        return queries.wish_of(connection, handle, house.clock())


def _press(handle: str, act: Callable[[], object], told: str) -> AnyResponse:
    """Do what one button asks for, and lead back to the account with what came of it."""
    try:
        act()
    except Refused as refused:
        flash(refusal(refused), "warning")
    else:
        flash(told)
    return redirect(url_for("administration.account", handle=handle), 303)
