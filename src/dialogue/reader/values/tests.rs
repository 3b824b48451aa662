use jiff::civil::Date;

use super::*;
use crate::dialogue::Playbook;

fn slot(toml: &str) -> Slot {
    let text = format!(
        "id = \"p\"\ntitle = \"P\"\ngoal = \"g\"\nexamples = [\"e\"]\n[[slots]]\nname = \"s\"\ndescription = \"d\"\nask = \"?\"\n{toml}\n[[steps]]\nid = \"s\"\nlabel = \"l\"\nkind = \"inform\""
    );
    Playbook::from_toml(&text).unwrap().slots[0].clone()
}

fn value(slot: &Slot, text: &str, asked: bool) -> Option<String> {
    Words {
        text,
        language: "en-GB",
    }
    .value(slot, asked)
    .map(|found| found.value)
}

#[test]
fn values_are_found_where_their_form_is_certain() {
    let account = slot("pattern = '^LF\\d{6}$'");
    for text in [
        "it's LF402117",
        "L F four oh two double one seven",
        "not LF111111, it is lf-402-117",
    ] {
        assert_eq!(
            value(&account, text, false).as_deref(),
            Some("LF402117"),
            "{text}"
        );
    }
    assert_eq!(value(&account, "LF12", true), None);
    let amount = slot("kind = \"money\"");
    assert_eq!(
        value(&amount, "you took £42.50 twice", false).as_deref(),
        Some("42.5")
    );
    assert_eq!(value(&amount, "forty two", true).as_deref(), Some("42"));
    assert_eq!(value(&amount, "two times", false), None);
    let born = slot("kind = \"date\"\ncues = [\"born\", \"birth\"]");
    assert_eq!(
        value(&born, "it went wrong on 3 March 1980", false),
        None,
        "another date"
    );
    assert_eq!(
        value(&born, "I was born on 3 March 1980", false).as_deref(),
        Some("1980-03-03")
    );
    assert_eq!(
        value(&born, "3rd of March 1980", true).as_deref(),
        Some("1980-03-03")
    );
}

#[test]
fn days_ahead_are_the_next_ones() {
    let wednesday: Date = "2026-11-25".parse().unwrap();
    for (text, day) in [
        ("on Monday please", "2026-11-30"),
        ("next wednesday", "2026-12-02"),
        ("tomorrow if you can", "2026-11-26"),
        ("in two weeks", "2026-12-09"),
    ] {
        assert_eq!(
            coming_day(text, wednesday).unwrap().to_string(),
            day,
            "{text}"
        );
    }
    assert_eq!(coming_day("whenever", wednesday), None);
    assert_eq!(
        next_time("--12-12", wednesday).as_deref(),
        Some("2026-12-12")
    );
    assert_eq!(
        next_time("--03-01", wednesday).as_deref(),
        Some("2027-03-01")
    );
}

#[test]
fn a_number_may_be_called_one() {
    let order = slot("kind = \"number\"");
    for text in [
        "It is number 4711.",
        "4711",
        "It's order number 4711, I think",
    ] {
        assert_eq!(value(&order, text, true).as_deref(), Some("4711"), "{text}");
    }
    assert_eq!(value(&order, "It is number LF402117.", true), None);
    assert_eq!(value(&order, "It is number 4711.", false), None);
}

#[test]
fn a_choice_is_one_of_its_words_and_not_what_is_denied() {
    let light = slot(
        "values = [\"red\", \"amber\", \"none\"]\n[slots.synonyms]\nnone = [\"no light\", \"off\"]\namber = [\"orange\"]",
    );
    assert_eq!(value(&light, "it's orange", true).as_deref(), Some("amber"));
    assert_eq!(
        value(&light, "there is no light at all", true).as_deref(),
        Some("none")
    );
    assert_eq!(
        value(&light, "not amber, red", true).as_deref(),
        Some("red")
    );
    assert_eq!(value(&light, "red or amber, I forget", true), None);
    assert_eq!(
        value(&light, "none of my friends", false),
        None,
        "a machine name is no answer unasked"
    );
}

#[test]
fn what_is_left_over_is_the_answer_in_words() {
    let left = |text: &str, taken: &[Range<usize>]| {
        Words {
            text,
            language: "en",
        }
        .left_over(taken)
    };
    let text = "Sure, it's 3 March 1980 and 12 Mill Lane.";
    let date = text.find("3 M").unwrap()..text.find(" and").unwrap();
    assert_eq!(left(text, &[date]).as_deref(), Some("12 Mill Lane"));
    assert_eq!(
        left("My address is 4 High Street", &[]).as_deref(),
        Some("4 High Street")
    );
    assert_eq!(left("Yes.", &[]), None);
}

