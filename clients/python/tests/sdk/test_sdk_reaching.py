"""Commands look whether anybody is there before they begin."""

import socket
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from ringfence import Addresses, CredentialsError
from ringfence.commands.connect import client_as
from ringfence.commands.reaching import NothingUp, require_somebody

from .authority import TestAuthority
from .conftest import Fakes, credentials_of


@pytest.fixture
def silent() -> Iterator[str]:
    """An address at which connections are taken, and nothing is said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed() -> str:
    """An address at which nobody listens any more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def _all(address: str) -> Addresses:
    return Addresses(identity=address, custody=address, payment_instruction=address, audit=address)


def _name(addresses: Addresses, monkeypatch: pytest.MonkeyPatch) -> None:
    for service, address in asdict(addresses).items():
        monkeypatch.setenv(f"RINGFENCE_{service.upper()}_ADDRESS", address)


@pytest.mark.parametrize("kind", ["closed", "silent"])
def test_services_that_nobody_runs_are_named(
    request: pytest.FixtureRequest, directory: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody answers, a command says so with what to do, instead of waiting for its patience to end."""
    address = request.getfixturevalue(kind)
    _name(_all(address), monkeypatch)
    with (
        pytest.raises(NothingUp, match=rf"(?s){address}.*ringfence up.*RINGFENCE_AUDIT_ADDRESS"),
        client_as(str(directory)),
    ):
        pass


def test_one_service_that_answers_is_enough(fakes: Fakes, authority: TestAuthority, closed: str) -> None:
    """A service that restarts is waited for: only where all are gone there is nothing up."""
    addresses = Addresses(
        identity=f"{closed},{fakes.addresses.identity}", custody=closed, payment_instruction=closed, audit=closed
    )
    require_somebody(addresses, credentials_of(authority))


def test_addresses_in_the_environment_go_before_those_of_the_directory(
    fakes: Fakes, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory without addresses serves wherever the environment says that the services are."""
    with pytest.raises(CredentialsError, match="RINGFENCE_IDENTITY_ADDRESS"), client_as(str(directory)):
        pass
    _name(fakes.addresses, monkeypatch)
    with client_as(str(directory)) as client:
        list(client.custody.list_accounts())
    assert len(fakes.tokens.assertions) == 1
