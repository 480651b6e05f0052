"""Published files on S3, and those under Object Lock: written once, and there until their time is over."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from gelombang.aws.clients import reaching
from gelombang.aws.photos import SERVICE, is_absent, read_object
from gelombang.domain.errors import DependencyError, NotFoundError
from gelombang.journey.ports import PUBLISHED, published

LINK_SECONDS = 3600
COPY_BYTES = 64 << 20  # that S3 copies for one call: well within the seconds that a call is waited for
ALREADY_THERE = "PreconditionFailed"
# RFC 9111, 5.2.2, and RFC 8246: a year is as good as ever, and nobody asks again meanwhile.
FOR_GOOD = "public, max-age=31536000, immutable"
FOR_SECONDS = "public, max-age=5"


class S3Documents:
    """`gelombang.journey.ports.Documents` on one bucket, whose published part is open below `public_url`."""

    def __init__(self, bucket: str, client: Any, public_url: str) -> None:  # noqa: ANN401 - a boto3 client
        self._bucket = bucket
        self._client = client
        self._public_url = public_url

    def write(self, key: str, content: bytes, content_type: str) -> None:
        """Store the file, replacing what was there."""
        self._put(key, content, content_type, FOR_SECONDS)

    def write_once(self, key: str, content: bytes, content_type: str) -> bytes:
        """Store the file unless there is one; return what lies there."""
        try:
            self._put(key, content, content_type, FOR_GOOD, IfNoneMatch="*")
        except DependencyError as error:
            if not _is_there(error):
                raise
            return self.read(key)
        return content

    def publish(self, key: str, content_type: str) -> None:
        """Let S3 copy the file to where everybody may fetch it; a large one in parts, each soon done."""
        from boto3.s3.transfer import TransferConfig  # noqa: PLC0415 - for whoever publishes, not for every start

        told = {"MetadataDirective": "REPLACE", "ContentType": content_type, "CacheControl": FOR_GOOD}
        parts = TransferConfig(
            multipart_threshold=COPY_BYTES, multipart_chunksize=COPY_BYTES, use_threads=False
        )
        source = {"Bucket": self._bucket, "Key": key}
        try:
            with reaching(SERVICE):
                self._client.copy(source, self._bucket, published(key), told, Config=parts)
        except DependencyError as error:
            if is_absent(error):
                raise NotFoundError from error
            raise

    def read(self, key: str) -> bytes:
        """Return the file."""
        return read_object(self._client, self._bucket, key)

    def url(self, key: str) -> str:
        """Return the public address of a published file, and for any other one an address good for an hour."""
        if key.startswith(PUBLISHED):
            return f"{self._public_url}/{key}"
        with reaching(SERVICE):
            address = {"Bucket": self._bucket, "Key": key}
            return str(
                self._client.generate_presigned_url("get_object", Params=address, ExpiresIn=LINK_SECONDS)
            )

    def _put(self, key: str, content: bytes, content_type: str, cache: str, **conditions: str) -> None:
        with reaching(SERVICE):
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                CacheControl=cache,
                **conditions,
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
