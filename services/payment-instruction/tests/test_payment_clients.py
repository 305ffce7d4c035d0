"""The clients of identity and custody: what they send, and what they make of answers and refusals."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from ringfence_kernel.feed.hearing import StandingStale
from ringfence_kernel.rpc.client import Peer
from ringfence_kernel.rpc.errors import PeerRefused, RemoteError
from ringfence_kernel.values.clock import ManualClock
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_payment_instruction.screening.adapters.identity_parties import IdentityParties
from ringfence_payment_instruction.screening.domain.clients import Client
from ringfence_payment_instruction.screening.domain.listed import ListedEntry
from ringfence_payment_instruction.settlement.adapters.custody_client import CustodyClient
from ringfence_payment_instruction.settlement.domain.errors import CustodyUnavailable
from ringfence_payment_instruction.settlement.domain.transfers import (
    Correction,
    Evidence,
    PlannedTransfer,
    Purpose,
    TransferKind,
)
from ringfence_payment_instruction.submissions.adapters.identity_client import IdentityClient
from ringfence_payment_instruction.submissions.domain.errors import (
    AuthorisationRefused,
    IdentityUnavailable,
    KeysUnavailable,
    SubmissionConflict,
)
from ringfence_protos.custody.v1 import custody_pb2
from ringfence_protos.identity.v1 import identity_pb2
from structlog.testing import capture_logs

from .world import MIRROR, PLATFORM, TENANT, an_id


class ScriptedPeer:
    """Answers calls by a function, and remembers them."""

    def __init__(self, answer: Callable[[str, Any], Any]) -> None:
        """Takes what answers a method and its request."""
        self._answer = answer
        self.calls: list[tuple[str, Any, str | None]] = []

    async def call(self, stub: type, method: str, request: Any, *, token: str | None = None, **options: Any) -> Any:
        """Answers."""
        self.calls.append((method, request, token))
        return self._answer(method, request)


def peer(answer: Callable[[str, Any], Any]) -> tuple[ScriptedPeer, Peer]:
    """Returns a scripted peer, and the same as what clients take."""
    made = ScriptedPeer(answer)
    return made, cast(Peer, made)


def refusing(code: str, reason: str) -> Callable[[str, Any], Any]:
    """Returns an answer that refuses."""

    def answer(method: str, request: Any) -> Any:
        raise RemoteError(code, reason, "", {})

    return answer


def fetched(request: identity_pb2.FetchDataKeysRequest, unknown: Sequence[bytes] = ()) -> Any:
    """Returns keys for all subjects but some."""
    keys = [
        identity_pb2.DataKey(destroyed=True) if subject in unknown else identity_pb2.DataKey(key=subject * 2)
        for subject in request.subject_ids
    ]
    return identity_pb2.FetchDataKeysResponse(keys=keys, blind_index_key=b"i" * 32)


async def test_identity_is_told_the_entry_as_it_stands() -> None:
    """What it blocks a client for names the entry by list and number, and by the digest of what it says."""

    def answer(method: str, request: identity_pb2.BlockPartiesRequest) -> Any:
        return identity_pb2.BlockPartiesResponse(results=[identity_pb2.ItemResult() for _ in request.blocks])

    scripted, made = peer(answer)
    entries = (ListedEntry("UN/QDi.1", b"e" * 32), ListedEntry("SDN/7", b"f" * 32))
    await IdentityParties(made).block(Client(an_id("subject"), TENANT, an_id("anna"), entries), b"v" * 32)
    ((_, request, _),) = scripted.calls
    told = [(each.list_reference, each.entry_sha256, each.evidence_sha256) for each in request.blocks]
    assert told == [(each.name, each.entry_sha256, b"v" * 32) for each in entries]


async def test_only_registered_ibans_are_resolved() -> None:
    """Ten thousand per call, unknown ones left out."""

    def answer(method: str, request: identity_pb2.ResolveAliasesRequest) -> Any:
        return identity_pb2.ResolveAliasesResponse(
            aliases=[
                identity_pb2.ResolvedAlias(found=iban != "NOBODY", tenant_id=TENANT, account_id=an_id(iban))
                for iban in request.ibans
            ]
        )

    scripted, made = peer(answer)
    aliases = await IdentityClient(made, ManualClock()).resolve(["NOBODY", *map(str, range(10_000))])
    assert len(aliases) == 10_000
    assert aliases["7"].account_id == an_id("7")
    assert [len(request.ibans) for _, request, _ in scripted.calls] == [10_000, 1]


async def test_keys_are_fetched_once_in_thousands_and_held_briefly() -> None:
    """A destroyed key is absent; after its time a key is asked for again."""
    clock = ManualClock()
    erased = an_id("erased")
    scripted, made = peer(lambda method, request: fetched(request, [erased]))
    client = IdentityClient(made, clock, ttl_seconds=60)
    subjects = {erased, *(an_id(str(number)) for number in range(1_500))}
    ring = await client.keys(subjects)
    assert (len(ring.keys), ring.blind_index_key, erased in ring.keys) == (1_500, b"i" * 32, False)
    assert len(scripted.calls) == 2
    await client.keys(subjects - {erased})
    assert len(scripted.calls) == 2
    clock.advance(61 * 10**9)
    await client.keys([an_id("7")])
    assert len(scripted.calls) == 3


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        ("UNAVAILABLE", "", IdentityUnavailable),
        ("DEADLINE_EXCEEDED", "", IdentityUnavailable),
        ("INTERNAL", "INTERNAL", IdentityUnavailable),
        ("UNAVAILABLE", "KEYS_UNAVAILABLE", KeysUnavailable),
        ("INVALID_ARGUMENT", "INVALID_ARGUMENT", PeerRefused),
        ("UNIMPLEMENTED", "", PeerRefused),
        ("OUT_OF_RANGE", "", PeerRefused),
        ("PERMISSION_DENIED", "SUBMISSION_REFUSED", AuthorisationRefused),
        ("ALREADY_EXISTS", "EXISTS_WITH_DIFFERENT_DATA", SubmissionConflict),
    ],
)
async def test_identitys_refusals_have_names_here(code: str, reason: str, error: type[Exception]) -> None:
    """A sealed Vault behind identity is told from identity being away, and both from a no."""
    client = IdentityClient(peer(refusing(code, reason))[1], ManualClock())
    with pytest.raises(error):
        await client.authorise(PLATFORM, TENANT, an_id("s"), b"d" * 32)


async def test_keys_that_cannot_be_had_are_named_so() -> None:
    """Whatever the cause, the caller waits for keys."""
    client = IdentityClient(peer(refusing("UNAVAILABLE", ""))[1], ManualClock())
    with pytest.raises(KeysUnavailable):
        await client.keys([TENANT])


def planned(kind: TransferKind, purpose: Purpose = Purpose.WITHDRAWAL, pending_id: bytes = ZERO_ID) -> PlannedTransfer:
    """Returns a transfer."""
    return PlannedTransfer(
        an_id(kind.name), kind, purpose, an_id("d"), an_id("c"), 5, 978, an_id("subject"), 20_000, pending_id
    )


def custody_client(made: Peer) -> CustodyClient:
    """Returns a client."""
    return CustodyClient(made)


async def test_a_result_code_that_is_not_listed_is_an_alarm() -> None:
    """A newer custody's code keeps its number, which is the name of nothing, and is an error in the log."""
    _, made = peer(lambda method, request: custody_pb2.CreateTransfersResponse(status=bytes([0, 250, 199])))
    with capture_logs() as lines:
        results = await custody_client(made).create_transfers(TENANT, "token", [planned(TransferKind.PLAIN)] * 3, 7)
    assert results == ["created", "status_250", "status_199"]
    [line] = [line for line in lines if line["event"] == "custody_result_unknown"]
    assert (line["log_level"], line["codes"]) == ("error", [199, 250])


