"""Asks the registers over HTTP: one POST of JSON each, answered with the facts of one person.

    layer                POST to                   sends    facts in the answer
    population, age      /dukcapil/person          nik, kk  found: true or false; and where true
                                                            name, birth_date (ISO 8601), sex (F, M), region (four
                                                            digits), citizenship (WNI, WNA), kk_matches (is it the
                                                            holder's family card)
    education            /kemdikbud/students       nik      enrolled: true or false
    religious_education  /kemenag/students         nik      enrolled: true or false
    aid                  /kemensos/recipients      nik      receives_aid: true or false
    excluded_occupation  /exclusions/occupations   nik      occupation: a code, or "" when not listed
    earlier_recipient    /prakerja/recipients      nik      received: true or false

An answer is `{"list_version", "listed_on", "facts"}`. A NIK travels in the body only, never in a URL, and no
register is told more than it needs. Whatever is not exactly such an answer is a DependencyError: the check stays
pending. Nothing of the answer is ever in the error, because it may hold personal data.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Generic, Literal, TypeVar

import urllib3
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gelombang.domain.checks import Layer
from gelombang.domain.errors import DependencyError
from gelombang.journey.ports import Person, RegisterAnswer

TIMEOUT_S = (
    2.5  # of one try; a register usually answers in tens of milliseconds, and the check is tried again
)
# Asking is reading, so it may be repeated: once, after 0.2 to 0.4 s, and only when the register did not answer.
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
MOST_BYTES = 65_536
OK = 200

_Facts = TypeVar("_Facts", bound=BaseModel)


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


class _Answer(_Shape, Generic[_Facts]):
    list_version: Annotated[str, Field(min_length=1, max_length=80)]
    listed_on: date
    facts: _Facts


class _PersonAnswer(_Shape):
    list_version: Annotated[str, Field(min_length=1, max_length=80)]
    listed_on: date
    facts: Annotated[_Found | _NotFound, Field(discriminator="found")]


@dataclass(frozen=True, slots=True)
class _Register:
    source: str
    path: str
    shape: type[
        _PersonAnswer | _Answer[_Enrolment] | _Answer[_Aid] | _Answer[_Occupation] | _Answer[_Receipt]
    ]


_POPULATION = _Register("dukcapil", "/dukcapil/person", _PersonAnswer)
_REGISTERS: dict[Layer, _Register] = {
    Layer.POPULATION: _POPULATION,
    Layer.AGE: _POPULATION,
    Layer.EDUCATION: _Register("kemdikbud", "/kemdikbud/students", _Answer[_Enrolment]),
    Layer.RELIGIOUS_EDUCATION: _Register("kemenag", "/kemenag/students", _Answer[_Enrolment]),
    Layer.AID: _Register("kemensos", "/kemensos/recipients", _Answer[_Aid]),
    Layer.EXCLUDED_OCCUPATION: _Register("exclusions", "/exclusions/occupations", _Answer[_Occupation]),
    Layer.EARLIER_RECIPIENT: _Register("prakerja", "/prakerja/recipients", _Answer[_Receipt]),
}


class HttpRegisters:
    """`gelombang.journey.ports.Registers` at `base_url`; connections are kept between questions."""

    def __init__(self, base_url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._base_url = base_url.rstrip("/")
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(total=timeout_s), retries=RETRY)

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.clear()

    def ask(self, layer: Layer, person: Person) -> RegisterAnswer:
        """Ask the register of one layer about one person; see the table above for the facts.

        Raises:
            DependencyError: not reached in time, twice, or not answered in the agreed shape.
        """
        register = _REGISTERS[layer]
        question = {"nik": person.nik} | ({"kk": person.kk} if register is _POPULATION else {})
        body = self._post(register, json.dumps(question).encode())
        try:
            answer = register.shape.model_validate_json(body)
        except ValidationError as error:
            fields = {".".join(map(str, fault["loc"])) for fault in error.errors(include_input=False)}
            # `from None`: pydantic's error carries the values it did not like.
            raise DependencyError(register.source, f"not as agreed: {', '.join(sorted(fields))}") from None
        version = f"{answer.listed_on.isoformat()}/{answer.list_version}"
        return RegisterAnswer(register.source, version, answer.facts.model_dump(mode="json"))

    def _post(self, register: _Register, question: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        url = self._base_url + register.path
        try:
            answer = self._pool.request("POST", url, body=question, headers=headers, preload_content=False)
            with closing(answer):  # a connection read to its end is back in the pool by then
                body = answer.read(MOST_BYTES + 1)
        except urllib3.exceptions.HTTPError as error:
            raise DependencyError(register.source, type(error).__name__) from error
        if answer.status != OK or len(body) > MOST_BYTES:
            raise DependencyError(register.source, f"status {answer.status}, {len(body)} bytes or more")
        return body
