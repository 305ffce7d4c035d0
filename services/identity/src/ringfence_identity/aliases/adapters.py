"""Custody over gRPC, as aliases ask it: by this service's own certificate."""

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_kernel.rpc.client import Peer
from ringfence_kernel.rpc.errors import PeerUnavailable, RemoteError, hinted, peer_refused
from ringfence_protos.custody.v1 import custody_pb2 as pb
from ringfence_protos.custody.v1.custody_pb2_grpc import CustodyServiceStub

from ringfence_identity.aliases.application.ports import AccountOwner

TIMEOUT_SECONDS = 5.0
_PREFIX = "ACCOUNT_CLASS_"


@dataclass(frozen=True, slots=True)
class CustodyAccounts:
    """An Accounts over a Peer."""

    peer: Peer

    async def owners(self, tenant: bytes, accounts: Sequence[bytes]) -> dict[bytes, AccountOwner]:
        """Returns the owner of each account; raises PeerUnavailable, PeerRefused."""
        if not accounts:
            return {}
        request = pb.LookUpAccountsRequest(book_id=tenant, account_ids=accounts)
        try:
            reply = await self.peer.call(
                CustodyServiceStub, "LookUpAccounts", request, timeout=TIMEOUT_SECONDS, idempotent=True
            )
        except RemoteError as error:
            if error.is_lasting:
                raise peer_refused("custody", error) from error
            raise hinted(PeerUnavailable(), error) from error
        return {account: _owner(found) for account, found in zip(accounts, reply.accounts, strict=True)}


def _owner(found: pb.AccountOwner) -> AccountOwner:
    if found.account_class == pb.ACCOUNT_CLASS_UNSPECIFIED:
        return AccountOwner(found.owner_id, "")
    return AccountOwner(found.owner_id, pb.AccountClass.Name(found.account_class).removeprefix(_PREFIX))
