"""Settings of the payment-instruction service, beyond what every service reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ringfence_kernel.service.settings import LEAST_SILENCE_SECONDS, SILENCE, SILENCE_SECONDS, Settings
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.money import currency, to_minor
from ringfence_kernel.values.settings import (
    SHORTEST_PAUSE_SECONDS,
    FileVariable,
    InvalidSetting,
    MissingSetting,
    Number,
    Seconds,
    Secret,
    Variable,
    positive,
)

from ringfence_payment_instruction.limits.adapters.recent_payments import KEPT_DAYS
from ringfence_payment_instruction.limits.domain.bounds import InstallationLimits, bounds_of
from ringfence_payment_instruction.rail.adapters.object_store import Bucket
from ringfence_payment_instruction.screening.domain.editions import ListBounds
from ringfence_payment_instruction.submissions.application.reading import FileQuotas
from ringfence_payment_instruction.submissions.domain.deadlines import Patience

_LIMITS = "RINGFENCE_APPROVAL_LIMITS"
_DUPLICATE_DAYS = "RINGFENCE_DUPLICATE_DAYS"
_SPOOL, _BUCKET = "RINGFENCE_RAIL_SPOOL_DIRECTORY", "RINGFENCE_RAIL_S3_BUCKET"
_ENDPOINT = "RINGFENCE_RAIL_S3_ENDPOINT"
_FILES, _TENANT_FILES = "RINGFENCE_FILES_AT_ONCE", "RINGFENCE_TENANT_FILES_AT_ONCE"
_READINGS, _TENANT_READINGS = "RINGFENCE_FILE_READINGS_AT_ONCE", "RINGFENCE_TENANT_FILE_READINGS_AT_ONCE"
_LISTS, _NAMES = "RINGFENCE_SANCTIONS_LISTS", "RINGFENCE_SANCTIONS_NAMES"
_EDITIONS = "RINGFENCE_OPERATOR_SANCTIONS_EDITIONS_PER_DAY"
_REFUSED = "RINGFENCE_TENANT_REFUSED_FILES_PER_HOUR"
DAY_SECONDS = 86_400
FILE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class PaymentInstructionSettings(Settings):
    """Everything that `serve` reads from the environment.

    `approval_limits` lists amounts above which a second person decides, such as "EUR=10000.00,CZK=250000.00"; for a
    currency that is not listed a built-in table does. The rail is a folder or a bucket that speaks S3.
    """

    maximum_request_bytes: Annotated[int, Variable("RINGFENCE_MAXIMUM_REQUEST_BYTES")] = FILE_BYTES + 64 * 1024
    spool_directory: Annotated[Path | None, Variable(_SPOOL)] = None
    rail_bucket: Annotated[str | None, Variable(_BUCKET)] = None
    rail_bucket_prefix: Annotated[str, Variable("RINGFENCE_RAIL_S3_PREFIX")] = ""
    rail_bucket_endpoint: Annotated[str | None, Variable(_ENDPOINT)] = None
    rail_bucket_region: Annotated[str, Variable("RINGFENCE_RAIL_S3_REGION")] = "us-east-1"
    rail_bucket_ca_file: Annotated[Path | None, Variable("RINGFENCE_RAIL_S3_CACERT")] = None
    rail_bucket_key_id: Annotated[str | None, Variable("RINGFENCE_RAIL_S3_ACCESS_KEY_ID")] = None
    rail_bucket_key: Annotated[Secret | None, FileVariable("RINGFENCE_RAIL_S3_SECRET_ACCESS_KEY_FILE")] = None
    rail_credentials_directory: Annotated[Path | None, Variable("RINGFENCE_RAIL_CREDENTIALS_DIRECTORY")] = None
    rail_poll_seconds: Annotated[float, Seconds("RINGFENCE_RAIL_POLL_SECONDS", SHORTEST_PAUSE_SECONDS)] = 0.5
    approval_limits: Annotated[tuple[str, ...], Variable(_LIMITS)] = ()
    duplicate_days: Annotated[int, Variable(_DUPLICATE_DAYS)] = 3
    approval_seconds: Annotated[int, Seconds("RINGFENCE_APPROVAL_SECONDS")] = 3 * DAY_SECONDS
    bank_reply_seconds: Annotated[int, Seconds("RINGFENCE_BANK_REPLY_SECONDS")] = DAY_SECONDS
    screening_list_maximum_age_seconds: Annotated[int, Seconds("RINGFENCE_SCREENING_LIST_MAXIMUM_AGE_SECONDS")] = (
        7 * DAY_SECONDS
    )
    identity_silence_seconds: Annotated[float, Seconds(SILENCE, LEAST_SILENCE_SECONDS)] = SILENCE_SECONDS
    sanctions_lists: Annotated[int, Variable(_LISTS)] = ListBounds.lists
    sanctions_names: Annotated[int, Variable(_NAMES)] = ListBounds.names
    sanctions_editions_per_day: Annotated[int, Number(_EDITIONS)] = ListBounds.editions_per_day
    files_at_once: Annotated[int, Variable(_FILES)] = 32
    tenant_files_at_once: Annotated[int, Variable(_TENANT_FILES)] = 8
    file_readings_at_once: Annotated[int, Variable(_READINGS)] = 4
    tenant_file_readings_at_once: Annotated[int, Variable(_TENANT_READINGS)] = 2
    refused_files_per_hour: Annotated[int, Number(_REFUSED)] = 100

    def rail(self) -> Path | Bucket:
        """Returns where messages to the bank lie, a folder or a bucket; raises MissingSetting, InvalidSetting."""
        if self.rail_bucket is None:
            if self.spool_directory is None:
                raise MissingSetting(f"{_SPOOL} or {_BUCKET}")
            return self.spool_directory
        if self.spool_directory is not None:
            raise InvalidSetting(_BUCKET, f"set beside {_SPOOL}: messages lie in one place")
        endpoint = self.rail_bucket_endpoint or f"https://s3.{self.rail_bucket_region}.amazonaws.com"
        if not endpoint.startswith("https://"):
            # Messages name people: they do not travel in clear.
            raise InvalidSetting(_ENDPOINT, "an https:// address")
        if self.rail_bucket_key_id is None or self.rail_bucket_key is None:
            raise MissingSetting("RINGFENCE_RAIL_S3_ACCESS_KEY_ID or RINGFENCE_RAIL_S3_SECRET_ACCESS_KEY_FILE")
        return Bucket(
            name=self.rail_bucket,
            prefix=self.rail_bucket_prefix and f"{self.rail_bucket_prefix.strip('/')}/",
            endpoint=endpoint,
            region=self.rail_bucket_region,
            access_key_id=self.rail_bucket_key_id,
            secret_access_key=self.rail_bucket_key.reveal(),
            ca_file=self.rail_bucket_ca_file,
        )

    def limits(self) -> InstallationLimits:
        """Returns the limits of platforms that have none of their own; raises InvalidSetting."""
        return parse_limits(self.approval_limits)

    def days_of_duplicates(self) -> int:
        """Returns for how many days the same payment is held when it comes again; raises InvalidSetting."""
        if not 0 <= self.duplicate_days <= KEPT_DAYS:
            raise InvalidSetting(_DUPLICATE_DAYS, f"0 to {KEPT_DAYS} days")
        return self.duplicate_days

    def patience(self) -> Patience:
        """Returns how long instructions wait."""
        return Patience(self.approval_seconds * NANOSECONDS, self.bank_reply_seconds * NANOSECONDS)

    def file_quotas(self) -> FileQuotas:
        """Returns how many files may be handed in; raises InvalidSetting."""
        return FileQuotas(
            calls=positive(_FILES, self.files_at_once),
            calls_each=positive(_TENANT_FILES, self.tenant_files_at_once),
            readings=positive(_READINGS, self.file_readings_at_once),
            readings_each=positive(_TENANT_READINGS, self.tenant_file_readings_at_once),
            refused_per_hour=self.refused_files_per_hour,
        )

    def list_bounds(self) -> ListBounds:
        """Returns how many lists, names on them and editions there may be; raises InvalidSetting."""
        return ListBounds(
            lists=positive(_LISTS, self.sanctions_lists),
            names=positive(_NAMES, self.sanctions_names),
            editions_per_day=self.sanctions_editions_per_day,
        )

    def list_maximum_age_ns(self) -> int:
        """Returns the age beyond which a sanctions list is stale."""
        return self.screening_list_maximum_age_seconds * NANOSECONDS


def parse_limits(texts: Sequence[str]) -> InstallationLimits:
    """Returns the limits of texts such as "EUR=10000.00"; raises InvalidSetting."""
    limits = {}
    for text in texts:
        alpha, _, amount = text.partition("=")
        try:
            of = currency(alpha)
            limits[of.numeric_code] = bounds_of(to_minor(amount, of))
        except DomainError:
            raise InvalidSetting(_LIMITS, "a list such as EUR=10000.00,CZK=250000.00") from None
    return InstallationLimits(limits)
