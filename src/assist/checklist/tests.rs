use super::*;
use crate::conversation::{Channel, UtteranceId};
use crate::embedding::HashingEmbedder;
use crate::error::ErrorKind;

const LISTS: &str = r#"
[[checklists]]
id = "calls"
display_name = "Every call"
[[checklists.items]]
id = "recording"
label = "Say that the call is recorded"
words = ["call is recorded", "this call may be recorded"]
by = "start"
[[checklists.items]]
id = "identity"
label = "Check the identity"
examples = ["can you tell me your date of birth please"]
threshold = 0.7
by = "before_end"
[[checklists.items]]
id = "thanks"
label = "Thank for the answer"
words = ["thank you"]
by = { after = "identity" }
required = false
[[checklists.items]]
id = "fees"
label = "Name the fee for moving"
words = ["moving fee"]
by = "before_end"
when = { words = ["moving", "new flat"] }
"#;

fn read(text: &str) -> Result<Vec<Checklist>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checklists.toml");
    std::fs::write(&path, text).unwrap();
    load_checklists(&path)
}

async fn checklists() -> Checklists {
    let lists = read(LISTS).unwrap();
    Checklists::new(Arc::new(HashingEmbedder::default()), lists)
        .await
        .unwrap()
}

async fn status(
    call: &Conversation,
    overrides: &[ChecklistOverride],
    is_over: bool,
) -> Vec<ChecklistEntry> {
    checklists()
        .await
        .entries(call, overrides, is_over)
        .await
        .unwrap()
}

fn statuses(entries: &[ChecklistEntry]) -> Vec<ChecklistStatus> {
    entries.iter().map(|entry| entry.status).collect()
}

#[tokio::test]
async fn items_are_open_then_said_or_missing_with_their_evidence() {
    use ChecklistStatus::{Missing, NotApplicable, Open, Said};
    let mut call = Conversation::new("acme", Channel::Voice);
    assert_eq!(
        statuses(&status(&call, &[], false).await),
        [Open, Open, NotApplicable, NotApplicable]
    );
    call.say(
        Role::HumanAgent,
        "Welcome, this call is recorded. Thank you for calling.",
    );
    call.say(
        Role::EndUser,
        "I am moving, and this call is recorded, thank you.",
    );
    let entries = status(&call, &[], false).await;
    assert_eq!(statuses(&entries), [Said, Open, NotApplicable, Open]);
    assert_eq!(entries[0].evidence, Some(UtteranceId(1)));
    call.say(
        Role::HumanAgent,
        "Can you tell me your date of birth, please?",
    );
    call.say(Role::EndUser, "The third of May.");
    call.say(Role::HumanAgent, "Thank you.");
    let entries = status(&call, &[], false).await;
    assert_eq!(statuses(&entries), [Said, Said, Said, Open]);
    assert_eq!(
        entries[2].evidence,
        Some(UtteranceId(5)),
        "not the thanks before"
    );
    call.say(Role::HumanAgent, "Is there anything else I can do?");
    let entries = status(&call, &[], false).await;
    assert_eq!(statuses(&entries), [Said, Said, Said, Missing]);
    call.say(Role::HumanAgent, "There is a moving fee of ten pounds.");
    assert_eq!(
        statuses(&status(&call, &[], true).await),
        [Said, Said, Said, Said]
    );
}

#[tokio::test]
async fn what_comes_late_is_said_and_late_and_a_person_has_the_last_word() {
    let mut call = Conversation::new("acme", Channel::Voice);
    for _ in 0..3 {
        call.say(Role::HumanAgent, "One moment.");
    }
    assert_eq!(
        status(&call, &[], false).await[0].status,
        ChecklistStatus::Missing
    );
    call.say(Role::HumanAgent, "This call may be recorded.");
    let late = status(&call, &[], false).await.remove(0);
    assert!(late.is_late && late.status == ChecklistStatus::Said);
    let mut decided = ChecklistOverride {
        checklist: "calls".into(),
        item: "identity".into(),
        status: Some(ChecklistStatus::NotApplicable),
    };
    let entry = status(&call, std::slice::from_ref(&decided), true)
        .await
        .remove(1);
    assert!(entry.is_override && entry.status == ChecklistStatus::NotApplicable);
    let first = decided.clone();
    decided.status = None;
    let entry = status(&call, &[first, decided], true).await.remove(1);
    assert!(!entry.is_override && entry.status == ChecklistStatus::Missing);
}

#[tokio::test]
async fn what_a_person_decided_counts_for_what_comes_after_it() {
    use ChecklistStatus::{Missing, NotApplicable, Open, Said};
    let mut call = Conversation::new("acme", Channel::Voice);
    call.say(Role::HumanAgent, "Hello.");
    let decided = |status| {
        [ChecklistOverride {
            checklist: "calls".into(),
            item: "identity".into(),
            status: Some(status),
        }]
    };
    let entries = status(&call, &decided(Said), false).await;
    assert_eq!(statuses(&entries), [Open, Said, Open, NotApplicable]);
    call.say(Role::HumanAgent, "Thank you.");
    let entries = status(&call, &decided(Said), false).await;
    assert_eq!(entries[2].status, Said);
    call.say(
        Role::HumanAgent,
        "Can you tell me your date of birth, please?",
    );
    assert_eq!(status(&call, &[], false).await[2].status, Open);
    let entries = status(&call, &decided(Missing), false).await;
    assert_eq!(entries[2].status, NotApplicable);
}

#[tokio::test]
async fn there_is_time_again_where_a_call_goes_on() {
    use ChecklistStatus::{Missing, Open};
    let mut call = Conversation::new("acme", Channel::Voice);
    let mut identity = Vec::new();
    for text in [
        "There is nothing else to pay.",
        "Is there anything else I can do?",
        "It restarts.",
        "Let me look.",
        "It still does.",
        "One moment.",
    ] {
        call.say(Role::HumanAgent, text);
        identity.push(status(&call, &[], false).await[1].status);
    }
    assert_eq!(identity, [Open, Missing, Missing, Missing, Missing, Open]);
}

#[test]
fn a_mistake_in_a_checklist_is_named() {
    for (from, to, told) in [
        ("by = \"start\"", "by = \"soon\"", "soon"),
        ("after = \"identity\"", "after = \"nothing\"", "nothing"),
        ("words = [\"thank you\"]", "", "needs `words`"),
        ("threshold = 0.7", "threshold = 7", "between 0 and 1"),
        ("id = \"identity\"", "id = \"recording\"", "twice"),
        ("required = false", "needed = false", "line"),
    ] {
        let error = read(&LISTS.replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(told), "{told}: {error}");
    }
}
