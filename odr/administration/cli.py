"""`odr staff` and `odr account`: who has a desk, lost second factors, and who comes in, from the operator's machine."""

from __future__ import annotations

import click

from odr.administration import service as administration
from odr.administration.queries import Holder, colleagues
from odr.administration.rules import SUSPENSION_GROUNDS
from odr.kernel import SYSTEM, Missing, moment
from odr.log.cli import standing_house, told_by
from odr.people.service import STAFF
from odr.people.tables import RESET_GROUNDS

STAFF_REFUSALS = {
    "email_malformed": "That is not an address as people write one: somebody@example.org",
    "name_missing": "This address has no account yet. Say what the person is called: --name …",
    "admin_last": "Nobody else could administer then. Give another person the role first: odr staff admit admin …",
    "roles_apart": "An administrator has no other desk. Take the other role first: odr staff end …, odr mediator end …",
    "role_for_suspended": "That account is suspended. Restore it first: odr account restore …",
    "account_suspended_already": "That account is suspended already.",
    "account_not_suspended": "That account is not suspended.",
    "no_factor_here": "They have no second step of signing in that could be taken away.",
    "reset_asked_already": "That was asked already, and waits for an administrator: odr staff list",
}


@click.group()
def staff() -> None:
    """Trust people with desks: registrars, who admit filings; regulators, who watch the figures; administrators, who do
    from a page what this group does at the machine."""


@staff.command("admit")
@click.argument("role", type=click.Choice(STAFF))
@click.argument("email")
@click.option("--name", default="", help="The name, where the address has no account yet.")
@click.pass_context
def admit_to_desk(ctx: click.Context, role: str, email: str, name: str) -> None:
    """Give the ROLE to the person with this EMAIL.

    A person without an account gets one, and sets its password by the link for a forgotten one. Two registrars are
    needed at least: who refused a filing does not review it. Two administrators agree on taking a lost second step of
    signing in away; an administrator has no other desk.
    """
    house = standing_house(ctx)
    with told_by(STAFF_REFUSALS):
        administration.give_role(house, SYSTEM, email=email, name=name, role=role)
    click.echo(f"{email} has the role {role} in this house, and signs in anew.")


@staff.command("end")
@click.argument("role", type=click.Choice(STAFF))
@click.argument("email")
@click.pass_context
def end_at_desk(ctx: click.Context, role: str, email: str) -> None:
    """Take the ROLE from the person with this EMAIL; wherever they are signed in, that ends."""
    house = standing_house(ctx)
    try:
        with told_by(STAFF_REFUSALS):
            administration.take_role(house, SYSTEM, administration.account_at(house, email), role)
    except Missing as missing:
        raise click.ClickException(f"Nobody with the address {email} has the role {role} in this house.") from missing
    click.echo(f"{email} has the role {role} no more.")


@staff.command("reset-factors")
@click.argument("email")
@click.option("--ground", type=click.Choice(RESET_GROUNDS), default="lost", show_default=True, help="What happened.")
@click.pass_context
def reset_factors(ctx: click.Context, email: str, ground: str) -> None:
    """Take every second step of signing in from the person with this EMAIL, staff or party, who has lost all of them.

    Where two other administrators have a second step of their own, this only asks for it: one of them has to agree at
    their desk within three days. Otherwise it is done at once, and wherever the person is signed in, that ends; staff
    have to add a new one when they sign in again.

    Make sure first, on another way than mail, that it is them who asks. It stands in the log, and they get a mail.
    """
    house = standing_house(ctx)
    try:
        with told_by(STAFF_REFUSALS):
            done = administration.reset_by_operator(house, email, ground)
    except Missing as missing:
        raise click.ClickException(f"Nobody here has the address {email}.") from missing
    if done.asked_only:
        click.echo("There are two administrators who can see to this, so it was only asked for. One of them has to")
        click.echo(f"agree within three days: {house.settings.public_url.rstrip('/')}/administration")
        return
    click.echo("Fewer than two other administrators have a second step of their own, so it was done at once.")
    click.echo(f"{email} has no second step of signing in any more (there were {done.count}).")


@staff.command("list")
@click.pass_context
def list_staff(ctx: click.Context) -> None:
    """List who has a desk here: their roles, their second steps of signing in, and when they were last here."""
    house = standing_house(ctx)
    with house.engine.connect() as connection:
        found = colleagues(connection, house.clock())
    for one in found:
        click.echo(_staff_line(one))
    if not found:
        click.echo("Nobody has a desk here. Start with: odr staff admit registrar …")


def _staff_line(one: Holder) -> str:
    steps = f"{one.passkeys} passkeys, {one.apps} apps" if one.has_factor else "no second step"
    seen = f"last here {moment(one.seen_at):%Y-%m-%d}" if one.seen_at else "never here"
    more = ("  suspended" if one.suspended_at else "") + ("  reset asked" if one.wish else "")
    return f"{','.join(one.roles):<10} {one.email}  {one.name}  {steps}  {seen}{more}"


@click.group()
def account() -> None:
    """Keep somebody out, staff or party, on a ground that the log names: suspend an account, and restore it."""


@account.command("suspend")
@click.argument("email")
@click.option("--ground", required=True, type=click.Choice(SUSPENSION_GROUNDS), help="Why nobody may come in with it.")
@click.pass_context
def suspend_account(ctx: click.Context, email: str, ground: str) -> None:
    """Let nobody in with the account of this EMAIL until it is restored.

    Its sessions end at once, mailed links open nothing, a mediator is not drawn. Mail about its disputes goes on. Where
    time runs in a dispute of theirs, all registrars are told to let it stand still.
    """
    house = standing_house(ctx)
    try:
        with told_by(STAFF_REFUSALS):
            numbers = administration.suspend(house, SYSTEM, administration.account_at(house, email), ground)
    except Missing as missing:
        raise click.ClickException(f"Nobody here has the address {email}.") from missing
    click.echo(f"Nobody comes in with the account of {email} any more. To undo it: odr account restore {email}")
    if numbers:
        click.echo(f"Time runs in these disputes of theirs; the registrars are told: {', '.join(numbers)}")


@account.command("restore")
@click.argument("email")
@click.pass_context
def restore_account(ctx: click.Context, email: str) -> None:
    """Let the holder of this EMAIL in again."""
    house = standing_house(ctx)
    try:
        with told_by(STAFF_REFUSALS):
            administration.restore(house, SYSTEM, administration.account_at(house, email))
    except Missing as missing:
        raise click.ClickException(f"Nobody here has the address {email}.") from missing
    click.echo(f"{email} can sign in again.")
