"""Photographs over bad lines: whatever happens to the line, they arrive, once, and little is sent twice."""

from __future__ import annotations

import io

import httpx
import pytest

from benchmarks.drills.network import LINES, PHOTO_BYTES, drill, goals_of, photograph
from benchmarks.drills.shaped_link import Line
from local.client import ApiProblemError, Caller
from local.sending import FIRST_CHUNK, Sending, SlowLineError, _slow_down, _Watched, send_photograph

pytestmark = pytest.mark.enable_socket


def caller(handle):
    """Return a caller whose requests are answered by `handle`."""
    return Caller(httpx.Client(base_url="http://api", transport=httpx.MockTransport(handle)))


def test_over_a_good_line_a_photograph_goes_in_one_piece():
    (sent,) = drill(Line("good", rate=5_000_000), 1, 30, 1)

    assert 0 < sent.resent_bytes < 2_000  # the form around it
    assert (sent.has_arrived, sent.stored_count, sent.sending.way) == (True, 1, "form")


def test_over_a_line_that_is_cut_every_second_photographs_arrive_once_and_nobody_is_asked_again():
    line = Line("cut", rate=400_000, loss_share=0.03, round_trip_s=0.01, cut_every_s=1.0, away_s=0.1)

    sent = drill(line, 2, 60, 1)

    goals = {each.name.split(",")[0]: each for each in goals_of(line.name, sent)}
    assert {each.sending.way for each in sent} == {"chunks"}
    assert sum(each.cut_count for each in sent) > 2
    assert goals["photographs arrived"].met
    assert goals["photographs stored twice"].met
    assert goals["people asked for anything again"].met


def test_the_drill_is_about_the_lines_that_were_asked_for():
    slow, far = LINES

    assert (slow.rate * 8, slow.loss_share, slow.cut_every_s) == (32_000, 0.3, 20.0)
    assert (far.rate, far.round_trip_s) == (5_000, 2.0)
    assert len(photograph(1)) == len(photograph(2)) == PHOTO_BYTES
    assert photograph(1) != photograph(2)


def test_a_refusal_is_told_at_once_and_not_tried_again():
    asked = []

    def refuse(request):
        asked.append(request.url.path)
        return httpx.Response(409, json={"type": "https://x/move-not-allowed", "status": 409})

    with pytest.raises(ApiProblemError):
        send_photograph(caller(refuse), "selfie", b"photo")

    assert asked == ["/v1/application/photos/selfie"]


def test_without_a_line_patience_ends():
    def away(request):
        raise httpx.ConnectError("no line", request=request)

    with pytest.raises(httpx.ConnectError):
        send_photograph(caller(away), "selfie", b"photo", patience_s=0)


def test_an_upload_whose_day_is_over_begins_again():
    answers = {
        "/v1/application/photos/selfie": lambda: httpx.Response(
            503, json={"type": "x/dependency-unavailable"}
        ),
        "/v1/application/photos/selfie/uploads": lambda: httpx.Response(
            201, headers={"Location": f"/u/{len(asked)}", "Upload-Offset": "0"}
        ),
    }
    asked = []

    def answer(request):
        asked.append(request.method)
        if request.method == "PATCH":
            is_over = asked.count("PATCH") == 1
            return httpx.Response(410) if is_over else httpx.Response(204, headers={"Upload-Offset": "5"})
        if request.method == "GET":
            return httpx.Response(200, json={})
        return answers[request.url.path]()

    sending = send_photograph(caller(answer), "selfie", b"photo")

    assert (sending.way, sending.share) == ("chunks", 1.0)
    assert asked.count("PATCH") == 2


def test_after_a_cut_chunks_are_a_small_part_of_what_passed(monkeypatch):
    monkeypatch.setattr("local.sending.time.sleep", lambda _s: None)
    sending = Sending(chunk=65_536, passed=100_000)

    _slow_down(sending)
    after_one = sending.chunk
    _slow_down(sending)

    assert after_one == 10_000
    assert sending.chunk == 10_000  # nothing passed since: nothing new is known of the line
    assert after_one > FIRST_CHUNK


def test_a_piece_that_would_take_minutes_is_given_up(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("local.sending.time.monotonic", lambda: now[0])
    shares = []
    watched = _Watched(bytes(1000), shares.append)
    watched.read(100)
    now[0] = 10.0

    with pytest.raises(SlowLineError):
        watched.read(100)

    assert isinstance(watched, io.BytesIO)
    assert shares == [0.0]
