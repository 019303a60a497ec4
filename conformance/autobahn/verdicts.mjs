/** From kosoku's reports to verdicts and the reasons for them. */

/** Verdicts from the best to the worst. A case has two, on its messages and on its close; the worse one counts. */
export const ranking = [
	"OK",
	"INFORMATIONAL",
	"NON-STRICT",
	"UNIMPLEMENTED",
	"FAILED BY CLIENT",
	"WRONG CODE",
	"UNCLEAN",
	"FAILED",
	"ERROR",
];

/** INFORMATIONAL: what happens in the case is not specified. */
const good = ["OK", "INFORMATIONAL"];

/** The cases that may be NON-STRICT (something that should be is not), and why. */
const allowedNonStrict = new Map();

const shownEntries = 12;

/**
 * @typedef {object} Verdict
 * @property {string} id
 * @property {number} section
 * @property {string} verdict One of the ranking.
 * @property {boolean} isPassed
 * @property {string | undefined} excuse Why a verdict that is not good is passed.
 * @property {string[]} details What has happened, if it is not passed.
 * @property {boolean} isCompressed Whether messages have come back compressed.
 */

/**
 * @param {import("./kosoku.mjs").CaseReport} report
 * @returns {Verdict}
 */
export function judge(report) {
	const { id, behavior, behaviorClose } = report;
	const verdict =
		rank(behaviorClose) > rank(behavior) ? behaviorClose : behavior;
	const excuse =
		verdict === "NON-STRICT" ? allowedNonStrict.get(id) : undefined;
	const isPassed = good.includes(verdict) || excuse !== undefined;
	return {
		id,
		section: Number.parseInt(id, 10),
		verdict,
		isPassed,
		excuse,
		details: isPassed ? [] : explain(report),
		isCompressed: (report.trafficStats?.incomingCompressionRatio ?? 1) !== 1,
	};
}

/** A verdict that kosoku may have in future is not a good one. */
function rank(verdict) {
	const index = ranking.indexOf(verdict);
	return index === -1 ? ranking.length : index;
}

function explain(report) {
	const { behavior, behaviorClose, result, resultClose } = report;
	const { remoteCloseCode, wasNotCleanReason, expected, received } = report;
	const entries = report.wirelog.map(formatEntry).filter(Boolean);
	return [
		`messages: ${behavior}: ${result}`,
		`close: ${behaviorClose}: ${resultClose}; the server's code: ${remoteCloseCode ?? "none"}`,
		...(wasNotCleanReason ? [`not clean: ${wasNotCleanReason}`] : []),
		`expected: ${JSON.stringify(expected)}`,
		`received: ${JSON.stringify(received)}`,
		...(entries.length > shownEntries ? ["..."] : []),
		...entries.slice(-shownEntries),
	];
}

/** A line for an entry of the wire log: `[kind, [length, hex]]` for octets; other kinds are mostly the same as frames. */
function formatEntry([kind, octets]) {
	if (kind === "TO") return `sent ${octets[0]}: ${octets[1]}`;
	if (kind === "RO") return `received ${octets[0]}: ${octets[1]}`;
	if (kind === "KLE") return "gave up waiting, and dropped the connection";
	return undefined;
}
