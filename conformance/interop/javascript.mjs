/**
 * The checks with a client in JavaScript, `javascript.mjs native|ws|undici URL`: a line `CHECK OUTCOME` for each.
 * It runs under Node.js, Bun and Deno.
 */
import { argv } from "node:process";
import { runChecks } from "../../build/__test__/kit/interop/checks.js";

const [name, url] = argv.slice(2);
const { client } = await import(`../../build/__test__/kit/interop/${name}.js`);
await runChecks(client, url, (check, outcome) => {
	console.log(`${check} ${outcome}`);
});
