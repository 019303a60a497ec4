import type { CommandQueue } from "./command-queue.js";
import { type CloseReason, type Handler, isThenable } from "./handler.js";
import { layout } from "./layout.js";
import {
	type Acceptance,
	acceptance,
	type CopiedRequest,
	type HttpResponse,
	isRefusal,
	type Refusal,
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
	readonly #refused: PendingDetails["refused"];
	readonly #maxBytes: number;
	#answered = false;

	constructor(request: CopiedRequest, details: PendingDetails) {
		this.request = request;
		this.#commands = details.commands;
		this.#slot = details.slot;
		this.#generation = details.generation;
		this.#isUpgrade = details.isUpgrade;
		this.#refused = details.refused;
		this.#maxBytes = details.maxBytes;
	}

	/** Asks the handler, and answers what it says. `failed` is told, once, of what it throws and of a wrong reply. */
	ask(handler: Handler, failed: (error: unknown) => void): void {
		const fail = (error: unknown) => {
			this.#respond({ status: 500, body: "the server failed\n" });
			this.#tell(500, "the handler failed");
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

	/** The client is gone. Without an answer it has got, if it was for that, the one that it was not answered in time. */
	ended({ cause, reason }: CloseReason): void {
		if (this.#answered) return;
		this.#tell(cause === "timeout" ? 503 : undefined, reason);
		this.request.aborted = true;
	}

	#answer(reply: UpgradeReply | HttpResponse): void {
		if (!this.#isUpgrade || isRefusal(reply)) {
			this.#respond(reply as HttpResponse);
			if (this.#isUpgrade)
				this.#tell((reply as Refusal).status, "refused by onUpgrade");
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

	/** The handshake has failed. Who is gone has been told of already. */
	#tell(status: number | undefined, reason: string): void {
		if (!this.request.aborted) this.#refused(status, reason);
	}
}

/** Where the answer to a request goes. */
export interface PendingDetails {
	commands: CommandQueue;
	slot: number;
	generation: number;
	/** It asks for a connection. */
	isUpgrade: boolean;
	/** Is told that no connection has come about. */
	refused: (status: number | undefined, reason: string) => void;
	/** Longest response. */
	maxBytes: number;
}
