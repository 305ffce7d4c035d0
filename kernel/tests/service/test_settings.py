"""Settings: complete and typed, or the process does not start and says which variable is at fault."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import pytest
from psycopg.conninfo import conninfo_to_dict
from ringfence_kernel.rpc.quotas import CallRates
from ringfence_kernel.service.serving import CLOSING_SECONDS
from ringfence_kernel.service.settings import Settings
from ringfence_kernel.store.settings import AwaitingSettings, MigrationSettings
from ringfence_kernel.values.settings import FileVariable, InvalidSetting, MissingSetting, Secret, Variable, read
from ringfence_kernel.vault import AppRole, WorkloadIdentity

COMPLETE = {
    "RINGFENCE_SERVICE": "custody",
    "RINGFENCE_LISTEN": "localhost:7001",
    "RINGFENCE_DATABASE_URL": "postgresql://custody_app@localhost:5432/custody",
    "VAULT_ADDR": "https://localhost:8200",
    "RINGFENCE_VAULT_ROLE_ID": "role",
    "RINGFENCE_VAULT_WRAPPED_SECRET_ID_FILE": "/run/wrapped",
    "RINGFENCE_NATS_URL": "tls://localhost:4222",
    "RINGFENCE_WORKLOAD_CA_FILE": "/run/workload.pem",
    "RINGFENCE_CLIENT_CA_FILE": "/run/client.pem",
    "RINGFENCE_TRUST_DOMAIN": "ringfence.local",
}


@dataclass(frozen=True, kw_only=True)
class Own(Settings):
    """A service's own settings."""

    bound: Annotated[int, Variable("OWN_BOUND")] = 7
    strict: Annotated[bool, Variable("OWN_STRICT")] = False
    names: Annotated[tuple[str, ...], Variable("OWN_NAMES")] = ()
    key: Annotated[Secret | None, FileVariable("OWN_KEY_FILE")] = None


def test_every_variable_is_read_as_its_type(tmp_path: Path) -> None:
    """Numbers, booleans, lists and the content of secret files arrive typed; the rest has defaults."""
    file = tmp_path / "key"
    file.write_text("s3cret\n")
    given = {"OWN_BOUND": "9", "OWN_STRICT": "true", "OWN_NAMES": "a, b,", "OWN_KEY_FILE": str(file)}
    own = read(Own, COMPLETE | given)
    assert (own.bound, own.strict, own.names, own.vault_ca_file) == (9, True, ("a", "b"), None)
    assert own.key is not None
    assert own.key.reveal() == "s3cret"
    assert read(Own, COMPLETE).bound == 7


@pytest.mark.parametrize("variable", sorted(COMPLETE))
def test_a_missing_or_empty_variable_is_named(variable: str) -> None:
    """Start-up stops with the name of the variable that is not set."""
    for broken in ({**COMPLETE, variable: ""}, {name: value for name, value in COMPLETE.items() if name != variable}):
        with pytest.raises(MissingSetting, match=f"^{variable} is not set$"):
            read(Own, broken)


@pytest.mark.parametrize(
    ("variable", "value"), [("OWN_BOUND", "many"), ("OWN_STRICT", "perhaps"), ("OWN_KEY_FILE", "/nowhere/key")]
)
def test_a_value_of_the_wrong_kind_is_named_and_not_shown(variable: str, value: str) -> None:
    """The error names the variable, never the value."""
    with pytest.raises(InvalidSetting, match=variable) as caught:
        read(Own, COMPLETE | {variable: value})
    assert value not in str(caught.value)


def test_a_secret_shows_itself_nowhere(tmp_path: Path) -> None:
    """Neither repr nor str of the settings holds the password; the connection string does."""
    file = tmp_path / "password"
    file.write_text("p@ss word")
    own = read(Own, COMPLETE | {"RINGFENCE_DATABASE_PASSWORD_FILE": str(file)})
    assert "p@ss" not in f"{own} {own!r} {own.database_password}"
    assert conninfo_to_dict(own.database_conninfo())["password"] == "p@ss word"


def test_the_addresses_of_a_peer_are_found_by_its_name() -> None:
    """A peer without an address stops whoever needs it, naming the variable."""
    several = read(Own, COMPLETE | {"RINGFENCE_PAYMENT_INSTRUCTION_ADDRESS": "one:7002, other:7002"})
    assert several.addresses_of("payment-instruction") == ("one:7002", "other:7002")
    with pytest.raises(MissingSetting, match="RINGFENCE_AUDIT_ADDRESS"):
        several.addresses_of("audit")


