"""What each Lambda function may do, is told, and may use: roles, environment and limits.

Chalice writes the functions themselves (see `applications`); this module decides everything about them that
is not code. One role for each application: what its functions share is its package.
"""

from __future__ import annotations

from gelombang.domain.messages import QueueName
from gelombang.journey.ports import PUBLISHED
from infra.buckets import ANCHORS, DOCUMENTS, LISTS, PHOTOS, QUARANTINE
from infra.cloudformation import Json, Resources, allow, arn, paced, policy, ref, resource, sub, trust, when
from infra.keys import FACE_SEAL, SEAL, SIGN, TAG, signs, uses_keys
from infra.queues import environment_name, pace_of, queue_id
from infra.table import FACE_KEY_TABLE, KEY_TABLE, TABLE, WORKLIST

APPLICATIONS = ("register", "verify", "select")
LAYER, PICTURES_LAYER, ARRAYS_LAYER = "DependencyLayer", "PicturesLayer", "ArraysLayer"
CARRIES = {
    "app.photo_arrived": PICTURES_LAYER,
    "app.wave_steps": ARRAYS_LAYER,
}  # who opens photographs, who draws
LOG_DAYS = 90
ASK_S = 29  # API Gateway gives up after 29 s
MEMORY_MIB = {
    "register": 512,
    "verify": 1769,
    "select": 1769,
}  # 1769 MiB is one whole CPU: the draw sorts, pictures are decoded
TEXTING = ("register", "verify")  # these send text messages
SENDS = {
    "register": [QueueName.PHOTOS_ARRIVED, QueueName.CHECKS_DUE, QueueName.FACE_REQUESTS],
    "verify": [QueueName.PHOTOS_ARRIVED, QueueName.CHECKS_DUE, QueueName.FACE_REQUESTS],
    "select": [QueueName.WAVE_STEPS, QueueName.CHECKS_DUE],
}
RECEIVES = {
    "register": [],
    "verify": [QueueName.PHOTOS_ARRIVED, QueueName.CHECKS_DUE, QueueName.FACE_EVIDENCE],
    "select": [QueueName.WAVE_STEPS],
}


def role_id(application: str) -> str:
    """Return the logical id of an application's role."""
    return application.title() + "Role"


def roles() -> Resources:
    """Return a role and a log group for each application."""
    found: Resources = {}
    for application in APPLICATIONS:
        found[log_group_id(application)] = resource("AWS::Logs::LogGroup", {"RetentionInDays": LOG_DAYS})
        found[role_id(application)] = resource(
            "AWS::IAM::Role",
            {
                "AssumeRolePolicyDocument": trust("lambda.amazonaws.com"),
                "Policies": [
                    {
                        "PolicyName": application,
                        "PolicyDocument": policy(*_everyone(application), *_particular(application)),
                    }
                ],
            },
        )
    return found


def settled(application: str, function: Json) -> Json:
    """Return one of Chalice's functions with its role, environment, layers, log and limits."""
    properties = function["Properties"]
    events = properties.get("Events", {})
    mine = {
        "Role": arn(role_id(application)),
        "Runtime": ref("Runtime"),
        "Architectures": [ref("Architecture")],
        "MemorySize": MEMORY_MIB[application],
        "Timeout": paced("TimeoutS") if events else ASK_S,
        "Layers": [ref(LAYER), *(ref(CARRIES[name]) for name in [properties["Handler"]] if name in CARRIES)],
        "LoggingConfig": {"LogGroup": ref(log_group_id(application))},
        "Environment": {"Variables": environment() | _logging(application) | _texting(application)},
        "Events": {name: _fed(event) for name, event in events.items()},
    }
    for name in [_queue_of(event) for event in events.values() if event["Type"] == "SQS"]:
        mine["Timeout"] = pace_of(name, "TimeoutS")
        if name is QueueName.WAVE_STEPS:
            mine["MemorySize"] = pace_of(name, "MemoryMiB")
    if not events:  # only what the public can call is capped; queues have MaximumConcurrency
        mine["ReservedConcurrentExecutions"] = {
            "Fn::If": ["HasReservedConcurrency", ref("ReservedConcurrency"), ref("AWS::NoValue")]
        }
    return function | {"Properties": properties | mine}


