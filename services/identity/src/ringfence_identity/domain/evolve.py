"""How each event changes the state: the one place where live commits, catching up and rebuilds meet."""

from collections.abc import Callable
from typing import Any

from ringfence_kernel.writing.journal import Journal

from ringfence_identity.domain import aliases, events, parties, principals, tokens
from ringfence_identity.domain.state import State

_Apply = Callable[[State, Any, int, int, Journal], None]

_APPLY: dict[type, _Apply] = {
    events.PrincipalRegistered: lambda s, e, version, at_ns, j: principals.apply_registered(s, e, j),
    events.PrincipalActivated: lambda s, e, version, at_ns, j: principals.apply_activated(s, e, j),
    events.PrincipalSuspended: lambda s, e, version, at_ns, j: principals.apply_suspended(s, e, j),
    events.KeyRotated: lambda s, e, version, at_ns, j: principals.apply_key_rotated(s, e, at_ns, j),
    events.AccessTokenIssued: lambda s, e, version, at_ns, j: tokens.apply_issued(s, e, at_ns, j),
    events.CertificateEnrolled: lambda s, e, version, at_ns, j: tokens.apply_enrolled(s, e, at_ns, j),
    events.SubmissionAuthorised: lambda s, e, version, at_ns, j: tokens.apply_authorised(s, e, at_ns, j),
    events.PartyRegistered: lambda s, e, version, at_ns, j: parties.apply_registered(s, e, version, j),
    events.PartyAmended: lambda s, e, version, at_ns, j: parties.apply_amended(s, e, version, j),
    events.KycChanged: lambda s, e, version, at_ns, j: parties.apply_kyc_changed(s, e, version, j),
    events.KycReleaseProposed: lambda s, e, version, at_ns, j: parties.apply_release_proposed(s, e, version, j),
    events.PartyErased: lambda s, e, version, at_ns, j: parties.apply_erased(s, e, version, j),
    events.AliasRegistered: lambda s, e, version, at_ns, j: aliases.apply_registered(s, e, j),
    events.AliasRemoved: lambda s, e, version, at_ns, j: aliases.apply_removed(s, e, j),
}


def apply(state: State, event: Any, version: int, at_ns: int, journal: Journal) -> None:
    """Applies one event, recorded as this version of its stream at `at_ns`; every change goes through the journal."""
    _APPLY[type(event)](state, event, version, at_ns, journal)
