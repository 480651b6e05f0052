"""Functions may do what they must, know what they need, and are all there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gelombang.domain.messages import QueueName
from gelombang.settings import read_settings

ROOT = Path(__file__).resolve().parents[2]
# The only statements about every resource, and why AWS has nothing narrower to name.
EVERYWHERE = {
    ("RegisterRole", "sns:Publish"): "a phone that gets a text message has no ARN",
    ("VerifyRole", "sns:Publish"): "likewise, when an applicant is told something",
    (
        "RegisterRole",
        "ses:SendEmail",
    ): "SES itself takes mail only from senders that the account has verified",
    ("VerifyRole", "ses:SendEmail"): "likewise",
}
HANDLERS = {
    "app.photo_arrived",
    "app.checks_due",
    "app.face_evidence",
    "app.anchor",
    "app.reconcile",
    "app.retain",
    "app.tend_seats",
    "app.wave_steps",
    "app.resend_steps",
    "app.watch_service",
}


@pytest.fixture(scope="module")
def functions(service, of_type):
    return of_type(service["Resources"], "AWS::Serverless::Function")


@pytest.fixture(scope="module")
def statements(both, of_type):
    """Each statement of our own policies, with its role."""
    return [
        (role, statement)
        for role, properties in of_type(both, "AWS::IAM::Role").items()
        for policy in properties.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_each_application_has_its_api_and_its_handlers(functions):
    assert [function["Handler"] for function in functions.values()].count("app.app") == 3
    assert {function["Handler"] for function in functions.values()} == HANDLERS | {"app.app"}


def test_no_role_may_do_everything(statements):
    actions = [action for _, statement in statements for action in statement["Action"]]

    assert actions
    assert all(re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action) for action in actions)


def test_no_role_may_touch_everything(statements):
    everywhere = {
        (role, action)
        for role, statement in statements
        if "*" in statement["Resource"]
        for action in statement["Action"]
    }

    assert everywhere == set(EVERYWHERE)


def test_each_application_has_its_own_role(functions):
    for name, function in functions.items():
        application = re.match("Register|Verify|Select", name)[0]
        assert function["Role"] == {"Fn::GetAtt": [f"{application}Role", "Arn"]}


@pytest.mark.parametrize("role", ["RegisterRole", "SelectRole", "WorkerRole"])
def test_only_verification_is_told_of_photographs_and_evidence(statements, role):
    taken = [
        resource
        for owner, statement in statements
        if owner == role and "sqs:ReceiveMessage" in statement["Action"]
        for resource in statement["Resource"]
    ]

    assert not {"PhotosArrivedQueue", "FaceEvidenceQueue"} & {str(found.get("Fn::GetAtt")) for found in taken}


def test_every_function_has_every_variable_that_the_architecture_names(functions):
    written = (ROOT / "docs/architecture.md").read_text().split("## Environment of every process")[1]
    named = set(re.findall(r"GELOMBANG_(?!FACE_|PACK|GALLERY|TEXT_|MAIL_)[A-Z_]+", written.split("##")[0]))

    assert len(named) >= 12
    for function in functions.values():
        assert named <= set(function["Environment"]["Variables"])


def test_the_environment_is_what_settings_read(functions, fleet, of_type):
    (task,) = of_type(fleet["Resources"], "AWS::ECS::TaskDefinition").values()
    of_worker = {variable["Name"]: "x" for variable in task["ContainerDefinitions"][0]["Environment"]}

    for environment in [
        dict.fromkeys(functions["RegisterAPIHandler"]["Environment"]["Variables"], "x"),
        of_worker,
    ]:
        # The two that cannot be any word.
        environment |= {"GELOMBANG_MALWARE_SCAN": "none", "GELOMBANG_TAG_KEY_PHASE": "known"}
        assert set(read_settings(environment).queue_urls) == set(QueueName)


def test_the_level_of_logs_is_said_outright(functions):
    assert all(
        function["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] == "INFO"
        for function in functions.values()
    )
