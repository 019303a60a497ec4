import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { createServer, type Socket } from "node:net";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import { type Connection, frames, raw, Server } from "gev";
import pg from "pg";
import { loops } from "../kit/loops.js";
import { foreignEnvironment } from "../kit/program.js";
import { openSocket, tcp } from "../kit/tcp-client.js";

/** Protocols that become others, with the clients that people use. */

const run = promisify(execFile);

const env = foreignEnvironment();

/** True when there is such a program. */
function has(program: string, ...args: string[]): boolean {
	return spawnSync(program, args, { env }).status === 0;
}

const options = { host: "127.0.0.1", port: 0, ...loops(1) };

async function started(t: ExecutionContext, server: Server): Promise<number> {
	t.teardown(() => server.stop({ timeoutMs: 1000 }));
	return (await server.start()).port;
}

// PostgreSQL's messages begin with their length; those behind the first ones with their type.
const startups = frames({
	length: { at: 0, as: "u32", counts: "self" },
	maxMessageBytes: 10_000,
	stepwise: true,
});
const messages = frames({
	length: { at: 1, as: "u32", counts: "self" },
	deliver: "frame",
	send: "raw",
});

/** A message of PostgreSQL. */
function message(type: string, ...parts: (string | number[])[]): Buffer {
	const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
	const head = Buffer.alloc(5);
	head.write(type);
	head.writeUInt32BE(4 + body.length, 1);
	return Buffer.concat([head, body]);
}

/** A server that refuses TLS, lets everybody in, and answers each query with its text. */
function postgres(): Server {
	const ready = message("Z", "I");
	const session = {
		onMessage(connection: Connection, bytes: Buffer) {
			if (bytes[0] === 0x58) connection.end();
			if (bytes[0] !== 0x51) return;
			const text = bytes.toString("utf8", 5, bytes.length - 1);
			const column = [0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255];
			const field = [...column, 255, 255, 255, 255, 0, 0];
			connection.send(message("T", [0, 1], "echo\0", field));
			const length = [0, 0, text.length >> 8, text.length & 255];
			connection.send(message("D", [0, 1], length, text));
			connection.send(message("C", "SELECT 1\0"));
			connection.send(ready);
		},
	};
	return new Server(
		{
			onMessage(connection, startup) {
				if (startup.readUInt32BE() === 80_877_103) {
					// SSLRequest: its answer is one byte, behind which there is a startup again.
					connection.setProtocol(raw());
					connection.send("N");
					connection.setProtocol(startups);
					return;
				}
				connection.setProtocol(messages, session);
				connection.send(message("R", [0, 0, 0, 0]));
				connection.send(message("S", "server_version\0", "16.0\0"));
				connection.send(message("S", "client_encoding\0", "UTF8\0"));
				connection.send(ready);
			},
		},
		{ ...options, protocol: startups },
	);
}

test("pg starts a session, and is told that there is no TLS", async (t) => {
	const port = await started(t, postgres());
	const where = { host: "127.0.0.1", port, user: "anyone", database: "any" };
	const client = new pg.Client(where);
	await client.connect();
	for (const text of ["select 1", "select 'x'"]) {
		const { rows } = await client.query(text);
		t.deepEqual(rows, [{ echo: text }]);
	}
	await client.end();
	const secret = new pg.Client({ ...where, ssl: true });
	await t.throwsAsync(secret.connect(), { message: /does not support SSL/ });
});

(has("psql", "--version") ? test : test.skip)(
	"psql asks for TLS, is refused, and starts its session on the same connection",
	async (t) => {
		const port = await started(t, postgres());
		const args = [
			`host=127.0.0.1 port=${port} user=anyone dbname=any sslmode=prefer gssencmode=disable`,
			...["-X", "-A", "-t", "-c", "select 1"],
		];
		const { stdout } = await run("psql", args, { env });
		t.is(stdout, "select 1\n");
	},
);

test("an SSLRequest with the startup behind it is cut at every byte", async (t) => {
	const port = await started(t, postgres());
	const startup = "\0\0\0\x10\0\x03\0\0user\0me\0";
	const bytes = `\0\0\0\x08\x04\xd2\x16\x2f${startup}${message("Q", "ping\0").toString("latin1")}`;
	const all = Buffer.from(bytes, "latin1");
	for (let at = 1; at <= all.length; at++) {
		const client = await tcp(t, port);
		client.write(all.subarray(0, at));
		await new Promise((resolve) => setImmediate(resolve));
		client.write(all.subarray(at));
		t.is(`${await client.read(1)}`, "N");
		t.is((await client.read(9)).toString("latin1"), "R\0\0\0\x08\0\0\0\0");
		client.socket.destroy();
	}
});

const commands = frames({ end: "\r\n", stepwise: true });
const bodies = frames({ end: "\r\n.\r\n", stepwise: true });

