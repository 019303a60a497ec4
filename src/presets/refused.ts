import { GevError } from "../base/errors.js";

/** What is given to be sent cannot be. */
export function refused(why: string): GevError {
	return new GevError("ERR_GEV_DATA", `cannot be sent: ${why}`);
}
