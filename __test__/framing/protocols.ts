import type { FramesOptions } from "gev";

/**
 * Protocols whose frames a configuration cuts, each with bytes from its own document, or from an encoder that is not ours.
 */
export interface FramedProtocol {
	options: FramesOptions;
	/** Where the bytes are from. */
	source: string;
	/** What comes. */
	wire: Buffer;
	/** What has to come of it. */
	messages: Buffer[];
	/** What is sent comes back as the same bytes, message by message; false for those whose answers are other frames. */
	isEchoed?: boolean;
}

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ""), "hex");
const latin1 = (text: string) => Buffer.from(text, "latin1");
const SOH = "\x01";

/** A frame that is handed over as it is. */
function whole(
	options: FramesOptions,
	source: string,
	...wire: Buffer[]
): FramedProtocol {
	return { options, source, wire: Buffer.concat(wire), messages: wire };
}

/** Frames of which the body is handed over: each as it comes, and its body. */
function bodies(
	options: FramesOptions,
	source: string,
	...frames: [wire: Buffer, message: Buffer][]
): FramedProtocol {
	const wire = Buffer.concat(frames.map(([wire]) => wire));
	return { options, source, wire, messages: frames.map(([, it]) => it) };
}

const gt06Login = hex("78 78 0D 01 01 23 45 67 89 01 23 45 00 01 8C DD 0D 0A");
const imei = "356307042441013";
const teltonikaRecord = hex(
	"000000000000003608010000016B40D8EA30010000000000000000000000000000000105021503010101425E0F01F10000601A014E0000000000000000010000C7CF",
);
const fix = latin1(
	"8=FIX.4.2|9=178|35=8|49=PHLX|56=PERS|52=20071123-05:30:00.000|11=ATOMNOCCC9990900|20=3|150=E|39=E|55=MSFT|167=CS|54=1|38=15|40=2|44=15|58=PHLX EQUITY TESTING|59=0|47=C|32=0|31=0|151=15|14=0|6=0|10=128|".replaceAll(
		"|",
		SOH,
	),
);
const gga = "GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,";
const lengthOf = { as: "u32", counts: "frame" } as const;

