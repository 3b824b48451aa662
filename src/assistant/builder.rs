//! Building an [`Assistant`]: what is not given has a default that needs no weights and no network.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Assistant, Inner, Shared};
use crate::assist::{
    ArticleFinder, Checklist, Checklists, Coach, CoachingRule, ModelAsker, ReplyWriter,
};
use crate::conversation::WrapUpCode;
use crate::dialogue::journey::NeedPredictor;
use crate::dialogue::learning::{ActionLearner, LearningOptions};
use crate::dialogue::strategy::{Strategist, StrategyRunner};
use crate::dialogue::{
    ActionLedger, ActionRanker, EmpathyPolicy, HandoffPolicy, OfferPolicy, Planner, Playbook,
    Reader, Step, StepKind, Tool, Tools,
};
use crate::embedding::{CachedEmbedder, Embedder, HashingEmbedder};
use crate::error::{Error, ErrorKind, Result};
use crate::guard::{CrisisConfig, CrisisGuard, MaskedModel, PiiPolicy};
use crate::knowledge::{KnowledgeBase, MemoryVectorStore, VectorStore};
use crate::llm::{LanguageModel, ScriptedModel, Traced};
use crate::prompt::Prompts;
use crate::review::{ListeningCoder, Reviewer};
use crate::speech::SpeechToText;
use crate::store::{ConversationStore, MemoryStore};
use crate::summary::{NoteOptions, Summarizer, WrapUpChooser};
use crate::understanding::emotion::EmotionModel;

/// What prompts call an organisation whose name was not given.
pub(super) const UNNAMED: &str = "the company";
/// Vectors of utterances kept between turns: of some hundred live conversations all that is looked back at, in at most
/// 50 MB.
const CACHED_VECTORS: usize = 32_768;

/// What the virtual agent says where no model is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Phrases {
    /// It is not clear what the customer needs.
    pub clarify: String,
    /// The knowledge base has no answer, and a person is offered.
    pub unknown: String,
    /// The knowledge base has no answer in the middle of a procedure, which goes on with its own question.
    pub not_known: String,
    /// A person takes over.
    pub hand_off: String,
    /// The customer needs nothing more.
    pub goodbye: String,
    /// A procedure is through.
    pub anything_else: String,
    /// The customer said thanks.
    pub welcome: String,
    /// The customer said hello.
    pub greeting: String,
    /// A colleague has to say yes first, and was asked now.
    pub approval: String,
    /// They have not answered yet.
    pub still_waiting: String,
    /// A backend action failed, or nobody knows whether it was done.
    pub action_failed: String,
    /// What the customer asked for is not done since somebody said no.
    pub declined: String,
    /// What the customer needs may be one of two things, named where `{first}` and `{second}` stand.
    pub which: String,
    /// It may be one thing, named where `{need}` stands.
    pub whether: String,
    /// "Okay" is no clear yes to something that changes money or a contract.
    pub yes_or_no: String,
    /// Before the question whether a foreseen need is what they come for.
    pub hello: String,
    /// How the virtual agent begins a contact of its own; `{organisation}` stands for the name.
    pub outbound: String,
    /// What it asks at the end of its first words then.
    pub outbound_question: String,
    /// Nothing was changed, since this is a dry run ([`AssistantBuilder::dry_run`]).
    pub dry_run: String,
}

