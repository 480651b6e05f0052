// Verifies many small bundles in one process: a line of JSON in, {files: {name: base64}, commitment}, a report out.
"use strict";
const { verify, fromBytes } = require("../../verifier/verify-draw.js");

async function main() {
  for await (const line of require("node:readline").createInterface({ input: process.stdin })) {
    const { files, commitment } = JSON.parse(line);
    const sources = Object.entries(files).map(([name, content]) => [name, fromBytes(name, Buffer.from(content, "base64"))]);
    console.log(JSON.stringify(await verify(Object.fromEntries(sources), { commitment, whole: "entries.csv" in files })));
  }
}
main();
