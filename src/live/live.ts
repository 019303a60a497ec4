import { page } from "#page";
import { now } from "../base/clock.js";
import { watch } from "../flow/channels.js";
import { Journal } from "./journal.js";
import { type ShownOption, shownOptions } from "./options-shown.js";
import { Tap } from "./tap.js";
import { type LoopOfMany, Top } from "./top.js";

/** The live page of a server, and what it shows besides the server's counts. */
export class Live {
	readonly #top: Top;
	readonly #options: ShownOption[];
	readonly #journal = new Journal();
	readonly #tap: Tap | undefined;

	constructor(
		server: object,
		loops: () => readonly LoopOfMany[],
		options: LiveOptions,
	) {
		watch(server, this.#journal);
		this.#top = new Top(loops, this.#journal);
		this.#options = shownOptions(options.given, options.defaults);
		this.#tap = options.tap ? new Tap() : undefined;
	}

	/** As JSON; takes the same time however many connections there are. */
	report() {
		return {
			now: Math.round(now()),
			/** How long the thread was at work, from its begin on. */
			activeMs: Math.round(performance.eventLoopUtilization?.().active ?? 0),
			...this.#journal.report(),
			top: this.#top.look(),
			tap: this.#tap !== undefined,
			options: this.#options,
		};
	}

	/**
	 * What the tap has heard behind the message with the number `after`; from 0 on it begins to listen to the connection with
	 * this id. Undefined where there is no tap.
	 */
	tap(id: string, after: number) {
		const tap = this.#tap;
		if (tap === undefined) return undefined;
		const connection = after === 0 ? this.#top.find(id) : undefined;
		if (connection !== undefined && !tap.isAt(connection)) {
			tap.begin(id, connection);
		}
		return tap.report(after);
	}
}

/** What the page shows of the options, and which of them concern it. */
export interface LiveOptions {
	readonly given: object;
	readonly defaults: object;
	readonly tap: boolean;
}

/** The page, and what it may do: run its own script, and ask where it came from. */
export function livePage(): { headers: Record<string, string>; body: string } {
	const policy = [
		"default-src 'none'",
		`script-src ${hashOf("script")}`,
		`style-src ${hashOf("style")}`,
		...["connect-src 'self'", "img-src data:", "base-uri 'none'"],
		...["form-action 'none'", "frame-ancestors 'none'"],
	];
	const headers = {
		"Content-Security-Policy": policy.join("; "),
		"Referrer-Policy": "no-referrer",
	};
	return { headers, body: page };
}

function hashOf(tag: string): string {
	const [, text = ""] = page.split(new RegExp(`</?${tag}>`));
	const { createHash } = process.getBuiltinModule("node:crypto");
	return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
