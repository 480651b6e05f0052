"""The clock of select reaches the deployed service at its own address, and writes the heartbeat with its own rights."""

from __future__ import annotations

import json

from gelombang import wiring
from gelombang.journey.extensions import HEARTBEAT

SCHEDULED = {
    "version": "0",
    "account": "000000000000",
    "region": "ap-southeast-3",
    "detail": {},
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "2026-11-23T18:00:00Z",
    "id": "clock",
    "resources": ["arn:aws:events:ap-southeast-3:000000000000:rule/watch"],
}


def test_a_look_at_the_deployed_service_is_a_heartbeat(stack, aws, monkeypatch):
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    rows, functions = wiring._wire_environment.__wrapped__().ports.rows, aws("lambda")
    names = [each["FunctionName"] for each in functions.list_functions()["Functions"]]
    (watch,) = [each for each in names if "SelectWatchService" in each]
    before = rows.read(HEARTBEAT)

    invoked = functions.invoke(FunctionName=watch, Payload=json.dumps(SCHEDULED))

    assert "FunctionError" not in invoked, invoked["Payload"].read()
    after = rows.read(HEARTBEAT)
    assert after is not None
    assert before is None or after.fields["at"] > before.fields["at"]
