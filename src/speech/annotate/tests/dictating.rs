use super::super::is_dictating;

#[test]
fn the_middle_of_a_thing_is_the_middle() {
    let mut wrong = Vec::new();
    for text in [
        "my account number is 4 4 1",
        "My account number is 4 4 1.",
        "my account number is 4",
        "my account number is",
        "it's S M I",
        "that's J O double",
        "S as in",
        "it's S as in sugar M as in",
        "john dot smith at",
        "john dot",
        "john dot smith at gmail",
        "john dot smith at gmail dot",
        "john dot smith at yahoo dot co",
        "my email is john at",
        "the third of",
        "March the",
        "the third of March nineteen",
        "I was born on the third of March",
        "nine zero two",
        "nine zero",
        "oh seven seven",
        "oh double seven double oh nine",
        "L F nine zero",
        "LF 902",
        "LF dash",
        "L F nine zero two, um",
        "Smith, S M I",
        "two hundred and",
        "forty two pounds and",
        "four point",
        "half past",
        "the card number is 4111 1111 1111",
        "my postcode is S W one",
        "the code is four",
        "sure it's 07700 900",
        "my date of birth is the third",
        "it's jane at hotmail",
        "my email is jane dot",
        "plus four four",
        "W one A",
        "my phone number is 0 7 7 0 0 9 0 0",
    ] {
        if !is_dictating(text, Some("en")) {
            wrong.push(text);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(is_dictating("meine Kontonummer ist vier vier", Some("de")));
    assert!(is_dictating("mon numéro est quatre quatre", Some("fr")));
    assert!(is_dictating("0 4 4", Some("tlh")));
}

#[test]
fn a_complete_thing_is_complete() {
    let mut wrong = Vec::new();
    for text in [
        "",
        "   ",
        "...",
        "john dot smith at gmail dot com",
        "john.smith@gmail.com",
        "42 pounds",
        "forty two pounds fifty",
        "the third of March nineteen eighty",
        "I was born on the 3rd of March 1980.",
        "March 3rd, 1980",
        "at half past three",
        "4:30 pm",
        "SW1A 2AA",
        "my postcode is SW1A 2AA",
        "Smith, S M I T H",
        "0 7 7 0 0 9 0 0 1 2 3",
        "l f nine zero two four one two",
        "LF-902-412",
        "twenty percent",
        "two weeks",
        "I have two",
        "I have forty two",
        "one of them",
        "no one",
        "first of all",
        "what is my account number?",
        "do you know what my account number is",
        "my name is Smith",
        "my name is",
        "it's for you",
        "I see",
        "oh no",
        "that is all I want to",
        "I am at",
        "the first one",
        "just one",
        "a double",
        "what do you want it for",
        "my account number is 4 4 1 2 9 1 and I was charged twice",
        "the card number is 4111 1111 1111 1111",
        "thank you",
        "it's number two",
        "the last four digits are four four one two",
        "I pay twenty nine ninety nine",
        "my bill is forty five",
        "my birthday is in May",
        "I don't have my account number",
        "I'm looking for a",
        "it keeps dropping at",
        "security code 1 2 3",
        "the C E O",
        "okay",
        "May I",
        "I live at home",
        "it is in May",
        "I'm looking at the dot on the map",
    ] {
        if is_dictating(text, Some("en")) {
            wrong.push(text);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
