//! Passages of short, long and odd articles.

use super::*;
use crate::knowledge::Audience;

fn article(body: &str) -> KnowledgeArticle {
    KnowledgeArticle {
        id: "refunds".into(),
        title: "Refunds".into(),
        tenant: "acme".into(),
        language: "en".into(),
        audience: Audience::Customer,
        valid_from: None,
        valid_to: None,
        product: None,
        body: body.into(),
    }
}

fn cut(body: &str, words: usize) -> Vec<(String, String)> {
    passages(&article(body), words)
        .into_iter()
        .map(|p| (p.id.to_string(), p.text))
        .collect()
}

const LONG: &str = "# Refunds\n\nIntro text here.\n\n## How long\n\nFive working days. Cards take six.\n\n\
    ### By post\n\nTen days for cheques:\n\n- first item here\n- second item\n\n  still second\n\nAfter list.\n\n\
    ## Fees\n\n| kind | fee |\n|---|---|\n| late | 5 |\n";

#[test]
fn a_short_article_stays_whole() {
    let found = cut(LONG, 200);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "refunds#1");
    assert!(found[0].1.starts_with("Intro text") && found[0].1.ends_with("| late | 5 |"));
}

#[test]
fn a_long_one_is_divided_at_headings_and_lists_stay_with_their_introduction() {
    let found = cut(LONG, 12);
    let ids: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "refunds#1",
            "refunds#how-long",
            "refunds#how-long/by-post",
            "refunds#how-long/by-post.2",
            "refunds#fees"
        ]
    );
    assert_eq!(found[1].1, "Five working days. Cards take six.");
    assert_eq!(
        found[2].1,
        "Ten days for cheques:\n\n- first item here\n- second item\n\n  still second"
    );
    assert_eq!(found[4].1, "| kind | fee |\n|---|---|\n| late | 5 |");
    let headings = &passages(&article(LONG), 12)[2].headings;
    assert_eq!(headings, &["How long", "By post"]);
}

#[test]
fn long_paragraphs_and_overlong_lists_are_cut_between_sentences_and_items() {
    let prose = "One two three four. Five six seven eight. Nine ten eleven twelve.";
    let found: Vec<String> = cut(prose, 8).into_iter().map(|(_, text)| text).collect();
    assert_eq!(
        found,
        [
            "One two three four. Five six seven eight.",
            "Nine ten eleven twelve."
        ]
    );
    let list = "- a b c\n- d e f\n  g\n- h i j\n";
    let found: Vec<String> = cut(list, 5).into_iter().map(|(_, text)| text).collect();
    assert_eq!(found, ["- a b c", "- d e f\n  g", "- h i j"]);
}

#[test]
fn every_word_of_the_text_is_in_exactly_one_passage() {
    for max in [1, 3, 7, 20, 100] {
        let joined: String = cut(LONG, max)
            .into_iter()
            .map(|(_, text)| text + " ")
            .collect();
        for word in ["Intro", "Five", "Ten", "cheques", "still", "After", "late"] {
            assert_eq!(joined.matches(word).count(), 1, "{word} at {max}");
        }
    }
}

#[test]
fn the_id_stays_and_the_hash_changes_with_the_text_or_who_may_read_it() {
    let one = passages(&article("Same."), 100).remove(0);
    let edited = passages(&article("Other."), 100).remove(0);
    let mut secret = article("Same.");
    secret.audience = Audience::Agent;
    let secret = passages(&secret, 100).remove(0);
    assert_eq!(one.id, edited.id);
    assert_ne!(one.content_hash, edited.content_hash);
    assert_ne!(one.content_hash, secret.content_hash);
    assert_eq!(one, passages(&article("Same."), 100).remove(0));
}

#[test]
fn odd_bodies_do_not_fail() {
    for body in [
        "",
        "#",
        "---",
        "```",
        "```\nopen",
        "# A\n# B\n",
        "====",
        "|",
        "- ",
        "\n\n\n",
        "a\n---\n---",
    ] {
        for (_, text) in cut(body, 3) {
            assert!(!text.is_empty(), "{body:?}");
        }
    }
    let setext = cut(
        "Title\n=====\n\nOne two three four\n\nPart\n----\n\nFive six seven eight",
        5,
    );
    assert_eq!(setext.len(), 2);
    assert_eq!(setext[1].0, "refunds#title/part");
}
