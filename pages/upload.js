// Sends one photograph over whatever line there is: in one piece, then in chunks (tus 1.0) when that failed twice or the
// line is slow. What has arrived is not sent again; the size of a chunk follows the line (as in local/sending.py).
"use strict";

const KIB = 1024, LEAST_CHUNK = 2 * KIB, FIRST_CHUNK = 4 * KIB, MOST_CHUNK = 64 * KIB, QUICK_MS = 4000, SHARE_OF_A_CUT = 0.1;
const SLOW_ANSWER_MS = 1000, JUDGED_AFTER_MS = 2000, SLOW_PIECE_MS = 60000, PATIENCE_MS = 30 * 60000, CHUNK_MS = 60000;
const begun = {}; // slot → {file, location}: an upload in chunks that goes on when the person presses "send again"
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const slugOf = (problem) => (problem.type || "").split("/").pop();

/** Resolve when the photograph is there; reject with a problem when sending it again would not help, or after 30 minutes. */
async function sendPhotograph(slot, file, token, onShare) {
  if (!(begun[slot] && begun[slot].file === file) && await sentInOnePiece(slot, file, token, onShare)) return;
  if (!(begun[slot] && begun[slot].file === file)) begun[slot] = { file, location: "" };
  await sendInChunks(slot, begun[slot], token, onShare);
  delete begun[slot];
}

// ---- a photograph under way stays in this tab, over a reload, until it has arrived; other tabs and people never see it ----

async function keepPhotograph(slot, owner, file) {
  forgetPhotograph(slot);
  const url = await new Promise((done) => { const reader = new FileReader(); reader.onloadend = () => done(reader.result || ""); reader.readAsDataURL(file); });
  memory.write("photo-" + slot, JSON.stringify({ owner, type: typeOf(file), content: url.slice(url.indexOf(",") + 1) }));
}

/** The photograph that was under way when the page was loaded anew, or null. */
function keptPhotograph(slot, owner) {
  const kept = memory.readAll("photo-" + slot, {});
  if (kept.owner !== owner) return null;
  const file = new Blob([Uint8Array.from(atob(kept.content), (letter) => letter.charCodeAt(0))], { type: kept.type });
  if (memory.read("upload-" + slot)) begun[slot] = { file, location: memory.read("upload-" + slot) };
  return file;
}

function forgetPhotograph(slot) {
  memory.write("photo-" + slot, "");
  memory.write("upload-" + slot, "");
}

/** What the file is, by its name where the browser does not know: HEIC is unknown to most. */
function typeOf(file) { return file.type || (/\.hei[cf]$/i.test(file.name || "") ? "image/heic" : "image/jpeg"); }

async function sentInOnePiece(slot, file, token, onShare) {
  for (let failed = 0, offered = false; failed < 2; failed++) {
    try {
      if (offered && ["ARRIVED", "REFUSED"].includes((await call("GET", "/v1/application", undefined, token)).photos[slot].status)) return true;
      const asked = Date.now();
      const form = await call("POST", "/v1/application/photos/" + slot, { content_type: typeOf(file), size_bytes: file.size }, token);
      offered = true;
      if (Date.now() - asked > SLOW_ANSWER_MS) return false;
      await postForm(form, file, onShare);
      return true;
    } catch (problem) {
      if (problem.isSlow) return false;
      if (problem.status && problem.status < 500) throw problem;
    }
  }
  return false;
}

/** XMLHttpRequest, because fetch cannot tell how much has been sent. */
function postForm(form, file, onShare) {
  return new Promise((done, fail) => {
    const body = new FormData(), request = new XMLHttpRequest(), started = Date.now();
    for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
    body.append("file", file);
    request.upload.onprogress = (event) => {
      const elapsed = Date.now() - started;
      onShare(Math.min(0.99, event.loaded / event.total));
      if (elapsed > JUDGED_AFTER_MS && elapsed * event.total > SLOW_PIECE_MS * Math.max(event.loaded, 1)) { fail({ isSlow: true }); request.abort(); }
    };
    request.onload = () => (request.status < 300 ? done() : fail({ status: 0 }));
    request.onerror = request.ontimeout = () => fail({ status: 0 });
    request.timeout = 300000;
    request.open("POST", form.url);
    request.send(body);
  });
}

