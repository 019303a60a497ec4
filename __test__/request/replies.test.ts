import vm from "node:vm";
import test from "ava";
import * as undici from "undici";
import { answering, answers } from "../kit/answering.js";
import { serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";

const PAIRS = [
	["X-A", "1"],
	["Set-Cookie", ["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "b=2"]],
] as const;
const COOKIES = PAIRS[1][1];

function filled<H extends Headers | undici.Headers>(headers: H): H {
	headers.append("X-A", "1");
	for (const cookie of COOKIES) headers.append("Set-Cookie", cookie);
	return headers;
}

/** As the Headers of older packages: lines of one name are joined, and told apart by `getSetCookie` only. */
class JoinedHeaders {
	*[Symbol.iterator]() {
		yield ["x-a", "1"];
		yield ["set-cookie", COOKIES.join(", ")];
	}

	getSetCookie() {
		return [...COOKIES];
	}
}

function* lines() {
	yield PAIRS[0];
	for (const cookie of COOKIES) yield ["Set-Cookie", cookie];
}

const elsewhere = (code: string): unknown =>
	vm.runInNewContext(code, { pairs: JSON.stringify(PAIRS) });

const goodHeaders: Record<string, () => unknown> = {
	"a plain object": () => Object.fromEntries(PAIRS),
	"an object without a prototype": () =>
		Object.assign(Object.create(null), Object.fromEntries(PAIRS)),
	"an object of another realm": () =>
		elsewhere("Object.fromEntries(JSON.parse(pairs))"),
	"a Proxy of an object": () => new Proxy(Object.fromEntries(PAIRS), {}),
	"a Headers": () => filled(new Headers()),
	"a Headers of undici": () => filled(new undici.Headers()),
	"a Headers that joins lines": () => new JoinedHeaders(),
	"a Map": () => new Map<unknown, unknown>(PAIRS),
	"a Map of another realm": () => elsewhere("new Map(JSON.parse(pairs))"),
	"an array of pairs": () => PAIRS,
	"pairs of another realm": () => elsewhere("JSON.parse(pairs)"),
	"an array with one pair for each line": () => [...lines()],
	"a Set of pairs": () => new Set(lines()),
	"a generator of pairs": lines,
};
for (const [title, make] of Object.entries(goodHeaders)) {
	test(`headers may be ${title}`, async (t) => {
		const { askWith, errors } = await answering(t);
		for (const answer of answers) {
			// What a generator function makes is gone through once.
			const headers = make();
			const { status, lines } = await askWith(headers, answer);
			t.is(status, { accept: 101, refuse: 403, respond: 200 }[answer]);
			t.is(lines.filter((line) => /^x-a: 1$/i.test(line)).length, 1);
			const cookies = lines.filter((line) => /^set-cookie:/i.test(line));
			const values = cookies.map((line) => line.slice("set-cookie: ".length));
			t.deepEqual(values, [...COOKIES]);
			t.false(
				lines.some((line) => /^\d/.test(line)),
				"named by an index",
			);
		}
		t.is(errors.size, 0);
	});
}

class Custom {
	"X-A" = "1";
}

/** What has no header lines, or wrong ones, and a word of the error that says so. */
const badHeaders: Record<string, [make: () => unknown, seen: RegExp]> = {
	null: [() => null, /not null/],
	"a number": [() => 5, /not 5/],
	"a string": [() => "X-A: 1", /not "X-A: 1"/],
	"a function": [() => () => PAIRS, /not a function/],
	"a promise": [() => Promise.resolve(Object.fromEntries(PAIRS)), /Promise/],
	"a Date": [() => new Date(0), /Date/],
	"a WeakMap": [() => new WeakMap(), /WeakMap/],
	"an object of a class": [() => new Custom(), /Custom/],
	"an object that inherits": [
		() => Object.create({ "X-A": "1" }),
		/plain object/,
	],
	"an async generator": [
		async function* () {
			yield PAIRS[0];
		},
		/AsyncGenerator|an object/,
	],
	"names and values in one array": [() => ["X-A", "1"], /pairs.*"X-A"/],
	"an array of objects": [() => [{ name: "X-A", value: "1" }], /pairs/],
	bytes: [() => Buffer.from("X-A"), /pairs.*88/],
	"a name without a value": [() => [["X-A"]], /array of 1/],
	"a name with two values": [() => [["X-A", "1", "2"]], /array of 3/],
	"a name that is a number": [() => new Map([[1, "1"]]), /token.*1/],
	"a name that is no token": [() => ({ "X A": "1" }), /token.*"X A"/],
	"a value that is a number": [() => ({ "X-A": 1 }), /X-A.*not 1/],
	"a value that is not there": [() => ({ "X-A": undefined }), /undefined/],
	"a value with a line of its own": [
		() => new Map([["X-A", "1\r\nX-B: 2"]]),
		/X-A/,
	],
	"values with a hole": [
		() => [["X-A", Object.assign(Array(2), ["1"])]],
		/undefined/,
	],
	"values in two levels": [() => [["X-A", [["1"]]]], /array of 1/],
	"what is set natively": [() => filled(new Headers({ upgrade: "x" })), /upg/],
	"pairs that throw": [
		function* () {
			yield PAIRS[0];
			throw new Error("thrown in the middle");
		},
		/thrown in the middle/,
	],
};
for (const [title, [make, seen]] of Object.entries(badHeaders)) {
	test(`headers that are ${title} are an error, and the answer is 500`, async (t) => {
		const { askWith, errors } = await answering(t);
		for (const answer of answers) {
			const { status, lines, body } = await askWith(make(), answer);
			t.is(status, 500);
			t.is(body, "the server failed\n");
			t.false(lines.some((line) => /^x-/i.test(line)));
			const error = await errors.next();
			t.regex(error.message, seen);
			if (title !== "pairs that throw") t.is(error.code, "ERR_GEV_RESPONSE");
		}
		t.is(errors.size, 0);
	});
}

/** An object that counts how often each of its properties is read. */
function counting(properties: Record<string, unknown>) {
	const reads: Record<string, number> = {};
	const object = {};
	for (const [name, value] of Object.entries(properties)) {
		Object.defineProperty(object, name, {
			enumerable: true,
			get() {
				reads[name] = (reads[name] ?? 0) + 1;
				return value;
			},
		});
	}
	return { object, reads };
}

test("the properties of a reply and of its headers are read once", async (t) => {
	const { ask, errors } = await answering(t);
	const headers = counting({ "X-A": "1", "X-B": ["2", "3"] });
	const replies: [Record<string, unknown>, boolean][] = [
		[{ context: 1, subprotocol: "", headers: headers.object }, true],
		[{ status: 403, headers: headers.object, body: "no" }, true],
		[{ status: 201, headers: headers.object, body: Buffer.from("yes") }, false],
		[{ headers: headers.object, body: "" }, false],
	];
	for (const [properties, upgrade] of replies) {
		for (const wrap of [
			(it: object) => it,
			(it: object) => new Proxy(it, {}),
			async (it: object) => it,
		]) {
			for (const name of ["X-A", "X-B"]) headers.reads[name] = 0;
			const { object, reads } = counting(properties);
			const { status, lines } = await ask(wrap(object), upgrade);
			t.is(status as unknown, properties.status ?? (upgrade ? 101 : 200));
			const once = Object.keys(properties).map((name) => [name, 1]);
			t.deepEqual(reads, Object.fromEntries(once));
			t.deepEqual(headers.reads, { "X-A": 1, "X-B": 1 });
			t.is(lines.filter((line) => line.startsWith("X-")).length, 3);
		}
	}
	t.is(errors.size, 0);
});

// Alone, as other tests have objects too.
test.serial(
	"what a library has added to Object.prototype is no part of a reply",
	async (t) => {
		const { ask, errors } = await answering(t);
		const added = {
			status: 403,
			body: "added",
			headers: { "X-Added": "1" },
			subprotocol: "added",
			context: "added",
			getSetCookie: () => ["added"],
		};
		const polluted = (reply: unknown) => () => {
			Object.assign(Object.prototype, added);
			// Handlers' replies are read at once.
			queueMicrotask(() => {
				for (const name of Object.keys(added)) {
					Reflect.deleteProperty(Object.prototype, name);
				}
			});
			return reply;
		};
		for (const reply of [undefined, {}, { headers: { "X-A": "1" } }]) {
			const { status, lines } = await ask(polluted(reply), true);
			t.is(status, 101, String(await (errors.size > 0 ? errors.next() : "")));
			t.false(lines.some((line) => /added/i.test(line)));
		}
		for (const reply of [{}, { headers: [["X-A", "1"]] }]) {
			const { status, lines, body } = await ask(polluted(reply), false);
			t.is(status, 200);
			t.is(body, "");
			t.false(lines.some((line) => /added/i.test(line)));
		}
		t.is(errors.size, 0);
	},
);

class Denied {
	get status() {
		return 403;
	}
}

/** Replies that are none, most of them as they throw while they are read. */
const hostile: Record<string, () => unknown> = {
	"a status that throws": () => ({
		get status() {
			throw new Error("hostile");
		},
	}),
	"headers that throw": () => ({
		get headers() {
			throw new Error("hostile");
		},
	}),
	"a header that throws": () => ({
		headers: {
			"X-A": "1",
			get "X-B"() {
				throw new Error("hostile");
			},
		},
	}),
	"a body that throws": () => ({
		status: 200,
		get body() {
			throw new Error("hostile");
		},
	}),
	"a Proxy that is revoked": () => {
		const { proxy, revoke } = Proxy.revocable({}, {});
		revoke();
		return proxy;
	},
	...Object.fromEntries(
		["get", "ownKeys", "getOwnPropertyDescriptor"].map((trap) => [
			`a Proxy with a trap for ${trap}`,
			() =>
				new Proxy(
					{ status: 403 },
					{
						[trap]() {
							throw new Error("hostile");
						},
					},
				),
		]),
	),
	"a Proxy as headers": () => ({
		headers: new Proxy(
			{},
			{
				getPrototypeOf() {
					throw new Error("hostile");
				},
			},
		),
	}),
	"something thrown that is no error": () => ({
		get headers() {
			throw null;
		},
	}),
	"a status of its class": () => new Denied(),
	"an array": () => [],
	"a string": () => "403",
	"a function": () => () => ({ status: 403 }),
	"a name that is misspelt": () => ({ header: {} }),
};
for (const [title, make] of Object.entries(hostile)) {
	test(`a reply that is ${title} is an error, and the answer is 500`, async (t) => {
		const { ask, errors } = await answering(t);
		for (const upgrade of [true, false]) {
			for (const reply of [() => make(), async () => make()]) {
				const { status, body } = await ask(reply, upgrade);
				t.is(status, 500);
				t.is(body, "the server failed\n");
				t.true((await errors.next()) instanceof Error);
			}
		}
		t.is(errors.size, 0);
		t.is((await ask({ body: "still there" }, false)).body, "still there");
	});
}

test("what a handler does to its request changes nothing", async (t) => {
	const { port } = await serve(t, {
		onRequest(request) {
			Object.assign(request, { aborted: true, method: "HEAD" });
			return { body: "all of it" };
		},
	});
	const client = await tcp(t, port);
	client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	t.true(String(await client.readToEnd()).endsWith("all of it"));
});
