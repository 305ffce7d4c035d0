"""Stories of what banks say and custody books: such as are sound, and such as somebody has invented."""

from __future__ import annotations

from typing import Any

from ringfence_audit.evidence.domain.bookings import Flaw

from .banking import (
    ALLOCATION,
    CLIENT,
    CONFIRM,
    FAIL,
    FEED,
    MIRROR,
    OTHER_BOOK,
    OTHER_FILE,
    POST,
    RETURN,
    SECOND_CLIENT,
    SUSPENSE,
    TO_SUSPENSE,
    USD,
    VOID,
    Bank,
)
from .feeds import identifier
from .taking_stories import FLAWED_TAKING, SOUND_TAKING


def paid(bank: Bank, payment: str = "pay", **order: Any) -> None:
    """A payment is ordered, reserved, and settled by the bank."""
    bank.order(payment, **order)
    bank.reserve(payment)
    bank.answer(payment)


def sound_reply(bank: Bank) -> None:
    paid(bank)
    bank.end("pay")


def sound_statement(bank: Bank) -> None:
    bank.order("pay")
    bank.reserve("pay")
    bank.tell("debit", file=OTHER_FILE, purpose=CONFIRM)
    bank.answer("pay", file=OTHER_FILE, actor=FEED)
    bank.end("pay", file=OTHER_FILE, feed=FEED)


def sound_second_word(bank: Bank) -> None:
    paid(bank)
    bank.answer("pay", file=OTHER_FILE, actor=FEED)
    bank.end("pay")


def sound_refusal(bank: Bank) -> None:
    bank.order("pay")
    bank.reserve("pay")
    bank.answer("pay", FAIL)
    bank.end("pay", flags=VOID)


def sound_release(bank: Bank) -> None:
    bank.order("pay")
    bank.reserve("pay")
    bank.end("pay", flags=VOID, rests=False)


def sound_late_answer(bank: Bank) -> None:
    """What was taken back had been sent after all: the answer came later than the void."""
    bank.order("pay")
    bank.reserve("pay")
    for number in range(5):
        bank.order(f"p{number}")
    bank.end("pay", flags=VOID, rests=False)
    for number in range(5):
        bank.order(f"q{number}")
    bank.answer("pay")


def sound_suspense(bank: Bank) -> None:
    bank.tell("e", purpose=TO_SUSPENSE)
    bank.deposit("t", "e", credit=SUSPENSE)
    bank.allocate("a", "e")


def sound_allocation_by_parts(bank: Bank) -> None:
    """Two clients share what has come."""
    bank.tell("e", purpose=TO_SUSPENSE)
    bank.deposit("t", "e", credit=SUSPENSE)
    bank.allocate("a", "e", 60)
    bank.allocate("b", "e", 40, credit=SECOND_CLIENT, creditor="second")


def sound_refused_client(bank: Bank) -> None:
    """The client's account has refused the money: it lies in suspense, and goes back to its payer."""
    bank.tell("e")
    bank.deposit("t", "e", credit=SUSPENSE)
    bank.order("back", debtor="suspense", purpose=RETURN, mandate="e")
    bank.answer("back")
    pending = bank.reserve("back")
    bank.book(
        "e-back", debit=SUSPENSE, credit=MIRROR, code=RETURN, flags=POST, pending=pending, mandate=identifier("e")
    )
    bank.rest("e-back", pending)


def sound_import(bank: Bank) -> None:
    bank.window()
    bank.book("t", mandate=identifier("window"))
    bank.book("a", debit=SUSPENSE, code=ALLOCATION, mandate=identifier("window"))


def sound_rail(bank: Bank) -> None:
    """The rail's inbox vouches for nobody."""
    bank.tell("e", source=bytes(16))
    bank.deposit("t", "e", feed=bytes(16))


SOUND = [value for name, value in list(globals().items()) if name.startswith("sound_")] + SOUND_TAKING


def bad_file(bank: Bank) -> None:
    bank.deposit("t", "e", file=OTHER_FILE)


def bad_entry(bank: Bank) -> None:
    """A true file, and an entry beyond its last."""
    bank.deposit("t", "no such entry")


def bad_tenant(bank: Bank) -> None:
    bank.deposit("t", "first", book=OTHER_BOOK)


def bad_direction(bank: Bank) -> None:
    bank.tell("e", purpose=CONFIRM)
    bank.deposit("t", "e")


def bad_currency(bank: Bank) -> None:
    bank.tell("e", ledger=USD)
    bank.deposit("t", "e")


def bad_amount(bank: Bank) -> None:
    bank.tell("e")
    bank.deposit("t", "e", 101)


