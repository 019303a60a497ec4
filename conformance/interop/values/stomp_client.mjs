/** `node stomp_client.mjs FOLDER PORT`: the checks with @stomp/stompjs, over TCP. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { report, stompChecks } from "./checks.mjs";

const [folder, port] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { Client } = await load("@stomp/stompjs");
const { TCPWrapper } = await load("@stomp/tcp-wrapper");

let beats = 0;
const client = new Client({
	webSocketFactory: () => new TCPWrapper("127.0.0.1", Number(port)),
	heartbeatIncoming: 5000,
	heartbeatOutgoing: 5000,
	reconnectDelay: 0,
	forceBinaryWSFrames: true,
	debug: (text) => {
		if (text === "<<< PONG") beats++;
	},
});
const connected = new Promise((resolve, reject) => {
	client.onConnect = resolve;
	client.onStompError = reject;
	client.onWebSocketError = reject;
});
client.activate();

/** Subscribes, has `send` do so, and gives so many messages. */
function messages(count, send) {
	return new Promise((resolve) => {
		const got = [];
		const subscription = client.subscribe("/queue/a", (message) => {
			if (got.push(message) < count) return;
			subscription.unsubscribe();
			resolve(got);
		});
		send();
	});
}

const publish = (rest) => client.publish({ destination: "/queue/a", ...rest });
const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);

await report(stompChecks, {
	async connect() {
		equal((await connected).headers.version, "1.2");
	},
	async messages() {
		const bodies = Array.from({ length: 100 }, (_, n) => `message ${n} €`);
		const got = await messages(100, () => {
			for (const body of bodies) publish({ body });
		});
		deepEqual(
			got.map(({ body }) => body),
			bodies,
		);
	},
	async escapes() {
		// It escapes values only, so that no name has a colon here.
		const value = "a:b\nc\rd\\e €";
		const [got] = await messages(1, () =>
			publish({ body: "x", headers: { "k-ö": value } }),
		);
		equal(got.headers["k-ö"], value);
	},
	async binary() {
		const [got] = await messages(1, () => publish({ binaryBody: every }));
		deepEqual(Buffer.from(got.binaryBody), Buffer.from(every));
	},
	async large() {
		const body = "0123456789abcdef".repeat(65_536);
		const [got] = await messages(1, () => publish({ body }));
		ok(got.body === body);
	},
	async receipt() {
		await new Promise((resolve) => {
			client.watchForReceipt("r1", resolve);
			publish({ body: "x", headers: { receipt: "r1" } });
		});
	},
	async heartbeat() {
		const before = beats;
		while (beats < before + 3)
			await new Promise((resolve) => setTimeout(resolve, 20));
	},
});
await client.deactivate();
process.exit();
