"""What a platform orders, and the checks that need nothing but the order and the aliases of its IBANs."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from ringfence_kernel.values import iban
from ringfence_kernel.values.characters import are_writable, is_name
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.money import CurrencyUnknown, currency

from ringfence_payment_instruction.submissions.domain import particulars, reasons
from ringfence_payment_instruction.submissions.domain.particulars import OTHER_ACCOUNT, ULTIMATE_NAMES, Carried

MAX_END_TO_END_ID = 35
MAX_NAME = 140
MAX_REMITTANCE = 140
# An amount that the bank can be told has at most 18 digits (ISO 20022 ActiveCurrencyAndAmount).
AMOUNT_LIMIT_MINOR = 10**18
CREDIT_TRANSFER = "TRF"


class OrderPurpose(IntEnum):
    """What an order is for where it is no client's payment; the numbers are those of transfers (docs/ledger.md)."""

    PAYMENT = 0
    FEE = 4
    PLATFORM_PAYOUT = 7
    SUSPENSE_ALLOCATION = 9
    SUSPENSE_RETURN = 10
    GUARANTEE_FUNDING = 11
    SHORTFALL_FUNDING = 17


IN_BOOK = frozenset(
    {
        OrderPurpose.FEE,
        OrderPurpose.SUSPENSE_ALLOCATION,
        OrderPurpose.GUARANTEE_FUNDING,
        OrderPurpose.SHORTFALL_FUNDING,
    }
)
"""What stays in the book whoever the payee is, so that it needs no payee's name."""
BY_BANK = frozenset({OrderPurpose.PLATFORM_PAYOUT, OrderPurpose.SUSPENSE_RETURN})
"""What leaves by the bank, and for no account in the book."""
OF_OPERATORS = frozenset({OrderPurpose.SUSPENSE_ALLOCATION, OrderPurpose.SUSPENSE_RETURN})
"""What two operators decide, whatever the amount."""
_LENGTHS = struct.Struct(">Q6I")
_UETR = re.compile("[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}")


# A party or agent beside debtor and creditor: the element of ISO 20022 that names it, and its name in clear.
NamedParty = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Order:
    """One payment as ordered, in clear: it lives in memory only, never in an event.

    Accounts that are given stand for their IBANs. `mandate` is what an order rests on that is no payment: a fee
    agreement, a bank's entry. `execution_day` counts days since 1970-01-01; 0 means at once. Names may be empty where
    the format allows it. `carried` is what else the bank is told, `uetr` and `instruction_identification` what it is to
    know the payment by. `refusal` is why it cannot be told something, as far as its reader has found that out, about
    `refused_element` where the order came with elements.
    """

    instruction_id: bytes
    end_to_end_id: str
    debtor_iban: str
    creditor_iban: str
    creditor_name: str
    amount_minor: int
    currency: str
    remittance: str = ""
    debtor_name: str = ""
    creditor_agent_bic: str = ""
    execution_day: int = 0
    payment_method: str = CREDIT_TRANSFER
    needs_conversion: bool = False
    parties: tuple[NamedParty, ...] = ()
    purpose: OrderPurpose = OrderPurpose.PAYMENT
    debtor_account: bytes = ZERO_ID
    creditor_account: bytes = ZERO_ID
    mandate: bytes = ZERO_ID
    carried: Carried = ()
    uetr: str = ""
    instruction_identification: str = ""
    refusal: str = ""
    refused_element: str = ""

    @property
    def creditor_number(self) -> str:
        """The creditor's IBAN, or what else his account is known by."""
        return self.creditor_iban or particulars.text_at(self.carried, OTHER_ACCOUNT)


@dataclass(frozen=True, slots=True)
class Alias:
    """What an IBAN stands for: an account of a tenant, owned by a party (zero for a bank mirror).

    Statements about a bank mirror count only from the principal `bank_feed`.
    """

    tenant: bytes
    account_id: bytes
    owner_id: bytes
    bank_mirror: bool
    bank_feed: bytes = b""
    erased: bool = False
    """Its client was erased: it stays his IBAN, and stands for no account and no owner but the tenant."""


def digest(orders: Iterable[Order]) -> bytes:
    """Returns the SHA-256 of a batch's content: per order its id, amount, and texts with their lengths before them."""
    content = hashlib.sha256()
    for order in orders:
        texts = (
            order.end_to_end_id,
            order.debtor_iban,
            order.creditor_iban,
            order.creditor_name,
            order.currency,
            order.remittance,
        )
        lengths = _LENGTHS.pack(order.amount_minor, *map(len, texts))
        # Lengths in characters part the texts as well as lengths in bytes would.
        content.update(order.instruction_id + lengths + "".join(texts).encode())
        for role, name in order.parties:
            content.update(f"{role} {len(name)} {name}".encode())
        content.update(_told(order).encode())
        if order.purpose:
            content.update(bytes([order.purpose]) + order.debtor_account + order.creditor_account + order.mandate)
    return content.digest()


def _told(order: Order) -> str:
    """Returns what else an order says, each text with its length before it; nothing for one that says no more.

    The names of ultimate parties count among its parties.
    """
    texts = [text for path, text in order.carried if path not in ULTIMATE_NAMES for text in (path, text)]
    if not texts and not order.uetr and not order.instruction_identification and not order.refusal:
        return ""
    texts += [order.uetr, order.instruction_identification, order.refusal]
    return "".join(f"{len(text)} {text}" for text in texts)


