"""One sentence for each fact, refusal, phase and ending: the same words on pages and in mails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask_babel import lazy_gettext as _

from odr.kernel import Money, Refused

PHASES = {
    "unfiled": _("Draft"),
    "screening": _("Admission check"),
    "needs_information": _("More information needed"),
    "refused": _("Not admitted"),
    "awaiting_response": _("Waiting for the seller’s reply"),
    "evidence": _("Exchange of evidence"),
    "negotiation": _("Negotiation"),
    "assignment": _("Appointment of a mediator"),
    "mediation": _("Mediation"),
    "default_track": _("Decision without the seller"),
    "decision": _("Decision"),
    "decided": _("Decided; to be accepted or rejected"),
    "settled": _("Agreement to be signed"),
    "closed": _("Closed"),
}

GROUNDS = {
    "seller_not_contacted": _("The seller was not contacted first"),
    "frivolous": _("The claim is frivolous or vexatious"),
    "dealt_with_elsewhere": _("Another body or a court deals or dealt with it"),
    "value_outside_limits": _("The value is outside the limits"),
    "late": _("More than a year has passed since the complaint to the seller"),
    "impairs_operation": _("It is too complex to be handled here, or concerns injury or a crime"),
    "outside_scope": _("It is not an online or cross-border purchase"),
    "party_not_identifiable": _("A party cannot be identified"),
}

CLOSINGS = {
    "withdrawn": _("Withdrawn by the buyer"),
    "incomplete": _("Closed as incomplete"),
    "declined": _("The seller declined the procedure"),
    "accepted_in_full": _("The seller accepted the claim in full"),
    "settled_negotiation": _("Settled in negotiation"),
    "settled_direct": _("Settled directly between the parties"),
    "settled_mediation": _("Settled in mediation"),
    "not_served": _("Closed because no notice could be delivered to the seller"),
    "moved_to_court": _("Closed because a court has the dispute now"),
    "out_of_hands": _("Closed because it is dealt with elsewhere"),
    **{
        "decided_for_buyer:accepted": _("Decided: the claim is granted in full. The decision is accepted"),
        "decided_for_buyer:not_accepted": _("Decided: the claim is granted in full. The decision is not accepted"),
        "decided_partly:accepted": _("Decided: the claim is granted in part. The decision is accepted"),
        "decided_partly:not_accepted": _("Decided: the claim is granted in part. The decision is not accepted"),
        "decided_for_seller:accepted": _("Decided: the claim is not granted. The decision is accepted"),
        "decided_for_seller:not_accepted": _("Decided: the claim is not granted. The decision is not accepted"),
        "refused:seller_not_contacted": _("Not admitted: the seller was not contacted first"),
        "refused:frivolous": _("Not admitted: frivolous or vexatious"),
        "refused:dealt_with_elsewhere": _("Not admitted: dealt with by another body or a court"),
        "refused:value_outside_limits": _("Not admitted: the value is outside the limits"),
        "refused:late": _("Not admitted: filed too late"),
        "refused:impairs_operation": _("Not admitted: too complex for this procedure"),
        "refused:outside_scope": _("Not admitted: outside the scope of this procedure"),
        "refused:party_not_identifiable": _("Not admitted: a party cannot be identified"),
    },
}

# What became of what was promised or granted: the second field beside the outcome.
COMPLIANCE = {
    "none": _("Nothing is to be carried out"),
    "due": _("To be carried out"),
    "performed": _("Carried out, as the seller says"),
    "disputed": _("Not carried out, as the buyer says"),
    "checking": _("The proof is being checked"),
    "honoured": _("Honoured in time"),
    "late": _("Honoured late"),
    "not_honoured": _("Not honoured"),
    "unknown": _("Unknown whether it was honoured"),
}

OUTCOMES = {
    "for_buyer": _("The claim is granted in full"),
    "partly": _("The claim is granted in part"),
    "for_seller": _("The claim is not granted"),
}

# On what a decision rests.
BASES = {
    "buyer_law": _("The law of the buyer’s country"),
    "contract": _("The contract between the buyer and the seller"),
    "equity": _("What is fair between both sides"),
}

# What a mediator declares on accepting an appointment, in the mediator's own words.
CREDENTIALS = {
    "mediation": _("Training in mediation"),
    "consumer_law": _("Knowledge of consumer law"),
    "language": _("Knowledge of a language"),
    "insurance": _("Insurance against claims for damages"),
}

DECLARATIONS = {
    "no_tie": _("I have had no family, friendship or business with either side in the last five years."),
    "no_money": _("Nothing that I own or earn depends on how this dispute ends."),
    "no_contact": _("I have not spoken with either side about this dispute."),
    "no_prejudgment": _("I have neither formed nor published a view on who is right in it."),
}

CHALLENGE_GROUNDS = {
    "tie": _("The mediator has a tie to one side"),
    "money": _("The outcome means money to the mediator"),
    "prior_contact": _("The mediator was in contact with one side about it before"),
    "prejudgment": _("The mediator took a view before hearing both sides"),
    "delay": _("The mediator lets the dispute lie"),
    "language": _("The mediator does not know the language of the dispute well enough"),
}

# Why a mediator left a dispute.
RELEASES = {
    "declined": _("Declined the appointment"),
    "missed": _("Did not answer in time"),
    "objection": _("A side objected"),
    "challenge": _("A challenge was upheld"),
    "resigned": _("Resigned"),
    "late": _("The decision did not come in time"),
    "fresh_decider": _("A side asked for somebody else to decide"),
}

SUSPENSION_GROUNDS = {
    "joint_request": _("Both sides asked for it"),
    "parallel_payment": _("A payment dispute runs beside it, such as a chargeback"),
    "missing_document": _("An important document is missing"),
    "incapacity": _("One side cannot act, for example through illness or a death"),
    "notice_returned": _("Mail to one side came back"),
}

HOLD_GROUNDS = {
    "court_proceedings": _("A court needs them, or will: proceedings run or are announced"),
    "authority": _("An authority demands that they be kept"),
    "complaint": _("A complaint about this house is being looked into"),
}

HANDOVERS = {
    "moved_to_court": _("A court has the dispute now"),
    "out_of_hands": _("Another body deals with it, or it is also filed here under another number"),
}

CATEGORIES = {
    "not_delivered": _("It never arrived"),
    "late": _("It arrived too late"),
    "not_as_described": _("It is not as described"),
    "defective": _("It is broken or does not work"),
    "wrong_item": _("I received the wrong item"),
    "incomplete": _("Something is missing"),
    "refund_not_paid": _("A promised refund was not paid"),
    "cancelled": _("A cancellation was not accepted"),
    "charged_wrongly": _("I was charged too much or twice"),
    "guarantee": _("The guarantee was not honoured"),
    "other": _("Something else"),
}

REMEDIES = {
    "refund": _("Full refund"),
    "part_refund": _("Part of the price back"),
    "replacement": _("Replacement"),
    "repair": _("Repair"),
    "delivery": _("Delivery of what was ordered"),
    "cancellation": _("Cancellation of the contract"),
    "costs": _("Costs, such as return postage"),
    "apology": _("Apology or correction"),
    "other": _("Something else"),
}

TOPICS = {
    "order": _("The order: number, date or price"),
    "seller_contact": _("How the seller can be reached"),
    "claim": _("What exactly you ask for"),
    "story": _("What happened, and when"),
    "first_contact": _("Your first contact with the seller"),
    "evidence": _("Papers or pictures that show it"),
}

REPLIES = {
    "accept_all": _("I accept the claim in full"),
    "offer": _("I make an offer"),
    "contest": _("I contest the claim"),
    "object": _("This dispute does not belong here"),
    "decline": _("I decline to take part"),
}

OFFER_STATES = {
    "open": _("Open"),
    "replaced": _("Replaced"),
    "withdrawn": _("Withdrawn"),
    "rejected": _("Rejected"),
    "lapsed": _("Ended without an answer"),
    "accepted": _("Accepted"),
    "ended": _("Ended with the negotiation"),
}

PROPOSAL_STATES = {
    "open": _("Open"),
    "replaced": _("Replaced"),
    "rejected": _("Rejected"),
    "accepted": _("Accepted"),
    "ended": _("Ended with the mediation"),
}

# What readers should know about a file of evidence before they open it.
NOTES = {
    "locked": _("This PDF opens with a password only. Ask the side that sent it."),
    "script": _("This PDF holds a script. Open it in a program that runs none."),
    "launch": _("This PDF asks to start another program. Do not allow it."),
    "attachment": _("Another file is attached inside this PDF."),
    "late": _("This came after its time. It counts only if the mediator admits it."),
}

SIDES = {
    "buyer": _("Buyer"),
    "seller": _("Seller"),
    "mediator": _("Mediator"),
    "registrar": _("Registrar"),
    "system": _("Evenhand"),
}

# Whoever acts for a side in its name, as the docket says it.
BY_REPRESENTATIVE = {
    "buyer": _("Buyer, by a representative"),
    "seller": _("Seller, by a representative"),
}

# What a mandate covers, each with all before it.
SCOPES = {
    "read": _("Read"),
    "speak": _("Read and speak"),
    "bind": _("Read, speak and bind"),
}

# The same for whoever acts on it.
COVERED = {
    "buyer": {
        "read": _("You can read all that the buyer can read, and do nothing for the buyer."),
        "speak": _(
            "You can read all that the buyer can read. You can also write, add evidence and ask for time for the "
            "buyer, but promise nothing."
        ),
        "bind": _(
            "You can do all that the buyer can do but name representatives. What you agree to, sign or end binds the "
            "buyer."
        ),
    },
    "seller": {
        "read": _("You can read all that the seller can read, and do nothing for the seller."),
        "speak": _(
            "You can read all that the seller can read. You can also write, add evidence and ask for time for the "
            "seller, but promise nothing."
        ),
        "bind": _(
            "You can do all that the seller can do but name representatives. What you agree to, sign or end binds the "
            "seller."
        ),
    },
}

# The name of each step that has a time limit.
STEPS = {
    "screening": _("Admission check"),
    "screening_last": _("Admission check, once late"),
    "information": _("Completing the filing"),
    "review": _("Asking for a review of a refusal"),
    "reply": _("Reply to the claim"),
    "scope": _("Decision on an objection to the dispute"),
    "last_call": _("Last call to reply"),
    "address": _("Finding another address of the seller"),
    "default": _("Showing what happened, without the seller"),
    "evidence": _("Exchange of evidence"),
    "rebuttal": _("Answering what came in late"),
    "negotiation": _("Negotiation"),
    "sign": _("Signing an agreement"),
    "draw": _("Draw of a mediator"),
    "draw_late": _("Draw of a mediator, once late"),
    "appointment": _("Acceptance by the mediator"),
    "objection": _("Objection to the mediator"),
    "challenge": _("Decision on a challenge of the mediator"),
    "mediation": _("Mediation"),
    "final_words": _("Final words"),
    "decision": _("Decision"),
    "decision_late": _("Decision, once late"),
    "acceptance": _("Accepting or rejecting the decision"),
    "performance": _("Carrying it out"),
    "confirmation": _("Saying whether it was carried out"),
    "cure": _("Making it good"),
    "proof": _("Check of the proof"),
}
HOLDERS = {
    "buyer": _("The buyer"),
    "seller": _("The seller"),
    "both": _("Both sides"),
    "mediator": _("The mediator"),
    "registrar": _("The registrar"),
    "platform": _("Evenhand"),
}

# The act that is expected of the holder of each step's time, and what happens when the time runs out.
EXPECTED = {
    "screening": _("The registrar checks whether the dispute can be admitted."),
    "screening_last": _("The registrar is late with the admission check; this is counted and published."),
    "information": _("The buyer completes the filing."),
    "review": _("The buyer may ask another registrar to review the refusal."),
    "reply": _("The seller replies to the claim."),
    "scope": _("The registrar decides on the seller’s objection."),
    "last_call": _("Last call: the seller can still reply."),
    "evidence": _("Both sides add evidence, and say when their file is complete."),
    "rebuttal": _("Both sides may answer the evidence that came in late."),
    "negotiation": _("Both sides may make offers and answer them."),
    "sign": _("Both sides sign the agreement."),
    "address": _("Mail to the seller came back. The buyer names another address of the seller."),
    "default": _("The buyer shows what happened. The seller can still take part and show evidence."),
    "draw": _("A mediator is drawn by lot from the roster."),
    "draw_late": _("Nobody could be drawn in time. The registrar sees to the roster."),
    "appointment": _("The mediator who was drawn accepts or declines."),
    "objection": _("Each side may object to the mediator once, without a reason, or say that it has no objection."),
    "challenge": _("The registrar decides on the challenge of the mediator."),
    "mediation": _("The mediator helps both sides to agree, and may propose a settlement."),
    "final_words": _("Both sides may say their final words."),
    "decision": _("The mediator decides on the file, in writing and with reasons."),
    "decision_late": _("The decision is late; this is counted and published. The mediator can still issue it."),
    "acceptance": _("Both sides accept or reject the decision."),
    "performance": _("The seller carries out what was agreed or decided."),
    "confirmation": _("The buyer says whether it was carried out."),
    "cure": _("The buyer says that it was not carried out. The seller can still make it good."),
    "proof": _("The registrar checks whether the seller’s papers show that it was carried out."),
}
ON_EXPIRY = {
    "screening": _("After that the dispute goes to the head registrar, and the delay is counted."),
    "screening_last": _("After that the delay is counted once more; the admission check goes on."),
    "information": _("After that the dispute is closed as incomplete. It can be filed again at no cost."),
    "review": _("After that the refusal stands and the dispute is closed."),
    "reply": _("After that a last call goes out, and then a mediator decides on the papers."),
    "scope": _("After that the objection falls, and the seller’s time to reply begins anew."),
    "last_call": _("After that a mediator decides on the papers, without the seller’s reply."),
    "evidence": _("After that the negotiation begins with the evidence there is."),
    "rebuttal": _("After that the dispute goes on with the evidence there is."),
    "negotiation": _("After that a mediator is appointed."),
    "sign": _("After that the dispute closes all the same: the acceptance already binds both sides."),
    "address": _(
        "After that the dispute closes without a decision, because nobody decides against a seller who was never "
        "reached. It can be filed again at no cost."
    ),
    "default": _("After that somebody is drawn who decides on the papers there are."),
    "draw": _("After that the delay is counted, and a registrar is asked to see to the roster."),
    "draw_late": _("After that the delay is counted once more; the draw takes place as soon as it can."),
    "appointment": _("After that the next mediator of the same draw is asked."),
    "objection": _("After that the mediator begins."),
    "challenge": _("After that the delay is counted and a new last day is set. The dispute goes on meanwhile."),
    "mediation": _("After that the mediation ends without an agreement, and both sides say their final words."),
    "final_words": _("After that the file is closed, and the mediator decides on what is in it."),
    "decision": _("After that the delay is counted, and a last time to decide begins."),
    "decision_late": _("After that the next mediator of the same draw takes over."),
    "acceptance": _("After that the dispute closes. Silence is never taken as consent."),
    "performance": _("After that the buyer is asked whether it was carried out."),
    "confirmation": _("After that it is recorded as unknown whether it was carried out."),
    "cure": _("After that it is recorded that it was not honoured."),
    "proof": _("After that it is recorded as unknown whether it was carried out."),
}
# Where a dispute stands, for who reads that it moved there, and while no time runs.
WAITING = {
    "screening": _("The registrar checks whether the dispute can be admitted."),
    "needs_information": _("The filing is being completed by the buyer."),
    "refused": _("The dispute was not admitted; another registrar can be asked to review that."),
    "awaiting_response": _("The seller is asked to reply to the claim."),
    "evidence": _("Both sides show their evidence."),
    "negotiation": _("Both sides try to agree by making offers."),
    "assignment": _("A mediator is drawn by lot and asked to accept. After that each side may object once."),
    "mediation": _("The mediator helps both sides to agree."),
    "default_track": _(
        "The seller never replied. The buyer shows what happened, and a mediator decides on the papers."
    ),
    "decision": _("A mediator decides, after both sides have said their final words."),
    "decided": _("The decision is made. Both sides are asked to accept or reject it."),
    "settled": _("Both sides agreed and are asked to sign."),
    "closed": _("The dispute is over. What was agreed or decided is followed until it is carried out."),
    "suspended": _("All time stands still. Nothing is expected of either side until it goes on."),
}

_FACTS: dict[str, Any] = {
    "dispute_filed": _("The buyer filed the dispute."),
    "information_asked": _("The registrar asked the buyer to complete the filing."),
    "information_given": _("The buyer completed the filing."),
    "filing_admitted": _("The registrar admitted the dispute; the notice goes to the seller."),
    "filing_refused": _("The registrar did not admit the dispute."),
    "refusal_review_asked": _("The buyer asked another registrar to review the refusal."),
    "admission_overdue": _("The time for the admission check ran out; the delay is counted."),
    "seller_joined": {
        "invitation_link": _("Somebody acting for the seller came by the invitation."),
        "claimed_profile": _("Somebody acting for the seller came, who has shown to run the domain of its address."),
    },
    "order_proven": {"seller": _("The seller confirmed that this is an order of theirs.")},
    "reply_given": {
        "accept_all": _("The seller accepted the claim in full."),
        "offer": _("The seller replied and wants to make an offer."),
        "contest": _("The seller replied and contests the claim."),
        "object": _("The seller objected that the dispute does not belong here."),
        "decline": _("The seller declined to take part in the procedure."),
    },
    "scope_objection_dismissed": _("The seller’s objection was dismissed; the time to reply begins anew."),
    "last_call_made": _("The seller’s time to reply ran out; a last call went to the seller."),
    "seller_silent": _("The seller never replied; the dispute will be decided on the papers."),
    "default_track_ended": _("The time to show what happened ended; somebody is drawn to decide on the papers."),
    "notice_sent": {
        "buyer": _("A notice was sent to the buyer."),
        "seller": _("A notice was sent to the seller."),
    },
    "notice_returned": {
        "buyer": _("Mail to the buyer came back."),
        "seller": _("Mail to the seller came back."),
    },
    "address_given": _("The buyer named another address of the seller; the notice goes out again."),
    "evidence_added": {
        "buyer": _("The buyer added evidence, item %(item)s."),
        "seller": _("The seller added evidence, item %(item)s."),
    },
    "upload_refused": {
        "buyer": _("A file from the buyer was turned away."),
        "seller": _("A file from the seller was turned away."),
    },
    "evidence_completed": {
        "buyer": _("The buyer said that the buyer’s file is complete."),
        "seller": _("The seller said that the seller’s file is complete."),
    },
    "rebuttal_opened": _("Evidence came in late; both sides have more time to answer it."),
    "negotiation_opened": _("The exchange of evidence ended; the negotiation began."),
    "message_sent": {"buyer": _("The buyer wrote a message."), "seller": _("The seller wrote a message.")},
    "walled_message_sent": {
        "buyer": _("The buyer wrote a message within the negotiation."),
        "seller": _("The seller wrote a message within the negotiation."),
    },
    "offer_made": {
        "buyer": _("The buyer made offer %(place)s."),
        "seller": _("The seller made offer %(place)s."),
    },
    "offer_withdrawn": {
        "buyer": _("The buyer withdrew offer %(place)s."),
        "seller": _("The seller withdrew offer %(place)s."),
    },
    "offer_rejected": {
        "buyer": _("The buyer rejected offer %(place)s."),
        "seller": _("The seller rejected offer %(place)s."),
    },
    "offer_lapsed": _("Offer %(place)s ended without an answer."),
    "offer_accepted": {
        "buyer": _("The buyer accepted offer %(place)s."),
        "seller": _("The seller accepted offer %(place)s."),
    },
    "negotiation_ended": {
        "buyer": _("The buyer left the negotiation."),
        "seller": _("The seller left the negotiation."),
        "clock": _("The time for negotiation ended without an agreement."),
    },
    "pool_committed": _("It was fixed from which mediators one will be drawn."),
    "mediator_drawn": _("A mediator was drawn by lot."),
    "draw_overdue": _("No mediator could be drawn in time; the delay is counted."),
    "mediator_accepted": _("The mediator accepted and declared to be independent of both sides."),
    "mediator_released": {
        "declined": _("The mediator declined the appointment."),
        "missed": _("The mediator did not answer in time and was released."),
        "objection": {
            "buyer": _("The buyer objected to the mediator, who left the dispute."),
            "seller": _("The seller objected to the mediator, who left the dispute."),
        },
        "challenge": {
            "buyer": _("After the buyer’s challenge the mediator left the dispute."),
            "seller": _("After the seller’s challenge the mediator left the dispute."),
        },
        "resigned": _("The mediator resigned."),
        "late": _("The decision did not come in time; the mediator was released."),
        "fresh_decider": {
            "buyer": _("The buyer asked that somebody else decides; the mediator left the dispute."),
            "seller": _("The seller asked that somebody else decides; the mediator left the dispute."),
        },
    },
    "objection_waived": {
        "buyer": _("The buyer has no objection to the mediator."),
        "seller": _("The seller has no objection to the mediator."),
    },
    "challenge_made": {
        "buyer": _("The buyer challenged the mediator; a registrar decides on it."),
        "seller": _("The seller challenged the mediator; a registrar decides on it."),
    },
    "challenge_overdue": _("The challenge was not decided in time; the delay is counted."),
    "challenge_decided": {
        True: _("The registrar upheld the challenge."),
        False: _("The registrar dismissed the challenge; the mediator stays."),
    },
    "mediation_opened": _("The mediation began."),
    "mediation_message_sent": {
        "buyer": _("The buyer wrote a message within the mediation."),
        "seller": _("The seller wrote a message within the mediation."),
        "mediator": _("The mediator wrote a message to both sides."),
    },
    "evidence_requested": {
        "buyer": _("The mediator asked the buyer for evidence."),
        "seller": _("The mediator asked the seller for evidence."),
    },
    "late_evidence_admitted": _("The mediator admitted item %(item)s, which came after its time."),
    "proposal_made": _("The mediator made proposal %(place)s."),
    "proposal_answered": {
        "buyer": {
            True: _("The buyer accepted proposal %(place)s."),
            False: _("The buyer rejected proposal %(place)s."),
        },
        "seller": {
            True: _("The seller accepted proposal %(place)s."),
            False: _("The seller rejected proposal %(place)s."),
        },
    },
    "mediation_ended": {
        "mediator": _("The mediator closed the mediation without an agreement."),
        "clock": _("The time for the mediation ended without an agreement."),
    },
    "decision_opened": _("Both sides may say their final words before the decision."),
    "final_words_given": {
        "buyer": _("The buyer gave the final words."),
        "seller": _("The seller gave the final words."),
    },
    "file_closed": _("The file was closed; the mediator decides on what is in it."),
    "decision_overdue": _("The time to decide ran out; the delay is counted."),
    "decision_issued": {
        "for_buyer": _("The mediator decided: the claim is granted in full."),
        "partly": _("The mediator decided: the claim is granted in part."),
        "for_seller": _("The mediator decided: the claim is not granted."),
    },
    "decision_answered": {
        "buyer": {True: _("The buyer accepted the decision."), False: _("The buyer rejected the decision.")},
        "seller": {True: _("The seller accepted the decision."), False: _("The seller rejected the decision.")},
    },
    "agreement_reached": _("An agreement was reached; both sides are asked to sign it."),
    "settlement_signed": {
        "buyer": _("The buyer signed the agreement."),
        "seller": _("The seller signed the agreement."),
    },
    "direct_settlement_stated": {
        "buyer": _("The buyer said that both sides settled directly."),
        "seller": _("The seller said that both sides settled directly; the buyer is asked to confirm."),
    },
    "direct_settlement_denied": _("The buyer said that nothing was settled directly."),
    "dispute_withdrawn": _("The buyer withdrew the dispute."),
    "dispute_closed": _("The dispute was closed."),
    "dispute_handed_over": {
        "moved_to_court": _("The registrar recorded that a court has the dispute now."),
        "out_of_hands": _("The registrar recorded that the dispute is dealt with elsewhere."),
    },
    "performance_reported": _("The seller said that it was carried out; the buyer is asked to confirm."),
    "confirmation_asked": _("The time to carry it out ended; the buyer is asked whether it was done."),
    "performance_confirmed": {
        "honoured": _("The buyer confirmed that it was carried out in time."),
        "late": _("The buyer confirmed that it was carried out, after its time."),
    },
    "performance_denied": _("The buyer said that it was not carried out."),
    "compliance_ended": {
        "registrar": {
            "honoured": _("The registrar found it shown that it was carried out in time."),
            "late": _("The registrar found it shown that it was carried out, after its time."),
            "not_honoured": _("The registrar did not find it shown that it was carried out."),
        },
        "clock": {
            "not_honoured": _("The time to make it good ended; it is recorded as not honoured."),
            "unknown": _("The time to say so ended; it is recorded as unknown whether it was carried out."),
        },
    },
    "buyer_rated": _("The buyer rated the procedure."),
    "seller_rated": _("The seller rated the procedure."),
    "extension_asked": {
        "buyer": _("The buyer asked for more time."),
        "seller": _("The seller asked for more time."),
    },
    "extension_granted": {
        "parties": _("Both sides agreed to more time."),
        "registrar": _("The registrar gave more time."),
        "mediator": _("The mediator gave more time."),
    },
    "suspension_asked": {
        "buyer": _("The buyer asked to let all time stand still."),
        "seller": _("The seller asked to let all time stand still."),
    },
    "dispute_suspended": {
        "joint_request": _("Both sides agreed to let all time stand still."),
        "parallel_payment": _("The registrar let all time stand still, because a payment dispute runs beside it."),
        "missing_document": _("The registrar let all time stand still, because an important document is missing."),
        "incapacity": _("The registrar let all time stand still, because one side cannot act."),
        "notice_returned": _("All time stands still, because mail to one side came back."),
    },
    "dispute_resumed": {
        "buyer": _("The buyer let time go on."),
        "seller": _("The seller let time go on."),
        "registrar": _("The registrar let time go on."),
        "clock": _("The time of standing still ended; time goes on."),
    },
    "mandate_given": {
        "buyer": {
            "read": _("The buyer named a representative, who can read for the buyer."),
            "speak": _("The buyer named a representative, who can read and speak for the buyer."),
            "bind": _("The buyer named a representative, who can read, speak and bind the buyer."),
        },
        "seller": {
            "read": _("The seller named a representative, who can read for the seller."),
            "speak": _("The seller named a representative, who can read and speak for the seller."),
            "bind": _("The seller named a representative, who can read, speak and bind the seller."),
        },
    },
    "mandate_taken_up": {
        "buyer": _("The representative whom the buyer named took up the mandate."),
        "seller": _("The representative whom the seller named took up the mandate."),
    },
    "mandate_ended": {
        "buyer": {
            "side": _("The buyer ended the mandate of a representative."),
            "representative": _("A representative of the buyer gave the mandate back."),
        },
        "seller": {
            "side": _("The seller ended the mandate of a representative."),
            "representative": _("A representative of the seller gave the mandate back."),
        },
    },
    "hold_placed": {
        "court_proceedings": _("The registrar has all words of this dispute kept, because a court needs them."),
        "authority": _("The registrar has all words of this dispute kept, because an authority demands it."),
        "complaint": _("The registrar has all words of this dispute kept, because of a complaint about this house."),
    },
    "hold_lifted": _("The registrar lifted a hold: the words of this dispute need no longer be kept for it."),
    "erasure_ordered": {
        "asked": _("Whoever wrote them asked for their words to be erased."),
        "court_order": _("A court or an authority ordered words of this dispute to be erased."),
        "unlawful": _("Words of this dispute are to be erased, because they should never have been kept."),
    },
    "words_erased": _("The words that were to be erased are destroyed, with their files and their keys."),
}
# The fields that pick the sentence, one after the other, where a fact has several; else it is the side.
_PICKS = {
    "seller_joined": ("proof",),
    "order_proven": ("method",),
    "reply_given": ("choice",),
    "negotiation_ended": ("by",),
    "mediator_released": ("reason", "side"),
    "challenge_decided": ("upheld",),
    "proposal_answered": ("side", "accepts"),
    "mediation_ended": ("by",),
    "decision_issued": ("outcome",),
    "decision_answered": ("side", "accepts"),
    "dispute_handed_over": ("reason",),
    "performance_confirmed": ("result",),
    "compliance_ended": ("by", "result"),
    "extension_granted": ("by",),
    "dispute_suspended": ("ground",),
    "dispute_resumed": ("by",),
    "mandate_given": ("side", "scope"),
    "mandate_ended": ("side", "by"),
    "hold_placed": ("ground",),
    "erasure_ordered": ("ground",),
}

FACT_TYPES = frozenset(_FACTS)

# What entries say that stand beside the disputes: who read one, and who may read all.
RECORDS = {
    "dispute_read": _("Somebody who is no party read the dispute."),
    "access_opened": _("A registrar opened the dispute with a reason, although nothing in it waited for a registrar."),
    "auditor_admitted": _("An auditor was let in, who may read the entries of all disputes."),
    "auditor_read": _("An auditor read entries of the log."),
    "auditor_ended": _("An auditor may read no more."),
}
# Why a registrar opens a dispute in which nothing waits for a registrar.
OPENING_GROUNDS = {
    "asked": _("A party asked for help"),
    "complaint": _("Somebody complained about the procedure"),
    "authority": _("A court or an authority demands something of this house"),
    "hold": _("Words of the dispute may have to be kept"),
    "fault": _("Something does not work as it should"),
}


def sentence(type_name: str, data: Mapping[str, Any]) -> str:
    """What happened, in one sentence, from an entry's type and data. Offers and proposals are counted from 1 for
    people."""
    text = _FACTS[type_name]
    for field in _PICKS.get(type_name, ("side",)):
        if isinstance(text, dict):
            # A letter that was written by an earlier release may not say it; the first is what it meant then.
            text = text[data.get(field, next(iter(text)))]
    places = dict(data)
    number = data.get("offer", data.get("proposal"))
    if isinstance(number, int):
        places["place"] = number + 1
    return str(text) % places


def facts() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Every sentence for a fact: its type, what its fields must be for it, and the sentence with its places open."""
    for type_name, text in _FACTS.items():
        yield from _variants(type_name, {}, _PICKS.get(type_name, ("side",)), text)


