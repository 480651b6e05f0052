"""What goes into a seed beside the programme's own secret, and what nobody does alone: a draw that is held anew.

before the commitment   a party gives the SHA-256 of its secret
after it                the party tells the secret; without all of them nothing is drawn
                        the beacon's round is given; a wrong one is replaced by the right one until the draw
a secret never told, a beacon that is dead, a draw found wrong before it is published
                        one operator asks to hold the draw anew, another confirms it in the same words;
                        the wave is FROZEN again, with the next number, and whatever was replaced stays public

Whether a signature is the round's is not checked here. The library for it (py_ecc) is none of the functions'
dependencies; `gelombang wave beacon` checks it before it is sent, and every verifier afterwards, who needs nobody's
word for it. So one that was sent by other means and is wrong must not stop the draw: until that is asked for, another
signature takes its place, and the page's history keeps both. Nobody gains by it, for only one signature of the promised
round passes a verifier. One that was replaced does not come back: a request that was sent twice changes nothing later.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from gelombang.domain.beacon import time_of
from gelombang.domain.draw import OWN_PARTY
from gelombang.domain.draw_bundle import FROZEN, sha256
from gelombang.domain.errors import FieldFault, InvalidFormError, MoveNotAllowedError
from gelombang.domain.reasons import Reason
from gelombang.domain.wave import Anew, StepTaken, Wave, WaveState, draw_number, state_of
from gelombang.journey.ports import Ports
from gelombang.journey.wave_rows import bundle_key, change_wave

BEFORE_THE_COMMITMENT = (WaveState.PLANNED, WaveState.OPEN, WaveState.CLOSED, WaveState.FROZEN)
REPLACED = "beacon_replaced"  # in a wave's history, with the signature that was there before
REPLACEABLE = (WaveState.COMMITTED, WaveState.DRAWN)  # later, people have been told


class PartysSecret(Protocol):
    """What a party brings: its secret's SHA-256 before the commitment, the secret after it, the other one ""; hex."""

    party: str
    sha256: str
    secret: str


def keep_secret(ports: Ports, wave_id: str, given: PartysSecret, operator: str) -> Wave:
    """Keep what a party promises or tells.

    Raises:
        InvalidFormError: both are given, or none, or as `promise_secret` and `tell_secret`.
        NotFoundError, MoveNotAllowedError: as these.
    """
    if bool(given.sha256) == bool(given.secret):
        raise InvalidFormError((FieldFault("/secret", Reason.FIELD_INVALID),))
    if given.secret:
        return tell_secret(ports, wave_id, given.party, bytes.fromhex(given.secret), operator)
    return promise_secret(ports, wave_id, given.party, given.sha256, operator)


def promise_secret(ports: Ports, wave_id: str, party: str, hash_hex: str, operator: str) -> Wave:
    """Keep the SHA-256 (hex) of a party's secret, which will go into the seed; another one takes its place.

    Raises:
        NotFoundError: there is no such wave.
        InvalidFormError: the name is the programme's own.
        MoveNotAllowedError: the commitment is made, or being made.
    """
    if party == OWN_PARTY:
        raise InvalidFormError((FieldFault("/party", Reason.FIELD_INVALID),))

    def promised(wave: Wave) -> Wave:
        if wave.parties.get(party) == hash_hex:
            return wave
        state = state_of(wave, ports.clock.now())
        if state not in BEFORE_THE_COMMITMENT or wave.sealed_secret:
            raise MoveNotAllowedError(state, "promise_secret")
        return _noted(
            ports, wave, f"secret_promised: {party}", operator, parties={**wave.parties, party: hash_hex}
        )

    return change_wave(ports, wave_id, promised)


def tell_secret(ports: Ports, wave_id: str, party: str, secret: bytes, operator: str) -> Wave:
    """Keep a party's secret (32 bytes), now that the commitment to it is public.

    Raises:
        NotFoundError: there is no such wave.
        InvalidFormError: no such party promised one, or it promised another one.
        MoveNotAllowedError: the wave is not committed.
    """

    def told(wave: Wave) -> Wave:
        if wave.parties.get(party) != sha256(secret):
            name = "/secret" if party in wave.parties else "/party"
            raise InvalidFormError((FieldFault(name, Reason.FIELD_INVALID),))
        if party in wave.told_secrets:
            return wave
        state = state_of(wave, ports.clock.now())
        if state is not WaveState.COMMITTED:
            raise MoveNotAllowedError(state, "tell_secret")
        secrets = {**wave.told_secrets, party: secret.hex()}
        return _noted(ports, wave, f"secret_told: {party}", operator, told_secrets=secrets)

    return change_wave(ports, wave_id, told)


