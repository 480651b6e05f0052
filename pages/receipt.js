// What a receipt code alone tells, on anybody's phone: the code is kept nowhere, and the screen is emptied after a while.
"use strict";

words({
  register: ["Pendaftaran", "Registration"], waves: ["Gelombang terbuka", "Open waves"],
  title: ["Lihat pendaftaran dengan kode tanda terima", "Look at an application with a receipt code"],
  receipt: ["Kode tanda terima", "Receipt code"],
  receiptHint: ["Dua puluh huruf dan angka di kertas dari petugas. Huruf kecil dan tanpa tanda hubung juga boleh.",
    "Twenty letters and digits on the paper from the officer. Small letters and no hyphens are fine too."],
  look: ["Lihat", "Look"], done: ["Selesai, kosongkan layar", "Done, empty the screen"],
  ktp: ["Foto KTP", "Photograph of the KTP"], selfie: ["Foto selfie", "Selfie"],
  wave: ["Gelombang", "Wave"], entry: ["Nomor peserta undian", "Entry in the draw"],
  notices: ["Ada {n} pemberitahuan. Petugas dapat membukanya bersama Anda.", "There are {n} notices. An officer can open them with you."],
});

const EMPTY_AFTER_MS = 120000; // somebody else's phone, or a screen in an office
let told = null, timer = 0;

function empty() {
  clearTimeout(timer);
  told = null;
  $("receipt").value = "";
  draw();
}

function photo(slot) {
  const faults = told.photos[slot].faults;
  if (!faults.length) return null;
  return el("div", {}, el("h3", {}, t(slot)), el("ul", {}, ...faults.map((fault) => el("li", {}, said(fault.sentence) + " " + said(fault.next_step)))));
}

function draw() {
  $("told").hidden = !told;
  if (!told) return $("facts").replaceChildren();
  $("state").textContent = said(told.state.sentence);
  $("state-next").textContent = said(told.state.next_step);
  const wave = told.wave && el("p", {}, t("wave") + ": " + told.wave.wave_id + ". " + t("entry") + ": ", el("code", {}, told.wave.entry_id));
  const notices = told.notice_count ? el("p", {}, t("notices").replace("{n}", told.notice_count)) : null;
  const more = el("p", { className: "hint" }, said(told.more.sentence) + " " + said(told.more.next_step));
  $("facts").replaceChildren(...[...told.open_slots.map(photo), wave, notices, more].filter(Boolean));
}

onAction($("receipt-form"), "submit", async () => {
  told = null;
  draw();
  told = await call("POST", "/v1/assisted/status", { receipt: $("receipt").value });
  $("receipt").value = "";
  clearTimeout(timer);
  timer = setTimeout(empty, EMPTY_AFTER_MS);
  draw();
  $("state").focus();
});
$("done").addEventListener("click", () => { empty(); $("receipt").focus(); });
speak(draw);
$("receipt-form").hidden = false;
