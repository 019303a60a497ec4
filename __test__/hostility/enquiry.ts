import { connect, type Socket } from "node:net";
import type { Answer } from "./answers.js";
import { describe } from "./arrivals.js";
import { own } from "./memory.js";

/** A plain HTTP request, by a client that takes apart what it gets by itself. */
export class Enquiry {
	isDone = false;
	readonly #socket: Socket;

	/**
	 * @param judge - gets what is wrong with the response, "" for nothing; undefined where there was none.
	 */
	constructor(
		port: number,
		target: string,
		answer: Answer,
		judge: (wrong: string | undefined) => void,
	) {
		const socket = connect(own({ port, host: "127.0.0.1" }));
		this.#socket = socket;
		const pieces: Buffer[] = [];
		socket.on("data", (bytes: Buffer) => pieces.push(bytes));
		socket.on("error", () => {});
		socket.on("close", () => {
			if (this.isDone) return;
			this.isDone = true;
			const all = Buffer.concat(pieces);
			judge(all.length === 0 ? undefined : fault(all, answer));
		});
		socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
	}

	/** Leaves without having read the response. */
	abandon(): void {
		this.isDone = true;
		this.#socket.destroy();
	}
}

/** What is wrong with a response that came of no answer. */
export const UNANSWERED = "answered with 503, for want of an answer in time";

/** What is wrong with a response; "" for nothing. */
function fault(response: Buffer, answer: Answer): string {
	const end = response.indexOf("\r\n\r\n");
	const head = response.subarray(0, Math.max(end, 0)).toString("latin1");
	const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
	const length = /^content-length: (\d+)$/im.exec(head)?.[1];
	const body = response.subarray(end + 4);
	if (length !== undefined && Number(length) !== body.length) {
		return `${body.length} bytes behind Content-Length: ${length}`;
	}
	if (status === 500 && answer.mayFail) return "";
	if (status === 503 && answer.status !== 503) return UNANSWERED;
	if (status !== answer.status) {
		return `status ${status}, not ${answer.status} (${answer.name})`;
	}
	if (answer.body !== undefined && !answer.body.equals(body)) {
		return `${describe(body)}, not ${describe(answer.body)} (${answer.name})`;
	}
	return "";
}
