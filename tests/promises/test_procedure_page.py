"""docs/procedure.md and docs/glossary.md say what the code does, in every row and every number."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from odr.procedure.access import PERMISSIONS
from odr.procedure.dispute import Phase
from odr.procedure.ruleset import shipped_rulesets
from odr.web.sentences import CLOSINGS
from tests.procedure.acts import STAYING, TRANSITIONS

CHECKOUT = Path(__file__).parents[2]
PROCEDURE = (CHECKOUT / "docs" / "procedure.md").read_text("utf-8")
GLOSSARY = (CHECKOUT / "docs" / "glossary.md").read_text("utf-8")
RULES = shipped_rulesets().named("default-1")


def test_every_way_between_phases_stands_in_the_page_and_no_other():
    told = {
        (Phase(phase), what): frozenset(map(Phase, codes(into)))
        for phases, act, into, _ in table("leads to")
        for phase in codes(phases)
        for what in codes(act)
    }

    assert told == TRANSITIONS


def test_the_acts_that_change_no_phase_are_told_with_who_does_them_and_when():
    told = {codes(act)[0]: (set(who.split(", ")), set(codes(phases))) for act, who, phases in table("phases")}

    rows = {name: PERMISSIONS[name] for name in STAYING if not name.startswith("time:")}
    assert told == {name: (set(row.who), set(map(str, row.phases))) for name, row in rows.items()}


def test_the_times_of_the_page_are_those_of_the_ruleset():
    told = {
        codes(step)[0]: (who, int(days), bool(working), bool(receipt), int(more or 0))
        for step, who, days, working, receipt, more in table("once more at most")
    }

    assert told == {
        step.name: (step.holder, step.days, step.working, step.receipt, step.extension_days)
        for step in RULES.steps.values()
    }


def test_the_numbers_within_the_sentences_are_those_of_the_ruleset():
    text = " ".join(PROCEDURE.split())

    assert f"begins {RULES.receipt_days} days later" in text
    assert f"in its last {RULES.rebuttal_window_days} days" in text
    assert f"({RULES.offer_days} days unless it says otherwise, {RULES.offer_days_most} at most)" in text
    assert f"within {RULES.perform_days} days of the agreement" in text
    assert f"otherwise, {RULES.perform_days_most} at most" in text
    assert RULES.leave_from_day == 0 and "Either side, at any time." in text


def test_the_grounds_and_the_replies_are_those_of_the_ruleset():
    assert set(RULES.grounds) <= set(codes(PROCEDURE))
    assert set(RULES.reply_choices) <= set(codes(PROCEDURE))


def test_every_end_is_told():
    told = {codes(code)[0] for code, _ in table("what it means")}

    assert told == {code for code in CLOSINGS if ":" not in code} | {"refused:…"}
    assert {code.partition(":")[2] for code in CLOSINGS if ":" in code} == set(RULES.grounds)


def test_every_code_name_of_the_glossary_exists():
    known = names()

    assert {code for _, cell, *_ in glossary() for code in codes(cell)} - known == set()
    assert len(glossary()) >= 20


def test_no_word_of_the_glossary_is_told_twice():
    words = [word.lower() for word, *_ in glossary()]

    assert len(words) == len(set(words))


def table(heading: str) -> list[list[str]]:
    """The rows of the table of docs/procedure.md whose head holds this cell."""
    return rows(PROCEDURE, heading)


def glossary() -> list[list[str]]:
    return rows(GLOSSARY, "in code")


def rows(text: str, heading: str) -> list[list[str]]:
    found: list[list[str]] = []
    for block in re.findall(r"(?:^\|.*\n?)+", text, re.M):
        head, _, *body = block.strip().splitlines()
        if heading in cells(head):
            found += [cells(line) for line in body]
    return found


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def codes(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def names() -> set[str]:
    """Every name and every whole string of the code: classes, functions, arguments, files, codes of lists."""
    found: set[str] = set()
    for file in (CHECKOUT / "odr").rglob("*.py"):
        found.add(file.relative_to(CHECKOUT).as_posix())
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            for attribute in ("id", "name", "attr", "arg"):
                found.add(str(getattr(node, attribute, "")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found
