import {
	amqp,
	cobs,
	delimited,
	dns,
	fix,
	fixedLength,
	gb32960,
	gt06,
	hdlc,
	iso8583,
	jt808,
	kafka,
	lengthPrefixed,
	lines,
	minecraft,
	mllp,
	modbus,
	mqtt,
	netstring,
	nmea,
	postgres,
	type StreamProtocol,
	slip,
	smpp,
	syslog,
	teltonika,
	tpkt,
	varintPrefixed,
} from "gev";
import { bodies, type FramedProtocol, hex, latin1, whole } from "./vectors.js";

const imei = latin1("356307042441013");
const codec8 =
	"08010000016B40D8EA30010000000000000000000000000000000105021503010101425E0F01F10000601A014E000000000000000001";
const codec8Extended =
	"8E010000016B412CEE000100000000000000000000000000000000010005000100010100010011001D00010010015E2C880002000B000000003544C87A000E000000001DD7E06A000001";
const executionReport = latin1(
	"8=FIX.4.2|9=178|35=8|49=PHLX|56=PERS|52=20071123-05:30:00.000|11=ATOMNOCCC9990900|20=3|150=E|39=E|55=MSFT|167=CS|54=1|38=15|40=2|44=15|58=PHLX EQUITY TESTING|59=0|47=C|32=0|31=0|151=15|14=0|6=0|10=128|".replaceAll(
		"|",
		"\x01",
	),
);
const gga = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,";
const ais = "!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0";

/** All presets, some of them with several settings. */
export const presets: Record<
	string,
	FramedProtocol<StreamProtocol<"frames" | "textFrames">>
