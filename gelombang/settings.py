"""What a process takes from its environment, read and checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gelombang.domain.messages import QueueName
from gelombang.domain.tags import TagKeys

MALWARE_SCANS = ("none", "guardduty")
TAG_KEY_PHASES = ("known", "written")


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of every process; names in docs/architecture.md."""

    table: str
    key_table: str
    face_key_table: str
    quarantine_bucket: str
    photo_bucket: str
    document_bucket: str
    anchor_bucket: str
    queue_urls: dict[QueueName, str]
    seal_key_id: str
    face_seal_key_id: str
    signing_key_id: str
    tag_keys: TagKeys
    registers_url: str
    public_url: str  # where everybody reaches the service, without a slash at the end
    programme: str
    malware_scan: str = "none"
    text_gateway_url: str = ""  # of a second provider of text messages; "": there is none
    lists: str = ""  # where signed lists lie, s3://bucket; "": nowhere
    mail_sender: str = ""  # whom codes by e-mail come from; SES knows it as verified
    text_gateway_secret: str = ""  # the name under which Parameter Store keeps its secret


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings in `environment`.

    Raises:
        ValueError: settings are missing, all of them named; or one has a value that it cannot have.
    """
    queues = {name: f"GELOMBANG_QUEUE_{name.replace('-', '_').upper()}" for name in QueueName}
    names = [
        "GELOMBANG_TABLE",
        "GELOMBANG_KEY_TABLE",
        "GELOMBANG_FACE_KEY_TABLE",
        "GELOMBANG_QUARANTINE_BUCKET",
        "GELOMBANG_PHOTO_BUCKET",
        "GELOMBANG_DOCUMENT_BUCKET",
        "GELOMBANG_ANCHOR_BUCKET",
        "GELOMBANG_SEAL_KEY_ID",
        "GELOMBANG_FACE_SEAL_KEY_ID",
        "GELOMBANG_SIGNING_KEY_ID",
        "GELOMBANG_TAG_KEY_ID",
        "GELOMBANG_REGISTERS_URL",
        "GELOMBANG_PUBLIC_URL",
    ]
    missing = [name for name in [*names, *queues.values()] if not environment.get(name)]
    if missing:
        raise ValueError(f"missing in the environment: {', '.join(missing)}")
    given = {name.removeprefix("GELOMBANG_"): environment[name] for name in names}
    return Settings(
        table=given["TABLE"],
        key_table=given["KEY_TABLE"],
        face_key_table=given["FACE_KEY_TABLE"],
        quarantine_bucket=given["QUARANTINE_BUCKET"],
        photo_bucket=given["PHOTO_BUCKET"],
        document_bucket=given["DOCUMENT_BUCKET"],
        anchor_bucket=given["ANCHOR_BUCKET"],
        queue_urls={name: environment[variable] for name, variable in queues.items()},
        seal_key_id=given["SEAL_KEY_ID"],
        face_seal_key_id=given["FACE_SEAL_KEY_ID"],
        signing_key_id=given["SIGNING_KEY_ID"],
        tag_keys=_tag_keys(environment, given["TAG_KEY_ID"]),
        registers_url=given["REGISTERS_URL"],
        public_url=given["PUBLIC_URL"],
        programme=environment.get("GELOMBANG_PROGRAMME", "prakerja"),
        malware_scan=_one_of(environment, "GELOMBANG_MALWARE_SCAN", MALWARE_SCANS),
        text_gateway_url=_unless_none(environment, "GELOMBANG_TEXT_GATEWAY_URL"),
        lists=_unless_none(environment, "GELOMBANG_LISTS"),
        mail_sender=environment.get("GELOMBANG_MAIL_SENDER", ""),
        text_gateway_secret=_unless_none(environment, "GELOMBANG_TEXT_GATEWAY_SECRET"),
    )


def _tag_keys(environment: Mapping[str, str], first: str) -> TagKeys:
    """Return the keys of tags: the first, those that came after it, and one that is coming; see `TagKeys`."""
    later = _unless_none(environment, "GELOMBANG_LATER_TAG_KEY_IDS")
    return TagKeys(
        done=(first, *later.split(",")) if later else (first,),
        coming=_unless_none(environment, "GELOMBANG_COMING_TAG_KEY_ID"),
        is_written=_one_of(environment, "GELOMBANG_TAG_KEY_PHASE", TAG_KEY_PHASES) == "written",
    )


def _unless_none(environment: Mapping[str, str], name: str) -> str:
    """Return a setting, "" where it is absent or `none`: a template's parameter cannot be empty."""
    value = environment.get(name, "")
    return "" if value == "none" else value


def _one_of(environment: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    """Return a setting, or its first value where it is absent."""
    value = environment.get(name) or values[0]
    if value not in values:
        raise ValueError(f"{name} is one of: {', '.join(values)}")
    return value
