"""Checks people again who were checked already: before a wave whose rules they were not judged by, and after a refusal.

    asks to join ─▶ judged by the rules of today or of the wave, and of an age that they allow? ─yes▶ joins
                       └─no▶ CHECKING: every register is asked anew; joins once verified, until the freeze

What people decided stands, and the face is not asked for again where its photographs are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from gelombang.domain.appeal import is_by_appeal
from gelombang.domain.application import MOVES, Application, Move, Photo, PhotoStatus
from gelombang.domain.checks import CheckResult, Layer, Outcome, Person
from gelombang.domain.consent import missing_purposes
from gelombang.domain.decision import rules_hash
from gelombang.domain.eligibility import jakarta_day, judge_layer, rule_set_for
from gelombang.domain.errors import NotReadyError
from gelombang.domain.messages import ChecksDue
from gelombang.domain.programme import Programme, RuleSet
from gelombang.domain.reasons import Reason
from gelombang.domain.wave import Wave
from gelombang.journey import applications, selection
from gelombang.journey.applications import rereading
from gelombang.journey.decisions import opened_facts
from gelombang.journey.ports import Change, Ports
from gelombang.journey.restored import has_missed_a_draw, is_open_to
from gelombang.journey.selection import Receipt
from gelombang.journey.wave_rows import load_wave

RECHECKED = "checked_again"  # event of the audit
MAY_JOIN = frozenset(at for at, how in MOVES if how is Move.JOIN)
_NOBODY = Person("", "", "", date.min, "")  # an age follows from the register's answer alone


class CheckedAgainError(NotReadyError):
    """Whoever asked to join is being checked by other rules, or again, and may join after that."""

    def __init__(self) -> None:
        super().__init__((Reason.CHECKED_AGAIN,))


def join(
    ports: Ports, programme: Programme, application_id: str, wave_id: str, also: Sequence[Change] = ()
) -> Receipt:
    """Enter somebody into a wave whom rules in force, or its own, let in; anybody else is checked again first.

    It is not their doing: once verified they may join until the wave's freeze, and are seated first in the next where
    they were verified only after it (`rechecked_from`).

    Raises:
        CheckedAgainError: from now on, and they need do nothing.
        NotReadyError, NotFoundError, WaveNotOpenError, MoveNotAllowedError, RestrictedError, ConflictError: as
            `selection.join`.
    """
    _require_current(ports, programme, application_id, wave_id)
    return selection.join(ports, application_id, wave_id, also)


@rereading
def _require_current(ports: Ports, programme: Programme, application_id: str, wave_id: str) -> None:
    now, wave = ports.clock.now(), load_wave(ports, wave_id)
    application = applications.load(ports, application_id)
    if application.state not in MAY_JOIN or application.wave_id == wave_id:
        return
    region = application.form.region if application.form else ""
    if not is_open_to(wave, application, now) or region not in wave.definition.quota:
        return
    in_force = rule_set_for(programme, jakarta_day(now))
    its_own = programme.rule_set_named(wave.definition.rule_set)
    if any(_is_current(ports, application, rules, wave, now) for rules in (in_force, its_own)):
        return
    if missing_purposes(application.consents):
        raise NotReadyError((Reason.CONSENT_NEEDED,))  # nothing is asked about them until they agree again
    kept = {layer: check for layer, check in application.checks.items() if _stays(check)}
    # A claim is counted from when somebody was verified: one that has lapsed must not begin anew by that.
    has_claim = has_missed_a_draw(ports, application)
    restored_from = application.restored_from if has_claim else None
    rechecked_from = (application.rechecked_from if has_claim else None) or now
    since = {"restored_from": restored_from, "rechecked_from": rechecked_from}
    checked = checked_again(application, Move.RECHECK, now, checks=kept, rank=0, **since)
    due = ChecksDue(checked.application_id, checked.submission)
    applications.save(ports, checked, RECHECKED, {"rule_set": in_force.name}, announce=[due])
    raise CheckedAgainError


def checked_again(application: Application, how: Move, now: datetime, **changes: Any) -> Application:  # noqa: ANN401 - as of `applications.move`
    """Return an application back in checking: photographs that are kept no longer are asked for, all else is as it was.

    Its submission has a number of its own, so that neither a case nor a face check of before is met again.

    Raises:
        MoveNotAllowedError, RestrictedError: as `applications.move`.
    """
    photos = {slot: _photo_again(photo) for slot, photo in application.photos.items()}
    again = {
        "photos": photos,
        "submission": application.submission + 1,
        "face_check_id": application.face_check_id if all(photo.key for photo in photos.values()) else "",
    }
    return applications.move(application, how, now, **{**again, **changes})


def _photo_again(photo: Photo) -> Photo:
    if photo.key:
        return photo
    return replace(photo, status=PhotoStatus.REFUSED, faults=(Reason.PHOTO_KEPT_NO_LONGER,))


def _is_current(ports: Ports, application: Application, rules: RuleSet, wave: Wave, now: datetime) -> bool:
    """Say whether every layer of a rule set was judged by it, and the age still is as it asks.

    Whoever was judged since the wave opened was judged for it: nothing is opened for them in its last minutes.
    """
    judged_by = rules_hash(rules)
    for layer in rules.layers:
        check = application.checks.get(layer)
        if check and _stays(check):
            continue
        if check is None or check.rules_sha256 != judged_by or not check.sealed_facts:
            return False
        if layer is Layer.AGE and check.checked_at < wave.definition.opens_at:
            facts = opened_facts(ports, application.application_id, check.sealed_facts)
            if judge_layer(layer, facts, _NOBODY, rules, jakarta_day(now))[0] is Outcome.FAILED:
                return False
    return True


def _stays(check: CheckResult) -> bool:
    """Say whether a check is none that rules decide: the face's evidence is judged whenever checks are settled."""
    return check.layer is Layer.FACE or is_by_appeal(check)
