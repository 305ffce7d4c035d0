"""What a survey of the log comes to, kept beside what is remembered of it: the next run goes on from there.

Nothing here is believed by itself: whoever goes on makes the root of the whole tree from the hashes that were kept.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from struct import Struct, error
from typing import Any
from uuid import UUID

from ringfence_desk.names import Account
from ringfence_verifier import VerificationError
from ringfence_verifier.proofs import TreeHash

from ringfence.console_host.survey import Survey
from ringfence.proven import fact_of
from ringfence.remembered import Remembered

_FORMAT = b"ringfence-survey/1\n"
_HASH_BYTES = 32
_ACCOUNT, _PAYMENT, _RESERVED = Struct(">I16s16sBH16s"), Struct(">I16sH"), Struct(">I16s16sQ")
"""Rows: of a platform's number, ids, class or state by number, currency; a balance has 16 bytes."""
_SELDOM = 64
"""A survey is kept anew once it has grown by this part, so that a long one is not written at each look."""
_DAMAGED = (ValueError, TypeError, LookupError, OverflowError, error, zlib.error, VerificationError)


@dataclass
class KeptSurvey:
    """The survey of one log as one reader's folder has it."""

    remembered: Remembered
    origin: str
    _size: int = 0

    def load(self) -> Survey | None:
        """Gives what was kept; None where nothing was, or it is damaged."""
        content = self.remembered.survey(self.origin)
        try:
            found = _restored(content) if content else None
        except _DAMAGED:
            return None
        self._size = found.size if found else 0
        return found

    def keep(self, survey: Survey) -> None:
        """Keeps a survey all of which a checkpoint has borne out, where it has grown enough."""
        if survey.size - self._size > self._size // _SELDOM:
            self.remembered.keep_survey(self.origin, _saved(survey))
            self._size = survey.size


def _saved(survey: Survey) -> bytes:
    platforms, states, classes = _Numbers(), _Numbers(), _Numbers()
    accounts = b"".join(
        _ACCOUNT.pack(
            platforms.of(_hex(each.platform_id)),
            each.id.bytes,
            each.owner_id.bytes if each.owner_id else bytes(16),
            classes.of(each.account_class),
            each.ledger,
            survey.balance_minor(each.key).to_bytes(16, "big", signed=True),
        )
        for each in survey.accounts.values()
    )
    payments = b"".join(
        _PAYMENT.pack(platforms.of(_hex(platform)), payment.bytes, states.of(json.dumps(state)))
        for (platform, payment), state in survey.payments.items()
    )
    reserved = b"".join(
        _RESERVED.pack(platforms.of(_hex(platform)), transfer.bytes, account.bytes, minor)
        for (platform, transfer), (account, minor) in survey.reserved.items()
    )
    said = {
        "size": survey.size,
        "stack": [each.hex() for each in survey.tree.stack],
        "latest": [[index, _written(leaf)] for index, leaf in survey.latest_leaves],
        "accounts": _written(accounts),
        "payments": _written(payments),
        "reserved": _written(reserved),
        "platforms": list(platforms),
        "states": list(states),
        "classes": list(classes),
    }
    content = zlib.compress(json.dumps(said).encode(), 1)
    return _FORMAT + sha256(content).digest() + content


def _restored(content: bytes) -> Survey:
    """Takes up what `_saved` gave; raises one of _DAMAGED for anything else."""
    body = content.removeprefix(_FORMAT)
    if body == content or sha256(body[_HASH_BYTES:]).digest() != body[:_HASH_BYTES]:
        raise ValueError("the survey is not as it was written")
    said: dict[str, Any] = json.loads(zlib.decompress(body[_HASH_BYTES:]))
    platforms = [UUID(each) if each else None for each in said["platforms"]]
    states = [tuple(json.loads(each)) for each in said["states"]]
    survey = Survey(TreeHash.restored(said["size"], [bytes.fromhex(each) for each in said["stack"]]))
    survey.size = survey.next_leaf = said["size"]
    for platform, id_, owner, kind, ledger, minor in _ACCOUNT.iter_unpack(_read(said["accounts"])):
        owner_id = UUID(bytes=owner) if any(owner) else None
        account = Account(UUID(bytes=id_), said["classes"][kind], ledger, platforms[platform], owner_id)
        survey.take_up(account, int.from_bytes(minor, "big", signed=True))
    for platform, payment, state in _PAYMENT.iter_unpack(_read(said["payments"])):
        survey.payments[platforms[platform], UUID(bytes=payment)] = states[state]
    for platform, transfer, account_id, minor in _RESERVED.iter_unpack(_read(said["reserved"])):
        survey.reserved[platforms[platform], UUID(bytes=transfer)] = UUID(bytes=account_id), minor
    for index, written in said["latest"]:
        leaf = _read(written)
        survey.show(fact_of(index, leaf), leaf)
    return survey


class _Numbers:
    """Texts, each by the number of its first use."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)


def _hex(id_: UUID | None) -> str:
    return id_.hex if id_ else ""


def _written(content: bytes) -> str:
    return b64encode(content).decode()


def _read(text: str) -> bytes:
    return b64decode(text, validate=True)
