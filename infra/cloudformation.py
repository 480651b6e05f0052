"""The few CloudFormation expressions the templates use, as plain dicts.

Source: AWS CloudFormation template reference (intrinsic functions).
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]  # a piece of a CloudFormation template, whose shape CloudFormation defines
Resources = dict[str, Json]


def ref(name: str) -> Json:
    """Return the value of a parameter, or the main identity of a resource."""
    return {"Ref": name}


def arn(resource: str) -> Json:
    """Return the ARN of a resource."""
    return {"Fn::GetAtt": [resource, "Arn"]}


def sub(text: str) -> Json:
    """Return `text` with each `${Name}` replaced by that resource or parameter."""
    return {"Fn::Sub": text}


def paced(what: str) -> Json:
    """Return a number of the template's mapping `Pace`, which differs between the cloud and one machine."""
    return {"Fn::FindInMap": ["Pace", ref("Pace"), what]}


def when(condition: str, then: Any, otherwise: Any) -> Json:  # noqa: ANN401 - any template value
    """Return `then` where the condition holds, else `otherwise`."""
    return {"Fn::If": [condition, then, otherwise]}


def resource(kind: str, properties: Json, **attributes: Any) -> Json:  # noqa: ANN401 - any template value
    """Return one resource; `attributes` are DeletionPolicy, DependsOn and the like."""
    return {"Type": kind, **attributes, "Properties": properties}


def kept(kind: str, properties: Json) -> Json:
    """Return a resource that outlives its stack: what it holds cannot be made again."""
    return resource(kind, properties, DeletionPolicy="Retain", UpdateReplacePolicy="Retain")


def allow(actions: list[str], resources: list[Any], **more: Any) -> Json:  # noqa: ANN401 - any template value
    """Return one policy statement that allows `actions` on `resources`."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def policy(*statements: Json) -> Json:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(service: str) -> Json:
    """Return the document by which a role may be taken by one AWS service."""
    principal = {"Service": service}
    return policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
