// The public page of all waves: hours, seats, entries, what was committed to before the draw, and the bundle to check.
"use strict";

words({
  register: ["Pendaftaran", "Registration"], title: ["Kuota dan hasil setiap gelombang", "Seats and results of every wave"],
  fair: ["Undian dilakukan setelah gelombang ditutup; urutan kedatangan tidak memengaruhi peluang. Komitmen diumumkan sebelum undian, dan siapa pun dapat memeriksa berkasnya.",
    "The draw is held after the wave has closed; the order of arrival does not change anybody's chance. The commitment is published before the draw, and anybody can check the files."],
  none: ["Belum ada gelombang.", "No waves yet."], opens: ["Dibuka", "Opens"], closes: ["Ditutup", "Closes"], entries: ["Peserta undian", "Entries in the draw"],
  seats: ["Kursi", "Seats"], filled: ["Terisi", "Filled"], movedUp: ["Cadangan yang naik", "Reserves who moved up"], free: ["Kursi kosong, cadangan habis", "Seats free, nobody left in reserve"], region: ["Kabupaten/kota", "Regency or city"], commitment: ["Komitmen (SHA-256)", "Commitment (SHA-256)"],
  extended: ["Diperpanjang sampai {until}", "Extended until {until}"],
  away: ["Layanan tidak dapat dipakai dari {from} sampai {to}; waktu yang hilang diganti.", "The service did not work from {from} to {to}; the time that was lost is given back."],
  restored: ["Didahulukan setelah banding dikabulkan", "First, after an upheld appeal"],
  root: ["Akar Merkle", "Merkle root"], files: ["Berkas undian", "Draw bundle"], afterFreeze: ["tampil setelah daftar peserta dikunci", "shown once the entries are frozen"],
  PLANNED: ["Belum dibuka", "Not open yet"], OPEN: ["Dibuka", "Open"], CLOSED: ["Ditutup", "Closed"], FROZEN: ["Daftar peserta dikunci", "Entries frozen"],
  COMMITTED: ["Komitmen diumumkan", "Commitment published"], DRAWN: ["Sudah diundi", "Drawn"], PUBLISHED: ["Hasil diumumkan", "Results published"],
});

let waves = [], programme = { provinces: {}, regions: {}, rule_sets: [], texts: {} };
const bundles = {};

const line = (name, ...value) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, ...value));
const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** One table for each province, closed: a wave may have seats in 514 places. */
function provincesOf(quota, filled) {
  const head = ["region", "seats", "filled"].map((name) => el("th", { scope: "col" }, t(name)));
  return [...new Set(Object.keys(quota).map((region) => region.slice(0, 2)))].map((province) => {
    const inside = Object.keys(quota).filter((region) => region.startsWith(province));
    const seats = inside.reduce((sum, region) => sum + quota[region], 0);
    const rows = inside.map((region) => el("tr", {}, el("th", { scope: "row" }, programme.regions[region] || region),
      el("td", {}, String(quota[region])), el("td", {}, filled ? String(filled[region] || 0) : "–")));
    return el("details", { className: "province" }, el("summary", {}, (programme.provinces[province] || province) + " – " + t("seats") + ": " + seats),
      el("table", {}, el("thead", {}, el("tr", {}, ...head.map((cell) => cell.cloneNode(true)))), el("tbody", {}, ...rows)));
  });
}

/** Until when a wave was given longer, and why: an operator's own words, or when the service was away. */
function extension({ until, reason, away_from: from, away_until: to }) {
  return line(t("extended").replace("{until}", moment(until)), reason || t("away").replace("{from}", moment(from)).replace("{to}", moment(to)));
}

function card(wave) {
  const plan = wave.definition, published = wave.state === "PUBLISHED";
  const facts = el("table", {}, el("tbody", {},
    line(t("opens"), moment(plan.opens_at)), line(t("closes"), moment(wave.closes_at)), ...wave.extensions.map(extension),
    line(t("seats"), String(total(plan.quota))), line(t("filled"), published ? String(total(wave.filled)) : "–"),
    ...(total(wave.moved_up) ? [line(t("movedUp"), String(total(wave.moved_up)))] : []),
    ...(total(wave.free) ? [line(t("free"), String(total(wave.free)))] : []),
    line(t("entries"), wave.root ? String(wave.entry_count) : t("afterFreeze")),
    ...(wave.restored_count ? [line(t("restored"), String(wave.restored_count))] : []),
    line(t("root"), el("code", {}, wave.root || "–")), line(t("commitment"), el("code", {}, wave.commitment_sha256 || "–"))));
  const box = el("section", { className: "card" }, el("h2", {}, plan.name + " – " + t(wave.state)), facts,
    el("details", {}, el("summary", {}, t("region")), ...provincesOf(plan.quota, published ? wave.filled : null)));
  const rules = programme.rule_sets.find((one) => one.name === plan.rule_set), undecided = rules && programme.texts[rules.pending_at_freeze];
  if (undecided) box.append(el("p", { className: "pending-rule" }, said(undecided).sentence + " " + said(undecided).next_step));
  const files = bundles[plan.wave_id] || [];
  if (files.length) box.append(el("h3", {}, t("files")), el("ul", {}, ...files.map((file) => el("li", {}, el("a", { href: file.url }, file.name), " ", el("code", {}, file.sha256)))));
  if (published) box.append(el("p", {}, el("a", { href: "result.html" }, t("byReceipt"))));
  if (published && files.length) box.append(el("p", {}, el("a", { href: "verify-draw.html" }, t("checkDraw"))));
  return box;
}

function draw() {
  $("waves").replaceChildren(...(waves.length ? waves.map(card) : [el("p", {}, t("none"))]));
}

async function read() {
  [waves, programme] = [(await call("GET", "/v1/waves")).waves, await call("GET", "/v1/programme")];
  for (const wave of waves) if (wave.commitment_sha256) bundles[wave.definition.wave_id] = (await call("GET", "/v1/waves/" + wave.definition.wave_id + "/bundle")).files;
  draw();
}

speak(draw);
read().catch(showProblem);
