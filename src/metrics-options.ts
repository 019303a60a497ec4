import * as check from "./base/check.js";
import { boolean, integer, OptionTable, option } from "./base/option-table.js";

/** Where a server tells what it does: a live page at `/`, `/metrics` for Prometheus, `/json` and `/healthz`, over HTTP. */
export class MetricsOptions {
	/**
	 * Address or name to listen at.
	 *
	 * @defaultValue "127.0.0.1"
	 */
	host?: string = option((value, name) => check.text(name, value), "127.0.0.1");
	/**
	 * Port to listen on; 0 lets the system choose: `Server.metricsAddress` or `WorkerPool.metricsAddress` has it then.
	 *
	 * @defaultValue 0
	 */
	port?: number = integer({ min: 0, max: 65_535, default: 0 });
	/**
	 * Where the metrics are for Prometheus.
	 *
	 * @defaultValue "/metrics"
	 */
	path?: string = option((value, name) => {
		const path = check.text(name, value);
		if (/^\/[\w\-./~]*$/.test(path)) return path;
		throw check.wrong(name, "a path that begins with /", path);
	}, "/metrics");
	/**
	 * Who asks has to say it, as `Authorization: Bearer` and the token; but for `/healthz` and the page at `/`, which tell
	 * nothing. Give one where others can reach the address.
	 *
	 * @defaultValue undefined, which lets everybody ask
	 */
	token?: string | undefined = option(
		(value, name) => check.text(name, value),
		undefined,
	);
	/**
	 * Names, besides `localhost`, the option `host` and IP addresses, that requests may have in `Host`. Others are turned
	 * away, as a page of a stranger's could reach the address by a name that it has made point there.
	 *
	 * @defaultValue []
	 */
	hosts?: readonly string[] = option(
		(value, name) => check.texts(name, value),
		[],
	);
	/**
	 * Let the live page show the messages of one connection for half a minute: see `docs/live-page.md`. A pool has no live
	 * page, so that this means nothing there.
	 *
	 * @defaultValue false
	 */
	tap?: boolean = boolean({ default: false });
}

/** @internal */
export const metricsOptions = new OptionTable("metrics", MetricsOptions);
