"""Refusals of what audit asks for."""

from typing import ClassVar

from ringfence_kernel.values.errors import DomainError, InvalidArgument


class NothingSought(InvalidArgument):
    """What is sought has no letter and no digit."""

    reason: ClassVar[str] = "NOTHING_SOUGHT"


class NamesBehind(DomainError):
    """Names and numbers that were registered lately cannot be found yet; an answer now could lack some."""

    reason: ClassVar[str] = "NAMES_BEHIND"
    code: ClassVar[str] = "UNAVAILABLE"
    retry_after_seconds = 1.0
