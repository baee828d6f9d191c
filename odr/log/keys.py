"""The house's secrets: the master key that wraps every data key, and the keys that sign the log."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from odr.log.note import Verifier, key_id

KEY_SIZE = 32
NONCE_SIZE = 12
KEY_ID_SIZE = 4
WRAPPED_SIZE = KEY_ID_SIZE + NONCE_SIZE + KEY_SIZE + 16
"""Bytes of a wrapped key: the master key's short id, the nonce, the sealed data key and its tag."""

MASTER_FILE = "master.key"
SIGNING_FILE = "signing.key"
FURTHER_FILES = "signing-????????.key"
_MASTER_LABEL = "odr-master-key-v1"
_SIGNING_LABEL = "odr-signing-key-v1"

# A random key holds some thirty different bytes; fewer than this many means a placeholder somebody typed.
_FEWEST_DIFFERENT_BYTES = 12


class KeyTrouble(Exception):
    """A key is missing, unsafe or unreadable; `sentence` tells the operator what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class KeysGone(KeyTrouble):
    """A house that has a log finds none of its keys. New ones would open none of its words, and contradict all that it
    signed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"This house has a log, and {folder} holds none of its keys. Put the folder back, or say where it lies: "
            "ODR_MASTER_KEY_FILE and ODR_SIGNING_KEY_FILE. New keys would open nothing that was written before."
        )


