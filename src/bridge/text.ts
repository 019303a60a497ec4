import { decodeUtf8 } from "#binding";
import type { SharedBuffer } from "./shared-buffer.js";

/** The text in the bytes from `start` to `end`, which are UTF-8 and not only ASCII. */
export function utf8Text(
	bytes: SharedBuffer,
	start: number,
	end: number,
): string {
	return end - start < LONG_BYTES
		? bytes.utf8Slice(start, end)
		: decodeLong(bytes, start, end);
}

/** Writes text, which takes `length` bytes in UTF-8. */
export function writeAll(
	to: SharedBuffer,
	text: string,
	at: number,
	length: number,
): void {
	// Nothing but ASCII: characters are bytes.
	if (length === text.length) to.latin1Write(text, at, length);
	else to.utf8Write(text, at, length);
}

/** Node.js before 24 decodes what is not ASCII byte by byte; for long text that is several times what the addon needs. */
const decodeLong: typeof utf8Text = isSlow(process.versions)
	? decodeUtf8
	: (bytes, start, end) => bytes.utf8Slice(start, end);

function isSlow(versions: NodeJS.ProcessVersions & { deno?: string }): boolean {
	const { bun, deno, node } = versions;
	return (
		bun === undefined && deno === undefined && Number.parseInt(node, 10) < 24
	);
}

/** From here on a call of the addon costs less. */
const LONG_BYTES = 1024;
