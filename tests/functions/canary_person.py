"""Somebody who registers, with values that must be found nowhere afterwards."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from urllib.parse import quote

from canary_values import AGENT, DEVICE, FILE, PHOTO, ZELIKHA
from canary_watch import Sink, Watch

from benchmarks.drills.gateway import Answer
from gelombang.domain.consent import NEEDED
from gelombang.domain.messages import QueueName
from gelombang.journey.programme import load_programme
from local import canaries

SESSION = "/v1/sessions"
FORM = "/v1/application/form"
CODE = re.compile(r"Kode Anda (\d{6})")


class Person:
    """Somebody with a phone, signed in or not; whatever opens something becomes a canary as they get it."""

    def __init__(self, watch: Watch, number: str) -> None:
        self.watch, self.phone, self.token, self.name = watch, number, "", ""

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        headers = {"User-Agent": AGENT} | headers
        return self.watch.send(method, path, body, token=self.token, to=Sink.OWN, **headers)

    def did(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Ask for what must succeed."""
        self.watch.note(Sink.ADDRESSES, path)
        answer = self.ask(method, path, body, **headers)
        assert answer.status < 400, (method, path, answer.content)
        return answer

    def code(self) -> str:
        """Return the newest code that was sent by text or e-mail."""
        memory = self.watch.memory
        said = [text for *_, text in (*memory.texts.sent, *memory.mails.sent)]
        for each in (*said,):
            for found in CODE.findall(each):
                self.watch.canaries.append(canaries.code("code", found))
        return CODE.findall(memory.texts.sent[-1][1])[0]

    def keep(self, answer: Answer) -> None:
        """Use the session of an answer from now on."""
        self.token, self.name = answer.json["token"], answer.json["application_id"]
        self.watch.canaries.append(canaries.secret("token", self.token))

    def sign_in(self) -> None:
        asked = {"phone": self.phone, "action": "log_in", "device": DEVICE}
        sent = self.did("POST", "/v1/codes", asked, Idempotency_Key=f'"{uuid.uuid4()}"')
        right = self.code()
        for wrong in ("000000", "111111", right[::-1]):
            self.ask("POST", SESSION, {"challenge_id": sent.json["challenge_id"], "code": wrong})
        self.ask("POST", SESSION, {"challenge_id": "tidak-ada", "code": right})
        confirmed = {"challenge_id": sent.json["challenge_id"], "code": right}
        key = f'"{uuid.uuid4()}"'
        self.keep(self.did("POST", SESSION, confirmed, Idempotency_Key=key))
        self.ask("POST", SESSION, confirmed, Idempotency_Key=key)
        self.ask("POST", SESSION, confirmed)

    def confirm(self, path: str, body: object = None) -> Answer:
        """Ask for a code at `path`, mistype it, then confirm it there."""
        sent = self.did("POST", path, body or {}).json
        right = self.code() if "email" not in path else CODE.findall(self.watch.memory.mails.sent[-1][2])[0]
        self.ask("POST", f"{path}/confirmation", {"challenge_id": sent["challenge_id"], "code": "000000"})
        return self.did("POST", f"{path}/confirmation", {"challenge_id": sent["challenge_id"], "code": right})

    def fill(self) -> None:
        typed = {
            "nik": ZELIKHA.nik,
            "kk": ZELIKHA.kk,
            "name": ZELIKHA.name,
            "birth_date": ZELIKHA.birth_date.isoformat(),
            "region": ZELIKHA.region,
        }
        for field, value in typed.items():
            self.did("PATCH", FORM, {field: value})
        version = load_programme("prakerja").consent.version
        for purpose in NEEDED:
            agreed = {"purpose": purpose, "is_given": True, "version": version}
            self.did("POST", "/v1/application/consents", agreed)

    def send(self, slot: str) -> None:
        """Send a photograph in one piece; S3 says that it came."""
        offer = {"content_type": "image/jpeg", "size_bytes": len(PHOTO)}
        offered = self.did("POST", f"/v1/application/photos/{slot}", offer).json
        self.arrive(offered["fields"]["key"], PHOTO)

    def arrive(self, key: str, content: bytes) -> None:
        self.watch.ports.photos.receive(key, content)
        event = f'{{"Records":[{{"s3":{{"object":{{"key":"{quote(key)}"}}}}}}]}}'
        self.watch.note(Sink.QUEUES, event)
        assert self.watch.handle(QueueName.PHOTOS_ARRIVED, event)

    def send_in_chunks(self, slot: str) -> None:
        """Send a photograph by tus, with a chunk in the wrong place, one that is damaged, and one sent twice."""
        tus = {"Tus_Resumable": "1.0.0"}
        whole = hashlib.sha256(PHOTO).hexdigest()
        said = f"filename {_base64(FILE.encode())},sha256 {_base64(whole.encode())}"
        told = tus | {"Upload_Length": str(len(PHOTO)), "Upload_Metadata": said}
        begun = self.did("POST", f"/v1/application/photos/{slot}/uploads", **told)
        where = begun.headers["location"]
        chunk = tus | {"Content_Type": "application/offset+octet-stream"}
        halves = ((0, PHOTO[:3000]), (3000, PHOTO[3000:]))
        self.ask("PATCH", where, PHOTO[:3000], Upload_Offset="7", **chunk)
        self.ask("PATCH", where, PHOTO[:3000], Upload_Offset="0", Upload_Checksum="sha1 AAAA", **chunk)
        for offset, content in halves:
            total = f"sha256 {_base64(hashlib.sha256(content).digest())}"
            self.did("PATCH", where, content, Upload_Offset=str(offset), Upload_Checksum=total, **chunk)
            self.ask("PATCH", where, content, Upload_Offset=str(offset), **chunk)
        self.did("HEAD", where, **tus)
        key = next(key for key in self.watch.memory.photos.quarantine if where.rsplit("/", 1)[1] in key)
        self.arrive(key, PHOTO)

    @property
    def state(self) -> str:
        return str(self.did("GET", "/v1/application").json["state"]["code"])


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
