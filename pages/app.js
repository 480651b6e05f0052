// The applicant's page: phone, code, form, photographs, submit, status, wave, result. The server decides every step;
// this page only shows what the status says is open.
"use strict";

words({
  waves: ["Gelombang terbuka", "Open waves"], phoneTitle: ["Masuk dengan nomor ponsel", "Sign in with your mobile number"],
  phone: ["Nomor ponsel", "Mobile number"], phoneHint: ["Contoh: 0812 3456 7890. Kami mengirim kode lewat SMS.", "For example 0812 3456 7890. We send a code by SMS."],
  sendCode: ["Kirim kode", "Send code"], codeTitle: ["Masukkan kode", "Enter the code"], code: ["Kode enam angka", "Six-digit code"],
  codeHint: ["Jangan beri tahu kode ini kepada siapa pun, termasuk petugas.", "Tell this code to nobody, not even an officer."],
  signIn: ["Masuk", "Sign in"], otherPhone: ["Ganti nomor", "Change number"], resend: ["Kirim kode baru", "Send a new code"],
  byEmail: ["SMS tidak datang? Kirim lewat e-mail", "No SMS? Send it by e-mail"], codeMailed: ["Jika ada alamat e-mail yang tersimpan untuk nomor ini, kode dikirim ke sana dalam satu menit.", "If an e-mail address is kept for this number, a code goes there within a minute."],
  emailTitle: ["Kode lewat e-mail bila SMS tidak datang", "Codes by e-mail when no SMS comes"], email: ["Alamat e-mail", "E-mail address"], emailSave: ["Simpan alamat", "Keep the address"], emailForget: ["Hapus alamat", "Remove the address"],
  emailKept: ["Alamat e-mail Anda tersimpan.", "Your e-mail address is kept."], emailNone: ["Belum ada alamat e-mail.", "No e-mail address yet."],
  codeSent: ["Kode dikirim lewat SMS.", "The code was sent by SMS."], codeUnderWay: ["Kode baru saja dikirim ke nomor ini. Pakai kode itu.", "A code was sent to this number a moment ago. Use that one."],
  codeMark: ["Pakai kode dengan tanda {n} di SMS.", "Use the code marked {n} in the SMS."], resendIn: ["Kode baru dapat dikirim dalam {n} detik.", "A new code can be sent in {n} seconds."],
  number: ["Nomor pendaftaran", "Application number"], formTitle: ["1. Data diri", "1. Your details"],
  formHint: ["Setiap isian tersimpan begitu Anda pindah ke isian berikutnya.", "Each field is saved as you move to the next."],
  kk: ["Nomor Kartu Keluarga", "Family card number (KK)"], name: ["Nama lengkap sesuai KTP", "Full name as on your KTP"],
  birth: ["Tanggal lahir", "Date of birth"], region: ["Kabupaten/kota sesuai KTP", "Regency or city on your KTP"],
  choose: ["Pilih …", "Choose …"], savedSecret: ["Sudah tersimpan", "Saved already"],
  saved: ["Tersimpan.", "Saved."], photoTitle: ["2. Foto", "2. Photographs"],
  photoHint: ["Cahaya dari depan, seluruh wajah terlihat. Hijab dan peci boleh.", "Light from the front, whole face visible. Hijab and peci are fine."],
  ktp: ["Foto KTP", "Photograph of your KTP"], selfie: ["Foto selfie", "Selfie"], takePhoto: ["Ambil atau pilih foto", "Take or choose a photograph"],
  retry: ["Kirim ulang", "Send again"], sending: ["Mengirim foto …", "Sending the photograph …"], arriving: ["Foto terkirim, sedang diterima …", "Sent, being received …"],
  uploadFailed: ["Foto belum terkirim. Foto Anda masih di sini; tekan Kirim ulang.", "Not sent yet. Your photograph is still here; press Send again."],
  EMPTY: ["Belum ada foto.", "No photograph yet."], AWAITED: ["Menunggu foto.", "Waiting for the photograph."], ARRIVED: ["Foto diterima.", "Photograph received."],
  ACCEPTED: ["Foto diterima dan memenuhi syarat.", "Photograph accepted."], REFUSED: ["Foto ini perlu diulang:", "This photograph must be taken again:"],
  submit: ["Kirim pendaftaran", "Send application"], resubmit: ["Kirim foto baru untuk diperiksa", "Send the new photograph for checking"],
  consentTitle: ["3. Persetujuan", "3. Your consent"], consentHint: ["Setiap persetujuan berdiri sendiri dan dapat dicabut kapan saja.", "Each stands alone and can be withdrawn at any time."],
  consent_identity_check: ["Pemeriksaan data", "Identity check"], consent_face_check: ["Pemeriksaan wajah", "Face check"], consent_notices: ["Kabar", "Notices"], consent_statistics: ["Statistik", "Statistics"],
  needed: ["Diperlukan untuk pemeriksaan.", "Needed for the checks."], optional: ["Tidak wajib.", "Optional."], ifWithdrawn: ["Bila dicabut", "If withdrawn"],
  receipts: ["Tanda terima persetujuan", "Receipts of your consent"], given: ["disetujui", "agreed"], withdrawn: ["dicabut", "withdrawn"],
  changedElsewhere: ["Isian ini sudah diubah di perangkat lain. Periksa, lalu isi lagi bila perlu.", "This was changed on another device. Look at it, and type it again if needed."],
  checks: ["Pemeriksaan", "Checks"], PASSED: ["lolos", "passed"], FAILED: ["tidak lolos", "not passed"], PENDING: ["menunggu jawaban", "waiting for an answer"], NOT_APPLICABLE: ["tidak berlaku", "does not apply"],
  population: ["Data kependudukan", "Population register"], age: ["Usia", "Age"], education: ["Sekolah dan perguruan tinggi", "Schools and universities"],
  religious_education: ["Madrasah", "Madrasahs"], aid: ["Bantuan sosial", "Social aid"], excluded_occupation: ["Pekerjaan yang dikecualikan", "Excluded occupations"],
  earlier_recipient: ["Penerima terdahulu", "Earlier recipients"], face: ["Wajah", "Face"],
  waveTitle: ["Gelombang", "Wave"], noWave: ["Belum ada gelombang yang dibuka. Anda tidak perlu mengisi ulang.", "No wave is open. You will not have to fill in anything again."],
  join: ["Gabung {n}", "Join {n}"], closes: ["Ditutup {n}. Urutan bergabung tidak memengaruhi peluang.", "Closes {n}. The order of joining does not change your chance."],
  receipt: ["Tanda terima", "Receipt"], drawn: ["Peringkat undian di wilayah Anda", "Rank in the draw of your region"], reserve: ["Nomor cadangan", "Place on the reserve list"], proof: ["Bukti undian", "Proof of the draw"],
  waitDraw: ["Hasil tampil di sini setelah undian diumumkan.", "Your result appears here once the draw is published."],
});