async function sendInChunks(slot, upload, token, onShare) {
  const line = { chunk: FIRST_CHUNK, most: MOST_CHUNK, passed: 0, failed: 0 }, ends = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      let offset = await standing(slot, upload, token);
      while (offset < upload.file.size) {
        onShare(Math.min(0.99, offset / upload.file.size));
        offset = await sendChunk(upload, offset, token, line);
      }
      return;
    } catch (problem) {
      if (problem.status === 410 || problem.status === 404) upload.location = ""; // its day is over: begin another
      else if (problem.status && problem.status < 500 && !["upload-offset", "upload-checksum", "changed-meanwhile"].includes(slugOf(problem))) throw problem;
      if (Date.now() > ends) throw problem;
      await slowDown(line);
    }
  }
}

/** How many bytes are there; begins the upload where it has no address yet. */
async function standing(slot, upload, token) {
  if (upload.location) return Number((await tus("HEAD", upload.location, token, {})).headers.get("Upload-Offset"));
  const whole = await digestOf(upload.file), said = ["filetype " + btoa(typeOf(upload.file))];
  if (whole) said.push("sha256 " + btoa(whole));
  const answer = await tus("POST", "/v1/application/photos/" + slot + "/uploads", token, { "Upload-Length": upload.file.size, "Upload-Metadata": said.join(",") });
  upload.location = answer.headers.get("Location");
  memory.write("upload-" + slot, upload.location);
  return Number(answer.headers.get("Upload-Offset"));
}

async function sendChunk(upload, offset, token, line) {
  const chunk = upload.file.slice(offset, offset + line.chunk), started = Date.now();
  const answer = await tus("PATCH", upload.location, token, { "Upload-Offset": offset, "Content-Type": "application/offset+octet-stream" }, chunk);
  line.passed += chunk.size;
  if (Date.now() - started < QUICK_MS) line.chunk = Math.min(2 * line.chunk, line.most);
  return Number(answer.headers.get("Upload-Offset"));
}

/** After a cut: chunks that lose little with the next one, and a pause that grows while nothing passes. */
async function slowDown(line) {
  line.failed = line.passed ? 0 : line.failed + 1;
  if (line.passed) line.most = Math.max(LEAST_CHUNK, Math.min(MOST_CHUNK, Math.floor(SHARE_OF_A_CUT * line.passed)));
  Object.assign(line, { chunk: Math.min(line.chunk, line.most), passed: 0 });
  const back = new Promise((done) => window.addEventListener("online", done, { once: true }));
  await Promise.race([back, pause(Math.min(8000, 500 * 2 ** line.failed) * (0.25 + 0.75 * Math.random()))]); // by chance: a line may come and go regularly
}

async function tus(method, path, token, headers, body) {
  const stop = new AbortController(), timer = setTimeout(() => stop.abort(), CHUNK_MS);
  try {
    const answer = await fetch(path, { method, body, cache: "no-store", signal: stop.signal,
      headers: { "Tus-Resumable": "1.0.0", Authorization: "Bearer " + token, ...headers } });
    if (answer.ok) return answer;
    throw Object.assign({ status: answer.status, title: answer.statusText, errors: [] }, await answer.json().catch(() => ({})));
  } catch (problem) {
    throw problem.status ? problem : { status: 0, title: t("offline"), errors: [] };
  } finally { clearTimeout(timer); }
}

/** The SHA-256 of a file in hex, by which another device finds its upload; "" on a plain http address, which lacks it. */
async function digestOf(file) {
  if (!window.crypto || !crypto.subtle) return "";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