def environment() -> Resources:
    """Return the variables of docs/architecture.md, which every process has."""
    named = {
        "GELOMBANG_TABLE": ref(TABLE),
        "GELOMBANG_KEY_TABLE": ref(KEY_TABLE),
        "GELOMBANG_FACE_KEY_TABLE": ref(FACE_KEY_TABLE),
        "GELOMBANG_QUARANTINE_BUCKET": ref(QUARANTINE),
        "GELOMBANG_PHOTO_BUCKET": ref(PHOTOS),
        "GELOMBANG_DOCUMENT_BUCKET": ref(DOCUMENTS),
        "GELOMBANG_ANCHOR_BUCKET": ref(ANCHORS),
        "GELOMBANG_SEAL_KEY_ID": when("HasWrappingKey", ref("WrappingKey"), ref(SEAL)),
        "GELOMBANG_FACE_SEAL_KEY_ID": when("HasFaceWrappingKey", ref("FaceWrappingKey"), ref(FACE_SEAL)),
        "GELOMBANG_SIGNING_KEY_ID": when("HasSigningKey", ref("SigningKey"), ref(SIGN)),
        "GELOMBANG_TAG_KEY_ID": ref(TAG),
        "GELOMBANG_LATER_TAG_KEY_IDS": ref("LaterTagKeys"),
        "GELOMBANG_COMING_TAG_KEY_ID": ref("ComingTagKey"),
        "GELOMBANG_TAG_KEY_PHASE": ref("TagKeyPhase"),
        "GELOMBANG_REGISTERS_URL": ref("RegistersUrl"),
        "GELOMBANG_PUBLIC_URL": ref("PublicUrl"),
        "GELOMBANG_LISTS": sub(f"s3://${{{LISTS}}}"),
        "GELOMBANG_PROGRAMME": ref("Programme"),
        "GELOMBANG_MALWARE_SCAN": ref("MalwareScan"),
    }
    return named | {environment_name(name): ref(queue_id(name)) for name in QueueName}


def reads_and_writes_rows() -> Json:
    """Allow what `gelombang.aws.rows` asks of the table; a transaction needs each of its writes allowed."""
    actions = ["GetItem", "Query", "PutItem", "DeleteItem", "ConditionCheckItem"]
    rows = [arn(TABLE), sub(f"${{{TABLE}.Arn}}/index/{WORKLIST}")]
    return allow([f"dynamodb:{action}" for action in actions], rows)


def _takes_uploads() -> list[Json]:
    """Allow signing upload forms and asking what has arrived; not reading it."""
    return [
        allow(["s3:PutObject"], [sub(f"${{{QUARANTINE}.Arn}}/*")]),
        allow(["s3:ListBucket"], [arn(QUARANTINE)]),
    ]


def _cleans_photos() -> list[Json]:
    """Allow reading uploads, and keeping and showing clean copies.

    Without the listing S3 says "forbidden" of an object that is not there.
    """
    return [
        allow(["s3:GetObject", "s3:GetObjectTagging"], [sub(f"${{{QUARANTINE}.Arn}}/*")]),
        allow(["s3:GetObject", "s3:PutObject"], [sub(f"${{{PHOTOS}.Arn}}/*")]),
        allow(["s3:ListBucket"], [arn(QUARANTINE), arn(PHOTOS)]),
        allow(["s3:DeleteObject"], [sub(f"${{{QUARANTINE}.Arn}}/*"), sub(f"${{{PHOTOS}.Arn}}/*")]),
    ]


def _everyone(application: str) -> list[Json]:
    """Rows, seals and tags, the outbox's queues and the log."""
    statements = [
        reads_and_writes_rows(),
        allow(["dynamodb:GetItem", "dynamodb:PutItem"], [arn(KEY_TABLE)]),
        *uses_keys(),
        allow(["sqs:SendMessage"], [arn(queue_id(name)) for name in SENDS[application]]),
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], [arn(log_group_id(application))]),
    ]
    if RECEIVES[application]:
        taken = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        statements.append(allow(taken, [arn(queue_id(name)) for name in RECEIVES[application]]))
    return statements