impl Default for Phrases {
    fn default() -> Self {
        Self {
            clarify: "Could you tell me a little more about what you need?".into(),
            unknown: "I do not know that for certain, and I would rather not guess. \
                      Shall I connect you with a colleague?"
                .into(),
            not_known: "I do not know that for certain, and I would rather not guess.".into(),
            hand_off: "I am connecting you with a colleague now. They can see our conversation, \
                       so you do not need to repeat anything."
                .into(),
            goodbye: "Thank you for getting in touch. Goodbye!".into(),
            anything_else: "Is there anything else I can help you with?".into(),
            welcome: "You are welcome.".into(),
            greeting: "Hello! What can I do for you?".into(),
            approval: "I need a colleague's approval for that and have asked for it now. \
                       I will let you know as soon as I have an answer."
                .into(),
            still_waiting: "I am still waiting for my colleague's approval.".into(),
            action_failed:
                "I could not finish that on my side, and I would rather have a colleague look \
                            than try again blindly."
                    .into(),
            declined: "I am sorry, that was not approved, so I have not done it.".into(),
            which:
                "I want to be sure that I understand you. Is it about {first}, or about {second}?"
                    .into(),
            whether: "I want to be sure that I understand you: is it about {need}?".into(),
            yes_or_no: "I change nothing without a clear answer. Shall I go ahead: yes or no?"
                .into(),
            hello: "Hello!".into(),
            outbound: "Hello, this is the virtual assistant of {organisation}.".into(),
            outbound_question: "Shall I help you with that now?".into(),
            dry_run:
                "This is a trial, so nothing was changed: in earnest I would have done that now."
                    .into(),
        }
    }
}

/// Collects the parts of an [`Assistant`].
#[derive(Debug, Default)]
pub struct AssistantBuilder {
    organisation: Option<String>,
    model: Option<Arc<dyn LanguageModel>>,
    unmasked: bool,
    policy: PiiPolicy,
    embedder: Option<Arc<dyn Embedder>>,
    vectors: Option<Arc<dyn VectorStore>>,
    speech: Option<Arc<dyn SpeechToText>>,
    emotion: Option<Arc<dyn EmotionModel>>,
    store: Option<Arc<dyn ConversationStore>>,
    prompts: Option<PathBuf>,
    playbooks: Vec<Playbook>,
    tools: Vec<Arc<dyn Tool>>,
    codes: Vec<WrapUpCode>,
    notes: NoteOptions,
    rules: Vec<CoachingRule>,
    checklists: Vec<Checklist>,
    crisis: CrisisConfig,
    phrases: Phrases,
    empathy: EmpathyPolicy,
    handoffs: HandoffPolicy,
    offers: OfferPolicy,
    strategist: Strategist,
    predictor: NeedPredictor,
    learning: LearningOptions,
    dry_run: bool,
}

impl AssistantBuilder {
    /// The name of the organisation, as customers know it.
    #[must_use]
    pub fn organisation(mut self, name: impl Into<String>) -> Self {
        self.organisation = Some(name.into());
        self
    }

    /// The language model. Without one nothing is written: answers are quoted from articles, notes
    /// hold facts only, and the virtual agent keeps to its playbooks.
    #[must_use]
    pub fn language_model(mut self, model: Arc<dyn LanguageModel>) -> Self {
        self.model = Some(model);
        self
    }

    /// Lets the language model see personal data. By default it is masked.
    #[must_use]
    pub fn without_masking(mut self) -> Self {
        self.unmasked = true;
        self
    }

