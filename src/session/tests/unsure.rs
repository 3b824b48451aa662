//! What the virtual agent does where it is not sure, offers after a need is resolved, and delivery by mood.

use super::*;
use crate::conversation::{CustomerProfile, Participant};
use crate::dialogue::{FnTool, OfferPolicy, Tool, ToolSpec};

const BOOKS: [&str; 2] = [
    r#"
id = "cancel"
title = "Customer wants to cancel"
goal = "It is over."
about = "ending your contract"
examples = ["I want to cancel my contract", "please end my contract"]
[[steps]]
id = "do-it"
label = "Cancel"
kind = "tool"
tool = "cancel_contract"
approvals = ["customer"]
confirm = "Shall I cancel your contract?"
done = "I have cancelled your contract."
"#,
    r#"
id = "bill"
title = "Customer asks about the bill"
goal = "It is known."
about = "your bill"
examples = ["my bill is wrong", "explain my bill to me"]
[[steps]]
id = "tell"
label = "Tell"
kind = "inform"
say = "Your bill is £20."
"#,
];

const OFFERS: &str = r#"
[[offers]]
id = "mail"
what = "Offer the bill by e-mail"
when = "profile.bill == 'paper'"
reason = "They get it on paper."
words = "Would you like your bill by e-mail?"
done = "I have passed that on."
"#;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nothing {}

async fn unsure() -> Assistant {
    let spec = ToolSpec::new("cancel_contract", "Cancels");
    let tool = FnTool::new(spec, |_: Nothing, _| async move {
        Ok(serde_json::json!({ "ok": true }))
    });
    Assistant::builder()
        .emotion(Arc::new(Literal))
        .playbooks(BOOKS.map(|book| Playbook::from_toml(book).unwrap()).into())
        .tools(vec![Arc::new(tool) as Arc<dyn Tool>])
        .offers(toml::from_str::<OfferPolicy>(OFFERS).unwrap())
        .build()
        .await
        .unwrap()
}

fn chat(bill: &str) -> Conversation {
    let mut chat = Conversation::new("acme", Channel::Chat);
    chat.join(Participant::new("bot", Role::AutomatedAgent));
    chat.profile = Some(CustomerProfile {
        attributes: [("bill".to_owned(), bill.to_owned())].into(),
        ..CustomerProfile::default()
    });
    chat
}

