//! Words that tell what a number is. The languages stand together: they hardly clash.

/// What a word says that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cue {
    /// Some number.
    Number,
    /// An account, order or other number.
    Identifier,
    /// A payment card.
    Card,
    /// A telephone number.
    Phone,
    /// A postcode.
    Postcode,
    /// A date of birth.
    Birth,
    /// A name that is spelled.
    Name,
    /// An e-mail address.
    Email,
    /// A short secret number: PIN or security code.
    Pin,
}

pub(super) fn cue_of(word: &str) -> Option<Cue> {
    Some(match word {
        "number" | "numbers" | "digits" | "nummer" | "numéro" | "número" => Cue::Number,
        "account" | "order" | "reference" | "ref" | "code" | "id" | "customer" | "policy"
        | "invoice" | "tracking" | "booking" | "ticket" | "case" | "serial" | "membership"
        | "member" | "contract" | "claim" | "confirmation" | "meter" | "imei" | "iban"
        | "passport" | "licence" | "license" | "registration" | "ending" | "kontonummer"
        | "kundennummer" | "bestellnummer" | "auftragsnummer" | "rechnungsnummer"
        | "vertragsnummer" | "referenz" | "compte" | "commande" | "dossier" | "facture"
        | "cuenta" | "pedido" | "referencia" | "factura" | "contrato" => Cue::Identifier,
        "card" | "kreditkarte" | "kartennummer" | "carte" | "tarjeta" => Cue::Card,
        "phone" | "mobile" | "telephone" | "cell" | "cellphone" | "landline" | "telefonnummer"
        | "handynummer" | "telefon" | "téléphone" | "teléfono" | "móvil" => Cue::Phone,
        "postcode" | "postal" | "zip" | "zipcode" | "postleitzahl" | "plz" => Cue::Postcode,
        "born" | "birth" | "birthday" | "birthdate" | "dob" | "geboren" | "geburtsdatum"
        | "naissance" | "né" | "née" | "nacimiento" | "nací" => Cue::Birth,
        "name" | "surname" | "spelled" | "spelt" | "spell" | "spelling" | "nachname" | "nom"
        | "apellido" | "buchstabiert" => Cue::Name,
        "email" | "mail" | "emails" | "correo" | "courriel" => Cue::Email,
        "pin" | "cvv" | "cvc" | "security" | "passcode" => Cue::Pin,
        _ => return None,
    })
}

/// Whether something may stand between a cue and what it announces.
pub(super) fn is_link(raw: &str, word: &str) -> bool {
    matches!(raw, ":" | "," | "#" | "(" | "\"" | "=")
        || matches!(
            word,
            "is" | "it's"
                | "its"
                | "it"
                | "was"
                | "that's"
                | "thats"
                | "that"
                | "are"
                | "be"
                | "would"
                | "in"
                | "with"
                | "as"
                | "my"
                | "your"
                | "the"
                | "no"
                | "um"
                | "uh"
                | "er"
                | "so"
                | "yes"
                | "yeah"
                | "okay"
                | "here"
                | "starts"
                | "begins"
                | "ends"
                | "ist"
                | "lautet"
                | "est"
                | "c'est"
                | "le"
                | "es"
                | "el"
        )
}

/// Sounds that are no words, and joining words at the end of what is said so far.
pub(super) fn is_filler(word: &str) -> bool {
    matches!(
        word,
        "um" | "uh" | "uhm" | "er" | "erm" | "hmm" | "mm" | "äh" | "ähm" | "euh"
    )
}

/// The letter or letters' names that a word can be in a spelled row.
pub(super) fn letter_name(word: &str) -> Option<char> {
    match word {
        "zed" | "zee" => Some('Z'),
        "aitch" => Some('H'),
        _ => None,
    }
}

/// The NATO alphabet (ICAO Annex 10), with the spellings recognisers choose; whether the word is hardly
/// anything else.
pub(super) fn nato(word: &str) -> Option<(char, bool)> {
    Some(match word {
        "alpha" | "alfa" => ('A', true),
        "bravo" => ('B', true),
        "charlie" => ('C', false),
        "delta" => ('D', true),
        "echo" => ('E', true),
        "foxtrot" => ('F', true),
        "golf" => ('G', false),
        "hotel" => ('H', false),
        "india" => ('I', false),
        "juliet" | "juliett" => ('J', false),
        "kilo" => ('K', true),
        "lima" => ('L', false),
        "mike" => ('M', false),
        "november" => ('N', false),
        "oscar" => ('O', false),
        "papa" => ('P', false),
        "quebec" => ('Q', false),
        "romeo" => ('R', false),
        "sierra" => ('S', true),
        "tango" => ('T', true),
        "uniform" => ('U', false),
        "victor" => ('V', false),
        "whiskey" | "whisky" => ('W', true),
        "xray" => ('X', true),
        "yankee" => ('Y', true),
        "zulu" => ('Z', true),
        _ => return None,
    })
}

/// Letters that are read one by one but spell no name.
pub(super) fn is_acronym(letters: &str) -> bool {
    matches!(
        letters,
        "USA"
            | "FBI"
            | "BBC"
            | "ITV"
            | "NHS"
            | "ATM"
            | "DVD"
            | "USB"
            | "VIP"
            | "FAQ"
            | "SIM"
            | "PIN"
            | "DOB"
            | "IRS"
            | "SMS"
            | "URL"
            | "CEO"
            | "DIY"
            | "ETA"
            | "GPS"
            | "VPN"
            | "ISP"
            | "PDF"
            | "TBC"
            | "ABC"
            | "CCTV"
            | "ASAP"
            | "HDMI"
            | "IBAN"
            | "HTTP"
    )
}

/// Capitals before a number that are no part of it.
pub(super) fn is_label(raw: &str) -> bool {
    matches!(
        raw,
        "ID" | "PIN"
            | "REF"
            | "NO"
            | "NR"
            | "PO"
            | "ZIP"
            | "PLZ"
            | "IMEI"
            | "IBAN"
            | "VAT"
            | "SSN"
            | "DOB"
            | "OK"
            | "TV"
            | "AM"
            | "PM"
            | "USD"
            | "GBP"
            | "EUR"
            | "CHF"
            | "JPY"
            | "INR"
            | "CAD"
            | "AUD"
            | "UK"
            | "US"
            | "USA"
            | "THE"
            | "AND"
            | "IS"
            | "IN"
            | "ON"
            | "AT"
            | "TO"
            | "FOR"
            | "OF"
            | "MY"
            | "IT"
    )
}