const CAN_JOIN = ["VERIFIED", "NOT_DRAWN", "RESERVE"];
const LONGEST_SIDE_PX = 1600, JPEG_QUALITY = 0.9, SLOTS = ["ktp", "selfie"], FIELDS = ["nik", "kk", "name", "birth_date", "region"];
let token = memory.read("token"), challenge = null, programme = null, status = null, form = null, consents = null, waves = [], result = null, timer = 0, ticking = 0, resendAt = 0;
const device = deviceName();
let saving = Promise.resolve(); // one change at a time, each made of the form as the one before left it
const chosen = {}; // slot → {file, preview, share, failed}

const ask = async (method, path, body, ifMatch) => {
  try { return await call(method, path, body, token, ifMatch); } catch (problem) {
    if (problem.status === 401 && token) { token = ""; memory.write("token", ""); draw(); }
    throw problem;
  }
};

// ---- drawing: everything visible follows from token, status, form and chosen -------------------------------------

function draw() {
  const state = status && status.state.code, open = status ? status.open_slots : [];
  const show = { "phone-step": !token && !challenge, "code-step": !token && challenge, "status-step": token && status, "form-step": state === "DRAFT" && form, "consent-step": token && consents,
    "photo-step": token && open.length, "submit-step": token && open.length, "check-step": token && status && status.checks.length, "email-step": token && status,
    "challenge-step": token && status && status.challenge !== "NOT_NOW",
    "wave-step": ["VERIFIED", "NOT_DRAWN", "RESERVE", "JOINED", "SELECTED"].includes(state) };
  for (const id of Object.keys(show)) $(id).hidden = !show[id];
  $("leave").hidden = !token;
  drawChallenge();
  if (!token || !status) return;
  $("state").textContent = said(status.state.sentence);
  $("state-next").textContent = said(status.state.next_step);
  $("application").textContent = status.application_id;
  $("reasons").replaceChildren(...status.reasons.map(reasonItem));
  $("submit").textContent = t(state === "NEEDS_PHOTO" ? "resubmit" : "submit");
  $("checks").replaceChildren(...status.checks.map(checkItem));
  if (form) drawForm();
  if (consents) drawConsents();
  drawPhotos(open);
  drawWave(state);
}

