// The applicant's page: phone, code, form, photographs, submit, status, wave, result. The server decides every step;
// this page only shows what the status says is open.
"use strict";

words({
  waves: ["Gelombang terbuka", "Open waves"],
  haveReceipt: ["Didaftarkan petugas? Lihat dengan kode tanda terima.", "Registered by an officer? Look with the receipt code."],
  number: ["Nomor pendaftaran", "Application number"], formTitle: ["1. Data diri", "1. Your details"],
  formHint: ["Setiap isian tersimpan sementara Anda mengetik.", "Each field is saved as you type."],
  sentTitle: ["1. Data diri (terkirim, tidak perlu diisi lagi)", "1. Your details (sent; nothing to fill in again)"], hidden: ["tersimpan, tidak ditampilkan", "kept, not shown"],
  unsaved: ["Tidak ada sambungan. Isian Anda tetap di ponsel ini dan disimpan begitu tersambung.", "No connection. What you typed stays on this phone and is saved once there is one."],
  kk: ["Nomor Kartu Keluarga", "Family card number (KK)"], name: ["Nama lengkap sesuai KTP", "Full name as on your KTP"],
  birth: ["Tanggal lahir", "Date of birth"], region: ["Kabupaten/kota sesuai KTP", "Regency or city on your KTP"],
  province: ["Provinsi sesuai KTP", "Province on your KTP"], provinceFirst: ["Pilih provinsi dulu", "Choose the province first"],
  otherProvince: ["Pilih kabupaten/kota di provinsi ini.", "Choose a regency or city of this province."],
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
  religious_education: ["Madrasah", "Madrasahs"], aid: ["Bantuan sosial", "Social aid"], excluded_occupation: ["Pekerjaan yang dikecualikan", "Excluded occupations"], kk: ["Kartu Keluarga", "Family card"], blacklist: ["Daftar yang tidak boleh ikut lagi", "Barred from taking part again"], household_cap: ["Penerima dalam satu KK", "Recipients on one family card"],
  earlier_recipient: ["Penerima terdahulu", "Earlier recipients"], face: ["Wajah", "Face"],
  waveTitle: ["Gelombang", "Wave"], noWave: ["Belum ada gelombang yang dibuka. Anda tidak perlu mengisi ulang.", "No wave is open. You will not have to fill in anything again."],
  longer: ["Waktu tutup ini diperpanjang; alasannya ada di halaman semua gelombang.", "This closing time is a later one; the page of all waves says why."],
  join: ["Gabung {n}", "Join {n}"], closes: ["Ditutup {n}. Urutan bergabung tidak memengaruhi peluang.", "Closes {n}. The order of joining does not change your chance."],
  receipt: ["Tanda terima", "Receipt"], drawn: ["Peringkat undian di wilayah Anda", "Rank in the draw of your region"], reserve: ["Nomor cadangan", "Place on the reserve list"], proof: ["Unduh bukti undian", "Download the proof of the draw"], keep: ["Simpan tanda terima", "Save the receipt"],
  nik: ["NIK", "NIK"],
  waitDraw: ["Hasil tampil di sini setelah undian diumumkan.", "Your result appears here once the draw is published."],
});

const CAN_JOIN = ["VERIFIED", "NOT_DRAWN", "RESERVE", "SEAT_RETURNED"];
const LONGEST_SIDE_PX = 1600, JPEG_QUALITY = 0.9, SLOTS = ["ktp", "selfie"], FIELDS = ["nik", "kk", "name", "birth_date", "region"], SECRETS = ["nik", "kk"];
const TYPING_MS = 1500, FIRST_LOOK_MS = 2000, LAST_LOOK_MS = 30000, QUIET_LOOK_MS = 15000;
let token = memory.read("token"), programme = null, status = null, form = null, consents = null, waves = [], result = null, timer = 0, look = FIRST_LOOK_MS;
let saving = Promise.resolve(), agreeing = Promise.resolve(); // one change at a time, each made of what the one before left
let province = ""; // looked into, though no region of it is chosen yet
const unsaved = {}, refused = {}, typing = {}; // field → what was typed and is not saved; what of that was wrong; a timer while it is being typed
const agreed = {}; // purpose → what its box was set to and is not noted yet
const chosen = {}; // slot → {file, preview, share, failed}

const ask = async (method, path, body, ifMatch) => {
  const mine = token;
  try { return await call(method, path, body, token, ifMatch); } catch (problem) {
    if (problem.status === 401 && mine && mine === token) { endSession(); showProblem(problem); }
    throw problem;
  }
};

