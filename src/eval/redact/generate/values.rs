//! The values: made up, with check digits that are right.

mod codes;
mod lists;

use codes::{card, german, iban, insee, latvian, nino};
use lists::{GIVEN, KINDS, MONTHS, STREETS, SURNAME, TOWNS};

use super::{Dice, Style, say};
use crate::guard::PiiKind;

/// The kind of a slot; `None` where its value is not personal.
pub(super) fn kind(slot: &str) -> Option<PiiKind> {
    Some(match slot {
        "name" | "given" | "surname" | "spelled" => PiiKind::Name,
        "email" => PiiKind::Email,
        "phone" => PiiKind::Phone,
        "card" => PiiKind::Card,
        "cvv" => PiiKind::CardSecurityCode,
        "expiry" => PiiKind::CardExpiry,
        "iban" => PiiKind::Iban,
        "ssn" | "nino" | "latvian" | "german" | "insee" => PiiKind::NationalId,
        "address" | "postcode" => PiiKind::Address,
        "dob" => PiiKind::DateOfBirth,
        "account" | "sort" => PiiKind::Account,
        "passport" => PiiKind::Passport,
        "licence" => PiiKind::DrivingLicence,
        "pin" => PiiKind::Pin,
        "password" => PiiKind::Password,
        "ip" => PiiKind::IpAddress,
        _ => return None,
    })
}

/// A value for a slot.
pub(super) fn value(slot: &str, style: Style, dice: &mut Dice) -> String {
    let written = match slot {
        "name" => format!("{} {}", dice.pick(GIVEN), dice.pick(SURNAME)),
        "given" => dice.pick(GIVEN).to_owned(),
        "surname" => dice.pick(SURNAME).to_owned(),
        "spelled" => return spelled(dice),
        "email" => return email(style, dice),
        "phone" => phone(dice),
        "card" => card(dice),
        "cvv" => dice.digits(3),
        "expiry" => return expiry(style, dice),
        "iban" => iban(dice),
        "ssn" => format!(
            "{}-{:02}-{:04}",
            100 + dice.below(560),
            1 + dice.below(98),
            1 + dice.below(9998)
        ),
        "nino" => nino(dice),
        "latvian" => latvian(dice),
        "german" => german(dice),
        "insee" => insee(dice),
        "address" => return address(style, dice),
        "postcode" => postcode(dice),
        "dob" => return birth(style, dice),
        "account" => dice.digits(8),
        "sort" => format!("{}-{}-{}", dice.digits(2), dice.digits(2), dice.digits(2)),
        "passport" => format!("{}{}", letters(1, dice), dice.digits(8)),
        "licence" => format!("{}{}{}", letters(5, dice), dice.digits(6), letters(2, dice)),
        "pin" => dice.digits(4),
        "password" => format!(
            "{}{}!{}",
            dice.pick(&["Sun", "blue", "Tiger", "xK", "river"]),
            dice.below(9999),
            letters(2, dice)
        ),
        "ip" => format!(
            "{}.{}.{}.{}",
            11 + dice.below(200),
            dice.below(256),
            dice.below(256),
            1 + dice.below(254)
        ),
        "order" => format!("{}{}", dice.pick(&["", "LF", "A-", "#"]), dice.digits(8)),
        "amount" => format!(
            "{}{}.{}",
            dice.pick(&["$", "£", "€"]),
            5 + dice.below(200),
            dice.pick(&["00", "50", "99"])
        ),
        "date" => date(dice),
        "model" => format!("HX-{}", 100 + dice.below(900)),
        "four" => dice.digits(4),
        _ => String::new(),
    };
    let is_word = matches!(slot, "name" | "given" | "surname");
    match style {
        Style::Written => written,
        Style::Chat if is_word || slot == "postcode" => written.to_lowercase(),
        Style::Chat => written,
        Style::Heard if is_word => written.replace('-', " ").to_lowercase(),
        Style::Heard if matches!(slot, "order" | "amount" | "date" | "model" | "four") => {
            written.to_lowercase()
        }
        Style::Heard => match dice.below(4) {
            // Some recognisers write digits.
            0 if slot != "postcode" => written
                .replace(['-', '(', ')', '+'], " ")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            _ => say::code(&written, dice),
        },
    }
}

fn letters(n: usize, dice: &mut Dice) -> String {
    (0..n)
        .map(|_| char::from(b'A' + dice.below(26) as u8))
        .collect()
}

fn spelled(dice: &mut Dice) -> String {
    let name = dice.pick(SURNAME).to_lowercase();
    let letters: Vec<String> = name
        .chars()
        .filter(char::is_ascii_lowercase)
        .map(String::from)
        .collect();
    letters.join(if dice.chance(30) { "-" } else { " " })
}

fn plain(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .filter(char::is_ascii_lowercase)
        .collect()
}

fn email(style: Style, dice: &mut Dice) -> String {
    let (given, surname) = (plain(dice.pick(GIVEN)), plain(dice.pick(SURNAME)));
    let host = dice.pick(&[
        "example",
        "northmail",
        "posteo",
        "blueyonder",
        "inbox",
        "gmail",
        "outlook",
    ]);
    let end = dice.pick(&["com", "org", "net", "de", "lv", "co.uk", "fr"]);
    let number = dice.below(90) + 10;
    if style != Style::Heard {
        let local = match dice.below(4) {
            0 => format!("{given}.{surname}"),
            1 => format!("{surname}{number}"),
            2 => format!("{given}_{surname}+shop"),
            _ => given,
        };
        return format!("{local}@{host}.{end}");
    }
    let number = say::small(number);
    let local = match dice.below(4) {
        0 => format!("{given} dot {surname}"),
        1 => format!("{given} underscore {surname}"),
        2 => format!("{given}{surname} {number}"),
        _ => surname,
    };
    format!("{local} at {host} dot {}", end.replace('.', " dot "))
}

