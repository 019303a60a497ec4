//! One message for many connections: framed, and compressed, once for all codecs that make the same of it.

use std::sync::Arc;

use gev_wire::{Codec, Outgoing, Payload};

use crate::loan::Loan;
use crate::output::Outlet;
use crate::pools::Pools;
use crate::sending::DIRECT_BYTES;
use crate::session::{Next, Session};

/// A whole message that is sent to one connection after the other: see [`Session::send_shared`].
#[derive(Debug)]
pub struct Shared<'a> {
    outgoing: Outgoing,
    message: Message<'a>,
    /// What codecs that are [alike](Codec::alike) make of it.
    framed: Vec<u8>,
    framed_for: Option<u32>,
    was_transformed: bool,
}

#[derive(Debug)]
enum Message<'a> {
    Payload(&'a [u8]),
    Loan(Arc<Loan>),
}

/// Given back by the last connection that needs it.
struct SharedLoan(Arc<Loan>);

impl AsRef<[u8]> for SharedLoan {
    fn as_ref(&self) -> &[u8] {
        (*self.0).bytes()
    }
}

impl<'a> Shared<'a> {
    /// Of what is lent, if something is, else of the payload.
    #[must_use]
    pub fn new(outgoing: Outgoing, payload: &'a [u8], loan: Option<Loan>) -> Self {
        Self {
            outgoing,
            message: match loan {
                Some(loan) => Message::Loan(Arc::new(loan)),
                None => Message::Payload(payload),
            },
            framed: Vec::new(),
            framed_for: None,
            was_transformed: false,
        }
    }

    /// The message itself.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.message {
            Message::Payload(payload) => payload,
            Message::Loan(loan) => (**loan).bytes(),
        }
    }

    /// Sees to it that `framed` is what this codec makes of the message. False when that holds for no other one, and when what is
    /// lent is sent from where it is.
    fn frame(&mut self, codec: &mut dyn Codec) -> bool {
        let Some(key) = codec.alike() else {
            return false;
        };
        if self.framed_for != Some(key) {
            let mut framed = std::mem::take(&mut self.framed);
            framed.clear();
            let bytes = self.bytes();
            let payload = codec.begin(self.outgoing, bytes.len() as u64, &mut framed);
            let is_transformed = payload == Payload::Transformed;
            if is_transformed {
                codec.transform(bytes, &mut |bytes| framed.extend_from_slice(bytes));
            } else if matches!(self.message, Message::Payload(_)) {
                framed.extend_from_slice(bytes);
            }
            self.framed = framed;
            self.framed_for = Some(key);
            self.was_transformed = is_transformed;
        }
        self.was_transformed || matches!(self.message, Message::Payload(_))
    }
}

impl Session {
    /// As [`send`](Self::send), or [`send_loan`](Self::send_loan), of one message to many.
    pub fn send_shared(
        &mut self,
        shared: &mut Shared<'_>,
        outlet: &mut impl Outlet,
        pools: &mut Pools,
    ) -> Next {
        if self.takes_messages() && shared.frame(&mut *self.codec) {
            self.sending.count_framed(shared.bytes().len());
            let framed = &shared.framed;
            if framed.len() >= DIRECT_BYTES && self.sending.writable {
                return self.flush_with(framed, outlet, pools);
            }
            self.sending.output.keep(framed, &mut pools.chunks);
            return Next::Wait;
        }
        match &shared.message {
            Message::Payload(payload) => self.send(shared.outgoing, payload, outlet, pools),
            Message::Loan(loan) => {
                let loan = Loan::new(SharedLoan(Arc::clone(loan)));
                self.send_loan(shared.outgoing, loan, outlet, pools)
            }
        }
    }
}
