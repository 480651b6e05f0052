// Who somebody is, and what is theirs: signing in with a code, the devices they are signed in on, the number and the
// e-mail address for codes, a copy of everything that is kept about them, and being erased.
"use strict";

words({
  phoneTitle: ["Masuk dengan nomor ponsel", "Sign in with your mobile number"],
  phone: ["Nomor ponsel", "Mobile number"], phoneHint: ["Contoh: 0812 3456 7890. Kami mengirim kode lewat SMS.", "For example 0812 3456 7890. We send a code by SMS."],
  sendCode: ["Kirim kode", "Send code"], codeTitle: ["Masukkan kode", "Enter the code"], code: ["Kode enam angka", "Six-digit code"],
  codeHint: ["Jangan beri tahu kode ini kepada siapa pun, termasuk petugas.", "Tell this code to nobody, not even an officer."],
  signIn: ["Masuk", "Sign in"], otherPhone: ["Ganti nomor", "Change number"], resend: ["Kirim kode baru", "Send a new code"],
  byEmail: ["SMS tidak datang? Kirim lewat e-mail", "No SMS? Send it by e-mail"], codeMailed: ["Jika ada alamat e-mail yang tersimpan untuk nomor ini, kode dikirim ke sana dalam satu menit.", "If an e-mail address is kept for this number, a code goes there within a minute."],
  codeSent: ["Kode dikirim lewat SMS.", "The code was sent by SMS."], codeUnderWay: ["Kode baru saja dikirim ke nomor ini. Pakai kode itu.", "A code was sent to this number a moment ago. Use that one."],
  codeMark: ["Pakai kode dengan tanda {n} di SMS.", "Use the code marked {n} in the SMS."], resendIn: ["Kode baru dapat dikirim dalam {n} detik.", "A new code can be sent in {n} seconds."], resendNow: ["Kode baru sekarang dapat dikirim.", "A new code can be sent now."],
  triesLeft: ["Masih dapat dicoba {n} kali.", "{n} more tries."], signedOut: ["Anda sudah keluar dari perangkat ini.", "You are signed out on this device."],
  emailTitle: ["Kode lewat e-mail bila SMS tidak datang", "Codes by e-mail when no SMS comes"], email: ["Alamat e-mail", "E-mail address"], emailSave: ["Simpan alamat", "Keep the address"], emailForget: ["Hapus alamat", "Remove the address"],
  emailKept: ["Alamat e-mail Anda tersimpan.", "Your e-mail address is kept."], emailNone: ["Belum ada alamat e-mail.", "No e-mail address yet."],
  devicesTitle: ["Perangkat yang sedang masuk", "Devices that are signed in"], devicesHint: ["Ada yang tidak Anda kenal? Keluarkan. Data Anda tidak hilang.", "One that you do not know? Sign it out. Nothing of yours is lost."],
  deviceThis: ["Perangkat ini", "This device"], deviceOther: ["Perangkat lain", "Another device"], deviceOfficer: ["Petugas yang membantu Anda", "An officer who helps you"],
  deviceTimes: ["masuk {created}, terakhir dipakai {seen}", "signed in {created}, last used {seen}"], leaveOne: ["Keluarkan", "Sign out"], deviceLeft: ["Perangkat itu sudah keluar.", "That device is signed out."],
  leaveOthers: ["Keluarkan semua perangkat lain", "Sign out all other devices"], othersLeft: ["Semua perangkat lain sudah keluar.", "All other devices are signed out."],
  leaveAll: ["Keluar dari semua perangkat, termasuk ini", "Sign out everywhere, here too"], allLeft: ["Anda sudah keluar dari semua perangkat.", "You are signed out everywhere."],
  newPhoneTitle: ["Ganti atau tambah nomor ponsel", "Change or add a mobile number"], newPhone: ["Nomor ponsel baru", "New mobile number"], newPhoneSave: ["Ganti nomor", "Change the number"],
  newPhoneWhat: ["Kami mengirim kode ke nomor baru. Setelah diganti, Anda tetap masuk di perangkat ini, perangkat lain keluar, dan nomor lama diberi tahu lewat SMS lalu tidak dapat dipakai masuk lagi. Isian dan foto Anda tetap.", "We send a code to the new number. After the change you stay signed in on this device, other devices are signed out, and the old number is told by SMS and no longer signs in. Your details and photographs stay."],
  newPhoneDone: ["Nomor ponsel Anda sudah diganti. Perangkat lain sudah keluar.", "Your mobile number is changed. Other devices are signed out."],
  accountTitle: ["Data dan hak Anda", "Your data and your rights"], copy: ["Unduh salinan data saya", "Download a copy of my data"], copied: ["Salinan data Anda sudah diunduh.", "The copy of your data is downloaded."],
  restrict: ["Batasi pemrosesan data saya", "Restrict the processing of my data"], unrestrict: ["Lanjutkan pemrosesan", "Resume processing"],
  erasureTitle: ["Hapus pendaftaran saya", "Erase my application"],
  erasureWhat: ["Semua isian, foto, dan data wajah Anda dihapus dalam tiga hari; Anda tidak ikut undian lagi. Ini tidak dapat dibatalkan. Kami mengirim kode ke nomor Anda lebih dahulu.", "All your details, photographs and face measures are erased within three days; you take part in no draw any more. This cannot be undone. First we send a code to your number."],
  erase: ["Hapus untuk selamanya", "Erase for good"], erasing: ["Pendaftaran Anda dihapus paling lambat {n}. Anda sudah keluar.", "Your application is erased by {n} at the latest. You are signed out."],
});

