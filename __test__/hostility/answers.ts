import { types } from "node:util";
import type { Acceptance, HttpResponse, Refusal } from "gev";
import { bomb, type Tools, thenableBy } from "./bombs.js";
import { own } from "./memory.js";
import { shaped } from "./options.js";
import { size, specimen } from "./specimens.js";
import { somethingToThrow } from "./thrown.js";

/** What a handler says to a request, and what the client has to get for it. */
export interface Answer {
	name: string;
	/** What the member returns. May throw. */
	reply(): unknown;
	/** The one that the client gets; 500 too if it may fail. */
	status: number;
	mayFail: boolean;
	/** Undefined for none, or one that is not looked at. */
	body: Buffer | undefined;
	/** What the connection's `context` is, if one comes about. */
	context: unknown;
}

/** The letter in a response's body. */
export type Letter = (size: number) => Buffer;

/** An answer of `onUpgrade`. */
export function upgradeAnswer(
	tools: Tools,
	without: ReadonlySet<string>,
	letter: Letter,
): Answer {
	const { random } = tools;
	if (random.chance(10)) return failure(tools, without);
	if (random.chance(15)) return responseAnswer(tools, without, letter, true);
	const context = { whose: random.next() };
	const says: Acceptance = {
		...(random.chance(50) && { context }),
		...(random.chance(30) && { subprotocol: "letters" }),
		...(random.chance(30) && { headers: someHeaders(random.below(3)) }),
	};
	const options = shaped(says, tools, without);
	// Nothing but null says nothing too.
	const isWrong =
		(options.says === "wrong" && options.value !== null) ||
		inherits(options, says);
	const said = own(options.says === "wrong" ? {} : options.says);
	return {
		...delivered(options.value, tools, without),
		name: `acceptance, ${options.name}`,
		status: isWrong ? 500 : 101,
		mayFail: options.kind === "getters",
		body: undefined,
		context: said.context,
	};
}

/** An answer of `onRequest`, or one of `onUpgrade` that refuses. */
export function responseAnswer(
	tools: Tools,
	without: ReadonlySet<string>,
	letter: Letter,
	isRefusal = false,
): Answer {
	const { random } = tools;
	if (random.chance(10)) return failure(tools, without);
	const body = random.chance(70)
		? specimen(letter(size(random)), tools, without)
		: undefined;
	const says: HttpResponse = {
		...((isRefusal || random.chance(70)) && {
			status: random.pick([200, 204, 401, 404, 503]),
		}),
		...(random.chance(30) && { headers: someHeaders(random.below(3)) }),
		...(body !== undefined && { body: body.value as string }),
	};
	const options = shaped<HttpResponse | Refusal>(says, tools, without);
	const accepts = isRefusal && options.value === null;
	const said = own(options.says === "wrong" ? {} : options.says);
	const isWrong =
		(options.says === "wrong" && !accepts) ||
		inherits(options, says) ||
		(options.value === undefined && !isRefusal) ||
		(said.body !== undefined && body?.fate === "refused");
	const { status = 200 } = said;
	const hasBody = said.body !== undefined && status !== 204 && !isWrong;
	const name = `${body?.name ?? "no body"}, ${options.name}`;
	return {
		...delivered(options.value, tools, without),
		name: `${isRefusal ? "refusal" : "response"}, ${name}`,
		status: accepts ? 101 : isWrong ? 500 : status,
		mayFail:
			options.kind === "getters" ||
			(body !== undefined && !mustBeTaken(body.value, body.fate)),
		body: hasBody ? body?.bytes : undefined,
		context: undefined,
	};
}

/** What is inherited is no answer: to overlook it would let in whom it refuses. */
function inherits({ kind }: { kind: string }, says: object): boolean {
	return kind === "inherited" && Object.keys(says).length > 0;
}

/** What the package itself answers. */
export function ownAnswer(status: number): Answer {
	return {
		name: "the package's own",
		reply() {},
		status,
		mayFail: false,
		body: undefined,
		context: undefined,
	};
}

/** A member that throws. */
function failure(tools: Tools, without: ReadonlySet<string>): Answer {
	const { name, value } = somethingToThrow(tools, without);
	return {
		name: `throws ${name}`,
		reply: () => {
			throw value;
		},
		status: 500,
		mayFail: true,
		body: undefined,
		context: undefined,
	};
}

/** As a value, as a promise, or as a thenable. */
function delivered(
	value: unknown,
	{ random }: Tools,
	without: ReadonlySet<string>,
): Pick<Answer, "reply"> {
	const ways = [() => value, async () => value];
	if (!without.has("thenables")) {
		const then = (done: (value: unknown) => void) => done(value);
		ways.push(() => thenableBy(() => then));
	}
	return { reply: random.pick(ways) };
}

/** The documentation says what a body may be; of all else it is only known that it does no harm. */
function mustBeTaken(value: unknown, fate: string): boolean {
	return (
		typeof value === "string" ||
		(fate !== "either" && types.isUint8Array(value))
	);
}

function someHeaders(which: number): Record<string, string | string[]> {
	const headers = [
		{ "X-One": "1" },
		{ "Set-Cookie": ["a=1", "b=2"], "x-two": "" },
		Object.defineProperty({}, "X-Hidden", { get: bomb }),
	];
	return headers[which] as Record<string, string>;
}