/// What the virtual agent says to these words, and what came of its offers.
async fn said(chat: Conversation, words: &[&str]) -> Vec<String> {
    let session = unsure().await.session(chat);
    let inputs = words.iter().map(|text| say(Role::EndUser, text)).collect();
    let events = run(session, inputs).await.into_iter();
    events
        .filter_map(|event| match event {
            SessionEvent::Reply { text, .. } => Some(text),
            SessionEvent::Offer { offer, outcome, .. } => Some(format!("[{offer} {outcome:?}]")),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn okay_is_no_yes_to_what_changes_a_contract() {
    let phrases = crate::assistant::Phrases::default();
    let told = said(
        chat("mail"),
        &[
            "I want to cancel my contract",
            "Okay.",
            "ok",
            "Yes, go ahead.",
        ],
    )
    .await;
    assert_eq!(
        told,
        [
            "Shall I cancel your contract?",
            &phrases.yes_or_no,
            &phrases.yes_or_no,
            "I have cancelled your contract.",
            &phrases.anything_else
        ]
    );
}

#[tokio::test]
async fn an_offer_comes_after_the_need_and_a_no_ends_it() {
    let phrases = crate::assistant::Phrases::default();
    let told = said(
        chat("paper"),
        &[
            "explain my bill to me",
            "No thanks",
            "explain my bill to me",
        ],
    )
    .await;
    assert_eq!(
        told[..5],
        [
            "Your bill is £20.",
            "Would you like your bill by e-mail?",
            "[mail Made]",
            "[mail Declined]",
            &phrases.anything_else
        ]
    );
    assert!(!told[5..].contains(&"[mail Made]".to_owned()), "{told:?}");
    let told = said(chat("paper"), &["explain my bill to me", "Yes please"]).await;
    assert_eq!(
        told[3..],
        [
            "[mail Accepted]",
            "I have passed that on.",
            &phrases.anything_else
        ]
    );
    let told = said(chat("mail"), &["explain my bill to me"]).await;
    assert_eq!(told, ["Your bill is £20.", &phrases.anything_else]);
}

#[tokio::test]
async fn nothing_is_offered_or_added_while_somebody_is_angry() {
    let told = said(
        chat("paper"),
        &[
            "I am full of anger",
            "So much anger",
            "explain my bill to me, in anger",
        ],
    )
    .await;
    assert!(
        told.iter().any(|text| text == "Your bill is £20."),
        "{told:?}"
    );
    let phrases = crate::assistant::Phrases::default();
    for extra in [
        "Would you like your bill by e-mail?",
        phrases.anything_else.as_str(),
    ] {
        assert!(!told.iter().any(|text| text == extra), "{told:?}");
    }
}

#[tokio::test]
async fn the_human_agent_sees_an_offer_once_the_need_is_resolved() {
    let assistant = unsure().await;
    let mut call = chat("paper");
    call.say(Role::EndUser, "explain my bill to me");
    let offers = async |call: &Conversation| {
        let actions = assistant.next_best_actions(call, 5).await.unwrap();
        let offers = actions.into_iter().filter(|a| a.action == "offer/mail");
        offers.collect::<Vec<_>>()
    };
    assert!(offers(&call).await.is_empty(), "nothing is resolved yet");
    call.say(Role::HumanAgent, "Your bill is £20.");
    let found = offers(&call).await;
    assert!(
        found.len() == 1 && found[0].reason.contains("on paper"),
        "{found:?}"
    );
    let mut angry = call.clone();
    angry.say(Role::EndUser, "What anger");
    angry.say(Role::EndUser, "Such anger");
    assert!(offers(&angry).await.is_empty());
}

/// Whose model hears one need in everything, and chats by giving back what it heard.
async fn with_a_poor_model(commands: &'static str, words: &[&str]) -> Vec<String> {
    let echo = words.first().copied().unwrap_or_default().to_owned();
    let model = ScriptedModel::from_fn(move |request: &Request| {
        let Output::Json(schema) = &request.output else {
            return Ok(echo.clone());
        };
        let has = |key: &str| schema.pointer(&format!("/properties/{key}")).is_some();
        Ok(match () {
            () if has("commands") => format!(r#"{{"commands":[{commands}]}}"#),
            () if has("found") => r#"{"found":true,"answer":"The paper is recycled."}"#.into(),
            () => "{}".into(),
        })
    });
    let assistant = Assistant::builder()
        .language_model(Arc::new(model))
        .playbooks(BOOKS.map(|book| Playbook::from_toml(book).unwrap()).into())
        .build()
        .await
        .unwrap();
    // An article with the same words answers nobody who asks nothing.
    let text = "If there is something odd with the paper, it is recycled.";
    let article = KnowledgeArticle::new("paper", "The paper", "acme", text);
    assistant
        .knowledge()
        .ingest(vec![article], None)
        .await
        .unwrap();
    let inputs = words.iter().map(|text| say(Role::EndUser, text)).collect();
    let events = run(assistant.session(chat("mail")), inputs).await;
    let reply = |event| match event {
        SessionEvent::Reply { text, .. } => Some(text),
        _ => None,
    };
    events.into_iter().filter_map(reply).collect()
}

#[tokio::test]
async fn a_need_that_the_words_do_not_bear_out_is_asked_about_before_it_is_begun() {
    let heard = r#"{"command":"start_playbook","playbook":"bill"}"#;
    let strange = "There is something odd with the paper";
    let asked = "I want to be sure that I understand you: is it about your bill?";
    let told = with_a_poor_model(heard, &[strange, "Yes, please."]).await;
    assert_eq!(told[..2], [asked, "Your bill is £20."], "{told:?}");
    // Who only shows that they heard is asked once more.
    let told = with_a_poor_model(heard, &[strange, "Okay.", "Yes, please."]).await;
    assert_eq!(told[..3], [asked, asked, "Your bill is £20."], "{told:?}");
    let phrases = crate::assistant::Phrases::default();
    let told = with_a_poor_model(heard, &[strange, "No, something else"]).await;
    assert_eq!(told, [asked, &phrases.unknown]);
}

#[tokio::test]
async fn nobody_hears_their_own_words_as_an_answer() {
    let phrases = crate::assistant::Phrases::default();
    let chats = r#"{"command":"small_talk"}"#;
    for words in [
        "Something odd happened yesterday",
        "The customer complains about paper",
    ] {
        let told = with_a_poor_model(chats, &[words]).await;
        assert_eq!(told, [phrases.clarify.as_str()], "{words}");
    }
}
