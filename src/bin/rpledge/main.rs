// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command.

mod data;
mod extract;
mod report;
mod store;

use std::process::ExitCode;

use clap::Parser;

#[derive(clap::Parser)]
#[command(version, about)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Data(data::Args),
}

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Data(args) => data::main(args),
    };
    done.unwrap_or_else(|failure| failure.report())
}
