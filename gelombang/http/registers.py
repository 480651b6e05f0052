"""Asks the registers over HTTP: one POST of JSON each, answered with the facts of one person.

    layer                POST to                   sends    facts in the answer
    population, age, kk  /dukcapil/person          nik, kk  found: true or false; and where true
                                                            name, birth_date (ISO 8601), sex (F, M), region (four
                                                            digits), citizenship (WNI, WNA), kk_matches (is it the
                                                            holder's family card)
    education            /kemdikbud/students       nik      enrolled: true or false
    religious_education  /kemenag/students         nik      enrolled: true or false
    aid                  /kemensos/recipients      nik      receives_aid: true or false
    excluded_occupation  /exclusions/occupations   nik      occupation: a code, or "" when not listed
    earlier_recipient    /prakerja/recipients      nik      received: true or false
    blacklist            /prakerja/blacklist       nik      blacklisted: true or false
    household_cap        /prakerja/households      nik, kk  recipients: how many of the family card were before

An answer is `{"list_version", "listed_on", "about", "facts"}`; `about` is the number that was asked about (the first
field sent), said again, so that no answer meant for somebody else counts. A register that agreed to it answers about
many at once: POST to the path with /batch `{"people": [{nik, …}, …]}`, answered with `{"list_version", "listed_on",
"answers": [{"about", "facts"}, …]}`. Where it cannot be said whose each part is, none of them counts; a part that is
wrong in nothing but its own facts is no answer about that one person.

A NIK travels in the body only, never in a URL, and no register is told more than it needs. Whatever is not exactly such
an answer, is about somebody else, or comes from an older list than an answer before is a DependencyError: the check
stays pending. Nothing of the answer is ever in the error, because it may hold personal data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Generic, Literal, TypeVar

import urllib3
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gelombang.domain.checks import Layer, Person, RegisterAnswer
from gelombang.domain.errors import DependencyError
from gelombang.domain.sources import Source
from gelombang.http.guard import Guard

TIMEOUT_S = (
    2.5  # of one try; a register usually answers in tens of milliseconds, and the check is tried again
)
# Asking is reading, so it may be repeated: once, after 0.2 to 0.4 s, when the register did not answer, and where the
# guard lets it: a register in trouble is not asked twice as much.
RETRY = urllib3.Retry(
    total=1,
    redirect=False,
    status_forcelist=(502, 503, 504),
    allowed_methods=frozenset({"POST"}),
    backoff_factor=0.2,
    backoff_jitter=0.2,
    raise_on_status=False,
    respect_retry_after_header=False,
)
NO_RETRY = RETRY.new(total=0)
MOST_BYTES = 65_536  # of an answer about one person
MOST_BYTES_EACH = 4096  # and of each person's part of an answer about many
AHEAD = timedelta(
    days=2
)  # a list dated further ahead is nonsense, and would make every other list an older one
UNAGREED = Source(
    "", requests_per_s=500, batch_most=1, list_days_most=120
)  # of a source that the programme does not name
OK = 200

_Facts = TypeVar("_Facts")
_Told = TypeVar("_Told")
_NotAsAgreed = Annotated[None, BeforeValidator(lambda _given: None)]  # whatever was given


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)  # fields we do not know may be added by a register


class _Found(_Shape):
    found: Literal[True]
    name: str
    birth_date: date
    sex: Literal["F", "M"]
    region: Annotated[str, Field(pattern=r"^[0-9]{4}$")]
    citizenship: Literal["WNI", "WNA"]
    kk_matches: bool


class _NotFound(_Shape):
    found: Literal[False]


class _Enrolment(_Shape):
    enrolled: bool


class _Aid(_Shape):
    receives_aid: bool


class _Occupation(_Shape):
    occupation: str


class _Receipt(_Shape):
    received: bool


class _Blacklist(_Shape):
    blacklisted: bool


class _Household(_Shape):
    recipients: Annotated[int, Field(ge=0)]


class _Answer(_Shape, Generic[_Facts]):
    list_version: Annotated[str, Field(min_length=1, max_length=80)]
    listed_on: date
    about: str
    facts: _Facts


class _Part(_Shape, Generic[_Facts]):
    """One person's part of an answer about many: None for facts that are not as agreed."""

    about: str
    facts: Annotated[_Facts | _NotAsAgreed, Field(union_mode="left_to_right")] = None