const reasonItem = (told) => el("li", {}, el("strong", {}, said(told.sentence)), " ", said(told.next_step));

function checkItem(check) {
  const item = el("li", { className: check.outcome }, el("strong", {}, t(check.layer)), ": " + t(check.outcome), el("div", { className: "hint" }, check.source + " · " + moment(check.checked_at)));
  if (check.reason) item.append(el("div", {}, said(check.reason.sentence) + " " + said(check.reason.next_step)));
  return item;
}

function drawForm() {
  for (const field of FIELDS) {
    const input = $(field), value = form.values[field];
    if (document.activeElement !== input && value) input.value = value;
    input.placeholder = form.saved.includes(field) && !value ? t("savedSecret") : "";
  }
}

function drawConsents() {
  if ($("consents").contains(document.activeElement)) return;
  $("consents").replaceChildren(...consents.purposes.map(consentCard));
  $("receipts").replaceChildren(...consents.receipts.map((one) => el("li", {}, t("consent_" + one.purpose) + ": " + t(one.is_given ? "given" : "withdrawn") + " · " + moment(one.at) + " ", el("code", {}, one.receipt.slice(0, 16)))));
}

function consentCard(one) {
  const box = el("input", { type: "checkbox", id: "consent-" + one.purpose, checked: Boolean(one.version) });
  box.addEventListener("change", () => changeConsent(one.purpose, box));
  return el("div", { className: "card" }, el("div", { className: "check" }, box, el("label", { htmlFor: box.id }, said(one.asks))),
    el("p", { className: "hint" }, t(one.is_needed ? "needed" : "optional")), el("details", {}, el("summary", {}, t("ifWithdrawn")), el("p", {}, said(one.when_withdrawn))),
    el("p", { className: "fault", id: "consents/" + one.purpose + "-fault" }));
}

/** Agree to one purpose, or no longer; the box is as before when that could not be noted. */
async function changeConsent(purpose, box) {
  showProblem(null);
  box.disabled = true;
  try {
    const receipt = await ask("POST", "/v1/application/consents", { purpose, is_given: box.checked, version: box.checked ? consents.version : "" });
    notice(receipt.what_follows ? said(receipt.what_follows) : t("saved"));
    box.blur();
    form = null;
    await refresh();
  } catch (problem) { box.checked = !box.checked; showProblem(problem); } finally { box.disabled = false; }
}

