//! What retrieval can do across languages with the default embedding model: a smoke test, and the figures of the
//! table in `README.md` (printed with `--no-capture`).
//!
//! Needs the model `all-minilm-l6-v2` in the model cache (`make models`).
#![cfg(all(feature = "candle", feature = "edge"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

use std::sync::Arc;

use attendant::embedding::candle::CandleEmbedder;
use attendant::knowledge::{
    Audience, KnowledgeArticle, KnowledgeBase, MemoryVectorStore, Question, Scope,
};
use attendant::models::ModelRole;

const LANGUAGES: [&str; 3] = ["en", "de", "lv"];

/// One topic a row: the article's sentence and a customer's question, in each language.
const TOPICS: [[[&str; 2]; 3]; 8] = [
    [
        [
            "A payment that was taken twice is refunded within five working days.",
            "You charged me twice, when do I get my money back?",
        ],
        [
            "Eine doppelt abgebuchte Zahlung wird innerhalb von fünf Werktagen erstattet.",
            "Sie haben zweimal abgebucht, wann bekomme ich mein Geld zurück?",
        ],
        [
            "Divreiz noņemts maksājums tiek atmaksāts piecu darba dienu laikā.",
            "Jūs noņēmāt maksājumu divreiz, kad es saņemšu naudu atpakaļ?",
        ],
    ],
    [
        [
            "The router is sent back with the printed label, free of charge.",
            "How do I send the router back?",
        ],
        [
            "Der Router wird mit dem gedruckten Etikett kostenlos zurückgeschickt.",
            "Wie schicke ich den Router zurück?",
        ],
        [
            "Maršrutētāju nosūta atpakaļ bez maksas ar izdrukāto uzlīmi.",
            "Kā man nosūtīt atpakaļ maršrutētāju?",
        ],
    ],
    [
        [
            "A lost SIM card is blocked at once and replaced within two days.",
            "I lost my phone, can you block the SIM card?",
        ],
        [
            "Eine verlorene SIM-Karte wird sofort gesperrt und in zwei Tagen ersetzt.",
            "Ich habe mein Handy verloren, können Sie die SIM-Karte sperren?",
        ],
        [
            "Pazaudēta SIM karte tiek nekavējoties bloķēta un divu dienu laikā aizstāta.",
            "Es pazaudēju telefonu, vai varat bloķēt SIM karti?",
        ],
    ],
    [
        [
            "The contract can be cancelled with a notice of thirty days.",
            "How can I cancel my contract?",
        ],
        [
            "Der Vertrag kann mit einer Frist von dreißig Tagen gekündigt werden.",
            "Wie kann ich meinen Vertrag kündigen?",
        ],
        [
            "Līgumu var lauzt, paziņojot trīsdesmit dienas iepriekš.",
            "Kā es varu lauzt savu līgumu?",
        ],
    ],
    [
        [
            "An engineer comes between eight and twelve; the appointment can be moved online.",
            "Can I move the appointment with the engineer?",
        ],
        [
            "Ein Techniker kommt zwischen acht und zwölf Uhr; der Termin lässt sich online verschieben.",
            "Kann ich den Termin mit dem Techniker verschieben?",
        ],
        [
            "Tehniķis ierodas no astoņiem līdz divpadsmitiem; vizīti var pārcelt internetā.",
            "Vai es varu pārcelt tehniķa vizīti?",
        ],
    ],
    [
        [
            "Slow internet often gets better after the router was restarted.",
            "Why is my internet so slow?",
        ],
        [
            "Langsames Internet wird oft besser, nachdem der Router neu gestartet wurde.",
            "Warum ist mein Internet so langsam?",
        ],
        [
            "Lēns internets bieži kļūst ātrāks pēc maršrutētāja pārstartēšanas.",
            "Kāpēc mans internets ir tik lēns?",
        ],
    ],
    [
        [
            "Those who move house take their contract along to the new address.",
            "I am moving to a new address, what about my contract?",
        ],
        [
            "Wer umzieht, nimmt seinen Vertrag an die neue Adresse mit.",
            "Ich ziehe um, was wird an der neuen Adresse?",
        ],
        [
            "Pārceļoties uz jaunu adresi, pakalpojums tiek pārcelts līdzi.",
            "Es pārceļos uz jaunu adresi, kas notiks ar pakalpojumu?",
        ],
    ],
    [
        [
            "Bills can be paid in three instalments without interest.",
            "Can I pay the bill in instalments?",
        ],
        [
            "Rechnungen können in drei Raten ohne Zinsen bezahlt werden.",
            "Kann ich die Rechnung in Raten zahlen?",
        ],
        [
            "Rēķinu var apmaksāt trīs daļās bez procentiem.",
            "Vai es varu samaksāt rēķinu pa daļām?",
        ],
    ],
];

/// How many of the questions in one language find the right article in another first.
async fn right_first(asked: usize, told: usize, embedder: &Arc<CandleEmbedder>) -> usize {
    let base = KnowledgeBase::new(embedder.clone(), Arc::new(MemoryVectorStore::new()));
    let articles = TOPICS.iter().enumerate().map(|(number, topic)| {
        // No title: it would be in one language.
        let mut article = KnowledgeArticle::new(format!("t{number}"), "", "acme", topic[told][0]);
        article.language = LANGUAGES[told].into();
        article
    });
    base.ingest(articles.collect(), None).await.unwrap();
    let mut right = 0;
    for (number, topic) in TOPICS.iter().enumerate() {
        let scope = Scope::new("acme", Audience::Customer);
        let question = Question::new(topic[asked][1], scope.with_language(LANGUAGES[told]));
        let hits = base.search(&question, 1).await.unwrap();
        right += usize::from(hits[0].passage.article.as_str() == format!("t{number}"));
    }
    right
}

#[tokio::test]
async fn each_language_finds_its_own_articles() {
    let files = crate::support::model("all-minilm-l6-v2", ModelRole::Embedding);
    let embedder = Arc::new(CandleEmbedder::load(files.weights.parent().unwrap()).unwrap());
    println!("right of {} (question, article):", TOPICS.len());
    for (asked, from) in LANGUAGES.iter().enumerate() {
        for (told, to) in LANGUAGES.iter().enumerate() {
            let right = right_first(asked, told, &embedder).await;
            println!("{from} -> {to}: {right}");
            // Chance finds one of eight.
            if asked == told {
                assert!(right >= 6, "{from}: {right}");
            }
        }
    }
}
