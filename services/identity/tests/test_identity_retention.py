"""How long clients are kept, and what stands against an erasure: decided without a service."""

from dataclasses import replace
from pathlib import Path

import pytest
from obstore.store import LocalStore, S3Store
from ringfence_identity.parties.adapters.erasure_register import ObjectRegister
from ringfence_identity.parties.adapters.retention import read_retention
from ringfence_identity.parties.application.ports import Registered
from ringfence_identity.parties.domain.erasing import (
    LOOK_LASTS_NS,
    ErasureRefused,
    Looked,
    Retention,
    RetentionClass,
    require_erasable,
)
from ringfence_identity.parties.domain.errors import ErasureRegisterUnavailable
from ringfence_identity.settings import IdentitySettings
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.settings import InvalidSetting, MissingSetting, read

NOW_NS = 20_000 * DAY_NS
RETENTION = Retention({RetentionClass.MOVED: 1827, RetentionClass.OPENED: 365, RetentionClass.APPLIED: 30})


def causes(looked: Looked | None, now_ns: int = NOW_NS, *, held: bool = False) -> dict[str, str]:
    """Returns what stands against an erasure, nothing where it may go on."""
    try:
        require_erasable(looked, RETENTION, held, now_ns)
    except ErasureRefused as refusal:
        return refusal.metadata
    return {}


@pytest.mark.parametrize(
    ("looked", "days"),
    [
        (Looked(NOW_NS, accounts=1, last_movement_ns=1, last_event_ns=NOW_NS), 1827),
        (Looked(NOW_NS, accounts=1, last_movement_ns=NOW_NS, last_event_ns=1), 1827),
        (Looked(NOW_NS, accounts=1, last_event_ns=NOW_NS), 365),
        (Looked(NOW_NS, last_event_ns=NOW_NS), 30),
    ],
)
def test_a_class_is_kept_to_its_last_day(looked: Looked, days: int) -> None:
    """The period runs from whatever came last, a transfer or a change of the record; not a moment less."""
    end_ns = NOW_NS + days * DAY_NS
    assert causes(replace(looked, at_ns=end_ns), end_ns - 1)["causes"] == "RETENTION"
    assert causes(replace(looked, at_ns=end_ns), end_ns) == {}


@pytest.mark.parametrize("looked", [None, Looked(NOW_NS - LOOK_LASTS_NS - 1)])
def test_what_nobody_looked_at_just_now_is_not_erased(looked: Looked | None) -> None:
    """Without a look, or with one that is too old, nobody knows what stands against it."""
    assert causes(looked) == {"causes": "UNKNOWN"}
    assert causes(Looked(NOW_NS - LOOK_LASTS_NS)) == {}


@pytest.mark.parametrize(
    ("field", "cause"),
    [
        ("with_balance", "BALANCE"),
        ("with_pending", "RESERVATION"),
        ("held", "ACCOUNT_HELD"),
        ("open_payments", "OPEN_PAYMENT"),
    ],
)
def test_each_cause_alone_is_enough(field: str, cause: str) -> None:
    """One of anything stands against an erasure."""
    assert causes(replace(Looked(NOW_NS), **{field: 1})) == {"causes": cause}
    assert causes(Looked(NOW_NS), held=True) == {"causes": "LEGAL_HOLD"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[moved]\ndays = 1\n[opened]\ndays = 1\n",
        "[moved]\ndays = -1\n[opened]\ndays = 1\n[applied]\ndays = 1\n",
        "[moved]\ndays = 1.5\n[opened]\ndays = 1\n[applied]\ndays = 1\n",
        "[moved]\ndays = true\n[opened]\ndays = 1\n[applied]\ndays = 1\n",
        "[moved]\ndays = 1\n[opened]\ndays = 1\n[applied]\ndays = 1\n[else]\ndays = 1\n",
        "moved = 1",
        "[moved",
    ],
)
def test_periods_that_are_none_stop_the_start(tmp_path: Path, text: str) -> None:
    """A file that lacks a class, has another, or has no whole days names its setting."""
    file = tmp_path / "retention.toml"
    file.write_text(text)
    with pytest.raises(InvalidSetting, match="RINGFENCE_RETENTION_FILE"):
        read_retention(file)


