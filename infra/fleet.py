"""The face workers' own stack: containers on Spot machines, as many as the queue of face requests asks for.

It imports from the service's stack what it may touch, so it can be put up, changed and taken down by itself.
No GPU: give CPU instance types and `GpusPerTask` 0. Which machines there are differs by region (Jakarta has g5
and no g6, November 2026), so they are parameters.
"""

from __future__ import annotations

from typing import Any

from infra.cloudformation import Json, Resources, allow, arn, policy, ref, resource, sub, trust, when
from infra.functions import environment
from infra.template import output_id

LAUNCH = "LaunchTemplate"
GROUP = "WorkerGroup"
CAPACITY = "SpotCapacity"
CLUSTER = "Cluster"
SERVICE = "WorkerService"
TASK = "WorkerTask"
BACKLOG_PER_TASK = 200  # face requests that wait for each running worker before another is started


def fleet_template() -> Json:
    """Return the stack of the face workers."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Gelombang: the face workers",
        "Parameters": _parameters(),
        "Conditions": {"HasGpu": {"Fn::Not": [{"Fn::Equals": [ref("GpusPerTask"), 0]}]}},
        "Resources": _machines() | _tasks() | _scaling(),
    }


def _parameters() -> Resources:
    text: Json = {"Type": "String"}
    number: Json = {"Type": "Number"}
    return {
        "ServiceStack": text | {"Description": "Name of the service's stack"},
        "Image": text | {"Description": "The worker's image, by digest"},
        "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>", "Description": "Private subnets with a way to AWS"},
        "SecurityGroups": {"Type": "List<AWS::EC2::SecurityGroup::Id>", "Description": "Nothing comes in"},
        "MachineImage": {
            "Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>",
            "Default": "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id",
        },
        "InstanceTypes": {"Type": "CommaDelimitedList", "Default": "g5.xlarge,g5.2xlarge"},
        "GpusPerTask": number | {"Default": 1, "MinValue": 0, "MaxValue": 8},
        "TaskCpu": number | {"Default": 3072, "Description": "1024 is one CPU"},
        "TaskMemoryMiB": number | {"Default": 12288},
        "MostTasks": number | {"Default": 20, "MinValue": 1},
        "OnDemandMachines": number
        | {"Default": 0, "MinValue": 0, "Description": "Kept beside the Spot ones"},
    }


def _machines() -> Resources:
    """The machines: whatever Spot type is least likely to be taken away, disks encrypted, no metadata v1."""
    return {
        CLUSTER: resource(
            "AWS::ECS::Cluster",
            {"ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}]},
        ),
        "MachineRole": resource(
            "AWS::IAM::Role",
            {
                "AssumeRolePolicyDocument": trust("ec2.amazonaws.com"),
                "ManagedPolicyArns": [
                    sub(
                        "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
                    )
                ],
            },
        ),
        "MachineProfile": resource("AWS::IAM::InstanceProfile", {"Roles": [ref("MachineRole")]}),
        LAUNCH: resource("AWS::EC2::LaunchTemplate", {"LaunchTemplateData": _launch()}),
        GROUP: resource(
            "AWS::AutoScaling::AutoScalingGroup",
            {
                "MinSize": "0",
                "MaxSize": ref("MostTasks"),
                "VPCZoneIdentifier": ref("Subnets"),
                "CapacityRebalance": True,
                "NewInstancesProtectedFromScaleIn": True,  # the capacity provider decides
                "MixedInstancesPolicy": _mixed(),
            },
        ),
        CAPACITY: resource(
            "AWS::ECS::CapacityProvider",
            {
                "AutoScalingGroupProvider": {
                    "AutoScalingGroupArn": ref(GROUP),
                    "ManagedScaling": {"Status": "ENABLED", "TargetCapacity": 100},
                    "ManagedTerminationProtection": "ENABLED",
                    "ManagedDraining": "ENABLED",
                }
            },
        ),
        "ClusterCapacity": resource(
            "AWS::ECS::ClusterCapacityProviderAssociations",
            {
                "Cluster": ref(CLUSTER),
                "CapacityProviders": [ref(CAPACITY)],
                "DefaultCapacityProviderStrategy": [{"CapacityProvider": ref(CAPACITY), "Weight": 1}],
            },
        ),
    }


def _launch() -> Json:
    settings = ["ECS_CLUSTER=${Cluster}", "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true"]
    join = "#!/bin/bash\n" + "".join(f"echo {setting} >> /etc/ecs/ecs.config\n" for setting in settings)
    disk = {"VolumeSize": 60, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}
    return {
        "ImageId": ref("MachineImage"),
        "IamInstanceProfile": {"Arn": arn("MachineProfile")},
        "SecurityGroupIds": ref("SecurityGroups"),
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": disk}],
        "UserData": {"Fn::Base64": sub(join)},
    }


def _mixed() -> Json:
    version = {"Fn::GetAtt": [LAUNCH, "LatestVersionNumber"]}
    kinds: list[Any] = [{"InstanceType": {"Fn::Select": [index, ref("InstanceTypes")]}} for index in range(2)]
    return {
        "InstancesDistribution": {
            "OnDemandBaseCapacity": ref("OnDemandMachines"),
            "OnDemandPercentageAboveBaseCapacity": 0,
            "SpotAllocationStrategy": "price-capacity-optimized",
        },
        "LaunchTemplate": {
            "LaunchTemplateSpecification": {"LaunchTemplateId": ref(LAUNCH), "Version": version},
            "Overrides": kinds,
        },
    }


def _tasks() -> Resources:
    return {
        "WorkerLog": resource("AWS::Logs::LogGroup", {"RetentionInDays": 90}),
        "WorkerRole": resource(
            "AWS::IAM::Role",
            {
                "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com"),
                "Policies": [{"PolicyName": "worker", "PolicyDocument": policy(*worker_may())}],
            },
        ),
        "StarterRole": resource(
            "AWS::IAM::Role",
            {
                "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com"),
                "ManagedPolicyArns": [
                    sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
                ],
            },
        ),
        TASK: resource(
            "AWS::ECS::TaskDefinition",
            {
                "RequiresCompatibilities": ["EC2"],
                "NetworkMode": "host",
                "TaskRoleArn": arn("WorkerRole"),
                "ExecutionRoleArn": arn("StarterRole"),
                "ContainerDefinitions": [_container()],
            },
        ),
        SERVICE: resource(
            "AWS::ECS::Service",
            {
                "Cluster": ref(CLUSTER),
                "TaskDefinition": ref(TASK),
                "DesiredCount": 0,
                "CapacityProviderStrategy": [{"CapacityProvider": ref(CAPACITY), "Weight": 1}],
                "DeploymentConfiguration": {
                    "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
                    "MaximumPercent": 200,
                    "MinimumHealthyPercent": 50,
                },
            },
            DependsOn=["ClusterCapacity"],
        ),
    }


def worker_may() -> list[Json]:
    """Allow taking face requests, reading photographs, writing evidence and gallery, saying that it is there.

    Faces are sealed with keys of their own: no right here opens a form.
    """
    requests = ["ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes"]
    rows = ["GetItem", "Query", "PutItem", "DeleteItem", "ConditionCheckItem"]
    return [
        allow([f"sqs:{action}" for action in requests], [_imported("FaceRequestsArn")]),
        allow(["sqs:SendMessage"], [_imported("FaceEvidenceArn")]),
        allow([f"dynamodb:{action}" for action in rows], [_imported("TableArn")]),
        allow(["s3:GetObject"], [{"Fn::Join": ["", [_imported("PhotoBucketArn"), "/*"]]}]),
        allow(["s3:ListBucket"], [_imported("PhotoBucketArn")]),
        allow(["dynamodb:GetItem", "dynamodb:PutItem"], [_imported("FaceKeyTableArn")]),
        allow(
            ["kms:GenerateDataKey", "kms:Decrypt"],
            [_imported("FaceSealKeyArn"), _imported("LaterFaceSealKeyArn")],
        ),
    ]


def _container() -> Json:
    variables = {name: _imported(output_id(name)) for name in environment()} | {
        "AWS_REGION": ref("AWS::Region"),
        "POWERTOOLS_LOG_LEVEL": "INFO",
        # The worker refuses to start on another: falling back to the CPU unseen would be a fault.
        "GELOMBANG_FACE_PROVIDER": when("HasGpu", "CUDAExecutionProvider", "CPUExecutionProvider"),
    }
    gpu = [{"Type": "GPU", "Value": ref("GpusPerTask")}]
    return {
        "Name": "worker",
        "Image": ref("Image"),
        "Command": ["python", "-m", "workers.gpu_face"],
        "Cpu": ref("TaskCpu"),
        "Memory": ref("TaskMemoryMiB"),
        "Essential": True,
        "StopTimeout": 110,  # Spot gives two minutes' warning; a batch is done long before
        "ReadonlyRootFilesystem": True,
        "ResourceRequirements": when("HasGpu", gpu, ref("AWS::NoValue")),
        "Environment": [{"Name": name, "Value": value} for name, value in variables.items()],
        "LogConfiguration": {
            "LogDriver": "awslogs",
            "Options": {
                "awslogs-group": ref("WorkerLog"),
                "awslogs-region": ref("AWS::Region"),
                "awslogs-stream-prefix": "worker",
            },
        },
    }


def _scaling() -> Resources:
    """Follow the backlog of each running worker up and down, to none when nobody waits."""
    resource_id = sub(f"service/${{{CLUSTER}}}/${{{SERVICE}.Name}}")
    target = {
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": resource_id,
        "MinCapacity": 0,
        "MaxCapacity": ref("MostTasks"),
    }
    return {
        "Scaling": resource("AWS::ApplicationAutoScaling::ScalableTarget", target),
        "ScaleOut": _steps(cooldown_s=60, steps=[(0, 1, 1), (1, 5, 3), (5, None, 10)]),
        "ScaleIn": _steps(cooldown_s=600, steps=[(None, 0, -1)]),
        "BacklogAlarm": _backlog_alarm("ScaleOut", "GreaterThanThreshold", minutes=2),
        "IdleAlarm": _backlog_alarm("ScaleIn", "LessThanOrEqualToThreshold", minutes=15),
    }


def _steps(*, cooldown_s: int, steps: list[tuple[int | None, int | None, int]]) -> Json:
    """Return a policy of steps (from, to, tasks), in multiples of `BACKLOG_PER_TASK` above the alarm."""
    adjustments = []
    for low, high, tasks in steps:
        step: Json = {"ScalingAdjustment": tasks}
        if low is not None:
            step["MetricIntervalLowerBound"] = low * BACKLOG_PER_TASK
        if high is not None:
            step["MetricIntervalUpperBound"] = high * BACKLOG_PER_TASK
        adjustments.append(step)
    return resource(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        {
            "PolicyName": sub("${AWS::StackName}-" + ("out" if steps[0][2] > 0 else "in")),
            "PolicyType": "StepScaling",
            "ScalingTargetId": ref("Scaling"),
            "StepScalingPolicyConfiguration": {
                "AdjustmentType": "ChangeInCapacity",
                "Cooldown": cooldown_s,
                "MetricAggregationType": "Average",
                "StepAdjustments": adjustments,
            },
        },
    )


def _backlog_alarm(scaling_policy: str, comparison: str, *, minutes: int) -> Json:
    """Return an alarm on face requests waiting for each running worker; with none running, on all of them."""
    queue = [{"Name": "QueueName", "Value": _imported("FaceRequestsName")}]
    service = [
        {"Name": "ClusterName", "Value": ref(CLUSTER)},
        {"Name": "ServiceName", "Value": {"Fn::GetAtt": [SERVICE, "Name"]}},
    ]
    per_task = f"IF(FILL(running, 0) > 0, waiting / running, waiting * {BACKLOG_PER_TASK + 1})"
    return resource(
        "AWS::CloudWatch::Alarm",
        {
            "Metrics": [
                {"Id": "backlog", "Expression": per_task, "ReturnData": True},
                _metric("waiting", "AWS/SQS", "ApproximateNumberOfMessagesVisible", queue),
                _metric("running", "ECS/ContainerInsights", "RunningTaskCount", service),
            ],
            "Threshold": BACKLOG_PER_TASK if "Greater" in comparison else 0,
            "ComparisonOperator": comparison,
            "EvaluationPeriods": minutes,
            "TreatMissingData": "notBreaching",
            "AlarmActions": [ref(scaling_policy)],
        },
    )


def _metric(name: str, namespace: str, metric: str, dimensions: list[Json]) -> Json:
    measured = {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions}
    return {
        "Id": name,
        "ReturnData": False,
        "MetricStat": {"Metric": measured, "Period": 60, "Stat": "Average"},
    }


def _imported(name: str) -> Json:
    return {"Fn::ImportValue": sub("${ServiceStack}-" + name)}
