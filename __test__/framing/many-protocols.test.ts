import test, { type ExecutionContext } from "ava";
import { type Connection, frames, type Protocol, Server } from "gev";
import { loops } from "../kit/loops.js";
import { patient } from "../kit/patience.js";
import { Queue } from "../kit/queue.js";
import { tcp } from "../kit/tcp-client.js";

interface Handler {
	onMessage(connection: Connection<Buffer>, message: Buffer): unknown;
	onConnect?(connection: Connection<Buffer>): unknown;
}

async function serve(t: ExecutionContext, handler: Handler): Promise<number> {
	const server = new Server(handler as never, {
		...{ host: "127.0.0.1", port: 0, ...loops(1), ...patient({}) },
		protocol: frames({ end: "\n" }) as Protocol<"frames">,
	});
	t.teardown(() => server.stop({ timeoutMs: 1000 }));
	return (await server.start()).port;
}

test("protocols that nobody speaks any more are forgotten", async (t) => {
	const escaping = { byte: "\\", map: { 92: 92, 110: 10 } };
	const rule = { end: "\n", escape: escaping };
	const inTables = { ...rule, equals: 0, checksum: "crc32" as const };
	let made = 0;
	const port = await serve(t, {
		onMessage(connection) {
			for (let count = 0; count < 100; count++) {
				const maxMessageBytes = 1000 + made++;
				const protocol = frames({
					...rule,
					maxMessageBytes,
					cases: [inTables],
				});
				connection.setProtocol(protocol, {
					onMessage: this.onMessage,
				} as never);
			}
			return "ok\n";
		},
	});
	const client = await tcp(t, port);
	const exchange = async (times: number) => {
		for (let count = 0; count < times; count++) {
			client.write("x\n");
			t.is((await client.read(5)).toString(), "ok\\n\n");
		}
	};
	client.write("x\n");
	await client.read(5);
	await exchange(50);
	const before = process.memoryUsage.rss();
	await exchange(950);
	t.is(made, 100_100);
	const more = process.memoryUsage.rss() - before;
	// Each has tables of two kilobytes and more.
	t.true(more < 100 * 1024 * 1024, `${more} bytes more`);
});

test("numbers of protocols that are waited for are nobody else's", async (t) => {
	const opened = new Queue<Connection<Buffer>>();
	const handler: Handler = {
		onConnect: (connection) => opened.push(connection),
		onMessage: (_, message) => message,
	};
	const port = await serve(t, handler);
	for (let round = 0; round < 3; round++) {
		const clients = [];
		for (let count = 0; count < 100; count++) {
			const client = await tcp(t, port);
			const connection = await opened.next();
			clients.push({ client, connection, end: `<${round},${count}>` });
		}
		for (const { connection, end, client } of clients) {
			connection.setProtocol(frames({ end: "unused" }), handler as never);
			connection.setProtocol(frames({ end }), handler as never);
			// Some go while the loop knows nothing of it.
			if (end.includes("7")) {
				connection.destroy();
				client.socket.destroy();
			}
		}
		for (const { client, end } of clients) {
			if (end.includes("7")) continue;
			client.write(`a${end}b${end}`);
			const answer = `a${end}b${end}`;
			t.is((await client.read(answer.length)).toString(), answer);
			client.socket.destroy();
		}
	}
});
