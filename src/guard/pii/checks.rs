//! Check digits of numbers that have them. Every function takes digits (or letters and digits) without separators.

/// ISO/IEC 7812: the Luhn check.
pub(super) fn luhn(digits: &str) -> bool {
    let sum: u32 = values(digits)
        .rev()
        .enumerate()
        .map(|(i, d)| match (i % 2, d) {
            (0, _) => d,
            (_, 5..) => 2 * d - 9,
            _ => 2 * d,
        })
        .sum();
    sum.is_multiple_of(10) && values(digits).any(|d| d != 0)
}

/// A payment card: the Luhn check and a first digit and length that networks use.
pub(super) fn card(digits: &str) -> bool {
    let fits = match digits.as_bytes().first() {
        Some(b'4') => matches!(digits.len(), 13 | 16 | 19),
        Some(b'3') => (14..=16).contains(&digits.len()),
        Some(b'2' | b'5') => digits.len() == 16,
        Some(b'6') => (13..=19).contains(&digits.len()),
        _ => false,
    };
    fits && luhn(digits)
}

/// ISO 13616: the remainder of an IBAN by 97 is 1.
pub(super) fn iban(code: &str) -> bool {
    let shape = code.len() >= 15
        && code.len() <= 34
        && code.bytes().all(|b| b.is_ascii_alphanumeric())
        && code.bytes().take(2).all(|b| b.is_ascii_alphabetic())
        && code.bytes().skip(2).take(2).all(|b| b.is_ascii_digit());
    if !shape {
        return false;
    }
    let (head, tail) = code.split_at(4);
    let remainder = tail
        .chars()
        .chain(head.chars())
        .filter_map(|c| c.to_digit(36))
        .fold(0_u64, |acc, value| {
            let shift = if value > 9 { 100 } else { 10 };
            (acc * shift + u64::from(value)) % 97
        });
    remainder == 1
}

/// A United States social security number in the places that were given out.
pub(super) fn ssn(digits: &str) -> bool {
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    digits.len() == 9
        && !matches!(part(0..3), "000" | "666")
        && !digits.starts_with('9')
        && part(3..5) != "00"
        && part(5..9) != "0000"
}

/// A United Kingdom national insurance number: two letters, six digits, a letter from A to D.
pub(super) fn national_insurance(code: &str) -> bool {
    let bytes = code.as_bytes();
    bytes.len() == 9
        && bytes.iter().take(2).all(u8::is_ascii_uppercase)
        && bytes.iter().skip(2).take(6).all(u8::is_ascii_digit)
        && matches!(bytes.last(), Some(b'A'..=b'D'))
        && !matches!(bytes.first(), Some(b'D' | b'F' | b'I' | b'Q' | b'U' | b'V'))
}

/// The French number of social security: thirteen digits and 97 less their remainder by 97.
pub(super) fn insee(digits: &str) -> bool {
    let (Some(Ok(number)), Some(Ok(key))) = (
        digits.get(..13).map(str::parse::<u64>),
        digits.get(13..).map(str::parse::<u64>),
    ) else {
        return false;
    };
    digits.len() == 15
        && matches!(digits.as_bytes().first(), Some(b'1' | b'2'))
        && key == 97 - number % 97
}

/// The German tax identification number (ISO 7064, MOD 11,10).
pub(super) fn german_tax_id(digits: &str) -> bool {
    if digits.len() != 11 || digits.starts_with('0') {
        return false;
    }
    let product = values(digits).take(10).fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    values(digits).last() == Some((11 - product) % 10)
}

/// A Latvian personal code: a day of birth or `32`, and the check digit of the old ones.
pub(super) fn latvian(digits: &str) -> bool {
    if digits.len() != 11 {
        return false;
    }
    if digits.starts_with("32") {
        return true;
    }
    let weights = [1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = values(digits).zip(weights).map(|(d, w)| d * w).sum();
    let day = number(digits, 0..2);
    let month = number(digits, 2..4);
    let check = (1101 - sum) % 11 % 10;
    (1..=31).contains(&day) && (1..=12).contains(&month) && values(digits).last() == Some(check)
}

/// An Estonian or Lithuanian personal code: sex and century, day of birth, check digit.
pub(super) fn baltic(digits: &str) -> bool {
    let first = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1];
    let second = [3, 4, 5, 6, 7, 8, 9, 1, 2, 3];
    let sum =
        |weights: [u32; 10]| values(digits).zip(weights).map(|(d, w)| d * w).sum::<u32>() % 11;
    let check = match (sum(first), sum(second)) {
        (10, 10) => 0,
        (10, check) | (check, _) => check,
    };
    digits.len() == 11
        && matches!(digits.as_bytes().first(), Some(b'1'..=b'6'))
        && (1..=12).contains(&number(digits, 3..5))
        && (1..=31).contains(&number(digits, 5..7))
        && values(digits).last() == Some(check)
}

/// The Polish PESEL.
pub(super) fn pesel(digits: &str) -> bool {
    let weights = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1];
    let sum: u32 = values(digits).zip(weights).map(|(d, w)| d * w).sum();
    digits.len() == 11
        && (1..=12).contains(&(number(digits, 2..4) % 20))
        && (1..=31).contains(&number(digits, 4..6))
        && sum.is_multiple_of(10)
}

/// The Brazilian CPF.
pub(super) fn cpf(digits: &str) -> bool {
    let check = |n: usize| {
        let sum: u32 = values(digits)
            .take(n)
            .enumerate()
            .map(|(i, d)| d * (n as u32 + 1 - i as u32))
            .sum();
        sum * 10 % 11 % 10
    };
    digits.len() == 11
        && values(digits).nth(9) == Some(check(9))
        && values(digits).nth(10) == Some(check(10))
}

/// The Spanish DNI or NIE: digits and the letter of their remainder by 23.
pub(super) fn dni(code: &str) -> bool {
    const LETTERS: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let (head, letter) = code.split_at(code.len().saturating_sub(1));
    let digits = match head.as_bytes().first() {
        Some(b'X') => head.replacen('X', "0", 1),
        Some(b'Y') => head.replacen('Y', "1", 1),
        Some(b'Z') => head.replacen('Z', "2", 1),
        _ => head.to_owned(),
    };
    digits.len() == 8
        && digits
            .parse::<usize>()
            .is_ok_and(|n| LETTERS.get(n % 23) == letter.as_bytes().first())
}

/// A day and a month stand at the beginning.
pub(super) fn begins_with_day(digits: &str) -> bool {
    (1..=31).contains(&number(digits, 0..2)) && (1..=12).contains(&number(digits, 2..4))
}

fn values(digits: &str) -> impl DoubleEndedIterator<Item = u32> + '_ {
    digits.chars().filter_map(|c| c.to_digit(10))
}

fn number(digits: &str, range: std::ops::Range<usize>) -> u32 {
    digits
        .get(range)
        .and_then(|part| part.parse().ok())
        .unwrap_or_default()
}
