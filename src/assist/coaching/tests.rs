use super::*;
use crate::conversation::{Channel, EmotionKind, NewUtterance};
use crate::embedding::HashingEmbedder;

async fn coach() -> Coach {
    let condition = Condition::Likeness(LikenessCondition {
        examples: vec!["this is really annoying and nobody helps me".into()],
        counter_examples: vec!["nobody was at home to help the engineer".into()],
        threshold: 0.5,
    });
    let mut rule = CoachingRule::new("frustration", Role::EndUser, condition, "Name the feeling.");
    rule.acknowledgements = vec!["I understand how annoying that is".into()];
    rule.cooldown_s = 60;
    rule.max_per_call = 2;
    rule.languages = vec!["en".into()];
    Coach::new(Arc::new(HashingEmbedder::default()), vec![rule])
        .await
        .unwrap()
}

fn say(call: &mut Conversation, role: Role, text: &str, at_ms: u64) {
    let who = call.join(crate::conversation::Participant::new(role.as_str(), role));
    call.append(NewUtterance::new(who, text).with_span(at_ms, at_ms));
}

const ANNOYED: &str = "This is really annoying and nobody helps me.";

#[tokio::test]
async fn a_cue_comes_once_and_again_only_after_its_cooldown() {
    let (coach, mut state) = (coach().await, CoachingState::default());
    let mut call = Conversation::new("acme", Channel::Voice);
    say(&mut call, Role::EndUser, ANNOYED, 1_000);
    assert_eq!(coach.cues(&call, &mut state).await.unwrap().len(), 1);
    say(&mut call, Role::EndUser, ANNOYED, 30_000);
    assert_eq!(coach.cues(&call, &mut state).await.unwrap().len(), 0);
    say(&mut call, Role::EndUser, ANNOYED, 70_000);
    assert_eq!(coach.cues(&call, &mut state).await.unwrap().len(), 1);
    say(&mut call, Role::EndUser, ANNOYED, 200_000);
    assert_eq!(
        coach.cues(&call, &mut state).await.unwrap().len(),
        0,
        "at most twice"
    );
}

#[tokio::test]
async fn no_cue_for_neutral_words_the_agent_or_a_feeling_already_acknowledged() {
    let coach = coach().await;
    for (role, text) in [
        (Role::EndUser, "Nobody was at home to help the engineer."),
        (Role::HumanAgent, ANNOYED),
        (Role::EndUser, "My postcode is the same."),
    ] {
        let mut call = Conversation::new("acme", Channel::Voice);
        say(&mut call, role, text, 0);
        let cues = coach
            .cues(&call, &mut CoachingState::default())
            .await
            .unwrap();
        assert_eq!(cues, [], "{text}");
    }
    let mut call = Conversation::new("acme", Channel::Voice);
    say(
        &mut call,
        Role::HumanAgent,
        "I understand how annoying that is.",
        0,
    );
    say(&mut call, Role::EndUser, ANNOYED, 1_000);
    assert_eq!(
        coach
            .cues(&call, &mut CoachingState::default())
            .await
            .unwrap(),
        []
    );
}

/// A rule from the keys of a file, without `id`, `display_name` and `agent_action`.
fn rule(keys: &str) -> Result<CoachingRule> {
    let text = format!("id = \"r\"\ndisplay_name = \"R\"\nagent_action = \"Do it.\"\n{keys}");
    toml::from_str(&text)
        .map_err(|why| crate::error::Error::new(crate::ErrorKind::Config, why.to_string()))
}

async fn with(rules: Vec<CoachingRule>) -> Coach {
    Coach::new(Arc::new(HashingEmbedder::default()), rules)
        .await
        .unwrap()
}

