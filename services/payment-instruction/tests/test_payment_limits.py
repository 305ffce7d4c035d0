"""What one person may move alone: by payment, debtor, platform, currency and approver; and what is ordered twice."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from ringfence_kernel.access.caller import calling
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR, currency
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_payment_instruction.limits.domain.bounds import BUILT_IN, Bounds, PlatformLimits
from ringfence_payment_instruction.limits.domain.errors import LimitsVersionTaken
from ringfence_payment_instruction.settings import parse_limits
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import Directive, Status
from ringfence_payment_instruction.submissions.domain.tallies import Tallies
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from .world import (
    APPROVER,
    EUR,
    OPERATOR,
    PLATFORM,
    STRANGER,
    TENANT,
    World,
    an_id,
    caller,
    migrate,
    order,
)

ANNA_ACCOUNT = an_id("anna account")
OTHER_OPERATOR = caller(an_id("other operator"), None)
OTHER_APPROVER = caller(an_id("other approver"), TENANT)


@pytest.fixture
async def limited(filled_database: FilledDatabase) -> AsyncIterator[World]:
    """The application with the installation's own limits, where Anna has 1,000,000.00 EUR, and three days of looks."""
    world = World(filled_database("payment-instruction", migrate), parse_limits(["EUR=10000.00"]))
    world.custody.balances[ANNA_ACCOUNT] = 1_000_000_00
    world.duplicate_days = 3
    await world.start()
    await world.import_list()
    yield world
    await world.stop()


async def pay(world: World, name: str, amount_minor: int, status: Status, **changes: Any) -> str:
    """Orders one payment under a submission of its own, and returns why it waits or was refused."""
    fields = {"remittance": name} | changes
    await world.submit_batch(PLATFORM, an_id(f"submission {name}"), [order(name, amount_minor, **fields)])
    await world.reaches(name, status)
    return world.reason(name)


async def approve(world: World, approver: Any, name: str) -> tuple[int, str]:
    """Approves one payment, and returns where it stands and why."""
    (view,) = await world.application.approvals.decide(approver, TENANT, [an_id(name)], Directive.APPROVE, "")
    return view.status, view.reason


async def test_many_payments_just_below_the_limit_are_held(limited: World) -> None:
    """3 times 9,999.99 under 10,000.00: the first passes, the others wait, over a restart as within one batch."""
    await pay(limited, "first", 9_999_99, Status.SETTLED)
    await limited.restart()
    assert await pay(limited, "second", 9_999_99, Status.HELD) == reasons.SECOND_APPROVER_REQUIRED
    batch = [order(name, 5_00, remittance=name) for name in ("cent", "too much")]
    await limited.submit_batch(PLATFORM, an_id("batch"), [order("one", 1, remittance="one"), *batch])
    await limited.reaches("one", Status.SETTLED)
    await limited.reaches("cent", Status.HELD)
    await limited.reaches("too much", Status.HELD)
    assert limited.custody.balances[an_id("boris account")] == 10_000_00


async def test_what_counts_within_a_day_is_told(limited: World) -> None:
    """Of the payer, of the platform and of the approver who asks; nothing where no payer is asked for."""
    await pay(limited, "first", 9_999_99, Status.SETTLED)
    await pay(limited, "large", 50_000_00, Status.HELD)
    await approve(limited, APPROVER, "large")
    asked = pb.GetLimitsRequest(currencies=["EUR"], debtor_account_id=ANNA_ACCOUNT)
    for who, approved in ((APPROVER, 50_000_00), (OTHER_APPROVER, 0)):
        with calling(who):
            found = await limited.application.limits.api.GetLimits(asked, None)
        [used] = found.uses
        assert (used.currency, used.debtor_day_minor, used.day_minor) == ("EUR", 9_999_99, 9_999_99)
        assert used.approver_minor == approved
    asked.debtor_account_id = an_id("boris account")
    with calling(APPROVER):
        [used] = (await limited.application.limits.api.GetLimits(asked, None)).uses
        assert (used.debtor_day_minor, used.day_minor) == (0, 9_999_99)
        asked.ClearField("debtor_account_id")
        assert not (await limited.application.limits.api.GetLimits(asked, None)).uses


