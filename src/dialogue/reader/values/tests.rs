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