def _particular(application: str) -> list[Json]:
    """What only this application does."""
    documents = [sub(f"${{{DOCUMENTS}.Arn}}/{below}waves/*") for below in ("", PUBLISHED)]
    return {
        "register": [
            *_takes_uploads(),
            # Signs what an applicant sees of their own.
            allow(["s3:GetObject"], [sub(f"${{{PHOTOS}.Arn}}/*")]),
            *_sends_texts(),
        ],
        "verify": [*_cleans_photos(), *_sends_texts(), _forgets_faces(), *signs(), *_anchors(), *_looks_up()],
        "select": [
            allow(["s3:GetObject", "s3:PutObject"], documents),
            allow(["s3:GetObject"], [sub(f"${{{DOCUMENTS}.Arn}}/audit/*")]),
            *signs(),  # promises and results of draws
            allow(["s3:PutObject"], [sub(f"${{{DOCUMENTS}.Arn}}/audit/keys.json")]),
            allow(["s3:ListBucket"], [arn(DOCUMENTS)]),
            allow(["dynamodb:BatchGetItem"], [arn(TABLE)]),  # the households of a whole wave
        ],
    }[application]


def _looks_up() -> list[Json]:
    """Allow reading signed lists; only operators put them there."""
    return [allow(["s3:GetObject"], [sub(f"${{{LISTS}.Arn}}/*")]), allow(["s3:ListBucket"], [arn(LISTS)])]


def _anchors() -> list[Json]:
    """Allow keeping and publishing anchors; without the listing S3 says "forbidden" of what is not there."""
    kept, published = (sub(f"${{{bucket}.Arn}}/audit/*") for bucket in (ANCHORS, DOCUMENTS))
    return [
        allow(["s3:GetObject", "s3:PutObject"], [kept, published]),
        allow(["s3:ListBucket"], [arn(ANCHORS), arn(DOCUMENTS)]),
    ]


def _forgets_faces() -> Json:
    """Allow destroying the keys of faces; none of the functions opens one."""
    return allow(["dynamodb:PutItem"], [arn(FACE_KEY_TABLE)])


def _sends_texts() -> list[Json]:
    """Allow sending text messages through SNS and e-mail through SES, and reading the secret of another provider."""
    secrets = sub("arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/gelombang/*")
    return [
        allow(["sns:Publish"], ["*"], Sid="TextMessages"),  # a phone has no ARN
        allow(["ssm:GetParameter"], [secrets]),
        # Not the sender's identity: the local engine names none when it looks at this.
        allow(["ses:SendEmail"], ["*"], Sid="Mails"),
    ]


def _texting(application: str) -> Resources:
    if application not in TEXTING:
        return {}
    return {
        "GELOMBANG_MAIL_SENDER": ref("MailSender"),
        "GELOMBANG_TEXT_GATEWAY_URL": ref("TextGatewayUrl"),
        "GELOMBANG_TEXT_GATEWAY_SECRET": ref("TextGatewaySecret"),
    }


def _fed(event: Json) -> Json:
    """Return an event source; one on a queue deletes only what was handled (Chalice never says so)."""
    if event["Type"] != "SQS":
        return event
    name = _queue_of(event)
    mine = {
        "Queue": arn(queue_id(name)),
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": pace_of(name, "Receivers")},
    }
    return event | {"Properties": event["Properties"] | mine}


def _queue_of(event: Json) -> QueueName:
    return QueueName(event["Properties"]["Queue"]["Fn::Sub"].rsplit(":", 1)[-1])


def _logging(application: str) -> dict[str, str]:
    """Name the level outright: the local engine's own LOG_LEVEL would otherwise reach Powertools."""
    return {"POWERTOOLS_SERVICE_NAME": application, "POWERTOOLS_LOG_LEVEL": "INFO"}


def log_group_id(application: str) -> str:
    """Return the logical id of the log that an application's functions write."""
    return application.title() + "Log"
