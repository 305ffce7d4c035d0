"""Trust policies (C2SP tlog-policy): whose logs are believed, and which witnesses have to have seen a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from ringfence_verifier.cosignature import CosignerKey, cosigners
from ringfence_verifier.errors import VerificationError
from ringfence_verifier.key_succession import KeySuccession
from ringfence_verifier.note import Checkpoint, VerifierKey, verify_checkpoint

MAX_POLICY_BYTES, MAX_NAMES = 1 << 20, 1_000
NONE = b"none"
_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_SPACE = re.compile(rb"[ \t]+")
_NUMBER = re.compile(rb"[1-9][0-9]{0,3}")


@dataclass(frozen=True)
class Witness:
    """A cosigner by the name that the policy gives it; the address is empty where none is given."""

    name: bytes
    key: CosignerKey
    url: str


@dataclass(frozen=True)
class Group:
    """Has seen what at least so many of its members have seen."""

    least: int
    members: tuple[bytes, ...]


@dataclass(frozen=True)
class Policy:
    """What a policy file says; names are octets, as in the file."""

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[bytes, Witness]
    groups: Mapping[bytes, Group]
    quorum: bytes
    sha256: bytes
    """Of the file: what the log's state names."""

    @classmethod
    def parse(cls, content: bytes) -> Policy:
        """Reads a policy file; raises VerificationError, naming the line, where it is not one."""
        return _Reader(content).policy()

    def is_met(self, seen: Collection[bytes]) -> bool:
        """Tells whether the witnesses of these names are a quorum."""

        def has_seen(name: bytes) -> bool:
            group = self.groups.get(name)
            if group is None:
                return name in seen
            return sum(map(has_seen, group.members)) >= group.least

        return self.quorum == NONE or has_seen(self.quorum)

    def verify(self, note: str, keys: KeySuccession | None = None) -> tuple[Checkpoint, dict[bytes, int]]:
        """Checks a checkpoint: signed by one of the logs, and seen by a quorum.

        `keys` are those that the log was followed to: then it is signed by all that have to as well. A policy alone
        does not know that a key that it names has ended. Gives the checkpoint, and who has cosigned it when (POSIX
        seconds). Raises VerificationError.
        """
        checkpoint = self._of_a_log(note)
        if keys is not None:
            keys.verify_checkpoint(note)
        by_key = {witness.key: witness.name for witness in self.witnesses.values()}
        seen = {by_key[key]: seconds for key, seconds in cosigners(note, checkpoint, tuple(by_key)).items()}
        if not self.is_met(seen):
            names = ", ".join(sorted(name.decode(errors="replace") for name in seen)) or "nobody"
            raise VerificationError(f"the checkpoint lacks its quorum of witnesses: {names} has seen it")
        return checkpoint, seen

    def _of_a_log(self, note: str) -> Checkpoint:
        failures = []
        for key in self.logs:
            try:
                return verify_checkpoint(note, key.text())
            except VerificationError as error:
                failures.append(str(error))
        raise VerificationError("; ".join(failures) or "the policy names no log")


@dataclass
class _Reader:
    """Reads a policy line by line; a name means something from its line on."""

    content: bytes
    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[bytes, Witness] = field(default_factory=dict)
    groups: dict[bytes, Group] = field(default_factory=dict)
    quorums: list[bytes] = field(default_factory=list)
    taken: set[bytes] = field(default_factory=set)

    def policy(self) -> Policy:
        if len(self.content) > MAX_POLICY_BYTES or _FORBIDDEN.search(self.content):
            raise VerificationError("the policy is too long or has characters that no policy may have")
        if self.content and not self.content.endswith(b"\n"):
            raise VerificationError("the policy's last line does not end")
        words: dict[bytes, Callable[[list[bytes]], None]] = {
            b"log": self._log,
            b"witness": self._witness,
            b"group": self._group,
            b"quorum": self._quorum,
        }
        for number, line in enumerate(self.content.split(b"\n"), 1):
            items = [item for item in _SPACE.split(line) if item]
            if not items or items[0].startswith(b"#"):
                continue
            try:
                words.get(items[0], _unknown)(items[1:])
            except VerificationError as error:
                raise VerificationError(f"line {number} of the policy: {error}") from None
        if len(self.quorums) != 1:
            raise VerificationError("the policy has no quorum, or more than one")
        digest = sha256(self.content).digest()
        return Policy(tuple(self.logs), self.witnesses, self.groups, self.quorums[0], digest)

    def _log(self, items: list[bytes]) -> None:
        _require(1 <= len(items) <= 2, "a log is a key and an address at most")
        key = VerifierKey.parse(_text(items[0]))
        _require(key.public_key not in {each.public_key for each in self.logs}, "the log's key is named twice")
        self.logs.append(key)

    def _witness(self, items: list[bytes]) -> None:
        _require(2 <= len(items) <= 3, "a witness is a name, a key and an address at most")
        key = CosignerKey.parse(_text(items[1]))
        known = {each.key.public_key for each in self.witnesses.values()}
        _require(key.public_key not in known, "the witness's key is named twice")
        self.witnesses[self._new(items[0])] = Witness(items[0], key, _text(items[2]) if len(items) > 2 else "")

    def _group(self, items: list[bytes]) -> None:
        _require(len(items) >= 3, "a group is a name, a number and members")
        members = tuple(items[2:])
        for member in members:
            self._require_defined(member)
            _require(member not in self.taken, "a name is a member twice")
            self.taken.add(member)
        least = {b"any": 1, b"all": len(members)}.get(items[1])
        if least is None:
            _require(_NUMBER.fullmatch(items[1]) is not None, "a group's number is malformed")
            least = int(items[1])
        _require(least <= len(members), "a group asks for more than it has")
        self.groups[self._new(items[0])] = Group(least, members)

    def _quorum(self, items: list[bytes]) -> None:
        _require(len(items) == 1, "a quorum is a name")
        if items[0] != NONE:
            self._require_defined(items[0])
        self.quorums.append(items[0])

    def _new(self, name: bytes) -> bytes:
        _require(name not in self.witnesses and name not in self.groups and name != NONE, "a name is given twice")
        _require(len(self.witnesses) + len(self.groups) < MAX_NAMES, "there are too many names")
        return name

    def _require_defined(self, name: bytes) -> None:
        _require(name in self.witnesses or name in self.groups, "a name stands for nothing yet")


def _unknown(items: list[bytes]) -> None:
    raise VerificationError("it is neither log, witness, group nor quorum")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise VerificationError(message)


def _text(item: bytes) -> str:
    try:
        return item.decode()
    except UnicodeDecodeError:
        raise VerificationError("it is not UTF-8") from None
