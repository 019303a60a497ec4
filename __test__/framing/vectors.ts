import type { FramesOptions, StreamProtocol } from "gev";

/** A protocol that a configuration cuts, with bytes from its own document, or from an encoder that is not ours. */
export interface FramedProtocol<
	Framing extends FramesOptions | StreamProtocol<"frames" | "textFrames"> =
		| FramesOptions
		| StreamProtocol<"frames" | "textFrames">,
> {
	framing: Framing;
	/** Where the bytes are from. */
	source: string;
	/** What comes. */
	wire: Buffer;
	/** What has to come of it. */
	messages: (Buffer | string)[];
	/** What is sent comes back as the same bytes, message by message; false for those whose answers are other frames. */
	isEchoed?: boolean;
}

export const hex = (text: string) =>
	Buffer.from(text.replace(/\s/g, ""), "hex");
export const latin1 = (text: string) => Buffer.from(text, "latin1");

/** Frames that are handed over as they are. */
export function whole<Framing extends FramedProtocol["framing"]>(
	framing: Framing,
	source: string,
	...wire: Buffer[]
): FramedProtocol<Framing> {
	return { framing, source, wire: Buffer.concat(wire), messages: wire };
}

/** Frames of which some is handed over: each as it comes, and its message. */
export function bodies<Framing extends FramedProtocol["framing"]>(
	framing: Framing,
	source: string,
	...frames: [wire: Buffer, message: Buffer | string][]
): FramedProtocol<Framing> {
	const wire = Buffer.concat(frames.map(([wire]) => wire));
	return { framing, source, wire, messages: frames.map(([, it]) => it) };
}