let ticking = 0;
let { challenge, phone, resendAt } = memory.readAll("challenge", { challenge: null, phone: "", resendAt: 0 }); // whoever reads the SMS may find this page loaded anew
const device = deviceName();

// ---- signing in --------------------------------------------------------------------------------------------------

async function askForCode(channel) {
  fault("phone", "");
  fault("code", "");
  try { challenge = await call("POST", "/v1/codes", { phone, action: "log_in", device, channel }); } catch (problem) {
    if (problem.retry_after_s) countDown(problem.retry_after_s);
    if (showFaults(problem)) return;
    throw { ...problem, retry_after_s: 0 }; // it is being counted
  }
  notice(t(channel === "email" ? "codeMailed" : challenge.is_new ? "codeSent" : "codeUnderWay"));
  $("code").value = "";
  countDown(challenge.resend_after_s);
  draw();
  $("code").focus();
}

function forgetChallenge() {
  challenge = null;
  phone = "";
  resendAt = 0;
  memory.write("challenge", "");
}

/** A name that this browser gave itself and keeps: strangers cannot use up the codes of one that signed in before. */
function deviceName() {
  try { return localStorage.device = localStorage.device || newKey(); } catch (e) { return newKey(); }
}

/** Show how long it is until another message can be sent; the button for it appears when it is over. */
function countDown(seconds) {
  resendAt = Date.now() + seconds * 1000;
  memory.write("challenge", JSON.stringify({ challenge, phone, resendAt }));
  drawCountDown();
}

function drawCountDown() {
  clearInterval(ticking);
  if (token) return;
  $("code-mark").textContent = challenge ? t("codeMark").replace("{n}", challenge.mark) : "";
  if (isWaiting(resendAt, ["resend-wait", "phone-wait"], "resend")) ticking = setInterval(drawCountDown, 1000);
}

/** Show in `places` for how long no message can be sent, and `button` when it is over; say whether it is not. */
function isWaiting(until, places, button) {
  const left = Math.ceil((until - Date.now()) / 1000), waited = $(places[0]).textContent;
  for (const id of places) $(id).textContent = left > 0 ? t("resendIn").replace("{n}", left) : "";
  $(button).hidden = left > 0;
  if (left <= 0 && waited) notice(t("resendNow")); // a screen reader reads this, not every second
  return left > 0;
}

onAction($("phone-form"), "submit", () => { phone = $("phone").value.trim(); return askForCode("sms"); });
onAction($("resend"), "click", () => askForCode("sms"));
onAction($("by-email"), "click", () => askForCode("email"));

