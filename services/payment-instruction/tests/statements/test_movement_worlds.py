"""Banks made up at random: whatever they tell, the mirror ends with what they hold, and nobody is credited early."""

import random
from collections.abc import Iterator
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st
from ringfence_kernel.values.ids import ZERO_ID, external_id
from ringfence_payment_instruction.statements.domain.movements import Movements
from ringfence_payment_instruction.statements.domain.statement import Kind
from ringfence_payment_instruction.statements.domain.told import (
    Likeness,
    Part,
    ReferenceKind,
    Telling,
    Told,
    likeness,
    reference,
)

from .bank import FIRST_DAY, Bank, Books, File, Habits, run, simulate, with_habits

SHARES = st.sampled_from([0.0, 0.1, 0.4, 0.8])
HABITS = st.builds(
    Habits,
    days=st.integers(1, 4),
    movements=st.integers(1, 6),
    batches=SHARES,
    in_parts=SHARES,
    opaque=SHARES,
    nameless=SHARES,
    shifted=SHARES,
    untold=SHARES,
    repeats=SHARES,
    late=SHARES,
    round_amounts=SHARES,
    clients_told=st.sampled_from([0.0, 0.5, 1.0]),
    debits=SHARES,
    reversals=SHARES,
)


def _content(known: Movements) -> object:
    dicts = (known.known, known.sums, known.held, known.taken, known.chain, known.loose)
    return [dict(each) for each in dicts], known.posted_minor


@settings(max_examples=300)
@given(HABITS, st.integers(0, 2**32))
def test_whatever_is_told_the_mirror_ends_with_what_the_bank_holds(habits: Habits, seed: int) -> None:
    """Every splitting, order, repetition, date and reversal: each statement leaves its closing balance in the mirror.

    News of later days comes on top. Nothing came in early, and no client got more than the bank booked for him; what
    lies in suspense in doubt is an exception, not money.
    """
    counts, _ = run(Bank(random.Random(seed), habits))
    assert (counts.off, counts.early, counts.wrong_client) == (0, 0, 0)


@settings(max_examples=100)
@given(HABITS, st.integers(0, 2**32))
def test_a_restart_in_between_changes_nothing(habits: Habits, seed: int) -> None:
    """State that was built again from its events decides what the one before would have decided."""
    _, books = run(Bank(random.Random(seed), habits))
    _, restarted = run(Bank(random.Random(seed), habits), random.Random(seed))
    assert restarted.events == books.events
    assert _content(restarted.known) == _content(books.known)


@settings(max_examples=100)
@given(HABITS, st.integers(0, 2**32))
def test_a_commit_that_failed_leaves_no_trace(habits: Habits, seed: int) -> None:
    """What is applied under the journal and rolled back was never there."""
    books = Books()
    for file in Bank(random.Random(seed), habits).files():
        before, count = _content(books.known), len(books.events)
        books.take(file, commit=False)
        assert _content(books.known) == before
        del books.events[count:]
        books.take(file)


@settings(max_examples=100)
@given(HABITS, st.integers(0, 2**32))
def test_files_that_come_again_bring_nothing(habits: Habits, seed: int) -> None:
    """The same bytes again, at any time, move no money."""
    books = Books()
    files = Bank(random.Random(seed), habits).files()
    for number, file in enumerate(files):
        books.take(file)
        posted, credited = books.known.posted_minor, books.credited()
        books.take(files[seed % (number + 1)])
        assert (books.known.posted_minor, books.credited()) == (posted, credited)


def test_with_every_reference_nothing_is_in_doubt() -> None:
    """Where no reference is left out, no sum is told without its parts, and no part is alike, nothing is held."""
    counts = simulate(with_habits(opaque=0.0, round_amounts=0.0), 60)
    assert (counts.held, counts.suspense_days, counts.never_booked) == (0, 0, 0)
    assert counts.told > 500


def test_no_more_is_held_than_the_document_says() -> None:
    """Of news dated as booked some 7 % with all references, 25 % where 40 % of them are left out."""
    for nameless, most in ((0.0, 0.08), (0.4, 0.27)):
        counts = simulate(with_habits(nameless=nameless), 150)
        assert counts.held <= most * counts.told
        assert counts.held > 0


# An oracle of its own: every way in which a few entries may belong together, counted out.

