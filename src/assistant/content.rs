//! An organisation's content as a folder: articles, playbooks, wrap-up codes, coaching rules, checklists.

use std::path::{Path, PathBuf};

use super::AssistantBuilder;
use crate::assist::{Checklist, CoachingRule, load_checklists, load_coaching_rules};
use crate::conversation::{TenantId, WrapUpCode};
use crate::dialogue::journey::NeedPredictor;
use crate::dialogue::strategy::Strategist;
use crate::dialogue::{
    EmpathyPolicy, HandoffPolicy, OfferPolicy, Playbook, load_empathy_policy, load_handoff_policy,
    load_offer_policy, load_playbooks,
};
use crate::error::{Error, ErrorKind, Result};
use crate::guard::{CrisisConfig, load_crisis_config};
use crate::knowledge::{LoadReport, load_articles};
use crate::summary::{NoteOptions, load_note_options, load_wrap_up_codes};

/// What a folder like `knowledge/` holds: `articles/`, `playbooks/`, `wrap_up.toml`,
/// `coaching.toml`, `checklists.toml`, `crisis.toml`, `empathy.toml`, `handoff.toml`,
/// `offers.toml`, `strategies/`, `journey.toml`, `notes.toml`. Parts that are not there are empty; a folder with none of them is refused.
#[derive(Debug)]
pub struct Content {
    /// The articles, and what was skipped and why.
    pub articles: LoadReport,
    /// The procedures.
    pub playbooks: Vec<Playbook>,
    /// The disposition codes.
    pub wrap_up_codes: Vec<WrapUpCode>,
    /// The coaching rules.
    pub coaching_rules: Vec<CoachingRule>,
    /// What human agents have to say.
    pub checklists: Vec<Checklist>,
    /// What is done when somebody may be in danger; the default protocol without it.
    pub crisis: CrisisConfig,
    /// How feelings and effort are acknowledged; the default words without it.
    pub empathy: EmpathyPolicy,
    /// How conversations get to a person; offered once and without end without it.
    pub handoffs: HandoffPolicy,
    /// What may be offered after a need is resolved; nothing without it.
    pub offers: OfferPolicy,
    /// The strategies that resolve needs for good.
    pub strategies: Strategist,
    /// What foresees needs, and when customers may be contacted.
    pub journey: NeedPredictor,
    /// How notes are to be; as they come without it.
    pub notes: NoteOptions,
}

impl Content {
    /// Reads a folder. Articles without a tenant belong to `default_tenant`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the folder holds none of the parts; [`ErrorKind::Config`] for a
    /// mistake in a playbook, code or rule. A bad article is skipped and reported.
    pub fn load(folder: &Path, default_tenant: &TenantId) -> Result<Self> {
        let part = |name: &str| Some(folder.join(name)).filter(|path: &PathBuf| path.exists());
        let (articles, playbooks) = (part("articles"), part("playbooks"));
        let (codes, rules) = (part("wrap_up.toml"), part("coaching.toml"));
        if articles.is_none() && playbooks.is_none() && codes.is_none() && rules.is_none() {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "{} holds none of articles/, playbooks/, wrap_up.toml, coaching.toml; \
                     name the folder with the organisation's content",
                    folder.display()
                ),
            ));
        }
        Ok(Self {
            articles: match articles {
                Some(path) => load_articles(&path, default_tenant)?,
                None => LoadReport::default(),
            },
            playbooks: playbooks
                .map(|path| load_playbooks(&path))
                .transpose()?
                .unwrap_or_default(),
            wrap_up_codes: codes
                .map(|path| load_wrap_up_codes(&path))
                .transpose()?
                .unwrap_or_default(),
            coaching_rules: rules
                .map(|path| load_coaching_rules(&path))
                .transpose()?
                .unwrap_or_default(),
            checklists: part("checklists.toml")
                .map(|path| load_checklists(&path))
                .transpose()?
                .unwrap_or_default(),
            crisis: part("crisis.toml")
                .map(|path| load_crisis_config(&path))
                .transpose()?
                .unwrap_or_default(),
            empathy: part("empathy.toml")
                .map(|path| load_empathy_policy(&path))
                .transpose()?
                .unwrap_or_default(),
            handoffs: part("handoff.toml")
                .map(|path| load_handoff_policy(&path))
                .transpose()?
                .unwrap_or_default(),
            offers: part("offers.toml")
                .map(|path| load_offer_policy(&path))
                .transpose()?
                .unwrap_or_default(),
            strategies: part("strategies")
                .map(|path| Strategist::load(&path))
                .transpose()?
                .unwrap_or_default(),
            journey: part("journey.toml")
                .map(|path| NeedPredictor::load(&path))
                .transpose()?
                .unwrap_or_default(),
            notes: part("notes.toml")
                .map(|path| load_note_options(&path))
                .transpose()?
                .unwrap_or_default(),
        })
    }

    /// The tenant most articles belong to.
    pub fn tenant(&self) -> Option<&TenantId> {
        let tenants = self.articles.articles.iter().map(|article| &article.tenant);
        let count = |tenant: &TenantId| {
            self.articles
                .articles
                .iter()
                .filter(|a| &a.tenant == tenant)
                .count()
        };
        tenants.max_by_key(|tenant| count(tenant))
    }
}

impl AssistantBuilder {
    /// Takes playbooks, wrap-up codes, coaching rules, checklists, the crisis protocol, strategies, what foresees needs and
    /// how notes are to be from `content`. Its articles are ingested after the build, since that takes a while and can report progress:
    /// `assistant.knowledge().ingest(content.articles.articles, …)`.
    #[must_use]
    pub fn content(self, content: &Content) -> Self {
        self.playbooks(content.playbooks.clone())
            .wrap_up_codes(content.wrap_up_codes.clone())
            .coaching_rules(content.coaching_rules.clone())
            .checklists(content.checklists.clone())
            .crisis(content.crisis.clone())
            .empathy(content.empathy.clone())
            .handoffs(content.handoffs.clone())
            .offers(content.offers.clone())
            .strategies(content.strategies.clone())
            .journey(content.journey.clone())
            .notes(content.notes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_content_is_refused_and_a_part_alone_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let tenant = TenantId::from("acme");
        assert_eq!(
            Content::load(folder.path(), &tenant).unwrap_err().kind(),
            ErrorKind::NotFound
        );
        let codes = "[[codes]]\nid = \"a\"\nlabel = \"A\"\n";
        std::fs::write(folder.path().join("wrap_up.toml"), codes).unwrap();
        let content = Content::load(folder.path(), &tenant).unwrap();
        assert_eq!(content.wrap_up_codes.len(), 1);
        assert_eq!(content.tenant(), None);
    }
}
