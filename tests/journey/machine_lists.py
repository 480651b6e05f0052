"""The part of the journey's state machine that agencies' lists play: new versions, and whom they put in or out."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from gelombang.domain.application import State
from gelombang.domain.checks import Layer, Outcome
from gelombang.journey import applications, restriction
from gelombang.journey.nik_claims import named_with
from gelombang.journey.refresh import JUDGED, REFUSES, Effect, ListChange, Listing, refresh
from gelombang.journey.wave_rows import entry_key, gate_key, leaving_wave
from tests.journey.walking import citizen

LAYER = Layer.EARLIER_RECIPIENT
FIRST_DAY = date(2026, 11, 24)
LEAVES = frozenset(
    {Effect.NOBODY, Effect.NOT_JUDGED, Effect.BY_APPEAL, Effect.RESTRICTED}
)  # nothing is saved
FATE = st.one_of(st.none(), st.none(), st.tuples(st.integers(1, 14), st.booleans()))


class Lists:
    """Rules for a `RuleBasedStateMachine` that has `walk`, `names`, `do` and `everything_that_must_hold_holds`."""

    list_count = 0
    last = None  # version, changes, and whether it lists whom they name

    @rule(number=st.sampled_from([1, 2]), is_listed=st.booleans(), fate=FATE)
    def new_version(self, number, is_listed, fate):
        """A list adds a NIK, or leaves it out; the refresh may die, and is then done again."""
        self.list_count += 1
        day = FIRST_DAY + timedelta(days=self.list_count)
        listing = Listing(LAYER, "prakerja", f"{day.isoformat()}/{self.list_count}")
        codes = (None, "") if is_listed else ("", None)
        changes = [ListChange(self.walk.ports.vault.tag("nik", citizen(number).nik), *codes)]
        self.last = listing, changes, is_listed
        self._refresh(fate)

    @precondition(lambda self: self.last)
    @rule(is_lifted=st.booleans(), fate=FATE)
    def refresh_again(self, is_lifted, fate):
        """The last refresh is done again: perhaps somebody is free by now for whom it had to wait."""
        for name in self.names if is_lifted else ():
            self.do(None, lambda ports, name=name: restriction.lift(ports, name))
        self.everything_that_must_hold_holds()
        self._refresh(fate)

    def _refresh(self, fate):
        programme, (listing, changes, is_listed) = self.walk.programme, self.last
        told = None
        for each in (fate, None):
            told = self.do(each, lambda ports: list(refresh(ports, programme, listing, changes)))
        for touched in told or ():
            self._nothing_is_left_that_could_follow(touched, listing, is_listed=is_listed)
        again = self.do(None, lambda ports: list(refresh(ports, programme, listing, changes)))
        assert not any(each.is_new and each.effect not in LEAVES for each in again or ()), "judged twice"

    def _nothing_is_left_that_could_follow(self, touched, listing, *, is_listed):
        if not touched.application_id:
            return
        application = self.walk.application(touched.application_id)
        check = application.checks.get(LAYER)
        is_excluded = check and (check.outcome, check.list_version) == (Outcome.FAILED, listing.list_version)
        is_free = leaving_wave(self.walk.ports, application) is not None  # of a draw whose list is fixed
        if application.restricted_at:
            is_noted = check is None or check.outcome is Outcome.FAILED
            is_left = touched.effect is Effect.RESTRICTED
            assert not (is_listed and is_left) or is_noted, "would join a wave when they lift that"
        elif is_excluded and touched.effect is not Effect.BY_APPEAL:
            assert application.state not in REFUSES or not is_free, f"excluded, and still {application.state}"

    @invariant()
    def everybody_whom_a_list_has_judged_is_found_by_their_nik(self):
        ports = self.walk.ports
        tags = [ports.vault.tag("nik", citizen(number).nik) for number in (1, 2)]
        named = {name for tag in tags for name in named_with(ports, tag)}
        for name in self.names:
            application = self.walk.application(name)
            check = application.checks.get(LAYER)
            if application.form and check and check.outcome in JUDGED:
                assert name in named, "the next list would not find them"
            is_given_up = not application.form and application.state is not State.ERASED
            assert not (is_given_up and name in named), "a NIK is kept that was given up"

    @invariant()
    def nobody_whom_a_list_excludes_is_let_into_a_draw(self):
        for name in self.names:
            application = self.walk.application(name)
            excluded = [each for each in application.checks.values() if each.outcome is Outcome.FAILED]
            if application.state is State.JOINED and excluded:
                gate = gate_key(application.wave_id, application.entry_id[:2])
                entry = self.walk.ports.rows.read(entry_key(application.wave_id, application.entry_id))
                is_kept_out = self.walk.ports.rows.read(gate) or (entry and entry.fields.get("is_held"))
                assert is_kept_out, "excluded, and in a wave that is not frozen"

    def was_restored_by_a_list(self, name):
        """Say whether somebody's refusal was ever taken back because their list has them no more."""
        entries = applications.audit_of(self.walk.ports, name)
        return any(entry.facts.get("effect") == Effect.RESTORED for entry in entries)
