"""Why a dossier does not hold."""

from __future__ import annotations

from ringfence_verifier.errors import VerificationError


class DossierRefused(VerificationError):
    """The dossier does not hold: `reason` names why, `entry` the file in it, empty where it is none in particular.

    docs/formats.md lists the reasons.
    """

    def __init__(self, reason: str, message: str, entry: str = "") -> None:
        super().__init__(f"{f'{entry}: ' if entry else ''}{message} ({reason})")
        self.reason, self.entry = reason, entry
