//! Options of JavaScript, read by name where they are used.
//!
//! TypeScript has checked the values and filled in the defaults, so what is missing or wrong here is a bug there, or of the
//! reader; the error names the option.

use std::fmt::Display;
use std::time::Duration;

use napi::bindgen_prelude::{FromNapiValue, JsObjectValue, Object};
use napi::{Error, Result};

/// A group of checked options.
pub(crate) struct Checked<'env> {
    object: Object<'env>,
    /// Its own name, and that of the groups around it.
    name: String,
}

impl<'env> Checked<'env> {
    /// All options of a server.
    pub(crate) fn new(object: Object<'env>) -> Self {
        let name = "options".to_owned();
        Self { object, name }
    }

    /// A group within this one.
    #[inline(never)]
    pub(crate) fn group(&self, name: &str) -> Result<Self> {
        Ok(Self {
            object: self.get(name)?,
            name: self.full_name(name),
        })
    }

    /// A group that is there or `undefined`.
    #[inline(never)]
    pub(crate) fn optional_group(&self, name: &str) -> Result<Option<Self>> {
        let object = self.get::<Option<Object<'env>>>(name)?;
        Ok(object.map(|object| Self {
            object,
            name: self.full_name(name),
        }))
    }

    /// Whatever `T` is made of; an `Option` for what may be `undefined`.
    #[inline(never)]
    pub(crate) fn get<T: FromNapiValue>(&self, name: &str) -> Result<T> {
        if !self.object.has_own_property(name)? {
            return Err(self.bug(name, "is missing"));
        }
        self.object
            .get_named_property_unchecked(name)
            .map_err(|error| self.bug(name, error.reason))
    }

    /// A whole number.
    pub(crate) fn number<T: TryFrom<i64>>(&self, name: &str) -> Result<T> {
        let whole = self.whole(name)?;
        T::try_from(whole).map_err(|_| self.out_of_range(name, whole))
    }

    #[inline(never)]
    fn whole(&self, name: &str) -> Result<i64> {
        let number = self.get::<f64>(name)?;
        // What this loses is lost in the comparison too.
        let whole = number as i64;
        if whole as f64 == number {
            Ok(whole)
        } else {
            Err(self.out_of_range(name, whole))
        }
    }

    /// A number of milliseconds.
    pub(crate) fn ms(&self, name: &str) -> Result<Duration> {
        self.number(name).map(Duration::from_millis)
    }

    fn out_of_range(&self, name: &str, number: i64) -> Error {
        self.bug(name, format_args!("is out of range: {number}"))
    }

    #[inline(never)]
    fn bug(&self, name: &str, what: impl Display) -> Error {
        Error::from_reason(format!("Bug: {} {what}", self.full_name(name)))
    }

    fn full_name(&self, name: &str) -> String {
        format!("{}.{name}", self.name)
    }
}
