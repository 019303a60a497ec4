export { GevError, type GevErrorCode } from "./src/base/errors.js";
export type { ProxyTlv } from "./src/bridge/addresses.js";
export type { CloseReason } from "./src/bridge/close-reason.js";
export type { Fragment } from "./src/bridge/fragment.js";
export { FrameError, type FrameFate } from "./src/bridge/frame-error.js";
export type { CloseCause, FrameFault } from "./src/bridge/records.js";
export { Decoder, type DecoderOptions } from "./src/by-hand.js";
export {
	Connection,
	type DestroyOptions,
	type NextHandler,
} from "./src/connection.js";
export {
	type AnyCustomProtocol,
	type CustomOptions,
	type CustomProtocol,
	custom,
	type Incoming,
	type Outgoing,
} from "./src/custom-protocol.js";
export type { Diagnostics } from "./src/diagnostics.js";
export {
	type Data,
	type SendCallback,
	type SendOptions,
	SendStatus,
} from "./src/flow/send.js";
export type { FrameBytes } from "./src/framing/frame-bytes.js";
export type {
	FrameChecksumOptions,
	FrameSum,
} from "./src/framing/frame-checksum.js";
export type {
	FrameLengthOptions,
	FrameNumber,
} from "./src/framing/frame-length.js";
export type {
	FrameCase,
	FrameDelivery,
	FrameEscape,
	FrameRule,
	FramesOptions,
} from "./src/framing/frames-options.js";
export { RingBuffer } from "./src/framing/ring-buffer.js";
export type {
	CommonHandler,
	CustomHandler,
	FramesHandler,
	Handler,
	HandlerBase,
	Reply,
	StreamHandler,
	WebSocketHandler,
} from "./src/handler.js";
export type { ResponseHeaders } from "./src/http/header-lines.js";
export type {
	EventLoopOptions,
	FlowOptions,
	IdleOptions,
	LimitOptions,
	ServerOptions,
	SocketOptions,
	TimeoutOptions,
} from "./src/options.js";
export {
	type Custom,
	type DeflateOptions,
	frames,
	type JsonStreamOptions,
	jsonStream,
	type Messages,
	Protocol,
	type ProtocolName,
	type RawOptions,
	raw,
	type StreamName,
	type StreamNameOf,
	StreamProtocol,
	type WebSocketOptions,
	webSocket,
} from "./src/protocol.js";
export type {
	Acceptance,
	HttpRequest,
	HttpResponse,
	Refusal,
	RequestHeaders,
	UpgradeReply,
} from "./src/request.js";
export { Server } from "./src/server.js";
export type {
	ListenAddress,
	StopOptions,
	StopResult,
} from "./src/server-core.js";
export type { Timer } from "./src/timer.js";
