//! Numbers with check digits that are right.

use super::{Dice, letters};

pub(super) fn card(dice: &mut Dice) -> String {
    let (head, length) = match dice.below(4) {
        0 | 1 => ("4".to_owned(), 16),
        2 => (format!("5{}", 1 + dice.below(5)), 16),
        _ => ("37".to_owned(), 15),
    };
    let body = format!("{head}{}", dice.digits(length - 1 - head.len()));
    let sum: usize = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let d = usize::from(b - b'0');
            if i % 2 == 1 {
                d
            } else if d > 4 {
                2 * d - 9
            } else {
                2 * d
            }
        })
        .sum();
    let digits = format!("{body}{}", (10 - sum % 10) % 10);
    let groups: &[usize] = if length == 15 {
        &[4, 6, 5]
    } else {
        &[4, 4, 4, 4]
    };
    match dice.below(3) {
        0 => digits,
        1 => grouped(&digits, groups, "-"),
        _ => grouped(&digits, groups, " "),
    }
}

fn grouped(digits: &str, groups: &[usize], separator: &str) -> String {
    let mut from = 0;
    let parts: Vec<&str> = groups
        .iter()
        .map(|len| {
            from += len;
            digits.get(from - len..from).unwrap_or_default()
        })
        .collect();
    parts.join(separator)
}

pub(super) fn iban(dice: &mut Dice) -> String {
    let (country, body) = match dice.below(5) {
        0 => ("DE", dice.digits(18)),
        1 => ("GB", format!("{}{}", letters(4, dice), dice.digits(14))),
        2 => ("LV", format!("{}{}", letters(4, dice), dice.digits(13))),
        3 => ("NL", format!("{}{}", letters(4, dice), dice.digits(10))),
        _ => ("FR", dice.digits(23)),
    };
    let remainder = format!("{body}{country}00")
        .chars()
        .filter_map(|c| c.to_digit(36))
        .fold(0_u64, |acc, v| {
            (acc * if v > 9 { 100 } else { 10 } + u64::from(v)) % 97
        });
    let code = format!("{country}{:02}{body}", 98 - remainder);
    if dice.chance(50) {
        return code;
    }
    let chars: Vec<char> = code.chars().collect();
    chars
        .chunks(4)
        .map(String::from_iter)
        .collect::<Vec<_>>()
        .join(" ")
}

pub(super) fn nino(dice: &mut Dice) -> String {
    let first = dice.pick(&["AB", "CE", "HJ", "LM", "PR", "ST", "WX"]);
    let last = dice.pick(&["A", "B", "C", "D"]);
    let digits = dice.digits(6);
    match dice.chance(50) {
        true => format!("{first}{digits}{last}"),
        false => format!("{first} {} {last}", grouped(&digits, &[2, 2, 2], " ")),
    }
}

pub(super) fn latvian(dice: &mut Dice) -> String {
    let body = format!(
        "{:02}{:02}{:02}{}{}",
        1 + dice.below(28),
        1 + dice.below(12),
        40 + dice.below(60),
        1,
        dice.digits(3)
    );
    let weights = [1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body
        .chars()
        .filter_map(|c| c.to_digit(10))
        .zip(weights)
        .map(|(d, w)| d * w)
        .sum();
    let digits = format!("{body}{}", (1101 - sum) % 11 % 10);
    grouped(&digits, &[6, 5], "-")
}

pub(super) fn german(dice: &mut Dice) -> String {
    let body = format!("{}{}", 1 + dice.below(9), dice.digits(9));
    let product = body
        .chars()
        .filter_map(|c| c.to_digit(10))
        .fold(10, |product, digit| {
            let sum = (digit + product) % 10;
            (if sum == 0 { 10 } else { sum }) * 2 % 11
        });
    let digits = format!("{body}{}", (11 - product) % 10);
    if dice.chance(50) {
        digits
    } else {
        grouped(&digits, &[2, 3, 3, 3], " ")
    }
}

pub(super) fn insee(dice: &mut Dice) -> String {
    let body = format!(
        "{}{:02}{:02}{:02}{}{}",
        1 + dice.below(2),
        40 + dice.below(60),
        1 + dice.below(12),
        1 + dice.below(95),
        dice.digits(3),
        dice.digits(3)
    );
    let key = 97 - body.parse::<u64>().unwrap_or_default() % 97;
    let digits = format!("{body}{key:02}");
    if dice.chance(50) {
        digits
    } else {
        grouped(&digits, &[1, 2, 2, 2, 3, 3, 2], " ")
    }
}
