//! The HTTP interface: what it answers, what it refuses, what it never says.

mod audit;
mod browser;
mod dashboard;
mod dashboard_looks;
mod dashboard_pictures;
mod dashboard_scale;
mod dashboard_tabs;
mod dashboard_tags;
mod dashboard_truth;
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
mod streams;
mod support;
mod wire;
