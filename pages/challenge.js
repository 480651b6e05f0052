// The active challenge: pictures with the head turned as asked, by camera or as files. Nobody must send them; what
// they show goes to the reviewer. Frames are sent as the camera sees them; only the preview is mirrored.
"use strict";

words({
  challengeTitle: ["Foto langsung (sukarela)", "Live pictures (voluntary)"],
  INVITED: ["Anda boleh membantu petugas dengan empat foto: kepala lurus, lalu menoleh seperti diminta. Perlu satu menit.", "You may help the reviewer with four pictures: straight ahead, then with your head turned as asked. It takes a minute."],
  RECEIVED: ["Foto-foto Anda sudah diterima. Petugas akan melihatnya. Anda boleh mengulang bila mau.", "Your pictures have arrived. A reviewer will look at them. You may do it again if you like."],
  challengeFree: ["Tidak wajib. Tanpa foto ini pun petugas tetap memutuskan, dan Anda tidak dirugikan. Hijab dan peci boleh.", "You need not. Without them the reviewer decides all the same, and it is not held against you. Hijab and peci are fine."],
  challengeStart: ["Mulai", "Start"], takeFrame: ["Ambil foto ini", "Take this picture"], frameFile: ["Ambil foto ini dengan kamera HP", "Take this picture with your phone's camera"],
  challengeStop: ["Batal", "Cancel"], challengeSend: ["Kirim lagi", "Send again"], frameOf: ["Foto {n} dari {m}", "Picture {n} of {m}"],
  centre: ["lihat lurus ke kamera", "look straight into the camera"], left: ["← putar kepala ke kiri Anda, sekitar seperempat putaran", "← turn your head to your left, about a quarter"],
  right: ["→ putar kepala ke kanan Anda, sekitar seperempat putaran", "→ turn your head to your right, about a quarter"], up: ["↑ angkat dagu", "↑ lift your chin"], down: ["↓ tundukkan kepala", "↓ lower your head"],
  challengeSent: ["Foto-foto terkirim. Terima kasih.", "The pictures are sent. Thank you."], framesSending: ["Mengirim foto-foto …", "Sending the pictures …"],
});

const FRAME_SIDE_PX = 640, FRAME_QUALITY = 0.85;
const taking = { issued: null, frames: [], stream: null, sending: false };

/** Show what there is to do; the camera's picture is left alone by every redraw. */
function drawChallenge() {
  if (!token || !status || status.challenge === "NOT_NOW") return stopTaking();
  const issued = taking.issued, number = taking.frames.length, isWhole = issued && number === issued.poses.length;
  $("challenge-told").textContent = t(status.challenge);
  $("challenge-start").hidden = Boolean(issued);
  $("challenge-taking").hidden = !issued;
  if (!issued) return;
  $("challenge-pose").textContent = isWhole ? t("framesSending")
    : t("frameOf").replace("{n}", number + 1).replace("{m}", issued.poses.length) + ": " + t(issued.poses[number]);
  $("challenge-view").hidden = $("challenge-take").hidden = isWhole || !taking.stream;
  $("challenge-file-way").hidden = isWhole || Boolean(taking.stream);
  $("challenge-send").hidden = !isWhole || taking.sending;
}

async function startTaking() {
  taking.issued = await ask("POST", "/v1/application/challenges", {});
  taking.frames = [];
  try { // no camera, no permission, an old browser: files do as well
    taking.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: FRAME_SIDE_PX } } });
    $("challenge-view").srcObject = taking.stream;
    await $("challenge-view").play();
  } catch (e) { stopCamera(); }
  drawChallenge();
  $("challenge-pose").focus();
}

function stopCamera() {
  if (taking.stream) for (const track of taking.stream.getTracks()) track.stop();
  taking.stream = $("challenge-view").srcObject = null;
}

function stopTaking() {
  stopCamera();
  Object.assign(taking, { issued: null, frames: [], sending: false });
  $("challenge-start").hidden = false;
  $("challenge-taking").hidden = true;
}

/** What the camera sees now, as a JPEG of at most 640 px. */
function frameOfCamera() {
  const view = $("challenge-view"), scale = Math.min(1, FRAME_SIDE_PX / Math.max(view.videoWidth, view.videoHeight));
  const canvas = el("canvas", { width: Math.round(view.videoWidth * scale), height: Math.round(view.videoHeight * scale) });
  canvas.getContext("2d").drawImage(view, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", FRAME_QUALITY));
}

async function takeFrame(frame) {
  if (!frame) return;
  taking.frames.push(frame);
  drawChallenge();
  $("challenge-pose").focus();
  if (taking.frames.length < taking.issued.poses.length) return;
  stopCamera();
  await sendFrames();
}

/** Send what was not sent yet, then hand the challenge in; after a failure the pictures stay for another try. */
async function sendFrames() {
  const { issued, frames } = taking;
  taking.sending = true;
  drawChallenge();
  try {
    for (const [i, upload] of issued.uploads.entries()) {
      if (frames[i].isSent) continue;
      await postForm(upload, frames[i], () => {});
      frames[i].isSent = true;
    }
    await ask("POST", "/v1/application/challenges/" + issued.challenge_id + "/answer", {});
  } catch (problem) {
    if (problem.status) stopTaking(); // its time is over, or the case is decided: the problem says so
    throw problem.status ? problem : { status: 0, title: t("offline"), errors: [] };
  } finally {
    taking.sending = false;
    drawChallenge();
  }
  stopTaking();
  await refresh();
  notice(t("challengeSent"));
}

onAction($("challenge-start"), "click", startTaking);
onAction($("challenge-take"), "click", async () => takeFrame(await frameOfCamera()));
onAction($("challenge-send"), "click", sendFrames);
onAction($("challenge-stop"), "click", async () => { stopTaking(); drawChallenge(); });
$("challenge-file").addEventListener("change", async () => {
  const [file] = $("challenge-file").files;
  $("challenge-file").value = "";
  if (!file) return;
  showProblem(null);
  try { await takeFrame(await downscale(file)); } catch (problem) { if (problem.status === undefined) throw problem; showProblem(problem); }
});
