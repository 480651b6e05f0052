"""The photograph store on S3: a bucket in which uploads are in quarantine, and one of clean copies.

Clients send pictures straight to quarantine with a presigned form. Nothing of it is ever shown: addresses for
reviewers are of clean copies, and only verification has the right to read an upload.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from gelombang.aws.clients import reaching
from gelombang.domain.errors import DependencyError, NotFoundError
from gelombang.journey.ports import MOST_UPLOAD_BYTES, UPLOAD_MINUTES, ScanResult, UploadForm

SERVICE = "s3"
VIEW_SECONDS = 300
ABSENT = {"404", "NoSuchKey", "NotFound"}
SCAN_TAG = "GuardDutyMalwareScanStatus"
SCAN_RESULTS = {
    "NO_THREATS_FOUND": ScanResult.CLEAN,
    "THREATS_FOUND": ScanResult.INFECTED,
    "UNSUPPORTED": ScanResult.NOT_SCANNED,  # e.g. a ZIP with a password: no photograph either, as cleaning will find
}


class S3Photos:
    """`gelombang.journey.ports.Photos` on two buckets."""

    def __init__(self, quarantine: str, bucket: str, client: Any) -> None:  # noqa: ANN401 - a boto3 client
        self._quarantine = quarantine
        self._bucket = bucket
        self._client = client

    def offer_upload(self, key: str, content_type: str, now: datetime) -> UploadForm:
        """Return a form that S3 accepts for exactly this key, type and up to `MOST_UPLOAD_BYTES`."""
        with reaching(SERVICE):
            form = self._client.generate_presigned_post(
                self._quarantine,
                key,
                Fields={"Content-Type": content_type},
                Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, MOST_UPLOAD_BYTES]],
                ExpiresIn=UPLOAD_MINUTES * 60,
            )
        return UploadForm(
            form["url"], form["fields"], now + timedelta(minutes=UPLOAD_MINUTES), MOST_UPLOAD_BYTES
        )

    def receive(self, key: str, content: bytes) -> None:
        """Put into quarantine what was sent in chunks; S3 announces it as any other upload."""
        with reaching(SERVICE):
            self._client.put_object(Bucket=self._quarantine, Key=key, Body=content)

    def upload_size(self, key: str) -> int | None:
        """Return the upload's size in bytes, or None; by listing, so that the right to read is not needed."""
        with reaching(SERVICE):
            found = self._client.list_objects_v2(Bucket=self._quarantine, Prefix=key, MaxKeys=1)
        return next((int(each["Size"]) for each in found.get("Contents", []) if each["Key"] == key), None)

    def read_upload(self, key: str) -> bytes:
        """Return what was uploaded."""
        return read_object(self._client, self._quarantine, key)

    def keep(self, key: str, content: bytes) -> None:
        """Store a clean copy."""
        with reaching(SERVICE):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType="image/jpeg")

    def read(self, key: str) -> bytes:
        """Return a clean copy."""
        return read_object(self._client, self._bucket, key)

    def view_url(self, key: str) -> str:
        """Return an address for a reviewer's browser, good for five minutes."""
        with reaching(SERVICE):
            address = {"Bucket": self._bucket, "Key": key}
            return str(
                self._client.generate_presigned_url("get_object", Params=address, ExpiresIn=VIEW_SECONDS)
            )

    def remove(self, keys: Collection[str]) -> None:
        """Delete these from both buckets, which forget older versions within two days."""
        for bucket in (self._quarantine, self._bucket):
            for key in keys:
                with reaching(SERVICE):
                    self._client.delete_object(Bucket=bucket, Key=key)

    def erase(self, application_id: str) -> None:
        """Delete everything of the application; the buckets forget older versions within two days."""
        for bucket in (self._quarantine, self._bucket):
            with reaching(SERVICE):
                listed = self._client.get_paginator("list_objects_v2")
                for page in listed.paginate(Bucket=bucket, Prefix=f"{application_id}/"):
                    for found in page.get("Contents", []):
                        self._client.delete_object(Bucket=bucket, Key=found["Key"])


class GuardDutyScans:
    """`gelombang.journey.ports.MalwareScans` by GuardDuty, which tags each object in quarantine with what it found.

    Source: Amazon GuardDuty user guide, "Malware Protection for S3", object tags.
    """

    def __init__(self, quarantine: str, client: Any) -> None:  # noqa: ANN401 - a boto3 client
        self._quarantine = quarantine
        self._client = client

    def result_of(self, key: str) -> ScanResult:
        """Return what GuardDuty wrote; PENDING while it wrote nothing, or could not look."""
        try:
            with reaching(SERVICE):
                tags = self._client.get_object_tagging(Bucket=self._quarantine, Key=key)["TagSet"]
        except DependencyError as error:
            if is_absent(error):  # cleaning will find that nothing lies there
                return ScanResult.NOT_SCANNED
            raise
        written = {tag["Key"]: tag["Value"] for tag in tags}
        return SCAN_RESULTS.get(written.get(SCAN_TAG, ""), ScanResult.PENDING)


class NoScans:
    """There is no malware scanner: the clean copy alone protects. The audit of each photograph says so."""

    def result_of(self, key: str) -> ScanResult:  # noqa: ARG002 - whichever it is
        """Return NOT_SCANNED."""
        return ScanResult.NOT_SCANNED


def read_object(client: Any, bucket: str, key: str, **wanted: str) -> bytes:  # noqa: ANN401 - a boto3 client
    """Return an object's bytes.

    Raises:
        NotFoundError: nothing lies under this key.
        DependencyError: S3 could not be reached.
    """
    try:
        with reaching(SERVICE):
            return bytes(client.get_object(Bucket=bucket, Key=key, **wanted)["Body"].read())
    except DependencyError as error:
        if is_absent(error):
            raise NotFoundError from error
        raise


def is_absent(error: DependencyError) -> bool:
    """Say whether S3 answered that there is no such object."""
    cause = error.__cause__
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] in ABSENT
