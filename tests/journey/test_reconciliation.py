"""The reconciler: a row that cannot be worked on keeps no other waiting, and nothing that waits is forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gelombang.domain.application import MADE_BY_THE_MACHINE, MOVES, WORKING_STATES, State
from gelombang.domain.errors import DependencyError
from gelombang.domain.messages import QueueName
from gelombang.journey import applications, challenge, notices, reconciliation
from gelombang.journey.applications import OUTBOX
from gelombang.journey.notices import NOTICES, Notice
from gelombang.journey.ports import Due, Key, Put, Row
from tests.journey.walking import begin, citizen


class UnheardTexts:
    """A provider that takes every message and never answers."""

    def __init__(self) -> None:
        self.taken = []

    def send(self, phone, text):
        self.taken.append((phone, text))
        raise DependencyError("sns", "ReadTimeoutError", may_be_done=True)


class ClosedTexts:
    """A provider that takes nothing, and says so."""

    def send(self, *_):
        raise DependencyError("sns", "Throttled")


@pytest.fixture
def walk():
    return begin(citizen())


def untold(walk):
    """Keep a notice for somebody, as if whoever wrote it had died before sending it."""
    application = walk.application(walk.sign_in())
    row = notices.notice_row(walk.ports, Notice.to(application, "phone-1", "Nomor HP Anda diganti."))
    walk.ports.rows.commit([Put(row)])
    walk.world.clock.advance(minutes=1)


def rounds(ports, walk, count):
    for _ in range(count):
        reconciliation.reconcile(ports)
        walk.world.clock.advance(minutes=3)


def test_the_states_of_the_worklist_follow_from_the_moves_that_the_machine_alone_makes():
    assert {State.CHECKING} == WORKING_STATES
    assert {at for (at, how) in MOVES if how in MADE_BY_THE_MACHINE} == WORKING_STATES


def test_a_message_that_nobody_can_read_keeps_no_other_waiting(walk):
    now = walk.world.clock.now()
    walk.ports.rows.commit([Put(Row(Key("OUTBOX#0"), {"queue": "no such queue"}, due=Due(OUTBOX, now)))])
    walk.world.clock.advance(seconds=1)
    name = walk.submit(citizen())
    walk.world.queues.take(QueueName.CHECKS_DUE)
    walk.world.clock.advance(minutes=20)

    with pytest.raises(ValueError, match="no such queue"):
        reconciliation.reconcile(walk.ports)

    assert walk.world.queues.take(QueueName.CHECKS_DUE).application_id == name


def test_more_than_a_hundred_rows_that_fail_keep_no_other_waiting(walk):
    now = walk.world.clock.now()
    for number in range(150):
        row = Row(Key(f"OUTBOX#{number:03d}"), {"queue": "no such queue"}, due=Due(OUTBOX, now))
        walk.ports.rows.commit([Put(row)])
    untold(walk)

    with pytest.raises(ValueError, match="no such queue"):
        reconciliation.reconcile(walk.ports)

    assert walk.world.texts.sent[-1][1] == "Nomor HP Anda diganti."


def test_a_notice_of_which_nobody_knows_whether_it_came_is_sent_twice_and_no_more(walk):
    untold(walk)
    texts = UnheardTexts()

    rounds(replace(walk.ports, texts=texts), walk, 6)

    assert len(texts.taken) == notices.MOST_SENDS
    assert walk.ports.rows.read_due(NOTICES, walk.world.clock.now()) == []


def test_a_notice_that_surely_did_not_come_is_sent_until_it_does(walk):
    untold(walk)
    sent_before = len(walk.world.texts.sent)

    rounds(replace(walk.ports, texts=ClosedTexts()), walk, 6)
    rounds(walk.ports, walk, 2)

    assert len(walk.world.texts.sent) == sent_before + 1


def test_an_answered_challenge_whose_messages_were_lost_is_asked_about_again(walk):
    name = walk.submit(citizen())
    walk.similarity[name] = 0.1
    walk.deliver()
    issued = challenge.issue_challenge(walk.ports, name)
    for form in issued.uploads:
        walk.world.photos.receive(form.fields["key"], b"\xff\xd8\xff frame")
    challenge.answer_challenge(walk.ports, name, issued.challenge_id)
    walk.world.clock.advance(minutes=1)
    walk.world.queues.take(QueueName.FACE_REQUESTS)  # lost

    walk.world.clock.advance(minutes=16)
    found = reconciliation.reconcile(walk.ports)

    assert found.redriven_count == 1
    assert walk.world.queues.take(QueueName.FACE_REQUESTS).challenge_id == issued.challenge_id
    assert applications.audit_of(walk.ports, name)[-1].event == "challenge_redriven"
    assert reconciliation.reconcile(walk.ports).redriven_count == 0


def test_evidence_that_comes_while_a_register_is_away_asks_for_no_second_round_of_checks(walk):
    walk.registers.fail("kemdikbud")
    walk.submit(citizen())
    for _ in range(3):  # checks, face, evidence
        walk.deliver()

    assert walk.world.queues.waiting_count(QueueName.CHECKS_DUE) == 1