/** Sign out here. Nothing of the person stays on the screen: the phone may be somebody else's. */
function endSession() {
  clearTimeout(timer);
  token = province = "";
  memory.write("token", "");
  status = form = consents = result = appeals = null;
  for (const field of Object.keys(unsaved)) delete unsaved[field];
  for (const slot of Object.keys(chosen)) { URL.revokeObjectURL(chosen[slot].preview); delete chosen[slot]; }
  for (const each of document.querySelectorAll("form")) each.reset();
  forgetAccount();
  draw();
}

// ---- drawing: everything visible follows from token, status, form and chosen -------------------------------------

function draw() {
  const state = status && status.state.code, open = status ? status.open_slots : [];
  const show = { "phone-step": !token && !challenge, "code-step": !token && challenge, "status-step": status, "form-step": form && form.is_open, "sent-step": form && !form.is_open && form.saved.length, "consent-step": consents,
    "photo-step": open.length, "submit-step": open.length, "check-step": status && status.checks.length, "account-step": status,
    "challenge-step": status && status.challenge !== "NOT_NOW",
    "wave-step": [...CAN_JOIN, "JOINED", "SELECTED"].includes(state) };
  for (const id of Object.keys(show)) $(id).hidden = !show[id];
  $("leave").hidden = !token;
  drawChallenge();
  drawCountDown();
  $("appeal-step").hidden = true;
  drawSeat();
  if (!status) return;
  drawDevices();
  drawPhoneChange();
  $("state").textContent = said(status.state.sentence);
  $("state-next").textContent = said(status.state.next_step);
  $("application").textContent = status.application_id;
  const beside = SLOTS.flatMap((slot) => (open.includes(slot) ? status.photos[slot].faults : [])).map((fault) => fault.code); // told with the photograph
  const reasons = [status.restriction, ...status.reasons].filter((one) => one && !beside.includes(one.code));
  $("restriction").textContent = t(status.restriction ? "unrestrict" : "restrict");
  redraw("reasons", reasons, () => reasons.map(reasonItem));
  redraw("told", status.notices, () => status.notices.map((one) => el("li", {}, moment(one.at) + ": " + one.text))); // of somebody without a phone
  $("submit").textContent = t(state === "NEEDS_PHOTO" ? "resubmit" : "submit");
  redraw("checks", status.checks, () => status.checks.map(checkItem));
  if (form) drawForm();
  if (consents) drawConsents();
  drawPhotos(open);
  drawWave(state);
  drawAppeals();
}

const reasonItem = (told) => el("li", {}, el("strong", {}, said(told.sentence)), " ", said(told.next_step));

function checkItem(check) {
  const item = el("li", { className: check.outcome }, el("strong", {}, t(check.layer)), ": " + t(check.outcome), el("div", { className: "hint" }, check.source + " · " + moment(check.checked_at)));
  if (check.reason) item.append(el("div", {}, said(check.reason.sentence) + " " + said(check.reason.next_step)));
  for (const remark of check.remarks) item.append(el("div", { className: "hint" }, said(remark.sentence) + " " + said(remark.next_step)));
  if (check.agency) item.append(el("div", { className: "hint" }, said(check.agency.sentence) + " " + said(check.agency.next_step)));
  return item;
}

const options = (first, places) => [["", first], ...Object.entries(places).sort((one, other) => one[1].localeCompare(other[1]))].map(([code, name]) => el("option", { value: code }, name));

/** A province, and of the 514 kabupaten/kota only those that lie in it. */
function drawPlaces() {
  const within = province || (unsaved.region || form.values.region || "").slice(0, 2);
  redraw("province", "", () => options(t("choose"), programme.provinces));
  $("province").value = within;
  redraw("region", within, () => options(t(within ? "choose" : "provinceFirst"), Object.fromEntries(Object.entries(programme.regions).filter(([code]) => within && code.startsWith(within)))));
}

const isElsewhere = (region) => Boolean(region && province && !region.startsWith(province));

function drawForm() {
  drawPlaces();
  for (const field of FIELDS) {
    const input = $(field), value = field === "region" && isElsewhere(form.values.region) ? "" : form.values[field];
    if (field in unsaved) input.value = unsaved[field];
    else if (document.activeElement !== input && (value || SECRETS.includes(field))) input.value = value || "";
    input.placeholder = form.saved.includes(field) && !value ? t("savedSecret") : "";
  }
  redraw("sent", form, () => form.saved.flatMap((field) => [el("dt", {}, t(field === "birth_date" ? "birth" : field)), el("dd", {}, shownValue(field))]));
}

const shownValue = (field) => (field === "region" ? programme.regions[form.values.region] : form.values[field]) || t("hidden");

