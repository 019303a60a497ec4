import { GevError, shown } from "./errors.js";

/**
 * Checks of what users give. Each returns the value, and throws `ERR_GEV_OPTION` with its name and the value seen when it is
 * something else.
 */

/** A whole number from `min` to `max`. */
export function integer(
	name: string,
	value: unknown,
	min: number,
	max: number,
): number {
	if (
		typeof value !== "number" ||
		!Number.isInteger(value) ||
		value < min ||
		value > max
	) {
		throw wrong(name, `a whole number from ${min} to ${max}`, value);
	}
	return value;
}

/** True or false. */
export function boolean(name: string, value: unknown): boolean {
	if (typeof value !== "boolean") throw wrong(name, "true or false", value);
	return value;
}

/** One of some words. */
export function oneOf<Word extends string>(
	name: string,
	value: unknown,
	words: readonly Word[],
): Word {
	const known = words.find((word) => word === value);
	if (known === undefined) {
		const expected = words.map((word) => `"${word}"`).join(", ");
		throw wrong(name, `one of ${expected}`, value);
	}
	return known;
}

/** A string that is not empty. */
export function text(name: string, value: unknown): string {
	if (typeof value !== "string" || value === "") {
		throw wrong(name, "a string that is not empty", value);
	}
	return value;
}

/** An array of strings none of which is empty. */
export function texts(name: string, value: unknown): string[] {
	if (
		!Array.isArray(value) ||
		!value.every((item) => typeof item === "string" && item !== "")
	) {
		throw wrong(name, "an array of strings that are not empty", value);
	}
	return [...value];
}

export function wrong(
	name: string,
	expected: string,
	value: unknown,
): GevError {
	return new GevError(
		"ERR_GEV_OPTION",
		`${name} must be ${expected}, not ${shown(value)}`,
	);
}
