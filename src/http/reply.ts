import { hasProperty } from "../base/has-property.js";
import { wrong } from "./wrong-response.js";

/**
 * @internal What a handler's member has returned: those properties that are there. Each is read once, before anything is
 * done; only those of the object itself count, as a library may have added anything to `Object.prototype`.
 */
export type Given = Readonly<Record<string, unknown>>;

/**
 * @internal What `onUpgrade` has returned: with a `status` a refusal, without one an acceptance.
 *
 * @throws {@link GevError} `ERR_GEV_RESPONSE`.
 */
export function readUpgradeReply(reply: unknown): Given {
	if (reply === undefined || reply === null) return NOTHING;
	const name = "onUpgrade()";
	const given = ownProperties(name, reply, [...ACCEPTANCE, "status", "body"]);
	checkNames(name, reply, "status" in given ? RESPONSE : ACCEPTANCE);
	return given;
}

/**
 * @internal What `onRequest` has returned.
 *
 * @throws {@link GevError} `ERR_GEV_RESPONSE`.
 */
export function readResponse(reply: unknown): Given {
	const name = "a response";
	const given = ownProperties(name, reply, RESPONSE);
	checkNames(name, reply, RESPONSE);
	return given;
}

function ownProperties(
	name: string,
	value: unknown,
	known: readonly string[],
): Given {
	if (typeof value !== "object" || value === null || Array.isArray(value)) {
		throw wrong(`${name} must be an object`, value);
	}
	const given: Record<string, unknown> = Object.create(null);
	for (const key of known) {
		if (Object.hasOwn(value, key)) {
			given[key] = (value as Record<string, unknown>)[key];
		} else if (hasProperty(value, key)) {
			// To overlook the status that a class gives its objects would be to accept whom it refuses.
			throw wrong(`${name} must have ${key} as a property of its own`, value);
		}
	}
	return given;
}

/** A property that is misspelt is an error. */
function checkNames(
	name: string,
	value: unknown,
	known: readonly string[],
): void {
	const unknown = Object.keys(value as object).find(
		(key) => !known.includes(key),
	);
	if (unknown !== undefined) {
		throw wrong(`${name} may have ${known.join(", ")}`, unknown);
	}
}

const ACCEPTANCE = ["context", "subprotocol", "headers"] as const;
const RESPONSE = ["status", "headers", "body"] as const;

const NOTHING: Given = Object.freeze(Object.create(null));
