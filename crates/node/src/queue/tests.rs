//! Both ends of a queue in one thread, and in two.

use std::cell::UnsafeCell;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::*;

#[repr(align(16))]
struct Bytes(UnsafeCell<[u8; CAPACITY]>);

// SAFETY: only used through the ends of a queue.
unsafe impl Sync for Bytes {}

struct Queue {
    bytes: Bytes,
    head: AtomicU32,
    tail: AtomicU32,
}

const CAPACITY: usize = 1024;

impl Queue {
    /// A queue whose counters are about to wrap.
    fn new() -> Self {
        let start = u32::MAX - 511;
        let bytes = Bytes(UnsafeCell::new([0xAA; CAPACITY]));
        Self {
            bytes,
            head: AtomicU32::new(start),
            tail: AtomicU32::new(start),
        }
    }

    fn ends(&self) -> (Producer<'_>, Consumer<'_>) {
        let base = NonNull::new(self.bytes.0.get().cast()).expect("a reference is not null");
        // SAFETY: each test makes one pair of ends, and the memory outlives them.
        unsafe {
            (
                Producer::new(base, CAPACITY, &self.head, &self.tail),
                Consumer::new(base, CAPACITY, &self.head, &self.tail),
            )
        }
    }
}

fn header(n: u32) -> Header {
    Header {
        kind_and_flags: 1 + (n << 8),
        slot: n,
        generation: !n,
    }
}

fn payload(n: u32, len: usize) -> Vec<u8> {
    (0..len).map(|i| (i as u32 * 31 + n) as u8).collect()
}

fn push(producer: &mut Producer<'_>, n: u32, len: usize) -> bool {
    let Some(room) = producer.reserve(len) else {
        return false;
    };
    room.copy_from_slice(&payload(n, len));
    producer.commit(header(n));
    true
}

#[test]
fn nothing_is_visible_before_publish() {
    let queue = Queue::new();
    let (mut producer, mut consumer) = queue.ends();
    assert!(push(&mut producer, 1, 5));
    assert_eq!(consumer.next(), None);
    assert!(producer.publish());
    assert!(!producer.publish());
    assert_eq!(
        consumer.next(),
        Some(Record {
            header: header(1),
            payload: &payload(1, 5)
        })
    );
    assert_eq!(consumer.next(), None);
}

#[test]
fn of_a_record_whose_length_cannot_be_only_the_header_is_taken() {
    let lens = [
        u32::MAX - 4,
        1 << 31,
        CAPACITY as u32,
        CAPACITY as u32 - 1,
        33,
    ];
    for len in lens {
        let queue = Queue::new();
        let (mut producer, mut consumer) = queue.ends();
        producer.reserve(0).expect("the queue is empty");
        producer.commit(header(7));
        let at = producer.head.wrapping_sub(record_bytes(0));
        // SAFETY: not published, and so the producer's.
        unsafe { producer.ring.write_header(at, header(7), len) };
        assert!(push(&mut producer, 8, 5));
        producer.publish();
        let expected = Header {
            kind_and_flags: IMPOSSIBLE,
            ..header(7)
        };
        let record = consumer.next().expect("the impossible one");
        assert_eq!(
            (record.header, record.payload),
            (expected, &[][..]),
            "{len}"
        );
        assert_eq!(consumer.next().map(|record| record.header), Some(header(8)));
        assert_eq!(consumer.next(), None);
    }
}

#[test]
fn a_head_that_cannot_be_has_no_records_behind_it() {
    let queue = Queue::new();
    let (mut producer, mut consumer) = queue.ends();
    assert!(push(&mut producer, 7, 3));
    let right = producer.head;
    let all = CAPACITY as u32;
    let start = queue.head.load(SeqCst);
    let beyond = start.wrapping_add(all + 16);
    for wrong in [u32::MAX, start + 8, start - 16, beyond, !start] {
        queue.head.store(wrong, SeqCst);
        assert_eq!(consumer.next(), None, "{wrong:#x}");
    }
    queue.head.store(right, SeqCst);
    assert_eq!(consumer.next().map(|record| record.header), Some(header(7)));
    assert_eq!(consumer.next(), None);
}

#[test]
fn a_forgotten_reservation_leaves_no_record() {
    let queue = Queue::new();
    let (mut producer, mut consumer) = queue.ends();
    producer.reserve(100).expect("the queue is empty").fill(1);
    assert!(push(&mut producer, 7, 3));
    producer.publish();
    assert_eq!(consumer.next().map(|record| record.header), Some(header(7)));
    assert_eq!(consumer.next(), None);
}

