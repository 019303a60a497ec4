import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { type ServerOptions, webSocket } from "gev";
import { foreignEnvironment } from "../kit/program.js";
import { Queue } from "../kit/queue.js";
import { serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";

/** The live page in a browser: what its panels say is what clients have done. */

/** What is used of playwright-core, whose own types need those of browsers. */
interface Page {
	on(event: "pageerror", listener: (error: Error) => void): void;
	on(
		event: "console",
		listener: (line: { type(): string; text(): string }) => void,
	): void;
	goto(url: string): Promise<unknown>;
	evaluate(expression: string): Promise<unknown>;
	click(selector: string): Promise<void>;
	check(selector: string): Promise<void>;
	textContent(selector: string): Promise<string | null>;
	setViewportSize(size: { width: number; height: number }): Promise<void>;
	emulateMedia(media: { colorScheme: "light" | "dark" }): Promise<void>;
}

interface Playwright {
	chromium: {
		launch(options: {
			executablePath: string;
			args: string[];
			env: Record<string, string | undefined>;
		}): Promise<{
			newPage(): Promise<Page>;
			close(): Promise<void>;
		}>;
	};
}

const { chromium } = createRequire(import.meta.url)(
	"playwright-core",
) as Playwright;

const executablePath = [
	process.env.CHROMIUM ?? "",
	"/usr/bin/chromium",
	"/usr/bin/chromium-browser",
	"/usr/bin/google-chrome",
].find((path) => existsSync(path));

const inBrowser = executablePath === undefined ? test.skip : test;
if (executablePath === undefined) {
	console.log("no Chromium is here, so nobody looks at the live page");
}

/** What a figure of the page has drawn, name by name: a value for each second. */
type Drawn = Record<string, number[]>;

async function open(t: ExecutionContext, options: ServerOptions = {}) {
	let isBusy = false;
	const closed = new Queue<unknown>();
	const { server, port, url } = await serve(
		t,
		{
			onMessage(_connection, message) {
				const end = performance.now() + (isBusy ? 20 : 0);
				while (performance.now() < end);
				return message;
			},
			onClose: (connection) => closed.push(connection),
		},
		{ metrics: { tap: true }, protocol: webSocket(), ...options },
	);
	const browser = await chromium.launch({
		executablePath: executablePath as string,
		args: ["--no-sandbox"],
		env: foreignEnvironment(),
	});
	t.teardown(() => browser.close());
	const page = await browser.newPage();
	const problems: string[] = [];
	page.on("pageerror", (error) => problems.push(String(error)));
	page.on("console", (line) => {
		if (line.type() === "error") problems.push(line.text());
	});
	const { metricsAddress } = server;
	await page.goto(`http://127.0.0.1:${metricsAddress?.port}/`);
	await when(page, "past.busy !== undefined");
	const busy = (value: boolean) => {
		isBusy = value;
	};
	return { server, port, url, page, problems, busy, closed };
}

/** Waits for what the page is to come to. */
async function when(page: Page, expression: string): Promise<void> {
	while (!(await page.evaluate(expression))) await setTimeout(50);
}

/** The cells of a table, row by row. */
const cells = (page: Page, id: string) =>
	page.evaluate(
		`[...document.querySelectorAll("#${id} tr")].map((row) => [...row.children].map((cell) => cell.textContent))`,
	) as Promise<string[][]>;

const drawn = (page: Page, id: string) =>
	page.evaluate(`structuredClone(past.${id})`) as Promise<Drawn>;

const sum = (values: readonly number[] = []) =>
	values.reduce((all, one) => all + one, 0);

inBrowser(
	"the page shows what clients send, and how many there are",
	async (t) => {
		const { page, problems, url } = await open(t, { loops: 2 });
		const clients = await Promise.all(
			Array.from({ length: 30 }, () => connect(t, url)),
		);
		let sent = 0;
		const end = performance.now() + 4000;
		while (performance.now() < end) {
			for (const { socket } of clients) socket.send("x".repeat(100));
			for (const { messages } of clients) await messages.next();
			sent += clients.length;
			await setTimeout(20);
		}
		// As much is drawn as has happened, when a look has found nothing new.
		await when(page, "past.messages.in.at(-1) === 0");
		const { in: received, out } = await drawn(page, "messages");
		t.true(
			Math.abs(sum(received) / sent - 1) < 0.2,
			`${sum(received)} ${sent}`,
		);
		t.true(Math.abs(sum(out) / sent - 1) < 0.2, `${sum(out)} ${sent}`);
		const bytes = await drawn(page, "bytes");
		// A frame of a server has a head of two bytes, that of a client a mask of four more.
		const megabytes = (106 * sent) / 1e6;
		t.true(Math.abs(sum(bytes.in) / megabytes - 1) < 0.25);
		t.is((await drawn(page, "connections")).open?.at(-1), 30);

		const loops = await cells(page, "loops");
		t.is(loops.length, 3);
		t.is(loops[0]?.at(-1), "late");
		t.is(sum(loops.slice(1).map(([, count]) => Number(count))), 30);
		const top = await cells(page, "top");
		t.is(top.length, 21);
		t.deepEqual(top[0], ["peer", "buffered", "sent/s", "age", "tap"]);
		const own = new Set(top.slice(1).map(([peer]) => peer));
		t.is(own.size, 20);
		t.regex((await page.textContent("#looked")) ?? "", /^of 30 looked at$/);
		t.deepEqual(problems, []);
	},
);

inBrowser(
	"the page shows who has left, who was not let in, and what is set",
	async (t) => {
		const options = { limits: { maxConnections: 3 } };
		const { page, problems, url, port, closed } = await open(t, options);
		const stays = await connect(t, url);
		for (const code of [4000, 4001]) {
			const { socket } = await connect(t, url);
			socket.close(code, `bye ${code}`);
			await closed.next();
		}
		for (let count = 0; count < 2; count++) {
			const client = await tcp(t, port);
			client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
			await client.readToEnd();
			client.socket.destroy();
		}
		await when(
			page,
			'document.querySelectorAll("#closes tr").length === 3 && document.querySelector("#failures").textContent.includes("426")',
		);
		const closes = await cells(page, "closes");
		t.deepEqual(
			closes.slice(1).map(([, , cause, code, , text]) => [cause, code, text]),
			[
				["peer", "4001", "bye 4001"],
				["peer", "4000", "bye 4000"],
			],
		);
		const causes = await page.textContent("#causes");
		t.regex(causes ?? "", /^peer \d/);
		const failures = await cells(page, "failures");
		t.deepEqual(failures[1]?.slice(0, 2), ["2", "426"]);
		const set = await cells(page, "options");
		t.true(set.some((row) => String(row) === "limits.maxConnections,3,65,536"));
		const few = set.length;
		await page.check("#all");
		t.true((await cells(page, "options")).length > few + 20);
		stays.socket.close();
		t.deepEqual(problems, []);
	},
);

inBrowser("the page says who is slow: gev, or the handler", async (t) => {
	const { page, problems, url, busy } = await open(t);
	const { socket, messages } = await connect(t, url);
	await when(
		page,
		'document.querySelector("#verdict").textContent.startsWith("Neither gev nor your code")',
	);
	busy(true);
	let isOn = true;
	const load = (async () => {
		while (isOn) {
			socket.send("hello");
			await messages.next();
		}
	})();
	await when(
		page,
		'document.querySelector("#verdict").textContent.startsWith("Your code is the limit")',
	);
	await when(
		page,
		'/99 of 100\\s*(1[6-9]|[2-9]\\d)\\.\\d ms/.test(document.querySelector("#js").textContent)',
	);
	isOn = false;
	await load;
	t.deepEqual(problems, []);
});

inBrowser("the page listens to the connection that is clicked", async (t) => {
	const { page, problems, url } = await open(t);
	const { socket, messages } = await connect(t, url);
	await page.click("#top button");
	await when(page, 'document.querySelector("#tap").hidden === false');
	socket.send("<b>hello</b>");
	await messages.next();
	await when(page, 'document.querySelectorAll("#heard tr").length === 2');
	const heard = await cells(page, "heard");
	t.deepEqual(
		heard.map(([, what, text]) => [what, text]),
		[
			["out text 12", "<b>hello</b>"],
			["in text 12", "<b>hello</b>"],
		],
	);
	t.deepEqual(problems, []);
});

inBrowser(
	"the page fits a phone, and is dark where that is wanted",
	async (t) => {
		const { page } = await open(t);
		const width = "document.documentElement.scrollWidth";
		await page.setViewportSize({ width: 390, height: 844 });
		t.is(await page.evaluate(width), 390);
		const paper = () =>
			page.evaluate("getComputedStyle(document.body).backgroundColor");
		await page.emulateMedia({ colorScheme: "light" });
		const light = await paper();
		await page.emulateMedia({ colorScheme: "dark" });
		t.not(await paper(), light);
	},
);
