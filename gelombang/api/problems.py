"""The one table from errors to RFC 9457 problems, with what to tell the person in Indonesian and English.

docs/problems/<slug>.md is generated from it (`python -m gelombang.api.problem_pages docs/problems`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gelombang.api.body import BodyTooLargeError, BodyUnreadableError, MediaTypeError
from gelombang.api.sentences import Sentence, of_wave
from gelombang.domain import errors
from gelombang.domain.errors import FieldFault

PROBLEMS_AT = "https://gelombang.example/problems"
DEPENDENCY_RETRY_S = 5
CONFLICT_RETRY_S = 1


Wording = Callable[[str], Sentence]  # the text of a reason code


@dataclass(frozen=True, slots=True)
class Problem:
    """One type of problem: what never changes about it."""

    slug: str
    status: int
    title: str
    detail: Sentence
    next_step: Sentence

    @property
    def type(self) -> str:
        """The problem's type URI."""
        return f"{PROBLEMS_AT}/{self.slug}"


class RouteNotFoundError(errors.RefusedError):
    """No route has this path."""


class MethodNotAllowedError(errors.RefusedError):
    """The path exists, but not with this method."""


class IdempotencyKeyError(errors.RefusedError):
    """The Idempotency-Key is not one that can name a request."""


class TusVersionError(errors.RefusedError):
    """The request does not speak tus 1.0.0."""


class UnexpectedError(errors.GelombangError):
    """A fault of ours; what went wrong is in the log, never in the answer."""


