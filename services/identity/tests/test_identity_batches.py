"""Batches: prepared where nobody waits for it, decided an item a step, sealed for the version that they become."""

import threading
from typing import Any

import pytest
from ringfence_identity.aliases.application import commands as aliases
from ringfence_identity.batches import prepare_each
from ringfence_identity.data_keys.commands import SubjectKey
from ringfence_identity.parties.application import commands as parties
from ringfence_identity.parties.application.personal import PersonalData
from ringfence_identity.parties.domain.kyc import PartyKind
from ringfence_kernel.sealing.envelopes import AssociatedData, unseal
from ringfence_kernel.service.threads import FEW_ROWS
from ringfence_kernel.values.errors import DomainError, InvalidArgument

KEY, BLIND = SubjectKey(b"k" * 32), b"b" * 32
TENANT, SUBJECT = b"t" * 16, b"s" * 16
IBAN = "DE89370400440532013000"


def _even(number: int) -> tuple[int, str]:
    if number % 2:
        raise InvalidArgument("odd", field="number")
    return number, threading.current_thread().name


async def test_many_items_are_prepared_in_a_thread_and_few_at_once() -> None:
    """Each has its own answer, in order; what was refused before stays so."""
    refused = InvalidArgument("before", field="number")
    many: list[Any] = [refused, *range(FEW_ROWS)]
    prepared = await prepare_each(many, _even)
    assert prepared[0] is refused
    assert [each[0] for each in prepared if not isinstance(each, DomainError)] == list(range(0, FEW_ROWS, 2))
    assert all(isinstance(each, DomainError) for each in prepared[2::2])
    here = threading.current_thread().name
    assert all(each[1] != here for each in prepared if not isinstance(each, DomainError))
    assert await prepare_each([2], _even) == [(2, here)]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_party_is_sealed_for_the_version_that_it_becomes(version: int, is_new: bool) -> None:
    """What was sealed ahead is used for the first version alone: an envelope opens at its own."""
    personal = PersonalData("Nora Vale", "A1", "", "", "DE")
    registration = parties.Registration(b"p" * 16, PartyKind.PERSON, personal)
    new = parties._sealable(registration, TENANT, SUBJECT, KEY, BLIND, is_new=is_new)
    assert PersonalData.opened(KEY.key, SUBJECT, version, new.seal(version)) == personal
    assert (new.seal(1) is new.seal(1)) == is_new


@pytest.mark.parametrize("version", [1, 2])
def test_an_alias_is_sealed_for_the_version_that_it_becomes(version: int) -> None:
    """Likewise of an IBAN, in the stream of its owner for it and in no other."""
    request = aliases.AliasRequest(IBAN, b"a" * 16, b"o" * 16, bank_mirror=False)
    new = aliases._sealable(request, TENANT, SUBJECT, KEY, BLIND)
    stream = aliases.alias_stream(SUBJECT, new.iban_index)
    for where in (stream, b"another-stream16"):
        sealed = new.seal(where, version)
        assert unseal(KEY.key, sealed, AssociatedData(where, version, "iban")).decode() == IBAN
    assert (new.seal(stream, 1) is new.seal(stream, 1)) is True


def test_without_a_key_nothing_is_sealed_ahead() -> None:
    """Whose key was destroyed is refused when it is decided, not while others are prepared."""
    registration = parties.Registration(b"p" * 16, PartyKind.PERSON, PersonalData("Nora Vale", "A1", "", "", "DE"))
    new = parties._sealable(registration, TENANT, SUBJECT, SubjectKey(), BLIND, is_new=True)
    with pytest.raises(parties.SubjectErased):
        new.seal(1)