fn phone(dice: &mut Dice) -> String {
    match dice.below(9) {
        0 => format!("+44 7{} {}", dice.digits(3), dice.digits(6)),
        1 => format!("07{} {}", dice.digits(3), dice.digits(6)),
        2 => format!(
            "({}{}) {}{}-{}",
            2 + dice.below(8),
            dice.digits(2),
            2 + dice.below(8),
            dice.digits(2),
            dice.digits(4)
        ),
        3 => format!(
            "{}{}-{}{}-{}",
            2 + dice.below(8),
            dice.digits(2),
            2 + dice.below(8),
            dice.digits(2),
            dice.digits(4)
        ),
        4 => format!("+371 2{} {}", dice.digits(3), dice.digits(4)),
        5 => format!("+49 1{} {}", dice.digits(2), dice.digits(7)),
        6 => format!(
            "0{} {} {} {} {}",
            1 + dice.below(9),
            dice.digits(2),
            dice.digits(2),
            dice.digits(2),
            dice.digits(2)
        ),
        7 => format!(
            "+1 {}{} {}{} {}",
            2 + dice.below(8),
            dice.digits(2),
            2 + dice.below(8),
            dice.digits(2),
            dice.digits(4)
        ),
        _ => format!(
            "{}{}{}{}",
            2 + dice.below(8),
            dice.digits(2),
            2 + dice.below(8),
            dice.digits(6)
        ),
    }
}

fn expiry(style: Style, dice: &mut Dice) -> String {
    let (month, year) = (1 + dice.below(12), 26 + dice.below(8));
    match style {
        Style::Heard => {
            let first = if month < 10 {
                format!("oh {}", say::small(month))
            } else {
                say::small(month)
            };
            format!("{first} {}", say::small(year))
        }
        _ if dice.chance(50) => format!("{month:02}/{year}"),
        _ => format!("{month:02}/20{year}"),
    }
}

fn postcode(dice: &mut Dice) -> String {
    match dice.below(4) {
        0 | 1 => {
            let area = dice.pick(&["NR", "SN", "SA", "IV", "EH", "BS", "M"]);
            let behind = ["AB", "DE", "GH", "JL", "NP", "QR", "UW"];
            format!(
                "{area}{} {}{}",
                1 + dice.below(29),
                dice.below(10),
                dice.pick(&behind)
            )
        }
        2 => format!("LV-{}", 1000 + dice.below(4000)),
        _ => format!("{}", 10000 + dice.below(89999)),
    }
}

fn address(style: Style, dice: &mut Dice) -> String {
    let number = 1 + dice.below(999);
    let street = format!("{} {}", dice.pick(STREETS), dice.pick(KINDS));
    if style == Style::Heard {
        let number = match number {
            1..=99 => say::small(number),
            _ if number % 100 < 10 => format!(
                "{} oh {}",
                say::small(number / 100),
                say::small(number % 10)
            ),
            _ => format!("{} {}", say::small(number / 100), say::small(number % 100)),
        };
        return format!("{number} {}", street.to_lowercase());
    }
    let town = dice.pick(TOWNS);
    let text = match dice.below(8) {
        0 | 1 => format!("{number} {street}, {town}"),
        2 => format!("{number} {street}, {town}, TX {}", 70000 + dice.below(9999)),
        3 => format!(
            "Flat {}, {number} {street}, {town} NR{} 2AB",
            1 + dice.below(40),
            1 + dice.below(19)
        ),
        4 => format!(
            "{} {}, {} {}",
            dice.pick(&["Lindenstraße", "Goetheweg", "Am Mühlbach", "Schillerplatz"]),
            1 + dice.below(120),
            10115 + dice.below(70000),
            dice.pick(&["Potsdam", "Würzburg", "Kassel"])
        ),
        5 => format!(
            "{} {}-{}, {}, LV-{}",
            dice.pick(&["Krasta iela", "Tallinas iela", "Ozolu iela"]),
            1 + dice.below(99),
            1 + dice.below(60),
            dice.pick(&["Rīga", "Cēsis", "Ventspils"]),
            1000 + dice.below(4000)
        ),
        6 => format!(
            "{} {} {}, {} {}",
            1 + dice.below(120),
            dice.pick(&["rue", "avenue", "quai"]),
            dice.pick(&["des Lilas", "Jean Moulin", "du Moulin"]),
            10000 + dice.below(80000),
            dice.pick(&["Grenoble", "Rennes", "Dijon"])
        ),
        _ => format!("{number} {street}"),
    };
    if style == Style::Chat {
        text.to_lowercase()
    } else {
        text
    }
}

fn date(dice: &mut Dice) -> String {
    let (day, month) = (1 + dice.below(28), dice.below(12));
    match dice.below(3) {
        0 => format!("{day}/{:02}/2025", month + 1),
        1 => format!("2025-{:02}-{day:02}", month + 1),
        _ => format!("{day} {}", MONTHS.get(month).copied().unwrap_or_default()),
    }
}

fn birth(style: Style, dice: &mut Dice) -> String {
    let (day, month, year) = (1 + dice.below(28), dice.below(12), 1935 + dice.below(70));
    let name = MONTHS.get(month).copied().unwrap_or_default();
    if style == Style::Heard {
        return say::day(day, &name.to_lowercase(), year, dice);
    }
    match dice.below(5) {
        0 => format!("{day:02}/{:02}/{year}", month + 1),
        1 => format!("{year}-{:02}-{day:02}", month + 1),
        2 => format!("{day:02}.{:02}.{year}", month + 1),
        3 => format!("{name} {day}, {year}"),
        _ => format!("{day} {name} {year}"),
    }
}
