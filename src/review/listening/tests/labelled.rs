//! Our own sentences with our own labels.

use crate::review::ListeningCode::{
    self, Affirmation as A, ClosedQuestion as C, ComplexReflection as X, OpenQuestion as O,
    SimpleReflection as S,
};

/// What the customer said, what the agent answers, what that is.
pub(super) type Labelled = (&'static str, &'static str, Option<ListeningCode>);

pub(super) const LABELLED: &[Labelled] = &[
    (
        "I paid forty pounds twice this month.",
        "So you paid twice this month.",
        Some(S),
    ),
    (
        "I paid forty pounds twice this month.",
        "You paid forty pounds two times.",
        Some(S),
    ),
    (
        "The engineer never came on Tuesday.",
        "You said the engineer never came.",
        Some(S),
    ),
    (
        "The engineer never came on Tuesday.",
        "Nobody came on Tuesday.",
        Some(S),
    ),
    (
        "My line has been dead since Monday.",
        "So the line has been dead since Monday.",
        Some(S),
    ),
    (
        "I want to cancel because I am moving to Spain.",
        "You want to cancel because you are moving.",
        Some(S),
    ),
    (
        "I am really angry about this.",
        "You're angry about this.",
        Some(S),
    ),
    (
        "I called three times already.",
        "You've called three times.",
        Some(S),
    ),
    (
        "I called three times already.",
        "If I understand you correctly, you called three times.",
        Some(S),
    ),
    (
        "My parcel is still not here.",
        "What I hear is that the parcel is still not here.",
        Some(S),
    ),
    (
        "I called three times already.",
        "It sounds like you have lost your trust in us.",
        Some(X),
    ),
    (
        "I called three times already.",
        "That must be exhausting for you.",
        Some(X),
    ),
    (
        "The engineer never came on Tuesday.",
        "You feel let down after waiting all day.",
        Some(X),
    ),
    (
        "My mother depends on the phone.",
        "You're worried that she cannot reach anybody in an emergency.",
        Some(X),
    ),
    (
        "My mother depends on the phone.",
        "It sounds as if her safety is what matters to you.",
        Some(X),
    ),
    (
        "I paid twice.",
        "I understand how frustrating this is.",
        Some(X),
    ),
    (
        "I was a customer for ten years.",
        "You expected to be treated with more respect after ten years.",
        Some(X),
    ),
    (
        "The new plan is cheaper but I like the old one.",
        "On the one hand you would save money, on the other hand you trust what you have.",
        Some(X),
    ),
    (
        "Every month there is something else.",
        "So you really want somebody to take this off your shoulders.",
        Some(X),
    ),
    (
        "I don't know what all these fees are.",
        "It seems this bill is rather confusing.",
        Some(X),
    ),
    ("Hello.", "How can I help you today?", Some(O)),
    (
        "My internet is slow.",
        "What have you tried so far?",
        Some(O),
    ),
    ("My internet is slow.", "Tell me what happened.", Some(O)),
    (
        "My internet is slow.",
        "Could you tell me more about when it gets slow?",
        Some(O),
    ),
    (
        "I want to leave.",
        "What makes you think of leaving?",
        Some(O),
    ),
    ("I want to leave.", "Why do you want to leave us?", Some(O)),
    (
        "I want to leave.",
        "What would have to change for you to stay?",
        Some(O),
    ),
    (
        "It is broken.",
        "Walk me through what you see on the screen.",
        Some(O),
    ),
    ("It is broken.", "How does this affect your work?", Some(O)),
    ("Hello.", "Hello, what brings you to us?", Some(O)),
    (
        "It is broken.",
        "Can you describe what the light is doing?",
        Some(O),
    ),
    ("Hello.", "What is your account number?", Some(C)),
    ("Hello.", "Can you tell me your date of birth?", Some(C)),
    (
        "My internet is slow.",
        "Is the light on the router green?",
        Some(C),
    ),
    ("My internet is slow.", "Did you restart it?", Some(C)),
    (
        "My internet is slow.",
        "How long has it been slow?",
        Some(C),
    ),
    ("My internet is slow.", "When did it start?", Some(C)),
    (
        "My internet is slow.",
        "Have you got another device?",
        Some(C),
    ),
    (
        "That was all.",
        "Is there anything else I can do for you?",
        Some(C),
    ),
    ("I paid twice.", "Which card did you use?", Some(C)),
    (
        "I paid twice.",
        "Would you like a refund or a credit?",
        Some(C),
    ),
    ("I paid twice.", "And the second payment?", Some(C)),
    (
        "I paid twice.",
        "Could you spell your last name for me?",
        Some(C),
    ),
    (
        "I restarted it and wrote down the lights.",
        "It was smart of you to write that down.",
        Some(A),
    ),
    (
        "I restarted it and wrote down the lights.",
        "Thank you for trying that before you called.",
        Some(A),
    ),
    (
        "I have been waiting for an hour.",
        "You've been very patient with us.",
        Some(A),
    ),
    (
        "I have all the receipts here.",
        "I appreciate that you kept everything.",
        Some(A),
    ),
    (
        "I found it under settings.",
        "Well done, that was the hard part.",
        Some(A),
    ),
    (
        "I stopped the payment myself.",
        "You did the right thing.",
        Some(A),
    ),
    (
        "I look after my father and work.",
        "You care a lot about him.",
        Some(A),
    ),
    ("I paid twice.", "I will check that for you.", None),
    ("I paid twice.", "I am so sorry to hear that.", None),
    (
        "I paid twice.",
        "You will have your money back within five days.",
        None,
    ),
    ("I paid twice.", "You can see the payment in the app.", None),
    ("I paid twice.", "Your refund is on its way.", None),
    ("I paid twice.", "One moment, please.", None),
    ("I paid twice.", "Okay, thank you.", None),
    (
        "I paid twice.",
        "Larkfield charges on the third of each month.",
        None,
    ),
    (
        "My internet is slow.",
        "You need to restart the router first.",
        None,
    ),
    (
        "My internet is slow.",
        "What you can do is move the router.",
        None,
    ),
    (
        "My internet is slow.",
        "There is an outage in your area.",
        None,
    ),
    ("Thank you.", "You're welcome.", None),
    ("Thank you.", "Have a nice day.", None),
    ("Hello.", "Welcome to Larkfield, my name is Daniel.", None),
];