#[tokio::test]
async fn words_fire_on_their_speaker_unless_a_phrase_forbids_it() {
    let keys = r#"
        speaker = "end_user"
        condition = { words = { any = ["cancel", "leave you"] } }
        do_not_trigger = ["cancel the appointment"]
        system_action = "offer_retention"
        max_per_call = 9
    "#;
    let coach = with(vec![rule(keys).unwrap()]).await;
    let mut call = Conversation::new("acme", Channel::Chat);
    let mut state = CoachingState::default();
    for (role, text, fires) in [
        (Role::EndUser, "CANCEL!", true),
        (Role::HumanAgent, "You want to cancel?", false),
        (Role::EndUser, "No cancellation fee, please.", false),
        (Role::EndUser, "I have to cancel the appointment.", false),
        (Role::EndUser, "I will leave you.", true),
    ] {
        call.say(role, text);
        let cues = coach.cues(&call, &mut state).await.unwrap();
        assert_eq!(!cues.is_empty(), fires, "{text}");
        for cue in cues {
            let SuggestionKind::Coaching(cue) = cue.kind else {
                panic!("no cue");
            };
            assert_eq!(cue.system_action.as_deref(), Some("offer_retention"));
            assert_eq!(cue.words, text);
        }
    }
}

#[tokio::test]
async fn a_step_is_missing_by_its_turn_or_when_the_end_is_near() {
    let keys = |more: &str| {
        format!(
            r#"
            speaker = "end_user"
            condition = {{ missing_step = {{ words = ["date of birth"], examples = ["may i ask for your birthday please"], {more} }} }}
            "#
        )
    };
    let early = with(vec![rule(&keys("by_turn = 3")).unwrap()]).await;
    let late = with(vec![rule(&keys("threshold = 0.7")).unwrap()]).await;
    let (mut of_early, mut of_late) = (CoachingState::default(), CoachingState::default());
    let mut call = Conversation::new("acme", Channel::Chat);
    let mut seen = Vec::new();
    for (role, text) in [
        (Role::EndUser, "Hello, my bill is wrong."),
        (Role::HumanAgent, "Let me look at it."),
        (Role::EndUser, "Please do."),
        (Role::HumanAgent, "Done."),
        (Role::EndUser, "Goodbye."),
    ] {
        call.say(role, text);
        let early = early.cues(&call, &mut of_early).await.unwrap().len();
        let late = late.cues(&call, &mut of_late).await.unwrap().len();
        seen.push((early, late));
    }
    assert_eq!(seen, [(0, 0), (0, 0), (1, 0), (0, 0), (0, 1)]);
    // Said in other words, it is not missing.
    let mut call = Conversation::new("acme", Channel::Chat);
    call.say(Role::HumanAgent, "May I ask for your birthday, please?");
    call.say(Role::EndUser, "Goodbye.");
    let cues = late
        .cues(&call, &mut CoachingState::default())
        .await
        .unwrap();
    assert_eq!(cues, []);
}

#[tokio::test]
async fn a_step_is_missed_at_the_end_though_nobody_said_goodbye() {
    let keys = r#"
        speaker = "end_user"
        condition = { missing_step = { words = ["date of birth"] } }
    "#;
    let coach = with(vec![rule(keys).unwrap()]).await;
    let end = CoachingMoment::new(Trigger::End);
    let mut state = CoachingState::default();
    let mut call = Conversation::new("acme", Channel::Voice);
    let looked = coach.look(&call, &end, &mut state).await.unwrap();
    assert_eq!(looked.cues, [], "nobody said anything");
    call.say(Role::EndUser, "My bill is wrong.");
    call.say(Role::HumanAgent, "Let me look.");
    assert_eq!(coach.cues(&call, &mut state).await.unwrap(), []);
    let looked = coach.look(&call, &end, &mut state).await.unwrap();
    assert_eq!(looked.cues.len(), 1);
    let again = coach.look(&call, &end, &mut state).await.unwrap();
    assert_eq!(again.cues, []);
}

#[tokio::test]
async fn signals_and_feelings_count_where_they_are_known() {
    let loud = rule(
        r#"
        speaker = "end_user"
        condition = { all = [
            { any = [ { signals = { overlap_ms = 500 } }, { signals = { rate_above = 0.3 } } ] },
            { emotion = { kinds = ["anger"], at_least = 0.4, valence_below = -0.2 } },
        ] }
        "#,
    );
    let coach = with(vec![loud.unwrap()]).await;
    let mut call = Conversation::new("acme", Channel::Voice);
    call.say(Role::EndUser, "Well.");
    let angry = CoachingEmotion {
        kinds: vec![("neutral".into(), 0.3), ("Anger".into(), 0.6)],
        valence: -0.7,
        ..CoachingEmotion::default()
    };
    let fast = CoachingSignals {
        rate_shift: Some(0.5),
        ..CoachingSignals::default()
    };
    for (signals, fires) in [
        (CoachingSignals::default(), false),
        (fast.clone(), false),
        (fast.with_emotion(angry), true),
    ] {
        let moment = CoachingMoment::new(Trigger::EndOfUtterance).with_signals(signals);
        let looked = coach
            .look(&call, &moment, &mut CoachingState::default())
            .await
            .unwrap();
        assert_eq!(!looked.cues.is_empty(), fires, "{moment:?}");
    }
}

