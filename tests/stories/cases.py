"""The six disputes of the sample scenarios, each told from its filing to the last word on what came of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from odr.compliance import rules as compliance
from odr.decision import rules as decision
from odr.evidence import rules as evidence
from odr.filing import rules as filing
from odr.kernel import Money, Refused, moment
from odr.mediation import rules as mediation
from odr.negotiation import rules as negotiation
from odr.procedure import rules as procedure
from odr.procedure.access import acts_of
from odr.procedure.dispute import Phase
from odr.procedure.events import ClaimItem, Finding
from odr.response import rules as response
from tests.stories.teller import Case, a_mediator


def refund(amount: str, currency: str) -> tuple[ClaimItem, ...]:
    return (ClaimItem("refund", Money.parse(amount, currency)),)


def parcel_never_arrived(app, clock, shared) -> Case:
    """Case 1: two bicycle lights that never came, settled on the second offer."""
    case = Case(
        app, clock, shared,
        name="1", filed="2026-03-27T10:00", buyer=("DE", "de"), seller=("CN", "zh_Hans"), category="not_delivered",
        claim=refund("48.90", "EUR"), paid=Money.parse("48.90", "EUR"),
        narrative="Zwei Fahrradlichter sind nie angekommen. Laut Verfolgung haben sie China nie verlassen.",
    )  # fmt: skip
    case.hand_in(case.buyer, "pdfkit.pdf", "Bestellbestätigung.pdf")
    case.hand_in(case.buyer, "screenshot.png", "Sendungsverfolgung.png", "Letzter Scan: left origin country")
    case.on(0, 15).act(filing.admit_filing, case.registrar)

    case.on(4).act(response.give_reply, case.seller, choice="contest", text="包裹已经出口报关，请再等几天。")
    case.hand_in(case.seller, "google-doc.pdf", "报关单 2026-03-30.pdf", "海关文件")
    case.on(5).offers(case.seller, "24.45")
    case.on(6).rejects(case.buyer)
    case.on(7).offers(case.seller, "48.90")
    case.on(9).accepted(case.buyer)
    case.signed()

    case.on(12).performed()
    case.on(14).confirmed()
    case.act(compliance.rate_procedure, case.buyer, score=4)
    return case


def laptop_defective(app, clock, shared) -> Case:
    """Case 2: a laptop that failed within the guarantee; mediated, and decided for the buyer."""
    case = Case(
        app, clock, shared,
        name="2", filed="2026-01-12T09:00", buyer=("IT", "it"), seller=("BE", "fr"), category="defective",
        claim=refund("1149.00", "EUR"), paid=Money.parse("1149.00", "EUR"),
        narrative="Il portatile si spegne da solo dopo quattro mesi. Il venditore parla di danni da liquido.",
    )  # fmt: skip
    a_mediator(case.house, "PT", "pt", "it")
    case.hand_in(case.buyer, "gps_DSCN0010.jpg", "portatile.jpg")
    case.hand_in(case.buyer, "orientation_portrait_6.jpg", "schermo.jpg")
    case.hand_in(case.buyer, "minimal-document.pdf", "rapporto del laboratorio.pdf")
    case.hand_in(case.buyer, "Canon_40D.jpg", "garanzia.jpg")
    case.act(filing.admit_filing, case.registrar)

    case.on(5).act(response.give_reply, case.seller, choice="contest", text="Dommage causé par un liquide.")
    case.hand_in(case.seller, "form.pdf", "formulaire de retour.pdf")
    case.on(6).offers(case.seller, "200.00")
    case.on(7).offers(case.buyer, "1149.00")
    case.on(8).rejects(case.seller)
    for side in (case.buyer, case.seller):
        case.on(15).act(evidence.complete_evidence, side)

    # Nobody agrees: the negotiation runs out by itself, and the worker draws.
    case.on(27)
    assert case.state.phase is Phase.ASSIGNMENT and case.state.mediator
    case.accepts_the_appointment().on(28).nobody_objects()
    case.on(29).act(
        mediation.request_evidence, case.mediator, side="seller", days=5, text="Please send the photos of the intake."
    )
    # One hour late.
    case.at(moment(case.state.requests[0].due) + timedelta(hours=1))
    case.hand_in(case.seller, "mobile_jolla.jpg", "photo de réception.jpg")
    case.on(35).act(
        mediation.admit_late_evidence, case.mediator, item=6, text="One hour late, and the buyer loses no time by it."
    )
    case.on(37).act(mediation.close_mediation, case.mediator)
    case.on(43).on(44)

    case.on(58, 10).act(
        decision.issue_decision,
        case.mediator,
        terms=case.award("1149.00"),
        costs=Money.parse("38.50", "EUR"),
        basis="buyer_law",
        findings=(Finding((1, 2, 3)), Finding((4, 6))),
        texts={
            "reasons": "The price is paid back against return of the laptop; the seller bears the cost of the return.",
            "finding_1": "The laboratory found no trace of liquid.",
            "finding_2": "The guarantee ran, and the intake photos show a dry device.",
        },
    )
    case.on(60).act(decision.accept_decision, case.buyer, seen=case.state.decision.seal)
    case.on(61).act(decision.accept_decision, case.seller, seen=case.state.decision.seal)
    case.on(66).performed()
    case.on(66, 18).confirmed()
    return case


def refund_promised(app, clock, shared) -> Case:
    """Case 3: a refund that was promised and not paid, in two currencies."""
    case = Case(
        app, clock, shared,
        name="3", filed="2026-04-13T13:00", buyer=("BR", "pt"), seller=("US", "en"), category="refund_not_paid",
        claim=refund("1320.55", "BRL"), paid=Money.parse("1320.55", "BRL"),
        narrative="O reembolso foi prometido em fevereiro e nunca foi pago.",
    )  # fmt: skip
    case.act(filing.admit_filing, case.registrar)

    case.on(1).act(
        response.give_reply,
        case.seller,
        choice="offer",
        terms=case.award("249.99", "USD"),
        text="We charged 249.99 USD.",
    )
    case.on(1, 16).offers(case.buyer, "1320.55", "BRL")
    case.on(2, 10).offers(case.seller, "264.99", "USD")
    case.on(2, 18).accepted(case.buyer)
    case.signed()

    case.on(12).performed()
    case.on(13).confirmed()
    case.act(compliance.rate_procedure, case.buyer, score=3)
    return case


def seller_never_answers(app, clock, shared) -> Case:
    """Case 4: nobody answers for the seller; decided by default."""
    case = Case(
        app, clock, shared,
        name="4", filed="2026-02-02T14:00", buyer=("CL", "es"), seller=("HK", "zh_Hans"), category="not_delivered",
        claim=refund("72990", "CLP"), paid=Money.parse("72990", "CLP"), seller_signed_up=False,
        narrative="El pedido nunca llegó y nadie responde.",
    )  # fmt: skip
    a_mediator(case.house, "AR", "es")
    case.act(filing.admit_filing, case.registrar)

    # Invited, reminded, called a last time; then the default, each at its own instant.
    case.on(20)
    assert case.state.phase is Phase.AWAITING_RESPONSE
    case.on(25)
    assert case.state.phase is Phase.DEFAULT_TRACK
    case.hand_in(case.buyer, "scan-like-grayscale.pdf", "pedido.pdf")
    case.on(29).act(evidence.complete_evidence, case.buyer)
    case.on(30).accepts_the_appointment().nobody_objects(case.buyer)
    case.on(36).act(decision.give_final_words, case.buyer)

    case.on(51).decided(
        findings=(Finding((1,)),),
        texts={"reasons": "Nothing shows that the parcel was ever sent.", "finding_1": "The order was paid."},
    )
    case.on(52).act(decision.accept_decision, case.buyer, seen=case.state.decision.seal)
    case.on(60).seller_comes()
    case.open_to_late_seller = acts_of(case.state, case.seller, case.clock.at)
    case.to_the_end()
    return case


def rug_by_machine(app, clock, shared) -> Case:
    """Case 5: a rug that was said to be knotted by hand; both are half right, and the seller walks away."""
    case = Case(
        app, clock, shared,
        name="5", filed="2026-05-04T08:00", buyer=("FR", "fr"), seller=("TR", "tr"), category="not_as_described",
        claim=refund("640.00", "EUR"), paid=Money.parse("640.00", "EUR"), seller_name="Örnek Halı",
        narrative="Le tapis était vendu comme noué à la main. Il est fait à la machine.",
    )  # fmt: skip
    a_mediator(case.house, "FR", "fr")
    for number, photo in enumerate(("mobile_jolla.jpg", "orientation_landscape_8.jpg", "xmp_no_exif.jpg"), 1):
        case.hand_in(case.buyer, photo, f"tapis {number}.jpg")
    case.act(filing.admit_filing, case.registrar)

    case.on(3).act(response.give_reply, case.seller, choice="contest", text="Halı el dokumasıdır.")
    chat = "14:02 Alıcı: C'est fait à la main ? 🙏\n14:05 Örnek Halı: Evet, tabii 👍\n".encode()
    case.hand_in_bytes(case.buyer, chat, "conversation.txt", "Avec des émojis 🧶")
    case.hand_in(case.buyer, "password-protected.pdf", "expertise.pdf")
    for side in (case.buyer, case.seller):
        case.on(4).act(evidence.complete_evidence, side)
    for day, side, amount in (
        (5, case.seller, "100.00"),
        (6, case.buyer, "640.00"),
        (7, case.seller, "250.00"),
        (7, case.buyer, "500.00"),
        (8, case.seller, "300.00"),
        (8, case.buyer, "450.00"),
    ):
        case.on(day, 12 + 4 * (side == case.buyer)).offers(side, amount)
    case.on(9).act(negotiation.leave_negotiation, case.seller)

    case.on(10).accepts_the_appointment().on(11).nobody_objects()
    case.act(
        mediation.request_evidence, case.mediator, side="buyer", days=5,
        text="The expert note asks for a password. Please send a copy that can be read.",
    )  # fmt: skip
    case.on(13).hand_in(case.buyer, "minimal-document.pdf", "expertise lisible.pdf")
    case.on(20).act(mediation.close_mediation, case.mediator)
    case.on(21).act(decision.give_final_words, case.buyer, text="L'expertise est claire.")

    case.on(40).act(
        decision.issue_decision,
        case.mediator,
        terms=case.award("380.00"),
        basis="equity",
        findings=(Finding((1, 2, 3, 6)), Finding((4,))),
        texts={
            "reasons": "The buyer keeps the rug and gets a part of the price back.",
            "finding_1": "The rug is made by machine.",
            "finding_2": "The chat leaves open what was asked about.",
        },
    )
    case.on(42).act(decision.accept_decision, case.buyer, seen=case.state.decision.seal)
    # The seller says nothing: thirty days to accept, then the buyer is asked, then the time to make good.
    while case.state.compliance != "due" or case.state.running_clock.step != "confirmation":
        case.at(moment(case.next_due))
    case.act(compliance.deny_performance, case.buyer, text="Rien n'est arrivé.")
    case.to_the_end()
    case.act(compliance.rate_procedure, case.buyer, score=3)
    case.act(compliance.rate_procedure, case.seller, score=2)
    return case


def claim_refused(app, clock, shared) -> Case:
    """Case 6: a parcel that was delivered, as it turns out; the claim is refused."""
    case = Case(
        app, clock, shared,
        name="6", filed="2026-06-01T16:00", buyer=("US", "en"), seller=("GB", "en"), category="not_delivered",
        claim=refund("89.00", "GBP"), paid=Money.parse("89.00", "GBP"),
        narrative="Nothing came.",
    )  # fmt: skip
    a_mediator(case.house, "IE", "en")
    case.act(filing.admit_filing, case.registrar)

    case.on(5).act(response.give_reply, case.seller, choice="contest", text="The carrier has her signature.")
    case.hand_in(case.seller, "scan-like-grayscale.pdf", "signature.pdf")
    case.hand_in(case.seller, "exif_zero_length_string.jpg", "porch.jpg", "The porch, with the time beside it")
    page = b"<!DOCTYPE html>\n<html><body><h1>Police report</h1><script>alert(1)</script></body></html>"
    with pytest.raises(Refused, match="file_web_page_refused"):
        case.hand_in_bytes(case.buyer, page, "police_report.pdf")
    for side in (case.buyer, case.seller):
        case.on(8).act(evidence.complete_evidence, side)
    case.on(9).act(negotiation.leave_negotiation, case.buyer)

    case.on(10).accepts_the_appointment().on(11).nobody_objects()
    case.on(12).act(
        mediation.request_evidence, case.mediator, side="buyer", days=10, text="Who else lives in your house?"
    )
    # She does not answer; the mediation, given more time for it, is closed.
    case.on(20).act(procedure.grant_extension, case.mediator, text="The buyer has until the 23rd.")
    case.on(25).act(mediation.close_mediation, case.mediator)

    case.on(44).act(
        decision.issue_decision,
        case.mediator,
        terms=case.award(None),
        basis="contract",
        findings=(Finding((1, 2)),),
        texts={"reasons": "It was delivered.", "finding_1": "The signature and the photo were not answered."},
    )
    case.on(45).act(decision.reject_decision, case.buyer, seen=case.state.decision.seal)
    case.act(compliance.rate_procedure, case.buyer, score=1)
    return case


SIX = (parcel_never_arrived, laptop_defective, refund_promised, seller_never_answers, rug_by_machine, claim_refused)