#[test]
fn a_shortened_reservation_is_a_shorter_record() {
    let queue = Queue::new();
    let (mut producer, mut consumer) = queue.ends();
    producer.reserve(100).expect("the queue is empty").fill(1);
    producer.shorten(3);
    producer.commit(header(7));
    assert!(push(&mut producer, 8, 5));
    producer.publish();
    let record = consumer.next().expect("the shortened one");
    assert_eq!((record.header, record.payload), (header(7), &[1; 3][..]));
    let record = consumer.next().expect("the one behind it");
    assert_eq!(
        (record.header, record.payload),
        (header(8), &payload(8, 5)[..])
    );
}

#[test]
fn full_until_the_consumer_asks_for_more() {
    let queue = Queue::new();
    let (mut producer, mut consumer) = queue.ends();
    let mut pushed = 0;
    while push(&mut producer, pushed, 100) {
        pushed += 1;
    }
    assert_eq!(pushed, 8);
    producer.publish();
    consumer.next().expect("eight records");
    assert!(
        !push(&mut producer, pushed, 100),
        "the first record is still being read"
    );
    while consumer.next().is_some() {}
    assert!(push(&mut producer, pushed, 100));
}

/// Every size at every place of the ring, so that every record meets the end of the ring in every way.
#[test]
fn records_of_all_sizes_come_back_in_order() {
    let queue = Queue::new();
    let (mut producer, mut consumer) = queue.ends();
    for n in 0..5000 {
        let len = (n as usize * 37) % 480;
        assert!(push(&mut producer, n, len));
        producer.publish();
        let record = consumer.next().expect("just published");
        assert_eq!(
            record,
            Record {
                header: header(n),
                payload: &payload(n, len)
            }
        );
        assert_eq!(consumer.next(), None);
    }
}

/// Two threads that sleep and wake each other by the protocol of the bridge, with delays at random places: if a
/// wake-up could be lost, this would hang.
#[test]
fn no_wake_up_is_lost_between_two_threads() {
    const RECORDS: u32 = 20_000;
    let queue = Queue::new();
    let consumer_sleeps = AtomicBool::new(false);
    let producer_sleeps = AtomicBool::new(false);
    let (mut producer, mut consumer) = queue.ends();
    std::thread::scope(|scope| {
        let consuming = scope.spawn(|| {
            let producing = loop {
                match PRODUCER.get() {
                    Some(thread) => break thread,
                    None => std::thread::yield_now(),
                }
            };
            let mut expected = 0;
            while expected < RECORDS {
                while let Some(record) = consumer.next() {
                    assert_eq!(record.header, header(expected));
                    assert_eq!(record.payload, payload(expected, expected as usize % 200));
                    expected += 1;
                    jitter(expected);
                }
                if producer_sleeps.swap(false, SeqCst) {
                    producing.unpark();
                }
                consumer_sleeps.store(true, SeqCst);
                if consumer.is_empty() && expected < RECORDS {
                    jitter(expected);
                    park(&consumer_sleeps);
                }
                consumer_sleeps.store(false, SeqCst);
            }
        });
        PRODUCER.set(std::thread::current()).expect("set once");
        for n in 0..RECORDS {
            while !push(&mut producer, n, n as usize % 200) {
                producer.publish();
                wake(&consumer_sleeps, consuming.thread());
                producer_sleeps.store(true, SeqCst);
                if !producer.has_room_for(512) {
                    jitter(n);
                    park(&producer_sleeps);
                }
                producer_sleeps.store(false, SeqCst);
            }
            if n % 3 == 0 && producer.publish() {
                wake(&consumer_sleeps, consuming.thread());
            }
            jitter(n);
        }
        producer.publish();
        wake(&consumer_sleeps, consuming.thread());
    });
}

static PRODUCER: std::sync::OnceLock<std::thread::Thread> = std::sync::OnceLock::new();

fn wake(sleeps: &AtomicBool, thread: &std::thread::Thread) {
    if sleeps.swap(false, SeqCst) {
        thread.unpark();
    }
}

/// Sleeps until woken; a minute without a wake-up means that it was lost.
fn park(sleeps: &AtomicBool) {
    let start = std::time::Instant::now();
    while sleeps.load(SeqCst) {
        std::thread::park_timeout(Duration::from_secs(60));
        assert!(start.elapsed() < Duration::from_secs(60), "lost wake-up");
    }
}

/// A delay at places that differ from run to run only by the scheduler.
fn jitter(n: u32) {
    match n.wrapping_mul(0x9E37_79B9) >> 26 {
        0 => std::thread::yield_now(),
        1 => std::thread::sleep(Duration::from_micros(30)),
        _ => {}
    }
}