function drawPhotos(open) {
  if ($("photos").contains(document.activeElement) && $("photos").dataset.for === open.join() + language && Object.values(chosen).some((one) => one.share < 1)) return drawShares();
  $("photos").dataset.for = open.join() + language;
  $("photos").replaceChildren(...SLOTS.filter((slot) => open.includes(slot)).map(photoCard));
}

function photoCard(slot) {
  const photo = status.photos[slot], one = chosen[slot];
  const input = el("input", { type: "file", id: "file-" + slot, accept: "image/*", onchange: () => choose(slot, input.files[0]) });
  input.setAttribute("capture", slot === "selfie" ? "user" : "environment");
  const card = el("div", { className: "card" }, el("h3", {}, t(slot)), el("p", {}, t(photo.status)), el("ul", {}, ...photo.faults.map(reasonItem)),
    el("label", { htmlFor: input.id }, t("takePhoto")), input);
  if (one && one.preview && photo.status !== "REFUSED") card.append(el("img", { src: one.preview, alt: t(slot) }));
  if (one && one.share < 1 && !one.failed) card.append(el("label", { htmlFor: "share-" + slot }, t("sending")), el("progress", { id: "share-" + slot, max: 1, value: one.share }));
  if (one && one.failed) card.append(el("p", { className: "fault", role: "alert" }, t("uploadFailed")), el("button", { type: "button", onclick: () => send(slot) }, t("retry")));
  return card;
}

function drawShares() {
  for (const slot of SLOTS) if ($("share-" + slot)) $("share-" + slot).value = chosen[slot].share;
}

function drawWave(state) {
  const blocks = [], joined = status.wave;
  if (joined) {
    blocks.push(el("p", {}, t("receipt") + ": ", el("code", {}, joined.wave_id + " / " + joined.entry_id)));
    blocks.push(result ? resultBlock(result) : el("p", {}, t("waitDraw")));
  }
  if (CAN_JOIN.includes(state)) {
    const open = waves.filter((wave) => wave.state === "OPEN");
    blocks.push(...(open.length ? open.map(joinCard) : [el("p", {}, t("noWave"))]));
  }
  $("wave").replaceChildren(...blocks);
}

function resultBlock(own) {
  const facts = el("div", { className: "card" }, el("p", {}, el("strong", {}, t("drawn") + ": " + own.result.rank)));
  if (own.result.reserve) facts.append(el("p", {}, t("reserve") + ": " + own.result.reserve));
  facts.append(el("details", {}, el("summary", {}, t("proof")), el("pre", {}, JSON.stringify(own, null, 1))));
  return facts;
}

function joinCard(wave) {
  const button = el("button", { type: "button" }, t("join").replace("{n}", wave.definition.name));
  onAction(button, "click", async () => { await ask("POST", "/v1/waves/" + wave.definition.wave_id + "/entries", {}); await refresh(); });
  return el("div", { className: "card" }, el("h3", {}, wave.definition.name), el("p", {}, t("closes").replace("{n}", moment(wave.closes_at))), button);
}

// ---- reading -----------------------------------------------------------------------------------------------------

async function refresh() {
  clearTimeout(timer);
  if (!token) return draw();
  const before = status && status.state.code;
  status = await ask("GET", "/v1/application");
  const state = status.state.code;
  if (state === "DRAFT" && !form) await startForm();
  if (!consents || before !== state) consents = await ask("GET", "/v1/application/consents");
  if (CAN_JOIN.includes(state)) waves = (await ask("GET", "/v1/waves")).waves;
  if (!status.wave || state === "JOINED") result = null;
  else if (!result) result = await ask("GET", "/v1/waves/" + status.wave.wave_id + "/entries/mine").catch(() => null);
  draw();
  if (!awaiting()) notice("");  // "being received" is over once the status says what became of it
  if (before && before !== state) { notice(said(status.state.sentence)); $("state").focus(); }
  timer = setTimeout(() => { if (document.hidden) timer = setTimeout(watch, 5000); else watch(); }, state === "CHECKING" || awaiting() ? 2000 : 15000);
}

