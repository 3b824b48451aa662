use super::*;
use crate::embedding::HashingEmbedder;

/// Lines that must be noticed, with what they are; indirect ones too.
const SIGNS: &[(CrisisKind, &[&str])] = &[
    (
        CrisisKind::SelfHarm,
        &[
            "I want to kill myself",
            "there is no point in going on",
            "I don't want to wake up tomorrow",
            "honestly I'd be better off dead",
            "i just want to die",
            "sometimes I think everyone would be better off without me",
            "i can't go on",
            "I am tired of living",
            "nobody would even notice if I was gone",
            "this is my last call, I have said my goodbyes",
            "I have been thinking about suicide",
            "I've been cutting myself again",
            "I took all of my pills",
            "life isn't worth it any more, is it",
            "i wish i was never born",
            "I have nothing left to live for",
            "I'm standing here and I will jump off the bridge",
            "won't be around much longer so it doesn't matter",
            "I don’t want to be here anymore",
            "ich will nicht mehr leben",
            "je n'ai plus envie de vivre",
            "no quiero vivir",
            "es negribu dzīvot",
            "i want to end it all",
            "i see no reason to live",
            "I'm just a burden to everyone",
        ],
    ),
    (
        CrisisKind::Violence,
        &[
            "I'm going to come down there and kill him",
            "I will shoot the manager",
            "i have a gun and i know how to use it",
            "I know where you live",
            "you're a dead man when i find you",
            "there is a bomb in your shop",
            "I swear I'll burn down your office",
            "he threatened to kill me",
            "somebody is following me right now",
            "i'm gonna hurt somebody today",
            "I'll break your legs",
        ],
    ),
    (
        CrisisKind::Abuse,
        &[
            "my husband hits me when the bill is high",
            "he beats me",
            "I need a number that my ex can't know, he is violent, it's domestic violence",
            "she won't let me leave the house",
            "I am afraid of my husband",
            "he tracks my phone everywhere I go",
            "I was raped last week",
            "i'm in an abusive relationship",
            "I fled, I am hiding from my partner",
            "please do not call, I'm scared he finds out",
            "my dad hurts me at night",
            "he took my card, he doesn't let me have money",
        ],
    ),
    (
        CrisisKind::Medical,
        &[
            "I think I'm having a stroke",
            "my chest pains are getting worse",
            "she is not breathing",
            "my mother collapsed on the floor",
            "I need an ambulance",
            "my baby swallowed a battery",
            "the line is down and my dialysis machine is off",
            "there is a smell of gas in the kitchen",
            "he passed out and won't wake up",
            "I can't breathe",
        ],
    ),
    (
        CrisisKind::ChildSafety,
        &[
            "the neighbour is beating his little boy",
            "my daughter is missing since this morning",
            "a man online keeps messaging my daughter",
            "they lock their child in the cellar",
            "I am eleven and my dad is drunk",
            "i think it is child abuse next door",
        ],
    ),
];

/// Ways of speaking, and plain contact-centre lines, that must stay quiet.
const QUIET: &[&str] = &[
    "this router is killing me",
    "I'll kill the process and start it again",
    "my phone just died",
    "the battery is dead again",
    "the waiting is killing me",
    "I'm dying to know when it comes",
    "my wife will kill me if I cancel this",
    "can you shoot me an email",
    "I was kicked out of the app twice",
    "the fee hits my account on Monday",
    "that price really hurts",
    "you keep bombing me with adverts",
    "it blew my mind",
    "I nearly had a heart attack when I saw the bill",
    "there is no point in paying for this",
    "I can't go on paying this much",
    "I want to end my contract",
    "I want to cancel and be done with it",
    "please cut my bill down",
    "I can't live without my wifi",
    "I was sick to death of the music",
    "it is a dead line",
    "deadline for payment is Friday",
    "let me troubleshoot it",
    "over my dead body will I pay that",
    "child lock is on and I forgot the code",
    "my kids locked me out of the tablet",
    "I locked my son's phone with screen time",
    "the screen is frozen to death",
    "can you beat the price of the other shop",
    "how much is the gun safe in your catalogue",
    "I'd like to take all of my lines to another provider",
    "my husband handles the bill",
    "I was hit with a late fee",
    "I am afraid I lost the letter",
    "she wants to move her number",
    "the call dropped and the connection died",
    "do I have to wait all day",
    "I am tired of calling you",
    "I give up, just send me a new one",
    "I don't want to be here all day on hold",
    "I want to live in the new flat from May",
    "nobody would answer my emails",
    "what a shot in the dark",
    "he's killing it in sales",
    "the payment was taken twice",
    "I don't want to go on with this plan",
    "It hurts my business",
    "can you jump off the call and ring back",
    "the kids are home alone with no internet on Tuesday",
];

