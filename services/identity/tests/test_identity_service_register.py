"""The running service and the register of the erased: what it says, and what comes of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.values.ids import new_id
from ringfence_protos.identity.v1 import identity_pb2 as pb

from .test_identity_service_parties import (
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
    with pytest.raises(RemoteError, match="ERASURE_REGISTER_UNAVAILABLE"):
        erase(identity, platform.id, party.id)
    folder.unlink()
    if closed:
        closed.rename(folder)
    identity.restart_after_kill()
    ((name, entry),) = entries(folder).items() - before.items()
    told = json.loads(entry)
    assert (told["subject"], told["party"], told["tenant"]) == (name, party.id.hex(), platform.id.hex())
    assert told["subject"] != told["party"]
    assert len(set(told["iban_indexes"])) == len(ibans)


def entries(folder: Path) -> dict[str, str]:
    """Returns what the register says, by subject."""
    return {each.name: each.read_text() for each in folder.iterdir()} if folder.exists() else {}
