"""The layers of checks, and the one place where an application's fate is settled.

    run_checks     ask every register that has not answered yet, claim the NIK if it is theirs, then settle
    take_evidence  the face worker has answered: settle
    _settle        a photograph refused, or the face unusable → ask for it; one not looked at yet → wait;
                   a register refused → refuse; a register pending → wait;
                   face not asked → ask; doubt → reviewers; nothing open → verified

Both may come twice, late or in either order: each looks at the table only. Photographs that arrive, the reconciler and
others ask for a round of checks too; registers that did not answer are asked again when their time has come, and by the
one message that is on its way for then, however many hints come before (`Retry`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from gelombang.domain.appeal import is_by_appeal
from gelombang.domain.application import (
    Application,
    Move,
    Photo,
    PhotoStatus,
    Retry,
    Slot,
    State,
    may_ask_again,
    sealed_fields,
)
from gelombang.domain.checks import CheckResult, Layer, Outcome, Person, RegisterAnswer
from gelombang.domain.consent import Purpose
from gelombang.domain.decision import (
    Conclusion,
    Decided,
    Grounds,
    conclude,
    face_check,
    photo_faults,
    rules_hash,
)
from gelombang.domain.eligibility import is_person_known, jakarta_day, judge_layer, may_ask, rule_set_for
from gelombang.domain.errors import ConflictError, DependencyError
from gelombang.domain.layers import CONTRACTS
from gelombang.domain.messages import ChecksDue, FaceCheckAsked, FaceEvidenceReady, Message
from gelombang.domain.programme import Programme, RuleSet
from gelombang.domain.reasons import Reason
from gelombang.domain.verdict import FaceVerdict, judge_face
from gelombang.journey import applications, decisions, review
from gelombang.journey.applications import rereading
from gelombang.journey.decisions import Recorded
from gelombang.journey.evidence import evidence_of, face_check_name
from gelombang.journey.gallery import erase_face
from gelombang.journey.nik_claims import ANSWERED, claim_nik, holder_of, release_nik
from gelombang.journey.photos import arrivals_due
from gelombang.journey.ports import Ports
from gelombang.journey.registration import person_of

FIRST_RETRY_S = 5
LONGEST_RETRY_S = 900  # SQS delays a message no longer
TYPED = "form"  # source of an age of which no register knows anything
GIVING_A_SEAT = frozenset({Decided.VERIFIED, Decided.SENT_TO_REVIEW})  # or about to: whose NIK it is matters


@rereading
def run_checks(ports: Ports, programme: Programme, message: ChecksDue) -> None:
    """Ask every register that has not decided yet, and settle what follows.

    Raises:
        ConflictError: the application kept changing meanwhile; the message comes again.
        DependencyError: the table or a queue could not be reached; likewise.
    """
    application = applications.load(ports, message.application_id)
    if application.state is not State.CHECKING or application.submission != message.submission:
        return
    if application.restricted_at:  # when its owner lifts that, this is asked again
        return
    today = jakarta_day(ports.clock.now())
    rules = rule_set_for(programme, today)
    results = _ask_registers(ports, application, rules)
    asked = replace(application, checks=application.checks | results)
    # Whoever only typed a NIK takes it from nobody, and learns nothing of its owner.
    if is_person_known(asked.checks, rules) and not asked.has_nik:
        asked = claim_nik(ports, asked)
        application = asked if asked.has_nik else application
    is_in_vain = any(check.outcome is Outcome.PENDING for check in results.values())
    _settle(ports, programme, application, asked, is_in_vain=is_in_vain)


@rereading
def take_evidence(ports: Ports, programme: Programme, message: FaceEvidenceReady) -> None:
    """Settle an application whose face evidence has come; evidence nobody waits for changes nothing.

    Raises:
        ConflictError, DependencyError: as `run_checks`.
    """
    application = applications.load(ports, message.application_id)
    if _is_unwanted(
        application
    ):  # since it was asked: a worker that was measuring may have enrolled the face
        with suppress(ConflictError):  # asked for in this very microsecond already
            erase_face(ports.rows, application.application_id, programme.operating_points, ports.clock.now())
        return
    if application.state is not State.CHECKING or application.face_check_id != message.face_check_id:
        return
    _settle(ports, programme, application, application, is_in_vain=False)


def messages_due(ports: Ports, application: Application) -> list[Message]:
    """Return the messages on which an application waits: its photographs, its checks, its face check."""
    due: list[Message] = [*arrivals_due(ports, application)]
    if application.state is State.CHECKING:
        due.append(ChecksDue(application.application_id, application.submission))
        if application.face_check_id and evidence_of(ports, application.face_check_id) is None:
            due.append(face_request(application))
    return due


def face_request(application: Application) -> FaceCheckAsked:
    """Return the message that asks for this application's face check."""
    keys = {slot: application.photos[slot].key for slot in Slot}
    return FaceCheckAsked(
        application.face_check_id, application.application_id, keys[Slot.SELFIE], keys[Slot.KTP]
    )


