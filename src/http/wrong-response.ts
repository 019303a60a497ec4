import { GevError, shown } from "../base/errors.js";

/** @internal A handler's reply is not what it has to be. */
export function wrong(expected: string, value: unknown): GevError {
	return new GevError("ERR_GEV_RESPONSE", `${expected}, not ${shown(value)}`);
}
