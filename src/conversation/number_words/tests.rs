use super::*;

fn read(text: &str, tongue: Tongue) -> Option<(u64, usize)> {
    let words: Vec<&str> = text.split([' ', '-']).collect();
    cardinal(&words, tongue)
}

#[test]
fn english_numbers_end_where_the_next_one_begins() {
    for (text, value, used) in [
        ("zero", 0, 1),
        ("forty-two", 42, 2),
        ("four four one", 4, 1),
        ("nineteen eighty four", 19, 1),
        ("eighty four", 84, 2),
        ("twenty twenty", 20, 1),
        ("two hundred and fifty dollars", 250, 4),
        ("two hundred and then", 200, 2),
        ("a hundred pounds", 100, 2),
        ("nineteen hundred and eighty", 1980, 4),
        ("two thousand and five", 2005, 4),
        ("one thousand two hundred", 1200, 4),
        ("one hundred thousand", 100_000, 3),
        ("three million two hundred thousand and one", 3_200_001, 7),
        ("one zero", 1, 1),
        ("twenty zero", 20, 1),
        ("twenty ten", 20, 1),
    ] {
        assert_eq!(read(text, Tongue::English), Some((value, used)), "{text}");
    }
    for text in ["a", "a dog", "hundred", "and two", "thousand", "once", ""] {
        assert_eq!(read(text, Tongue::English), None, "{text}");
    }
}

#[test]
fn german_french_and_spanish_numbers_are_read() {
    for (text, tongue, value, used) in [
        ("zweiundvierzig", Tongue::German, 42, 1),
        ("neunzehnhundertvierundachtzig", Tongue::German, 1984, 1),
        ("zweitausendfünf", Tongue::German, 2005, 1),
        ("dreißig", Tongue::German, 30, 1),
        ("hundertzwanzig", Tongue::German, 120, 1),
        ("vier vier eins", Tongue::German, 4, 1),
        ("zwei hundert", Tongue::German, 200, 2),
        ("quatre-vingt-dix-neuf", Tongue::French, 99, 4),
        ("quatre-vingts", Tongue::French, 80, 2),
        ("soixante et onze", Tongue::French, 71, 3),
        ("dix-sept", Tongue::French, 17, 2),
        ("dix deux", Tongue::French, 10, 1),
        ("vingt et un", Tongue::French, 21, 3),
        ("mille neuf cent quatre-vingt", Tongue::French, 1980, 5),
        ("deux cent cinquante", Tongue::French, 250, 3),
        ("cuarenta y dos", Tongue::Spanish, 42, 3),
        ("mil novecientos ochenta y cuatro", Tongue::Spanish, 1984, 5),
        ("doscientas cincuenta", Tongue::Spanish, 250, 2),
        ("veinticinco", Tongue::Spanish, 25, 1),
    ] {
        assert_eq!(read(text, tongue), Some((value, used)), "{text}");
    }
    assert_eq!(read("hundundert", Tongue::German), None);
    assert_eq!(read(&"ein".repeat(5000), Tongue::German), None);
}

#[test]
fn ordinals_repeats_and_tags() {
    let day = |text: &str, tongue| {
        let words: Vec<&str> = text.split([' ', '-']).collect();
        ordinal_at(&words, tongue)
    };
    assert_eq!(day("third", Tongue::English), Some((3, 1)));
    assert_eq!(day("twenty-first", Tongue::English), Some((21, 2)));
    assert_eq!(day("thirtieth", Tongue::English), Some((30, 1)));
    assert_eq!(day("twenty tenth", Tongue::English), None);
    assert_eq!(day("dritten", Tongue::German), Some((3, 1)));
    assert_eq!(day("einundzwanzigsten", Tongue::German), Some((21, 1)));
    assert_eq!(day("siebzehnter", Tongue::German), Some((17, 1)));
    assert_eq!(day("achten", Tongue::German), Some((8, 1)));
    assert_eq!(day("besten", Tongue::German), None);
    assert_eq!(day("premier", Tongue::French), Some((1, 1)));
    assert_eq!(repeats("treble"), Some(3));
    assert!(is_spoken_zero("oh", Tongue::English) && !is_spoken_zero("oh", Tongue::German));
    assert_eq!(Tongue::of_tag("en-GB"), Some(Tongue::English));
    assert_eq!(Tongue::of_tag("DE"), Some(Tongue::German));
    assert_eq!(Tongue::of_tag("tlh"), None);
}
