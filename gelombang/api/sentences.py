"""A sentence in both languages: of each reason code, and of a wave that is not where a step begins.

Reason codes about JSON have theirs here, the others are the programme's; a wave's state is public.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gelombang.domain.errors import GelombangError, MoveNotAllowedError
from gelombang.domain.programme import LANGUAGES, Programme
from gelombang.domain.wave import STEPS, WaveState


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence in both languages."""

    id: str
    en: str


FORMAL = {
    "FIELD_WRONG_TYPE": Sentence(
        "Jenis nilai isian ini salah. Kirim jenis yang disebut di dokumentasi API.",
        "The value is of the wrong type. Send the type that the API's documentation names.",
    ),
    "FIELD_TOO_LONG": Sentence(
        "Isian ini terlalu panjang. Persingkat, lalu kirim lagi.",
        "The value is too long. Shorten it and send again.",
    ),
    "FIELD_TOO_SHORT": Sentence(
        "Isian ini terlalu pendek. Lengkapi, lalu kirim lagi.",
        "The value is too short. Add to it and send again.",
    ),
    "FIELD_NOT_A_CHOICE": Sentence(
        "Nilai ini bukan salah satu pilihan. Pilih salah satu yang disebut di dokumentasi API.",
        "The value is not one of the choices. Choose one that the API's documentation names.",
    ),
    "FIELD_OUT_OF_RANGE": Sentence(
        "Angka ini di luar batas. Kirim angka di dalam batas yang disebut di dokumentasi API.",
        "The number is out of range. Send one within the range that the API's documentation names.",
    ),
}
_UNKNOWN = Sentence(
    "Isian ini belum benar. Periksa isian ini, lalu kirim lagi.",
    "This is not right yet. Check it and send again.",
)
_STATES = {
    WaveState.PLANNED: Sentence("belum dibuka", "is not open yet"),
    WaveState.OPEN: Sentence("masih dibuka", "is still open"),
    WaveState.CLOSED: Sentence("sudah ditutup", "is closed"),
    WaveState.FROZEN: Sentence("sudah dikunci daftar pesertanya", "has its entries frozen"),
    WaveState.COMMITTED: Sentence("sudah diumumkan komitmennya", "has its commitment published"),
    WaveState.DRAWN: Sentence("sudah diundi", "is drawn"),
    WaveState.PUBLISHED: Sentence("sudah diumumkan hasilnya", "has its results published"),
}
_OPENS = Sentence(
    "Tunggu jam bukanya; gelombang dibuka sendiri, dan langkah lain menyusul.",
    "Wait for its opening hour; it opens by itself, and the other steps follow.",
)
_CLOSES = Sentence(
    "Tunggu jam tutupnya, atau tutup lebih awal dengan langkah close.",
    "Wait for its closing hour, or close it before with the step close.",
)
_SEE_PAGE = Sentence(
    "Lihat halaman gelombang ini untuk langkah berikutnya.", "See the wave's page for its next step."
)


def wording_of(reason: str, programme: Callable[[], Programme]) -> Sentence:
    """Return what a reason code says and what to do about it; one without a text gets a general sentence."""
    if reason in FORMAL:
        return FORMAL[reason]
    texts = programme().texts.get(reason)
    if not texts:
        return _UNKNOWN
    return Sentence(*(f"{texts[language].sentence} {texts[language].next_step}" for language in LANGUAGES))


def of_wave(error: GelombangError) -> tuple[Sentence, Sentence] | None:
    """Return in which state a wave refused a move, and what comes first; None for every other refusal."""
    if not (isinstance(error, MoveNotAllowedError) and isinstance(error.state, WaveState)):
        return None
    words, which = _STATES[error.state], f"({error.state}): {error.move}"
    detail = Sentence(
        f"Gelombang ini {words.id} {which} tidak dapat dilakukan sekarang.",
        f"This wave {words.en} {which} cannot be done now.",
    )
    return detail, _first(error.state) if error.move in STEPS else _SEE_PAGE


def _first(state: WaveState) -> Sentence:
    if state is WaveState.PLANNED:
        return _OPENS
    if state is WaveState.OPEN:
        return _CLOSES
    step = next((step for step, (start, _) in STEPS.items() if start is state), None)
    if step is None:  # published: nothing is left to do
        return _SEE_PAGE
    return Sentence(f"Lakukan langkah {step} lebih dulu.", f"The step {step} comes first.")
