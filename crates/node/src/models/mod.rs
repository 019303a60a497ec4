//! Models of the bridge, for loom: the loop's end as it is, and JavaScript's end told again in Rust ([`ends`]), run in
//! every order in which their accesses can happen. `npm run sanitize -- --loom`.
//!
//! A wake-up that is lost leaves threads that wait for ever, which loom reports, as it does two ends that touch the same
//! bytes at a time. That every message arrives once, in order and whole is checked here.

mod ends;

use loom::thread::spawn;

use crate::records::{MIN_QUEUE_BYTES, PART_BYTES};
use ends::ends;

#[test]
fn messages_pass_both_ways_while_both_ends_fall_asleep() {
    model(|| {
        let (mut script, [native]) = ends();
        let native = spawn(|| native.run(2, true, &[], SHORT));
        for n in 0..2 {
            script.loops[0].send(n, SHORT);
            script.loops[0].publish();
            while script.received() <= n as usize {
                script.bell.wait();
                script.drain();
            }
        }
        assert_eq!(script.loops[0].received, [0, 1]);
        assert_eq!(native.join().expect("no panic"), [0, 1]);
    });
}

#[test]
fn a_loop_whose_events_find_no_room_goes_on_when_there_is() {
    model(|| {
        let (mut script, [native]) = ends();
        let native = spawn(|| native.run(0, false, &[0, 1, 2], PART_BYTES));
        while script.received() < 3 {
            script.bell.wait();
            script.drain();
        }
        assert_eq!(script.loops[0].received, [0, 1, 2]);
        native.join().expect("no panic");
    });
}

#[test]
fn commands_that_find_no_room_go_on_when_there_is() {
    model(|| send_commands(4, PART_BYTES));
}

#[test]
fn commands_that_need_all_room_go_on_when_the_last_byte_is_handed_back() {
    model(|| send_commands(2, LARGE));
}

#[test]
fn two_loops_ring_one_bell() {
    model(|| {
        let (mut script, natives) = ends::<2>();
        let natives = natives.map(|native| spawn(|| native.run(0, false, &[7], SHORT)));
        while script.received() < 2 {
            script.bell.wait();
            script.drain();
        }
        for native in natives {
            native.join().expect("no panic");
        }
    });
}

/// JavaScript sends commands with payloads of `len` bytes, as many as the queue takes, and then one more.
fn send_commands(count: u32, len: usize) {
    let (mut script, [native]) = ends();
    let native = spawn(move || native.run(count as usize, false, &[], 0));
    for n in 0..count - 1 {
        script.loops[0].send(n, len);
    }
    script.loops[0].publish();
    script.loops[0].send(count - 1, len);
    script.loops[0].publish();
    while !script.loops[0].backlog.is_empty() {
        script.bell.wait();
        script.drain();
    }
    let received = native.join().expect("no panic");
    assert_eq!(received, Vec::from_iter(0..count));
}

/// Every order with up to this many switches of threads that nothing asks for.
const PREEMPTIONS: usize = 5;

const SHORT: usize = 4;

/// One of these is all that a queue takes, so that there is no room before the last byte has been handed back.
const LARGE: usize = MIN_QUEUE_BYTES * 3 / 4;

fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(run);
}
