"""Settings of the identity service, beyond what every service reads."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from obstore.store import LocalStore, S3Store
from ringfence_kernel.service.settings import Settings
from ringfence_kernel.values.settings import FileVariable, InvalidSetting, MissingSetting, Secret, Variable

if TYPE_CHECKING:  # there for checkers only
    from obstore.store import ClientConfig

RegisterLock = Literal["warned", "required"]
_PREFIX = "RINGFENCE_ERASURE_REGISTER_"
_DIRECTORY, _BUCKET = f"{_PREFIX}DIRECTORY", f"{_PREFIX}S3_BUCKET"


@dataclass(frozen=True, kw_only=True)
class IdentitySettings(Settings):
    """Everything that `serve` reads from the environment."""

    bootstrap_principals_file: Annotated[Path | None, Variable("RINGFENCE_BOOTSTRAP_PRINCIPALS_FILE")] = None
    pin_statements_file: Annotated[Path | None, Variable("RINGFENCE_PIN_STATEMENTS_FILE")] = None
    """What two operators have signed of certificates, for principals that never had one pinned."""
    retention_file: Annotated[Path | None, Variable("RINGFENCE_RETENTION_FILE")] = None
    """How long what is known of clients is kept; without one, as shipped."""
    register_directory: Annotated[Path | None, Variable(_DIRECTORY)] = None
    """The register of the erased: a folder that only grows, or a bucket that speaks S3 and locks its objects."""
    register_bucket: Annotated[str | None, Variable(_BUCKET)] = None
    register_endpoint: Annotated[str | None, Variable("RINGFENCE_ERASURE_REGISTER_S3_ENDPOINT")] = None
    register_region: Annotated[str, Variable("RINGFENCE_ERASURE_REGISTER_S3_REGION")] = "us-east-1"
    register_ca_file: Annotated[Path | None, Variable("RINGFENCE_ERASURE_REGISTER_S3_CACERT")] = None
    register_lock: Annotated[RegisterLock, Variable(f"{_PREFIX}LOCK")] = "warned"
    """What becomes of a bucket that does not lock its objects: `warned` or `required`."""
    register_key_id: Annotated[str | None, Variable("RINGFENCE_ERASURE_REGISTER_S3_ACCESS_KEY_ID")] = None
    register_key: Annotated[Secret | None, FileVariable(f"{_PREFIX}S3_SECRET_ACCESS_KEY_FILE")] = None

    def register(self) -> Callable[[], LocalStore | S3Store]:
        """Returns what opens the place of the register of the erased; raises MissingSetting, InvalidSetting."""
        if (self.register_directory is None) == (self.register_bucket is None):
            raise MissingSetting(f"either {_DIRECTORY} or {_BUCKET}")
        if self.register_directory is not None:
            return partial(LocalStore, self.register_directory, mkdir=True)
        if self.register_key_id is None or self.register_key is None:
            raise MissingSetting(f"{_PREFIX}S3_ACCESS_KEY_ID or {_PREFIX}S3_SECRET_ACCESS_KEY_FILE")
        endpoint = self.endpoint()
        if not endpoint.startswith("https://"):
            raise InvalidSetting(f"{_PREFIX}S3_ENDPOINT", "an https:// address")
        return partial(self._bucket, endpoint, self.register_key_id, self.register_key)

    def endpoint(self) -> str:
        """Returns where the bucket is."""
        return self.register_endpoint or f"https://s3.{self.register_region}.amazonaws.com"

    def _bucket(self, endpoint: str, key_id: str, key: Secret) -> S3Store:
        options: ClientConfig = {"timeout": timedelta(seconds=10), "connect_timeout": timedelta(seconds=3)}
        if self.register_ca_file:
            options["root_certificate"] = self.register_ca_file.read_bytes()
        return S3Store(
            self.register_bucket,
            endpoint=endpoint,
            region=self.register_region,
            access_key_id=key_id,
            secret_access_key=key.reveal(),
            # What has a lock takes no object without one.
            checksum_algorithm="SHA256",
            client_options=options,
            # A put that was not answered is made again, and finds itself.
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=10)},
        )