async def test_within_one_batch_the_rows_before_count(limited: World) -> None:
    """Three rows of one batch are three payments."""
    rows = [order(name, 9_999_99, remittance=name) for name in ("a", "b", "c")]
    await limited.submit_batch(PLATFORM, an_id("batch"), rows)
    await limited.reaches("c", Status.HELD)
    await limited.reaches("a", Status.SETTLED)
    assert [limited.status(name) for name in ("a", "b", "c")] == [Status.SETTLED, Status.HELD, Status.HELD]


async def test_what_a_second_person_approved_or_came_to_nothing_does_not_count(limited: World) -> None:
    """Approved, refused by custody and withdrawn payments leave the day's room as it was."""
    await pay(limited, "large", 50_000_00, Status.HELD)
    await approve(limited, APPROVER, "large")
    await limited.reaches("large", Status.SETTLED)
    limited.custody.closed.add(an_id("boris account"))
    await pay(limited, "refused", 9_000_00, Status.REJECTED)
    limited.custody.closed.clear()
    limited.seals.is_away = True
    await pay(limited, "withdrawn", 9_000_00, Status.RESERVED, creditor=STRANGER)
    await limited.application.approvals.cancel(PLATFORM, [an_id("withdrawn")], "")
    await limited.reaches("withdrawn", Status.CANCELLED)
    assert limited.custody.balances[ANNA_ACCOUNT] == 950_000_00
    await pay(limited, "last", 10_000_00, Status.SETTLED)


async def test_another_day_has_room_of_its_own(limited: World) -> None:
    """Days are UTC's."""
    state = limited.states.submissions
    await pay(limited, "today", 9_999_99, Status.SETTLED)
    day = limited.clock.now_ns() // DAY_NS
    (key,) = [key for _, sums in state.tallies.items() for key, _ in sums if ANNA_ACCOUNT in key]
    assert state.tallies.sum_minor(day, key) == 9_999_99
    assert state.tallies.sum_minor(day + 1, key) == state.tallies.sum_minor(day - 1, key) == 0


async def test_a_platform_as_a_whole_has_a_limit_for_the_day(limited: World) -> None:
    """Many debtors of one platform are one platform."""
    small = Bounds(10_000_00, 10_000_00, 15_00, MAX_AMOUNT_MINOR)
    await limited.application.limits.setting.set(OPERATOR, TENANT, PlatformLimits(1, {EUR: small}))
    limited.custody.balances[an_id("boris account")] = 100_00
    await pay(limited, "of anna", 10_00, Status.SETTLED)
    boris = limited.identity.aliases
    of_boris = next(iban for iban, alias in boris.items() if alias.account_id == an_id("boris account"))
    to_anna = next(iban for iban, alias in boris.items() if alias.account_id == ANNA_ACCOUNT)
    reason = await pay(limited, "of boris", 10_00, Status.HELD, debtor_iban=of_boris, creditor=to_anna)
    assert reason == reasons.SECOND_APPROVER_REQUIRED


def test_currencies_that_nobody_named_have_limits_by_a_table() -> None:
    """JPY 1,250 is far below; every currency has a limit above nothing; what is no currency has none."""
    limits = parse_limits(["EUR=10000.00"])
    none = PlatformLimits()
    assert limits.bounds(none, currency("JPY").numeric_code).payment_minor == 1_500_000
    assert limits.bounds(none, currency("KWD").numeric_code).payment_minor == 3_000_000
    assert limits.bounds(none, currency("BHD").numeric_code).payment_minor == 1_000_000
    assert limits.bounds(none, EUR).payment_minor == 10_000_00
    assert all(each.payment_minor > 0 and each.day_minor <= MAX_AMOUNT_MINOR for each in BUILT_IN.values())
    assert limits.bounds(none, 0).payment_minor == 0