async def test_transfers_go_as_columns_and_results_come_back_by_name() -> None:
    """Flags and purposes are custody's; results have the names of the proto."""
    scripted, made = peer(lambda method, request: custody_pb2.CreateTransfersResponse(status=bytes([0, 46, 54, 39])))
    transfers = [
        planned(TransferKind.PLAIN, Purpose.PAYMENT),
        planned(TransferKind.PENDING),
        planned(TransferKind.POST, pending_id=an_id("PENDING")),
        planned(TransferKind.VOID, Purpose.DEPOSIT),
    ]
    results = await custody_client(made).create_transfers(TENANT, "token", transfers, 7)
    assert results == ["created", "exists", "exceeds_credits", "exists_with_different_amount"]
    ((method, request, token),) = scripted.calls
    assert (method, token, request.book_id) == ("CreateTransfers", "token", TENANT)
    assert request.identity_position == 7
    assert list(request.transfers.flags) == [0, 2, 4, 8]
    assert list(request.transfers.code) == [3, 2, 2, 1]
    assert request.transfers.pending_id[32:48] == an_id("PENDING")
    assert request.transfers.user_data_128 == an_id("subject") * 4


async def test_a_books_own_accounts_are_found_once() -> None:
    """Mirrors and suspense accounts by ledger, without anybody's token, until asked afresh."""
    made_of = {"mirrors": "m1", "suspense": "s1", "other_mirrors": "m2"}
    accounts = {name: [custody_pb2.Account(id=an_id(each), ledger=978)] for name, each in made_of.items()}
    scripted, made = peer(lambda method, request: custody_pb2.GetBookAccountsResponse(**accounts))
    client = custody_client(made)
    for _ in range(2):
        found = await client.book_accounts(TENANT)
        assert (found.mirrors, found.suspense) == ({978: an_id("m1")}, {978: an_id("s1")})
        assert found.ledgers() == {an_id("m1"): 978, an_id("m2"): 978}
    ((method, _, token),) = scripted.calls
    assert (method, token) == ("GetBookAccounts", "")
    await client.book_accounts(TENANT, fresh=True)
    assert len(scripted.calls) == 2


