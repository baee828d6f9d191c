"""The table of permissions is what docs/permissions.md says, cell by cell; and no cell of it can be turned over unseen:
each single change is asked of the rules and doors themselves, over many states, without a page or a database."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType

import pytest

from odr.kernel import Actor, Refused
from odr.procedure import access
from odr.procedure.access import (
    CLASSES,
    ENTER,
    HOLDERS,
    IN_OWN_NAME,
    MANDATE_OUTLASTS,
    MISSING,
    PERMISSIONS,
    PROVE,
    RELATIONS,
    SIGN_IN,
    Row,
    Visitor,
    door,
    faults_of,
    may_have_receipt,
    may_know,
    shown,
    why_not,
)
from odr.procedure.deadlines import DAY
from odr.procedure.dispute import Dispute, Mandate, Phase
from odr.web.sentences import PERMISSION_GROUPS, REFUSALS
from tests.agreement import AGREED, DOORS, READERS, SCOPES, SIDES, STANDS, Agreed, order
from tests.procedure.acts import ACTORS, ACTS, PLACES
from tests.procedure.story import BUYER, SELLER, Story, told

ODR = Path(access.__file__).parents[1]

# -- the agreement and the table -----------------------------------------------------------------------------------


def test_the_agreement_and_the_table_name_the_same_permissions_each_once():
    assert sorted(order()) == sorted(PERMISSIONS)


@pytest.mark.parametrize("name", AGREED)
def test_every_cell_of_the_table_is_as_agreed(name):
    assert as_agreed(PERMISSIONS[name], AGREED[name].words) == AGREED[name]


def test_how_roles_stand_to_a_dispute_and_what_readers_may_know_is_as_agreed():
    assert RELATIONS == STANDS
    assert access.READERS == READERS


def test_a_permission_is_told_to_the_public_in_the_words_of_the_agreement():
    told = {name: str(words) for _, group in PERMISSION_GROUPS.values() for name, words in group.items()}

    assert told == {name: agreed.words for name, agreed in AGREED.items()}
    assert list(told) == order()


def test_no_row_of_the_table_makes_no_sense():
    assert [fault for row in PERMISSIONS.values() for fault in faults_of(row)] == []


def test_no_permission_waits_for_a_page_a_rule_or_a_command_that_nobody_wrote():
    named = set()
    for file in sorted(ODR.rglob("*.py")):
        if file.name not in ("sentences.py", "course.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                # The table itself names each; what counts there is who asks it.
                if file.name != "access.py" or (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "may"):
                    named |= {each.value for each in ast.iter_child_nodes(node) if isinstance(each, ast.Constant)}

    assert set(PERMISSIONS) - named == set()


# Where a registrar stands to a dispute is found out by what the house knows of the person, which no table can hold; and
# of those who read a dispute, mediators are told by name.
BY_ROLE = {"disputes/routes.py": 2, "readings/routes.py": 1}


def test_no_page_decides_by_the_name_of_a_role_what_the_table_decides():
    found: Counter[str] = Counter()
    for file in sorted(ODR.glob("*/routes.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Compare):
                compared = [node.left, *node.comparators]
                asks = any(getattr(each, "attr", "") in ("role", "roles") for each in compared)
                names = any(isinstance(each, ast.Constant) and each.value in HOLDERS for each in compared)
                found[file.relative_to(ODR).as_posix()] += asks and names

    assert +found == BY_ROLE
    # Of the reader; what role another person has is told as it is.
    decides = re.compile(r"\b(?:dispute|reading)\.role\s*(?:==|!=|in\b|not\b)|\bcurrent_user\.roles")
    templates = sorted((ODR.parent / "templates").rglob("*.html"))
    assert [file.name for file in templates if decides.search(file.read_text("utf-8"))] == []


def as_agreed(row: Row, words: str) -> Agreed:
    """A row as a line of the agreement."""
    return Agreed(
        row.name,
        words,
        row.who,
        row.relation,
        frozenset(map(str, row.phases)),
        frozenset(refusals_of(row.unless)),
        row.scope,
        row.step_up,
        row.classes,
        row.audited,
    )


def refusals_of(condition: Callable[..., object] | None) -> set[str]:
    """The codes that a condition can refuse with, as they stand in it and in the functions of the table it asks."""
    found: set[str] = set()
    waiting: list[CodeType] = [condition.__code__] if isinstance(condition, FunctionType) else []
    seen = set(waiting)
    while waiting:
        code = waiting.pop()
        found |= {constant for constant in code.co_consts if isinstance(constant, str) and constant in REFUSALS}
        asked = [getattr(vars(access).get(name), "__code__", None) for name in code.co_names]
        inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        waiting += [each for each in (*asked, *inner) if each is not None and each not in seen]
        seen.update(waiting)
    return found


# -- what the rules and the doors answer ---------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """A dispute at an instant, and everybody who could come to it."""

    name: str
    dispute: Dispute
    at: int
    actors: tuple[Actor, ...]


def representative(side: str, scope: str) -> Actor:
    return Actor(f"{side[0]}{scope[0]}".ljust(32, "0"), side)


def _with_representatives(dispute: Dispute, at: int) -> tuple[Dispute, tuple[Actor, ...]]:
    """The dispute with somebody for each side and each scope whose mandate stands, and one each whose mandate is over
    or was not taken up."""
    given = [(side, scope, at + DAY, at) for side in ("buyer", "seller") for scope in SCOPES]
    given += [(side, "over", at, at) for side in ("buyer", "seller")]
    given += [(side, "waiting", at + DAY, None) for side in ("buyer", "seller")]
    mandates = tuple(
        Mandate(representative(side, scope).id, side, scope if scope in SCOPES else "bind", until, at - 1, 1, taken)
        for side, scope, until, taken in given
    )
    return replace(dispute, mandates=mandates), tuple(representative(side, scope) for side, scope, *_ in given)


def _everybody(dispute: Dispute) -> tuple[Actor, ...]:
    of_every_word = (Actor("9" * 32, word) for word in sorted(HOLDERS - {"registrar"}))
    crossed = (
        Actor(dispute.seller, "buyer"),
        Actor(dispute.buyer, "seller"),
        Actor(dispute.buyer, "registrar"),
        Actor(dispute.mediator or dispute.seller, "registrar"),
        Actor(dispute.mediator, "mediator"),
    )
    return tuple(dict.fromkeys((*ACTORS.values(), *of_every_word, *crossed)))


def _state(name: str, dispute: Dispute, at: int) -> State:
    represented, acting = _with_representatives(dispute, at)
    return State(name, represented, at, (*_everybody(dispute), *acting))


@cache
def states() -> tuple[State, ...]:
    """Each place that a dispute can come to; each phase made by hand, with everybody seated, so that a lock is tried
    alone that another one usually stands before; and what only a long story comes to."""
    places = {name: place() for name, place in PLACES.items()}
    whole = places["decision, file closed"]
    by_hand = [
        _state(f"{phase} by hand", replace(whole.dispute, phase=phase), whole.at)
        for phase in Phase
    ]  # fmt: skip
    came = [_state(name, story.dispute, story.at) for name, story in places.items()]
    # With no mandate at all: of three that count a fourth is refused, and what is not there cannot be ended.
    alone = [State(f"{name}, nobody represented", story.dispute, story.at, _everybody(story.dispute))
             for name, story in places.items()]  # fmt: skip
    return (*by_hand, *came, *alone, *_long_stories())


def _long_stories() -> Iterator[State]:
    early = Story(ruleset="apec-like").in_negotiation()
    yield _state("too early to leave", early.dispute, early.at)
    often = told().contested()
    yield _state("suspended often", replace(often.dispute, times_suspended=often.ruleset.suspensions_most), often.at)
    waits = told().contested()
    waiting = replace(waits.dispute, suspension_asked_by="buyer", times_suspended=waits.ruleset.suspensions_most)
    yield _state("asked once too often", waiting, waits.at)
    stands = told().contested().suspended()
    yield _state("asked again", replace(stands.dispute, suspension_asked_by="buyer"), stands.at)
    unsure = told().contested()
    clock = replace(unsure.clock, step="screening")
    yield _state("no time runs", replace(unsure.dispute, suspension_asked_by="buyer", clock=None), unsure.at)
    yield _state("a step without more time", replace(unsure.dispute, clock=clock), unsure.at)
    reviewed = told().in_review()
    yield _state("review asked", replace(reviewed.dispute, phase=Phase.REFUSED), reviewed.at)
    objected = told().objected()
    yield _state(
        "review of the objection", replace(objected.dispute, review_asked=True, refused_by="1" * 32), objected.at
    )
    waived = told().appointed()
    yield _state("waived", replace(waived.dispute, unopposed=SIDES), waived.at)
    for taken in (None, waived.at):
        own = tuple(
            Mandate(actor.id, actor.role, "bind", waived.at - 1, waived.at - 2, 1, taken) for actor in (BUYER, SELLER)
        )
        yield State("a mandate that is over", replace(waived.dispute, mandates=own), waived.at, (BUYER, SELLER))
    late = PLACES["decision, evidence late"]()
    yield _state("late and closed", replace(late.dispute, file_closed_at=late.at), late.at)
    drawn = told().in_mediation()
    yield _state("drawn only", replace(drawn.dispute, appointed=False), drawn.at)
    full = tuple(
        Mandate(f"{place}" * 32, side, "read", waived.at + DAY, waived.at, 1)
        for place, side in enumerate(("buyer",) * 3 + ("seller",) * 3)
    )
    yield State("many mandates", replace(waived.dispute, mandates=full), waived.at, (BUYER, SELLER))


def expected(agreed: Agreed, state: State, actor: Actor) -> frozenset[str | None]:
    """What the agreement lets the rules answer: one code where somebody stands before the conditions, else any of
    these."""
    dispute = state.dispute
    if actor.role not in agreed.who:
        return frozenset({"not_your_role"})
    elsewhere = _elsewhere(agreed, state, actor) if STANDS.get(actor.role) in agreed.stands else None
    if elsewhere:
        return frozenset({elsewhere})
    if actor.role == "seller" and dispute.admitted_at is None:
        return frozenset({"not_in_this_phase"})
    if agreed.phases and str(dispute.phase) not in agreed.phases:
        return frozenset({"dispute_closed" if dispute.phase is Phase.CLOSED else "not_in_this_phase"})
    return frozenset({None}) | agreed.refused_by


def _elsewhere(agreed: Agreed, state: State, actor: Actor) -> str | None:
    dispute = state.dispute
    if actor.role in SIDES and actor.id != {"buyer": dispute.buyer, "seller": dispute.seller}[actor.role]:
        return _unmandated(agreed, state, actor)
    if actor.role == "mediator" and (not actor.id or actor.id != dispute.mediator):
        return "not_your_dispute"
    if actor.role == "registrar" and actor.id in {dispute.buyer, dispute.seller, *dispute.met}:
        return "not_your_dispute"
    return "not_your_dispute" if actor.role == "system" and actor.id != "system" else None


def _unmandated(agreed: Agreed, state: State, actor: Actor) -> str | None:
    [mandate] = [
        each for each in state.dispute.mandates if (each.representative, each.side) == (actor.id, actor.role)
    ] or [None]
    if mandate is None:
        return "not_your_dispute"
    if agreed.mandate == IN_OWN_NAME:
        return None
    over = state.dispute.over_at is not None and state.at >= state.dispute.over_at + MANDATE_OUTLASTS
    if mandate.ended_at is not None or mandate.taken_up_at is None or state.at >= mandate.until or over:
        return "mandate_over"
    covers = SCOPES[: SCOPES.index(mandate.scope) + 1]
    return None if agreed.mandate in covers else "mandate_does_not_cover"


def visitors(agreed: Agreed) -> Iterator[tuple[Visitor, bool, str]]:
    """Whoever comes to a door, whether they send the act, and what they are answered as agreed."""
    at = {comes: doors.get(agreed.held_by, MISSING) for comes, doors in DOORS.items()}
    for acts in (False, True):
        yield Visitor(), acts, at["nobody"]
        yield Visitor(wrote=True), acts, SIGN_IN if not agreed.held_by else at["nobody, with words that would be lost"]
        yield Visitor(token=True), acts, at["with an auditor's token"]
        for role in sorted(HOLDERS):
            holds = role in agreed.who
            half_way = at["with a password, and the second factor still to prove" if holds else "nobody"]
            if not agreed.held_by:
                half_way = SIGN_IN if holds else MISSING
            yield Visitor(half_way=frozenset({role})), acts, half_way
            # What the house does by itself has no page; a session in that name would be let in, and none can be.
            signed_in = (
                at["signed in, with that role" if holds else "signed in"]
                if agreed.held_by
                else (ENTER if holds else MISSING)
            )
            for fresh in (True, False):
                proves = agreed.proof and acts and not fresh and signed_in == ENTER
                asked = at["signed in, with a proof asked and too old, and sends the act"]
                came = Visitor(signed_in=True, roles=frozenset({role}), proof_is_fresh=fresh)
                yield came, acts, asked if proves else signed_in


def test_the_doors_answer_each_visitor_as_agreed():
    answered: Counter[str] = Counter()
    for agreed in AGREED.values():
        for visitor, acts, answer in visitors(agreed):
            assert door(PERMISSIONS[agreed.name], visitor, acts) == answer, (agreed.name, visitor, acts)
            answered[answer] += 1

    assert set(answered) == {ENTER, SIGN_IN, PROVE, MISSING}
    assert sum(answered.values()) > 5_000


@pytest.mark.parametrize("name", [name for name, agreed in AGREED.items() if agreed.stands])
def test_the_rules_answer_everybody_in_every_state_as_agreed_and_each_condition_refuses_somewhere(name):
    assert why_caught(PERMISSIONS[name], behaviour_only=True) == ""


def test_an_act_makes_entries_of_the_classes_that_are_agreed_and_of_all_of_them():
    assert made() == {name: agreed.entries for name, agreed in AGREED.items() if agreed.phases}


@cache
def made() -> dict[str, frozenset[str]]:
    """The classes of the entries that the acts make wherever they are possible."""
    found: dict[str, set[str]] = {name: set() for name in ACTS}
    for place in PLACES.values():
        story = place()
        for permission, rules in ACTS.items():
            for actor in _everybody(story.dispute):
                if why_not(permission, story.dispute, actor, story.at) is None:
                    for rule, fitting in rules:
                        found[permission] |= _reaches(story, rule, actor, fitting)
    return {name: frozenset(classes) for name, classes in found.items()}


def _reaches(story: Story, rule, actor: Actor, fitting) -> set[str]:
    try:
        return {event.reach for event in story.ask(rule, actor, **fitting(story.dispute))}
    except Refused:
        # A rule can ask more than the table, such as which ground was named.
        return set()


def test_what_each_reader_is_shown_is_as_agreed_of_the_permission_and_of_the_reader():
    for agreed in AGREED.values():
        for reader, may in READERS.items():
            assert shown(agreed.name, reader) == agreed.entries & may, (agreed.name, reader)
    for reader, may in READERS.items():
        assert {each for each in CLASSES if may_know(reader, each)} == may
        assert {each for each in CLASSES if may_have_receipt(reader, each, "registrar")} == may


# -- no cell can be turned over unseen -----------------------------------------------------------------------------


def mutants(row: Row) -> Iterator[tuple[str, Row]]:
    """This row with one cell turned over, each way there is."""
    for role in sorted(HOLDERS):
        yield f"who {role}", replace(row, who=row.who ^ {role})
        if row.relation:
            # As whoever writes a row would have it: how a role stands to the dispute comes with the role.
            who = row.who ^ {role}
            stands = frozenset(RELATIONS[each] for each in who if each in RELATIONS)
            yield f"who {role}, who stands to it", replace(row, who=who, relation=stands)
    for stands in sorted(set(RELATIONS.values())):
        yield f"stands {stands}", replace(row, relation=row.relation ^ {stands})
    for phase in Phase:
        yield f"phase {phase}", replace(row, phases=row.phases ^ {phase})
    if row.unless:
        yield "no condition", replace(row, unless=None)
    yield "act", replace(row, act=not row.act)
    yield "proof", replace(row, step_up=not row.step_up)
    for scope in ("", *SCOPES, IN_OWN_NAME):
        if scope != row.scope:
            yield f"mandate {scope}", replace(row, scope=scope)
    for role in sorted(HOLDERS):
        yield f"recorded {role}", replace(row, audited=row.audited ^ {role})
    for reach in sorted(CLASSES):
        yield f"entries {reach}", replace(row, classes=row.classes ^ {reach})


def why_caught(row: Row, *, behaviour_only: bool = False) -> str:
    """What shows that this row is not the agreed one; empty when nothing does. `behaviour_only`: what rules and doors
    answer, and not also that the house does not open with a row that makes no sense."""
    agreed = AGREED[row.name]
    # In the place of the true row: whatever asks the table asks this one.
    true, PERMISSIONS[row.name] = PERMISSIONS[row.name], row
    try:
        if any(door(row, visitor, acts) != answer for visitor, acts, answer in at_the_door(row.name)):
            return "a door"
        if not behaviour_only and faults_of(row):
            return "the house does not open"
        return _what_answers_otherwise(row, agreed)
    finally:
        PERMISSIONS[row.name] = true


def _what_answers_otherwise(row: Row, agreed: Agreed) -> str:
    if agreed.phases and row.classes != made().get(row.name):
        return "entries"
    if any(shown(row.name, reader) != agreed.entries & may for reader, may in READERS.items()):
        return "what readers see"
    # The hook that records readings asks this of whoever reads.
    if {role for role in HOLDERS if role in row.audited} != agreed.recorded:
        return "readings"
    heard: set[str | None] = set()
    possible: set[str] = set()
    for state, actor, allowed in in_the_states(row.name):
        answer = why_not(row.name, state.dispute, actor, state.at)
        if answer not in allowed:
            return f"a rule: {actor} {answer}, not {set(allowed)}, in {state.name}"
        if None in allowed:
            heard.add(answer)
        if answer is None:
            possible.add(str(state.dispute.phase))
    if agreed.refused_by & {"not_in_this_phase", "dispute_closed"} and possible != agreed.phases:
        # Its condition says the same as a phase that is not there.
        return f"a phase: possible in {sorted(possible)}"
    return "" if heard - {None} == agreed.refused_by else f"a condition: {heard}, not {set(agreed.refused_by)}"


@cache
def at_the_door(name: str) -> tuple[tuple[Visitor, bool, str], ...]:
    return tuple(visitors(AGREED[name]))


@cache
def in_the_states(name: str) -> tuple[tuple[State, Actor, frozenset[str | None]], ...]:
    """Everybody in every state, with what they may be answered."""
    return tuple((state, actor, expected(AGREED[name], state, actor)) for state in states() for actor in state.actors)


def test_each_cell_turned_over_once_is_caught_by_the_agreement_and_by_what_answers():
    caught: Counter[str] = Counter()
    missed = []
    for row in list(PERMISSIONS.values()):
        for what, mutant in mutants(row):
            assert as_agreed(mutant, "") != replace(AGREED[row.name], words="") or what == "act", (row.name, what)
            why = why_caught(mutant)
            caught[why.partition(":")[0]] += 1
            if not why:
                missed.append((row.name, what))

    assert missed == []
    assert caught.total() > 5_000
    # Not only since the house would not open.
    answered = caught.total() - caught["the house does not open"]
    assert answered > 2_000 and caught["a rule"] > 900 and caught["a door"] > 500 and caught["a condition"] > 40, caught


def test_each_class_given_to_a_reader_or_taken_is_caught(monkeypatch: pytest.MonkeyPatch):
    for reader, may in READERS.items():
        for reach in CLASSES & AGREED["dispute:read"].entries:
            with monkeypatch.context() as patch:
                patch.setitem(access.READERS, reader, may ^ {reach})
                assert {each for each in CLASSES if may_know(reader, each)} != may, (reader, reach)


def test_the_house_says_what_makes_no_sense_in_a_row():
    row = PERMISSIONS["offer:accept"]

    assert faults_of(replace(row, relation=frozenset())) != []
    assert faults_of(replace(row, phases=frozenset())) != []
    assert faults_of(replace(row, who=frozenset())) != []
    assert faults_of(replace(row, audited=frozenset({"buyer"}))) == [
        "offer:accept: the reading of a side is written down."
    ]
    assert faults_of(replace(row, who=row.who | {"anyone"})) != []
