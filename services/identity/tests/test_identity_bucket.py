"""The register of the erased in a bucket of a real server that speaks S3, which is asked for its lock."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, cast
from urllib.request import urlopen
from uuid import uuid4

import pytest
from ringfence_identity import bootstrap
from ringfence_identity.parties.adapters import bucket_lock
from ringfence_identity.parties.adapters.bucket_lock import BucketLock, is_locked
from ringfence_identity.parties.adapters.erasure_register import ObjectRegister
from ringfence_identity.parties.application.ports import Kept, Registered
from ringfence_identity.parties.domain.errors import ErasureRegisterUnavailable, ErasureRegisterUnlocked
from ringfence_identity.settings import IdentitySettings
from ringfence_kernel.values.settings import InvalidSetting
from ringfence_local_stack.servers.seaweed import ACCESS_KEY_ID, SECRET_ACCESS_KEY, SeaweedServer
from structlog.testing import capture_logs

from .test_identity_retention import PLACE
from .test_identity_retention import settings as read_settings

RETAINED = (
    b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>"
    b"<Mode>COMPLIANCE</Mode><Days>3650</Days></DefaultRetention></Rule></ObjectLockConfiguration>"
)
LOCK_ALONE = b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"
VERSIONS = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
ANNA = Registered(b"subject-1.......", b"tenant..........", b"their-own-id....", (b"index-of-an-iban",))
NORA = Registered(b"subject-2.......", bytes(16), b"subject-2.......")


def settings(server: SeaweedServer, folder: Path, **changes: str) -> IdentitySettings:
    """Reads the settings of a register in a new bucket of the server."""
    given = {
        f"{PLACE}S3_BUCKET": f"register-{uuid4().hex}",
        f"{PLACE}S3_ENDPOINT": server.endpoint,
        f"{PLACE}S3_CACERT": str(server.ca_file),
        f"{PLACE}S3_ACCESS_KEY_ID": ACCESS_KEY_ID,
        f"{PLACE}S3_SECRET_ACCESS_KEY_FILE": "key",
        **changes,
    }
    return read_settings(folder, secret=SECRET_ACCESS_KEY, **given)


def change(lock: BucketLock, method: str, question: str = "", body: bytes = b"") -> None:
    """Makes the bucket, or changes how it keeps objects."""
    with urlopen(lock.request(method, question, body), context=ssl.create_default_context(cafile=str(lock.ca_file))):
        pass


def test_a_bucket_keeps_the_erased(seaweed_server: SeaweedServer, tmp_path: Path) -> None:
    """Written once whoever writes again, read whole and listed by another process; markers likewise."""
    found = settings(seaweed_server, tmp_path)
    change(bootstrap.bucket_lock(found), "PUT")  # type: ignore[arg-type]
    register = ObjectRegister(found.register()())
    assert (register.marker(), list(register.subjects())) == (b"", [])
    for each in (ANNA, NORA, ANNA, Registered(ANNA.subject, bytes(16), NORA.party)):
        register.add(each)
    for marker in (b"a-marker........", b"another-marker.."):
        register.mark(marker)
    again = ObjectRegister(found.register()())
    assert [again.read(each) for each in sorted(again.subjects())] == [ANNA, NORA]
    assert again.marker() == b"a-marker........"


def test_a_bucket_that_lists_in_pages_names_everybody(seaweed_server: SeaweedServer, tmp_path: Path) -> None:
    """A page of S3 has a thousand names: whoever stands on the next one is erased as well."""
    found = settings(seaweed_server, tmp_path)
    change(bootstrap.bucket_lock(found), "PUT")  # type: ignore[arg-type]
    register = ObjectRegister(found.register()())
    subjects = {number.to_bytes(16, "big") for number in range(1_003)}
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda each: register.add(Registered(each, ANNA.tenant, each)), subjects))
    assert set(register.subjects()) == subjects


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        ({}, Kept.REPLACEABLE),
        ({"versioning": VERSIONS}, Kept.VERSIONED),
        ({"versioning": VERSIONS, "object-lock": LOCK_ALONE}, Kept.VERSIONED),
        ({"versioning": VERSIONS, "object-lock": RETAINED}, Kept.LOCKED),
    ],
    ids=["nothing", "versions", "lock without a date", "lock"],
)
async def test_a_bucket_says_how_it_keeps_objects(
    seaweed_server: SeaweedServer, tmp_path: Path, made: dict[str, bytes], kept: Kept
) -> None:
    """A lock counts with the retention that an object gets by itself; where one is required nothing less will do."""
    found = settings(seaweed_server, tmp_path, **{f"{PLACE}LOCK": "required"})
    lock = bootstrap.bucket_lock(found)
    assert lock is not None
    change(lock, "PUT")
    for question, body in made.items():
        change(lock, "PUT", question, body)
    assert lock.kept() is kept
    if kept is Kept.LOCKED:
        await bootstrap.look_at_lock(found)
    else:
        with pytest.raises(ErasureRegisterUnlocked):
            await bootstrap.look_at_lock(found)


@pytest.mark.parametrize(
    ("configured", "locked"),
    [
        (RETAINED, True),
        (RETAINED.replace(b"<Days>3650</Days>", b"<Years>1</Years>"), True),
        (RETAINED.replace(b"3650", b"365"), True),
        (RETAINED.replace(b"3650", b"364"), False),
        (RETAINED.replace(b"COMPLIANCE", b"GOVERNANCE"), False),
        (RETAINED.replace(b"Enabled<", b"Disabled<"), False),
        (LOCK_ALONE, False),
        (b"", False),
    ],
)
def test_a_lock_is_one_that_nobody_lifts_for_a_year(configured: bytes, locked: bool) -> None:
    """Governance is lifted by whoever may, and what ends tomorrow forgets the erased tomorrow."""
    assert is_locked(configured) is locked


@contextmanager
def saying(said: bytes) -> Iterator[str]:
    """Serves whoever connects these bytes and then nothing more; gives the address."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                    held[-1].sendall(said)
                except OSError:
                    return

        serving = Thread(target=serve)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            serving.join()
            for each in held:
                each.close()


