"""One movement told many ways is one, and two are two: what failed for others, each as a case of its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.ids import ZERO_ID, external_id
from ringfence_payment_instruction.statements.domain.by_people import in_doubt
from ringfence_payment_instruction.statements.domain.checking import FaultKind
from ringfence_payment_instruction.statements.domain.deciding import allocate, touched
from ringfence_payment_instruction.statements.domain.events import (
    EntryDecided,
    EntryHeld,
    MovementNeverBooked,
    MovementsConfirmed,
    StatementExcepted,
    StatementTaken,
)
from ringfence_payment_instruction.statements.domain.movements import Confirmation, Doubt, Outcome
from ringfence_payment_instruction.statements.domain.statement import (
    Account,
    Balance,
    Detail,
    Entry,
    Heading,
    Kind,
    Party,
    Statement,
)
from ringfence_payment_instruction.statements.domain.taking import take

from .bank import MIRROR, Books

DAY = date(2026, 11, 26)
NORA, IVO = (external_id("test", ZERO_ID, name) for name in ("Nora", "Ivo"))


def _client_of(detail: Detail) -> bytes:
    return {"NORA": NORA, "IVO": IVO}.get(detail.party("Cdtr").account.iban, ZERO_ID)


def _detail(iban: str = "", amount: int | None = None, ref: str = "", end_to_end: str = "") -> Detail:
    parties = (Party("Cdtr", account=Account(iban)),) if iban else ()
    return Detail(amount_minor=amount, bank_reference=ref, end_to_end_id=end_to_end, parties=parties)


def _entry(amount: int, *details: Detail, ref: str = "", direction: str = "CRDT", reversal: bool = False,
           transactions: int | None = None, day: date = DAY) -> Entry:  # fmt: skip
    count = transactions if transactions is not None else len(details) or None
    return Entry(amount, "EUR", direction, reversal, "BOOK", day, day, "", ref, count, details)


class World:
    """Books that take news and statements."""

    def __init__(self) -> None:
        self.books = Books()
        self._files = 0

    def _take(self, statement: Statement, name: str = "") -> list[object]:
        self._files += 1
        digest = external_id("test", ZERO_ID, name or str(self._files)) * 2
        loose = list(self.books.known.loose)
        found = take(
            self.books.known, MIRROR, "EUR", statement, digest, max(DAY, statement.heading.last_day or DAY), _client_of
        )
        events = self.books.record(found)
        return events + self.books.record(allocate(self.books.known, MIRROR, [*touched(events), *loose]))

    def news(self, *entries: Entry, name: str = "", copy: str = "") -> list[object]:
        heading = Heading(Kind.NOTIFICATION, "camt.054.001.08", "M", "N", Account("X"), "", copy=copy)
        return self._take(Statement(heading, entries), name)

    def statement(
        self, opening: int, closing: int, *entries: Entry, day: date = DAY, **changes: object
    ) -> list[object]:
        heading = Heading(
            Kind.STATEMENT, "camt.053.001.08", "M", "S", Account("X"), "EUR", last_day=day, first_day=day,
            opening=Balance(opening, "EUR", day), closing=Balance(closing, "EUR", day),
        )  # fmt: skip
        return self._take(Statement(replace(heading, **changes), entries))  # type: ignore[arg-type]

    def unbalanced(self, *entries: Entry, day: date) -> list[object]:
        whole = _whole(day, 0, 0, *entries)
        return self._take(replace(whole, heading=replace(whole.heading, closing=None)))

    @property
    def mirror(self) -> int:
        return self.books.known.posted_minor

    @property
    def clients(self) -> tuple[int, int]:
        found = self.books.credited()
        return found.get(NORA, 0), found.get(IVO, 0)


@pytest.fixture
def world() -> World:
    """Empty books."""
    return World()


def _held(events: list[object]) -> list[int]:
    return [reason for each in events if isinstance(each, EntryHeld) for reason in each.reasons]


def _faults(events: list[object]) -> list[FaultKind]:
    return [FaultKind(each.kind) for each in events if isinstance(each, StatementExcepted)]


def test_two_deposits_without_a_reference_are_two(world: World) -> None:
    """NONREF of two clients is two movements; the same bytes again are nothing; another amount is a third."""
    world.news(_entry(10_000, _detail("NORA")), name="first")
    world.news(_entry(10_000, _detail("IVO")))
    world.news(_entry(10_000, _detail("NORA")), name="first")
    world.news(_entry(7_000, _detail("IVO")))
    assert (world.mirror, world.clients) == (27_000, (10_000, 17_000))


def test_a_sum_and_then_its_parts_came_once(world: World) -> None:
    """300.00 in one, later with its parts in any order, moves the mirror once and credits each."""
    world.news(_entry(30_000, ref="B", transactions=2))
    assert (world.mirror, world.clients) == (30_000, (0, 0))
    parts = (_detail("NORA", 10_000), _detail("IVO", 20_000))
    world.news(_entry(30_000, *parts, ref="B"))
    world.news(_entry(30_000, *parts[::-1], ref="B"))
    assert (world.mirror, world.clients) == (30_000, (10_000, 20_000))


def test_parts_and_then_their_sum_came_once(world: World) -> None:
    """Two entries of their own, then the sum that names both: the same money; a third part of it is new."""
    world.news(_entry(10_000, _detail("NORA", ref="P1")), _entry(20_000, _detail("IVO", ref="P2")))
    parts = (_detail("NORA", 10_000, "P1"), _detail("IVO", 20_000, "P2"))
    world.news(_entry(30_000, *parts, ref="B"))
    assert (world.mirror, world.clients) == (30_000, (10_000, 20_000))
    world.news(_entry(35_000, *parts, _detail("IVO", 5_000, "P3"), ref="C"))
    assert (world.mirror, world.clients) == (35_000, (10_000, 25_000))
    world.news(_entry(35_000, ref="C", transactions=3))
    assert world.mirror == 35_000


def test_what_may_be_a_part_of_a_sum_waits(world: World) -> None:
    """A sum without its parts, then an entry that may be in it: held; the statement says that it was one more."""
    world.news(_entry(30_000, ref="B", transactions=2))
    assert _held(world.news(_entry(10_000, _detail("NORA"), ref="P"))) == [Doubt.PART_OR_SUM]
    assert world.mirror == 30_000
    world.statement(0, 40_000, _entry(30_000, ref="B", transactions=2), _entry(10_000, ref="P", transactions=1))
    assert (world.mirror, world.clients) == (40_000, (10_000, 0))


def test_a_duplicate_flag_proves_nothing_and_the_money_waits(world: World) -> None:
    """The same entry without a reference under new ids is held, flagged or not."""
    world.news(_entry(1_500, _detail("IVO")))
    for flag in ("DUPL", ""):
        assert _held(world.news(_entry(1_500, _detail("IVO")), copy=flag)) == [Doubt.LIKE_ANOTHER]
    assert (world.mirror, world.clients) == (1_500, (0, 1_500))


def test_in_one_file_there_are_as_many_as_stand_there(world: World) -> None:
    """Three alike after one: two are new, whoever of them it is."""
    world.news(_entry(1_000, _detail("IVO")))
    events = world.news(*[_entry(1_000, _detail("IVO"))] * 3)
    assert (world.mirror, world.clients, _held(events)) == (3_000, (0, 3_000), [Doubt.LIKE_ANOTHER])


def test_a_reference_twice_in_one_file_waits_for_the_balance(world: World) -> None:
    """The second of two with one reference is held; the closing balance says that they were two."""
    twice = [_entry(1_000, _detail("NORA"), ref="X")] * 2
    assert _held(world.news(*twice)) == [Doubt.REPEATED]
    assert world.mirror == 1_000
    world.statement(0, 2_000, *twice)
    assert (world.mirror, world.clients) == (2_000, (2_000, 0))


def test_a_statement_that_repeats_an_entry_means_one_where_its_balance_says_so(world: World) -> None:
    """The same entry twice, and a closing balance that has it once."""
    events = world.statement(0, 1_000, *[_entry(1_000, _detail("NORA"), ref="X")] * 2)
    assert (world.mirror, world.clients, _faults(events)) == (1_000, (1_000, 0), [])


def test_one_reference_with_another_amount_is_another_movement(world: World) -> None:
    """Nothing is refused for it, and both are booked."""
    world.news(_entry(1_000, _detail("NORA"), ref="X"))
    world.news(_entry(2_000, _detail("IVO"), ref="X"))
    assert world.clients == (1_000, 2_000)


def test_a_reversal_takes_back_what_came(world: World) -> None:
    """A debit flagged as reversal is a movement of its own, also under the reference of what it reverses."""
    world.news(_entry(8_000, _detail("NORA"), ref="R"))
    world.news(_entry(8_000, _detail("NORA"), ref="R", direction="DBIT", reversal=True))
    assert world.mirror == 0
    world.news(_entry(500, _detail("NORA"), ref="C", reversal=True))
    assert (world.mirror, world.clients) == (500, (8_000, 0))  # a credit flagged so stays in suspense


def test_the_statements_date_wins(world: World) -> None:
    """A reference dated the day before is the same movement, and is of the statement's day."""
    world.news(_entry(1_000, _detail("NORA"), ref="X", day=DAY - timedelta(days=1)))
    events = world.statement(0, 1_000, _entry(1_000, ref="X"))
    (confirmed,) = [each for each in events if isinstance(each, MovementsConfirmed)]
    assert list(unpack("i", confirmed.days)) == [(DAY - date(1970, 1, 1)).days]
    assert (world.mirror, confirmed.how[0]) == (1_000, Confirmation.REFERENCE)


