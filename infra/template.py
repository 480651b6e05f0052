"""The one template of the service: parameters, everything that is kept, and Chalice's applications joined in.

Chalice writes a template an application, all with the same names (`RestAPI`, `APIHandler`); here each name
gets its application's in front, so that three fit into one stack and share its table, buckets and queues.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gelombang.domain.messages import QueueName
from infra.alarms import alarms
from infra.buckets import PHOTOS, buckets
from infra.cloudformation import Json, Resources, arn, ref, resource, sub, when
from infra.functions import ARRAYS_LAYER, LAYER, MEMORY_MIB, PICTURES_LAYER, environment, roles, settled
from infra.gateway import answering_in_problems
from infra.keys import FACE_SEAL, SEAL, TAG, keys
from infra.malware import ASKED_FOR, malware_scans
from infra.published import delivery, domain
from infra.queues import queue_id, queues
from infra.table import FACE_KEY_TABLE, TABLE, key_table, table

# How long a queue's function may take, how long its messages stay hidden (six times as long, as AWS advises),
# and how many of it run at once. A mapping, not parameters: those are always text, which the local engine's
# poller of queues does not take for a number.
PACE = {
    "cloud": {
        "TimeoutS": 60,
        "VisibilityS": 360,
        "Receivers": 50,
        # Steps of a national wave, and all parts of its publication at once (gelombang.drawing.publishing): as long as
        # Lambda lets a function run, with room for columns, both trees and a file of ten million entries.
        "WaveTimeoutS": 900,
        "WaveVisibilityS": 5400,
        "WaveReceivers": 100,
        "WaveMemoryMiB": 6144,
    },
    # On one machine each receiver is a process, and a failed message comes back while one watches.
    "desk": {
        "TimeoutS": 15,
        "VisibilityS": 90,
        "Receivers": 2,
        "WaveTimeoutS": 15,
        "WaveVisibilityS": 90,
        "WaveReceivers": 2,
        "WaveMemoryMiB": MEMORY_MIB["select"],
    },
}


def service_template(applications: Mapping[str, Json], archives: Mapping[str, str], runtime: str) -> Json:
    """Return the template.

    `applications`: what Chalice packaged, by application. `archives`: the key of each application's zip in
    the bucket of artifacts. `runtime`: the Lambda runtime the packages were built for, as `python3.11`.
    """
    found: Resources = {
        **table(),
        **key_table(),
        **buckets(),
        **queues(),
        **keys(),
        **roles(),
        **alarms(),
        **malware_scans(),
        **delivery(),
        LAYER: _layer("LayerKey"),
        PICTURES_LAYER: _layer("PicturesLayerKey"),
        ARRAYS_LAYER: _layer("ArraysLayerKey"),
    }
    for application, packaged in applications.items():
        found |= _joined(application, packaged, archives[application])
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": "Gelombang: registration, verification and public draw",
        "Parameters": _parameters(runtime),
        "Mappings": {"Pace": PACE},
        "Conditions": {
            "HasReservedConcurrency": {"Fn::Not": [{"Fn::Equals": [ref("ReservedConcurrency"), 0]}]},
            "RequiresTls": {"Fn::Equals": [ref("Transport"), "tls"]},
            "HasWrappingKey": {"Fn::Not": [{"Fn::Equals": [ref("WrappingKey"), "none"]}]},
            "HasFaceWrappingKey": {"Fn::Not": [{"Fn::Equals": [ref("FaceWrappingKey"), "none"]}]},
            "HasSigningKey": {"Fn::Not": [{"Fn::Equals": [ref("SigningKey"), "none"]}]},
            ASKED_FOR: {"Fn::Equals": [ref("MalwareScan"), "guardduty"]},
        },
        "Resources": found,
        "Outputs": _outputs(applications),
    }


def _layer(key: str) -> Json:
    content = {"S3Bucket": ref("ArtifactBucket"), "S3Key": ref(key)}
    return resource("AWS::Lambda::LayerVersion", {"Content": content, "CompatibleRuntimes": [ref("Runtime")]})


def _parameters(runtime: str) -> Resources:
    text = {"Type": "String"}
    number = {"Type": "Number"}
    return {
        "ArtifactBucket": text | {"Description": "Bucket that holds the zips of build/artifacts"},
        "LayerKey": text | {"Description": "Key of the dependency layer's zip, see build/cloud.json"},
        "PicturesLayerKey": text | {"Description": "Key of the zip with what opens photographs, see there"},
        "ArraysLayerKey": text | {"Description": "Key of the zip with what a draw computes with, see there"},
        "PublicUrl": text
        | {
            "Description": "Where everybody reaches the service, without a slash at the end; "
            "its /published/* goes to the output PublishedDomain"
        },
        "RegistersUrl": text | {"Description": "Where the population registers answer"},
        "Programme": text | {"Default": "prakerja"},
        "Runtime": text | {"Default": runtime, "AllowedValues": [runtime]},
        "Architecture": text | {"Default": "x86_64", "AllowedValues": ["x86_64", "arm64"]},
        "Pace": text | {"Default": "cloud", "AllowedValues": list(PACE)},
        "Transport": text
        | {
            "Default": "tls",
            "AllowedValues": ["tls", "loopback"],
            "Description": "loopback: on one machine without TLS, where every call would be refused",
        },
        "MalwareScan": text
        | {
            "Default": "none",
            "AllowedValues": ["none", "guardduty"],
            "Description": "What looks for malware in uploads; clean copies are made either way",
        },
        "MailSender": text
        | {
            "Default": "kode@gelombang.example",
            "Description": "Whom codes by e-mail come from, verified with SES",
        },
        "TextGatewayUrl": text
        | {"Default": "none", "Description": "A second provider of text messages, asked when SNS fails"},
        "TextGatewaySecret": text
        | {"Default": "none", "Description": "Name of its secret in Parameter Store, below /gelombang/"},
        **_key_parameters(),
        "AnchorLock": text
        | {
            "Default": "COMPLIANCE",
            "AllowedValues": ["COMPLIANCE", "GOVERNANCE"],
            "Description": "S3 Object Lock of the anchors; COMPLIANCE: nobody at all ends it before its time",
        },
        "AnchorLockDays": number
        | {"Default": 3650, "MinValue": 1, "Description": "For how long; once locked, never for less"},
        "DeletionProtection": text | {"Default": "true", "AllowedValues": ["true", "false"]},
        "ReservedConcurrency": number
        | {"Default": 0, "MinValue": 0, "Description": "Cap of each API's function; 0: the account's"},
    }


def _key_parameters() -> Resources:
    """Say which keys came after the stack's own; docs/runbooks/key-rotation.md has the order of the steps."""
    text = {"Type": "String", "Default": "none"}
    return {
        "WrappingKey": text
        | {"Description": "ARN of the key that wraps people's keys; none: the stack's own"},
        "FaceWrappingKey": text | {"Description": "The same of the key that wraps those of faces"},
        "SigningKey": text | {"Description": "ARN of the Ed25519 key that signs now; none: the stack's own"},
        "LaterTagKeys": text
        | {"Description": "ARNs of the HMAC keys that came after the stack's own, oldest first, with commas"},
        "ComingTagKey": text | {"Description": "ARN of the HMAC key that tags are being moved to"},
        "TagKeyPhase": text
        | {
            "Default": "known",
            "AllowedValues": ["known", "written"],
            "Description": "known: looked under; written: what is new is put there. First known everywhere",
        },
    }


