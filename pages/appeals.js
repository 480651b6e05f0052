// What may follow a decision, on the applicant's page. Appeals: file one against a reason of a refusal, add pictures that
// show it, answer a question, and read its number, by when it is answered, and what came of it. Then the seat of whoever
// was drawn: by when it must be accepted; accept it or give it back, each with a code to the phone.
"use strict";

words({
  appealTitle: ["Banding atas penolakan", "Appeal against the refusal"],
  appealWhat: ["Menurut Anda penolakan ini keliru? Ajukan banding. Yang memeriksa adalah petugas yang tidak ikut menolak.", "Do you think that this refusal is wrong? Appeal. An officer who had no part in it looks at it."],
  appealReason: ["Alasan yang menurut Anda keliru", "The reason that you think is wrong"], appealWords: ["Jelaskan dengan kata-kata Anda", "Explain in your own words"],
  appealWordsHint: ["Tulis apa yang benar dan sejak kapan. Foto surat atau ijazah dapat dikirim setelah ini.", "Say what is true and since when. A photograph of a letter or a certificate can be sent after this."],
  appealJoin: ["Jika dikabulkan, langsung ikutkan saya dalam gelombang yang sedang berjalan.", "If it is upheld, enter me into the running wave at once."],
  appealSend: ["Ajukan banding", "Appeal"], appealSent: ["Banding Anda kami terima. Catat nomornya.", "We have your appeal. Note its number."],
  appealNumber: ["Nomor banding", "Number of the appeal"], appealAgainst: ["Yang dibanding", "Against"], appealFiled: ["Diajukan", "Filed"],
  appealBy: ["Dijawab paling lambat {n}. Sabtu, Minggu, dan hari libur tidak dihitung.", "Answered by {n} at the latest. Weekends and holidays do not count."],
  appealAsked: ["Yang diminta", "What is asked for"], appealWhy: ["Alasannya", "Why"], appealAnswerBy: ["Jawab paling lambat {n}.", "Answer by {n}."],
  appealAgency: ["Yang dapat Anda hubungi", "Whom you can contact"], appealSaid: ["Yang Anda tulis", "What you wrote"],
  evidence: ["Gambar sebagai bukti", "Pictures as evidence"], evidenceAdd: ["Ambil atau pilih foto surat, ijazah, atau kartu", "Take or choose a photograph of a letter, certificate or card"],
  evidenceSent: ["Gambar terkirim.", "The picture is sent."], KEPT: ["diterima", "received"], evidence_AWAITED: ["sedang diterima", "being received"], evidence_REFUSED: ["tidak dapat diterima", "cannot be taken"],
  appealAnswer: ["Jawaban Anda", "Your answer"], appealAnswerSend: ["Kirim jawaban", "Send the answer"], appealAnswered: ["Jawaban Anda kami terima.", "We have your answer."],
});

let appeals = null; // as the server tells them
const openAppeal = () => appeals && appeals.appeals.find((one) => one.may_add);

/** A day in words, e.g. Senin, 7 Desember 2026. */
const dayInWords = (day) => new Date(day + "T12:00:00+07:00").toLocaleDateString(language === "en" ? "en-GB" : "id-ID", { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "Asia/Jakarta" });

async function readAppeals() { appeals = await ask("GET", "/v1/application/appeals"); }

function drawAppeals() {
  const open = openAppeal(), mayFile = appeals ? appeals.may_file : [];
  $("appeal-step").hidden = !appeals || (!mayFile.length && !appeals.appeals.length);
  if (!appeals) return;
  redraw("appeals", appeals.appeals, () => [...appeals.appeals].reverse().map(appealCard));
  redraw("reason", mayFile, () => mayFile.map((one) => el("option", { value: one.code }, said(one.sentence))));
  $("appeal-form").hidden = !mayFile.length;
  $("evidence-part").hidden = !open;
  $("answer-form").hidden = !open || open.state.code !== "APPEAL_ASKED";
}

function appealCard(one) {
  const card = el("article", { className: "card" }, el("p", {}, t("appealNumber") + ": ", el("strong", {}, el("code", {}, one.number))),
    el("p", {}, el("strong", {}, said(one.state.sentence)), " ", said(one.state.next_step)),
    el("p", { className: "hint" }, t("appealAgainst") + ": " + said(one.reason.sentence) + " " + t("appealFiled") + ": " + moment(one.filed_at)));
  if (one.state.code === "APPEAL_OPEN" && one.deadline) card.append(el("p", {}, t("appealBy").replace("{n}", dayInWords(one.deadline))));
  if (one.deadline_note) card.append(el("p", {}, said(one.deadline_note.sentence) + " " + said(one.deadline_note.next_step)));
  if (one.outcome && one.state.code !== "APPEAL_OPEN") card.append(el("p", {}, el("strong", {}, t(one.answer_by ? "appealAsked" : "appealWhy") + ": "), said(one.outcome.sentence) + " " + said(one.outcome.next_step)));
  if (one.answer_by) card.append(el("p", {}, t("appealAnswerBy").replace("{n}", dayInWords(one.answer_by))));
  if (one.agency) card.append(el("p", {}, t("appealAgency") + ": " + said(one.agency.sentence) + " " + said(one.agency.next_step)));
  if (one.evidence.length) card.append(el("p", {}, t("evidence") + ":"), el("ul", {}, ...one.evidence.map(evidenceItem)));
  if (one.words.length) card.append(el("details", {}, el("summary", {}, t("appealSaid")), ...one.words.map((words) => el("p", {}, words))));
  return card;
}

