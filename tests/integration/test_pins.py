"""By which certificate somebody acts, through command and SDK: renewed by its holder, replaced by two people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ringfence.client import Client
from ringfence.commands import pin
from ringfence.credentials import Credentials
from ringfence.errors import RingfenceError
from ringfence.identity import PrincipalKind, require_done
from ringfence_local_stack.sandbox.birth import OPERATORS, declare, statements_file
from ringfence_local_stack.sandbox.folders import CERTIFICATE, PrincipalFolder
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.waiting import fresh


@pytest.fixture
def regulator(scenario: Scenario) -> PrincipalFolder:
    """A regulator, registered by two with a certificate."""
    return scenario.sandbox.principal(fresh("regulator-"), PrincipalKind.REGULATOR)


def is_let_in(folder: Path) -> bool:
    """Tells whether identity gives a token for what stands in a directory."""
    credentials = Credentials.load(folder)
    assert credentials.addresses is not None
    with Client(credentials.addresses, credentials) as client:
        try:
            client.audit.verify_sources()
        except RingfenceError as refusal:
            if refusal.reason != "CERTIFICATE_MISMATCH":
                raise
            return False
    return True


def signed_by_vault_alone(scenario: Scenario, folder: PrincipalFolder) -> None:
    """Puts a validly signed certificate in the principal's name into its directory."""
    (folder.path / CERTIFICATE).unlink()
    folder.equip(scenario.stack)


def test_the_holder_renews_alone(regulator: PrincipalFolder) -> None:
    """The command leaves a directory with another certificate and key, which lets in, and again after the next."""
    before = Credentials.load(regulator.path).certificate_sha256
    for _ in range(2):
        pin.renew(regulator.path)
        assert is_let_in(regulator.path)
    assert Credentials.load(regulator.path).certificate_sha256 != before
    fields = json.loads((regulator.path / "credentials.json").read_text())
    assert (regulator.path / fields["certificate_key_file"]).stat().st_mode & 0o077 == 0


def test_a_lost_certificate_is_replaced_by_two(
    scenario: Scenario, regulator: PrincipalFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Vault's word lets nobody in; proposed by the command and confirmed by another, the certificate does."""
    signed_by_vault_alone(scenario, regulator)
    assert not is_let_in(regulator.path)
    pin.pin(str(scenario.sandbox.folder_of(OPERATORS[0])), regulator.principal_id, regulator.path / CERTIFICATE)
    assert not is_let_in(regulator.path)
    assert "APPROVAL_PENDING" in capsys.readouterr().out
    waiting = scenario.operators[1].proposals["identity"].waiting()
    (proposed,) = [each for each in waiting if each.subject_id == regulator.principal_id]
    assert regulator.certificate_sha256.hex() in proposed.description
    require_done(scenario.operators[1].proposals["identity"].confirm([proposed.id]))
    assert is_let_in(regulator.path)


def test_what_two_operators_declare_is_no_way_round_a_pin(
    scenario: Scenario, regulator: PrincipalFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command's statement is what identity reads; of a principal with a pin it says nothing that counts."""
    signed_by_vault_alone(scenario, regulator)
    pins = regulator.path / "pins.json"
    pins.write_text(json.dumps({str(regulator.principal_id): regulator.certificate_sha256.hex()}))
    for each in OPERATORS:
        pin.declare(scenario.sandbox.folder_of(each), pins)
    statements = statements_file(scenario.stack.directory)
    statements.write_text(capsys.readouterr().out)
    assert len(statements.read_text().split()) == len(OPERATORS)
    try:
        scenario.processes.restart("identity")  # which refuses to start with what it cannot read
        assert not is_let_in(regulator.path)
    finally:
        declare(scenario.stack)
