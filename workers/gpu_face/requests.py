"""Requests: what one message on the queue of face requests asks for, with its photographs, and who answers it.

A face check is answered with its batch (`pipeline`), a challenge by itself (`challenge`): its frames are a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gelombang.domain.challenge import ChallengeEvidence, FrameEvidence
from gelombang.domain.face_evidence import FaceEvidence, PhotoEvidence, PhotoOutcome
from gelombang.domain.messages import ChallengeAsked, FaceCheckAsked
from gelombang.journey.challenge import challenge_of, keys_of
from gelombang.journey.ports import Ports
from workers.gpu_face.challenge import ChallengeRequest, measure_challenge
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.models import Pack
from workers.gpu_face.pipeline import Decode, FaceRequest, check_faces
from workers.gpu_face.poison import unmeasured_evidence
from workers.gpu_face.stages.decode import decode_picture

Request = FaceRequest | ChallengeRequest
Evidence = FaceEvidence | ChallengeEvidence


def read_request(ports: Ports, asked: FaceCheckAsked | ChallengeAsked) -> Request:
    """Return what is asked for with its photographs; of a challenge the table says which frames, not the message.

    Raises:
        NotFoundError: a photograph is not there (yet), or the table knows no such challenge.
        DependencyError: something could not be reached.
    """
    if isinstance(asked, FaceCheckAsked):
        return FaceRequest(
            asked.face_check_id,
            asked.application_id,
            selfie=ports.photos.read(asked.selfie_key),
            ktp=ports.photos.read(asked.ktp_key),
        )
    challenge = challenge_of(ports, asked.application_id, asked.challenge_id)
    return ChallengeRequest(
        asked.challenge_id,
        asked.application_id,
        is_bound=challenge.answered_at is not None and challenge.answered_at < challenge.expires_at,
        selfie=ports.photos.read(asked.selfie_key),
        frames=tuple(ports.photos.read(key) for key in keys_of(challenge)),
    )


def check_requests(
    pack: Pack,
    gallery: Gallery,
    requests: Sequence[Request],
    now: datetime,
    decode: Decode = decode_picture,
) -> list[Evidence]:
    """Return the evidence for each request, in order.

    Raises:
        DependencyError: as `check_faces`; doing the batch again is safe.
    """
    of_faces = [request for request in requests if isinstance(request, FaceRequest)]
    faces = iter(check_faces(pack, gallery, of_faces, now, decode) if of_faces else ())
    return [
        measure_challenge(pack, request, now, decode)
        if isinstance(request, ChallengeRequest)
        else next(faces)
        for request in requests
    ]


def unmeasured(
    model_release: str, runtime: str, asked: FaceCheckAsked | ChallengeAsked, now: datetime
) -> Evidence:
    """Return the evidence that nothing could be measured; whatever it was about, a person looks."""
    if isinstance(asked, FaceCheckAsked):
        return unmeasured_evidence(model_release, runtime, asked, now)
    frame = FrameEvidence("", PhotoEvidence(PhotoOutcome.NOT_MEASURED))
    name = asked.challenge_id, asked.application_id
    return ChallengeEvidence(*name, model_release, runtime, now, is_bound=True, frames=(frame,))
