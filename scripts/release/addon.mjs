/** What an addon says of itself in its first bytes and its strings: for which system it is, and what it wants of it. */

const elfProcessors = { 62: "x64", 183: "arm64" };
const peProcessors = { 34404: "x64", 43620: "arm64" };
const machProcessors = { 16777223: "x64", 16777228: "arm64" };

/**
 * @param {Buffer} bytes
 * @returns {{ os: string, cpu: string | undefined, libc?: string, glibc?: string } | undefined} `os` as npm has it;
 * `glibc` is the newest version that a symbol wants. Undefined when the bytes are no addon.
 */
export function describeAddon(bytes) {
	if (bytes.length < 64) return undefined;
	if (bytes.readUInt32BE(0) === 0x7f454c46) return describeElf(bytes);
	if (bytes.readUInt32LE(0) === 0xfeedfacf) {
		return { os: "darwin", cpu: machProcessors[bytes.readUInt32LE(4)] };
	}
	const header = bytes.readUInt32LE(60);
	const isPe =
		bytes.toString("latin1", 0, 2) === "MZ" &&
		bytes.toString("latin1", header, header + 4) === "PE\0\0";
	return isPe
		? { os: "win32", cpu: peProcessors[bytes.readUInt16LE(header + 4)] }
		: undefined;
}

/** The names of libraries and of versions of symbols stand in an ELF file as they are. */
function describeElf(bytes) {
	const cpu = elfProcessors[bytes.readUInt16LE(18)];
	const text = bytes.toString("latin1");
	if (bytes[7] === 9 || text.includes("FBSD_1.")) return { os: "freebsd", cpu };
	const versions = [...text.matchAll(/\0GLIBC_(\d+\.\d+)/g)].map(([, v]) => v);
	if (versions.length === 0) return { os: "linux", cpu, libc: "musl" };
	return { os: "linux", cpu, libc: "glibc", glibc: newest(versions) };
}

/** The newest of dotted versions. */
export function newest(versions) {
	const key = (version) =>
		version
			.split(".")
			.map((part) => part.padStart(4, "0"))
			.join(".");
	return versions.reduce((left, right) =>
		key(left) < key(right) ? right : left,
	);
}