class _Answers(_Shape, Generic[_Facts]):
    list_version: Annotated[str, Field(min_length=1, max_length=80)]
    listed_on: date
    answers: tuple[_Part[_Facts], ...]


@dataclass(frozen=True, slots=True)
class _Register:
    source: str
    path: str
    one: type[_Answer[Any]]
    many: type[_Answers[Any]]
    asked_with: tuple[str, ...] = ("nik",)  # the first is what the answer must be about


_PersonFacts = Annotated[_Found | _NotFound, Field(discriminator="found")]
_POPULATION = _Register(
    "dukcapil", "/dukcapil/person", _Answer[_PersonFacts], _Answers[_PersonFacts], ("nik", "kk")
)
_REGISTERS: dict[Layer, _Register] = {
    Layer.POPULATION: _POPULATION,
    Layer.AGE: _POPULATION,
    Layer.KK: _POPULATION,
    Layer.EDUCATION: _Register("kemdikbud", "/kemdikbud/students", _Answer[_Enrolment], _Answers[_Enrolment]),
    Layer.RELIGIOUS_EDUCATION: _Register(
        "kemenag", "/kemenag/students", _Answer[_Enrolment], _Answers[_Enrolment]
    ),
    Layer.AID: _Register("kemensos", "/kemensos/recipients", _Answer[_Aid], _Answers[_Aid]),
    Layer.EXCLUDED_OCCUPATION: _Register(
        "exclusions", "/exclusions/occupations", _Answer[_Occupation], _Answers[_Occupation]
    ),
    Layer.EARLIER_RECIPIENT: _Register(
        "prakerja", "/prakerja/recipients", _Answer[_Receipt], _Answers[_Receipt]
    ),
    Layer.BLACKLIST: _Register(
        "prakerja_blacklist", "/prakerja/blacklist", _Answer[_Blacklist], _Answers[_Blacklist]
    ),
    Layer.HOUSEHOLD_CAP: _Register(
        "prakerja_households",
        "/prakerja/households",
        _Answer[_Household],
        _Answers[_Household],
        ("nik", "kk"),
    ),
}


@dataclass(frozen=True, slots=True)
class _Posted:
    body: bytes
    fault: str  # why there is no answer; "": there is one
    retries: int


class _WrongAnswerError(Exception):
    """A well-formed answer that cannot be about what was asked."""


