"""Files that arrive at once: each is named by one entry or is gone, on both kinds of database."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import pytest

from odr.evidence import rules
from odr.evidence.service import take_in
from odr.house import House
from odr.kernel import Refused, new_pseudonym
from odr.log.integrator import seal_all
from odr.verify import verify_house
from tests.builders import ADispute

PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"


def send(house: House, dispute: ADispute, content: bytes, key: str | None = None):
    return take_in(
        house,
        dispute.id,
        dispute.buyer,
        key=key or new_pseudonym(),
        arriving=io.BytesIO(content),
        name="parcel.pdf",
        about="The parcel",
    )


def test_the_same_upload_sent_eight_times_at_once_is_one_item_and_one_file(house, contested):
    key = new_pseudonym()

    done = at_once([lambda: send(house, contested, PDF, key)] * 8)
    seal_all(house)

    assert len({(each.first, each.last) for each in done}) == 1
    assert len(done) == 8
    assert len(list(house.files.objects())) == 1
    assert verify_house(house).findings == []


def test_different_uploads_at_once_are_numbered_one_after_the_other(house, contested):
    done = at_once([lambda number=number: send(house, contested, PDF + b"%" * number) for number in range(6)])
    seal_all(house)

    assert len({each.first for each in done}) == 6
    assert len(list(house.files.objects())) == 6
    assert verify_house(house).findings == []


def test_a_refused_upload_leaves_no_file(house, contested):
    contested.in_negotiation()

    with pytest.raises(Refused, match="not_in_this_phase"):
        send(house, contested, PDF)

    assert list(house.files.objects()) == []


def test_the_refusal_of_a_kind_of_file_is_recorded_once_for_each_key(house, contested):
    key, before = new_pseudonym(), contested.state.version

    for _ in range(3):
        with pytest.raises(Refused, match="file_web_page_refused"):
            send(house, contested, b"<html>", key)

    done = contested.act(rules.complete_evidence, contested.buyer)
    assert done.first == before + 2


def at_once(deeds: list[Callable[[], object]]) -> list:
    """Do all of these at the same moment; answers what they came to, and fails when one of them does."""
    barrier = threading.Barrier(len(deeds))
    done: list = []
    failed: list[BaseException] = []

    def guarded(deed: Callable[[], object]) -> None:
        barrier.wait()
        try:
            done.append(deed())
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    return done