NOT_FOUND = b"HTTP/1.1 404 Not Found\r\n"


@pytest.mark.parametrize(
    "said",
    [
        b"nothing like HTTP\r\n",
        NOT_FOUND + b"Transfer-Encoding: chunked\r\n\r\nno length\r\n",
        NOT_FOUND + b"Content-Length: 9\r\n\r\n",
        b"",
    ],
    ids=["no HTTP", "a broken body", "a body that does not come", "nothing"],
)
def test_a_bucket_that_answers_badly_has_said_nothing(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes instead of an answer: a question that may only warn ends nobody's term."""
    monkeypatch.setattr(bucket_lock, "TIMEOUT_SECONDS", 0.2)
    with saying(said) as endpoint:
        lock = BucketLock(endpoint=endpoint, bucket="register", region="here", key_id="id", key="key")
        assert lock.kept() is Kept.UNKNOWN


@pytest.mark.parametrize("wanted", ["warned", "required"])
async def test_a_silent_bucket_delays_no_term_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    """What is only warned of is asked beside the term; what is required is asked within a bound, and kept to."""
    asked, answers = Event(), Event()

    def kept(lock: BucketLock) -> Kept:
        asked.set()
        answers.wait(10)
        return Kept.LOCKED

    monkeypatch.setattr(BucketLock, "kept", kept)
    monkeypatch.setattr(bootstrap, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(bootstrap, "REGISTER_SECONDS", 0.01)
    given = {
        f"{PLACE}S3_BUCKET": "register",
        f"{PLACE}S3_ACCESS_KEY_ID": ACCESS_KEY_ID,
        f"{PLACE}S3_SECRET_ACCESS_KEY_FILE": "key",
        f"{PLACE}LOCK": wanted,
    }
    found, erasing = read_settings(tmp_path, secret=SECRET_ACCESS_KEY, **given), Replayed()
    beginning = asyncio.create_task(bootstrap.replay_erasures(cast("Any", erasing), found))
    if wanted == "required":
        with capture_logs() as logged:
            while len(logged) < 2 and not beginning.done():
                await asyncio.sleep(0.01)
        assert {each["reason"] for each in logged} == {ErasureRegisterUnlocked.reason}
        assert erasing.times == 0
        answers.set()
    await beginning
    assert (erasing.times, asked.is_set()) == (1, wanted == "required")


class Replayed:
    """Counts how often the erased were erased again."""

    times = 0

    async def replay(self) -> None:
        """Does nothing else."""
        self.times += 1


async def test_what_says_nothing_is_warned_of_or_refused(seaweed_server: SeaweedServer, tmp_path: Path) -> None:
    """A key that may not ask, or nobody there: not known to be locked, which a site that requires it refuses."""
    (tmp_path / "other").write_text("another-secret")
    wrong = {f"{PLACE}S3_SECRET_ACCESS_KEY_FILE": "other"}
    found = settings(seaweed_server, tmp_path, **wrong)
    assert bootstrap.bucket_lock(found).kept() is Kept.UNKNOWN  # type: ignore[union-attr]
    await bootstrap.look_at_lock(found)
    with pytest.raises(ErasureRegisterUnlocked):
        await bootstrap.look_at_lock(settings(seaweed_server, tmp_path, **wrong, **{f"{PLACE}LOCK": "required"}))
    with pytest.raises(ErasureRegisterUnavailable):
        list(ObjectRegister(found.register()()).subjects())
    with pytest.raises(InvalidSetting, match="LOCK"):
        settings(seaweed_server, tmp_path, **{f"{PLACE}LOCK": "maybe"})


async def test_a_folder_is_asked_for_no_lock(tmp_path: Path) -> None:
    """What only grows on a disk of one's own has none; the setting is about buckets."""
    found = read_settings(tmp_path, **{f"{PLACE}DIRECTORY": str(tmp_path / "register"), f"{PLACE}LOCK": "required"})
    assert bootstrap.bucket_lock(found) is None
    await bootstrap.look_at_lock(found)