#[test]
fn what_is_denied_leaves_the_other_one() {
    let way = slot(
        "values = [\"bank\", \"credit\"]\n[slots.synonyms]\nbank = [\"my card\", \"my account\"]\ncredit = [\"next bill\"]",
    );
    for (text, meant) in [
        ("To the bank please, not as a credit.", "bank"),
        ("Bank, not credit", "bank"),
        ("I don't want a credit, I want it back on my card.", "bank"),
        ("No credit, please. Just pay it back to my account.", "bank"),
        ("I don't want a credit.", "bank"),
        ("not to my card, rather on the next bill", "credit"),
        ("as a credit instead of to my bank", "credit"),
        ("credit is fine", "credit"),
    ] {
        assert_eq!(value(&way, text, true).as_deref(), Some(meant), "{text}");
    }
    let when = slot(
        "values = [\"morning\", \"afternoon\"]\n[slots.synonyms]\nmorning = [\"am\", \"before noon\"]\nafternoon = [\"pm\"]",
    );
    for (text, meant) in [
        ("Afternoons are difficult, so mornings.", "morning"),
        ("Not in the afternoon, I work then.", "morning"),
        ("I can't do mornings", "afternoon"),
        ("In the afternoon, I am at work before", "afternoon"),
        ("I don't mind, the morning", "morning"),
        ("9 am", "morning"),
    ] {
        assert_eq!(value(&when, text, true).as_deref(), Some(meant), "{text}");
    }
    assert_eq!(
        value(&when, "not in the afternoon", false),
        None,
        "unasked, what is not wanted says nothing"
    );
    let sim = slot(
        "values = [\"esim\", \"post\", \"none\"]\n[slots.synonyms]\nesim = [\"e-sim\"]\npost = [\"by post\", \"card\"]\nnone = [\"no\", \"nothing\"]",
    );
    for (text, meant) in [
        ("By post, my old phone has no eSIM.", "post"),
        ("No thanks", "none"),
        ("no", "none"),
        ("I don't want to wait for the post, so the eSIM", "esim"),
    ] {
        assert_eq!(value(&sim, text, true).as_deref(), Some(meant), "{text}");
    }
    let device = slot("values = [\"hub\", \"booster\"]");
    assert_eq!(
        value(&device, "I haven't sent the Hub back yet", true).as_deref(),
        Some("hub"),
        "what was not done is not what is not meant"
    );
}

#[test]
fn a_span_is_told_in_the_unit_that_is_asked_for() {
    let days = Slot {
        name: "days".into(),
        ..slot("kind = \"number\"")
    };
    let months = Slot {
        description: "how many monthly instalments".into(),
        ..slot("kind = \"number\"")
    };
    let plain = slot("kind = \"number\"");
    for (slot, text, told) in [
        (&days, "Two weeks, if possible.", Some("14")),
        (&days, "fourteen days", Some("14")),
        (&days, "The full 14 days please", Some("14")),
        (&days, "a fortnight would do", Some("14")),
        (&days, "a couple of weeks", Some("14")),
        (&days, "10", Some("10")),
        (&days, "until after the holidays", None),
        (&months, "over a year", Some("12")),
        (&months, "six months", Some("6")),
        (&months, "in 6 instalments", Some("6")),
        (&plain, "six months", Some("6")),
    ] {
        assert_eq!(value(slot, text, true).as_deref(), told, "{text}");
    }
}

#[test]
fn nobody_is_an_answer_to_whether_anybody_does() {
    let depends = Slot {
        ask: "Does anybody depend on it?".into(),
        ..slot("kind = \"yes_no\"")
    };
    for (text, told) in [
        ("Nobody here has anything like that.", Some("false")),
        ("Luckily not.", Some("false")),
        ("No, we're all healthy.", Some("false")),
        ("yes, my mother", Some("true")),
        ("my mother has an alarm", None),
    ] {
        assert_eq!(value(&depends, text, true).as_deref(), told, "{text}");
    }
}

#[test]
fn an_identifier_is_no_part_of_other_words_nor_of_a_date() {
    let tracking = slot("pattern = \"^[A-Z]{2}\\\\d{9}$\"");
    let account = slot("pattern = \"^LF\\\\d{6}$\"");
    let code = slot("pattern = '^\\d{4,8}$'");
    let few = slot("pattern = '^\\d{1,2}$'");
    for (slot, text, told) in [
        (&tracking, "dob 14/04/2000, 5 queens court", None),
        (&tracking, "born on 14.04.2000, 5 Queens Court", None),
        (&tracking, "It is PX 123 456 789.", Some("PX123456789")),
        (&tracking, "PX123456789GB", Some("PX123456789")),
        (
            &tracking,
            "P X one two three, 456, 789",
            Some("PX123456789"),
        ),
        (&code, "4 8 2 9 1 3", Some("482913")),
        (&code, "It says 482913.", Some("482913")),
        (&code, "My code is 482913, 2 minutes old", Some("482913")),
        (&code, "4829 13, I have 2 minutes", Some("482913")),
        (&code, "482913, two minutes old", Some("482913")),
        (&code, "482913, 2.5 minutes old", Some("482913")),
        (&few, "4 people", Some("4")),
        (&tracking, "born on 14-04-2000, 5 Queens Court", None),
        (&tracking, "born on 14 04 2000, 5 Queens Court", None),
        (&tracking, "My number is 0151 234 56 78", None),
        (&tracking, "P.X.123.456.789", Some("PX123456789")),
        (&account, "L.F.402117", Some("LF402117")),
        (&account, "LF/402117 born 3.3.1980", Some("LF402117")),
        (&code, "4.8.2.9.1.3", Some("482913")),
        (&account, "LF4021178", None),
        (&account, "LF402117, 14 Elm Road", Some("LF402117")),
        (&account, "LF 402 117 14 Elm Road", Some("LF402117")),
        (&account, "that's lf-40-21-17", Some("LF402117")),
    ] {
        assert_eq!(value(slot, text, true).as_deref(), told, "{text}");
    }
}

#[test]
fn what_is_only_supposed_is_not_stated() {
    let instalments = slot("kind = \"number\"");
    for (text, is_stated) in [
        ("Could we do it in two?", true),
        ("Make it 4, please", true),
        ("Hang on, and if I miss a month?", false),
        ("I need a month to think", false),
        ("Sorry, what if I pay 3 late?", false),
        ("Sorry, 3. What if I pay late?", true),
    ] {
        let words = Words {
            text,
            language: "en-GB",
        };
        let found = words.value(&instalments, true);
        let states = found.is_some_and(|found| words.states(&instalments, &found));
        assert_eq!(states, is_stated, "{text}");
    }
}
