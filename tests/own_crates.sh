# shellcheck shell=bash disable=SC2034,SC2154 # root and target come from the script that sources this
# Sourced by the scripts that make an app with `cargo new`: tests/quick_start, tests/squash, tests/ci_product. Where
# the app's crates and `cargo mongrate` come from: this checkout, or the folder CRATES with a folder for each published
# crate, where tests/packaged has unpacked and built them.
if [ -n "${CRATES:-}" ]; then
    crate=$CRATES/mongrate
    tool=$target/quick_start/debug/cargo-mongrate
else
    crate=$root/runtime
    tool=$target/debug/cargo-mongrate
fi

# What depends on one of the crates by its version gets it from CRATES, too: for all apps below the current folder.
patch_crates() {
    [ -n "${CRATES:-}" ] || return 0
    mkdir .cargo
    local one
    for one in "$CRATES"/mongrate*/; do
        printf '[patch.crates-io.%s]\npath = "%s"\n' "$(basename "$one")" "${one%/}"
    done >.cargo/config.toml
}

# Builds `cargo mongrate` of this checkout; that of CRATES is built already.
build_tool() {
    [ -n "${CRATES:-}" ] ||
        (cd "$root" && env -u CARGO_PROFILE_DEV_DEBUG CARGO_TARGET_DIR="$target" cargo build --locked --quiet -p cargo-mongrate)
}
