/** Programs that are installed. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where Debian has servers, which is not in everybody's PATH. */
const forServers = ["/usr/local/sbin", "/usr/sbin"];

/** The path of the first of these programs that is there. */
export function find(...names) {
	const folders = [...process.env.PATH.split(delimiter), ...forServers];
	return names
		.flatMap((name) => folders.map((folder) => join(folder, name)))
		.find((file) => existsSync(file));
}
