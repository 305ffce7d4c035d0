"""Traces: every cent followed to where it came from and went to, against a twin that follows single cents."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_desk.attribution import Rule
from ringfence_desk.external import external_id
from ringfence_desk.moves import moves_in
from ringfence_desk.starting import StartKind
from ringfence_desk.trace import BACK, FORTH, Node, NodeKind, Trace, traced

from .books import (
    ANNA,
    BERTA,
    CLARA,
    CLASSES,
    FEES,
    MIRROR,
    MOVES,
    OTHER,
    PLATFORM,
    SHORTFALL,
    SUSPENSE,
    Book,
)

Moves = list[tuple[UUID, UUID, int]]
Hop = tuple[UUID, int | None, int | None]
DEPTH = 5


@dataclass
class Cent:
    """One cent of one movement, the one that it was before, and the one that it became."""

    move: int
    account: UUID
    before: Cent | None = None
    after: Cent | None = None


@dataclass
class Twin:
    """Accounts as queues of single cents."""

    cents: dict[int, list[Cent]] = field(default_factory=dict)
    there: dict[UUID, list[Cent]] = field(default_factory=lambda: {account: [] for account in CLASSES})
    owed: dict[UUID, list[Cent]] = field(default_factory=lambda: {account: [] for account in CLASSES})

    def move(self, index: int, source: UUID, target: UUID, minor: int) -> None:
        """Moves single cents, one after the other as they left."""
        moved = [Cent(index, target) for _ in range(minor)]
        self.cents[index] = moved
        for cent in moved:
            if source == MIRROR:
                continue
            if self.there[source]:
                cent.before = self.there[source].pop(0)
                cent.before.after = cent
            else:
                self.owed[source].append(cent)
        for cent in moved:
            if target == MIRROR:
                continue
            if self.owed[target]:
                cent.after = self.owed[target].pop(0)
                cent.after.before = cent
            else:
                self.there[target].append(cent)

    def hops(self, index: int, from_account: dict[int, UUID]) -> Counter[Hop]:
        """Returns of all cents of a movement over which accounts they came and went, at most so deep."""
        found = Counter[Hop]()
        for cent in self.cents[index]:
            at: Cent | None = cent
            for _ in range(DEPTH):
                if at is None or from_account[at.move] == MIRROR:
                    break
                found[from_account[at.move], at.before.move if at.before else None, at.move] += 1
                at = at.before
            at = cent
            for _ in range(DEPTH):
                if at is None or at.account == MIRROR:
                    break
                found[at.account, at.move, at.after.move if at.after else None] += 1
                at = at.after
        return found


def booked(moves: Moves) -> Book:
    """Returns a book with movements."""
    book = Book()
    for source, target, minor in moves:
        book.move(source, target, minor)
    return book


def portions(trace: Trace) -> Counter[Hop]:
    """Returns a trace's portions, added up."""
    found = Counter[Hop]()
    for each in trace.portions:
        source = each.source.fact.index if each.source else None
        found[each.account_id, source, each.target.fact.index if each.target else None] += each.minor
    return found


@given(MOVES, st.data())
def test_first_in_first_out_follows_every_cent(moves: Moves, data: st.DataObject) -> None:
    """Also over accounts that were overdrawn, and round in circles: the same cents as a twin of single cents."""
    book = booked(moves)
    twin, stated = Twin(), moves_in(book.facts)
    for move in stated:
        twin.move(move.fact.index, move.from_account, move.to_account, move.minor)
    start = data.draw(st.sampled_from(stated))
    trace = traced(book.facts_of, start.id, depth=DEPTH)
    assert portions(trace) == twin.hops(start.fact.index, {move.fact.index: move.from_account for move in stated})


