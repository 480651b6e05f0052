// Who somebody is, and what is theirs: signing in with a code, the e-mail address for codes, a copy of everything that
// is kept about them, and being erased.
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
  const left = Math.ceil((resendAt - Date.now()) / 1000), waited = $("resend-wait").textContent;
  clearInterval(ticking);
  if (token) return;
  for (const id of ["phone-wait", "resend-wait"]) $(id).textContent = left > 0 ? t("resendIn").replace("{n}", left) : "";
  $("resend").hidden = left > 0;
  $("code-mark").textContent = challenge ? t("codeMark").replace("{n}", challenge.mark) : "";
  if (left > 0) ticking = setInterval(drawCountDown, 1000);
  else if (waited) notice(t("resendNow")); // a screen reader reads this, not every second
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
  memory.clear();
  endSession();
  showProblem(null);
  notice(t("signedOut"));
  $("phone").focus();
});

// ---- an e-mail address for codes ---------------------------------------------------------------------------------

let emailChallenge = null, erasureChallenge = null;
const EMAIL = "/v1/application/email";

function drawEmail(kept) {
  $("email-state").textContent = t(kept ? "emailKept" : "emailNone");
  $("email-forget").hidden = !kept;
  $("email-code-form").hidden = !emailChallenge;
}

$("email-part").addEventListener("toggle", () => ask("GET", EMAIL).then((email) => drawEmail(email.is_saved)).catch(showProblem));
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
    return showCodeFault("email-code", problem);
  }
  emailChallenge = null;
  $("email-code").value = $("email").value = "";
  drawEmail(true);
});
onAction($("email-forget"), "click", async () => drawEmail((await ask("DELETE", EMAIL)).is_saved));

// ---- a copy, and erasure -----------------------------------------------------------------------------------------

const ERASURE = "/v1/application/erasure", RESTRICTION = "/v1/application/restriction";

/** Show what is wrong with a code beside its field. */
function showCodeFault(field, problem) {
  if (!(problem.errors || []).length) throw problem;
  fault(field, language === "en" ? problem.errors[0].detail_en : problem.errors[0].detail);
  $(field).focus();
}

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
  try { asked = await ask("POST", ERASURE + "/confirmation", { challenge_id: erasureChallenge.challenge_id, code: $("erasure-code").value.trim() }); } catch (problem) { return showCodeFault("erasure-code", problem); }
  memory.clear();
  endSession();
  notice(t("erasing").replace("{n}", moment(asked.erased_by)));
  $("phone").focus();
});
