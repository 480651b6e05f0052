// The reviewer's page: one case at a time, people as A, B, C side by side, an answer with a note. No score is ever shown.
"use strict";

words({
  title: ["Peninjauan oleh petugas", "Review"], token: ["Token petugas", "Staff token"], next: ["Ambil kasus berikutnya", "Take the next case"],
  case: ["Kasus Anda", "Your case"], none: ["Tidak ada kasus untuk Anda saat ini.", "No case for you at present."],
  until: ["Kasus ini milik Anda sampai {t}; sesudahnya diberikan kepada petugas lain. Petugas lain menjawabnya juga; jawabannya tidak ditunjukkan.",
    "This case is yours until {t}; then it goes to somebody else. Others answer it too; what they say is not shown."],
  note: ["Catatan untuk arsip (wajib)", "Note for the record (needed)"],
  noteHint: ["Jangan tulis NIK atau nama. Pembukaan kasus ini sudah dicatat.", "Write no NIK or name. That you opened this case is on record."],
  accept: ["Terima", "Accept"], retake: ["Minta selfie baru", "Ask for a new selfie"], refuse: ["Tolak", "Refuse"],
  noteMissing: ["Tulis catatan terlebih dahulu.", "Write a note first."],
  answered: ["Jawaban disimpan.", "Answer saved."], selfie: ["Selfie", "Selfie"], ktp: ["KTP", "KTP"], noPicture: ["belum ada", "not there"],
  wish: ["Minta foto langsung", "Ask for live pictures"], wished: ["Pendaftar diberi tahu. Itu sukarela; Anda dapat memutuskan tanpanya.", "The applicant is told. It is voluntary; you can decide without."],
  person: ["Orang {l}", "Person {l}"], toDecide: ["{l}: diputuskan oleh Anda", "{l}: yours to decide"], beside: ["{l}: hanya untuk dibandingkan", "{l}: only to compare with"],
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
});

let current = null, texts = {};
const staff = (method, path, body) => call(method, path, body, $("token").value.trim());
// Texts by code speak to the applicant; these say what a reviewer is asked to look at.
const QUESTIONS = {
  FACE_DIFFERS: ["Wajah pada selfie berbeda dari KTP. Orang yang sama? Bila ya, terima.", "The selfie's face differs from the KTP's. The same person? If so, accept."],
  FACE_UNSURE: ["Mesin tidak yakin selfie dan KTP orang yang sama. Bila sama, terima.", "The machine is not sure that selfie and KTP show one person. If they do, accept."],
  FACE_ENROLLED_TWICE: ["Wajah ini mirip dengan orang lain di halaman ini. Bila orangnya sama, tolak; bila berbeda, terima.", "This face is like another person's on this page. If they are the same person, refuse; if not, accept."],
  NIK_ALREADY_REGISTERED: ["NIK ini juga dipakai pendaftaran lain. Menerima yang ini menolak yang lain.", "Another application uses this NIK too. Accepting this one refuses the other."],
  LIVENESS_DOUBT: ["Periksa apakah selfie ini foto dari orangnya langsung, bukan dari layar atau cetakan.", "Look whether the selfie was taken of the person, not of a screen or a print."],
};
const wording = (code) => QUESTIONS[code] ? QUESTIONS[code][language === "en" ? 1 : 0] : (texts[code] ? (language === "en" ? texts[code].en : texts[code].id).sentence : code);

function draw() {
  $("case").hidden = !current;
  if (!current) return;
  $("until").textContent = t("until").replace("{t}", moment(current.until));
  $("people").replaceChildren(...current.people.map(personBlock));
}

function personBlock(one) {
  const name = t("person").replace("{l}", one.label), head = t(one.is_to_decide ? "toDecide" : "beside").replace("{l}", name);
  const reasons = one.is_restricted ? ["PROCESSING_RESTRICTED"] : one.reasons;
  const block = el("section", { className: "card" }, el("h3", {}, head), el("ul", { className: "reasons" }, ...reasons.map((code) => el("li", {}, wording(code)))),
    el("div", { className: "side" }, ...["selfie", "ktp"].map((slot) => picture(name, slot, one[slot + "_url"]))), ...one.challenges.map(challengeBlock));
  if (one.is_to_decide) block.append(choice(one, "accept", ""), choice(one, "retake", "plain"), choice(one, "refuse", "danger"), wishButton(one));
  return block;
}

const labelled = (one, key, className) => {
  const button = el("button", { type: "button", className }, t(key));
  button.setAttribute("aria-label", t(key) + ": " + t("person").replace("{l}", one.label));
  return button;
};

function choice(one, decision, className) {
  const button = labelled(one, decision, className);
  button.dataset.decision = decision;
  onAction(button, "click", () => answer(one, decision));
  return button;
}

function wishButton(one) {
  const button = labelled(one, "wish", "plain");
  onAction(button, "click", async () => { await staff("POST", path() + "/challenge", { label: one.label }); notice(t("wished")); });
  return button;
}

const challengeBlock = (one) => el("section", {}, el("h3", {}, t("challenge").replace("{n}", one.number) + " – " + moment(one.answered_at)),
  el("p", {}, t(one.outcome || "measuring")), el("ul", {}, ...one.points.map((point) => el("li", {}, t(point)))),
  el("div", { className: "side" }, ...one.frame_urls.map((url, i) => el("figure", {}, el("figcaption", {}, (i + 1) + ": " + t(one.poses[i])), el("img", { src: url, alt: t(one.poses[i]) })))));

const picture = (name, slot, url) => el("figure", {}, el("figcaption", {}, name + ": " + t(slot)), url ? el("img", { src: url, alt: name + ": " + t(slot) }) : t("noPicture"));
const path = () => "/v1/reviews/" + current.review_id;

async function answer(one, decision) {
  const note = $("note").value.trim();
  if (!note) { notice(t("noteMissing")); $("note").focus(); return; }
  const said = await staff("POST", path() + "/decision", { label: one.label, decision, note });
  $("note").value = "";
  if (said.left.length) { current = await staff("GET", path()); draw(); } else await next();
  notice(t("answered") + (current ? "" : " " + t("none")));
}

async function next() {
  texts = (await call("GET", "/v1/programme")).texts;
  const given = (await staff("POST", "/v1/reviews/next", {})).review;
  current = given && await staff("GET", "/v1/reviews/" + given.review_id);
  draw();
  if (current) $("case-title").focus(); else notice(t("none"));
}

onAction($("enter"), "submit", next);
speak(draw);
