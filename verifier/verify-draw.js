// Checks a draw of docs/draw-spec.md from its published files alone, and what one person holds of it.
//
//   node verify-draw.js BUNDLE_FOLDER [--commitment SHA256] [--receipt receipt.json] [--result result.json]
//   node verify-draw.js --receipt receipt.json --result result.json      one person, without the bundle
//   … --json for machines, --lang id for Bahasa Indonesia, --help; answers 0 (accepted), 1 (refused), 2 (could not be asked)
//
// In a browser it is loaded by verify-draw.html, which lies beside it. One file, no dependency, no network. Hashes are
// the platform's (node:crypto, crypto.subtle). BLS signatures are not checked: the round and its signature are shown,
// to be compared with any copy of the beacon's chain. Written from the specification, not from the code that draws.
"use strict";

const verifyDraw = (() => {
  const SPEC = "gelombang-draw-3", ENTRY_SPEC = "gelombang-entry-3";
  const BUNDLE = ["rules.json", "entries.csv", "households.csv", "commitment.json", "draw.json", "results.csv", "manifest.json"];
  const BEACONS = {
    "drand-quicknet": {
      chain: "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
      first_s: 1692803367, every_s: 3, signature: /^[0-9a-f]{96}$/, copies: "https://api.drand.sh", // one of many
    },
  };
  const NAMED_AT_MOST = 10; // differences of one kind that are named; the rest are counted
  const SHOWN_AT_MOST = 100; // characters of a value
  const BATCH = 4096; // hashes between two looks at the clock
  const CHUNK_BYTES = 262144;
  const BREATHE_MS = 50; // the page is given a turn this often

  // ---- what is said ----

  // Code → [Bahasa Indonesia, English]; {at} is the file with its line or member.
  const SENTENCES = {
    "missing": ["{at} tidak ada.", "{at} is missing."],
    "json": ["{at} bukan satu objek JSON kanonik dalam UTF-8 tanpa baris baru di akhir.",
      "{at} is not one canonical JSON object in UTF-8 without a line feed at its end."],
    "header": ["{at}: baris judul harus berbunyi {expected}.", "{at}: the header must read {expected}."],
    "row": ["{at}: {found} bukan baris dalam bentuk yang ditetapkan.", "{at}: {found} is no row of the one form."],
    "end": ["{at}: baris terakhir tidak diakhiri baris baru.", "{at}: the last line is not ended by a line feed."],
    "unknown": ["{at} tidak dikenal oleh spesifikasi.", "{at} is not known to the specification."],
    "kind": ["{at}: nilai {found} salah jenisnya.", "{at}: {found} is a value of a wrong kind."],
    "order": ["{at}: peserta {found} tidak pada urutannya.", "{at}: entry {found} stands out of order."],
    "twice": ["{at}: peserta {found} tertulis dua kali.", "{at}: entry {found} stands there twice."],
    "differs": ["{at}: tertulis {found}, padahal dari berkas lain seharusnya {expected}.",
      "{at}: there stands {found}, but {expected} follows from the rest."],
    "promised": ["{at}: SHA-256-nya {found}, padahal yang dijanjikan {expected}.", "{at}: its SHA-256 is {found}, but {expected} was promised."],
    "published": ["{at}: SHA-256 komitmen {found}, padahal yang diumumkan {expected}.", "{at}: the commitment's SHA-256 is {found}, but {expected} was published."],
    "no-entry": ["{at}: peserta {found} tidak ada di entries.csv.", "{at}: entry {found} does not stand in entries.csv."],
    "no-result": ["{at}: peserta {expected} tidak punya hasil.", "{at}: entry {expected} has no result."],
    "untouched": ["{at}: batas penerima tidak dapat mengenai siapa pun dari keluarga {found}.", "{at}: the limit can touch nobody of household {found}."],
    "early-round": ["{at}: putaran {found} terbit sebelum gelombang ditutup, jadi dapat diketahui sebelum komitmen dibuat.",
      "{at}: round {found} came before the wave closed, so it could be known before the commitment was made."],
    "proof": ["{at}: bukti ini tidak menuju akar {expected}.", "{at}: this proof does not lead to the root {expected}."],
    "counted": ["{at}: masih ada {found} perbedaan sejenis.", "{at}: {found} more differences of this kind."],
  };
  const NOTES = {
    "no-commitment": ["Tanpa SHA-256 komitmen yang diumumkan sebelum undian, berkas yang dipalsukan seluruhnya tidak dapat dibedakan.",
      "Without the commitment's SHA-256 as published before the draw, files that were forged as a whole cannot be told apart."],
    "not-signature": ["Tanda tangan BLS suar tidak diperiksa di sini: bandingkan putaran dan tanda tangannya dengan salinan rantai mana pun.",
      "The beacon's BLS signature is not checked here: compare round and signature with any copy of the chain."],
    "no-beacon": ["Gelombang ini tanpa suar: siapa yang tahu semua rahasia dapat mencoba beberapa sebelum komitmen dibuat.",
      "This wave has no beacon: whoever knew all secrets could have tried several before the commitment."],
    "unbound": ["Hanya dokumen satu orang yang diperiksa. Sertakan commitment.json, draw.json dan manifest.json gelombang ini untuk memeriksa bahwa akar dan benihnya berasal dari komitmen.",
      "Only one person's documents were checked. Add the wave's commitment.json, draw.json and manifest.json to check that roots and seed come from the commitment."],
    "not-drawn": ["Tanda terima ini cocok dengan dirinya sendiri; tanpa berkas lain, hasil undian tidak dapat diperiksa.",
      "This receipt is right in itself; without other files no result of the draw can be checked."],
    "stopped": ["Berkas di atas tidak dapat dibandingkan lebih jauh selama bentuknya salah.",
      "The files could not be compared any further while their form is wrong."],
  };

  /** What a verification found: every difference once, the first few of each kind in full. */
  class Findings {
    constructor() {
      this.differences = [];
      this.uncounted = new Map(); // kind → how many more
      this.notes = new Set();
      this.facts = {};
      this.numbers = new Map();
    }

    add(code, file, { line = 0, member = "", found, expected } = {}) {
      const [column] = member.split(/[.[]/), kind = [code, file, column].join(" "); // of `counts.3171.general`, `counts`
      const number = (this.numbers.get(kind) || 0) + 1;
      this.numbers.set(kind, number);
      if (number > NAMED_AT_MOST) {
        this.uncounted.set(kind, { code: "counted", file, line: 0, member: column, found: String(number - NAMED_AT_MOST), expected: "-" });
      } else this.differences.push({ code, file, line, member, found: shown(found), expected: shown(expected) });
    }

    /** Say so when two values that must be equal are not. */
    same(file, member, found, expected, line = 0) {
      if (canonical(found) !== canonical(expected)) this.add("differs", file, { line, member, found, expected });
    }

    report() {
      const said = [...this.differences, ...this.uncounted.values()].map((each) => ({ ...each, sentence: sentence(each) }));
      const accepted = this.numbers.size === 0, { person, outcomes, ...named } = this.facts; // of a refused draw, nobody's result is told
      return {
        accepted,
        facts: accepted ? this.facts : named,
        differences: said,
        notes: [...this.notes].map((code) => ({ code, sentence: { id: NOTES[code][0], en: NOTES[code][1] } })),
      };
    }
  }

  function sentence(difference) {
    const said = (language, line) => {
      const at = [difference.file, difference.line ? `${line} ${difference.line}` : "", difference.member].filter(Boolean).join(", ");
      return SENTENCES[difference.code][language].replace(/{(\w+)}/g, (_, name) => (name === "at" ? at : difference[name]));
    };
    return { id: said(0, "baris"), en: said(1, "line") };
  }

  function shown(value) {
    if (value === "") return '""';
    const text = typeof value === "string" ? value : canonical(value);
    return text.length > SHOWN_AT_MOST ? text.slice(0, SHOWN_AT_MOST) + "…" : text;
  }

  // ---- forms ----

  /** RFC 8785, for values of JSON without fractions. */
  function canonical(value) {
    if (value === undefined) return "-";
    if (Array.isArray(value)) return "[" + value.map(canonical).join(",") + "]";
    if (value === null || typeof value !== "object") return JSON.stringify(value);
    return "{" + Object.keys(value).sort().map((name) => JSON.stringify(name) + ":" + canonical(value[name])).join(",") + "}";
  }

  // A shape is a function of a value, its place and what to call with (code, place, details) for each fault.
  const is = (test) => (value, member, fault) => test(value) || fault("kind", { member, found: value });
  const matches = (pattern) => is((value) => typeof value === "string" && pattern.test(value));
  const oneOf = (...allowed) => is((value) => allowed.includes(value));
  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const list = (shape) => (value, member, fault) => {
    if (!Array.isArray(value)) return fault("kind", { member, found: value });
    value.forEach((each, i) => shape(each, `${member}[${i}]`, fault));
  };
  const map = (names, shape) => (value, member, fault) => {
    if (!isObject(value)) return fault("kind", { member, found: value });
    for (const name of Object.keys(value)) {
      if (names.test(name)) shape(value[name], `${member}.${name}`, fault);
      else fault("unknown", { member: `${member}.${name}` });
    }
  };
  const object = (shapes) => (value, member, fault) => {
    if (!isObject(value)) return fault("kind", { member, found: value });
    const place = (name) => (member ? `${member}.${name}` : name);
    for (const name of Object.keys(value)) if (!Object.hasOwn(shapes, name)) fault("unknown", { member: place(name) });
    for (const name of Object.keys(shapes)) {
      if (Object.hasOwn(value, name)) shapes[name](value[name], place(name), fault);
      else fault("missing", { member: place(name) });
    }
  };

  const text = is((value) => typeof value === "string");
  const name = is((value) => typeof value === "string" && value !== "");
  const flag = is((value) => typeof value === "boolean");
  const count = is((value) => Number.isSafeInteger(value) && value >= 0);
  const natural = is((value) => Number.isSafeInteger(value) && value >= 1);
  const id = matches(/^[0-9a-f]{32}$/), hash = matches(/^[0-9a-f]{64}$/), region = matches(/^[0-9]{4}$/);
  const hashOrNone = matches(/^([0-9a-f]{64})?$/), source = oneOf("", ...Object.keys(BEACONS));
  const wave = { spec: oneOf(SPEC), wave_id: name };
  const entry = object({ entry_id: id, region, priority: flag, restored: flag });
  const OUTCOMES = {
    RESTORED_SEAT: "SELECTED", PRIORITY_SEAT: "SELECTED", REGION_SEAT: "SELECTED", PASSED_ON_SEAT: "SELECTED",
    REGION_WITHOUT_SEATS: "REGION_FULL", HOUSEHOLD_LIMIT: "HOUSEHOLD_FULL", RESERVE_PLACE: "RESERVE", AFTER_THE_LAST_PLACE: "NOT_DRAWN",
  };
  const RULES = Object.keys(OUTCOMES);
  const SHAPES = {
    "rules.json": object({
      ...wave, name: text, opens_at: text, closes_at: text, rule_set: text, quota: map(/^[0-9]{4}$/, count),
      unused_seats: oneOf("stay", "pass_on"), priority_seats: count, reserve_percent: is((value) => Number.isSafeInteger(value) && value >= 0 && value <= 100),
      max_recipients_per_household: natural, beacon_source: source,
    }),
    "commitment.json": object({
      ...wave, draw: natural, replaces: hashOrNone, reason: text, approvers: list(name), root: hash, entry_count: count,
      counts: map(/^[0-9]{4}$/, object({ general: count, priority: count, restored: count })),
      rules_sha256: hash, entries_sha256: hash, households_sha256: hash, eligibility_sha256: hash, priority_list_sha256: hashOrNone,
      code_sha256: hash, secrets: list(object({ party: name, sha256: hash })), beacon_source: source, beacon_round: count,
    }),
    "draw.json": object({
      ...wave, commitment_sha256: hash, secrets: list(object({ party: name, secret: hash })), beacon_signature: matches(/^([0-9a-f]{2})*$/), seed: hash,
    }),
    "manifest.json": object({
      ...wave, files: object(Object.fromEntries(BUNDLE.filter((each) => each !== "manifest.json").map((each) => [each, hash]))), results_root: hash,
    }),
    receipt: object({ ...wave, application_id: name, salt: id, entry, joined_at: text }),
    result: object({
      ...wave, commitment_sha256: hash, entry_count: natural, root: hash, results_root: hash, index: count, entry, entry_proof: list(hash),
      result: object({ entry_id: id, ticket: hash, rank: natural, outcome: oneOf(...new Set(Object.values(OUTCOMES))), reserve: count, rule: oneOf(...RULES) }),
      result_proof: list(hash), seed: hash,
    }),
  };
  const TABLES = {
    "entries.csv": { header: "entry_id,region,priority,restored", row: /^([0-9a-f]{32}),([0-9]{4}),([01]),([01])$/, least_bytes: 42 },
    "households.csv": { header: "entry_id,household,recipients_before", row: /^([0-9a-f]{32}),([0-9a-f]{32}),(0|[1-9][0-9]{0,15})$/, least_bytes: 68 },
    "results.csv": {
      header: "entry_id,ticket,rank,outcome,reserve,rule", least_bytes: 106,
      row: /^([0-9a-f]{32}),([0-9a-f]{64}),(0|[1-9][0-9]{0,15}),([A-Z_]+),(0|[1-9][0-9]{0,15}),([A-Z_]+)$/,
    },
  };

  // ---- hashes ----

  /** SHA-256 and HMAC of node; a message is bytes or text. */
  function nodeHasher(crypto) {
    const sha256 = crypto.hash
      ? (message) => crypto.hash("sha256", message, "hex")
      : (message) => crypto.createHash("sha256").update(message).digest("hex");
    return {
      hex: async (message) => sha256(message),
      key: async (bytes) => bytes,
      async into(out, at, many, message, key) {
        const target = Buffer.from(out.buffer, out.byteOffset, out.length);
        for (let i = 0; i < many; i++) {
          const digest = key ? crypto.createHmac("sha256", key).update(message(i)).digest("hex") : sha256(message(i));
          target.write(digest, at + 32 * i, "hex");
        }
      },
      async file(from) {
        const whole = crypto.createHash("sha256");
        for await (const chunk of from.chunks()) whole.update(chunk);
        return whole.digest("hex");
      },
    };
  }

  /** The same of a browser, which takes many at a time and a file as a whole. */
  function subtleHasher(subtle) {
    const encoder = new TextEncoder();
    const bytes = (message) => (typeof message === "string" ? encoder.encode(message) : message);
    const hex = async (message) => hexOf(new Uint8Array(await subtle.digest("SHA-256", bytes(message))));
    return {
      hex,
      key: (raw) => subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]),
      async into(out, at, many, message, key) {
        const asked = [];
        for (let i = 0; i < many; i++) { // a message may be overwritten by the next: both calls copy it before they return
          asked.push(key ? subtle.sign("HMAC", key, bytes(message(i))) : subtle.digest("SHA-256", bytes(message(i))));
        }
        (await Promise.all(asked)).forEach((digest, i) => out.set(new Uint8Array(digest), at + 32 * i));
      },
      file: async (from) => hex(from.whole ? await from.whole() : await wholeOf(from)),
    };
  }

  function ownHasher() {
    if (typeof process !== "undefined" && process.versions && process.versions.node) return nodeHasher(require("node:crypto"));
    if (globalThis.crypto && globalThis.crypto.subtle) return subtleHasher(globalThis.crypto.subtle);
    throw new Error("no crypto.subtle: not a secure context");
  }

  const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
  function hexOf(bytes, from = 0, to = bytes.length) {
    let said = "";
    for (let i = from; i < to; i++) said += HEX[bytes[i]];
    return said;
  }
  const bytesOf = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
  function joined(...parts) {
    const all = parts.map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : part));
    const whole = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
    all.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
    return whole;
  }

  /** The leaf hashes of a table, in its order: `add(leaf)`, and `hash()` those added since. */
  function leafHashes(c, file) {
    const bytes = new Uint8Array(32 * (Math.floor(c.sources[file].size / TABLES[file].least_bytes) + 1));
    let waiting = [], many = 0;
    return {
      bytes, add: (leaf) => waiting.push("\0" + leaf), count: () => many,
      async hash() {
        await c.hasher.into(bytes, 32 * many, waiting.length, (i) => waiting[i]);
        many += waiting.length;
        waiting = [];
      },
    };
  }

  /** Merkle Tree Hash (RFC 6962, 2.1) over leaf hashes; level by level, each written over the one below. */
  async function rootOf(c, hashes, leaves) {
    if (leaves === 0) return c.hasher.hex("");
    const node = new Uint8Array(65);
    node[0] = 1;
    for (let many = leaves; many > 1; many = Math.ceil(many / 2)) {
      const pairs = Math.floor(many / 2);
      for (let from = 0; from < pairs; from += BATCH) {
        const pair = (i) => (node.set(hashes.subarray(64 * (from + i), 64 * (from + i + 1)), 1), node);
        await c.hasher.into(hashes, 32 * from, Math.min(BATCH, pairs - from), pair);
        await c.breathe(leaves - many + from, leaves);
      }
      if (many % 2) hashes.copyWithin(32 * pairs, 32 * (many - 1), 32 * many);
    }
    return hexOf(hashes, 0, 32);
  }

  /** RFC 9162, 2.1.3.2: whether an audit path leads from a leaf to a root. */
  async function isProof(c, leaf, index, leaves, path, root) {
    let at = index, last = leaves - 1, reached = await c.hasher.hex("\0" + leaf);
    if (at > last) return false;
    for (const sibling of path) {
      if (last === 0) return false;
      const isRight = at % 2 === 1 || at === last;
      const [left, right] = isRight ? [sibling, reached] : [reached, sibling];
      reached = await c.hasher.hex(joined(Uint8Array.of(1), bytesOf(left), bytesOf(right)));
      while (isRight && at % 2 === 0 && at > 0) [at, last] = [at / 2, Math.floor(last / 2)];
      [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
    }
    return last === 0 && reached === root;
  }

  // ---- files ----

  async function wholeOf(from) {
    const chunks = [];
    for await (const chunk of from.chunks()) chunks.push(chunk);
    return joined(...chunks);
  }

  /** Read a `*.json`; undefined when it has not its one form, which is said. */
  async function readObject(c, from, shape, file) {
    let value;
    try {
      const said = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await wholeOf(from));
      value = JSON.parse(said);
      const hasHalfCharacter = /\\ud[89a-f]/.test(said.replace(/\\\\/g, "")); // whole ones are never escaped
      if (canonical(value) !== said || hasHalfCharacter) throw new SyntaxError();
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError)) throw error;
      c.findings.add("json", file);
      return undefined;
    }
    let right = true;
    shape(value, "", (code, details) => { right = false; c.findings.add(code, file, details); });
    return right ? value : undefined;
  }

  /** Read a `*.csv`, calling `onRow(match, line)` for each row and awaiting `onBatch()` now and then; say whether it had its form. */
  async function readTable(c, file, onRow, onBatch = () => {}) {
    const { header, row } = TABLES[file];
    const decoder = new TextDecoder("latin1"); // any byte is a character, and only ASCII fits
    let line = 0, last = "", rest = "", read = 0, right = true;
    const fault = (code, details) => { right = false; c.findings.add(code, file, details); };
    const take = (said) => {
      line++;
      if (line === 1) return said === header || fault("header", { line, found: said, expected: header });
      const match = row.exec(said);
      if (!match || !fits(match)) return fault("row", { line, found: said });
      if (match[1] <= last) fault(match[1] === last ? "twice" : "order", { line, found: match[1] });
      last = match[1];
      onRow(match, line);
    };
    for await (const chunk of c.sources[file].chunks()) {
      const lines = (rest + decoder.decode(chunk)).split("\n");
      rest = lines.pop();
      lines.forEach(take);
      await onBatch();
      await c.breathe(read += chunk.length, c.sources[file].size);
    }
    if (rest !== "") fault("end", { line: line + 1 });
    else if (line === 0) fault("header", { line: 1, expected: header });
    return right;
  }

  const fits = (match) => match.slice(3).every((cell) => !/^[0-9]+$/.test(cell) || Number.isSafeInteger(Number(cell)));

  // ---- the draw ----

  const leafOf = (entryId, regionCode, priority, restored) =>
    `{"entry_id":"${entryId}","priority":${priority},"region":"${regionCode}","restored":${restored}}`;

  /** Read entries.csv into columns; undefined when it has not its form. */
  async function readEntries(c) {
    const leaves = leafHashes(c, "entries.csv"), most = leaves.bytes.length / 32, indexOf = new Map();
    const ids = [], codes = [], region = new Uint16Array(most), priority = new Uint8Array(most), restored = new Uint8Array(most);
    c.stage("entries");
    const right = await readTable(c, "entries.csv", ([, entryId, code, isPriority, isRestored]) => {
      const i = ids.push(entryId) - 1;
      if (!indexOf.has(code)) indexOf.set(code, codes.push(code) - 1);
      region[i] = indexOf.get(code);
      priority[i] = Number(isPriority);
      restored[i] = Number(isRestored);
      leaves.add(leafOf(entryId, code, isPriority === "1", isRestored === "1"));
    }, leaves.hash);
    return right ? { ids, codes, region, priority, restored, hashes: leaves.bytes } : undefined;
  }

  function countsOf(rules, entries) {
    const counts = {};
    for (const code of [...Object.keys(rules.quota), ...entries.codes]) counts[code] = { general: 0, priority: 0, restored: 0 };
    for (let i = 0; i < entries.ids.length; i++) {
      counts[entries.codes[entries.region[i]]][entries.restored[i] ? "restored" : entries.priority[i] ? "priority" : "general"]++;
    }
    return counts;
  }

  /** Read households.csv; `of` is the number of an entry's household or -1, `had` its seats before. */
  async function readHouseholds(c, entries, most) {
    const file = "households.csv", of = new Int32Array(entries.ids.length).fill(-1), had = [], size = [], first = [], names = [];
    const numbers = new Map();
    let i = 0;
    c.stage("households");
    const right = await readTable(c, file, ([, entryId, household, cell], line) => {
      const before = Number(cell);
      while (i < entries.ids.length && entries.ids[i] < entryId) i++;
      if (!numbers.has(household)) {
        numbers.set(household, had.push(before) - 1);
        size.push(0), first.push(line), names.push(household);
      }
      const number = numbers.get(household);
      size[number]++;
      c.findings.same(file, "recipients_before", before, had[number], line);
      if (entries.ids[i] === entryId) of[i] = number;
      else c.findings.add("no-entry", file, { line, member: "entry_id", found: entryId });
    });
    names.forEach((household, number) => {
      if (size[number] + had[number] <= most) c.findings.add("untouched", file, { line: first[number], member: "household", found: household });
    });
    return right ? { of, had } : undefined;
  }

  async function ticketsOf(c, seed, entries) {
    const many = entries.ids.length, tickets = new Uint8Array(32 * many), key = await c.hasher.key(bytesOf(seed));
    c.stage("tickets");
    for (let from = 0; from < many; from += BATCH) {
      const leafHash = (i) => entries.hashes.subarray(32 * (from + i), 32 * (from + i + 1));
      await c.hasher.into(tickets, 32 * from, Math.min(BATCH, many - from), leafHash, key);
      await c.breathe(from, many);
    }
    return tickets;
  }

  /** Entries by ticket: dealt into 65,536 by their first two bytes, then each of these sorted. */
  async function orderOf(c, tickets) {
    const many = tickets.length / 32, order = new Uint32Array(many), start = new Uint32Array(65537), view = new DataView(tickets.buffer);
    const bucket = (i) => view.getUint16(32 * i);
    const compare = (i, j) => {
      for (let at = 0; at < 32; at += 4) {
        const apart = view.getUint32(32 * i + at) - view.getUint32(32 * j + at);
        if (apart) return apart;
      }
      return i - j;
    };
    c.stage("order");
    for (let i = 0; i < many; i++) start[bucket(i) + 1]++;
    for (let b = 0; b < 65536; b++) start[b + 1] += start[b];
    const next = start.slice();
    for (let i = 0; i < many; i++) order[next[bucket(i)]++] = i;
    for (let b = 0; b < 65536; b++) {
      if (start[b + 1] - start[b] > 1) order.subarray(start[b], start[b + 1]).sort(compare);
      if (b % 1024 === 0) await c.breathe(b, 65536);
    }
    return order;
  }

  /** The passes: for each entry the rule that decided (number in RULES), its rank and its reserve number. */
  async function hold(c, rules, entries, households, order) {
    const many = order.length, decided = new Uint8Array(many).fill(255), rank = new Uint32Array(many), reserve = new Uint32Array(many);
    const { of, had } = households, most = rules.max_recipients_per_household, at = entries.region;
    const quota = entries.codes.map((code) => rules.quota[code] || 0), left = [...quota];
    let priorityLeft = rules.priority_seats;
    const isFull = (i) => of[i] >= 0 && had[of[i]] >= most;
    const walk = async (visit) => {
      for (let from = 0; from < many; from += 16 * BATCH) {
        order.subarray(from, from + 16 * BATCH).forEach(visit);
        await c.breathe(from, many);
      }
    };
    const pass = (rule, may, take) => walk((i) => {
      if (decided[i] !== 255 || isFull(i) || !may(i)) return;
      decided[i] = RULES.indexOf(rule);
      if (of[i] >= 0) had[of[i]]++;
      take(i);
    });
    c.stage("seats");
    await pass("RESTORED_SEAT", (i) => entries.restored[i] && left[at[i]] > 0, (i) => left[at[i]]--);
    await pass("PRIORITY_SEAT", (i) => entries.priority[i] && priorityLeft > 0 && left[at[i]] > 0, (i) => (priorityLeft--, left[at[i]]--));
    await pass("REGION_SEAT", (i) => left[at[i]] > 0, (i) => left[at[i]]--);
    if (rules.unused_seats === "pass_on") {
      const nobodyThere = Object.keys(rules.quota).filter((code) => !entries.codes.includes(code)).map((code) => rules.quota[code]);
      let spare = [...left, ...nobodyThere].reduce((sum, seats) => sum + seats, 0);
      await pass("PASSED_ON_SEAT", (i) => quota[at[i]] > 0 && spare > 0, () => spare--);
    }
    const places = quota.map((seats) => Number((BigInt(seats) * BigInt(rules.reserve_percent) + 99n) / 100n));
    const ranks = quota.map(() => 0), reserves = quota.map(() => 0);
    await walk((i) => {
      rank[i] = ++ranks[at[i]];
      if (decided[i] !== 255) return;
      if (quota[at[i]] === 0) decided[i] = RULES.indexOf("REGION_WITHOUT_SEATS");
      else if (isFull(i)) decided[i] = RULES.indexOf("HOUSEHOLD_LIMIT");
      else if (reserves[at[i]] < places[at[i]]) [decided[i], reserve[i]] = [RULES.indexOf("RESERVE_PLACE"), ++reserves[at[i]]];
      else decided[i] = RULES.indexOf("AFTER_THE_LAST_PLACE");
    });
    return { decided, rank, reserve };
  }

  // ---- the bundle ----

  /** What the small files say of each other; any of them may be undefined. Returns the seed that follows, if one does. */
  async function checkPromise(c, rules, commitment, draw, manifest, hashes) {
    const { findings, hasher } = c, agree = findings.same.bind(findings);
    const waveId = (rules || commitment || draw || manifest || {}).wave_id;
    for (const [file, value] of [["commitment.json", commitment], ["draw.json", draw], ["manifest.json", manifest]]) {
      if (value) agree(file, "wave_id", value.wave_id, waveId);
    }
    for (const file of Object.keys(manifest ? manifest.files : {})) {
      if (hashes[file]) agree("manifest.json", `files.${file}`, manifest.files[file], hashes[file]);
    }
    if (!commitment) return undefined;
    const said = c.options.commitment;
    if (said && hashes["commitment.json"] !== said) findings.add("published", "commitment.json", { found: hashes["commitment.json"], expected: said });
    for (const part of ["rules", "entries", "households"]) {
      const hash = hashes[part === "rules" ? "rules.json" : `${part}.csv`];
      if (hash) agree("commitment.json", `${part}_sha256`, commitment[`${part}_sha256`], hash);
    }
    checkCommitment(findings, rules, commitment);
    if (!draw) return undefined;
    agree("draw.json", "commitment_sha256", draw.commitment_sha256, hashes["commitment.json"]);
    for (let i = 0; i < Math.max(draw.secrets.length, commitment.secrets.length); i++) {
      const told = draw.secrets[i] || {}, promised = commitment.secrets[i] || {};
      agree("draw.json", `secrets[${i}].party`, told.party, promised.party);
      if (told.party !== promised.party) continue;
      const found = await hasher.hex(bytesOf(told.secret));
      if (found !== promised.sha256) findings.add("promised", "draw.json", { member: `secrets[${i}].secret`, found, expected: promised.sha256 });
    }
    const beacon = BEACONS[commitment.beacon_source];
    if (!beacon) agree("draw.json", "beacon_signature", draw.beacon_signature, "");
    else if (!beacon.signature.test(draw.beacon_signature)) {
      findings.add("kind", "draw.json", { member: "beacon_signature", found: draw.beacon_signature });
    }
    const randomness = beacon ? await hasher.hex(bytesOf(draw.beacon_signature)) : "";
    const secrets = draw.secrets.map((each) => bytesOf(each.secret));
    const seed = await hasher.hex(joined(SPEC + "\0", bytesOf(hashes["commitment.json"]), ...secrets, bytesOf(randomness)));
    agree("draw.json", "seed", draw.seed, seed);
    return seed;
  }

  function checkCommitment(findings, rules, commitment) {
    const file = "commitment.json", { draw, replaces, reason, approvers, secrets, beacon_round: round } = commitment;
    const wrong = (member, found) => findings.add("kind", file, { member, found });
    if (rules) findings.same(file, "beacon_source", commitment.beacon_source, rules.beacon_source);
    if (draw === 1) {
      findings.same(file, "replaces", replaces, "");
      findings.same(file, "reason", reason, "");
      findings.same(file, "approvers", approvers, []);
    } else {
      if (replaces === "") wrong("replaces", replaces);
      if (reason === "") wrong("reason", reason);
      if (approvers.length !== 2 || !isBefore(approvers[0], approvers[1])) wrong("approvers", approvers);
    }
    if (secrets.length === 0) wrong("secrets", secrets);
    secrets.forEach(({ party }, i) => { if (i && !isBefore(secrets[i - 1].party, party)) wrong(`secrets[${i}].party`, party); });
    if ((commitment.beacon_source === "") !== (round === 0)) wrong("beacon_round", round);
    const beacon = BEACONS[commitment.beacon_source];
    if (rules && beacon && cameAt_s(beacon, round) * 1000 < Date.parse(rules.closes_at)) findings.add("early-round", file, { member: "beacon_round", found: round });
  }

  const cameAt_s = (beacon, round) => beacon.first_s + beacon.every_s * (round - 1);
  const isBefore = (one, other) => hexOf(joined(one)) < hexOf(joined(other)); // by the bytes of UTF-8

  function checkEntries(findings, rules, commitment, entries) {
    const file = "commitment.json", counts = countsOf(rules, entries);
    findings.same(file, "entry_count", commitment.entry_count, entries.ids.length);
    for (const code of new Set([...Object.keys(counts), ...Object.keys(commitment.counts)])) {
      if (!commitment.counts[code]) findings.add("missing", file, { member: `counts.${code}` });
      else if (!counts[code]) findings.add("unknown", file, { member: `counts.${code}` });
      else for (const kind of Object.keys(counts[code])) findings.same(file, `counts.${code}.${kind}`, commitment.counts[code][kind], counts[code][kind]);
    }
  }

  /** Compare results.csv with what must stand there; return its root, or undefined when it has not its form. */
  async function checkResults(c, expected, ids) {
    const file = "results.csv", leaves = leafHashes(c, file), outcomes = {};
    let next = 0;
    c.stage("results");
    const right = await readTable(c, file, ([, entryId, ticket, rank, outcome, reserve, rule], line) => {
      leaves.add(`{"entry_id":"${entryId}","outcome":"${outcome}","rank":${rank},"reserve":${reserve},"rule":"${rule}","ticket":"${ticket}"}`);
      outcomes[outcome] = (outcomes[outcome] || 0) + 1;
      while (next < ids.length && ids[next] < entryId) c.findings.add("no-result", file, { line, member: "entry_id", expected: ids[next++] });
      if (ids[next] !== entryId) return c.findings.add("no-entry", file, { line, member: "entry_id", found: entryId });
      const must = expected(next++), found = { ticket, rank, outcome, reserve, rule };
      for (const member of Object.keys(found)) {
        if (found[member] !== String(must[member])) c.findings.add("differs", file, { line, member, found: found[member], expected: must[member] });
      }
    }, leaves.hash);
    for (; next < ids.length; next++) c.findings.add("no-result", file, { expected: ids[next] });
    c.findings.facts.outcomes = outcomes;
    return right ? rootOf(c, leaves.bytes, leaves.count()) : undefined;
  }

  /** Check a whole bundle; return what one person's documents can be held against. */
  async function checkBundle(c, known) {
    const { findings } = c, { rules, commitment, manifest } = known;
    const entries = await readEntries(c);
    if (entries && rules && commitment) checkEntries(findings, rules, commitment, entries);
    const households = entries && rules && (await readHouseholds(c, entries, rules.max_recipients_per_household));
    if (!households || !known.seed) return findings.notes.add("stopped");
    const tickets = await ticketsOf(c, known.seed, entries);
    const { decided, rank, reserve } = await hold(c, rules, entries, households, await orderOf(c, tickets));
    c.stage("root");
    known.root = await rootOf(c, entries.hashes, entries.ids.length); // after the tickets: it is built over the leaf hashes
    if (commitment) findings.same("commitment.json", "root", commitment.root, known.root);
    known.ids = entries.ids;
    known.entry = (i) => ({
      entry_id: entries.ids[i], region: entries.codes[entries.region[i]], priority: entries.priority[i] === 1, restored: entries.restored[i] === 1,
    });
    known.result = (i) => {
      const rule = RULES[decided[i]];
      return { entry_id: entries.ids[i], ticket: hexOf(tickets, 32 * i, 32 * i + 32), rank: rank[i], outcome: OUTCOMES[rule], reserve: reserve[i], rule };
    };
    known.results_root = await checkResults(c, known.result, entries.ids);
    if (manifest && known.results_root) findings.same("manifest.json", "results_root", manifest.results_root, known.results_root);
  }

  // ---- one person ----

  async function checkReceipt(c, receipt, file, known) {
    const { findings } = c, told = joined(ENTRY_SPEC + "\0" + receipt.wave_id + "\0", bytesOf(receipt.salt), receipt.application_id);
    findings.same(file, "entry.entry_id", receipt.entry.entry_id, (await c.hasher.hex(told)).slice(0, 32));
    if (known.wave_id) findings.same(file, "wave_id", receipt.wave_id, known.wave_id);
    const place = known.ids ? known.ids.indexOf(receipt.entry.entry_id) : -1;
    if (known.ids) sameEntry(findings, file, receipt.entry, known.entry(place));
    findings.facts.person = place < 0 ? receipt.entry : { ...receipt.entry, ...known.result(place) };
  }

  function sameEntry(findings, file, found, expected) {
    if (!expected.entry_id) return findings.add("no-entry", file, { member: "entry.entry_id", found: found.entry_id });
    for (const member of Object.keys(found)) findings.same(file, `entry.${member}`, found[member], expected[member]);
  }

  async function checkResult(c, document, file, known) {
    const { findings } = c, { entry, result } = document, said = c.options.commitment;
    const is = (member, found, expected) => expected === undefined || findings.same(file, member, found, expected);
    if (said && document.commitment_sha256 !== said) findings.add("published", file, { member: "commitment_sha256", found: document.commitment_sha256, expected: said });
    for (const member of ["wave_id", "commitment_sha256", "entry_count", "root", "results_root", "seed"]) is(member, document[member], known[member]);
    if (known.ids) {
      const place = known.ids.indexOf(entry.entry_id);
      is("index", document.index, place < 0 ? undefined : place);
      sameEntry(findings, file, entry, known.entry(place));
      if (place >= 0) for (const member of Object.keys(result)) is(`result.${member}`, result[member], known.result(place)[member]);
    }
    is("result.entry_id", result.entry_id, entry.entry_id);
    is("result.outcome", result.outcome, OUTCOMES[result.rule]);
    if ((result.reserve > 0) !== (result.outcome === "RESERVE")) findings.add("kind", file, { member: "result.reserve", found: result.reserve });
    for (const [leaf, member, root] of [[entry, "entry_proof", document.root], [result, "result_proof", document.results_root]]) {
      const holds = await isProof(c, canonical(leaf), document.index, document.entry_count, document[member], root);
      if (!holds) findings.add("proof", file, { member, expected: root });
    }
    const ticket = new Uint8Array(32), leafHash = bytesOf(await c.hasher.hex("\0" + canonical(entry)));
    await c.hasher.into(ticket, 0, 1, () => leafHash, await c.hasher.key(bytesOf(document.seed)));
    is("result.ticket", result.ticket, hexOf(ticket));
    findings.facts.person = { ...entry, ...result };
  }

  // ---- all together ----

  /**
   * Check what is given: a bundle, one person's documents, or both.
   *
   * `sources` maps the names of the bundle's files, `receipt` and `result` to { name, size, chunks() }, the last an
   * async iterable of Uint8Array. `options`: `commitment` (the published SHA-256, hex), `progress(stage, done, of)`,
   * `whole` (refuse a bundle with a file missing; otherwise so as soon as one of its large files is there).
   * Returns { accepted, facts, differences, notes }; each difference and note holds its `sentence` in id and en.
   */
  async function verify(sources, options = {}) {
    const c = { sources, options, findings: new Findings(), hasher: options.hasher || ownHasher(), ...pace(options.progress) };
    const { findings } = c, known = {}, hashes = {}, told = {};
    const isWhole = options.whole || !(sources.receipt || sources.result)
      || ["rules.json", "entries.csv", "households.csv", "results.csv"].some((file) => sources[file]);
    if (isWhole) for (const file of BUNDLE) if (!sources[file]) findings.add("missing", file);
    if (findings.differences.length) return findings.report();
    c.stage("files");
    for (const file of BUNDLE.filter((each) => sources[each])) {
      hashes[file] = await c.hasher.file(sources[file]);
      if (SHAPES[file]) told[file] = await readObject(c, sources[file], SHAPES[file], file);
      await c.breathe(BUNDLE.indexOf(file), BUNDLE.length);
    }
    const [rules, commitment, draw, manifest] = ["rules.json", "commitment.json", "draw.json", "manifest.json"].map((file) => told[file]);
    const seed = await checkPromise(c, rules, commitment, draw, manifest, hashes);
    Object.assign(known, { rules, commitment, manifest, seed, commitment_sha256: hashes["commitment.json"] });
    known.wave_id = (rules || commitment || draw || manifest || {}).wave_id;
    if (commitment) Object.assign(known, { root: commitment.root, entry_count: commitment.entry_count });
    if (manifest) known.results_root = manifest.results_root;
    findings.facts = factsOf(c, known, draw);
    if (isWhole) await checkBundle(c, known);
    await checkPerson(c, known);
    return findings.report();
  }

  async function checkPerson(c, known) {
    const { sources, findings } = c, { receipt, result } = sources;
    const held = receipt && (await readObject(c, receipt, SHAPES.receipt, receipt.name));
    const drawn = result && (await readObject(c, result, SHAPES.result, result.name));
    if (held) await checkReceipt(c, held, receipt.name, known);
    if (drawn) await checkResult(c, drawn, result.name, known);
    if (held && drawn) {
      findings.same(result.name, "wave_id", drawn.wave_id, held.wave_id);
      if (!known.ids) sameEntry(findings, result.name, drawn.entry, held.entry);
    }
    if (drawn && !(known.commitment && known.seed && known.results_root)) findings.notes.add("unbound");
    if (held && !result && !known.ids) findings.notes.add("not-drawn");
    const { wave_id, commitment_sha256, entry_count } = drawn || {};
    if (drawn && !known.commitment) Object.assign(findings.facts, { wave_id, commitment_sha256, entry_count });
  }

  function factsOf(c, known, draw) {
    const { commitment, rules } = known, { notes } = c.findings;
    if (!c.options.commitment) notes.add("no-commitment");
    if (!commitment) return {};
    const { wave_id, draw: number, reason, approvers, entry_count, beacon_source, beacon_round } = commitment;
    const parties = commitment.secrets.map((each) => each.party);
    const facts = { wave_id, draw: number, reason, approvers, entry_count, commitment_sha256: known.commitment_sha256, seed: known.seed || "", parties };
    const beacon = BEACONS[beacon_source];
    if (!beacon) return notes.add("no-beacon"), facts;
    const came_s = cameAt_s(beacon, beacon_round);
    notes.add("not-signature");
    const came_at = came_s * 1000 < 8.64e15 ? new Date(came_s * 1000).toISOString() : "";
    const signature = draw ? draw.beacon_signature : "", copy = `${beacon.copies}/${beacon.chain}/public/${beacon_round}`;
    return { ...facts, beacon: { source: beacon_source, chain: beacon.chain, round: beacon_round, came_at, signature, copy } };
  }

  /** `stage(name)` and `breathe(done, of)`: tell how far it is, and let the page live. */
  function pace(progress) {
    let stage = "", last = Date.now();
    return {
      stage(name) { stage = name; },
      async breathe(done, of) {
        if (Date.now() - last < BREATHE_MS) return;
        if (progress) progress(stage, done, of);
        await new Promise((resume) => setTimeout(resume, 0));
        last = Date.now();
      },
    };
  }

  const fromBytes = (name, bytes) => ({ name, size: bytes.length, async *chunks() { yield bytes; } });
  const fromBlob = (name, blob) => ({
    name, size: blob.size, whole: () => blob.arrayBuffer(),
    async *chunks() { for (let at = 0; at < blob.size; at += CHUNK_BYTES) yield new Uint8Array(await blob.slice(at, at + CHUNK_BYTES).arrayBuffer()); },
  });
  const fromPath = (path, name) => {
    const fs = require("node:fs");
    return { name, size: fs.statSync(path).size, chunks: () => fs.createReadStream(path, { highWaterMark: CHUNK_BYTES }) };
  };

  return { verify, fromBytes, fromBlob, fromPath, BUNDLE, SPEC };
})();

