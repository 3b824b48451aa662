//! Postal addresses: street lines of several countries, postcodes, what follows "my address is".

use std::sync::LazyLock;

use regex::Regex;

use super::code::{self, Run};
use super::token::{Class, Token};
use super::words::is_common;
use super::{Candidate, PiiKind, rank};

/// Words that only streets end with.
const STREET: [&str; 33] = [
    "street", "st", "str", "road", "rd", "avenue", "ave", "av", "lane", "ln", "boulevard", "blvd", "crescent", "terrace", "parkway",
    "pkwy", "highway", "hwy", "mews", "grove", "gardens", "alley", "quay", "esplanade", "broadway", "turnpike", "freeway",
    "trail", "square", "sq", "wharf", "parade", "bypass",
];
/// Words that streets may end with, and much else.
const WEAK_STREET: [&str; 24] = [
    "drive", "dr", "court", "ct", "way", "place", "pl", "close", "park", "hill", "row", "walk", "circle", "cir", "loop", "path", "rise",
    "green", "view", "garden", "heights", "ridge", "plaza", "run",
];
const STATES: [&str; 114] = [
    "al", "ak", "az", "ar", "ca", "co", "ct", "dc", "de", "fl", "ga", "hi", "id", "il", "in", "ia", "ks", "ky", "la", "me", "md", "ma",
    "mi", "mn", "ms", "mo", "mt", "ne", "nv", "nh", "nj", "nm", "ny", "nc", "nd", "oh", "ok", "or", "pa", "ri", "sc", "sd", "tn", "tx",
    "ut", "vt", "va", "wa", "wv", "wi", "wy", "on", "qc", "bc", "ab", "mb", "sk", "ns", "nb", "nl", "nsw", "vic", "qld", "tas",
    "alabama", "alaska", "arizona", "arkansas", "california", "colorado", "connecticut", "delaware", "florida", "georgia",
    "hawaii", "idaho", "illinois", "indiana", "iowa", "kansas", "kentucky", "louisiana", "maine", "maryland",
    "massachusetts", "michigan", "minnesota", "mississippi", "missouri", "montana", "nebraska", "nevada", "hampshire",
    "jersey", "mexico", "york", "carolina", "dakota", "ohio", "oklahoma", "oregon", "pennsylvania", "tennessee", "texas",
    "utah", "vermont", "virginia", "washington", "wisconsin", "wyoming", "ontario", "quebec", "alberta", "manitoba",
];
const UNIT: [&str; 16] = [
    "apartment", "apt", "flat", "unit", "suite", "ste", "floor", "room", "house", "building", "bldg", "block", "appartement", "wohnung", "piso", "dz",
];

static CUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:(?:home |mailing |postal |billing |shipping |delivery |street |new |old |current |my |the |full )*address(?: on file)?(?: is| was|:|'s| to| as)|i (?:live|reside|stay)(?: at| on| in)|(?:i'm|we're|i am|we are) (?:at|on)|living (?:at|on)|lives (?:at|on)|we live (?:at|on)|(?:moved|moving|relocated|move|send it|deliver it|ship it|ship|deliver|sent|delivered|shipped|mail it|come|going) (?:it )?to|located at|property at|residing at|resident at|based at|adresse (?:ist|est|lautet)|adresse:|j'habite(?: au)?|wohne (?:in(?: der)?|am|im)|wohnhaft|vivo en|adrese ir|dzīvoju)\s*:?").ok()
});