function drawConsents() {
  redraw("consents", consents.purposes.map((one) => ({ ...one, version: "" })), () => consents.purposes.map(consentCard)); // never under a finger
  for (const { purpose, version } of consents.purposes) {
    $("consent-" + purpose).checked = purpose in agreed ? agreed[purpose] : Boolean(version);
    if (version) fault("consents/" + purpose, "");
  }
  redraw("receipts", consents, () => consents.receipts.map((one) => el("li", {}, t("consent_" + one.purpose) + ": " + t(one.is_given ? "given" : "withdrawn") + " · " + moment(one.at) + " ", el("code", {}, one.receipt.slice(0, 16)))));
}

function consentCard(one) {
  const box = el("input", { type: "checkbox", id: "consent-" + one.purpose });
  box.addEventListener("change", () => { const checked = agreed[one.purpose] = box.checked; agreeing = agreeing.then(() => changeConsent(one.purpose, checked)); });
  return el("div", { className: "card" }, el("div", { className: "check" }, box, el("label", { htmlFor: box.id }, said(one.asks))),
    el("p", { className: "hint" }, t(one.is_needed ? "needed" : "optional")), el("details", {}, el("summary", {}, t("ifWithdrawn")), el("p", {}, said(one.when_withdrawn))),
    el("p", { className: "fault", id: "consents/" + one.purpose + "-fault" }));
}

/** Agree to one purpose, or no longer; the box is as before when that could not be noted. */
async function changeConsent(purpose, isGiven) {
  showProblem(null);
  try {
    const receipt = await ask("POST", "/v1/application/consents", { purpose, is_given: isGiven, version: isGiven ? consents.version : "" });
    if (agreed[purpose] === isGiven) delete agreed[purpose];
    consents = null;
    await refresh();
    notice(receipt.what_follows ? said(receipt.what_follows) : t("saved"));
  } catch (problem) {
    delete agreed[purpose];
    if ($("consent-" + purpose)) $("consent-" + purpose).checked = !isGiven;
    showProblem(problem);
  }
}

/** The photographs that are asked for, and beside them, to be read only, the others. */
function drawPhotos(open) {
  const facts = SLOTS.map((slot) => [open.includes(slot), status.photos[slot], chosen[slot] && [chosen[slot].preview, chosen[slot].failed, chosen[slot].share < 1]]);
  redraw("photos", facts, () => SLOTS.map((slot) => (open.includes(slot) ? photoCard(slot) : el("p", { className: "card" }, el("strong", {}, t(slot)), ": " + t(status.photos[slot].status)))));
  drawShares();
}

function photoCard(slot) {
  const photo = status.photos[slot], one = chosen[slot];
  const input = el("input", { type: "file", id: "file-" + slot, accept: "image/*", onchange: () => choose(slot, input.files[0]) });
  input.setAttribute("capture", slot === "selfie" ? "user" : "environment");
  const card = el("div", { className: "card" }, el("h3", {}, t(slot)), el("p", {}, t(photo.status)), el("ul", {}, ...photo.faults.map(reasonItem)),
    el("label", { htmlFor: input.id }, t(slot) + ": " + t("takePhoto")), input);
  if (one && one.preview && photo.status !== "REFUSED") card.append(el("img", { src: one.preview, alt: t(slot) }));
  if (one && one.share < 1 && !one.failed) card.append(el("label", { htmlFor: "share-" + slot }, t("sending")), el("progress", { id: "share-" + slot, max: 1, value: one.share }));
  if (one && one.failed) card.append(el("p", { className: "fault", role: "alert" }, t("uploadFailed")), el("button", { type: "button", id: "retry-" + slot, onclick: () => send(slot) }, t("retry")));
  return card;
}

function drawShares() {
  for (const slot of SLOTS) if ($("share-" + slot)) $("share-" + slot).value = chosen[slot].share;
}

function drawWave(state) {
  const joined = status.wave, open = CAN_JOIN.includes(state) ? waves.filter((wave) => wave.state === "OPEN" || (appeals && wave.definition.wave_id === appeals.joinable_wave)) : [];
  const restored = CAN_JOIN.includes(state) && appeals && appeals.restored;
  redraw("wave", [state, joined, result, open, restored], () => [
    restored && el("p", {}, el("strong", {}, said(restored.sentence)), " ", said(restored.next_step)),
    joined && el("p", {}, t("receipt") + ": ", el("code", {}, joined.wave_id + " / " + joined.entry_id), " ", keepButton(joined.wave_id), " ", el("a", { href: "result.html" }, t("byReceipt"))),
    joined && (result ? resultBlock(result) : el("p", {}, t("waitDraw"))),
    ...open.map(joinCard), CAN_JOIN.includes(state) && !open.length && el("p", {}, t("noWave"))].filter(Boolean));
}