def invalidity(order: Order) -> str:
    """Returns why the order is not complete and consistent in itself, empty when it is."""
    if order.payment_method != CREDIT_TRANSFER:
        return reasons.PAYMENT_METHOD_NOT_SUPPORTED
    if not _is_identification(order.end_to_end_id):
        return reasons.END_TO_END_ID_INVALID
    if not 0 < order.amount_minor < AMOUNT_LIMIT_MINOR:
        return reasons.AMOUNT_INVALID
    if not _is_currency(order.currency):
        return reasons.CURRENCY_UNKNOWN
    if order.needs_conversion:
        return reasons.CONVERSION_NOT_SUPPORTED
    if (order.debtor_iban or order.debtor_account == ZERO_ID) and not iban.is_valid(order.debtor_iban):
        return reasons.DEBTOR_IBAN_INVALID
    if order.creditor_account == ZERO_ID and not _is_account(order):
        return reasons.CREDITOR_IBAN_INVALID
    if not (is_name(order.creditor_name, MAX_NAME) or (order.purpose in IN_BOOK and not order.creditor_name)):
        return reasons.CREDITOR_NAME_INVALID
    if not all(is_name(name, MAX_NAME) for _, name in order.parties):
        return reasons.PARTY_NAME_INVALID
    if len(order.remittance) > MAX_REMITTANCE or not are_writable(order.remittance):
        return reasons.REMITTANCE_INVALID
    return _untellable(order)


def _untellable(order: Order) -> str:
    """Returns why what an order says beside cannot be told to a bank, empty where it can."""
    if order.uetr and not is_uetr(order.uetr):
        return reasons.UETR_INVALID
    if order.instruction_identification and not _is_identification(order.instruction_identification):
        return reasons.INSTRUCTION_IDENTIFICATION_INVALID
    return order.refusal or particulars.flaw(order.carried, order.creditor_iban)


def _is_account(order: Order) -> bool:
    """Tells whether the creditor's account is an IBAN, or has none and is told by another number."""
    if not order.creditor_iban:
        return bool(particulars.text_at(order.carried, OTHER_ACCOUNT))
    return iban.is_valid(order.creditor_iban)


def is_uetr(text: str) -> bool:
    """Tells whether a text is a UETR, as the standard writes it (UUIDv4Identifier)."""
    return _UETR.fullmatch(text) is not None


def sides(tenant: bytes, order: Order, aliases: Mapping[str, Alias]) -> tuple[Alias | None, Alias | None]:
    """Returns what the debtor and the creditor of an order are; an account of the book's own belongs to the tenant."""
    return (
        _side(tenant, order.debtor_account, order.debtor_iban, aliases),
        _side(tenant, order.creditor_account, order.creditor_iban, aliases),
    )


def _side(tenant: bytes, account: bytes, iban: str, aliases: Mapping[str, Alias]) -> Alias | None:
    return aliases.get(iban) if account == ZERO_ID else Alias(tenant, account, tenant, False)


def forbiddance(
    tenant: bytes, debtor: Alias | None, creditor: Alias | None, purpose: OrderPurpose = OrderPurpose.PAYMENT
) -> str:
    """Returns why the tenant may not order a payment between these accounts, empty when it may.

    An account of another tenant is as unknown as one that nobody registered: existence is not revealed.
    """
    if debtor is None or debtor.tenant != tenant or debtor.bank_mirror:
        return reasons.DEBTOR_ACCOUNT_UNKNOWN
    if debtor.erased:
        return reasons.SUBJECT_ERASED
    if creditor is None or creditor.tenant != tenant:
        return reasons.CREDITOR_ACCOUNT_FORBIDDEN if purpose in IN_BOOK else ""
    if creditor.erased:
        return reasons.SUBJECT_ERASED
    if purpose in BY_BANK:
        return reasons.CREDITOR_ACCOUNT_FORBIDDEN
    if creditor.bank_mirror or creditor.account_id == debtor.account_id:
        return reasons.CREDITOR_ACCOUNT_FORBIDDEN
    return ""


def creditor_in_book(tenant: bytes, creditor: Alias | None) -> bytes:
    """Returns the creditor's account when the money stays in the tenant's book, else zero: it leaves by the bank."""
    return creditor.account_id if creditor is not None and creditor.tenant == tenant else ZERO_ID


def ibans_of(orders: Iterable[Order]) -> list[str]:
    """Returns every IBAN named, once."""
    return list({text: None for order in orders for text in (order.debtor_iban, order.creditor_iban) if text})


def _is_identification(text: str) -> bool:
    return len(text) <= MAX_END_TO_END_ID and text.isprintable() and bool(text.strip())


def _is_currency(alpha: str) -> bool:
    try:
        return currency(alpha).alpha == alpha
    except CurrencyUnknown:
        return False


def shortfall_account(ledger: int) -> bytes:
    """Returns the account for what the platform owes, in whatever book (docs/ledger.md)."""
    return b"shortfall" + bytes(3) + ledger.to_bytes(4, "big")


def ledger_of(alpha: str) -> int:
    """Returns the ledger of an alphabetic currency code, 0 for an unknown one."""
    try:
        return currency(alpha).numeric_code
    except CurrencyUnknown:
        return 0
