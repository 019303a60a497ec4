import dns from "node:dns/promises";
import { once } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import {
	type AddressInfo,
	createServer,
	isIP,
	type ListenOptions,
} from "node:net";
import { networkInterfaces } from "node:os";
import test, { type ExecutionContext } from "ava";
import { type Connection, raw, Server, type ServerOptions } from "gev";
import { loops } from "../kit/loops.js";
import { Queue } from "../kit/queue.js";
import { tcp } from "../kit/tcp-client.js";

const hasIPv6 = Object.values(networkInterfaces()).some((list) =>
	list?.some(({ address }) => address === "::1"),
);
const testOfIPv6 = hasIPv6 ? test : test.skip;

/** Which of the two a name is that cannot be resolved depends on when that is tried. */
function codeOf(error: unknown): string {
	const { code } = error as NodeJS.ErrnoException;
	return code === "EAI_AGAIN" ? "ENOTFOUND" : `${code}`;
}

/** What node:net comes to: where it listens, or the code of its error. */
async function listen(
	t: ExecutionContext,
	options: ListenOptions,
): Promise<AddressInfo | string> {
	const server = createServer();
	t.teardown(() => server.close());
	try {
		server.listen(options);
		await once(server, "listening");
	} catch (error) {
		return codeOf(error);
	}
	return server.address() as AddressInfo;
}

/** The same of a server of the package, which is stopped again. */
async function start(options: ServerOptions): Promise<string> {
	const server = new Server({}, { ...loops(1), ...options });
	try {
		const { address } = await server.start();
		return address;
	} catch (error) {
		return codeOf(error);
	} finally {
		await server.stop();
	}
}

const ways: ServerOptions[] = [
	{ ...loops(1) },
	{ ...loops(3) },
	{ ...loops(3), balance: "round-robin" },
];
if (process.platform !== "win32") {
	ways.push(...ways.map((way) => ({ ...way, reusePort: true })));
}

for (const occupied of [
	{ host: "::1" },
	{ host: "::", ipv6Only: true },
	{ host: "::" },
	{ host: "127.0.0.1" },
	{ host: "0.0.0.0" },
]) {
	testOfIPv6(
		`a server without a host needs the port of every address, as node:net does: ${JSON.stringify(occupied)}`,
		async (t) => {
			const { port } = (await listen(t, {
				...occupied,
				port: 0,
			})) as AddressInfo;
			t.is(await listen(t, { port }), "EADDRINUSE");
			for (const way of ways) {
				t.is(await start({ ...way, port }), "EADDRINUSE", JSON.stringify(way));
			}
		},
	);
}

testOfIPv6(
	"a server without a host serves IPv6 and IPv4, and shares neither",
	async (t) => {
		for (const way of ways) {
			const options = { protocol: raw(), port: 0, ...way };
			const server = new Server(
				{ onMessage: (_, message) => message },
				options,
			);
			t.teardown(() => server.stop());
			const { address, port } = await server.start();
			t.is(address, "::");
			for (const host of ["127.0.0.1", "::1"]) {
				const client = await tcp(t, port, host);
				client.write("?");
				t.is(String(await client.read(1)), "?");
				client.socket.destroy();
				t.is(await start({ host, port }), "EADDRINUSE");
			}
			t.is(await start({ port }), "EADDRINUSE");
		}
	},
);

/** The addresses of this machine that need a zone. */
const scoped = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
	(list ?? []).flatMap((info) =>
		info.family === "IPv6" && info.scopeid > 0
			? { address: info.address, name, number: info.scopeid }
			: [],
	),
);