> = {
	MQTT: whole(
		mqtt(),
		"MQTT 3.1.1, sections 3.1 (its example), 3.12",
		hex("10 10 0004 4D515454 04 02 003C 0004 61626364"),
		hex("C0 00"),
	),
	"Modbus TCP": whole(
		modbus(),
		"Modbus Messaging on TCP/IP 1.0b, section 3.1.3",
		hex("0001 0000 0006 11 03 006B 0003"),
		hex("15 01 00 00 00 06 FF 03 00 04 00 01"),
	),
	"JT/T 808": bodies(
		jt808(),
		"JT/T 808-2019, section 4.4.2 (its example of escapes)",
		[hex("7E 30 7D 02 08 7D 01 55 6E 7E"), hex("30 7E 08 7D 55")],
		[
			hex("7E 00 02 00 00 01 23 45 67 89 01 00 0A 80 7E"),
			hex("00 02 00 00 01 23 45 67 89 01 00 0A"),
		],
	),
	"GB/T 32960": bodies(
		gb32960(),
		"GB/T 32960.3-2016, section 6 (a login without data, by its table)",
		[
			hex("2323 01 FE 4C53564130303130303030303030303031 01 0000 C6"),
			hex("01 FE 4C53564130303130303030303030303031 01 0000"),
		],
	),
	FIX: whole(
		fix(),
		"the execution report of en.wikipedia.org/wiki/Financial_Information_eXchange",
		executionReport,
	),
	"HL7 MLLP": bodies(
		mllp(),
		"HL7 2.5.1, appendix C.4 (minimal lower layer protocol)",
		[
			latin1("\x0bMSH|^~\\&|A|B\rPID|1\r\x1c\r"),
			latin1("MSH|^~\\&|A|B\rPID|1\r"),
		],
	),
	SMPP: whole(
		smpp(),
		"SMPP 3.4, section 4.11.1 (enquire_link)",
		hex("00000010 00000015 00000000 00000001"),
	),
	Kafka: bodies(
		kafka(),
		"Apache Kafka protocol guide, ApiVersions request version 0",
		[
			hex("0000000E 0012 0000 00000001 0004 74657374"),
			hex("0012 0000 00000001 0004 74657374"),
		],
	),
	"DNS over TCP": bodies(
		dns(),
		"RFC 7766 section 8, RFC 1035 section 4 (a query for example.com)",
		[
			hex(
				"001D AAAA 0100 0001 0000 0000 0000 076578616D706C6503636F6D00 0001 0001",
			),
			hex("AAAA 0100 0001 0000 0000 0000 076578616D706C6503636F6D00 0001 0001"),
		],
	),
	PostgreSQL: whole(
		postgres(),
		"PostgreSQL documentation, message formats (SSLRequest, StartupMessage, Query, Terminate)",
		hex("00000008 04D2162F"),
		hex("00000011 00030000 7573657200 616200 00"),
		hex("51 0000000D 53454C454354203100"),
		hex("58 00000004"),
	),
	"AMQP 0-9-1": whole(
		amqp(),
		"AMQP 0-9-1, sections 4.2.2 and 4.2.7 (protocol header, heartbeat)",
		latin1("AMQP\0\0\x09\x01"),
		hex("08 0000 00000000 CE"),
	),
	"ISO 8583, two bytes": bodies(
		iso8583(),
		"ISO 8583:1987 (a network management request) behind a length in binary",
		[hex("000C 30383030 8000000000000000"), hex("30383030 8000000000000000")],
	),
	"ISO 8583, four digits": bodies(
		iso8583({ length: { decimal: 4 } }),
		"as above, behind a length in ASCII",
		[
			Buffer.concat([latin1("0012"), hex("30383030 8000000000000000")]),
			hex("30383030 8000000000000000"),
		],
	),
	"ISO 8583, packed decimals": bodies(
		iso8583({ length: { bcd: 2 }, counts: "self" }),
		"as above, behind a length in packed decimals that counts itself",
		[hex("0014 30383030 8000000000000000"), hex("30383030 8000000000000000")],
	),
	"protobuf, delimited": bodies(
		varintPrefixed(),
		"protobuf.dev, encoding (its first example), delimited",
		[hex("03 08 96 01"), hex("08 96 01")],
	),
	Minecraft: bodies(
		minecraft(),
		"minecraft.wiki, Java Edition protocol, server list ping (handshake, request)",
		[
			hex("10 00 FF05 096C6F63616C686F7374 63DD 01"),
			hex("00 FF05 096C6F63616C686F7374 63DD 01"),
		],
		[hex("01 00"), hex("00")],
	),
	TPKT: bodies(tpkt(), "RFC 1006 section 6, ISO 8073 (connection request)", [
		hex("0300 000B 06 E0 0000 0000 00"),
		hex("06 E0 0000 0000 00"),
	]),
	netstring: bodies(
		netstring(),
		"cr.yp.to/proto/netstrings.txt (its examples)",
		[latin1("12:hello world!,"), latin1("hello world!")],
		[latin1("0:,"), latin1("")],
	),
	"syslog over TCP": bodies(
		syslog(),
		"RFC 6587 section 3.4.1, RFC 5424 section 6.5",
		[latin1("24 <34>1 - mymachine su - -"), latin1("<34>1 - mymachine su - -")],
	),
	NDJSON: bodies(
		lines({ text: false }),
		"ndjson-spec (its first example)",
		[latin1('{"some":"thing"}\n'), latin1('{"some":"thing"}')],
		[latin1('{"foo":17,"bar":false}\n'), latin1('{"foo":17,"bar":false}')],
	),
	GELF: bodies(delimited({ end: 0 }), "Graylog, GELF by TCP", [
		latin1('{"version":"1.1"}\0'),
		latin1('{"version":"1.1"}'),
	]),
	SLIP: bodies(slip(), "RFC 1055 (by its code)", [
		hex("61 DBDC 62 DBDD C0"),
		hex("61 C0 62 DB"),
	]),
	"HDLC-like framing": bodies(
		hdlc(),
		"RFC 1662 section 4.2 and appendix C; the check value of CRC-16/IBM-SDLC",
		[hex("7E 313233343536373839 6E90 7E"), latin1("123456789")],
		[hex("7E 7D5E 7D5D F1CD 7E"), hex("7E 7D")],
	),
	COBS: bodies(
		cobs(),
		"S. Cheshire, M. Baker, Consistent Overhead Byte Stuffing (examples of Wikipedia)",
		[hex("03 1122 02 33 00"), hex("11 22 00 33")],
		[hex("01 01 01 00"), hex("00 00")],
	),
	"gev's protobuf plugin": bodies(
		lengthPrefixed(),
		"github.com/Allenxuxu/gev, plugins/protobuf/protocol.go",
		[hex("00000009 0004 6D736731 08 96 01"), hex("0004 6D736731 08 96 01")],
	),
	GT06: bodies(
		gt06(),
		"GT06 GPS tracker communication protocol 1.02, section 5.1 (its login packet and the answer)",
		[
			hex("78 78 0D 01 01 23 45 67 89 01 23 45 00 01 8C DD 0D 0A"),
			hex("01 01 23 45 67 89 01 23 45 00 01"),
		],
		[hex("78 78 05 01 00 01 D9 DC 0D 0A"), hex("01 00 01")],
	),
	"GT06, both starts": {
		...bodies(
			gt06(),
			"as above; a longer packet by its table",
			[
				hex("79 79 00 08 94 00 01 02 00 03 91B9 0D 0A"),
				hex("94 00 01 02 00 03"),
			],
			[hex("78 78 05 01 00 01 D9 DC 0D 0A"), hex("01 00 01")],
		),
		isEchoed: false,
	},
	Teltonika: {
		...bodies(
			teltonika(),
			"Teltonika data sending protocols (first examples of codec 8, 8 extended and 12)",
			[Buffer.concat([hex("000F"), imei]), imei],
			[hex(`00000000 00000036 ${codec8} 0000C7CF`), hex(codec8)],
			[hex("FF"), hex("FF")],
			[
				hex(`00000000 0000004A ${codec8Extended} 00002994`),
				hex(codec8Extended),
			],
			[
				hex("00000000 0000000F 0C010500000007676574696E666F01 00004312"),
				hex("0C010500000007676574696E666F01"),
			],
		),
		isEchoed: false,
	},
	NMEA: bodies(
		nmea(),
		"NMEA 0183 (the GGA sentence of en.wikipedia.org/wiki/NMEA_0183); AIS (the first sentence of gpsd.gitlab.io/gpsd/AIVDM.html)",
		[latin1(`${gga}*47\r\n`), gga],
		[latin1(`${ais}*5C\r\n`), ais],
	),
	"NMEA, checksums not looked at": bodies(
		nmea({ checksum: false, text: false }),
		"as above",
		[latin1(`${gga}*47\r\n`), latin1(`${gga}*47`)],
	),
	"Modbus RTU over TCP": bodies(
		modbus({ mode: "rtu" }),
		"Modbus over serial line 1.02, section 2.5.1; the examples of simplymodbus.ca for functions 3, 15 and 16",
		[hex("11 03 006B 0003 7687"), hex("11 03 006B 0003")],
		[hex("11 0F 0013 000A 02 CD01 BF0B"), hex("11 0F 0013 000A 02 CD01")],
		[
			hex("11 10 0001 0002 04 000A 0102 C6F0"),
			hex("11 10 0001 0002 04 000A 0102"),
		],
	),
	"syslog over TCP, both framings": {
		...bodies(
			syslog({ text: true }),
			"RFC 6587 sections 3.4.1 and 3.4.2",
			[latin1("<34>1 - mymachine su - -\n"), "<34>1 - mymachine su - -"],
			[latin1("24 <34>1 - mymachine su - -"), "<34>1 - mymachine su - -"],
			[latin1("\n<13>by logger\r\n"), "<13>by logger"],
			[latin1("<13>by Python\0"), "<13>by Python"],
		),
		isEchoed: false,
	},
	"HDLC-like framing, 32 bits": bodies(
		hdlc({ fcs: 32, escapeControls: true }),
		"RFC 1662 section 4.2; the check value of CRC-32/ISO-HDLC",
		[hex("7E 313233343536373839 2639F4CB 7E"), latin1("123456789")],
	),
	"lines of text": bodies(
		lines({ newline: "\r\n", ignoreEmpty: true }),
		"RFC 2812 section 2.3 (IRC)",
		[latin1("NICK wiz\r\n"), "NICK wiz"],
	),
	"fixed length": bodies(
		fixedLength({ bytes: 4 }),
		"none: four bytes are four bytes",
		[latin1("abcd"), latin1("abcd")],
		[latin1("efgh"), latin1("efgh")],
	),
};