/// Written forms with the street's kind inside or before the name, and postcodes that stand alone.
static FORMS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let name = r"[\p{L}'’.-]+";
    let city = r"(?:,?\s+(?:[A-Z]{1,2}-)?\d{4,5}(?:\s?[A-Z]{2}\b)?,?\s+\p{L}[\p{L}-]+(?:[ -]\p{Lu}[\p{L}-]+){0,2})?";
    let sources = [
        // German, Dutch, Nordic: the kind ends the name.
        format!(r"\b(?:\p{{Lu}}[\p{{L}}-]*\s)?(?:\p{{L}}{{2,}}(?:straße|strasse|strase|str\.|weg|platz|allee|gasse|damm|ufer|chaussee|promenade|straat|laan|plein|gracht|kade|singel|dreef|gatan|vägen|gata|vegen|veien|katu)|\p{{Lu}}\p{{L}}+(?:gade|vej|tie|ring)|\p{{Lu}}\p{{L}}+(?:er|en)? (?:Straße|Strasse|Str\.|Weg|Platz|Allee|Ring|Damm|Ufer|Chaussee|Gasse)|(?:Am|An der|Im|Zum|Zur|In der)\s\p{{Lu}}\p{{L}}+(?: \p{{Lu}}\p{{L}}+)?) ?\d{{1,4}}(?:\s?[a-hA-H]\b)?(?:\s?[-/]\s?\d{{1,4}})?{city}"),
        // Romance: the kind comes first.
        format!(r"(?i)\b(?:\d{{1,4}}(?:\s?(?:bis|ter))?,?\s+)?(?:rue|avenue|boulevard|bd|place|chemin|impasse|allée|allee|quai|cours|route|square|passage|faubourg|calle|c/|avenida|avda\.?|plaza|paseo|carrer|via|viale|piazza|corso|vicolo|rua|travessa|praça|largo)\s+(?:(?:de|du|des|la|le|les|el|los|las|del|della|di|dei|do|da|dos|saint|sainte|san|santa)\s|[dl]['’]){{0,3}}{name}(?:[ -](?-i:\p{{Lu}}){name}){{0,3}}(?:,?\s*(?:n[º°.o]\s*)?\d{{1,4}}(?:\s?[a-h]\b)?)?(?-i:{city})"),
        // Latvian, Lithuanian, Estonian, Polish, Czech.
        format!(r"(?i)\b(?:(?-i:\p{{Lu}})\p{{L}}+\s)?\p{{L}}+\s+(?:iel[aāu]s?|ielā|prospekt[sāau]?|bulvār[isīia]+|gatv[eēė]s?|laukum[sāa]|tänav|g\.|pr\.)\s*\d{{1,4}}(?:\s?[a-h]\b)?(?:\s?[-/]\s?\d{{1,4}})?(?:,?\s*(?:dz\.?|dzīvoklis)\s*\d{{1,4}})?(?:,\s*\p{{L}}+)?(?:,?\s*LV[- ]?\d{{4}})?"),
        format!(r"(?i)\b(?:ul\.|ulica|aleja|al\.|os\.|plac)\s+\p{{L}}+(?:\s\p{{L}}+)?\s+\d{{1,4}}(?:\s?[a-h]\b)?(?:\s?[/m.]{{1,3}}\s?\d{{1,4}})?(?:,?\s*\d{{2}}-\d{{3}}\s+\p{{L}}+)?"),
        r"(?i)\bp\.?\s?o\.?\s?box\s*\d{1,7}(?:,\s*\p{L}+(?:\s\p{L}+)?)?|\bpostfach\s*\d{2,7}".to_owned(),
        // Postcodes: United Kingdom, Latvia, Lithuania, Netherlands, Canada, United States with the state.
        r"\b(?:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|[a-z]{1,2}\d[a-z\d]? \d[abd-hjln-uw-z]{2}|[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2})\b".to_owned(),
        r"(?i)\bLV[- ]?\d{4}\b|\bLT[- ]\d{5}\b|\b[abceghj-nprstvxy]\d[a-z] ?\d[a-z]\d\b".to_owned(),
        r"\b[1-9]\d{3} ?[A-Z]{2}\b(?:,? \p{Lu}\p{L}+)?".to_owned(),
        r"\b(?:[A-Z][\p{L}.]+(?: [A-Z][\p{L}.]+){0,2},? )?(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]),? \d{5}(?:-\d{4})?\b".to_owned(),
        r"\b(?:D-|F-|A-|CH-)?\d{4,5} (?:\p{Lu}\p{L}+(?:stadt|burg|berg|heim|hausen|furt|feld|dorf|bach)|Berlin|Hamburg|München|Köln|Frankfurt|Stuttgart|Leipzig|Dresden|Bremen|Hannover|Bonn|Wien|Zürich|Bern|Paris|Lyon|Marseille|Toulouse|Nice|Nantes|Lille|Bordeaux|Strasbourg|Madrid|Barcelona|Valencia|Sevilla|Roma|Milano|Torino|Napoli|Amsterdam|Rotterdam|Wrocław|Warszawa|Kraków)\b".to_owned(),
    ];
    sources.iter().filter_map(|source| Regex::new(source).ok()).collect()
});

