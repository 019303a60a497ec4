export { Connection, SendStatus } from "./src/connection.js";
export { GevError, type GevErrorCode } from "./src/errors.js";
export type {
	CloseCause,
	CloseReason,
	Data,
	Handler,
	Reply,
} from "./src/handler.js";
export type { ServerOptions } from "./src/options.js";
export {
	Protocol,
	raw,
	type WebSocketOptions,
	webSocket,
} from "./src/protocol.js";
export { type ListenAddress, Server, type StopOptions } from "./src/server.js";
export type { Timer } from "./src/timer.js";
