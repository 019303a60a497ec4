import test from "ava";
import { type Client, checks } from "../kit/interop/checks.js";
import { client as native } from "../kit/interop/native.js";
import { startInteropServer } from "../kit/interop/server.js";
import { client as undici } from "../kit/interop/undici.js";
import { client as ws } from "../kit/interop/ws.js";

/** `npm run interop` makes the same checks with clients in other languages. */
const clients: {
	name: string;
	client: Client | undefined;
	cannot: string[];
}[] = [
	{ name: "ws", client: ws, cannot: [] },
	{ name: "undici", client: undici, cannot: ["fragments-sent"] },
	// Node.js 20 has none.
	{
		name: "Node.js",
		client: native,
		cannot: ["fragments-sent", "ping", "unix"],
	},
];

const isWindows = process.platform === "win32";

for (const { name, client, cannot } of clients) {
	if (client === undefined) continue;
	for (const [check, run] of Object.entries(checks)) {
		test(`the client of ${name} finds nothing wrong with ${check}`, async (t) => {
			const { url, stop } = await startInteropServer();
			t.teardown(stop);
			const isLeftOut =
				cannot.includes(check) || (isWindows && check === "unix");
			t.is(await run(client, url), isLeftOut ? "-" : "ok");
		});
	}
}
