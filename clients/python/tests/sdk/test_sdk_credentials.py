"""Credentials directories and client assertions."""

import time
from pathlib import Path

import jwt
import pytest
from ringfence import Client, Credentials, CredentialsError

from .authority import TestAuthority
from .conftest import credentials_of


def test_directory_and_file_name_the_same_credentials(directory: Path) -> None:
    """Credentials are loaded from the directory or from the JSON file in it."""
    by_directory, by_file = Credentials.load(directory), Credentials.load(directory / "credentials.json")
    assert by_directory.principal_id == by_file.principal_id
    assert by_directory.tenant_id is None


@pytest.mark.parametrize("name", ["s.key", "c.key"])
def test_key_that_others_may_read_is_refused(directory: Path, name: str) -> None:
    """A private key readable by the group is not used, and the error names the file and the remedy."""
    (directory / name).chmod(0o640)
    with pytest.raises(CredentialsError, match=f"chmod 600 .*{name}"):
        Credentials.load(directory)


def test_missing_file_is_named(directory: Path) -> None:
    """An incomplete directory is refused with the name of what is missing."""
    (directory / "c.pem").unlink()
    with pytest.raises(CredentialsError, match=r"c\.pem"):
        Credentials.load(directory)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"principal_id": "no"}'])
def test_file_that_holds_no_credentials_is_refused(directory: Path, text: str) -> None:
    """A malformed file is refused by name."""
    (directory / "credentials.json").write_text(text)
    with pytest.raises(CredentialsError, match=r"credentials\.json"):
        Credentials.load(directory)


def test_client_needs_addresses(directory: Path) -> None:
    """Credentials without addresses do not make a client by themselves."""
    with pytest.raises(CredentialsError, match="addresses"):
        Client.load(directory)


def test_secrets_are_not_shown(authority: TestAuthority) -> None:
    """The representation that a log or a debugger prints holds no key."""
    assert "key" not in repr(credentials_of(authority))


def test_assertion_is_what_identity_asks_for(authority: TestAuthority) -> None:
    """An assertion is signed with the principal's key, for identity alone, valid for at most 300 seconds, used once."""
    credentials = credentials_of(authority)
    first, second = credentials.assertion(), credentials.assertion()
    claims = jwt.decode(
        first, credentials.signing_key.public_key(), algorithms=["EdDSA"], audience="ringfence-identity"
    )
    assert claims["iss"] == claims["sub"] == str(credentials.principal_id)
    assert time.time() < claims["exp"] <= time.time() + 300
    other = jwt.decode(second, options={"verify_signature": False})
    assert other["jti"] != claims["jti"]
