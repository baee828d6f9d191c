"""The rules a house chose for new disputes: filed under them, told by its pages, and refused when nobody knows them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from odr.app import create_app
from odr.config import ConfigError
from odr.disputes.queries import stand
from odr.disputes.tables import dispute_row
from odr.procedure.ruleset import shipped_rulesets


@pytest.fixture(params=[name for name in shipped_rulesets().names() if name != "default-1"])
def settings(request, settings):
    return replace(settings, ruleset=request.param)


def test_a_dispute_is_filed_under_the_rules_of_its_house_and_pinned_to_them(house, buyer):
    number = buyer.file()

    with house.engine.connect() as connection:
        dispute_id = connection.scalar(select(dispute_row.c.id).where(dispute_row.c.number == number))
        dispute = stand(connection, house, dispute_id).dispute
    assert dispute.rules.name == house.settings.ruleset


@pytest.mark.one_database
def test_the_pages_tell_the_rules_of_the_house_first(house, buyer):
    told = buyer.text("/rules")

    others = [name for name in house.rulesets.names() if name != house.settings.ruleset]
    assert all(0 < told.index(house.settings.ruleset) < told.index(name) for name in others)


@pytest.mark.one_database
def test_a_house_whose_rules_nobody_knows_does_not_open(settings, clock):
    with pytest.raises(ConfigError, match="ODR_RULESET must be one of apec-like, default-1, eu-2025"):
        create_app(replace(settings, ruleset="default-0"), clock)
