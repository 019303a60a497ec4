import { createContext, runInContext } from "node:vm";
import type { Random } from "../kit/random.js";

/** Memory whose size can change: of ES2024, and in every Node.js that is supported. */
export type Resizable = ArrayBuffer & { resize(bytes: number): void };
export type Growable = SharedArrayBuffer & { grow(bytes: number): void };

interface Transferable extends ArrayBuffer {
	transfer?(): ArrayBuffer;
}

export function resizable(bytes: number, most: number): Resizable {
	const Memory = ArrayBuffer as unknown as new (
		bytes: number,
		options: { maxByteLength: number },
	) => Resizable;
	return new Memory(bytes, { maxByteLength: most });
}

export function growable(bytes: number, most: number): Growable {
	const Memory = SharedArrayBuffer as unknown as new (
		bytes: number,
		options: { maxByteLength: number },
	) => Growable;
	return new Memory(bytes, { maxByteLength: most });
}

/** Takes the memory away from whoever has it. */
export function detach(memory: ArrayBuffer, random: Random): void {
	const { transfer } = memory as Transferable;
	if (transfer !== undefined && random.chance(50)) transfer.call(memory);
	else structuredClone(memory, { transfer: [memory] });
}

/** Memory of its own with these bytes somewhere in it. */
export function placed(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
	const memory = new Uint8Array(bytes.length + 24).fill(0xee);
	memory.set(bytes, 8);
	return memory.subarray(8, 8 + bytes.length);
}

/** Memory that is these bytes and nothing else. */
export function exactly(bytes: Uint8Array): ArrayBuffer {
	return new Uint8Array(bytes).buffer;
}

/** Properties that inherit nothing of what others have given to all objects. */
export function own<Properties extends object>(
	properties: Properties,
): Properties {
	return Object.assign(Object.create(null), properties);
}

/** The built-in classes of another realm. */
export const realm = runInContext(
	"({ Uint8Array, Uint16Array, DataView, ArrayBuffer, Error, Object, String })",
	createContext({}),
) as Pick<
	typeof globalThis,
	"Uint8Array" | "Uint16Array" | "DataView" | "ArrayBuffer" | "Error" | "Object"
> & { String: StringConstructor };
