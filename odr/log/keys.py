"""The house's two secrets: the master key that wraps every data key, and the key that signs the log."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_SIZE = 32
NONCE_SIZE = 12
KEY_ID_SIZE = 4
WRAPPED_SIZE = KEY_ID_SIZE + NONCE_SIZE + KEY_SIZE + 16
"""Bytes of a wrapped key: the master key's short id, the nonce, the sealed data key and its tag."""

MASTER_FILE = "master.key"
SIGNING_FILE = "signing.key"
_MASTER_LABEL = "odr-master-key-v1"
_SIGNING_LABEL = "odr-signing-key-v1"

# A random key holds some thirty different bytes; fewer than this many means a placeholder somebody typed.
_FEWEST_DIFFERENT_BYTES = 12


class KeyTrouble(Exception):
    """A key is missing, unsafe or unreadable; `sentence` tells the operator what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Unreadable(Exception):
    """Sealed bytes do not open under the key and place they are said to belong to.

    `code` is "key_of_another_house" (wrapped under another master key), "key_damaged" or "words_damaged".
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """The secrets in use. Printing it shows the public half only."""

    public_key: bytes
    key_id: bytes
    _master: AESGCM = field(repr=False)
    _signing: Ed25519PrivateKey = field(repr=False)
    _public: Ed25519PublicKey = field(repr=False)

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
        """The log's Ed25519 signature over `message`, 64 bytes."""
        return self._signing.sign(message)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether this log signed `message`."""
        try:
            self._public.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def keys_from(master_key: bytes, signing_seed: bytes) -> Keys:
    """Keys from their 32 raw bytes each. Raises KeyTrouble for a wrong size or a placeholder."""
    _require_random(master_key, "master key")
    _require_random(signing_seed, "signing key")
    if master_key == signing_seed:
        raise KeyTrouble("The master key and the signing key are the same bytes; give each its own.")
    signing = Ed25519PrivateKey.from_private_bytes(signing_seed)
    public = signing.public_key()
    # The id lets a key wrapped under an earlier master key be told from a damaged one; it reveals nothing.
    key_id = hashlib.sha256(b"odr/master-id/v1" + master_key).digest()[:KEY_ID_SIZE]
    return Keys(
        public_key=public.public_bytes_raw(),
        key_id=key_id,
        _master=AESGCM(master_key),
        _signing=signing,
        _public=public,
    )


def load_keys(*, master_key_file: Path, signing_key_file: Path, master_key: str = "", signing_key: str = "") -> Keys:
    """The keys from base64 text given directly (a secret of the environment) or else from their files.

    Raises KeyTrouble when one is missing, when others may read its file, or when it is not a key.
    """
    master = _from_text(master_key, "master key") if master_key else _from_file(master_key_file, _MASTER_LABEL)
    signing = _from_text(signing_key, "signing key") if signing_key else _from_file(signing_key_file, _SIGNING_LABEL)
    return keys_from(master, signing)


def make_keys(folder: Path) -> tuple[Path, Path]:
    """Make both key files in `folder` (mode 0700, files 0600) unless both are there; answer their paths.

    Never overwrites. Raises KeyTrouble when only one is there: a new partner for it would lock out every sealed
    word, or start a log that contradicts the one already signed.
    """
    master, signing = folder / MASTER_FILE, folder / SIGNING_FILE
    if master.exists() != signing.exists():
        there, missing = (master, signing) if master.exists() else (signing, master)
        raise KeyTrouble(
            f"The key folder holds {there.name} but not {missing.name}. Restore {missing.name} from its backup; "
            f"if this house has never been started, remove {there.name} and start again."
        )
    if not master.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        _write_once(master, _MASTER_LABEL)
        _write_once(signing, _SIGNING_LABEL)
    return master, signing


def _write_once(path: Path, label: str) -> None:
    # Written aside and then linked into place: nobody ever reads half a key, and of two processes that start at
    # the same moment one wins and both use the winner's.
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{label} {base64.b64encode(secrets.token_bytes(KEY_SIZE)).decode()}\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


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
