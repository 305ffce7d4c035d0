"""Leaves of custody, as a hostile or an ordinary ledger would have them, and what has them folded."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from random import Random

from ringfence_audit.books.domain.fold import Block, Fold
from ringfence_audit.log.domain.leaf import Value, encode
from ringfence_verifier.books import Fold as VerifierFold
from ringfence_verifier.leaf import read_leaf

TIME_NS = 1_700_000_000_000_000_000
EUR, CNY = 978, 156
CLASSES = ("CLIENT", "PLATFORM", "BANK_MIRROR", "SUSPENSE", "FEE", "GUARANTEE", "SHORTFALL")
PENDING, POST, VOID = 2, 4, 8


def identifier(*parts: object) -> bytes:
    """An id that is made from its parts."""
    return sha256(repr(parts).encode()).digest()[:16]


TENANTS = tuple(identifier("tenant", number) for number in range(3))


def account(tenant: bytes, number: int, time_ns: int, ledger: int = EUR, name: str = "CLIENT") -> bytes:
    """The leaf of an account; books have the same ids."""
    fields = {"tenant_id": tenant, "account_id": identifier("account", number), "ledger": ledger}
    return encode("custody.account.v1", {**fields, "account_class": name, "index": number, "time_ns": time_ns})


def transfer(
    tenant: bytes,
    number: int,
    between: tuple[int, int],
    amount: int,
    flags: int = 0,
    pending: int | None = None,
    time_ns: int = TIME_NS,
) -> bytes:
    """The leaf of a transfer."""
    fields: dict[str, Value | None] = {
        "tenant_id": tenant,
        "transfer_id": identifier("transfer", number),
        "debit_account_id": identifier("account", between[0]),
        "credit_account_id": identifier("account", between[1]),
        "amount_minor": amount,
        "flags": flags,
        "pending_id": None if pending is None else identifier("transfer", pending),
        "user_data_128": identifier(number) if number % 3 else None,
        "code": 1,
        "ledger": EUR,
        "time_ns": time_ns,
    }
    return encode("custody.transfer.v1", fields)


def expired(tenant: bytes, number: int, time_ns: int) -> bytes:
    """The leaf of an expiry."""
    fields = {"tenant_id": tenant, "transfer_id": identifier("transfer", number), "time_ns": time_ns}
    return encode("custody.transfer_expired.v1", fields)


def varied(count: int, seed: int) -> list[bytes]:
    """Leaves of three platforms in every order that they could come in, and in some that they could not."""
    random, made = Random(seed), list[bytes]()
    for number in range(count):
        tenant, time_ns = random.choice(TENANTS), TIME_NS + number
        between = random.randrange(1, 12), random.randrange(1, 12)
        earlier = random.randrange(max(0, number - 30), number + 1)
        amount = random.choice((0, 1, random.randrange(1 << 40), (1 << 63) - 1))
        match random.randrange(9):
            case 0 | 1:
                ledger, name = random.choice((EUR, CNY)), random.choice(CLASSES)
                made.append(account(tenant, random.randrange(1, 12), time_ns, ledger, name))
            case 2:
                made.append(expired(tenant, earlier, time_ns))
            case 3 | 4:
                made.append(transfer(tenant, number, between, amount, PENDING, time_ns=time_ns))
            case 5:
                made.append(transfer(tenant, number, between, amount, POST, earlier, time_ns))
            case 6:
                made.append(transfer(tenant, number, between, amount, VOID, earlier, time_ns))
            case 7:
                made.append(encode("custody.transfer.v1", {"tenant_id": tenant, "amount_minor": b"not a number"}))
            case _:
                made.append(transfer(tenant, number, between, amount, time_ns=time_ns))
    return made


def folded(leaves: Sequence[bytes], sizes: Sequence[int] = (), fold: Fold | None = None, first: int = 0) -> Fold:
    """Folds leaves in blocks of these sizes, the rest in one; those of other kinds are left out as a log does."""
    fold, at = fold or Fold(), 0
    for size in (*sizes, len(leaves)):
        block = [(first + number, leaf) for number, leaf in enumerate(leaves[at : at + size], at)]
        at = min(len(leaves), at + size)
        assert list(fold.take(Block(block, first + at, 1))) == []
    return fold


def read_by_verifier(leaves: Sequence[bytes]) -> VerifierFold:
    """Folds leaves one by one, in the verifier's plain way."""
    fold = VerifierFold()
    for leaf in leaves:
        fold.add(read_leaf(leaf))
    return fold
