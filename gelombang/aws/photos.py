"""The photograph store on S3: clients send pictures straight to it with a presigned form."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from gelombang.aws.clients import reaching
from gelombang.domain.errors import DependencyError, NotFoundError
from gelombang.journey.ports import UploadForm

SERVICE = "s3"
UPLOAD_MINUTES = 10
VIEW_SECONDS = 300
MOST_BYTES = 15 * 1024 * 1024  # a phone's picture at full size stays below it
ABSENT = {"404", "NoSuchKey", "NotFound"}


class S3Photos:
    """`gelombang.journey.ports.Photos` on one bucket."""

    def __init__(self, bucket: str, client: Any) -> None:  # noqa: ANN401 - a boto3 client
        self._bucket = bucket
        self._client = client

    def offer_upload(self, key: str, content_type: str, now: datetime) -> UploadForm:
        """Return a form that S3 accepts for exactly this key, type and up to `MOST_BYTES`."""
        with reaching(SERVICE):
            form = self._client.generate_presigned_post(
                self._bucket,
                key,
                Fields={"Content-Type": content_type},
                Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, MOST_BYTES]],
                ExpiresIn=UPLOAD_MINUTES * 60,
            )
        return UploadForm(form["url"], form["fields"], now + timedelta(minutes=UPLOAD_MINUTES), MOST_BYTES)

    def size_of(self, key: str) -> int | None:
        """Return the object's size in bytes, or None when nothing has arrived."""
        try:
            with reaching(SERVICE):
                return int(self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"])
        except DependencyError as error:
            if is_absent(error):
                return None
            raise

    def read(self, key: str, first_bytes: int | None = None) -> bytes:
        """Return the object, or its beginning."""
        wanted = {"Range": f"bytes=0-{first_bytes - 1}"} if first_bytes else {}
        return read_object(self._client, self._bucket, key, **wanted)

    def view_url(self, key: str) -> str:
        """Return an address for a reviewer's browser, good for five minutes."""
        with reaching(SERVICE):
            address = {"Bucket": self._bucket, "Key": key}
            return str(
                self._client.generate_presigned_url("get_object", Params=address, ExpiresIn=VIEW_SECONDS)
            )


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
