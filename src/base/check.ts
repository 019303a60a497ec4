import { GevError, shown } from "./errors.js";

/**
 * Checks of option values. Each returns the value, or its default when it is `undefined`, and throws
 * `ERR_GEV_OPTION` with the option's name and the value seen when it is something else.
 */

/** A whole number from `min` to `max`; without a default it has to be there. */
export function integer(
	name: string,
	value: unknown,
	fallback: number | undefined,
	min: number,
	max: number,
): number {
	if (value === undefined && fallback !== undefined) return fallback;
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
export function boolean(
	name: string,
	value: unknown,
	fallback: boolean,
): boolean {
	if (value === undefined) return fallback;
	if (typeof value !== "boolean") throw wrong(name, "true or false", value);
	return value;
}

/** One of some words. */
export function oneOf<Word extends string>(
	name: string,
	value: unknown,
	fallback: Word,
	words: readonly Word[],
): Word {
	if (value === undefined) return fallback;
	const known = words.find((word) => word === value);
	if (known === undefined) {
		throw wrong(
			name,
			`one of ${words.map((word) => `"${word}"`).join(", ")}`,
			value,
		);
	}
	return known;
}

/** A string that is not empty. */
export function text(
	name: string,
	value: unknown,
	fallback: string | undefined,
): string | undefined {
	if (value === undefined) return fallback;
	if (typeof value !== "string" || value === "") {
		throw wrong(name, "a string that is not empty", value);
	}
	return value;
}

/** An array of strings none of which is empty. */
export function texts(name: string, value: unknown): string[] | undefined {
	if (value === undefined) return undefined;
	if (
		!Array.isArray(value) ||
		!value.every((item) => typeof item === "string" && item !== "")
	) {
		throw wrong(name, "an array of strings that are not empty", value);
	}
	return [...value];
}

/**
 * An object all of whose keys are known: a misspelt option is an error, not a default. Returns what its own properties are,
 * each read once, and nothing else: what it inherits, or becomes later, does not count.
 */
export function options(
	name: string,
	value: unknown,
	known: readonly string[],
): Record<string, unknown> {
	const given: Record<string, unknown> = Object.create(null);
	if (value === undefined) return given;
	if (typeof value !== "object" || value === null || Array.isArray(value)) {
		throw wrong(name, "an object", value);
	}
	for (const key of Object.keys(value)) {
		if (!known.includes(key)) {
			throw new GevError(
				"ERR_GEV_OPTION",
				`${name}.${key} is not an option; known are ${known.join(", ")}`,
			);
		}
		given[key] = (value as Record<string, unknown>)[key];
	}
	return given;
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
