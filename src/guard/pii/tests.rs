use super::*;

#[test]
fn every_pattern_compiles() {
    assert!(cues::patterns_compile());
    assert!(email::patterns_compile());
    assert!(dates::patterns_compile());
    assert!(address::patterns_compile());
    assert!(names::patterns_compile());
}

/// Kind and words of everything found.
fn found(text: &str) -> Vec<(PiiKind, &str)> {
    find_pii(text)
        .into_iter()
        .map(|s| (s.kind, &text[s.range]))
        .collect()
}

/// The text with `[...]` around what must be found as `kind`, and nothing else.
fn check(kind: PiiKind, marked: &str) {
    let text = marked.replace(['⟦', '⟧'], "");
    let mut expected = Vec::new();
    let mut rest = marked;
    while let Some((_, behind)) = rest.split_once('⟦') {
        let (inside, after) = behind.split_once('⟧').unwrap();
        expected.push((kind, inside));
        rest = after;
    }
    assert_eq!(found(&text), expected, "{text}");
}

#[test]
fn mail_addresses_written_and_spoken() {
    for text in [
        "write to ⟦jo.doe+x@mail.example.org⟧ now",
        "it is ⟦jo dot doe at example dot com⟧ thanks",
        "my email is ⟦k a r l underscore nine four at web dot de⟧",
        "you can reach me at ⟦jo.doe at example.com⟧",
        "yeah it's ⟦p smith at northwind dot co dot uk⟧",
        "contact ⟦jo(at)example.org⟧ please",
    ] {
        check(PiiKind::Email, text);
    }
}

#[test]
fn cards_written_and_spoken() {
    for text in [
        "card ⟦4111 1111 1111 1111⟧ please",
        "card ⟦4111, 1111, 1111, 1111⟧.",
        "it's ⟦four one one one uh one one one one, one one one one one one one one⟧ okay",
        "⟦double five double five double five double five double five double five double four double four⟧",
        "⟦fifty five fifty five fifty five fifty five fifty five fifty five forty four forty four⟧",
        "amex ⟦3782-822463-10005⟧",
    ] {
        check(PiiKind::Card, text);
    }
    assert!(
        !found("4111 1111 1111 1112")
            .iter()
            .any(|(k, _)| *k == PiiKind::Card)
    );
}

#[test]
fn numbers_are_what_the_words_around_them_say() {
    for (kind, text) in [
        (PiiKind::Iban, "pay to ⟦DE89 3704 0044 0532 0130 00⟧"),
        (
            PiiKind::Iban,
            "iban ⟦g b two nine n w b k six zero one six one three three one nine two six eight one nine⟧",
        ),
        (PiiKind::NationalId, "my social is ⟦078-05-1120⟧"),
        (
            PiiKind::NationalId,
            "ni number ⟦q q one two three four five six c⟧",
        ),
        (PiiKind::NationalId, "personas kods ⟦161175-19997⟧"),
        (PiiKind::NationalId, "my steuer id is ⟦86 095 742 719⟧"),
        (PiiKind::Phone, "call ⟦+44 20 7946 0958⟧"),
        (PiiKind::Phone, "call ⟦(212) 555-0147⟧"),
        (
            PiiKind::Phone,
            "ring me on ⟦oh seven seven double zero nine hundred one two three⟧",
        ),
        (PiiKind::Account, "account number is ⟦12345678⟧"),
        (PiiKind::Passport, "passport ⟦K1234567⟧"),
        (
            PiiKind::CardSecurityCode,
            "and the three digits on the back are ⟦1 2 3⟧",
        ),
        (PiiKind::CardExpiry, "expires ⟦12/27⟧"),
        (PiiKind::Pin, "my pin is ⟦four nine two one⟧"),
        (PiiKind::IpAddress, "from ⟦192.168.12.1⟧ again"),
        (PiiKind::Password, "the password is ⟦hunter2!x⟧."),
        (
            PiiKind::DateOfBirth,
            "born on the ⟦third of may nineteen eighty four⟧",
        ),
        (PiiKind::DateOfBirth, "date of birth: ⟦03/05/1984⟧"),
    ] {
        check(kind, text);
    }
}

#[test]
fn addresses_of_several_countries() {
    for text in [
        "I live at ⟦42 Oak Street, Springfield, IL 62704⟧.",
        "send it to ⟦one twenty three maple avenue⟧ please",
        "ship to ⟦Flat 3, 12 High Street, Leeds LS1 4AP⟧",
        "my postcode is ⟦sw1a 1aa⟧",
        "ich wohne in der ⟦Hauptstraße 12a, 10115 Berlin⟧",
        "j'habite au ⟦17 avenue paul verlaine, 38100 grenoble⟧",
        "meine adresse ist ⟦am steinbruch 7, 99425 weimar⟧",
        "adrese ir ⟦Brīvības iela 12-4, Rīga, LV-1010⟧",
        "j'habite au ⟦12 rue de la Paix, 75002 Paris⟧",
    ] {
        check(PiiKind::Address, text);
    }
}

