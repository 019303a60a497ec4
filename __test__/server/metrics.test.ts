import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import test, { type ExecutionContext } from "ava";
import {
	type GevError,
	type MetricsOptions,
	raw,
	Server,
	type ServerStats,
	WorkerPool,
} from "gev";
import { echo, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";

interface Answer {
	status: number | undefined;
	headers: http.IncomingHttpHeaders;
	body: string;
}

async function ask(
	port: number,
	path: string,
	options: http.RequestOptions = {},
): Promise<Answer> {
	const request = http.request({ port, host: "127.0.0.1", path, ...options });
	request.end();
	const [response] = (await once(request, "response")) as [
		http.IncomingMessage,
	];
	let body = "";
	for await (const chunk of response.setEncoding("utf8")) body += chunk;
	return { status: response.statusCode, headers: response.headers, body };
}

/** A server with metrics, and a way to ask for them. */
async function told(t: ExecutionContext, metrics: MetricsOptions = {}) {
	const { port, server } = await serve(t, echo, { protocol: raw(), metrics });
	const at = server.metricsAddress?.port ?? 0;
	const get = (path: string, options?: http.RequestOptions) =>
		ask(at, path, options);
	return { port, server, get, at };
}

/** The samples of a text, by name and labels. */
function samples(text: string): Map<string, number> {
	const lines = text.split("\n").filter((line) => /^gev_/.test(line));
	return new Map(
		lines.map((line) => {
			const at = line.lastIndexOf(" ");
			return [line.slice(0, at), Number(line.slice(at + 1))];
		}),
	);
}

test("metrics() says what stats() says", async (t) => {
	const { port, server } = await told(t);
	const client = await tcp(t, port);
	client.write("hello");
	await until(() => server.stats().sent.bytes === 5);
	const found = samples(server.metrics());
	t.is(found.get("gev_running"), 1);
	t.is(found.get("gev_connections"), 1);
	t.is(found.get("gev_received_bytes_total"), 5);
	t.is(found.get("gev_sent_messages_total"), 1);
	t.is(found.get('gev_loop_received_messages_total{loop="0"}'), 1);
	t.is(found.get('gev_connections_closed_total{cause="peer"}'), 0);
	await server.stop();
	const after = samples(server.metrics());
	t.is(after.get("gev_running"), 0);
	t.is(after.get("gev_received_bytes_total"), 5);
	t.is(after.get('gev_connections_closed_total{cause="stop"}'), 1);
});

test("promtool finds nothing wrong with metrics()", async (t) => {
	const { server, port } = await told(t);
	const client = await tcp(t, port);
	client.write("hello");
	await until(() => server.stats().sent.bytes === 5);
	try {
		const input = server.metrics();
		t.is(execFileSync("promtool", ["check", "metrics"], { input }).length, 0);
	} catch (error) {
		const { code, stdout } = error as { code?: string; stdout?: Buffer };
		if (code !== "ENOENT") t.fail(String(stdout));
		else
			t.pass(t.log("promtool is missing (Debian's package prometheus)") ?? "");
	}
});

test("docs/metrics.md has every metric, with what it is", async (t) => {
	const docs = new URL("../../../docs/metrics.md", import.meta.url);
	const rows = [
		...readFileSync(docs, "utf8").matchAll(
			/^\| `(gev_\w+)` \| (\w+) \| (.*) \|$/gm,
		),
	].map(([, ...row]) => row);
	const told = (text: string) =>
		[...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\w+)$/gm)].map(
			([, name, help, type]) => [name, type, help],
		);
	const all = told(await new WorkerPool("none.js").metrics());
	t.deepEqual(rows, all);
	const ofServer = told(new Server({}).metrics());
	t.deepEqual(all.slice(0, ofServer.length), ofServer);
});

