"""Keys that change: a further key comes in beside those that sign, and one that signed long enough goes."""

from __future__ import annotations

from sqlalchemy import Connection

from odr.database import write_unit
from odr.house import House
from odr.kernel import SYSTEM
from odr.log.halt import SigningStopped, latest_checkpoint, must_rest
from odr.log.journal import NewFact, append, head_of
from odr.log.keys import Keys, KeyTrouble, keys_at, make_signing_key
from odr.log.note import vkey
from odr.log.signers import KEY_ADDED, KEY_RETIRED, Signers, Term, lineage_of, signers_of


def add_key(house: House) -> str:
    """Bring in a further key; answers its vkey. It signs from the first checkpoint on that counts its entry.

    A key that is at hand and was never a key of this log comes in as it is: one from the environment, or one whose
    command broke off. Otherwise a new one is made. Raises KeyTrouble where that cannot be, SigningStopped.
    """
    with house.engine.connect() as connection:
        require_signing(connection, house)
        new = unused_key(connection, house) or new_key(house)
    line = vkey(house.origin, new)

    def bring_in(connection: Connection) -> None:
        if line not in [term.vkey for term in signers_of(connection, house.origin).terms]:
            _write(connection, house, KEY_ADDED, line)

    write_unit(house.engine, bring_in)
    return line


def retire_key(house: House, named: str) -> str:
    """Retire the key with this vkey or id; answers its vkey. It signs the last checkpoint that does not count its
    entry. Raises KeyTrouble where no such key signs, and where nobody could go on from it; SigningStopped."""

    def retire(connection: Connection) -> str:
        require_signing(connection, house)
        last = latest_checkpoint(connection)
        signers = signers_of(connection, house.origin)
        leaving = _serving(signers, named)
        _require_successor(signers, leaving, last.size if last else 0, keys_at(house.settings))
        _write(connection, house, KEY_RETIRED, leaving.vkey)
        return leaving.vkey

    return write_unit(house.engine, retire)


def require_signing(connection: Connection, house: House) -> None:
    """Raise SigningStopped in a house that signs nothing."""
    code = must_rest(connection, house)
    if code is not None:
        raise SigningStopped(code)


def new_key(house: House) -> bytes:
    """The public key of a key made now, which lies in a file of its own. Raises KeyTrouble."""
    if house.settings.signing_key:
        raise KeyTrouble(
            "The keys that sign come from ODR_SIGNING_KEY. Put a further one behind them, after a space: 32 random "
            "bytes in base64 (openssl rand -base64 32). Start the whole house anew with it, and say this again."
        )
    return make_signing_key(house.settings.signing_key_file, house.origin)[1].public_key


def unused_key(connection: Connection, house: House) -> bytes | None:
    """The first key at hand that neither this log nor one that it was founded over ever named."""
    known = {
        term.public_key
        for name, _ in lineage_of(connection, house.origin).logs
        for term in signers_of(connection, name).terms
    }
    signing = keys_at(house.settings).signing
    return next((key.public_key for key in signing if key.public_key not in known), None)


def _serving(signers: Signers, named: str) -> Term:
    for term in signers.terms:
        if not term.retired and named in (term.vkey, term.key_id.hex()):
            return term
    raise KeyTrouble(f"No key {named} signs this log. Those that do: odr key list")


def _require_successor(signers: Signers, leaving: Term, size: int, keys: Keys) -> None:
    """Readers are led from one key to the next by a checkpoint that both signed: there has to be one."""
    held = {key.public_key for key in keys.signing}
    others = [term for term in signers.terms if not term.retired and term != leaving]
    if not others:
        raise KeyTrouble("It is the only key that signs this log. Bring in another one first: odr key add")
    if not any(term.signs(size) for term in others):
        raise KeyTrouble("No other key has signed a checkpoint yet. Let the worker sign one: odr worker --once")
    if not any(term.public_key in held for term in others):
        raise KeyTrouble("No other key that signs this log is at hand; nothing could be signed any more.")
    # One that was lost before it ever signed must go, or nothing is signed again.
    if not leaving.signs(size) and leaving.public_key in held:
        raise KeyTrouble("It has signed no checkpoint yet. Let the worker sign one: odr worker --once")


def _write(connection: Connection, house: House, what: str, line: str) -> None:
    stream = f"log/{house.origin}"
    fact = NewFact(what, "public", {"key": line})
    append(connection, house, stream, [fact], actor=SYSTEM, at=house.clock(), head=head_of(connection, stream))