TABLE: dict[type[errors.GelombangError], Problem] = {
    BodyUnreadableError: Problem(
        "body-unreadable",
        400,
        "Isi permintaan tidak terbaca",
        Sentence("Isi permintaan bukan JSON UTF-8 yang sah.", "The request body is not valid UTF-8 JSON."),
        Sentence(
            "Kirim satu objek JSON tanpa kunci ganda dan tanpa karakter NUL.",
            "Send one JSON object with no key twice and no NUL.",
        ),
    ),
    IdempotencyKeyError: Problem(
        "idempotency-key",
        400,
        "Idempotency-Key tidak sah",
        Sentence(
            "Header Idempotency-Key tidak dapat menamai permintaan ini.",
            "The Idempotency-Key header cannot name this request.",
        ),
        Sentence(
            "Gunakan UUID acak (versi 4) yang baru untuk setiap permintaan, atau hilangkan headernya.",
            "Use a new random UUID (version 4) for each request, or leave the header out.",
        ),
    ),
    errors.NotSignedInError: Problem(
        "not-signed-in",
        401,
        "Belum masuk",
        Sentence("Sesi Anda tidak ada atau sudah berakhir.", "You have no session, or it has ended."),
        Sentence(
            "Masuk kembali: pendaftar dengan kode baru, petugas dengan token dari pengelola.",
            "Sign in again: applicants with a new code, staff with their token from the operator.",
        ),
    ),
    errors.NotAllowedError: Problem(
        "not-allowed",
        403,
        "Tidak diizinkan",
        Sentence("Akun ini tidak berwenang untuk tindakan ini.", "This account may not do this."),
        Sentence("Masuk dengan akun yang berwenang.", "Sign in with an account that may."),
    ),
    errors.NotFoundError: Problem(
        "not-found",
        404,
        "Tidak ditemukan",
        Sentence(
            "Tidak ada yang bernama itu yang boleh Anda lihat.", "Nothing that you may see has this name."
        ),
        Sentence("Periksa kembali alamatnya.", "Check the address."),
    ),
    RouteNotFoundError: Problem(
        "route-not-found",
        404,
        "Alamat tidak dikenal",
        Sentence("Alamat ini tidak ada.", "This address does not exist."),
        Sentence("Lihat daftar alamat di dokumen OpenAPI.", "See the OpenAPI document for the addresses."),
    ),
    MethodNotAllowedError: Problem(
        "method-not-allowed",
        405,
        "Metode tidak didukung",
        Sentence("Alamat ini tidak mengenal metode tersebut.", "This address does not know this method."),
        Sentence("Gunakan metode di header Allow.", "Use a method named in the Allow header."),
    ),
    errors.ConflictError: Problem(
        "changed-meanwhile",
        409,
        "Data sedang berubah",
        Sentence(
            "Data yang sama sedang diubah; permintaan ini tidak mengubah apa pun.",
            "The same data was being changed; this request changed nothing.",
        ),
        Sentence("Coba lagi sebentar.", "Try again in a moment."),
    ),
    errors.StillRunningError: Problem(
        "still-running",
        409,
        "Permintaan ini sedang dikerjakan",
        Sentence(
            "Permintaan yang sama sudah kami terima dan sedang dikerjakan.",
            "The same request has reached us and is being worked on.",
        ),
        Sentence(
            "Tunggu sebentar, lalu kirim lagi dengan Idempotency-Key yang sama.",
            "Wait a little, then send it again with the same Idempotency-Key.",
        ),
    ),
    errors.UploadOffsetError: Problem(
        "upload-offset",
        409,
        "Unggahan berada di posisi lain",
        Sentence(
            "Potongan ini tidak dimulai di posisi terakhir unggahan.",
            "This chunk does not begin where the upload stands.",
        ),
        Sentence(
            "Lanjutkan dari posisi di header Upload-Offset.",
            "Go on from the offset in the Upload-Offset header.",
        ),
    ),
    errors.UploadEndedError: Problem(
        "upload-ended",
        410,
        "Unggahan sudah berakhir",
        Sentence(
            "Waktu unggahan ini habis, atau sudah digantikan unggahan lain.",
            "The time of this upload is over, or another one has taken its place.",
        ),
        Sentence("Mulai unggahan baru untuk foto ini.", "Begin a new upload for this photograph."),
    ),
    errors.UploadTooLargeError: Problem(
        "upload-too-large",
        413,
        "Unggahan terlalu besar",
        Sentence(
            "Foto paling besar 15 MB, satu potongan paling besar 64 KiB, dan tidak lebih dari yang diumumkan.",
            "A photograph has at most 15 MB, a chunk at most 64 KiB, and no more than was announced.",
        ),
        Sentence("Kirim foto yang lebih kecil, dalam potongan 32 KiB.", "Send less, in chunks of 32 KiB."),
    ),
    errors.ChecksumError: Problem(
        "upload-checksum",
        460,
        "Yang sampai berbeda dari yang dikirim",
        Sentence(
            "Isi yang sampai tidak cocok dengan checksum-nya; isi itu tidak disimpan.",
            "What arrived does not match its checksum; it was not kept.",
        ),
        Sentence(
            "Tanyakan posisi unggahan (HEAD), lalu kirim lagi dari sana.",
            "Ask where the upload stands (HEAD), and send again from there.",
        ),
    ),
    TusVersionError: Problem(
        "tus-version",
        412,
        "Versi tus tidak didukung",
        Sentence("Hanya tus 1.0.0 yang didukung.", "Only tus 1.0.0 is supported."),
        Sentence("Kirim header Tus-Resumable: 1.0.0.", "Send the header Tus-Resumable: 1.0.0."),
    ),
    errors.MoveNotAllowedError: Problem(
        "move-not-allowed",
        409,
        "Langkah tidak sesuai status",
        Sentence(
            "Status saat ini tidak memungkinkan langkah tersebut.",
            "The present state does not allow this step.",
        ),
        Sentence("Lihat status untuk langkah berikutnya.", "See the status for the next step."),
    ),
    errors.RestrictedError: Problem(
        "processing-restricted",
        409,
        "Pemrosesan sedang dibatasi",
        Sentence(
            "Pemilik pendaftaran ini meminta datanya hanya disimpan; tidak ada yang diproses.",
            "The owner of this application asked that their data only be kept; nothing is processed.",
        ),
        Sentence(
            "Pemilik dapat melanjutkan dari halaman statusnya dengan Lanjutkan pemrosesan.",
            "The owner can go on from their status page with Resume processing.",
        ),
    ),
    errors.NotReadyError: Problem(
        "not-ready",
        409,
        "Belum lengkap",
        Sentence("Ada yang harus diselesaikan lebih dulu.", "Something must be finished first."),
        Sentence("Selesaikan setiap butir yang disebut.", "Finish each point that is named."),
    ),
    errors.WaveNotOpenError: Problem(
        "wave-not-open",
        409,
        "Gelombang tidak sedang dibuka",
        Sentence(
            "Gelombang hanya dapat diikuti selama jam pendaftarannya.",
            "A wave can be joined only inside its hours.",
        ),
        Sentence(
            "Kembali pada jam pendaftaran; urutan kedatangan tidak memengaruhi peluang.",
            "Come back inside the hours; the order of arrival does not change your chance.",
        ),
    ),
    errors.WaveIdTakenError: Problem(
        "wave-id-taken",
        409,
        "Id gelombang sudah dipakai",
        Sentence(
            "Sudah ada gelombang dengan id ini, dan definisinya lain; permintaan ini tidak mengubah apa pun.",
            "There is a wave with this id already, and its definition is another; this request changed nothing.",
        ),
        Sentence("Pilih id lain, atau lihat gelombang itu.", "Choose another id, or show that wave."),
    ),
    errors.FormChangedError: Problem(
        "form-changed",
        412,
        "Formulir sudah berubah",
        Sentence(
            "Formulir sudah diubah sejak terakhir Anda lihat, mungkin di perangkat lain; "
            "permintaan ini tidak mengubah apa pun.",
            "The form was changed since you last saw it, perhaps on another device; "
            "this request changed nothing.",
        ),
        Sentence(
            "Baca formulir lagi, lalu simpan dengan ETag-nya yang baru.",
            "Read the form again, then save with its new ETag.",
        ),
    ),
    BodyTooLargeError: Problem(
        "body-too-large",
        413,
        "Isi permintaan terlalu besar",
        Sentence("Isi permintaan lebih dari 64 KiB.", "The request body is over 64 KiB."),
        Sentence(
            "Kirim foto ke alamat unggah, bukan ke API.", "Send photographs to the upload address, not here."
        ),
    ),
    MediaTypeError: Problem(
        "media-type",
        415,
        "Jenis isi tidak didukung",
        Sentence(
            "Hanya application/json dalam UTF-8 yang diterima.", "Only application/json in UTF-8 is accepted."
        ),
        Sentence("Kirim Content-Type: application/json.", "Send Content-Type: application/json."),
    ),
    errors.KeyReusedError: Problem(
        "idempotency-key-reused",
        422,
        "Idempotency-Key sudah terpakai",
        Sentence(
            "Idempotency-Key ini sudah dipakai untuk permintaan lain.",
            "This Idempotency-Key was used for another request.",
        ),
        Sentence("Gunakan UUID acak yang baru.", "Use a new random UUID."),
    ),
    errors.InvalidFormError: Problem(
        "invalid-form",
        422,
        "Isian belum benar",
        Sentence("Satu atau beberapa isian belum benar.", "One or more fields are not right."),
        Sentence("Perbaiki setiap isian yang disebut.", "Correct each field that is named."),
    ),
    errors.CodeError: Problem(
        "code-not-accepted",
        422,
        "Kode tidak diterima",
        Sentence("Kode salah, kedaluwarsa, atau sudah dipakai.", "The code is wrong, expired or used up."),
        Sentence("Periksa kodenya atau minta kode baru.", "Check the code or ask for a new one."),
    ),
    errors.TooManyRequestsError: Problem(
        "too-many-requests",
        429,
        "Terlalu sering mencoba",
        Sentence("Terlalu banyak percobaan dalam waktu singkat.", "Too many tries in a short time."),
        Sentence(
            "Tunggu sampai waktunya habis, lalu coba lagi.", "Wait until the time is over, then try again."
        ),
    ),
    UnexpectedError: Problem(
        "unexpected",
        500,
        "Kesalahan di pihak kami",
        Sentence("Terjadi kesalahan di pihak kami.", "Something went wrong on our side."),
        Sentence(
            "Coba lagi; bila berulang, laporkan nomor permintaan ini.",
            "Try again; if it goes on, report this request number.",
        ),
    ),
    errors.DependencyError: Problem(
        "dependency-unavailable",
        503,
        "Layanan sedang terganggu",
        Sentence("Salah satu layanan pendukung belum menjawab.", "A service we depend on is not answering."),
        Sentence("Coba lagi; data Anda tidak hilang.", "Try again; nothing of yours is lost."),
    ),
}


