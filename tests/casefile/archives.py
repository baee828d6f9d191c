"""Case files taken apart, checked and falsified, as somebody does who holds one and no key of the house."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from odr.casefile import publication, queries
from odr.casefile.filters import index
from odr.database import one_moment
from odr.house import House
from odr.log import offline, receipt
from odr.log.signers import signed, signers_of
from tests.builders import ADispute
from tests.disputes.readers import Reader

Members = dict[str, bytes]


def where(dispute: ADispute) -> str:
    return f"/disputes/{dispute.number}/case-file"


def taken(reader: Reader, dispute: ADispute) -> bytes:
    """The case file that this reader downloads."""
    answer = reader.client.get(where(dispute))
    assert answer.status_code == 200, answer.status_code
    assert answer.content_length == len(answer.data)
    return answer.data


def contents(house: House, dispute: ADispute, role: str) -> queries.Contents:
    with one_moment(house.engine) as connection:
        seat = queries.seat_of(connection, house, dispute.number, role)
        return queries.contents_of(connection, house, seat)


def made(app: Any, house: House, dispute: ADispute, role: str) -> bytes:
    """The case file of this role, whoever sits there."""
    found = contents(house, dispute, role)
    files = publication.files_of(house, found)
    with app.test_request_context():
        package = publication.package(found, files, index(house, found, files))
    raw = b"".join(package.chunks)
    assert len(raw) == package.length
    return raw


def members(raw: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def all_read(raw: bytes) -> dict[str, str]:
    """Every member as text, of receipts also the entries in them; and the archive's own bytes."""
    found = {"the archive itself": raw.decode("utf-8", "replace")}
    for path, held in members(raw).items():
        entry = receipt.read(held).entry if path.startswith("entries/") else b""
        found[path] = (held + entry).decode("utf-8", "replace")
    return found


def checked(house: House, folder: Path, raw: bytes) -> tuple[int, dict[str, Any]]:
    """What the verifier says: how it ends, and what it writes."""
    folder.mkdir(exist_ok=True)
    (folder / "case.zip").write_bytes(raw)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = offline.main(["case", str(folder / "case.zip"), "--key", key_of(house), "--json"])
    return status, json.loads(said.getvalue())


def checked_at_home(house: House, folder: Path, raw: bytes) -> tuple[int, dict[str, Any]]:
    """The same by the verifier that comes along, far from this house and its libraries."""
    folder.mkdir(exist_ok=True)
    (folder / "case.zip").write_bytes(raw)
    (folder / "evenhand-verify.py").write_bytes(members(raw)["evenhand-verify.py"])
    asked = ["evenhand-verify.py", "case", "case.zip", "--key", key_of(house), "--json"]
    ended = subprocess.run([sys.executable, "-I", "-S", "-B", *asked], cwd=folder, capture_output=True, check=False)
    return ended.returncode, json.loads(ended.stdout)


def codes(told: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in told["findings"]}


def key_of(house: House) -> str:
    with house.engine.connect() as connection:
        return signers_of(connection, house.origin).newest_first(0)[0]


def repacked(raw: bytes, change: Callable[[Members], object]) -> bytes:
    """The same archive after a change of its members; the manifest stays as it was signed."""
    held = members(raw)
    change(held)
    return zipped(held)


def signed_anew(house: House, raw: bytes, change: Callable[[Members], object]) -> bytes:
    """The same after a change that whoever has the key covers up in the manifest."""
    held = members(raw)
    head = held["manifest"].decode().split("\n")[:6]
    change(held)
    del held["manifest"]
    lines = [f"{hashlib.sha256(plain).hexdigest()} {len(plain)} {path}" for path, plain in held.items()]
    text = "".join(f"{line}\n" for line in [*head, *lines]).encode()
    with house.engine.connect() as connection:
        held["manifest"] = signed(text, int(head[3]), signers_of(connection, house.origin), house.keys)
    return zipped(held)


def zipped(held: Members) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as file:
        for path, plain in held.items():
            info = zipfile.ZipInfo(path)
            info.external_attr, info.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
            file.writestr(info, plain)
    return written.getvalue()