function resultBlock(own) {
  const facts = el("div", { className: "card" }, el("p", {}, el("strong", {}, t("drawn") + ": " + own.result.rank)));
  if (own.result.reserve) facts.append(el("p", {}, t("reserve") + ": " + own.result.reserve));
  facts.append(el("p", {}, el("a", { href: own.document_url, download: own.entry_id + ".json" }, t("proof"))));
  facts.append(el("p", {}, el("a", { href: "verify-draw.html" }, t("checkDraw"))));
  return facts;
}

function keepButton(waveId) {
  const button = el("button", { type: "button", id: "keep", className: "small" }, t("keep"));
  onAction(button, "click", async () => {  // joining again changes nothing and gives the same receipt
    const { kept, entry_id: name } = await ask("POST", "/v1/waves/" + waveId + "/entries", {});
    el("a", { href: URL.createObjectURL(new Blob([kept], { type: "application/json" })), download: name + "-tanda-terima.json" }).click();
  });
  return button;
}

function joinCard(wave) {
  const button = el("button", { type: "button", id: "join-" + wave.definition.wave_id }, t("join").replace("{n}", wave.definition.name));
  onAction(button, "click", async () => {
    try { await ask("POST", "/v1/waves/" + wave.definition.wave_id + "/entries", {}); } catch (problem) {
      await refresh().catch(() => {}); // perhaps they are checked again before
      throw problem;
    }
    await refresh();
  });
  return el("div", { className: "card" }, el("h3", {}, wave.definition.name), el("p", {}, t("closes").replace("{n}", moment(wave.closes_at))),
    ...(wave.extensions.length ? [el("p", {}, t("longer"))] : []), button);
}

// ---- reading -----------------------------------------------------------------------------------------------------

async function refresh() {
  clearTimeout(timer);
  if (!token) return draw();
  const before = status && status.state.code;
  status = await ask("GET", "/v1/application");
  const state = status.state.code, isOther = before !== state;
  if (!form || isOther) form = await ask("GET", "/v1/application/form");
  programme = programme || await call("GET", "/v1/programme");
  if (!consents || isOther) consents = await ask("GET", "/v1/application/consents");
  if (state !== "DRAFT" && (isOther || state === "NOT_ELIGIBLE")) await readAppeals();
  if (CAN_JOIN.includes(state)) waves = (await ask("GET", "/v1/waves")).waves;
  if (!status.wave || state === "JOINED") result = null;
  else if (!result) result = await ask("GET", "/v1/waves/" + status.wave.wave_id + "/entries/mine").catch(() => null);
  if (!before) goOn();
  draw();
  if (!awaiting()) notice("");  // "being received" is over once the status says what became of it
  if (before && isOther) { notice(said(status.state.sentence)); $("state").focus(); }
  look = isOther ? FIRST_LOOK_MS : Math.min(1.3 * look, LAST_LOOK_MS); // a register may be down for hours, and the battery low
  timer = setTimeout(watch, state === "CHECKING" ? look : awaiting() ? FIRST_LOOK_MS : QUIET_LOOK_MS);
}

const awaiting = () => SLOTS.some((slot) => status.photos[slot].status === "AWAITED" && chosen[slot] && chosen[slot].share === 1);

/** Look again; nothing while nobody sees the page. */
function watch() {
  clearTimeout(timer);
  if (document.hidden || !token) return;
  saveAll().then(refresh).catch(() => { if (token) timer = setTimeout(watch, 10000); });
}

/** After the page was loaded anew: what was typed or being sent, and is this person's. */
function goOn() {
  const kept = memory.readAll("unsaved", {});
  if (kept.of === status.application_id && form.is_open) Object.assign(unsaved, kept.fields);
  saveAll();
  for (const slot of status.open_slots) {
    const file = keptPhotograph(slot, status.application_id);
    if (file) { chosen[slot] = { file, preview: URL.createObjectURL(file), share: 0, failed: false }; send(slot); }
  }
}

// ---- saving and sending ------------------------------------------------------------------------------------------

/** Note what is typed at once, here, and save it when there is a pause. */
function noteTyped(field) {
  clearTimeout(typing[field]);
  const value = SECRETS.includes(field) ? $(field).value.replace(/[\s.-]/g, "") : $(field).value.trim();
  if (value) unsaved[field] = value; else delete unsaved[field];
  keepUnsaved();
  fault(field, "");
  if (value) typing[field] = setTimeout(() => save(field, true), TYPING_MS);
}

