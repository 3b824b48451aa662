//! What all engines are asked.

use attendant::llm::Prefix;

/// Tokens of each answer of a fan-out.
pub(crate) const ANSWER: usize = 32;

/// A conversation of so many lines, of some 25 tokens each; `seed` makes it one nobody has seen.
pub(crate) fn conversation(seed: usize, lines: usize) -> Prefix {
    let mut prefix = Prefix::new(format!(
        "You assist the customer service of company {seed}."
    ));
    for line in 1..=lines {
        let amount = (seed * 31 + line * 7) % 90 + 10;
        prefix.push(format!(
            "[{line}] Customer: On day {line} I paid {amount} pounds and would like to know when it is refunded."
        ));
    }
    prefix
}

/// Lines of a transcript of 1,500 tokens.
pub(crate) const LINES: usize = 58;

/// Two more lines, some 40 tokens.
pub(crate) fn append(prefix: &mut Prefix) {
    prefix.push("[901] Agent: One moment please, I will look at both payments in our books.");
    prefix.push("[902] Customer: Thank you, I have the receipts here if you need them.");
}

/// Four questions of some 60 tokens each, whose answers every model makes longer than [`ANSWER`] tokens.
pub(crate) fn questions() -> [String; 4] {
    [
        "the company's manager",
        "the agent's colleague",
        "the customer's bank",
        "the customer's friend",
    ]
    .map(|who| {
        format!(
            "Task: now {who} joins this conversation. Continue the transcript with the next ten lines, each of \
             them at least twenty words long and numbered like those above, in which {who} asks what happened so \
             far and the agent explains it patiently and in all detail. Begin with the first of the new lines."
        )
    })
}

/// A question whose answer is long and repeats nothing.
pub(crate) const STORY: &str =
    "Task: tell a long story about a lighthouse, a storm and a letter, in your own words.";
