//! What a request is for (RFC 9112 section 3.2).

/// True for a target in one of the forms that a request of this method may have.
pub(super) fn is_target(method: &str, target: &str) -> bool {
    match (method, target) {
        // Section 3.2.3: a host with a port, and nothing else.
        ("CONNECT", _) => is_host_with_port(target),
        // Section 3.2.4.
        ("OPTIONS", "*") => true,
        // Sections 3.2.1 and 3.2.2.
        _ => target.starts_with('/') || is_absolute(target),
    }
}

/// The path of a target, without its query and without what an absolute one has in front of its path.
pub(super) fn path_of(target: &str) -> &str {
    let target = target.split('?').next().unwrap_or_default();
    if target.starts_with('/') {
        return target;
    }
    match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    }
}

/// RFC 9110 section 4.2: a scheme, and a host that is not empty.
fn is_absolute(target: &str) -> bool {
    let Some((scheme, rest)) = target.split_once("://") else {
        return false;
    };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    is_scheme && !host.is_empty() && !host.starts_with(':')
}

fn is_host_with_port(target: &str) -> bool {
    let Some((host, port)) = target.rsplit_once(':') else {
        return false;
    };
    !host.is_empty()
        && !host.contains(['/', '?', '#', '@'])
        && !port.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_has_its_forms_of_target() {
        for (method, target) in [
            ("GET", "/"),
            ("GET", "/chat?a=b"),
            ("GET", "/a://b"),
            ("GET", "//"),
            ("GET", "http://a"),
            ("GET", "ws://user@a:80/chat"),
            ("GET", "HTTP://[::1]/"),
            ("GET", "a+b-c.1://a?b"),
            ("OPTIONS", "*"),
            ("OPTIONS", "/"),
            ("CONNECT", "a:80"),
            ("CONNECT", "[::1]:80"),
        ] {
            assert!(is_target(method, target), "{method} {target}");
        }
        for (method, target) in [
            ("GET", ""),
            ("GET", "chat"),
            ("GET", "?a"),
            ("GET", "#a"),
            ("GET", "*"),
            ("OPTIONS", "**"),
            ("GET", "a:80"),
            ("GET", "urn:a"),
            ("GET", "http:"),
            ("GET", "http:/a"),
            ("GET", "http://"),
            ("GET", "http:///a"),
            ("GET", "http://?a"),
            ("GET", "http://:80/"),
            ("GET", "http://user@/"),
            ("GET", "1http://a/"),
            ("GET", "://a/"),
            ("GET", "ht_tp://a/"),
            ("GET", "chat/http://a"),
            ("CONNECT", "/"),
            ("CONNECT", "a"),
            ("CONNECT", "a:"),
            ("CONNECT", ":80"),
            ("CONNECT", "a:80/"),
            ("CONNECT", "http://a:80"),
        ] {
            assert!(!is_target(method, target), "{method} {target}");
        }
    }

    #[test]
    fn the_path_of_a_target_is_its_own() {
        for (target, path) in [
            ("/", "/"),
            ("/chat?a=/b", "/chat"),
            ("/other?a=http://b/chat", "/other"),
            ("/other://a/chat", "/other://a/chat"),
            ("http://a/chat?b", "/chat"),
            ("http://a", "/"),
            ("http://a?b=/c", "/"),
        ] {
            assert_eq!(path_of(target), path, "{target}");
        }
    }
}
