# What is done in this repository, each with one command: `just --list`. Every recipe is a command that
# can be typed without just.

# Lists the recipes.
default:
    @just --list --unsorted

# Runs all tests; with arguments, as `just test --test verbs`, those of mongrate-tests.
[group('every day')]
test *arguments:
    cargo test --locked {{ if arguments == "" { "--workspace" } else { "-p mongrate-tests" } }} {{ arguments }}

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
    cargo run --locked --quiet -p mongrate-tests --bin imports -- {{ places }}

# Runs everything that must pass, and says how long each part took.
[group('every day')]
ci:
    .ci/run

# Writes the compiler's errors in tests/ui/cases again; read the difference before you commit it.
[group('every day')]
ui:
    TRYBUILD=overwrite cargo test --locked -p mongrate-ui

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
    cargo run --locked --release -p mongrate-chaos -- --state chaos.jsonl {{ what }} {{ arguments }}

# Shows that every mutant of the protocol is caught.
[group('long tests')]
mutants:
    cargo run --locked --release -p mongrate-chaos -- mutants

# Checks the large models of the protocol, or `small`, or shows how `mutants` fail.
[group('long tests')]
model which="large" *only:
    cargo run --locked --release -p mongrate-model -- {{ which }} {{ only }}

# Tries many random cases of the law of declared changes.
[group('long tests')]
laws cases="1000":
    MONGRATE_CASES={{ cases }} cargo test --locked -p mongrate-tests --test change laws

# Measures Mongrate next to other tools, and writes docs/performance.
[group('benchmarks')]
bench *arguments:
    cargo run --locked --release -p mongrate-bench -- --install-peers --out docs/performance {{ arguments }}

# Measures backfills and declared document operations, and writes docs/performance.
[group('benchmarks')]
bench-documents *arguments:
    cargo run --locked --release -p mongrate-bench -- --only backfill,changes --ten-million --out docs/performance {{ arguments }}

# Measures what the attribute costs the compiler.
[group('benchmarks')]
bench-compile-time *arguments:
    cargo run --manifest-path benches/compile_time/Cargo.toml -- {{ arguments }}

# Writes tests/stored/<version> anew: the documents that later versions have to read. Before a release only.
[group('release')]
stored-documents:
    MONGRATE_WRITE_STORED=1 cargo test --locked -p mongrate-tests --test verbs stored::what_this_version

# Fuzzes all that is parsed from outside, each target for so many seconds; `just fuzz 600 sum_files` only one.
[group('long tests')]
fuzz seconds="60" *targets:
    MONGRATE_FUZZ_SECONDS={{ seconds }} cargo test --locked --release -p mongrate-tests --test fuzz -- --nocapture --test-threads 1 {{ targets }}

# Packs the crates that are published, and builds an app, its tests and the doc tests from what was packed.
[group('release')]
packaged:
    bash tests/packaged

# Compares the public interface with docs/public-api; `just public-api --write` writes it.
[group('release')]
public-api *arguments:
    tests/public_api {{ arguments }}

# Looks for breaking changes since the last release, or since a commit; before the first release there is only the latter.
[group('release')]
semver baseline="":
    cargo semver-checks --version >/dev/null || cargo install --locked cargo-semver-checks
    cargo semver-checks -p mongrate --only-explicit-features --features default,audit-signature,cli,embedded,http,metrics,testing,webhook {{ if baseline == "" { "" } else { "--baseline-rev " + baseline } }}
    cargo semver-checks -p mongrate-embedded {{ if baseline == "" { "" } else { "--baseline-rev " + baseline } }}

# Checks licences, sources, duplicates and advisories of the dependencies.
[group('release')]
deny *what="advisories bans licenses sources":
    PATH="$(bash tests/tool cargo-deny):$PATH" cargo deny --locked --manifest-path runtime/Cargo.toml --features audit-signature,cli,embedded,http,metrics,testing,webhook check {{ what }}
    PATH="$(bash tests/tool cargo-deny):$PATH" cargo deny --locked --manifest-path cargo-mongrate/Cargo.toml check {{ what }}

# Builds `mongrate` with each feature of its own, and with each two of them; `just features 1` only with each.
[group('release')]
features depth="2":
    PATH="$(bash tests/tool cargo-hack):$PATH" CARGO_TARGET_DIR=target/lint cargo hack check --locked -p mongrate --feature-powerset --depth {{ depth }} --include-features audit-signature,cli,embedded,http,metrics,testing,webhook,bson-2 --features bson-3,rustls-tls
    PATH="$(bash tests/tool cargo-hack):$PATH" CARGO_TARGET_DIR=target/lint cargo hack check --locked -p mongrate-seal --feature-powerset

# Builds what is published with the oldest versions of its own dependencies that it states.
[group('release')]
minimal-versions:
    bash tests/driver oldest

# Prints the Rust version that the crates state.
[group('release')]
stated-rust:
    @sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml

# Checks all that is published, on any platform.
[group('release')]
check-all:
    cargo check --locked -p mongrate-seal -p mongrate-macros -p mongrate-embedded -p cargo-mongrate
    cargo check --locked -p mongrate --features audit-signature,cli,embedded,http,metrics,testing,webhook

# Checks the types of the code for platforms that are not Unix, on one that is.
[group('release')]
elsewhere:
    bash tests/elsewhere

# Runs the tests that show whether a platform works: they start the embedded server.
[group('release')]
elsewhere-tests:
    cargo test --locked -p mongrate-seal -p mongrate-embedded
    cargo test --locked -p mongrate-tests --test embedded --test verbs

# Checks .github: each workflow with actionlint, and that it calls what exists.
[group('release')]
workflows:
    bash tests/workflows

# Writes a bill of materials of what is published, as CycloneDX, into a folder.
[group('release')]
sbom folder="target/sbom":
    bash tests/sbom {{ folder }}

# Checks that a tag fits the version, the changelog and the manifests.
[group('release')]
release-check tag:
    python3 tests/release_check {{ tag }}

# Builds `cargo mongrate` for a target, and packs it with its licences, manual pages and completions.
[group('release')]
archive target:
    bash tests/archive {{ target }}

# Makes the site: the guides as a book, and the documentation of the crates below `api`.
[group('documentation')]
site folder="target/site":
    bash tests/site {{ folder }}
