//! The words around a number that say what it is.

use std::sync::LazyLock;

use regex::Regex;

/// What a number is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cue {
    /// Nothing that has to be hidden: an order, a ticket, the last digits of a card.
    Keep,
    SecurityCode,
    Expiry,
    Pin,
    Iban,
    NationalId,
    Passport,
    Licence,
    /// "account number", "customer id".
    Account,
    /// "account" alone.
    MaybeAccount,
    Phone,
    Card,
    Postcode,
    Birth,
}

/// Longer ones that hold shorter ones come first.
const CUES: [(Cue, &str); 14] = [
    (
        Cue::Keep,
        r"(?:ending|ends|end|finishing) (?:in|with|on)|last (?:four|4|three|3|few)(?: digits)?|order|invoice|ticket|case|ref(?:erence)?|tracking|booking|confirmation|parcel|shipment|model|serial|version|sku|item|product|flight|room|ext(?:ension)?|error|transaction|receipt|article|reservation|bestell\w*|auftrag\w*|rechnung\w*|commande|facture|pedido|pasūtījum\w*",
    ),
    (
        Cue::SecurityCode,
        r"cvv2?|cvc2?|csc|security (?:code|number|digits)|verification value|(?:three|3|four|4)[- ]digits? (?:code )?(?:on|at) the back|on the back(?: of (?:the|my) card)?|prüfziffer|kartenprüfnummer|cryptogramme|código de seguridad",
    ),
    (
        Cue::Expiry,
        r"expir(?:y|ation|es|ing|e)(?: date)?|exp(?:\.| date)?|valid (?:until|thru|through|to|till)|gültig bis|date d'expiration|caduca|vencimiento",
    ),
    (
        Cue::Pin,
        r"pin(?: ?code| number)?|(?:verification|one[- ]time|access|confirmation|authentication|sms|login) (?:code|passcode)|passcode|otp|codigo pin",
    ),
    (Cue::Iban, r"iban"),
    (
        Cue::NationalId,
        r"social security(?: number)?|ssn|soc(?:ial)?(?: number)?|national insurance(?: number)?|ni number|nino|personal (?:identity |identification )?(?:code|id|number)|personas kod\w*|national id(?:entity|entification)?(?: card)?(?: number)?|identity (?:card )?number|id (?:card )?(?:number|no)|identification number|tax(?:payer)? (?:id(?:entification)?|file|reference|number)(?: number)?|tin|itin|utr|steuer[- ]?(?:id\w*|nummer|identifikationsnummer)|sozialversicherungsnummer|numéro (?:de )?(?:sécu(?:rité sociale)?|insee)|sécurité sociale|insee|nir|dni|nie|codice fiscale|pesel|bsn|burgerservicenummer|personnummer|cpr(?: number|[- ]nummer)?|henkilötunnus|cpf|aadhaa?r|pan (?:card|number)|social insurance(?: number)?|sin number|medicare(?: number)?|nhs(?: number)?|asmens koda\w*|isikukood|rodné číslo",
    ),
    (
        Cue::Passport,
        r"passport|reisepass\w*|passeport|pasaporte|paspoort\w*|pases? numur\w*",
    ),
    (
        Cue::Licence,
        r"driv(?:er'?s?|ing)'? ?licen[cs]e|driver's|licen[cs]e|dl|führerschein\w*|permis de conduire|permiso de conducir|carné de conducir",
    ),
    (
        Cue::Phone,
        r"phone|telephone|mobile|cell(?:phone)?|call(?: me| us| him| her)?(?: back)?(?: at| on| under)?|callback|reach(?: me| us)?(?: at| on)?|text me(?: at| on)?|whats ?app|landline|fax|telefon\w*|handy\w*|rufnummer|téléphone|portable|móvil|teléfono|celular|tālru\w*|telf?|dial|ring me(?: on| at)?|(?:contact|my|best|home|work|day(?:time)?|evening|another|other|new|his|her) number|number (?:you have )?on file|number you have|line number",
    ),
    (
        Cue::Account,
        r"(?:account|acct|a/c|customer|client|member(?:ship)?|policy|patient|loyalty|subscriber|employee|user|contract|meter|insurance)(?: (?:number|no\b\.?|nr\b\.?|id|code|num)| ?#)|sort ?code|routing(?: (?:number|transit number))?|aba(?: number)?|transit number|bic|swift(?: code)?|konto(?:nummer)?|kunden(?:nummer|nr)|kundennummer|vertragsnummer|blz|bankleitzahl|numéro de (?:compte|client|contrat)|número de (?:cuenta|cliente|contrato)|(?:konta|klienta|līguma) numur\w*",
    ),
    (
        Cue::MaybeAccount,
        r"(?:bank |current |savings |checking )?acc(?:oun)?t",
    ),
    (
        Cue::Card,
        r"(?:credit|debit|bank|payment|gift)? ?card|credit|debit|visa|mastercard|master card|amex|american express|maestro|discover|kreditkart\w*|karten?(?:nummer)?|carte(?: (?:bancaire|bleue))?|tarjeta|kart[ei]s? numur\w*|long number|(?:16|sixteen)[- ]digits?(?: number)?",
    ),
    (
        Cue::Postcode,
        r"zip(?: ?code)?|post ?code|postal code|plz|postleitzahl|code postal|código postal|pasta indeks\w*|cap\b",
    ),
    (
        Cue::Birth,
        r"date of birth|d\.?o\.?b|birth ?(?:date|day)|born|geboren(?: am)?|geburts(?:datum|tag)|née? le|date de naissance|fecha de nacimiento|nac[ií]|dzimšanas|dzim(?:is|usi)",
    ),
];

static CUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let all: Vec<String> = CUES
        .iter()
        .map(|(_, source)| format!("({source})"))
        .collect();
    Regex::new(&format!(r"(?i)\b(?:{})\b", all.join("|"))).ok()
});

/// Words between a cue and its number, where the number is not yet all there.
static LINK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^(?: [^\p{L}\p{N}]+ | \b(?: is|are|was|it|it's|its|that's|that|number|no|nr|num|id|code|uh|um|er|erm|the|my|would|should|be|of|starts|begins|with|sure|yes|yeah|okay|ok|please|so|well|for|you|here|goes|on|file|as|follows|to|at|me|in|and|numbers|digits|account|card|date|say|says|reads|ist|lautet|die|meine|est|le|mon|ma|es|mi|ir|mans|s|a|actually|like|i|think|believe|have|hier|one\ moment|let|see )\b )*$",
    )
    .ok()
});

static BEHIND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^[\s,.;)\-\x{2013}]*(?:(?:that's|that is|is|was|as|are|ist|est|es|ir)\s+)?(?:(?:my|the|her|his|our|your|meine|mon|ma|mi|mana|mans)\s+)(?:\w+\s+)?$").ok()
});

/// How far cues are looked for, in bytes.
const BEFORE: usize = 72;
const AFTER: usize = 48;

/// A cue and how near it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Near {
    pub(super) cue: Cue,
    /// Only link words stand between it and the number.
    pub(super) linked: bool,
}

/// The cues before a place in a text, nearest first; nothing before `from` is looked at.
pub(super) fn before(text: &str, from: usize, at: usize) -> Vec<Near> {
    let mut start = at.saturating_sub(BEFORE).max(from);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let window = text.get(start..at).unwrap_or_default();
    // A new line is a new field.
    let window = match window.trim_end().rfind('\n') {
        Some(line) if window.get(line..).is_some_and(|w| w.trim().len() > 2) => {
            window.get(line..).unwrap_or_default()
        }
        _ => window,
    };
    let mut found: Vec<Near> = all(window)
        .map(|(cue, end)| Near {
            cue,
            linked: links(window.get(end..).unwrap_or_default()),
        })
        .collect();
    found.reverse();
    found
}

/// The cue behind a number: "1234 is my pin".
pub(super) fn behind(text: &str, at: usize) -> Option<Cue> {
    let mut end = (at + AFTER).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let window = text.get(at..end)?;
    let (first, start) = CUE
        .as_ref()?
        .captures_iter(window)
        .next()
        .and_then(|found| {
            let start = found.get(0)?.start();
            Some((which(&found)?, start))
        })?;
    let lead = window.get(..start)?;
    let so = BEHIND.as_ref()?.is_match(lead) || lead.trim() == "(";
    so.then_some(first)
}

/// Whether a text names what a number of this kind would be: a question for it, or its announcement.
pub(super) fn mentioned(text: &str) -> Option<Cue> {
    all(text).last().map(|(cue, _)| cue)
}

fn all(window: &str) -> impl Iterator<Item = (Cue, usize)> + '_ {
    CUE.iter().flat_map(move |pattern| {
        pattern
            .captures_iter(window)
            .filter_map(|found| Some((which(&found)?, found.get(0)?.end())))
    })
}

fn which(found: &regex::Captures<'_>) -> Option<Cue> {
    let group = (1..found.len()).find(|group| found.get(*group).is_some())?;
    CUES.get(group - 1).map(|(cue, _)| *cue)
}

fn links(between: &str) -> bool {
    LINK.as_ref()
        .is_some_and(|pattern| pattern.is_match(between))
}

#[cfg(test)]
pub(super) fn patterns_compile() -> bool {
    CUE.is_some() && LINK.is_some() && BEHIND.is_some()
}
