"""Asks a bucket that speaks S3 whether it keeps what is put there: by default retention of its objects, or by versions.

The store of objects has no such call. Requests are signed by AWS Signature Version 4, as the S3 API reference has them.
"""

import hashlib
import hmac
import re
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

from ringfence_identity.parties.application.ports import Kept

TIMEOUT_SECONDS = 2.0
"""For each wait for the bucket: who must be locked is not led meanwhile."""
LEAST_DAYS, DAYS_OF_YEAR = 365, 365
"""An object must be locked for so long at least: a backup that outlives the lock could bring the erased back."""
MOST_BYTES = 65_536
NO_LOCK = b"ObjectLockConfigurationNotFoundError"
LOCKED, FOR_GOOD, DAYS, YEARS, VERSIONED = (
    re.compile(rb"<%s>\s*(%s)\s*</%s>" % (name, value, name))
    for name, value in (
        (b"ObjectLockEnabled", b"Enabled"),
        (b"Mode", b"COMPLIANCE"),
        (b"Days", rb"\d{1,9}"),
        (b"Years", rb"\d{1,9}"),
        (b"Status", b"Enabled"),
    )
)
"""An object that is put without a date of its own is kept by the default retention alone; whoever has the right to
lifts a retention of GOVERNANCE."""
SIGNED = "host;x-amz-content-sha256;x-amz-date"


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketLock:
    """Where a bucket is, and who asks."""

    endpoint: str
    bucket: str
    region: str
    key_id: str
    key: str
    ca_file: Path | None = None

    def kept(self) -> Kept:
        """Tells how the bucket keeps objects; UNKNOWN where it does not say. Blocks for seconds at most."""
        with ThreadPoolExecutor(2) as threads:
            lock, versions = threads.map(self._asked, ("object-lock", "versioning"))
        if lock is not None and is_locked(lock):
            return Kept.LOCKED
        if versions is not None and VERSIONED.search(versions):
            return Kept.VERSIONED
        return Kept.UNKNOWN if lock is None or versions is None else Kept.REPLACEABLE

    def _asked(self, question: str) -> bytes | None:
        """Returns what the bucket answers, None where it does not."""
        try:
            return self._answered(question)
        except (OSError, HTTPException):
            return None

    def _answered(self, question: str) -> bytes | None:
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        try:
            with urlopen(self.request("GET", question), timeout=TIMEOUT_SECONDS, context=context) as answer:
                return bytes(answer.read(MOST_BYTES))
        except HTTPError as error:
            with error:
                return b"" if NO_LOCK in error.read(MOST_BYTES) else None

    def request(self, method: str, question: str = "", body: bytes = b"") -> Request:
        """Returns a signed request about the bucket itself; `question` is the name of a subresource."""
        at, digest = datetime.now(UTC), hashlib.sha256(body).hexdigest()
        stamp, day = at.strftime("%Y%m%dT%H%M%SZ"), at.strftime("%Y%m%d")
        host, path = urlsplit(self.endpoint).netloc, f"/{quote(self.bucket)}"
        headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp}
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        asked = f"{question}=" if question else ""
        canonical = f"{method}\n{path}\n{asked}\n{lines}\n{SIGNED}\n{digest}"
        scope = f"{day}/{self.region}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = f"AWS4{self.key}".encode()
        for part in (day, self.region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        credential = f"Credential={self.key_id}/{scope}, SignedHeaders={SIGNED}, Signature={signature}"
        headers["authorization"] = f"AWS4-HMAC-SHA256 {credential}"
        url = f"{self.endpoint.rstrip('/')}{path}?{asked}"
        return Request(url, data=body or None, headers=headers, method=method)


def is_locked(configuration: bytes) -> bool:
    """Tells whether an answer to GetObjectLockConfiguration locks what is put there for LEAST_DAYS, whoever asks."""
    days, years = (int(found[1]) if (found := each.search(configuration)) else 0 for each in (DAYS, YEARS))
    is_on = LOCKED.search(configuration) and FOR_GOOD.search(configuration)
    return bool(is_on) and max(days, years * DAYS_OF_YEAR) >= LEAST_DAYS
