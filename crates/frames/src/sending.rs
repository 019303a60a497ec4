//! Frames that are sent: what stands around a message, and the escapes inside of it.

use gev_wire::Payload;

use crate::checksum::{MAX_LEN, Running, Summing};
use crate::escape::{Escaping, Stuffing};
use crate::framing::Framing;
use crate::rule::{Rule, Size};
use crate::sequences::Replacing;

/// The frame that is half way out.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    /// Bytes of the message that are still to come.
    left: u64,
    /// Place in the frame of the next one.
    at: u64,
    running: Running,
    /// Of COBS, once it has been needed.
    stuffing: Option<Box<Stuffing>>,
    replacing: Replacing,
    /// What comes behind a checksum that is not known yet.
    held: Vec<u8>,
}

impl Sending {
    /// Appends what goes in front of a message of `len` bytes.
    pub(crate) fn begin(&mut self, framing: &Framing, len: u64, out: &mut Vec<u8>) -> Payload {
        let (rule, written) = (&framing.rules[0], framing.written);
        let front = out.len();
        if written.start {
            out.extend_from_slice(framing.entry.starts.written());
        }
        let tail = if written.checksum { rule.tail() } else { 0 };
        let end = if written.end {
            rule.ends.written().len()
        } else {
            0
        };
        let inside = if written.checksum_first {
            rule.inside().0
        } else {
            0
        };
        if let Size::Length(length) = &rule.size
            && written.length
        {
            let behind = len.saturating_add((inside + tail + end) as u64);
            length.write(out.len() - front, behind, out);
        }
        let escaping = rule.escaping().filter(|_| written.escapes);
        if inside + tail + end == 0 && escaping.is_none() {
            return Payload::Plain;
        }
        self.left = len;
        self.at = (out.len() - front) as u64;
        if let Some(summing) = &rule.summing {
            self.running = summing.begin();
            summing.add(&mut self.running, 0, &out[front..]);
        }
        self.replacing = Replacing::default();
        self.held.clear();
        if let Some(Escaping::Cobs) = escaping {
            self.stuffing.get_or_insert_with(Box::default).begin();
        }
        Payload::Transformed
    }

    /// Gives `out` what stands for the next bytes of the message, and for its end behind the last ones.
    pub(crate) fn payload(
        &mut self,
        framing: &Framing,
        payload: &[u8],
        out: &mut dyn FnMut(&[u8]),
    ) {
        let (rule, written) = (&framing.rules[0], framing.written);
        let escaping = rule.escaping().filter(|_| written.escapes);
        self.left = self.left.saturating_sub(payload.len() as u64);
        if let Some(summing) = &rule.summing
            && written.checksum_first
        {
            if self.left > 0 || !self.held.is_empty() {
                self.held.extend_from_slice(payload);
            }
            if self.left > 0 {
                return;
            }
            let held = std::mem::take(&mut self.held);
            let payload = if held.is_empty() { payload } else { &held };
            self.write_checksum_first(summing, escaping, payload, out);
        } else {
            if let Some(summing) = &rule.summing
                && written.checksum
            {
                summing.add(&mut self.running, self.at, payload);
            }
            self.at += payload.len() as u64;
            self.write(escaping, payload, out);
        }
        if self.left > 0 {
            return;
        }
        if let Some(summing) = &rule.summing
            && written.checksum
        {
            let mut tail = [0; MAX_LEN];
            let len = summing.write(self.running, &mut tail);
            self.write(escaping, &tail[..len], out);
        }
        match (escaping, &mut self.stuffing) {
            (Some(Escaping::Cobs), Some(stuffing)) => stuffing.end(out),
            (Some(Escaping::Sequences(them)), _) => them.write(&mut self.replacing, &[], true, out),
            _ => {}
        }
        if written.end {
            out(rule.ends.written());
        }
    }

    fn write_checksum_first(
        &mut self,
        summing: &Summing,
        escaping: Option<&Escaping>,
        payload: &[u8],
        out: &mut dyn FnMut(&[u8]),
    ) {
        let mut first = [0; MAX_LEN];
        let width = summing.checksum.width;
        summing.add(&mut self.running, self.at, &first[..width]);
        summing.add(&mut self.running, self.at + width as u64, payload);
        let len = summing.write(self.running, &mut first);
        self.write(escaping, &first[..len], out);
        self.write(escaping, payload, out);
    }

    fn write(&mut self, escaping: Option<&Escaping>, bytes: &[u8], out: &mut dyn FnMut(&[u8])) {
        match (escaping, &mut self.stuffing) {
            (None, _) => out(bytes),
            (Some(Escaping::Cobs), Some(stuffing)) => stuffing.write(bytes, out),
            (Some(Escaping::Sequences(them)), _) => {
                them.write(&mut self.replacing, bytes, false, out);
            }
            (Some(escaping), _) => escaping.write(bytes, out),
        }
    }
}

impl Rule {
    fn escaping(&self) -> Option<&Escaping> {
        match &self.size {
            Size::End(content) => content.escaping.as_ref(),
            _ => None,
        }
    }
}
