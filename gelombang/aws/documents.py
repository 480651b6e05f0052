"""Published files on S3, and those under Object Lock: written once, and there until their time is over."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from gelombang.aws.clients import reaching
from gelombang.aws.photos import SERVICE, read_object
from gelombang.domain.errors import DependencyError

LINK_SECONDS = 3600
ALREADY_THERE = "PreconditionFailed"


class S3Documents:
    """`gelombang.journey.ports.Documents` on one bucket."""

    def __init__(self, bucket: str, client: Any) -> None:  # noqa: ANN401 - a boto3 client
        self._bucket = bucket
        self._client = client

    def write(self, key: str, content: bytes, content_type: str) -> None:
        """Store the file, replacing what was there."""
        with reaching(SERVICE):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type)

    def read(self, key: str) -> bytes:
        """Return the file."""
        return read_object(self._client, self._bucket, key)

    def url(self, key: str) -> str:
        """Return an address at which anyone can fetch the file for an hour."""
        with reaching(SERVICE):
            address = {"Bucket": self._bucket, "Key": key}
            return str(
                self._client.generate_presigned_url("get_object", Params=address, ExpiresIn=LINK_SECONDS)
            )


class S3Archive:
    """`gelombang.journey.ports.Archive` on a bucket whose default retention locks what is written."""

    def __init__(self, bucket: str, client: Any) -> None:  # noqa: ANN401 - a boto3 client
        self._bucket = bucket
        self._client = client

    def keep_once(self, key: str, content: bytes) -> bytes:
        """Store the file unless there is one; return what lies there."""
        try:
            with reaching(SERVICE):
                self._client.put_object(Bucket=self._bucket, Key=key, Body=content, IfNoneMatch="*")
        except DependencyError as error:
            if not _is_there(error):
                raise
        else:
            return content
        return self.read(key)

    def read(self, key: str) -> bytes:
        """Return the file."""
        return read_object(self._client, self._bucket, key)


def _is_there(error: DependencyError) -> bool:
    cause = error.__cause__
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] == ALREADY_THERE