@given(MOVES, st.sampled_from(Rule), st.data())
def test_nothing_appears_or_vanishes(moves: Moves, rule: Rule, data: st.DataObject) -> None:
    """What goes into an account comes out of it, edges alone have one side, and each side adds up to the start."""
    book = booked(moves)
    start = data.draw(st.sampled_from(moves_in(book.facts)))
    trace = traced(book.facts_of, start.id, rule, depth=DEPTH)
    into, out = Counter[str](), Counter[str]()
    for ribbon in trace.ribbons:
        assert ribbon.minor > 0
        out[ribbon.source] += ribbon.minor
        into[ribbon.target] += ribbon.minor
    first = next(node for node in trace.nodes if node.column == 0)
    for node in trace.nodes:
        assert node.move is None or node.minor <= node.move.minor
        if node.kind is NodeKind.ACCOUNT or (node.kind is NodeKind.MOVE and node is not first):
            assert into[node.key] == out[node.key] == node.minor
    edges = [node for node in trace.nodes if not (into[node.key] and out[node.key])]
    for way in (BACK, FORTH):
        of_way = [node.minor for node in edges if node.column * way > 0]
        if of_way:
            assert sum(of_way) == start.minor


def test_a_trace_says_where_money_came_from_and_went() -> None:
    """Two deposits, a payment in the book out of both, a payout: the older deposit pays first, the rest stays."""
    book = Book()
    old, new = UUID(int=1), UUID(int=2)
    book.move(MIRROR, ANNA, 60, old, 1)
    book.move(MIRROR, ANNA, 40, new, 1)
    payment = book.move(ANNA, BERTA, 75)
    book.move(BERTA, MIRROR, 70, code=2)
    trace = traced(book.facts_of, payment)
    assert [(node.column, node.kind.value, node.minor) for node in trace.nodes] == [
        (-2, "bank-in", 60),
        (-2, "bank-in", 15),
        (-1, "account", 75),
        (0, "move", 75),
        (1, "account", 75),
        (2, "move", 70),
        (2, "kept", 5),
        (3, "bank-out", 70),
    ]
    assert sorted(ribbon.minor for ribbon in trace.ribbons) == [5, 15, 60, 70, 70, 75, 75]
    pro_rata = traced(book.facts_of, payment, Rule.PRO_RATA)
    assert [node.minor for node in pro_rata.nodes if node.kind is NodeKind.BANK_IN] == [45, 30]


def test_a_part_of_a_part_is_exact() -> None:
    """Over several accounts, the later part of what was paid on is the later part of what came."""
    book = Book()
    book.move(MIRROR, ANNA, 60, code=1)
    new = book.move(MIRROR, ANNA, 40, code=1)
    book.move(ANNA, BERTA, 100)
    book.move(BERTA, CLARA, 75)
    book.move(CLARA, MIRROR, 50, code=2)
    rest = book.move(CLARA, MIRROR, 25, code=2)
    trace = traced(book.facts_of, rest)
    assert [node.minor for node in trace.nodes if node.kind is NodeKind.BANK_IN] == [10, 15]
    ends = [(node.kind.value, node.minor) for node in traced(book.facts_of, new).nodes if node.column > 3]
    assert ends == [("move", 15), ("kept", 25), ("account", 15), ("move", 15), ("bank-out", 15)]


def test_a_reversal_takes_the_deposit_that_it_names() -> None:
    """Older money stays where it is, though by the rule alone it would go first."""
    book, deposit, reversal = Book(), UUID(int=1), UUID(int=2)
    older = book.move(MIRROR, ANNA, 30, UUID(int=3), 1)
    book.move(MIRROR, ANNA, 100, deposit, 1)
    book.add("payment-instruction.bank_entry.v1", {"entry_id": reversal.bytes, "origin_entry_id": deposit.bytes})
    book.move(SHORTFALL, MIRROR, 100, reversal, 19)
    book.move(ANNA, SHORTFALL, 100, reversal, 19)
    kept = [(node.kind.value, node.minor) for node in traced(book.facts_of, older).nodes if node.column == 2]
    assert kept == [("kept", 30)]


def test_a_fee_ends_as_the_platforms_own_money() -> None:
    """What became the platform's own is followed no further; how deep a trace goes is asked for."""
    book = Book()
    deposit = book.move(MIRROR, ANNA, 100, code=1)
    book.move(ANNA, FEES, 10, code=4)
    book.move(ANNA, BERTA, 90)
    book.move(BERTA, CLARA, 90)
    kinds = [(node.kind.value, node.minor) for node in traced(book.facts_of, deposit, depth=2).nodes if node.column > 2]
    assert kinds == [("own", 10), ("account", 90), ("move", 90), ("beyond", 90)]


