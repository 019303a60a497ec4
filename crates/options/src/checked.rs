//! Options of JavaScript, read by name where they are used.
//!
//! TypeScript has checked the values and filled in the defaults, so what is missing or wrong here is a bug there, or of the
//! reader. What is read then is nothing, or 0, and the first such option is named at the end by [`Checked::verdict`]: one
//! question for all of them, instead of one for each.

use std::cell::OnceCell;
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use napi::bindgen_prelude::{FromNapiValue, JsObjectValue, Object};
use napi::{Error, Result};

/// A group of checked options.
#[derive(Clone)]
#[allow(
    missing_debug_implementations,
    reason = "objects of JavaScript have none"
)]
pub struct Checked<'env> {
    /// `None` for a group that is missing.
    object: Option<Object<'env>>,
    /// Its own name, and that of the groups around it.
    name: String,
    /// What is wrong with the first option that is.
    wrong: Rc<OnceCell<String>>,
}

impl<'env> Checked<'env> {
    /// All options of a server.
    #[must_use]
    pub fn new(object: Object<'env>) -> Self {
        Self {
            object: Some(object),
            name: "options".to_owned(),
            wrong: Rc::default(),
        }
    }

    /// Whether all that has been read so far was there.
    ///
    /// # Errors
    /// The first option that was not, or was something else than it should be.
    pub fn verdict(&self) -> Result<()> {
        match self.wrong.get() {
            Some(wrong) => Err(Error::from_reason(wrong.as_str())),
            None => Ok(()),
        }
    }

    /// A group within this one.
    #[must_use]
    pub fn group(&self, name: &str) -> Self {
        let group = self.optional_group(name);
        group.unwrap_or_else(|| {
            self.bug(name, "is missing");
            Self {
                object: None,
                ..self.clone()
            }
        })
    }

    /// A group that is there or `undefined`.
    #[must_use]
    #[inline(never)]
    pub fn optional_group(&self, name: &str) -> Option<Self> {
        let object = self.get::<Option<Object<'env>>>(name).flatten()?;
        Some(Self {
            object: Some(object),
            name: self.full_name(name),
            wrong: Rc::clone(&self.wrong),
        })
    }

    /// True or false.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).unwrap_or_default()
    }

    /// Text.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default()
    }

    /// Text, or `undefined`.
    #[must_use]
    pub fn optional_text(&self, name: &str) -> Option<String> {
        self.get(name).flatten()
    }

    /// A list of texts.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.get(name).unwrap_or_default()
    }

    /// A list of texts, or `undefined`.
    #[must_use]
    pub fn optional_texts(&self, name: &str) -> Option<Vec<String>> {
        self.get(name).flatten()
    }

    /// A whole number.
    #[must_use]
    pub fn number<T: TryFrom<i64> + Default>(&self, name: &str) -> T {
        let whole = self.whole(name);
        T::try_from(whole).unwrap_or_else(|_| {
            self.out_of_range(name, whole);
            T::default()
        })
    }

    /// A whole number, or `undefined`.
    #[must_use]
    pub fn optional_number(&self, name: &str) -> Option<u32> {
        self.get(name).flatten()
    }

    /// A number of milliseconds.
    #[must_use]
    pub fn ms(&self, name: &str) -> Duration {
        Duration::from_millis(self.number(name))
    }

    /// Whatever `T` is made of.
    #[inline(never)]
    fn get<T: FromNapiValue>(&self, name: &str) -> Option<T> {
        let object = self.object.as_ref()?;
        if !object.has_own_property(name).unwrap_or_default() {
            self.bug(name, "is missing");
            return None;
        }
        match object.get_named_property_unchecked(name) {
            Ok(value) => Some(value),
            Err(error) => {
                self.bug(name, &error.reason);
                None
            }
        }
    }

    #[inline(never)]
    fn whole(&self, name: &str) -> i64 {
        let number = self.get::<f64>(name).unwrap_or_default();
        // What this loses is lost in the comparison too.
        let whole = number as i64;
        if whole as f64 != number {
            self.out_of_range(name, whole);
        }
        whole
    }

    fn out_of_range(&self, name: &str, number: i64) {
        self.bug(name, &format_args!("is out of range: {number}"));
    }

    /// Notes what is wrong with an option, or comes of it.
    #[inline(never)]
    pub fn bug(&self, name: &str, what: &(impl Display + ?Sized)) {
        let name = self.full_name(name);
        self.wrong.get_or_init(|| format!("Bug: {name} {what}"));
    }

    fn full_name(&self, name: &str) -> String {
        format!("{}.{name}", self.name)
    }
}