    /// What is masked before the language model, kind by kind, where masking is on.
    #[must_use]
    pub fn masking(mut self, policy: PiiPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The embedding model; by default feature hashing, which sees words but no meaning.
    #[must_use]
    pub fn embedder(mut self, embedder: Arc<dyn Embedder>) -> Self {
        self.embedder = Some(embedder);
        self
    }

    /// Where vectors are kept; by default in memory.
    #[must_use]
    pub fn vector_store(mut self, vectors: Arc<dyn VectorStore>) -> Self {
        self.vectors = Some(vectors);
        self
    }

    /// The speech engine; by default none.
    #[must_use]
    pub fn speech(mut self, speech: Arc<dyn SpeechToText>) -> Self {
        self.speech = Some(speech);
        self
    }

    /// What tells feelings from words; by default nothing does.
    #[must_use]
    pub fn emotion(mut self, emotion: Arc<dyn EmotionModel>) -> Self {
        self.emotion = Some(emotion);
        self
    }

    /// Where conversations are kept; by default in memory.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn ConversationStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// A directory whose `*.jinja` files override the bundled prompts.
    #[must_use]
    pub fn prompts(mut self, directory: impl Into<PathBuf>) -> Self {
        self.prompts = Some(directory.into());
        self
    }

    /// The procedures.
    #[must_use]
    pub fn playbooks(mut self, playbooks: Vec<Playbook>) -> Self {
        self.playbooks = playbooks;
        self
    }

    /// The backend actions that playbooks name. Without any, a person does what a playbook's tool steps say.
    #[must_use]
    pub fn tools(mut self, tools: Vec<Arc<dyn Tool>>) -> Self {
        self.tools = tools;
        self
    }

    /// Tries procedures out: tools that look something up are called, those that change something are not. Their
    /// receipts say [`ActionStatus::DryRun`](crate::conversation::ActionStatus), nothing counts as done, and the virtual
    /// agent says that this is a trial.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// The disposition codes.
    #[must_use]
    pub fn wrap_up_codes(mut self, codes: Vec<WrapUpCode>) -> Self {
        self.codes = codes;
        self
    }

    /// How notes are to be: their language, their length, sections of the organisation's own.
    #[must_use]
    pub fn notes(mut self, notes: NoteOptions) -> Self {
        self.notes = notes;
        self
    }

    /// The coaching rules.
    #[must_use]
    pub fn coaching_rules(mut self, rules: Vec<CoachingRule>) -> Self {
        self.rules = rules;
        self
    }

    /// What human agents have to say.
    #[must_use]
    pub fn checklists(mut self, checklists: Vec<Checklist>) -> Self {
        self.checklists = checklists;
        self
    }

    /// What is done when somebody may be in danger. It is done in any case; this adds resources and words.
    #[must_use]
    pub fn crisis(mut self, config: CrisisConfig) -> Self {
        self.crisis = config;
        self
    }

    /// What the virtual agent says where no model is needed.
    #[must_use]
    pub fn phrases(mut self, phrases: Phrases) -> Self {
        self.phrases = phrases;
        self
    }

    /// How the virtual agent acknowledges what somebody feels, and the effort they had.
    #[must_use]
    pub fn empathy(mut self, policy: EmpathyPolicy) -> Self {
        self.empathy = policy;
        self
    }

    /// To whom conversations are offered that need a person, for how long, and what is said meanwhile.
    #[must_use]
    pub fn handoffs(mut self, policy: HandoffPolicy) -> Self {
        self.handoffs = policy;
        self
    }

    /// What may be offered after a need is resolved.
    #[must_use]
    pub fn offers(mut self, policy: OfferPolicy) -> Self {
        self.offers = policy;
        self
    }

    /// The strategies that resolve needs for good, which resolve steps of playbooks begin.
    #[must_use]
    pub fn strategies(mut self, strategist: Strategist) -> Self {
        self.strategist = strategist;
        self
    }

    /// What foresees needs from what happened outside, and when customers may be contacted.
    #[must_use]
    pub fn journey(mut self, predictor: NeedPredictor) -> Self {
        self.predictor = predictor;
        self
    }

    /// How far the order of actions may be moved by what was learned from their outcomes.
    #[must_use]
    pub fn learning(mut self, options: LearningOptions) -> Self {
        self.learning = options;
        self
    }

    /// Puts the parts together and embeds the examples of playbooks and rules.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind) or [`ErrorKind::Config`](crate::ErrorKind) for the
    /// prompt directory, or for a playbook whose strategy there is none of; else as the embedder.
    pub async fn build(self) -> Result<Assistant> {
        let prompts = Arc::new(match &self.prompts {
            Some(directory) => Prompts::with_directory(directory)?,
            None => Prompts::bundled(),
        });
        let writes = self.model.is_some();
        let model: Arc<dyn LanguageModel> = match self.model {
            Some(model) => Arc::new(Traced::new(model)),
            None => Arc::new(ScriptedModel::silent()),
        };
        let model: Arc<dyn LanguageModel> = match self.unmasked {
            true => model,
            false => Arc::new(MaskedModel::new(model).with_policy(self.policy)),
        };
        // Hashed words are alike without meaning the same.
        let has_meaning = self.embedder.is_some();
        let embedder = self
            .embedder
            .unwrap_or_else(|| Arc::new(HashingEmbedder::default()));
        let embedder: Arc<dyn Embedder> = Arc::new(CachedEmbedder::new(embedder, CACHED_VECTORS));
        let vectors = self
            .vectors
            .unwrap_or_else(|| Arc::new(MemoryVectorStore::default()));
        let knowledge = KnowledgeBase::new(embedder.clone(), vectors);
        let crisis = CrisisGuard::new(self.crisis);
        let crisis = match has_meaning {
            true => crisis.with_embedder(embedder.clone()).await?,
            false => crisis,
        };
        let reviewer = Reviewer::new(model.clone(), embedder.clone(), prompts.clone());
        let reviewer = match has_meaning {
            true => reviewer.with_listening(ListeningCoder::with_embedder(embedder.clone())),
            false => reviewer,
        };
        let playbooks: Arc<[Playbook]> = self.playbooks.into();
        check_strategies(&playbooks, &self.strategist)?;
        // A model that says nothing chooses nothing.
        let codes = if writes { self.codes } else { Vec::new() };
        let store = self
            .store
            .unwrap_or_else(|| Arc::new(MemoryStore::default()));
        let actions =
            ActionLedger::new(Tools::new(self.tools), store.clone()).with_dry_run(self.dry_run);
        let strategist = Arc::new(self.strategist);
        // The virtual agent promises no plan that nobody can carry out.
        let feasible = |playbook: &&Playbook| {
            let mut needs = needs_resolved_by(playbook).map(|(_, need)| need);
            needs.all(|need| strategist.resolves_with(need, actions.tools()))
        };
        let begun: Arc<[Playbook]> = playbooks.iter().filter(feasible).cloned().collect();
        let chooser = WrapUpChooser::new(model.clone(), prompts.clone(), codes.into());
        Ok(Assistant {
            inner: Arc::new(Inner {
                ranker: ActionRanker::new(embedder.clone(), playbooks.clone()).await?,
                planner: Planner::new(model.clone(), prompts.clone(), begun.clone()),
                reader: Reader::new(embedder.clone(), begun).await?,
                playbooks,
                shared: Arc::new(Shared {
                    organisation: self.organisation.unwrap_or_else(|| UNNAMED.into()),
                    strategies: StrategyRunner::new(
                        strategist.clone(),
                        actions.clone(),
                        store.clone(),
                    ),
                    strategist,
                    actions,
                    learner: ActionLearner::new(store.clone(), self.learning),
                    predictor: self.predictor,
                    need_outcomes: Default::default(),
                    finder: ArticleFinder::new(knowledge.clone()),
                    replies: ReplyWriter::new(model.clone(), prompts.clone(), knowledge.clone()),
                    crisis,
                    asker: ModelAsker::new(model.clone(), prompts.clone()),
                    checklists: Checklists::new(embedder.clone(), self.checklists).await?,
                    coach: Coach::new(embedder.clone(), self.rules).await?,
                    recalled: Default::default(),
                    old: Default::default(),
                    summarizer: Summarizer::new(
                        model.clone(),
                        embedder.clone(),
                        prompts.clone(),
                        chooser,
                    ),
                    notes: self.notes,
                    reviewer,
                    store,
                    speech: self.speech,
                    emotion: self.emotion,
                    embedder,
                    has_meaning,
                    phrases: self.phrases,
                    empathy: self.empathy,
                    handoffs: self.handoffs,
                    offers: self.offers,
                    knowledge,
                    prompts,
                    model,
                    writes,
                }),
            }),
        })
    }
}

/// The resolve steps of a playbook and the needs they resolve.
fn needs_resolved_by(playbook: &Playbook) -> impl Iterator<Item = (&str, &str)> {
    let resolve = |step: &&Step| step.kind == StepKind::Resolve;
    playbook.steps.iter().filter(resolve).map(|step| {
        let need = match step.need.as_str() {
            "" => playbook.id.as_str(),
            need => need,
        };
        (step.id.as_str(), need)
    })
}

/// Every resolve step has a strategy.
fn check_strategies(playbooks: &[Playbook], strategist: &Strategist) -> Result<()> {
    for playbook in playbooks {
        for (step, need) in needs_resolved_by(playbook) {
            if !strategist.resolves(need) {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!(
                        "playbook {:?}, step {step:?}: no strategy resolves {need:?}; add one, or let a person do it",
                        playbook.id
                    ),
                ));
            }
        }
    }
    Ok(())
}