def problem_of(error: errors.GelombangError) -> Problem:
    """Return the problem of an error's class, or of the nearest class above it in the tree."""
    return next((TABLE[kind] for kind in type(error).__mro__ if kind in TABLE), TABLE[UnexpectedError])


def problem_body(error: errors.GelombangError, request_id: str, wording: Wording) -> dict[str, Any]:
    """Return the JSON object that answers `error`; `wording` gives the text of each reason code in it."""
    problem = problem_of(error)
    detail, next_step = of_wave(error) or (problem.detail, problem.next_step)
    body: dict[str, Any] = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": detail.id,
        "detail_en": detail.en,
        "next_step": next_step.id,
        "next_step_en": next_step.en,
        "instance": f"urn:uuid:{request_id}",
    }
    faults = _faults(error)
    if faults:
        body["errors"] = [_member(fault, wording(fault.reason)) for fault in faults]
    retry_after_s = wait_of(error)
    if retry_after_s:
        body["retry_after_s"] = retry_after_s
    return {**body, **_facts(error)}


def wait_of(error: errors.GelombangError) -> int:
    """Return after how many seconds trying again may help, 0 where waiting does not."""
    if isinstance(error, errors.TooManyRequestsError | errors.StillRunningError):
        return error.retry_after_s
    if isinstance(error, errors.DependencyError):
        return DEPENDENCY_RETRY_S
    if isinstance(error, errors.CodeError) and not error.tries_left:
        return error.resend_after_s  # this code is of no use any more, so the next one is what to wait for
    return CONFLICT_RETRY_S if isinstance(error, errors.ConflictError) else 0


def _faults(error: errors.GelombangError) -> tuple[FieldFault, ...]:
    if isinstance(error, errors.InvalidFormError):
        return error.faults
    if isinstance(error, errors.NotReadyError):
        return tuple(FieldFault("", reason) for reason in error.missing)
    if isinstance(error, errors.CodeError):
        is_last = error.reason == "CODE_WRONG" and not error.tries_left  # "type them again" would be in vain
        return (FieldFault("/code", "CODE_USED_UP" if is_last else error.reason),)
    return ()


def _facts(error: errors.GelombangError) -> dict[str, Any]:
    if isinstance(error, errors.WaveNotOpenError):
        return {"opens_at": error.opens_at.isoformat(), "closes_at": error.closes_at.isoformat()}
    if isinstance(error, errors.MoveNotAllowedError):
        return {"state": str(error.state), "move": str(error.move)}
    if isinstance(error, errors.CodeError):
        return {"tries_left": error.tries_left, "resend_after_s": error.resend_after_s}
    return {}


def _member(fault: FieldFault, text: Sentence) -> dict[str, str]:
    return {"pointer": fault.pointer, "reason": fault.reason, "detail": text.id, "detail_en": text.en}