def test_what_ships_keeps_those_who_moved_money_five_years() -> None:
    """Directive (EU) 2015/849, Article 40(1)."""
    assert read_retention(None).days[RetentionClass.MOVED] >= 5 * 365


def test_the_register_is_written_once_and_read_whole(tmp_path: Path) -> None:
    """Who stands there stands there for good, whoever writes again, and is read by another process."""
    register = ObjectRegister(LocalStore(tmp_path / "register", mkdir=True))
    first = Registered(b"subject-1.......", b"tenant..........", b"their-own-id....", (b"index-of-an-iban",))
    second = Registered(b"subject-2.......", bytes(16), b"subject-2.......")
    for each in (first, second, first, replace(first, tenant=bytes(16))):
        register.add(each)
    assert register.marker() == b""
    for marker in (b"a-marker........", b"another-marker.."):
        register.mark(marker)
    again = ObjectRegister(LocalStore(tmp_path / "register"))
    assert again.marker() == b"a-marker........"
    assert [again.read(each) for each in sorted(again.subjects())] == [first, second]
    (tmp_path / "register" / "erased" / first.subject.hex()).write_text("{")
    with pytest.raises(ErasureRegisterUnavailable):
        again.read(first.subject)


def test_a_register_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    """A folder that is none lets nobody be erased, and nobody begin."""
    register = ObjectRegister(LocalStore(tmp_path / "register", mkdir=True))
    (tmp_path / "register").rmdir()
    (tmp_path / "register").write_text("no folder")
    with pytest.raises(ErasureRegisterUnavailable):
        register.add(Registered(b"subject-1.......", bytes(16), b"subject-1......."))


MUST = {
    "RINGFENCE_SERVICE": "identity",
    "RINGFENCE_LISTEN": "127.0.0.1:1",
    "RINGFENCE_DATABASE_URL": "postgresql://identity@127.0.0.1/identity",
    "RINGFENCE_NATS_URL": "nats://127.0.0.1:1",
    "RINGFENCE_WORKLOAD_CA_FILE": "workload-ca.pem",
    "RINGFENCE_CLIENT_CA_FILE": "client-ca.pem",
    "RINGFENCE_TRUST_DOMAIN": "ringfence.local",
    "RINGFENCE_VAULT_ROLE_ID": "identity",
    "RINGFENCE_VAULT_WRAPPED_SECRET_ID_FILE": "secret-id",
    "VAULT_ADDR": "http://127.0.0.1:1",
}
"""Settings without which there are none."""
PLACE = "RINGFENCE_ERASURE_REGISTER_"
BUCKET = {
    f"{PLACE}S3_BUCKET": "register",
    f"{PLACE}S3_ACCESS_KEY_ID": "identity",
    f"{PLACE}S3_SECRET_ACCESS_KEY_FILE": "key",
}


def settings(tmp_path: Path, secret: str = "secret", **changes: str) -> IdentitySettings:
    """Reads settings with a register, changed."""
    (tmp_path / "key").write_text(secret)
    given = {name: str(tmp_path / value) if name.endswith("FILE") else value for name, value in changes.items()}
    return read(IdentitySettings, MUST | given)


def test_the_register_has_one_place(tmp_path: Path) -> None:
    """A folder, or a bucket that is reached by TLS with a key; neither none nor both."""
    assert isinstance(settings(tmp_path, **{f"{PLACE}DIRECTORY": str(tmp_path / "register")}).register()(), LocalStore)
    assert isinstance(settings(tmp_path, **BUCKET).register()(), S3Store)
    for wrong in ({}, {**BUCKET, f"{PLACE}DIRECTORY": "register"}, {f"{PLACE}S3_BUCKET": "register"}):
        with pytest.raises(MissingSetting):
            settings(tmp_path, **wrong).register()
    with pytest.raises(InvalidSetting, match="https"):
        settings(tmp_path, **BUCKET, **{f"{PLACE}S3_ENDPOINT": "http://bucket"}).register()


def test_a_bucket_with_a_lock_takes_what_is_added(tmp_path: Path) -> None:
    """Objects go with a checksum: S3 refuses one without where a bucket has a default retention."""
    bucket = settings(tmp_path, **BUCKET).register()()
    assert isinstance(bucket, S3Store)
    assert bucket.config["checksum_algorithm"] == "SHA256"