def _joined(application: str, packaged: Json, archive: str) -> Resources:
    """Return an application's resources under their own names, its functions settled."""
    prefix = application.title()
    names = {name: prefix + name for name in packaged["Resources"]}
    found: Resources = {}
    for name, value in packaged["Resources"].items():
        renamed = _renamed(value, names)
        if renamed["Type"] == "AWS::Serverless::Function":
            renamed = settled(application, renamed)
            renamed["Properties"]["CodeUri"] = {"Bucket": ref("ArtifactBucket"), "Key": archive}
        if renamed["Type"] == "AWS::Serverless::Api":
            renamed = answering_in_problems(renamed)
        found[names[name]] = renamed
    return found


def _renamed(value: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - any part of a template
    """Return a part of a template in which every mention of a name in `names` is the new one."""
    if isinstance(value, list):
        return [_renamed(part, names) for part in value]
    if not isinstance(value, dict):
        return value
    if isinstance(target := value.get("Ref"), str):
        return {"Ref": names.get(target, target)}
    if isinstance(path := value.get("Fn::GetAtt"), list):
        return {"Fn::GetAtt": [names.get(path[0], path[0]), *path[1:]]}
    if isinstance(text := value.get("Fn::Sub"), str):
        return {"Fn::Sub": re.sub(r"\$\{(\w+)", lambda found: "${" + names.get(found[1], found[1]), text)}
    return {key: _renamed(part, names) for key, part in value.items()}


def output_id(variable: str) -> str:
    """Return the output that carries an environment variable: `GELOMBANG_TAG_KEY_ID` is `EnvTagKeyId`."""
    return "Env" + variable.removeprefix("GELOMBANG_").title().replace("_", "")


def _outputs(applications: Iterable[str]) -> Resources:
    """Return the APIs' ids and, exported for the workers' stack, the environment and what it may touch."""
    exported: Resources = {
        "TableArn": arn(TABLE),
        "PhotoBucketArn": arn(PHOTOS),
        "SealKeyArn": arn(SEAL),
        "FaceSealKeyArn": arn(FACE_SEAL),
        "LaterFaceSealKeyArn": when("HasFaceWrappingKey", ref("FaceWrappingKey"), arn(FACE_SEAL)),
        "FaceKeyTableArn": arn(FACE_KEY_TABLE),
        "TagKeyArn": arn(TAG),
        "FaceRequestsArn": arn(queue_id(QueueName.FACE_REQUESTS)),
        "FaceRequestsName": {"Fn::GetAtt": [queue_id(QueueName.FACE_REQUESTS), "QueueName"]},
        "FaceEvidenceArn": arn(queue_id(QueueName.FACE_EVIDENCE)),
    }
    exported |= {output_id(name): value for name, value in environment().items()}
    named = {
        name: {"Value": value, "Export": {"Name": sub("${AWS::StackName}-" + name)}}
        for name, value in exported.items()
    }
    named["PublishedDomain"] = domain()
    return named | {name.title() + "ApiId": {"Value": ref(name.title() + "RestAPI")} for name in applications}
