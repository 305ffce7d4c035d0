"""Ringfence: the Python SDK and the `ringfence` command."""

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
