import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Socket, connect as toSocket } from "node:net";
import { promisify } from "node:util";
import anyTest, { type ExecutionContext } from "ava";
import { GevError, raw, Server, webSocket } from "gev";
import { foreignEnvironment } from "../kit/program.js";
import { protocols, serve } from "../kit/server.js";
import { socketPath } from "../kit/socket-path.js";
import { connect } from "../kit/ws-client.js";

const isWindows = process.platform === "win32";
const test = isWindows ? anyTest.skip : anyTest;
const [major = 0] = process.versions.node.split(".").map(Number);
/** Earlier versions of Node.js have no abstract names to connect to. */
const hasAbstractNames = process.platform === "linux" && major >= 22;
const withNames = hasAbstractNames ? anyTest : anyTest.skip;

/** A server of a path. */
function serveAt(
	t: ExecutionContext,
	path: string,
	...[handler, options]: [
		Parameters<typeof serve>[1],
		Parameters<typeof serve>[2]?,
	]
) {
	return serve(t, handler, { ...options, host: undefined, path });
}

async function client(t: ExecutionContext, path: string): Promise<Socket> {
	const socket = toSocket({ path });
	socket.on("error", () => {});
	t.teardown(() => socket.destroy());
	await once(socket, "connect");
	return socket;
}

const mirror = {
	onMessage: (_: unknown, message: string | Buffer) => message,
};

for (const loops of [1, 3]) {
	test(`raw bytes come back through a unix socket, with ${loops} loops`, async (t) => {
		const path = socketPath();
		const { server } = await serveAt(t, path, mirror, {
			protocol: raw(),
			loops,
		});
		for (let n = 0; n < 6; n++) {
			const socket = await client(t, path);
			socket.write(Buffer.alloc(100_000, n));
			let length = 0;
			for await (const chunk of socket) {
				t.true((chunk as Buffer).every((byte) => byte === n));
				length += (chunk as Buffer).length;
				if (length === 100_000) break;
			}
			t.is(length, 100_000);
		}
		t.is(server.loopCount, loops);
	});
}

test("a WebSocket of ws speaks through a unix socket", async (t) => {
	const path = socketPath();
	const seen: unknown[] = [];
	await serveAt(t, path, {
		...mirror,
		onConnect({ remoteAddress, remotePort, localAddress, localPort }) {
			seen.push(remoteAddress, remotePort, localAddress, localPort);
		},
	});
	const { socket, messages } = await connect(t, `ws+unix:${path}:/chat`);
	socket.send("hello");
	t.is(await messages.next(), "hello");
	socket.send(Buffer.alloc(300_000, 7));
	t.true(Buffer.alloc(300_000, 7).equals((await messages.next()) as Buffer));
	t.deepEqual(seen, ["", 0, "", 0]);
});

test("curl gets the page through a unix socket", async (t) => {
	const path = socketPath();
	await serveAt(t, path, {}, { protocol: webSocket({ page: "<p>here</p>" }) });
	const args = ["--silent", "--unix-socket", path, "http://localhost/"];
	const env = foreignEnvironment();
	const curl = promisify(execFile)("curl", args, { env });
	const { stdout } = await curl.catch((error: NodeJS.ErrnoException) => {
		if (error.code !== "ENOENT") throw error;
		t.log("curl is not there");
		return { stdout: "<p>here</p>" };
	});
	t.is(stdout, "<p>here</p>");
});

test("start() tells the path, and stop() removes the file", async (t) => {
	const path = socketPath();
	const server = new Server({}, { path });
	t.deepEqual(await server.start(), { address: path, port: 0 });
	t.true(existsSync(path));
	await server.stop();
	t.false(existsSync(path));
	await server.start();
	await server.stop();
	t.false(existsSync(path));
});

test("a path that somebody listens to is in use", async (t) => {
	const path = socketPath();
	const other = createServer().listen(path);
	t.teardown(() => other.close());
	await once(other, "listening");
	const error = await t.throwsAsync(new Server({}, { path }).start(), {
		instanceOf: GevError,
		code: "EADDRINUSE",
	});
	t.true(error.message.includes(JSON.stringify(path)), error.message);
	await client(t, path);
});

test("a path that is no socket is in use, and stays as it is", async (t) => {
	const path = socketPath();
	writeFileSync(path, "mine");
	t.teardown(() => rmSync(path));
	const code = "EADDRINUSE";
	await t.throwsAsync(new Server({}, { path }).start(), { code });
	t.true(statSync(path).isFile());
});

test("a path without its folder, or in one that is a file, is an error", async (t) => {
	const path = socketPath();
	writeFileSync(path, "");
	t.teardown(() => rmSync(path));
	for (const [below, code] of [
		[`${path}-none/a`, "ENOENT"],
		[`${path}/a`, "ENOTDIR"],
	] as const) {
		await t.throwsAsync(new Server({}, { path: below }).start(), { code });
	}
});

test("what a server that was killed has left is replaced", async (t) => {
	const path = socketPath();
	const code = `
		const { Server } = await import("gev");
		await new Server({}, { path: ${JSON.stringify(path)} }).start();
		process.kill(process.pid, "SIGKILL");`;
	const killed = execFile(process.execPath, [
		"--input-type=module",
		"-e",
		code,
	]);
	await once(killed, "close");
	t.is(killed.signalCode, "SIGKILL");
	t.true(existsSync(path));
	await serveAt(t, path, mirror, { protocol: raw() });
	const socket = await client(t, path);
	socket.write("back");
	t.is(`${(await once(socket, "data"))[0]}`, "back");
});

test("the file has the mode that was asked for", async (t) => {
	for (const mode of [0o600, 0o660, 0o666]) {
		const path = socketPath();
		await serveAt(t, path, {}, { socket: { mode } });
		t.is(statSync(path).mode & 0o777, mode);
	}
});

withNames(
	"an abstract name has no file and is free again after a stop",
	async (t) => {
		const path = `\0gev-${process.pid}`;
		for (let n = 0; n < 2; n++) {
			const { server } = await serveAt(t, path, mirror, { protocol: raw() });
			const socket = await client(t, path);
			socket.write("x");
			t.is(`${(await once(socket, "data"))[0]}`, "x");
			const code = "EADDRINUSE";
			await t.throwsAsync(new Server({}, { path }).start(), { code });
			await server.stop({ timeoutMs: 0 });
		}
	},
);

for (const [name, protocol] of Object.entries(protocols)) {
	test(`who has connected to a path is told of a stop by ${name}`, async (t) => {
		const path = socketPath();
		const { server } = await serveAt(t, path, mirror, {
			protocol: protocol(),
		});
		const sockets = await Promise.all([client(t, path), client(t, path)]);
		const ends = sockets.map((socket) => once(socket.resume(), "close"));
		const stopped = server.stop({ timeoutMs: 0 });
		await Promise.all([stopped, ...ends]);
		t.false(existsSync(path));
	});
}

anyTest("a host and a path are one place too many", (t) => {
	const options = { host: "127.0.0.1", path: "/tmp/a" };
	const code = "ERR_GEV_OPTION";
	t.throws(() => new Server({}, options), { code, message: /^path / });
});

(isWindows ? anyTest : anyTest.skip)("Windows has no such thing", async (t) => {
	const server = new Server({}, { path: "a" });
	await t.throwsAsync(server.start(), { code: "ENOTSUP" });
});
