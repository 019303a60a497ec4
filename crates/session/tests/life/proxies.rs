//! A header of the PROXY protocol in front of everything.

use gev_wire::ProxyMode::{Optional, Required, Untrusted};

use crate::kit::{REQUEST, raw_behind, web_socket_behind};

const LINE: &[u8] = b"PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n";

#[test]
fn a_header_says_whose_connection_it_is() {
    for mode in [Optional, Required] {
        let bytes = [LINE, b"hi"].concat();
        let told = "for 192.0.2.1:56324, open, message hi";
        raw_behind(mode).receives(&bytes).says(told);
        let pieces = bytes[..LINE.len()].chunks(1);
        let stage = pieces.fold(raw_behind(mode), |stage, byte| stage.receives(byte));
        stage.receives(b"hi").says(told);
        let bytes = [LINE, REQUEST].concat();
        web_socket_behind(mode)
            .receives(&bytes)
            .says("for 192.0.2.1:56324, open, 101");
    }
}

#[test]
fn nothing_is_told_before_the_header_is_there() {
    raw_behind(Required).says("");
    raw_behind(Required).receives(b"PROXY").says("");
    raw_behind(Optional).says("");
}

#[test]
fn without_a_header_that_is_optional_all_is_as_ever() {
    raw_behind(Optional)
        .receives(b"hi")
        .says("open, message hi");
    web_socket_behind(Optional)
        .receives(REQUEST)
        .says("open, 101");
    // The first bytes might have begun one.
    raw_behind(Optional)
        .receives(b"P")
        .receives(b"ONG")
        .says("open, message PONG");
}

#[test]
fn without_a_header_that_is_required_nobody_comes_in() {
    let text = "fin, failed 0 a PROXY header is required, and there is none";
    raw_behind(Required).receives(b"hi").peer_ends().says(text);
    web_socket_behind(Required)
        .receives(REQUEST)
        .peer_ends()
        .says(text);
}

#[test]
fn a_header_that_is_none_is_told_of() {
    let bytes = b"PROXY TCP4 1.2.3.4\r\n";
    raw_behind(Optional)
        .receives(bytes)
        .peer_ends()
        .says("fin, failed 0 malformed PROXY line");
}

#[test]
fn a_header_has_to_come_in_time() {
    raw_behind(Required)
        .receives(b"PROXY")
        .at(60_000)
        .says("failed 0 no handshake in time, at 10000");
    raw_behind(Optional)
        .at(60_000)
        .says("failed 0 no handshake in time, at 10000");
}

#[test]
fn who_ends_before_the_header_is_there_is_told_of() {
    raw_behind(Required)
        .peer_ends()
        .says("failed 0 connection ended during the handshake");
}

#[test]
fn a_client_may_be_one_too_many() {
    let line = b"PROXY TCP4 192.0.2.1 192.0.2.9 666 443\r\nhi";
    raw_behind(Required)
        .receives(line)
        .peer_ends()
        .says("for 192.0.2.1:666, fin, failed 0 too many connections of this client's address");
}

#[test]
fn who_is_not_trusted_is_not_heard() {
    raw_behind(Untrusted)
        .receives(LINE)
        .peer_ends()
        .says("fin, failed 0 a PROXY header is required, and this peer is not trusted to send one");
}
