// The appeals officer's page: the queue by deadline, one appeal with the disputed check, its words and pictures, an answer.
"use strict";

words({
  title: ["Banding", "Appeals"], token: ["Token petugas", "Staff token"], number: ["Nomor banding (boleh kosong)", "Number of an appeal (may be empty)"], list: ["Lihat", "Show"],
  queue: ["Banding yang menunggu", "Appeals that wait"], none: ["Tidak ada banding yang menunggu.", "No appeal waits."], open: ["Buka", "Open"],
  by: ["paling lambat {n}", "by {n}"], noDay: ["tanggal belum diketahui", "day not known yet"], NEAR: ["tenggat sudah dekat", "deadline is near"], PASSED: ["terlambat", "late"],
  disputed: ["Yang dibanding", "Disputed"], source: ["Sumber", "Source"], version: ["Versi daftar", "List version"], said: ["Kata pendaftar", "The applicant's words"],
  evidence: ["Bukti", "Evidence"], arriving: ["Ada gambar yang masih diterima; buka lagi sebentar.", "A picture is still being received; open again in a moment."], noEvidence: ["Tidak ada gambar.", "No pictures."],
  selfie: ["Selfie", "Selfie"], ktp: ["KTP", "KTP"], over: ["Banding ini sudah tidak menunggu jawaban.", "This appeal does not wait for an answer."],
  restricted: ["Pemiliknya membatasi pemrosesan data; tidak ada yang ditunjukkan.", "Its owner has restricted processing; nothing is shown."],
  code: ["Jawaban", "Answer"], note: ["Catatan (boleh kosong)", "Note (may be empty)"], noteHint: ["Jangan tulis NIK atau nama. Pembukaan banding ini sudah dicatat.", "Write no NIK or name. That you opened this appeal is on record."],
  decide: ["Simpan jawaban", "Save the answer"], decided: ["Jawaban disimpan.", "Answer saved."],
});

let queue = null, current = null, texts = {};
const staff = (method, path, body) => call(method, path, body, $("token").value.trim());
const wording = (code) => { const text = texts[code] && (language === "en" ? texts[code].en : texts[code].id); return text ? text.sentence + " " + text.next_step : code; };
const day = (head) => head.deadline ? t("by").replace("{n}", moment(head.deadline + "T16:59:00Z")) : t("noDay");

function draw() {
  if (queue) $("queue").replaceChildren(...(queue.length ? queue.map(line) : [el("li", {}, t("none"))]));
  $("appeal").hidden = !current;
  if (!current) return;
  const { head, check } = current, pictures = [["selfie", current.selfie_url], ["ktp", current.ktp_url], ...current.evidence_urls.map((url) => ["evidence", url])].filter((one) => one[1]);
  $("appeal-number").textContent = head.number + " – " + day(head);
  $("facts").replaceChildren(el("p", {}, el("strong", {}, t("disputed") + ": "), wording(head.reason)),
    current.is_restricted ? el("p", {}, t("restricted")) : "",
    check ? el("p", { className: "hint" }, t("source") + ": " + check.source + " · " + t("version") + ": " + check.list_version + " · " + moment(check.checked_at)) : "",
    el("h3", {}, t("said")), ...current.words.map((words) => el("blockquote", {}, words)),
    el("h3", {}, t("evidence")), pictures.length ? el("div", { className: "side" }, ...pictures.map(picture)) : el("p", {}, t("noEvidence")),
    current.is_evidence_arriving ? el("p", { className: "hint" }, t("arriving")) : "");
  const waits = current.state === "APPEAL_OPEN" && !current.is_restricted, chosen = $("code").value;
  $("answer").hidden = !waits;
  if (!waits && !current.is_restricted) $("facts").append(el("p", {}, t("over")));
  $("code").replaceChildren(...current.codes.map((code) => el("option", { value: code }, wording(code).split(". ")[0])));
  if (current.codes.includes(chosen)) $("code").value = chosen;
  $("code-told").textContent = wording($("code").value);
}

function line(head) {
  const button = el("button", { type: "button", className: "plain" }, t("open"));
  button.setAttribute("aria-label", t("open") + " " + head.number);
  onAction(button, "click", () => open(head.number));
  return el("li", {}, el("code", {}, head.number), " – " + day(head) + (head.escalation ? " – " + t(head.escalation) : "") + " ", button);
}

const picture = ([kind, url]) => el("figure", {}, el("figcaption", {}, t(kind)), el("img", { src: url, alt: t(kind) }));

async function open(number) {
  current = await staff("GET", "/v1/appeals/" + encodeURIComponent(number.replace(/[^0-9A-Za-z-]/g, "-")));
  $("note").value = "";
  draw();
  $("appeal-number").focus();
}

async function list() {
  texts = (await call("GET", "/v1/programme")).texts;
  queue = (await staff("GET", "/v1/appeals")).appeals;
  current = null;
  draw();
}

onAction($("enter"), "submit", async () => {
  await list();
  if ($("number").value.trim()) await open($("number").value.trim());
});
$("code").addEventListener("change", draw);
onAction($("answer"), "submit", async () => {
  await staff("POST", "/v1/appeals/" + current.head.number + "/decision", { code: $("code").value, note: $("note").value.trim() });
  await list();
  notice(t("decided"));
});
speak(draw);
