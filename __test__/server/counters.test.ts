import { once } from "node:events";
import test from "ava";
import { type Connection, type Histogram, raw, webSocket } from "gev";
import { echo, serve } from "../kit/server.js";
import { openSocket, tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

const NONE = {
	continuation: 0,
	text: 0,
	binary: 0,
	close: 0,
	ping: 0,
	pong: 0,
};

const driven = process.platform !== "win32";

for (const threads of driven ? [true, false] : [true]) {
	const how = threads ? "on a thread" : "driven by Node";
	test(`frames are counted by their opcodes: ${how}`, async (t) => {
		const protocol = webSocket({ perMessageDeflate: true });
		const { server, url } = await serve(t, echo, { protocol, threads });
		const perMessageDeflate = { threshold: 0 };
		const { socket, messages, closed } = await connect(t, url, {
			perMessageDeflate,
		});
		t.deepEqual(server.stats().frames, NONE);
		const text = "compressed ".repeat(20_000);
		for (const compress of [true, false]) {
			socket.send("hello", { compress });
			t.is(await messages.next(), "hello");
			socket.send(text, { compress });
			t.is(await messages.next(), text);
			socket.send(text.slice(0, 100_000), { compress, fin: false });
			socket.ping();
			socket.send("", { compress, fin: false });
			socket.send(text.slice(100_000), { compress });
			t.is(await messages.next(), text);
		}
		for (let n = 0; n < 100; n++) socket.send(Buffer.alloc(n));
		for (let n = 0; n < 100; n++) t.is((await messages.next()).length, n);
		socket.pong();
		socket.close();
		await closed;
		const all = { continuation: 4, text: 6, binary: 100, ping: 2, pong: 1 };
		t.deepEqual(server.stats().frames, { ...all, close: 1 });
		t.is(server.stats().received.messages, 106);
		t.regex(
			server.metrics(),
			/\ngev_frames_received_total\{opcode="binary"\} 100\n/,
		);
		await server.stop();
		t.deepEqual(server.stats().frames, { ...all, close: 1 });
	});

	// By itself, as it keeps the thread that all tests here share.
	test.serial(
		`a loop tells how late it came to its timers: ${how}`,
		async (t) => {
			const { port, server } = await serve(t, echo as never, {
				protocol: raw(),
				loops: 1,
				threads,
			});
			const client = await tcp(t, port);
			client.write("x");
			await client.read(1);
			const [connection] = server.connections() as Iterable<Connection>;
			const before = late(server.stats().loops[0]?.timerLagSeconds);
			connection?.setDeadline(500);
			client.write("x");
			await client.read(1);
			const end = performance.now() + 900;
			while (performance.now() < end);
			await client.readToEnd();
			const after = late(server.stats().loops[0]?.timerLagSeconds);
			t.true(after.count > before.count);
			// A loop with a thread of its own is not kept by JavaScript.
			if (!threads) {
				t.true(after.sum - before.sum > 0.2, `${after.sum - before.sum}`);
				t.true(after.long > before.long);
			}
			t.regex(
				server.metrics(),
				/\ngev_loop_lag_seconds_count\{loop="0"\} [1-9]/,
			);
		},
	);
}

/** What a histogram has above a tenth of a second, and in all. */
function late(histogram?: Histogram) {
	const { bounds, counts, count, sum } = histogram as Histogram;
	const short = counts.filter((_, row) => (bounds[row] as number) < 0.1);
	return { count, sum, long: count - short.reduce((all, one) => all + one) };
}

test("it is told how much waited when JavaScript came to it", async (t) => {
	const total = 8 << 20;
	let waited = 0;
	const handler = {
		onMessage() {
			if (waited > 0) return;
			// Nothing of the server's is handled meanwhile.
			const end = performance.now() + 200;
			while (performance.now() < end);
			waited = server.stats().loops[0]?.eventQueueBytes ?? 0;
		},
	};
	const options = { protocol: raw(), loops: 1, threads: true };
	const { port, server } = await serve(t, handler, options);
	const socket = openSocket(port);
	t.teardown(() => socket.destroy());
	await once(socket, "connect");
	socket.write(Buffer.alloc(total));
	await until(() => server.stats().received.bytes === total);
	await until(() => server.stats().loops[0]?.eventQueueBytes === 0);
	const { loops, script } = server.stats();
	const depths = loops[0]?.eventQueueDepthBytes as Histogram;
	const { bounds, counts, count, sum } = depths;
	t.is(
		counts.reduce((all, one) => all + one),
		count,
	);
	t.true(count >= 2 && count <= script.drains);
	// All but what was being handled, which was a part of a message at most.
	const most = counts.findLastIndex((one) => one > 0);
	t.true((bounds[most] as number) >= waited - 66_000, `${waited}`);
	t.true(sum >= waited - 66_000);
	t.regex(
		server.metrics(),
		/\ngev_loop_event_queue_depth_bytes_count\{loop="0"\} \d/,
	);
});
