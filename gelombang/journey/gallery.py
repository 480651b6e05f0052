"""The gallery's rows as the journey sees them: whose face is to be forgotten. The faces are the worker's business.

`GALLERY#<model_release>` `<time>#<application_id>` is an enrolled face, or says that those before it are erased. The
journey cannot tell when somebody was enrolled, so it only asks: every worker that reads the row forgets the face, and
the first takes it out of the table. A worker's copy on disk and its snapshot lose the bytes when they are compacted, at
the worker's next start or by `python -m workers.gpu_face.search erase`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gelombang.journey.ports import Change, Key, Put, Row, Rows

FACE = "face"  # field of a sealed face


def face_context(application_id: str) -> dict[str, str]:
    """Return the context that a face in a gallery is sealed under; keys of its own open it, and no form."""
    return {"application_id": application_id, "field": FACE}


def erasure_of_face(application_id: str, releases: Iterable[str], now: datetime) -> list[Change]:
    """Return the changes that `erase_face` makes, to be committed with others."""
    return [Put(Row(face_key(release, application_id, now), {"erased": True})) for release in releases]


def erase_face(rows: Rows, application_id: str, releases: Iterable[str], now: datetime) -> None:
    """Ask for an application's face to be erased from the galleries of these model releases.

    `releases` are those that its face evidence names. The request stays in the table until a worker has carried it
    out; one of somebody who is not enrolled does no harm. Who is enrolled again later stays.

    Raises:
        ConflictError: enrolled, or asked for, in the same microsecond: ask again.
        DependencyError: the table could not be reached; asking again is safe.
    """
    for change in erasure_of_face(application_id, releases, now):
        rows.commit([change])


def face_key(release: str, application_id: str, enrolled_at: datetime) -> Key:
    """Return the key of a face in the gallery of a release; `enrolled_at` is in UTC."""
    return Key(f"GALLERY#{release}", f"{enrolled_at.isoformat(timespec='microseconds')}#{application_id}")
