import type { CloseReason } from "../bridge/close-reason.js";
import type { CommandQueue } from "../bridge/command-queue.js";
import type { LoopRequest } from "../bridge/loop-server.js";
import { COMMAND_ACCEPT } from "../bridge/records.js";
import type { CopiedRequest } from "./copied-request.js";
import { type Given, readResponse, readUpgradeReply } from "./reply.js";
import {
	acceptance,
	type CheckedResponse,
	checkedResponse,
	responseBytes,
} from "./response.js";
import { isWebResponse, readWebResponse } from "./web-response.js";

/** A request that the handler is asked about, from there until its connection is open or gone. */
export class AskedRequest implements LoopRequest {
	readonly request: CopiedRequest;
	/** Context of the connection, if one comes about. */
	context: unknown = undefined;

	readonly #commands: CommandQueue;
	readonly #slot: number;
	readonly #generation: number;
	readonly #isUpgrade: boolean;
	readonly #refused: RequestDetails["refused"];
	readonly #maxBytes: number;
	/** The handler gets the request, and may change it. */
	readonly #method: string;
	#answered = false;
	/** The client has left before its answer. */
	#aborted = false;
	/** The body of a web `Response` is being read. */
	#reading: AbortController | undefined;

	constructor(
		request: CopiedRequest,
		place: RequestPlace,
		details: RequestDetails,
	) {
		this.request = request;
		this.#commands = place.commands;
		this.#slot = place.slot;
		this.#generation = place.generation;
		this.#isUpgrade = details.isUpgrade;
		this.#refused = details.refused;
		this.#maxBytes = details.maxBytes;
		this.#method = request.method;
	}

	/** The member of the handler that answers it. */
	get member(): "onUpgrade" | "onRequest" {
		return this.#isUpgrade ? "onUpgrade" : "onRequest";
	}

	/** The handler has thrown, or its reply is wrong. */
	fail(): void {
		this.#send(FAILURE, "the handler failed");
	}

	/** The client is gone. If its time was over before it had an answer, it has got the one that says so. */
	ended({ cause, reason }: CloseReason): void {
		if (this.#answered) return;
		this.#refused(cause === "timeout" ? 503 : undefined, reason);
		this.#aborted = true;
		this.request.aborted = true;
		this.#reading?.abort();
	}

	/** Answers what the handler says: now, or when the promise is fulfilled. Throws, or rejects with, what is wrong with it. */
	answer(reply: unknown): Promise<void> | undefined {
		if (isWebResponse(reply)) return this.#answerAsRead(reply);
		const given = this.#isUpgrade
			? readUpgradeReply(reply)
			: readResponse(reply);
		if (this.#isUpgrade && !("status" in given)) this.#accept(given);
		else this.#respond(checkedResponse(given));
		return undefined;
	}

	async #answerAsRead(response: Response): Promise<void> {
		this.#reading = new AbortController();
		const { signal } = this.#reading;
		this.#respond(await readWebResponse(response, this.#maxBytes, signal));
	}

	#accept(given: Given): void {
		const details = acceptance(given, this.request);
		this.context = given.context;
		this.#commands.command(
			COMMAND_ACCEPT,
			this.#slot,
			this.#generation,
			details,
		);
	}

	#respond(response: CheckedResponse): void {
		this.#send(response, this.#isUpgrade ? "refused by onUpgrade" : undefined);
	}

	/** Answers; those who watch are told of the `refusal` if it is one. Nobody is left to hear it where the client is gone. */
	#send(response: CheckedResponse, refusal: string | undefined): void {
		const bytes = responseBytes(response, this.#method, this.#maxBytes);
		if (this.#aborted) return;
		this.#answered = true;
		this.#commands.respond(this.#slot, this.#generation, bytes);
		if (refusal !== undefined) this.#refused(response.status, refusal);
	}
}

/** Where the answer to a request goes. */
export interface RequestPlace {
	commands: CommandQueue;
	slot: number;
	generation: number;
}

/** What else there is to a request. */
export interface RequestDetails {
	/** It asks for a connection. */
	isUpgrade: boolean;
	/** Is told that no connection has come about. */
	refused: (status: number | undefined, reason: string) => void;
	/** Longest response. */
	maxBytes: number;
}

const FAILURE: CheckedResponse = {
	status: 500,
	lines: [],
	body: Buffer.from("the server failed\n"),
	isText: true,
};