/** A server that keeps what it is mailed. */
function smtp(mails: string[]): Server {
	const data = {
		onMessage(connection: Connection, mail: Buffer) {
			mails.push(`${mail}`);
			connection.setProtocol(commands, lines);
			connection.send("250 kept");
		},
	};
	const lines = {
		onMessage(connection: Connection, line: Buffer) {
			const verb = line.toString("latin1", 0, 4).toUpperCase();
			if (verb === "DATA") {
				connection.send("354 go on");
				connection.setProtocol(bodies, data);
			} else if (verb === "QUIT") {
				connection.send("221 bye");
				connection.end();
			} else {
				connection.send("250 fine");
			}
		},
	};
	return new Server(
		{ onConnect: (connection) => void connection.send("220 here"), ...lines },
		{ ...options, protocol: commands },
	);
}

(has("python3", "-c", "import smtplib") ? test : test.skip)(
	"smtplib of Python sends mails, whose DATA is no lines",
	async (t) => {
		const mails: string[] = [];
		const port = await started(t, smtp(mails));
		const program = [
			"import smtplib, sys",
			"client = smtplib.SMTP('127.0.0.1', int(sys.argv[1]))",
			"for n in range(3):",
			"    client.sendmail('a@b', ['c@d'], 'Subject: %d\\n\\nQUIT\\nDATA\\n.dot\\n' % n)",
			"client.quit()",
		];
		await run("python3", ["-c", program.join("\n"), `${port}`]);
		const mail = (n: number) => `Subject: ${n}\r\n\r\nQUIT\r\nDATA\r\n..dot`;
		t.deepEqual(mails, [0, 1, 2].map(mail));
	},
);

test("commands and mails that come at once are cut at every byte", async (t) => {
	const mails: string[] = [];
	const port = await started(t, smtp(mails));
	const bytes =
		"HELO a\r\nDATA\r\none\r\n.\r\nDATA\r\nDATA\r\nQUIT\r\n.\r\nQUIT\r\n";
	const answers =
		"220 here,250 fine,354 go on,250 kept,354 go on,250 kept,221 bye,";
	for (let at = 1; at <= bytes.length; at++) {
		const client = await tcp(t, port);
		client.write(bytes.slice(0, at));
		await new Promise((resolve) => setImmediate(resolve));
		client.socket.end(bytes.slice(at));
		const all = `${await client.readToEnd()}`;
		t.is(all.replaceAll("\r\n", ","), answers, `${at}`);
		t.deepEqual(mails.splice(0), ["one", "DATA\r\nQUIT"]);
	}
});

/** A server that tunnels to what CONNECT names, on this machine. */
function proxy(): Server {
	const heads = frames({ end: "\r\n\r\n", stepwise: true });
	return new Server<Socket>(
		{
			async onMessage(connection, head) {
				const port = /^CONNECT [\d.]+:(\d+) /.exec(`${head}`)?.[1];
				const upstream = openSocket(Number(port));
				connection.context = upstream;
				await once(upstream, "connect");
				connection.send("HTTP/1.1 200 Connection established");
				connection.setProtocol(raw(), {
					onMessage: ({ context }, bytes) => void context.write(bytes),
					onEnd: ({ context }) => void context.end(),
				});
				upstream.on("data", (bytes) => connection.send(bytes));
				upstream.on("end", () => connection.end());
			},
			onClose: ({ context }) => void context?.destroy(),
		},
		{
			...options,
			protocol: heads,
			socket: { allowHalfOpen: true },
		},
	) as Server;
}

async function echo(t: ExecutionContext): Promise<number> {
	const server = createServer((socket) => socket.pipe(socket));
	t.teardown(() => server.close());
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return (server.address() as { port: number }).port;
}

test("node:http tunnels by CONNECT", async (t) => {
	const [port, to] = await Promise.all([started(t, proxy()), echo(t)]);
	const path = `127.0.0.1:${to}`;
	const asking = request({ port, host: "127.0.0.1", method: "CONNECT", path });
	asking.end();
	const [response, socket] = (await once(asking, "connect")) as [
		{ statusCode: number },
		Socket,
	];
	t.is(response.statusCode, 200);
	const sent = Buffer.alloc(1_000_000, "bytes of any kind\r\n\r\n");
	socket.end(sent);
	const came: Buffer[] = [];
	for await (const chunk of socket) came.push(chunk as Buffer);
	t.true(Buffer.concat(came).equals(sent));
});

test("what a client of CONNECT does not wait with is tunnelled too, wherever it is cut", async (t) => {
	const [port, to] = await Promise.all([started(t, proxy()), echo(t)]);
	const tunnelled = "early\r\n\r\nbytes";
	const bytes = `CONNECT 127.0.0.1:${to} HTTP/1.1\r\n\r\n${tunnelled}`;
	for (let at = 1; at <= bytes.length; at++) {
		const client = await tcp(t, port);
		client.write(bytes.slice(0, at));
		await new Promise((resolve) => setImmediate(resolve));
		client.socket.end(bytes.slice(at));
		await client.readHead();
		t.is(`${await client.readToEnd()}`, tunnelled, `${at}`);
	}
});
