//! `tests/ui.rs` compiles each file in `cases/`, and compares what the compiler says with the text beside it.
