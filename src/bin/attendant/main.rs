//! The command line of `attendant`: thin, no logic of its own.

mod args;
mod commands;
mod screen;
mod setup;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let screen = screen::Screen::new();
    let result = match args.command {
        Command::Assist(args) => commands::assist::run(args, &screen).await,
        Command::Transcribe(args) => commands::transcribe::run(args, &screen).await,
        Command::Chat(args) => commands::chat::run(args, &screen).await,
        Command::Ingest(args) => commands::knowledge::ingest(args, &screen).await,
        Command::Ask(args) => commands::knowledge::ask(args, &screen).await,
        Command::Knowledge { command } => commands::index::run(command, &screen).await,
        Command::Summarize(args) => commands::file::summarize(args, &screen).await,
        Command::Suggest(args) => commands::file::suggest(args, &screen).await,
        Command::Replay(args) => commands::replay::run(args, &screen).await,
        Command::Review(args) => commands::review::run(args, &screen).await,
        Command::Insight(args) => commands::insight::run(args, &screen).await,
        #[cfg(all(feature = "server", feature = "mcp"))]
        Command::Mcp(args) => commands::mcp::run(args, &screen).await,
        #[cfg(feature = "server")]
        Command::Serve(args) => commands::serve::serve(args, &screen).await,
        #[cfg(feature = "server")]
        Command::Config { command } => commands::serve::config(command, &screen),
        Command::Models(args) => commands::models::run(args, &screen).await,
        #[cfg(feature = "eval")]
        Command::Eval(args) => commands::eval::run(args, &screen).await,
        #[cfg(feature = "eval")]
        Command::Train(args) => commands::eval::train(args, &screen).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            screen.error(&error);
            ExitCode::FAILURE
        }
    }
}
