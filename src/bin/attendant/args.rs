//! What can be typed.

use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand};

#[cfg(feature = "eval")]
mod eval;

#[cfg(feature = "eval")]
pub(crate) use eval::{EvalArgs, EvalCommand, EvalCommon, TrainArgs, TrainCommand};

/// LLM-powered virtual agents and agent assist for contact centres.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Replay a call: transcript, suggestions, cues, next actions, note and wrap-up code.
    Assist(AssistArgs),
    /// Turn a recording into text.
    Transcribe(TranscribeArgs),
    /// Talk to the virtual agent in this terminal.
    Chat(ChatArgs),
    /// Index the articles of a folder (only what changed).
    Ingest(IngestArgs),
    /// Ask the knowledge base.
    Ask(AskArgs),
    /// Make, search and remake a knowledge index.
    Knowledge {
        #[command(subcommand)]
        command: KnowledgeCommand,
    },
    /// Write the note of a conversation.
    Summarize(FileArgs),
    /// Suggest what the human agent may say and do next.
    Suggest(FileArgs),
    /// Run coaching rules over stored conversations: how often each fires, how well, and where.
    Replay(ReplayArgs),
    /// Fill an evaluation form in for a conversation, with evidence.
    Review(ReviewArgs),
    /// What a folder of conversations tells: topics, irritants, resolution, containment, satisfaction.
    Insight(InsightArgs),
    /// Serve summaries, suggestions, articles and next actions to an MCP host over standard input and output.
    #[cfg(all(feature = "server", feature = "mcp"))]
    Mcp(McpArgs),
    /// Serve all of it over HTTP: REST, event streams, sockets, the form of OpenAI's API.
    #[cfg(feature = "server")]
    Serve(ServeArgs),
    /// Check a server's configuration, and make keys for it.
    #[cfg(feature = "server")]
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Fetch, list and check models.
    Models(ModelsArgs),
    /// Measure quality on a folder of data.
    #[cfg(feature = "eval")]
    Eval(EvalArgs),
    /// Train a small head that the library ships.
    #[cfg(feature = "eval")]
    Train(TrainArgs),
}

/// Which organisation and which models.
#[derive(Debug, Clone, Group)]
pub(crate) struct Setup {
    /// Folder with articles/, playbooks/, wrap_up.toml, coaching.toml, checklists.toml and crisis.toml.
    #[arg(
        long,
        default_value = "knowledge",
        value_name = "DIR",
        env = "ATTENDANT_KNOWLEDGE"
    )]
    pub(crate) knowledge: PathBuf,
    /// Whose data it is; by default the tenant of most articles.
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Folder of the vector index; by default one in the user's cache for each knowledge folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) index: Option<PathBuf>,
    /// Language model: an id of `attendant models list`, the path of a GGUF file, or `none`.
    #[arg(long, value_name = "MODEL", env = "ATTENDANT_LLM")]
    pub(crate) llm: Option<String>,
    /// Speech model: an id, the path of a ggml Whisper file, or `none`.
    #[arg(long, value_name = "MODEL", env = "ATTENDANT_STT")]
    pub(crate) stt: Option<String>,
    /// Embedding model: an id, a folder with model.safetensors, or `none`.
    #[arg(long, value_name = "MODEL", env = "ATTENDANT_EMBEDDING")]
    pub(crate) embedding: Option<String>,
}

#[derive(Debug, Group)]
pub(crate) struct AssistArgs {
    /// A recording (WAV, FLAC, MP3, Ogg; stereo: one participant a channel), or a transcript (JSON).
    pub(crate) file: PathBuf,
    /// One event a line, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Feed every utterance at the moment it was said, as a live call would.
    #[arg(long)]
    pub(crate) realtime: bool,
    /// SQLite file to keep the conversation in; by default it is not kept.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) setup: Setup,
}

