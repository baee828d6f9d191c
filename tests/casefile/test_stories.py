"""The six disputes of the sample scenarios: whenever somebody takes the case file home, it is sound."""

from __future__ import annotations

from collections import Counter

import pytest

from odr.casefile.queries import NoCaseFile
from odr.kernel import Missing
from odr.log.integrator import seal_all
from tests.casefile.archives import checked, made, members
from tests.stories.cases import SIX
from tests.stories.teller import Case

# What a case file is made of is read from both databases in test_case_file; here it is how stories go on.
pytestmark = [pytest.mark.shared, pytest.mark.slow, pytest.mark.one_database]

EVERY = 4
"""Not at every step of a story: a case file of each side takes its time."""


@pytest.mark.parametrize("tell", SIX, ids=lambda tell: tell.__name__)
def test_the_case_file_is_sound_for_everybody_at_every_step(app, clock, shared, tmp_path, monkeypatch, tell):
    at, asked, found = Case.at, [0], Counter()

    def look(case: Case) -> None:
        for role in ("buyer", "seller", "mediator"):
            try:
                raw = made(app, case.house, case, role)
            except (Missing, NoCaseFile):
                continue
            status, told = checked(case.house, tmp_path, raw)
            assert (status, told["findings"]) == (0, []), (role, case.state.version)
            found[told["seen"]["reader"]] += 1

    def at_and_look(case: Case, when):
        told = at(case, when)
        asked[0] += 1
        if asked[0] % EVERY == 0:
            look(told)
        return told

    monkeypatch.setattr(Case, "at", at_and_look)
    case = tell(app, clock, shared)
    seal_all(case.house)
    look(case)

    assert found["buyer"] >= 2 and found["seller"] >= 1
    assert bool(found["mediator"]) == bool(case.state.mediator)
    own = {name for name in members(made(app, case.house, case, "buyer")) if name.startswith("files/")}
    sent = [item for item in case.state.evidence if item.side == "buyer"]
    assert {f"files/{item.version:06}" for item in sent} <= {name.partition(".")[0] for name in own}
