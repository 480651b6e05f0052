"""Tells every decision about an application in plain words, and whether its evidence still stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType

from gelombang.domain.audit import AuditEntry
from gelombang.domain.decision import SPEC, Decided, Json
from gelombang.domain.eligibility import jakarta_day
from gelombang.domain.programme import Programme
from gelombang.domain.signature import is_signed
from gelombang.journey.anchors import Anchored, anchored, leaf_on
from gelombang.journey.decisions import BUNDLE_SHA256, SignedBundle, bundles_of, published_keys
from gelombang.journey.ports import Ports
from gelombang.journey.status import Told, told

TEXTS: Mapping[Decided, str] = MappingProxyType(
    {
        Decided.PHOTO_REFUSED: "DECIDED_PHOTO_REFUSED",
        Decided.CORRECTION_ASKED: "DECIDED_CORRECTION_ASKED",
        Decided.REFUSED: "DECIDED_REFUSED",
        Decided.SENT_TO_REVIEW: "DECIDED_SENT_TO_REVIEW",
        Decided.VERIFIED: "DECIDED_VERIFIED",
        Decided.REVIEW_DECIDED: "DECIDED_BY_REVIEWERS",
        Decided.REFUSED_FOR_ANOTHER: "DECIDED_FOR_ANOTHER",
        Decided.APPEAL_DECIDED: "DECIDED_APPEAL",
        Decided.SEAT_TAKEN_BACK: "DECIDED_SEAT_TAKEN_BACK",
    }
)


@dataclass(frozen=True, slots=True)
class ListAsked:
    """One layer of a decision: its outcome, who was asked, and the version of their list or of the model."""

    layer: str
    outcome: str
    source: str
    list_version: str


@dataclass(frozen=True, slots=True)
class DecisionStory:
    """One decision: what, why, by which rules and lists, by whom; and whether signature and anchor stand."""

    entry: int  # of the audit chain
    decided_at: datetime
    decision: Told
    reasons: tuple[Told, ...]
    outcome: str  # the state that people's decision led to; "" where the machine decided
    rule_set: str  # "" where people decided
    rules_sha256: str
    lists: tuple[ListAsked, ...]
    people: tuple[str, ...]  # who decided; empty: the machine
    bundle_sha256: str
    key_id: str
    anchored_on: date | None  # None: not yet, the night after the day of the decision
    fault: str  # "" when signature, audit entry and anchor agree


def decision_stories(
    ports: Ports, programme: Programme, application_id: str, entries: list[AuditEntry]
) -> tuple[DecisionStory, ...]:
    """Return every decision about an application whose audit chain is given, oldest first.

    Raises:
        DependencyError: a store could not be reached.
    """
    keys = {key["key_id"]: key["public_key"] for key in published_keys(ports, programme.name)["keys"]}
    state, by_number = anchored(ports), {entry.sequence: entry for entry in entries}
    return tuple(
        _story(ports, programme, bundle, by_number.get(bundle.content["sequence"]), (keys, state))
        for bundle in bundles_of(ports, application_id)
    )


def _story(
    ports: Ports,
    programme: Programme,
    bundle: SignedBundle,
    entry: AuditEntry | None,
    known: tuple[dict[str, str], Anchored | None],
) -> DecisionStory:
    content, (keys, state) = bundle.content, known
    day, anchor_fault = _anchor_of(ports, content, entry, state)
    rules = content.get("rule_set", {})
    return DecisionStory(
        entry=content["sequence"],
        decided_at=datetime.fromisoformat(content["decided_at"]),
        decision=told(programme, TEXTS[Decided(content["decision"])]),
        reasons=tuple(told(programme, reason) for reason in content["reasons"]),
        outcome=content.get("outcome", ""),
        rule_set=rules.get("name", ""),
        rules_sha256=rules.get("sha256", ""),
        lists=tuple(
            ListAsked(each["layer"], each["outcome"], each["source"], each["list_version"])
            for each in content["checks"]
        ),
        people=tuple(opinion["who"] for opinion in content.get("opinions", ())),
        bundle_sha256=bundle.sha256,
        key_id=bundle.key_id,
        anchored_on=day,
        fault=_fault(bundle, entry, keys) or anchor_fault,
    )


def _fault(bundle: SignedBundle, entry: AuditEntry | None, keys: Mapping[str, str]) -> str:
    if entry is None or entry.facts.get(BUNDLE_SHA256) != bundle.sha256:
        return "its audit entry names another bundle"
    if bundle.key_id not in keys:
        return "it was signed with a key that is not on record"
    public, signature = bytes.fromhex(keys[bundle.key_id]), bytes.fromhex(bundle.signature)
    is_right = is_signed(public, SPEC, bundle.text.encode(), signature)
    return "" if is_right else "its signature is not that of this content"


def _anchor_of(
    ports: Ports, content: Json, entry: AuditEntry | None, state: Anchored | None
) -> tuple[date | None, str]:
    """Return the day whose anchor has the decision's entry, or None and what is wrong if it should have one."""
    day = jakarta_day(entry.at) if entry else None
    if day is None or state is None or not state.first_day <= day < state.next_day:
        return None, ""
    leaf = leaf_on(ports, content["application_id"], day)
    is_there = leaf is not None and leaf.length >= content["sequence"]
    return (day, "") if is_there else (None, f"the anchor of {day.isoformat()} does not have it")