class HttpRegisters:
    """`gelombang.journey.ports.Registers` at `base_url`; connections are kept between questions.

    `sources` says what was agreed about each source; `now` what time it is, to know a list that is too old.
    """

    def __init__(
        self,
        base_url: str,
        timeout_s: float = TIMEOUT_S,
        *,
        sources: Mapping[str, Source] | None = None,
        now: Callable[[], datetime] | None = None,
        guard: Callable[[str, float], Guard] = Guard,
    ) -> None:
        self._base_url, self._now = base_url.rstrip("/"), now
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(total=timeout_s), retries=NO_RETRY)
        names = {register.source for register in _REGISTERS.values()}
        self._sources = {name: (sources or {}).get(name, UNAGREED) for name in names}
        self._guards = {name: guard(name, source.share_per_s) for name, source in self._sources.items()}
        self._newest: dict[str, date] = {}  # list of each source so far

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.clear()

    def ask(self, layer: Layer, person: Person) -> RegisterAnswer:
        """Ask the register of one layer about one person; see the table above for the facts.

        Raises:
            DependencyError: not reached in time, not answered in the agreed shape, or not to be asked now.
        """
        register = _REGISTERS[layer]
        question = _question(register, person)

        def read(body: bytes) -> RegisterAnswer:
            answer = register.one.model_validate_json(body)
            if answer.about != question[register.asked_with[0]]:
                raise _WrongAnswerError("an answer about somebody else")
            return RegisterAnswer(register.source, self._version(register, answer), _plain(answer.facts))

        return self._asked(register, register.path, question, MOST_BYTES, read)

    def ask_many(self, layer: Layer, people: Sequence[Person]) -> list[RegisterAnswer | None]:
        """Ask about many people in as few requests as was agreed; None for whom there was no answer.

        Where the register takes one person a request, each is asked about by itself.
        """
        register = _REGISTERS[layer]
        most = self._sources[register.source].batch_most
        found: list[RegisterAnswer | None] = []
        for some in _batches(people, most):
            found += self._ask_some(register, layer, some)
        return found

    def _ask_some(
        self, register: _Register, layer: Layer, people: Sequence[Person]
    ) -> Sequence[RegisterAnswer | None]:
        try:
            return [self.ask(layer, people[0])] if len(people) == 1 else self._ask_at_once(register, people)
        except DependencyError:
            return [None] * len(people)

    def _ask_at_once(self, register: _Register, people: Sequence[Person]) -> Sequence[RegisterAnswer | None]:
        questions = [_question(register, person) for person in people]
        asked = [question[register.asked_with[0]] for question in questions]

        def read(body: bytes) -> list[RegisterAnswer | None]:
            answer = register.many.model_validate_json(body)
            version = self._version(register, answer)
            parts = {part.about: part for part in answer.answers}
            if len(parts) != len(answer.answers) or not parts.keys() <= set(asked):
                raise _WrongAnswerError("answers about somebody else")
            # About whom each part is is known by now: one with wrong facts keeps nobody else from an answer.
            told = {about: _plain(part.facts) for about, part in parts.items() if part.facts is not None}
            if parts and not told:
                raise _WrongAnswerError("not as agreed in any part")
            return [
                RegisterAnswer(register.source, version, told[about]) if about in told else None
                for about in asked
            ]

        most_bytes = MOST_BYTES + MOST_BYTES_EACH * len(people)
        return self._asked(register, f"{register.path}/batch", {"people": questions}, most_bytes, read)

    def _asked(
        self,
        register: _Register,
        path: str,
        question: Mapping[str, Any],
        most_bytes: int,
        read: Callable[[bytes], _Told],
    ) -> _Told:
        """Ask when it is our turn, and note whether what came was an answer."""
        guard = self._guards[register.source]
        guard.admit()
        posted = self._post(path, question, most_bytes, RETRY if guard.may_retry() else NO_RETRY)
        told, fault = None, posted.fault
        try:
            told = read(posted.body) if not fault else None
        except (
            ValidationError
        ) as error:  # the words alone: pydantic's error carries the values it did not like
            fields = {".".join(map(str, each["loc"])) for each in error.errors(include_input=False)}
            fault = f"not as agreed: {', '.join(sorted(fields))}"
        except _WrongAnswerError as error:
            fault = str(error)
        guard.note(is_answered=told is not None, retries=posted.retries)
        if told is None:
            raise DependencyError(register.source, fault)
        return told

    def _version(self, register: _Register, answer: _Answer[Any] | _Answers[Any]) -> str:
        """Return the version of the list that was answered from, unless it cannot be right."""
        newest = self._newest.get(register.source, answer.listed_on)
        if answer.listed_on < newest:
            raise _WrongAnswerError("an answer from an older list than before")
        if self._now:
            today, days = self._now().date(), self._sources[register.source].list_days_most
            if not today - timedelta(days) <= answer.listed_on <= today + AHEAD:
                raise _WrongAnswerError("an answer from a list of another time than agreed")
        self._newest[register.source] = answer.listed_on
        return f"{answer.listed_on.isoformat()}/{answer.list_version}"

    def _post(self, path: str, question: Mapping[str, Any], most_bytes: int, retry: urllib3.Retry) -> _Posted:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        body = json.dumps(question).encode()
        url, send = self._base_url + path, self._pool.request
        try:
            answer = send("POST", url, body=body, headers=headers, retries=retry, preload_content=False)
            with closing(answer):  # a connection read to its end is back in the pool by then
                content = answer.read(most_bytes + 1)
        except urllib3.exceptions.HTTPError as error:
            is_used_up = isinstance(error, urllib3.exceptions.MaxRetryError)
            return _Posted(b"", type(error).__name__, int(is_used_up and retry is RETRY))
        retries = len(answer.retries.history) if answer.retries else 0
        if answer.status != OK or len(content) > most_bytes:
            return _Posted(b"", f"status {answer.status}, {len(content)} bytes or more", retries)
        return _Posted(content, "", retries)


def _batches(people: Sequence[Person], most: int) -> Iterator[list[Person]]:
    """Give the people in order, so many at a time, and none with two who claim one NIK: answers say it, and no name."""
    some: list[Person] = []
    for person in people:
        if len(some) == most or person.nik in {each.nik for each in some}:
            yield some
            some = []
        some.append(person)
    if some:
        yield some


def _question(register: _Register, person: Person) -> dict[str, str]:
    return {name: getattr(person, name) for name in register.asked_with}


def _plain(facts: BaseModel) -> dict[str, Any]:
    return facts.model_dump(mode="json")
