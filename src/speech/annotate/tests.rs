//! Real phrases, and what an agent would key in.

use super::*;
use crate::conversation::AnnotationKind;

mod dictating;
mod robust;

/// `identifier LF902 | amount GBP 42.00`.
fn read(text: &str, language: &str) -> String {
    let shown = annotate(text, Some(language)).into_iter().map(|found| {
        let kind = serde_json::to_value(found.kind).unwrap();
        format!("{} {}", kind.as_str().unwrap(), found.value)
    });
    shown.collect::<Vec<_>>().join(" | ")
}

fn check(language: &str, cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .map(|(text, expected)| (text, expected, read(text, language)))
        .filter(|(_, expected, got)| **expected != got)
        .map(|(text, expected, got)| format!("{text}\n  expected {expected}\n  got      {got}"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn identifiers_are_put_together() {
    check(
        "en",
        &[
            (
                "my account number is four four one two nine one",
                "identifier 441291",
            ),
            (
                "It's l f nine zero two four one two.",
                "identifier LF902412",
            ),
            ("LF-902-412", "identifier LF-902-412"),
            ("Yes, Lf-902-412.", "identifier LF-902-412"),
            ("LF 902 412", "identifier LF902412"),
            ("Yes, LF902, 412.", "identifier LF902412"),
            ("order LF402117 please", "identifier LF402117"),
            ("lf902412", "identifier LF902412"),
            ("L-F-4-0-2-1-1-7, please.", "identifier LF402117"),
            (
                "Sure, it's L F, four zero two, 1 1 7.",
                "identifier LF402117",
            ),
            ("double five oh triple seven", "identifier 550777"),
            ("treble two nine", "identifier 2229"),
            ("lima foxtrot nine oh two", "identifier LF902"),
            ("alpha bravo", "identifier AB"),
            ("B for Bravo", "identifier B"),
            (
                "L for Lima F for Freddie four four one two",
                "identifier LF4412",
            ),
            ("4 4 1 2", "identifier 4412"),
            ("the code is 0042", "identifier 0042"),
            ("reference 12-34-56", "identifier 12-34-56"),
            ("order #4412", "identifier 4412"),
            ("the last four digits are 4 4 1 2", "identifier 4412"),
            ("L F dash nine zero two", "identifier LF-902"),
            ("my order number is twenty four twelve", "identifier 2412"),
            (
                "tracking number RM 123456789 from March 3rd",
                "identifier RM123456789 | date --03-03",
            ),
            (
                "account 4 4 1 2 3 March 1980",
                "identifier 4412 | date 1980-03-03",
            ),
            ("A 1 2 3 4", "identifier 1234"),
            ("my code is A 1 2 3 4", "identifier A1234"),
            ("card 4111 1111 1111 1111", "identifier 4111111111111111"),
        ],
    );
}

#[test]
fn spelled_names_are_put_together() {
    check(
        "en",
        &[
            ("S as in sugar M I T H", "spelled_name Smith"),
            ("Smith, S M I T H", "spelled_name Smith"),
            ("It's Smith, S-M-I-T-H.", "spelled_name Smith"),
            ("S. M. I. T. H.", "spelled_name Smith"),
            ("that's J O double N", "spelled_name Jonn"),
            ("O apostrophe B R I E N", "spelled_name O'Brien"),
            ("sierra mike india tango hotel", "spelled_name Smith"),
            ("B O B I think", "spelled_name Bob"),
            ("it's B O B a lovely name", "spelled_name Bob"),
            ("M A R I A please", "spelled_name Maria"),
            (
                "S M I T H, and the number is 4 4 1 2",
                "spelled_name Smith | identifier 4412",
            ),
            ("double U E S T", "spelled_name West"),
            ("my surname is N G", "spelled_name Ng"),
        ],
    );
}

#[test]
fn amounts_carry_their_currency() {
    check(
        "en-GB",
        &[
            ("forty two pounds fifty", "amount GBP 42.50"),
            ("forty-two pounds and fifty pence", "amount GBP 42.50"),
            ("$1,200", "amount USD 1200.00"),
            ("$49.99 a month", "amount USD 49.99"),
            ("two hundred and fifty dollars", "amount USD 250.00"),
            ("it was 42 pounds", "amount GBP 42.00"),
            ("£4.5 million", "amount GBP 4500000.00"),
            ("ninety nine pence", "amount GBP 0.99"),
            ("50p", "amount GBP 0.50"),
            ("a hundred quid", "amount GBP 100.00"),
            ("four pounds oh five", "amount GBP 4.05"),
            ("42 pounds two weeks ago", "amount GBP 42.00 | duration P2W"),
            ("USD 40 or 40 EUR", "amount USD 40.00 | amount EUR 40.00"),
            ("twelve point five percent", "percentage 12.5%"),
            ("5 % and twenty per cent", "percentage 5% | percentage 20%"),
            ("¥500", "amount JPY 500"),
            ("two dollars and a half", "amount USD 2.50"),
            ("eleven hundred dollars", "amount USD 1100.00"),
        ],
    );
    check("en-CA", &[("forty dollars", "amount CAD 40.00")]);
    check(
        "de-DE",
        &[
            ("zweiundvierzig Euro fünfzig", "amount EUR 42.50"),
            ("42,50 €", "amount EUR 42.50"),
            ("1.200 Euro", "amount EUR 1200.00"),
        ],
    );
    check(
        "fr",
        &[
            ("quarante-deux euros cinquante", "amount EUR 42.50"),
            ("1 200 euros", "amount EUR 1200.00"),
        ],
    );
    check(
        "es",
        &[("cuarenta y dos euros con cincuenta", "amount EUR 42.50")],
    );
    check(
        "tlh",
        &[("$5 and €3.20", "amount USD 5.00 | amount EUR 3.20")],
    );
}

#[test]
fn dates_become_iso() {
    check(
        "en-GB",
        &[
            ("the third of March nineteen eighty", "date 1980-03-03"),
            ("March 3rd, 1980", "date 1980-03-03"),
            ("3 March 1980", "date 1980-03-03"),
            ("the third of November", "date --11-03"),
            (
                "on the twenty-first of May two thousand and five",
                "date 2005-05-21",
            ),
            ("May 3rd", "date --05-03"),
            ("March the third", "date --03-03"),
            ("March nineteen eighty four", "date 1984-03"),
            ("March twenty twenty twenty four", "date 2024-03-20"),
            ("March 2024", "date 2024-03"),
            ("2026-03-14", "date 2026-03-14"),
            ("14/03/2026", "date 2026-03-14"),
            ("03/04/2026", "date 2026-04-03"),
            ("in nineteen eighty four", "date 1984"),
            ("nineteen eighty four", "date 1984"),
            ("since 2019", "date 2019"),
            ("on the third, please", "date ---03"),
            ("my date of birth is three three eighty", "date 1980-03-03"),
            ("date of birth 0 3 0 3 1 9 8 0", "date 1980-03-03"),
            ("I was born on the third of March eighty", "date 1980-03-03"),
            ("February 30th", ""),
            ("November 5", "date --11-05"),
            ("by Friday the twenty third.", "date ---23"),
            ("the nineteen eighties", ""),
        ],
    );
    check("en-US", &[("03/04/2026", "date 2026-03-04")]);
    check(
        "de",
        &[
            ("am dritten März neunzehnhundertachtzig", "date 1980-03-03"),
            ("3. November 1980", "date 1980-11-03"),
            ("am 03.11.2025", "date 2025-11-03"),
        ],
    );
    check(
        "fr",
        &[
            ("le premier mars 1980", "date 1980-03-01"),
            (
                "le trois mars mille neuf cent quatre-vingt",
                "date 1980-03-03",
            ),
        ],
    );
    check("es", &[("el tres de marzo de 1980", "date 1980-03-03")]);
}

#[test]
fn times_and_lengths_of_time() {
    check(
        "en",
        &[
            ("a quarter past three", "time 03:15"),
            ("quarter to one", "time 12:45"),
            ("half past four in the afternoon", "time 16:30"),
            ("half two", "time 02:30"),
            ("4:30 pm", "time 16:30"),
            ("at 16:30", "time 16:30"),
            ("four thirty pm", "time 16:30"),
            ("at four thirty", "time 04:30"),
            ("4 p.m. on May 3rd", "time 16:00 | date --05-03"),
            ("four p m", "time 16:00"),
            ("three o'clock", "time 03:00"),
            ("twenty past six", "time 06:20"),
            ("at ten to five", "time 04:50"),
            ("at noon", "time 12:00"),
            ("12 am", "time 00:00"),
            ("two weeks", "duration P2W"),
            ("within five working days", "duration P5D"),
            ("two and a half hours", "duration PT2.5H"),
            ("half an hour", "duration PT30M"),
            ("an hour and a half", "duration PT1.5H"),
            ("five to ten days", "number 5 | duration P10D"),
            ("half two people", "number 2"),
        ],
    );
    check(
        "de",
        &[
            ("um 15 Uhr 30", "time 15:30"),
            ("zwei Wochen", "duration P2W"),
        ],
    );
}

#[test]
fn phones_postcodes_and_addresses() {
    check(
        "en",
        &[
            ("0 7 7 0 0 9 0 0 1 2 3", "phone 07700900123"),
            (
                "oh double seven double oh nine double oh one two three",
                "phone 07700900123",
            ),
            ("call +44 20 7946 0958", "phone +442079460958"),
            ("call (212) 555-0147.", "phone 2125550147"),
            ("212-555-0147", "phone 2125550147"),
            (
                "plus four four seven seven double oh nine double oh one two three",
                "phone +447700900123",
            ),
            (
                "my phone number is five five five oh one four seven",
                "phone 5550147",
            ),
            ("SW1A 2AA", "postcode SW1A 2AA"),
            ("sw1a 2aa", "postcode SW1A 2AA"),
            ("S W one A two double A", "postcode SW1A 2AA"),
            ("K1A 0B1", "postcode K1A 0B1"),
            ("my zip code is one five two oh one", "postcode 15201"),
            ("one five two oh one", "identifier 15201"),
            (
                "john dot smith at gmail dot com",
                "email john.smith@gmail.com",
            ),
            (
                "it's John.Smith@Example.co.uk.",
                "email john.smith@example.co.uk",
            ),
            (
                "jo.doe+x@mail.example.org now",
                "email jo.doe+x@mail.example.org",
            ),
            ("j o h n at g m x dot de", "email john@gmx.de"),
            (
                "john underscore smith four two at yahoo dot co dot uk",
                "email john_smith42@yahoo.co.uk",
            ),
            (
                "my email is john smith at gmail dot com",
                "email johnsmith@gmail.com",
            ),
            (
                "my email is s as in sugar mith at gmail dot com",
                "email smith@gmail.com",
            ),
            (
                "anna dash lena at mail dot uni hyphen bonn dot de",
                "email anna-lena@mail.uni-bonn.de",
            ),
            (
                "jane doe nineteen eighty at hotmail dot com",
                "email doe1980@hotmail.com",
            ),
            ("M one four B T", "postcode M1 4BT"),
            ("look at gmail dot com", ""),
            ("look at the dot on the map", ""),
            ("I am at home. Then call me", ""),
        ],
    );
    check(
        "de",
        &[(
            "max punkt muster ät web punkt de",
            "email max.muster@web.de",
        )],
    );
    check(
        "fr",
        &[(
            "jean point dupont arobase orange point fr",
            "email jean.dupont@orange.fr",
        )],
    );
}

#[test]
fn words_that_only_look_like_numbers_stay_alone() {
    let alone = [
        "one of them",
        "no one",
        "a second",
        "just a sec",
        "I want to",
        "for you",
        "first of all",
        "one moment",
        "May I have your name",
        "march on",
        "I see",
        "you are",
        "oh no",
        "okay",
        "one second please",
        "oh, I see what you mean",
        "to be or not to be",
        "I, a customer",
        "a second may pass",
        "you may go",
        "the hotel on the corner",
        "Mike called me",
        "Charlie Mike and Oscar",
        "the second one",
        "the third time",
        "in order to pay",
        "a double room",
        "it is what it is",
        "the U.S.A. and the U.K.",
        "e.g. this",
        "I for one",
        "half of it",
        "a quarter of them",
        "no",
        "on the one hand",
        "once or twice",
        "the first of many",
        "as a matter of fact",
        "that's a plus",
        "I'd like a coffee",
        "let's see",
        "at one point",
        "the F B I",
        "be at home at least",
        "what time is it",
        "a b",
    ];
    check("en", &alone.map(|text| (text, "")));
    check(
        "en",
        &[
            ("I have two routers", "number 2"),
            ("I pay twenty nine ninety nine", ""),
            ("press one", "number 1"),
            ("option one please", "number 1"),
            ("twenty two of them", "number 22"),
            ("1,200 units", "number 1200"),
            ("a hundred people", "number 100"),
        ],
    );
    check(
        "de",
        &[
            ("ein Problem mit einer Rechnung", ""),
            ("ich habe zwei Router", "number 2"),
        ],
    );
    check("fr", &[("un problème avec une facture", "")]);
    check("es", &[("una cosa y un problema", "")]);
    check(
        "ja",
        &[(
            "LF902412 a@b.example 16:30 5%",
            "identifier LF902412 | email a@b.example | time 16:30 | percentage 5%",
        )],
    );
}

#[test]
fn the_span_is_that_of_the_words() {
    let text = "Ça coûte 42 € — d’accord? Mail: jo@ex.org";
    let found = annotate(text, Some("fr"));
    let words: Vec<&str> = found.iter().map(|a| a.words(text)).collect();
    assert_eq!(words, ["42 €", "jo@ex.org"]);
    let spelled = "It's Smith, S M I T H.";
    let found = annotate(spelled, None);
    assert_eq!(found[0].words(spelled), "S M I T H");
    assert!(found[0].confidence > 0.9);
    let doubtful = annotate("half two", None);
    assert_eq!(doubtful[0].kind, AnnotationKind::Time);
    assert!(doubtful[0].confidence <= 0.5);
}