def _is_unwanted(application: Application) -> bool:
    """Say whether this face is to be in no gallery: processing is restricted, or consent was withdrawn in time."""
    is_withdrawn = application.state is State.DRAFT and Purpose.FACE_CHECK not in application.consents
    return application.restricted_at is not None or is_withdrawn


def _ask_registers(ports: Ports, application: Application, rules: RuleSet) -> dict[str, CheckResult]:
    person = person_of(ports, application)
    answers: dict[Layer, RegisterAnswer | DependencyError] = {}
    results: dict[str, CheckResult] = {}
    sealed: dict[Layer, str] = {}
    judged_by, is_time = rules_hash(rules), may_ask_again(application, ports.clock.now())
    for layer in rules.layers:
        before = application.checks.get(layer)
        if layer is Layer.FACE or (before and not (is_time and before.outcome is Outcome.PENDING)):
            continue
        if not may_ask(layer, application.checks | results, rules):
            continue  # that the numbers are this person's must be known first
        # The population register's one answer, or that there is none, counts for three layers.
        asked = CONTRACTS[layer].answered_by
        tries = before.tries + 1 if before else 1
        now = ports.clock.now()
        if asked not in answers:
            answers[asked] = _answer_of(ports, asked, person)
        answer = answers[asked]
        if isinstance(answer, DependencyError):
            results[layer] = CheckResult(
                layer, Outcome.PENDING, answer.service, "", now, "REGISTER_UNREACHABLE", (), tries
            )
            continue
        if _is_known_by_word_alone(layer, answer, application.checks | results):
            asked = layer
            answer = RegisterAnswer(TYPED, "", {"birth_date": person.birth_date.isoformat()})
        if asked not in sealed:
            sealed[asked] = decisions.sealed_facts(ports, application.application_id, answer.facts)
        outcome, reason, flags = judge_layer(layer, answer.facts, person, rules, jakarta_day(now))
        results[layer] = CheckResult(
            layer,
            outcome,
            answer.source,
            answer.list_version,
            now,
            reason,
            flags,
            tries,
            judged_by,
            sealed[asked],
        )
    return results


def _is_known_by_word_alone(layer: Layer, answer: RegisterAnswer, checks: Mapping[str, CheckResult]) -> bool:
    """Say whether an age is judged from the form: of somebody in no register, whose NIK people accepted on appeal.

    So that there is nobody whose age was judged nowhere.
    """
    is_shown = is_by_appeal(checks.get(Layer.POPULATION))
    return layer is Layer.AGE and is_shown and answer.facts.get("found") is False


def _answer_of(ports: Ports, layer: Layer, person: Person) -> RegisterAnswer | DependencyError:
    """Return what a register says, or why it says nothing: it is not asked a second time now."""
    try:
        return ports.registers.ask(layer, person)
    except DependencyError as error:
        return error


def _settle(
    ports: Ports, programme: Programme, stored: Application, application: Application, *, is_in_vain: bool
) -> None:
    """Decide what follows from what is known.

    `stored` is the application as last saved; `is_in_vain`: a register was asked just now and did not answer.
    """
    rules = rule_set_for(programme, jakarta_day(ports.clock.now()))
    grounds = Grounds(
        application.photos, application.checks, None, application.submission, application.correction_count
    )
    is_settled = photo_faults(grounds) or _is_by_people(application.checks.get(Layer.FACE))
    evidence = None if is_settled else evidence_of(ports, application.face_check_id)
    if evidence:
        verdict = judge_face(evidence, programme.operating_point(evidence.model_release))
        application = replace(
            application, checks=application.checks | {Layer.FACE: face_check(evidence, verdict)}
        )
        grounds = replace(grounds, checks=application.checks, verdict=verdict)
    conclusion = conclude(grounds, rules)
    if conclusion.decided in GIVING_A_SEAT and _is_nik_contested(ports, application):
        grounds = replace(grounds, is_nik_contested=True)
        conclusion = conclude(grounds, rules)
    if conclusion.decided is None:
        is_awaited = any(photo.status is PhotoStatus.AWAITED for photo in application.photos.values())
        if not application.face_check_id and not is_awaited:
            stored = application = _ask_for_face(ports, application)
        _wait(ports, stored, application, is_in_vain=is_in_vain)
        return
    recorded = decisions.machine_decided(
        ports,
        programme,
        application,
        conclusion=conclusion,
        grounds=grounds,
        rules=rules,
        evidence=evidence,
    )
    _carry_out(ports, application, conclusion, grounds, recorded)


def _is_by_people(face: CheckResult | None) -> bool:
    """Say whether people decided about a face: no machine doubts the same pictures again."""
    return is_by_appeal(face) or (face is not None and face.source == review.REVIEWERS)