class Beacon(Protocol):
    """A round of the beacon: its signature, 48 bytes in hex."""

    beacon: str


def announce_beacon(ports: Ports, wave_id: str, given: Beacon, operator: str) -> Wave:
    """Keep the signature of the round that the commitment names, in place of another one that was given before.

    Raises:
        NotFoundError: there is no such wave.
        MoveNotAllowedError: the wave is not committed or its draw is asked for, it promised no beacon, the round has
            not come, or this signature was replaced already.
    """

    def announced(wave: Wave) -> Wave:
        source, now = wave.definition.beacon_source, ports.clock.now()
        if source and wave.beacon == given.beacon:
            return wave
        is_awaited = source and not wave.asked and state_of(wave, now) is WaveState.COMMITTED
        was_replaced = any(step.event == f"{REPLACED}: {given.beacon}" for step in wave.history)
        if not is_awaited or was_replaced or now < time_of(source, wave.beacon_round):
            raise MoveNotAllowedError(state_of(wave, now), "announce_beacon")
        event = f"{REPLACED}: {wave.beacon}" if wave.beacon else "beacon_announced"
        return _noted(ports, wave, event, operator, beacon=given.beacon)

    return change_wave(ports, wave_id, announced)


class Wish(Protocol):
    """Why a draw is to be held anew."""

    reason: str


def hold_anew(ports: Ports, wave_id: str, given: Wish, operator: str) -> Wave:
    """Ask to hold the draw anew; done once another operator asks with the same reason.

    Parties promise anew: whoever kept silent must not be waited for again.

    Raises:
        NotFoundError: there is no such wave.
        MoveNotAllowedError: the wave is not committed, a step is under way, or its results are published.
    """
    reason = given.reason

    def asked(wave: Wave) -> Wave:
        state, number = state_of(wave, ports.clock.now()), draw_number(wave)
        if (
            wave.anew
            and wave.anew.draw == number
            and len(wave.anew.approvers) > 1
            and wave.anew.reason == reason
        ):
            return wave  # done already
        if state not in REPLACEABLE or wave.asked:  # a publication under way is telling people
            raise MoveNotAllowedError(state, "hold_anew")
        waiting = wave.anew if wave.anew and wave.anew.draw == number + 1 else None
        if waiting and waiting.reason == reason and operator in waiting.approvers:
            return wave
        if waiting is None or waiting.reason != reason:
            anew = Anew(number + 1, reason, (operator,))
            return _noted(ports, wave, f"anew_asked: {reason}", operator, anew=anew)
        _copy_frozen(ports, wave_id, number + 1)
        anew = replace(waiting, approvers=tuple(sorted((*waiting.approvers, operator))))
        return _noted(
            ports,
            wave,
            f"anew_confirmed: {reason}",
            operator,
            anew=anew,
            replaced=(*wave.replaced, wave.commitment_sha256),
            reached=WaveState.FROZEN,
            asked=None,
            sealed_secret="",
            beacon_round=0,
            beacon="",
            commitment_sha256="",
            results_sha256="",
            outcomes={},
            parties={},
            told_secrets={},
        )

    return change_wave(ports, wave_id, asked)


def _copy_frozen(ports: Ports, wave_id: str, draw: int) -> None:
    """Put what was frozen beside the next draw too, so that each draw's folder can be checked alone."""
    for name in FROZEN:
        kind = "application/json" if name.endswith(".json") else "text/csv"
        content = ports.documents.read(bundle_key(wave_id, name, draw - 1))
        ports.documents.write(bundle_key(wave_id, name, draw), content, kind)


def _noted(ports: Ports, wave: Wave, event: str, operator: str, **changes: object) -> Wave:
    history = (*wave.history, StepTaken(event, operator, ports.clock.now()))
    return replace(wave, history=history, **changes)  # type: ignore[arg-type]  # checked by the callers above