@pytest.mark.parametrize("apart", [-365, -20])
def test_a_reference_told_of_two_days_far_apart_is_one_movement(world: World, apart: int) -> None:
    """The second waits, and the statement has one of them, whichever day was right."""
    world.news(_entry(1_000, _detail("NORA"), ref="X", day=DAY + timedelta(days=apart)))
    assert _held(world.news(_entry(1_000, _detail("NORA"), ref="X"))) == [Doubt.LIKE_ANOTHER]
    world.statement(0, 1_000, _entry(1_000, _detail("NORA"), ref="X"))
    assert (world.mirror, world.clients, list(in_doubt(world.books.known))) == (1_000, (1_000, 0), [])


def test_money_dated_a_day_late_is_not_credited_twice(world: World) -> None:
    """News without a reference dated tomorrow, booked today: in doubt until tomorrow's statement lacks it."""
    tomorrow = DAY + timedelta(days=1)
    world.news(_entry(1_000, _detail("NORA"), day=tomorrow))
    world.statement(0, 1_000, _entry(1_000, _detail("NORA")))
    assert world.clients == (1_000, 0)
    assert world.mirror == 2_000  # one of them in suspense, in doubt
    events = world.statement(1_000, 1_000, day=tomorrow)
    assert (world.mirror, world.clients) == (1_000, (1_000, 0))
    assert [list(each.outcomes) for each in events if isinstance(each, EntryDecided)] == [[Outcome.SAME]]
    assert not [each for each in events if isinstance(each, MovementNeverBooked)]


