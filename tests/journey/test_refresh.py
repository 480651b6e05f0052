"""A new version of a list: only those it touches are judged again, and everybody ends where the list puts them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gelombang.domain.appeal import BY_APPEAL
from gelombang.domain.application import State
from gelombang.domain.audit import chain_fault
from gelombang.domain.checks import Layer, Outcome
from gelombang.domain.errors import ConflictError, DependencyError, NotReadyError
from gelombang.domain.review import ReviewDecision
from gelombang.domain.wave import WaveStep
from gelombang.journey import applications, registration, restriction, selection
from gelombang.journey.ports import Change
from gelombang.journey.reconciliation import reconcile
from gelombang.journey.refresh import CHANGED_TEXT, LEFT_WAVE_TEXT, Effect
from gelombang.journey.replay import Again, replay
from gelombang.journey.wave_rows import entry_key
from tests.journey.reviewers import decide
from tests.journey.town import WAVE, Town, drawn, open_wave
from tests.journey.walking import SPOILED, Walk, citizen
from tests.journey.waves import Crash, run_step
from tests.lists.agency import LAYER

REASON = "EARLIER_RECIPIENT"


@pytest.fixture
def town(tmp_path: Path):
    made = Town(tmp_path, 4, listed=[2])
    yield made
    made.shelf.close()


def test_only_those_whose_row_changed_are_judged_again_and_say_who_changed_and_why(town):
    before = [town.of(number) for number in (1, 4)]
    town.deliver([3])

    touched = {each.application_id: each for each in town.refresh()}

    assert set(touched) == {town.names[1], town.names[2]}
    listed, removed = touched[town.names[2]], touched[town.names[1]]
    assert (listed.before, listed.after, listed.reason, listed.why) == (
        "VERIFIED",
        "NOT_ELIGIBLE",
        REASON,
        "added",
    )
    assert (removed.before, removed.after, removed.why) == ("NOT_ELIGIBLE", "CHECKING", "removed")
    assert [town.of(number) for number in (1, 4)] == before


def test_whoever_is_listed_now_is_refused_with_the_reason_by_a_bundle_that_replays_and_is_told(town):
    town.deliver([2, 3])

    assert town.effects() == {3: Effect.REFUSED}

    application, ports = town.of(3), town.walk.ports
    assert (application.state, application.reasons) == (State.NOT_ELIGIBLE, (REASON,))
    assert application.checks[LAYER].list_version == "2026-11-23/2"
    again = replay(ports, town.walk.programme, application.application_id)
    assert [(each.decision, each.again) for each in again] == [
        ("verified", Again.IDENTICAL),
        ("refused", Again.IDENTICAL),
    ]
    town.walk.world.clock.advance(minutes=1)
    reconcile(ports)
    assert town.walk.world.texts.sent[-1][1] == CHANGED_TEXT
    entries = applications.audit_of(ports, application.application_id)
    assert not chain_fault(entries, application.audit_length, application.audit_head)


def test_whoever_the_list_alone_had_kept_out_is_checked_again_and_verified(town):
    town.deliver([])

    assert town.effects() == {2: Effect.RESTORED}
    assert town.of(2).state is State.CHECKING
    town.walk.deliver()

    assert town.of(2).state is State.VERIFIED


def test_whoever_fails_another_layer_too_stays_out_for_that_alone(tmp_path):
    town = Town(tmp_path, 1)
    town.walk.registers._by_nik[citizen(2).nik] = citizen(2, is_at_school=True)
    town.names.append(town._come(2))
    town.walk.deliver()
    town.deliver([2])
    assert town.effects() == {2: Effect.SAME}
    assert town.of(2).reasons == ("STILL_AT_SCHOOL", REASON)

    town.deliver([])

    assert town.effects() == {2: Effect.SAME}
    town.shelf.close()
    assert (town.of(2).state, town.of(2).reasons) == (State.NOT_ELIGIBLE, ("STILL_AT_SCHOOL",))
    assert town.of(2).checks[LAYER].outcome is Outcome.PASSED


def test_the_same_refresh_again_changes_nothing_and_tells_the_same(town):
    town.deliver([3])
    first = town.refresh()
    stored = sorted(town.walk.world.rows.read_all(), key=lambda row: str(row.key))

    assert town.refresh() == []  # noted as done
    town.shelf.note_refreshed(LAYER, f"{LAYER}-2026-11-23-1.list")
    again = town.refresh()

    assert [replace(each, is_new=True) for each in again] == first
    assert not any(each.is_new for each in again)
    assert sorted(town.walk.world.rows.read_all(), key=lambda row: str(row.key)) == stored


def test_a_refresh_that_is_cut_off_anywhere_and_done_again_comes_to_the_same(tmp_path):
    whole = Town(tmp_path / "whole", 5, listed=[1, 2])
    whole.deliver([2, 3, 4])
    told = sorted((each.effect, each.before, each.after, each.why) for each in whole.refresh())
    after = [whole.of(number).state for number in range(1, 6)]
    whole.shelf.close()

    for crash_at in range(1, 8):
        town = Town(tmp_path / str(crash_at), 5, listed=[1, 2])
        town.deliver([2, 3, 4])
        with cut_off(town.walk, crash_at), pytest.raises(Crash):
            town.refresh()

        again = sorted((each.effect, each.before, each.after, each.why) for each in town.refresh())

        town.shelf.close()
        assert again == told
        assert [town.of(number).state for number in range(1, 6)] == after


class cut_off:  # noqa: N801 - read as a function in a with statement
    """Ends the process at the n-th commit: before it where n is odd, after it where it is even."""

    def __init__(self, walk: Walk, number: int) -> None:
        self.rows, self.left, self.is_after = walk.world.rows, (number + 1) // 2, number % 2 == 0

    def __enter__(self) -> None:
        self.commit = self.rows.commit
        self.rows.commit = self.ending

    def __exit__(self, *_: object) -> None:
        self.rows.commit = self.commit

    def ending(self, changes: list[Change]) -> None:
        self.left -= 1
        if self.left or self.is_after:
            self.commit(changes)
        if not self.left:
            raise Crash


def test_somebody_in_an_open_wave_leaves_it_in_the_same_commit(town):
    open_wave(town.walk)
    selection.join(town.walk.ports, town.names[2], WAVE)
    entry_id = town.of(3).entry_id
    town.deliver([2, 3])

    assert town.effects() == {3: Effect.LEFT_WAVE}

    application = town.of(3)
    assert (application.state, application.wave_id, application.entry_id) == (State.NOT_ELIGIBLE, "", "")
    assert town.walk.ports.rows.read(entry_key(WAVE, entry_id)) is None
    town.walk.world.clock.advance(minutes=1)
    reconcile(town.walk.ports)
    assert town.walk.world.texts.sent[-1][1] == LEFT_WAVE_TEXT  # and not only that something changed
    drawn(town.walk)
    assert selection.find_wave(town.walk.ports, WAVE).entry_count == 0


def test_somebody_in_a_frozen_wave_keeps_their_chance_and_is_told_of_after_the_draw(town):
    open_wave(town.walk)
    for number in (1, 3):
        selection.join(town.walk.ports, town.names[number - 1], WAVE)
    drawn(town.walk, [WaveStep.FREEZE])
    town.deliver([1, 2, 3])

    assert town.effects() == {1: Effect.AFTER_DRAW, 3: Effect.AFTER_DRAW}
    assert {town.of(number).state for number in (1, 3)} == {State.JOINED}
    assert town.effects() == {1: Effect.AFTER_DRAW, 3: Effect.AFTER_DRAW}

    for step in ("commit", "draw", "publish"):
        run_step(town.walk.ports, WAVE, step)
    outcomes = {town.of(number).state for number in (1, 3)}
    assert State.SELECTED in outcomes  # nobody lost a seat silently
    (other,) = [number for number in (1, 3) if town.of(number).state is not State.SELECTED]
    if town.of(other).state is State.NOT_DRAWN:
        assert town.effects()[other] is Effect.REFUSED
        assert town.of(other).state is State.NOT_ELIGIBLE


def test_nobody_joins_a_wave_while_a_list_says_no(town):
    open_wave(town.walk)
    application = town.of(1)
    failed = replace(application.checks[LAYER], outcome=Outcome.FAILED, reason=REASON)
    applications.save(
        town.walk.ports, replace(application, checks=application.checks | {LAYER: failed}), "drill"
    )

    with pytest.raises(NotReadyError) as refused:
        selection.join(town.walk.ports, town.names[0], WAVE)

    assert refused.value.missing == (REASON,)


def test_whoever_restricted_processing_is_left_alone_until_they_lift_that(town):
    restriction.restrict(town.walk.ports, town.names[2])
    before = town.of(3)
    town.deliver([2, 3])

    assert town.effects() == {3: Effect.RESTRICTED}
    after = town.of(3)
    assert after.checks[LAYER].outcome is Outcome.FAILED
    noted = {"checks", "version", "audit_length", "audit_head", "touched_at"}
    assert replace(after, **{name: getattr(before, name) for name in noted}) == before
    restriction.lift(town.walk.ports, town.names[2])

    assert town.effects() == {3: Effect.REFUSED}
    assert town.refresh() == []


def test_somebody_who_must_send_a_photograph_is_refused_when_they_have(tmp_path):
    town = Town(tmp_path, 1)
    name = town.walk.submit(citizen(2), "+6281200000002")
    town.walk.registers._by_nik[citizen(2).nik] = citizen(2)
    town.walk.selfies[name] = SPOILED
    town.names.append(name)
    town.walk.deliver()
    assert town.of(2).state is State.NEEDS_PHOTO
    town.deliver([2])

    assert town.effects() == {2: Effect.KEPT}
    town.walk.send_photo(name, "selfie")
    registration.submit(town.walk.ports, name)
    town.walk.deliver()
    town.shelf.close()

    assert (town.of(2).state, town.of(2).reasons) == (State.NOT_ELIGIBLE, (REASON,))


def test_somebody_under_review_is_refused_and_their_case_closed(tmp_path):
    town = Town(tmp_path, 1)
    town.walk.registers._by_nik[citizen(2).nik] = citizen(2)
    name = town.walk.submit(citizen(2), "+6281200000002")
    town.walk.similarity[name] = 0.1
    town.names.append(name)
    town.walk.deliver()
    assert town.of(2).state is State.IN_REVIEW
    town.deliver([2])

    assert town.effects() == {2: Effect.REFUSED}

    town.shelf.close()
    case = town.walk.ports.rows.read_partition(f"REVIEW#{town.of(2).review_case_id}")[0]
    assert (town.of(2).state, case.due) == (State.NOT_ELIGIBLE, None)


def test_whoever_is_not_checked_yet_or_by_a_later_list_is_not_judged(tmp_path):
    town = Town(tmp_path, 1)
    town.names.append(town.walk.sign_in("+6281200000002"))
    town.deliver([1])
    town.deliver([])
    first = town.of(1)
    later = replace(first.checks[LAYER], list_version="2026-12-01/9")
    applications.save(town.walk.ports, replace(first, checks=first.checks | {LAYER: later}), "drill")
    town.deliver([1])

    assert town.effects() == {1: Effect.NOT_JUDGED}
    town.shelf.close()
    assert town.of(1).state is State.VERIFIED


def test_strangers_on_a_list_are_nobody(town):
    town.deliver([2, 77])

    assert [each.effect for each in town.refresh()] == [Effect.NOBODY]


def test_somebody_still_under_check_is_settled_by_the_new_list(tmp_path):
    town = Town(tmp_path, 1)
    town.walk.registers._by_nik[citizen(2).nik] = citizen(2)
    town.walk.registers.fail("kemdikbud")
    town.names.append(town.walk.submit(citizen(2), "+6281200000002"))
    town.walk.deliver()
    assert town.of(2).checks[Layer.EDUCATION].outcome is Outcome.PENDING
    town.deliver([2])

    assert town.effects() == {2: Effect.ASKED_AGAIN}
    town.walk.deliver()

    town.shelf.close()
    assert (town.of(2).state, town.of(2).reasons) == (State.NOT_ELIGIBLE, (REASON,))


@pytest.mark.parametrize("error", [ConflictError(("APPLICATION#x",)), DependencyError("dynamodb", "timeout")])
def test_what_cannot_be_saved_now_ends_the_refresh_and_is_done_again(town, error):
    town.deliver([3])
    rows = town.walk.world.rows
    commit = rows.commit
    rows.commit = lambda _changes: (_ for _ in ()).throw(error)
    with pytest.raises(type(error)):
        town.refresh()
    rows.commit = commit

    assert town.effects() == {2: Effect.RESTORED, 3: Effect.REFUSED}


def test_what_people_decided_on_appeal_stands_before_the_list(town):
    application = town.of(3)
    shown = replace(application.checks[LAYER], source=f"{BY_APPEAL}K-1")
    applications.save(
        town.walk.ports, replace(application, checks=application.checks | {LAYER: shown}), "drill"
    )
    town.deliver([2, 3])

    assert town.effects() == {3: Effect.BY_APPEAL}
    assert town.of(3).state is State.VERIFIED


def test_photographs_that_were_not_kept_after_a_refusal_are_asked_for_again(town):
    application = town.of(2)
    gone = {slot: replace(photo, key="") for slot, photo in application.photos.items()}
    applications.save(town.walk.ports, replace(application, photos=gone), "drill")
    town.deliver([])

    assert town.effects() == {2: Effect.RESTORED}
    town.walk.deliver()

    assert (town.of(2).state, town.of(2).reasons) == (State.NEEDS_PHOTO, ("PHOTO_KEPT_NO_LONGER",))


def test_all_who_name_a_nik_are_judged_by_the_new_list_wherever_they_wait(tmp_path):
    town = Town(tmp_path, 1)
    town.walk.registers._by_nik[citizen(1).nik] = citizen(1)
    waiting, retaking, checking = (town.walk.submit(citizen(1), f"+62813{number:08d}") for number in range(3))
    town.walk.selfies[retaking] = SPOILED
    town.walk.deliver()
    town.walk.registers.fail("kemdikbud")
    checking = town.walk.submit(citizen(1), "+6281300000009")
    town.walk.deliver()
    others = {waiting: State.IN_REVIEW, retaking: State.NEEDS_PHOTO, checking: State.CHECKING}
    assert {name: town.walk.application(name).state for name in others} == others
    town.deliver([1])

    found = {touched.application_id: touched.effect for touched in town.refresh()}

    town.shelf.close()
    assert found[town.names[0]] is found[waiting] is Effect.REFUSED
    assert (found[retaking], found[checking]) == (Effect.KEPT, Effect.ASKED_AGAIN)
    town.walk.registers.recover()
    town.walk.deliver()
    assert town.walk.application(checking).reasons == (REASON,)


def test_whoever_reviewers_accept_after_a_refresh_was_judged_by_it(tmp_path):
    town = Town(tmp_path, 1, listed=[1])
    second = town.walk.submit(citizen(1), "+6281300000001")
    town.walk.deliver()
    town.deliver([])
    town.refresh()
    town.walk.deliver()
    assert town.walk.application(second).state is State.IN_REVIEW

    decide(town.walk.ports, second, ReviewDecision.ACCEPT)
    town.deliver([1])
    effects = {touched.application_id: touched.effect for touched in town.refresh()}

    town.shelf.close()
    assert effects == {second: Effect.REFUSED, town.names[0]: Effect.SAME}
