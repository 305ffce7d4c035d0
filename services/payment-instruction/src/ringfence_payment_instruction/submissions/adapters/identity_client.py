"""Identity over gRPC: aliases, data keys, authorisations."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NoReturn, TypeVar

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.rpc.client import Peer
from ringfence_kernel.rpc.errors import RemoteError, hinted, peer_refused
from ringfence_kernel.sealing.envelopes import DataKeyCache
from ringfence_kernel.values.clock import Clock
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1.identity_pb2_grpc import PartyServiceStub, TokenServiceStub

from ringfence_payment_instruction.submissions.application.ports import Authorisation, HolderNamed, KeyRing
from ringfence_payment_instruction.submissions.domain.errors import (
    AuthorisationRefused,
    IdentityUnavailable,
    KeysUnavailable,
    SubmissionConflict,
)
from ringfence_payment_instruction.submissions.domain.orders import MAX_NAME, Alias

MAX_IBANS = 10_000
MAX_SUBJECTS = 1_000
TIMEOUT_SECONDS = 5.0
Item = TypeVar("Item")


class IdentityClient:
    """The Identity port over a Peer. Data keys are held for some minutes."""

    def __init__(self, peer: Peer, clock: Clock, *, maximum_keys: int = 50_000, ttl_seconds: float = 300) -> None:
        """Calls `peer`; keeps up to `maximum_keys` data keys for `ttl_seconds`."""
        self._peer = peer
        self._blind_index_key = b""
        self._cache = DataKeyCache(self._fetch, clock, maximum=maximum_keys, ttl_seconds=ttl_seconds)

    async def resolve(self, ibans: Sequence[str]) -> dict[str, Alias]:
        """Returns what IBANs stand for; raises IdentityUnavailable."""
        found: dict[str, Alias] = {}
        for part in _parts(ibans, MAX_IBANS):
            reply = await self._call(PartyServiceStub, "ResolveAliases", pb.ResolveAliasesRequest(ibans=part))
            for iban, alias in zip(part, reply.aliases, strict=True):
                if alias.found:
                    found[iban] = _alias(alias)
                elif alias.erased:
                    found[iban] = Alias(alias.tenant_id, ZERO_ID, alias.tenant_id, False, erased=True)
        return found

    async def confirm(self, named: Sequence[HolderNamed]) -> dict[str, Alias]:
        """Confirms claims of IBANs by what a bank says; raises IdentityUnavailable."""
        found: dict[str, Alias] = {}
        for part in _parts(named, MAX_SUBJECTS):
            evidence = [
                pb.AliasEvidence(
                    tenant_id=each.tenant,
                    bank_feed_id=each.bank_feed,
                    iban=each.iban,
                    holder_name=each.holder_name[:MAX_NAME],
                    evidence_sha256=each.digest,
                )
                for each in part
            ]
            reply = await self._call(PartyServiceStub, "ConfirmAliases", pb.ConfirmAliasesRequest(evidence=evidence))
            found |= {each.iban: _alias(alias) for each, alias in zip(part, reply.aliases, strict=True) if alias.found}
        return found

    async def keys(self, subjects: Collection[bytes]) -> KeyRing:
        """Returns the subjects' data keys; raises KeysUnavailable."""
        wanted = sorted(subjects)
        try:
            keys = await self._cache.get_many(wanted)
            if not self._blind_index_key:
                await self._fetch(wanted[:1])
        except IdentityUnavailable as error:
            raise KeysUnavailable from error
        return KeyRing(keys, self._blind_index_key)

    async def authorise(self, caller: Caller, tenant: bytes, submission_id: bytes, digest: bytes) -> Authorisation:
        """Returns the authorisation; raises IdentityUnavailable, KeysUnavailable, AuthorisationRefused."""
        request = pb.AuthoriseSubmissionRequest(
            access_token=caller.token,
            submission_id=submission_id,
            digest=digest,
            tenant_id=tenant,
            certificate_sha256=caller.certificate_sha256,
        )
        reply = await self._call(TokenServiceStub, "AuthoriseSubmission", request)
        return Authorisation(reply.authorisation_token, reply.expires_ns)

    async def _fetch(self, subjects: Sequence[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        # Without subjects it asks for the key of blind indexes alone.
        for part in list(_parts(subjects, MAX_SUBJECTS)) or [subjects]:
            request = pb.FetchDataKeysRequest(subject_ids=part, create=True)
            reply = await self._call(PartyServiceStub, "FetchDataKeys", request)
            self._blind_index_key = reply.blind_index_key
            found |= {subject: each.key for subject, each in zip(part, reply.keys, strict=True) if each.key}
        return found

    async def _call(self, stub: type, method: str, request: Any) -> Any:
        try:
            return await self._peer.call(stub, method, request, timeout=TIMEOUT_SECONDS, idempotent=True)
        except RemoteError as error:
            _raise(error)


def _alias(alias: pb.ResolvedAlias) -> Alias:
    return Alias(alias.tenant_id, alias.account_id, alias.owner_id, alias.bank_mirror, alias.bank_feed_id)


def _parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _raise(error: RemoteError) -> NoReturn:
    if error.code == "ALREADY_EXISTS":
        raise SubmissionConflict from error
    if error.code in ("PERMISSION_DENIED", "UNAUTHENTICATED"):
        raise AuthorisationRefused from error
    if error.is_lasting:
        raise peer_refused("identity", error) from error
    refusal = KeysUnavailable() if error.reason == KeysUnavailable.reason else IdentityUnavailable()
    raise hinted(refusal, error) from error
