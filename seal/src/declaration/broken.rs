//! The mistakes of a declaration, collected so that one compilation reports all of them.

use syn::Error;

/// The mistakes found so far.
#[derive(Default)]
pub struct Broken(Option<Error>);

impl Broken {
    /// Adds a mistake.
    pub fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    /// Returns the value, or adds the mistake.
    pub fn keep<T>(&mut self, checked: syn::Result<T>) -> Option<T> {
        checked.map_err(|error| self.add(error)).ok()
    }

    /// Whether no mistake was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns all mistakes as one error.
    pub fn into_result(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