onAction($("code-form"), "submit", async () => {
  fault("code", "");
  let session;
  try { session = await call("POST", "/v1/sessions", { challenge_id: challenge.challenge_id, code: $("code").value.trim() }); } catch (problem) {
    if ("resend_after_s" in problem) countDown(problem.resend_after_s);
    if (!showFaults(problem)) throw problem;
    if (problem.tries_left) $("code-fault").append(" " + t("triesLeft").replace("{n}", problem.tries_left));
    return;
  }
  token = session.token;
  memory.write("token", token);
  forgetChallenge();
  $("code").value = $("phone").value = "";
  notice("");
  await refresh();
  $("state").focus();
});
onAction($("other-phone"), "click", async () => { forgetChallenge(); draw(); $("phone").focus(); });
onAction($("leave"), "click", async () => {
  await saveAll();
  await ask("DELETE", "/v1/sessions/this").catch(() => null);
  leaveHere("signedOut");
});

/** Leave nothing in this device, and say what happened. */
function leaveHere(word, fact) {
  memory.clear();
  endSession();
  showProblem(null);
  notice(t(word).replace("{n}", fact));
  $("phone").focus();
}

/** Close everything that was opened of the account, with whatever was typed there. */
function forgetAccount() {
  phoneChange = emailChallenge = erasureChallenge = null;
  phoneChangeAt = 0;
  $("new-phone-wait").textContent = "";
  for (const each of $("account-step").querySelectorAll("form")) each.reset();
  for (const each of $("account-step").querySelectorAll("details")) each.open = false;
  $("email-code-form").hidden = $("erasure-form").hidden = true;
  drawPhoneChange();
  showDevices([]);
}

/** Show what is wrong beside its field, and of a code how many tries are left. */
function showFaultAt(field, problem) {
  if (!(problem.errors || []).length) throw problem;
  const detail = language === "en" ? problem.errors[0].detail_en : problem.errors[0].detail;
  fault(field, detail + (problem.tries_left ? " " + t("triesLeft").replace("{n}", problem.tries_left) : ""));
  $(field).focus();
}


// ---- where they are signed in ------------------------------------------------------------------------------------

const SESSIONS = "/v1/sessions";
let devices = [];

function showDevices(sessions) {
  devices = sessions;
  drawDevices();
}

function drawDevices() {
  const own = devices.find((one) => one.is_this), others = devices.filter((one) => !one.is_this), mayEnd = own && !own.is_assisted; // an officer's session ends no other
  redraw("devices", devices, () => devices.map((one) => deviceItem(one, mayEnd && !one.is_this)));
  $("leave-others").hidden = !mayEnd || !others.length;
  $("leave-all").hidden = !mayEnd;
}

function deviceItem(one, mayEnd) {
  const times = t("deviceTimes").replace("{created}", moment(one.created_at)).replace("{seen}", moment(one.seen_at));
  const item = el("li", {}, el("strong", {}, t(one.is_assisted ? "deviceOfficer" : one.is_this ? "deviceThis" : "deviceOther")), ": " + times);
  if (!mayEnd) return item;
  const button = el("button", { type: "button", className: "plain" }, t("leaveOne"));
  button.setAttribute("aria-label", t("leaveOne") + ": " + times);
  onAction(button, "click", async () => { showDevices(await endDevice(one)); $("devices").focus(); notice(t("deviceLeft")); });
  item.append(" ", button);
  return item;
}

/** Sign one device out; one that is signed out already is what was wanted. Returns those that are left. */
async function endDevice(one) {
  try { return (await ask("DELETE", SESSIONS + "/" + one.session_id)).sessions; } catch (problem) {
    if (problem.status !== 404) throw problem;
    return (await ask("GET", SESSIONS)).sessions;
  }
}

$("devices-part").addEventListener("toggle", () => { if ($("devices-part").open) ask("GET", SESSIONS).then((seen) => showDevices(seen.sessions)).catch(showProblem); });
onAction($("leave-others"), "click", async () => {
  showDevices((await ask("GET", SESSIONS)).sessions); // whoever signed in since is meant, too
  for (const one of devices.filter((each) => !each.is_this)) showDevices(await endDevice(one));
  $("devices").focus();
  notice(t("othersLeft"));
});
onAction($("leave-all"), "click", async () => {
  await saveAll();
  await ask("DELETE", SESSIONS);
  leaveHere("allLeft");
});

// ---- the number they sign in with --------------------------------------------------------------------------------

const PHONE = "/v1/application/phone";
let phoneChange = null, phoneChangeAt = 0, phoneTicking = 0; // a challenge on the new number; when another message can be sent

