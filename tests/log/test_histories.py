"""An honest house alarms nobody, whatever happens in it: a sample of what `python -m bench histories` lives a thousand
times."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from jinja2 import BytecodeCache

from odr.erasure import service as erasing
from odr.house import House, Settings
from odr.kernel import SYSTEM, new_pseudonym
from odr.log.integrator import seal_all
from tests.builders import a_dispute
from tests.casefile.archives import checked, made
from tests.log.histories import History


@pytest.mark.parametrize("seed", range(3))
def test_an_honest_history_raises_no_alarm(
    settings: Settings, tmp_path: Path, compiled_templates: BytecodeCache, seed: int
) -> None:
    history = History(seed, settings, tmp_path / "outside", compiled_templates)

    history.live(steps=25)

    assert history.alarms == []
    assert history.happened["restarts"] and history.happened["seals"] and history.happened["looks"]


def test_words_erased_after_the_last_checkpoint_are_withheld_from_a_case_file_and_not_missed(
    app: Flask, house: House, tmp_path: Path
) -> None:
    told = a_dispute(house).admitted().contested()
    seal_all(house)
    version = told.state.version

    erasing.order(house, told.id, SYSTEM, key=new_pseudonym(), ground="unlawful", versions=(version,))
    erasing.carry_out(house, told.id)

    before = checked(house, tmp_path, made(app, house, told, "buyer"))
    seal_all(house)
    after = checked(house, tmp_path, made(app, house, told, "buyer"))
    assert [status for status, _ in (before, after)] == [0, 0], (before, after)
    assert [len(each["seen"]["erased"]) for _, each in (before, after)] == [0, 1]
