/**
 * What Autobahn|Testsuite 25.10.1 consists of. The numbers of cases are here
 * so that a run that has left some out cannot pass; the sections 8 and 11 do
 * not exist.
 */
import { SetupError } from "../../scripts/requirements.mjs";

export const suite = "Autobahn|Testsuite 25.10.1";

/**
 * @typedef {object} Section
 * @property {number} number The first part of its cases' ids.
 * @property {string} title
 * @property {number} cases How many it has.
 * @property {boolean} deflate Whether it is about permessage-deflate.
 */

/** @type {Section[]} */
export const sections = [
	{ number: 1, title: "Framing", cases: 16, deflate: false },
	{ number: 2, title: "Pings and pongs", cases: 11, deflate: false },
	{ number: 3, title: "Reserved bits", cases: 7, deflate: false },
	{ number: 4, title: "Opcodes", cases: 10, deflate: false },
	{ number: 5, title: "Fragmentation", cases: 20, deflate: false },
	{ number: 6, title: "UTF-8", cases: 145, deflate: false },
	{ number: 7, title: "Close", cases: 37, deflate: false },
	{ number: 9, title: "Limits and performance", cases: 54, deflate: false },
	{ number: 10, title: "Automatic fragments", cases: 1, deflate: false },
	{ number: 12, title: "Compression, payloads", cases: 90, deflate: true },
	{ number: 13, title: "Compression, parameters", cases: 126, deflate: true },
];

/** The sections that a list such as `1-7,9` names. */
export function parseSections(list) {
	const ranges = list.split(",").map(parseRange);
	return sections.filter(({ number }) =>
		ranges.some(({ first, last }) => first <= number && number <= last),
	);
}

function parseRange(text) {
	const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
	const range = { first: Number(first), last: Number(last) };
	const isSome = sections.some(
		({ number }) => range.first <= number && number <= range.last,
	);
	if (isSome) return range;
	const known = sections.map(({ number }) => number).join(", ");
	throw new SetupError(
		`conformance: --sections: there is no section ${text}, only ${known}`,
	);
}
