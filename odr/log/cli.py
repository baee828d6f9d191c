"""`odr key`, `odr log found-anew`, `odr auditor`: the keys of the log, its end, and who reads all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click
from sqlalchemy import Connection, select

from odr.house import House
from odr.kernel import Missing, Refused, moment
from odr.log.auditors import admit_auditor, auditors, end_auditor
from odr.log.founding import NotToBeFounded, found_anew
from odr.log.halt import latest_checkpoint
from odr.log.keys import KeyTrouble, keys_at
from odr.log.rotation import add_key, retire_key
from odr.log.signers import Signers, Term, signers_of
from odr.log.tables import checkpoint

AUDITOR_REFUSALS = {
    "name_twice": "Several auditors have this name; say the id that odr auditor list shows.",
    "name_missing": "Say what the auditor is called: odr auditor admit NAME",
    "days_wrong": "An auditor reads for one day at least and ten years at most: --days 90",
}
HOUSE = "odr.log.house"
"""Under this name the `odr` command hands on how a house that stands is opened."""


@click.group()
def key() -> None:
    """Look after the keys that sign the log: bring one in, retire one, list them.

    Each change is a public entry of the log, so that whoever trusts one key is led to the next. A checkpoint is signed
    by all keys that sign at its size.
    """


@key.command()
@click.pass_context
def add(ctx: click.Context) -> None:
    """Bring in a further key. It signs from the next checkpoint on, beside those that sign already.

    Makes its file beside the first one, with mode 0600; copy it to where the copies of the other keys are. Where keys
    come from ODR_SIGNING_KEY, put the new one there first.
    """
    house = standing_house(ctx)
    with _told_why():
        line = add_key(house)
    click.echo("This key signs from the next checkpoint on. Copy its file, and tell those who check the log:")
    click.echo(f"  {line}")


@key.command()
@click.argument("named", metavar="KEY")
@click.pass_context
def retire(ctx: click.Context, named: str) -> None:
    """Retire KEY, a vkey or its eight digits. It signs no checkpoint that counts the entry of this.

    Another key must have signed a checkpoint beside it before. What it signed stays signed.
    """
    house = standing_house(ctx)
    with _told_why():
        line = retire_key(house, named)
    click.echo(f"{line} is retired. Put its file away once odr key list says that it signs no more.")


@key.command("list")
@click.pass_context
def list_keys(ctx: click.Context) -> None:
    """List the keys of the log in the order in which they came in: from which size each signs, and until which."""
    house = standing_house(ctx)
    with house.engine.connect() as connection:
        last = latest_checkpoint(connection)
        signers = signers_of(connection, house.origin)
        idle = {term.public_key for term in signers.terms if term.retired and not _has_signed(connection, term)}
    held = {one.public_key for one in keys_at(house.settings).signing}
    for line in _lines(signers, last.size if last else 0, held, idle):
        click.echo(line)


def _has_signed(connection: Connection, term: Term) -> bool:
    """Whether any checkpoint fell into the time of this key: one that came and went between two has signed nothing."""
    sizes = select(checkpoint.c.size).where(checkpoint.c.size > (term.since or 0)).order_by(checkpoint.c.size).limit(1)
    first = connection.scalar(sizes)
    return first is not None and term.signs(first)


def _lines(signers: Signers, size: int, held: set[bytes], idle: set[bytes]) -> Iterator[str]:
    for term in signers.terms:
        at_hand = "at hand" if term.public_key in held else "not at hand"
        over = term.until is not None and term.until < size
        state = "never signed, and does not any more" if over and term.public_key in idle else _state(term, size)
        yield f"{term.key_id.hex()}  {state}  ({at_hand})  {term.vkey}"


def _state(term: Term, size: int) -> str:
    """Whether this key signs, while the last checkpoint has this size."""
    if term.since is None or term.since >= size:
        return "signs from the next checkpoint on"
    if not term.retired:
        return f"signs from {term.since + 1} entries on"
    if term.until is None or size <= term.until:
        return "signs no more from the next checkpoint on"
    return f"signed from {term.since + 1} to {term.until} entries"


@click.command("found-anew")
@click.option("--because", type=click.Choice(["stolen"]), help="Found it although the house goes on: a key was stolen.")
@click.option("--yes", is_flag=True, help="Do not ask; the house is stopped, and a copy of all of it was taken.")
@click.pass_context
def anew(ctx: click.Context, because: str | None, yes: bool) -> None:
    """Found a new log over the entries that are left, where the old one cannot go on.

    For a house that has stopped and whose signed entries are lost for good, and for a key that was stolen. The new log
    has a name and a key of its own, which everybody has to come to trust anew; its first entry says which log it
    continues and why. End every process of the house first, and take a copy. Read “When the log has stopped” in
    docs/operating.md. Ends with code 1, and founds nothing, where there is no reason or no way.
    """
    house = standing_house(ctx)
    if not yes:
        click.confirm("The old log ends for ever. Did you end every process and copy all of it?", abort=True)
    with _told_why():
        new = found_anew(house, stolen=because == "stolen")
    with new.engine.connect() as connection:
        line = signers_of(connection, new.origin).terms[0].vkey
    click.echo(f"The log {new.origin} continues {house.origin}. Start the house, and tell everybody its key:")
    click.echo(f"  {line}")


@click.group()
def auditor() -> None:
    """Let auditors read the entries of every dispute, over the net, with a token; each reading is written down.

    The entries say what every side did, behind the wall of the negotiation too; words and files are not in them. Admit
    only whom a regulator or a court names.
    """


@auditor.command("admit")
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 3660), default=90, show_default=True, help="How long it may read.")
@click.pass_context
def admit_to_entries(ctx: click.Context, name: str, days: int) -> None:
    """Admit an auditor called NAME, and print the token once; only its hash is kept.

    With it: python3 evenhand-verify.py log ADDRESS/log --key … --token-file FILE
    """
    with told_by(AUDITOR_REFUSALS):
        admitted, token = admit_auditor(standing_house(ctx), name, days)
    click.echo(token)
    click.echo(
        f"{admitted.name} ({admitted.id}) may read all entries until {moment(admitted.until):%Y-%m-%d %H:%M} UTC. The "
        "token above is shown once; hand it over on a way that nobody else reads.",
        err=True,
    )


@auditor.command("end")
@click.argument("name")
@click.pass_context
def end_reading(ctx: click.Context, name: str) -> None:
    """End the reading of the auditor with this NAME or id, at once."""
    house = standing_house(ctx)
    try:
        with told_by(AUDITOR_REFUSALS):
            ended = end_auditor(house, name)
    except Missing as missing:
        raise click.ClickException(f"No auditor {name} may read now. Those who may: odr auditor list") from missing
    click.echo(f"{ended.name} ({ended.id}) reads nothing more.")


@auditor.command("list")
@click.pass_context
def list_auditors(ctx: click.Context) -> None:
    """List who was ever admitted: until when, and how much they read."""
    house = standing_house(ctx)
    with house.engine.connect() as connection:
        found = auditors(connection)
    for one in found:
        state = "may read until" if one.may_read(house.clock()) else "read until"
        last = f", last {moment(one.read_at):%Y-%m-%d}" if one.read_at else ""
        click.echo(f"{one.id}  {one.name}  {state} {moment(one.ends_at):%Y-%m-%d}  {one.read} files of entries{last}")
    if not found:
        click.echo("No auditor was ever admitted.")


def standing_house(ctx: click.Context) -> House:
    """The house that the command is about, opened as it stands."""
    house: House = ctx.meta[HOUSE]()
    return house


@contextmanager
def _told_why() -> Iterator[None]:
    """Turn why something cannot be done into its sentence for the operator."""
    try:
        yield
    except (KeyTrouble, NotToBeFounded) as trouble:
        raise click.ClickException(str(trouble)) from trouble


@contextmanager
def told_by(sentences: Mapping[str, str]) -> Iterator[None]:
    """Turn what is refused into its sentence for the operator."""
    try:
        yield
    except Refused as refused:
        raise click.ClickException(sentences.get(refused.code, refused.code)) from refused
