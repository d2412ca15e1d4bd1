//! Collects mistakes, so that one compilation reports all of them.

use syn::Error;

/// The mistakes found so far. None yet: sound.
#[derive(Default)]
pub(crate) struct Broken(Option<Error>);

impl Broken {
    pub(crate) fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    /// Keeps the value, or the mistake that stands in its place.
    pub(crate) fn keep<T>(&mut self, checked: syn::Result<T>) -> Option<T> {
        checked.map_err(|error| self.add(error)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn into_result(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