def test_what_was_told_and_is_not_booked_is_missing_until_it_is(world: World) -> None:
    """The statement's word counts: the mirror moves back; the next statement books it after all."""
    world.news(_entry(1_000, _detail("NORA"), ref="X"))
    (missing,) = [each for each in world.statement(0, 0) if isinstance(each, MovementNeverBooked)]
    assert (world.mirror, list(unpack("Q", missing.amounts_minor))) == (0, [1_000])
    tomorrow = DAY + timedelta(days=1)
    world.statement(0, 1_000, _entry(1_000, ref="X", day=tomorrow), day=tomorrow)
    assert (world.mirror, world.clients) == (1_000, (1_000, 0))


def test_what_is_booked_on_both_days_may_be_one_mans_and_one_of_somebody_else(world: World) -> None:
    """News of tomorrow for a client, one entry for him today and one for nobody tomorrow: he is credited once."""
    tomorrow = DAY + timedelta(days=1)
    world.news(_entry(1_000, _detail("NORA"), day=tomorrow))
    world.statement(0, 1_000, _entry(1_000, _detail("NORA")))
    world.statement(1_000, 2_000, _entry(1_000, _detail(), day=tomorrow), day=tomorrow)
    assert (world.mirror, world.clients) == (2_000, (1_000, 0))


def _sum(*parts: tuple[str, int]) -> Entry:
    return _entry(sum(amount for _, amount in parts), *(_detail(iban, amount) for iban, amount in parts))


def test_two_sums_of_one_amount_are_told_apart_by_whom_their_parts_are_for(world: World) -> None:
    """One of them was told before; the other is new, in whatever order they stand."""
    known = _sum(("NORA", 1_000), ("IVO", 2_000), ("NORA", 5_000))
    world.news(known)
    world.statement(0, 16_000, _sum(("IVO", 1_000), ("NORA", 2_000), ("NORA", 5_000)), known)
    assert (world.mirror, world.clients) == (16_000, (13_000, 3_000))


