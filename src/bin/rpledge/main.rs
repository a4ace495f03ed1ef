// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command.

mod extract;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// The database
    Data {
        #[command(subcommand)]
        verb: Data,
    },
}

#[derive(Subcommand)]
enum Data {
    /// A libc's files to a snapshot
    Extract(extract::Args),
}

fn main() -> ExitCode {
    let Verb::Data {
        verb: Data::Extract(args),
    } = Command::parse().verb;
    extract::main(args).unwrap_or_else(|error| {
        eprintln!("rpledge: {error}");
        ExitCode::FAILURE
    })
}
