//! What offers of extensions come to.

use gev_wire::websocket::{Config, Deflate, DeflateMode};

use crate::upgrade::{answer, request, status};

#[test]
fn extensions_that_are_malformed_are_refused_also_where_there_are_none() {
    let with_deflate = Config {
        deflate: Some(Deflate::new(DeflateMode::Shared, 1 << 20)),
        ..Config::default()
    };
    let name = "Sec-WebSocket-Extensions: ";
    for config in [Config::default(), with_deflate] {
        for value in [
            ",,;;==",
            "",
            ",",
            "permessage-deflate;",
            "permessage-deflate; =15",
            "permessage-deflate; client_max_window_bits=",
            "permessage-deflate; client_max_window_bits=\"1 5\"",
            "permessage-deflate; client_max_window_bits=\"\"",
            "permessage-deflate client_max_window_bits",
            "permessage-deflate, x-(y)",
            "permessage-deflate, x; y=\"a, b\"",
            "permessage-deflate\u{e9}",
        ] {
            let request = request("/", &[&format!("{name}{value}")]);
            assert_eq!(status(&config, &request), "400", "{value}");
        }
        let lines = ["permessage-deflate", ";"].map(|value| format!("{name}{value}"));
        let request = request("/", &lines.each_ref().map(String::as_str));
        assert_eq!(status(&config, &request), "400");
    }
}

#[test]
fn extensions_that_nobody_knows_and_open_quotes_are_declined() {
    let config = Config {
        deflate: Some(Deflate::new(DeflateMode::Shared, 1 << 20)),
        ..Config::default()
    };
    let name = "Sec-WebSocket-Extensions: ";
    for (values, agreed) in [
        (&["x-unknown; a=b"] as &[&str], false),
        (&["x-webkit-deflate-frame"], false),
        (&["permessage-deflate; x=\"y"], false),
        (&["permessage-deflate; client_max_window_bits=\"10"], false),
        (&["x; y=\"z, permessage-deflate"], false),
        (&[", ,permessage-deflate,"], true),
        (&["permessage-deflate, x; y=\"z"], true),
        (&["x; y=\"z", "permessage-deflate"], true),
        (
            &["", "permessage-deflate; client_max_window_bits=\"1\\0\""],
            true,
        ),
    ] {
        let lines: Vec<String> = values
            .iter()
            .map(|value| format!("{name}{value}"))
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (response, opening) = answer(&config, &request("/", &lines));
        let (_, extensions) = opening.expect("a connection");
        assert_eq!(!extensions.is_empty(), agreed, "{values:?}: {response}");
    }
}
