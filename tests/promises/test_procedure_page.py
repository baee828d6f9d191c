"""docs/procedure.md and docs/glossary.md say what the code does, in every row and every number."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from odr.procedure.access import PERMISSIONS, acts_of
from odr.procedure.dispute import Phase
from odr.procedure.ruleset import shipped_rulesets
from odr.web.sentences import CLOSINGS
from tests.procedure.acts import PLACES, STAYING, TRANSITIONS
from tests.procedure.story import BUYER, REGISTRAR, SELLER

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
    assert f"for {RULES.suspension_days} days at most and {RULES.suspensions_most} times in a dispute" in text
    assert f"Within {RULES.fresh_decider_days} days after the mediation" in text
    assert f"asks a side for them, for at most {RULES.evidence_request_days_most} days" in text
    for step, sentence in {
        "address": "the buyer has {} days to name another address",
        "default": "the buyer has {} days to prove the claim",
        "appointment": "The drawn mediator has {} days to accept",
        "objection": "both sides have {} days for their one free objection",
        "challenge": "A registrar decides within {} days",
        "rebuttal": "what comes in late opens {} days to answer it",
        "final_words": "Both sides have {} days for their final words",
        "decision": "The mediator then has {} days",
        "decision_late": "The delay is counted; {} days are left.",
        "acceptance": "Both sides have {} days to accept or reject it",
        "confirmation": "Then the buyer is asked, for {} days.",
        "cure": "the seller has {} days to make good",
        "proof": "a registrar looks at the proof, for {} days",
    }.items():
        assert sentence.format(RULES.steps[step].days) in text, step


@pytest.mark.parametrize(
    "words",
    ["grounds", "reply_choices", "declarations", "challenge_grounds", "bases", "suspension_grounds", "handovers"],
)
def test_the_lists_of_the_ruleset_are_told_whole(words):
    assert set(getattr(RULES, words)) <= set(codes(PROCEDURE))


def test_every_end_is_told():
    told = {codes(code)[0] for code, _ in table("what it means")}

    assert told == {re.sub(":.*", ":…", code) for code in CLOSINGS}
    after = {
        kind: {code.partition(":")[2] for code in CLOSINGS if code.startswith(kind)} for kind in ("refused", "decided")
    }
    assert after == {"refused": set(RULES.grounds), "decided": {"accepted", "not_accepted"}}


def test_what_can_be_said_of_a_promise_is_told_with_what_ends_it():
    told = {codes(word)[0]: set(codes(ends)) for word, _, ends in table("what ends it")}
    walked: dict[str, set[str]] = {}
    for story in (place() for place in PLACES.values()):
        dispute, open_now = story.dispute, set()
        if dispute.phase is Phase.CLOSED:
            for actor in (BUYER, SELLER, REGISTRAR):
                open_now |= {
                    act for act in acts_of(dispute, actor, story.at) if act.startswith(("performance", "proof"))
                }
            open_now |= {f"time:{dispute.clock.step}"} if dispute.clock else set()
            walked.setdefault(str(dispute.compliance), set()).update(open_now)

    assert walked == told


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
