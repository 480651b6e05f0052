// Calls the API and words its answers in Indonesian or English; every page uses it.
"use strict";

const ANSWER_MS = 60000; // after that a line is as good as cut
const $ = (id) => document.getElementById(id);
const memory = { // storage may be switched off: then a reload begins again
  read(key) { try { return sessionStorage.getItem(key) || ""; } catch (e) { return ""; } },
  readAll(key, otherwise) { try { return JSON.parse(memory.read(key)) || otherwise; } catch (e) { return otherwise; } },
  write(key, value) { try { if (value) sessionStorage.setItem(key, value); else sessionStorage.removeItem(key); } catch (e) { /* full, or switched off: goes on without */ } },
  clear() { try { sessionStorage.clear(); } catch (e) { /* nothing was kept */ } memory.write("language", language); },
};
let language = memory.read("language") || "id";
const WORDS = {};

/** Add a page's words: {key: [Indonesian, English]}. */
function words(more) { Object.assign(WORDS, more); }

/** One word or sentence of the page in the reader's language. */
function t(key) { return (WORDS[key] || [key, key])[language === "en" ? 1 : 0]; }

/** The reader's language of a value by language, {id, en}. */
function said(texts) { return texts[language] || texts.id; }

words({
  skip: ["Langsung ke isi", "Skip to content"],
  offline: ["Tidak ada sambungan. Data Anda aman; coba lagi.", "No connection. Nothing is lost; try again."],
  lineGone: ["Sambungan terputus. Yang sudah Anda isi aman; halaman ini melanjutkan sendiri.", "The connection is gone. What you have done is safe; this page goes on by itself."],
  lineBack: ["Tersambung lagi.", "Connected again."],
  wait: ["Coba lagi dalam {n} detik.", "Try again in {n} seconds."], waitMinutes: ["Coba lagi dalam {n} menit.", "Try again in {n} minutes."],
  leave: ["Keluar", "Sign out"],
  byReceipt: ["Lihat hasil dengan tanda terima, tanpa masuk", "See the result with the receipt, without signing in"],
  checkDraw: ["Periksa undian ini di ponsel Anda", "Check this draw on your phone"],
});

const unanswered = {}; // a request → its Idempotency-Key, until it is answered: a second tap is the same request

/** A random UUID, version 4; crypto.randomUUID is not there on a plain http address. */
function newKey() {
  const bits = crypto.getRandomValues(new Uint8Array(16));
  bits[6] = (bits[6] & 15) | 64;
  bits[8] = (bits[8] & 63) | 128;
  return [...bits].map((bit, i) => ([4, 6, 8, 10].includes(i) ? "-" : "") + bit.toString(16).padStart(2, "0")).join("");
}

/** Call the API; rejects with a problem (RFC 9457) whatever went wrong. `ifMatch` is the ETag a change is made of. */
async function call(method, path, body, token, ifMatch) {
  const headers = {}, request = [method, path, JSON.stringify(body), token].join(" ");
  if (ifMatch) headers["If-Match"] = ifMatch;
  if (method === "POST") headers["Idempotency-Key"] = '"' + (unanswered[request] = unanswered[request] || newKey()) + '"';
  if (token) headers.Authorization = "Bearer " + token;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store",
      signal: AbortSignal.timeout ? AbortSignal.timeout(ANSWER_MS) : undefined });
  } catch (e) {
    throw { status: 0, title: t("offline"), errors: [] };
  }
  const value = await answer.json().catch(() => ({}));
  if (answer.status < 500 && !["still-running", "changed-meanwhile"].includes((value.type || "").split("/").pop())) delete unanswered[request];
  if (answer.ok) return value;
  throw Object.assign({ status: answer.status, title: answer.statusText, errors: [] }, value);
}

/** The sentences of a problem in the reader's language. */
function problemText(problem) {
  const en = language === "en";
  const parts = (problem.errors || []).map((one) => (en ? one.detail_en : one.detail)); // each with its own next step
  if (!parts.length) parts.push(en ? problem.detail_en : problem.detail, en ? problem.next_step_en : problem.next_step);
  const wait_s = problem.retry_after_s;
  if (wait_s) parts.push(wait_s > 120 ? t("waitMinutes").replace("{n}", Math.ceil(wait_s / 60)) : t("wait").replace("{n}", wait_s));
  if (problem.status >= 500 && problem.instance) parts.push("(" + problem.instance.replace("urn:uuid:", "") + ")"); // the number to report
  return [...new Set(parts.filter(Boolean))].join(" ") || problem.title;
}

/** Show a problem where a screen reader reads it out, or take it away. */
function showProblem(problem) {
  const box = $("problem");
  box.hidden = !problem;
  box.textContent = problem ? problemText(problem) : "";
  if (problem) box.focus();
}

/** Say beside a field what is wrong with it, or nothing any more. */
function fault(field, text) {
  const input = $(field) || $(field.replace("consents/", "consent-"));
  $(field + "-fault").textContent = text;
  if (text) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
}

/** Say something briefly without moving the focus. */
function notice(text) { $("notice").textContent = text; }

/** Make an element: el("p", {className: "hint"}, "text", child). */
function el(tag, attributes, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const drawn = {};

/** Draw a block anew only when its facts changed: drawing takes the focus away and closes what somebody has opened. */
function redraw(id, facts, make) {
  const now = JSON.stringify([language, facts]), focus = $(id).contains(document.activeElement) ? document.activeElement.id : "";
  if (drawn[id] === now) return;
  drawn[id] = now;
  $(id).replaceChildren(...make());
  if (focus && $(focus)) $(focus).focus();
}

/** Format a moment for Indonesia's western time zone. */
function moment(iso) {
  return new Date(iso).toLocaleString(language === "en" ? "en-GB" : "id-ID", { dateStyle: "medium", timeStyle: "short", timeZone: "Asia/Jakarta" }) + " WIB";
}

/** Put every [data-t] into the reader's language, now and when the switch is used. */
function speak(redraw) {
  const draw = () => {
    document.documentElement.lang = language;
    for (const each of document.querySelectorAll("[data-t]")) each.textContent = t(each.dataset.t);
    $("language").textContent = language === "en" ? "Bahasa Indonesia" : "English";
    $("language").lang = language === "en" ? "id" : "en";
    notice(""); // it was said in the other language
    redraw();
  };
  $("language").addEventListener("click", () => {
    language = language === "en" ? "id" : "en";
    memory.write("language", language);
    draw();
  });
  draw();
}

/** Run a click or submit once at a time, its button disabled meanwhile; problems are shown. */
function onAction(element, event, action) {
  element.addEventListener(event, async (happening) => {
    happening.preventDefault();
    const button = element.tagName === "FORM" ? element.querySelector("button") : element;
    if (button.disabled) return;
    button.disabled = true;
    showProblem(null);
    try { await action(); } catch (problem) { if (problem.status === undefined) throw problem; showProblem(problem); } finally { button.disabled = false; }
  });
}