class Unreadable(Exception):
    """Sealed bytes do not open under the key and place they are said to belong to.

    `code` is "key_of_another_house" (wrapped under another master key), "key_damaged" or "words_damaged".
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class KeySettings(Protocol):
    """Where the keys are said to be: files, or secrets of the environment, which go before files."""

    @property
    def master_key_file(self) -> Path: ...
    @property
    def signing_key_file(self) -> Path: ...
    @property
    def master_key(self) -> str: ...
    @property
    def signing_key(self) -> str: ...


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """One key that signs. Printing it shows the public half only."""

    public_key: bytes
    _private: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature over `message`, 64 bytes."""
        return self._private.sign(message)


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """The secrets at hand. `signing` are all keys that could sign, the one that the settings name first; which of them
    do, the log says (`signers`). Printing it shows the public halves only."""

    key_id: bytes
    signing: tuple[SigningKey, ...]
    _master: AESGCM = field(repr=False)

    @property
    def public_key(self) -> bytes:
        """The first signing key, which a new log is founded with."""
        return self.signing[0].public_key

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """Seal a 32-byte data key so that it opens only under this master key and the same `context`.

        Nonces are random: one master key may wrap 2^32 keys (NIST SP 800-38D), decades of a large house.
        """
        nonce = os.urandom(NONCE_SIZE)
        return self.key_id + nonce + self._master.encrypt(nonce, data_key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The data key again. Raises Unreadable("key_of_another_house" | "key_damaged")."""
        if len(wrapped) != WRAPPED_SIZE:
            raise Unreadable("key_damaged")
        if wrapped[:KEY_ID_SIZE] != self.key_id:
            raise Unreadable("key_of_another_house")
        nonce, sealed = wrapped[KEY_ID_SIZE : KEY_ID_SIZE + NONCE_SIZE], wrapped[KEY_ID_SIZE + NONCE_SIZE :]
        try:
            return self._master.decrypt(nonce, sealed, context)
        except InvalidTag as broken:
            raise Unreadable("key_damaged") from broken

    def sign(self, message: bytes) -> bytes:
        """The first signing key's signature over `message`, 64 bytes."""
        return self.signing[0].sign(message)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the first signing key signed `message`."""
        return _verifies(self.public_key, message, signature)

    def only(self, public_key: bytes) -> Keys:
        """These keys, with this one alone to sign."""
        return replace(self, signing=tuple(key for key in self.signing if key.public_key == public_key))

    def verifiers(self, origin: str) -> list[Verifier]:
        """What tells signatures by the keys at hand, under the name of this log."""
        return [verifier(origin, key.public_key) for key in self.signing]


def verifier(name: str, public_key: bytes) -> Verifier:
    """What tells the signatures of the Ed25519 key with this name."""
    return Verifier(name, key_id(name, public_key), partial(_verifies, public_key))


def _verifies(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def keys_from(master_key: bytes, *signing_seeds: bytes) -> Keys:
    """Keys from their 32 raw bytes each, those that sign in their order. Raises KeyTrouble for a wrong size or a
    placeholder."""
    _require_random(master_key, "master key")
    for seed in signing_seeds:
        _require_random(seed, "signing key")
        if seed == master_key:
            raise KeyTrouble("The master key and the signing key are the same bytes; give each its own.")
    # The id lets a key wrapped under an earlier master key be told from a damaged one; it reveals nothing.
    master_id = hashlib.sha256(b"odr/master-id/v1" + master_key).digest()[:KEY_ID_SIZE]
    # A key that lies in two files is one key.
    signing = tuple(_signing_key(seed) for seed in dict.fromkeys(signing_seeds))
    return Keys(key_id=master_id, signing=signing, _master=AESGCM(master_key))


def _signing_key(seed: bytes) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return SigningKey(private.public_key().public_bytes_raw(), private)


def load_keys(*, master_key_file: Path, signing_key_file: Path, master_key: str = "", signing_key: str = "") -> Keys:
    """The keys from base64 text given directly (secrets of the environment; several signing keys with spaces between
    them) or else from their files, the further signing keys from those beside the first.

    Raises KeyTrouble when one is missing, when others may read its file, or when it is not a key.
    """
    master = _from_text(master_key, "master key") if master_key else _from_file(master_key_file, _MASTER_LABEL)
    if signing_key:
        seeds = [_from_text(text, "signing key") for text in signing_key.split()]
    else:
        # Where it was retired and put away, the others are enough.
        first = [signing_key_file] if signing_key_file.exists() else []
        files = first + further_files(signing_key_file) or [signing_key_file]
        seeds = [_from_file(file, _SIGNING_LABEL) for file in files]
    return keys_from(master, *seeds)


def keys_at(settings: KeySettings) -> Keys:
    """The keys that the settings lead to. Raises KeyTrouble as `load_keys` does."""
    return load_keys(
        master_key_file=settings.master_key_file,
        signing_key_file=settings.signing_key_file,
        master_key=settings.master_key,
        signing_key=settings.signing_key,
    )


def further_files(signing_key_file: Path) -> list[Path]:
    """The files of the signing keys that were added beside the first."""
    return sorted(signing_key_file.parent.glob(FURTHER_FILES))


def make_signing_key(signing_key_file: Path, origin: str) -> tuple[Path, SigningKey]:
    """Make a further signing key for the log of this name, in a file beside the first that bears the key's id. Never
    overwrites. Raises KeyTrouble where it cannot be written."""
    seed = secrets.token_bytes(KEY_SIZE)
    key = _signing_key(seed)
    path = signing_key_file.with_name(f"signing-{key_id(origin, key.public_key).hex()}.key")
    try:
        if not _write_once(path, _SIGNING_LABEL, seed):
            # Four bytes that another key bears already: nobody could tell the two apart.
            return make_signing_key(signing_key_file, origin)
    except OSError as trouble:
        raise KeyTrouble(f"The key file {path} cannot be written: {trouble.strerror}.") from trouble
    return path, key


def put_away(signing_key_file: Path, origin: str, keep: bytes) -> list[Path]:
    """Rename the files of all signing keys but the one with the public key `keep`, so that they are not loaded any
    more and can still be found: they are evidence. Answers their new names."""
    renamed = []
    for path in [signing_key_file, *further_files(signing_key_file)]:
        if not path.exists():
            continue
        public_key = _signing_key(_from_file(path, _SIGNING_LABEL)).public_key
        if public_key == keep:
            continue
        away = path.with_name(f"former-{key_id(origin, public_key).hex()}.key")
        path.rename(away)
        renamed.append(away)
    return renamed


def has_keys(settings: KeySettings) -> bool:
    """Whether there is any key, in a file or in the environment."""
    files = (settings.master_key_file, settings.signing_key_file, *further_files(settings.signing_key_file))
    return bool(settings.master_key or settings.signing_key) or any(file.exists() for file in files)


def make_keys(folder: Path) -> tuple[Path, Path]:
    """Make both key files in `folder` (mode 0700, files 0600) unless both are there; answer their paths.

    Never overwrites. Raises KeyTrouble when only one is there: a new partner for it would lock out every sealed
    word, or start a log that contradicts the one already signed.
    """
    master, signing = folder / MASTER_FILE, folder / SIGNING_FILE
    signs = signing.exists() or bool(further_files(signing))
    if master.exists() != signs:
        there, missing = (master, signing) if master.exists() else (signing, master)
        raise KeyTrouble(
            f"The key folder holds {there.name} but not {missing.name}. Restore {missing.name} from its backup; "
            f"if this house has never been started, remove {there.name} and start again."
        )
    if not master.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        _write_once(master, _MASTER_LABEL, secrets.token_bytes(KEY_SIZE))
        _write_once(signing, _SIGNING_LABEL, secrets.token_bytes(KEY_SIZE))
    return master, signing


def _write_once(path: Path, label: str, key: bytes) -> bool:
    """Write a key into a file of its own; answers whether it was new."""
    # Written aside and then linked into place: nobody ever reads half a key, and of two processes that start at
    # the same moment one wins and both use the winner's.
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{label} {base64.b64encode(key).decode()}\n")
            file.flush()
            os.fsync(file.fileno())
        new = True
        try:
            os.link(aside, path)
        except FileExistsError:
            new = False
    finally:
        aside.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return new


def _from_file(path: Path, label: str) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(4096)
    except OSError as trouble:
        raise KeyTrouble(f"The key file {path} cannot be read: {trouble.strerror}.") from trouble
    if mode & 0o077:
        raise KeyTrouble(f"The key file {path} can be opened by other users; run: chmod 600 {path}")
    words = text.decode("ascii", "replace").split()
    if len(words) != 2 or words[0] != label:
        raise KeyTrouble(f"The key file {path} is not one line of {label} and base64; restore it from its backup.")
    return _from_text(words[1], f"key in {path}")


def _from_text(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as trouble:
        raise KeyTrouble(f"The {name} is not valid base64.") from trouble


def _require_random(key: bytes, name: str) -> None:
    if len(key) != KEY_SIZE:
        raise KeyTrouble(f"The {name} must be {KEY_SIZE} bytes, and this one has {len(key)}.")
    if len(set(key)) < _FEWEST_DIFFERENT_BYTES:
        raise KeyTrouble(f"The {name} looks like a placeholder; use {KEY_SIZE} random bytes.")
