import { headerLines } from "./header-lines.js";
import { bodyOf, type CheckedResponse, statusOf } from "./response.js";
import { wrong } from "./wrong-response.js";

/** @internal True for a web `Response`, of whatever realm or package. */
export function isWebResponse(reply: unknown): reply is Response {
	return Object.prototype.toString.call(reply) === "[object Response]";
}

/**
 * @internal Reads all of a `Response`, its body too, as long as nobody aborts that.
 *
 * @throws (rejects with) {@link GevError} `ERR_GEV_RESPONSE`, or what its body fails with.
 */
export async function readWebResponse(
	response: Response,
	maxBytes: number,
	signal: AbortSignal,
): Promise<CheckedResponse> {
	const { status, headers, body, bodyUsed } = response;
	if (bodyUsed || body?.locked) {
		throw wrong("a Response must not have been read", response);
	}
	if (body && typeof body.getReader !== "function") {
		throw wrong("a Response must have a web stream as its body", body);
	}
	const reader = body?.getReader();
	const cancel = () => void reader?.cancel().catch(() => {});
	signal.addEventListener("abort", cancel);
	try {
		return {
			status: statusOf(status),
			// A Response that was fetched has what its own connection needed.
			lines: headerLines(headers, true),
			body: reader ? await readAll(reader, maxBytes) : Buffer.alloc(0),
			isText: false,
		};
	} catch (error) {
		cancel();
		throw error;
	}
}

async function readAll(
	reader: ReadableStreamDefaultReader<unknown>,
	maxBytes: number,
): Promise<Buffer> {
	const chunks: Uint8Array[] = [];
	let length = 0;
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return Buffer.concat(chunks);
		const chunk = bodyOf(value);
		length += chunk.length;
		if (length > maxBytes) {
			throw wrong(`a response must not exceed ${maxBytes} bytes`, length);
		}
		chunks.push(chunk);
	}
}
