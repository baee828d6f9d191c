"""Every address of the house with its blanks filled in, for tests that walk all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Flask

from odr.web.security import permission_of
from tests.disputes.readers import Reader

BLANK = re.compile(r"<(?:(?P<kind>\w+)(?:\((?P<limits>[^)]*)\))?:)?(?P<name>\w+)>")

# Whoever goes through these is signed out; a walk ends with them.
LAST = ("people.end_session", "people.sign_out", "people.sign_out_everywhere")


@dataclass(frozen=True)
class Door:
    """One address and one method that it takes. `blanks` are the names of what an address leaves open."""

    endpoint: str
    method: str
    rule: str
    permission: str

    @property
    def blanks(self) -> list[str]:
        return [found["name"] for found in BLANK.finditer(self.rule)]

    def path(self, **filled: str) -> str:
        """The address with its blanks filled in, the proper way where nothing else is said."""
        return BLANK.sub(lambda blank: filled.get(blank["name"]) or _proper(blank), self.rule)


def doors_of(app: Flask) -> list[Door]:
    """Every address of the house and every method that it takes by itself, those that sign out last."""
    doors = [
        Door(rule.endpoint, method, rule.rule, permission_of(app, rule.endpoint) or "")
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
    return sorted(doors, key=lambda door: LAST.index(door.endpoint) if door.endpoint in LAST else -1)


def token_of(reader: Reader) -> str:
    """The token that a form of this reader's browser must carry."""
    return re.search(r'name="csrf_token" value="([^"]+)"', reader.client.get("/").get_data(as_text=True))[1]


def _proper(blank: re.Match[str]) -> str:
    if blank["kind"] == "any":
        return blank["limits"].split(", ")[0]
    if blank["kind"] == "int":
        return "1"
    return {
        "number": "0000-0000-0",
        "draft_id": "0" * 32,
        "token": "a" * 43,
        "handle": "0" * 16,
        "draw": "0" * 16,
        "level": "0",
        "place": "000.p/1",
        "phase": "screening",
        "choice": "contest",
        "filename": "css/base.css",
    }[blank["name"]]
