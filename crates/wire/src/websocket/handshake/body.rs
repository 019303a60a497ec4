//! Whether a body follows the head of a request (RFC 9112 section 6.3).

/// What the header lines say of the body.
#[derive(Debug, Default)]
pub(super) struct Body<'a> {
    /// Digits of Content-Length, without leading zeros: none for an empty body.
    length: Option<&'a [u8]>,
    /// The last of the transfer codings.
    coding: Option<&'a [u8]>,
    /// A Content-Length is no number, or another than the one before.
    is_length_wrong: bool,
}

impl<'a> Body<'a> {
    /// The value of a Content-Length line. A number that is repeated, in a list or in several lines, counts once (RFC 9110
    /// section 8.6); there is no number that is too large to be read.
    pub(super) fn add_length(&mut self, value: &'a [u8]) {
        for number in value.split(|&byte| byte == b',') {
            let number = number.trim_ascii();
            let zeros = number.iter().take_while(|&&digit| digit == b'0').count();
            let digits = &number[zeros..];
            let is_number = !number.is_empty() && digits.iter().all(u8::is_ascii_digit);
            let is_new = self.length.is_none_or(|length| length == digits);
            self.is_length_wrong |= !is_number || !is_new;
            self.length = Some(digits);
        }
    }

    /// The value of a Transfer-Encoding line.
    pub(super) fn add_coding(&mut self, value: &'a [u8]) {
        let last = value.rsplit(|&byte| byte == b',').next();
        self.coding = last.map(<[u8]>::trim_ascii);
    }

    /// True when a body follows.
    ///
    /// # Errors
    /// What is wrong, where nobody can tell the end of the body.
    pub(super) fn follows(&self) -> Result<bool, &'static str> {
        if self.is_length_wrong {
            return Err("bad Content-Length");
        }
        match self.coding {
            Some(coding) if coding.eq_ignore_ascii_case(b"chunked") => Ok(true),
            Some(_) => Err("bad Transfer-Encoding: chunked is not the last coding"),
            None => Ok(self.length.is_some_and(|digits| !digits.is_empty())),
        }
    }
}
