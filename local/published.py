"""Published documents out of the bucket's public part, and nothing else of it: as a content delivery network does.

What S3 says of a document goes on to whoever asked: how long it may be kept, its entity tag, a part of it, or that it
is unchanged. No copy is kept here; whoever asks is told to keep it. The bucket is asked with a signature: it is shut.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gelombang.domain.errors import DependencyError, NotFoundError
from gelombang.journey.ports import published

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# As documents are named; so no word of an address leads out of the public part.
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_ASKED = ("if-none-match", "if-modified-since", "if-range", "range")
_TOLD = (
    *("content-type", "content-length", "content-range", "accept-ranges"),
    *("cache-control", "etag", "last-modified"),
)
_ANSWERED = {200, 206, 304, 416}
ABSENT = "public, max-age=5"  # what is not there may come at any moment: caches ask again soon
_SIGNED_FOR_S = 60


def published_documents(
    client: httpx.AsyncClient,
    s3: Any,  # noqa: ANN401 - a boto3 client
    bucket: str,
) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers GET and HEAD of `/published/{key:path}` from a bucket.

    It raises NotFoundError where no such document is public, and DependencyError where the bucket is away.
    """

    async def answer(request: Request) -> Response:
        key = request.path_params["key"]
        if not _KEY.fullmatch(key):
            raise NotFoundError
        url = s3.generate_presigned_url(
            f"{request.method.lower()}_object",
            Params={"Bucket": bucket, "Key": published(key)},
            ExpiresIn=_SIGNED_FOR_S,
        )
        asked = {name: request.headers[name] for name in _ASKED if name in request.headers}
        call = client.build_request(request.method, url, headers={**asked, "accept-encoding": "identity"})
        try:
            found = await client.send(call, stream=True)
        except httpx.TransportError as error:
            raise DependencyError("engine", type(error).__name__) from error
        if found.status_code not in _ANSWERED:
            await found.aclose()
            raise NotFoundError if found.status_code == httpx.codes.NOT_FOUND else DependencyError("engine")
        told = {name: found.headers[name] for name in _TOLD if name in found.headers}
        return StreamingResponse(
            found.aiter_raw(), found.status_code, told, background=BackgroundTask(found.aclose)
        )

    return answer
