"""People who wait for one register are asked about in one request, once it may be asked about each of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from gelombang.domain.application import State
from gelombang.domain.checks import Layer, Outcome
from gelombang.domain.errors import DependencyError
from gelombang.domain.messages import ChecksDue, QueueName
from gelombang.journey import applications, verification
from gelombang.journey.together import asking_together
from gelombang.memory.registers import SOURCES
from tests.journey.walking import Walk, begin, citizen

COUNT = 6


class Counting:
    """Registers that count their requests by source."""

    def __init__(self, registers) -> None:
        self.registers, self.single, self.common = registers, Counter(), Counter()

    def ask(self, layer, person):
        self.single[SOURCES[layer]] += 1
        return self.registers.ask(layer, person)

    def ask_many(self, layer, people):
        self.common[SOURCES[layer]] += 1
        return self.registers.ask_many(layer, people)


class FailingOver:
    """Registers of which one fails over every request that somebody is in."""

    def __init__(self, registers, source: str, nik: str) -> None:
        self.registers, self.source, self.nik = registers, source, nik

    def ask(self, layer, person):
        if SOURCES[layer] == self.source and person.nik == self.nik:
            raise DependencyError(self.source, "status 500")
        return self.registers.ask(layer, person)

    def ask_many(self, layer, people):
        if SOURCES[layer] == self.source and self.nik in {person.nik for person in people}:
            return [None] * len(people)
        return self.registers.ask_many(layer, people)


def waiting(source: str) -> tuple[Walk, list[str], Counting]:
    """Return people who wait for one register that is off."""
    walk = begin(*(citizen(number) for number in range(1, COUNT + 1)))
    walk.registers.fail(source)
    names = [walk.submit(citizen(number), f"+62812{number:08d}") for number in range(1, COUNT + 1)]
    walk.deliver()
    assert {walk.application(name).state for name in names} == {State.CHECKING}
    counting = Counting(walk.registers)
    ports = replace(walk.ports, registers=counting)
    return replace(walk, world=replace(walk.world, ports=ports)), names, counting


def deliver_together(walk: Walk) -> None:
    walk.world.clock.advance(minutes=20)
    due: list[ChecksDue] = []
    while message := walk.world.queues.take(QueueName.CHECKS_DUE):
        due.append(message)
    ports = asking_together(walk.ports, walk.programme, due)
    for message in due:
        verification.run_checks(ports, walk.programme, message)


def test_a_register_that_is_back_is_asked_about_everybody_at_once():
    walk, names, counting = waiting("kemdikbud")
    walk.registers.recover()

    deliver_together(walk)
    walk.deliver()

    assert {walk.application(name).state for name in names} == {State.VERIFIED}
    assert (counting.single["kemdikbud"], counting.common["kemdikbud"]) == (0, 1)


def test_a_register_that_is_still_off_leaves_everybody_pending_after_one_request():
    walk, names, counting = waiting("kemdikbud")

    deliver_together(walk)

    assert {walk.application(name).state for name in names} == {State.CHECKING}
    assert (counting.single["kemdikbud"], counting.common["kemdikbud"]) == (0, 1)


def test_nobody_is_asked_about_elsewhere_before_the_population_register_has_answered():
    walk, names, counting = waiting("dukcapil")

    deliver_together(walk)

    assert set(counting.single) | set(counting.common) == {"dukcapil"}
    walk.registers.recover()
    deliver_together(walk)
    walk.deliver()
    assert {walk.application(name).state for name in names} == {State.VERIFIED}


def test_somebody_whose_form_does_not_open_leaves_the_others_together():
    walk, names, counting = waiting("kemdikbud")
    application = walk.application(names[0])
    broken = replace(application.form, sealed=application.form.sealed | {"nik": "not sealed here"})
    applications.save(walk.ports, replace(application, form=broken), "drill")
    walk.registers.recover()
    walk.world.clock.advance(minutes=20)

    ports = asking_together(walk.ports, walk.programme, [ChecksDue(name, 1) for name in names])
    verification.run_checks(ports, walk.programme, ChecksDue(names[1], 1))

    assert (counting.single["kemdikbud"], counting.common["kemdikbud"]) == (0, 1)


def test_one_alone_and_messages_of_nobody_are_asked_as_ever():
    walk, names, counting = waiting("kemdikbud")
    walk.world.clock.advance(minutes=20)
    ports = asking_together(walk.ports, walk.programme, [ChecksDue(names[0], 1), ChecksDue("nobody", 1)])

    assert ports.registers is counting


def test_whose_time_to_be_asked_about_has_not_come_is_in_no_common_request():
    walk, names, counting = waiting("kemdikbud")
    due = [ChecksDue(name, 1) for name in names]

    early = asking_together(walk.ports, walk.programme, due)
    verification.run_checks(early, walk.programme, due[0])
    walk.world.clock.advance(minutes=20)

    assert early.registers is counting
    assert not counting.single + counting.common
    assert asking_together(walk.ports, walk.programme, due).registers is not counting


def test_one_over_whom_a_register_fails_keeps_nobody_else_for_long():
    walk, names, counting = waiting("kemdikbud")
    walk.registers.recover()
    counting.registers = FailingOver(walk.registers, "kemdikbud", citizen(1).nik)

    deliver_together(walk)
    assert counting.common["kemdikbud"] == 1
    for tries in range(40):  # tosses of a coin: 40 times on one side is once in 10 to the 11
        asked = counting.common["kemdikbud"] + counting.single["kemdikbud"]
        deliver_together(walk)
        assert counting.common["kemdikbud"] + counting.single["kemdikbud"] <= asked + 2, tries
    walk.deliver()

    states = [walk.application(name).state for name in names]
    assert states == [State.CHECKING, *[State.VERIFIED] * (COUNT - 1)]


def test_whoever_waits_for_the_first_time_is_not_with_those_who_often_did():
    walk, names, counting = waiting("kemdikbud")
    walk.registers.recover()
    counting.registers = FailingOver(walk.registers, "kemdikbud", citizen(1).nik)
    due = [ChecksDue(name, 1) for name in names]

    for some in (due[:1], due):  # alone and in vain; then with everybody else
        walk.world.clock.advance(minutes=20)
        ports = asking_together(walk.ports, walk.programme, some)
        for message in some:
            verification.run_checks(ports, walk.programme, message)

    outcomes = [walk.application(name).checks[Layer.EDUCATION].outcome for name in names]
    assert outcomes == [Outcome.PENDING, *[Outcome.PASSED] * (COUNT - 1)]
