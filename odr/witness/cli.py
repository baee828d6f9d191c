"""`odr witness`: somebody independent watches logs with a program of their own."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import click

from odr.house import HOST
from odr.log.keys import KeyTrouble
from odr.log.note import Rejected
from odr.witness.keys import WitnessKey, load_key, make_key
from odr.witness.serve import WitnessServer
from odr.witness.store import Store, Unsound

PORT = 8100

_FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.group()
def witness() -> None:
    """Watch the logs of houses for their parties: as a regulator, a consumer body, or anybody who is independent.

    A witness shares nothing with a house: neither database nor keys nor machine. All it has lies in one FOLDER. It
    speaks the protocol of c2sp.org/tlog-witness, so that it can watch other logs of that kind, too.
    """


@witness.command()
@_FOLDER
@click.option("--name", required=True, help="Its name in signatures, like an address without https: example.org/w1.")
def init(folder: Path, name: str) -> None:
    """Make the key of a new witness in FOLDER, and print the line by which others come to trust it.

    Never replaces a key. Copy the key to a safe place, but never put an older copy of the folder back: the witness
    would not remember what it signed.
    """
    try:
        key = make_key(folder, name)
    except KeyTrouble as trouble:
        raise click.ClickException(trouble.sentence) from trouble
    click.echo(key.vkey)


@witness.command()
@_FOLDER
@click.argument("vkey")
@click.option("--no-more", is_flag=True, help="Trust this key no more; what was seen of its log stays remembered.")
def follow(folder: Path, vkey: str, no_more: bool) -> None:
    """Watch the log that has this VKEY; or trust one more key of a log that is watched, as when it changes keys.

    A witness that is running takes it up at once. Without --no-more, an old key stays trusted beside the new one.
    """
    _key_of(folder)
    vkey = vkey.strip()
    try:
        if no_more:
            changed = Store(folder).unfollow(vkey)
            click.echo("This key is trusted no more." if changed else "This key was not trusted.")
            return
        changed = Store(folder).follow(vkey)
    except Rejected as wrong:
        raise click.ClickException("This is not the vkey of a log; a house shows its own under /log/key.") from wrong
    except OSError as trouble:
        raise click.ClickException(f"{trouble.filename or folder} cannot be written: {trouble.strerror}.") from trouble
    click.echo("The witness follows this log." if changed else "The witness followed this key already.")


@witness.command()
@_FOLDER
@click.option("--host", default=HOST, show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes a free one.")
def serve(folder: Path, host: str, port: int) -> None:
    """Answer the logs that this witness follows, until a signal says stop.

    It listens on this machine only; put a proxy with https before it to let logs in. It may be ended at any moment.
    """
    key = _key_of(folder)
    store = Store(folder)
    try:
        store.sweep(time.time() - 3_600)
        followed = store.followed()
        for origin in followed:
            store.last(origin)
        server = WitnessServer(host, port, store, key)
    except Unsound as trouble:
        raise click.ClickException(f"{trouble} It signs nothing until that is mended.") from trouble
    except OSError as trouble:
        raise click.ClickException(f"It cannot listen on {host}:{port}: {trouble.strerror}.") from trouble
    logging.getLogger("odr.witness").setLevel(logging.INFO)
    click.echo(f"The witness {key.name} answers at {server.url}/ (logs that it follows: {len(followed)})")
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def _key_of(folder: Path) -> WitnessKey:
    try:
        return load_key(folder)
    except KeyTrouble as trouble:
        raise click.ClickException(f"{trouble.sentence} Make a witness with: odr witness init") from trouble
