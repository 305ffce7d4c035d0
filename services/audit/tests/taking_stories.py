"""Stories of what a bank does to money that it has brought: it takes it back, charges, allots."""

from __future__ import annotations

from ringfence_audit.evidence.domain.bookings import Flaw

from .banking import (
    ALLOCATED,
    BANK_ALLOCATION,
    CHARGE,
    CHARGED,
    CLIENT,
    OTHER_FILE,
    OWED,
    REPAID,
    RESTORED,
    RETRACTED,
    RETRACTION,
    REVERSAL,
    REVERSED,
    SECOND_CLIENT,
    SUSPENSE,
    Bank,
)


def sound_reversal(bank: Bank) -> None:
    bank.tell("e", purpose=REVERSED)
    bank.take("t", "e")
    bank.give("g", "e")


def sound_reversal_of_what_was_spent(bank: Bank) -> None:
    """The client had 40 of 100 cents: the platform owes the rest."""
    bank.tell("e", purpose=REVERSED)
    bank.take("t", "e")
    bank.give("g", "e", 40)


def sound_retraction(bank: Bank) -> None:
    """What was told and never booked lies in suspense."""
    bank.tell("e", purpose=RETRACTED)
    bank.take("t", "e", code=RETRACTION)
    bank.give("g", "e", debit=SUSPENSE, code=RETRACTION)


def sound_charge(bank: Bank) -> None:
    bank.tell("e", purpose=CHARGED)
    bank.take("t", "e", code=CHARGE)


def sound_part(bank: Bank) -> None:
    bank.tell("e", purpose=ALLOCATED)
    bank.deposit("t", "e", debit=SUSPENSE, code=BANK_ALLOCATION)


def sound_restoration(bank: Bank) -> None:
    bank.tell("e", purpose=RESTORED)
    bank.deposit("t", "e", credit=SUSPENSE, code=22)


def sound_repayment(bank: Bank) -> None:
    """What nobody had when it was taken has come after all."""
    bank.tell("e", purpose=REPAID)
    bank.deposit("t", "e", credit=OWED, code=22)


SOUND_TAKING = [value for name, value in list(globals().items()) if name.startswith("sound_")]


def bad_reversal_nobody_told(bank: Bank) -> None:
    bank.take("t", "e", file=OTHER_FILE)


def bad_reversal_of_a_deposit(bank: Bank) -> None:
    """The bank has said that money came in."""
    bank.tell("e")
    bank.take("t", "e")


def bad_reversal_amount(bank: Bank) -> None:
    bank.tell("e", purpose=REVERSED)
    bank.take("t", "e", 99)


def bad_reversal_twice(bank: Bank) -> None:
    bank.tell("e", purpose=REVERSED)
    bank.take("s", "e")
    bank.take("t", "e")


def bad_reversal_from_a_client(bank: Bank) -> None:
    """The mirror moves for what the platform owes, and for nobody else."""
    bank.tell("e", purpose=REVERSED)
    bank.take("t", "e", debit=CLIENT)


def bad_gift(bank: Bank) -> None:
    """Another client gives for it."""
    bank.tell("e", purpose=REVERSED)
    bank.give("t", "e", debit=SECOND_CLIENT)


def bad_gift_beyond(bank: Bank) -> None:
    bank.tell("e", purpose=REVERSED)
    bank.give("t", "e", 101)


def bad_gift_twice(bank: Bank) -> None:
    bank.tell("e", purpose=REVERSED)
    bank.give("g", "e", 40)
    bank.give("t", "e", 40)


def bad_gift_for_a_charge(bank: Bank) -> None:
    bank.tell("e", purpose=CHARGED, client=True)
    bank.give("t", "e")


def bad_gift_unnamed(bank: Bank) -> None:
    bank.book("t", debit=CLIENT, credit=OWED, code=REVERSAL)


def bad_repayment_to_a_client(bank: Bank) -> None:
    bank.tell("e", purpose=REPAID)
    bank.deposit("t", "e", code=22)


def bad_repayment_of_a_deposit(bank: Bank) -> None:
    """A client's money goes to what the platform owes."""
    bank.tell("e")
    bank.deposit("t", "e", credit=OWED, code=22)


def bad_part_for_another(bank: Bank) -> None:
    bank.tell("e", purpose=ALLOCATED)
    bank.deposit("t", "e", debit=SUSPENSE, credit=SECOND_CLIENT, code=BANK_ALLOCATION)


def bad_part_twice(bank: Bank) -> None:
    bank.tell("e", purpose=ALLOCATED)
    for transfer in ("s", "t"):
        bank.deposit(transfer, "e", debit=SUSPENSE, code=BANK_ALLOCATION)


def bad_part_nobody_told(bank: Bank) -> None:
    bank.book("t", debit=SUSPENSE, credit=CLIENT, code=BANK_ALLOCATION)


FLAWED_TAKING = {
    bad_repayment_to_a_client: ("t", Flaw.OTHER_ACCOUNT),
    bad_repayment_of_a_deposit: ("t", Flaw.OTHER_ACCOUNT),
    bad_reversal_nobody_told: ("t", Flaw.FILE_UNKNOWN),
    bad_reversal_of_a_deposit: ("t", Flaw.OTHER_DIRECTION),
    bad_reversal_amount: ("t", Flaw.OTHER_AMOUNT),
    bad_reversal_twice: ("t", Flaw.BOOKED_BEFORE),
    bad_reversal_from_a_client: ("t", Flaw.OTHER_ACCOUNT),
    bad_gift: ("t", Flaw.OTHER_ACCOUNT),
    bad_gift_beyond: ("t", Flaw.OTHER_AMOUNT),
    bad_gift_twice: ("t", Flaw.BOOKED_BEFORE),
    bad_gift_for_a_charge: ("t", Flaw.OTHER_DIRECTION),
    bad_gift_unnamed: ("t", Flaw.EVIDENCE_NOT_NAMED),
    bad_part_for_another: ("t", Flaw.OTHER_ACCOUNT),
    bad_part_twice: ("t", Flaw.BOOKED_BEFORE),
    bad_part_nobody_told: ("t", Flaw.EVIDENCE_NOT_NAMED),
}
