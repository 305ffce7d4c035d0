"""What the bank is told of a payment: what was ordered, and who pays by what is registered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ringfence_kernel.values.characters import are_writable
from ringfence_kernel.values.money import currency

from ringfence_payment_instruction.rail.application.ports import OutgoingPayment, Payer
from ringfence_payment_instruction.rail.domain.travel_rule import Told, TravelRule
from ringfence_payment_instruction.submissions.application.personal import Clear
from ringfence_payment_instruction.submissions.domain.particulars import Carried, address_at, text_at, top
from ringfence_payment_instruction.submissions.domain.submission import Submission, transfer_id_of
from ringfence_payment_instruction.submissions.domain.uetrs import instruction_identification_of, uetr_of

MAX_LINE, MAX_IDENTIFICATION = 70, 35
NAME, ACCOUNT, ADDRESS, IDENTIFICATION = "name", "account", "address", "identification"
_COUNTRY_OF_BIC = slice(4, 6)


def transaction_id_of(submission: Submission, index: int) -> str:
    """Returns what the bank knows a payment by: its transfer's id in hexadecimal."""
    return transfer_id_of(submission.tenant, submission.instruction_id(index)).hex()


@dataclass(frozen=True, slots=True)
class Telling:
    """Puts payments in the words of a bank."""

    rule: TravelRule

    def is_complete(self, submission: Submission, index: int, clear: Clear, payer: Payer) -> bool:
        """Tells whether the bank can be told all that the travel rule asks for."""
        return self.rule.is_met(_told(submission, index, clear, payer))

    def payment(
        self, submission: Submission, index: int, clear: Clear, payer: Payer, settlement_day: int
    ) -> OutgoingPayment:
        """Returns a payment as the bank is told of it."""
        # A number is told of the payer where the rule asks for it, and no address says who it is.
        is_numbered = self.rule.holds(_told(submission, index, clear, payer)) and not has_address(payer)
        return OutgoingPayment(
            transaction_id=transaction_id_of(submission, index),
            end_to_end_id=submission.end_to_end_id(index),
            amount_minor=submission.amounts_minor[index],
            currency=currency(submission.ledgers[index]).alpha,
            settlement_day=settlement_day,
            debtor_name=payer.name,
            debtor_iban=clear.debtor_iban,
            creditor_name=clear.creditor_name,
            creditor_iban=clear.creditor_iban,
            remittance=clear.remittance,
            uetr=uetr_of(submission, index),
            instruction_identification=instruction_identification_of(submission, index),
            carried=(*_address(payer), *(_identification(payer) if is_numbered else ()), *carried_of(clear)),
        )


def has_address(payer: Payer) -> bool:
    """Tells whether an address of a payer is registered, in fields or as a text."""
    return bool(payer.postal_address or lines_of(payer.address))


def carried_of(clear: Clear) -> Carried:
    """Returns what an order tells beside; one of an earlier release has the BIC of the payee's bank by itself."""
    carried = clear.debtor_carried + clear.creditor_carried
    if clear.creditor_agent_bic and not any(top(path) == "CdtrAgt" for path, _ in carried):
        carried += (("CdtrAgt/FinInstnId/BICFI", clear.creditor_agent_bic),)
    return carried


def _told(submission: Submission, index: int, clear: Clear, payer: Payer) -> Told:
    debtor = {NAME: payer.name, ACCOUNT: clear.debtor_iban, ADDRESS: has_address(payer)}
    debtor[IDENTIFICATION] = 0 < len(payer.identification) <= MAX_IDENTIFICATION and are_writable(payer.identification)
    creditor = {NAME: clear.creditor_name, ACCOUNT: clear.creditor_number}
    return Told(
        amount_minor=submission.amounts_minor[index],
        currency=currency(submission.ledgers[index]).alpha,
        debtor_country=clear.debtor_iban[:2],
        creditor_country=_creditor_country(clear),
        debtor=frozenset(name for name, given in debtor.items() if given),
        creditor=frozenset(name for name, given in creditor.items() if given),
    )


def _creditor_country(clear: Clear) -> str:
    """Returns where the payee's account is, empty where that is not known."""
    if clear.creditor_iban:
        return clear.creditor_iban[:2]
    return text_at(carried_of(clear), "CdtrAgt/FinInstnId/BICFI")[_COUNTRY_OF_BIC]


def _address(payer: Payer) -> Iterator[tuple[str, str]]:
    """Yields a payer's address: in its fields, else the one text in lines that the standard takes."""
    if payer.postal_address:
        yield from address_at("Dbtr", payer.postal_address)
        return
    for at, line in enumerate(lines_of(payer.address), start=1):
        yield "Dbtr/PstlAdr/AdrLine" if at == 1 else f"Dbtr/PstlAdr/AdrLine#{at}", line


def lines_of(text: str) -> list[str]:
    """Returns a text in lines of at most 70 characters, parted between words where that can be."""
    words, lines = " ".join(written(text).split()), []
    while words:
        end = len(words) if len(words) <= MAX_LINE else words.rfind(" ", 0, MAX_LINE + 1)
        end = end if end > 0 else MAX_LINE
        lines.append(words[:end])
        words = words[end:].lstrip()
    return lines


def written(text: str) -> str:
    """Returns a text of an earlier day without what no message can have."""
    return "".join(character for character in text if character.isspace() or are_writable(character))


def _identification(payer: Payer) -> Iterator[tuple[str, str]]:
    path = f"Dbtr/Id/{'OrgId' if payer.is_company else 'PrvtId'}/Othr"
    yield f"{path}/Id", payer.identification
    yield f"{path}/SchmeNm/Cd", payer.scheme
    if payer.issuer:
        yield f"{path}/Issr", payer.issuer