def _carry_out(
    ports: Ports, application: Application, conclusion: Conclusion, grounds: Grounds, recorded: Recorded
) -> None:
    """Move the application as was decided, with the decision's bundle in the same commit."""
    match conclusion.decided:
        case Decided.PHOTO_REFUSED:
            _ask_for_photos(ports, application, photo_faults(grounds), recorded)
        case Decided.REFUSED | Decided.CORRECTION_ASKED:
            _refuse(ports, application, conclusion, recorded)
        case _:
            _verify_or_doubt(ports, application, conclusion, grounds.verdict, recorded)


def _ask_for_photos(
    ports: Ports, application: Application, faults: Mapping[Slot, tuple[str, ...]], recorded: Recorded
) -> None:
    """Reopen exactly the photographs with faults, of the face check or since their arrival."""
    photos = {slot: _photo_after(photo, faults.get(slot, ())) for slot, photo in application.photos.items()}
    reasons = tuple(dict.fromkeys(fault for slot in Slot for fault in photos[slot].faults))
    now = ports.clock.now()
    moved = applications.move(application, Move.ASK_FOR_PHOTO, now, photos=photos, reasons=reasons)
    facts = {"faults": {slot: list(photo.faults) for slot, photo in photos.items()}} | recorded.facts
    applications.save(ports, moved, Decided.PHOTO_REFUSED, facts, also=recorded.changes)


def _photo_after(photo: Photo, faults: tuple[str, ...]) -> Photo:
    status = PhotoStatus.REFUSED if faults else PhotoStatus.ACCEPTED
    return replace(photo, status=status, faults=faults)


def _refuse(ports: Ports, application: Application, conclusion: Conclusion, recorded: Recorded) -> None:
    """Refuse; but what a typing error can cause reopens the form, some times, with all that was typed and sent."""
    now, reasons = ports.clock.now(), conclusion.reasons
    facts = {"reasons": list(reasons)} | recorded.facts
    if conclusion.decided is Decided.REFUSED:
        moved = applications.move(application, Move.REFUSE, now, reasons=reasons)
        applications.save(ports, moved, Decided.REFUSED, facts, also=recorded.changes)
        return
    moved = applications.move(
        application,
        Move.ASK_FOR_CORRECTION,
        now,
        reasons=reasons,
        correction_count=application.correction_count + 1,
        form=None,
        has_nik=False,
        draft=sealed_fields(application),
    )
    also = [*recorded.changes, *release_nik(ports, application)]
    applications.save(ports, moved, Decided.CORRECTION_ASKED, facts, also=also)


def _verify_or_doubt(
    ports: Ports,
    application: Application,
    conclusion: Conclusion,
    verdict: FaceVerdict | None,
    recorded: Recorded,
) -> None:
    photos = {slot: _photo_after(photo, ()) for slot, photo in application.photos.items()}
    application = replace(application, photos=photos)
    if conclusion.decided is Decided.SENT_TO_REVIEW:
        others = [candidate.application_id for candidate in verdict.candidates] if verdict else []
        if Reason.NIK_ALREADY_REGISTERED in conclusion.reasons:
            # Whom accepting would refuse is seen, and first; often the face is theirs too.
            others = [holder_of(ports, application), *others]
        named = tuple(dict.fromkeys(filter(None, others)))
        review.open_case(ports, application, conclusion.reasons, named, recorded)
        return
    moved = applications.move(application, Move.VERIFY, ports.clock.now())
    applications.save(ports, moved, Decided.VERIFIED, recorded.facts, also=recorded.changes)


def _is_nik_contested(ports: Ports, application: Application) -> bool:
    return holder_of(ports, application) != application.application_id


def _ask_for_face(ports: Ports, application: Application) -> Application:
    """Ask the worker for this submission's face check; its answer settles the application later."""
    face_check_id = face_check_name(application, application.submission)
    application = replace(application, face_check_id=face_check_id)
    facts = {"face_check_id": face_check_id}
    return applications.save(
        ports, application, "face_check_asked", facts, announce=[face_request(application)]
    )


def _wait(ports: Ports, stored: Application, application: Application, *, is_in_vain: bool) -> None:
    """Come back for the registers that did not answer, if one was asked in vain just now; keep what the others said.

    Where none was, a message is on its way already, and a second one would be answered by a third.
    """
    waiting_for = _pending_registers(application)
    if waiting_for and is_in_vain:
        tries = max(application.checks[layer].tries for layer in waiting_for)
        delay_s = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** (tries - 1))
        retry = Retry(application.submission, ports.clock.now() + timedelta(seconds=delay_s))
        application = replace(application, retry=retry)
        again = [ChecksDue(application.application_id, application.submission)]
        facts = {"waiting_for": waiting_for, "again_in_s": delay_s}
        applications.save(ports, application, "waiting_for_registers", facts, announce=again, delay_s=delay_s)
    elif application != stored:
        applications.save(ports, application, ANSWERED)


def _pending_registers(application: Application) -> list[str]:
    return [
        layer
        for layer, check in application.checks.items()
        if layer != Layer.FACE and check.outcome is Outcome.PENDING
    ]
