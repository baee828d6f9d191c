"""The outbox: nothing is lost, nothing is told twice, and everything in its order."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select

from odr.database import writing
from odr.kernel import new_id
from odr.log.keys import Keys, Unreadable, keys_from
from odr.notices.outbox import (
    FEWEST_TRIES,
    GATHER,
    GIVE_UP_AFTER,
    LEASE,
    RETURNED,
    SENT,
    Letter,
    backlog,
    claim,
    email_of,
    enqueue,
    hand_back,
    hold,
    mark_failed,
    mark_overtaken,
    mark_recorded,
    mark_refused,
    mark_returned,
    mark_sent,
    tell,
    unrecorded,
)
from odr.notices.rules import Notice
from odr.notices.tables import outbox

NOW = 1_772_442_000_000
MINUTE = 60_000
DISPUTE = "0" * 31 + "1"


@pytest.fixture(scope="module")
def keys() -> Keys:
    return keys_from(bytes(range(32)), bytes(range(32, 64)))


def put(engine: Engine, key: str, *, side: str | None = None, dispute: str = DISPUTE, at: int = NOW) -> None:
    with writing(engine) as connection:
        if side:
            enqueue(connection, "news", at=at, key=key, params={}, dispute_id=dispute, side=side)
        else:
            enqueue(connection, "verify_email", at=at, key=key, params={}, account_id=new_id())


def only(letters: list[Letter]) -> Letter:
    assert len(letters) == 1
    return letters[0]


def test_a_notice_exists_only_when_its_act_does(engine: Engine) -> None:
    with pytest.raises(RuntimeError), writing(engine) as connection:
        enqueue(connection, "verify_email", at=NOW, key="k", params={}, account_id=new_id())
        raise RuntimeError("the act failed")

    assert claim(engine, NOW, "a", 10) == []


def test_an_act_tried_again_tells_nobody_twice(engine: Engine) -> None:
    put(engine, "same")
    put(engine, "same")

    assert len(claim(engine, NOW, "a", 10)) == 1


def test_the_same_key_is_one_notice_even_after_it_was_sent(engine: Engine) -> None:
    put(engine, "same")
    mark_sent(engine, only(claim(engine, NOW, "a", 10)), NOW)

    put(engine, "same")

    assert claim(engine, NOW + LEASE * 2, "a", 10) == []


@pytest.mark.parametrize(
    "recipient",
    [{}, {"account_id": "a", "email": "b@example.org"}, {"account_id": "a", "dispute_id": DISPUTE, "side": "buyer"}],
)
def test_a_notice_has_exactly_one_recipient(engine: Engine, recipient: dict[str, str]) -> None:
    with writing(engine) as connection, pytest.raises(ValueError, match="a notice goes to"):
        enqueue(connection, "news", at=NOW, key="k", params={}, **recipient)


def test_a_bare_address_is_sealed_while_it_waits_and_gone_once_sent(engine: Engine, keys: Keys) -> None:
    with writing(engine) as connection:
        enqueue(connection, "sign_in_link", at=NOW, key="k", params={}, email="reader@example.org", keys=keys)

    letter = only(claim(engine, NOW, "a", 10))
    assert b"reader@" not in (letter.email_sealed or b"")
    assert email_of(letter, keys) == "reader@example.org"

    mark_sent(engine, letter, NOW)
    with engine.connect() as connection:
        assert connection.scalars(select(outbox.c.email_sealed)).all() == [None]


def test_a_sealed_address_does_not_open_in_another_row(engine: Engine, keys: Keys) -> None:
    with writing(engine) as connection:
        enqueue(connection, "sign_in_link", at=NOW, key="k", params={}, email="reader@example.org", keys=keys)
        enqueue(connection, "sign_in_link", at=NOW, key="l", params={}, email="other@example.org", keys=keys)
    first, second = claim(engine, NOW, "a", 10)
    swapped = Letter(
        **{name: getattr(first, name) for name in Letter.__slots__} | {"email_sealed": second.email_sealed}
    )

    with pytest.raises(Unreadable):
        email_of(swapped, keys)


def test_a_notice_in_one_workers_hands_is_in_no_others(engine: Engine) -> None:
    put(engine, "k")
    claim(engine, NOW, "a", 10)

    assert claim(engine, NOW + LEASE - 1, "b", 10) == []


def test_a_worker_that_died_loses_its_lease_and_nothing_else(engine: Engine) -> None:
    put(engine, "k")
    claim(engine, NOW, "a", 10)

    letter = only(claim(engine, NOW + LEASE, "b", 10))

    assert (letter.key, letter.attempts, letter.lease_owner) == ("k", 2, "b")


def test_a_late_failure_does_not_take_the_notice_from_the_next_worker(engine: Engine) -> None:
    put(engine, "k")
    late = only(claim(engine, NOW, "a", 10))
    claim(engine, NOW + LEASE, "b", 10)

    mark_failed(engine, late, NOW + LEASE + 1, "late")

    assert claim(engine, NOW + LEASE + 2 * MINUTE, "c", 10) == []


def test_a_notice_handed_back_is_there_at_once(engine: Engine) -> None:
    put(engine, "k")
    hand_back(engine, only(claim(engine, NOW, "a", 10)))

    assert only(claim(engine, NOW, "b", 10)).attempts == 1


def test_a_failed_notice_rests_twice_as_long_each_time_up_to_six_hours(engine: Engine) -> None:
    put(engine, "k")
    now, rests = NOW, []

    for _ in range(11):
        mark_failed(engine, only(claim(engine, now, "a", 10)), now, "smtp_451")
        with engine.connect() as connection:
            rests.append((connection.execute(select(outbox.c.leased_until)).scalar_one() - now) // MINUTE)
        now += rests[-1] * MINUTE

    assert rests == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]


def test_a_notice_is_tried_for_seventy_two_hours_and_then_given_up(engine: Engine) -> None:
    put(engine, "k")
    now, given_up = NOW, False

    while not given_up:
        letter = only(claim(engine, now, "a", 10))
        given_up = mark_failed(engine, letter, now, "smtp_451")
        with engine.connect() as connection:
            row = connection.execute(select(outbox)).one()
        now = row.failed_at or row.leased_until

    assert (row.failed_at, row.failure, row.sent_at) == (NOW + GIVE_UP_AFTER, "smtp_451", None)
    with engine.connect() as connection:
        assert backlog(connection, NOW + GIVE_UP_AFTER).given_up == 1


def test_a_notice_that_is_old_before_it_is_first_tried_is_not_given_up_at_the_first_refusal(engine: Engine) -> None:
    put(engine, "k")
    begun = now = NOW + GIVE_UP_AFTER
    for _ in range(FEWEST_TRIES - 1):
        letter = only(claim(engine, now, "a", 10))
        assert not mark_failed(engine, letter, now, "smtp_450")
        with engine.connect() as connection:
            now = connection.execute(select(outbox.c.leased_until)).scalar_one()

    assert mark_failed(engine, only(claim(engine, now, "a", 10)), now, "smtp_450")
    assert now - begun > 60 * MINUTE


def test_a_day_without_a_mail_server_loses_no_notice(engine: Engine) -> None:
    for number in range(5):
        put(engine, f"k{number}")
    now = NOW

    while now < NOW + 24 * 60 * MINUTE:
        for letter in claim(engine, now, "a", 10):
            assert not mark_failed(engine, letter, now, "connection_refused")
        now += 30 * MINUTE
    now += 6 * 60 * MINUTE

    assert len(claim(engine, now, "a", 10)) == 5


def test_one_side_of_a_dispute_reads_its_notices_in_order(engine: Engine) -> None:
    for key in ("first", "second", "third"):
        put(engine, key, side="buyer")

    first = only(claim(engine, NOW, "a", 10))
    assert first.key == "first"
    assert claim(engine, NOW, "b", 10) == []

    mark_failed(engine, first, NOW, "smtp_451")
    assert claim(engine, NOW, "b", 10) == []

    mark_sent(engine, only(claim(engine, NOW + MINUTE, "b", 10)), NOW + MINUTE)
    assert only(claim(engine, NOW + MINUTE, "b", 10)).key == "second"


def test_a_notice_given_up_lets_the_next_one_go(engine: Engine) -> None:
    put(engine, "first", side="seller")
    put(engine, "second", side="seller")

    mark_refused(engine, only(claim(engine, NOW, "a", 10)), NOW, "smtp_550")

    assert only(claim(engine, NOW, "a", 10)).key == "second"


def test_a_side_that_cannot_be_reached_does_not_silence_the_other(engine: Engine) -> None:
    put(engine, "to the seller", side="seller")
    put(engine, "to the buyer", side="buyer")
    put(engine, "of another dispute", side="seller", dispute="0" * 31 + "2")

    assert [letter.key for letter in claim(engine, NOW, "a", 10)] == [
        "to the seller",
        "to the buyer",
        "of another dispute",
    ]


def test_what_happens_often_within_half_an_hour_is_told_once_after_it(engine: Engine) -> None:
    added = news("evidence_added")
    window = NOW // GATHER * GATHER
    for version, at in ((4, window + 1), (5, window + MINUTE), (6, window + GATHER - 1), (7, window + GATHER)):
        with writing(engine) as connection:
            tell(connection, DISPUTE, at, [(version, added)])

    assert claim(engine, window + GATHER - 1, "a", 10) == []
    letter = only(claim(engine, window + GATHER, "a", 10))
    mark_sent(engine, letter, window + GATHER)
    assert claim(engine, window + 2 * GATHER - 1, "a", 10) == []
    assert len(claim(engine, window + 2 * GATHER, "a", 10)) == 1


def test_different_things_that_happen_within_half_an_hour_are_each_told(engine: Engine) -> None:
    told = [news("evidence_added"), news("mediation_message_sent"), news("mediation_message_sent", "mediator")]
    with writing(engine) as connection:
        tell(connection, DISPUTE, NOW, list(enumerate(told * 3)))
    letters: list[Letter] = []
    while batch := claim(engine, NOW + GATHER, "a", 10):
        letters += batch
        for letter in batch:
            mark_sent(engine, letter, NOW + GATHER)

    assert [letter.params for letter in letters] == [notice.params for notice in told]


def news(about: str, by: str = "buyer") -> Notice:
    return Notice("news", "seller", {"about": about, "facts": {"side": by}}, gathered=True)


def test_two_notices_of_one_act_keep_their_order(engine: Engine) -> None:
    with writing(engine) as connection:
        tell(connection, DISPUTE, NOW, [(9, Notice(name, "buyer", {})) for name in ("reply_received", "your_turn")])

    assert only(claim(engine, NOW, "a", 10)).template == "reply_received"


def test_workers_side_by_side_lose_nothing_and_double_nothing(engine: Engine) -> None:
    total = 240
    with writing(engine) as connection:
        for number in range(total):
            enqueue(
                connection,
                "news",
                at=NOW,
                key=f"k{number:03}",
                params={},
                dispute_id=f"{number % 40:032x}",
                side="buyer",
            )
    taken: list[tuple[str, str]] = []
    lock = threading.Lock()

    def work(owner: str) -> None:
        idle = 0
        while idle < 3:
            letters = claim(engine, NOW, owner, 7)
            idle = 0 if letters else idle + 1
            for letter in letters:
                with lock:
                    taken.append((letter.dispute_id or "", letter.key))
                mark_sent(engine, letter, NOW)

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, ["a", "b", "c", "d"]))
    work("the last one")

    assert sorted(key for _, key in taken) == [f"k{number:03}" for number in range(total)]
    for dispute in {dispute for dispute, _ in taken}:
        order = [key for of, key in taken if of == dispute]
        assert order == sorted(order)


# -- holding, dropping, and what becomes of a notice -----------------------------------------------------------------


def test_a_notice_is_held_for_a_whole_lease_from_when_it_is_sent(engine: Engine) -> None:
    put(engine, "k")
    letter = only(claim(engine, NOW, "a", 10))

    assert hold(engine, letter, NOW + LEASE - 1)

    assert claim(engine, NOW + 2 * LEASE - 2, "b", 10) == []


def test_whoever_lost_the_lease_does_not_send(engine: Engine) -> None:
    put(engine, "k")
    late = only(claim(engine, NOW, "a", 10))

    assert not hold(engine, late, NOW + LEASE)
    claim(engine, NOW + LEASE, "b", 10)
    assert not hold(engine, late, NOW + LEASE + 1)


def test_a_reminder_waits_for_its_day_and_holds_up_nothing_before(engine: Engine) -> None:
    later = Notice("reminder", "seller", {"holder": "seller"}, due=NOW + 3 * 24 * 60 * MINUTE)
    with writing(engine) as connection:
        tell(connection, DISPUTE, NOW, [(4, later), (4, Notice("invitation", "seller", {"holder": "seller"}))])

    assert only(claim(engine, NOW, "a", 10)).template == "invitation"
    assert [letter.template for letter in claim(engine, later.due or 0, "b", 10)] == ["reminder"]


def test_three_reminders_of_one_act_are_three_notices(engine: Engine) -> None:
    ladder = [Notice("reminder", "seller", {}, due=NOW + day) for day in (3, 7, 12)]
    for _ in range(2):
        with writing(engine) as connection:
            tell(connection, DISPUTE, NOW, [(4, notice) for notice in ladder])

    with engine.connect() as connection:
        assert connection.scalars(select(outbox.c.due_at).order_by(outbox.c.id)).all() == [NOW + 3, NOW + 7, NOW + 12]


def test_a_notice_with_nothing_left_to_say_is_no_failure(engine: Engine) -> None:
    put(engine, "first", side="seller")
    put(engine, "second", side="seller")
    mark_overtaken(engine, only(claim(engine, NOW, "a", 10)), NOW)

    assert only(claim(engine, NOW, "a", 10)).key == "second"
    with engine.connect() as connection:
        assert backlog(connection, NOW).given_up == 0
    assert unrecorded(engine, 10) == []


def service(engine: Engine) -> Letter:
    with writing(engine) as connection:
        tell(connection, DISPUTE, NOW, [(4, Notice("invitation", "seller", {"holder": "seller"}))])
    return only(claim(engine, NOW, "a", 10))


def test_what_became_of_a_notice_waits_to_be_recorded_until_it_is(engine: Engine) -> None:
    letter = service(engine)
    mark_sent(engine, letter, NOW + 5)

    (sent,) = unrecorded(engine, 10)
    assert (sent.dispute_id, sent.side, sent.template, sent.what) == (DISPUTE, "seller", "invitation", SENT)
    assert (sent.left, sent.at) == (True, NOW + 5)
    with writing(engine) as connection:
        mark_recorded(connection, sent.id, RETURNED)
    assert unrecorded(engine, 10) == [sent]
    with writing(engine) as connection:
        mark_recorded(connection, sent.id, SENT)
    assert unrecorded(engine, 10) == []


@pytest.mark.parametrize("left", [True, False])
def test_a_report_is_taken_in_once_whether_or_not_it_was_known_that_the_notice_left(engine: Engine, left: bool) -> None:
    letter = service(engine)
    if left:
        mark_sent(engine, letter, NOW)

    assert mark_returned(engine, letter.mark or "", NOW + 1, "report_5.1.1")
    assert mark_returned(engine, letter.mark or "", NOW + 2, "report_5.7.1")
    mark_sent(engine, letter, NOW + 3)

    (returned,) = unrecorded(engine, 10)
    assert (returned.what, returned.left, returned.at) == (RETURNED, left, NOW if left else NOW + 1)
    with engine.connect() as connection:
        assert connection.execute(select(outbox.c.failure)).scalar_one() == "report_5.1.1"


def test_a_report_on_nothing_of_ours_is_told_apart(engine: Engine) -> None:
    service(engine)

    assert not mark_returned(engine, "f" * 32, NOW, "report_5.1.1")
    assert unrecorded(engine, 10) == []


def test_a_notice_given_up_is_recorded_as_one_that_came_back(engine: Engine) -> None:
    mark_refused(engine, service(engine), NOW, "smtp_550")

    (returned,) = unrecorded(engine, 10)
    assert (returned.what, returned.left) == (RETURNED, False)


@pytest.mark.slow
def test_failures_and_killed_workers_lose_nothing_and_keep_the_order(engine: Engine) -> None:
    total, chance = 300, random.Random(8)
    with writing(engine) as connection:
        for number in range(total):
            recipient = {"dispute_id": f"{number % 30:032x}", "side": "buyer" if number % 2 else "seller"}
            enqueue(connection, "news", at=NOW, key=f"k{number:03}", params={}, **recipient)
    seen: dict[str, tuple[str, str]] = {}
    now, worker = NOW, "worker 0"

    while _open_count(engine):
        for letter in claim(engine, now, worker, 20):
            fate = chance.random()
            if fate < 0.05:
                mark_failed(engine, letter, now, "smtp_451")
                continue
            if fate < 0.08:
                # Killed with letters in hand, after sending this one or before; another worker comes.
                worker = f"worker {now}"
                if fate < 0.065:
                    seen.setdefault(letter.key, (letter.dispute_id or "", letter.side or ""))
                break
            # The receiver keeps one of each: a repeated message has the same Message-ID.
            seen.setdefault(letter.key, (letter.dispute_id or "", letter.side or ""))
            mark_sent(engine, letter, now)
        now += LEASE

    assert sorted(seen) == [f"k{number:03}" for number in range(total)]
    for reader in set(seen.values()):
        order = [key for key, of in seen.items() if of == reader]
        assert order == sorted(order)


def _open_count(engine: Engine) -> int:
    with engine.connect() as connection:
        return backlog(connection, NOW + GIVE_UP_AFTER).waiting
