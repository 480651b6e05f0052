"""The part of the journey's state machine that agencies' lists play: new versions, and whom they put in or out."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from gelombang.domain.application import State
from gelombang.domain.checks import Layer, Outcome
from gelombang.journey import applications
from gelombang.journey.nik_claims import named_with
from gelombang.journey.refresh import JUDGED, Effect, ListChange, Listing, refresh
from gelombang.journey.wave_rows import gate_key
from tests.journey.walking import citizen

LAYER = Layer.EARLIER_RECIPIENT
FIRST_DAY = date(2026, 11, 24)
FATE = st.one_of(st.none(), st.none(), st.tuples(st.integers(1, 14), st.booleans()))


class Lists:
    """Rules for a `RuleBasedStateMachine` that has `walk`, `names` and `do`."""

    list_count = 0

    @rule(number=st.sampled_from([1, 2]), is_listed=st.booleans(), fate=FATE)
    def new_version(self, number, is_listed, fate):
        """A list adds a NIK, or leaves it out; the refresh may die, and is then done again."""
        self.list_count += 1
        day = FIRST_DAY + timedelta(days=self.list_count)
        listing = Listing(LAYER, "prakerja", f"{day.isoformat()}/{self.list_count}")
        codes = (None, "") if is_listed else ("", None)
        changes = [ListChange(self.walk.ports.vault.tag("nik", citizen(number).nik), *codes)]
        programme = self.walk.programme
        for each in (fate, None):
            self.do(each, lambda ports: list(refresh(ports, programme, listing, changes)))

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
                assert self.walk.ports.rows.read(gate), "excluded, and in a wave that is not frozen"

    def was_restored_by_a_list(self, name):
        """Say whether somebody's refusal was ever taken back because their list has them no more."""
        entries = applications.audit_of(self.walk.ports, name)
        return any(entry.facts.get("effect") == Effect.RESTORED for entry in entries)
