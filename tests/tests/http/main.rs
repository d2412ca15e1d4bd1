//! The HTTP interface: what it answers, what it refuses, what it never says.

mod audit;
mod browser;
mod dashboard;
mod dashboard_looks;
mod dashboard_pictures;
mod dashboard_use;
mod doors;
mod events;
mod guide;
mod known_runs;
mod outside;
mod plans;
mod reading;
mod running;
mod scale;
mod security;
mod serving;
mod steering;
mod support;
mod wire;
