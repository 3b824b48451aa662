//! Sentences by which likeness tells what an utterance is; our own.

use super::ListeningCode;

/// Sentences of each kind, for likeness where the rules are silent.
pub(super) const EXAMPLES: &[(ListeningCode, &[&str])] = &[
    (
        ListeningCode::ComplexReflection,
        &[
            "This whole thing has been wearing you out.",
            "After all these calls you have started to doubt that we will ever fix it.",
            "You would rather know the truth than get another promise.",
            "Being without a line makes everything at home harder for you.",
        ],
    ),
    (
        ListeningCode::Affirmation,
        &[
            "Keeping all these records shows how carefully you went about it.",
            "You stayed calm in a difficult situation.",
            "Trying the reset on your own first helped us a lot.",
            "You have every reason to be proud of how you sorted that out.",
        ],
    ),
];

/// Sentences that are nothing of this, for comparison.
pub(super) const OTHERS: &[&str] = &[
    "I will check that for you now.",
    "Your refund is paid within five working days.",
    "I am sorry about that.",
    "Please hold the line for a moment.",
    "I have sent you an e-mail with the details.",
    "An engineer will come tomorrow between eight and twelve.",
    "The payment has gone through.",
    "You can restart the router by pressing the button.",
    "Welcome to the service line.",
    "Is there anything else I can do for you?",
    "Have a nice day.",
    "The plan costs thirty a month.",
];