#[test]
fn names_with_and_without_capitals() {
    for text in [
        "my name is ⟦thandeka mbeki⟧ and i need help",
        "This is ⟦Maria Gonzalez⟧ speaking",
        "Hi ⟦Oluwaseun⟧, how are you?",
        "Mr ⟦Kowalczyk⟧ called",
        "i spoke to ⟦priya⟧ yesterday",
        "last name is spelled ⟦s m i t h⟧",
        "Kind regards,\n⟦Jean-Luc Dubois⟧",
        "it's ⟦Will Turner⟧ here",
    ] {
        check(PiiKind::Name, text);
    }
}

#[test]
fn what_is_not_personal_stays() {
    for text in [
        "it costs 38.50 a month",
        "on 2026-03-14 at 10",
        "on 03.11.2025",
        "at 2026-03-14 15:30",
        "order LF402117",
        "my order number is 12345678",
        "5 working days",
        "will you mark it as done in may",
        "the card ending in 4242",
        "i have two cards and one phone",
        "I am calling about a double charge of 49.99 dollars",
        "look at amazon dot com",
        "the password is wrong",
        "grace period of 30 days",
        "there are 20 people on the street",
        "it happened on the third of may",
        "i hope the bill will be right",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn a_number_over_several_turns_is_found_in_each() {
    let mut scanner = PiiScanner::default();
    let mut scan = |text: &str| -> Vec<(PiiKind, String)> {
        scanner
            .scan(text)
            .into_iter()
            .map(|s| (s.kind, text[s.range].to_owned()))
            .collect()
    };
    assert_eq!(scan("[1] Agent: Can I have the long card number?"), []);
    assert_eq!(
        scan("[2] Customer: sure four one one one"),
        [(PiiKind::Card, "four one one one".into())]
    );
    assert_eq!(scan("[3] Agent: mhm"), []);
    assert_eq!(
        scan("[4] Customer: one one"),
        [(PiiKind::Card, "one one".into())]
    );
    assert_eq!(
        scan("[5] Customer: 11 1111"),
        [(PiiKind::Card, "11 1111".into())]
    );
    assert_eq!(scan("[6] Agent: And the expiry date?"), []);
    assert_eq!(
        scan("[7] Customer: oh three twenty seven"),
        [(PiiKind::CardExpiry, "oh three twenty seven".into())]
    );
    assert_eq!(scan("[8] Agent: How many lines do you have?"), []);
    assert_eq!(scan("[9] Customer: twelve"), []);
}

#[test]
fn placeholders_stay_the_same_while_the_transcript_grows() {
    let lines = ["mail a@b.example", "or c@d.example", "yes a@b.example"];
    let masked: Vec<Vec<String>> = (1..=lines.len())
        .map(|n| {
            let mut masker = Masker::default();
            lines[..n].iter().map(|line| masker.mask(line)).collect()
        })
        .collect();
    assert_eq!(masked[2][..2], masked[1][..]);
    assert_eq!(masked[2][2], "yes [EMAIL_1]");
    let mut masker = Masker::default();
    let text = masker.mask(lines[0]);
    assert_eq!(masker.unmask(&text), lines[0]);
}

#[test]
fn a_policy_decides_and_redaction_forgets() {
    let policy = PiiPolicy::everything()
        .with(PiiKind::Name, PiiAction::Keep)
        .with(PiiKind::Pin, PiiAction::Remove);
    let mut masker = Masker::new(policy);
    assert_eq!(
        masker.mask("my name is Maria Lopez, pin is 4921, jo@a.example"),
        "my name is Maria Lopez, pin is , [EMAIL_1]"
    );
    let mut value =
        serde_json::json!({"text": "mail jo@a.example", "n": [1, "call +44 20 7946 0958"]});
    Redactor::default().redact_value(&mut value);
    assert_eq!(
        value,
        serde_json::json!({"text": "mail [EMAIL]", "n": [1, "call [PHONE]"]})
    );
}

#[test]
fn long_and_odd_texts_take_little_time() {
    let start = std::time::Instant::now();
    for piece in [
        "4 1 ",
        "one two ",
        "a@b dot ",
        "is ",
        "my name is ",
        "12 oak ",
        "((((",
        "é\u{301} ",
        "\n",
        "@",
        "at dot ",
        "+",
        "a b c ",
    ] {
        let text = piece.repeat(100_000 / piece.len());
        let _ = find_pii(&text);
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
