// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command: arguments and dispatch.

mod bounds;
mod compile;
mod data;
mod extract;
mod files;
mod find;
mod history;
mod identify;
mod install;
mod launch;
mod needs;
mod report;
mod roads;
mod run;
mod show;
mod store;
mod survey;
mod tables;
mod verify;

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
    Run(run::Args),
    Show(show::Args),
    Data(data::Args),
}

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Run(args) => run::main(args),
        Command::Show(args) => show::main(args),
        Command::Data(args) => data::main(args),
    };
    done.unwrap_or_else(|failure| failure.report())
}
