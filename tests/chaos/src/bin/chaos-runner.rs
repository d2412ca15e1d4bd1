//! A runner process of the chaos suite: see `mongrate_chaos::app`.

fn main() -> std::process::ExitCode {
    mongrate_chaos::app::main()
}