test("collect() gives a register of prom-client what metrics() says", async (t) => {
	const { server } = await told(t);
	interface Registered {
		name: string;
		type: string;
		get(): Promise<{
			values: { metricName?: string; labels: object; value: number }[];
		}>;
	}
	const metrics: Registered[] = [];
	server.collect({
		registerMetric: (metric: never) => void metrics.push(metric),
	});
	const found = samples(server.metrics());
	const names = [...server.metrics().matchAll(/^# TYPE (\S+)/gm)];
	t.deepEqual(
		metrics.map(({ name }) => name),
		names.map(([, name]) => name as string),
	);
	let count = 0;
	for (const metric of metrics) count += (await metric.get()).values.length;
	t.is(count, found.size);
});

test("the option metrics serves text, JSON and health", async (t) => {
	const { server, get } = await told(t);
	const text = await get("/metrics");
	t.is(text.status, 200);
	t.is(
		text.headers["content-type"],
		"text/plain; version=0.0.4; charset=utf-8",
	);
	t.is(samples(text.body).get("gev_starts_total"), 1);
	const json = await get("/json?pretty");
	t.is((JSON.parse(json.body) as ServerStats).state, "running");
	t.deepEqual(
		await get("/healthz").then(({ status, body }) => [status, body]),
		[200, "ok\n"],
	);
	const head = await get("/metrics", { method: "HEAD" });
	t.is(head.status, 200);
	t.is(head.body, "");
	t.is((await get("/elsewhere")).status, 404);
	t.is((await get("/metrics", { method: "POST" })).status, 405);
	await server.stop();
	t.is(server.metricsAddress, undefined);
	await t.throwsAsync(get("/healthz"), { code: "ECONNREFUSED" });
});

test("health is bad while the server stops", async (t) => {
	const { port, server, get } = await told(t);
	const client = await tcp(t, port);
	await until(() => server.connectionCount === 1);
	// The client does not say goodbye.
	const stopped = server.stop({ timeoutMs: 60_000 });
	t.is((await get("/healthz")).status, 503);
	client.socket.destroy();
	await stopped;
});

test("who has no token learns nothing but the health", async (t) => {
	const { get } = await told(t, { token: "secret", path: "/m" });
	const authorization = (value: string) => ({
		headers: { authorization: value },
	});
	const refused = await get("/m");
	t.is(refused.status, 401);
	t.is(refused.headers["www-authenticate"], "Bearer");
	t.is((await get("/m", authorization("Bearer secre"))).status, 401);
	t.is((await get("/json")).status, 401);
	t.is((await get("/elsewhere")).status, 401);
	t.is((await get("/healthz")).status, 200);
	t.is((await get("/m", authorization("Bearer secret"))).status, 200);
});

test("pages of strangers are turned away", async (t) => {
	const { get, at } = await told(t, { hosts: ["metrics.example"] });
	const status = async (headers: http.OutgoingHttpHeaders) =>
		(await get("/json", { headers })).status;
	t.is(await status({ host: "evil.example" }), 403);
	t.is(await status({ host: `evil.example:${at}` }), 403);
	t.is(await status({ host: `localhost:${at}` }), 200);
	t.is(await status({ host: `[::1]:${at}` }), 200);
	t.is(await status({ host: "metrics.example" }), 200);
	const host = `127.0.0.1:${at}`;
	t.is(await status({ host, origin: "http://evil.example" }), 403);
	t.is(await status({ host, origin: "null" }), 403);
	t.is(await status({ host, origin: `http://${host}` }), 200);
});

test("a server whose metrics cannot be served does not start", async (t) => {
	const { at } = await told(t);
	const metrics = { port: at };
	const server = new Server({}, { host: "127.0.0.1", port: 0, metrics });
	const error = await t.throwsAsync<GevError>(server.start());
	t.is(error?.code, "EADDRINUSE");
	t.is(server.loopCount, 0);
	t.is(server.stats().state, "idle");
});

test("a server that cannot start serves no metrics", async (t) => {
	const { port } = await told(t);
	const server = new Server({}, { host: "127.0.0.1", port, metrics: {} });
	await t.throwsAsync(server.start(), { code: "EADDRINUSE" });
	t.is(server.metricsAddress, undefined);
});
