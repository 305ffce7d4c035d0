"""Checks of an order by itself and against the aliases of its IBANs."""

from collections.abc import Callable
from typing import Any

import pytest
from ringfence_kernel.values import iban
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.orders import (
    Alias,
    Order,
    creditor_in_book,
    digest,
    forbiddance,
    invalidity,
)
from ringfence_payment_instruction.submissions.domain.submission import transfer_id_of

MakeOrder = Callable[..., Order]


def test_a_complete_order_is_valid(order: MakeOrder) -> None:
    """An order with all it needs has no objection."""
    assert invalidity(order()) == ""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"end_to_end_id": ""}, reasons.END_TO_END_ID_INVALID),
        ({"end_to_end_id": "x" * 36}, reasons.END_TO_END_ID_INVALID),
        ({"end_to_end_id": "a\nb"}, reasons.END_TO_END_ID_INVALID),
        ({"amount_minor": 0}, reasons.AMOUNT_INVALID),
        ({"amount_minor": 10**18}, reasons.AMOUNT_INVALID),
        ({"needs_conversion": True}, reasons.CONVERSION_NOT_SUPPORTED),
        ({"currency": "XXX"}, reasons.CURRENCY_UNKNOWN),
        ({"currency": "eur"}, reasons.CURRENCY_UNKNOWN),
        ({"debtor_iban": "DE89370400440532013001"}, reasons.DEBTOR_IBAN_INVALID),
        ({"creditor_iban": ""}, reasons.CREDITOR_IBAN_INVALID),
        ({"creditor_iban": "GB29 NWBK 6016 1331 9268 19"}, reasons.CREDITOR_IBAN_INVALID),
        ({"creditor_name": "  "}, reasons.CREDITOR_NAME_INVALID),
        ({"creditor_name": "n" * 141}, reasons.CREDITOR_NAME_INVALID),
        ({"creditor_name": "Ivo\u202eMarsh"}, reasons.CREDITOR_NAME_INVALID),
        ({"creditor_name": "Ivo\ue000"}, reasons.CREDITOR_NAME_INVALID),
        ({"creditor_name": "\u3164\u200c"}, reasons.CREDITOR_NAME_INVALID),
        ({"debtor_iban": "DE00370400440532013000"}, reasons.DEBTOR_IBAN_INVALID),
        ({"end_to_end_id": "E\u200c1"}, reasons.END_TO_END_ID_INVALID),
        ({"remittance": "r\u2066"}, reasons.REMITTANCE_INVALID),
        ({"remittance": "r" * 141}, reasons.REMITTANCE_INVALID),
        ({"payment_method": "CHK"}, reasons.PAYMENT_METHOD_NOT_SUPPORTED),
    ],
)
def test_an_order_with_a_flaw_is_refused_by_name(order: MakeOrder, changes: dict[str, Any], reason: str) -> None:
    """Each flaw has its own reason, and an ISO 20022 code with it."""
    assert invalidity(order(**changes)) == reason
    assert reasons.iso_reason(reason)


@pytest.mark.parametrize("name", ["علی\u200cرضا", "Ivo\u00a0Marsh", "王\U00031350"], ids=ascii)
def test_an_order_names_people_as_they_are_called(order: MakeOrder, name: str) -> None:
    """Joiners, spaces that do not break and the newest characters are parts of names, and of what is said to people."""
    assert invalidity(order(creditor_name=name, remittance=name)) == ""


def test_every_single_wrong_digit_of_an_iban_is_found() -> None:
    """MOD 97-10 finds any one digit that was mistyped."""
    right = "DE89370400440532013000"
    assert iban.is_valid(right)
    for at in range(2, len(right)):
        for digit in "0123456789":
            assert iban.is_valid(right[:at] + digit + right[at + 1 :]) == (digit == right[at])


def test_a_foreign_account_is_as_unknown_as_none(make_id: Callable[[str], bytes]) -> None:
    """Another tenant's account, a bank mirror and an IBAN that nobody registered get the same answer."""
    tenant = make_id("tenant")
    foreign = Alias(make_id("other"), make_id("account"), make_id("owner"), False)
    mirror = Alias(tenant, make_id("account"), make_id("owner"), True)
    assert {forbiddance(tenant, debtor, None) for debtor in (None, foreign, mirror)} == {reasons.DEBTOR_ACCOUNT_UNKNOWN}


def test_nothing_is_paid_by_or_to_an_erased_client(make_id: Callable[[str], bytes]) -> None:
    """His IBAN is refused by name, and does not leave by the bank; to another tenant it is as unknown as any."""
    tenant = make_id("tenant")
    own = Alias(tenant, make_id("account"), make_id("owner"), False)
    erased = Alias(tenant, bytes(16), tenant, False, erased=True)
    assert forbiddance(tenant, own, erased) == forbiddance(tenant, erased, own) == reasons.SUBJECT_ERASED
    stranger = Alias(make_id("other"), make_id("account"), make_id("owner"), False)
    assert forbiddance(make_id("other"), stranger, erased) == ""


def test_money_to_another_tenants_client_leaves_the_book(make_id: Callable[[str], bytes]) -> None:
    """Only a creditor in the same book is paid inside it."""
    tenant = make_id("tenant")
    own = Alias(tenant, make_id("account"), make_id("owner"), False)
    foreign = Alias(make_id("other"), make_id("account"), make_id("owner"), False)
    assert creditor_in_book(tenant, own) == own.account_id
    assert creditor_in_book(tenant, foreign) == creditor_in_book(tenant, None) == bytes(16)


def test_paying_oneself_or_the_bank_mirror_is_forbidden(make_id: Callable[[str], bytes]) -> None:
    """The creditor is neither the debtor's own account nor a safeguarding account."""
    tenant = make_id("tenant")
    debtor = Alias(tenant, make_id("account"), make_id("owner"), False)
    mirror = Alias(tenant, make_id("mirror"), bytes(16), True)
    assert forbiddance(tenant, debtor, debtor) == reasons.CREDITOR_ACCOUNT_FORBIDDEN
    assert forbiddance(tenant, debtor, mirror) == reasons.CREDITOR_ACCOUNT_FORBIDDEN


def test_the_digest_tells_any_two_batches_apart(order: MakeOrder) -> None:
    """Moving a character from one field to the next gives another digest."""
    assert digest([order()]) == digest([order()])
    assert digest([order(end_to_end_id="AB", debtor_iban="C")]) != digest([order(end_to_end_id="A", debtor_iban="BC")])
    assert digest([order(), order()]) != digest([order()])


def test_a_transfer_has_the_id_that_audit_looks_for() -> None:
    """The same vector is held by audit's tests: one side alone cannot change."""
    assert transfer_id_of(b"platform-of-test", b"instruction-id-x").hex() == "b1c90a526720fc557586da7d5e06c076"
