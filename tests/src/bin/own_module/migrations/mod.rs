//! Oldest first.

mod m0001_add_clinics;
mod m0002_index_clinics;
