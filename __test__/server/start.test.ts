import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import test from "ava";
import { GevError, raw, Server } from "gev";
import { FOR_EVER } from "../kit/patience.js";
import { run } from "../kit/program.js";
import { echo, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

const sharesPorts = process.platform !== "win32";
const testOfSharing = sharesPorts ? test : test.skip;
const testWithoutSharing = sharesPorts ? test.skip : test;

test("a stopped server can be started again", async (t) => {
	const { server } = await serve(t, echo);
	for (let round = 0; round < 3; round++) {
		await server.stop({ timeoutMs: FOR_EVER });
		const { port } = await server.start();
		const { socket, messages } = await connect(t, `ws://127.0.0.1:${port}`);
		socket.send(`round ${round}`);
		t.is(await messages.next(), `round ${round}`);
	}
});

test("start() and stop() at the wrong time are told so", async (t) => {
	const wrongTime = { instanceOf: GevError, code: "ERR_GEV_STATE" };
	const server = new Server({}, { host: "127.0.0.1", port: 0, loops: 1 });
	const starting = server.start();
	await Promise.all([
		t.throwsAsync(server.start(), wrongTime),
		t.throwsAsync(server.stop(), wrongTime),
	]);
	await starting;
	await t.throwsAsync(server.start(), wrongTime);
	const stopping = server.stop();
	await t.throwsAsync(server.start(), wrongTime);
	await stopping;
});

test("a port in use is an error with the system's code, and no end of the server", async (t) => {
	const node = createServer().listen(0, "127.0.0.1");
	t.teardown(() => node.close());
	await once(node, "listening");
	const { server: first, port } = await serve(t, echo, { loops: 2 });
	for (const taken of [port, (node.address() as AddressInfo).port]) {
		const server = new Server(echo, { host: "127.0.0.1", port: taken });
		const error = await t.throwsAsync(server.start(), {
			instanceOf: GevError,
			code: "EADDRINUSE",
		});
		t.regex(error.message, new RegExp(`127\\.0\\.0\\.1.*${taken}`));
		t.is(server.loopCount, 0);
		await server.stop();
		if (taken === port) {
			await first.stop();
			t.is((await server.start()).port, port);
			await server.stop();
		}
	}
});

for (const [host, ...codes] of [
	["192.0.2.1", "EADDRNOTAVAIL"],
	["no-such-host.invalid", "ENOTFOUND", "EAI_AGAIN"],
] as const) {
	test(`start() on ${host} rejects with ${codes.join(" or ")}`, async (t) => {
		const server = new Server({}, { host, port: 0, loops: 1 });
		const error = await t.throwsAsync<NodeJS.ErrnoException>(server.start());
		t.true(codes.some((code) => code === error.code));
		t.regex(error.message, new RegExp(host.replaceAll(".", "\\.")));
	});
}

test("every keepAliveMs is one that the system takes", async (t) => {
	for (const keepAliveMs of [0, 1, 999, 1000, 32_768_000, FOR_EVER]) {
		const { port } = await serve(t, echo, {
			protocol: raw(),
			socket: { keepAliveMs },
		});
		const client = await tcp(t, port);
		client.write("?");
		t.is(String(await client.read(1)), "?");
	}
});

testOfSharing("two servers share a port with reusePort", async (t) => {
	const counts: [number, number] = [0, 0];
	const both = { protocol: raw(), reusePort: true };
	const { server: one, port } = await serve(
		t,
		{ onConnect: () => void counts[0]++ },
		both,
	);
	const { server: other } = await serve(
		t,
		{ onConnect: () => void counts[1]++ },
		{ ...both, port },
	);
	await Promise.all(Array.from({ length: 64 }, () => tcp(t, port)));
	await until(() => one.connectionCount + other.connectionCount === 64);
	t.is(counts[0] + counts[1], 64);
	// Elsewhere the kernel need not deal connections out.
	if (process.platform === "linux") t.true(counts[0] > 0 && counts[1] > 0);
	await t.throwsAsync(
		new Server({}, { host: "127.0.0.1", port, loops: 1 }).start(),
		{ code: "EADDRINUSE" },
	);
});

testWithoutSharing(
	"reusePort is refused where ports cannot be shared",
	async (t) => {
		const shares = { host: "127.0.0.1", port: 0, loops: 1, reusePort: true };
		await t.throwsAsync(new Server({}, shares).start(), { code: "ENOTSUP" });
	},
);

test("unref() lets the process end while the server runs, ref() does not", async (t) => {
	const ended = await run("unref");
	t.is(ended.stderr, "");
	t.is(ended.stdout, "listening\nechoed\n");
	t.is(ended.code, 0);
});
