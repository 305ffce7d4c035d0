"""The log as a regulator reads it at the end: complete, agreeing with its sources, verified from its first leaf on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from ringfence.audit import Audit
from ringfence.audit import Finding as SourceFinding
from ringfence.client import Client
from ringfence_verifier import (
    Checkpoint,
    Fact,
    VerificationError,
    read_leaf,
    verify_checkpoint,
    verify_log,
    verify_state,
)

from .findings import Finding, Kind

SETTLING_SECONDS = 300.0
TRANSFER, READ, RECEIPT = "custody.transfer.v1", "audit.read.v1", "GetReceipt"


@dataclass
class Logged:
    """What the log has: transfers by platform, receipts by reader and leaf, and what is wrong with it.

    `newest` is the checkpoint that it was verified under; None where it does not verify.
    """

    transfers: Counter[UUID] = field(default_factory=Counter)
    receipts: Counter[tuple[UUID, int]] = field(default_factory=Counter)
    newest: Checkpoint | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def platforms(self) -> list[UUID]:
        """Those in whose books money has moved."""
        return sorted(self.transfers)

    def count(self, fact: Fact) -> None:
        """Takes note of a fact."""
        if fact.kind == TRANSFER:
            self.transfers[UUID(bytes=fact.content("tenant_id"))] += 1
        elif fact.kind == READ and fact.text("method") == RECEIPT:
            self.receipts[UUID(bytes=fact.content("reader_id")), fact.integer("query_leaf_index")] += 1


def read_log(regulator: Client, key: str) -> Logged:
    """Waits, within a bound, until the log has all that its sources have, and reads it as a whole."""
    audit, log = regulator.audit, Logged()
    log.findings += _compared(audit)
    try:
        log.newest = newest = _signed_from_now(audit, key)
        verify_log(_counted(audit, newest.size, log), newest)
    except VerificationError as error:
        log.newest = None
        log.findings.append(Finding(Kind.ALTERED, f"the log does not verify: {error}"))
    return log


def wait_until(true: Callable[[], bool]) -> bool:
    """Tells whether something became true within some minutes."""
    end = time.monotonic() + SETTLING_SECONDS
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.5)
    return True


def _compared(audit: Audit) -> Iterator[Finding]:
    def is_complete() -> bool:
        return all(each.logged_position == each.current_position for each in audit.verify_sources())

    if not wait_until(is_complete):
        yield Finding(Kind.LOST, f"the log is behind: {audit.verify_sources()}")
    for each in audit.verify_sources(recompute=True):
        if each.finding is not SourceFinding.AGREES:
            yield Finding(Kind.ALTERED, f"the log and {each.source}: {each.finding.name} {each.detail}")
    wait_until(lambda: audit.prove_transfers().open == 0)
    for unproven in audit.prove_transfers().unproven:
        yield Finding(Kind.INVENTED, f"nothing the bank has said justifies {unproven}")


def _signed_from_now(audit: Audit, key: str) -> Checkpoint:
    """Waits, within a bound, for a checkpoint of everything that the log has now; a question makes it have news."""
    now_ns = time.time_ns()
    audit.verify_sources()
    wait_until(lambda: verify_state(audit.stated_checkpoint().state_receipt, key)[1].time_ns > now_ns)
    return verify_checkpoint(audit.checkpoint(), key)


def _counted(audit: Audit, size: int, log: Logged) -> Iterator[bytes]:
    for leaf in audit.leaves(0, size):
        log.count(read_leaf(leaf.content))
        yield leaf.content
