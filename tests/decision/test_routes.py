"""The pages of the decision: nothing typed is lost, what is read is issued, and an answer is to what was shown."""

from __future__ import annotations

import html
import io
import re

import pytest
from sqlalchemy import delete, func, select
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from odr.database import write_unit
from odr.decision.rules import MOST_FINDINGS
from odr.decision.tables import decision_draft
from odr.disputes.queries import stand
from odr.disputes.records import stream_of
from odr.evidence.service import take_in
from odr.house import House
from odr.kernel import Money, new_pseudonym
from odr.log.tables import payload
from odr.mediation import rules as mediation
from odr.procedure.dispute import Dispute, Phase
from odr.procedure.events import Finding, Term
from tests.builders import ADispute
from tests.disputes.readers import HIDDEN, Reader, text
from tests.doors import token_of

pytestmark = pytest.mark.one_database

NAUGHTY = [
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "%s%n%(x)s",
    "\u202e12",
    "' OR 1=1 --",
    "𝟙𝟚 ٣ 收据 فاتورة",
    "-1",
    "1e9",
    "9" * 5_000,
    "\x00\x07",
    "x" * 30_000,
]


def at(dispute: ADispute, path: str = "") -> str:
    return f"/disputes/{dispute.number}/decision{path}"


def written(**changes: str | list[str]) -> MultiDict[str, str]:
    """A whole decision as typed: in part, refused, and granted."""
    typed: dict[str, str | list[str]] = {
        "granted_0": "part",
        "amount_0": "574,50",
        "granted_1": "none",
        "amount_1": "",
        "granted_2": "full",
        "costs_amount": "10.00",
        "costs_currency": "EUR",
        "perform_days": "20",
        "finding-0-text": "The parcel was lost on its way.",
        "finding-0-cites": ["1", "2"],
        "finding-1-text": "The buyer paid in full.",
        "finding-1-cites": ["0"],
        "finding-2-text": "",
        "text": "Who sends bears the risk of the way.",
        "basis": "buyer_law",
        **changes,
    }
    sent = MultiDict[str, str]()
    for name, value in typed.items():
        for one in value if isinstance(value, list) else [value]:
            sent.add(name, one)
    return sent


def send(mediator: Reader, dispute: ADispute, typed: MultiDict[str, str], act: str = "check") -> TestResponse:
    """Send the form as the page gave it."""
    hidden = mediator.hidden(at(dispute, "/new"))
    return mediator.post(at(dispute, "/new"), MultiDict([*hidden.items(), *typed.items(multi=True), ("act", act)]))


def press(mediator: Reader, dispute: ADispute, page: TestResponse, act: str) -> TestResponse:
    """Press a button of the page on which the decision is checked."""
    return mediator.post(at(dispute, "/new"), MultiDict([*fields_of(page, dispute), ("act", act)]))


def fields_of(page: TestResponse, dispute: ADispute) -> list[tuple[str, str]]:
    body = page.get_data(as_text=True)
    sheet = next(each for each in re.findall(r"<form.*?</form>", body, re.S) if at(dispute, "/new") in each)
    return [(name, html.unescape(value)) for name, value in HIDDEN.findall(sheet)]


def typed_on(page: TestResponse) -> str:
    """Everything that stands in the fields of a page, as typed."""
    body = page.get_data(as_text=True)
    areas = re.findall(r"<textarea[^>]*>\s?(.*?)</textarea>", body, re.S)
    lines = re.findall(r'<input(?=[^>]*class="input)(?=[^>]*value="([^"]*)")', body)
    ticked = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)" checked', body)
    return html.unescape("\n".join([*areas, *lines, *(f"{name}={value}" for name, value in ticked)]))


def drafts(house: House) -> int:
    with house.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(decision_draft)).scalar_one()


def state_of(dispute: ADispute) -> Dispute:
    """The dispute as it stands now, whoever acted."""
    with dispute.house.engine.connect() as connection:
        return stand(connection, dispute.house, dispute.id).dispute


# -- before the decision ------------------------------------------------------------------------------------------


