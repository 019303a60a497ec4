import { createRequire } from "node:module";
import * as gev from "gev";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import exchange from "./exchange.cjs";

test("an echo", () => exchange(gev, WebSocket));
test("import and require give the same classes", () => {
	const required = createRequire(import.meta.url)("gev");
	expect(required.Server).toBe(gev.Server);
});
