"""Every rule, in every phase, for every role: it answers with facts or refuses with a sentence, and never breaks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odr.disputes.records import to_event, to_fact
from odr.filing.rules import file_dispute
from odr.kernel import Money, Refused
from odr.log.chain import canonical
from odr.procedure.events import EVENTS, Term
from odr.procedure.ruleset import Ruleset
from odr.web.sentences import REFUSALS
from tests.procedure.acts import ACTORS, ACTS, PLACES
from tests.procedure.story import a_filing, default_ruleset

CHECKOUT = Path(__file__).parents[2]


def rules() -> dict[str, Callable[..., Any]]:
    """Every function that is a rule by its shape: (dispute, actor, *, at, seats, …)."""
    found = {}
    for file in sorted((CHECKOUT / "odr").glob("*/rules.py")):
        module = import_module(f"odr.{file.parent.name}.rules")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            places = inspect.signature(function).parameters
            if function.__module__ == module.__name__ and list(places)[:4] == ["dispute", "actor", "at", "seats"]:
                found[f"{file.parent.name}.{name}"] = function
    return found


RULES = rules()
# Told once: a rule that is asked changes nothing, which is looked at with each answer.
STORIES = [place() for place in PLACES.values()]

# Of the right type and otherwise anything: what no form would let through, a script or a hand-made request does.
texts = st.text(max_size=30) | st.sampled_from(["", " ", "\0", "a" * 30_000, "’; DROP", "<b>", "‮", "𝄞", "offer"])
numbers = st.integers() | st.sampled_from([-1, 0, 1, 2**53, 2**64, -(10**40)])
amounts = st.builds(Money, numbers, st.sampled_from(["EUR", "JPY", "KWD", "", "XXX", "eur"]) | texts)
ABSURD: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: numbers,
    Money: amounts,
    Term: st.builds(Term, numbers, st.booleans(), st.none() | amounts),
    Ruleset: st.just(default_ruleset()),
}
for _kind, _strategy in ABSURD.items():
    st.register_type_strategy(_kind, _strategy) if _kind not in (str, int) else None


def test_every_rule_is_found():
    assert {function for acts in ACTS.values() for function, _ in acts} | {file_dispute} == set(RULES.values())


@pytest.mark.parametrize("name", RULES)
def test_a_rule_answers_or_refuses_everybody_everywhere(name):
    fitting = [fits for acts in ACTS.values() for function, fits in acts if function is RULES[name]]
    for story in STORIES:
        for actor in ACTORS.values():
            for fits in fitting or [lambda dispute: {"filing": a_filing(), "ruleset": default_ruleset()}]:
                answers_or_refuses(story, RULES[name], actor, fits(story.dispute))


@pytest.mark.parametrize("name", RULES)
def test_a_rule_answers_or_refuses_whatever_it_is_given(name):
    @given(st.sampled_from(STORIES), st.sampled_from(list(ACTORS.values())), absurd_arguments(RULES[name]))
    @settings(max_examples=100)
    def whatever(story, actor, given):
        answers_or_refuses(story, RULES[name], actor, given)

    whatever()


def answers_or_refuses(story, rule, actor, given):
    before = repr(story.dispute)
    try:
        events = story.ask(rule, actor, **given)
    except Refused as no:
        assert no.code in REFUSALS
        return
    finally:
        assert repr(story.dispute) == before
    for event in events:
        fact = to_fact(event)
        # An entry can hold it: closed fields within the profile, and no more than an entry has room for.
        assert len(canonical(dict(fact.data))) < 60_000
        assert to_event(fact.type, fact.data) == event
        assert EVENTS[fact.type] is type(event)


@st.composite
def absurd_arguments(draw, rule):
    hints = get_type_hints(rule)
    return {
        name: draw(absurd(hints[name]))
        for name, place in inspect.signature(rule).parameters.items()
        if name not in ("dispute", "actor", "at", "seats") and (place.default is place.empty or draw(st.booleans()))
    }


def absurd(hint):
    if hint in ABSURD:
        return ABSURD[hint]
    return st.from_type(hint)
