import * as check from "./check.js";
import { GevError } from "./errors.js";

/**
 * Options are told once, as the fields of a class: the name, with its doc, and a row, which says what may be given and what
 * counts when nothing is.
 *
 * ```ts
 * export class SocketOptions {
 * 	// Its documentation, with `@defaultValue true`.
 * 	noDelay?: boolean = boolean({ default: true });
 * }
 * const socketOptions = new OptionTable("socket", SocketOptions);
 * ```
 *
 * The class is the public type of the options, and {@link Checked} that of what a table makes of them. Nobody but a table
 * makes an instance, whose fields are rows then; the functions below say that they return the option's own type, so that
 * the compiler holds the two together. An option that may be absent has `undefined` in its type, and no default.
 *
 * A class as an option's type is a group. What one option may be can depend on others: see {@link Rule}.
 */
export class OptionTable<Options extends object> {
	readonly #name: string;
	readonly #names: readonly string[];
	readonly #rows: readonly Row[];
	/** Defaults that depend on nothing: what checked options begin with, as `send()` may need some for each message. */
	readonly #constants: Readonly<Record<string, unknown>>;

	/** `name` is what the options are called as a whole. A table has at most 31 rows. */
	constructor(name: string, Rows: new () => Options) {
		const rows: [string, Row][] = Object.entries(new Rows());
		if (rows.length > 31) throw new RangeError(`${name} has too many rows`);
		this.#name = name;
		this.#names = rows.map(([name]) => name);
		this.#rows = rows.map(([, row]) => row);
		const constants = rows.map(([name, row]) => [name, row.constant]);
		this.#constants = Object.fromEntries(constants);
	}

	/**
	 * Options with every default filled in. Misspelt ones are errors, not defaults. What counts are own properties, each read
	 * once and before any is checked: not what is inherited, or becomes of them later.
	 *
	 * `group` is the name of these options within `outer`, those that have been checked before.
	 *
	 * @throws {@link GevError} `ERR_GEV_OPTION` with the option's name, its group's before it, and the value.
	 */
	check(given: unknown, group?: string, outer?: object): Checked<Options> {
		const options = { ...this.#constants };
		const isGiven = this.#read(given, group ?? this.#name, options);
		for (let index = 0; index < this.#rows.length; index++) {
			const row = this.#rows[index] as Row;
			const name = this.#names[index] as string;
			if ((isGiven & (1 << index)) !== 0) {
				const fullName = group === undefined ? name : `${group}.${name}`;
				options[name] = row.check(options[name], fullName, options, outer);
			} else if (row.rule !== undefined) {
				options[name] = row.rule(options, outer);
			}
		}
		return options as Checked<Options>;
	}

	/** Puts what is given, unchecked, into `options`; returns a bit for each row, set where something is. */
	#read(
		given: unknown,
		name: string,
		options: Record<string, unknown>,
	): number {
		if (given === undefined) return 0;
		if (typeof given !== "object" || given === null || Array.isArray(given)) {
			throw check.wrong(name, "an object", given);
		}
		let isGiven = 0;
		for (const key of Object.keys(given)) {
			const index = this.#names.indexOf(key);
			if (index < 0) {
				throw new GevError(
					"ERR_GEV_OPTION",
					`${name}.${key} is not an option; known are ${this.#names.join(", ")}`,
				);
			}
			const value = (given as Record<string, unknown>)[key];
			if (value === undefined) continue;
			options[key] = value;
			isGiven |= 1 << index;
		}
		return isGiven;
	}
}

/** Options with every default filled in; of those that may be given in short, as their group. */
export type Checked<Options> = {
	readonly [Name in keyof Options]-?: CheckedValue<Options[Name]>;
};

type CheckedValue<Value> = [GroupIn<Value>] extends [never]
	? Value
	: Checked<GroupIn<Value>> | Extract<Value, undefined>;

/** Groups are those objects that may be empty. */
type GroupIn<Value> = Value extends object
	? object extends Value
		? Value
		: never
	: never;

/**
 * A value, or what says it once other options are known: those before it in its own table, and those before its group in
 * the table around. Both are {@link Checked} as far as that; what comes later has not been checked.
 */
type Rule<Value> = Value | ((before: never, outer: never) => Value);

/** Checks one option; `name` is the full one. */
type Check<Value> = (
	value: unknown,
	name: string,
	before: never,
	outer: never,
) => Value;

/** What there is to know of one option. */
class Row {
	readonly check: (
		value: unknown,
		name: string,
		before: object,
		outer: object | undefined,
	) => unknown;
	/** The default, if it depends on nothing. */
	readonly constant: unknown;
	/** Says the default otherwise. */
	readonly rule: ((before: object, outer?: object) => unknown) | undefined;

	constructor(check: Check<unknown>, fallback: unknown) {
		const isRule = typeof fallback === "function";
		this.check = check as Row["check"];
		this.constant = isRule ? undefined : fallback;
		this.rule = isRule ? (fallback as Row["rule"]) : undefined;
	}
}

/** An option with a check of its own. */
export function option<Value>(
	check: Check<Value>,
	fallback: Rule<Value>,
): Value {
	// The one place where a row is taken for its option: see the head of this file.
	return new Row(check, fallback) as unknown as Value;
}

/** A whole number from `min` to `max`, or 0 if that means something of its own. */
export function integer(rule: {
	default: Rule<number>;
	min: number;
	max: Rule<number>;
	orZero?: boolean;
}): number {
	const { min, max, orZero = false } = rule;
	const most = typeof max === "number" ? () => max : max;
	return option((value, name, before, outer) => {
		if (orZero && value === 0) return 0;
		return check.integer(name, value, min, most(before, outer));
	}, rule.default);
}

/** Milliseconds, from `min` (0 if it is left out) to the longest time that Node's timers take too. */
export function milliseconds(rule: { default: number; min?: number }): number {
	return integer({ min: 0, max: MAX_MS, ...rule });
}

/** The longest time that an option takes. */
export const MAX_MS = 2 ** 31 - 1;

/** True or false. */
export function boolean(rule: { default: Rule<boolean> }): boolean {
	return option((value, name) => check.boolean(name, value), rule.default);
}

/** One of some words. */
export function oneOf<Word extends string>(
	words: readonly Word[],
	rule: { default: NoInfer<Word> },
): Word {
	return option((value, name) => check.oneOf(name, value, words), rule.default);
}

/** Options that belong together. */
export function group<Options extends object>(
	Rows: new () => Options,
): Options {
	const table = new OptionTable("", Rows);
	const read = (value: unknown, name: string, before: object) =>
		table.check(value, name, before);
	// Without the group there are the defaults, some of which depend on what is around it.
	const defaults = (before: object) => table.check(undefined, "", before);
	return option(read as Check<unknown>, defaults as Rule<unknown>) as Options;
}