#[derive(Debug, Group)]
pub(crate) struct TranscribeArgs {
    /// A recording (WAV, FLAC, MP3, Ogg).
    pub(crate) file: PathBuf,
    /// One utterance a line, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Hear it at the pace of a live call: words while they are spoken, the delay of every final, and a timeline.
    #[arg(long)]
    pub(crate) live: bool,
    /// Language spoken (BCP 47); `auto` lets a multilingual model find out.
    #[arg(long, default_value = "en")]
    pub(crate) language: String,
    /// Names and terms to expect; may be given several times.
    #[arg(long, value_name = "WORDS")]
    pub(crate) vocabulary: Vec<String>,
    /// Speech model: an id, or the path of a ggml Whisper file.
    #[arg(
        long,
        value_name = "MODEL",
        env = "ATTENDANT_STT",
        default_value = "whisper-tiny.en"
    )]
    pub(crate) stt: String,
}

#[cfg(all(feature = "server", feature = "mcp"))]
#[derive(Debug, Group)]
pub(crate) struct McpArgs {
    /// SQLite file with the conversations that the tools may be asked about.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) setup: Setup,
}

#[derive(Debug, Group)]
pub(crate) struct ChatArgs {
    /// SQLite file to keep the conversation in.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Go on with a stored conversation.
    #[arg(long, value_name = "ID", requires = "store")]
    pub(crate) resume: Option<String>,
    #[command(flatten)]
    pub(crate) setup: Setup,
}

#[derive(Debug, Group)]
pub(crate) struct IngestArgs {
    /// Folder with articles/ (or the articles themselves).
    pub(crate) dir: PathBuf,
    /// Whose articles they are where a file does not say.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: String,
    /// Folder of the vector index.
    #[arg(long, value_name = "DIR")]
    pub(crate) index: Option<PathBuf>,
    /// Embedding model: an id, or a folder with model.safetensors.
    #[arg(long, value_name = "MODEL", env = "ATTENDANT_EMBEDDING")]
    pub(crate) embedding: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KnowledgeCommand {
    /// Bring an index up to date with a folder of articles; only what changed is embedded.
    Index(IndexArgs),
    /// Find passages.
    Search(SearchArgs),
    /// Make an index anew, also one that is damaged or of another embedding model.
    Rebuild(IndexArgs),
}

#[derive(Debug, Group)]
pub(crate) struct IndexArgs {
    /// Folder with articles (Markdown, text, HTML, PDF, DOCX, CSV, JSON).
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Folder of the index.
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// Whose articles they are where a file does not say.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: String,
    /// Embedding model: an id, or a folder with model.safetensors.
    #[arg(
        long,
        value_name = "MODEL",
        env = "ATTENDANT_EMBEDDING",
        default_value = "all-minilm-l6-v2"
    )]
    pub(crate) embedding: String,
    /// The report as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Group)]
pub(crate) struct SearchArgs {
    /// What to look for.
    pub(crate) question: String,
    /// Folder of the index.
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// Whose articles.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: String,
    /// Search as a customer: articles for agents only stay hidden.
    #[arg(long)]
    pub(crate) customer: bool,
    /// Only articles about this product, and those that apply to all.
    #[arg(long, value_name = "NAME")]
    pub(crate) product: Option<String>,
    /// How many passages at most.
    #[arg(long, default_value_t = 5)]
    pub(crate) limit: usize,
    /// Embedding model: an id, or a folder with model.safetensors.
    #[arg(
        long,
        value_name = "MODEL",
        env = "ATTENDANT_EMBEDDING",
        default_value = "all-minilm-l6-v2"
    )]
    pub(crate) embedding: String,
    /// As one JSON array.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Group)]
pub(crate) struct AskArgs {
    /// The question.
    pub(crate) question: String,
    /// Ask as a customer: articles for agents only stay hidden.
    #[arg(long)]
    pub(crate) customer: bool,
    /// Only articles about this product, and those that apply to all.
    #[arg(long, value_name = "NAME")]
    pub(crate) product: Option<String>,
    /// As one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) setup: Setup,
}

#[derive(Debug, Group)]
pub(crate) struct FileArgs {
    /// A transcript (JSON) or a recording.
    pub(crate) file: PathBuf,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) setup: Setup,
}