def bad_client(bank: Bank) -> None:
    bank.tell("e")
    bank.deposit("t", "e", credit=SECOND_CLIENT)


def bad_client_for_suspense(bank: Bank) -> None:
    bank.tell("e", purpose=TO_SUSPENSE)
    bank.deposit("t", "e", credit=CLIENT)


def bad_feed(bank: Bank) -> None:
    bank.tell("e")
    bank.deposit("t", "e", feed=identifier("another"))


def bad_second(bank: Bank) -> None:
    bank.tell("e")
    bank.deposit("sound", "e")
    bank.deposit("t", "e", credit=SUSPENSE)


def bad_second_file(bank: Bank) -> None:
    """The same entry in another file is the same entry."""
    bank.tell("e")
    bank.tell("e", file=OTHER_FILE)
    bank.deposit("sound", "e")
    bank.deposit("t", "e", file=OTHER_FILE)


def bad_unnamed(bank: Bank) -> None:
    bank.book("t")


def bad_unnamed_out(bank: Bank) -> None:
    bank.book("t", debit=CLIENT, credit=MIRROR, code=14)


def bad_after_the_window(bank: Bank) -> None:
    bank.window()
    bank.close()
    bank.book("t")


def bad_window_of_another_book(bank: Bank) -> None:
    bank.window(book=OTHER_BOOK)
    bank.book("t")


def bad_window_that_ended(bank: Bank) -> None:
    bank.window(seconds=10)
    bank.book("t", late_ns=3_600 * 10**9)


def bad_reservation(bank: Bank) -> None:
    """Money from the bank that is only reserved, on an entry: there is nothing to compare it with."""
    bank.tell("e")
    bank.deposit("t", "e", flags=2)


def bad_allocations(bank: Bank) -> None:
    bank.tell("e", purpose=TO_SUSPENSE)
    bank.deposit("sound", "e", credit=SUSPENSE)
    bank.allocate("sound allocation", "e", 60)
    bank.allocate("a", "e", 41)


def bad_allocation_of_what_a_client_has(bank: Bank) -> None:
    bank.allocate("a", "first", 1)


def bad_allocation_of_nothing(bank: Bank) -> None:
    bank.allocate("a", "invented", 1)


def suspended(bank: Bank) -> None:
    bank.tell("e", purpose=TO_SUSPENSE)
    bank.deposit("sound", "e", credit=SUSPENSE)


def bad_allocation_in_a_window(bank: Bank) -> None:
    """A window covers what its importer names it for, and no entry that was never there."""
    bank.window()
    bank.allot("a", "invented", 1_000_000_000)


def bad_allocation_ordered_in_a_window(bank: Bank) -> None:
    """Nor does it cover what was ordered otherwise."""
    suspended(bank)
    bank.window()
    bank.allocate("a", "window", mandate="e")


def bad_allocation_nobody_ordered(bank: Bank) -> None:
    suspended(bank)
    bank.allot("a", "e")


def bad_allocation_of_another_entry(bank: Bank) -> None:
    suspended(bank)
    bank.allocate("a", "e", mandate="first")


def bad_allocation_amount(bank: Bank) -> None:
    suspended(bank)
    bank.order("a", 1, debtor="suspense", creditor="client", purpose=ALLOCATION, mandate="e")
    bank.allot("a", "e", 2)


def bad_allocation_currency(bank: Bank) -> None:
    suspended(bank)
    bank.allocate("a", "e", ledger=USD)


def bad_allocation_to_another_client(bank: Bank) -> None:
    suspended(bank)
    bank.allocate("a", "e", credit=SECOND_CLIENT)


def bad_allocation_of_what_was_to_go_back(bank: Bank) -> None:
    """The money was to go back to its payer, and stays in the book."""
    suspended(bank)
    bank.order("a", debtor="suspense", purpose=RETURN, mandate="e")
    bank.allot("a", "e")


def bad_post_file(bank: Bank) -> None:
    paid(bank)
    bank.end("pay", file=OTHER_FILE)


def bad_post_unnamed(bank: Bank) -> None:
    paid(bank)
    bank.end("pay", rests=False)


def bad_post_of_another(bank: Bank) -> None:
    """The answer is about another payment."""
    paid(bank, "answered")
    bank.order("pay")
    bank.reserve("pay")
    bank.end("pay", names="answered")


def bad_post_unanswered(bank: Bank) -> None:
    bank.order("pay")
    bank.reserve("pay")
    bank.end("pay")


def bad_post_amount(bank: Bank) -> None:
    """More was reserved than the payment is for."""
    paid(bank, amount_minor=99)
    bank.end("pay")


