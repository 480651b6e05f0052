"""The part of the journey's state machine that seats play: accepted, given back, taken back, late, moved on."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from gelombang.domain.application import State
from gelombang.domain.draw import DrawOutcome
from gelombang.domain.seat import SeatAnswer
from gelombang.domain.wave import WaveStep
from gelombang.journey import applications, seat_clock, seats
from gelombang.journey.seat_rows import find_seat
from gelombang.journey.staff import Staff
from gelombang.journey.wave_rows import load_entry

AUDITOR = Staff("agus", "auditor")
FATE = st.one_of(st.none(), st.none(), st.tuples(st.integers(1, 14), st.booleans()))


class Seats:
    """Rules for a `RuleBasedStateMachine` that has `walk`, `names`, `states`, `wave_id`, `do` and these two steps."""

    @precondition(lambda self: State.JOINED in self.states.values())
    @rule()
    def hold_the_draw(self):
        """Everybody joins who may, and the wave is published."""
        self.opening_day(None)
        self.take_wave_steps(WaveStep.PUBLISH, None)

    @precondition(lambda self: State.SELECTED in self.states.values())
    @rule(number=st.integers(0, 2), answer=st.sampled_from(SeatAnswer), fate=FATE)
    def answer_for_a_seat(self, number, answer, fate):
        name = self.names[number]
        self.do(fate, lambda p: seats.answer_seat(p, applications.load(p, name), answer))

    @precondition(lambda self: State.SELECTED in self.states.values())
    @rule(number=st.integers(0, 2), fate=FATE)
    def take_a_seat_back(self, number, fate):
        name, programme = self.names[number], self.walk.programme
        found = "STILL_AT_SCHOOL"
        self.do(fate, lambda p: seats.take_back(p, programme, AUDITOR, name, found, note="berita acara"))

    @precondition(lambda self: not {State.SELECTED, State.RESERVE}.isdisjoint(self.states.values()))
    @rule(days=st.sampled_from([0, 1, 16]), fate=FATE)
    def tend_seats(self, days, fate):
        self.walk.world.clock.advance(days=days)
        self.do(fate, lambda p: seat_clock.tend_seats(p, self.walk.programme))

    @invariant()
    def no_seat_is_lost_or_doubled(self):
        """Of the seats that the draw gave as many are had or free at any time, and whoever is selected has one."""
        ports, given, had = self.walk.ports, 0, 0
        for name in self.names:
            application = self.walk.application(name)
            if application.wave_id and (
                result := load_entry(ports, self.wave_id, application.entry_id).result
            ):
                seat = find_seat(ports, self.wave_id, application.entry_id)
                has_seat = seat is not None and seat.end is None
                assert has_seat is (application.state is State.SELECTED)
                given += result.outcome is DrawOutcome.SELECTED
                had += has_seat
        free = len(ports.rows.read_partition(f"FREED#{self.wave_id}#3171"))
        assert had + free == given, f"{given} seats were given, {had} are had and {free} are free"
