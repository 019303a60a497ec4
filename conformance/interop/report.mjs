/** conformance/interop.md: a table for each kind of peer, and what its columns mean. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/setup.mjs";
import { redisChecks, stompChecks, typedChecks } from "./values/checks.mjs";

const reportFile = join(root, "conformance", "interop.md");

/**
 * @typedef {object} Result
 * @property {string} name
 * @property {string} [version] Missing when the peer is not available.
 * @property {Map<string, string>} outcomes By the names of checks: "ok", "-" or what went wrong.
 * @property {string[]} errors
 */

/** @param {{ kind: string, table: string }[]} tables */
export function writeReport(tables, failures) {
	const sections = tables.flatMap(({ kind, table }) => [
		heads[kind],
		table,
		"",
	]);
	const lines = [REPORT_HEAD, ...sections];
	if (failures.length > 0) lines.push(...failures, "");
	writeFileSync(reportFile, lines.join("\n"));
}

/**
 * Whether the report says the same of each peer that was to be had, in whatever version.
 *
 * @param {Result[]} results
 */
export function isKnown(results) {
	const text = readFileSync(reportFile, "utf8");
	const rows = text.matchAll(/^\| (.+?) \([^()]*\) +\| (.*) \|$/gm);
	// Some peers are in two tables.
	const known = new Set(
		[...rows].map(([, name, cells]) =>
			[name, ...cells.trimEnd().split(/ *\| /)].join(),
		),
	);
	const others = results.filter(({ name, version, outcomes }) => {
		if (version === undefined) return false;
		return !known.has([name, ...[...outcomes.values()].map(cell)].join());
	});
	if (others.length === 0) return true;
	console.log(
		`interop: conformance/interop.md says something else of ${others.map(({ name }) => name).join(", ")}; --write writes it`,
	);
	return false;
}

/**
 * A line for each peer and a column for each check, padded so that it reads well in a terminal.
 *
 * @param {string} kind
 * @param {string[]} checks
 * @param {Result[]} results
 */
export function markdownTable(kind, checks, results) {
	const rows = [
		[kind, ...checks],
		...results.map(({ name, version, outcomes }) => [
			`${name} (${version ?? "not available"})`,
			...checks.map((check) => cell(outcomes.get(check))),
		]),
	];
	const widths = rows[0].map((_, column) =>
		Math.max(...rows.map((row) => row[column].length)),
	);
	const lines = rows.map((row) => {
		const cells = row.map((text, column) => text.padEnd(widths[column]));
		return `| ${cells.join(" | ")} |`;
	});
	lines.splice(1, 0, `| ${widths.map((w) => "-".repeat(w)).join(" | ")} |`);
	return lines.join("\n");
}

function cell(outcome = "") {
	return ["ok", "-", ""].includes(outcome) ? outcome : "FAILED";
}

/** A table of what checks are. */
function explained(checks) {
	const rows = Object.entries(checks).map(
		([name, what]) => `| ${name} | ${what} |`,
	);
	return [
		"| check | what the peer finds as it should be |",
		"| --- | --- |",
		...rows,
	].join("\n");
}

const REPORT_HEAD = `# Clients and proxies that others wrote

Written by \`npm run interop -- --write\`. A "-" is a check that the other's interface cannot express.
`;

const heads = {
	client: `## Clients

| check | what the client finds as it should be |
| --- | --- |
| text | echoes of ASCII, of characters of two, three and four bytes, and of an empty message |
| binary | echoes of every byte value, and of an empty message |
| large | echoes of 1 MiB, binary and text |
| fragments-sent | the echo of a message that it sends in several frames |
| fragments-received | one message of several frames |
| deflate | permessage-deflate agreed, and echoes of short messages, 1 KiB and 1 MiB over it |
| deflate-dedicated | the same where the server keeps the history of a connection, in windows of 1 KiB, and allows the client 2 KiB |
| ping | a pong for its ping, with the ping's data |
| pong | its own answer to a ping of the server, as the server has seen it |
| subprotocol | the first of its subprotocols that the server speaks |
| close-1000, close-4001 | its close answered; \`onClose\` has its code and reason, and \`wasClean\` |
| closed-1001, closed-4002 | the server's code and reason; \`onClose\` has \`wasClean\` |
| unix | echoes over a unix socket, short and of 1 MiB |
`,
	proxy: `## Proxies

In front of a server that requires a header of the PROXY protocol, over TCP or to its unix socket. Clients are ws and Node's
\`net\`; that an echo is as it should be is said where the server knows both addresses and ports of the client's connection, not
of the proxy's.

| check | what is found as it should be |
| --- | --- |
| websocket, websocket-ipv6 | the echo of a WebSocket message, for a client of 127.0.0.1, of ::1 |
| raw, raw-ipv6 | the echo of raw bytes, for the same |
| large | echoes of 1 MiB, of both |
| tlvs | an id that the proxy gives to the connection, and a checksum of its header |
| health | the proxy's own connections: it takes the servers for healthy, handlers see no error, and that of WebSocket no connection |
`,
	"client of Redis": `## Clients of Redis

Of [examples/key-value](../examples/key-value/server.ts).

| check | what is found as it should be |
| --- | --- |
| strings, numbers, expiry, keys | the replies to SET with its options, GET, DEL, EXISTS, ECHO; INCR; EXPIRE, TTL; KEYS |
| errors | what is wrong with a command is an error, and the connection goes on |
| pipeline | replies to a thousand commands that are sent at once |
| channels | SUBSCRIBE, what is published, and the end of it |
| resp3 | version 3 of the protocol, agreed on by HELLO |
`,
	"client of MQTT": `## Clients of MQTT

Of [examples/mqtt-broker](../examples/mqtt-broker/server.ts).

| check | what is found as it should be |
| --- | --- |
| messages | short ones, and of 200,000 bytes |
| wildcards | what is published to topics that \`+\` and \`#\` fit, and nothing else |
| retained | the last message of a topic for those who come later, and an empty one that ends that |
| will | published for a client that is cut, not for one that says goodbye |
| keep-alive | a connection for twice as long as its client may be silent |
| properties | a user property of MQTT 5 |
`,
	"peer of RESP": `## Peers of RESP

Clients, decoders and programs of Redis, against a small key-value server over \`resp()\`, which is told of no error.

${explained(redisChecks)}
`,
	"peer of STOMP": `## Peers of STOMP

Clients, against a small message broker over \`stomp()\`, which is told of no error.

${explained(stompChecks)}
`,
	"peer of typedProtobuf": `## Peers of typedProtobuf

The plugin \`protobuf\` of the Go library gev, with its own packing and unpacking, against an echo over \`typedProtobuf()\`, which is told
of no error.

${explained(typedChecks)}
`,
};