const hosts = [
	...[
		"127.0.0.1",
		"0.0.0.0",
		"::1",
		"::",
		"::ffff:127.0.0.1",
		"0:0:0:0:0:0:0:1",
	],
	...[
		"127.1",
		"0x7f.1",
		"127.0.0.01",
		"１２７.０.０.１",
		"localhost",
		"LOCALHOST",
	],
	// In a zone where none is needed.
	...["::1%lo", "::1%nowhere", "::1%1", "::%lo", "::ffff:127.0.0.1%lo"],
	// In the wrong zone, in none that there is, and in none.
	...["fe80::1%lo", "fe80::1%nowhere", "fe80::1", "fe80::1%0", "FE80::1%lo"],
	...scoped.flatMap(({ address, name }) => [
		address,
		`${address}%${name}`,
		`${address.toUpperCase()}%${name}`,
		`${address}%lo`,
		`${address}%${name}nowhere`,
		`fe80::1%${name}`,
		`::1%${name}`,
		`ff02::1%${name}`,
	]),
	// Not of this machine, or of none.
	...["192.0.2.1", "2001:db8::1", "ff02::1", "::1.2.3.4", "1:2:3:4:5:6:7::"],
	// Not addresses.
	...[
		"[::1]",
		"[::]",
		"::1%",
		"%lo",
		"127.0.0.1%lo",
		"::1/128",
		"127.0.0.1:80",
	],
	...["1.2.3", "1.2.3.4.5", "256.0.0.1", ":::", "1::2::3", "::g", "*", "-"],
	// Names that there are not, or that are none.
	...["no-such-host.invalid", "http://127.0.0.1", "a..b", "\u00ad", "a\ud800"],
	...["a".repeat(64), "a".repeat(300)],
];
for (const host of new Set(hosts)) {
	test(`start() on ${JSON.stringify(host).slice(0, 99)} comes to what node:net comes to`, async (t) => {
		const found = await listen(t, { host, port: 0 });
		const expected = typeof found === "string" ? found : found.address;
		t.is(await start({ host, port: 0 }), expected);
	});
}

test("a zone may be a number, and connections show the name of its interface", async (t) => {
	t.log(scoped);
	for (const { address, name, number } of scoped) {
		const host = `${address}%${number}`;
		// As in node:net, Windows has no names for zones.
		const named = process.platform === "win32" ? host : `${address}%${name}`;
		for (const way of ways) {
			const options = { protocol: raw(), port: 0, ...way };
			for (const host of [`${address}%${number}`, named, "::"]) {
				const opened = new Queue<Connection>();
				const handler = { onConnect: (c: Connection) => opened.push(c) };
				const server = new Server(handler, { ...options, host });
				t.teardown(() => server.stop());
				const listening = await server.start();
				t.is(listening.address, host === "::" ? host : named);
				const { socket } = await tcp(t, listening.port, named);
				const connection = await opened.next();
				t.is(connection.localAddress, named);
				t.is(connection.remoteAddress, named);
				t.is(socket.localAddress, connection.remoteAddress);
			}
		}
	}
	t.is(await start({ host: "::1%1", port: 0 }), "::1");
});

/** Starts a server on a name that has these addresses. */
async function startOnName(
	addresses: string[],
	options: ServerOptions = {},
): Promise<string> {
	const original = dns.lookup;
	const lookup = async () =>
		addresses.map((address) => ({ address, family: isIP(address) }));
	dns.lookup = lookup as unknown as typeof dns.lookup;
	syncBuiltinESMExports();
	try {
		return await start({ host: "several.example", port: 0, ...options });
	} finally {
		dns.lookup = original;
		syncBuiltinESMExports();
	}
}

test.serial(
	"of the addresses of a name the first is listened on, and no other",
	async (t) => {
		const [one, other] = ["127.0.0.1", "0.0.0.0"];
		t.is(await startOnName([one, other]), one);
		t.is(await startOnName([other, one]), other);
		const { port } = (await listen(t, { host: one, port: 0 })) as AddressInfo;
		for (const way of ways) {
			t.is(await startOnName([one, "::1"], { ...way, port }), "EADDRINUSE");
		}
		t.is(await startOnName(["192.0.2.1", one]), "EADDRNOTAVAIL");
	},
);

test.serial(
	"a link-local address, whose zone a name does not say, comes last",
	async (t) => {
		t.is(await startOnName(["fe80::1", "febf::1", "127.0.0.1"]), "127.0.0.1");
		const alone = await listen(t, { host: "fe80::1", port: 0 });
		t.is(await startOnName(["fe80::1"]), alone as string);
	},
);
