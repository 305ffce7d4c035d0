"""The running service and the register of the erased: what it says, and what comes of it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from obstore.store import LocalStore
from ringfence_identity.parties.adapters.erasure_register import ObjectRegister
from ringfence_identity.parties.adapters.restoring import Restoring, read_erasures
from ringfence_identity.parties.domain.kyc import PartyKind
from ringfence_identity.parties.domain.state import Party, State
from ringfence_kernel.service import CannotRun
from ringfence_kernel.values.ids import new_id
from ringfence_protos.common.v1.feed_pb2 import FeedHead
from ringfence_protos.identity.v1 import identity_pb2 as pb

from .test_identity_service_parties import (
    PARTIES,
    alias,
    change,
    erase,
    get,
    new_party,
    personal,
    register,
    resolve,
    wrapped_key,
)


def test_whom_the_register_names_is_erased_again(identity: Any) -> None:
    """A database from before an erasure is served by nobody until the erased are erased in it, with their IBANs."""
    platform, payments, party = identity.platform(), identity.workload("payment-instruction"), new_party()
    iban = "FR7630006000011234567890189"
    register(platform, party)
    alias(identity, platform, iban, party.id)
    change(identity, platform.id, pb.ALIAS_ACTION_CONFIRM, party.id, iban)
    identity.stop()
    stranger = new_id()
    folder = identity.folder / "register" / "erased"
    folder.mkdir(parents=True, exist_ok=True)
    for subject in (party.id, stranger):
        entry = json.dumps({"subject": subject.hex(), "tenant": platform.id.hex()})
        (folder / subject.hex()).write_text(entry)
    identity.start()
    (read,) = get(platform, party.id)
    assert (read.erased, wrapped_key(identity, party.id)) == (True, None)
    assert wrapped_key(identity, stranger) is None
    assert resolve(payments, iban) == [pb.ResolvedAlias(erased=True, tenant_id=platform.id)]
    report = identity.run("rebuild", "--verify")
    assert json.loads(report.stdout)["differences"]["data_keys"] == 0


def test_a_crash_between_tombstone_and_register_leaves_nothing_out(identity: Any) -> None:
    """Who was erased right before the end stands in the register with the tenant's own id and every IBAN of theirs."""
    first, platform, party = identity.platform(), identity.platform(), new_party()
    ibans = ["BE68539007547034", "AT611904300234573201"]
    register(first, party)
    register(platform, pb.NewParty(id=party.id, kind=party.kind, personal_data=personal()))
    for iban in ibans:
        alias(identity, platform, iban, party.id)
        change(identity, platform.id, pb.ALIAS_ACTION_CONFIRM, party.id, iban)
    folder = identity.folder / "register" / "erased"
    before = entries(folder)
    closed = folder.rename(folder.with_name("closed")) if folder.exists() else None
    folder.write_text("nothing is put below a file")
    request = pb.ErasePartiesRequest(tenant_id=platform.id, party_ids=[party.id])
    (proposed,) = identity.operators[0].call(PARTIES, "EraseParties", request).results
    assert identity.confirm(proposed.proposal_id, identity.operators[1]) == ["ERASURE_REGISTER_UNAVAILABLE"]
    folder.unlink()
    if closed:
        closed.rename(folder)
    identity.restart_after_kill()
    ((name, entry),) = entries(folder).items() - before.items()
    told = json.loads(entry)
    assert (told["subject"], told["party"], told["tenant"]) == (name, party.id.hex(), platform.id.hex())
    assert told["subject"] != told["party"]
    assert len(set(told["iban_indexes"])) == len(ibans)


def test_an_erasure_that_the_log_lacks_is_told_later(identity: Any) -> None:
    """With audit away it is done and in the register, but told as not logged; with audit back it is told as done."""
    platform, party = identity.platform(), new_party()
    register(platform, party)
    identity.known.signed = FeedHead
    request = pb.ErasePartiesRequest(tenant_id=platform.id, party_ids=[party.id])
    (proposed,) = identity.operators[0].call(PARTIES, "EraseParties", request).results
    for _ in range(2):
        assert identity.confirm(proposed.proposal_id, identity.operators[1]) == ["ERASURE_NOT_LOGGED"]
    (read,) = get(platform, party.id)
    assert (read.erased, party.id.hex() in entries(identity.folder / "register" / "erased")) == (True, True)
    identity.known.signed = identity.head
    assert identity.confirm(proposed.proposal_id, identity.operators[1]) == [""]
    assert erase(identity, platform.id, party.id) == [""]


