"""The journey as a state machine: three people, two of them with one NIK, and everything that can go wrong on the way.

Every rule is one thing that a person, a queue, a worker, a reviewer or an operator does. Any of them may die at any
call to the outside, before or after it took effect; messages come twice, late, in another order or not at all;
registers go away. After each step: nobody made a move that the state machine lacks, nobody who was final changed, no
acknowledged submission is forgotten, no NIK is held by two, nothing moves that its owner has restricted but what may,
no seat that a draw gave is lost or doubled.
At the end, with everything well again and nothing restricted, nobody is left in a working state.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gelombang.domain.appeal import AppealCode
from gelombang.domain.application import MOVES, MOVES_WHILE_RESTRICTED, WORKING_STATES, Move, Slot, State
from gelombang.domain.audit import chain_fault
from gelombang.domain.consent import NEEDED, Purpose
from gelombang.domain.decision import Decided
from gelombang.domain.errors import GelombangError
from gelombang.domain.messages import FaceClusterFound, QueueName
from gelombang.domain.review import ReviewDecision
from gelombang.domain.wave import WaveStep, definition_from_json
from gelombang.journey import (
    appeal_clock,
    appeal_decisions,
    appeals,
    applications,
    clusters,
    consents,
    photos,
    reconciliation,
    registration,
    replay,
    restriction,
    reviewing,
    selection,
    verification,
)
from gelombang.journey.applications import OUTBOX
from gelombang.journey.decisions import BUNDLE_SHA256
from gelombang.journey.evidence import evidence_key
from gelombang.journey.replay import Again
from gelombang.journey.review_cases import load_case
from gelombang.journey.staff import Staff
from gelombang.memory.registers import SOURCES
from tests.journey.dying import Died, Dying
from tests.journey.machine_lists import Lists
from tests.journey.machine_seats import Seats
from tests.journey.reviewers import RATNA, RINA, RUDI
from tests.journey.walking import GOOD, JPEG, SPOILED, begin, citizen
from tests.journey.waves import run_step

PEOPLE = (citizen(1), citizen(2), citizen(1))  # the third types the first one's NIK
QUEUES = (QueueName.CHECKS_DUE, QueueName.FACE_REQUESTS, QueueName.FACE_EVIDENCE)
SEAT_GONE = frozenset({State.SEAT_RETURNED, State.NOT_ELIGIBLE, State.ERASED})  # all that follows a seat
HOLDING = frozenset(
    {State.VERIFIED, State.JOINED, State.SELECTED, State.RESERVE, State.NOT_DRAWN, State.SEAT_RETURNED}
)
WAVE = "gelombang-1"
OFFICER = Staff("dewi", "appeals_officer")
WHO = st.integers(0, len(PEOPLE) - 1)
REVIEWERS = (RINA, RUDI, RATNA)
# Which call to the outside is the last one, and whether it still took effect; mostly none is.
FATE = st.one_of(st.none(), st.none(), st.none(), st.tuples(st.integers(1, 14), st.booleans()))


# Where somebody may come who has restricted processing; a taker of another's NIK is refused all the same.
WHILE_RESTRICTED = {
    state: {
        to for (at, how), to in MOVES.items() if at is state and how in {*MOVES_WHILE_RESTRICTED, Move.REFUSE}
    }
    for state in State
}


class Journey(Lists, Seats, RuleBasedStateMachine):
    """One small world; `steps` counts what was done in all worlds, `seen` the states anybody reached."""

    wave_id = WAVE
    steps = 0
    seen: set[State] = set()  # noqa: RUF012 - counts over all worlds

    def __init__(self):
        super().__init__()
        self.walk = begin(*PEOPLE[:2])
        self.names = [self.walk.sign_in(f"+62812345678{number:02d}") for number in range(len(PEOPLE))]
        self.states = dict.fromkeys(self.names, State.DRAFT)
        self.acknowledged = dict.fromkeys(self.names, 0)
        self.restricted = dict.fromkeys(self.names)  # since when, as of the last look

    @initialize(reserve_percent=st.sampled_from([0, 100]))
    def open_wave(self, reserve_percent):
        now = self.walk.world.clock.now()
        wave = {
            "wave_id": WAVE,
            "name": "Gelombang 1",
            "opens_at": now.isoformat(),
            "closes_at": (now + timedelta(days=300)).isoformat(),
            "quota": {"3171": 1},
            "rule_set": "2023",
            "reserve_percent": reserve_percent,
        }
        selection.open_wave(self.walk.ports, definition_from_json(wave), "operator")

    def do(self, fate, step):
        """Do one thing with the world's ports, or with ports that die; a refusal is an answer like any other."""
        Journey.steps += 1
        ports = Dying(self.walk.ports, fate).ports if fate else self.walk.ports
        with suppress(GelombangError, Died):
            return step(ports)
        return None

    # What people do

    @rule(who=WHO, fate=FATE)
    def fill(self, who, fate):
        person = PEOPLE[who]
        typed = {"nik": person.nik, "kk": person.kk, "name": person.name, "region": person.region}
        typed["birth_date"] = person.birth_date.isoformat()
        self.do(fate, lambda p: registration.save_form(p, self.walk.programme, self.names[who], typed))
        for purpose in NEEDED:
            self.agree(who, purpose, None)

    @rule(who=WHO, born=st.sampled_from(["1990-01-05", "1991-02-06"]), fate=FATE)
    def mistype(self, who, born, fate):
        typed = {"birth_date": born}
        self.do(fate, lambda p: registration.save_form(p, self.walk.programme, self.names[who], typed))

    @rule(who=WHO, purpose=st.sampled_from(Purpose), fate=FATE)
    def agree(self, who, purpose, fate):
        version, name = self.walk.programme.consent.version, self.names[who]
        self.do(fate, lambda p: consents.give_consent(p, self.walk.programme, name, purpose, version))

    @rule(who=WHO, purpose=st.sampled_from(Purpose), fate=FATE)
    def withdraw(self, who, purpose, fate):
        self.do(fate, lambda p: consents.withdraw_consent(p, self.walk.programme, self.names[who], purpose))

    @rule(who=WHO, slot=st.sampled_from(Slot), fate=FATE)
    def send_photo(self, who, slot, fate):
        form = self.do(fate, lambda p: photos.offer_upload(p, self.names[who], slot, "image/jpeg", len(JPEG)))
        if form:
            key = form.fields["key"]
            self.walk.world.photos.receive(key, JPEG)
            self.do(None, lambda p: photos.record_arrival(p, key))

    @rule(who=WHO, fate=FATE)
    def submit(self, who, fate):
        saved = self.do(fate, lambda p: registration.submit(p, self.names[who]))
        if saved:
            self.acknowledged[self.names[who]] = saved.submission

    @rule(who=WHO, fate=FATE)
    def hurry(self, who, fate):
        """Everything that is left to do, at once, as somebody in a hurry does it."""
        self.fill(who, None)
        for slot in Slot:
            self.send_photo(who, slot, None)
        self.submit(who, fate)

    @rule(who=WHO, fate=FATE)
    def join(self, who, fate):
        self.do(fate, lambda p: selection.join(p, self.names[who], WAVE))

    @rule(fate=FATE)
    def opening_day(self, fate):
        """Everybody hurries, what can be checked is, and everybody joins who may."""
        for who in range(len(PEOPLE)):
            self.hurry(who, None)
            self.everything_that_must_hold_holds()
        self.settle()
        self.everything_that_must_hold_holds()
        for who in range(len(PEOPLE)):
            self.join(who, fate)

    @rule(who=WHO, step=st.sampled_from([restriction.restrict, *[restriction.lift] * 4]), fate=FATE)
    def restrict_or_lift(self, who, step, fate):
        self.do(fate, lambda p: step(p, self.names[who]))

    # What queues, workers and time do

    @rule(queue=st.sampled_from(QUEUES), fate=FATE, copies=st.integers(0, 2))
    def deliver(self, queue, fate, copies):
        """Deliver a message: not at all when its consumer dies (it comes again), or more than once."""
        message = self.walk.world.queues.take(queue)
        if message is None:
            return
        died = fate is not None
        self.do(fate, lambda p: self._handle(p, queue, message))
        for _ in range(max(copies - 1, int(died))):
            self.walk.world.queues.send(message)

    @rule(names=st.sets(WHO, min_size=2), fate=FATE)
    def search_everybody(self, names, fate):
        found = FaceClusterFound(tuple(self.names[who] for who in sorted(names)))
        self.do(fate, lambda p: clusters.take_cluster(p, found))

    @rule(queue=st.sampled_from(QUEUES))
    def reorder(self, queue):
        """Let the first message come last."""
        Journey.steps += 1
        if message := self.walk.world.queues.take(queue):
            self.walk.world.queues.send(message)

    @rule(queue=st.sampled_from(QUEUES))
    def lose(self, queue):
        """Lose a message for good."""
        Journey.steps += 1
        self.walk.world.queues.take(queue)

    @rule(minutes=st.sampled_from([1, 20]), fate=FATE)
    def wait(self, minutes, fate):
        self.walk.world.clock.advance(minutes=minutes)
        self.do(fate, reconciliation.reconcile)

    @rule(source=st.sampled_from(sorted(set(SOURCES.values()))))
    def register_goes(self, source):
        Journey.steps += 1
        self.walk.registers.fail(source)

    @rule()
    def registers_come_back(self):
        Journey.steps += 1
        self.walk.registers.recover()

    @rule()
    def settle(self):
        """A quiet hour: every register answers, every message comes, as often as it takes."""
        Journey.steps += 1
        self.walk.registers.recover()
        self.walk.deliver()

    @rule(who=WHO, photo=st.sampled_from([GOOD, SPOILED]), similarity=st.sampled_from([0.9, 0.1]))
    def next_selfie(self, who, photo, similarity):
        Journey.steps += 1
        self.walk.selfies[self.names[who]] = photo
        self.walk.similarity[self.names[who]] = similarity

    # What staff do

    @rule(who=st.sampled_from(REVIEWERS), decision=st.sampled_from(ReviewDecision), fate=FATE)
    def review(self, who, decision, fate):
        """Be given a case, look at it, and answer for the first person in it."""
        given = self.do(fate, lambda p: reviewing.next_review(p, who))
        if given:
            self.do(fate, lambda p: reviewing.view_review(p, who, given.review_id))
            named = given.review_id, given.labels[0]
            self.do(fate, lambda p: reviewing.answer(p, who, *named, decision=decision, note="catatan"))

    @rule(decision=st.sampled_from(ReviewDecision), fate=FATE)
    def agree_on_a_case(self, decision, fate):
        for who in REVIEWERS:
            self.review(who, decision, fate)

    @precondition(lambda self: State.NOT_ELIGIBLE in self.states.values())
    @rule(who=WHO, wants_to_join=st.booleans(), fate=FATE)
    def appeal(self, who, wants_to_join, fate):
        name, programme = self.names[who], self.walk.programme
        for reason in self.walk.application(name).reasons[:1]:
            self.do(
                fate,
                lambda p, reason=reason: appeals.file_appeal(
                    p, programme, name, reason, "Itu keliru.", wants_to_join=wants_to_join
                ),
            )

    @rule(code=st.sampled_from(AppealCode), fate=FATE)
    def answer_appeal(self, code, fate):
        programme = self.walk.programme
        for head in appeal_decisions.open_appeals(self.walk.ports, OFFICER)[:1]:
            self.do(
                fate,
                lambda p, head=head: appeal_decisions.decide_appeal(p, programme, OFFICER, head.number, code),
            )

    @rule(fate=FATE)
    def tend_appeals(self, fate):
        self.do(fate, lambda p: appeal_clock.tend_appeals(p, self.walk.programme))

    @precondition(lambda self: State.JOINED in self.states.values())
    @rule(last=st.sampled_from(WaveStep), fate=FATE)
    def take_wave_steps(self, last, fate):
        """Go through a wave's steps up to one of them; whoever runs a step may die, and it is asked for again."""
        steps = list(WaveStep)
        for step in steps[: steps.index(last) + 1]:
            self.do(fate, lambda p, step=step: selection.ask_step(p, WAVE, step, "operator"))
            self.walk.world.queues.take(QueueName.WAVE_STEPS)
            if step is not WaveStep.CLOSE:
                self.do(fate, lambda p, step=step: run_step(p, WAVE, step))

    # What must always hold

    @invariant()
    def everything_that_must_hold_holds(self):
        held = []
        for name in self.names:
            application = self.walk.application(name)
            if application.state in HOLDING and application.form:
                held.append(application.form.nik_tag)
            before, now = self.states[name], application.state
            assert now is before or now in _reachable(before), f"{before} to {now}"
            lost = before is not State.SELECTED or now is before or now in SEAT_GONE
            assert lost, f"{before} to {now}"
            was_refused = before is State.NOT_ELIGIBLE and now is not before
            taken_back = application.appeals or (was_refused and self.was_restored_by_a_list(name))
            assert not was_refused or taken_back, "a refusal was taken back without an appeal or a list"
            assert not application.open_appeal or now is State.NOT_ELIGIBLE, (
                "an appeal is open against nothing"
            )
            assert application.submission >= self.acknowledged[name], "an acknowledged submission is lost"
            if self.restricted[name] and application.restricted_at == self.restricted[name]:
                self._only_what_may_has_moved(before, application)
            self.restricted[name] = application.restricted_at
            self._nobody_has_decided_a_case_alone(application)
            self.states[name] = now
            Journey.seen.add(now)
        assert len(held) == len(set(held)), "a NIK is held by two"

    def teardown(self):
        """Make everything well, let time pass: nobody is stuck, every chain of evidence holds."""
        self.walk.registers.recover()
        self._let_time_pass()
        for name in self.names:
            restriction.lift(self.walk.ports, name)
            self.states[name] = self.walk.application(name).state  # a draw may have been missed
        self._let_time_pass()
        for name in self.names:
            application = self.walk.application(name)
            assert application.state not in WORKING_STATES, f"stuck in {application.state}"
            entries = applications.audit_of(self.walk.ports, application.application_id)
            assert chain_fault(entries, application.audit_length, application.audit_head) == ""
            again = replay.replay(self.walk.ports, self.walk.programme, name)
            assert Again.DIFFERS not in {each.again for each in again}, again
            named = {entry.sequence for entry in entries if BUNDLE_SHA256 in entry.facts}
            assert named == {each.sequence for each in again}
            assert named == {entry.sequence for entry in entries if entry.event in set(Decided)}
        assert self.walk.ports.rows.read_due(OUTBOX, self.walk.world.clock.now()) == []

    def _nobody_has_decided_a_case_alone(self, application):
        if application.review_case_id:
            case = load_case(self.walk.ports, application.review_case_id)
            who = [answer.reviewer for answer in case.answers]
            assert len(set(who)) == len(who) <= 3, "somebody answered twice"
            agreed = [each.decision for each in case.answers].count(case.decision)
            assert case.decision not in {*ReviewDecision} or agreed > 1 or len(who) == 3, "decided alone"

    def _only_what_may_has_moved(self, before, application):
        now = application.state
        assert now is before or now in WHILE_RESTRICTED[before], f"{before} to {now}, though restricted"
        if now is State.NOT_ELIGIBLE and now is not before:
            assert application.reasons == ("REVIEWER_REFUSED",), "a check has decided, though restricted"

    def _let_time_pass(self):
        for _ in range(12):
            self.walk.deliver()
            self.walk.world.clock.advance(minutes=20)
            reconciliation.reconcile(self.walk.ports)
        self.everything_that_must_hold_holds()

    def _handle(self, ports, queue, message):
        if queue is QueueName.CHECKS_DUE:
            verification.run_checks(ports, self.walk.programme, message)
        elif queue is QueueName.FACE_EVIDENCE:
            verification.take_evidence(ports, self.walk.programme, message)
        elif ports.rows.read(evidence_key(message.face_check_id)) is None:
            self.walk.answer(message)


def _reachable(state: State) -> set[State]:
    """Return the states that one move leads to, or two: a contested NIK moves its holder in the other's step."""
    once = {to for (at, _), to in MOVES.items() if at is state}
    return once | {to for (at, _), to in MOVES.items() if at in once}
