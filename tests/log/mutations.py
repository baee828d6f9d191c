"""What the verifier for everybody says of a file, and all that can be read out of a case file."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from odr.log import offline


class Told:
    """What the verifier said: the code it ended with, and its findings."""

    def __init__(self, status: int, text: str) -> None:
        self.status, self.text = status, text
        told = json.loads(text)
        self.verdict, self.seen, self.findings = told["verdict"], told["seen"], told["findings"]
        self.codes = [finding["code"] for finding in self.findings]


def told_of(*arguments: object) -> Told:
    """What it says when it is called so."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = offline.main([*map(str, arguments), "--json"])
    return Told(status, out.getvalue())


def view_of(path: Path, key: str) -> tuple[int, Any]:
    """What the verifier ends with, and what somebody learns from this case file: what is said of it, and all its
    members as the verifier reads them and as an unpacker of another hand does."""
    told = told_of("case", path, "--key", key)
    if told.status != offline.SOUND:
        return told.status, None
    archive = offline.Archive(str(path))
    ours = {name: b"".join(archive.parts(name)) for name in archive.members}
    archive.file.close()
    try:
        with zipfile.ZipFile(path) as other:
            theirs = {name: other.read(name) for name in other.namelist()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError) as refusal:
        return told.status, repr(refusal)
    return told.status, (told.text, ours, theirs)
