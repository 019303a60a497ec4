import type * as http from "node:http";
import type { AddressInfo } from "node:net";
import { crypto, net, http as nodeHttp } from "./base/node-modules.js";
import type { Checked } from "./base/option-table.js";
import { startError } from "./bridge/start-error.js";
import { type Live, livePage } from "./live/live.js";
import { metricsText } from "./metrics.js";
import type { MetricsOptions } from "./metrics-options.js";
import type { ServerStats } from "./stats.js";

/** What the routes are answered from. */
export interface MetricsSource {
	isRunning(): boolean;
	stats(): ServerStats | Promise<ServerStats>;
}

/** Answers over HTTP what a server does. On Node's own server, as nothing of it is in a hurry. */
export class MetricsServer {
	readonly #server: http.Server;

	private constructor(server: http.Server) {
		this.#server = server;
	}

	/** Listens; rejects with the system's code if that cannot be. Does not keep the process alive. */
	static async start(
		options: Checked<MetricsOptions>,
		source: MetricsSource,
		live?: Live,
	): Promise<MetricsServer> {
		const { createServer } = nodeHttp();
		const routes = routesOf(options.path, live);
		const server = createServer(
			{ requestTimeout: 5000, headersTimeout: 5000, maxHeaderSize: 8192 },
			(request, response) =>
				void answer(request, response, options, routes, source).catch(() =>
					response.destroy(),
				),
		);
		server.maxConnections = 64;
		server.unref();
		const { host, port } = options;
		await new Promise<void>((resolve, reject) => {
			server.on("error", (error) =>
				reject(startError(error, `${host} port ${port}`)),
			);
			server.listen({ host, port }, resolve);
		});
		return new MetricsServer(server);
	}

	get address(): { address: string; port: number } {
		const { address, port } = this.#server.address() as AddressInfo;
		return { address, port };
	}

	/** Listens no more; who is being answered is cut. */
	stop(): void {
		this.#server.close();
		this.#server.closeAllConnections();
	}
}

type Answer = readonly [string, number?];

/** One thing that can be asked for. */
interface Route {
	/** Without a token too. */
	readonly isOpen?: boolean;
	readonly type: string;
	readonly headers?: Readonly<Record<string, string>>;
	/** The body, and the status if it is not 200. */
	readonly body: (
		source: MetricsSource,
		query: URLSearchParams,
	) => Answer | Promise<Answer>;
}

/** What there is for people. */
function livePages(live: Live): [string, Route][] {
	const { headers, body } = livePage();
	return [
		[
			"/",
			{
				isOpen: true,
				type: "text/html; charset=utf-8",
				headers,
				body: () => [body],
			},
		],
		[
			"/live",
			{
				type: "application/json",
				body: (source, query) => liveAnswer(source, live, query),
			},
		],
	];
}

/** All that can be asked for, by its path. */
function routesOf(
	metricsPath: string,
	live: Live | undefined,
): ReadonlyMap<string, Route> {
	return new Map<string, Route>([
		...(live === undefined ? [] : livePages(live)),
		[
			"/healthz",
			{
				isOpen: true,
				type: "text/plain; charset=utf-8",
				body: (source) =>
					source.isRunning() ? ["ok\n"] : ["not running\n", 503],
			},
		],
		[
			"/json",
			{
				type: "application/json",
				body: async (source) => [JSON.stringify(await source.stats())],
			},
		],
		[
			metricsPath,
			{
				type: METRICS_TYPE,
				body: async (source) => [metricsText(await source.stats())],
			},
		],
	]);
}

/** What the page asks for: all that it shows, or what its tap has heard. */
async function liveAnswer(
	source: MetricsSource,
	live: Live,
	query: URLSearchParams,
): Promise<Answer> {
	const id = query.get("tap");
	const heard = id && live.tap(id, Number(query.get("after")));
	if (id !== null && !heard) return ["{}", 404];
	const report = async () => ({
		...(await source.stats()),
		live: live.report(),
	});
	return [JSON.stringify(heard || (await report()))];
}

async function answer(
	request: http.IncomingMessage,
	response: http.ServerResponse,
	options: Checked<MetricsOptions>,
	routes: ReadonlyMap<string, Route>,
	source: MetricsSource,
): Promise<void> {
	const [path = "", query = ""] = (request.url ?? "").split("?", 2);
	const route = routes.get(path);
	const refused = refusal(request, options, route);
	if (refused !== undefined || route === undefined) {
		const status = refused ?? 404;
		if (status === 401) response.setHeader("WWW-Authenticate", "Bearer");
		if (status === 405) response.setHeader("Allow", "GET, HEAD");
		// A body that nobody reads must not be waited for.
		response.setHeader("Connection", "close");
		send(response, status, "text/plain; charset=utf-8", `${status}\n`);
		return;
	}
	const parameters = new URLSearchParams(query);
	const [body, status = 200] = await route.body(source, parameters);
	send(response, status, route.type, body, route.headers);
}

function send(
	response: http.ServerResponse,
	status: number,
	type: string,
	body: string,
	headers: Readonly<Record<string, string>> = {},
): void {
	response.writeHead(status, {
		...headers,
		"Content-Type": type,
		"Content-Length": Buffer.byteLength(body),
		"Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff",
	});
	response.end(body);
}

/** The status for who is turned away. */
function refusal(
	{ method, headers }: http.IncomingMessage,
	{ host, hosts, token }: Checked<MetricsOptions>,
	route: Route | undefined,
): number | undefined {
	const asked = hostNameOf(headers.host);
	const isKnown =
		net().isIP(asked) !== 0 || ["localhost", host, ...hosts].includes(asked);
	if (!isKnown || isForeign(headers)) return 403;
	if (method !== "GET" && method !== "HEAD") return 405;
	const needsToken = token !== undefined && route?.isOpen !== true;
	if (needsToken && !isSame(headers.authorization ?? "", `Bearer ${token}`)) {
		return 401;
	}
	return undefined;
}

/** A page of somebody else's asks. */
function isForeign({ host, origin }: http.IncomingHttpHeaders): boolean {
	return origin !== undefined && origin !== `http://${host}`;
}

/** `Host` without its port, and the brackets of IPv6. */
function hostNameOf(host = ""): string {
	return host
		.replace(/:\d*$/, "")
		.replace(/^\[(.*)\]$/, "$1")
		.toLowerCase();
}

/** Compares without telling by the time how much of it is right. */
function isSame(one: string, other: string): boolean {
	const { createHash, timingSafeEqual } = crypto();
	const [a, b] = [one, other].map((text) =>
		createHash("sha256").update(text).digest(),
	) as [Buffer, Buffer];
	return timingSafeEqual(a, b);
}

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
