"""Ringfence: the Python SDK and the `ringfence` command."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringfence.client import Client
    from ringfence.credentials import Addresses, Credentials
    from ringfence.errors import CredentialsError, RingfenceError
    from ringfence.ids import external_id, new_id
    from ringfence.transport import Patience

__all__ = [
    "Addresses",
    "Client",
    "Credentials",
    "CredentialsError",
    "Patience",
    "RingfenceError",
    "external_id",
    "new_id",
]

_MODULES = {
    "Addresses": "credentials",
    "Client": "client",
    "Credentials": "credentials",
    "CredentialsError": "errors",
    "Patience": "transport",
    "RingfenceError": "errors",
    "external_id": "ids",
    "new_id": "ids",
}


def __getattr__(name: str) -> Any:
    """Imports what is asked for (PEP 562): whoever uses one module does not wait for all."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
