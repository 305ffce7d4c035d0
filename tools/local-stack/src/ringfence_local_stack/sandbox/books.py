"""Books that are posted to directly: the platform, the importer who may, and the party that owns clients' accounts."""

from uuid import UUID

from ringfence.client import Client
from ringfence.identity import NewParty, PrincipalKind, require_done

from ringfence_local_stack.sandbox.onboarding import verify_parties
from ringfence_local_stack.sandbox.sandbox import Sandbox


def book_with_importer(sandbox: Sandbox, platform: str, importer: str) -> tuple[UUID, Client]:
    """Registers a platform and its importer by name; returns the platform's id, which is its book's, and the importer.

    The same again changes nothing.
    """
    book_id = sandbox.principal(platform, PrincipalKind.PLATFORM).principal_id
    sandbox.principal(importer, PrincipalKind.IMPORTER, tenant_id=book_id)
    return book_id, sandbox.client(importer)


def add_owner(sandbox: Sandbox, platform: str, party: NewParty) -> None:
    """Has the platform hand in a party and leads it to VERIFIED; the same again changes nothing."""
    client = sandbox.client(platform)
    require_done(client.identity.register_parties([party]))
    verify_parties(sandbox.operators[0], client.credentials.principal_id, [party.id])
