//! Collects mistakes, so that one compilation reports all of them.

use syn::Error;

/// The mistakes found so far. None yet: sound.
#[derive(Default)]
pub struct Broken(Option<Error>);

impl Broken {
    /// One more.
    pub fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    /// Keeps the value, or the mistake that stands in its place.
    pub fn keep<T>(&mut self, checked: syn::Result<T>) -> Option<T> {
        checked.map_err(|error| self.add(error)).ok()
    }

    /// Whether there is none yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// All of them as one error.
    pub fn into_result(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
