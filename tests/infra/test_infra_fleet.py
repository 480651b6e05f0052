"""The face workers' fleet: cheap machines, as many as there is work, and no more rights than the work needs."""

from __future__ import annotations

import json


def test_the_fleet_is_none_when_nobody_waits_and_grows_with_the_backlog(fleet):
    resources = {name: found["Properties"] for name, found in fleet["Resources"].items()}

    assert resources["Scaling"]["MinCapacity"] == 0
    assert resources["WorkerGroup"]["MinSize"] == "0"
    assert resources["BacklogAlarm"]["AlarmActions"] == [{"Ref": "ScaleOut"}]
    steps = resources["ScaleOut"]["StepScalingPolicyConfiguration"]["StepAdjustments"]
    assert [step["ScalingAdjustment"] for step in steps] == sorted(
        step["ScalingAdjustment"] for step in steps
    )
    assert all(step["ScalingAdjustment"] > 0 for step in steps)


def test_machines_are_spot_ones_and_are_emptied_before_they_go(fleet):
    policy = fleet["Resources"]["WorkerGroup"]["Properties"]["MixedInstancesPolicy"]["InstancesDistribution"]
    provider = fleet["Resources"]["SpotCapacity"]["Properties"]["AutoScalingGroupProvider"]

    assert policy["OnDemandPercentageAboveBaseCapacity"] == 0
    assert policy["SpotAllocationStrategy"] == "price-capacity-optimized"
    assert provider["ManagedDraining"] == "ENABLED"


def test_the_worker_says_which_provider_it_must_run_on(fleet):
    container = fleet["Resources"]["WorkerTask"]["Properties"]["ContainerDefinitions"][0]
    environment = {variable["Name"]: variable["Value"] for variable in container["Environment"]}

    assert environment["GELOMBANG_FACE_PROVIDER"] == {
        "Fn::If": ["HasGpu", "CUDAExecutionProvider", "CPUExecutionProvider"]
    }


def test_the_worker_may_not_read_forms_or_send_texts(fleet):
    (policy,) = fleet["Resources"]["WorkerRole"]["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    actions = {action for statement in statements for action in statement["Action"]}

    assert {action.split(":")[0] for action in actions} == {"sqs", "dynamodb", "s3", "kms"}
    (opening,) = [each for each in statements if any(action.startswith("kms:") for action in each["Action"])]
    of_faces = ("FaceSealKeyArn", "LaterFaceSealKeyArn")  # the second is the first until operators change it
    assert opening["Resource"] == [
        {"Fn::ImportValue": {"Fn::Sub": "${ServiceStack}-" + name}} for name in of_faces
    ]
    assert "SealKeyArn" not in json.dumps(statements).replace("FaceSealKeyArn", "")
    assert "-KeyTableArn" not in json.dumps(statements)
    assert not actions & {"s3:PutObject", "dynamodb:Scan", "dynamodb:UpdateItem"}
