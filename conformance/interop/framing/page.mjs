/** docs/presets/peers.md: what has been exchanged with whom. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../../scripts/setup.mjs";
import { rows } from "./rows.mjs";

const page = join(root, "docs", "presets", "peers.md");

/** @param {import("./index.mjs").Exchange[]} exchanges */
export function framingTable(exchanges) {
	const lines = rows.flatMap(({ name, configuration, document }) => {
		const own = exchanges.filter(({ row }) => row === name);
		const head = [name, `\`${configuration}\``];
		if (document !== undefined) {
			return [[...head, `bytes of ${document}`, "", ""]];
		}
		return own.map(({ from, peer, version, outcome, received, sent }) => [
			...head,
			`${from}: ${peer} (${version ?? "not available"})`,
			...(outcome === "ok"
				? [received, sent]
				: version === undefined
					? ["", ""]
					: ["FAILED", ""]),
		]);
	});
	const head = ["protocol", "configuration", "peer", "received", "sent"];
	const row = (cells) => `| ${cells.join(" | ")} |`;
	return [row(head), row(head.map(() => "---")), ...lines.map(row)].join("\n");
}

export function writeFramingPage(table) {
	writeFileSync(page, `${HEAD}\n${table}\n`);
}

/** The peers that had another outcome than the page says, in whatever version. */
export function newsOf(exchanges) {
	const text = readFileSync(page, "utf8");
	return exchanges
		.filter(({ row, from, peer, version, outcome }) => {
			if (version === undefined) return false;
			const lines = text.split("\n").filter((line) => {
				const cells = line.split(" | ");
				return (
					cells[0] === `| ${row}` && cells[2]?.startsWith(`${from}: ${peer} (`)
				);
			});
			const isGood = lines.length === 1 && /\| \d+ \| \d+ \|$/.test(lines[0]);
			return isGood !== (outcome === "ok");
		})
		.map(({ row, from, peer }) => `${row}, ${from}: ${peer}`);
}

const HEAD = `# Who has talked to these protocols

Written by \`npm run interop -- --write\`: encoders, decoders, clients and servers that others wrote, over sockets, both ways. What
the server has cut (received) is what they have sent, and what they have read of its answers (sent) is what they should be;
peers that only talk get none. Messages go up to 70,000 bytes where the protocol lets them, with lengths at which its numbers
grow by a byte.

Where nobody else's implementation was to be had, bytes of the document that is named are cut at every place and byte by byte, and,
where answers are like questions, sent back, as are those of all others (\`__test__/framing/presets.ts\`, \`__test__/framing/protocols.ts\`).
`;
