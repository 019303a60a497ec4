/** Installed without optional dependencies: the error says so. */
import { createRequire } from "node:module";

try {
	createRequire(import.meta.url)("gev");
} catch (error) {
	if (error.code !== "ERR_GEV_BINDING") throw error;
	if (!error.message.includes("--omit=optional")) throw error;
	if (error.cause?.code !== "MODULE_NOT_FOUND") throw error;
	console.log("echoed");
}
