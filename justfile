# What is done in this repository, each with one command: `just --list`. Every recipe is a command that
# can be typed without just.

# Lists the recipes.
default:
    @just --list --unsorted

# Runs all tests; with arguments, as `just test --test verbs`, those of mongrate-tests.
[group('every day')]
test *arguments:
    cargo test {{ if arguments == "" { "--workspace" } else { "-p mongrate-tests" } }} {{ arguments }}

# Checks format and clippy. `.ci/run` checks each feature set.
[group('every day')]
lint:
    cargo fmt --all --check
    cargo clippy --locked --workspace --all-targets -- -D warnings

# Formats all sources.
[group('every day')]
format:
    cargo fmt --all

# Groups imports the way that tests/tests/house.rs checks: of the repository, or of these files and folders.
[group('every day')]
imports *places:
    cargo run --quiet -p mongrate-tests --bin imports -- {{ places }}

# Runs everything that must pass, and says how long each part took.
[group('every day')]
ci:
    .ci/run

# Writes the compiler's errors in tests/ui again; read the difference before you commit it.
[group('every day')]
ui:
    TRYBUILD=overwrite cargo test -p mongrate-tests --test ui

# Builds the documentation of the crates, and opens it.
[group('documentation')]
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --open

# Makes a book of the guides, and opens it; needs mdbook.
[group('documentation')]
book:
    mdbook build docs --open

# Does what docs/quick-start.md says, from `cargo new`.
[group('documentation')]
quick-start:
    bash tests/quick_start

# Validates deploy/, the action, and the recipes for forges.
[group('documentation')]
deploy:
    bash tests/deploy

# Checks a change of a new app with `cargo mongrate ci`, and reads each of its formats.
[group('documentation')]
ci-product:
    bash tests/ci_product

# Builds with each of the driver's features, and says which driver is needed; installs what they need.
[group('long tests')]
driver:
    bash tests/driver

# Runs the integration tests on every server that docs/servers.md names, or on these versions.
[group('long tests')]
matrix *versions:
    bash tests/matrix {{ versions }}

# Looks at the HTTP interface from outside: Chromium, a generated client, a fuzzer.
[group('long tests')]
outside:
    bash tests/outside

# Runs the long form of the chaos suite; `just chaos tally` tells what came of it so far.
[group('long tests')]
chaos what="all" *arguments:
    cargo run --release -p mongrate-chaos -- --state chaos.jsonl {{ what }} {{ arguments }}

# Shows that every mutant of the protocol is caught.
[group('long tests')]
mutants:
    cargo run --release -p mongrate-chaos -- mutants

# Checks the large models of the protocol, or `small`, or shows how `mutants` fail.
[group('long tests')]
model which="large" *only:
    cargo run --release -p mongrate-model -- {{ which }} {{ only }}

# Tries many random cases of the law of declared changes.
[group('long tests')]
laws cases="1000":
    MONGRATE_CASES={{ cases }} cargo test -p mongrate-tests --test change laws

# Measures Mongrate next to other tools, and writes docs/performance.
[group('benchmarks')]
bench *arguments:
    cargo run --release -p mongrate-bench -- --install-peers --out docs/performance {{ arguments }}

# Measures backfills and declared document operations, and writes docs/performance.
[group('benchmarks')]
bench-documents *arguments:
    cargo run --release -p mongrate-bench -- --only backfill,changes --ten-million --out docs/performance {{ arguments }}

# Measures what the attribute costs the compiler.
[group('benchmarks')]
bench-compile-time *arguments:
    cargo run --manifest-path benches/compile_time/Cargo.toml -- {{ arguments }}

# Packs the crates that are published, and builds what was packed.
[group('release')]
package:
    cargo package --locked -p mongrate-seal -p mongrate-macros -p mongrate -p cargo-mongrate