static TAIL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let unit = r"(?:apartment|apt\.?|flat|unit|suite|ste\.?|floor|room|#)\s?(?:number\s)?[\w-]+";
    let post = r"(?:[A-Za-z]{1,2}\d[A-Za-z\d]? ?\d[A-Za-z]{2}|[A-Za-z]\d[A-Za-z] ?\d[A-Za-z]\d|(?:LV-?)?\d{4,5}(?:-\d{4})?|\d{4} ?[A-Z]{2})";
    let city = r"\p{Lu}[\p{L}'.-]*(?:[ -](?:\p{Lu}[\p{L}'.-]*|upon|on|under|le|de|la)){0,3}";
    let state = r"(?:[A-Z]{2,3}|\p{Lu}\p{L}+(?: \p{Lu}\p{L}+)?)";
    Regex::new(&format!(
        r"^(?:,?\s+{unit}\b)?(?:(?:\s*,\s*|\s*\n\s*){city})?(?:(?:\s*,\s*|\s*\n\s*){city})?(?:,?\s+{state})?(?:(?:\s*,\s*|\s+){post}\b)|^(?:,?\s+{unit}\b)?(?:(?:\s*,\s*){city}\b){{1,3}}|^,?\s+{unit}\b"
    ))
    .ok()
});

/// Addresses.
pub(super) fn find(text: &str, tokens: &[Token<'_>], runs: &[Run]) -> Vec<Candidate> {
    let mut found = Vec::new();
    let has_upper = text.chars().any(char::is_uppercase);
    let cued: Vec<usize> = CUE.iter().flat_map(|cue| cue.find_iter(text)).map(|m| m.end()).collect();
    for run in runs {
        let near = |start: usize| cued.iter().any(|end| *end <= start && start - end < 30);
        street_line(text, tokens, run, has_upper, &near, &mut found);
    }
    for cue in &cued {
        behind_cue(text, tokens, *cue, &mut found);
    }
    for form in FORMS.iter() {
        for matched in form.find_iter(text) {
            let shown = matched.as_str();
            // "place" and "via" are words too.
            let has_number = shown.bytes().any(|b| b.is_ascii_digit());
            if has_number {
                found.push(address(matched.start()..matched.end(), rank::ADDRESS));
            }
        }
    }
    found
}

fn address(range: std::ops::Range<usize>, rank: u8) -> Candidate {
    Candidate {
        kind: PiiKind::Address,
        range,
        rank,
    }
}

/// A number, one to four words, a word for a street; and what follows it.
fn street_line(
    text: &str,
    tokens: &[Token<'_>],
    run: &Run,
    has_upper: bool,
    near: &dyn Fn(usize) -> bool,
    found: &mut Vec<Candidate>,
) {
    let Some(last) = run.iter().rposition(|item| item.is_digits) else {
        return;
    };
    let items = run.get(..=last).unwrap_or_default();
    let mut first = last;
    // House numbers are short: "one twenty three", "12 34" are one.
    let mut digits = items.last().map_or(0, |item| item.chars.len());
    while let Some(item) = first.checked_sub(1).and_then(|at| items.get(at)) {
        let joins = items.get(first).is_some_and(|i| i.gap <= 1 && (i.spoken || i.gap == 0) && item.is_digits);
        if !joins || digits + item.chars.len() > 5 {
            break;
        }
        digits += item.chars.len();
        first -= 1;
    }
    if digits > 6 {
        return;
    }
    let number_end = items.last().map_or(0, |item| item.tokens.end);
    // A letter belongs to the house number ("12 b").
    let letter = tokens.get(number_end).is_some_and(|t| t.letter().is_some() && !t.is("n") && !t.is("s"));
    let from = number_end + usize::from(letter);
    let start = code::range(items.get(first..).unwrap_or_default(), tokens).start;
    let Some(street) = street_end(tokens, from, has_upper, near(start)) else {
        return;
    };
    let start = unit_before(tokens, items.get(first).map_or(0, |item| item.tokens.start)).unwrap_or(start);
    let end = tokens.get(street - 1).map_or(start, |t| t.range.end);
    found.push(address(start..extended(text, tokens, street, end, has_upper), rank::STREET));
}

/// One past the word for a street behind a house number.
fn street_end(tokens: &[Token<'_>], from: usize, has_upper: bool, near: bool) -> Option<usize> {
    let mut words = 0;
    let mut capitals = 0;
    for (offset, token) in tokens.get(from..)?.iter().enumerate().take(7) {
        let lower = token.lower.as_str();
        match token.class {
            Class::Word => {
                let strong = STREET.contains(&lower) && words > 0;
                let weak = WEAK_STREET.contains(&lower)
                    && words > 0
                    && (near
                        || (has_upper && capitals == words && token.is_capital())
                        || (!has_upper && matches!(lower, "way" | "drive" | "close" | "court" | "place" | "dr" | "ct")));
                // "12 Saint James Street": the first one is no end.
                let ends_here = (strong || weak)
                    && !(tokens.get(from + offset + 1).is_some_and(|next| STREET.contains(&next.lower.as_str())));
                if ends_here {
                    let dot = tokens.get(from + offset + 1).is_some_and(|t| t.is_mark(".") && t.glued)
                        && tokens.get(from + offset + 2).is_some_and(|t| t.is_mark(",") || t.class == Class::Digits);
                    return Some(from + offset + 1 + usize::from(dot));
                }
                if is_common(lower) && !(has_upper && token.is_capital()) && !matches!(lower, "the" | "old" | "new" | "high" | "main" | "park" | "north" | "south" | "east" | "west" | "first" | "second" | "third" | "great" | "long" | "upper" | "lower" | "green" | "white" | "hill" | "st" | "king" | "queen" | "of" | "church" | "station" | "mill" | "bank" | "water" | "field") {
                    return None;
                }
                words += 1;
                capitals += usize::from(token.is_capital());
                if words > 5 {
                    return None;
                }
            }
            // "123 4th Street", "12 West 5th Avenue".
            Class::Digits if token.text.len() <= 3 => {
                words += 1;
                capitals += 1;
            }
            Class::Mark if matches!(token.text, "." | "'" | "-") || (token.is_mark(",") && words == 0) => {}
            _ => return None,
        }
    }
    None
}

/// "flat 3, 12 High Street" begins at the flat.
fn unit_before(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    let back = |n: usize| at.checked_sub(n).and_then(|i| tokens.get(i));
    let comma = usize::from(back(1).is_some_and(|t| t.is_mark(",")));
    let unit = back(comma + 2).filter(|t| UNIT.contains(&t.lower.as_str()))?;
    let number = back(comma + 1)?;
    (number.class == Class::Digits || number.letter().is_some() || number.is_word()).then_some(unit.range.start)
}

/// Where an address ends whose street ends at a token: flat, city, state and postcode belong to it.
fn extended(text: &str, tokens: &[Token<'_>], street: usize, end: usize, has_upper: bool) -> usize {
    let rest = text.get(end..).unwrap_or_default();
    let written = TAIL.as_ref().and_then(|tail| tail.find(super::numbers::head(rest, 96))).map(|m| end + m.end());
    if let Some(written) = written {
        return written;
    }
    if has_upper {
        return end;
    }
    // Recognisers write no commas: the city's words, then the state or a postcode.
    let mut at = street;
    let mut best = end;
    let mut words = 0;
    while let Some(token) = tokens.get(at).filter(|_| at < street + 12) {
        let lower = token.lower.as_str();
        match token.class {
            Class::Digits if words > 0 && (4..=5).contains(&token.text.len()) => {
                best = token.range.end;
                break;
            }
            Class::Word if UNIT.contains(&lower) => {
                if let Some(number) = tokens.get(at + 1) {
                    best = number.range.end;
                    at += 1;
                }
            }
            Class::Word if words > 0 && STATES.contains(&lower) && (lower.len() > 3 || !is_common(lower)) => best = token.range.end,
            Class::Word if is_common(lower) => break,
            Class::Word => {
                words += 1;
                if words > 3 {
                    break;
                }
            }
            Class::Mark if token.is_mark(",") => {}
            _ => break,
        }
        at += 1;
    }
    best
}

/// Whatever begins with a number or a flat behind "my address is", to the end of its clause.
fn behind_cue(text: &str, tokens: &[Token<'_>], cue: usize, found: &mut Vec<Candidate>) {
    let mut at = tokens.partition_point(|t| t.range.start < cue);
    while tokens.get(at).is_some_and(|t| matches!(t.lower.as_str(), "uh" | "um" | "er" | "number" | "at" | "the" | "it's" | "is" | "sure" | "yes") || t.is_mark(":")) {
        at += 1;
    }
    let Some(first) = tokens.get(at) else { return };
    let tongue = crate::conversation::number_words::Tongue::English;
    let is_number = |t: &Token<'_>| {
        t.class == Class::Digits || (t.is_word() && crate::conversation::number_words::cardinal(&[t.lower.as_str()], tongue).is_some())
    };
    let begins = is_number(first) || (UNIT.contains(&first.lower.as_str()) && tokens.get(at + 1).is_some_and(|t| is_number(t) || t.letter().is_some()));
    if !begins {
        return;
    }
    let (mut words, mut numbers, mut end) = (0, 0, first.range.start);
    for (offset, token) in tokens.get(at..).unwrap_or_default().iter().enumerate().take(20) {
        let next = tokens.get(at + offset + 1);
        match token.class {
            Class::Mark if matches!(token.text, "," | "-" | "/" | "#" | "'") => continue,
            Class::Mark if token.is_mark(".") && next.is_some_and(|t| t.glued || t.is_mark(",")) => continue,
            Class::Mark => break,
            Class::Digits => numbers += 1,
            Class::Word if is_number(token) => numbers += 1,
            Class::Word if token.glued && token.text.len() <= 2 => {}
            Class::Word if UNIT.contains(&token.lower.as_str()) || STREET.contains(&token.lower.as_str()) || WEAK_STREET.contains(&token.lower.as_str()) => words += 1,
            Class::Word if is_common(&token.lower) && !(token.is_capital() && offset > 0) && !matches!(token.lower.as_str(), "old" | "new" | "high" | "main" | "church" | "north" | "south" | "east" | "west" | "king" | "queen" | "green" | "mill" | "station" | "white") => break,
            Class::Word => words += 1,
        }
        end = token.range.end;
    }
    let counted = text.get(first.range.start..end).unwrap_or_default();
    if words >= 1 && numbers >= 1 && counted.len() >= 6 {
        found.push(address(first.range.start..end, rank::ADDRESS));
    }
}

#[cfg(test)]
pub(super) fn patterns_compile() -> bool {
    CUE.is_some() && TAIL.is_some() && FORMS.len() == 10
}
