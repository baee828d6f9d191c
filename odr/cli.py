"""The `odr` command: everything an operator does with a house, each with a help text a stranger understands."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from flask import Flask
from sqlalchemy import inspect

from odr import __version__
from odr.administration.cli import account, staff
from odr.app import create_app
from odr.casefile.cli import SIDES
from odr.casefile.cli import export as export_case_file
from odr.casefile.queries import NoCaseFile
from odr.config import ConfigError, load
from odr.database import one_moment, open_engine, writing
from odr.demo import GUESTS, NotADemonstration
from odr.demo import furnish as furnish_demonstration
from odr.disputes.rebuild import compare, counted_as_of
from odr.disputes.rebuild import rebuild as rebuild_lists
from odr.doctor import Finding as Sentence
from odr.doctor import examine, examine_fully
from odr.erasure.rules import LEGAL_GROUNDS
from odr.erasure.service import erase_by_law, found_by_law, scrub_now
from odr.evidence.store import Damaged
from odr.house import House, Settings
from odr.kernel import Missing, Refused, moment
from odr.log.cli import HOUSE, anew, auditor, key
from odr.log.cosigning import PolicyTrouble, Unanswered, require_agreement
from odr.log.halt import SigningStopped, contradiction
from odr.log.integrator import resume as resume_signing
from odr.log.integrator import seal_all
from odr.log.keys import KeyTrouble
from odr.log.publication import Unpublished, publish_files
from odr.log.selfcheck import UNSOUND, as_loss, check_fully, check_quickly, is_grave
from odr.log.signers import signers_of
from odr.mediation.cli import mediator
from odr.migrations.service import draft
from odr.migrations.service import migrate as migrate_database
from odr.procedure.dispute import SIDES as PARTIES
from odr.procedure.ruleset import MalformedRuleset
from odr.replay.cli import Options
from odr.replay.cli import run as run_replay
from odr.replay.records import SOURCES
from odr.serve import THREADS, prepare, require_standing
from odr.serve import serve as serve_house
from odr.statistics.queries import editions
from odr.statistics.service import cut
from odr.verify import CANNOT_TELL, SOUND, TAMPERED, as_json, exit_status, verify_edition, verify_house
from odr.web.security import Undeclared
from odr.web.sentences import refusal as sentence_of
from odr.witness.cli import witness
from odr.worker import run as work

# `odr verify` promises: 0 sound, 1 tampered, 2 cannot tell, 3 wrong usage. What goes for it goes for every command.
click.UsageError.exit_code = 3


class CannotOpen(click.ClickException):
    """The house cannot be opened, so nothing can be told about it."""

    exit_code = CANNOT_TELL


class Desk(click.Group):
    """Turns what stops a house from opening into its sentences, without the trace of a fault of ours."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ConfigError, KeyTrouble, NotADemonstration, SigningStopped, PolicyTrouble, Undeclared) as trouble:
            raise CannotOpen(str(trouble)) from trouble


