//! Reads data files: gzipped JSON, one object a line.

use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::GzDecoder;
use serde::de::DeserializeOwned;

use crate::error::{ErrorKind, OrError, Result};

/// The objects of a file, in order; empty lines are skipped.
pub(super) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let file = std::fs::File::open(path).or_error(ErrorKind::NotFound, || {
        format!("cannot read {}; check the data folder", path.display())
    })?;
    let mut values = Vec::new();
    for (at, line) in BufReader::new(GzDecoder::new(file)).lines().enumerate() {
        let wrong = || {
            let number = at + 1;
            format!(
                "{} line {number} is not in the expected format",
                path.display()
            )
        };
        let line = line.or_error(ErrorKind::InvalidInput, wrong)?;
        if !line.trim().is_empty() {
            values.push(serde_json::from_str(&line).or_error(ErrorKind::InvalidInput, wrong)?);
        }
    }
    Ok(values)
}

/// Writes the objects of a test.
#[cfg(test)]
pub(super) fn write_lines(path: &Path, lines: &[serde_json::Value]) {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;
    let file = std::fs::File::create(path).unwrap();
    let mut file = GzEncoder::new(file, Compression::fast());
    for line in lines {
        writeln!(file, "{line}").unwrap();
    }
    file.finish().unwrap();
}