def test_as_of_an_earlier_time_later_movements_are_unknown() -> None:
    """A trace as of a time has what was so then."""
    book = Book()
    deposit = book.move(MIRROR, ANNA, 100, code=1)
    then = book.facts[-1].time_ns
    book.move(ANNA, BERTA, 90)
    trace = traced(book.facts_of, deposit, until_ns=then)
    assert [(node.kind.value, node.minor) for node in trace.nodes] == [
        ("bank-in", 100),
        ("account", 100),
        ("kept", 100),
    ]


def test_a_reversal_is_followed_to_the_bank() -> None:
    """The bank takes a deposit back of which a part is spent: what is left goes back, the platform owes the rest."""
    book, deposit, reversal = Book(), UUID(int=1), UUID(int=2)
    brought = book.move(MIRROR, ANNA, 100, deposit, 1)
    book.move(ANNA, BERTA, 30)
    book.move(MIRROR, ANNA, 500, UUID(int=3), 1)
    book.add(
        "payment-instruction.bank_entry.v1",
        {"entry_id": reversal.bytes, "origin_entry_id": deposit.bytes, "client_account_id": ANNA.bytes},
    )
    book.move(SHORTFALL, MIRROR, 100, reversal, 19)
    book.move(ANNA, SHORTFALL, 70, reversal, 19)
    trace = traced(book.facts_of, brought)
    assert [(node.column, node.kind.value, node.minor) for node in trace.nodes if node.column > 2] == [
        (3, "account", 30),
        (3, "account", 70),
        (4, "kept", 30),
        (4, "move", 70),
        (5, "bank-out", 70),
    ]
    taken = moves_in(book.facts)[-2]
    back = traced(book.facts_of, taken.id)
    assert [(node.kind.value, node.minor) for node in back.nodes if node.column == -2] == [
        ("move", 70),
        ("advanced", 30),
    ]


@pytest.mark.parametrize("rule", Rule)
def test_a_payment_is_found_with_its_story(rule: Rule) -> None:
    """A payment's money is that of its transfers; its steps and decisions stand in their order, with holds."""
    book, payment = Book(), uuid4()
    about = {"instruction_id": payment.bytes}
    book.move(MIRROR, ANNA, 100, UUID(int=1), 1)
    book.add("payment-instruction.instruction.v1", {**about, "amount_minor": 40, "ledger": 978})
    book.add("payment-instruction.step.v1", {**about, "status": "HELD", "reason": "SECOND_APPROVER_REQUIRED"})
    book.add("custody.account_frozen.v1", {"account_id": ANNA.bytes})
    book.move(ANNA, MIRROR, 40, payment, 2)
    transfer = book.facts.pop()
    identifier = external_id("transfer", PLATFORM, str(payment))
    book.add("payment-instruction.directive.v1", {**about, "directive": 2})
    book.add(transfer.kind, {**transfer.fields, "transfer_id": identifier.bytes, "time_ns": 0})
    book.add("payment-instruction.step.v1", {**about, "status": "SETTLED"})
    book.add("custody.account_frozen.v1", {"account_id": ANNA.bytes})
    trace = traced(book.facts_of, payment, rule)
    assert trace.start.kind is StartKind.PAYMENT
    assert [move.id for move in trace.start.moves] == [identifier]
    assert [fact.kind.split(".")[1] for fact in trace.steps] == [
        *("transfer", "instruction", "step", "account_frozen", "directive", "transfer", "step"),
    ]


