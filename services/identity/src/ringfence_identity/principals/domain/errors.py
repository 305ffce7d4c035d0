"""Refusals about principals, and about ids, which all share, in order of precedence."""

from typing import ClassVar

from ringfence_kernel.values.errors import DomainError, NotFound


class PrincipalNotActive(DomainError):
    """The principal waits for a second operator, it or its platform is suspended, or its role has ended by date.

    Or what it may read by has ended, or not begun.
    """

    reason: ClassVar[str] = "PRINCIPAL_NOT_ACTIVE"
    code: ClassVar[str] = "PERMISSION_DENIED"


class OperatorRequired(DomainError):
    """Only an operator may do this."""

    reason: ClassVar[str] = "OPERATOR_REQUIRED"
    code: ClassVar[str] = "PERMISSION_DENIED"


class PrincipalNotFound(NotFound):
    """No principal has this id."""

    reason: ClassVar[str] = "PRINCIPAL_NOT_FOUND"


class PersonNotFound(NotFound):
    """Nobody of this kind and platform is known by this person's id."""

    reason: ClassVar[str] = "PERSON_NOT_FOUND"


class TenantNotFound(NotFound):
    """No active platform has this id."""

    reason: ClassVar[str] = "TENANT_NOT_FOUND"


class ExistsWithDifferentData(DomainError):
    """The id is taken by something with other contents."""

    reason: ClassVar[str] = "EXISTS_WITH_DIFFERENT_DATA"
    code: ClassVar[str] = "ALREADY_EXISTS"