const awaiting = () => SLOTS.some((slot) => status.photos[slot].status === "AWAITED" && chosen[slot] && chosen[slot].share === 1);
const watch = () => refresh().catch(() => { timer = setTimeout(watch, 10000); });

async function startForm() {
  [form, programme] = [await ask("GET", "/v1/application/form"), await call("GET", "/v1/programme")];
  const regions = Object.entries(programme.regions).sort((one, other) => one[1].localeCompare(other[1]));
  $("region").replaceChildren(el("option", { value: "" }, t("choose")), ...regions.map(([code, name]) => el("option", { value: code }, name)));
}

// ---- saving and sending ------------------------------------------------------------------------------------------

const save = (field, value) => (saving = saving.then(() => saveNow(field, value)));

/** Save a field; if the form was changed on another device, only over a field that is still as it was shown here. */
async function saveNow(field, value, again) {
  fault(field, "");
  try {
    form = await ask("PATCH", "/v1/application/form", { [field]: value }, form.etag);
    notice(t("saved"));
    if (field === "nik" || field === "kk") $(field).value = "";
    drawForm();
  } catch (problem) {
    if (problem.status === 412 && !again) {
      const shown = form;
      try { form = await ask("GET", "/v1/application/form"); } catch (other) { return showProblem(other); }
      const isAsShown = form.values[field] === shown.values[field] && form.saved.includes(field) === shown.saved.includes(field);
      if (isAsShown) return saveNow(field, value, true);
      $(field).value = form.values[field] || "";
      drawForm();
      return fault(field, t("changedElsewhere"));
    }
    if (!showFaults(problem)) showProblem(problem);
  }
}

function fault(field, text) {
  const input = $(field) || $(field.replace("consents/", "consent-"));
  $(field + "-fault").textContent = text;
  if (text) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
}

function showFaults(problem) {
  const mine = (problem.errors || []).filter((one) => $(one.pointer.slice(1) + "-fault"));
  for (const one of mine) fault(one.pointer.slice(1), language === "en" ? one.detail_en : one.detail);
  if (mine.length) $(mine[0].pointer.slice(1).replace("consents/", "consent-")).focus();
  return mine.length > 0;
}

async function choose(slot, file) {
  if (!file) return;
  if (chosen[slot] && chosen[slot].preview) URL.revokeObjectURL(chosen[slot].preview);
  const small = await downscale(file);
  chosen[slot] = { file: small, preview: URL.createObjectURL(small), share: 0, failed: false };
  await send(slot);
}

/** A JPEG of at most 1600 px: a tenth of the upload; a file the browser cannot read goes as it is, for the server to judge. */
async function downscale(file) {
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST_SIDE_PX / Math.max(picture.width, picture.height));
    const canvas = el("canvas", { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) });
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    return await new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("no JPEG"))), "image/jpeg", JPEG_QUALITY));
  } catch (e) {
    return file;
  }
}

async function send(slot) {
  const one = chosen[slot];
  Object.assign(one, { share: 0, failed: false });
  showProblem(null);
  draw();
  try {
    await sendPhotograph(slot, one.file, token, (share) => { one.share = share; drawShares(); });
    one.share = 1;
    notice(t("arriving"));
    await refresh();
  } catch (problem) {
    one.failed = true;
    draw();
    if (problem.status === 401) await refresh().catch(showProblem); // signs out, and says so
    else if (problem.status) showProblem(problem);
  }
}

// ---- beginning ---------------------------------------------------------------------------------------------------

async function askForCode(channel) {
  fault("phone", "");
  fault("code", "");
  try { challenge = await call("POST", "/v1/codes", { phone: $("phone").value.trim(), action: "log_in", device, channel }); } catch (problem) {
    if (challenge && problem.retry_after_s) countDown(problem.retry_after_s);
    if (showFaults(problem)) return;
    throw problem;
  }
  notice(t(channel === "email" ? "codeMailed" : challenge.is_new ? "codeSent" : "codeUnderWay"));
  $("code").value = "";
  countDown(challenge.resend_after_s);
  draw();
  $("code").focus();
}

