"""Refusals about aliases, in order of precedence."""

from typing import ClassVar

from ringfence_kernel.values.errors import DomainError


class IbanTaken(DomainError):
    """The IBAN stands for another account already."""

    reason: ClassVar[str] = "IBAN_TAKEN"
    code: ClassVar[str] = "ALREADY_EXISTS"


class IbanInvalid(DomainError):
    """The text is no IBAN: its form or its check digits are wrong (ISO 13616)."""

    reason: ClassVar[str] = "IBAN_INVALID"
    code: ClassVar[str] = "INVALID_ARGUMENT"