// ---- the command line ----

/** What a report comes to, in id and en: under a refusal stand the facts, and these only as the files tell them. */
function verdictOf({ accepted, facts }, commitment) {
  if (!accepted) return Object.keys(facts).length ? ["ditolak; berkas yang ditolak itu menyatakan:", "refused; what the refused files say:"] : ["ditolak", "refused"];
  if (commitment) return ["diterima", "accepted"];
  return ["diterima (tanpa --commitment: hanya cocok satu sama lain)", "accepted (no --commitment given: consistent in itself)"];
}

async function verifyDrawCommand(words) {
  const fs = require("node:fs"), path = require("node:path"), { parseArgs } = require("node:util");
  const usage = "node verify-draw.js [BUNDLE_FOLDER] [--commitment SHA256] [--receipt FILE] [--result FILE] [--json] [--lang id|en]";
  let values, positionals;
  const ask = (problem) => { console.error(`${problem}\n${usage}`); return 2; };
  try {
    const one = { type: "string" };
    const options = { commitment: one, receipt: one, result: one, lang: one, json: { type: "boolean" }, help: { type: "boolean", short: "h" } };
    ({ values, positionals } = parseArgs({ args: words, allowPositionals: true, options }));
  } catch (error) {
    return ask(error.message);
  }
  if (values.help) return console.log(usage), 0;
  const [folder] = positionals, { lang = "en" } = values, commitment = values.commitment?.trim().toLowerCase(); // typed by a person, in either case
  if (positionals.length > 1 || !(folder || values.receipt || values.result)) return ask("Which files?");
  if (commitment !== undefined && !/^[0-9a-f]{64}$/.test(commitment)) return ask("--commitment takes 64 hex digits.");
  if (lang !== "id" && lang !== "en") return ask("--lang takes id or en.");
  if (folder && !fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return ask(`There is no folder ${folder}.`);
  const sources = {}, isFile = (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile();
  for (const name of folder ? verifyDraw.BUNDLE : []) {
    if (isFile(path.join(folder, name))) sources[name] = verifyDraw.fromPath(path.join(folder, name), name);
  }
  for (const kind of ["receipt", "result"]) {
    if (values[kind] && !isFile(values[kind])) return ask(`${values[kind]} is not a file.`);
    if (values[kind]) sources[kind] = verifyDraw.fromPath(values[kind], path.basename(values[kind]));
  }
  // Beside one person's documents the three small files will do, as on the page; any other part of a bundle is refused.
  const isPart = (sources.receipt || sources.result) && ["commitment.json", "draw.json", "manifest.json"].every((name) => sources[name]);
  const report = await verifyDraw.verify(sources, { commitment, whole: Boolean(folder) && !isPart });
  if (values.json) console.log(JSON.stringify(report));
  else {
    for (const { sentence } of report.differences) console.log(sentence[lang]);
    console.log(verdictOf(report, commitment)[lang === "id" ? 0 : 1]);
    for (const [fact, value] of Object.entries(report.facts)) console.log(`  ${fact}: ${typeof value === "object" ? JSON.stringify(value) : value}`);
    for (const { sentence } of report.notes) console.log(`! ${sentence[lang]}`);
  }
  return report.accepted ? 0 : 1;
}

if (typeof module !== "undefined" && typeof require !== "undefined") {
  module.exports = verifyDraw;
  if (require.main === module) {
    verifyDrawCommand(process.argv.slice(2))
      .catch((error) => { console.error(error.message); return 2; })
      .then((status) => { process.exitCode = status; });
  }
}
