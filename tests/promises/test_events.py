"""Every event has a line for people, a sentence, and frozen samples that are still read; so have the rulesets."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from odr.disputes.records import to_event, to_fact
from odr.kernel import Money
from odr.log.chain import canonical
from odr.procedure.dispute import _CONSEQUENCES
from odr.procedure.events import EVENTS, FACT_FIELDS, ClaimItem, Deadline, Finding, Target, Term
from odr.procedure.ruleset import shipped_rulesets
from odr.web.sentences import FACT_TYPES, sentence

CHECKOUT = Path(__file__).parents[2]
SAMPLES = CHECKOUT / "tests" / "samples"
PAGE = (CHECKOUT / "docs" / "events.md").read_text("utf-8")


def samples() -> list[Any]:
    return [
        pytest.param(read["type"], read["class"], data, id=f"{read['type']}-{place}")
        for file in sorted((SAMPLES / "events").glob("*.json"))
        for read in [json.loads(file.read_text("utf-8"))]
        for place, data in enumerate(read["samples"])
    ]


def test_every_event_has_a_frozen_sample_and_every_sample_an_event():
    assert {file.stem for file in (SAMPLES / "events").glob("*.json")} == set(EVENTS)
    assert all(json.loads(file.read_text("utf-8"))["type"] == file.stem for file in (SAMPLES / "events").glob("*.json"))


@pytest.mark.parametrize(("name", "reach", "data"), samples())
def test_a_frozen_sample_is_read_and_written_again_byte_for_byte(name, reach, data):
    """A stored event is never edited: whoever changes an event adds a new version and keeps reading the old one."""
    fact = to_fact(to_event(name, data))

    assert (fact.type, fact.reach) == (name, reach)
    assert canonical(dict(fact.data)) == canonical(data)


@pytest.mark.parametrize(("name", "reach", "data"), samples())
def test_every_event_is_told_in_a_sentence(name, reach, data):
    assert re.fullmatch(r"[A-Z][^%]*\.", sentence(name, data))


def test_every_fact_has_a_sentence_and_every_sentence_a_fact():
    assert set(EVENTS) == FACT_TYPES


def test_every_event_does_something_to_a_dispute_even_if_it_is_nothing():
    assert set(EVENTS.values()) == set(_CONSEQUENCES)


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_has_a_line_in_the_docs_with_its_readers_and_its_fields(name):
    [line] = [line for line in lines() if line[0] == [name]]

    _, reach, data, _words, meaning = line
    assert reach == [EVENTS[name].reach]
    assert data == list(FACT_FIELDS[EVENTS[name]])
    assert meaning != []


def test_the_docs_speak_of_no_event_that_is_not_there():
    assert {line[0][0] for line in lines()} == set(EVENTS)


@pytest.mark.parametrize("name", EVENTS)
def test_the_words_beside_an_event_are_those_its_code_tells_of(name):
    """Words are said in the docstring of an event; the docs name them one by one."""
    [line] = [line for line in lines() if line[0] == [name]]
    told = re.search(r"Words: (.*?)\.$", " ".join((EVENTS[name].__doc__ or "").split()))
    named = re.findall(r"[a-z_0-9]+", re.sub(r"\([^)]*\)", "", told[1])) if told else []

    assert [word for word in named if word not in ("and",)] == line[3]


@pytest.mark.parametrize("part", [Money, Deadline, ClaimItem, Term, Finding, Target])
def test_what_fields_are_made_of_is_in_the_docs(part):
    [row] = re.findall(rf"^\| {re.sub(r'(?<!^)(?=[A-Z])', ' ', part.__name__).lower()} \|([^|]*)\|", PAGE, re.M)

    assert re.findall("`([^`]+)`", row) == [field.name for field in fields(part)]


def test_no_event_holds_what_people_wrote():
    for kind in EVENTS.values():
        assert not {"text", "name", "about", "narrative", "email", "address"} & set(FACT_FIELDS[kind])


def lines() -> list[list[list[str]]]:
    """The rows of the tables of events: the words in code type of the first four columns, and the last one's text."""
    return [
        [re.findall("`([^`]+)`", cell) for cell in cells[:4]] + [cells[4].split()]
        for row in re.findall(r"^\| (`[a-z_]+` \|.*)\|$", PAGE, re.M)
        if len(cells := row.split("|")) == 5
    ]


# -- rulesets ---------------------------------------------------------------------------------------------------


def test_a_ruleset_that_disputes_are_pinned_to_never_changes():
    """A change is a new file with a new name; what was filed under the old one is decided under the old one."""
    frozen = json.loads((SAMPLES / "rulesets.json").read_text("utf-8"))

    assert {name: shipped_rulesets().named(name).digest for name in frozen} == frozen
    assert shipped_rulesets().names() == sorted(frozen)