async def test_corrections_are_looked_up_without_a_token() -> None:
    """What people have put right is known whoever is suspended; a reservation moves nothing."""
    moved = {"debit_account_id": MIRROR, "credit_account_id": an_id("a"), "amount_minor": 5, "ledger": 978}
    rows = [custody_pb2.Transfer(**moved), custody_pb2.Transfer(**moved, flags=2)]
    scripted, made = peer(lambda method, request: custody_pb2.LookUpCorrectionsResponse(corrections=rows))
    found = await custody_client(made).corrections(TENANT, an_id("payment"))
    assert found == [Correction(MIRROR, an_id("a"), 5, 978)]
    ((method, request, token),) = scripted.calls
    assert (method, token) == ("LookUpCorrections", "")
    assert (request.book_id, request.instruction_id) == (TENANT, an_id("payment"))


async def test_the_banks_word_goes_with_its_evidence_and_without_a_token() -> None:
    """One row of each column per transfer; a release rests on none."""
    scripted, made = peer(lambda method, request: custody_pb2.BookEvidenceResponse(status=bytes([0, 46])))
    rests = Evidence(b"f" * 32, an_id("entry"), an_id("feed"))
    transfers = [replace(planned(TransferKind.POST), evidence=rests), planned(TransferKind.VOID)]
    assert await custody_client(made).book_evidence(TENANT, transfers) == ["created", "exists"]
    ((method, request, token),) = scripted.calls
    assert (method, token, request.book_id) == ("BookEvidence", "", TENANT)
    assert request.evidence_sha256 == b"f" * 32 + bytes(32)
    assert (request.entry_ids, request.feed_ids) == (an_id("entry") + ZERO_ID, an_id("feed") + ZERO_ID)


async def test_only_frozen_accounts_are_told() -> None:
    """What is restricted or dormant is no order's."""
    statuses = {"one": custody_pb2.ACCOUNT_STATUS_FROZEN, "two": custody_pb2.ACCOUNT_STATUS_RESTRICTED}
    accounts = [custody_pb2.Account(id=an_id(name), status=status) for name, status in statuses.items()]
    _, made = peer(lambda method, request: custody_pb2.GetAccountsResponse(accounts=accounts))
    assert await custody_client(made).frozen(TENANT, "token", list(map(an_id, statuses))) == {an_id("one")}


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        ("UNAVAILABLE", "", CustodyUnavailable),
        ("UNAVAILABLE", "STANDING_STALE", StandingStale),
        ("RESOURCE_EXHAUSTED", "", CustodyUnavailable),
        ("INVALID_ARGUMENT", "", PeerRefused),
        ("UNIMPLEMENTED", "", PeerRefused),
        ("UNAUTHENTICATED", "", AuthorisationRefused),
        ("PERMISSION_DENIED", "", AuthorisationRefused),
    ],
)
async def test_custodys_refusals_have_names_here(code: str, reason: str, error: type[Exception]) -> None:
    """None of them is taken for a refusal of the payment."""
    with pytest.raises(error):
        await custody_client(peer(refusing(code, reason))[1]).create_transfers(
            TENANT, "t", [planned(TransferKind.PLAIN)], 7
        )


async def test_a_peers_hint_is_passed_on() -> None:
    """Who asks custody or identity to come back later is asked no sooner; what they do not understand is an alarm."""

    def busy(method: str, request: Any) -> Any:
        raise RemoteError("RESOURCE_EXHAUSTED", "OVERLOADED", "", {}, 7.5)

    with pytest.raises(CustodyUnavailable) as custody:
        await custody_client(peer(busy)[1]).create_transfers(TENANT, "t", [planned(TransferKind.PLAIN)], 7)
    with pytest.raises(IdentityUnavailable) as identity:
        await IdentityClient(peer(busy)[1], ManualClock()).resolve(["DE89370400440532013000"])
    assert custody.value.retry_after_seconds == identity.value.retry_after_seconds == 7.5
    with capture_logs() as lines, pytest.raises(PeerRefused):
        await custody_client(peer(refusing("UNIMPLEMENTED", ""))[1]).create_transfers(TENANT, "t", [], 7)
    (line,) = lines
    assert (line["event"], line["peer"], line["log_level"]) == ("peer_refused", "custody", "error")
