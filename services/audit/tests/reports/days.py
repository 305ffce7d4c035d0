"""Leaves of safeguarding days, as custody's events become them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from ringfence_audit.index.domain.keys import keys_of, kind_key
from ringfence_audit.log.domain.leaf import Value, decode, encode
from ringfence_audit.log.domain.page import SourceEvent
from ringfence_audit.reports.domain.facts import DayKey
from ringfence_audit.reports.domain.report import Under
from ringfence_audit.translation.application.translator import Translation
from ringfence_audit.translation.domain.state import State

TENANT = bytes(range(16))
MIRRORS = [bytes([each]) * 16 for each in (1, 2)]
EUR, JPY = 978, 392
UNDER = Under("ringfence.example/log", 1_000, bytes(32))
ADA, BEN = bytes([7]) * 16, bytes([8]) * 16
BANK, LETTER = bytes([60]) * 16, bytes([61]) * 16
HANDS = {"proposer": ADA, "confirmer": BEN}


class Days:
    """The log in small: leaves by index, found by the keys that the search index gives them."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.kept: dict[int, dict[str, str]] = {}
        self.looked_up: list[bytes] = []
        self.events: list[tuple[str, dict[str, Any], bytes]] = []

    def about(self, key: bytes, until_leaf: int) -> list[tuple[int, bytes]]:
        return [(at, leaf) for at, leaf in enumerate(self.leaves[:until_leaf]) if key in keys_of(leaf)]

    def first_about(self, key: bytes, most: int, until_leaf: int) -> list[tuple[int, bytes]]:
        self.looked_up.append(key)
        return self.about(key, until_leaf)[:most]

    def about_between(self, key: bytes, from_ns: int, until_ns: int, until_leaf: int) -> list[tuple[int, bytes]]:
        return [each for each in self.about(key, until_leaf) if _is_in(decode(each[1])[1], from_ns, until_ns)]

    def of_kinds(self, tenant: bytes, kinds: Iterable[str], until_leaf: int) -> list[tuple[int, bytes]]:
        return sorted(row for kind in kinds for row in self.about(kind_key(kind, tenant), until_leaf))

    def of_platform(self, tenant: bytes, from_ns: int, until_ns: int, until_leaf: int) -> list[tuple[int, bytes]]:
        found = ((at, leaf, decode(leaf)[1]) for at, leaf in enumerate(self.leaves[:until_leaf]))
        ours = (each for each in found if each[2].get("tenant_id") == tenant)
        return [(at, leaf) for at, leaf, fields in ours if _is_in(fields, from_ns, until_ns)]

    def texts(self, indexes: Sequence[int]) -> dict[int, dict[str, str]]:
        return {index: self.kept[index] for index in indexes}

    def currencies(self, tenant: bytes) -> list[int]:
        return [EUR, JPY]

    def state(self, topic: str, key: DayKey, **fields: Any) -> int:
        """Has an event of a day taken over; returns the index of its leaf."""
        return self.add(topic, key.day_id, day_id=key.day_id, tenant=key.tenant, **fields)

    def add(self, topic: str, stream: bytes, **fields: Any) -> int:
        """Has an event taken over; returns the index of its leaf."""
        self.events.append((topic, fields, stream))
        envelope = [1, 1_700_000_000_000_000_000, "", fields]
        source = SourceEvent(len(self.leaves) + 1, stream, 1, topic, msgspec.msgpack.encode(envelope), bytes(32), 0)
        (translated,) = Translation(State()).translate("custody", [source])
        (leaf,) = translated.leaves
        self.kept[len(self.leaves)] = {each.field: each.content.decode() for each in translated.texts if each.is_text}
        self.leaves.append(leaf)
        return len(self.leaves) - 1

    def say(self, kind: str, /, **fields: Any) -> int:
        """States a fact as it is; returns the index of its leaf."""
        self.kept[len(self.leaves)] = {}
        self.leaves.append(encode(kind, fields))
        return len(self.leaves) - 1

    def party(self, party: bytes, kind: str) -> int:
        """Registers a customer long ago."""
        return self.say("identity.party_registered.v1", party_id=party, tenant_id=TENANT, kind=kind, time_ns=1)

    def transfer(self, day: int, minor: int, debtor: bytes, creditor: bytes, **others: Any) -> int:
        """Moves money between accounts of two owners, none where an owner is empty, at noon of a day."""
        owners = {"debit_owner_id": debtor or None, "credit_owner_id": creditor or None}
        named = {"transfer_id": bytes([200]) * 8 + len(self.leaves).to_bytes(8, "big"), "tenant_id": TENANT, **owners}
        accounts = {"debit_account_id": bytes([70]) * 16, "credit_account_id": bytes([71]) * 16}
        placed = {"source": "custody", "position": len(self.leaves) + 1, "ordinal": 0, "flags": 0, "code": 3}
        at = {"time_ns": day * 86_400 * 10**9 + 43_200 * 10**9, "amount_minor": minor, "ledger": EUR}
        return self.say("custody.transfer.v1", **{**named, **accounts, **placed, **at, **others})

    def bank(self, day: int, name: str = "Erste Bank") -> None:
        """Registers a bank, whose due diligence was done on a day."""
        self.add(
            "BankRegistered.v1",
            BANK,
            bank=BANK,
            bic="ERSTATWWXXX",
            name=name,
            country="AT",
            due_diligence_day=day,
            review_day=day + 365,
            concentration_basis_points=4_000,
            document_sha256=bytes([1]) * 32,
            **HANDS,
        )

    def letter(self, sent: int, countersigned: int = 0, *, mirror: int = 0, letter: bytes = LETTER) -> None:
        """Has a letter sent on a day, and countersigned on another."""
        whose = {"letter": letter, "tenant": TENANT, **HANDS}
        self.add(
            "LetterSent.v1",
            letter,
            account=MIRRORS[mirror],
            bank=BANK,
            template_version="CASS15-1",
            template_sha256=bytes([2]) * 32,
            day=sent,
            **whose,
        )
        if countersigned:
            self.add(
                "LetterCountersigned.v1",
                letter,
                day=countersigned,
                document_sha256=bytes([3]) * 32,
                review_day=countersigned + 365,
                **whose,
            )

    def appoint(self, kind: str, role: str, first: int, until: int = 0, tenant: bytes = b"") -> bytes:
        """Appoints somebody, for all platforms by default; returns the appointment's id."""
        appointment = bytes([len(self.leaves) + 1]) * 16
        self.add(
            "AppointmentMade.v1",
            appointment,
            appointment=appointment,
            kind=kind,
            tenant=tenant,
            subject=ADA,
            role=role,
            document_sha256=bytes([4]) * 32,
            from_day=first,
            until_day=until,
            **HANDS,
        )
        return appointment

    def detect(self, line: int, day: int, kind: str = "UNIDENTIFIED", *, mirror: int = 1) -> bytes:
        """Detects a break of 5 minor units that came in; returns its id."""
        found = bytes([100 + line]) * 16
        whose = {"book": TENANT, "mirror": MIRRORS[mirror]}
        self.add(
            "BreakDetected.v1",
            found,
            side=1,
            line=bytes([line]) * 16,
            kind=kind,
            ledger=EUR,
            amount_minor=5,
            incoming=True,
            day=day,
            detected_day=day,
            due_day=day + 1,
            **whose,
        )
        return found

    def step(self, found: bytes, status: str, *, mirror: int = 1, assignee: bytes = bytes(16), note: str = "") -> None:
        """Has a break go on."""
        whose = {"book": TENANT, "mirror": MIRRORS[mirror], "actor": ADA}
        self.add("BreakStepped.v1", found, status=status, assignee=assignee, reference=bytes(16), note=note, **whose)

    def cut(self, key: DayKey, *flows: tuple[int, int], clients: int = 1_000, own: int = 0) -> None:
        """States the end of a day; `flows` are what was debited and credited to each mirror since its opening."""
        fund = {"pool": key.pool, "ledger": key.ledger, "day": key.day}
        self.state(
            "SafeguardingCut.v1",
            key,
            **fund,
            cut_ns=1_700_000_000_000_000_000,
            as_of_position=9,
            clients_minor=clients,
            suspense_minor=5,
            own_minor=own,
            owed_minor=0,
            held_minor=40,
            mirrors=len(flows),
        )
        for number, (debits, credits) in enumerate(flows, start=1):
            mirror = {"mirror": MIRRORS[number - 1], "number": number}
            self.state("MirrorCut.v1", key, **fund, **mirror, debits_minor=debits, credits_minor=credits)

    def compute(self, key: DayKey, *banks: tuple[int, int], version: int = 1, internal: int = 0) -> None:
        """States what a day comes to; `banks` are mirror and bank."""
        fund = {"pool": key.pool, "ledger": key.ledger, "day": key.day, "version": version}
        for number, (mirror, bank) in enumerate(banks, start=1):
            self.state(
                "MirrorCompared.v1",
                key,
                **fund,
                mirror=MIRRORS[number - 1],
                number=number,
                telling=bytes([9]) * 16,
                mirror_minor=mirror,
                bank_minor=bank,
                later_minor=0,
                unbooked_minor=0,
                unplaced_minor=0,
                overdue_minor=0,
                difference_minor=bank - mirror,
            )
        self.state(
            "SafeguardingComputed.v1",
            key,
            **fund,
            computed_ns=1,
            as_of_position=10,
            requirement_minor=1_005,
            resource_minor=1_005 + internal,
            funds_minor=1_005 + internal,
            unplaced_minor=0,
            assets_minor=0,
            insurance_minor=0,
            internal_minor=internal,
            overdue_minor=0,
            external_minor=sum(abs(bank - mirror) for mirror, bank in banks),
            breaks=0,
            document="ringfence-safeguarding/1\n",
            document_sha256=bytes(range(32)),
        )

    def close(self, key: DayKey, version: int = 1) -> None:
        """States that two people have closed a day."""
        hand = {"key_sha256": bytes(32), "certificate_sha256": bytes(32)}
        self.state(
            "SafeguardingPrepared.v1", key, version=version, prepared_ns=2, principal=ADA, person=ADA, note="", **hand
        )
        self.state("SafeguardingReviewed.v1", key, version=version, reviewed_ns=3, principal=BEN, person=BEN, note="")
        self.state("SafeguardingSigned.v1", key, version=version, signed_ns=4, principal=BEN, document_sha256=bytes(32))


def _is_in(fields: Mapping[str, Value], from_ns: int, until_ns: int) -> bool:
    time_ns = fields.get("time_ns")
    return isinstance(time_ns, int) and from_ns <= time_ns < until_ns
