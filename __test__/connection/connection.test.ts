import test from "ava";
import type { Connection } from "gev";
import { readFrame, upgraded } from "../kit/frames.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { serve } from "../kit/server.js";
import { connect } from "../kit/ws-client.js";

test("context and values belong to one connection and outlive it", async (t) => {
	interface User {
		name: string;
		visits: number;
	}
	const left = new Queue<Connection<User>>();
	const fresh: unknown[] = [];
	const { url } = await serve<User>(t, {
		onConnect(connection) {
			fresh.push(connection.context, connection.get("key"));
			connection.context = { name: "", visits: 0 };
		},
		onMessage(connection, message) {
			connection.context.name = String(message);
			connection.context.visits++;
			connection.set("key", [message]);
			return `${connection.context.name} ${connection.context.visits}`;
		},
		onClose: (connection) => left.push(connection),
	});
	for (const name of ["Ada", "Bob"]) {
		const client = await connect(t, url);
		client.socket.send(name);
		client.socket.send(name);
		t.deepEqual(await client.messages.take(2), [`${name} 1`, `${name} 2`]);
		client.socket.close();
		const connection = await left.next();
		t.deepEqual(connection.context, { name, visits: 2 });
		t.deepEqual(connection.get("key"), [name]);
		t.true(connection.delete("key"));
		t.false(connection.delete("key"));
		t.false(connection.delete("never set"));
		t.is(connection.get("key"), undefined);
		connection.set("key", undefined);
		t.true(connection.delete("key"));
	}
	t.deepEqual(fresh, Array(4).fill(undefined));
});

test("connected is true from onConnect until the end begins", async (t) => {
	const log: [string, boolean][] = [];
	const done = new Queue<void>();
	const { url } = await serve(t, {
		onConnect: ({ connected }) => void log.push(["connect", connected]),
		onMessage(connection) {
			log.push(["message", connection.connected]);
			connection.close();
			log.push(["closing", connection.connected]);
		},
		onClose({ connected }) {
			log.push(["close", connected]);
			done.push();
		},
	});
	const { socket } = await connect(t, url);
	socket.send("");
	await done.next();
	t.deepEqual(log, [
		["connect", true],
		["message", true],
		["closing", false],
		["close", false],
	]);
});

test("connected cannot be set", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder);
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	t.throws(() => Object.assign(connection, { connected: false }), {
		instanceOf: TypeError,
	});
	t.true(connection.connected);
	connection.send("sent");
	t.is(String((await readFrame(client)).payload), "sent");
	connection.close();
	t.false(connection.connected);
});
