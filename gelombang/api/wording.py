"""Gives each reason code its sentence: those about JSON are here, the others are the programme's."""

from __future__ import annotations

from collections.abc import Callable

from gelombang.api.sentences import Sentence
from gelombang.domain.programme import Programme

FORMAL = {
    "FIELD_WRONG_TYPE": Sentence("Jenis nilai isian ini salah.", "The value is of the wrong type."),
    "FIELD_TOO_LONG": Sentence("Isian ini terlalu panjang.", "The value is too long."),
    "FIELD_TOO_SHORT": Sentence("Isian ini terlalu pendek.", "The value is too short."),
    "FIELD_NOT_A_CHOICE": Sentence(
        "Nilai ini bukan salah satu pilihan.", "The value is not one of the choices."
    ),
    "FIELD_OUT_OF_RANGE": Sentence("Angka ini di luar batas.", "The number is out of range."),
}
_UNKNOWN = Sentence("Isian ini belum benar.", "This is not right yet.")


def wording_of(reason: str, programme: Callable[[], Programme]) -> Sentence:
    """Return the sentence of a reason code in both languages; one without a text gets a general sentence."""
    if reason in FORMAL:
        return FORMAL[reason]
    texts = programme().texts.get(reason)
    return Sentence(texts["id"].sentence, texts["en"].sentence) if texts else _UNKNOWN
