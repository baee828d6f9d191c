"""The hands of a replay: one process that does everything in turn, or several that race."""

from __future__ import annotations

import multiprocessing
import traceback
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

from odr.database import open_engine
from odr.evidence.store import Store
from odr.house import House, Settings
from odr.log.keys import keys_at
from odr.procedure.ruleset import rulesets_beside
from odr.replay.service import Outcome, SimulatedClock, Task, do


class Crew(Protocol):
    """Whoever does the tasks. `width`: how many lines may be under way at a time."""

    width: int

    def give(self, ticket: int, task: Task) -> None:
        """Take on a task."""

    def next_done(self) -> tuple[int, Outcome]:
        """Wait for a task to be done; answers its ticket and what it came to."""


class Alone:
    """This process, doing each task when it is given."""

    width = 1

    def __init__(self, house: House) -> None:
        self._clock = SimulatedClock()
        self._house = simulated(house, self._clock)
        self._done: deque[tuple[int, Outcome]] = deque()

    def give(self, ticket: int, task: Task) -> None:
        self._done.append((ticket, do(self._house, self._clock, task)))

    def next_done(self) -> tuple[int, Outcome]:
        return self._done.popleft()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process needs to open the same house: it shares nothing else with the others, as on two machines."""

    settings: Settings
    origin: str


class Several:
    """Processes of their own. A task's `turn` chooses the one that does it, so that the acts of a line go round."""

    def __init__(self, house: House, count: int) -> None:
        self.width = count
        plan = Plan(house.settings, house.origin)
        # Spawned, not forked: a forked process would share the parent's connections to the database.
        context = multiprocessing.get_context("spawn")
        self._processes: list[BaseProcess] = []
        self._lines: list[Connection] = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=serve, args=(plan, theirs), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._lines.append(ours)
        self._waiting: list[deque[tuple[int, Task]]] = [deque() for _ in range(count)]
        self._busy = [False] * count

    def give(self, ticket: int, task: Task) -> None:
        hand = task.turn % self.width
        self._waiting[hand].append((ticket, task))
        self._hand_over(hand)

    def next_done(self) -> tuple[int, Outcome]:
        ready = wait([line for line, busy in zip(self._lines, self._busy, strict=True) if busy])[0]
        hand = next(place for place, line in enumerate(self._lines) if line is ready)
        try:
            ticket, outcome = self._lines[hand].recv()
        except (EOFError, ConnectionError):
            raise RuntimeError("a process of the replay has ended by itself") from None
        self._busy[hand] = False
        self._hand_over(hand)
        if isinstance(outcome, str):
            raise RuntimeError(f"a process of the replay failed:\n{outcome}")
        return ticket, outcome

    def _hand_over(self, hand: int) -> None:
        # One task at a time for each, so that no pipe fills up while both ends are writing.
        if self._waiting[hand] and not self._busy[hand]:
            self._busy[hand] = True
            self._lines[hand].send(self._waiting[hand].popleft())

    def dismiss(self) -> None:
        """End all processes."""
        for line in self._lines:
            line.close()
        for process in self._processes:
            process.join(30)


def serve(plan: Plan, line: Connection) -> None:
    """The life of one process: do what comes down the line until it is closed."""
    clock = SimulatedClock()
    house = simulated(open_again(plan), clock)
    with suppress(EOFError, KeyboardInterrupt, ConnectionError):
        while True:
            ticket, task = line.recv()
            try:
                line.send((ticket, do(house, clock, task)))
            except Exception:  # the outermost edge of this process: the other one raises it
                line.send((ticket, traceback.format_exc()))
    house.engine.dispose()


def open_again(plan: Plan) -> House:
    """The house that a plan describes, with connections of its own."""
    settings = plan.settings
    keys = keys_at(settings)
    return House(
        engine=open_engine(settings.database_url),
        settings=settings,
        clock=SimulatedClock(),
        keys=keys,
        files=Store(settings.files, keys),
        rulesets=rulesets_beside(settings.rulesets),
        origin=plan.origin,
    )


def simulated(house: House, clock: SimulatedClock) -> House:
    """The same house on a simulated clock; its entries say so."""
    return replace(house, clock=clock, clock_kind="simulated")