#[tokio::test]
async fn a_change_of_feeling_is_told_from_one_that_lasts() {
    let keys = r#"
        speaker = "end_user"
        condition = { emotion = { kinds = ["anger"], changes = ["rising_anger"], at_least = 0.4 } }
    "#;
    let coach = with(vec![rule(keys).unwrap()]).await;
    let mut call = Conversation::new("acme", Channel::Chat);
    call.say(Role::EndUser, "Well.");
    let angry = |changes: &[(EmotionKind, f32)]| CoachingEmotion {
        kinds: vec![("anger".into(), 0.6)],
        valence: -0.7,
        changes: changes.to_vec(),
    };
    for (emotion, fires) in [
        (angry(&[]), false),
        (angry(&[(EmotionKind::Confusion, 0.9)]), false),
        (angry(&[(EmotionKind::RisingAnger, 0.5)]), true),
    ] {
        let signals = CoachingSignals::default().with_emotion(emotion.clone());
        let moment = CoachingMoment::new(Trigger::EndOfUtterance).with_signals(signals);
        let looked = coach
            .look(&call, &moment, &mut CoachingState::default())
            .await
            .unwrap();
        assert_eq!(!looked.cues.is_empty(), fires, "{emotion:?}");
    }
    assert!(rule("speaker = \"end_user\"\ncondition = { emotion = {} }\n").is_err());
}

#[tokio::test]
async fn only_what_is_still_open_is_asked_of_the_model() {
    let keys = r#"
        speaker = "end_user"
        max_per_call = 5
        condition = { all = [ { words = { any = ["agreed"] } }, { model_question = { question = "Was a price agreed?", at_least = 0.7 } } ] }
    "#;
    let coach = with(vec![rule(keys).unwrap()]).await;
    let mut state = CoachingState::default();
    let mut call = Conversation::new("acme", Channel::Chat);
    call.say(Role::EndUser, "Hello.");
    let moment = CoachingMoment::new(Trigger::EndOfUtterance);
    let looked = coach.look(&call, &moment, &mut state).await.unwrap();
    assert_eq!(looked, Coaching::default());
    call.say(Role::EndUser, "As agreed.");
    let looked = coach.look(&call, &moment, &mut state).await.unwrap();
    assert_eq!((looked.cues.len(), looked.questions.len()), (0, 1));
    for (yes, cues) in [(0.5, 0), (0.9, 1), (0.9, 0)] {
        let answers = [(looked.questions[0].clone(), yes)].into();
        let moment = moment.clone().with_answers(answers);
        let again = coach.look(&call, &moment, &mut state).await.unwrap();
        assert_eq!(again.cues.len(), cues, "once an utterance");
    }
}