def test_every_address_of_servers_takes_several() -> None:
    """Vault and NATS are lists with commas; one alone is a list of one."""
    own = read(Own, COMPLETE | {"VAULT_ADDR": "https://a:8200, https://b:8200", "RINGFENCE_NATS_URL": "tls://a:4222"})
    assert own.vault_addresses == ("https://a:8200", "https://b:8200")
    assert own.nats_urls == ("tls://a:4222",)


def test_a_migration_reads_the_owner_and_knows_the_serving_role() -> None:
    """The role that gets append-only rights is the user of the service's own URL."""
    owner = {"RINGFENCE_OWNER_DATABASE_URL": "postgresql://custody_owner@localhost:5432/custody"}
    migration = read(MigrationSettings, COMPLETE | owner)
    assert migration.application_role() == "custody_app"
    assert conninfo_to_dict(migration.conninfo())["user"] == "custody_owner"


def test_a_process_stops_in_time() -> None:
    """The defaults leave room within 25 seconds; to stop at once is allowed."""
    default = read(Own, COMPLETE)
    assert default.leave_seconds + default.drain_seconds + CLOSING_SECONDS < 25
    at_once = read(Own, COMPLETE | {"RINGFENCE_LEAVE_SECONDS": "0", "RINGFENCE_DRAIN_SECONDS": "0"})
    assert (at_once.leave_seconds, at_once.drain_seconds) == (0, 0)


@pytest.mark.parametrize(
    ("variable", "least"),
    [("RINGFENCE_LEAVE_SECONDS", "0"), ("RINGFENCE_DRAIN_SECONDS", "0"), ("RINGFENCE_SNAPSHOT_SECONDS", "0.01")],
)
@pytest.mark.parametrize("value", ["-1", "-1e300", "315360001", "1e300"])
def test_a_time_is_one_that_a_timer_takes(variable: str, least: str, value: str) -> None:
    """Less than nothing, or more than ten years, stops start-up by name; what is repeated rests a moment."""
    with pytest.raises(InvalidSetting, match=f"^{variable} is not a number from {least} to 315,360,000$"):
        read(Own, COMPLETE | {variable: value})


