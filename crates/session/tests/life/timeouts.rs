//! How long open connections may be silent, and how old they may get.

use gev_session::Timeouts;

use crate::kit::{PONG, close_frame, frame, ms, raw_timed, web_socket_timed};

fn none() -> Timeouts {
    Timeouts::default()
}

#[test]
fn silence_is_ended() {
    let idle_all = ms(100);
    raw_timed(Timeouts { idle_all, ..none() })
        .at(9999)
        .peer_ends()
        .says("open, fin, gone 1001 idle clean (idle timeout)");
}

/// However long it may be: not a millisecond early, nor late.
#[test]
fn silence_is_ended_when_its_time_has_come() {
    for time in [1, 50, 999, 60_000, 60_001, 3_600_000] {
        let idle_all = ms(time);
        let silent = || raw_timed(Timeouts { idle_all, ..none() });
        silent().at(time - 1).says("open");
        silent().at(time).says("open, fin");
        let heard = || silent().at(time / 2).receives(b"a");
        heard().at(time / 2 + time - 1).says("open, message a");
        heard().at(time / 2 + time).says("open, message a, fin");
    }
}

#[test]
fn both_directions_count_unless_they_are_told_apart() {
    let time = ms(100);
    let all = || {
        raw_timed(Timeouts {
            idle_all: time,
            ..none()
        })
    };
    all()
        .at(60)
        .receives(b"a")
        .at(120)
        .sends(b"b")
        .at(219)
        .says("open, message a, sent b");
    all()
        .at(60)
        .receives(b"a")
        .at(120)
        .sends(b"b")
        .at(220)
        .says("open, message a, sent b, fin");
    let read = || {
        raw_timed(Timeouts {
            idle_read: time,
            ..none()
        })
    };
    read().at(60).sends(b"b").at(99).says("open, sent b");
    read().at(60).sends(b"b").at(100).says("open, sent b, fin");
    let write = || {
        raw_timed(Timeouts {
            idle_write: time,
            ..none()
        })
    };
    write()
        .at(60)
        .receives(b"a")
        .at(100)
        .says("open, message a, fin");
}

#[test]
fn bytes_that_wait_for_a_busy_application_are_no_silence() {
    let idle_all = ms(100);
    raw_timed(Timeouts { idle_all, ..none() })
        .gets_busy()
        .at(9999)
        .says("open");
}

#[test]
fn a_web_socket_is_told_of_its_silence() {
    let idle_all = ms(100);
    let idle = || web_socket_timed(Timeouts { idle_all, ..none() });
    idle()
        .at(100)
        .receives(&close_frame(1001))
        .peer_ends()
        .says("sent close 1001, fin, gone 1001 idle clean (idle timeout)");
    idle()
        .at(60_000)
        .says("sent close 1001, gone 1006 idle (idle timeout), at 10100");
}

#[test]
fn a_silent_peer_is_pinged_and_cut_if_it_does_not_answer() {
    let timeouts = Timeouts {
        ping_interval: ms(100),
        pong_timeout: ms(30),
        ..none()
    };
    let pinged = || web_socket_timed(timeouts).at(100);
    pinged()
        .at(9999)
        .says("sent ping, gone 1006 timeout (pong timeout), at 130");
    pinged()
        .at(120)
        .receives(&frame(PONG, b""))
        .at(219)
        .says("sent ping");
    pinged()
        .at(120)
        .receives(&frame(PONG, b""))
        .at(220)
        .says("sent ping, sent ping");
}

#[test]
fn a_connection_gets_so_old_and_no_older() {
    let max_lifetime = ms(1000);
    let old = raw_timed(Timeouts {
        max_lifetime,
        ..none()
    })
    .at(999)
    .sends(b"a")
    .receives(b"b");
    old.at(1000)
        .peer_ends()
        .says("open, sent a, message b, fin, gone 1001 limit clean (lifetime over)");
}

#[test]
fn a_peer_that_takes_nothing_is_cut() {
    let write_stall = ms(100);
    let stalling = || {
        raw_timed(Timeouts {
            write_stall,
            ..none()
        })
        .has_room_for(1)
        .sends(b"abcd")
    };
    stalling()
        .at(9999)
        .says("open, sent a, gone 1006 stalled (the peer takes nothing), at 100");
    stalling()
        .at(99)
        .takes(1)
        .at(198)
        .takes(1)
        .at(297)
        .takes(1)
        .at(9999)
        .says("open, sent a, sent b, sent c, sent d");
}

#[test]
fn a_peer_that_takes_something_when_it_is_tried_is_not_stalled() {
    let write_stall = ms(100);
    let timeouts = Timeouts {
        write_stall,
        ..none()
    };
    // The socket has room again and has not said so.
    raw_timed(timeouts)
        .has_room_for(1)
        .sends(b"abcd")
        .has_room_for(2)
        .at(150)
        .says("open, sent a, sent bc");
}

#[test]
fn no_timer_of_open_connections_runs_behind_a_close() {
    let timeouts = Timeouts {
        idle_all: ms(100),
        ping_interval: ms(50),
        pong_timeout: ms(10),
        ..none()
    };
    web_socket_timed(timeouts)
        .closes(1000, "")
        .at(9999)
        .says("sent close 1000");
}
