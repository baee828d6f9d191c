"""One sentence for each fact, refusal, phase and ending: the same words on pages and in mails."""

from __future__ import annotations

from collections.abc import Mapping
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
    "default_track": _("Decision without the seller"),
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
    **{
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

# What readers should know about a file of evidence before they open it.
NOTES = {
    "locked": _("This PDF opens with a password only. Ask the side that sent it."),
    "script": _("This PDF holds a script. Open it in a program that runs none."),
    "launch": _("This PDF asks to start another program. Do not allow it."),
    "attachment": _("Another file is attached inside this PDF."),
}

SIDES = {
    "buyer": _("Buyer"),
    "seller": _("Seller"),
    "registrar": _("Registrar"),
    "system": _("Evenhand"),
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
    "rebuttal": _("After that the negotiation begins."),
    "negotiation": _("After that a mediator is appointed."),
    "sign": _("After that the dispute closes all the same: the acceptance already binds both sides."),
}
WAITING = {
    "assignment": _("A mediator is to be appointed. Nothing is expected of either side now."),
    "default_track": _("The seller never replied. A mediator is to decide on the papers."),
    "screening": _("The registrar checks whether the dispute can be admitted."),
}

_FACTS: dict[str, Any] = {
    "dispute_filed": _("The buyer filed the dispute."),
    "information_asked": _("The registrar asked the buyer to complete the filing."),
    "information_given": _("The buyer completed the filing."),
    "filing_admitted": _("The registrar admitted the dispute; the notice goes to the seller."),
    "filing_refused": _("The registrar did not admit the dispute."),
    "refusal_review_asked": _("The buyer asked another registrar to review the refusal."),
    "admission_overdue": _("The time for the admission check ran out; the delay is counted."),
    "seller_joined": _("Somebody acting for the seller came by the invitation."),
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
    "extension_asked": {
        "buyer": _("The buyer asked for more time."),
        "seller": _("The seller asked for more time."),
    },
    "extension_granted": {
        "parties": _("Both sides agreed to more time."),
        "registrar": _("The registrar gave more time."),
    },
}
# The field that picks the sentence, where a fact has several.
_PICK = {"reply_given": "choice", "negotiation_ended": "by", "extension_granted": "by"}

FACT_TYPES = frozenset(_FACTS)


def sentence(type_name: str, data: Mapping[str, Any]) -> str:
    """What happened, in one sentence, from an entry's type and data. Offers are counted from 1 for people."""
    text = _FACTS[type_name]
    if isinstance(text, dict):
        text = text[data[_PICK.get(type_name, "side")]]
    places = dict(data)
    if isinstance(data.get("offer"), int):
        places["place"] = data["offer"] + 1
    return str(text) % places


_REFUSALS: dict[str, Any] = {
    # Who and when.
    "not_your_role": _("This step belongs to another role. Look at “What you can do now” on the dispute’s page."),
    "not_your_dispute": _("You are not a party to this dispute."),
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
    "password_too_short": _(
        "Use at least %(least)s characters. A few words that only you would put together are best."
    ),
    "password_too_long": _("Use at most %(most)s characters."),
    "password_common": _("This password would be guessed early. Use a few words that only you would put together."),
    "password_own_words": _("Leave your name and your address out of the password; they would be tried first."),
    "link_used": _("This link has already been used. Ask for a new one if you still need it."),
    "link_expired": _("The time of this link has run out. Ask for a new one."),
    "link_unknown": _("This link is not complete or not ours. Copy the whole line from the mail."),
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
    "terms_do_not_match": _("The offer must answer each item of the claim. Open the page again and fill in every row."),
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
    # Evidence.
    "evidence_already_complete": _("You already said that your file is complete."),
    "too_much_evidence": _("A dispute holds at most %(most)s files."),
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
    "perform_days_out_of_range": _("Choose at most %(most)s days for carrying it out."),
    "offer_days_out_of_range": _("An offer is open for at least 1 and at most %(most)s days."),
    "too_early_to_leave": _("The negotiation cannot be left yet."),
    "agreement_changed": _("The agreement is not the one you saw. Read it again before you sign."),
    "already_signed": _("You already signed."),
    "direct_already_stated": _("You already said so. The other side is asked to confirm."),
    "direct_not_stated": _("The seller has not said that you settled directly."),
    # Time.
    "no_extension_here": _("This step cannot be extended."),
    "extended_already": _("This step was already extended once."),
    "not_your_time": _("It is not your time that is running."),
    "extension_already_asked": _("More time was already asked for."),
    "no_extension_asked": _("The other side has not asked for more time."),
}
REFUSALS: Mapping[str, Any] = _REFUSALS


def refusal(error: Refused) -> str:
    """The sentence for a refusal, with what to do next."""
    return str(_REFUSALS[error.code]) % {name: _readable(name, value) for name, value in error.params.items()}


def _readable(name: str, value: Any) -> str:
    if name == "limit":
        # Limits are bytes; people know megabytes.
        return f"{value / 1_000_000:g}"
    return f"{value} {value.currency}" if isinstance(value, Money) else str(value)
