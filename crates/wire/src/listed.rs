//! Enums whose variants others have to know: by number here and in JavaScript, by name there.

/// One line of a table that JavaScript is told: see `crates/node/src/records.rs`.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What it is called here.
    pub name: &'static str,
    /// What stands for it.
    pub number: u32,
    /// What it means: the lines of its documentation.
    pub doc: &'static [&'static str],
}

/// Declares an enum that knows its variants, which are counted from 0, and what they mean.
///
/// ```
/// gev_wire::listed! {
///     /// What can be seen at night.
///     pub enum Light {
///         /// At times only half of it.
///         Moon,
///         /// Too many to name them all.
///         Star,
///     }
/// }
/// assert_eq!(Light::ALL[1], Light::Star);
/// assert_eq!((Light::ROWS[1].name, Light::ROWS[1].number), ("Star", 1));
/// assert_eq!(Light::ROWS[0].doc, [" At times only half of it."]);
/// ```
#[macro_export]
macro_rules! listed {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $name:ident {
            $($(#[doc = $doc:literal])+ $variant:ident,)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        $visibility enum $name {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $name {
            /// All of them, in the order of their numbers.
            $visibility const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// What others are told of them, in the same order.
            $visibility const ROWS: &'static [$crate::Row] = &[$($crate::Row {
                name: stringify!($variant),
                number: Self::$variant as u32,
                doc: &[$($doc),+],
            }),+];
        }
    };
}
