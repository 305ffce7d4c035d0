"""How Vault fails, as the services see it."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class VaultUnavailable(DomainError):
    """Vault is sealed, unreachable or does not know this process any more; nothing that needs a key can be done now."""

    reason = "KEYS_UNAVAILABLE"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0


class VaultRefused(Exception):
    """Vault understood and said no: a policy or a request of ours is wrong. The text is Vault's own."""


class VaultLoginRefused(Exception):
    """What this process was given to log in with is of no use; the text says what, and never shows it."""

    def __init__(self, text: str, *, may_pass: bool = False) -> None:
        """Takes note whether the same may be of use later, as Vault says no also while it cannot check it."""
        super().__init__(text)
        self.may_pass = may_pass
