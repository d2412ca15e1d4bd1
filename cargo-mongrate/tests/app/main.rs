//! The verbs that run the app's own binary, and every verb in workspaces of several packages.

mod links;
mod manual;
mod run;
mod shop;
mod squash;
mod verbs;
