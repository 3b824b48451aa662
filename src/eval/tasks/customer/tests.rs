use super::*;

const TWICE: &str = r#"
id = "twice"
about = "Was charged twice."
playbooks = ["charged-twice"]
otherwise = ["Sorry, what?", "I do not follow."]
patience = 2
turns = 6

[[says]]
text = ["I was charged twice.", "You took it two times.", "Double payment on my card."]

[[says]]
text = ["And how long does it take?"]

[[replies]]
when = "account number"
text = ["LF402117", "It is LF402117."]

[[replies]]
when = "goodbye|anything else"
text = ["No, thanks."]
times = 1
ends = true

[faults]
refund_payment = ["timeout", "ok", "refused"]

[expect]
handoff = "customer_asked"
said = ["five working days"]
[expect.database]
"accounts.LF402117.payments.P2.status" = "refunded"
"#;

#[test]
fn a_file_is_read_and_what_is_unknown_is_refused_with_line_and_key() {
    let customer = Customer::from_toml(TWICE).unwrap();
    assert_eq!(customer.channel, Channel::Chat);
    assert_eq!(
        customer.expect.handoff,
        ExpectedHandoff::For(HandoffReason::CustomerAsked)
    );
    assert_eq!(customer.faults["refund_payment"].len(), 3);
    for (wrong, needles) in [
        (
            TWICE.replace("patience", "patiense"),
            ["line 6", "patiense"],
        ),
        (TWICE.replace("times = 1", "time = 1"), ["line 22", "time"]),
        (
            TWICE.replace("customer_asked", "somebody"),
            ["line 29", "somebody"],
        ),
        (
            TWICE.replace("account number", "account (number"),
            ["line 16", "account (number"],
        ),
        (
            TWICE.replace("\"refused\"", "\"explodes\""),
            ["line 26", "explodes"],
        ),
    ] {
        let error = Customer::from_toml(&wrong).unwrap_err().to_string();
        for needle in needles {
            assert!(error.contains(needle), "{needle}: {error}");
        }
    }
    let mute = "id = \"a\"\nabout = \"b\"\nsays = []";
    assert_eq!(
        Customer::from_toml(mute).unwrap_err().kind(),
        ErrorKind::Config
    );
}

#[test]
fn answers_come_before_what_is_said_unasked_and_patience_ends() {
    let customer = Customer::from_toml(TWICE).unwrap();
    let mut actor = Actor::new(&customer, 0, 0);
    let first = actor.next("").unwrap();
    assert!(customer.says[0].text.contains(&first));
    let number = actor.next("May I have your ACCOUNT number?").unwrap();
    assert!(number.contains("LF402117"));
    // Asked again, they say it in other words.
    assert_ne!(actor.next("Your account number, please?").unwrap(), number);
    assert_eq!(
        actor.next("One moment.").unwrap(),
        "And how long does it take?"
    );
    let lost = actor.next("Hm.").unwrap();
    assert!(customer.otherwise.contains(&lost));
    assert_ne!(actor.next("Hm.").unwrap(), lost);
    assert_eq!(actor.next("Hm."), None);

    let mut leaving = Actor::new(&customer, 0, 0);
    leaving.next("").unwrap();
    assert_eq!(leaving.next("Anything else?").unwrap(), "No, thanks.");
    assert_eq!(leaving.next("Goodbye, and your account number?"), None);
}

#[test]
fn every_trial_has_other_words_and_the_same_seed_the_same() {
    let customer = Customer::from_toml(TWICE).unwrap();
    let first = |seed, trial| Actor::new(&customer, seed, trial).next("").unwrap();
    let mut openings = [first(0, 0), first(0, 1), first(0, 2)];
    assert_eq!(openings[0], first(0, 0));
    openings.sort();
    let mut all = customer.says[0].text.clone();
    all.sort();
    assert_eq!(openings.to_vec(), all);
}

#[test]
fn the_customers_of_the_repository_can_be_read() {
    let all =
        Customers::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/customers")).unwrap();
    assert!(all.customers.len() >= 44, "{}", all.customers.len());
    for customer in &all.customers {
        let wordings = customer.says.iter().map(|says| &says.text);
        for texts in wordings.chain(customer.replies.iter().map(|reply| &reply.text)) {
            assert!(texts.len() >= 3, "{}: {texts:?}", customer.id);
        }
        // An answer whose pattern can never match would never be given.
        for path in customer
            .database
            .keys()
            .chain(customer.expect.database.keys())
        {
            assert!(path.contains('.'), "{}: {path}", customer.id);
        }
    }
}

#[test]
fn names_that_nothing_has_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = "today = \"2026-11-25\"\naccounts.LF402117.holder = \"A\"";
    std::fs::write(folder.path().join("database.toml"), database).unwrap();
    let load = |text: &str| {
        std::fs::write(folder.path().join("twice.toml"), text).unwrap();
        Customers::load(folder.path())
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(load(TWICE), Ok(()));
    let error = load(&TWICE.replace("refund_payment =", "refund_paiment =")).unwrap_err();
    assert!(
        error.contains("twice.toml") && error.contains("refund_paiment"),
        "{error}"
    );
    let error = load(&TWICE.replace("accounts.LF402117", "accounts.LF402118")).unwrap_err();
    assert!(error.contains("LF402118"), "{error}");
    std::fs::remove_file(folder.path().join("twice.toml")).unwrap();
    assert_eq!(
        Customers::load(folder.path()).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}
