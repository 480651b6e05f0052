"""An officer's desk in memory: people without a phone, walked through the journey in the officer's session."""

from __future__ import annotations

import re
from dataclasses import replace

from gelombang.domain.application import Slot
from gelombang.domain.messages import QueueName
from gelombang.journey import applications, assistance, contacts, registration, sessions, verification
from gelombang.journey.staff import Staff
from tests.journey.walking import Walk, citizen

BUDI = Staff("budi", "officer", "3171")
WATI = Staff("wati", "officer", "3578")  # of another district
NOT_A_CODE = "0000-0000-0000-0000-0000"


def registered(walk):
    """Begin with an officer, type everything, send the photographs and hand it in; its checks have begun."""
    begun = assistance.start(walk.ports, BUDI)
    desk, _ = at_the_desk(walk, begun.token)
    desk.fill(begun.application_id, citizen())
    for slot in Slot:
        desk.send_photo(begun.application_id, slot)
    registration.submit(desk.ports, begun.application_id)
    verification.run_checks(walk.ports, walk.programme, walk.world.queues.take(QueueName.CHECKS_DUE))
    return begun


def at_the_desk(walk, token):
    """Return a walk in which an officer's session works, as the routes let it, and the session."""
    session = sessions.session_of(walk.ports, token)
    ports = replace(walk.ports, assistance=session.assistance)
    world = replace(walk.world, ports=ports)
    return Walk(world, walk.registers, walk.programme, walk.selfies), session


def events(walk, name):
    return [
        (each.event, each.facts.get("assisted_by", "")) for each in applications.audit_of(walk.ports, name)
    ]


def reasons(refused):
    return [(fault.pointer, fault.reason) for fault in refused.value.faults]


def add_phone(walk, session, phone):
    sent = contacts.ask_to_change_phone(walk.ports, session, phone)
    return contacts.change_phone(walk.ports, session, sent.challenge_id, last_code(walk))


def last_code(walk):
    return re.search(r"\b\d{6}\b", walk.world.texts.sent[-1][1])[0]
