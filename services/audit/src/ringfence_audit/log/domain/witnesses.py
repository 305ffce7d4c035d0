"""Witness policies (C2SP tlog-policy) as the log needs them, and what witnesses sign (C2SP tlog-cosignature)."""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import urlsplit

from ringfence_audit.log.domain.checkpoint import Checkpoint, read_vkey

ED25519, ML_DSA_44 = 0x04, 0x06
KEY_BYTES = {ED25519: 32, ML_DSA_44: 1_312}
SIGNATURE_BYTES = {ED25519: 64, ML_DSA_44: 2_420}
MAX_WITNESSES = 60
"""With the log's own, all of their lines are in one note (C2SP signed-note: 64 may be refused)."""
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
NONE = "none"


class PolicyMalformed(ValueError):
    """The text is no witness policy, or one that the log cannot ask by."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Whom to ask for a cosignature, and the key that it has to be by."""

    name: str
    key_name: str
    algorithm: int
    public_key: bytes
    url: str

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(key name ‖ 0x0A ‖ type ‖ key)."""
        key = bytes([self.algorithm]) + self.public_key
        return sha256(self.key_name.encode() + b"\n" + key).digest()[:4]

    def message(self, seconds: bytes, checkpoint: Checkpoint) -> bytes:
        """Gives what it signs of a checkpoint, at a time of 8 bytes."""
        if self.algorithm == ED25519:
            return f"cosignature/v1\ntime {int.from_bytes(seconds, 'big')}\n{checkpoint.text()}".encode()
        name, origin = self.key_name.encode(), checkpoint.origin.encode()
        named = struct.pack(f">B{len(name)}s8sB{len(origin)}s", len(name), name, seconds, len(origin), origin)
        return b"subtree/v1\n\x00" + named + struct.pack(">QQ", 0, checkpoint.size) + checkpoint.root


@dataclass(frozen=True, slots=True)
class Policy:
    """Who is asked, and whose cosignatures are enough: groups say how many of which names."""

    witnesses: tuple[Witness, ...] = ()
    groups: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str = NONE
    sha256: bytes = b""

    def is_met(self, seen: Collection[str]) -> bool:
        """Tells whether witnesses of these names are a quorum."""
        return self.quorum == NONE or self._has_seen(self.quorum, seen)

    def _has_seen(self, name: str, seen: Collection[str]) -> bool:
        if name not in self.groups:
            return name in seen
        least, members = self.groups[name]
        return sum(self._has_seen(each, seen) for each in members) >= least


NO_WITNESSES = Policy()


def read_policy(text: str) -> Policy:
    """Reads a policy; raises PolicyMalformed naming the line. Witnesses need addresses here; logs are for verifiers."""
    witnesses: dict[str, Witness] = {}
    groups: dict[str, tuple[int, tuple[str, ...]]] = {}
    taken, quorums, logs = set[str](), list[str](), set[bytes]()

    def defined(name: str) -> str:
        if name not in witnesses and name not in groups:
            raise PolicyMalformed(f"{name} stands for nothing yet")
        return name

    def new(name: str) -> str:
        if name in witnesses or name in groups or name == NONE:
            raise PolicyMalformed(f"{name} is given twice")
        return name

    def group(name: str, least: str, *members: str) -> None:
        if taken & set(members) or len(set(members)) != len(members):
            raise PolicyMalformed("a name is a member twice")
        taken.update(map(defined, members))
        count = {"any": 1, "all": len(members)}.get(least) or (int(least) if re.fullmatch("[1-9][0-9]*", least) else 0)
        if not 1 <= count <= len(members):
            raise PolicyMalformed("a group asks for more than it has, or for nothing")
        groups[new(name)] = (count, members)

    def line(word: str, *items: str) -> None:
        if word == "log" and len(items) in (1, 2):
            key = _note_key(items[0])
            if key in logs:
                raise PolicyMalformed("a log's key is named twice")
            logs.add(key)
            return
        if word == "witness" and len(items) == 3:
            made = _witness(*items)
            if made.public_key in {each.public_key for each in witnesses.values()}:
                raise PolicyMalformed("a witness's key is named twice")
            witnesses[new(made.name)] = made
        elif word == "group" and len(items) >= 3:
            group(*items)
        elif word == "quorum" and len(items) == 1:
            quorums.append(items[0] if items[0] == NONE else defined(items[0]))
        else:
            raise PolicyMalformed("it is no log, witness with its address, group or quorum")

    if _FORBIDDEN.search(text) or not text.endswith("\n"):
        raise PolicyMalformed("it has characters that no policy may have, or its last line does not end")
    for number, each in enumerate(text.split("\n"), 1):
        words = [item for item in re.split("[ \t]+", each) if item]
        if words and not words[0].startswith("#"):
            try:
                line(*words)
            except ValueError as error:
                raise PolicyMalformed(f"line {number}: {error}") from None
    if len(quorums) != 1:
        raise PolicyMalformed("it has no quorum, or more than one")
    if len(witnesses) > MAX_WITNESSES:
        raise PolicyMalformed(f"it has more than {MAX_WITNESSES} witnesses")
    return Policy(tuple(witnesses.values()), groups, quorums[0], sha256(text.encode()).digest())


def _witness(name: str, vkey: str, url: str) -> Witness:
    key_name, algorithm, public_key = read_vkey(vkey)
    if KEY_BYTES.get(algorithm) != len(public_key):
        raise PolicyMalformed("it has no cosigner's Ed25519 or ML-DSA-44 key")
    at = urlsplit(url)
    if at.scheme not in ("https", "http") or not at.hostname or at.port == 0 or at.query or at.fragment:
        raise PolicyMalformed("its address is no URL of HTTP")
    return Witness(name, key_name, algorithm, public_key, url.rstrip("/"))


def _note_key(vkey: str) -> bytes:
    """Reads the key of a log: that it is one is all that is asked here."""
    _, algorithm, public_key = read_vkey(vkey)
    if algorithm != 1 or len(public_key) != 32:
        raise PolicyMalformed("it has no log's Ed25519 key")
    return public_key
