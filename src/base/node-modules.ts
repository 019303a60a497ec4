/**
 * Node's own modules that take milliseconds to load, each from when it is needed: an import of this package should cost little
 * where all that follows is a server that needs none of them.
 */

export const crypto = () => process.getBuiltinModule("node:crypto");
export const dns = () => process.getBuiltinModule("node:dns/promises");
export const http = () => process.getBuiltinModule("node:http");
export const net = () => process.getBuiltinModule("node:net");
export const workerThreads = () =>
	process.getBuiltinModule("node:worker_threads");
