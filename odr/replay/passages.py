"""What happens between the acts of a script: in which groups they are done, and what a line need not spell out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import takewhile

from odr.procedure.dispute import SIDES, Dispute, Phase
from odr.replay.rules import Deed, Script

FILE = "file"
"""The act that begins every line, told by its claim."""

HOUSE = "house"
"""Who fixes pools, draws and records that notices left: the house itself, as its worker does it."""
COMMIT, DRAW, SERVE = "commit_pool", "draw_mediator", "serve_notice"


def groups_of(script: Script, *, racing: bool) -> list[tuple[Deed, ...]]:
    """All acts of a line, its filing among them, as they are done: one by one, or with `racing` those of one instant
    at once. Nothing races with the filing."""
    opening = Deed(None, script.opened, "buyer", FILE)
    groups: list[list[Deed]] = []
    for deed in sorted((opening, *script.deeds), key=lambda deed: deed.at):
        last = groups[-1][0] if groups else opening
        if racing and last.at == deed.at and FILE not in (last.do, deed.do):
            groups[-1].append(deed)
        else:
            groups.append([deed])
    return [tuple(group) for group in groups]


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a line goes on from an instant: the acts it `now` comes to, and all that are still `ahead` in their order,
    those of now among them."""

    ahead: Sequence[str] = ()
    now: Collection[str] = ()

    def before(self, later: Collection[str]) -> list[str]:
        """What is still done before the first of these acts."""
        return list(takewhile(lambda do: do not in later, self.ahead))


def what_follows(script: Script, dispute: Dispute, outlook: Outlook, at: int) -> Deed | None:
    """The act that happens by itself now, because the line does not mention its stage; None when none does.

    To be asked again after each act that this answers.
    """
    if dispute.phase is Phase.ASSIGNMENT and not dispute.mediator and not dispute.suspension:
        # No act of a person: the house draws in strict lines too, as deadlines fire in them.
        return Deed(None, at, HOUSE, DRAW if dispute.draw else COMMIT)
    if dispute.step == "last_call" and dispute.served_at is None and not dispute.suspension:
        # A replay sends no mail, and takes it that what the record tells of reached the seller.
        return Deed(None, at, HOUSE, SERVE)
    if script.strict or dispute.suspension:
        return None
    stage = _STAGES.get(dispute.phase)
    return stage(script, dispute, outlook, at) if stage else None


# Acts that lie behind the exchange of evidence and the buyer's time to prove: what is handed in after them is for
# somebody else to look at, and nobody waits for it.
_BEHIND_EVIDENCE = frozenset(
    "leave accept_appointment decline_appointment object waive request_evidence propose close_mediation final_words"
    " fresh_decider decide performed".split()
)
_OPENS_DECISION = frozenset({"decide", "final_words", "fresh_decider"})
_BEFORE_FINAL_WORDS = frozenset({"evidence", "request_evidence", "admit_late", "fresh_decider"})


def _mentioned(script: Script, *acts: str) -> bool:
    return any(deed.do in acts for deed in script.deeds)


def _screening(script: Script, dispute: Dispute, outlook: Outlook, at: int) -> Deed | None:
    if _mentioned(script, "admit", "refuse") or "ask" in outlook.ahead:
        return None
    return Deed(None, at, "registrar", "admit")


def _awaiting_response(script: Script, dispute: Dispute, outlook: Outlook, at: int) -> Deed | None:
    if _mentioned(script, "reply") or script.silent:
        return None
    return Deed(None, at, "seller", "reply", {"choice": "contest"})


def _evidence(script: Script, dispute: Dispute, outlook: Outlook, at: int) -> Deed | None:
    if _mentioned(script, "evidence_complete") or "evidence" in outlook.before(_BEHIND_EVIDENCE):
        return None
    return _by_first_missing(SIDES, dispute.complete, "evidence_complete", at)


def _default_track(script: Script, dispute: Dispute, outlook: Outlook, at: int) -> Deed | None:
    if _mentioned(script, "evidence_complete") or "evidence" in outlook.before(_BEHIND_EVIDENCE):
        return None
    return Deed(None, at, "buyer", "evidence_complete")


def _assignment(script: Script, dispute: Dispute, outlook: Outlook, at: int) -> Deed | None:
    if not dispute.appointed:
        waits = {"accept_appointment", "decline_appointment"}.intersection(outlook.ahead)
        return None if waits else Deed(None, at, "mediator", "accept_appointment")
    if {"object", "waive"}.intersection(outlook.ahead):
        return None
    return _by_first_missing(_present(dispute), dispute.unopposed | dispute.objected, "waive", at)


def _mediation(script: Script, dispute: Dispute, outlook: Outlook, at: int) -> Deed | None:
    if not _OPENS_DECISION.intersection(outlook.now) or _mentioned(script, "close_mediation"):
        return None
    return Deed(None, at, "mediator", "close_mediation")


def _decision(script: Script, dispute: Dispute, outlook: Outlook, at: int) -> Deed | None:
    waits = _BEFORE_FINAL_WORDS.intersection(outlook.before({"decide"}))
    if dispute.file_closed_at is not None or waits or _mentioned(script, "final_words"):
        return None
    return _by_first_missing(_present(dispute), dispute.final_words, "final_words", at)


def _settled(script: Script, dispute: Dispute, outlook: Outlook, at: int) -> Deed | None:
    return None if _mentioned(script, "sign") else _by_first_missing(SIDES, dispute.signed, "sign", at)


def _present(dispute: Dispute) -> tuple[str, ...]:
    # Nobody is there who could do something for a seller that never answered.
    return ("buyer",) if dispute.in_default else SIDES


def _by_first_missing(sides: Sequence[str], there: frozenset[str], do: str, at: int) -> Deed | None:
    return next((Deed(None, at, side, do) for side in sides if side not in there), None)


_STAGES: dict[Phase, Callable[[Script, Dispute, Outlook, int], Deed | None]] = {
    Phase.SCREENING: _screening,
    Phase.AWAITING_RESPONSE: _awaiting_response,
    Phase.EVIDENCE: _evidence,
    Phase.DEFAULT_TRACK: _default_track,
    Phase.ASSIGNMENT: _assignment,
    Phase.MEDIATION: _mediation,
    Phase.DECISION: _decision,
    Phase.SETTLED: _settled,
}
