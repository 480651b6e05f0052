"""What a client may send, field by field, and nothing else; the journey checks what the fields mean."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gelombang.domain.appeal import MOST_WORDS, AppealCode
from gelombang.domain.consent import Purpose
from gelombang.domain.review import ReviewDecision
from gelombang.domain.wave import LEAST_REASON, MOST_REASON

ShortText = Annotated[str, Field(max_length=120)]
Count = Annotated[int, Field(ge=0, le=100_000_000)]
PublicReason = Annotated[str, Field(min_length=LEAST_REASON, max_length=MOST_REASON)]
SeatAnswer = Annotated[Literal["accept", "give_back"], Field(examples=["accept"])]


class StrictForm(BaseModel):
    """No field that is not declared, no value that must be converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EmptyForm(StrictForm):
    """The route takes no fields."""


class CodeForm(StrictForm):
    """Ask for a phone code to sign in; `device` is any name the client gives itself and keeps."""

    phone: Annotated[str, Field(max_length=32, examples=["+6281200000001"])]
    action: Annotated[Literal["log_in"], Field(examples=["log_in"])]
    channel: Annotated[Literal["sms", "email"], Field(examples=["sms"])] = "sms"
    device: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_-]*$", examples=[""])] = ""


class EmailForm(StrictForm):
    """An e-mail address for codes; that it exists is proved by a code."""

    email: Annotated[
        str,
        Field(
            max_length=254,
            pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
            examples=["siti@example.org"],
        ),
    ]


class PhoneForm(StrictForm):
    """The number to sign in with from now on."""

    phone: Annotated[str, Field(max_length=32, examples=["+6281200000002"])]


class SessionForm(StrictForm):
    """Confirm a phone code."""

    challenge_id: Annotated[str, Field(max_length=80, examples=["4f6c1c0a5c0e4d3b"])]
    code: Annotated[str, Field(max_length=12, examples=["123456"])]


class ReceiptForm(StrictForm):
    """The receipt code of somebody whom an officer registered, as they typed it."""

    receipt: Annotated[str, Field(max_length=40, examples=["H4K2-9QXA-7BTM-0D3E-WZ5P"])]


class ReceiptStatusForm(ReceiptForm):
    """The same, with the device's name for itself as in `CodeForm`."""

    device: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_-]*$", examples=[""])] = ""


class LostReceiptForm(StrictForm):
    """What is on the cards of somebody who has lost their receipt code."""

    nik: Annotated[str, Field(max_length=32, examples=["3171014501900001"])]
    kk: Annotated[str, Field(max_length=32, examples=["3171010101100001"])]
    birth_date: Annotated[str, Field(max_length=10, examples=["1990-01-05"])]


class DraftForm(StrictForm):
    """Fields of the application as typed so far; those left out stay as they were."""

    nik: Annotated[str, Field(max_length=32, examples=["3171014501900001"])] = ""
    kk: Annotated[str, Field(max_length=32, examples=["3171010101100001"])] = ""
    name: Annotated[ShortText, Field(examples=["Siti Aminah"])] = ""
    birth_date: Annotated[str, Field(max_length=10, examples=["1990-01-05"])] = ""
    region: Annotated[str, Field(max_length=8, examples=["3171"])] = ""


class ConsentForm(StrictForm):
    """Agree to one purpose as it was shown, or no longer."""

    purpose: Annotated[Purpose, Field(examples=["face_check"])]
    is_given: Annotated[bool, Field(examples=[True])]
    version: Annotated[str, Field(max_length=40, examples=["2026-11"])] = ""  # that was shown; when agreeing


class PhotoForm(StrictForm):
    """One photograph the applicant is about to send."""

    content_type: Annotated[str, Field(max_length=60, examples=["image/jpeg"])]
    size_bytes: Annotated[Count, Field(examples=[240_000])]


class LabelForm(StrictForm):
    """One of the people whom a review shows."""

    label: Annotated[str, Field(pattern=r"^[A-Z]$", examples=["A"])]


class AnswerForm(LabelForm):
    """A reviewer's answer; the note stays with the case, never with the applicant."""

    decision: Annotated[ReviewDecision, Field(examples=["accept"])]
    note: Annotated[
        str, Field(min_length=1, max_length=1000, examples=["Orang yang sama; foto lama di KTP."])
    ]


