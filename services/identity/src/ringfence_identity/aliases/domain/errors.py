"""Refusals about aliases, in order of precedence."""

from typing import ClassVar

from ringfence_kernel.values.errors import DomainError, NotFound


class AliasNotFound(NotFound):
    """The owner neither has the IBAN nor claims it."""

    reason: ClassVar[str] = "ALIAS_NOT_FOUND"


class AccountNotOwned(DomainError):
    """The book has no such account of this owner, or it is of a class that the alias cannot stand for."""

    reason: ClassVar[str] = "ACCOUNT_NOT_OWNED"


class IbanTaken(DomainError):
    """The IBAN stands for another account already, or did for somebody who was erased; only two people learn that."""

    reason: ClassVar[str] = "IBAN_TAKEN"
    code: ClassVar[str] = "ALREADY_EXISTS"


class AliasNotConfirmed(DomainError):
    """No claim of the tenant fits what the bank says, or more than one."""

    reason: ClassVar[str] = "ALIAS_NOT_CONFIRMED"


class IbanInvalid(DomainError):
    """The text is no IBAN: its form or its check digits are wrong (ISO 13616)."""

    reason: ClassVar[str] = "IBAN_INVALID"
    code: ClassVar[str] = "INVALID_ARGUMENT"
