//! JSON as applications send it, for messages that are compressed.

/// An array of records that has exactly `size` bytes: what is too little for another record is spaces. 1 KiB compresses to
/// about a third.
pub(crate) fn json(size: usize) -> Vec<u8> {
    let mut random = Random(SEED);
    let mut text = "[".to_owned();
    loop {
        let separator = if text.len() == 1 { "" } else { "," };
        let next = format!("{separator}{}", record(&mut random));
        if text.len() + next.len() + "]".len() > size {
            break;
        }
        text += &next;
    }
    text += "]";
    let mut bytes = text.into_bytes();
    bytes.resize(size, b' ');
    bytes
}

fn record(random: &mut Random) -> String {
    let id = 100_000 + random.below(900_000);
    let city = CITIES[random.below(CITIES.len())];
    let state = STATES[random.below(STATES.len())];
    let items = 1 + random.below(9);
    let (euros, cents) = (random.below(1000), random.below(100));
    let (hour, minute, second) = (random.below(24), random.below(60), random.below(60));
    format!(
        r#"{{"id":{id},"city":"{city}","state":"{state}","items":{items},"total":{euros}.{cents:02},"at":"2026-03-14T{hour:02}:{minute:02}:{second:02}Z"}}"#,
    )
}

/// The same numbers in every run (Knuth's linear congruential generator).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// One with which records fill 1 KiB but for a few bytes.
const SEED: u64 = 5;

const CITIES: [&str; 6] = ["Berlin", "Lagos", "Lima", "Osaka", "Quito", "Turku"];
const STATES: [&str; 4] = ["open", "paid", "shipped", "returned"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deflate;

    #[test]
    fn it_is_json_of_any_size() {
        for size in 2..600 {
            let json = json(size);
            assert_eq!(json.len(), size);
            let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
            assert!(value.is_array());
        }
        assert_eq!(json(1), b"[");
    }

    #[test]
    fn one_kibibyte_is_nearly_all_records() {
        let json = json(1024);
        assert!(json.trim_ascii_end().len() > 990);
        let packed = deflate::compress(&json).len();
        assert!(
            (1024 / 4..=1024 / 2).contains(&packed),
            "compressed to {packed} bytes"
        );
    }
}