class AppealForm(StrictForm):
    """What somebody disputes: one reason of the refusal, in their own words."""

    reason: Annotated[str, Field(max_length=40, examples=["STILL_AT_SCHOOL"])]
    words: Annotated[str, Field(max_length=MOST_WORDS, examples=["Saya lulus tahun 2024."])]
    wants_to_join: Annotated[bool, Field(examples=[True])] = False  # the running wave, once restored


class AppealAnswerForm(StrictForm):
    """What somebody answers when more is asked for."""

    words: Annotated[str, Field(max_length=MOST_WORDS, examples=["Surat dari sekolah sudah saya kirim."])]


class AppealDecisionForm(StrictForm):
    """An answer to an appeal by its code; the note stays with the appeal, its hash goes to the audit."""

    code: Annotated[AppealCode, Field(examples=["REJECTED_NOT_SHOWN"])]
    note: Annotated[str, Field(max_length=1000, examples=["Surat tidak terbaca."])] = ""


class SeatForm(StrictForm):
    """What somebody wants to do with their seat."""

    answer: SeatAnswer


class SeatCodeForm(SessionForm):
    """The same, with the code that was sent for it."""

    answer: SeatAnswer


class SeatReceiptForm(ReceiptForm):
    """The same of somebody without a phone, who is with an officer."""

    answer: SeatAnswer


class FindingForm(StrictForm):
    """What an audit found about somebody who has a seat; the note's hash goes to the audit chain, the note nowhere."""

    reason: Annotated[str, Field(max_length=40, examples=["RECEIVES_AID"])]
    note: Annotated[str, Field(min_length=1, max_length=1000, examples=["Berita acara 12/2026."])]


class WaveForm(StrictForm):
    """A wave as data, as shaped here; `gelombang.domain.wave` says what each field may be."""

    wave_id: Annotated[str, Field(max_length=40, examples=["gelombang-1"])] = ""
    name: Annotated[ShortText, Field(examples=["Gelombang 1"])] = ""
    opens_at: Annotated[str, Field(max_length=40, examples=["2026-11-23T09:00:00+07:00"])] = ""
    closes_at: Annotated[str, Field(max_length=40, examples=["2026-11-26T16:00:00+07:00"])] = ""
    quota: Annotated[dict[str, Count], Field(max_length=600, examples=[{"3171": 100}])] = {}
    rule_set: Annotated[str, Field(max_length=40, examples=["2023"])] = ""
    priority_seats: Count = 0
    priority_nik_tags: Annotated[tuple[ShortText, ...], Field(max_length=500)] = ()
    reserve_percent: Annotated[int, Field(ge=0, le=100, examples=[10])] = 10
    max_recipients_per_household: Annotated[int, Field(ge=1, le=20, examples=[2])] = 2
    beacon_source: Annotated[str, Field(max_length=40, examples=["drand-quicknet"])] = ""
    unused_seats: Annotated[str, Field(max_length=10, examples=["pass_on"])] = "stay"


class PartyForm(StrictForm):
    """A party's secret: before the commitment its SHA-256, after it the secret itself."""

    party: Annotated[str, Field(min_length=1, max_length=100, examples=["Ombudsman"])]
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$", examples=["ab" * 32])] = ""
    secret: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$", examples=["cd" * 32])] = ""


class AnewForm(StrictForm):
    """Why a draw is to be held anew; the second operator gives the same words."""

    reason: Annotated[PublicReason, Field(examples=["Suar tidak terbit pada waktunya."])]


class ExtensionForm(StrictForm):
    """Until when a wave is to be open, and why, in public."""

    closes_at: Annotated[AwareDatetime, Field(examples=["2026-11-27T16:00:00+07:00"])]
    reason: Annotated[PublicReason, Field(examples=["Banjir di tiga kabupaten."])]


class BeaconForm(StrictForm):
    """The signature of the beacon's round that the commitment names."""

    beacon: Annotated[str, Field(pattern=r"^([0-9a-f]{2}){48}$", examples=["00112233445566778899aabb" * 4])]
