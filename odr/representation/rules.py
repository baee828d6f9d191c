"""Who acts for a side: a party gives a mandate, somebody takes it up, and either ends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from odr.kernel import Actor, Refused, moment
from odr.procedure.access import SCOPES, demand, mandate_is_open
from odr.procedure.deadlines import Seats, end_of_day
from odr.procedure.dispute import Dispute, Mandate
from odr.procedure.events import Event, MandateEnded, MandateGiven, MandateTakenUp
from odr.procedure.rules import read_day, require_text, words

# A mandate is for one dispute, and the longest road through one is far shorter; nobody names somebody for good.
MOST_DAYS = 366
# By each side over the whole dispute: each is a mail to an address that somebody typed, and three entries.
MOST_EVER = 12


@dataclass(frozen=True, slots=True)
class NewName:
    """The name that entries will give to a representative, drawn anew for each. Two sendings of one request draw two
    and are the same act, so it is not compared."""

    id: str = field(compare=False)


def give_mandate(
    dispute: Dispute,
    actor: Actor,
    *,
    at: int,
    seats: Seats,
    representative: NewName,
    scope: str,
    until: str,
    name: str,
    relation: str = "",
) -> list[Event]:
    """A side lets somebody act for it until the end of the day `until`; `name` and `relation` (a lawyer, a sister) as
    the side writes them, for all who read the dispute."""
    demand("mandate:give", dispute, actor, at)
    if sum(each.side == actor.role for each in dispute.mandates) >= MOST_EVER:
        raise Refused("mandates_used_up", most=MOST_EVER)
    if scope not in SCOPES:
        raise Refused("scope_unknown")
    day, today = read_day(until), moment(at).date()
    if not today <= day <= today + timedelta(MOST_DAYS):
        raise Refused("mandate_days_out_of_range", most=MOST_DAYS)
    require_text(name, "representative_unnamed")
    said = words(name=name, relation=relation)
    return [
        MandateGiven(side=actor.role, representative=representative.id, scope=scope, until=end_of_day(day), words=said)
    ]


def days_ahead(at: int) -> tuple[str, str]:
    """The first and the last day on which a mandate that is given now can end."""
    today = moment(at).date()
    return today.isoformat(), (today + timedelta(MOST_DAYS)).isoformat()


def take_up_mandate(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """Whoever was named acts for the side from now on, under the name that the mandate gave them."""
    demand("mandate:take_up", dispute, actor, at)
    return [MandateTakenUp(side=actor.role, representative=actor.id)]


def end_mandate(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, representative: str) -> list[Event]:
    """The side ends a mandate at once, be it taken up or not."""
    demand("mandate:end", dispute, actor, at)
    ended = _open_mandate(dispute, actor.role, representative, at)
    return [MandateEnded(side=actor.role, representative=ended.representative, by="side")]


def resign_mandate(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """A representative gives the mandate back."""
    demand("mandate:resign", dispute, actor, at)
    return [MandateEnded(side=actor.role, representative=actor.id, by="representative")]


def _open_mandate(dispute: Dispute, side: str, representative: str, at: int) -> Mandate:
    mandate = dispute.mandate_of(representative)
    if mandate is None or mandate.side != side or not mandate_is_open(dispute, mandate, at):
        raise Refused("no_mandate")
    return mandate
