"""One face under several applications, found by a search through everybody: people decide about each, nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gelombang.audit_verifier import verify_audit
from gelombang.domain.appeal import AppealCode
from gelombang.domain.application import State
from gelombang.domain.audit import chain_fault
from gelombang.domain.consent import Purpose
from gelombang.domain.errors import NotFoundError
from gelombang.domain.face_evidence import Candidate
from gelombang.domain.messages import (
    FaceClusterFound,
    QueueName,
    message_from_json,
    message_to_json,
)
from gelombang.journey import (
    anchors,
    appeal_decisions,
    appeals,
    applications,
    clusters,
    consents,
    erasure,
    explanation,
    restriction,
    review,
    reviewing,
    selection,
)
from gelombang.journey.audit_export import export
from gelombang.journey.ports import Key
from gelombang.journey.reconciliation import reconcile
from tests.journey.appealing import DEWI
from tests.journey.clustered import ACCEPT, REFUSE, events, everything, find, states, verified
from tests.journey.reviewers import RINA, RUDI, case_of, decide, open_cases
from tests.journey.walking import AUDITOR, begin, citizen
from tests.journey.waves import WAVE, Crash, Writes, crashing


def test_everybody_of_a_cluster_is_one_review_and_decided_for_themselves_by_two():
    walk, names = verified(3)

    find(walk, *names)

    assert states(walk, names) == [State.IN_REVIEW] * 3
    for name in names:
        case = case_of(walk.ports, name)
        assert (case.reasons, set(case.others)) == (("FACE_ENROLLED_TWICE",), {*names} - {name})
    for who in (RINA, RUDI):
        assert states(walk, names) == [State.IN_REVIEW] * 3
        given = reviewing.next_review(walk.ports, who)
        assert given.labels == ("A", "B", "C")
        places = walk.ports.rows.read(Key(f"REVIEWER#{who.name}")).fields["places"]
        for place in places:
            decision = ACCEPT if place["application_id"] == names[0] else REFUSE
            reviewing.answer(
                walk.ports, who, given.review_id, place["label"], decision=decision, note="dilihat"
            )

    assert states(walk, names) == [State.VERIFIED, State.NOT_ELIGIBLE, State.NOT_ELIGIBLE]
    assert [walk.application(name).reasons for name in names[1:]] == [("REVIEWER_REFUSED",)] * 2
    assert open_cases(walk.ports) == []


def test_clusters_come_before_other_cases():
    walk, names = verified(3)
    doubted = walk.application(names[2])
    applications.save(walk.ports, replace(doubted, state=State.CHECKING), "made_for_a_test")
    walk.world.clock.advance(minutes=1)
    review.open_case(walk.ports, walk.application(names[2]), ("FACE_DIFFERS",), ())
    walk.world.clock.advance(minutes=1)

    find(walk, *names[:2])

    assert [case.application_id for case in open_cases(walk.ports)] == [*names[:2], names[2]]


def test_the_same_cluster_again_changes_nothing_before_or_after_it_was_decided():
    walk, names = verified(2)
    find(walk, *names)
    before = everything(walk)

    find(walk, *names)
    find(walk, *reversed(names))
    assert everything(walk) == before

    decide(walk.ports, names[0], ACCEPT)
    decide(walk.ports, names[1], REFUSE)
    before = everything(walk)
    find(walk, *names)
    assert everything(walk) == before
    assert open_cases(walk.ports) == []


def test_of_a_cluster_that_grew_only_who_is_new_is_asked_about_beside_the_others():
    walk, names = verified(4)
    find(walk, *names[:2])
    walk.world.clock.advance(minutes=1)

    find(walk, *names[:3])

    assert states(walk, names) == [*[State.IN_REVIEW] * 3, State.VERIFIED]
    assert set(case_of(walk.ports, names[0]).others) == {names[1]}
    assert set(case_of(walk.ports, names[2]).others) == set(names[:2])
    assert reviewing.next_review(walk.ports, RINA).labels == ("A", "B", "C")
    for name in names[:3]:
        walk.world.clock.advance(hours=1)
        decide(walk.ports, name, ACCEPT)

    find(walk, *names)

    assert states(walk, names) == [*[State.VERIFIED] * 3, State.IN_REVIEW]
    assert set(case_of(walk.ports, names[3]).others) == set(names[:3])


def test_whoever_people_accepted_beside_one_of_these_faces_in_their_own_check_is_not_asked_about_again():
    walk = begin(citizen(1), citizen(2))
    first = walk.submit(citizen(1))
    walk.deliver()
    second = walk.submit(citizen(2), "+6281234567891")
    walk.candidates[second] = (Candidate(first, 0.95),)
    walk.deliver()
    decide(walk.ports, second, ACCEPT)
    walk.world.clock.advance(hours=1)

    find(walk, first, second)

    assert states(walk, [first, second]) == [State.IN_REVIEW, State.VERIFIED]
    given = reviewing.next_review(walk.ports, RINA)
    people = reviewing.view_review(walk.ports, RINA, given.review_id).people
    assert [person.is_to_decide for person in people] == [True, False]


def test_whom_an_appeal_has_restored_is_not_asked_about_again_for_the_same_face():
    walk, names = verified(2)
    find(walk, *names)
    decide(walk.ports, names[0], REFUSE)
    walk.world.clock.advance(hours=1)
    decide(walk.ports, names[1], ACCEPT)
    filed = appeals.file_appeal(walk.ports, walk.programme, names[0], "REVIEWER_REFUSED", "Itu saya.")
    appeal_decisions.decide_appeal(walk.ports, walk.programme, DEWI, filed.number, AppealCode.FACE_CONFIRMED)
    walk.deliver()
    assert states(walk, names) == [State.VERIFIED] * 2

    find(walk, *names)

    assert states(walk, names) == [State.VERIFIED] * 2


def test_nobody_is_asked_about_beside_somebody_who_is_erased_has_withdrawn_or_is_restricted():
    walk, names = verified(4)
    erasure.begin(walk.ports, walk.application(names[1]), [])
    reconcile(walk.ports)
    restriction.restrict(walk.ports, names[2])
    consents.withdraw_consent(walk.ports, walk.programme, names[3], Purpose.FACE_CHECK)
    assert walk.application(names[1]).state is State.ERASED
    before = everything(walk)

    find(walk, *names)

    assert everything(walk) == before

    restriction.lift(walk.ports, names[2])
    find(walk, *names)
    assert states(walk, [names[0], names[2]]) == [State.IN_REVIEW] * 2
    assert case_of(walk.ports, names[0]).others == (names[2],)


def test_whoever_is_erased_or_restricts_processing_afterwards_is_shown_and_decided_no_more():
    walk, names = verified(3)
    find(walk, *names)

    restriction.restrict(walk.ports, names[1])
    erasure.begin(walk.ports, walk.application(names[2]), [])
    reconcile(walk.ports)

    assert [case.application_id for case in open_cases(walk.ports)] == [names[0]]
    given = reviewing.next_review(walk.ports, RINA)
    assert [p.label for p in reviewing.view_review(walk.ports, RINA, given.review_id).people] == ["A"]


@pytest.mark.parametrize(
    "state", [State.DRAFT, State.CHECKING, State.NEEDS_PHOTO, State.IN_REVIEW, State.NOT_ELIGIBLE]
)
def test_whoever_is_not_verified_is_left_as_they_are_and_shown_beside_the_others(state):
    walk, names = verified(2)
    applications.save(walk.ports, replace(walk.application(names[1]), state=state), "made_for_a_test")
    before = walk.application(names[1])

    find(walk, *names)

    assert walk.application(names[1]) == before
    assert case_of(walk.ports, names[0]).others == (names[1],)


def test_nobody_is_asked_about_beside_somebody_whose_photographs_were_kept_long_enough():
    walk, names = verified(2)
    gone = {slot: replace(photo, key="") for slot, photo in walk.application(names[1]).photos.items()}
    refused = replace(walk.application(names[1]), state=State.NOT_ELIGIBLE, photos=gone)
    applications.save(walk.ports, refused, "made_for_a_test")
    before = everything(walk)

    find(walk, *names)

    assert everything(walk) == before


def test_a_name_that_nobody_has_fails_and_changes_nothing():
    walk, names = verified(2)
    before = everything(walk)

    with pytest.raises(NotFoundError):
        clusters.take_cluster(walk.ports, FaceClusterFound(("app_nobody", *names)))

    assert everything(walk) == before


def test_a_crash_at_any_write_loses_and_doubles_nothing():
    for crash_at in range(1, 20):
        for is_done in (False, True):
            walk, names = verified(3)
            selection.join(walk.ports, names[0], WAVE)
            writes = Writes(crash_at, is_done=is_done)
            message = FaceClusterFound(tuple(names))
            try:
                clusters.take_cluster(crashing(walk.ports, writes), message)
            except Crash:
                clusters.take_cluster(walk.ports, message)

            assert states(walk, names) == [State.IN_REVIEW] * 3
            assert [events(walk, name).count("cluster_sent_to_review") for name in names] == [1, 1, 1]
        if writes.count < crash_at:
            return
    raise AssertionError("it never ends")


def test_the_story_and_the_audit_tell_who_was_asked_about_and_verify_offline(tmp_path):
    walk, names = verified(2)
    anchors.anchor_due(walk.ports, "prakerja")
    selection.join(walk.ports, names[0], WAVE)
    find(walk, *names)
    decide(walk.ports, names[0], ACCEPT, "kembar")
    walk.world.clock.advance(hours=1)
    decide(walk.ports, names[1], REFUSE, "bukan dia")
    reconcile(walk.ports)

    for name, other in (names, names[::-1]):
        story = explanation.explain(walk.ports, walk.programme, AUDITOR, name)
        (record,) = story.reviews
        assert record.head.other_application_ids == (other,)
        assert {answer.reviewer for answer in record.answers} == {"rina", "rudi"}
        application = walk.application(name)
        entries = applications.audit_of(walk.ports, name)
        assert chain_fault(entries, application.audit_length, application.audit_head) == ""
        assert {"cluster_sent_to_review", "review_decided"} <= {entry.event for entry in entries}
    walk.world.clock.advance(days=1)
    anchors.anchor_due(walk.ports, "prakerja")
    for name, content in export(walk.ports, walk.programme, names, has_everything=True):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert verify_audit(tmp_path) == []
    erasure.begin(walk.ports, walk.application(names[1]), [])
    reconcile(walk.ports)
    (record,) = explanation.explain(walk.ports, walk.programme, AUDITOR, names[1]).reviews
    assert {answer.note for answer in record.answers} == {""}


def test_a_cluster_as_a_message_has_names_and_nothing_else():
    message = FaceClusterFound(("a", "b"))

    body = message_to_json(message)

    assert body == '{"application_ids":["a","b"]}'
    assert message_from_json(QueueName.FACE_EVIDENCE, body) == message
    for wrong in ('{"application_ids":"ab"}', '{"application_ids":["a"]}', '{"application_ids":["a",5]}'):
        with pytest.raises(ValueError, match="two or more"):
            message_from_json(QueueName.FACE_EVIDENCE, wrong)
