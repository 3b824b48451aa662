//! Words and forms of postal addresses.

use std::sync::LazyLock;

use regex::Regex;

/// Words that only streets end with.
pub(super) const STREET: [&str; 33] = [
    "street",
    "st",
    "str",
    "road",
    "rd",
    "avenue",
    "ave",
    "av",
    "lane",
    "ln",
    "boulevard",
    "blvd",
    "crescent",
    "terrace",
    "parkway",
    "pkwy",
    "highway",
    "hwy",
    "mews",
    "grove",
    "gardens",
    "alley",
    "quay",
    "esplanade",
    "broadway",
    "turnpike",
    "freeway",
    "trail",
    "square",
    "sq",
    "wharf",
    "parade",
    "bypass",
];
/// Words that streets may end with, and much else.
pub(super) const WEAK_STREET: [&str; 24] = [
    "drive", "dr", "court", "ct", "way", "place", "pl", "close", "park", "hill", "row", "walk",
    "circle", "cir", "loop", "path", "rise", "green", "view", "garden", "heights", "ridge",
    "plaza", "run",
];
pub(super) const STATES: [&str; 114] = [
    "al",
    "ak",
    "az",
    "ar",
    "ca",
    "co",
    "ct",
    "dc",
    "de",
    "fl",
    "ga",
    "hi",
    "id",
    "il",
    "in",
    "ia",
    "ks",
    "ky",
    "la",
    "me",
    "md",
    "ma",
    "mi",
    "mn",
    "ms",
    "mo",
    "mt",
    "ne",
    "nv",
    "nh",
    "nj",
    "nm",
    "ny",
    "nc",
    "nd",
    "oh",
    "ok",
    "or",
    "pa",
    "ri",
    "sc",
    "sd",
    "tn",
    "tx",
    "ut",
    "vt",
    "va",
    "wa",
    "wv",
    "wi",
    "wy",
    "on",
    "qc",
    "bc",
    "ab",
    "mb",
    "sk",
    "ns",
    "nb",
    "nl",
    "nsw",
    "vic",
    "qld",
    "tas",
    "alabama",
    "alaska",
    "arizona",
    "arkansas",
    "california",
    "colorado",
    "connecticut",
    "delaware",
    "florida",
    "georgia",
    "hawaii",
    "idaho",
    "illinois",
    "indiana",
    "iowa",
    "kansas",
    "kentucky",
    "louisiana",
    "maine",
    "maryland",
    "massachusetts",
    "michigan",
    "minnesota",
    "mississippi",
    "missouri",
    "montana",
    "nebraska",
    "nevada",
    "hampshire",
    "jersey",
    "mexico",
    "york",
    "carolina",
    "dakota",
    "ohio",
    "oklahoma",
    "oregon",
    "pennsylvania",
    "tennessee",
    "texas",
    "utah",
    "vermont",
    "virginia",
    "washington",
    "wisconsin",
    "wyoming",
    "ontario",
    "quebec",
    "alberta",
    "manitoba",
];
pub(super) const UNIT: [&str; 16] = [
    "apartment",
    "apt",
    "flat",
    "unit",
    "suite",
    "ste",
    "floor",
    "room",
    "house",
    "building",
    "bldg",
    "block",
    "appartement",
    "wohnung",
    "piso",
    "dz",
];

pub(super) static CUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:(?:home |mailing |postal |billing |shipping |delivery |street |new |old |current |my |the |full )*address(?: on file)?(?: is| was|:|'s| to| as)|i (?:live|reside|stay)(?: at| on| in)|(?:i'm|we're|i am|we are) (?:at|on)|living (?:at|on)|lives (?:at|on)|we live (?:at|on)|(?:moved|moving|relocated|move|send it|deliver it|ship it|ship|deliver|sent|delivered|shipped|mail it|come|going) (?:it )?to|located at|property at|residing at|resident at|based at|adresse (?:ist|est|lautet)|adresse:|j'habite(?: au)?|wohne (?:in(?: der)?|am|im)|wohnhaft|vivo en|adrese ir|dzīvoju)\s*:?").ok()
});

