//! Models by name: the catalogue `models/models.toml`, the shared cache, download and checks.
//!
//! [`Catalog::bundled`] lists the models this crate knows; [`Cache`] is the folder they live in,
//! shared by all checkouts and programs of a user; [`Cache::resolve`] turns an id of the catalogue,
//! or the path of any other model, into the files an engine loads. With the feature `fetch`,
//! `Fetcher` downloads, joins, checks and, where a source carries another format, converts them.
//!
//! ```
//! use attendant::models::{Cache, Catalog, ModelRole};
//!
//! let spec = Catalog::bundled().get("whisper-base").unwrap();
//! assert_eq!((spec.role, spec.licence.as_str()), (ModelRole::Stt, "MIT"));
//! let cache = Cache::new("/nowhere");
//! let missing = cache.resolve("whisper-base", ModelRole::Stt).unwrap_err();
//! assert!(missing.to_string().contains("attendant models fetch whisper-base"));
//! ```

mod cache;
mod catalog;
#[cfg(feature = "fetch")]
mod fetch;
mod format;
mod list;
mod receipt;

pub use cache::{Cache, ModelFiles, ModelStatus};
pub use catalog::{
    Catalog, ConvertSpec, FileSpec, ModelFormat, ModelRole, ModelSpec, PieceSpec, SourceFile,
    SourceKind, SourceSpec,
};
#[cfg(feature = "fetch")]
pub use fetch::{
    Convert, FetchEvent, FetchOutcome, FetchProgress, Fetched, Fetcher, ProgressBars, Verdict,
    Verified,
};
pub use list::{ListEntry, list, render_list};
pub use receipt::{Receipt, ReceiptFile, ReceiptPiece};
