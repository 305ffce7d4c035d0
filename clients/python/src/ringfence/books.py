"""Books of platforms by the log alone: what their accounts come to, now or at a past instant; for regulators."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import grpc
from ringfence_desk.fact import Fact
from ringfence_desk.kinds import platform_of
from ringfence_desk.safeguarding import CLIENT, Equation, grown_minor
from ringfence_protos.audit.v1 import audit_pb2 as pb
from ringfence_protos.audit.v1 import audit_pb2_grpc
from ringfence_verifier import Balances, KeySuccession, Policy, ProvenBalance, VerificationError, verify_balance
from ringfence_verifier.books import CLOSED_KIND, ClassTotals

from ringfence.audit import Audit
from ringfence.money import ledger_of
from ringfence.transport import Connection

_CLIENT = CLIENT.lower()


@dataclass(frozen=True, kw_only=True)
class BooksClosing:
    """A closing of custody that the log has computed, at the index of custody's leaf.

    `position` is the one in custody's feed; `closed_ns` is in UTC. Where it is not the same, custody and its own facts
    differ by a cent at least.
    """

    leaf_index: int
    position: int
    closed_ns: int
    is_same: bool
    balances_root: bytes


@dataclass(frozen=True, kw_only=True)
class Books:
    """What the accounts of a platform and currency come to by the log's first `size` leaves.

    `balance_proof` is about the account that was asked for, in the newest books by then that the log has stated; empty
    before the first.
    """

    size: int
    accounts: int
    balances_root: bytes
    classes: Mapping[str, ClassTotals]
    balances: Balances | None
    closing: BooksClosing | None
    balance_proof: bytes = b""

    @property
    def equation(self) -> Equation:
        """What is there for clients by these totals, and what they are owed."""
        grown = {name.upper(): grown_minor(name, each.balance) for name, each in self.classes.items()}
        return Equation.of(grown, self.classes[_CLIENT].positive if _CLIENT in self.classes else 0)

    @property
    def is_covered(self) -> bool:
        """Tells whether the safeguarding equation holds; the log has said the same."""
        return self.equation.is_covered


class BookReads:
    """Asks the log for books, and custody for closings."""

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = audit_pb2_grpc.AuditServiceStub(channel)

    def get(
        self,
        tenant_id: UUID,
        currency: str,
        *,
        at_ns: int = 0,
        account_id: UUID | None = None,
        look: Audit | None = None,
    ) -> Books:
        """Books as of an instant, UTC nanoseconds, 0 for now; with the balances of one account where it is named.

        Asked again as a part of the same `look` (`Audit.looking`) they are as of before, until the log has signed more.

        Raises VerificationError where the log's own verdict is not what its totals come to.
        """
        request = pb.GetBooksRequest(
            tenant_id=tenant_id.bytes,
            ledger=ledger_of(currency),
            at_ns=at_ns,
            account_id=account_id.bytes if account_id else b"",
            look=look.look if look else None,
        )
        return _books(self._connection.call(self._stub.GetBooks, request))

    def demand(self, tenant_id: UUID, currency: str, demand_id: UUID) -> int:
        """Has custody close books now; gives the position, which `get` shows within seconds.

        The same demand again gets the same closing.
        """
        request = pb.DemandBooksRequest(
            tenant_id=tenant_id.bytes, ledger=ledger_of(currency), demand_id=demand_id.bytes
        )
        return int(self._connection.call(self._stub.DemandBooks, request).position)


def proven_balance(
    proof: bytes, account_id: UUID, tenant_id: UUID, ledger: int, key: str | KeySuccession, policy: Policy | None = None
) -> ProvenBalance:
    """Checks a proof of a balance, and that it is about this account of this platform and currency.

    Raises VerificationError.
    """
    found = verify_balance(proof, key, policy=policy)
    if (found.account, found.tenant_id, found.ledger) != (account_id.bytes, tenant_id.bytes, ledger):
        raise VerificationError("the log has proven the balance of another account, or in other books")
    return found


def closed_ns(closing: Fact, found: ProvenBalance, at_ns: int, newest: int) -> int:
    """Gives when custody closed the books that a balance is proven in, UTC nanoseconds, by the fact of the closing.

    Raises VerificationError where that is another fact, or the closing is after the instant that was asked for (0 for
    now) or after the newest one by then.
    """
    said = closing.index, closing.kind, platform_of(closing), closing.integer("ledger")
    if said != (found.closing, CLOSED_KIND, UUID(bytes=found.tenant_id), found.ledger):
        raise VerificationError(f"the fact {closing.index} closes no such books")
    when = closing.integer("closed_ns")
    if when is None or (at_ns and when > at_ns) or found.closing > newest:
        raise VerificationError("the log has proven the balance in books that were closed after the instant asked for")
    return when


def _books(read: pb.GetBooksResponse) -> Books:
    closing = read.closing if read.HasField("closing") else None
    balances = None
    if read.balances_minor:
        debits_pending, debits_posted, credits_pending, credits_posted = read.balances_minor
        balances = Balances(debits_pending, debits_posted, credits_pending, credits_posted)
    found = Books(
        size=read.size,
        accounts=read.accounts,
        balances_root=read.balances_root,
        classes={each.account_class: ClassTotals.unpacked(each.totals) for each in read.classes},
        balances=balances,
        closing=closing
        and BooksClosing(
            leaf_index=closing.leaf_index,
            position=closing.position,
            closed_ns=closing.closed_ns,
            is_same=closing.is_same,
            balances_root=closing.balances_root,
        ),
        balance_proof=read.balance_proof,
    )
    if found.is_covered != read.is_covered:
        said = "covered" if read.is_covered else "not covered"
        raise VerificationError(f"the log calls the books {said}, and its totals come to the opposite")
    return found