ENTRIES = st.builds(
    lambda amount, references, client, transactions: Told(
        FIRST_DAY,
        amount,
        True,
        False,
        frozenset(references),
        (Part(amount, frozenset(references), client),) if transactions == 1 else (),
        transactions,
    ),
    st.sampled_from([100, 200, 300]),
    st.sets(
        st.sampled_from(
            [
                reference(ReferenceKind.ENTRY, "X"),
                reference(ReferenceKind.ENTRY, "Y"),
                reference(ReferenceKind.TRANSACTION, "Z"),
            ]
        ),
        max_size=1,
    ),
    st.sampled_from([ZERO_ID, external_id("test", ZERO_ID, "A"), external_id("test", ZERO_ID, "B")]),
    st.sampled_from([1, 1, 1, 2]),
)
Named = tuple[int, bytes, Told]
"""The number of a file, the id of an entry, and what it tells."""


def _partitions(items: list[Named]) -> Iterator[list[list[Named]]]:
    if not items:
        yield []
        return
    first, *others = items
    for rest in _partitions(others):
        yield [[first], *rest]
        for at in range(len(rest)):
            yield [*rest[:at], [first, *rest[at]], *rest[at + 1 :]]


def _may_be_retold(block: list[Named]) -> bool:
    """Tells whether all these may be one and the same: each of another file, and nothing tells two apart."""
    if len({file for file, _, _ in block}) < len(block) or len({told.amount_minor for _, _, told in block}) > 1:
        return False
    pairs = combinations([told.whole() for _, _, told in block], 2)
    return all(likeness(one, other) is not Likeness.DIFFERENT for one, other in pairs)


def _may_be_one(block: list[Named]) -> bool:
    """Tells whether one movement explains all these: told as a whole, or as a sum and its parts."""
    total = max(told.amount_minor for _, _, told in block)
    wholes = [each for each in block if each[2].amount_minor == total]
    parts = [each for each in block if each[2].amount_minor < total]
    if not _may_be_retold(wholes) or {each[0] for each in wholes} & {each[0] for each in parts}:
        return False
    if not parts:
        return True
    may_be_a_sum = all(told.transactions != 1 for _, _, told in wholes)
    may_be_parts = all(told.transactions == 1 for _, _, told in parts)
    ways = [each for each in _partitions(parts) if all(map(_may_be_retold, each))]
    return may_be_a_sum and may_be_parts and min(sum(one[0][2].amount_minor for one in each) for each in ways) <= total


def _keeps_references(reading: list[list[Named]]) -> bool:
    """Tells whether entries of two files that share a bank's reference are one."""
    for at, block in enumerate(reading):
        for _, _, other in (each for later in reading[at + 1 :] for each in later):
            for _, _, one in block:
                if one.amount_minor == other.amount_minor and likeness(one.whole(), other.whole()) is Likeness.SAME:
                    return False
    return True


def _is_consistent(files: list[list[Told]]) -> bool:
    """Tells whether a reference stands once in a file, and always for as many transactions: else it is held."""
    everyone = [(number, each) for number, entries in enumerate(files) for each in entries]
    return not any(
        one.references & other.references
        and one.amount_minor == other.amount_minor
        and (first == second or one.transactions != other.transactions)
        for (first, one), (second, other) in combinations(everyone, 2)
    )


FILES = st.lists(st.lists(ENTRIES, min_size=1, max_size=3), min_size=1, max_size=3)


@settings(max_examples=500)
@given(FILES.filter(lambda files: sum(map(len, files)) < 7 and _is_consistent(files)))
def test_news_is_posted_where_it_is_sure_and_held_where_it_is_not(files: list[list[Told]]) -> None:
    """No reading of the files comes to less than was posted; for every doubt there is one where it adds nothing."""
    books, named, seen = Books(), list[Named](), set[bytes]()
    for number, entries in enumerate(files):
        telling = Telling(external_id("test", ZERO_ID, f"file {number}"), Kind.REPORT, tuple(entries))
        books.take(File(telling))
        named += [(number, entry_id, told) for entry_id, told in telling.items()]
        readings = [each for each in _partitions(named) if all(map(_may_be_one, each)) and _keeps_references(each)]
        least = min(sum(max(told.amount_minor for _, _, told in block) for block in each) for each in readings)
        assert books.known.posted_minor <= least
        for entry_id in books.known.held.keys() - seen:
            blocks = [block for each in readings for block in each if any(key == entry_id for _, key, _ in block)]
            assert any(len(block) > 1 for block in blocks)
        seen |= books.known.held.keys()