const keepUnsaved = () => memory.write("unsaved", Object.keys(unsaved).length ? JSON.stringify({ of: status.application_id, fields: unsaved }) : "");
const save = (field, isTyping) => (saving = saving.then(() => saveNow(field, isTyping)));
const saveAll = () => { for (const field of Object.keys(unsaved)) save(field); return saving; };

/** Save a field; if the form was changed on another device, only over a field that is still as it was shown here. */
async function saveNow(field, isTyping, again) {
  const value = unsaved[field];
  clearTimeout(typing[field]);
  if (!value || refused[field] === value || !form || !form.is_open) return;
  try {
    form = await ask("PATCH", "/v1/application/form", { [field]: value }, form.etag);
    if (unsaved[field] === value) delete unsaved[field];
    keepUnsaved();
    fault(field, "");
    notice(t("saved"));
    drawForm();
  } catch (problem) {
    if (problem.status === 412 && !again) return saveOver(field);
    if (!problem.status || problem.status >= 500) return notice(t("unsaved"));
    if (problem.status === 401) return;
    if (isTyping && document.activeElement === $(field)) return; // half a number is no fault yet
    refused[field] = value;
    if (!showFaults(problem, false)) showProblem(problem);
  }
}

async function saveOver(field) {
  const shown = form;
  try { form = await ask("GET", "/v1/application/form"); } catch (problem) { return notice(t("unsaved")); }
  if (form.values[field] === shown.values[field] && form.saved.includes(field) === shown.saved.includes(field)) return saveNow(field, false, true);
  delete unsaved[field];
  keepUnsaved();
  if (field === "region") province = "";
  drawForm();
  $(field).value = form.values[field] || "";
  fault(field, t("changedElsewhere"));
}

function showFaults(problem, moves = true) {
  const mine = (problem.errors || []).filter((one) => $(one.pointer.slice(1) + "-fault"));
  for (const one of mine) if (one.reason !== "FIELD_MISSING" || !$(one.pointer.slice(1) + "-fault").textContent) fault(one.pointer.slice(1), language === "en" ? one.detail_en : one.detail);
  if (mine.length && moves) $(mine[0].pointer.slice(1).replace("consents/", "consent-")).focus();
  return mine.length > 0;
}

async function choose(slot, file) {
  if (!file) return;
  if (chosen[slot] && chosen[slot].preview) URL.revokeObjectURL(chosen[slot].preview);
  const small = await downscale(file);
  chosen[slot] = { file: small, preview: URL.createObjectURL(small), share: 0, failed: false };
  await keepPhotograph(slot, status.application_id, small);
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
  if (one.isSending) return;
  Object.assign(one, { share: 0, failed: false, isSending: true });
  showProblem(null);
  draw();
  try {
    await sendPhotograph(slot, one.file, token, (share) => { one.share = share; drawShares(); });
    one.share = 1;
    forgetPhotograph(slot);
    notice(t("arriving"));
    await refresh();
  } catch (problem) {
    one.failed = true;
    draw();
    if (problem.status === 401) await refresh().catch(() => null); // signs out, and says so
    else if (problem.status) { forgetPhotograph(slot); showProblem(problem); }
  } finally { one.isSending = false; }
}

// ---- beginning ---------------------------------------------------------------------------------------------------

onAction($("submit"), "click", async () => {
  await Promise.all([saveAll(), agreeing]);
  if (form.is_open && isElsewhere(form.values.region)) { fault("region", t("otherProvince")); return $("region").focus(); }
  try { status = await ask("POST", "/v1/application/submit", {}); } catch (problem) { showFaults(problem); throw problem; }
  await refresh();
  $("state").focus();
});
for (const field of FIELDS) {
  $(field).addEventListener("input", () => noteTyped(field));
  $(field).addEventListener("blur", () => save(field));
}
$("region").addEventListener("input", () => { if ($("region").value) province = ""; }); // from now on the region's own
$("province").addEventListener("input", () => {
  province = $("province").value;
  if (isElsewhere(unsaved.region)) { delete unsaved.region; clearTimeout(typing.region); keepUnsaved(); }
  fault("region", "");
  drawForm();
});
document.addEventListener("visibilitychange", () => { if (document.hidden) saveAll(); else watch(); });
window.addEventListener("offline", () => notice(t("lineGone")));
window.addEventListener("online", () => { notice(t("lineBack")); watch(); });
speak(draw);
refresh().catch((problem) => { showProblem(problem); timer = setTimeout(watch, 10000); });
