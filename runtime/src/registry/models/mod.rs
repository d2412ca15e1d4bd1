//! The models of this build: the derive registers them, and the registry puts them together by their
//! collections.

pub(crate) mod descriptor;
mod expansion;
pub(crate) mod generated_test;
pub(crate) mod gone;
pub(crate) mod led_to;
pub(crate) mod wanted;
