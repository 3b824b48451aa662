//! Playbooks from files.

use std::path::Path;

use super::Playbook;
use crate::error::{Error, ErrorKind, OrError, Result};

/// Reads every `*.toml`, `*.yaml` and `*.yml` of a directory, ordered by id.
///
/// # Errors
/// [`ErrorKind::NotFound`] without such a directory; [`ErrorKind::Config`] naming the file and the
/// mistake, or two files with the same id.
pub fn load_playbooks(directory: &Path) -> Result<Vec<Playbook>> {
    let shown = directory.display();
    let entries = std::fs::read_dir(directory).or_error(ErrorKind::NotFound, || {
        format!("cannot read the playbook directory {shown}")
    })?;
    let mut playbooks: Vec<Playbook> = Vec::new();
    for entry in entries {
        let path = entry
            .or_error(ErrorKind::Config, || format!("cannot list {shown}"))?
            .path();
        let parse = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => Playbook::from_toml,
            Some("yaml" | "yml") => Playbook::from_yaml,
            _ => continue,
        };
        let read = || format!("cannot read {}", path.display());
        let text = std::fs::read_to_string(&path).or_error(ErrorKind::Config, read)?;
        let playbook = parse(&text).map_err(|e| e.context(path.display()))?;
        if playbooks.iter().any(|p| p.id == playbook.id) {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "{}: another file has the id {:?} too",
                    path.display(),
                    playbook.id
                ),
            ));
        }
        playbooks.push(playbook);
    }
    playbooks.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(playbooks)
}
