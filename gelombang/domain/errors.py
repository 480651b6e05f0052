"""Every error of the system, drawn once.

GelombangError
├── RefusedError                   the caller can do something about it; nothing was changed
│   ├── InvalidFormError           fields are missing or wrong (all of them at once)
│   ├── CodeError                  a phone code is wrong, used up or expired
│   ├── NotSignedInError           no session, or it has ended
│   ├── NotAllowedError            the session is not allowed to do this
│   ├── NotFoundError              nothing of the caller's has this name
│   ├── MoveNotAllowedError        the application is not in a state for this
│   │   └── RestrictedError        its owner has restricted the processing of their data
│   ├── WaveNotOpenError           outside the wave's hours
│   ├── WaveIdTakenError           another wave has this id
│   ├── FormChangedError           the form is not any more as the caller last saw it
│   ├── KeyReusedError             the key of a request was used for another one before
│   ├── StillRunningError          the same request is being worked on
│   ├── UploadOffsetError          an upload does not stand where this chunk begins
│   ├── UploadEndedError           an upload's time is over, or another has taken its place
│   ├── UploadTooLargeError        more than was announced, or more than is taken
│   ├── ChecksumError              what arrived is not what was sent
│   ├── NotReadyError              something is still missing before this can be done
│   └── TooManyRequestsError       wait, then try again
├── ConflictError                  somebody else changed the same rows first: read again and retry
└── DependencyError                a queue, table or register could not be reached: the step is retried

Fields, not sentences, carry the facts: `gelombang.api.problems` turns each class into one RFC 9457 type.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


class GelombangError(Exception):
    """The root of every error raised on purpose."""


class RefusedError(GelombangError):
    """The caller asked for something that cannot be done; nothing was changed."""


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One field of a form that is not right: `pointer` is a JSON pointer, `reason` a code with a text."""

    pointer: str
    reason: str


class InvalidFormError(RefusedError):
    """One or more fields are missing or wrong; all of them are named at once."""

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__(", ".join(f"{fault.pointer}:{fault.reason}" for fault in faults))
        self.faults = faults


class CodeError(RefusedError):
    """A phone code was not accepted; `reason` is CODE_WRONG, CODE_EXPIRED or CODE_USED_UP.

    `resend_after_s` is the wait until another message can be sent, 0 when it can be now.
    """

    def __init__(self, reason: str, tries_left: int = 0, resend_after_s: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.tries_left = tries_left
        self.resend_after_s = resend_after_s


class NotSignedInError(RefusedError):
    """The request carries no session, or one that has ended."""


class NotAllowedError(RefusedError):
    """The session exists but its role may not do this."""


class NotFoundError(RefusedError):
    """Nothing that the caller may see has this name."""


class MoveNotAllowedError(RefusedError):
    """The state machine has no such move from where the application or wave is now."""

    def __init__(self, state: str, move: str) -> None:
        super().__init__(f"{move} from {state}")
        self.state = state
        self.move = move


class RestrictedError(MoveNotAllowedError):
    """The applicant has restricted the processing of their data: nothing is done with it until they lift that."""


class FormChangedError(RefusedError):
    """The form was changed since the caller last saw it; `etag` says how it is now."""

    def __init__(self, etag: str) -> None:
        super().__init__(etag)
        self.etag = etag


class KeyReusedError(RefusedError):
    """The key that names a request was used for another request before."""


class StillRunningError(RefusedError):
    """The same request is being worked on; after `retry_after_s` seconds its answer may be there."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"retry after {retry_after_s} s")
        self.retry_after_s = retry_after_s


class WaveNotOpenError(RefusedError):
    """A wave is joined only inside its hours."""

    def __init__(self, opens_at: datetime, closes_at: datetime) -> None:
        super().__init__(f"open from {opens_at.isoformat()} until {closes_at.isoformat()}")
        self.opens_at = opens_at
        self.closes_at = closes_at


class WaveIdTakenError(RefusedError):
    """Another wave, with another definition, has this id; trying again never helps."""


class UploadOffsetError(RefusedError):
    """The upload stands at `offset`, not where this chunk begins."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the upload stands at {offset}")
        self.offset = offset


class UploadEndedError(RefusedError):
    """The upload's time is over, or another one has taken its place."""


class UploadTooLargeError(RefusedError):
    """More was sent, or announced, than is taken."""


class ChecksumError(RefusedError):
    """What arrived is not what was sent."""


class NotReadyError(RefusedError):
    """Something must come first; `missing` names reason codes, each with a text."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(", ".join(missing))
        self.missing = missing


class TooManyRequestsError(RefusedError):
    """Too many tries; waiting `retry_after_s` seconds helps."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"retry after {retry_after_s} s")
        self.retry_after_s = retry_after_s


class ConflictError(GelombangError):
    """A row was not as it was when read; `keys` are the rows concerned, as `partition/sort`."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        super().__init__(", ".join(keys))
        self.keys = keys


class DependencyError(GelombangError):
    """A service we depend on could not be reached or answered nonsense; `service` names it.

    `may_be_done`: no answer came to what was sent, so that it may have been done all the same.
    """

    def __init__(self, service: str, detail: str = "", *, may_be_done: bool = False) -> None:
        super().__init__(f"{service}: {detail}" if detail else service)
        self.service = service
        self.may_be_done = may_be_done