#[test]
fn a_mistake_in_a_rule_is_named_with_its_line_and_hurrying_is_refused() {
    let likeness = "speaker = \"end_user\"\nexamples = [\"a\"]\nthreshold = 0.5\n";
    assert!(rule(likeness).is_ok());
    for (keys, told) in [
        ("speaker = \"end_user\"\n", "needs a condition"),
        ("speaker = \"end_user\"\nexamples = [\"a\"]\n", "threshold"),
        (
            "speaker = \"end_user\"\nexamples = [\"a\"]\nthreshold = 2.0\n",
            "between 0 and 1",
        ),
        (
            "speaker = \"end_user\"\ncondition = { all = [] }\n",
            "needs conditions",
        ),
        (
            "speaker = \"end_user\"\ncondition = { words = { every = [\"a\"] } }\n",
            "every",
        ),
        ("speaker = \"king\"\n", "line 4"),
        (
            &format!("{likeness}system_action = \"reduce-handle-time\"\n"),
            "hurrying",
        ),
        (
            &format!("{likeness}condition = {{ signals = {{ silence_ms = 1 }} }}\n"),
            "beside its condition",
        ),
    ] {
        let error = rule(keys).unwrap_err().to_string();
        assert!(error.contains(told), "{keys}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let text = "[[rules]]\nid = \"a\"\ndisplay_name = \"A\"\nspeaker = \"end_user\"\nthreshold = 0.5\nexamples = [\"e\"]\n\
                agent_action = \"Shorten the call.\"\n";
    std::fs::write(folder.path().join("own.toml"), text).unwrap();
    let error = load_coaching_rules(folder.path()).unwrap_err().to_string();
    for told in ["own.toml", "line 1", "\"a\"", "shorten"] {
        assert!(error.contains(told), "{told}: {error}");
    }
}

#[test]
fn timing_tells_overlap_and_silence_of_an_utterance() {
    use crate::conversation::{ConversationSignals, VoiceSignals};
    let mut call = Conversation::new("acme", Channel::Voice);
    say(&mut call, Role::EndUser, "Hello there.", 0);
    let mut said = call.transcript.utterances()[0].clone();
    let nothing = CoachingSignals::of(
        &said,
        &ConversationSignals::default(),
        &VoiceSignals::default(),
    );
    assert_eq!(
        nothing,
        CoachingSignals::default(),
        "a message has no length"
    );
    (said.start_ms, said.end_ms) = (10_000, 12_000);
    let signals: ConversationSignals = serde_json::from_value(serde_json::json!({
        "duration_ms": 12_000, "speech_ms": 0, "overlap_ms": 0, "pause_ms": 0, "silence_ms": 0, "hold_ms": 0,
        "participants": [],
        "silences": [{"start_ms": 3_000, "end_ms": 9_900, "kind": "silence", "after": null}],
        "overlaps": [
            {"start_ms": 11_000, "end_ms": 11_700, "first": "agent", "second": said.participant, "kind": "interruption"},
            {"start_ms": 11_800, "end_ms": 12_000, "first": "agent", "second": said.participant, "kind": "back_channel"}
        ]
    }))
    .unwrap();
    let known = CoachingSignals::of(&said, &signals, &VoiceSignals::default());
    assert_eq!(
        (known.overlap_ms, known.silence_ms),
        (Some(700), Some(6_900))
    );
}

#[tokio::test]
async fn a_replay_counts_by_conversation_against_the_labels_there_are() {
    let keys =
        "speaker = \"end_user\"\nmax_per_call = 3\ncondition = { words = { any = [\"cancel\"] } }";
    let coach = with(vec![rule(keys).unwrap()]).await;
    let mut replay = Replay::new(&coach);
    for (name, text, labels) in [
        ("right", "cancel", Some(vec!["r"])),
        ("wrong", "cancel", Some(vec![])),
        ("missed", "leave", Some(vec!["r", "other"])),
        ("unlabelled", "cancel", None),
    ] {
        let mut conversation = Conversation::new("acme", Channel::Chat);
        let (mut state, mut cues) = (CoachingState::default(), Vec::new());
        for _ in 0..2 {
            conversation.say(Role::EndUser, text);
            cues.extend(coach.cues(&conversation, &mut state).await.unwrap());
        }
        let replayed = ReplayConversation {
            name: name.into(),
            conversation,
            labels: labels.map(|ids| ids.into_iter().map(String::from).collect()),
        };
        replay.take(&replayed, &cues);
    }
    let report = replay.report();
    assert_eq!((report.conversations, report.labelled), (4, 3));
    assert_eq!(report.unknown_labels, ["other"]);
    let rule = &report.rules[0];
    assert_eq!((rule.fired, rule.conversations), (6, 3));
    assert_eq!(rule.fire_rate, 0.75);
    assert_eq!((rule.precision, rule.recall), (Some(0.5), Some(0.5)));
    let names: Vec<&str> = rule
        .examples
        .iter()
        .map(|e| e.conversation.as_str())
        .collect();
    assert_eq!(names, ["right", "wrong", "unlabelled"]);
}
