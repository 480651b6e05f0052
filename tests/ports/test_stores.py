"""Photographs, documents, queues, texts, vault and clock: both sides give the same answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gelombang.aws.clients import aws_client
from gelombang.aws.documents import S3Documents
from gelombang.aws.photos import GuardDutyScans, NoScans
from gelombang.domain.errors import NotFoundError
from gelombang.domain.messages import ChecksDue, FaceCheckAsked, QueueName
from gelombang.journey.ports import ScanResult
from tests.ports.conftest import PUBLIC_URL

NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
CONTEXT = {"application_id": "app_1", "field": "nik"}


def test_an_upload_form_names_its_key_type_limit_and_end(photos):
    store, _ = photos

    form = store.offer_upload("app_1/selfie/x", "image/jpeg", NOON)

    assert form.fields["key"] == "app_1/selfie/x"
    assert form.fields["Content-Type"] == "image/jpeg"
    assert form.expires_at > NOON
    assert form.max_bytes == 15 * 1024 * 1024


def test_an_upload_is_there_only_after_it_arrived(photos):
    store, receive = photos
    assert store.upload_size("app_1/selfie/x") is None
    with pytest.raises(NotFoundError):
        store.read_upload("app_1/selfie/x")

    receive("app_1/selfie/x1", b"of another key that begins alike")
    receive("app_1/selfie/x", b"0123456789")

    assert store.upload_size("app_1/selfie/x") == 10
    assert store.upload_size("app_1/selfie/") is None
    assert store.read_upload("app_1/selfie/x") == b"0123456789"


def test_what_was_sent_in_chunks_lies_in_quarantine_like_any_upload(photos):
    store, _ = photos

    store.receive("app_1/selfie/x", b"the whole")

    assert store.upload_size("app_1/selfie/x") == 9
    assert store.read_upload("app_1/selfie/x") == b"the whole"


def test_an_upload_is_never_read_or_shown_as_a_photograph(photos):
    store, receive = photos
    receive("app_1/selfie/x", b"an original")

    with pytest.raises(NotFoundError):
        store.read("app_1/selfie/x")


def test_a_clean_copy_is_read_and_shown_and_is_no_upload(photos):
    store, _ = photos

    store.keep("app_1/selfie/x.jpg", b"a clean copy")
    store.keep("app_1/selfie/x.jpg", b"a clean copy")

    assert store.read("app_1/selfie/x.jpg") == b"a clean copy"
    assert "app_1/selfie/x.jpg" in store.view_url("app_1/selfie/x.jpg")
    assert store.upload_size("app_1/selfie/x.jpg") is None


def test_a_document_is_replaced_by_the_next_of_its_name(documents):
    with pytest.raises(NotFoundError):
        documents.read("waves/w/rules.json")

    documents.write("waves/w/rules.json", b"{}", "application/json")
    documents.write("waves/w/rules.json", b"[]", "application/json")

    assert documents.read("waves/w/rules.json") == b"[]"
    assert "waves/w/rules.json" in documents.url("waves/w/rules.json")


def test_what_is_written_once_stays_whoever_comes_later(documents):
    assert documents.write_once("published/w/own.json", b"{}", "application/json") == b"{}"
    assert documents.write_once("published/w/own.json", b"[]", "application/json") == b"{}"

    assert documents.read("published/w/own.json") == b"{}"


def test_a_document_is_public_once_it_is_published_and_not_before(documents):
    documents.write("waves/w/rules.json", b"{}", "application/json")
    with pytest.raises(NotFoundError):
        documents.read("published/waves/w/rules.json")

    documents.publish("waves/w/rules.json", "application/json")
    documents.publish("waves/w/rules.json", "application/json")

    assert documents.read("published/waves/w/rules.json") == b"{}"
    assert documents.read("waves/w/rules.json") == b"{}"
    with pytest.raises(NotFoundError):
        documents.publish("waves/w/entries.csv", "text/csv")


def test_a_published_document_has_one_address_and_no_other(documents):
    key = "published/waves/w/rules.json"

    assert documents.url(key) == documents.url(key)
    assert documents.url(key).endswith(f"/{key}")


def test_caches_keep_what_is_published_for_good_and_a_page_for_seconds(aws):  # noqa: ARG001 - moto, while it lives
    client = aws_client("s3")
    client.create_bucket(
        Bucket="documents", CreateBucketConfiguration={"LocationConstraint": "ap-southeast-3"}
    )
    documents = S3Documents("documents", client, PUBLIC_URL)
    documents.write("waves/w/rules.json", b"{}", "application/json")
    documents.publish("waves/w/rules.json", "application/json")
    documents.write_once("published/waves/w/results/e.json", b"{}", "application/json")
    documents.write("published/waves/w/wave.json", b"{}", "application/json")

    told = {
        key: client.head_object(Bucket="documents", Key=f"published/waves/w/{key}")
        for key in ("rules.json", "results/e.json", "wave.json")
    }

    for_good = "public, max-age=31536000, immutable"
    kept = {key: each["CacheControl"] for key, each in told.items()}
    assert kept == {"rules.json": for_good, "results/e.json": for_good, "wave.json": "public, max-age=5"}
    assert {each["ContentType"] for each in told.values()} == {"application/json"}
    assert documents.url("published/waves/w/wave.json") == f"{PUBLIC_URL}/published/waves/w/wave.json"


def test_a_large_document_is_published_in_parts_and_is_the_same(aws, monkeypatch):  # noqa: ARG001 - as above
    client, calls = aws_client("s3"), []
    client.meta.events.register("before-call.s3.*", lambda model, **_: calls.append(model.name))
    client.create_bucket(
        Bucket="documents", CreateBucketConfiguration={"LocationConstraint": "ap-southeast-3"}
    )
    content = bytes(range(256)) * 4096 * 7
    monkeypatch.setattr("gelombang.aws.documents.COPY_BYTES", 5 << 20)
    documents = S3Documents("documents", client, PUBLIC_URL)
    documents.write("waves/w/results.csv", content, "text/csv")

    documents.publish("waves/w/results.csv", "text/csv")

    told = client.head_object(Bucket="documents", Key="published/waves/w/results.csv")
    assert calls.count("UploadPartCopy") == 2
    assert documents.read("published/waves/w/results.csv") == content
    assert (told["CacheControl"], told["ContentType"]) == ("public, max-age=31536000, immutable", "text/csv")


def test_a_message_comes_off_the_queue_it_belongs_to(queues):
    sender, take = queues
    message = FaceCheckAsked("app_1-1", "app_1", "app_1/selfie/x", "app_1/ktp/y")

    sender.send(message)

    assert take(QueueName.CHECKS_DUE) is None
    assert take(QueueName.FACE_REQUESTS) == message


def test_a_delayed_message_is_not_there_yet(queues):
    sender, take = queues

    sender.send(ChecksDue("app_1", 1), delay_s=60)

    assert take(QueueName.CHECKS_DUE) is None


def test_a_text_goes_to_its_phone(texts):
    sender, sent = texts

    sender.send("+628123456789", "Halo")

    assert ("+628123456789", "Halo") in [(phone, text) for phone, text, *_ in sent()]


def test_what_was_sealed_opens_only_under_its_own_context(vault):
    sealed = vault.seal("3171010101900001", CONTEXT)

    assert vault.open(sealed, CONTEXT) == "3171010101900001"
    with pytest.raises(ValueError, match="context"):
        vault.open(sealed, CONTEXT | {"application_id": "app_2"})


def test_a_sealed_text_does_not_show_what_is_in_it(vault):
    assert "3171010101900001" not in vault.seal("3171010101900001", CONTEXT)


def test_what_was_not_sealed_here_does_not_open(vault):
    with pytest.raises(ValueError, match="not"):
        vault.open("bm90IG91cnM=", CONTEXT)


def test_nothing_of_a_forgotten_application_opens_or_is_sealed_and_others_are_untouched(vault):
    sealed, other = vault.seal("3171010101900001", CONTEXT), CONTEXT | {"application_id": "app_2"}
    kept = vault.seal("3171010101900002", other)

    vault.forget(CONTEXT["application_id"])
    vault.forget(CONTEXT["application_id"])

    assert vault.open(kept, other) == "3171010101900002"
    with pytest.raises(NotFoundError):
        vault.open(sealed, CONTEXT)
    with pytest.raises(NotFoundError):
        vault.seal("3171010101900001", CONTEXT)


def test_what_belongs_to_no_application_is_sealed_by_the_programme(vault):
    sealed = vault.seal("+628123456789", {"phone_tag": "t"})

    vault.forget("app_1")

    assert vault.open(sealed, {"phone_tag": "t"}) == "+628123456789"


def test_equal_texts_have_equal_tags_for_one_purpose_only(vault):
    assert vault.tag("nik", "1") == vault.tag("nik", "1")
    assert len({vault.tag("nik", "1"), vault.tag("nik", "2"), vault.tag("kk", "1")}) == 3
    assert len(vault.tag("nik", "1")) == 64


def test_a_clock_knows_its_zone_and_draws_as_many_bytes_as_asked(clock):
    assert clock.now().utcoffset().total_seconds() == 0
    assert len(clock.random_bytes(33)) == 33
    assert clock.random_bytes(16) != clock.random_bytes(16)


def test_what_is_named_is_removed_wherever_it_lies_and_nothing_else(photos):
    store, put_upload = photos
    put_upload("app_1/selfie/a", b"picture")
    store.keep("app_1/ktp/b.jpg", b"copy")
    store.keep("app_1/ktp/c.jpg", b"other copy")

    store.remove(["app_1/selfie/a", "app_1/ktp/b.jpg", "app_1/ktp/never-there"])

    assert store.upload_size("app_1/selfie/a") is None
    assert store.read("app_1/ktp/c.jpg") == b"other copy"
    with pytest.raises(NotFoundError):
        store.read("app_1/ktp/b.jpg")


def test_everything_of_one_application_is_erased_and_nothing_of_another(photos):
    store, receive, *_ = photos
    for key in ("app_1/selfie/a", "app_1/ktp/b", "app_10/selfie/c"):
        receive(key, b"picture")
        store.keep(key, b"picture")

    store.erase("app_1")
    store.erase("app_1")

    assert store.upload_size("app_1/selfie/a") is None
    assert store.read("app_10/selfie/c") == b"picture"
    assert store.upload_size("app_10/selfie/c") == 7
    with pytest.raises(NotFoundError):
        store.read("app_1/ktp/b")


@pytest.mark.parametrize(
    ("tag", "result"),
    [
        ("NO_THREATS_FOUND", ScanResult.CLEAN),
        ("THREATS_FOUND", ScanResult.INFECTED),
        ("UNSUPPORTED", ScanResult.NOT_SCANNED),
        ("FAILED", ScanResult.PENDING),
        ("ACCESS_DENIED", ScanResult.PENDING),
        (None, ScanResult.PENDING),
    ],
)
def test_an_upload_is_what_guardduty_wrote_on_it(aws, tag, result):  # noqa: ARG001 - moto, while it lives
    client = aws_client("s3")
    client.create_bucket(
        Bucket="quarantine", CreateBucketConfiguration={"LocationConstraint": "ap-southeast-3"}
    )
    client.put_object(Bucket="quarantine", Key="app_1/selfie/x", Body=b"an upload")
    if tag:
        tags = {"TagSet": [{"Key": "GuardDutyMalwareScanStatus", "Value": tag}]}
        client.put_object_tagging(Bucket="quarantine", Key="app_1/selfie/x", Tagging=tags)

    scans = GuardDutyScans("quarantine", client)

    assert scans.result_of("app_1/selfie/x") is result
    assert scans.result_of("app_1/selfie/elsewhere") is ScanResult.NOT_SCANNED
    assert NoScans().result_of("app_1/selfie/x") is ScanResult.NOT_SCANNED
