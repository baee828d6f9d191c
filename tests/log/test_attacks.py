"""Attacks of docs/attacks.md that no other test tries on a house: forged erasures, words that come back, times set
back, and a log that somebody made anew as a whole."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, text

from odr.database import write_unit
from odr.erasure import rules as holding
from odr.erasure import service as erasing
from odr.house import House
from odr.kernel import SYSTEM, Actor, new_pseudonym
from odr.log import tables
from odr.log.chain import canonical, leaf_hash
from odr.log.integrator import integrate, seal_all
from odr.log.journal import NewFact, append, head_of
from odr.log.tiles import complete_tiles
from odr.verify import verify_house
from tests.builders import ADispute, a_dispute
from tests.log.test_tamper import unguarded


@pytest.fixture
def told(house: House) -> ADispute:
    """A dispute whose third entry, the reply, has words."""
    told = a_dispute(house).admitted().contested()
    seal_all(house)
    return told


def codes(house: House) -> set[str]:
    return {finding.code for finding in verify_house(house).findings}


def write(told: ADispute, actor: Actor, type: str, **data: Any) -> int:
    """An entry that no rule of ours would let through, by somebody who can sign; answers its version."""
    house, stream = told.house, f"dispute/{told.id}"

    def unit(connection: Connection) -> int:
        fact, head = NewFact(type, "parties", data), head_of(connection, stream)
        (stored,) = append(connection, house, stream, [fact], actor=actor, at=house.clock(), head=head)
        return stored.entry.version

    return write_unit(house.engine, unit)


def the_words(told: ADispute, version: int) -> list[dict[str, Any]]:
    with told.house.engine.connect() as connection:
        of_entry = (tables.payload.c.stream == f"dispute/{told.id}", tables.payload.c.ver == version)
        return [dict(row._mapping) for row in connection.execute(tables.payload.select().where(*of_entry))]


def reply_of(told: ADispute) -> int:
    return next(version for version in range(told.state.version, 1, -1) if the_words(told, version))


def put_back(told: ADispute, words: list[dict[str, Any]]) -> None:
    write_unit(told.house.engine, lambda connection: connection.execute(tables.payload.insert(), words))


# -- words ---------------------------------------------------------------------------------------------------------


def test_words_and_salt_edited_together_are_named(house: House, told: ADispute) -> None:
    """§4 case 24, within the house: another text sealed rightly under the house's own key and a salt of its own."""
    version = reply_of(told)
    other = a_dispute(house).admitted().contested()
    (words,), (others,) = the_words(told, version), the_words(other, reply_of(other))
    with unguarded(house) as connection:
        connection.execute(
            text("UPDATE payload SET salt = :salt, sealed = :sealed WHERE stream = :stream AND ver = :ver"),
            {**words, "salt": others["salt"], "sealed": others["sealed"]},
        )

    assert codes(house) >= {"payload_unreadable"}


def test_erased_words_that_come_back_are_named(house: House, told: ADispute) -> None:
    """§4 case 27: as they were, from a copy, and with other content."""
    version = reply_of(told)
    kept = the_words(told, version)
    erasing.order(house, told.id, SYSTEM, key=new_pseudonym(), ground="unlawful", versions=(version,))
    erasing.carry_out(house, told.id)
    assert codes(house) == set()

    put_back(told, kept)
    assert codes(house) == {"payload_reappeared"}
    with unguarded(house) as connection:
        connection.execute(text("UPDATE payload SET sealed = salt WHERE ver = :ver"), {"ver": version})
    assert codes(house) == {"payload_reappeared", "payload_unreadable"}


def test_an_erasure_by_somebody_without_the_right_to_it_is_named(house: House, told: ADispute) -> None:
    """§4 case 28: the buyer orders the seller's reply erased, and it is done."""
    version = reply_of(told)
    names = [words["name"] for words in the_words(told, version)]
    ordered = write(told, told.buyer, "erasure_ordered", ground="asked", targets=[{"ver": version, "names": names}])
    write(told, SYSTEM, "words_erased", ordered=ordered)
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM payload WHERE ver = :ver"), {"ver": version})

    assert "erasure_without_right" in codes(house)


def test_an_erasure_that_nobody_ordered_is_named(house: House, told: ADispute) -> None:
    """§4 case 28: a record of an erasure does not excuse what is gone."""
    version = reply_of(told)
    write(told, SYSTEM, "words_erased", ordered=version)
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM payload WHERE ver = :ver"), {"ver": version})

    assert codes(house) >= {"erasure_without_order", "payload_missing"}


def test_an_erasure_under_a_hold_is_named(house: House, told: ADispute) -> None:
    """§4 case 29, by somebody who can sign and asks no rule."""
    version = reply_of(told)
    told.act(holding.place_hold, told.registrar, ground="authority")
    names = [words["name"] for words in the_words(told, version)]
    write(told, told.seller, "erasure_ordered", ground="asked", targets=[{"ver": version, "names": names}])

    assert "erasure_under_hold" in codes(house)


# -- entries -------------------------------------------------------------------------------------------------------


def made_anew(connection: Connection, told: ADispute, version: int, **changed: Any) -> bytes:
    """Write an entry otherwise, with its columns and its hash; answers the new leaf hash."""
    where = {"stream": f"dispute/{told.id}", "ver": version}
    raw = connection.scalar(text("SELECT raw FROM entry WHERE stream = :stream AND ver = :ver"), where)
    fields = {**orjson.loads(raw), **changed}
    new = canonical(fields)
    connection.execute(
        text("UPDATE entry SET raw = :raw, leaf_hash = :leaf, at = :at WHERE stream = :stream AND ver = :ver"),
        {**where, "raw": new, "leaf": leaf_hash(new), "at": fields["at"]},
    )
    return leaf_hash(new)


def test_an_entry_dated_before_its_cause_is_named(house: House, told: ADispute) -> None:
    """§4 cases 52 and 54: what follows from a deadline is dated before the deadline began."""
    told.in_negotiation()
    version = told.state.version
    with unguarded(house) as connection:
        leaf = made_anew(connection, told, version, at=1)
        connection.execute(text("UPDATE queue SET leaf_hash = :leaf WHERE ver = :ver"), {"leaf": leaf, "ver": version})
    integrate(house)

    assert "stream_time_goes_back" in codes(house)


def test_a_whole_tree_made_anew_has_another_root_than_was_signed(house: House, told: ADispute) -> None:
    """§4 cases 2, 3 and 18: entry, hash, place and every tile fit one another; only the signature does not."""
    for step in range(260):
        told.house.clock.advance(seconds=step)
        write(told, told.buyer, "message_sent", side="buyer")
    seal_all(house)
    version = told.state.version + 260
    with unguarded(house) as connection:
        leaf = made_anew(connection, told, version, data={"side": "seller"})
        connection.execute(
            text("UPDATE leaf SET leaf_hash = :leaf WHERE stream = :stream AND ver = :ver"),
            {"leaf": leaf, "stream": f"dispute/{told.id}", "ver": version},
        )
        size = connection.scalar(text("SELECT count(*) FROM leaf"))
        connection.execute(text("DELETE FROM tile"))
        complete_tiles(connection, 0, size)

    found = codes(house)
    assert "checkpoint_root_differs" in found
    assert not found & {"entry_hash_differs", "place_hash_differs", "tile_differs", "tile_missing"}
