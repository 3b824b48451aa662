//! What customers and agents say on the telephone: put together from parts, so that hardly a sentence comes twice and
//! no cache makes the work lighter than it is.

const OPENINGS: [&str; 12] = [
    "",
    "Hello. ",
    "Yes, so ",
    "Well, ",
    "Look, ",
    "I am calling because ",
    "The thing is, ",
    "As I said, ",
    "Sorry, ",
    "Right, ",
    "To be honest, ",
    "My husband says ",
];

const CUSTOMER: [&str; 32] = [
    "I was charged twice for my broadband this month",
    "my internet has been down since {n} o'clock",
    "the router shows a red light and nothing works",
    "I want to cancel my contract before the {n}th",
    "my bill went up by {n} pounds and nobody told me",
    "I am moving house on the {n}th and want to take the line with me",
    "can I upgrade to the faster plan for {n} pounds",
    "the engineer did not come on the {n}th",
    "how long does it take until I have my money back",
    "I sent the router back {n} days ago and still got a bill",
    "what does it cost me to leave early",
    "the wifi does not reach the bedroom upstairs",
    "I have called {n} times about this already",
    "my account number is LF{n}{n}17",
    "I would like to pay in {n} instalments",
    "is there an outage in my area",
    "I never agreed to that price",
    "my mother is {n} and needs her phone for emergencies",
    "can you send me a copy of the invoice from the {n}th",
    "I restarted the hub {n} times as you told me",
    "does the notice period start today",
    "what happens with my email address when I leave",
    "that is really disappointing",
    "I work from home and need this by the {n}th",
    "your colleague promised me a credit of {n} pounds",
    "I cannot log in to my account",
    "the speed is only {n} megabits in the evening",
    "I want to speak to your supervisor",
    "okay, that sounds fair to me",
    "yes, please go ahead",
    "no, that was not me",
    "the parcel with the booster never arrived",
];

const AGENT: [&str; 20] = [
    "thank you for calling, how can I help you today",
    "may I have your account number please",
    "can you confirm your date of birth and the first line of your address",
    "I am sorry to hear that, let me look into it",
    "I can see {n} payments on your account",
    "the second charge is paid back within {n} working days",
    "let me check the line for you",
    "can you tell me which lights are on",
    "please unplug the hub and wait {n} seconds",
    "your minimum term ends on the {n}th",
    "the notice period is thirty days from today",
    "I can offer you a discount of {n} percent",
    "an engineer can come on the {n}th between eight and one",
    "is there anything else I can help you with",
    "I have added a note to your account",
    "may I put you on hold for {n} minutes",
    "you will get an email with the details",
    "there is an early exit fee for each month that is left",
    "I understand how frustrating that must be",
    "what kind of property are you moving to",
];

const ENDINGS: [&str; 10] = [
    ".",
    "?",
    ", you know.",
    ", and I do not understand why.",
    " if that is possible.",
    ", as far as I can see.",
    ". It is number {n}.",
    ", at least since the {n}th.",
    ". That is what it says here.",
    ", thank you.",
];

/// Numbers that look random and are the same in every run.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// What a customer or an agent says.
    pub(crate) fn sentence(&mut self, customer: bool) -> String {
        let body = match customer {
            true => self.pick(&CUSTOMER),
            false => self.pick(&AGENT),
        };
        let text = format!("{}{body}{}", self.pick(&OPENINGS), self.pick(&ENDINGS));
        text.replace("{n}", &(2 + self.below(97)).to_string())
    }
}
