//! The `tandem` command: reads its arguments, calls the library, returns its exit code.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tandem::{app, bench, cli, observe};

/// Costs nothing measurable, and lets `tandem bench` count allocations.
#[global_allocator]
static ALLOCATOR: bench::allocations::Counting = bench::allocations::Counting;

/// A SIP telephony gateway that carries one voice call and two screens.
#[derive(Parser)]
#[command(name = "tandem", version)]
struct Arguments {
    /// End when standard input closes: whoever starts this program and holds a pipe to it leaves no orphan behind.
    #[arg(long)]
    end_with_stdin: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway in the foreground.
    Run(cli::ConfigFile),
    /// Check a configuration and say what would run.
    Check(cli::ConfigFile),
    /// Print call records.
    Cdr(cli::cdr::Args),
    /// Measure what calls, packets and messages cost on this machine.
    Bench(cli::bench::Args),
    /// Serve the demo travel site.
    Site(cli::site::Args),
    /// Play a customer's call between separate programs, and show both screens.
    Demo(cli::demo::Args),
    /// Call as the customer's phone (reference client).
    Handset(cli::handset::Args),
    /// Take calls as an agent's seat (reference client).
    Seat(cli::seat::Args),
    /// Stand for the carrier behind a trunk (reference client).
    Carrier(cli::carrier::Args),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    observe::start_logs();
    if arguments.end_with_stdin {
        cli::end_with_stdin();
    }
    match arguments.command {
        Command::Check(file) => cli::check::run(&file.config),
        Command::Run(file) => asynchronously(async move {
            match app::run(&file.config).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("tandem: {error}");
                    ExitCode::FAILURE
                }
            }
        }),
        Command::Bench(args) => cli::bench::run(&args),
        Command::Cdr(args) => asynchronously(async move { cli::cdr::main(&args).await }),
        Command::Handset(args) => asynchronously(async move { cli::handset::run(&args).await }),
        Command::Seat(args) => asynchronously(async move { cli::seat::run(&args).await }),
        Command::Carrier(args) => asynchronously(async move { cli::carrier::run(&args).await }),
        Command::Site(args) => asynchronously(async move { cli::site::run(&args).await }),
        Command::Demo(args) => asynchronously(async move { cli::demo::run(&args).await }),
    }
}

fn asynchronously(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            eprintln!("tandem: the operating system gave no runtime: {error}");
            ExitCode::FAILURE
        }
    }
}
