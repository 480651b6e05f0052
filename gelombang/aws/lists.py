"""Signed lists in a private bucket: fetched into this process's folder when they are needed, put there by operators."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from gelombang.aws.clients import reaching
from gelombang.aws.photos import SERVICE, is_absent
from gelombang.domain.errors import DependencyError

PLACE = "s3://"  # before the bucket's name
CHUNK = 1 << 20
LOOKED_AT_S = 60.0  # how long what may change counts as it was fetched
ASKING_S = 60  # longest run of the function that asks registers (infra/template.py)
# So long after a list was published nobody is judged by the one before it any more.
SETTLED_AFTER = timedelta(seconds=LOOKED_AT_S + ASKING_S)


@dataclass(frozen=True, slots=True)
class Published:
    """A file of the bucket, with how long it has been there by the bucket's own clock."""

    content: bytes
    age: timedelta


class S3Lists:
    """The bucket's side of `gelombang.lists.shelf.Shelf`."""

    def __init__(
        self,
        place: str,
        client: Any,  # noqa: ANN401 - a boto3 client
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bucket, self._client, self._monotonic = place.removeprefix(PLACE), client, monotonic
        self._fetched: dict[str, float] = {}

    def fetch(self, name: str, folder: Path) -> None:
        """Bring a file into the folder, unless it was fetched a moment ago; one that is nowhere is not brought.

        Raises:
            DependencyError: S3 could not be reached.
        """
        now = self._monotonic()
        if now - self._fetched.get(name, -LOOKED_AT_S) < LOOKED_AT_S:
            return
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{name}.part"
        try:
            with reaching(SERVICE), part.open("wb") as file:
                body = self._client.get_object(Bucket=self._bucket, Key=name)["Body"]
                for chunk in body.iter_chunks(CHUNK):
                    file.write(chunk)
            part.replace(folder / name)
        except DependencyError as error:
            part.unlink(missing_ok=True)
            if not is_absent(error):
                raise
        self._fetched[name] = now

    def published(self, name: str) -> Published | None:
        """Return a file as it is published, None where it is not.

        Raises:
            DependencyError: S3 could not be reached.
        """
        try:
            with reaching(SERVICE):
                found = self._client.get_object(Bucket=self._bucket, Key=name)
                return Published(found["Body"].read(), _age_of(found))
        except DependencyError as error:
            if not is_absent(error):
                raise
            return None

    def publish(self, path: Path) -> None:
        """Put a file into the bucket.

        Raises:
            DependencyError: S3 could not be reached.
        """
        with reaching(SERVICE), path.open("rb") as file:
            self._client.put_object(Bucket=self._bucket, Key=path.name, Body=file)


def _age_of(found: dict[str, Any]) -> timedelta:
    """Return how old a file was when S3 answered; none at all where its answer does not say when that was.

    An operator's clock may be minutes ahead: by it, a file of this second would have been there for long.
    """
    answered = found["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    try:
        age: timedelta = parsedate_to_datetime(answered) - found["LastModified"]
    except (ValueError, TypeError):  # no date, or one without a zone
        return timedelta()
    return max(timedelta(), age)
