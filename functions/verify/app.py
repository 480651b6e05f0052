"""Verification: photographs that arrived, layers of checks, face evidence, reviewers, an applicant's story.

The queue handlers are hints to look at the table; each may come twice. `reconcile` re-drives what was lost.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

from chalice.app import Chalice, CloudWatchEvent, Rate, SQSEvent

from gelombang import wiring
from gelombang.api.appeal_decisions import serve_appeal_decisions
from gelombang.api.callers import ANYONE, AUDITOR
from gelombang.api.forms import EmptyForm
from gelombang.api.messages import (
    consume,
    consume_messages,
    photo_keys,
    readable,
    run_by_clock,
    run_each_by_clock,
)
from gelombang.api.replies import Health
from gelombang.api.reviews import serve_reviews
from gelombang.api.routes import Call, Route, Routes
from gelombang.domain.messages import (
    ChallengeEvidenceReady,
    ChecksDue,
    FaceClusterFound,
    FaceEvidenceReady,
    QueueName,
)
from gelombang.journey import (
    anchors,
    challenge,
    clusters,
    explanation,
    reconciliation,
    retention,
    seat_clock,
    verification,
)
from gelombang.journey.appeal_clock import tend_appeals
from gelombang.journey.arrivals import record_upload
from gelombang.journey.explanation import Story
from gelombang.journey.lateness import count_late
from gelombang.journey.ports import Ports
from gelombang.journey.staff import Staff
from gelombang.journey.together import asking_together

STORY = "/v1/explanations/{application_id}"

app = Chalice(app_name="gelombang-verify", configure_logs=False)
routes = Routes(app, wiring.ports_from_environment, wiring.programme_from_environment)
serve_reviews(routes)
serve_appeal_decisions(routes)


@app.on_sqs_message(queue=str(QueueName.PHOTOS_ARRIVED), batch_size=2)
def photo_arrived(event: SQSEvent) -> dict[str, Any]:
    """Look at the photographs, and frames of challenges, that have arrived, and keep clean copies of them."""

    def record(body: str) -> None:
        for key in photo_keys(body):
            record_upload(wiring.ports_from_environment(), key)

    return consume(event, routes.logger, record)


@app.on_sqs_message(queue=str(QueueName.CHECKS_DUE), batch_size=10)
def checks_due(event: SQSEvent) -> dict[str, Any]:
    """Run the layers of checks that are not decided yet."""
    programme, due = wiring.programme_from_environment(), readable(event, QueueName.CHECKS_DUE)

    @cache  # for the first message, so that what fails here fails as a message does
    def together() -> Ports:
        return asking_together(wiring.ports_from_environment(), programme, due)

    def run(one: ChecksDue) -> None:
        verification.run_checks(together(), programme, one)

    return consume_messages(event, routes.logger, QueueName.CHECKS_DUE, run)


@app.on_sqs_message(queue=str(QueueName.FACE_EVIDENCE), batch_size=10)
def face_evidence(event: SQSEvent) -> dict[str, Any]:
    """Conclude from evidence of faces and challenges that was stored; have people decide about clusters found."""
    ports, programme = wiring.ports_from_environment(), wiring.programme_from_environment()

    def take(ready: FaceEvidenceReady | ChallengeEvidenceReady | FaceClusterFound) -> None:
        if isinstance(ready, ChallengeEvidenceReady):
            challenge.take_challenge_evidence(ports, programme, ready)
        elif isinstance(ready, FaceClusterFound):
            clusters.take_cluster(ports, ready)
        else:
            verification.take_evidence(ports, programme, ready)

    return consume_messages(event, routes.logger, QueueName.FACE_EVIDENCE, take)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def reconcile(_event: CloudWatchEvent) -> None:
    """Count who waits too long, send what the outbox still holds, move on what is stuck, tend appeals."""
    ports, programme = wiring.ports_from_environment(), wiring.programme_from_environment()
    run_each_by_clock(
        routes.logger,
        late_counted=lambda: asdict(count_late(ports)),
        reconciled=lambda: asdict(reconciliation.reconcile(ports)),
        appeals_tended=lambda: asdict(tend_appeals(ports, programme)),
    )


@app.schedule(Rate(1, unit=Rate.MINUTES))
def retain(_event: CloudWatchEvent) -> None:
    """Remove what was kept long enough; beside the reconciler, so that no code waits for a million photographs."""
    ports, programme = wiring.ports_from_environment(), wiring.programme_from_environment()
    run_by_clock(routes.logger, "retained", lambda: {"removed_count": retention.remove_due(ports, programme)})


@app.schedule(Rate(1, unit=Rate.MINUTES))
def tend_seats(_event: CloudWatchEvent) -> None:
    """Tell who has a seat, free those not accepted in time, give free ones to the next reserves."""
    ports, programme = wiring.ports_from_environment(), wiring.programme_from_environment()
    run_by_clock(routes.logger, "seats_tended", lambda: asdict(seat_clock.tend_seats(ports, programme)))


@app.schedule(Rate(10, unit=Rate.MINUTES))
def anchor(_event: CloudWatchEvent) -> None:
    """Make yesterday's anchor of all audit chains, and any before it that is missing."""
    ports, programme = wiring.ports_from_environment(), wiring.programme_from_environment()
    run_by_clock(routes.logger, "anchored", lambda: {"made_count": anchors.anchor_due(ports, programme.name)})


@routes.serve(Route("GET", STORY, AUDITOR, EmptyForm, Story, "The whole story of one application"))
def explain(call: Call[Staff, EmptyForm]) -> Story:
    """Tell every check, the face evidence and the draw of one application."""
    return explanation.explain(call.ports, call.programme, call.caller, call.path["application_id"])


@routes.serve(Route("GET", "/v1/verify/health", ANYONE, EmptyForm, Health, "The function is alive"))
def health(_call: Call[None, EmptyForm]) -> Health:
    """Answer without asking anything of anyone."""
    return Health("verify")
