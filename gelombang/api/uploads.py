"""The routes of uploads: a form for sending a photograph in one piece, and tus 1.0.0 for bad lines.

    POST  /v1/application/photos/{slot}           a form of the photograph store
    POST  /v1/application/photos/{slot}/uploads   creation: Upload-Length, Upload-Metadata ─▶ Location
    HEAD  /v1/application/uploads/{upload_id}     how far it is
    PATCH /v1/application/uploads/{upload_id}     the next chunk, with Upload-Checksum where wanted

Source: tus resumable upload protocol 1.0.0, with the extensions creation, expiration and checksum.
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode
from dataclasses import replace
from email.utils import format_datetime
from typing import Any

from gelombang.api.body import MediaTypeError
from gelombang.api.callers import ANYONE, APPLICANT
from gelombang.api.forms import EmptyForm, PhotoForm
from gelombang.api.problems import MethodNotAllowedError, TusVersionError
from gelombang.api.routes import Call, Headers, Plain, Route, Routes, View
from gelombang.domain.application import ApplicationId, Slot
from gelombang.domain.errors import (
    ChecksumError,
    FieldFault,
    InvalidFormError,
    MoveNotAllowedError,
    NotFoundError,
    TooManyRequestsError,
    UploadEndedError,
    UploadOffsetError,
    UploadTooLargeError,
)
from gelombang.journey import photos, resumable
from gelombang.journey.ports import MOST_UPLOAD_BYTES, UploadForm
from gelombang.journey.resumable import Upload

VERSION = "1.0.0"
CHUNK_TYPE = "application/offset+octet-stream"
CHECKSUMS = (
    "sha1",
    "sha256",
)  # sha1 is what the protocol asks of every server; it guards against bad lines only
OFFER = "/v1/application/photos/{slot}"
CREATE = f"{OFFER}/uploads"
UPLOAD = "/v1/application/uploads/{upload_id}"

_RESUMABLE = {"Tus-Resumable": "The version of tus: 1.0.0."}
_ALWAYS = {"Tus-Resumable": VERSION}
_OFFSET = {"Upload-Offset": "How many bytes are kept."}
_UNTIL = {"Upload-Expires": "When the upload is given up, unless it goes on before."}
_TOLD = ("Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm")
_CHECKSUM = {"Upload-Checksum": "`sha1` or `sha256`, a space, and the chunk's digest in base64."}
_METADATA = (
    "Pairs `name base64`, with commas between them: `filetype`, the media type, and `sha256`, the whole "
    "digest in hex digits. With the same `sha256`, the slot's open upload is given again."
)
_OFFERING = (MoveNotAllowedError, TooManyRequestsError)
_CREATING = (*_OFFERING, UploadTooLargeError, TusVersionError)
_SHOWING = (UploadEndedError, TusVersionError)
_SENDING = (UploadOffsetError, UploadEndedError, UploadTooLargeError, ChecksumError, TusVersionError)


def serve_uploads(routes: Routes) -> None:
    """Let `routes` serve everything below."""
    for route, view in (*_PIECE, *_CHUNKS, *_ABILITIES):
        routes.serve(route)(view)


def offer_upload(call: Call[ApplicationId, PhotoForm]) -> UploadForm:
    """Offer an upload for a photograph that is asked for now."""
    form = call.form
    return photos.offer_upload(call.ports, call.caller, _slot(call), form.content_type, form.size_bytes)


def tell_abilities(_call: Call[None, EmptyForm]) -> Headers:
    """Say what of tus is served here."""
    return Headers(
        {
            "Tus-Version": VERSION,
            "Tus-Extension": "creation,expiration,checksum",
            "Tus-Max-Size": str(MOST_UPLOAD_BYTES),
            "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
        }
    )


def create_upload(call: Call[ApplicationId, EmptyForm]) -> Headers:
    """Begin an upload, or give the one that is under way with the same content."""
    _check_version(call)
    said = _metadata(call.headers.get("upload-metadata", ""))
    upload = resumable.begin_upload(
        call.ports,
        call.caller,
        _slot(call),
        _number(call, "Upload-Length"),
        said.get("filetype", "image/jpeg"),
        sha256=said.get("sha256", "").lower(),
    )
    return Headers({"Location": UPLOAD.format(upload_id=upload.upload_id)} | _standing(upload))


def show_upload(call: Call[ApplicationId, EmptyForm]) -> Headers:
    """Say how far an upload is."""
    _check_version(call)
    upload = resumable.find_upload(call.ports, call.caller, call.path["upload_id"])
    return Headers(_standing(upload) | {"Upload-Length": str(upload.length)})


def send_chunk(call: Call[ApplicationId, EmptyForm]) -> Headers:
    """Keep the next chunk."""
    _check_version(call)
    if call.headers.get("content-type", "").split(";")[0].strip() != CHUNK_TYPE:
        raise MediaTypeError
    _check_sum(call.headers.get("upload-checksum", ""), call.content)
    offset = _number(call, "Upload-Offset")
    return Headers(
        _standing(
            resumable.append_chunk(call.ports, call.caller, call.path["upload_id"], offset, call.content)
        )
    )


def send_chunk_by_post(call: Call[ApplicationId, EmptyForm]) -> Headers:
    """Keep the next chunk, sent by POST because something on the way lets no PATCH pass."""
    if call.headers.get("x-http-method-override", "").upper() != "PATCH":
        raise MethodNotAllowedError
    return send_chunk(call)


def _slot(call: Call[Any, Any]) -> Slot:
    if call.path["slot"] not in list(Slot):
        raise NotFoundError
    return Slot(call.path["slot"])


def _check_version(call: Call[Any, Any]) -> None:
    if call.headers.get("tus-resumable") != VERSION:
        raise TusVersionError


def _standing(upload: Upload) -> dict[str, str]:
    expires = format_datetime(upload.expires_at.replace(microsecond=0), usegmt=True)
    return {"Upload-Offset": str(upload.offset), "Upload-Expires": expires}


def _number(call: Call[Any, Any], name: str) -> int:
    """Return a header's count of bytes."""
    text = call.headers.get(name.lower(), "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):  # noqa: PLR2004 - more digits than any file's
        raise InvalidFormError((FieldFault(f"/{name}", "FIELD_INVALID" if text else "FIELD_MISSING"),))
    return int(text)


def _metadata(header: str) -> dict[str, str]:
    """Return the pairs of an Upload-Metadata header."""
    found = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        name, _, value = pair.partition(" ")
        found[name] = _decoded(value, "/Upload-Metadata").decode("utf-8", "replace")
    if set(found.get("sha256", "").lower()) - set("0123456789abcdef"):
        raise InvalidFormError((FieldFault("/Upload-Metadata", "FIELD_INVALID"),))
    return found


def _check_sum(header: str, content: bytes) -> None:
    """Compare a chunk with its checksum, if it has one.

    Raises:
        ChecksumError: they differ.
        InvalidFormError: not a checksum that can be compared.
    """
    if not header:
        return
    algorithm, _, value = header.strip().partition(" ")
    if algorithm not in CHECKSUMS:
        raise InvalidFormError((FieldFault("/Upload-Checksum", "FIELD_NOT_A_CHOICE"),))
    wanted = _decoded(value, "/Upload-Checksum")
    if hashlib.new(algorithm, content, usedforsecurity=False).digest() != wanted:
        raise ChecksumError


def _decoded(value: str, pointer: str) -> bytes:
    try:
        return b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidFormError((FieldFault(pointer, "FIELD_INVALID"),)) from None


_LENGTH = {"Upload-Length": "Bytes of the whole."}
_CREATED = {"Location": "The upload's address.", **_OFFSET, **_UNTIL}
_CREATE_PLAIN = Plain(_RESUMABLE | _LENGTH, {"Upload-Metadata": _METADATA}, _CREATED, _ALWAYS)
_SHOW_PLAIN = Plain(_RESUMABLE, {}, _OFFSET | _UNTIL | _LENGTH, _ALWAYS)
_SEND_PLAIN = Plain(_RESUMABLE | _OFFSET, _CHECKSUM, _OFFSET | _UNTIL, _ALWAYS, CHUNK_TYPE)
_POST_PLAIN = replace(_SEND_PLAIN, takes=_SEND_PLAIN.takes | {"X-HTTP-Method-Override": "PATCH"})
_ABILITIES_PLAIN = Plain(gives=dict.fromkeys(_TOLD, "As tus says."), always=_ALWAYS)


def _tus(method: str, path: str, summary: str, status: int, **more: Any) -> Route[ApplicationId, EmptyForm]:  # noqa: ANN401 - fields of Route, checked by it
    return Route(method, path, APPLICANT, EmptyForm, None, summary, status, **more)


def _options(path: str, name: str) -> Route[None, EmptyForm]:
    summary = "What of tus is served"
    return Route("OPTIONS", path, ANYONE, EmptyForm, None, summary, 204, plain=_ABILITIES_PLAIN, name=name)


_Views = tuple[tuple[Route[Any, Any], View[Any, Any]], ...]
_OFFER = Route(
    "POST", OFFER, APPLICANT, PhotoForm, UploadForm, "Get an upload form", 201, _OFFERING, is_secret=True
)
_PIECE: _Views = ((_OFFER, offer_upload),)
_CHUNKS: _Views = (
    (
        _tus("POST", CREATE, "Begin an upload in chunks", 201, problems=_CREATING, plain=_CREATE_PLAIN),
        create_upload,
    ),
    (_tus("HEAD", UPLOAD, "How far an upload is", 200, problems=_SHOWING, plain=_SHOW_PLAIN), show_upload),
    (_tus("PATCH", UPLOAD, "Send the next chunk", 204, problems=_SENDING, plain=_SEND_PLAIN), send_chunk),
    (
        _tus("POST", UPLOAD, "Send it where only POST passes", 204, problems=_SENDING, plain=_POST_PLAIN),
        send_chunk_by_post,
    ),
)
_ABILITIES: _Views = (
    (_options(CREATE, "uploads_options"), tell_abilities),
    (_options(UPLOAD, "upload_options"), tell_abilities),
)
