/**
 * The checks in a page that the server itself has served to a browser, `chromium.mjs PLAYWRIGHT EXECUTABLE URL`: a line
 * `CHECK OUTCOME` for each. The page's scripts are this checkout's, put under the server's address.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

const [playwright, executablePath, url] = argv.slice(2);
const { chromium } = createRequire(import.meta.url)(playwright);
const kit = fileURLToPath(
	new URL("../../build/__test__/kit/", import.meta.url),
);
const origin = url.replace(/^ws/, "http");

const browser = await chromium.launch({
	executablePath,
	args: [
		"--headless",
		"--no-sandbox",
		"--disable-gpu",
		"--disable-quic",
		"--no-first-run",
		"--disable-background-networking",
		"--disable-component-update",
		"--disable-sync",
	],
});
try {
	const page = await browser.newPage();
	await page.route(`${origin}/kit/**`, serveScript);
	await page.exposeFunction("report", (check, outcome) => {
		console.log(`${check} ${outcome}`);
	});
	await page.goto(`${origin}/`);
	await page.evaluate(checkInPage, url);
} finally {
	await browser.close();
}

function serveScript(route) {
	const { pathname } = new URL(route.request().url());
	return route.fulfill({
		path: join(kit, pathname.slice("/kit/".length)),
		contentType: "text/javascript",
	});
}

/** Runs in the page: nothing of this file is there. */
async function checkInPage(url) {
	const { runChecks } = await import("/kit/interop/checks.js");
	const { client } = await import("/kit/interop/native.js");
	await runChecks(client, url, globalThis.report);
}