/** A name that this browser gave itself and keeps: strangers cannot use up the codes of one that signed in before. */
function deviceName() {
  try { return localStorage.device = localStorage.device || newKey(); } catch (e) { return newKey(); }
}

/** Show how long it is until another message can be sent; the button for it appears when it is over. */
function countDown(seconds) {
  resendAt = Date.now() + seconds * 1000;
  clearInterval(ticking);
  ticking = setInterval(drawCountDown, 1000);
  drawCountDown();
}

function drawCountDown() {
  const left = Math.ceil((resendAt - Date.now()) / 1000);
  $("resend-wait").textContent = left > 0 ? t("resendIn").replace("{n}", left) : "";
  $("resend").hidden = left > 0;
  $("code-mark").textContent = challenge ? t("codeMark").replace("{n}", challenge.mark) : "";
  if (left <= 0 || !challenge) clearInterval(ticking);
}

onAction($("phone-form"), "submit", () => askForCode("sms"));
onAction($("resend"), "click", () => askForCode("sms"));
onAction($("by-email"), "click", () => askForCode("email"));

let emailChallenge = null;
const EMAIL = "/v1/application/email";

function drawEmail(kept) {
  $("email-state").textContent = t(kept ? "emailKept" : "emailNone");
  $("email-forget").hidden = !kept;
  $("email-code-form").hidden = !emailChallenge;
}

$("email-step").addEventListener("toggle", () => ask("GET", EMAIL).then((email) => drawEmail(email.is_saved)).catch(showProblem), true);
onAction($("email-form"), "submit", async () => {
  fault("email", "");
  try { emailChallenge = await ask("POST", EMAIL, { email: $("email").value.trim() }); } catch (problem) {
    if (showFaults(problem)) return;
    throw problem;
  }
  drawEmail(false);
  $("email-code").focus();
});
onAction($("email-code-form"), "submit", async () => {
  fault("email-code", "");
  try { await ask("POST", EMAIL + "/confirmation", { challenge_id: emailChallenge.challenge_id, code: $("email-code").value.trim() }); } catch (problem) {
    if (problem.errors.length) return fault("email-code", language === "en" ? problem.errors[0].detail_en : problem.errors[0].detail);
    throw problem;
  }
  emailChallenge = null;
  $("email-code").value = $("email").value = "";
  drawEmail(true);
});
onAction($("email-forget"), "click", async () => drawEmail((await ask("DELETE", EMAIL)).is_saved));
onAction($("code-form"), "submit", async () => {
  fault("code", "");
  let session;
  try { session = await call("POST", "/v1/sessions", { challenge_id: challenge.challenge_id, code: $("code").value.trim() }); } catch (problem) {
    if ("resend_after_s" in problem) countDown(problem.resend_after_s);
    if (showFaults(problem)) return;
    throw problem;
  }
  token = session.token;
  memory.write("token", token);
  challenge = null;
  $("code").value = "";
  notice("");
  await refresh();
  $("state").focus();
});
onAction($("other-phone"), "click", async () => { challenge = null; draw(); $("phone").focus(); });
onAction($("leave"), "click", async () => { await ask("DELETE", "/v1/sessions/this").catch(() => null); memory.write("token", ""); location.reload(); });
onAction($("submit"), "click", async () => {
  await saving;
  try { status = await ask("POST", "/v1/application/submit", {}); } catch (problem) { showFaults(problem); throw problem; }
  await refresh();
  $("state").focus();
});
for (const field of FIELDS) $(field).addEventListener("change", () => { if ($(field).value.trim()) save(field, $(field).value.trim()); });
speak(draw);
refresh().catch(showProblem);