def _variants(
    type_name: str, picked: dict[str, Any], fields: tuple[str, ...], text: Any
) -> Iterator[tuple[str, dict[str, Any], str]]:
    if not isinstance(text, dict):
        yield type_name, picked, str(text)
        return
    for value, held in text.items():
        yield from _variants(type_name, {**picked, fields[0]: value}, fields[1:], held)


_REFUSALS: dict[str, Any] = {
    # Who and when.
    "not_your_role": _("This step belongs to another role. Look at “What you can do now” on the dispute’s page."),
    "not_your_dispute": _("You have no part in this dispute. Look at your list for those that you have."),
    "not_in_this_phase": _("This is not possible at the present stage. The page shows what you can do now."),
    "dispute_closed": _("The dispute is closed. Nothing can be added to it any more."),
    "filed_already": _("This dispute has already been filed. You find it among your disputes."),
    "key_used_otherwise": _(
        "This form was already sent with other contents. Open the page again and repeat your step."
    ),
    "form_stale": _("A hidden part of this form is missing or was changed. Read the page again and repeat your step."),
    # People.
    "sign_in_failed": _(
        "This address and this password do not belong together. Check both, or ask for a new password. If you have "
        "just opened the account, first follow the link that we mailed to you."
    ),
    "too_many_attempts": _("Too many tries in a short time. Wait this many minutes and try again: %(minutes)s."),
    "house_busy": _("Very many people are signing in just now. Try again in a minute."),
    "email_malformed": _("Write the whole address, with one @ sign, for example name@example.org."),
    "email_known_now": _("An account was opened for this address meanwhile. Sign in to it."),
    "name_missing": _("Write your name as it should appear to the other side."),
    "password_wrong": _("This is not the password of the account. Type it again."),
    "factor_code_wrong": _(
        "This code is not right, or was used before. Wait for the next one of your app, or take another recovery code."
    ),
    "passkey_wrong": _("The passkey was not accepted. Try it again, or take another way."),
    "consent_over": _("The signature with your passkey took too long, or was used already. Read it and sign anew."),
    "consent_outdated": _(
        "What you signed with your passkey is not what would be put on record now. Read the page again and sign anew."
    ),
    "factor_setup_over": _("This took too long, or was begun anew elsewhere. Begin again."),
    "account_suspended": _(
        "This account is suspended, so that nobody can come in with it. Write to who runs this house; “About this "
        "house” says where."
    ),
    "account_suspended_already": _("This account is suspended already."),
    "account_not_suspended": _("This account is not suspended."),
    "role_unknown": _("Choose a desk from the list."),
    "not_to_oneself": _("This concerns your own account. Another administrator does it."),
    "role_for_suspended": _("This account is suspended. Restore it before you give it a desk."),
    "roles_apart": _(
        "Who administers has no other desk here, and the other way round. The role that is there has to end first."
    ),
    "own_dispute_with": _("You have a dispute in which this person is, too. Another administrator does it."),
    "admin_last": _("Nobody else could administer then. Somebody else has to have the role first."),
    "admin_too_new": _(
        "One of the two was made an administrator by another one less than three days ago, and does not count as the "
        "second person yet."
    ),
    "reset_needs_another": _("You asked for this yourself. Another administrator has to agree."),
    "reset_asked_already": _("Somebody has already asked for this. It waits for another administrator."),
    "no_factor_here": _("This account has no second step of signing in, so there is nothing to take away."),
    "factor_last": _("Who works here cannot be without a second step. Add another one first."),
    "too_many_factors": _("You have %(most)s second steps. Remove one that you no longer need."),
    "domain_malformed": _("Write a domain as it stands in an address on the web, for example shop.example."),
    "domain_public": _("Anybody can have a name under this one. Write the whole name of your own."),
    "domain_of_many": _("Many people who have nothing to do with each other have mailboxes there. Name another one."),
    "eid_over": _("This took too long, or was begun anew elsewhere. Begin again."),
    "eid_failed": _("What came back proves nothing. Nothing has changed; you can try it again."),
    "eid_unreachable": _("The provider does not answer just now. Try it again later."),
    "eid_of_another": _(
        "This identity is already confirmed for another account here, and one person has one. Sign in to that one, or "
        "remove the confirmation there first."
    ),
    "address_not_yours": _("This address stands under no domain that you have confirmed. Confirm its domain first."),
    "profile_of_another": _("Another account of your organisation has this address. It can give it up on this page."),
    "staff_claims_nothing": _("You work in this house, so that you cannot act for a seller in it."),
    "too_many_claims": _("You have %(most)s addresses. Give one up that you no longer need."),
    "identity_way": _("Choose one of the ways."),
    "too_many_proofs": _("You have added %(most)s already. Remove one that you no longer need."),
    "password_too_short": _(
        "Use at least %(least)s characters. A few words that only you would put together are best."
    ),
    "password_too_long": _("Use at most %(most)s characters."),
    "password_common": _("This password would be guessed early. Use a few words that only you would put together."),
    "password_own_words": _("Leave your name and your address out of the password; they would be tried first."),
    "link_used": _("This link has already been used. Ask for a new one if you still need it."),
    "link_expired": _("The time of this link has run out. Ask for a new one."),
    "link_unknown": _("This link is not complete or not ours. Copy the whole line from the mail."),
    "link_of_another": _(
        "This link was mailed to another address than the one of the account you are signed in with. Nothing was done. "
        "If it is yours, sign out and open the link in the mail once more."
    ),
    # Filing.
    "too_many_drafts": _("You have %(most)s unfinished filings. Delete one that you no longer need, then start anew."),
    "seller_is_buyer": _("This is your own address. Give the address of the seller."),
    "site_malformed": _("Write the address of the web site as the browser shows it, for example shop.example."),
    "own_dispute": _("You are a party to this dispute or named in it. Another registrar acts on it."),
    "category_unknown": _("Choose what went wrong from the list."),
    "nothing_claimed": _("Choose at least one thing that you ask for."),
    "too_many_items": _("Ask for at most %(most)s things in one dispute."),
    "remedy_unknown": _("Choose what you ask for from the list."),
    "remedy_needs_amount": _("Give an amount for money, and none for anything else."),
    "terms_do_not_match": _("Each item of the claim needs an answer. Open the page again and fill in every row."),
    "narrative_missing": _("Tell what happened, in your own words."),
    "day_malformed": _("Give the day as year, month and day, for example 2026-03-27."),
    "day_in_future": _("This day has not come yet. Check the date."),
    "contacted_before_order": _("You contacted the seller before you ordered? Check both dates."),
    "text_missing": _("Write a few words in the text field."),
    "text_too_long": _("The text is too long. Keep it under %(most)s characters, and add longer papers as evidence."),
    "reasons_missing": _("Give your reasons; the parties will read them."),
    "topic_missing": _("Choose at least one topic from the list."),
    "ground_unknown": _("Choose a ground from the closed list."),
    "review_needs_another_registrar": _("A refusal is reviewed by another registrar than the one who refused."),
    "review_only_once": _("A refusal is reviewed once only."),
    # Amounts.
    "amount_malformed": _("Write the amount in digits, for example 48.90."),
    "amount_ambiguous": _(
        "This amount can be read in two ways. Write it with no sign between the thousands, for example %(plain)s."
    ),
    "amount_not_positive": _("The amount must be more than zero."),
    "amount_too_precise": _("%(currency)s has at most %(decimals)s decimal places."),
    "amount_too_large": _("The amount is too large."),
    "currency_unknown": _("Choose a currency from the list."),
    "currency_not_claimed": _("You claimed nothing in %(currency)s. Ask in a currency of your claim."),
    "above_claim": _("You cannot ask for more than your claim, %(claimed)s."),
    # The seller's answer.
    "choice_unknown": _("Choose one of the possible replies."),
    "scope_not_decided": _("The registrar is deciding on the objection. You can reply after that."),
    "objection_only_once": _("This objection was already made and decided once. Choose another reply."),
    "no_scope_objection": _("There is no objection to decide on."),
    "proof_unknown": _("Use the link from the invitation."),
    "seat_taken": _("Somebody else already acts for the seller in this dispute."),
    "buyer_cannot_join": _("The address of this invitation belongs to the buyer of this dispute."),
    "mediator_cannot_join": _("The address of this invitation belongs to a mediator who was drawn in this dispute."),
    # Evidence.
    "evidence_already_complete": _("You already said that your file is complete."),
    "too_much_evidence": _("Each side adds at most %(most)s files to a dispute."),
    "file_missing": _("Choose a file to upload."),
    "file_empty": _("The file is empty. Choose another one."),
    "file_too_large": _("The file is larger than %(limit)s MB. Make it smaller, or split it."),
    "file_type_refused": _(
        "This kind of file cannot be taken. Use PDF, a picture (JPEG, PNG, WebP, TIFF, HEIC) or plain text."
    ),
    "file_web_page_refused": _(
        "Web pages and drawings with code cannot be taken. Print the page to PDF, or take a picture of the screen."
    ),
    "file_archive_refused": _(
        "Archives cannot be taken, because nobody sees what they hold. Upload each file by itself."
    ),
    "file_program_refused": _("Programs cannot be taken. Upload a picture or a PDF of what you want to show."),
    "file_document_refused": _(
        "Files of word processors, spreadsheets and mail programs cannot be taken. Save the file as PDF and upload "
        "that."
    ),
    "file_film_refused": _(
        "Films and sounds cannot be taken. Upload pictures from the film, and say what is heard in it."
    ),
    "file_two_types": _(
        "The file is two kinds of file in one, which nobody needs for evidence. Save it again or print it to PDF."
    ),
    "file_damaged": _("The file is damaged and cannot be opened. Save it again and upload it once more."),
    "picture_too_large": _(
        "The picture has more than %(megapixels)s million pixels. Make it smaller and upload it once more."
    ),
    "upload_broken": _("The upload broke off before it was complete. Choose the file again and send it once more."),
    "evidence_not_requested": _(
        "In the mediation, evidence comes in when the mediator asks for it. Write to the mediator."
    ),
    "file_closed": _("The file is closed, so nothing can be added to it. The mediator decides on what is in it."),
    "no_late_evidence": _("This item did not come late, or it was already admitted."),
    # Negotiation and settlement.
    "no_open_offer": _("There is no open offer to answer."),
    "own_offer": _("This is your own offer; the other side answers it."),
    "not_your_offer": _("Only the side that made the offer can withdraw it."),
    "offer_unknown": _("There is no such offer."),
    "offer_changed": _("The offer is not the one you saw. Read it again before you answer."),
    "offer_came_meanwhile": _(
        "While you were writing, the other side made an offer. Read it first; if you then send yours, it replaces it."
    ),
    "offer_replaced": _("This offer was replaced by a later one and can no longer be answered."),
    "offer_withdrawn": _("This offer was withdrawn and can no longer be answered."),
    "offer_rejected": _("This offer was already rejected."),
    "offer_lapsed": _("The time of this offer has run out."),
    "offer_accepted": _("This offer was already accepted. The agreement is on the dispute’s page."),
    "offer_ended": _("The negotiation is over; this offer can no longer be answered."),
    "offer_of_nothing": _("An offer must give at least one thing."),
    "too_many_offers": _("A dispute holds at most %(most)s offers."),
    "too_many_messages": _("You can write at most %(most)s messages in one dispute."),
    "perform_days_out_of_range": _("Choose at most %(most)s days for carrying it out."),
    "offer_days_out_of_range": _("An offer is open for at least 1 and at most %(most)s days."),
    "too_early_to_leave": _("The negotiation cannot be left yet."),
    "agreement_changed": _("The agreement is not the one you saw. Read it again before you sign."),
    "already_signed": _("You already signed."),
    "direct_already_stated": _("You already said so. The other side is asked to confirm."),
    "direct_not_stated": _("The seller has not said that you settled directly."),
    # The appointment of a mediator.
    "draw_begun": _("The pool of this draw is already fixed. Wait for the draw."),
    "pool_empty": _("Nobody on the roster can be drawn for this dispute. Add mediators to the roster."),
    "no_pool": _("Nobody can be drawn before the pool is fixed, and nobody is drawn twice from the same pool."),
    "no_checkpoint": _("The draw waits for the first checkpoint that covers its pool."),
    "appointed_already": _("You already accepted this appointment. You can resign, with your reasons."),
    "not_appointed": _("No mediator has accepted yet. Wait until the dispute’s page names one."),
    "declaration_incomplete": _("Confirm every line of the declaration. If you cannot, decline the appointment."),
    "objected_already": _(
        "You already objected once in this dispute. You can still challenge the mediator, with reasons."
    ),
    "no_objection_said": _(
        "You already said that you have no objection. You can still challenge the mediator, with reasons."
    ),
    "challenge_pending": _("A registrar is already deciding on a challenge of this mediator. Wait for the answer."),
    "challenged_already": _("You already challenged this mediator once."),
    "no_challenge": _("There is no challenge to decide on."),
    # Mediation.
    "side_unknown": _("Choose the buyer or the seller."),
    "request_days_out_of_range": _("Give at least 1 and at most %(most)s days for it."),
    "no_open_proposal": _("There is no open proposal to answer."),
    "proposal_answered": _("You already accepted this proposal. The other side’s answer is awaited."),
    "proposal_changed": _("The proposal is not the one you saw. Read it again before you answer."),
    "too_many_requests": _("In one dispute evidence can be asked for at most %(most)s times."),
    "too_many_proposals": _("A mediation holds at most %(most)s proposals. Close the mediation instead."),
    # Decision.
    "no_fresh_decider": _("Somebody else can be asked to decide once only, and only after a mediation."),
    "fresh_decider_over": _("The time to ask for somebody else to decide is over, or you have given your final words."),
    "final_words_given": _("You already gave your final words."),
    "file_open": _("The decision waits until both sides have given their final words or their time is over."),
    "basis_unknown": _("Choose from the list on what the decision rests."),
    "finding_missing": _("Write at least one finding, and give each of them its words."),
    "finding_rests_on_nothing": _(
        "Say for each finding on which evidence it rests, or that it rests on what both sides say."
    ),
    "too_many_findings": _("A decision holds at most %(most)s findings. Bring some of them together."),
    "evidence_unknown": _("A finding names an item that is not in the file. Choose from the evidence of this dispute."),
    "evidence_not_admitted": _("A finding rests on an item that came late and was not admitted. Choose another item."),
    "award_above_claim": _("You cannot grant more on an item than is claimed for it, %(claimed)s."),
    "decision_answered": _("You already answered this decision. Your answer stands."),
    "decision_changed": _("The decision is not the one you saw. Read it again before you answer."),
    # What was promised or granted.
    "nothing_to_perform": _("Nothing is left to be said about carrying it out."),
    "performance_not_due": _("The time to carry it out is still running. If it is not done by its end, say so then."),
    "no_proof_to_check": _("There is no proof to check in this dispute."),
    "rated_already": _("You already rated the procedure. Thank you."),
    "score_out_of_range": _("Choose a grade from 1 to %(most)s."),
    # Service of notices.
    "no_address_asked": _("No other address of the seller is needed now."),
    # Time.
    "no_extension_here": _("This step cannot be extended."),
    "extended_already": _("This step was already extended once."),
    "not_your_time": _("It is not your time that is running."),
    "extension_already_asked": _("More time was already asked for."),
    "no_extension_asked": _("The other side has not asked for more time."),
    "no_time_runs": _("No time is running that could stand still."),
    "suspended_already": _("All time already stands still."),
    "suspended_often": _("Time has stood still as often as the rules allow. You can still ask for more time."),
    "suspension_already_asked": _("It was already asked to let time stand still. The other side’s answer is awaited."),
    "no_suspension_asked": _("The other side has not asked to let time stand still."),
    "not_suspended": _("Time does not stand still in this dispute."),
    # Who acts for a side.
    "scope_unknown": _("Choose from the list how far the mandate goes."),
    "mandate_days_out_of_range": _("Choose a day from today on, at most %(most)s days ahead."),
    "too_many_mandates": _(
        "You have named as many representatives as a side can have at a time. End the mandate of one of them first."
    ),
    "mandates_used_up": _("A side names at most %(most)s representatives in one dispute, one after the other."),
    "no_mandate": _("There is no such mandate. It may have been ended already."),
    "mandate_taken_up": _("This mandate was already taken up."),
    "mandate_over": _("This mandate is over. Nothing can be done on it any more."),
    "mandate_does_not_cover": _("Your mandate does not cover this step. The side that you act for can take it itself."),
    "mandate_not_possible": _(
        "This mandate cannot be taken up with this account. Whoever works in this house, is a side of this dispute or "
        "acts in it already cannot act for another side. Tell whoever asked you."
    ),
    "representative_unnamed": _("Write the name of whoever is to act for you."),
    "own_mandate": _("This is your own address. Name the address of whoever is to act for you."),
    "representative_cannot_join": _(
        "The address of this invitation belongs to somebody who acts for the buyer in this dispute."
    ),
    # What becomes of the words.
    "words_needed": _("The dispute, or what was promised in it, still goes on. Its words are needed until it is over."),
    "words_kept_still": _("The words of a dispute are kept for a while after its end. The page says until when."),
    "words_held": _("A registrar had to order that the words of this dispute be kept. They can be erased after that."),
    "words_of_others": _("You can have your own words erased, and nobody else’s."),
    "words_erased_already": _("These words are already erased, or never were in this dispute."),
    "no_erasure_ordered": _("Nobody ordered that words of this dispute be erased, or it is already done."),
    "no_hold": _("There is no such hold. It may have been lifted already."),
    "staff_keeps_account": _(
        "You work in this house. Ask the operator to end your role first; then your account can be erased."
    ),
    "address_differs": _("This is not the address of the account. Type it as it stands above."),
    "erasure_under_way": _("You have already asked for it. This page shows what is done and what is not."),
    "log_stopped": _(
        "Nothing can be done in this house just now: what is stored does not fit the log that was signed, and the "
        "operator has to set that right first. You can read everything meanwhile. Keep what you wrote, and try again "
        "later."
    ),
    "suspension_not_yours": _(
        "Time stands still to protect the other side. The registrar can let it go on, or the side it protects."
    ),
}
REFUSALS: Mapping[str, Any] = _REFUSALS