#[derive(Debug, Group)]
pub(crate) struct ReplayArgs {
    /// Rules (TOML), or a folder with coaching.toml or other files of rules.
    #[arg(long, value_name = "FILE_OR_DIR")]
    pub(crate) rules: PathBuf,
    /// Folder with transcripts (every *.json in it and below), or one transcript. A transcript may say which rules
    /// should fire: "coaching": ["rule-id", …].
    #[arg(long, value_name = "DIR")]
    pub(crate) conversations: PathBuf,
    /// Embedding model: an id, a folder with model.safetensors, or `none`.
    #[arg(
        long,
        value_name = "MODEL",
        env = "ATTENDANT_EMBEDDING",
        default_value = "all-minilm-l6-v2"
    )]
    pub(crate) embedding: String,
    /// Language model for the questions of rules: an id, or the path of a GGUF file; without it none is asked.
    #[arg(long, value_name = "MODEL")]
    pub(crate) llm: Option<String>,
    /// The report as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Group)]
pub(crate) struct ReviewArgs {
    /// A transcript (JSON) or a recording.
    pub(crate) file: PathBuf,
    /// The form (TOML); by default those for good service and reflective listening.
    #[arg(long, value_name = "FILE")]
    pub(crate) form: Option<PathBuf>,
    /// One filled form a line, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) setup: Setup,
}

#[derive(Debug, Group)]
pub(crate) struct InsightArgs {
    /// Folder with conversations (JSON, one a file; other fields beside: queue, product, pulse, notes, ...).
    pub(crate) dir: PathBuf,
    /// Group the figures.
    #[arg(long, value_enum)]
    pub(crate) by: Option<InsightBy>,
    /// Write the figures to this file, and topics, irritants and voices beside it (FILE's name with .topics.csv, ...).
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Draw the report (SVG).
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// The report as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// Embedding model: an id, a folder with model.safetensors, or `none` (groups of shared words).
    #[arg(
        long,
        value_name = "MODEL",
        env = "ATTENDANT_EMBEDDING",
        default_value = "all-minilm-l6-v2"
    )]
    pub(crate) embedding: String,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum InsightBy {
    /// By queue.
    Queue,
    /// By product.
    Product,
    /// By day (UTC).
    Day,
    /// By ISO week (UTC).
    Week,
    /// By month (UTC).
    Month,
}

#[cfg(feature = "server")]
#[derive(Debug, Group)]
pub(crate) struct ServeArgs {
    /// Configuration (TOML); `examples/attendant.toml` shows all of it.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// For trying things out on this machine: makes a key that may do everything, and prints it.
    #[arg(long)]
    pub(crate) dev: bool,
    /// Address and port; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<std::net::SocketAddr>,
    /// Where conversations are kept: `memory`, `sqlite:PATH` or `postgres://…`.
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// Folder with articles/, playbooks/ and rules.
    #[arg(long, value_name = "DIR", env = "ATTENDANT_KNOWLEDGE")]
    pub(crate) knowledge: Option<PathBuf>,
    /// Whose data it is where a file does not say; also the tenant of the key that `--dev` makes.
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Language model: an id of `attendant models list`, the path of a GGUF file, or `none`.
    #[arg(long, value_name = "MODEL", env = "ATTENDANT_LLM")]
    pub(crate) llm: Option<String>,
    /// Speech model: an id, the path of a ggml Whisper file, or `none`.
    #[arg(long, value_name = "MODEL", env = "ATTENDANT_STT")]
    pub(crate) stt: Option<String>,
    /// Embedding model: an id, a folder with model.safetensors, or `none`.
    #[arg(long, value_name = "MODEL", env = "ATTENDANT_EMBEDDING")]
    pub(crate) embedding: Option<String>,
}

#[cfg(feature = "server")]
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read a configuration as the server would: unknown keys, secrets that are missing, files that are not there.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Make a key and the digest that the configuration holds.
    Key,
}

#[derive(Debug, Group)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    pub(crate) command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Download models that are not there yet; without ids, the default set.
    Fetch {
        /// Ids of `attendant models list`.
        ids: Vec<String>,
        /// Download again even if it is there.
        #[arg(long)]
        force: bool,
    },
    /// Show the models, their licences and where they come from.
    List,
    /// Check the files against their checksums.
    Verify {
        /// Ids of `attendant models list`; all where none is given.
        ids: Vec<String>,
    },
}