export const protocols: Record<string, FramedProtocol> = {
	MQTT: whole(
		{ length: { at: 1, as: { varint: 4 } } },
		"MQTT 3.1.1, sections 3.1 (its example), 3.12",
		hex("10 10 0004 4D515454 04 02 003C 0004 61626364"),
		hex("C0 00"),
	),
	"Modbus TCP": whole(
		{ length: { at: 4, as: "u16" }, maxMessageBytes: 260 },
		"Modbus Messaging on TCP/IP 1.0b, section 3.1.3",
		hex("0001 0000 0006 11 03 006B 0003"),
		hex("15 01 00 00 00 06 FF 03 00 04 00 01"),
	),
	"JT/T 808": bodies(
		{
			start: 0x7e,
			end: 0x7e,
			escape: { byte: 0x7d, map: { 1: 0x7d, 2: 0x7e } },
			checksum: "xor8",
			onNoise: "discard",
		},
		"JT/T 808-2019, section 4.4.2 (its example of escapes)",
		[hex("7E 30 7D 02 08 7D 01 55 6E 7E"), hex("30 7E 08 7D 55")],
		[
			hex("7E 00 02 00 00 01 23 45 67 89 01 00 0A 80 7E"),
			hex("00 02 00 00 01 23 45 67 89 01 00 0A"),
		],
	),
	"GB/T 32960": bodies(
		{
			start: "##",
			length: { at: 22, as: "u16", add: 1 },
			checksum: "xor8",
			deliver: { strip: 2, stripEnd: 1 },
		},
		"GB/T 32960.3-2016, section 6 (a login without data, by its table)",
		[
			hex("2323 01 FE 4C53564130303130303030303030303031 01 0000 C6"),
			hex("01 FE 4C53564130303130303030303030303031 01 0000"),
		],
	),
	GT06: whole(
		{
			start: ["xx", "yy"],
			end: "\r\n",
			length: { at: 2, as: "u8", add: 2 },
			checksum: { as: "crc16-x25" },
			deliver: "frame",
			cases: [
				{
					equals: "yy",
					length: { at: 2, as: "u16", add: 2 },
					end: "\r\n",
					checksum: "crc16-x25",
					deliver: "frame",
				},
			],
		},
		"GT06 GPS tracker communication protocol 1.02, section 5.1 (its login packet)",
		gt06Login,
	),
	"Teltonika codec 8": {
		options: {
			length: "u16",
			send: "raw",
			cases: [
				{
					equals: Buffer.alloc(4),
					length: { at: 4, as: "u32", add: 4 },
					checksum: { as: "crc16-arc", from: 8, width: 4 },
					deliver: "frame",
				},
				{ equals: 0xff, fixed: 1 },
			],
		},
		source: "Teltonika data sending protocols, codec 8 (first example)",
		wire: Buffer.concat([
			hex("000F"),
			latin1(imei),
			teltonikaRecord,
			hex("FF"),
			teltonikaRecord,
		]),
		messages: [latin1(imei), teltonikaRecord, hex("FF"), teltonikaRecord],
		isEchoed: false,
	},
	FIX: whole(
		{
			start: "8=FIX",
			length: {
				at: { after: `${SOH}9=` },
				as: { decimalUntil: 1 },
				add: 7,
			},
			checksum: { as: "sum8", from: 0, after: "10=", digits: "decimal" },
			end: SOH,
		},
		"the execution report of en.wikipedia.org/wiki/Financial_Information_eXchange",
		fix,
	),
	"HL7 MLLP": bodies(
		{ start: 0x0b, end: Buffer.of(0x1c, 0x0d), onNoise: "discard" },
		"HL7 2.5.1, appendix C.4 (minimal lower layer protocol)",
		[
			latin1("\x0bMSH|^~\\&|A|B\rPID|1\r\x1c\r"),
			latin1("MSH|^~\\&|A|B\rPID|1\r"),
		],
	),
	SMPP: whole(
		{ length: lengthOf, deliver: "frame" },
		"SMPP 3.4, section 4.11.1 (enquire_link)",
		hex("00000010 00000015 00000000 00000001"),
	),
	Kafka: bodies(
		{ length: "u32" },
		"Apache Kafka protocol guide, ApiVersions request version 0",
		[
			hex("0000000E 0012 0000 00000001 0004 74657374"),
			hex("0012 0000 00000001 0004 74657374"),
		],
	),
	"Thrift, framed": bodies(
		{ length: "u32" },
		"Apache Thrift, doc/specs/thrift-rpc.md (a call of ping)",
		[
			hex("00000011 80010001 00000004 70696E67 00000000 00"),
			hex("80010001 00000004 70696E67 00000000 00"),
		],
	),
	"DNS over TCP": bodies(
		{ length: "u16" },
		"RFC 7766 section 8, RFC 1035 section 4 (a query for example.com)",
		[
			hex(
				"001D AAAA 0100 0001 0000 0000 0000 076578616D706C6503636F6D00 0001 0001",
			),
			hex("AAAA 0100 0001 0000 0000 0000 076578616D706C6503636F6D00 0001 0001"),
		],
	),
	PostgreSQL: whole(
		{
			first: { length: { as: "u32", counts: "self" }, deliver: "frame" },
			length: { at: 1, as: "u32", counts: "self" },
		},
		"PostgreSQL documentation, message formats (StartupMessage, Query, Terminate)",
		hex("00000011 00030000 7573657200 616200 00"),
		hex("51 0000000D 53454C454354203100"),
		hex("58 00000004"),
	),
	"AMQP 0-9-1": whole(
		{
			first: { fixed: 8 },
			length: { at: 3, as: "u32", add: 1 },
			end: 0xce,
		},
		"AMQP 0-9-1, sections 4.2.2 and 4.2.7 (protocol header, heartbeat)",
		latin1("AMQP\0\0\x09\x01"),
		hex("08 0000 00000000 CE"),
	),
	"ISO 8583, two bytes": bodies(
		{ length: "u16" },
		"ISO 8583:1987 (a network management request) behind a length in binary",
		[hex("000C 30383030 8000000000000000"), hex("30383030 8000000000000000")],
	),
	"ISO 8583, four digits": bodies(
		{ length: { as: { decimal: 4 } } },
		"as above, behind a length in ASCII",
		[
			Buffer.concat([latin1("0012"), hex("30383030 8000000000000000")]),
			hex("30383030 8000000000000000"),
		],
	),
	"ISO 8583, packed decimals": bodies(
		{ length: { as: { bcd: 2 }, counts: "self" } },
		"as above, behind a length in packed decimals that counts itself",
		[hex("0014 30383030 8000000000000000"), hex("30383030 8000000000000000")],
	),
	"protobuf, delimited": bodies(
		{ length: "varint" },
		"protobuf.dev, encoding (its first example), delimited",
		[hex("03 08 96 01"), hex("08 96 01")],
	),
	Minecraft: bodies(
		{ length: { as: { varint: 3 } } },
		"minecraft.wiki, Java Edition protocol, server list ping (handshake, request)",
		[
			hex("10 00 FF05 096C6F63616C686F7374 63DD 01"),
			hex("00 FF05 096C6F63616C686F7374 63DD 01"),
		],
		[hex("01 00"), hex("00")],
	),
	TPKT: bodies(
		{ start: Buffer.of(3, 0), length: { at: 2, as: "u16", counts: "frame" } },
		"RFC 1006 section 6, ISO 8073 (connection request)",
		[hex("0300 000B 06 E0 0000 0000 00"), hex("06 E0 0000 0000 00")],
	),
	LDAP: bodies(
		{ start: 0x30, length: { at: 1, as: "ber" } },
		"RFC 4511 section 4.2 (an anonymous bind)",
		[
			hex("30 0C 02 01 01 60 07 02 01 03 04 00 80 00"),
			hex("02 01 01 60 07 02 01 03 04 00 80 00"),
		],
	),
	FastCGI: whole(
		{
			length: [
				{ at: 4, as: "u16" },
				{ at: 6, as: "u8", add: 1 },
			],
		},
		"FastCGI 1.0, section 3.3 (BEGIN_REQUEST; STDIN with padding)",
		hex("01 01 0001 0008 00 00 0001 00 0000000000"),
		hex("01 05 0001 0003 05 00 616263 0000000000"),
	),
	netstring: bodies(
		{ length: { as: { decimalUntil: ":" }, add: 1 }, end: "," },
		"cr.yp.to/proto/netstrings.txt (its examples)",
		[latin1("12:hello world!,"), latin1("hello world!")],
		[latin1("0:,"), latin1("")],
	),
	"syslog over TCP": bodies(
		{ length: { as: { decimalUntil: " " } } },
		"RFC 6587 section 3.4.1, RFC 5424 section 6.5",
		[latin1("24 <34>1 - mymachine su - -"), latin1("<34>1 - mymachine su - -")],
	),
	NMEA: bodies(
		{
			start: "$",
			end: "\r\n",
			checksum: { as: "xor8", digits: "hex", after: "*" },
			onNoise: "discard",
		},
		"NMEA 0183 (the GGA sentence of en.wikipedia.org/wiki/NMEA_0183)",
		[latin1(`$${gga}*47\r\n`), latin1(gga)],
	),
	IRC: bodies(
		{ end: ["\r\n", "\n"], ignoreEmpty: true },
		"RFC 2812 section 2.3",
		[latin1("NICK wiz\r\n"), latin1("NICK wiz")],
	),
	NDJSON: bodies(
		{ end: "\n" },
		"ndjson-spec (its first example)",
		[latin1('{"some":"thing"}\n'), latin1('{"some":"thing"}')],
		[latin1('{"foo":17,"bar":false}\n'), latin1('{"foo":17,"bar":false}')],
	),
	GELF: bodies({ end: 0 }, "Graylog, GELF by TCP", [
		latin1('{"version":"1.1"}\0'),
		latin1('{"version":"1.1"}'),
	]),
	SLIP: bodies(
		{
			end: 0xc0,
			escape: { byte: 0xdb, map: { 220: 0xc0, 221: 0xdb } },
			ignoreEmpty: true,
		},
		"RFC 1055 (by its code)",
		[hex("61 DBDC 62 DBDD C0"), hex("61 C0 62 DB")],
	),
	"HDLC-like framing": bodies(
		{
			start: 0x7e,
			end: 0x7e,
			escape: { byte: 0x7d, xor: 0x20 },
			checksum: { as: "crc16-x25", order: "little" },
			onNoise: "discard",
		},
		"RFC 1662 section 4.2 and appendix C; the check value of CRC-16/IBM-SDLC",
		[hex("7E 313233343536373839 6E90 7E"), latin1("123456789")],
		[hex("7E 7D5E 7D5D F1CD 7E"), hex("7E 7D")],
	),
	COBS: bodies(
		{ end: 0, escape: "cobs" },
		"S. Cheshire, M. Baker, Consistent Overhead Byte Stuffing (examples of Wikipedia)",
		[hex("03 1122 02 33 00"), hex("11 22 00 33")],
		[hex("01 01 01 00"), hex("00 00")],
	),
	"DLE STX, DLE ETX": bodies(
		{
			start: Buffer.of(0x10, 0x02),
			end: Buffer.of(0x10, 0x03),
			escape: { byte: 0x10, map: { 16: 0x10 } },
		},
		"ANSI X3.28 (transparent mode)",
		[hex("10 02 61 10 10 03 10 03"), hex("61 10 03")],
	),
	"gev's protobuf plugin": bodies(
		{ length: "u32" },
		"github.com/Allenxuxu/gev, plugins/protobuf/protocol.go",
		[hex("00000009 0004 6D736731 08 96 01"), hex("0004 6D736731 08 96 01")],
	),
	MySQL: whole(
		{ length: { as: "u24", order: "little", add: 1 }, deliver: "frame" },
		"MySQL internals, protocol basics (COM_QUIT, OK)",
		hex("010000 00 01"),
		hex("070000 02 00 00 00 0200 0000"),
	),
	MongoDB: whole(
		{
			length: { as: "u32", order: "little", counts: "frame" },
			deliver: "frame",
		},
		"MongoDB wire protocol (OP_MSG with an empty document)",
		hex("1A000000 01000000 00000000 DD070000 00000000 00 05000000 00"),
	),
	TDS: whole(
		{ length: { at: 2, as: "u16", counts: "frame" } },
		"MS-TDS, section 2.2.3.1 (an attention packet)",
		hex("06 01 0008 0000 01 00"),
	),
	Diameter: whole(
		{ length: { at: 1, as: "u24", counts: "frame" } },
		"RFC 6733 section 3 (a header of DWR)",
		hex("01 000014 80 000118 00000000 00000001 00000001"),
	),
	"RTSP, interleaved": whole(
		{ start: "$", length: { at: 2, as: "u16" } },
		"RFC 2326 section 10.12",
		hex("24 00 0004 80600001"),
	),
	"TLS records": whole(
		{ length: { at: 3, as: "u16" } },
		"RFC 8446 section 5.1 (an alert)",
		hex("15 0303 0002 02 28"),
	),
	"IEC 60870-5-104": bodies(
		{ start: 0x68, length: { at: 1, as: "u8" } },
		"IEC 60870-5-104, section 5 (STARTDT act)",
		[hex("68 04 07 00 00 00"), hex("07 00 00 00")],
	),
	OpenFlow: whole(
		{ length: { at: 2, as: "u16", counts: "frame" } },
		"OpenFlow 1.3, section 7.1 (OFPT_HELLO)",
		hex("04 00 0008 00000001"),
	),
	"DLMS/COSEM wrapper": whole(
		{ length: { at: 6, as: "u16" } },
		"IEC 62056-47 (a wrapper header and a RLRQ)",
		hex("0001 0010 0001 0005 62 03 80 01 00"),
	),
};
