"""Numbers among the settings are bounded: whatever a timer or a rate cannot take stops start-up by name."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

import pytest
from ringfence_audit.settings import AuditSettings
from ringfence_custody.settings import CustodySettings
from ringfence_identity.settings import IdentitySettings
from ringfence_kernel.feed import URGENT
from ringfence_kernel.service.runtime import FEED_ATTEMPT_SECONDS
from ringfence_kernel.service.settings import LEAST_SILENCE_SECONDS, SILENCE
from ringfence_kernel.values.settings import InvalidSetting, Number, read
from ringfence_payment_instruction.settings import PaymentInstructionSettings


def numbers(cls: type[Any]) -> dict[str, Any]:
    """Returns the annotation of each setting that is a fraction or a time, by its variable."""
    found = {}
    for field in dataclasses.fields(cls):
        kind, variable = typing.get_args(typing.get_type_hints(cls, include_extras=True)[field.name])
        if kind is float or variable.name.endswith("_SECONDS"):
            found[variable.name] = variable
    return found


@pytest.mark.parametrize("cls", [IdentitySettings, CustodySettings, PaymentInstructionSettings, AuditSettings])
def test_fractions_and_times_are_bounded(cls: type[Any]) -> None:
    """Each says its least and its most."""
    found = numbers(cls)
    assert found
    assert {name for name, variable in found.items() if not isinstance(variable, Number)} == set()


FOLLOWING = [CustodySettings, PaymentInstructionSettings]


@pytest.mark.parametrize("cls", FOLLOWING)
@pytest.mark.parametrize("value", ["0", "1", "4.9"])
def test_identity_may_be_silent_while_nothing_is_wrong(cls: type[Any], value: str) -> None:
    """A bound below the pause between two looks, and an address that is silent, would stop all payments."""
    given = dict.fromkeys(required(cls), "localhost:1") | {SILENCE: value}
    with pytest.raises(InvalidSetting, match=f"^{SILENCE} is not a number from 5 to 315,360,000$"):
        read(cls, given)


def test_the_least_silence_is_longer_than_looking_takes() -> None:
    """The longest pause, an address that is silent, and as long again for the one that answers."""
    assert URGENT.lost_seconds + 2 * FEED_ATTEMPT_SECONDS <= LEAST_SILENCE_SECONDS


def required(cls: type[Any]) -> list[str]:
    """Returns the variables without which a process does not start."""
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = [field for field in dataclasses.fields(cls) if field.default is dataclasses.MISSING]
    return [typing.get_args(hints[field.name])[1].name for field in fields]
