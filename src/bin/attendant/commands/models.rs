//! The model cache.

use std::path::{Path, PathBuf};

use attendant::models::{
    Cache, Catalog, FetchOutcome, Fetcher, ModelFormat, ProgressBars, Verdict, list, render_list,
};
use attendant::{Error, ErrorKind, Result};

use crate::args::{ModelsArgs, ModelsCommand};
use crate::screen::Screen;

pub(crate) async fn run(args: ModelsArgs, screen: &Screen) -> Result<()> {
    let cache = Cache::from_env()?;
    match args.command {
        ModelsCommand::List => {
            let entries = list(Catalog::bundled(), &cache);
            screen.line(render_list(&entries, &cache).trim_end())
        }
        ModelsCommand::Fetch { ids, force } => {
            screen.note(&format!("models are kept in {}", cache.root().display()));
            let fetcher = Fetcher::new(cache)
                .with_progress(ProgressBars::new())
                .with_converter("ctranslate2", ModelFormat::Ggml, whisper_to_ggml);
            for fetched in fetcher.fetch(&ids, force).await? {
                let from = match &fetched.outcome {
                    FetchOutcome::AlreadyPresent => "already there".to_owned(),
                    FetchOutcome::FetchedFrom(source) => {
                        format!("from {source} in {:.1} s", fetched.elapsed.as_secs_f64())
                    }
                    _ => "done".to_owned(),
                };
                screen.line(&format!("{:28} {from}", fetched.id))?;
            }
            Ok(())
        }
        ModelsCommand::Verify { ids } => {
            let mut bad = 0_usize;
            for verified in Fetcher::new(cache).verify(&ids).await? {
                let found = match &verified.verdict {
                    Verdict::Intact => "intact".to_owned(),
                    Verdict::Missing => "not fetched".to_owned(),
                    Verdict::Unknown(why) => format!("unknown: {why}"),
                    Verdict::Damaged(why) => {
                        bad += 1;
                        format!("damaged: {why}")
                    }
                    _ => "not checked".to_owned(),
                };
                screen.line(&format!("{:28} {found}", verified.id))?;
            }
            match bad {
                0 => Ok(()),
                _ => Err(Error::new(
                    ErrorKind::Model,
                    "damaged models were found; fetch them again with `attendant models fetch --force ID`",
                )),
            }
        }
    }
}

/// The weights and the tokenizer of a CTranslate2 model, in this order, become a ggml file.
fn whisper_to_ggml(pieces: &[PathBuf], out: &Path) -> Result<()> {
    match pieces {
        [weights, tokenizer] => attendant::speech::ct2::convert(weights, tokenizer, out),
        _ => Err(Error::new(
            ErrorKind::Internal,
            format!(
                "the conversion takes weights and tokenizer, but was given {} files",
                pieces.len()
            ),
        )),
    }
}
