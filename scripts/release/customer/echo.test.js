/** For jest and for node:test, both of which run CommonJS. */
const gev = require("gev");
const { WebSocket } = require("ws");
const exchange = require("./exchange.cjs");

const test = globalThis.test ?? require("node:test").test;

test("an echo", () => exchange(gev, WebSocket));
test("import and require give the same classes", async () => {
	// jest imports ES modules only with a flag of Node.js.
	if (typeof jest !== "undefined") return;
	const imported = await import("gev");
	if (imported.Server !== gev.Server) throw new Error("two classes");
});