def test_nobody_is_credited_more_often_than_the_statement_names_him(world: World) -> None:
    """Two sums, of which one hardly says whom it is for: whichever was told before, a part is not credited twice."""
    known = _sum(("NORA", 1_000), ("IVO", 2_000), ("NORA", 5_000))
    world.news(known)
    world.statement(0, 16_000, _sum(("", 1_000), ("", 2_000), ("NORA", 5_000)), known)
    assert (world.mirror, world.clients) == (16_000, (11_000, 2_000))


def test_a_missing_sum_does_not_come_back_in_pieces(world: World) -> None:
    """An entry of the amount of one of its parts is another movement, and the mirror holds what the bank does."""
    world.news(_entry(3_000, _detail("NORA", 1_000), _detail("IVO", 2_000), ref="B"))
    world.statement(0, 0)
    tomorrow = DAY + timedelta(days=1)
    world.statement(0, 1_000, _entry(1_000, _detail(), day=tomorrow), day=tomorrow)
    assert world.mirror == 1_000


def test_a_movement_under_another_reference_is_confirmed_by_the_balance(world: World) -> None:
    """What the bank names anew is neither missing nor new: people confirm it, and nobody is credited twice."""
    world.news(_entry(1_000, _detail("NORA"), ref="X"))
    events = world.statement(0, 1_000, _entry(1_000, _detail("NORA"), ref="Y"))
    (confirmed,) = [each for each in events if isinstance(each, MovementsConfirmed)]
    assert (world.mirror, world.clients, confirmed.how[0]) == (1_000, (1_000, 0), Confirmation.BALANCE)


def test_a_sum_of_what_was_told_is_confirmed_and_the_rest_is_in_suspense(world: World) -> None:
    """One entry for two that are known, found by their sum; what it has beyond them belongs to nobody yet."""
    world.news(_entry(1_100, _detail("NORA"), ref="X"), _entry(2_300, _detail("IVO"), ref="Y"))
    events = world.statement(0, 3_400, _entry(3_400, ref="B", transactions=2))
    (confirmed,) = [each for each in events if isinstance(each, MovementsConfirmed)]
    assert set(confirmed.how) == {Confirmation.SUM}
    assert (world.mirror, world.clients) == (3_400, (1_100, 2_300))
    tomorrow = DAY + timedelta(days=1)
    world.news(_entry(1_000, _detail("NORA"), ref="Z", day=tomorrow))
    world.statement(3_400, 9_400, _entry(6_000, ref="C", transactions=3, day=tomorrow), day=tomorrow)
    assert (world.mirror, world.clients) == (9_400, (2_100, 2_300))


def test_news_after_its_statement_confirms_and_never_adds(world: World) -> None:
    """Late news says whose the money is; what the statement does not have is held."""
    world.statement(0, 1_000, _entry(1_000, ref="X", transactions=1))
    assert world.clients == (0, 0)
    late = world.news(_entry(1_000, _detail("NORA"), ref="X"), _entry(50, _detail("IVO"), ref="Q"))
    assert (world.mirror, world.clients, _held(late)) == (1_000, (1_000, 0), [Doubt.LATE])


