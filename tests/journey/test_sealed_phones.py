"""Phones sealed with their own person's key, from the first sign-in on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from gelombang.domain.errors import CodeError, NotFoundError
from gelombang.journey import (
    codes,
    notices,
    sessions,
)
from gelombang.journey.ports import Put
from gelombang.journey.reach import phone_context
from tests.journey.key_phases import (
    PHONE,
    interleaved,
)
from tests.journey.walking import begin


def test_a_phone_is_sealed_with_its_owners_key_and_opens_no_more_once_that_is_destroyed():
    walk = begin()
    mine, hers = walk.sign_in(PHONE), walk.sign_in("+6281234567891")
    sealed = walk.application(mine).sealed_phone

    opened = walk.ports.vault.open(sealed, phone_context(mine))

    assert opened == PHONE
    with pytest.raises(ValueError, match="context"):
        walk.ports.vault.open(sealed, phone_context(hers))
    walk.ports.vault.forget(mine)
    with pytest.raises(NotFoundError):
        walk.ports.vault.open(sealed, phone_context(mine))


def test_a_notice_to_somebody_who_was_erased_meanwhile_is_dropped():
    walk = begin()
    application = walk.application(walk.sign_in(PHONE))
    row = notices.notice_row(walk.ports, notices.Notice.to(application, "n1", "Halo."))
    walk.ports.rows.commit([Put(row)])
    walk.ports.vault.forget(application.application_id)

    told = notices.send_notice(walk.ports, replace(row, version=1))

    assert told
    assert all(text != "Halo." for _, text in walk.world.texts.sent)


def test_one_code_taken_by_many_at_once_makes_a_key_for_one_person():
    walk = begin()
    sealed = []
    vault = walk.ports.vault
    seal = vault.seal
    vault.seal = lambda plain, context: sealed.append(context) or seal(plain, context)
    sent = codes.send_code(walk.ports, PHONE)
    code = walk.world.texts.sent[-1][1][10:16]

    def take(ports):
        with suppress(CodeError):
            sessions.confirm_code(ports, sent.challenge_id, code)

    interleaved([0, 1, 2] * 5, [(walk.ports, take)] * 3, lambda: None)

    assert len({context["application_id"] for context in sealed if "application_id" in context}) == 1