@click.group(cls=Desk, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="Evenhand")
@click.option("--instance", type=click.Path(file_okay=False, path_type=Path), help="The folder of this house's data.")
@click.pass_context
def main(ctx: click.Context, instance: Path | None) -> None:
    """Evenhand: an independent place where a buyer and a seller in different countries end a dispute.

    A house keeps all it knows in one folder, its instance. Settings come from ODR_ variables of the environment, or
    from a TOML file that ODR_SETTINGS names. Start with: odr demo
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    ctx.obj = {"instance": instance} if instance else {}
    ctx.meta[HOUSE] = lambda: house_of(standing_app(settings_with(ctx)))


def settings_with(ctx: click.Context, **given: Any) -> Settings:
    """The settings of the environment with what the command line says on top."""
    return load(overrides=ctx.obj | {name: value for name, value in given.items() if value is not None})


def house_of(app: Flask) -> House:
    house: House = app.extensions["odr"]
    return house


def new_or_old_app(settings: Settings) -> Flask:
    """The application of a house that is opened for work; everything it lacks is made."""
    prepare(settings)
    return create_app(settings)


def furnish(settings: Settings) -> None:
    """Make the tables in a database server that has none yet, so that a trial needs no step of its own."""
    engine = open_engine(settings.database_url)
    try:
        if not inspect(engine).get_table_names():
            migrate_database(engine)
    finally:
        engine.dispose()


def standing_app(settings: Settings) -> Flask:
    """The application of a house that stands already. Raises ConfigError where there is none: a command that looks
    a house over must not make an empty one in a folder named by mistake, and call it sound."""
    require_standing(settings)
    return create_app(settings)


@main.command()
@click.option("--host", help="The address to listen on; 127.0.0.1 unless told otherwise.")
@click.option("--port", type=int, help="The port to listen on; 8000 unless told otherwise.")
@click.option("--processes", type=click.IntRange(1), default=1, show_default=True, help="Server processes.")
@click.option(
    "--threads", type=click.IntRange(1), default=THREADS, show_default=True, help="Requests at a time in each."
)
@click.option("--worker/--no-worker", default=True, show_default=True, help="Run the worker beside the server.")
@click.pass_context
def serve(ctx: click.Context, host: str | None, port: int | None, processes: int, threads: int, worker: bool) -> None:
    """Open the house: the web server, and the worker that fires deadlines and sends mail.

    On the first start this makes the instance folder, the database, the keys and the log. It listens on this machine
    only; put a proxy with https before it to let the public in.
    """
    settings = settings_with(ctx, host=host, port=port)
    house_of(new_or_old_app(settings)).engine.dispose()
    click.echo(f"Evenhand is open at {settings.public_url} (instance {settings.instance}). Stop it with Ctrl-C.")
    serve_house(settings, processes=processes, threads=threads, with_worker=worker)


@main.command()
@click.option("--once", is_flag=True, help="Do all that is due now, then end.")
@click.option("--watched", is_flag=True, hidden=True, help="End when the standard input ends.")
@click.pass_context
def worker(ctx: click.Context, once: bool, watched: bool) -> None:
    """Run the worker alone: it fires deadlines, seals the log and sends mail.

    `odr serve` runs one already. Use this with `odr serve --no-worker`, or on a machine of its own. Ends with code 1
    when a part of the work failed.
    """
    if not work(new_or_old_app(settings_with(ctx)), once=once, watched=watched):
        ctx.exit(1)


@main.command()
@click.option("--json", "for_machines", is_flag=True, help="Write the result as JSON.")
@click.pass_context
def verify(ctx: click.Context, for_machines: bool) -> None:
    """Check the whole house against its log: every entry, signature, sealed word, file and list.

    Changes nothing. Ends with code 0 when all is sound, 1 when something was changed, 2 when nothing can be told (no
    house there, or the words are sealed under another house's key), 3 when the command was misspelt.
    """
    house = house_of(standing_app(settings_with(ctx)))
    verified = verify_house(house)
    if for_machines:
        click.echo(json.dumps(as_json(verified), indent=2))
    else:
        for finding in verified.findings:
            click.echo(str(finding))
        click.echo(f"{verified.entries} entries, {verified.size} in the tree with root {verified.root.hex()}")
        click.echo(f"{len(verified.findings)} findings" if verified.findings else "All is sound.")
    ctx.exit(exit_status(verified.findings))


@main.command()
@click.option("--check", is_flag=True, help="Only compare, and end with code 1 when anything differs.")
@click.pass_context
def rebuild(ctx: click.Context, check: bool) -> None:
    """Fold every list about disputes anew from the log.

    The lists hold nothing of their own, so this loses nothing. It is done in one transaction.
    """
    house = house_of(standing_app(settings_with(ctx)))
    with writing(house.engine) as connection:
        differences = list(compare(connection, house))
        for difference in differences:
            click.echo(str(difference))
        if check:
            click.echo(f"{len(differences)} differences.")
            ctx.exit(bool(differences))
        click.echo(f"{rebuild_lists(connection, house)} disputes folded anew, {len(differences)} differences mended.")


@main.command()
@click.argument("number")
@click.option("--ground", required=True, type=click.Choice(LEGAL_GROUNDS), help="Why the law demands it.")
@click.option("--side", type=click.Choice(PARTIES), help="Erase all words of this side.")
@click.option("--entry", "entries", type=click.IntRange(1), multiple=True, help="Erase the words of this entry.")
@click.option("--yes", is_flag=True, help="Do not ask before destroying.")
@click.pass_context
def erase(ctx: click.Context, number: str, ground: str, side: str | None, entries: tuple[int, ...], yes: bool) -> None:
    """Destroy words of dispute NUMBER for good because a court or the law demands it, whether or not it is over.

    Salts, keys, words and files go; the entries stay and say on which ground. Nothing goes while a registrar holds the
    words. Ends with code 1 when it is refused.
    """
    if not (side or entries):
        raise click.UsageError("Say what goes: --side, or --entry once or more.")
    house = house_of(standing_app(settings_with(ctx)))
    try:
        dispute_id, found = found_by_law(house, number, side=side or "", versions=entries)
    except Missing as missing:
        raise CannotOpen(f"There is no dispute {number}.") from missing
    for each in found:
        click.echo(f"entry {each.version}, {each.type} by the {each.role}: {', '.join(each.names)}")
    if found and not yes:
        click.confirm("Destroy these words? They cannot be brought back.", abort=True)
    try:
        done = erase_by_law(house, dispute_id, ground, tuple(each.version for each in found))
    except Refused as refused:
        raise click.ClickException(sentence_of(refused)) from refused
    seal_all(house)
    clean = scrub_now(house)
    click.echo(f"Erased, as entry {done.first} orders and a later one records. Check it: odr verify")
    if not clean:
        click.echo("Free space of the database is not cleared yet; the worker does that. Leave it running.", err=True)


@main.group()
def log() -> None:
    """Hand the log out to those who verify it from outside, or go on after the log had stopped.

    Who is given a log checks it with one plain file of Python, odr/log/offline.py, and the public key of this house.
    """


@log.command()
@click.option("--despite-losses", is_flag=True, help="Go on without words and files that are lost for good.")
@click.pass_context
def resume(ctx: click.Context, despite_losses: bool) -> None:
    """Let a house go on that signs nothing and takes no act, once its log is whole again.

    Checks the whole house first, as odr verify does, and that the tree has only grown from all that was signed; leaves
    a public entry that says since when the house had stopped and why. Ends with code 2, and lets nothing go on, while
    anything still contradicts.

    With --despite-losses the entry also names the words and files that are not as they were written and that no copy
    can bring back. Entries, tree and checkpoints must be whole all the same.
    """
    house = house_of(standing_app(settings_with(ctx)))
    found = [finding for finding in check_fully(house, verify_house).findings if is_grave(finding)]
    for finding in found:
        click.echo(str(finding), err=True)
    losses = [loss for loss in map(as_loss, found) if loss]
    if found and (not despite_losses or len(losses) < len(found)):
        with house.engine.connect() as connection:
            against = contradiction(connection, house.settings, house.origin, house.keys)
        # What speaks against the tree itself says what to do; that something is unsound follows from it.
        raise SigningStopped(against.code if against else UNSOUND)
    try:
        require_agreement(house)
    except Unanswered as trouble:
        raise CannotOpen(
            f"A witness that may know better does not answer ({trouble.code}). Go on once it does; or, if you cannot "
            "believe it any more, take it out of the policy."
        ) from trouble
    had_stopped = resume_signing(house, losses)
    click.echo("The house goes on; the log says so." if had_stopped else "This house has not stopped.")


@log.command()
@click.option("--full", is_flag=True, help="The whole house, as every night; it takes as long as odr verify.")
@click.pass_context
def check(ctx: click.Context, full: bool) -> None:
    """Let the house check itself now: the newest part of its log, as every hour.

    What it finds is kept and shown on the page of the log, and something grave stops the house. Ends with code 1 when
    anything is wrong. To look without any of this: odr verify
    """
    house = house_of(standing_app(settings_with(ctx)))
    outcome = check_fully(house, verify_house) if full else check_quickly(house)
    for finding in outcome.findings:
        click.echo(str(finding))
    click.echo(
        f"{len(outcome.findings)} findings." if outcome.findings else f"All is sound, over {outcome.size} entries."
    )
    if outcome.stopped:
        click.echo("The house has stopped. Read “When the log has stopped” in docs/operating.md.", err=True)
    ctx.exit(TAMPERED if outcome.findings else SOUND)


@log.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_context
def publish(ctx: click.Context, folder: Path) -> None:
    """Write the log up to its last checkpoint into FOLDER: hashes, and the entries of every dispute.

    For auditors, and for nobody else: the entries say what every side did, behind the wall of the negotiation too.
    Words and files are not in it. Given again, it brings the folder up to date. Ends with code 2 when nothing can be
    written; what is wrong then, odr verify says.
    """
    house = house_of(standing_app(settings_with(ctx)))
    try:
        with one_moment(house.engine) as connection:
            checkpoint = publish_files(connection, house, folder)
    except Unpublished as trouble:
        raise CannotOpen(_UNPUBLISHED[trouble.code]) from trouble
    except OSError as trouble:
        raise CannotOpen(f"{trouble.filename or folder} cannot be written: {trouble.strerror}.") from trouble
    click.echo(f"{checkpoint.size} entries lie in {folder}. To check them: python3 offline.py log {folder} --key \\")
    with house.engine.connect() as connection:
        click.echo(f"  {signers_of(connection, house.origin).newest_first(checkpoint.size)[0]}")


_UNPUBLISHED = {
    "no_checkpoint": "The log has no checkpoint yet. Start the worker once: odr worker --once",
    "entries_missing": "The log lacks entries that its checkpoint counts. Look for what happened: odr verify",
    "checkpoint_differs": "The entries are not those that the checkpoint was signed over. Look closer: odr verify",
    "another_log": "The folder holds something else than an earlier state of this log. Name a folder of its own.",
}


@main.command()
@click.argument("number")
@click.option("--for", "side", type=click.Choice(SIDES), required=True, help="Whose case file it is.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@click.pass_context
def export(ctx: click.Context, number: str, side: str, output: Path | None) -> None:
    """Write the case file of dispute NUMBER: all that one reader may have of it, with the proof, in one archive.

    It holds what that reader may read and nothing else, so it may be given to that reader alone. The log is sealed
    first. Ends with code 1 when evidence is damaged or gone and therefore missing in it, and with code 2 when there is
    no such case file.
    """
    try:
        made = export_case_file(standing_app(settings_with(ctx)), number, side, output)
    except Missing as missing:
        raise CannotOpen(f"There is no case file of the {side} in a dispute {number}.") from missing
    except NoCaseFile as none:
        raise CannotOpen("The log signs nothing at present, so there is none. Look closer: odr doctor") from none
    except Damaged as damaged:
        raise CannotOpen("Evidence was destroyed while the case file was written. Try it again.") from damaged
    except OSError as trouble:
        raise CannotOpen(f"{trouble.filename or output} cannot be written: {trouble.strerror}.") from trouble
    click.echo(f"The case file of the {side} is {made.place}. To check it:")
    click.echo(f"  python3 offline.py case {made.place} --key \\")
    click.echo(f"  {made.key}")
    if made.lost:
        click.echo(f"Evidence that is damaged or gone, and not in it: {made.lost}. Look closer: odr verify", err=True)
    ctx.exit(TAMPERED if made.lost else SOUND)


@main.group()
def statistics() -> None:
    """Cut an edition of the public figures, list the editions, or count one again.

    The worker cuts one a day. An edition never changes; what it says follows from the entries of the log.
    """


@statistics.command("cut")
@click.pass_context
def cut_edition(ctx: click.Context) -> None:
    """Cut an edition now, as of the last checkpoint, which is signed first.

    For demonstrations and for a first look: an edition that follows closely on another one lets readers subtract the
    two. Ends with code 2 when there is nothing to cut from.
    """
    house = house_of(standing_app(settings_with(ctx)))
    seal_all(house)
    edition = cut(house, counted_as_of)
    if edition is None:
        raise CannotOpen("No edition was cut: the log has no checkpoint yet, or another one was cut just now.")
    head = edition.head
    click.echo(
        f"Edition {head.number} was cut over {head.size} entries with root {head.root}. SHA-256 {edition.digest}"
    )


@statistics.command("list")
@click.pass_context
def list_editions(ctx: click.Context) -> None:
    """List the editions that were cut, the newest first."""
    house = house_of(standing_app(settings_with(ctx)))
    with house.engine.connect() as connection:
        for edition in editions(connection):
            click.echo(
                f"{edition.number}  {moment(edition.cut_at):%Y-%m-%d %H:%M} UTC  {edition.size}  {edition.digest}"
            )


@statistics.command("check")
@click.argument("number", type=click.IntRange(1))
@click.pass_context
def check_edition(ctx: click.Context, number: int) -> None:
    """Count edition NUMBER again, from the entries it was cut over, and compare it byte by byte.

    Ends with code 0 when it is the same, 1 when it differs, 2 when there is no such edition, 3 when the command was
    misspelt. The entries themselves are checked by odr verify.
    """
    house = house_of(standing_app(settings_with(ctx)))
    try:
        findings = verify_edition(house, number)
    except Missing as missing:
        raise CannotOpen(f"There is no edition {number}.") from missing
    for finding in findings:
        click.echo(str(finding))
    if not findings:
        click.echo(f"Edition {number} says what the entries make it say.")
    ctx.exit(TAMPERED if findings else SOUND)


@main.command()
@click.option("--port", type=int, help="The port to listen on; 8000 unless told otherwise.")
@click.pass_context
def demo(ctx: click.Context, port: int | None) -> None:
    """Open a demonstration: invented disputes at every step, and accounts to see them from every seat.

    It lives in a folder of its own and is never mixed with real disputes. The mail it sends is written to files.
    """
    settings = settings_with(ctx, port=port, demonstration=True, production=False)
    house = house_of(new_or_old_app(settings))
    password = furnish_demonstration(house)
    house.engine.dispose()
    click.echo(f"The demonstration is open at {settings.public_url}. Stop it with Ctrl-C.")
    click.echo(f"Sign in with the password {password} as one of:")
    for guest in GUESTS:
        click.echo(f"  {guest.email}")
    click.echo(f"Mail is written to {settings.mail_url.removeprefix('folder://')}.")
    serve_house(settings, processes=1, threads=THREADS, with_worker=True)


main.add_command(witness)
main.add_command(key)
main.add_command(auditor)
main.add_command(mediator)
main.add_command(staff)
main.add_command(account)
log.add_command(anew)


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "source", type=click.Choice(sorted(SOURCES)), help="Whose lines these are, if not scripts.")
@click.option("--json", "for_machines", is_flag=True, help="Write the result as JSON.")
@click.option(
    "--ruleset", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The rules to file under."
)
@click.option("--database", help="The address of the database to write to.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that do the acts.")
@click.option("--twice", is_flag=True, help="Send every act twice, as a browser does after a broken connection.")
@click.option("--acks", type=click.Path(dir_okay=False, path_type=Path), help="Write a line for each act that is done.")
@click.pass_context
def replay(
    ctx: click.Context,
    file: Path,
    source: str | None,
    for_machines: bool,
    ruleset: Path | None,
    database: str | None,
    workers: int,
    twice: bool,
    acks: Path | None,
) -> None:
    """Do the disputes of a FILE of scripts, on a simulated clock, through the doorway that the pages use.

    The format is told in docs/replay.md. A run that was broken off goes on where it was when it is given again. Ends
    with code 1 when a line was malformed; everything else has still been done.
    """
    settings = settings_with(ctx, database_url=database)
    if database:
        furnish(settings)
    house = house_of(new_or_old_app(settings))
    options = Options(
        source=source,
        ruleset=ruleset.read_bytes() if ruleset else None,
        workers=workers,
        twice=twice,
        acks=acks,
    )
    with file.open("rb") as lines:
        try:
            result = run_replay(house, lines, file.parent, options)
        except MalformedRuleset as malformed:
            raise click.ClickException(f"The file of rules is malformed: {malformed}") from malformed
    for number, reason in result.malformed:
        click.echo(f"line {number} is malformed: {reason}", err=True)
    for refusal in result.refusals:
        click.echo(str(refusal), err=True)
    click.echo(json.dumps(result.as_json(), indent=None if for_machines else 2))
    ctx.exit(bool(result.malformed))


@main.command()
@click.option("--draft", "words", hidden=True, help="Write a migration to the tables in the code.")
@click.pass_context
def migrate(ctx: click.Context, words: str | None) -> None:
    """Bring the database to the tables of this release.

    Only needed for a PostgreSQL database; an embedded one is migrated when the house is opened. Make a copy first.
    """
    settings = settings_with(ctx)
    settings.instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = open_engine(settings.database_url)
    try:
        if words:
            click.echo(f"Wrote {draft(engine, words).name}.")
        else:
            done = migrate_database(engine)
            click.echo("The database was migrated." if done else "The database is already up to date.")
    finally:
        engine.dispose()


@main.command()
@click.option("--full", is_flag=True, help="Verify the whole house too; it takes as long as odr verify.")
@click.pass_context
def doctor(ctx: click.Context, full: bool) -> None:
    """Look the house over and say what is unsafe, broken or waiting.

    Changes nothing. Ends with code 1 when something grave is wrong.
    """
    settings = settings_with(ctx)
    findings = list(_spoken(examine(settings)))
    if full:
        findings += _spoken(examine_fully(verify_house(house_of(standing_app(settings)))))
    if any(finding.grave and not finding.ok for finding in findings):
        ctx.exit(1)


def _spoken(findings: Iterator[Sentence]) -> Iterator[Sentence]:
    for finding in findings:
        mark = "ok  " if finding.ok else "BAD " if finding.grave else "note"
        click.echo(f"{mark}  {finding.sentence}")
        yield finding
