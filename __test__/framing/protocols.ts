import type { FramesOptions } from "gev";
import { bodies, type FramedProtocol, hex, latin1, whole } from "./vectors.js";

/** Protocols by configurations of their own: those without a preset, and Thrift and IRC, whose presets are more general. */
export const protocols: Record<string, FramedProtocol<FramesOptions>> = {
	"Thrift, framed": bodies(
		{ length: "u32" },
		"Apache Thrift, doc/specs/thrift-rpc.md (a call of ping)",
		[
			hex("00000011 80010001 00000004 70696E67 00000000 00"),
			hex("80010001 00000004 70696E67 00000000 00"),
		],
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
	IRC: bodies(
		{ end: ["\r\n", "\n"], ignoreEmpty: true },
		"RFC 2812 section 2.3",
		[latin1("NICK wiz\r\n"), latin1("NICK wiz")],
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
	"SMTP, a message": bodies(
		{
			end: "\r\n.\r\n",
			escape: { sequences: [["\r\n.", "\r\n.."]], behind: "\r\n" },
		},
		"RFC 5321 section 4.5.2 (lines that begin with a period)",
		[
			latin1("..hidden\r\nFrom: me\r\n\r\n..\r\na.b\r\n.\r\n"),
			latin1(".hidden\r\nFrom: me\r\n\r\n.\r\na.b"),
		],
	),
	"Kafka, messages of versions 0 and 1": whole(
		{
			length: { at: 8, as: "u32" },
			checksum: { as: "crc32", at: 12 },
		},
		"Kafka's protocol guide, message sets (with the CRC of zlib)",
		hex("0000000000000007 0000000F 51DF3A32 00 00 FFFFFFFF 00000001 61"),
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