# What each permission of `odr.procedure.access` lets somebody do, in the groups of docs/permissions.md.
PERMISSION_GROUPS: dict[str, tuple[Any, dict[str, Any]]] = {
    "open": (
        _("Open to everybody"),
        {
            "site:read": _("Read the public pages: how it works, the rules, the figures, the mediators, the log"),
            "invitation:read": _("Open an invitation by its link, take the dispute up by it, or ask for a new link"),
            "account:open": _("Open an account"),
            "session:start": _("Sign in"),
            "session:end": _("Sign out"),
            "password:recover": _("Set a new password by a link that was mailed"),
        },
    ),
    "account": (
        _("One’s own account and filings"),
        {
            "account:own": _("See and change one’s own account, sessions and data"),
            "data:take": _("Take a copy of all one’s own data"),
            "factor:prove": _("Prove the second factor"),
            "factor:add": _("Add a second factor"),
            "factor:change": _("Remove a second factor, or make new recovery codes"),
            "identity:own": _("See what others see of who one is"),
            "identity:change": _("Add a proof of who one is, or end it"),
            "filing:draft": _("Write a filing, and file it"),
            "dispute:list": _("See the list of one’s own disputes"),
        },
    ),
    "desks": (
        _("The desks of the house"),
        {
            "desk:registrar": _("See what waits for a registrar"),
            "desk:mediator": _("See one’s own desk as a mediator"),
            "desk:regulator": _("See the figures that are not published, and what auditors read"),
            "desk:admin": _("See who works here; no dispute can be seen from there"),
            "role:give": _("Give somebody a role in the house"),
            "role:take": _("Take a role from somebody"),
            "factor:reset": _("Ask for the second factors of somebody to be reset, or confirm it"),
            "account:suspend": _("Suspend an account, or restore it"),
            "sessions:end": _("End all sessions of an account"),
            "entries:audit": _("Read the bytes of all entries of the log"),
        },
    ),
    "reading": (
        _("Reading a dispute"),
        {
            "dispute:read": _("Read the page of a dispute and its docket"),
            "evidence:read": _("Open the evidence and the decision"),
            "offers:read": _("Read the offers"),
            "settlement:read": _("Read the agreement"),
            "proposal:read": _("Read the mediator’s proposals"),
            "filing:read": _("Read the confirmation of one’s own filing"),
            "receipt:read": _("Take the receipt of an entry"),
            "casefile:read": _("Take the case file"),
            "readings:read": _("See who read the dispute without being a party to it"),
            "desk:dispute": _("Read a dispute at the registrars’ desk"),
            "dispute:open": _(
                "Open a dispute in which nothing waits for a registrar, with a reason that both sides see"
            ),
            "proof:read": _("Open the proof that the result was carried out, while it is checked"),
        },
    ),
    "filing": (
        _("Filing and admission"),
        {
            "information:ask": _("Ask the buyer to complete the filing"),
            "information:give": _("Complete the filing"),
            "filing:admit": _("Admit a filing"),
            "filing:refuse": _("Refuse a filing on a ground of the list"),
            "refusal:review": _("Ask another registrar to look at a refusal"),
            "dispute:withdraw": _("Withdraw the dispute"),
        },
    ),
    "answer": (
        _("The seller’s answer"),
        {
            "seller:join": _("Come to the dispute by the invitation"),
            "reply:give": _("Reply to the claim"),
            "scope:decide": _("Decide on the objection that the dispute does not belong here"),
            "address:give": _("Name another address of the seller"),
        },
    ),
    "evidence": (
        _("Evidence and messages"),
        {
            "evidence:add": _("Hand in evidence"),
            "evidence:complete": _("Say that one’s own file is complete"),
            "message:send": _("Write a message"),
        },
    ),
    "negotiation": (
        _("Negotiation and settlement"),
        {
            "offer:make": _("Make an offer"),
            "offer:accept": _("Accept the other side’s offer"),
            "offer:reject": _("Reject the other side’s offer"),
            "offer:withdraw": _("Take one’s own offer back"),
            "negotiation:leave": _("Leave the negotiation"),
            "settlement:sign": _("Sign the agreement"),
            "direct:state": _("Say that both sides settled it directly"),
            "direct:deny": _("Deny that it was settled directly"),
        },
    ),
    "mediator": (
        _("The mediator’s appointment"),
        {
            "pool:commit": _("Fix the list of those who can be drawn"),
            "mediator:draw": _("Draw the mediator"),
            "appointment:accept": _("Accept the appointment, with the declarations"),
            "appointment:decline": _("Decline the appointment"),
            "objection:make": _("Object to the mediator once without a reason"),
            "objection:waive": _("Have no objection to the mediator"),
            "challenge:make": _("Challenge the mediator with a reason"),
            "challenge:decide": _("Decide on a challenge"),
            "mediator:resign": _("Give the dispute back"),
        },
    ),
    "mediation": (
        _("Mediation"),
        {
            "evidence:request": _("Ask a side for evidence"),
            "evidence:admit": _("Admit evidence that came late"),
            "proposal:make": _("Make a proposal"),
            "proposal:accept": _("Accept the proposal"),
            "proposal:reject": _("Reject the proposal"),
            "mediation:close": _("End the mediation without an agreement"),
        },
    ),
    "decision": (
        _("Decision"),
        {
            "decider:ask": _("Ask that somebody else decides than who mediated"),
            "final_words:give": _("Give one’s own final words"),
            "decision:issue": _("Issue the decision"),
            "decision:accept": _("Accept the decision"),
            "decision:reject": _("Reject the decision"),
        },
    ),
    "after": (
        _("After the end"),
        {
            "performance:report": _("Say that the result was carried out"),
            "performance:confirm": _("Confirm that the result was carried out"),
            "performance:deny": _("Say that the result was not carried out"),
            "proof:check": _("Check the proof that it was carried out"),
            "procedure:rate": _("Grade the procedure"),
        },
    ),
    "time": (
        _("Time and notices"),
        {
            "notice:record": _("Record what became of a notice"),
            "suspension:ask": _("Ask that all time stands still"),
            "suspension:agree": _("Agree that all time stands still"),
            "suspension:order": _("Order that all time stands still"),
            "suspension:end": _("Let time go on"),
            "extension:ask": _("Ask for more time"),
            "extension:agree": _("Agree to more time"),
            "extension:grant": _("Give more time"),
            "dispute:hand_over": _("Record that a court or another body has the dispute now"),
        },
    ),
    "mandates": (
        _("Who acts for a side"),
        {
            "mandate:give": _("Let somebody act for one’s own side"),
            "mandate:end": _("End a mandate that one’s own side gave"),
            "mandate:take_up": _("Take up a mandate"),
            "mandate:resign": _("Give a mandate back"),
        },
    ),
    "words": (
        _("What becomes of the words"),
        {
            "hold:place": _("Order that no words are erased"),
            "hold:lift": _("End an order that no words are erased"),
            "words:erase": _("Have words erased that one wrote; the house, those that the law forbids to keep"),
            "erasure:record": _("Record that words were erased"),
        },
    ),
}
PERMISSION_HOLDERS = {
    **SIDES,
    "anyone": _("Anyone"),
    "signed_in": _("Whoever is signed in"),
    "regulator": _("Regulator"),
    "admin": _("Administrator"),
    "auditor": _("Auditor"),
}
STANDINGS = {
    "buyer": _("Only in a dispute that they filed."),
    "seller": _("Only in a dispute that names them, from its admission on."),
    "representative": _("Only in the one dispute, and only as far and as long as the mandate of that side goes."),
    "mediator": _("Only in a dispute for which they were drawn, until they leave it."),
    "registrar": _(
        "Only in a dispute in which they are no side and were not drawn; and where nothing waits for a registrar, only "
        "after giving a reason that both sides see."
    ),
    "regulator": _("In no dispute. They see figures."),
    "admin": _("In no dispute. They look after accounts and roles."),
    "auditor": _("A program with a token of the house, for a time: the bytes of all entries, never the words."),
    "system": _("The house by itself, by fixed rules; no page leads to it."),
}
MANDATES = {
    "": _("Only the side itself"),
    **SCOPES,
    "own": _("Each representative for themself"),
}
ENTRY_CLASSES = {
    "parties": _("Both sides and whoever works on it"),
    "mediator": _("Both sides and the mediator"),
    "wall": _("Both sides alone"),
    "buyer": _("The buyer alone"),
    "seller": _("The seller alone"),
    "public": _("Everybody"),
    "person": _("The person it is about"),
    "staff": _("Those who work in the house"),
}
READERS = {
    "buyer": SIDES["buyer"],
    "seller": SIDES["seller"],
    "mediator": _("Mediator who mediates"),
    "decider": _("Mediator who only decides"),
    "registrar": SIDES["registrar"],
}


def refusal(error: Refused) -> str:
    """The sentence for a refusal, with what to do next."""
    return str(_REFUSALS[error.code]) % {name: _readable(name, value) for name, value in error.params.items()}


def _readable(name: str, value: Any) -> str:
    if name == "limit":
        # Limits are bytes; people know megabytes.
        return f"{value / 1_000_000:g}"
    return f"{value} {value.currency}" if isinstance(value, Money) else str(value)
