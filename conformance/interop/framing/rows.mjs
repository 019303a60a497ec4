/**
 * Protocols of framing, and who speaks them here: `configuration` is what the server is made with, and each peer stands
 * under the language of the program that it belongs to. `answers` names what the server says to clients that want more than
 * their own messages back; where that is nothing, `heard` is how many messages each peer sends. A row without a peer has its vectors only: `document` says where those are from.
 */
export const rows = [
	row("lines", "lines()", { java: ["Netty"], javascript: ["ndjson"] }),
	row("IRC", 'lines({ newline: "\\r\\n", ignoreEmpty: true })', {
		javascript: ["irc-framework"],
		answers: "irc",
	}),
	row("GELF", "delimited({ end: 0 })", {
		python: ["pygelf"],
		java: ["Netty"],
		...{ answers: "nothing", heard: 9 },
	}),
	row("length of 4 bytes", "lengthPrefixed()", { java: ["Netty"] }),
	row(
		"length of 2 bytes, low one first, that counts itself",
		'lengthPrefixed({ as: "u16", order: "little", counts: "self" })',
		{ java: ["Netty"] },
	),
	row("Thrift, framed", "lengthPrefixed()", {
		python: ["thriftpy2"],
		answers: "thrift",
	}),
	row("fixed length", "fixedLength({ bytes: 64 })", { java: ["Netty"] }),
	row("protobuf, delimited", "varintPrefixed()", {
		javascript: ["protobufjs"],
		java: ["Netty"],
	}),
	row("netstring", "netstring()", { python: ["pynetstring"] }),
	row("MQTT", "mqtt()", {
		javascript: ["mqtt-packet", "mqtt"],
		python: ["paho-mqtt"],
		java: ["Netty"],
		answers: "mqtt",
	}),
	row("Modbus TCP", "modbus()", {
		javascript: ["modbus-serial"],
		python: ["pymodbus"],
		answers: "modbus",
	}),
	row("Modbus RTU over TCP", 'modbus({ mode: "rtu" })', {
		javascript: ["modbus-serial"],
		python: ["pymodbus"],
		answers: "modbusRtu",
	}),
	row("HL7 MLLP", "mllp()", { python: ["hl7"], answers: "mllp" }),
	row("FIX", "fix()", { python: ["simplefix"] }),
	row("SMPP", "smpp()", { javascript: ["smpp"], answers: "smpp" }),
	row("AMQP 0-9-1", "amqp()", { javascript: ["amqplib"], answers: "amqp" }),
	row("PostgreSQL", "postgres()", {
		javascript: ["pg"],
		answers: "postgres",
	}),
	row("Kafka", "kafka()", { javascript: ["kafkajs"], answers: "kafka" }),
	row("Minecraft", "minecraft()", {
		python: ["mcstatus"],
		answers: "minecraft",
	}),
	row("ISO 8583, two bytes", "iso8583()", { java: ["jPOS NACChannel"] }),
	row("ISO 8583, four digits", "iso8583({ length: { decimal: 4 } })", {
		java: ["jPOS ASCIIChannel"],
	}),
	row("ISO 8583, packed decimals", "iso8583({ length: { bcd: 2 } })", {
		java: ["jPOS BCDChannel"],
	}),
	row("NMEA", "nmea()", { python: ["pynmea2"] }),
	row("NMEA, AIS", "nmea()", { python: ["pyais"] }),
	row("syslog over TCP, octet counting", "syslog()", {
		python: ["rfc5424-logging-handler"],
		...{ answers: "nothing", heard: 7 },
	}),
	row("syslog over TCP, lines", "syslog()", {
		javascript: ["syslog-client"],
		python: ["rfc5424-logging-handler", "its own logging.handlers"],
		...{ answers: "nothing", heard: 7 },
	}),
	row("SLIP", "slip()", { javascript: ["slip"], python: ["sliplib"] }),
	row("HDLC-like framing", "hdlc()", { python: ["yahdlc"] }),
	row("COBS", "cobs()", { javascript: ["cobs"], python: ["cobs"] }),
	row("TPKT", "tpkt()", { javascript: ["nodes7"], answers: "tpkt" }),
	row("DNS over TCP", "dns()", {
		javascript: ["dns-packet"],
		python: ["dnspython"],
		answers: "dns",
	}),
	row("LDAP", 'frames({ start: 0x30, length: { at: 1, as: "ber" } })', {
		javascript: ["ldapts"],
		python: ["ldap3"],
		answers: "ldap",
	}),
	row("JT/T 808", "jt808()", { document: "JT/T 808-2019, section 4.4.2" }),
	row("GB/T 32960", "gb32960()", {
		document: "GB/T 32960.3-2016, section 6",
	}),
	row("GT06", "gt06()", {
		document: "GT06 communication protocol 1.02, section 5.1",
	}),
	row("Teltonika", "teltonika()", {
		document: "Teltonika data sending protocols, codecs 8, 8 extended, 12",
	}),
	row(
		"FastCGI",
		'frames({ length: [{ at: 4, as: "u16" }, { at: 6, as: "u8", add: 1 }] })',
		{ javascript: ["fastcgi-stream"] },
	),
];

function row(name, configuration, { answers, heard, document, ...peers }) {
	return {
		...{ name, configuration, peers, heard, document },
		answers: answers ?? "echo",
	};
}
