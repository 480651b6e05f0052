"""Published documents through the edge: what caches need is told, and nothing else of the bucket can be reached."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from gelombang.aws.documents import FOR_GOOD, FOR_SECONDS, S3Documents
from local.edge import EdgeRoutes, edge_app
from local.engine import REGION, engine_client, free_port, running_engine

KEY, PAGE = "waves/gelombang-1/results.csv", "published/waves/gelombang-1/wave.json"
CONTENT = b"entry_id,ticket\n" + bytes(range(48, 58)) * 200


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    """The edge before a bucket with a published document, a page, and a file that is not published yet."""
    with running_engine(tmp_path_factory.mktemp("published")) as engine:
        s3 = engine_client("s3", engine.url)
        s3.create_bucket(Bucket="documents", CreateBucketConfiguration={"LocationConstraint": REGION})
        documents = S3Documents("documents", s3, "http://edge")
        documents.write(KEY, CONTENT, "text/csv")
        documents.publish(KEY, "text/csv")
        documents.write(PAGE, b"{}", "application/json")
        documents.write("waves/gelombang-1/manifest.json", b"before its time", "application/json")
        yield EdgeRoutes({}, engine.url, "documents")


def ask(routes, path, method="GET", **headers):
    app = edge_app(routes)

    async def asked():
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://edge") as client,
        ):
            return await client.request(method, path, headers=headers)

    return asyncio.run(asked())


def test_a_document_comes_whole_and_says_how_long_it_may_be_kept(edge):
    answer = ask(edge, f"/published/{KEY}")

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["Cache-Control"] == FOR_GOOD
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not [name for name in answer.headers if name.startswith("x-amz")]
    assert ask(edge, f"/{PAGE}").headers["Cache-Control"] == FOR_SECONDS


def test_whoever_has_a_document_is_told_so_in_a_few_bytes(edge):
    etag = ask(edge, f"/published/{KEY}").headers["ETag"]

    same = ask(edge, f"/published/{KEY}", **{"If-None-Match": etag})
    other = ask(edge, f"/published/{KEY}", **{"If-None-Match": '"another"'})

    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", etag)
    assert same.headers["Cache-Control"] == FOR_GOOD
    assert (other.status_code, other.content) == (200, CONTENT)


def test_a_part_of_a_document_can_be_asked_for_and_its_size_alone(edge):
    part = ask(edge, f"/published/{KEY}", Range="bytes=16-25")
    size = ask(edge, f"/published/{KEY}", "HEAD")

    assert (part.status_code, part.content) == (206, b"0123456789")
    assert part.headers["Content-Range"] == f"bytes 16-25/{len(CONTENT)}"
    assert (size.status_code, size.content, size.headers["Content-Length"]) == (200, b"", str(len(CONTENT)))


@pytest.mark.parametrize(
    "path",
    [
        "/published/waves/gelombang-1/manifest.json",  # lies in the bucket, and is not published yet
        f"/published/%2e%2e/{KEY}",
        f"/published/waves/%2e%2e/%2e%2e/{KEY}",
        f"/published/..%2f{KEY}",
        f"/published//{KEY}",
        f"/published/%2e/{KEY}",
        "/published/",
        "/published/waves/",
        "/published/waves/gelombang-1/results.csv%3fversionId=null",
    ],
)
def test_nothing_else_of_the_bucket_can_be_reached_and_what_is_absent_is_asked_for_again_soon(edge, path):
    answer = ask(edge, path)

    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "public, max-age=5"
    assert len(answer.content) < 500


def test_a_question_may_not_name_another_version_or_change_the_headers(edge):
    told = ask(edge, f"/published/{KEY}?response-cache-control=no-store&versionId=null")

    assert (told.status_code, told.headers["Cache-Control"]) == (200, FOR_GOOD)
    assert ask(edge, f"/published/{KEY}", "PUT").status_code == 405
    assert ask(edge, f"/published/{KEY}", "DELETE").status_code == 405


def test_a_bucket_that_is_away_is_a_problem_that_nobody_keeps():
    away = EdgeRoutes({}, f"http://127.0.0.1:{free_port()}", "documents")

    answer = ask(away, f"/published/{KEY}")

    assert answer.status_code == 503
    assert answer.headers["Cache-Control"] == "no-cache"
    assert int(answer.headers["Retry-After"]) > 0