def test_both_sides_give_their_final_words_and_the_file_is_closed(heard, buyer, seller):
    page = f"/disputes/{heard.number}/final-words"
    first = buyer.send(page, {"text": "Look at the last scan."})
    told = seller.read(page)
    second = seller.send(page, {"text": ""})

    assert (first.status_code, second.status_code) == (303, 303)
    assert "With yours the file is closed" in told
    assert state_of(heard).file_closed_at is not None


def test_final_words_that_are_too_long_come_back(heard, buyer):
    long = "x" * 20_001
    answer = buyer.send(f"/disputes/{heard.number}/final-words", {"text": long})

    assert answer.status_code == 422
    assert long in answer.get_data(as_text=True)
    assert state_of(heard).final_words == frozenset()


def test_final_words_sent_twice_are_given_once(heard, buyer):
    page = f"/disputes/{heard.number}/final-words"
    sent = {**buyer.hidden(page), "text": "Once."}
    answers = [buyer.post(page, sent).status_code for _ in range(2)]

    assert answers == [303, 303]
    assert state_of(heard).final_words == {"buyer"}


def test_a_side_asks_for_a_fresh_decider(house, shown, mediator, other_mediator, buyer):
    shown.in_decision(mediator.mediator_id, other_mediator.mediator_id)
    before = state_of(shown).mediator
    told = buyer.read(f"/disputes/{shown.number}/fresh-decider")
    asked = buyer.send(f"/disputes/{shown.number}/fresh-decider")

    assert "learns nothing of what was said or proposed in the mediation" in told
    assert asked.status_code == 303
    after = state_of(shown)
    assert after.fresh_decider and after.mediator != before


# -- writing it ---------------------------------------------------------------------------------------------------


def test_a_decision_is_written_checked_and_issued_as_it_was_read(house, to_decide, mediator, buyer, seller):
    checked = send(mediator, to_decide, written())
    assert checked.status_code == 200
    page = text(checked)
    assert "Not issued yet" in page and "574.50 EUR" in page and "The parcel was lost on its way." in page
    assert state_of(to_decide).decision is None

    issued = press(mediator, to_decide, checked, "issue")

    assert (issued.status_code, issued.location) == (303, at(to_decide))
    decision = state_of(to_decide).decision
    assert decision.terms == (
        Term(0, True, Money(57450, "EUR")),
        Term(1, False, None),
        Term(2, True, None),
    )
    assert decision.costs == Money(1000, "EUR")
    assert (decision.basis, decision.outcome) == ("buyer_law", "partly")
    assert decision.findings == (Finding((1, 2)), Finding((0,)))
    assert drafts(house) == 0
    for reader in (buyer, seller, mediator):
        read = reader.read(at(to_decide))
        for part in ("574.50 EUR", "584.50 EUR", "Granted in part", "Refused", "Evidence 1: tracking.txt",
                     "What both sides say in the filing and the reply", "Who sends bears the risk of the way.",
                     "The law of the buyer’s country", decision.seal):  # fmt: skip
            assert part in read, part


def test_issuing_twice_is_issuing_once(to_decide, mediator):
    checked = send(mediator, to_decide, written())
    answers = [press(mediator, to_decide, checked, "issue") for _ in range(2)]

    assert [(each.status_code, each.location) for each in answers] == [(303, at(to_decide))] * 2
    assert state_of(to_decide).phase is Phase.DECIDED


