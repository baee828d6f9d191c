"""The key of a witness: one file, with the name that goes with it."""

from __future__ import annotations

import base64
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from odr.log.keys import KEY_SIZE, KeyTrouble
from odr.log.note import COSIGNATURE, cosignature_line, from_base64, key_id, vkey

KEY_FILE = "witness.key"
_LABEL = "odr-witness-key-v1"


@dataclass(frozen=True, slots=True, eq=False)
class WitnessKey:
    """A witness that can sign. Printing it shows the public half only."""

    name: str
    public_key: bytes
    _private: Ed25519PrivateKey = field(repr=False)

    @property
    def vkey(self) -> str:
        """The line by which others come to trust this witness."""
        return vkey(self.name, self.public_key, COSIGNATURE)

    def cosign(self, text: bytes, at: int) -> bytes:
        """The line for the note of this checkpoint, signed at `at` seconds since 1970."""
        return cosignature_line(
            text, self.name, key_id(self.name, self.public_key, COSIGNATURE), at, self._private.sign
        )


def make_key(folder: Path, name: str) -> WitnessKey:
    """Make a key of this name in the folder, which only this user may enter. Never overwrites. Raises KeyTrouble."""
    try:
        vkey(name, bytes(KEY_SIZE), COSIGNATURE)
        name.encode()
    except ValueError as wrong:
        raise KeyTrouble(
            "The name of a witness has no white space and no “+”; take one like example.org/w1."
        ) from wrong
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        seed = base64.b64encode(secrets.token_bytes(KEY_SIZE)).decode()
        _write_once(folder / KEY_FILE, f"{_LABEL} {name} {seed}\n".encode())
    except FileExistsError as there:
        raise KeyTrouble(f"{folder} holds the key of a witness already, and it is not replaced.") from there
    except OSError as trouble:
        raise KeyTrouble(f"{trouble.filename or folder} cannot be written: {trouble.strerror}.") from trouble
    return load_key(folder)


def load_key(folder: Path) -> WitnessKey:
    """The key in the folder. Raises KeyTrouble when it is missing, malformed, or readable by others."""
    path = folder / KEY_FILE
    try:
        with path.open("rb") as file:
            mode, raw = os.fstat(file.fileno()).st_mode, file.read(4_096)
    except OSError as trouble:
        raise KeyTrouble(f"The key file {path} cannot be read: {trouble.strerror}.") from trouble
    if mode & 0o077:
        raise KeyTrouble(f"The key file {path} can be opened by other users; run: chmod 600 {path}")
    label, _, rest = raw.decode("utf-8", "replace").strip().partition(" ")
    name, _, text = rest.partition(" ")
    seed = from_base64(text)
    if label != _LABEL or seed is None or len(seed) != KEY_SIZE:
        raise KeyTrouble(f"The key file {path} is not one line of {_LABEL}, a name and base64.")
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return WitnessKey(name, private.public_key().public_bytes_raw(), private)


def _write_once(path: Path, raw: bytes) -> None:
    # Written aside and linked into place: nobody ever reads half a key, and none is overwritten.
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make sure that what was renamed in a folder has its new name after a power cut, too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