/// Written after the rules, and no rule was changed for them.
pub(super) const UNSEEN: &[Labelled] = &[
    (
        "The parcel came, but the box was empty.",
        "So the box arrived empty.",
        Some(S),
    ),
    (
        "I moved in March and nobody updated my address.",
        "Your address was never updated.",
        Some(S),
    ),
    (
        "I moved in March and nobody updated my address.",
        "You moved in March.",
        Some(S),
    ),
    (
        "My son cannot do his homework without it.",
        "He cannot do his homework.",
        Some(S),
    ),
    (
        "I asked for a refund and got a voucher.",
        "You asked for your money and got a voucher.",
        Some(S),
    ),
    (
        "I asked for a refund and got a voucher.",
        "Let me see if I got this: you wanted a refund and you got a voucher.",
        Some(S),
    ),
    (
        "I asked for a refund and got a voucher.",
        "A voucher is no use to you at all.",
        Some(X),
    ),
    (
        "My son cannot do his homework without it.",
        "You want to be there for him and you feel stuck.",
        Some(X),
    ),
    (
        "I moved in March and nobody updated my address.",
        "It feels as if nobody is listening.",
        Some(X),
    ),
    (
        "I have explained this to five people.",
        "You are running out of patience with us.",
        Some(X),
    ),
    (
        "I have explained this to five people.",
        "You'd like somebody to finally own this.",
        Some(X),
    ),
    (
        "I am not sure whether I should change.",
        "Part of you would like to change, and part of you is wary.",
        Some(X),
    ),
    (
        "I am not sure whether I should change.",
        "You're weighing the price against the trouble.",
        Some(X),
    ),
    (
        "I pay more than my neighbour.",
        "That seems unfair to you.",
        Some(X),
    ),
    (
        "I pay more than my neighbour.",
        "What would be a fair price in your eyes?",
        Some(O),
    ),
    (
        "I pay more than my neighbour.",
        "How did you find out?",
        Some(O),
    ),
    (
        "It just stopped.",
        "What did you do right before it stopped?",
        Some(O),
    ),
    ("It just stopped.", "And what happened after that?", Some(O)),
    (
        "It just stopped.",
        "I'd like to understand what you noticed first.",
        Some(O),
    ),
    (
        "It just stopped.",
        "What concerns you most about it?",
        Some(O),
    ),
    ("It just stopped.", "Does the screen stay black?", Some(C)),
    ("It just stopped.", "On which floor is the socket?", Some(C)),
    (
        "It just stopped.",
        "Are you near the router right now?",
        Some(C),
    ),
    ("It just stopped.", "So it stopped yesterday?", Some(C)),
    (
        "It just stopped.",
        "May I have your customer number, please?",
        Some(C),
    ),
    ("It just stopped.", "Shall I book an engineer?", Some(C)),
    (
        "It just stopped.",
        "You have tried another socket, right?",
        Some(C),
    ),
    (
        "I wrote everything down with dates.",
        "Those notes are really helpful, you were thorough.",
        Some(A),
    ),
    (
        "I wrote everything down with dates.",
        "You've clearly put thought into this.",
        Some(A),
    ),
    (
        "I stayed home three times for you.",
        "Thank you for staying so calm about it.",
        Some(A),
    ),
    (
        "I paid it the same day.",
        "It was responsible of you to pay right away.",
        Some(A),
    ),
    (
        "I paid it the same day.",
        "I can see the payment here.",
        None,
    ),
    ("I paid it the same day.", "That is correct.", None),
    (
        "I paid it the same day.",
        "We will send the invoice tomorrow.",
        None,
    ),
    (
        "I paid it the same day.",
        "Your contract runs until May.",
        None,
    ),
    (
        "I paid it the same day.",
        "You are now connected with billing.",
        None,
    ),
    ("It just stopped.", "Let me run a test on the line.", None),
    ("It just stopped.", "I apologise for the trouble.", None),
    ("It just stopped.", "You can plug it in again now.", None),
    ("It just stopped.", "If it blinks, the line is busy.", None),
];
