import { availableParallelism, networkInterfaces } from "node:os";
import test from "ava";
import { raw, Server } from "gev";
import { Recorder } from "../kit/recorder.js";
import { serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";

const hasIPv6 = Object.values(networkInterfaces()).some((list) =>
	list?.some(({ address }) => address === "::1"),
);

for (const [host, peer] of [
	["127.0.0.1", "127.0.0.1"],
	["::1", "::1"],
	["::", "::1"],
	["::", "127.0.0.1"],
] as const) {
	test(`a server on ${host} and its client ${peer} agree on their addresses`, async (t) => {
		if (host.includes(":") && !hasIPv6) {
			t.log("there is no IPv6 here");
			t.pass();
			return;
		}
		const recorder = new Recorder();
		const { port } = await serve(t, recorder, { protocol: raw(), host });
		const { socket } = await tcp(t, port, peer);
		const { connection } = await recorder.next("connect");
		t.is(connection.remoteAddress, peer);
		t.is(socket.localPort, connection.remotePort);
		t.is(connection.localAddress, peer);
		t.is(connection.localPort, port);
	});
}

test("start() tells where the server listens", async (t) => {
	for (const host of hasIPv6 ? ["127.0.0.1", "::1"] : ["127.0.0.1"]) {
		const server = new Server({}, { host, port: 0, loops: 1 });
		t.teardown(() => server.stop());
		const { address, port } = await server.start();
		t.is(address, host);
		t.true(port > 0 && port < 65_536);
		await tcp(t, port, host);
	}
});

test("a server knows its loops and connections", async (t) => {
	const counts: number[] = [];
	const { server, port } = await serve(
		t,
		{
			onConnect: () => void counts.push(server.connectionCount),
			onClose: () => void counts.push(server.connectionCount),
		},
		{ protocol: raw(), loops: 3, balance: "round-robin" },
	);
	t.is(server.loopCount, 3);
	t.deepEqual([...server.connections()], []);
	const clients = [];
	for (let count = 1; count <= 9; count++) {
		clients.push(await tcp(t, port));
		await until(() => server.connectionCount === count);
	}
	const open = [...server.connections()];
	t.deepEqual(
		open.map(({ loopIndex }) => loopIndex).sort(),
		[0, 0, 0, 1, 1, 1, 2, 2, 2],
	);
	const ports = open.map(({ remotePort }) => remotePort).sort();
	t.deepEqual(ports, clients.map(({ socket }) => socket.localPort).sort());
	open[4]?.destroy();
	t.deepEqual(
		[...server.connections()],
		open.filter((_, index) => index !== 4),
	);
	for (const connection of server.connections()) connection.destroy();
	await until(() => server.connectionCount === 0);
	t.deepEqual(counts, [1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
});

test("there are as many loops as CPUs by default", async (t) => {
	const server = new Server({}, { host: "127.0.0.1", port: 0 });
	t.teardown(() => server.stop());
	await server.start();
	t.is(server.loopCount, availableParallelism());
});