LOOSER = [
    PlatformLimits(2, {EUR: Bounds(100_01, 200_00, 300_00, 50_00)}, {(APPROVER.subject, EUR): 20_00}),
    PlatformLimits(2, {EUR: Bounds(100_00, 200_01, 300_00, 50_00)}, {(APPROVER.subject, EUR): 20_00}),
    PlatformLimits(2, {EUR: Bounds(100_00, 200_00, 300_01, 50_00)}, {(APPROVER.subject, EUR): 20_00}),
    PlatformLimits(2, {EUR: Bounds(100_00, 200_00, 300_00, 50_01)}, {(APPROVER.subject, EUR): 20_00}),
    PlatformLimits(2, {EUR: Bounds(100_00, 200_00, 300_00, 50_00)}, {(APPROVER.subject, EUR): 20_01}),
    PlatformLimits(2, {EUR: Bounds(100_00, 200_00, 300_00, 50_00)}),
    PlatformLimits(2, {}, {(APPROVER.subject, EUR): 20_00}),
    PlatformLimits(2, {EUR: Bounds(100_00, 200_00, 300_00, 50_00)}, {(APPROVER.subject, EUR): 20_00}, "Asia/Tokyo"),
    PlatformLimits(2, {EUR: Bounds(1, 1, 1, 1), 392: Bounds(2**40, 0, 0, 0)}, {(APPROVER.subject, EUR): 20_00}),
]
TIGHT = PlatformLimits(1, {EUR: Bounds(100_00, 200_00, 300_00, 50_00)}, {(APPROVER.subject, EUR): 20_00})


async def test_limits_are_tightened_by_one_person(limited: World) -> None:
    """At once, for good, and again without effect; a version is one set of limits."""
    setting = limited.application.limits.setting
    for _ in range(2):
        assert await setting.set(OPERATOR, TENANT, TIGHT) == (1, b"")
    with pytest.raises(LimitsVersionTaken):
        await setting.set(OPERATOR, TENANT, PlatformLimits(1, {EUR: Bounds(1, 1, 1, 1)}))
    with pytest.raises(LimitsVersionTaken):
        await setting.set(OPERATOR, TENANT, PlatformLimits(3, TIGHT.by_ledger, TIGHT.by_approver))
    await limited.restart()
    assert await limited.application.limits.setting.get(TENANT) == TIGHT
    assert await pay(limited, "above", 100_01, Status.HELD) == reasons.SECOND_APPROVER_REQUIRED


@pytest.mark.parametrize("looser", LOOSER)
async def test_limits_are_loosened_by_two_people(limited: World, looser: PlatformLimits) -> None:
    """Whatever would let more move waits for another operator: by payment, sum, approver, or by leaving a row out."""
    setting, proposals = limited.application.limits.setting, limited.application.proposals
    await setting.set(OPERATOR, TENANT, TIGHT)
    version, proposal = await setting.set(OPERATOR, TENANT, looser)
    assert (version, await setting.get(TENANT)) == (1, TIGHT)
    confirm = [Decision(proposal, Verdict.CONFIRM)]
    same_person = replace(OTHER_OPERATOR, person=OPERATOR.person)
    for nobody in (OPERATOR, same_person, APPROVER):
        (refusal,) = await proposals.decide(confirm, nobody)
        assert refusal in ("SECOND_PERSON_REQUIRED", "PROPOSAL_NOT_FOUND")
        assert await setting.get(TENANT) == TIGHT
    assert await proposals.decide(confirm, OTHER_OPERATOR) == [""]
    assert await setting.get(TENANT) == looser


async def test_a_change_voids_what_was_to_be_loosened(limited: World) -> None:
    """What the first person saw is not what the second would let in."""
    setting, proposals = limited.application.limits.setting, limited.application.proposals
    await setting.set(OPERATOR, TENANT, TIGHT)
    _, proposal = await setting.set(OPERATOR, TENANT, LOOSER[0])
    await setting.set(OPERATOR, TENANT, PlatformLimits(2, {EUR: Bounds(1, 1, 1, 1)}, TIGHT.by_approver))
    assert await proposals.decide([Decision(proposal, Verdict.CONFIRM)], OTHER_OPERATOR) == ["PROPOSAL_VOID"]
    assert (await setting.get(TENANT)).by_ledger[EUR] == Bounds(1, 1, 1, 1)


async def test_one_person_with_two_keys_is_one_person(limited: World) -> None:
    """Maker, first and second approver are three people, whatever principals, keys or certificates they hold."""
    limits = PlatformLimits(1, {EUR: Bounds(1_00, 1_00, 1_00, 50_00)})
    await limited.application.limits.setting.set(OPERATOR, TENANT, limits)
    await pay(limited, "above", 50_01, Status.HELD)
    for shared in ("person", "key_sha256", "certificate_thumbprint"):
        double = replace(APPROVER, **{shared: getattr(PLATFORM, shared)})
        assert await approve(limited, double, "above") == (Status.HELD, reasons.APPROVER_IS_MAKER)
    waits = (Status.HELD, reasons.ANOTHER_APPROVER_REQUIRED)
    assert await approve(limited, APPROVER, "above") == waits
    for shared in ("person", "key_sha256", "certificate_thumbprint"):
        assert await approve(limited, replace(OTHER_APPROVER, **{shared: getattr(APPROVER, shared)}), "above") == waits
    await limited.restart()
    assert await approve(limited, replace(OTHER_APPROVER, person=APPROVER.person), "above") == waits
    await approve(limited, OTHER_APPROVER, "above")
    await limited.reaches("above", Status.SETTLED)