function drawPhoneChange() {
  clearInterval(phoneTicking);
  $("new-phone-code-form").hidden = !phoneChange;
  $("new-phone-mark").textContent = phoneChange ? t("codeMark").replace("{n}", phoneChange.mark) : "";
  if (isWaiting(phoneChangeAt, ["new-phone-wait"], "new-phone-resend")) phoneTicking = setInterval(drawPhoneChange, 1000);
}

function waitToChange(seconds) {
  phoneChangeAt = Date.now() + seconds * 1000;
  drawPhoneChange();
}

async function askToChangePhone() {
  fault("new-phone", "");
  fault("new-phone-code", "");
  try { phoneChange = await ask("POST", PHONE, { phone: $("new-phone").value.trim() }); } catch (problem) {
    if (problem.retry_after_s) waitToChange(problem.retry_after_s);
    return showFaultAt("new-phone", { ...problem, retry_after_s: 0 }); // it is being counted
  }
  notice(t(phoneChange.is_new ? "codeSent" : "codeUnderWay"));
  $("new-phone-code").value = "";
  waitToChange(phoneChange.resend_after_s);
  $("new-phone-code").focus();
}

onAction($("new-phone-form"), "submit", askToChangePhone);
onAction($("new-phone-resend"), "click", askToChangePhone);
onAction($("new-phone-code-form"), "submit", async () => {
  fault("new-phone", "");
  fault("new-phone-code", "");
  await saveAll();
  clearTimeout(timer); // nothing is asked with the token that ends now
  let session;
  try { session = await ask("POST", PHONE + "/confirmation", { challenge_id: phoneChange.challenge_id, code: $("new-phone-code").value.trim() }); } catch (problem) {
    timer = setTimeout(watch, QUIET_LOOK_MS);
    if ("resend_after_s" in problem) waitToChange(problem.resend_after_s);
    const isNumber = (problem.errors || []).some((one) => one.pointer === "/phone");
    return showFaultAt(isNumber ? "new-phone" : "new-phone-code", problem);
  }
  token = session.token;
  memory.write("token", token);
  forgetAccount();
  await refresh();
  $("phone-part").firstElementChild.focus();
  notice(t("newPhoneDone"));
});

// ---- an e-mail address for codes ---------------------------------------------------------------------------------

let emailChallenge = null, erasureChallenge = null;
const EMAIL = "/v1/application/email";

function drawEmail(kept) {
  $("email-state").textContent = t(kept ? "emailKept" : "emailNone");
  $("email-forget").hidden = !kept;
  $("email-code-form").hidden = !emailChallenge;
}

$("email-part").addEventListener("toggle", () => { if ($("email-part").open) ask("GET", EMAIL).then((email) => drawEmail(email.is_saved)).catch(showProblem); });
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
    return showFaultAt("email-code", problem);
  }
  emailChallenge = null;
  $("email-code").value = $("email").value = "";
  drawEmail(true);
});
onAction($("email-forget"), "click", async () => drawEmail((await ask("DELETE", EMAIL)).is_saved));

// ---- a copy, and erasure -----------------------------------------------------------------------------------------

const ERASURE = "/v1/application/erasure", RESTRICTION = "/v1/application/restriction";

onAction($("restriction"), "click", async () => { await (status.restriction ? ask("DELETE", RESTRICTION) : ask("POST", RESTRICTION, {})); await refresh(); });
onAction($("copy"), "click", async () => {
  const copy = await ask("GET", "/v1/application/copy"), url = URL.createObjectURL(new Blob([JSON.stringify(copy, null, 1)], { type: "application/json" }));
  el("a", { href: url, download: copy.status.application_id + ".json" }).click();
  setTimeout(() => URL.revokeObjectURL(url), ANSWER_MS);
  notice(t("copied"));
});
onAction($("erasure-ask"), "click", async () => {
  erasureChallenge = await ask("POST", ERASURE, {});
  $("erasure-form").hidden = false;
  $("erasure-code").focus();
});
onAction($("erasure-form"), "submit", async () => {
  fault("erasure-code", "");
  let asked;
  try { asked = await ask("POST", ERASURE + "/confirmation", { challenge_id: erasureChallenge.challenge_id, code: $("erasure-code").value.trim() }); } catch (problem) { return showFaultAt("erasure-code", problem); }
  leaveHere("erasing", moment(asked.erased_by));
});
