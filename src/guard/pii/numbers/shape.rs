//! What numbers look like.

use crate::guard::pii::code::Item;

pub(super) fn is_expiry(items: &[Item], chars: &str) -> bool {
    let month = |text: &str| text.parse::<u32>().is_ok_and(|m| (1..=12).contains(&m));
    match items {
        [one] => {
            (one.chars.len() == 4 || one.chars.len() == 6) && one.chars.get(..2).is_some_and(month)
        }
        [first, rest @ ..] => {
            let year: usize = rest.iter().map(|item| item.chars.len()).sum();
            (first.chars.len() <= 2 && month(&first.chars) && matches!(year, 2 | 4))
                || (chars.len() == 4 && chars.get(..2).is_some_and(month))
        }
        [] => false,
    }
}

/// Days, and times behind them, as numbers.
pub(super) fn is_date(items: &[Item], lengths: &[usize]) -> bool {
    let separated = items
        .iter()
        .skip(1)
        .take(2)
        .all(|item| matches!(item.mark, Some('-' | '/' | '.')));
    let number = |at: usize| {
        items
            .get(at)
            .and_then(|item| item.chars.parse::<u32>().ok())
            .unwrap_or(99)
    };
    separated
        && match lengths {
            [4, 2, 2, ..] => number(1) <= 12 && number(2) <= 31,
            [1 | 2, 1 | 2, 4, ..] | [1 | 2, 1 | 2, 2] => number(0) <= 31 && number(1) <= 31,
            _ => false,
        }
}

pub(super) fn is_phone(items: &[Item], chars: &str, lengths: &[usize], spoken: bool) -> bool {
    let n = chars.len();
    let at = |i: usize| chars.as_bytes().get(i).copied().unwrap_or(b'0');
    let north_american = |from: usize| n == from + 10 && at(from) >= b'2' && at(from + 3) >= b'2';
    if spoken {
        return (10..=12).contains(&n) && items.iter().skip(1).all(|item| item.gap <= 2);
    }
    match lengths {
        [_] => {
            ((9..=14).contains(&n) && chars.starts_with('0') && !chars.starts_with("000"))
                || north_american(0)
                || (at(0) == b'1' && north_american(1))
        }
        [3, 4] => items.iter().skip(1).all(|item| item.mark == Some('-')),
        _ => {
            let close = items
                .iter()
                .skip(1)
                .all(|item| item.gap <= 1 && item.mark != Some('/') && item.mark != Some('_'));
            let groups = lengths.iter().skip(1).all(|len| {
                (2..=5).contains(len) || (chars.starts_with('0') && *len <= 7 && *len >= 2)
            }) && lengths.iter().any(|len| *len >= 2);
            let first = lengths.first().is_some_and(|len| *len <= 5);
            close && first && groups && (8..=14).contains(&n) && lengths.len() <= 6
        }
    }
}

pub(super) fn is_italian_code(chars: &str) -> bool {
    chars.len() == 16
        && chars.bytes().enumerate().all(|(i, b)| match i {
            0..=5 | 8 | 11 | 15 => b.is_ascii_alphabetic(),
            _ => b.is_ascii_digit(),
        })
}

pub(super) fn is_indian_pan(chars: &str) -> bool {
    chars.bytes().enumerate().all(|(i, b)| match i {
        0..=4 | 9 => b.is_ascii_alphabetic(),
        _ => b.is_ascii_digit(),
    })
}
