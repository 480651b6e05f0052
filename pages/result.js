// One's own result from the receipt that a phone kept: two published files, and no call of the service. The receipt stays here.
"use strict";

words({
  register: ["Pendaftaran", "Registration"], waves: ["Semua gelombang", "All waves"],
  title: ["Hasil undian dari tanda terima", "The result of the draw from a receipt"],
  how: ["Pilih berkas tanda terima yang Anda simpan ketika bergabung. Anda tidak perlu masuk, dan berkas itu tidak dikirim ke mana pun.",
    "Choose the receipt that you saved when you joined. You need not sign in, and the file is sent nowhere."],
  choose: ["Pilih tanda terima", "Choose the receipt"],
  noReceipt: ["Berkas ini bukan tanda terima undian. Pilih berkas yang namanya berakhir dengan tanda-terima.json.", "This file is no receipt of a draw. Choose the file whose name ends in tanda-terima.json."],
  isResult: ["Berkas ini dokumen hasil, bukan tanda terima. Di sini pilih tanda terima; dokumen hasil diperiksa di halaman periksa undian.",
    "This is the result document, not the receipt. Choose the receipt here; the result document is checked on the page that checks a draw."],
  noWave: ["Gelombang pada tanda terima ini tidak ada di alamat ini. Periksa alamat halaman ini.", "The wave of this receipt is not at this address. Check the address of this page."],
  notYet: ["Hasil gelombang ini belum diumumkan. Lihat lagi nanti dengan tanda terima yang sama.", "The results of this wave are not published yet. Look again later with the same receipt."],
  notIn: ["Peserta pada tanda terima ini tidak ada di hasil undian. Hubungi penyelenggara dan tunjukkan tanda terimanya.", "The entry of this receipt is not among the results. Go to the programme and show the receipt."],
  tooMany: ["Hasilnya belum dapat dibaca. Coba lagi sebentar lagi.", "The result cannot be read just now. Try again in a moment."],
  wave: ["Gelombang", "Wave"], entry: ["Nomor peserta undian", "Entry in the draw"],
  rank: ["Peringkat undian di wilayah Anda", "Rank in the draw of your region"], reserve: ["Nomor cadangan", "Place on the reserve list"],
  proof: ["Unduh bukti undian", "Download the proof of the draw"],
  later: ["Ini hasil undiannya. Kursi yang dilepas setelah itu berpindah ke cadangan; yang berlaku sekarang tampil setelah Anda masuk.", "This is what the draw gave. Seats given up since then go to the reserve list; where you are now is shown once you sign in."],
  SELECTED: ["Anda terpilih.", "You were selected."], RESERVE: ["Anda ada di daftar cadangan.", "You are on the reserve list."],
  NOT_DRAWN: ["Anda belum terpilih. Anda dapat bergabung dengan gelombang berikutnya tanpa mengisi ulang.", "You were not drawn. You can join the next wave without filling in anything again."],
  HOUSEHOLD_FULL: ["Kursi untuk satu Kartu Keluarga sudah terpenuhi.", "Your family card has had all the seats it may have."],
  REGION_FULL: ["Gelombang ini tidak menyediakan kursi untuk wilayah Anda.", "This wave offers your region no seat."],
});

let shown = null; // {kept, document, address}

/** A published file, or null where there is none; whatever the browser has of it is good. */
async function published(path) {
  let answer;
  try { answer = await fetch("/published/" + path); } catch (e) { throw { status: 0, title: t("offline"), errors: [] }; }
  if (answer.status === 404 || answer.status === 403) return null; // 403: a store that does not tell what it has
  if (!answer.ok) throw { status: answer.status, title: t("tooMany"), errors: [] };
  return answer.json();
}

/** The wave and the entry of a receipt; no other word of it goes into an address. */
function readReceipt(text) {
  let isResult = false;
  try {
    const kept = JSON.parse(text), entry = kept.entry.entry_id;
    isResult = "result" in kept;
    if (!isResult && /^[a-z0-9][a-z0-9-]{0,39}$/.test(kept.wave_id) && /^[0-9a-f]{32}$/.test(entry)) return { wave: kept.wave_id, entry };
  } catch (e) { /* said below */ }
  throw { status: 0, title: t(isResult ? "isResult" : "noReceipt"), errors: [] };
}

async function look(file) {
  const kept = readReceipt(await file.text()), folder = "waves/" + kept.wave + "/";
  const page = await published(folder + "wave.json");
  if (!page) throw { status: 0, title: t("noWave"), errors: [] };
  const path = folder + (page.draw > 1 ? "draw-" + page.draw + "/" : "") + "results/" + kept.entry + ".json";
  const own = await published(path);
  if (!own) throw { status: 0, title: t(page.state === "PUBLISHED" ? "notIn" : "notYet"), errors: [] };
  if (own.result.entry_id !== kept.entry) throw { status: 0, title: t("notIn"), errors: [] };
  return { kept, own, name: page.definition.name, address: "/published/" + path };
}

function draw() {
  $("result").hidden = !shown;
  if (!shown) return $("result").replaceChildren();
  const { kept, own, name, address } = shown, result = own.result;
  $("result").replaceChildren(...[el("h2", {}, t(result.outcome)), el("p", {}, t("wave") + ": " + name), el("p", {}, t("entry") + ": ", el("code", {}, kept.entry)),
    el("p", {}, t("rank") + ": " + result.rank), result.reserve ? el("p", {}, t("reserve") + ": " + result.reserve) : null,
    el("p", {}, el("a", { href: address, download: kept.entry + ".json" }, t("proof"))), el("p", {}, el("a", { href: "verify-draw.html" }, t("checkDraw"))),
    el("p", { className: "hint" }, t("later"))].filter(Boolean));
}

onAction($("receipt"), "change", async () => {
  const [file] = $("receipt").files;
  shown = null;
  draw();
  if (!file) return;
  try { shown = await look(file); } finally { $("receipt").value = ""; } // the same file may be chosen again, later
  draw();
  $("result").focus();
});
speak(draw);
