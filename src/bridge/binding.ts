import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve, toNamespacedPath } from "node:path";
import type * as Binding from "#binding";
import { GevError } from "../base/errors.js";
import { RECORDS_VERSION } from "./records.js";

/**
 * Finds and loads the native addon: the file that `NAPI_RS_NATIVE_LIBRARY_PATH` names, or the build of a clone, or the
 * package for this platform, an optional dependency. One that was built with other records would read and write what lies
 * elsewhere, and is not taken. The bundle has this module where others import `#binding`.
 *
 * Bundlers and tracers find the packages because their names are written out.
 */

/** Platforms with a package, by the names that napi-rs gives them. */
const supported = [
	"linux-x64-gnu",
	"linux-x64-musl",
	"linux-arm64-gnu",
	"linux-arm64-musl",
	"darwin-x64",
	"darwin-arm64",
	"win32-x64-msvc",
	"win32-arm64-msvc",
	"freebsd-x64",
];

export const binding: typeof Binding = load();

function load(): typeof Binding {
	const named = process.env.NAPI_RS_NATIVE_LIBRARY_PATH;
	const addon = find(platformName(), named);
	const { recordsVersion } = addon as Partial<typeof Binding>;
	const version = recordsVersion?.() ?? "an older version";
	if (version === RECORDS_VERSION) return addon;
	throw new GevError(
		"ERR_GEV_BINDING",
		`gev ${RECORDS_VERSION} cannot work with a native addon of ${version}${hint(named)}: both have to come from one release, or from one build; install gev again, or build it again`,
	);
}

/** The names of packages stand inside `try`, so that bundlers leave it to run time whether one is there. */
function find(platform: string, named: string | undefined): typeof Binding {
	try {
		if (named) return open(resolve(named));
		const built = join(__dirname, `../native/gev.${platform}.node`);
		if (existsSync(built)) return open(built);
		switch (platform) {
			case "linux-x64-gnu":
				return require("@gev-node/binding-linux-x64-gnu");
			case "linux-x64-musl":
				return require("@gev-node/binding-linux-x64-musl");
			case "linux-arm64-gnu":
				return require("@gev-node/binding-linux-arm64-gnu");
			case "linux-arm64-musl":
				return require("@gev-node/binding-linux-arm64-musl");
			case "darwin-x64":
				return require("@gev-node/binding-darwin-x64");
			case "darwin-arm64":
				return require("@gev-node/binding-darwin-arm64");
			case "win32-x64-msvc":
				return require("@gev-node/binding-win32-x64-msvc");
			case "win32-arm64-msvc":
				return require("@gev-node/binding-win32-arm64-msvc");
			case "freebsd-x64":
				return require("@gev-node/binding-freebsd-x64");
			default:
				throw new Error(`There is no package for ${platform}`);
		}
	} catch (error) {
		throw explained(error as NodeJS.ErrnoException, platform, named);
	}
}

/** Not `require`, which knows no files in a single executable, and which bundlers follow. */
function open(file: string): typeof Binding {
	const addon = { exports: {} };
	process.dlopen(addon, toNamespacedPath(file));
	return addon.exports as typeof Binding;
}

function platformName(): string {
	const name = `${process.platform}-${process.arch}`;
	if (process.platform === "linux") return `${name}-${libc()}`;
	return process.platform === "win32" ? `${name}-msvc` : name;
}

/** The C library of this process: the one whose loader its program names, whatever else the machine has. */
function libc(): "gnu" | "musl" {
	const head = headOf(process.execPath);
	if (head.includes("/ld-musl-")) return "musl";
	if (head.includes("/ld-linux")) return "gnu";
	const report = process.report?.getReport() as
		| { header?: { glibcVersionRuntime?: string } }
		| undefined;
	return report?.header && !report.header.glibcVersionRuntime ? "musl" : "gnu";
}

/** The first page of a file, where a program names its loader; empty if it may not be read. */
function headOf(file: string): string {
	const page = Buffer.alloc(4096);
	try {
		const descriptor = openSync(file, "r");
		readSync(descriptor, page);
		closeSync(descriptor);
	} catch {
		return "";
	}
	return page.toString("latin1");
}

function explained(
	cause: NodeJS.ErrnoException,
	platform: string,
	named: string | undefined,
): GevError {
	const reason =
		forbidden(cause) ??
		(named ? `${cause.message}${hint(named)}` : missing(cause, platform));
	return new GevError(
		"ERR_GEV_BINDING",
		`gev cannot load its native addon for ${platform}: ${reason}. Supported are ${supported.join(", ")}`,
		{ cause },
	);
}

function hint(named: string | undefined): string {
	return named ? ` (NAPI_RS_NATIVE_LIBRARY_PATH is ${named})` : "";
}

/** Why the process may not load what may well be there. */
function forbidden({ code }: NodeJS.ErrnoException): string | undefined {
	switch (code) {
		case "ERR_DLOPEN_DISABLED":
			return "native addons are disabled in this process: start Node.js without --no-addons, and under the permission model with --allow-addons";
		case "ERR_ACCESS_DENIED":
			return "the permission model does not let it be read: start Node.js with --allow-fs-read for it";
		default:
			return undefined;
	}
}

function missing(cause: NodeJS.ErrnoException, platform: string): string {
	if (!supported.includes(platform)) {
		return "there is no package for this platform: build the addon from a clone, and name the file in NAPI_RS_NATIVE_LIBRARY_PATH";
	}
	if (cause.code !== "MODULE_NOT_FOUND") return cause.message;
	const others = supported.filter(isInstalled);
	return others.length > 0
		? `@gev-node/binding-${platform} is not installed, but that for ${others.join(" and ")} is: node_modules was installed on another platform, or for one (--os, --cpu, --libc); install it here`
		: `@gev-node/binding-${platform} is not installed: optional dependencies were left out (--omit=optional, --no-optional), or the lockfile is another platform's; install again, if need be without the lockfile`;
}

function isInstalled(platform: string): boolean {
	try {
		createRequire(__filename).resolve(`@gev-node/binding-${platform}`);
		return true;
	} catch {
		return false;
	}
}