def test_a_fee_is_found_by_its_own_transfer() -> None:
    """A fee's transfer rests on the agreement, as those of all its fees do: the payment's is the one of its id."""
    book, fee, other, agreement = Book(), uuid4(), uuid4(), uuid4()
    book.move(MIRROR, ANNA, 100, UUID(int=1), 1)
    book.add("payment-instruction.fee_agreed.v1", {"agreement_id": agreement.bytes})
    for payment in (fee, other):
        book.add("payment-instruction.instruction.v1", {"instruction_id": payment.bytes, "mandate_id": agreement.bytes})
        book.move(ANNA, FEES, 5, agreement, 4)
        moved = book.facts.pop()
        identifier = external_id("transfer", PLATFORM, str(payment))
        book.add(moved.kind, {**moved.fields, "transfer_id": identifier.bytes, "time_ns": len(book.facts) * 10**9})
    trace = traced(book.facts_of, fee)
    assert [move.id for move in trace.start.moves] == [external_id("transfer", PLATFORM, str(fee))]
    told = [fact.id("instruction_id") for fact in trace.steps if fact.kind == "payment-instruction.instruction.v1"]
    assert told == [fee]
    assert "payment-instruction.fee_agreed.v1" in {fact.kind for fact in trace.steps}


def test_an_unknown_id_has_no_trace() -> None:
    """What the log does not know moves nothing; a reservation alone moves nothing either."""
    trace = traced(Book().facts_of, uuid4())
    assert (trace.start.kind, trace.nodes, trace.steps) == (StartKind.UNKNOWN, (), ())


def test_money_in_suspense_is_followed_by_its_entry() -> None:
    """What came with an entry that fitted nobody went to whom it was allocated, though older money lay there."""
    book, old, entry = Book(), UUID(int=1), UUID(int=2)
    book.move(MIRROR, SUSPENSE, 500, old, 1)
    book.move(MIRROR, SUSPENSE, 42, entry, 1)
    book.add("payment-instruction.bank_entry.v1", {"entry_id": entry.bytes})
    allocated = book.move(SUSPENSE, CLARA, 42, entry, 9)
    trace = traced(book.facts_of, allocated)
    assert [node.move.subject_id for node in trace.nodes if node.move and node.kind is NodeKind.BANK_IN] == [entry]
    assert [(move.from_account, move.minor) for move in traced(book.facts_of, entry).start.moves] == [(MIRROR, 42)]


@given(MOVES, MOVES, st.sampled_from(Rule), st.data())
def test_money_never_leaves_its_book(moves: Moves, others: Moves, rule: Rule, data: st.DataObject) -> None:
    """Another platform's accounts and transfers under the very same ids change nothing of a trace."""
    alone, book = Book(), Book()
    other = Book(book.facts, platform=OTHER)
    ours, theirs = list(moves), list(others)
    while ours or theirs:
        is_ours = bool(ours) and (not theirs or data.draw(st.booleans()))
        source, target, minor = (ours if is_ours else theirs).pop(0)
        identifier = UUID(int=0xD000 + len(ours if is_ours else theirs))
        for each in (book, alone) if is_ours else (other,):
            each.move(source, target, minor, identifier=identifier)
    start = data.draw(st.sampled_from([*moves_in(alone.facts)])).id
    both, one = traced(book.facts_of, start, rule, platform_id=PLATFORM), traced(alone.facts_of, start, rule)
    assert [_bare(each) for each in both.nodes] == [_bare(each) for each in one.nodes]
    assert sorted(each.minor for each in both.ribbons) == sorted(each.minor for each in one.ribbons)
    assert {fact.id("tenant_id") for fact in both.steps} == {PLATFORM}


def test_a_trace_is_of_one_book_and_names_the_others() -> None:
    """Without a platform it is the first that has the id; money of both is never added up."""
    book = Book()
    other = Book(book.facts, platform=OTHER)
    book.move(SHORTFALL, MIRROR, 300)
    book.move(MIRROR, SHORTFALL, 300)
    other.move(MIRROR, SHORTFALL, 70)
    first, second = traced(book.facts_of, SHORTFALL), traced(book.facts_of, SHORTFALL, platform_id=OTHER)
    assert first.start.platforms == second.start.platforms == (PLATFORM, OTHER)
    assert [sum(move.minor for move in each.start.moves) for each in (first, second)] == [300, 70]
    assert {node.platform_id for node in second.nodes} == {OTHER}
    assert traced(book.facts_of, SHORTFALL, platform_id=uuid4()).nodes == ()


def _bare(node: Node) -> tuple[object, ...]:
    return node.kind, node.column, node.account_id, node.minor, node.move and node.move.id