async def test_above_his_own_maximum_an_approver_needs_another(limited: World) -> None:
    """One approval is noted and is not enough; the same person again adds nothing, another one does."""
    limits = PlatformLimits(1, {EUR: Bounds(1_00, 1_00, 1_00, 500_00)}, {(APPROVER.subject, EUR): 50_00})
    await limited.application.limits.setting.set(OPERATOR, TENANT, limits)
    await pay(limited, "his", 50_00, Status.HELD)
    await approve(limited, APPROVER, "his")
    await limited.reaches("his", Status.SETTLED)
    await pay(limited, "above", 50_01, Status.HELD)
    waits = (Status.HELD, reasons.ANOTHER_APPROVER_REQUIRED)
    assert await approve(limited, APPROVER, "above") == waits
    await limited.restart()
    assert await approve(limited, APPROVER, "above") == waits
    assert await approve(limited, PLATFORM, "above") == (Status.HELD, reasons.APPROVER_IS_MAKER)
    await approve(limited, OTHER_APPROVER, "above")
    await limited.reaches("above", Status.SETTLED)
    await pay(limited, "of all", 500_01, Status.HELD)
    assert await approve(limited, OTHER_APPROVER, "of all") == waits
    (stopped,) = await limited.application.approvals.decide(APPROVER, TENANT, [an_id("of all")], Directive.REJECT, "")
    assert stopped.status == Status.REJECTED


async def test_what_an_approver_lets_pass_alone_adds_up(limited: World) -> None:
    """3 times 9,999.99 under 10,000.00, in one call and in several; what came to nothing is given back."""
    limits = PlatformLimits(1, {EUR: Bounds(1_00, 1_00, 1_00)}, {(APPROVER.subject, EUR): 10_000_00})
    await limited.application.limits.setting.set(OPERATOR, TENANT, limits)
    names = ("a", "b", "c")
    rows = [order(name, 9_999_99, remittance=name) for name in names]
    await limited.submit_batch(PLATFORM, an_id("batch"), rows)
    await limited.reaches("c", Status.HELD)
    ids = [an_id(name) for name in names]
    limited.custody.closed.add(an_id("boris account"))
    limited.custody.is_away = True
    views = await limited.application.approvals.decide(APPROVER, TENANT, ids, Directive.APPROVE, "")
    waits = reasons.ANOTHER_APPROVER_REQUIRED
    assert [view.reason for view in views[1:]] == [waits, waits]
    await limited.restart()
    assert (await approve(limited, APPROVER, "c"))[1] == waits
    limited.custody.is_away = False
    await limited.reaches("a", Status.REJECTED)
    limited.custody.closed.clear()
    await pay(limited, "again", 9_999_99, Status.HELD, remittance="again")
    assert (await approve(limited, APPROVER, "again"))[1] != waits
    await limited.reaches("again", Status.SETTLED)
    await pay(limited, "more", 10_00, Status.HELD, remittance="more")
    await limited.restart()
    assert (await approve(limited, APPROVER, "more"))[1] == waits


