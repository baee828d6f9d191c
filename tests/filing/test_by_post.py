"""The letter by post: the notice on paper, for a seller whom mail does not reach or who does not answer it."""

from __future__ import annotations

import re

import pytest

from odr.kernel import SYSTEM
from odr.procedure.rules import return_notice
from tests.builders import a_dispute

pytestmark = pytest.mark.one_database


def letter_in(page: str) -> str:
    found = re.search(r'<article class="letter.*?</article>', page, re.S)
    assert found is not None
    return found[0]


def test_the_registrar_finds_the_notice_as_a_letter_in_the_sellers_language(house, registrar):
    dispute = a_dispute(house).admitted()

    assert f"/disputes/{dispute.number}/post" in registrar.text(f"/disputes/{dispute.number}/admission")
    letter = letter_in(registrar.text(f"/disputes/{dispute.number}/post"))

    assert 'lang="zh-Hans"' in letter and "The seller" in letter and dispute.number in letter


def test_the_letter_says_how_to_answer_and_holds_no_link_that_opens_anything(house, registrar):
    dispute = a_dispute(house, seller_language="en").admitted()

    letter = letter_in(registrar.text(f"/disputes/{dispute.number}/post"))

    assert "http://127.0.0.1:8000/invitation<" in letter.replace("\n", "")
    assert "/invitation/" not in letter
    assert "Reply before" in letter and "A machine sent this" not in letter


def test_while_the_sellers_time_stands_for_want_of_an_address_the_letter_names_no_time(house, registrar):
    dispute = a_dispute(house, seller_language="en").admitted()
    dispute.act(return_notice, SYSTEM, side="seller", template="invitation")

    letter = letter_in(registrar.text(f"/disputes/{dispute.number}/post"))

    assert "please get in touch" in letter and "Reply before" not in letter


def test_there_is_no_letter_before_the_admission_nor_after_the_reply_nor_for_anybody_else(house, registrar, buyer):
    filed, answered = a_dispute(house), a_dispute(house).admitted().contested()
    admitted = a_dispute(house, buyer_account=buyer.account_id).admitted()

    assert registrar.get(f"/disputes/{filed.number}/post").status_code == 303
    assert registrar.get(f"/disputes/{answered.number}/post").status_code == 303
    assert f"/disputes/{answered.number}/post" not in registrar.text(f"/disputes/{answered.number}/admission")
    assert buyer.get(f"/disputes/{admitted.number}/post").status_code in (403, 404)
