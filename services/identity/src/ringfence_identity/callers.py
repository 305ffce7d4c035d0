"""Who calls, as the modules' decisions know them."""

from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.caller import Caller

from ringfence_identity.principals.queries import Actor


def actor(caller: Caller) -> Actor:
    """Returns who asks."""
    return Actor(caller.subject, caller.tenant)


def tenant_asked(caller: Caller, tenant_id: bytes) -> bytes:
    """Returns the tenant a request is about: the one it names, or the caller's own; raises InvalidArgument."""
    return bounds.identifier("tenant_id", tenant_id or caller.tenant or b"")
