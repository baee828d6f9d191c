"""Random honest histories of a house: disputes in turns, seals, restarts, keys that change, words that are erased; and
everybody who checks it on the way."""

from __future__ import annotations

import contextlib
import io
import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache

from odr.app import create_app
from odr.casefile.queries import NoCaseFile
from odr.database import one_moment
from odr.erasure import rules as holding
from odr.erasure import service as erasing
from odr.house import House, Settings
from odr.kernel import SYSTEM, Actor, Missing, Refused, instant, new_pseudonym
from odr.log import offline
from odr.log.integrator import integrate, publish, seal_all
from odr.log.publication import Unpublished, publish_files
from odr.log.rotation import add_key, retire_key
from odr.log.selfcheck import check_fully, check_quickly
from odr.log.signers import signers_of
from odr.procedure.dispute import Phase
from odr.procedure.rules import send_message
from odr.verify import verify_house
from tests.builders import ADispute, a_dispute
from tests.casefile.archives import made
from tests.erasure.conftest import paper

DAY, HOUR = 24 * 3_600_000, 3_600_000
BEGIN = instant(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))

Alarm = tuple[str, object]
"""Who raised it, and what was said."""


class History:
    """One house and its years, as the dice fall. `alarms` stays empty, or somebody was alarmed by an honest house."""

    def __init__(self, seed: int, settings: Settings, folder: Path, templates: BytecodeCache | None = None) -> None:
        self.dice = random.Random(seed)
        self.settings, self.folder, self.templates = settings, folder, templates
        folder.mkdir(exist_ok=True)
        self.at = BEGIN
        self.disputes: list[ADispute] = []
        self.happened: Counter[str] = Counter()
        self.alarms: list[Alarm] = []
        self._open()
        self.key = self._keys()[0]

    def live(self, steps: int) -> None:
        """So many things happen; everybody looks now and then, and at the end."""
        deeds: dict[Callable[[], None], int] = {
            self._file: 2, self._go_on: 14, self._talk: 4, self._grow: 1, self._wait: 5, self._erase: 4, self._hold: 1,
            self._give_places: 2, self._sign: 2, self._seal: 3, self._restart: 2, self._add_key: 1, self._retire_key: 2,
            self._look: 1,
        }  # fmt: skip
        plan = self.dice.choices(list(deeds), list(deeds.values()), k=steps)
        # In every life of a house, sooner or later.
        plan += [self._restart, self._add_key, self._retire_key, self._erase, self._erase]
        self.dice.shuffle(plan)
        self._file()
        for deed in plan:
            self.at += self.dice.randrange(HOUR)
            deed()
        self._seal()
        self._look()
        self.house.engine.dispose()

    def _noted(self, what: str) -> None:
        self.happened[what] += 1

    # -- disputes ------------------------------------------------------------------------------------------------

    def _file(self) -> None:
        self.disputes.append(a_dispute(self.house).admitted())
        self._noted("disputes")

    def _any(self) -> ADispute:
        return self.dice.choice(self.disputes)

    def _go_on(self) -> None:
        """One dispute takes a step, whichever is open to it there."""
        told = self._any()
        for phases, step in self.dice.sample(STEPS, len(STEPS)):
            if told.state.phase not in phases:
                continue
            try:
                step(told, self.dice)
            except (Refused, AttributeError, IndexError, AssertionError):
                # Not from here: the rules say no, or there is no offer, agreement or mediator yet.
                continue
            self._noted("steps")
            return

    def _talk(self) -> None:
        told = self._any()
        for _ in range(self.dice.randrange(1, 4)):
            with contextlib.suppress(Refused):
                told.act(send_message, _side(told, self.dice), text=self._text())
                self._noted("messages")

    def _grow(self) -> None:
        """So much is said that a tile, or nearly, is filled."""
        told = self._any()
        with contextlib.suppress(Refused):
            for _ in range(self.dice.choice((40, 120, 260))):
                told.act(send_message, told.buyer, text="Still here.")
                self._noted("messages")

    def _text(self) -> str:
        return "".join(self.dice.choice('abc éß信📦\n"\\\u007f') for _ in range(self.dice.randrange(1, 40))) + "."

    def _wait(self) -> None:
        """Time passes, and some deadlines with it."""
        self.at += self.dice.choice((1, 5, 20, 60)) * DAY
        for told in self.disputes:
            if self.dice.random() < 0.5 and told.state.phase is not Phase.CLOSED:
                with contextlib.suppress(Refused, AttributeError):
                    told.expired()
                    self._noted("deadlines")

    # -- words ---------------------------------------------------------------------------------------------------

    def _erase(self) -> None:
        told = self._any()
        with contextlib.suppress(Refused):
            if self.dice.random() < 0.5:
                erasing.order(self.house, told.id, _side(told, self.dice), key=new_pseudonym())
            else:
                asked = tuple(self.dice.sample(range(1, told.state.version + 1), min(2, told.state.version)))
                erasing.order(
                    self.house, told.id, SYSTEM, key=new_pseudonym(), ground="unlawful", versions=asked
                )  # fmt: skip
            self._noted("erasures ordered")
        with contextlib.suppress(Refused):
            if self.dice.random() < 0.7:
                self.happened["erasures done"] += erasing.carry_out(self.house, told.id)

    def _hold(self) -> None:
        told = self._any()
        with contextlib.suppress(Refused, IndexError):
            if self.dice.random() < 0.5:
                told.act(holding.place_hold, told.registrar, ground="authority")
            else:
                told.act(holding.lift_hold, told.registrar, hold=told.state.holds[0].version)
            self._noted("holds")

    # -- the house -----------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self.app = create_app(self.settings, lambda: self.at)
        self.app.jinja_env.bytecode_cache = self.templates
        self.house: House = self.app.extensions["odr"]
        for told in self.disputes:
            told.house = self.house

    def _restart(self) -> None:
        self.house.engine.dispose()
        self._open()
        self._noted("restarts")

    def _give_places(self) -> None:
        integrate(self.house)

    def _sign(self) -> None:
        if publish(self.house):
            self._noted("checkpoints")

    def _seal(self) -> None:
        seal_all(self.house)
        self._noted("seals")

    def _keys(self) -> list[str]:
        with self.house.engine.connect() as connection:
            return [term.vkey for term in signers_of(connection, self.house.origin).terms if not term.retired]

    def _add_key(self) -> None:
        if len(self._keys()) < 3:
            add_key(self.house)
            self._noted("keys added")

    def _retire_key(self) -> None:
        seal_all(self.house)
        oldest, *others = self._keys()
        if others:
            retire_key(self.house, oldest)
            self._noted("keys retired")

    # -- everybody who checks it -----------------------------------------------------------------------------------

    def _look(self) -> None:
        """The house itself, whoever holds the whole log and the first key, and each side with its case file."""
        self._noted("looks")
        # A house's worker gives places every second; whoever waits for hours is missed, and rightly.
        self._give_places()
        self._hear("odr verify", verify_house(self.house).findings)
        self._hear("quick check", check_quickly(self.house).findings)
        self._hear("full check", check_fully(self.house, verify_house).findings)
        log = self.folder / "log"
        with contextlib.suppress(Unpublished), one_moment(self.house.engine) as connection:
            publish_files(connection, self.house, log)
        if (log / "checkpoint").exists():
            self._ask("log", log)
            self._ask("follow", log, "--state", self.folder / "state")
        for told in self.disputes:
            for role in ("buyer", "seller", "mediator"):
                self._take_home(told, role)

    def _take_home(self, told: ADispute, role: str) -> None:
        try:
            raw = made(self.app, self.house, told, role)
        except (Missing, NoCaseFile):
            return
        self._noted("case files")
        (self.folder / "case.zip").write_bytes(raw)
        self._ask("case", self.folder / "case.zip")

    def _ask(self, mode: str, *asked: object) -> None:
        """What the verifier for everybody says to whoever trusts the first key of this log and nothing else."""
        written = io.StringIO()
        with contextlib.redirect_stdout(written):
            status = offline.main([mode, *map(str, asked), "--key", self.key, "--json"])
        self._hear(mode, json.loads(written.getvalue())["findings"] or status)

    def _hear(self, who: str, said: Any) -> None:
        if said:
            self.alarms.append((who, said))