const evidenceItem = (one) => el("li", {}, t(one.status === "KEPT" ? "KEPT" : "evidence_" + one.status), one.fault ? ": " + said(one.fault.sentence) + " " + said(one.fault.next_step) : "");

async function sendEvidence(file) {
  const small = await downscale(file), path = "/v1/application/appeals/" + openAppeal().number + "/evidence";
  $("evidence-share").hidden = false;
  try {
    const form = await ask("POST", path, { content_type: typeOf(small), size_bytes: small.size });
    await postForm(form, small, (share) => { $("evidence-share").value = share; });
    notice(t("evidenceSent"));
    await refresh();
  } catch (problem) { if (problem.status === undefined && !problem.isSlow) throw problem; showProblem(problem.isSlow ? { status: 0, title: t("uploadFailed"), errors: [] } : problem); } finally {
    $("evidence-share").hidden = true;
    $("evidence-file").value = "";
  }
}

onAction($("appeal-form"), "submit", async () => {
  fault("words", "");
  try {
    await ask("POST", "/v1/application/appeals", { reason: $("reason").value, words: $("words").value.trim(), wants_to_join: $("appeal-join").checked });
  } catch (problem) { if (showFaults(problem)) return; throw problem; }
  $("words").value = "";
  await refresh();
  notice(t("appealSent"));
});
onAction($("answer-form"), "submit", async () => {
  await ask("POST", "/v1/application/appeals/" + openAppeal().number + "/answer", { words: $("answer-words").value.trim() });
  $("answer-words").value = "";
  await refresh();
  notice(t("appealAnswered"));
});
$("evidence-file").addEventListener("change", () => { const [file] = $("evidence-file").files; if (file) sendEvidence(file); });

// ---- a seat ----------------------------------------------------------------------------------------------------------

words({
  seatTitle: ["Kursi Anda", "Your seat"], seatBy: ["Terima paling lambat {n}.", "Accept it by {n}."],
  seatAccept: ["Terima kursi: kirim kode", "Accept the seat: send a code"], seatGiveBack: ["Kembalikan kursi: kirim kode", "Give the seat back: send a code"],
  seat_accept: ["Terima kursi", "Accept the seat"], seat_give_back: ["Kembalikan kursi", "Give the seat back"],
  seatGone: ["Kursi yang dikembalikan menjadi milik cadangan dan tidak dapat diminta lagi.", "A seat that is given back goes to a reserve and cannot be had back."],
});

const SEAT = "/v1/application/seat";
let seatChallenge = null, seatAnswer = "";

/** Forget a code that was asked for: of somebody who signed out, or whose seat is settled. */
function forgetSeat() {
  seatChallenge = null;
  seatAnswer = "";
  fault("seat-code", "");
}

function drawSeat() {
  const seat = status && status.seat;
  $("seat-step").hidden = !seat;
  if (!seat) return forgetSeat();
  const isOver = seat.state.code === "SEAT_DEADLINE_OVER";
  redraw("seat-told", seat, () => [el("p", {}, el("strong", {}, said(seat.state.sentence)), " ", said(seat.state.next_step)),
    !seat.accepted_at && !isOver && seat.accept_by && el("p", {}, t("seatBy").replace("{n}", dayInWords(seat.accept_by)))].filter(Boolean));
  $("seat-accept").hidden = Boolean(seat.accepted_at) || isOver;
  $("seat-form").hidden = !seatChallenge;
  $("seat-send").textContent = seatAnswer ? t("seat_" + seatAnswer) : "";
}

async function askForSeatCode(answer) {
  fault("seat-code", "");
  seatChallenge = await ask("POST", SEAT, { answer });
  seatAnswer = answer;
  drawSeat();
  $("seat-code").focus();
}

onAction($("seat-accept"), "click", () => askForSeatCode("accept"));
onAction($("seat-give-back"), "click", () => askForSeatCode("give_back"));
onAction($("seat-form"), "submit", async () => {
  fault("seat-code", "");
  const answered = { answer: seatAnswer, challenge_id: seatChallenge.challenge_id, code: $("seat-code").value.trim() };
  try { await ask("POST", SEAT + "/confirmation", answered); } catch (problem) { return showFaultAt("seat-code", problem); }
  $("seat-code").value = "";
  forgetSeat();
  await refresh();
});
