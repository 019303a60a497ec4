//! What loops count.

gev_wire::listed! {
    /// What a loop counts from its start on, for those who look from outside. A new one is a row here, and an
    /// [`add`](crate::Bridge::add) where it happens.
    pub enum Counter {
        /// Connections that were closed as soon as they were accepted, for want of admission.
        Refused,
    }
}