/// Written forms with the street's kind inside or before the name, and postcodes that stand alone.
pub(super) static FORMS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let name = r"[\p{L}'’.-]+";
    let city = r"(?:,?\s+(?:[A-Z]{1,2}-)?\d{4,5}(?:\s?[A-Z]{2}\b)?,?\s+\p{L}[\p{L}-]+(?:[ -]\p{Lu}[\p{L}-]+){0,2})?";
    let sources = [
        // German, Dutch, Nordic: the kind ends the name.
        format!(r"\b(?:\p{{Lu}}[\p{{L}}-]*\s)?(?:\p{{L}}{{2,}}(?:straße|strasse|strase|str\.|weg|platz|allee|gasse|damm|ufer|chaussee|promenade|straat|laan|plein|gracht|kade|singel|dreef|gatan|vägen|gata|vegen|veien|katu)|\p{{Lu}}\p{{L}}+(?:gade|vej|tie|ring)|\p{{Lu}}\p{{L}}+(?:er|en)? (?:Straße|Strasse|Str\.|Weg|Platz|Allee|Ring|Damm|Ufer|Chaussee|Gasse)|(?:Am|An der|Im|Zum|Zur|In der)\s\p{{Lu}}\p{{L}}+(?: \p{{Lu}}\p{{L}}+)?) ?\d{{1,4}}(?:\s?[a-hA-H]\b)?(?:\s?[-/]\s?\d{{1,4}})?{city}"),
        // Romance: the kind comes first.
        format!(r"(?i)\b(?:\d{{1,4}}(?:\s?(?:bis|ter))?,?\s+)?(?:rue|avenue|boulevard|bd|place|chemin|impasse|allée|allee|quai|cours|route|square|passage|faubourg|calle|c/|avenida|avda\.?|plaza|paseo|carrer|via|viale|piazza|corso|vicolo|rua|travessa|praça|largo)\s+(?:(?:de|du|des|la|le|les|el|los|las|del|della|di|dei|do|da|dos|saint|sainte|san|santa)\s|[dl]['’]){{0,3}}{name}(?:[ -](?-i:\p{{Lu}}){name}){{0,3}}(?:,?\s*(?:n[º°.o]\s*)?\d{{1,4}}(?:\s?[a-h])?\b)?(?-i:{city})"),
        // In lower case only a postcode and a city behind it tell where the name ends.
        r"(?i)\b\d{1,4}(?:\s?(?:bis|ter))?,?\s+(?:rue|avenue|boulevard|bd|place|chemin|impasse|allée|allee|quai|cours|route|square|passage|faubourg)(?:\s[\p{L}'’-]+){1,5},?\s+\d{5}\s+\p{L}[\p{L}-]+".to_owned(),
        r"(?i)\b(?:(?:am|an der|zum|zur|auf der|auf dem|hinter der|unter den)\s\p{L}+(?:\s\p{L}+)?|\p{L}{3,}(?:er|en)?\s(?:straße|strasse|str\.|weg|platz|allee|ring|damm|ufer|gasse))\s\d{1,4}(?:\s?[a-h]\b)?,?\s+\d{5}\s+\p{L}[\p{L}-]+".to_owned(),
        // Latvian, Lithuanian, Estonian, Polish, Czech.
        r"(?i)\b(?:(?-i:\p{Lu})\p{L}+\s)?\p{L}+\s+(?:iel[aāu]s?|ielā|prospekt[sāau]?|bulvār[isīia]+|gatv[eēė]s?|laukum[sāa]|tänav|g\.|pr\.)\s*\d{1,4}(?:\s?[a-h]\b)?(?:\s?[-/]\s?\d{1,4})?(?:,?\s*(?:dz\.?|dzīvoklis)\s*\d{1,4})?(?:,\s*\p{L}+)?(?:,?\s*LV[- ]?\d{4})?".to_owned(),
        r"(?i)\b(?:ul\.|ulica|aleja|al\.|os\.|plac)\s+\p{L}+(?:\s\p{L}+)?\s+\d{1,4}(?:\s?[a-h]\b)?(?:\s?[/m.]{1,3}\s?\d{1,4})?(?:,?\s*\d{2}-\d{3}\s+\p{L}+)?".to_owned(),
        r"(?i)\bp\.?\s?o\.?\s?box\s*\d{1,7}(?:,\s*\p{L}+(?:\s\p{L}+)?)?|\bpostfach\s*\d{2,7}".to_owned(),
        // Postcodes: United Kingdom, Latvia, Lithuania, Netherlands, Canada, United States with the state.
        r"\b(?:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|[a-z]{1,2}\d[a-z\d]? \d[abd-hjln-uw-z]{2}|[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2})\b".to_owned(),
        r"(?i)\bLV[- ]?\d{4}\b|\bLT[- ]\d{5}\b|\b[abceghj-nprstvxy]\d[a-z] ?\d[a-z]\d\b".to_owned(),
        r"\b[1-9]\d{3} ?[A-Z]{2}\b(?:,? \p{Lu}\p{L}+)?".to_owned(),
        r"\b(?:[A-Z][\p{L}.]+(?: [A-Z][\p{L}.]+){0,2},? )?(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]),? \d{5}(?:-\d{4})?\b".to_owned(),
        r"\b(?:D-|F-|A-|CH-)?\d{4,5} (?:\p{Lu}\p{L}+(?:stadt|burg|berg|heim|hausen|furt|feld|dorf|bach)|Berlin|Hamburg|München|Köln|Frankfurt|Stuttgart|Leipzig|Dresden|Bremen|Hannover|Bonn|Wien|Zürich|Bern|Paris|Lyon|Marseille|Toulouse|Nice|Nantes|Lille|Bordeaux|Strasbourg|Madrid|Barcelona|Valencia|Sevilla|Roma|Milano|Torino|Napoli|Amsterdam|Rotterdam|Wrocław|Warszawa|Kraków)\b".to_owned(),
    ];
    sources
        .iter()
        .filter_map(|source| Regex::new(source).ok())
        .collect()
});

pub(super) static TAIL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let unit = r"(?:apartment|apt\.?|flat|unit|suite|ste\.?|floor|room|#)\s?(?:number\s)?[\w-]+";
    let post = r"(?:[A-Za-z]{1,2}\d[A-Za-z\d]? ?\d[A-Za-z]{2}|[A-Za-z]\d[A-Za-z] ?\d[A-Za-z]\d|(?:LV-?)?\d{4,5}(?:-\d{4})?|\d{4} ?[A-Z]{2})";
    let city = r"\p{Lu}[\p{L}'.-]*(?:[ -](?:\p{Lu}[\p{L}'.-]*|upon|on|under|le|de|la)){0,3}";
    let state = r"(?:[A-Z]{2,3}|\p{Lu}\p{L}+(?: \p{Lu}\p{L}+)?)";
    Regex::new(&format!(
        r"^(?:,?\s+{unit}\b)?(?:(?:\s*,\s*|\s*\n\s*){city})?(?:(?:\s*,\s*|\s*\n\s*){city})?(?:,?\s+{state})?(?:(?:\s*,\s*|\s+){post}\b)|^(?:,?\s+{unit}\b)?(?:(?:\s*,\s*){city}\b){{1,3}}|^,?\s+{unit}\b"
    ))
    .ok()
});
