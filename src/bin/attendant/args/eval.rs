//! Arguments of the evaluation and training commands.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand};

#[derive(Debug, Group)]
pub(crate) struct EvalArgs {
    #[command(subcommand)]
    pub(crate) command: EvalCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EvalCommand {
    /// Word error rate and speed on recordings with their text.
    Speech {
        #[command(flatten)]
        common: EvalCommon,
        /// Speech model: an id, or the path of a ggml Whisper file.
        #[arg(long, default_value = "whisper-tiny.en")]
        model: String,
        /// Stream every recording at real-time pace as well.
        #[arg(long)]
        stream: bool,
        /// Tell the engine what it heard in the recording before, as in a conversation.
        #[arg(long)]
        previous: bool,
        /// Tell what was understood of each recording, on standard error.
        #[arg(long)]
        each: bool,
    },
    /// Words invented where nobody speaks: on the audio of a folder, or on generated noise, at full width and as a
    /// telephone line carries it.
    Silence {
        /// Folder with audio in which nobody speaks; noise is generated without it.
        #[arg(long, value_name = "PATH")]
        data: Option<PathBuf>,
        /// Minutes of each kind of generated noise, once at full width and once on a line.
        #[arg(long, default_value_t = 1.0)]
        minutes: f64,
        /// Speech model: an id, or the path of a ggml Whisper file.
        #[arg(long, default_value = "whisper-tiny.en")]
        model: String,
        /// Seed of the noise.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// The last line of standard output is one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Many minutes of live audio in little time: memory and delay.
    Soak {
        /// A recording, heard again and again, its tracks side by side.
        #[arg(long, value_name = "FILE")]
        data: PathBuf,
        /// Minutes of audio.
        #[arg(long, default_value_t = 30.0)]
        minutes: f64,
        /// How much faster than real time it is fed.
        #[arg(long, default_value_t = 4.0)]
        speed: f64,
        /// Speech model: an id, or the path of a ggml Whisper file.
        #[arg(long, default_value = "whisper-tiny.en")]
        model: String,
        /// The last line of standard output is one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Which turns of a conversation need knowledge, and whether the right snippet is found.
    Grounding {
        #[command(flatten)]
        common: EvalCommon,
        /// Embedding model: an id, or a folder with model.safetensors.
        #[arg(long, default_value = "all-minilm-l6-v2")]
        model: String,
        /// Use all hypotheses of the recogniser where turns have them.
        #[arg(long)]
        asr_nbest: bool,
        /// Keep the index of the snippets in this folder, for the next run.
        #[arg(long, value_name = "DIR")]
        index: Option<PathBuf>,
    },
    /// Likeness of notes to those that people wrote, and whether the conversation supports them.
    Summary {
        #[command(flatten)]
        common: EvalCommon,
        /// Language model: an id, or the path of a GGUF file.
        #[arg(long, default_value = "qwen2.5-coder-1.5b-instruct")]
        llm: String,
        /// Embedding model: an id, or a folder with model.safetensors.
        #[arg(long, default_value = "all-minilm-l6-v2")]
        model: String,
        /// Tell every note and what was found out about its statements, on standard error.
        #[arg(long)]
        each: bool,
    },
    /// Scripted customers against the virtual agent with tools, over a simulated backend.
    Tasks {
        #[command(flatten)]
        common: EvalCommon,
        /// Conversations with each customer, each in other words.
        #[arg(long, default_value_t = 1)]
        trials: usize,
        /// Only customers whose id contains this.
        #[arg(long, value_name = "WORDS")]
        only: Option<String>,
        /// Folder with articles/, playbooks/ and the rest of the content.
        #[arg(long, value_name = "DIR", default_value = "knowledge")]
        content: PathBuf,
        /// Language model: an id, or the path of a GGUF file.
        #[arg(long, default_value = "qwen2.5-coder-1.5b-instruct")]
        llm: String,
        /// Embedding model: an id, or a folder with model.safetensors.
        #[arg(long, default_value = "all-minilm-l6-v2")]
        model: String,
        /// Write the conversations into this file, for reading.
        #[arg(long, value_name = "FILE")]
        transcripts: Option<PathBuf>,
    },
    /// Customers' questions answered from the articles, or left open.
    Answers {
        #[command(flatten)]
        common: EvalCommon,
        /// Folder with articles/ and the rest of the content.
        #[arg(long, value_name = "DIR", default_value = "knowledge")]
        content: PathBuf,
        /// Language model: an id, or the path of a GGUF file.
        #[arg(long, default_value = "qwen2.5-coder-1.5b-instruct")]
        llm: String,
        /// Embedding model: an id, or a folder with model.safetensors.
        #[arg(long, default_value = "all-minilm-l6-v2")]
        model: String,
        /// Tell every answer, on standard error.
        #[arg(long)]
        each: bool,
    },
    /// What customers need, heard from their first words.
    Needs {
        #[command(flatten)]
        common: EvalCommon,
        /// Folder with playbooks/ and the rest of the content.
        #[arg(long, value_name = "DIR", default_value = "knowledge")]
        content: PathBuf,
        /// Language model: an id, or the path of a GGUF file.
        #[arg(long, default_value = "qwen2.5-coder-1.5b-instruct")]
        llm: String,
        /// Embedding model: an id, or a folder with model.safetensors.
        #[arg(long, default_value = "all-minilm-l6-v2")]
        model: String,
        /// Tell what came of every message, on standard error.
        #[arg(long)]
        each: bool,
    },
    /// Wrap-up codes and their probabilities, on dialogues of the STAR collection.
    WrapUp {
        #[command(flatten)]
        common: EvalCommon,
        /// Language model: an id, or the path of a GGUF file.
        #[arg(long, default_value = "qwen2.5-coder-1.5b-instruct")]
        llm: String,
        /// Take the dialogues that are not scored otherwise, and tell the best temperature for them.
        #[arg(long)]
        fit: bool,
    },
    /// Personal data found and missed in a file of {text, entities}; or such a file, made up.
    Redact {
        /// File with one JSON object a line.
        #[arg(long, value_name = "FILE", required_unless_present = "generate")]
        data: Option<PathBuf>,
        /// Make so many lines, instead or before.
        #[arg(long, value_name = "N", requires = "out")]
        generate: Option<usize>,
        /// Where they are written.
        #[arg(long, value_name = "FILE", requires = "generate")]
        out: Option<PathBuf>,
        /// Seed of the lines.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Score only so many lines.
        #[arg(long)]
        limit: Option<usize>,
        /// Tell what was missed and what was wrong, on standard error.
        #[arg(long)]
        each: bool,
        /// The last line of standard output is one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// What is wanted in single texts, and whether it is anything known.
    Intent {
        /// Folder with train.jsonl.gz, and oos_train.jsonl.gz where there is one.
        #[arg(long, value_name = "DIR")]
        train: PathBuf,
        #[command(flatten)]
        common: EvalCommon,
        /// Embedding model: an id, or a folder with model.safetensors.
        #[arg(long, default_value = "all-minilm-l6-v2")]
        model: String,
    },
    /// Predicted satisfaction at every turn, against annotators.
    Satisfaction {
        #[command(flatten)]
        common: EvalCommon,
        /// Embedding model: an id, or a folder with model.safetensors.
        #[arg(long, default_value = "all-minilm-l6-v2")]
        model: String,
    },
    /// Which calls end with a late hang-up or are forwarded.
    Escalation {
        #[command(flatten)]
        common: EvalCommon,
    },
    /// What the agent does next in dialogues about a task.
    NextAction {
        #[command(flatten)]
        common: EvalCommon,
        /// Fit the model to this folder instead of taking the one inside.
        #[arg(long, value_name = "DIR", conflicts_with = "zero_shot")]
        train: Option<PathBuf>,
        /// Leave out each domain in turn and tell the mean.
        #[arg(long)]
        zero_shot: bool,
        /// The file with the dialogues.
        #[arg(long, value_name = "NAME")]
        file: Option<String>,
        /// Embedding model: an id, or a folder with model.safetensors.
        #[arg(long, default_value = "all-minilm-l6-v2")]
        model: String,
    },
    /// The next action and the customers' valence in Latvian dialogues.
    NextActionLv {
        #[command(flatten)]
        common: EvalCommon,
        /// Embedding model: an id, or a folder with model.safetensors.
        #[arg(long, default_value = "all-minilm-l6-v2")]
        model: String,
    },
    /// What is felt in single utterances.
    Emotion {
        #[command(flatten)]
        common: EvalCommon,
        /// Embedding model that the emotion head was trained on: an id, or a folder with model.safetensors.
        #[arg(long, default_value = "all-minilm-l6-v2")]
        model: String,
        /// A head of your own training instead of the one inside.
        #[arg(long, value_name = "FILE")]
        head: Option<PathBuf>,
    },
    /// Recall of the required documents.
    Retrieval {
        #[command(flatten)]
        common: EvalCommon,
        /// Embedding model: an id, or a folder with model.safetensors.
        #[arg(long, default_value = "all-minilm-l6-v2")]
        model: String,
    },
}

#[derive(Debug, Group)]
pub(crate) struct TrainArgs {
    #[command(subcommand)]
    pub(crate) command: TrainCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TrainCommand {
    /// Which calls end with a late hang-up or are forwarded (models/escalation-head.md).
    Escalation {
        /// The calls: a file, or a folder with valid.jsonl.gz.
        #[arg(long, value_name = "PATH")]
        data: PathBuf,
        /// Where the weights are written.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// The last line of standard output is one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// What the agent does next in dialogues about a task (models/action-head.md).
    NextAction {
        /// Folder with dialogs.jsonl.gz and tasks.
        #[arg(long, value_name = "PATH")]
        data: PathBuf,
        /// Where the weights are written.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Embedding model: an id, or a folder with model.safetensors.
        #[arg(long, default_value = "all-minilm-l6-v2")]
        model: String,
        /// Seed of what is drawn by chance.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// The last line of standard output is one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Which turns need knowledge, and which passage answers (models/turn-head.md).
    Grounding {
        /// Folder with the data.
        #[arg(long, value_name = "PATH")]
        data: PathBuf,
        /// Where the weights are written.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Embedding model: an id, or a folder with model.safetensors.
        #[arg(long, default_value = "all-minilm-l6-v2")]
        model: String,
        /// Keep the index of the snippets in this folder, for the next run.
        #[arg(long, value_name = "DIR")]
        index: Option<PathBuf>,
        /// Seed of what recognisers are made to mishear.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// The last line of standard output is one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// What is felt in an utterance (models/emotion-head.md). Each thread computes on its own: set RAYON_NUM_THREADS=1.
    Emotion {
        /// Folder with train.jsonl.gz.
        #[arg(long, value_name = "PATH")]
        data: PathBuf,
        /// Where the weights are written.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Embedding model: an id, or a folder with model.safetensors.
        #[arg(long, default_value = "all-minilm-l6-v2")]
        model: String,
        /// Layers that learn, the uppermost ones.
        #[arg(long, default_value_t = 3)]
        layers: usize,
        /// Passes over the data.
        #[arg(long, default_value_t = 3)]
        epochs: usize,
        /// Threads.
        #[arg(long, default_value_t = 2)]
        threads: usize,
        /// Train on so many texts only.
        #[arg(long)]
        limit: Option<usize>,
        /// Train nothing: fit calibration and thresholds of this file again.
        #[arg(long, value_name = "FILE")]
        refit: Option<PathBuf>,
        /// Seed of what is drawn by chance.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// The last line of standard output is one JSON object.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Group)]
pub(crate) struct EvalCommon {
    /// Folder with the data.
    #[arg(long, value_name = "PATH")]
    pub(crate) data: PathBuf,
    /// Score only so many items.
    #[arg(long)]
    pub(crate) limit: Option<usize>,
    /// Seed of what is drawn by chance (nothing is, in these two).
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// The last line of standard output is one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
