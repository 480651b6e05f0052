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
  lost: ["Kode hilang, tidak punya HP", "Code lost, no phone"],
  lostWhat: ["Hanya bila orangnya hadir dengan KTP dan KK. Kode baru selalu diberikan dan berlaku begitu Anda membuka pendaftaran dengannya, dalam satu jam; kode lama lalu berakhir.",
    "Only while the person is with you, with KTP and family card. A new code is always given; it counts once you open the application with it, within an hour, and the old one ends then."],
  lostUnknown: ["Kode baru tidak dikenal?", "The new code is not known?"],
  lostJustSent: ["Pendaftarannya baru saja dikirim? Buka lagi dengan kode baru itu beberapa menit lagi, setelah data kependudukannya diperiksa.", "The application was sent just now? Open it with that new code again in some minutes, once it was checked with the population register."],
  lostElsewhere: ["Ada nomor HP? Masuk dengan nomor itu. Alamatnya di tempat lain? Petugas di sana dapat menggantinya.", "There is a phone number? Sign in with it. The address is elsewhere? An officer there can replace the code."],
  lostHeld: ["Petugas masih memeriksa milik siapa NIK-nya? Tunggu keputusannya, lalu coba lagi.", "Reviewers are still finding out whose the NIK is? Wait for their decision, then try again."],
  lostNever: ["Pendaftarannya belum pernah dikirim? Mulai dari awal. Kartunya tidak cocok? Periksa lagi setiap angka.", "The application was never sent? Begin one. The cards do not match? Check every digit again."],
  kk: ["Nomor Kartu Keluarga", "Family card number (KK)"], birth: ["Tanggal lahir", "Date of birth"], replace: ["Ganti kode", "Replace the code"],
  writeFirst: ["Tulis atau cetak untuk orangnya sekarang: kode ini tidak tampil lagi. Kode ini berlaku setelah Anda membuka pendaftaran dengannya.", "Write or print it for the person now: it is not shown again. It counts once you open the application with it."],
  go: ["Sudah ditulis, buka formulir", "It is written down: open the form"],
});

const officer = (path, body) => call("POST", path, body, $("token").value.trim());

/** Go to the applicant's page in this session; the officer's own token stays nowhere. */
function enter(session) {
  $("token").value = "";
  memory.write("token", session.token);
  location.assign("index.html");
}

const CARD = ["nik", "kk", "birth_date"];
let shown = null; // {what, receipt, session}: a code on the screen, and the session there is for it

function draw() {
  $("desk").hidden = Boolean(shown);
  $("begun").hidden = !shown;
  $("code").textContent = shown ? shown.receipt : "";
  $("begun-what").textContent = shown ? t(shown.what) : "";
}

function show(what, receipt, session) {
  shown = { what, receipt, session };
  draw();
  document.querySelector("#begun h2").focus();
}

const openWith = async (receipt) => enter(await officer("/v1/assisted/sessions", { receipt }));

onAction($("begin"), "submit", async () => {
  const begun = await officer("/v1/assisted/applications", {});
  show("write", begun.receipt, begun);
});
onAction($("open"), "submit", () => openWith($("receipt").value));
onAction($("replace"), "submit", async () => {
  for (const field of CARD) fault(field, "");
  const card = { nik: $("nik").value.replace(/[\s.-]/g, ""), kk: $("kk").value.replace(/[\s.-]/g, ""), birth_date: $("birth_date").value };
  let asked;
  try { asked = await officer("/v1/assisted/receipts", card); } catch (problem) {
    const mine = (problem.errors || []).filter((one) => CARD.includes(one.pointer.slice(1)));
    for (const one of mine) fault(one.pointer.slice(1), language === "en" ? one.detail_en : one.detail);
    if (!mine.length) throw problem;
    return $(mine[0].pointer.slice(1)).focus();
  }
  $("replace").reset();
  show("writeFirst", asked.receipt, null);
});
onAction($("go"), "click", async () => {
  if (shown.session) return enter(shown.session);
  try { await openWith(shown.receipt); } catch (problem) {
    if (problem.status === 422) { shown = null; draw(); } // it opens nothing: back to the desk
    throw problem;
  }
});
speak(draw);
