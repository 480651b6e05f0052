"""Face evidence survives its row."""

from __future__ import annotations

import json
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from gelombang.domain.face_evidence import MEASURES, Candidate, FaceEvidence, PhotoEvidence, PhotoOutcome
from gelombang.domain.face_evidence_json import evidence_from_fields, evidence_to_fields

cosines = st.floats(-1, 1)
photos = st.builds(
    PhotoEvidence,
    st.sampled_from(PhotoOutcome),
    st.integers(0, 9999),
    st.integers(0, 9999),
    st.integers(0, 9),
    st.dictionaries(st.sampled_from(sorted(MEASURES)), st.floats(allow_nan=False, allow_infinity=False)),
    st.lists(st.sampled_from(["GLASSES", "HAT"]), max_size=2).map(tuple),
)
evidence = st.builds(
    FaceEvidence,
    st.text(),
    st.text(),
    st.text(),
    st.text(),
    st.datetimes(timezones=st.just(UTC)),
    photos,
    photos,
    st.none() | cosines,
    st.none() | st.floats(0, 1),
    st.lists(st.builds(Candidate, st.text(), cosines), max_size=5).map(tuple),
)


@given(evidence)
def test_evidence_comes_back_from_json_as_it_was(found: FaceEvidence) -> None:
    assert evidence_from_fields(json.loads(json.dumps(evidence_to_fields(found)))) == found