def test_midnight_does_not_double_the_room() -> None:
    """At 23:59 and at 00:01 one day's sum passes; with the hours yesterday's counts less."""
    tallies = Tallies()
    tallies.restore([(9, [(b"key", 100)])])
    before, after = 10 * DAY_NS - 1, 10 * DAY_NS + DAY_NS // 1_440
    assert [tallies.sliding_minor(each, b"key") for each in (before, after)] == [100, 100]
    assert tallies.sliding_minor(10 * DAY_NS + DAY_NS // 2, b"key") == 50
    assert tallies.sliding_minor(11 * DAY_NS, b"key") == 0


async def test_nobody_is_asked_to_approve_what_cannot_be_paid(limited: World) -> None:
    """Without funds it is refused at once; while custody does not tell, it waits unseen and others go on."""
    assert await pay(limited, "too much", 1_000_000_01, Status.REJECTED) == reasons.INSUFFICIENT_FUNDS
    limited.custody.hides_balances = True
    rows = [order("small", 1_00, remittance="small"), order("large", 20_000_00, remittance="large")]
    await limited.submit_batch(PLATFORM, an_id("batch"), rows)
    await limited.reaches("small", Status.SETTLED)
    await limited.until(lambda: limited.reason("large") == "CUSTODY_UNAVAILABLE")
    assert limited.status("large") is Status.AUTHENTICATED
    limited.custody.hides_balances = False
    await limited.reaches("large", Status.HELD)


async def test_the_same_payment_again_is_held_for_a_look(limited: World) -> None:
    """Under another message and instruction id, over a restart; not where anything differs, nor the same id again."""
    await pay(limited, "first", 10_00, Status.SETTLED, remittance="Invoice 7")
    await limited.submit_batch(PLATFORM, an_id("submission first"), [order("first", 10_00, remittance="Invoice 7")])
    await limited.restart()
    assert await pay(limited, "again", 10_00, Status.HELD, remittance=" invoice  7") == reasons.POSSIBLE_DUPLICATE
    await pay(limited, "other text", 10_00, Status.SETTLED, remittance="Invoice 8")
    await pay(limited, "other amount", 10_01, Status.SETTLED, remittance="Invoice 7")
    await approve(limited, APPROVER, "again")
    await limited.reaches("again", Status.SETTLED)


async def test_what_came_to_nothing_may_be_ordered_again(limited: World) -> None:
    """A refused payment is no payment."""
    limited.custody.closed.add(an_id("boris account"))
    await pay(limited, "refused", 10_00, Status.REJECTED, remittance="Invoice 7")
    limited.custody.closed.clear()
    await pay(limited, "again", 10_00, Status.SETTLED, remittance="Invoice 7")


async def test_the_days_of_looks_are_a_setting(limited: World) -> None:
    """None, and the same payment passes."""
    limited.duplicate_days = 0
    await limited.restart()
    await pay(limited, "first", 10_00, Status.SETTLED, remittance="Invoice 7")
    await pay(limited, "again", 10_00, Status.SETTLED, remittance="Invoice 7")


async def test_sums_are_the_same_in_a_snapshot_and_from_events(limited: World) -> None:
    """Whatever process takes over has the same sums, limits and table."""
    await pay(limited, "one", 10_00, Status.SETTLED)
    await pay(limited, "held", 20_000_00, Status.HELD)
    saved, digest = limited.states.together().save(), limited.states.together().digest()
    await limited.restart()
    assert limited.states.together().digest() == digest
    limited.states.together().restore({name: memoryview(content) for name, content in saved})
    assert limited.states.together().digest() == digest
    assert limited.states.submissions.tallies.items()


async def test_the_maker_withdraws_his_own_before_it_is_handed_over(limited: World) -> None:
    """Held or reserved, with the money free again; another's, and what is gone, says why not."""
    await pay(limited, "held", 20_000_00, Status.HELD)
    cancel = limited.application.approvals.cancel
    (other,) = await cancel(OTHER_APPROVER, [an_id("held")], "")
    assert (other.status, other.reason) == (Status.HELD, reasons.MADE_BY_ANOTHER)
    for _ in range(2):
        (own,) = await cancel(PLATFORM, [an_id("held")], "a slip")
        assert own.status == Status.CANCELLED
    await pay(limited, "gone", 10_00, Status.SENT, creditor=STRANGER)
    (late,) = await cancel(PLATFORM, [an_id("gone")], "")
    assert (late.status, late.reason) == (Status.SENT, reasons.ALREADY_RELEASED)


async def test_the_table_of_payments_is_the_same_when_filled_anew(limited: World) -> None:
    """It is made of events alone."""
    await pay(limited, "one", 10_00, Status.SETTLED)
    rows = "SELECT * FROM recent_payments ORDER BY position, instruction_index"
    with limited.store.connection() as connection:
        before = connection.execute(rows).fetchall()
    assert len(before) == 1
    await limited.stop()
    with psycopg.connect(limited.database.owner_conninfo) as connection:
        connection.execute("DELETE FROM recent_payments")
        connection.execute("DELETE FROM cursors WHERE name = 'projection:recent-payments'")
    await limited.start()
    with limited.store.connection() as connection:
        assert connection.execute(rows).fetchall() == before
