"""The page of attacks names every one of them, tests that exist, and codes that somebody finds."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from odr.log.halt import WHY
from odr.log.offline import SENTENCES
from odr.log.verify import CODES

CHECKOUT = Path(__file__).parents[2]
ATTACKS = 62
PAGE = (CHECKOUT / "docs" / "attacks.md").read_text("utf-8")
FORMAT = (CHECKOUT / "docs" / "log-format.md").read_text("utf-8")
ROWS = [
    (int(number), found, tried)
    for number, found, tried in re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]*)\| ([^|]+) \|$", PAGE, re.MULTILINE)
]


def test_every_attack_has_its_row():
    assert [number for number, _, _ in ROWS] == list(range(1, ATTACKS + 1))


def test_every_attack_is_tried_or_said_to_be_out_of_scope():
    untried = [number for number, _, tried in ROWS if "::" not in tried and not tried.startswith("Out of scope: ")]

    assert untried == []


def test_every_named_test_exists():
    named = [name.split("::") for _, _, tried in ROWS for name in re.findall(r"`([^`]+::[^`]+)`", tried)]
    missing = [f"{file}::{test}" for file, test in named if test not in named_in(file)]

    assert len(named) > ATTACKS
    assert missing == []


def test_every_code_is_one_that_somebody_finds():
    known = {*CODES, *SENTENCES, *WHY, "key_used_otherwise", *re.findall(r"`(\w+)`", FORMAT)}
    codes = {code for _, found, _ in ROWS for code in re.findall(r"`(\w+)`", found)}

    assert codes - known == set()


@cache
def named_in(file: str) -> frozenset[str]:
    path = CHECKOUT / "tests" / file
    body = ast.parse(path.read_text("utf-8")).body if path.exists() else []
    return frozenset(each.name for each in body if isinstance(each, ast.FunctionDef))
