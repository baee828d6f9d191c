"""`odr replay`: a file of scripts, done in the order of its instants, and what it came to."""

from __future__ import annotations

import heapq
import json
import os
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from odr.house import House
from odr.kernel import Money, Refused
from odr.log.integrator import seal_all
from odr.log.tiles import tree_head
from odr.procedure.dispute import Dispute, Phase
from odr.procedure.ruleset import Ruleset, read_ruleset, rulesets_beside
from odr.replay.passages import HOUSE
from odr.replay.records import script_line
from odr.replay.rules import Deed, Malformed, Script, read_script
from odr.replay.service import Outcome, Task, registrar_names
from odr.replay.turns import Course, Stage, Step
from odr.replay.worker import Alone, Crew, Several
from odr.web.sentences import REFUSALS, refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a file is replayed. `source`: whose lines they are, if not scripts already (`records.SOURCES`); `ruleset`:
    the bytes of a file of rules; `accounts` and `registrars` as in `Stage`."""

    source: str | None = None
    ruleset: bytes | None = None
    workers: int = 1
    twice: bool = False
    acks: Path | None = None
    accounts: Mapping[str, str] = field(default_factory=dict)
    registrars: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An act that was refused: the line it stands in, the act, and why."""

    line: int
    id: str
    deed: Deed
    why: Refused

    def __str__(self) -> str:
        place = "by itself" if self.deed.position is None else f"act {self.deed.position}"
        sentence = f": {refusal(self.why)}" if self.why.code in REFUSALS else ""
        return f"line {self.line} ({self.id}), {place}, {self.deed.do} by {self.deed.by}: {self.why.code}{sentence}"


