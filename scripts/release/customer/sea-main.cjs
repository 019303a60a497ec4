/** An executable has no files beside it: the addon is written to one, which is named before the package is loaded. */
const { mkdtempSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { getAsset } = require("node:sea");

const file = join(mkdtempSync(join(tmpdir(), "gev-")), "gev.node");
writeFileSync(file, Buffer.from(getAsset("gev.node")));
process.env.NAPI_RS_NATIVE_LIBRARY_PATH = file;

require("./main.cjs");