def test_a_lost_register_is_made_again_from_leaves(identity: Any, tmp_path: Path) -> None:
    """A database from before an erasure, and an empty place: who the log names is erased again before anybody leads."""
    platform, party, known, iban = identity.platform(), new_party(), new_party(), "DE89370400440532013000"
    register(platform, party, pb.NewParty(id=known.id, kind=known.kind, personal_data=personal()))
    erase(identity, platform.id, known.id)
    alias(identity, platform, iban, party.id)
    change(identity, platform.id, pb.ALIAS_ACTION_CONFIRM, party.id, iban)
    identity.stop()
    place, lost = identity.folder / "register", identity.folder / "lost"
    place.rename(lost)
    listed = tmp_path / "erasures.json"
    erased = {"tenant": platform.id.hex(), "party": party.id.hex(), "taken": False}
    listed.write_text(json.dumps({"erasures": [erased]}))
    restored = identity.run("restore-register", "--erasures", str(listed))
    assert (restored.returncode, json.loads(restored.stdout)["registered"]) == (0, 1), restored.stderr
    assert (place / "marker").read_text() == (lost / "marker").read_text()
    (entry,) = map(json.loads, entries(place / "erased").values())
    assert (entry["subject"], len(entry["iban_indexes"])) == (party.id.hex(), 1)
    identity.start()
    (read,) = get(platform, party.id)
    assert (read.erased, wrapped_key(identity, party.id)) == (True, None)
    assert [each.erased for each in resolve(identity.workload("payment-instruction"), iban)] == [True]
    # Whom this database knew to be erased is in the new place as well.
    assert known.id.hex() in entries(place / "erased")


IDS = f'"tenant": "{"00" * 16}", "party": "{"00" * 16}"'


@pytest.mark.parametrize(
    "listed",
    [
        "",
        "[]",
        '{"erasures": [{"tenant": "00", "party": "00", "taken": false}]}',
        '{"erasures": 1}',
        f'{{"erasures": [{{{IDS}}}]}}',
        f'{{"erasures": [{{{IDS}, "taken": "no"}}]}}',
    ],
)
def test_what_is_no_list_of_erasures_fills_no_register(tmp_path: Path, listed: str) -> None:
    """A file that is cut off, or something else, is named, and nothing was put anywhere."""
    (tmp_path / "listed.json").write_text(listed)
    with pytest.raises(CannotRun, match=r"is not what|ids that are none|another's before"):
        read_erasures(tmp_path / "listed.json")


def test_a_register_of_another_database_is_not_filled(tmp_path: Path) -> None:
    """Somebody else's erased are not mixed with these: a place with another marker is refused, as it was."""
    theirs = ObjectRegister(LocalStore(tmp_path / "register", mkdir=True))
    theirs.mark(new_id())
    mark: Any = SimpleNamespace(known=lambda: b"of-this-database", keep=lambda marker: None)
    restoring = Restoring(
        register=theirs, mark=mark, subject_of=lambda tenant, party, taken: party, ibans_of=lambda _: iter(())
    )
    with pytest.raises(CannotRun, match="another database"):
        restoring([(new_id(), new_id(), False)])
    assert list(theirs.subjects()) == []


@pytest.mark.parametrize("known", ["nobody", "our client", "another's client", "our client of that id"])
@pytest.mark.parametrize("taken", [False, True])
def test_nobody_else_of_an_id_is_put_into_the_register(tmp_path: Path, known: str, taken: bool) -> None:
    """What the log says of an id holds where the database was restored from before both; another's row is not ours."""
    ours, theirs, party = new_id(), new_id(), new_id()
    state = State()
    _, own = state.streams_of(ours, party)
    rows = {"our client": (party, ours), "another's client": (party, theirs), "our client of that id": (own, ours)}
    for subject, tenant in [rows[known]] if known in rows else []:
        state.parties[subject] = Party(subject, tenant, PartyKind.PERSON, 1, b"", b"", 1)
    register = ObjectRegister(LocalStore(tmp_path / "register", mkdir=True))
    mark: Any = SimpleNamespace(known=lambda: b"", keep=lambda marker: None)
    restoring = Restoring(
        register=register,
        mark=mark,
        subject_of=lambda tenant, party, taken: state.subject_of(tenant, party, taken=taken),
        ibans_of=lambda _: iter(()),
    )
    restoring([(ours, party, taken)])
    is_own = known in ("another's client", "our client of that id") or (known == "nobody" and taken)
    assert list(register.subjects()) == [own if is_own else party]


def entries(folder: Path) -> dict[str, str]:
    """Returns what the register says, by subject."""
    return {each.name: each.read_text() for each in folder.iterdir()} if folder.exists() else {}
