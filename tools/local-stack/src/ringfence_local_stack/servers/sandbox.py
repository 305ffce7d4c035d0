"""The description of a sandbox, from which its OpenBao and NATS are filled as those of production are."""

from ringfence_bootstrap.description import SERVICES, AppRole, Description, Nats, Service
from ringfence_local_stack.servers.certificates import TRUST_DOMAIN

SANDBOX = Description(
    trust_domain=TRUST_DOMAIN,
    login=AppRole(),
    loopback=True,
    services={name: Service(processes=1) for name in SERVICES},
    nats=Nats(replicas=1),
)