def test_the_check_goes_back_to_the_form_with_everything(to_decide, mediator):
    checked = send(mediator, to_decide, written())
    back = press(mediator, to_decide, checked, "change")

    assert back.status_code == 200
    typed = typed_on(back)
    for part in ("574,50", "granted_0=part", "granted_1=none", "finding-0-cites=1", "finding-0-cites=2",
                 "finding-1-cites=0", "The buyer paid in full.", "Who sends", "basis=buyer_law", "20"):  # fmt: skip
        assert part in typed, part


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"granted_0": ""}, "Say whether “Full refund” is granted."),
        ({"granted_2": "part"}, "Say whether “Apology or correction” is granted."),
        ({"amount_0": "many"}, "Write the amount in digits"),
        ({"amount_0": ""}, "Write the amount in digits"),
        ({"amount_0": "1149.01"}, "You cannot grant more on an item than is claimed for it"),
        ({"amount_0": "0"}, "The amount must be more than zero."),
        ({"granted_0": "full"}, "Leave the amount empty, or choose “Granted in part”."),
        ({"costs_amount": "1.0055"}, "EUR has at most 2 decimal places."),
        ({"costs_currency": "XXX"}, "Choose a currency from the list."),
        ({"perform_days": "soon"}, "Write a number of days"),
        ({"perform_days": "91"}, "Choose at most 90 days"),
        ({"basis": ""}, "Choose from the list on what the decision rests."),
        ({"basis": "whim"}, "Choose from the list on what the decision rests."),
        ({"text": " "}, "Give your reasons"),
        ({"text": "x" * 20_001}, "The text is too long"),
        ({"finding-0-cites": []}, "Say for each finding on which evidence it rests"),
        ({"finding-0-text": " "}, "Write at least one finding"),
        ({"finding-0-cites": ["7"]}, "A finding names an item that is not in the file."),
        ({"finding-0-cites": ["two"]}, "Say for each finding on which evidence it rests"),
        ({f"finding-{place}-{part}": "" for place in range(2) for part in ("text", "cites")},
         "Write at least one finding"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("act", ["check", "issue"])
def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(
    to_decide, mediator, changes: dict[str, str], sentence: str, act: str
):
    typed = written(**changes)
    answer = send(mediator, to_decide, typed, act)

    assert answer.status_code in (409, 422)
    page = answer.get_data(as_text=True)
    assert sentence in html.unescape(page)
    assert re.search(r'class="error"', page), "the sentence stands beside a field"
    kept = typed_on(answer)
    for name in ("text", "finding-1-text", "amount_0", "costs_amount", "perform_days"):
        assert typed[name].strip("\r\n") in kept, name
    assert state_of(to_decide).decision is None


def test_one_more_finding_is_a_place_more_and_keeps_what_was_typed(to_decide, mediator):
    answer = send(mediator, to_decide, written(), "more")

    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "Finding 4" in page and 'name="finding-3-text"' in page and "There is something to correct" not in page
    assert "The parcel was lost on its way." in page


def test_there_are_places_for_as_many_findings_as_a_decision_holds(to_decide, mediator):
    many = {f"finding-{place}-text": f"Point {place}." for place in range(99)}
    cites = {f"finding-{place}-cites": "0" for place in range(99)}
    answer = send(mediator, to_decide, written(**many, **cites), "more")

    page = answer.get_data(as_text=True)
    assert f"Finding {MOST_FINDINGS}" in page and f"Finding {MOST_FINDINGS + 1}" not in page
    assert "One more finding" not in page


@pytest.mark.parametrize("naughty", NAUGHTY)
def test_whatever_is_typed_comes_back_as_text(to_decide, mediator, naughty: str):
    fields = ("granted_0", "amount_0", "costs_amount", "costs_currency", "perform_days", "basis", "text",
              "finding-0-text", "finding-0-cites", "act", "seen")  # fmt: skip
    for name in fields:
        answer = send(mediator, to_decide, written(**{name: naughty}), "check" if name != "act" else naughty)
        assert answer.status_code in (200, 409, 422), (name, answer.status_code)
        assert "<script>alert(1)" not in answer.get_data(as_text=True)
    assert mediator.client.get(at(to_decide, "/new")).status_code == 200
    assert state_of(to_decide).decision is None


def test_hostile_words_of_a_decision_are_words(to_decide, mediator, buyer):
    hostile = "<script>alert(1)</script> {{ 7 * 7 }} %(x)s"
    checked = send(mediator, to_decide, written(**{"text": hostile, "finding-0-text": hostile}))
    press(mediator, to_decide, checked, "issue")

    page = buyer.client.get(at(to_decide)).get_data(as_text=True)
    assert "<script>alert(1)" not in page
    assert page.count(html.escape(hostile)) == 2


def test_a_late_item_that_was_not_admitted_is_no_ground_for_a_finding(house, shown, mediator, clock):
    shown.in_mediation(mediator.mediator_id)
    shown.act(mediation.request_evidence, shown.mediator, side="seller", days=1, text="The receipt, please.")
    clock.advance(days=5)
    late = io.BytesIO(b"Handed over on 3 January.\n")
    take_in(house, shown.id, shown.seller, key=new_pseudonym(), arriving=late, name="late.txt", about="")
    shown.in_decision().file_closed()
    mediator.sign_in()

    page = mediator.read(at(shown, "/new"))
    forged = send(mediator, shown, written(**{"finding-0-cites": ["3"]}))

    assert "tracking.txt" in page and "late.txt" not in page
    assert "A finding rests on an item that came late and was not admitted." in text(forged)
    assert "The parcel was lost on its way." in forged.get_data(as_text=True)


# -- the draft ----------------------------------------------------------------------------------------------------


def test_what_was_typed_is_there_again_after_going_away(house, to_decide, mediator):
    later = send(mediator, to_decide, written(), "later")
    mediator.sign_in()
    page = typed_on(mediator.client.get(at(to_decide, "/new")))

    assert (later.status_code, later.location) == (303, f"/disputes/{to_decide.number}")
    assert "The parcel was lost on its way." in page and "574,50" in page and "finding-0-cites=2" in page
    with house.engine.connect() as connection:
        sealed = connection.execute(select(decision_draft.c.sealed)).scalar_one()
    assert b"parcel" not in sealed


def test_what_is_being_typed_is_copied_until_the_form_was_sent(to_decide, mediator, clock):
    hidden = mediator.hidden(at(to_decide, "/new"))
    copy = MultiDict([*hidden.items(), *written(text="Half a sen").items(multi=True)])
    first = mediator.post(at(to_decide, "/new/copy"), copy)
    assert (first.status_code, "Half a sen" in typed_on(mediator.client.get(at(to_decide, "/new")))) == (204, True)

    clock.advance(seconds=5)
    send(mediator, to_decide, written(text="A whole sentence."), "later")
    late = mediator.post(at(to_decide, "/new/copy"), copy)

    assert late.status_code == 409
    assert "A whole sentence." in typed_on(mediator.client.get(at(to_decide, "/new")))


@pytest.mark.parametrize("act", ["later", "more", "check"])
def test_words_that_cannot_be_kept_any_more_come_back_with_the_reason(house, to_decide, mediator, act: str):
    sent = MultiDict([*mediator.hidden(at(to_decide, "/new")).items(), *written().items(multi=True), ("act", act)])
    to_decide.act(mediation.challenge_mediator, to_decide.buyer, ground="delay", text="No word for weeks.")

    answer = mediator.post(at(to_decide, "/new"), sent)

    assert answer.status_code == 409
    assert "deciding on a challenge" in answer.text and "The parcel was lost on its way." in typed_on(answer)
    assert drafts(house) == 0


@pytest.mark.parametrize("seen", ["", "x", "-1", "9" * 18, "9" * 40])
def test_a_copy_that_names_no_page_of_ours_is_not_kept(house, to_decide, mediator, seen: str):
    copy = {"csrf_token": token_of(mediator), "text": "Forged.", "seen": seen}

    assert mediator.post(at(to_decide, "/new/copy"), copy).status_code == 409
    assert drafts(house) == 0


def test_what_was_written_over_the_end_of_the_session_comes_back(to_decide, mediator):
    hidden = mediator.hidden(at(to_decide, "/new"))
    mediator.client.delete_cookie("odr")
    answer = mediator.post(at(to_decide, "/new"), MultiDict([*hidden.items(), *written().items(multi=True)]))

    assert answer.status_code == 401
    page = text(answer)
    assert "The parcel was lost on its way." in page and "Who sends bears the risk of the way." in page


# -- who may ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["buyer", "seller", "registrar", "stranger", "other_mediator"])
def test_nobody_but_its_mediator_writes_the_decision(to_decide, mediator, name: str, request: pytest.FixtureRequest):
    reader: Reader = request.getfixturevalue(name)
    sent = MultiDict(
        [("csrf_token", token_of(reader)), ("key", "0" * 32), ("act", "issue"), *written().items(multi=True)]
    )

    assert reader.client.get(at(to_decide, "/new")).status_code == 404
    assert reader.post(at(to_decide, "/new"), sent).status_code == 404
    assert reader.post(at(to_decide, "/new/copy"), sent).status_code == 404
    assert state_of(to_decide).decision is None


@pytest.mark.parametrize("name", ["registrar", "stranger", "other_mediator"])
def test_nobody_but_the_sides_and_the_mediator_reads_it(decided, name: str, request: pytest.FixtureRequest):
    reader: Reader = request.getfixturevalue(name)
    # Also not for who has opened the dispute with a reason.
    decided.opened_to(reader.account_id)

    for path in ("", "/acceptance", "/rejection"):
        assert reader.client.get(at(decided, path)).status_code == 404
        assert "The parcel never came." not in reader.client.get(f"/disputes/{decided.number}").get_data(as_text=True)


def test_who_is_not_signed_in_is_sent_to_sign_in(decided, nobody):
    for path in ("", "/acceptance", "/rejection"):
        assert nobody.client.get(at(decided, path)).location.startswith("/session/new")


def test_before_the_decision_its_page_leads_back_with_the_reason(to_decide, buyer, mediator):
    for path in ("", "/acceptance", "/rejection"):
        answer = buyer.client.get(at(to_decide, path))
        assert (answer.status_code, answer.location) == (303, f"/disputes/{to_decide.number}")


def test_before_the_file_is_closed_nobody_writes_a_decision(heard, mediator):
    page = mediator.client.get(at(heard, "/new"))
    sent = MultiDict([("csrf_token", token_of(mediator)), ("key", "0" * 32), *written().items(multi=True)])
    forced = [mediator.post(at(heard, "/new"), sent | {"act": act}) for act in ("check", "issue")]

    assert (page.status_code, page.location) == (303, f"/disputes/{heard.number}")
    for answer in forced:
        assert answer.status_code == 409
        assert "The decision waits until both sides have given their final words" in text(answer)
        assert "The parcel was lost on its way." in answer.get_data(as_text=True)


def test_the_mediator_cannot_answer_the_own_decision(decided, mediator):
    sent = {"csrf_token": token_of(mediator), "key": "0" * 32, "seen": decided.state.decision.seal}

    for path in ("/acceptance", "/rejection"):
        assert mediator.post(at(decided, path), sent).status_code == 409
    assert state_of(decided).decision.answered_by == frozenset()


# -- answering it -------------------------------------------------------------------------------------------------


def test_both_sides_read_that_they_are_free_before_they_accept(decided, buyer, seller):
    for reader, amount in ((buyer, "The seller pays you 1,161.50 EUR ."), (seller, "You pay the buyer 1,161.50 EUR .")):
        page = reader.read(at(decided, "/acceptance"))
        assert amount in page
        assert "You are free to accept it or not." in page
        assert "A court applies the law alone, and could decide otherwise" in page
        assert "you can still go to a court" in page
        assert "What accepting means" in page


@pytest.mark.parametrize(
    ("terms", "answers", "code", "compliance"),
    [
        ("whole", ("seller+", "buyer+"), "decided_for_buyer:accepted", "due"),
        ("whole", ("seller-", "buyer+"), "decided_for_buyer:not_accepted", "due"),
        ("whole", ("buyer-",), "decided_for_buyer:not_accepted", "none"),
        ("part", ("buyer+", "seller+"), "decided_partly:accepted", "due"),
        ("part", ("seller+", "buyer-"), "decided_partly:not_accepted", "none"),
        ("nothing", ("seller-", "buyer+"), "decided_for_seller:accepted", "none"),
        ("nothing", ("buyer-",), "decided_for_seller:not_accepted", "none"),
    ],
)
def test_the_answers_of_both_sides_lead_to_the_end(
    to_decide, buyer, seller, terms: str, answers: tuple[str, ...], code: str, compliance: str
):
    granted = {"whole": (), "part": _terms(True, False, False), "nothing": _terms(False, False, False)}[terms]
    to_decide.decided(*granted)
    readers = {"buyer": buyer, "seller": seller}

    for answer in answers:
        path = "/acceptance" if answer[-1] == "+" else "/rejection"
        sent = readers[answer[:-1]].send(at(to_decide, path))
        assert (sent.status_code, sent.location) == (303, at(to_decide))

    state = state_of(to_decide)
    assert (state.code, state.compliance) == (code, compliance)
    assert buyer.client.get(at(to_decide)).status_code == 200


def _terms(*granted: bool) -> tuple[Term, ...]:
    amounts = (Money(114900, "EUR"), Money(1250, "EUR"), None)
    return tuple(Term(place, yes, amounts[place] if yes else None) for place, yes in enumerate(granted))


@pytest.mark.parametrize("path", ["/acceptance", "/rejection"])
def test_an_answer_to_what_was_not_shown_is_refused(decided, buyer, path: str):
    changed = buyer.send(at(decided, path), {"seen": "0" * 64})
    broken = buyer.send(at(decided, path), {"seen": "none"})

    assert (changed.status_code, broken.status_code) == (409, 422)
    assert "The decision is not the one you saw." in text(changed)
    assert state_of(decided).decision.answered_by == frozenset()


def test_an_answer_sent_twice_is_one_and_a_second_one_is_refused(decided, buyer):
    sent = buyer.hidden(at(decided, "/acceptance"))
    refusing = buyer.hidden(at(decided, "/rejection"))
    twice = [buyer.post(at(decided, "/acceptance"), sent).status_code for _ in range(2)]
    otherwise = buyer.post(at(decided, "/rejection"), refusing)

    assert twice == [303, 303]
    assert otherwise.status_code == 409
    assert "You already answered this decision." in text(otherwise)
    assert state_of(decided).decision.accepted_by == {"buyer"}


def test_an_answer_after_the_time_is_refused_with_the_reason(decided, buyer, clock):
    sent = buyer.hidden(at(decided, "/acceptance"))
    clock.advance(days=40)
    buyer.sign_in()
    late = buyer.post(at(decided, "/acceptance"), sent)

    assert late.status_code == 409
    assert state_of(decided).code == "decided_for_buyer:not_accepted"


def test_the_time_to_carry_it_out_counts_from_the_end(to_decide, mediator, buyer, seller, clock):
    checked = send(mediator, to_decide, written())
    press(mediator, to_decide, checked, "issue")
    before = [text(checked), seller.read(at(to_decide)), seller.read(at(to_decide, "/acceptance"))]
    clock.advance(days=10)
    for reader in (buyer, seller):
        reader.sign_in()
        reader.send(at(to_decide, "/acceptance"))

    for page in before:
        assert "The seller has 20 days to carry it out. They count from the end of the dispute" in page
    # Accepted on 12 March; the last of 20 days ends when it has ended everywhere.
    assert "The seller carries this out until 2 April 2026, 12:00 UTC" in seller.read(at(to_decide))


def test_a_decision_without_the_seller_says_so(house, mediator, buyer, seller, dispute):
    dispute.seller_silent().in_decision(mediator.mediator_id).file_closed().decided()
    buyer.sign_in()

    assert "The seller did not reply." in buyer.read(at(dispute))


def test_a_decision_whose_words_were_erased_still_reads(house: House, decided, buyer):
    version = decided.state.decision.version
    erased = delete(payload).where(payload.c.stream == stream_of(decided.id), payload.c.ver == version)
    write_unit(house.engine, lambda connection: connection.execute(erased))

    page = buyer.read(at(decided))
    assert "The words of the reasons are gone." in page and "1,161.50 EUR" in page


# -- printing -----------------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_the_decision_prints_whole_and_without_buttons(page, address, decided, buyer):
    cookie = buyer.client.get_cookie("odr")
    page.context.add_cookies([{"name": "odr", "value": cookie.value, "url": address}])
    page.goto(address + at(decided))
    page.emulate_media(media="print")

    assert page.locator("article.document h1").is_visible()
    assert page.locator("article.document .digest").is_visible()
    assert page.get_by_text("The parcel never came.").is_visible()
    assert not page.get_by_role("link", name="Read and accept").is_visible()
    assert not page.locator(".masthead .rooms").is_visible()
