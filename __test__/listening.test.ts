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
import { raw, Server, type ServerOptions } from "gev";
import { loops } from "./kit/loops.js";
import { tcp } from "./kit/tcp-client.js";

const hasIPv6 = Object.values(networkInterfaces()).some((list) =>
	list?.some(({ address }) => address === "::1"),
);
const testOfIPv6 = hasIPv6 ? test : test.skip;

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
		return `${(error as NodeJS.ErrnoException).code}`;
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
		return `${(error as NodeJS.ErrnoException).code}`;
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
