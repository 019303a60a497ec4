import { readFileSync } from "node:fs";
import test from "ava";

/** The page that maps the names of the Go library gev to those of this package. */

const root = new URL("../../../", import.meta.url);
const page = readFileSync(new URL("docs/from-gev.md", root), "utf8");
const types = readFileSync(new URL("index.d.cts", root), "utf8");

/** What gev v0.5.0, its plugins, its log and its ring buffer export, by package: constants, methods and fields too. */
const exported = {
	gev: `ErrConnectionClosed CallBack Connection NewConnection HandleEvent Close Connected Context PeerAddr
		ReadBufferLength Send SetContext ShutdownWrite UserBuffer WriteBufferLength ConnectionOption SendInLoop
		ConnectionOptions DefaultProtocol Packet UnPacket Handler OnConnect OnMessage OnClose KeyValueContext Delete Get
		Set LoadBalanceStrategy LeastConnection RoundRobin Option Address CustomProtocol IdleTime LoadBalance
		MetricsServer Network NumLoops ReusePort Options Protocol SendInLoopFunc Server NewServer RunAfter RunEvery
		Start Stop Strategy`,
	ringbuffer: `RingBuffer New NewWithData WithData GetFromPool PutInPool Pool Put ErrIsEmpty VirtualFlush VirtualRevert
		VirtualRead VirtualLength RetrieveAll Retrieve Peek PeekAll PeekUint8 PeekUint16 PeekUint32 PeekUint64 Read ReadByte Write
		WriteByte Length Capacity WriteString Bytes IsFull IsEmpty Reset String`,
	websocket: `New NewHandlerWrap HandlerWrap WSHandler Protocol Upgrader Upgrade Cipher FrameToBytes NewCloseFrameBody
		PutCloseFrameBody RejectConnectionError RejectOption RejectionHeader RejectionReason RejectionStatus WriteHeader
		Frame NewBinaryFrame NewCloseFrame NewFrame NewPingFrame NewPongFrame NewTextFrame Handshake HandshakeHeader
		HandshakeHeaderBytes HandshakeHeaderFunc HandshakeHeaderHTTP HandshakeHeaderString Header VirtualReadHeader
		MessageType MessageText MessageBinary OpCode OpContinuation OpText OpBinary OpClose OpPing OpPong IsControl IsData
		IsReserved Fin Rsv Rsv1 Rsv2 Rsv3 Masked Mask Length Payload Extensions WriteTo ProtocolError StatusCode
		StatusNormalClosure StatusGoingAway StatusProtocolError StatusUnsupportedData StatusNoMeaningYet StatusNoStatusRcvd
		StatusAbnormalClosure StatusInvalidFramePayloadData StatusPolicyViolation StatusMessageTooBig StatusMandatoryExt
		StatusInternalServerError StatusTLSHandshake In Empty IsNotUsed IsApplicationSpec IsPrivateSpec IsProtocolSpec
		IsProtocolDefined IsProtocolReserved ParseCloseFrameData StatusCodeRange Min Max StatusRangeNotInUse
		StatusRangeProtocol StatusRangeApplication StatusRangePrivate MaxControlFramePayloadSize MaxHeaderSize
		ErrProtocolStatusCodeNotInUse ErrProtocolStatusCodeApplicationLevel ErrProtocolStatusCodeNoMeaning
		ErrProtocolStatusCodeUnknown ErrProtocolInvalidUTF8 ErrHandshakeBadProtocol ErrHandshakeBadMethod
		ErrHandshakeBadHost ErrHandshakeBadUpgrade ErrHandshakeBadConnection ErrHandshakeBadSecAccept
		ErrHandshakeBadSecKey ErrHandshakeBadSecVersion ErrHeaderLengthMSB ErrHeaderLengthUnexpected ErrHeaderNotReady
		ErrHandshakeUpgradeRequired ErrMalformedRequest
		ProtocolCustom Extension ExtensionCustom OnRequest OnHost OnHeader OnBeforeUpgrade CheckCloseFrameData
		HandleClose HandlePing HandlePong PackCloseData PackData`,
	protobuf: "New Protocol PackMessage Message Type Data TypeLen Len",
	log: `Debug Debugf Error Errorf Fatal Fatalf Info Infof Log Logf Name SetLevel SetLogger SetPrefix WithLevel
		WithLevelf Level LevelFatal LevelInfo LevelError LevelDebug GetLevel Logger GetLogger GEV_LOG_LEVEL`,
	metrics: `gev_conn_buffer_len gev_conn_buffer_cap gev_conn_duration_microseconds
		gev_pending_func_duration_microseconds`,
};

/** Rows of the page's tables: what is there, and what is here. */
const rows = [...page.matchAll(/^\| (.+?) \| (.+) \|$/gm)]
	.map(([, there = "", here = ""]) => ({ there, here }))
	.filter(({ there }) => there !== "gev" && !there.startsWith("---"));

for (const [name, names] of Object.entries(exported)) {
	test(`every name of gev's ${name} has its row`, (t) => {
		const there = rows.map((row) => row.there).join("\n");
		const missing = names
			.split(/\s+/)
			.filter((one) => !new RegExp(`\\b${one}\\b`).test(there));
		t.deepEqual(missing, []);
	});
}

test("what the page says is here, is here", (t) => {
	const calls = rows
		.flatMap(({ here }) => [...here.matchAll(/`([^`]+)`/g)])
		.map(([, code = ""]) => code)
		.filter((code) => !/^(pino|console|gev[_:]|GEV_|bytes\(\)\.)/.test(code))
		.flatMap((code) => code.replace(/"[^"]*"/g, "").match(/[a-z]\w+/gi) ?? []);
	const missing = calls.filter(
		(word) => !NOT_OURS.has(word) && !new RegExp(`\\b${word}\\b`).test(types),
	);
	t.true(calls.length > 100);
	t.deepEqual(missing, []);
});

test("the metrics that the page names are those of the page about metrics", (t) => {
	const metrics = readFileSync(new URL("docs/metrics.md", root), "utf8");
	const here = rows.map((row) => row.here).join("\n");
	const named = here.match(/`gev_\w+`/g) ?? [];
	t.true(named.length >= 4);
	for (const name of named) t.true(metrics.includes(name), name);
});

/** Words in samples that are no names of the package. */
const NOT_OURS = new Set(["await", "new", "Yours", "server", "ms", "ctx"]);
