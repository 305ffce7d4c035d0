"""Numbers among the settings are bounded: whatever a timer or a rate cannot take stops start-up by name."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

import pytest
from ringfence_audit.settings import AuditSettings
from ringfence_custody.settings import CustodySettings
from ringfence_identity.settings import IdentitySettings
from ringfence_kernel.service.settings import Number
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
