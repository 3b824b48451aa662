//! The same reader for a conversation that goes on with playbooks as they were.

use super::Reader;
use crate::dialogue::playbook::{Old, overlaid};

impl Reader {
    /// Reads with these texts of playbooks. Needs are heard as before: what is begun anew is begun as it is now.
    pub(crate) fn over(&self, old: &[Old]) -> Self {
        Self {
            playbooks: overlaid(&self.playbooks, old),
            ..self.clone()
        }
    }
}
