"""The client's embedded engine behind HTTP, as a Qdrant server answers it: what the adapter needs and no more.

It shows that our calls leave and arrive as the server's API has them; it says nothing of a cluster.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

from pydantic import BaseModel
from qdrant_client import QdrantClient, models


@contextmanager
def qdrant_over_http(version: str, api_key: str | None = None) -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a server and the queries (`consistency=…`, `ordering=…`) that it is asked with."""
    queries: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_PUT(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _answer(self, body: dict[str, Any]) -> None:
            path, _, query = self.path.partition("?")
            queries.append(f"{self.command} {path} {query}")
            if api_key and self.headers.get("api-key") != api_key:
                self._send(403, {"status": {"error": "forbidden"}})
            elif path == "/":
                self._send(200, {"title": "qdrant", "version": version})
            else:
                self._send(
                    200, {"result": _plain(_do(client, self.command, path, body)), "status": "ok", "time": 0}
                )

        def _send(self, status: int, content: dict[str, Any]) -> None:
            encoded = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

    client = QdrantClient(":memory:", force_disable_check_same_thread=True)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", queries
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        client.close()


def _do(  # noqa: PLR0911 - a table of routes
    client: QdrantClient, command: str, path: str, body: dict[str, Any]
) -> object:
    """Do what a request asks for; its body is read by the client's own models of the API."""
    name, rest = re.fullmatch(r"/collections/([^/]+)(.*)", path).groups()
    match command, rest:
        case "GET", "/exists":
            return {"exists": client.collection_exists(name)}
        case "GET", "":
            return client.get_collection(name)
        case "PUT", "":
            wanted = models.CreateCollection(**body)
            return client.create_collection(name, wanted.vectors, hnsw_config=wanted.hnsw_config)
        case "PUT", "/points":
            given = models.PointsList(**body)
            return client.upsert(
                name, given.points, update_filter=given.update_filter, update_mode=given.update_mode
            )
        case "POST", "/points":
            asked = models.PointRequest(**body)
            return client.retrieve(name, asked.ids, asked.with_payload, asked.with_vector)
        case "POST", "/points/delete":
            return client.delete(name, models.FilterSelector(**body))
        case "POST", "/points/payload":
            change = models.SetPayload(**body)
            return client.set_payload(name, change.payload, change.filter)
        case "POST", "/points/count":
            return client.count(name, models.CountRequest(**body).filter)
        case "POST", "/points/query/batch":
            return client.query_batch_points(name, models.QueryRequestBatch(**body).searches)
    raise AssertionError(f"{command} {path} is not of the API we use")


def _plain(answer: object) -> object:
    if isinstance(answer, list):
        return [_plain(each) for each in answer]
    return answer.model_dump(mode="json") if isinstance(answer, BaseModel) else answer