def test_the_bank_may_contradict_itself_and_nobody_is_credited_for_it(world: World) -> None:
    """The same reference for another client is held: the first has been credited."""
    world.news(_entry(1_000, _detail("NORA"), ref="X"))
    assert _held(world.news(_entry(1_000, _detail("IVO"), ref="X"))) == [Doubt.LIKE_ANOTHER]
    assert world.clients == (1_000, 0)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (lambda w: w.statement(1_000, 2_500, _entry(1_000), day=DAY + timedelta(1)), FaultKind.WRONG_SUM),
        (lambda w: w.unbalanced(_entry(1_000), day=DAY + timedelta(1)), FaultKind.WRONG_SUM),
        (lambda w: w.statement(1_500, 2_500, _entry(1_000), day=DAY + timedelta(2)), FaultKind.GAP),
        (lambda w: w.statement(500, 1_500, _entry(1_000), day=DAY + timedelta(1), first_day=DAY), FaultKind.OVERLAP),
        (lambda w: w.statement(1_000, 2_000, _entry(1_000), id="T"), None),  # the second statement of a day
        (lambda w: w.statement(0, 2_000, _entry(2_000), legal_sequence=7), FaultKind.CONTRADICTS),
        (lambda w: w.statement(0, 2_000, _entry(2_000), id="T"), FaultKind.OVERLAP),
        (lambda w: w.statement(1_000, 1_000, day=DAY + timedelta(1), legal_sequence=9), FaultKind.GAP),
        (lambda w: w.statement(1_000, 1_000, day=DAY + timedelta(1), legal_sequence=6), FaultKind.OVERLAP),
        (lambda w: w.statement(1_000, 1_000, day=DAY + timedelta(1), legal_sequence=7, id="T"), FaultKind.CONTRADICTS),
        (lambda w: w.statement(1_000, 1_000, day=DAY + timedelta(90), legal_sequence=1), None),  # a new year
        (lambda w: w.statement(1_000, 1_000, day=DAY + timedelta(1), currency="USD"), FaultKind.CURRENCY),
        (lambda w: w.news(replace(_entry(1_000), currency="USD")), FaultKind.CURRENCY),
        (lambda w: w.statement(0, 1_000, _entry(1_000, ref="X"), legal_sequence=7), None),  # the same again
    ],
)
def test_what_is_wrong_is_an_exception_that_posts_nothing(
    world: World, wrong: Callable[[World], list[object]], kind: FaultKind | None
) -> None:
    """Each kind of fault has its name; a correct statement is taken after it."""
    world.statement(0, 1_000, _entry(1_000, ref="X"), legal_sequence=7)
    before = world.mirror
    found = wrong(world)
    assert _faults(found) == ([kind] if kind else [])
    if kind:
        assert (world.mirror, len(found)) == (before, 1)
        after = world.statement(1_000, 1_500, _entry(500), day=DAY + timedelta(1), legal_sequence=8, id="U")
        assert [type(each) for each in after if isinstance(each, StatementTaken)] == [StatementTaken]
        assert world.mirror == 1_500


def test_an_exception_is_told_once_and_ends_when_the_statement_fits(world: World) -> None:
    """What comes too early is an exception, once; the same file again is taken when the gap is closed."""
    tomorrow = DAY + timedelta(days=1)

    def later() -> list[object]:
        return world._take(_whole(tomorrow, 1_000, 3_000, _entry(2_000, day=tomorrow)), "later")

    world.statement(0, 500, _entry(500), day=DAY - timedelta(days=1))
    assert _faults(later()) == [FaultKind.GAP]
    assert later() == []
    world.statement(500, 1_000, _entry(500))
    assert [type(each) for each in later() if isinstance(each, StatementTaken)] == [StatementTaken]
    assert (world.mirror, world.books.known.excepted) == (3_000, {})


def _whole(day: date, opening: int, closing: int, *entries: Entry) -> Statement:
    heading = Heading(
        Kind.STATEMENT, "camt.053.001.08", "M", "S", Account("X"), "EUR", last_day=day, first_day=day,
        opening=Balance(opening, "EUR", day), closing=Balance(closing, "EUR", day),
    )  # fmt: skip
    return Statement(heading, entries)


def test_a_statement_may_cover_two_days_and_a_day_have_two(world: World) -> None:
    """News of both days is confirmed by one statement; the second of a day goes on from the first."""
    second = DAY + timedelta(days=1)
    world.news(_entry(1_000, _detail("NORA"), ref="X"), _entry(2_000, _detail("IVO"), ref="Y", day=second))
    both = (_entry(1_000, ref="X"), _entry(2_000, ref="Y", day=second))
    world.statement(0, 3_000, *both, first_day=DAY, day=second)
    world.statement(3_000, 3_500, _entry(500, day=second), day=second, id="T")
    assert (world.mirror, world.clients) == (3_500, (1_000, 2_000))
    assert not world.books.known.held
    assert all(not each.is_open for each in world.books.known.known.values())


def test_ids_of_held_entries_stay_when_more_is_told(world: World) -> None:
    """An entry in doubt that is told again is one, and knows more then."""
    world.news(_entry(30_000, ref="S", transactions=4))
    first = world.news(_entry(2_000, ref="P", transactions=1))
    second = world.news(_entry(2_000, _detail("NORA"), ref="P"))
    (one,), (two,) = ([each for each in found if isinstance(each, EntryHeld)] for found in (first, second))
    assert split_ids(one.entry_ids) == split_ids(two.entry_ids)
    world.statement(0, 32_000, _entry(30_000, ref="S", transactions=4), _entry(2_000, _detail(), ref="P"))
    assert (world.mirror, world.clients) == (32_000, (2_000, 0))