def bad_post_of_another_client(bank: Bank) -> None:
    """The bank has paid what one client ordered, and another pays for it."""
    paid(bank, debtor="second")
    bank.end("pay")


def bad_post_currency(bank: Bank) -> None:
    paid(bank, ledger=USD)
    bank.end("pay")


def bad_post_feed(bank: Bank) -> None:
    paid(bank)
    bank.end("pay", feed=FEED)


def bad_post_refused(bank: Bank) -> None:
    bank.order("pay")
    bank.reserve("pay")
    bank.answer("pay", FAIL)
    bank.end("pay")


def bad_void_settled(bank: Bank) -> None:
    paid(bank)
    bank.end("pay", flags=VOID)


def bad_void_unnamed(bank: Bank) -> None:
    """The bank has paid, and the reservation is released as if it had never had the payment."""
    paid(bank)
    for number in range(5):
        bank.reserve(f"p{number}")
    bank.end("pay", flags=VOID, rests=False)


def bad_post_nobody_ordered(bank: Bank) -> None:
    bank.answer("pay")
    bank.reserve("pay")
    bank.end("pay")


FLAWED = {
    bad_file: ("t", Flaw.FILE_UNKNOWN),
    bad_entry: ("t", Flaw.ENTRY_UNKNOWN),
    bad_tenant: ("t", Flaw.OTHER_TENANT),
    bad_direction: ("t", Flaw.OTHER_DIRECTION),
    bad_currency: ("t", Flaw.OTHER_CURRENCY),
    bad_amount: ("t", Flaw.OTHER_AMOUNT),
    bad_client: ("t", Flaw.OTHER_ACCOUNT),
    bad_client_for_suspense: ("t", Flaw.OTHER_ACCOUNT),
    bad_feed: ("t", Flaw.OTHER_FEED),
    bad_second: ("t", Flaw.BOOKED_BEFORE),
    bad_second_file: ("t", Flaw.BOOKED_BEFORE),
    bad_unnamed: ("t", Flaw.EVIDENCE_NOT_NAMED),
    bad_unnamed_out: ("t", Flaw.EVIDENCE_NOT_NAMED),
    bad_after_the_window: ("t", Flaw.EVIDENCE_NOT_NAMED),
    bad_window_of_another_book: ("t", Flaw.EVIDENCE_NOT_NAMED),
    bad_window_that_ended: ("t", Flaw.EVIDENCE_NOT_NAMED),
    bad_reservation: ("t", Flaw.OTHER_DIRECTION),
    bad_allocations: ("a", Flaw.ALLOCATED_BEYOND),
    bad_allocation_of_what_a_client_has: ("a", Flaw.ALLOCATED_BEYOND),
    bad_allocation_of_nothing: ("a", Flaw.ENTRY_UNKNOWN),
    bad_allocation_in_a_window: ("a", Flaw.ENTRY_UNKNOWN),
    bad_allocation_ordered_in_a_window: ("a", Flaw.ENTRY_UNKNOWN),
    bad_allocation_nobody_ordered: ("a", Flaw.PAYMENT_UNKNOWN),
    bad_allocation_of_another_entry: ("a", Flaw.PAYMENT_UNKNOWN),
    bad_allocation_amount: ("a", Flaw.OTHER_AMOUNT),
    bad_allocation_currency: ("a", Flaw.OTHER_CURRENCY),
    bad_allocation_to_another_client: ("a", Flaw.OTHER_ACCOUNT),
    bad_allocation_of_what_was_to_go_back: ("a", Flaw.OTHER_ACCOUNT),
    bad_post_file: ("e-pay", Flaw.FILE_UNKNOWN),
    bad_post_unnamed: ("e-pay", Flaw.EVIDENCE_NOT_NAMED),
    bad_post_of_another: ("e-pay", Flaw.PAYMENT_UNKNOWN),
    bad_post_unanswered: ("e-pay", Flaw.ENTRY_UNKNOWN),
    bad_post_amount: ("e-pay", Flaw.OTHER_AMOUNT),
    bad_post_of_another_client: ("e-pay", Flaw.OTHER_ACCOUNT),
    bad_post_currency: ("e-pay", Flaw.OTHER_CURRENCY),
    bad_post_feed: ("e-pay", Flaw.OTHER_FEED),
    bad_post_refused: ("e-pay", Flaw.AGAINST_THE_ANSWER),
    bad_void_settled: ("e-pay", Flaw.AGAINST_THE_ANSWER),
    bad_void_unnamed: ("e-pay", Flaw.AGAINST_THE_ANSWER),
    bad_post_nobody_ordered: ("e-pay", Flaw.PAYMENT_UNKNOWN),
    **FLAWED_TAKING,
}
