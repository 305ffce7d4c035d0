"""IBANs in clear: they exist only between a request and their sealing or their index."""

from ringfence_kernel.sealing.envelopes import blind_index
from ringfence_kernel.values import iban

from ringfence_identity.aliases.domain.errors import IbanInvalid

MAX_IBAN_CHARACTERS = 34


def compact_iban(text: str) -> str:
    """Returns an IBAN without separators; raises IbanInvalid unless form and check digits are right (ISO 13616)."""
    if len(text) > 2 * MAX_IBAN_CHARACTERS:
        raise IbanInvalid
    compact = iban.compact(text)
    if not iban.is_valid(compact):
        raise IbanInvalid
    return compact


def iban_index(key: bytes, compact: str) -> bytes:
    """Returns the blind index of a compact IBAN, 16 bytes; the same for every tenant, as an IBAN is unique."""
    return blind_index(key, "identity.iban", compact.encode())


def index_of(key: bytes, text: str) -> bytes:
    """Returns the blind index of an IBAN as it is written; raises IbanInvalid."""
    return iban_index(key, compact_iban(text))
