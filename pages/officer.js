// An officer begins or opens somebody's application; the form is then the applicant's own page, in the officer's session.
"use strict";

words({
  title: ["Membantu orang tanpa HP", "Helping people without a phone"],
  recorded: ["Semua yang Anda ubah tercatat atas nama Anda. Hanya untuk orang yang beralamat di kabupaten/kota Anda, dan hanya bila orangnya hadir.",
    "Whatever you change is on record under your name. Only for people registered in your regency or city, and only while they are with you."],
  token: ["Token petugas", "Staff token"], first: ["Datang pertama kali", "Here for the first time"], begin: ["Mulai pendaftaran", "Begin an application"],
  again: ["Datang kembali", "Here again"], receipt: ["Kode tanda terima", "Receipt code"], open: ["Buka pendaftaran", "Open the application"],
  write: ["Tulis atau cetak untuk orangnya sekarang: kode ini tidak tampil lagi. Dengan kode ini petugas membukanya lain kali, dan orangnya melihat keadaannya di halaman tanda terima.",
    "Write or print it for the person now: it is not shown again. With it an officer opens the application next time, and the person sees on the receipt page where it is."],
  go: ["Sudah ditulis, buka formulir", "It is written down: open the form"],
});

const officer = (path, body) => call("POST", path, body, $("token").value.trim());

/** Go to the applicant's page in this session; the officer's own token stays nowhere. */
function enter(session) {
  $("token").value = "";
  memory.write("token", session.token);
  location.assign("index.html");
}

onAction($("begin"), "submit", async () => {
  const begun = await officer("/v1/assisted/applications", {});
  $("desk").hidden = true;
  $("begun").hidden = false;
  $("code").textContent = begun.receipt;
  $("go").addEventListener("click", () => enter(begun));
  document.querySelector("#begun h2").focus();
});
onAction($("open"), "submit", async () => enter(await officer("/v1/assisted/sessions", { receipt: $("receipt").value })));
speak(() => {});
$("desk").hidden = false;
