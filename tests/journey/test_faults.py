"""Every call to the outside fails once, before or after it took effect: nobody is lost, nobody is doubled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gelombang.domain.application import Slot, State
from gelombang.domain.errors import ConflictError, DependencyError, GelombangError
from gelombang.domain.messages import QueueName
from gelombang.journey import photos, reconciliation, registration, verification
from gelombang.journey.applications import OUTBOX
from tests.journey.walking import JPEG, SPOILED, begin, citizen

PORTS = ("rows", "photos", "queues", "texts", "vault", "registers")
STEPS = {
    QueueName.CHECKS_DUE: verification.run_checks,
    QueueName.FACE_EVIDENCE: verification.take_evidence,
}


class Trouble:
    """Lets one numbered call fail; counts all calls."""

    def __init__(self, fail_at: int, *, after_effect: bool) -> None:
        self.count, self._fail_at, self._after_effect = 0, fail_at, after_effect

    def around(self, port):
        """Return a port whose calls are counted and may fail."""
        trouble = self

        class Failing:
            def __getattr__(self, name):
                call = getattr(port, name)
                return lambda *given, **named: trouble.make(call, *given, **named)

        return Failing()

    def make(self, call, *given, **named):
        self.count += 1
        if self.count != self._fail_at:
            return call(*given, **named)
        if self._after_effect:
            call(*given, **named)
        raise DependencyError("somewhere", "injected")


def keep_trying(step):
    """Do what a client or a queue does: try again until it is done, or refused because it is done already."""
    for _ in range(4):
        try:
            return step()
        except (DependencyError, ConflictError):
            continue
        except GelombangError as refused:
            return refused
    raise AssertionError("never done")


def walk_through(trouble):
    """Walk one person through a spoiled selfie and a retake, with `trouble` in every port."""
    walk = begin(citizen())
    name = walk.sign_in()
    walk.fill(name, citizen())
    walk.selfies[name] = SPOILED
    sound = walk.ports
    ports = replace(sound, **{port: trouble.around(getattr(sound, port)) for port in PORTS})

    def send(slot):
        form = photos.offer_upload(ports, name, slot, "image/jpeg", len(JPEG))
        walk.world.photos.receive(form.fields["key"], JPEG)
        photos.record_arrival(ports, form.fields["key"])

    def deliver():
        for _ in range(12):
            for queue in (QueueName.CHECKS_DUE, QueueName.FACE_EVIDENCE):
                while message := walk.world.queues.take(queue):
                    keep_trying(lambda step=STEPS[queue], due=message: step(ports, walk.programme, due))
            while asked := walk.world.queues.take(QueueName.FACE_REQUESTS):
                walk.answer(asked)
            walk.world.clock.advance(minutes=16)
            keep_trying(lambda: reconciliation.reconcile(ports))

    for slot in Slot:
        keep_trying(lambda slot=slot: send(slot))
    keep_trying(lambda: registration.submit(ports, name))
    deliver()
    assert walk.application(name).state is State.NEEDS_PHOTO
    del walk.selfies[name]
    keep_trying(lambda: send(Slot.SELFIE))
    keep_trying(lambda: registration.submit(ports, name))
    deliver()
    return walk, name


def calls_of_a_quiet_walk() -> int:
    quiet = Trouble(0, after_effect=False)
    walk_through(quiet)
    return quiet.count


@pytest.mark.parametrize("after_effect", [False, True], ids=["before the effect", "after the effect"])
def test_one_failing_call_anywhere_loses_and_doubles_nothing(after_effect):
    for fail_at in range(1, calls_of_a_quiet_walk() + 1):
        walk, name = walk_through(Trouble(fail_at, after_effect=after_effect))

        application = walk.application(name)
        assert (fail_at, application.state) == (fail_at, State.VERIFIED)
        assert application.submission == 2
        assert walk.ports.rows.read_due(OUTBOX, walk.world.clock.now()) == []
        assert walk.ports.rows.read_due("review", walk.world.clock.now()) == []
