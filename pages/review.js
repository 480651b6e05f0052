// The reviewer's page: open cases, pictures side by side, a decision with a note. No score is ever shown.
"use strict";

words({
  title: ["Peninjauan oleh petugas", "Review"], token: ["Token petugas", "Staff token"], list: ["Lihat antrean", "List open cases"],
  cases: ["Kasus terbuka", "Open cases"], none: ["Tidak ada kasus terbuka.", "No open cases."], open: ["Buka", "Open"],
  note: ["Catatan untuk arsip (wajib)", "Note for the record (needed)"],
  noteHint: ["Jangan tulis NIK atau nama. Pembukaan kasus ini sudah dicatat.", "Write no NIK or name. That you opened this case is on record."],
  accept: ["Terima pendaftaran ini", "Accept this application"], retake: ["Minta selfie baru", "Ask for a new selfie"], refuse: ["Tolak pendaftaran ini", "Refuse this application"],
  noteMissing: ["Tulis catatan terlebih dahulu.", "Write a note first."],
  decided: ["Keputusan disimpan.", "Decision saved."], selfie: ["Selfie", "Selfie"], ktp: ["KTP", "KTP"], noPicture: ["belum ada", "not there"],
  wish: ["Minta foto langsung", "Ask for live pictures"], wished: ["Pendaftar diberi tahu. Itu sukarela; Anda dapat memutuskan tanpanya.", "The applicant is told. It is voluntary; you can decide without."],
  challenge: ["Foto langsung {n}", "Live pictures {n}"], measuring: ["sedang diukur", "being measured"],
  PASSED: ["Semua yang diminta terlihat. Ini petunjuk, bukan bukti: video yang disiapkan bisa terlihat sama.", "Everything asked for was shown. A hint, not proof: a prepared video can look the same."],
  NOT_SHOWN: ["Tidak semua yang diminta terlihat. Itu bukan bukti kecurangan:", "Not everything asked for was shown. That is no proof of fraud:"],
  NOT_ASSESSED: ["Mesin tidak dapat mengukurnya. Lihat sendiri.", "The machine could not measure it. Look for yourself."],
  NOT_BOUND: ["Waktu atau urutan penyerahan tidak sesuai catatan.", "When it was handed in does not agree with the record."],
  NO_SINGLE_FACE: ["Di salah satu foto tidak ada satu wajah yang jelas.", "One of the pictures shows no single clear face."],
  POSES_DIFFER: ["Arah kepala tidak seperti yang diminta, atau kurang jauh.", "The head is not turned as asked, or not far enough."],
  FLAT: ["Wajah bergerak seperti gambar datar.", "The face moves as a flat picture does."],
  OTHER_PERSON: ["Salah satu foto kurang mirip dengan selfie.", "One of the pictures is not much like the selfie."],
  FRAME_REPEATED: ["Dua foto hampir sama persis.", "Two pictures are nearly the same."],
  centre: ["lurus", "ahead"], left: ["ke kiri", "left"], right: ["ke kanan", "right"], up: ["ke atas", "up"], down: ["ke bawah", "down"],
  subject: ["Pendaftaran ini", "This application"], other: ["Pendaftaran lain", "Other application"],
});

let cases = null, current = null, texts = {};
const staff = (method, path, body) => call(method, path, body, $("token").value.trim());
// Texts by code speak to the applicant; these say what a reviewer is asked to look at.
const QUESTIONS = {
  FACE_DIFFERS: ["Wajah pada selfie berbeda dari KTP. Orang yang sama? Bila ya, terima.", "The selfie's face differs from the KTP's. The same person? If so, accept."],
  FACE_UNSURE: ["Mesin tidak yakin selfie dan KTP orang yang sama. Bila sama, terima.", "The machine is not sure that selfie and KTP show one person. If they do, accept."],
  FACE_ENROLLED_TWICE: ["Wajah ini mirip dengan pendaftaran lain di bawah. Bila orangnya sama, tolak; bila berbeda, terima.", "This face is like the other application's below. If it is the same person, refuse; if not, accept."],
  NIK_ALREADY_REGISTERED: ["NIK ini juga dipakai pendaftaran lain. Menerima yang ini menolak yang lain.", "Another application uses this NIK too. Accepting this one refuses the other."],
  LIVENESS_DOUBT: ["Periksa apakah selfie ini foto dari orangnya langsung, bukan dari layar atau cetakan.", "Look whether the selfie was taken of the person, not of a screen or a print."],
};
const wording = (code) => QUESTIONS[code] ? QUESTIONS[code][language === "en" ? 1 : 0] : (texts[code] ? (language === "en" ? texts[code].en : texts[code].id).sentence : code);

function draw() {
  if (cases) $("cases").replaceChildren(...(cases.length ? cases.map(caseLine) : [el("li", {}, t("none"))]));
  $("case").hidden = !current;
  if (!current) return;
  $("case-title").textContent = current.head.case_id;
  $("case-reasons").replaceChildren(...(current.is_restricted ? ["PROCESSING_RESTRICTED"] : current.head.reasons).map((code) => el("li", {}, wording(code))));
  $("pictures").replaceChildren(...pictures(t("subject"), current.subject), ...current.others.flatMap((one) => pictures(t("other"), one)));
  $("challenges").replaceChildren(...current.challenges.map(challengeBlock));
}

function caseLine(one) {
  const button = el("button", { type: "button", className: "plain" }, t("open"));
  button.setAttribute("aria-label", t("open") + " " + one.case_id);
  onAction(button, "click", async () => { current = await staff("GET", "/v1/reviews/" + one.case_id); $("note").value = ""; draw(); $("case-title").focus(); });
  return el("li", {}, moment(one.opened_at) + " – " + one.reasons.map(wording).join(" "), " ", button);
}

const challengeBlock = (one) => el("section", {}, el("h3", {}, t("challenge").replace("{n}", one.number) + " – " + moment(one.answered_at)),
  el("p", {}, t(one.outcome || "measuring")), el("ul", {}, ...one.points.map((point) => el("li", {}, t(point)))),
  el("div", { className: "side" }, ...one.frame_urls.map((url, i) => el("figure", {}, el("figcaption", {}, (i + 1) + ": " + t(one.poses[i])), el("img", { src: url, alt: t(one.poses[i]) })))));

const pictures = (whose, one) => ["selfie", "ktp"].map((slot) => el("figure", {},
  el("figcaption", {}, whose + ": " + t(slot), el("br"), el("code", {}, one.application_id)),
  one[slot + "_url"] ? el("img", { src: one[slot + "_url"], alt: whose + ": " + t(slot) }) : t("noPicture")));

async function list() {
  texts = (await call("GET", "/v1/programme")).texts;
  cases = (await staff("GET", "/v1/reviews")).cases;
  current = null;
  draw();
}

onAction($("enter"), "submit", list);
onAction($("wish"), "click", async () => { await staff("POST", "/v1/reviews/" + current.head.case_id + "/challenge", {}); notice(t("wished")); });
for (const button of document.querySelectorAll("[data-decision]")) onAction(button, "click", async () => {
  if (!$("note").value.trim()) { notice(t("noteMissing")); $("note").focus(); return; }
  await staff("POST", "/v1/reviews/" + current.head.case_id + "/decision", { decision: button.dataset.decision, note: $("note").value.trim() });
  await list();
  notice(t("decided"));
  $("cases-title").scrollIntoView();
});
speak(draw);