@pytest.mark.parametrize("variable", ["RINGFENCE_LEAVE_SECONDS", "RINGFENCE_SNAPSHOT_SECONDS"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_number_is_finite(variable: str, value: str) -> None:
    """A time without an end would be one that a timer cannot take."""
    with pytest.raises(InvalidSetting, match=f"^{variable} is not a finite number$"):
        read(Own, COMPLETE | {variable: value})


@pytest.mark.parametrize("variable", ["RINGFENCE_LISTEN", "RINGFENCE_HEALTH_LISTEN", "RINGFENCE_METRICS_LISTEN"])
def test_an_address_to_listen_on_is_host_and_port(variable: str) -> None:
    """Whatever a library would make of the rest; an address with colons of its own stands in brackets."""
    for good in ("localhost:1", "0.0.0.0:65535", "[::]:8443", "[::1]:0"):
        read(Own, COMPLETE | {variable: good})
    for bad in (
        "0.0.0.0",
        "8081",
        ":8081",
        "host:",
        "host:http",
        "host:65536",
        "::1",
        ":::1",
        "[::1]",
        "[]:1",
        "[a]:1",
    ):
        with pytest.raises(InvalidSetting, match=f"^{variable} is not host:port$"):
            read(Own, COMPLETE | {variable: bad})


URLS = [
    "nonsense",
    "postgresql://u:s3cret%zz@h/x",
    "postgresql://u@h/x?s3cret=1",
    "postgresql://u@h:s3cret/x",
    "a=s3cret",
]


@pytest.mark.parametrize("url", URLS)
def test_a_database_url_is_one_and_is_not_shown(url: str) -> None:
    """Whoever reads it says which variable it is, and nothing of its value."""
    good = "postgresql://custody_owner@one:5432,other:5433/custody"
    served, owned = {"RINGFENCE_DATABASE_URL": url}, {"RINGFENCE_OWNER_DATABASE_URL": url}
    reads: list[tuple[str, Callable[[], object]]] = [
        ("RINGFENCE_DATABASE_URL", lambda: read(Own, COMPLETE | served).database_conninfo()),
        ("RINGFENCE_DATABASE_URL", lambda: read(AwaitingSettings, served).conninfo()),
        (
            "RINGFENCE_DATABASE_URL",
            lambda: read(MigrationSettings, COMPLETE | served | dict.fromkeys(owned, good)).application_role(),
        ),
        ("RINGFENCE_OWNER_DATABASE_URL", lambda: read(MigrationSettings, COMPLETE | owned).conninfo()),
    ]
    assert read(MigrationSettings, COMPLETE | dict.fromkeys(owned, good)).conninfo()
    for variable, use in reads:
        with pytest.raises(InvalidSetting, match=rf"^{variable} is not a database URL, \S+$") as caught:
            use()
        assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_quotas_are_settings() -> None:
    """Each has a default, zero is no bound, and less than zero is refused by name."""
    at_once = "RINGFENCE_TENANT_CALLS_AT_ONCE"
    given = {"RINGFENCE_TENANT_CALLS_PER_SECOND": "7.5", "RINGFENCE_TENANT_REQUEST_BYTES_PER_SECOND": "0"}
    assert read(Own, COMPLETE | given | {at_once: "3"}).tenant_rates() == CallRates(7.5, 0, 3)
    assert read(Own, COMPLETE).tenant_rates() == CallRates()
    for variable in given:
        for value in ("-1", "1e300"):
            with pytest.raises(InvalidSetting, match=f"^{variable} is not a number from 0 to 1,000,000,000,000$"):
                read(Own, COMPLETE | {variable: value})
    with pytest.raises(InvalidSetting, match=f"^{at_once} is not one or more$"):
        read(Own, COMPLETE | {at_once: "0"}).tenant_rates()


BY_ROLE_ID = ("RINGFENCE_VAULT_ROLE_ID", "RINGFENCE_VAULT_WRAPPED_SECRET_ID_FILE")
BY_TOKEN = {"RINGFENCE_VAULT_ROLE": "custody", "RINGFENCE_VAULT_TOKEN_FILE": "/run/token"}
ELSEWHERE = {name: value for name, value in COMPLETE.items() if name not in BY_ROLE_ID}


def test_a_process_logs_in_to_vault_by_role_id_unless_told_otherwise() -> None:
    """AppRole is the default, and may be said."""
    for given in (COMPLETE, COMPLETE | {"RINGFENCE_VAULT_AUTH": "approle"}):
        expected = AppRole(role_id="role", wrapped_secret_id_file=Path("/run/wrapped"))
        assert read(Own, given).vault_identity() == expected


@pytest.mark.parametrize("method", ["jwt", "kubernetes"])
def test_a_workloads_token_needs_a_role_and_a_file(method: str) -> None:
    """The method is mounted under its own name unless another is given; what is missing is named."""
    given = ELSEWHERE | BY_TOKEN | {"RINGFENCE_VAULT_AUTH": method}
    expected = WorkloadIdentity(mount=method, role="custody", token_file=Path("/run/token"))
    assert read(Own, given).vault_identity() == expected
    elsewhere = read(Own, given | {"RINGFENCE_VAULT_AUTH_MOUNT": "clusters/east"}).vault_identity()
    assert elsewhere == replace(expected, mount="clusters/east")
    for variable in BY_TOKEN:
        with pytest.raises(MissingSetting, match=f"^{variable} is not set$"):
            read(Own, given | {variable: ""})
    for mount in ("/jwt", "auth/jwt", "jwt/", "j wt", "a/../b?c"):
        with pytest.raises(InvalidSetting, match=r"^RINGFENCE_VAULT_AUTH_MOUNT is not the path"):
            read(Own, given | {"RINGFENCE_VAULT_AUTH_MOUNT": mount})


@pytest.mark.parametrize(
    ("chosen", "stray"),
    [
        *((COMPLETE | {"RINGFENCE_VAULT_AUTH": "approle"}, each) for each in (*BY_TOKEN, "RINGFENCE_VAULT_AUTH_MOUNT")),
        *((ELSEWHERE | BY_TOKEN | {"RINGFENCE_VAULT_AUTH": "kubernetes"}, each) for each in BY_ROLE_ID),
    ],
)
def test_a_setting_of_the_way_not_chosen_is_refused(chosen: dict[str, str], stray: str) -> None:
    """Two ways to log in at once are a contradiction, named by the variable that is too many."""
    method = chosen["RINGFENCE_VAULT_AUTH"]
    with pytest.raises(InvalidSetting, match=f"^{stray} is not for RINGFENCE_VAULT_AUTH={method}$"):
        read(Own, chosen | {stray: "something"})


def test_an_unknown_way_to_log_in_is_refused() -> None:
    """The error says which there are."""
    with pytest.raises(InvalidSetting, match=r"^RINGFENCE_VAULT_AUTH is not one of approle, jwt, kubernetes$"):
        read(Own, COMPLETE | {"RINGFENCE_VAULT_AUTH": "ldap"})