def _cents(dice: random.Random) -> str:
    return f"{dice.randrange(1, 48)}.{dice.randrange(100):02}"


def _side(told: ADispute, dice: random.Random) -> Actor:
    return dice.choice((told.buyer, told.seller))


OPEN = frozenset(Phase) - {Phase.CLOSED}

# In which phases a step is tried; the rules refuse what is not its turn.
STEPS: list[tuple[frozenset[Phase], Callable[[ADispute, random.Random], object]]] = [
    (frozenset({Phase.AWAITING_RESPONSE}), lambda told, dice: told.contested()),
    (frozenset({Phase.AWAITING_RESPONSE, Phase.EVIDENCE}), lambda told, dice: told.in_negotiation()),
    (OPEN, lambda told, dice: paper(told, _side(told, dice), b"line %d" % dice.randrange(10**9))),
    (frozenset({Phase.NEGOTIATION}), lambda told, dice: told.offer(_side(told, dice), _cents(dice), text="Well?")),
    (frozenset({Phase.NEGOTIATION}), lambda told, dice: told.accepted(_side(told, dice))),
    (frozenset({Phase.NEGOTIATION}), lambda told, dice: told.left()),
    (OPEN, lambda told, dice: told.signed()),
    (frozenset({Phase.ASSIGNMENT}), lambda told, dice: told.drawn()),
    (frozenset({Phase.ASSIGNMENT}), lambda told, dice: told.in_mediation()),
    (frozenset({Phase.MEDIATION}), lambda told, dice: told.proposed(_cents(dice), text="A middle way.")),
    (frozenset({Phase.MEDIATION}), lambda told, dice: told.proposal_accepted()),
    (frozenset({Phase.MEDIATION, Phase.DECISION}), lambda told, dice: told.decided()),
    (frozenset({Phase.DECIDED}), lambda told, dice: told.closed_with(seller=dice.choice((True, False, None)))),
    (frozenset({Phase.CLOSED}), lambda told, dice: told.performed()),
    (frozenset({Phase.CLOSED}), lambda told, dice: told.confirmed()),
]
