import { once } from "node:events";
import test from "ava";
import type { Connection } from "gev";
import { reset } from "./reset.js";
import { protocols, serve } from "./server.js";
import { openSocket } from "./tcp-client.js";
import { openWebSocket } from "./ws-client.js";

const resets = {
	onConnect: (connection: Connection) => connection.destroy({ reset: true }),
};

test("a socket that is reset while nobody listens says so when it closes, and ends no program", async (t) => {
	const { port } = await serve(t, resets, { protocol: protocols.raw() });
	const socket = openSocket(port);
	const [failed] = await new Promise<unknown[]>((resolve) =>
		socket.on("close", (...args) => resolve(args)),
	);
	t.true(failed);
});

test("a WebSocket that is reset while nobody listens closes, and ends no program", async (t) => {
	const { url } = await serve(t, resets);
	const socket = openWebSocket(url);
	const [code] = await new Promise<unknown[]>((resolve) =>
		socket.on("close", (...args) => resolve(args)),
	);
	t.is(code, 1006);
});

test("a socket that is reset while it shuts down closes", async (t) => {
	const { port } = await serve(t, {}, { protocol: protocols.raw() });
	const socket = openSocket(port);
	await once(socket, "connect");
	const closed = once(socket, "close");
	socket.end();
	reset(socket);
	await closed;
	t.true(socket.destroyed);
});

for (const [kind, open] of [
	["socket", (port: number) => openSocket(port)],
	["WebSocket", (port: number) => openWebSocket(`ws://127.0.0.1:${port}`)],
] as const) {
	test(`who awaits something of a ${kind} that is refused hears why`, async (t) => {
		const { server, port } = await serve(t, {});
		await server.stop();
		await t.throwsAsync(once(open(port), "close"), { code: "ECONNREFUSED" });
	});
}
