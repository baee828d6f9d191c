"""`odr mediator`: the roster, and what its people showed of training and standing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from odr.house import House
from odr.kernel import Missing, moment
from odr.log.cli import standing_house, told_by
from odr.mediation import service as mediation
from odr.mediation.queries import Mediator, mediator_of, whole_roster
from odr.people.queries import account_by_email
from odr.people.rules import email_key
from odr.people.tables import CREDENTIALS
from odr.procedure.ruleset import shipped_rulesets

ROSTER_REFUSALS = {
    "languages_missing": "Say at least one language: --languages en",
    "mandate_too_short": f"A mandate runs for {mediation.LEAST_MANDATE_YEARS} years at least: --mandate-years 3",
    "capacity_too_small": "A mediator takes at least one dispute: --capacity 1",
    "email_malformed": "That is not an address as people write one: somebody@example.org",
    "name_missing": "This address has no account yet. Say what the person is called: --name …",
    "role_for_suspended": "That account is suspended. Restore it first: odr account restore …",
    "issuer_missing": f"Say who issued it, in {mediation.LONGEST_ISSUER} letters at most: --issuer …",
    "credential_lapsed": "That day is over: what does not hold any more is not written down.",
    "credential_too_long": f"Say a day within {mediation.MOST_CREDENTIAL_YEARS} years, when you look at it again.",
    "mandate_over": "That mandate is over already. To close the desk too: odr mediator end … --now",
}


@click.group()
def mediator() -> None:
    """Look after the roster: the list of people of whom one is drawn by lot for each dispute."""


@mediator.command()
@click.argument("email")
@click.option("--name", help="The name, where the address has no account yet.")
@click.option("--languages", required=True, help="What they speak, as codes with commas: en,de,zh_Hans.")
@click.option("--fields", default="", help="Kinds of disputes with commas, as in the rules; all of them unless given.")
@click.option("--country", help="Where they are at home, as a code of two letters.")
@click.option("--interests", default="", help="Ties they declare: mail domains and sellers' addresses, with commas.")
@click.option("--training", default="", help="What they learnt and did, in their own words; everybody reads it.")
@click.option("--mandate-years", type=int, help="How long the mandate runs from now on; three years at least.")
@click.option("--capacity", type=int, default=mediation.CAPACITY, show_default=True, help="Open disputes at a time.")
@click.pass_context
def admit(ctx: click.Context, /, email: str, **told: Any) -> None:
    """Put the person with this EMAIL on the roster, or change what it says of them.

    A person without an account gets one, and sets its password by the link for a forgotten one. What was let lie
    before is forgiven. A change never shortens a mandate that runs.
    """
    house = standing_house(ctx)
    admission = mediation.Admission(
        languages=_parts(told["languages"]),
        fields=_known_fields(_parts(told["fields"])),
        country=told["country"].upper() if told["country"] else None,
        interests=_parts(told["interests"]),
        training=told["training"],
        mandate_years=told["mandate_years"],
        capacity=told["capacity"],
    )
    with told_by(ROSTER_REFUSALS):
        mediator_id = mediation.admit_mediator(house, email, told["name"] or "", admission)
        found = _mediator_at(house, email)
    lacks = found.lacks(house.clock()) if found and not found.is_excused(house.clock()) else ()
    drawn = f"is drawn once evidence is shown of: {', '.join(lacks)} (odr mediator credential add)" if lacks else None
    click.echo(f"{email} {drawn or 'can be drawn from now on'}, and is named {mediator_id} in the log.")


@mediator.command()
@click.argument("email")
@click.option("--now", is_flag=True, help="Close the desk too: what waits there passes on when its time is over.")
@click.pass_context
def end(ctx: click.Context, email: str, now: bool) -> None:
    """End the mandate of the mediator with this EMAIL; nobody draws them any more.

    They keep the desk until the disputes they sit in are over.
    """
    house = standing_house(ctx)
    with told_by(ROSTER_REFUSALS):
        found = _on_the_roster(house, email)
        sits = mediation.end_mediator(house, found.id, at_once=now)
    click.echo(f"{email} is not drawn any more.")
    if sits:
        left = "pass on when their time is over" if now else "stay theirs until they are over"
        click.echo(f"Disputes they still sit in, which {left}: {sits}.")


@mediator.command("list")
@click.option("--json", "for_machines", is_flag=True, help="Write the list as JSON.")
@click.pass_context
def list_mediators(ctx: click.Context, for_machines: bool) -> None:
    """List everybody who was ever on the roster: since when, until when, and how much they have to do."""
    house = standing_house(ctx)
    with house.engine.connect() as connection:
        found = whole_roster(connection)
    if for_machines:
        click.echo(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
        return
    for one in found:
        click.echo(_roster_line(one, house.clock()))
    click.echo(f"{len(found)} on the list." if found else "Nobody is on the roster. Start with: odr mediator admit")


def _roster_line(one: Mediator, at: int) -> str:
    state = "paused" if one.is_paused else "serving" if one.has_mandate(at) else "over"
    until = moment(one.ended_at or one.mandate_until).date()
    speaks = ",".join(one.languages)
    busy = f"{one.open_cases} of {one.capacity}"
    lacks = f"  lacks {', '.join(one.lacks(at))}" if one.has_mandate(at) and one.lacks(at) else ""
    return f"{one.id}  {one.email or '(closed)'}  {state} until {until}  {speaks}  {busy}{lacks}"


@mediator.group()
def credential() -> None:
    """Keep what mediators showed of training and standing: without what is needed, or after its day, nobody is drawn.

    Needed of everybody: mediation and consumer_law. The paper is looked at and given back; its SHA-256 stays.
    """


@credential.command("add")
@click.argument("email")
@click.option("--kind", type=click.Choice(CREDENTIALS), required=True, help="What it is evidence of.")
@click.option("--issuer", required=True, help="Who issued it, such as a university; everybody reads it.")
@click.option(
    "--document",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    required=True,
    help="The paper that you looked at, as a file.",
)
@click.option("--until", type=click.DateTime(("%Y-%m-%d",)), required=True, help="The last day on which it holds.")
@click.pass_context
def add_credential(ctx: click.Context, email: str, kind: str, issuer: str, document: Path, until: datetime) -> None:
    """Write down what the mediator with this EMAIL showed. Where it has no end, say when you want to see it again."""
    house = standing_house(ctx)
    found = _on_the_roster(house, email)
    with document.open("rb") as paper:
        digest = hashlib.file_digest(paper, "sha256").hexdigest()
    with told_by(ROSTER_REFUSALS):
        fresh = mediation.add_credential(house, found.id, kind=kind, issuer=issuer, document=digest, until=until.date())
    click.echo(f"{fresh}  {kind} of {email}, until {until:%Y-%m-%d}, document {digest}")
    lacks = _on_the_roster(house, email).lacks(house.clock())
    click.echo(f"Still missing: {', '.join(lacks)}." if lacks else "Nothing that is needed is missing.")


@credential.command("end")
@click.argument("email")
@click.argument("credential_id")
@click.pass_context
def end_credential(ctx: click.Context, email: str, credential_id: str) -> None:
    """Take back the credential with this id of the mediator with this EMAIL, as when its issuer withdrew it."""
    house = standing_house(ctx)
    found = _on_the_roster(house, email)
    try:
        mediation.end_credential(house, found.id, credential_id)
    except Missing as missing:
        raise click.ClickException(f"{email} has no such credential: odr mediator credential list") from missing
    lacks = _on_the_roster(house, email).lacks(house.clock())
    click.echo(f"{email} lacks {', '.join(lacks)}." if lacks else "Nothing that is needed is missing.")


@credential.command("list")
@click.argument("email", required=False)
@click.option("--json", "for_machines", is_flag=True, help="Write the list as JSON.")
@click.pass_context
def list_credentials(ctx: click.Context, email: str | None, for_machines: bool) -> None:
    """List what mediators showed, or the one with this EMAIL: of what, by whom, until when."""
    house = standing_house(ctx)
    with house.engine.connect() as connection:
        found = [_on_the_roster(house, email)] if email else whole_roster(connection)
    rows = [
        {"email": one.email, **asdict(each), "until": each.until.isoformat(), "holds": each.holds(house.clock())}
        for one in found
        for each in one.credentials
    ]
    if for_machines:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        until = f"until {row['until']}" if row["holds"] else "over"
        whose = row["email"] or "(closed)"
        click.echo(f"{row['id']}  {whose}  {row['kind']}  {until}  {row['issuer']}  {row['document']}")
    for one in found:
        if one.has_mandate(house.clock()) and one.lacks(house.clock()):
            click.echo(f"{one.email or '(closed)'} lacks {', '.join(one.lacks(house.clock()))}.")
    if not rows:
        click.echo("No mediator has shown anything. Start with: odr mediator credential add")


def _on_the_roster(house: House, email: str) -> Mediator:
    with told_by(ROSTER_REFUSALS):
        found = _mediator_at(house, email)
    if found is None:
        raise click.ClickException(f"Nobody with the address {email} is on the roster.")
    return found


def _mediator_at(house: House, email: str) -> Mediator | None:
    with house.engine.connect() as connection:
        account = account_by_email(connection, email_key(email))
        return mediator_of(connection, account.id) if account else None


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _known_fields(fields: tuple[str, ...]) -> tuple[str, ...]:
    known = {name for rules in shipped_rulesets().all() for name in rules.categories}
    unknown = sorted(set(fields) - known)
    if unknown:
        raise click.UsageError(f"No rules know {', '.join(unknown)}. The kinds are: {', '.join(sorted(known))}.")
    return fields