@dataclass(slots=True)
class Result:
    """What a replay came to. `malformed` are pairs of a line's number and the reason."""

    disputes: int = 0
    acts: int = 0
    performed: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    settled: dict[str, Money] = field(default_factory=dict)
    awarded: dict[str, Money] = field(default_factory=dict)
    costs: dict[str, Money] = field(default_factory=dict)
    compliance: Counter[str] = field(default_factory=Counter)
    malformed: list[tuple[int, str]] = field(default_factory=list)
    size: int = 0
    root: str = ""
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The result for machines."""
        return {
            "disputes": self.disputes,
            "acts": self.acts,
            "performed": self.performed,
            "refused": len(self.refusals),
            "refused_by": dict(sorted(Counter(one.why.code for one in self.refusals).items())),
            "outcomes": dict(sorted(self.outcomes.items())),
            "settled": _told(self.settled),
            "awarded": _told(self.awarded),
            "costs": _told(self.costs),
            "compliance": dict(sorted(self.compliance.items())),
            "malformed": [{"line": number, "reason": reason} for number, reason in self.malformed],
            "log": {"size": self.size, "root": self.root},
            "seconds": round(self.seconds, 3),
        }

    def count(self, line: int, script: Script, deed: Deed, outcome: Outcome) -> None:
        if deed.by == HOUSE:
            # A pool of which nobody is left. No act of anybody's.
            return
        # What happens by itself is no act of the line; only should it be refused must that be seen.
        self.acts += deed.position is not None or outcome.refused is not None
        if outcome.refused:
            self.refusals.append(Refusal(line, script.id, deed, outcome.refused))
        else:
            self.performed += deed.position is not None

    def close(self, dispute: Dispute) -> None:
        """Count what a line came to."""
        self.outcomes[dispute.code or str(dispute.phase)] += 1
        if dispute.compliance:
            self.compliance[dispute.compliance] += 1
        if dispute.agreement and dispute.phase in (Phase.SETTLED, Phase.CLOSED):
            _add(self.settled, dispute.agreement.totals.values())
        if dispute.decision:
            _add(self.awarded, dispute.decision.awarded.values())
            _add(self.costs, [dispute.decision.costs] if dispute.decision.costs else [])


def _add(sums: dict[str, Money], amounts: Iterable[Money]) -> None:
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, Money(0, amount.currency)) + amount


def _told(sums: Mapping[str, Money]) -> dict[str, str]:
    return {currency: str(amount) for currency, amount in sorted(sums.items())}


@dataclass(slots=True)
class _Under:
    """A line under way: what it waits for, and what has come of it so far."""

    line: int
    course: Course
    steps: Generator[Step, list[Outcome], None]
    step: Step
    outcomes: dict[int, Outcome] = field(default_factory=dict)


def run(house: House, lines: Iterable[bytes], folder: Path, options: Options | None = None) -> Result:
    """Replay all lines in this house; files that they name lie in `folder`. Afterwards the log is sealed.

    A line that is no script is noted and skipped. Raises MalformedRuleset.
    """
    options = options or Options()
    began = time.perf_counter()
    result = Result()
    house, ruleset = _under_ruleset(house, options)
    stage = Stage(
        house=house,
        ruleset=ruleset,
        folder=folder,
        registrars=options.registrars or registrar_names(house),
        accounts=options.accounts,
        racing=options.workers > 1,
        twice=options.twice,
    )
    scripts = list(_read(lines, options.source, result))
    with _crew(house, options) as crew, _acks(options.acks) as acks:
        _drive(stage, scripts, crew, result, acks)
    seal_all(house)
    with house.engine.connect() as connection:
        result.size, root = tree_head(connection)
    result.root = root.hex()
    result.seconds = time.perf_counter() - began
    return result


def _under_ruleset(house: House, options: Options) -> tuple[House, Ruleset]:
    if options.ruleset is None:
        return house, house.ruleset
    ruleset = read_ruleset(options.ruleset)
    folder = house.settings.rulesets
    folder.mkdir(parents=True, exist_ok=True)
    # Kept with the house: whoever reads these disputes later needs the very rules that they are pinned to.
    (folder / f"{ruleset.digest}.toml").write_bytes(options.ruleset)
    return replace(house, rulesets=rulesets_beside(folder)), ruleset


def _read(lines: Iterable[bytes], source: str | None, result: Result) -> Iterator[tuple[int, Script]]:
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            script = read_script(script_line(source, line) if source else line)
            if script.id in seen:
                raise Malformed(f"its id is that of line {seen[script.id]}")
        except Malformed as broken:
            result.malformed.append((number, str(broken)))
            continue
        seen[script.id] = number
        yield number, script


@contextmanager
def _crew(house: House, options: Options) -> Iterator[Crew]:
    if options.workers == 1:
        yield Alone(house)
        return
    several = Several(house, options.workers)
    try:
        yield several
    finally:
        several.dismiss()


@contextmanager
def _acks(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    with path.open("a", encoding="utf-8") as file:
        yield file


def _drive(stage: Stage, scripts: list[tuple[int, Script]], crew: Crew, result: Result, acks: TextIO | None) -> None:
    """Let all lines run, in the order of their instants, as many at a time as the crew is wide."""
    waiting: list[tuple[int, int, _Under]] = []
    for line, script in scripts:
        course = Course(stage, script, turn=line)
        steps = course.steps()
        first = next(steps)
        heapq.heappush(waiting, (first.at, line, _Under(line, course, steps, first)))
    tickets: dict[int, tuple[_Under, int]] = {}
    under_way = number = 0
    while waiting or under_way:
        while waiting and under_way < crew.width:
            under = heapq.heappop(waiting)[2]
            under_way += 1
            for place, task in enumerate(under.step.tasks):
                number += 1
                tickets[number] = under, place
                crew.give(number, task)
        ticket, outcome = crew.next_done()
        under, place = tickets.pop(ticket)
        _note(under, under.step.tasks[place], outcome, result, acks)
        under.outcomes[place] = outcome
        if len(under.outcomes) < len(under.step.tasks):
            continue
        under_way -= 1
        try:
            under.step = under.steps.send([under.outcomes[place] for place in sorted(under.outcomes)])
        except StopIteration:
            result.disputes += 1
            result.close(under.course.dispute)
        else:
            under.outcomes = {}
            heapq.heappush(waiting, (under.step.at, under.line, under))


def _note(under: _Under, task: Task, outcome: Outcome, result: Result, acks: TextIO | None) -> None:
    if task.deed is None:
        return
    result.count(under.line, under.course.script, task.deed, outcome)
    if acks and outcome.refused is None and task.deed.position is not None:
        deed, script = task.deed, under.course.script
        ack = {"id": script.id, "position": deed.position, "do": deed.do, "dispute": task.dispute_id}
        acks.write(json.dumps(ack) + "\n")
        acks.flush()
        os.fsync(acks.fileno())