#[test]
fn all_patterns_compile() {
    assert_eq!(DANGER.len(), patterns::DANGER.len());
    assert!(HARMLESS.is_some());
}

#[test]
fn danger_is_noticed_also_where_it_is_said_indirectly() {
    let missed: Vec<_> = SIGNS
        .iter()
        .flat_map(|(kind, lines)| lines.iter().map(move |line| (*kind, *line)))
        .filter(|(_, line)| crisis_sign(line).is_none())
        .collect();
    assert_eq!(missed, []);
    // The kind decides about the resources; neighbouring ones may be mistaken for each other, not often.
    let all: usize = SIGNS.iter().map(|(_, lines)| lines.len()).sum();
    let right = SIGNS
        .iter()
        .flat_map(|(kind, lines)| lines.iter().map(move |line| (*kind, *line)))
        .filter(|(kind, line)| crisis_sign(line).is_some_and(|sign| sign.kind == *kind))
        .count();
    assert!(right * 10 >= all * 9, "{right} of {all}");
}

#[test]
fn false_alarms_are_counted_and_few() {
    let alarms: Vec<_> = QUIET
        .iter()
        .filter_map(|line| crisis_sign(line).map(|sign| (*line, sign)))
        .collect();
    // High recall by design: this one is worth a look.
    let allowed = ["the kids are home alone with no internet on Tuesday"];
    let others: Vec<_> = alarms
        .iter()
        .filter(|(line, _)| !allowed.contains(line))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn a_way_of_speaking_does_not_hide_what_else_is_said() {
    let sign = crisis_sign("This router is killing me. Honestly, I want to kill myself.").unwrap();
    assert_eq!(sign.kind, CrisisKind::SelfHarm);
    assert_eq!(sign.words, "kill myself");
}

#[tokio::test]
async fn a_file_gives_protocol_resources_and_examples() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "say = \"I am here.\"\nstop_selling = false\n\
                [[resources]]\nname = \"Line\"\ncontact = \"116 123\"\nlanguage = \"en\"\n\
                [[resources]]\nname = \"Seelsorge\"\ncontact = \"0800\"\nlanguage = \"de\"\nkinds = [\"self_harm\"]\n\
                [[examples]]\nkind = \"self_harm\"\ntext = \"the well is dry and so am i\"\n";
    std::fs::write(file.path(), text).unwrap();
    let config = load_crisis_config(file.path()).unwrap();
    assert!(!config.protocol.stop_selling && config.protocol.handoff);
    assert_eq!(
        config.protocol.words(CrisisKind::SelfHarm, "en-GB"),
        "I am here. Line: 116 123."
    );
    assert_eq!(
        config.protocol.words(CrisisKind::SelfHarm, "de"),
        "I am here. Seelsorge: 0800."
    );
    let guard = CrisisGuard::new(config)
        .with_embedder(Arc::new(HashingEmbedder::default()))
        .await
        .unwrap();
    let sign = guard.look("The well is dry and so am I").await.unwrap();
    assert_eq!(sign.kind, CrisisKind::SelfHarm);
    assert_eq!(
        guard.look("My invoice from last month is wrong").await,
        None
    );
    std::fs::write(file.path(), "[[resources]]\nname = \"\"\ncontact = \"1\"\n").unwrap();
    assert_eq!(
        load_crisis_config(file.path()).unwrap_err().kind(),
        ErrorKind::Config
    );
}
