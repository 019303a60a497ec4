export type {
	BalancedLoop,
	BalancedPeer,
	BalanceFunction,
	BalanceMode,
} from "./src/balance.js";
export { GevError, type GevErrorCode } from "./src/base/errors.js";
export type { ProxyTlv } from "./src/bridge/addresses.js";
export type { CloseReason } from "./src/bridge/close-reason.js";
export type { Fragment } from "./src/bridge/fragment.js";
export { FrameError, type FrameFate } from "./src/bridge/frame-error.js";
export type { CloseCause, FrameFault } from "./src/bridge/records.js";
export type { BroadcastOptions, BroadcastResult } from "./src/broadcast.js";
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
export { PreparedMessage } from "./src/flow/prepared-message.js";
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
	ConsoleLogger,
	LogFields,
	Logger,
	LogLevel,
	PinoLogger,
} from "./src/logger.js";
export type { MetricsRegister } from "./src/metrics.js";
export type { MetricsOptions } from "./src/metrics-options.js";
export type {
	EventLoopOptions,
	FlowOptions,
	IdleOptions,
	LimitOptions,
	ServerOptions,
	SocketOptions,
	TimeoutOptions,
} from "./src/options.js";
export type { PoolWorkerInfo } from "./src/pool-worker.js";
export { amqp } from "./src/presets/amqp.js";
export { cobs } from "./src/presets/cobs.js";
export { type DelimitedOptions, delimited } from "./src/presets/delimited.js";
export { dns } from "./src/presets/dns.js";
export { fix } from "./src/presets/fix.js";
export {
	type FixedLengthOptions,
	fixedLength,
} from "./src/presets/fixed-length.js";
export { gb32960 } from "./src/presets/gb32960.js";
export { gt06 } from "./src/presets/gt06.js";
export { type HdlcOptions, hdlc } from "./src/presets/hdlc.js";
export { type Iso8583Options, iso8583 } from "./src/presets/iso8583.js";
export { jt808 } from "./src/presets/jt808.js";
export { kafka } from "./src/presets/kafka.js";
export {
	type LengthPrefixedOptions,
	lengthPrefixed,
} from "./src/presets/length-prefixed.js";
export { type LinesOptions, lines } from "./src/presets/lines.js";
export { minecraft } from "./src/presets/minecraft.js";
export { mllp } from "./src/presets/mllp.js";
export { type ModbusOptions, modbus } from "./src/presets/modbus.js";
export { mqtt } from "./src/presets/mqtt.js";
export { netstring } from "./src/presets/netstring.js";
export { type NmeaOptions, nmea } from "./src/presets/nmea.js";
export { postgres } from "./src/presets/postgres.js";
export type {
	BytesOrText,
	BytesPreset,
	PresetArguments,
	PresetOptions,
	TextOrBytes,
	TextPresetOptions,
} from "./src/presets/preset.js";
export {
	type RespOptions,
	resp,
	respFrames,
	setRespVersion,
} from "./src/presets/resp.js";
export {
	RespAttributed,
	RespError,
	RespPush,
	type RespReply,
	RespSimple,
	type RespValue,
	RespVerbatim,
} from "./src/presets/resp-values.js";
export { slip } from "./src/presets/slip.js";
export { smpp } from "./src/presets/smpp.js";
export {
	type StompFrame,
	type StompOptions,
	type StompReply,
	stomp,
} from "./src/presets/stomp.js";
export { syslog } from "./src/presets/syslog.js";
export { teltonika } from "./src/presets/teltonika.js";
export { tpkt } from "./src/presets/tpkt.js";
export {
	type TypedMessage,
	type TypedProtobufOptions,
	type TypedReply,
	typedProtobuf,
} from "./src/presets/typed-protobuf.js";
export {
	type VarintPrefixedOptions,
	varintPrefixed,
} from "./src/presets/varint-prefixed.js";
export {
	type Custom,
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
export type { ListenAddress } from "./src/server-core.js";
export type {
	ConnectionStats,
	FrameOpcode,
	HandshakeStats,
	Histogram,
	LoopStats,
	RefusalReason,
	ScriptStats,
	SendStats,
	ServerStats,
	TrafficStats,
	WorkerPoolStats,
} from "./src/stats.js";
export type { StopOptions, StopResult } from "./src/stop.js";
export type { Timer } from "./src/timer.js";
export {
	type DeflateOptions,
	type WebSocketOptions,
	webSocket,
} from "./src/web-socket.js";
export { WorkerPool } from "./src/worker-pool.js";
export type {
	WorkerExit,
	WorkerPoolOptions,
} from "./src/worker-pool-options.js";
