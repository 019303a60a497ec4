import type { CommandQueue } from "./command-queue.js";
import { type Handler, isThenable } from "./handler.js";
import { layout } from "./layout.js";
import {
	type Acceptance,
	acceptance,
	type CopiedRequest,
	type HttpResponse,
	isRefusal,
	responseBytes,
	type UpgradeReply,
} from "./request.js";

/** A request that the handler is asked about, from there until its connection is open or gone. */
export class PendingRequest {
	readonly request: CopiedRequest;
	/** Context of the connection, if one comes about. */
	context: unknown = undefined;

	readonly #commands: CommandQueue;
	readonly #slot: number;
	readonly #generation: number;
	readonly #isUpgrade: boolean;
	readonly #maxBytes: number;
	#answered = false;

	constructor(
		request: CopiedRequest,
		{ commands, slot, generation, isUpgrade, maxBytes }: PendingDetails,
	) {
		this.request = request;
		this.#commands = commands;
		this.#slot = slot;
		this.#generation = generation;
		this.#isUpgrade = isUpgrade;
		this.#maxBytes = maxBytes;
	}

	/** Asks the handler, and answers what it says. `failed` is told, once, of what it throws and of a wrong reply. */
	ask(handler: Handler, failed: (error: unknown) => void): void {
		const fail = (error: unknown) => {
			this.#respond({ status: 500, body: "the server failed\n" });
			failed(error);
		};
		try {
			const reply = this.#isUpgrade
				? handler.onUpgrade?.(this.request)
				: handler.onRequest?.(this.request);
			if (isThenable(reply)) {
				Promise.resolve(reply)
					.then((reply) => this.#answer(reply))
					.catch(fail);
			} else {
				this.#answer(reply);
			}
		} catch (error) {
			fail(error);
		}
	}

	/** The client is gone. */
	ended(): void {
		this.request.aborted = !this.#answered;
	}

	#answer(reply: UpgradeReply | HttpResponse): void {
		if (!this.#isUpgrade || isRefusal(reply)) {
			this.#respond(reply as HttpResponse);
			return;
		}
		const accepted = reply as Acceptance | undefined | null;
		const details = acceptance(accepted, this.request);
		this.context = accepted?.context;
		this.#commands.command(
			layout.commandAccept,
			this.#slot,
			this.#generation,
			details,
		);
	}

	#respond(response: HttpResponse): void {
		const bytes = responseBytes(response, this.request.method, this.#maxBytes);
		this.#answered = true;
		this.#commands.respond(this.#slot, this.#generation, bytes);
	}
}

/** Where the answer to a request goes. */
export interface PendingDetails {
	commands: CommandQueue;
	slot: number;
	generation: number;
	/** It asks for a connection. */
	isUpgrade: boolean;
	/** Longest response. */
	maxBytes: number;
}
