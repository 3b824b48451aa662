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
        products: Vec::new(),
        body: body.into(),
    }
}

/// Words stand for tokens; what is above the text costs nothing.
fn words(text: &str) -> usize {
    match text.starts_with("Refunds") {
        true => 0,
        false => text.split_whitespace().count(),
    }
}

fn budget(tokens: usize) -> Budget<'static> {
    Budget::new(tokens, None, &words)
}

fn cut(body: &str, tokens: usize) -> Vec<(String, String)> {
    texts(&article(body), budget(tokens))
}

fn texts(article: &KnowledgeArticle, budget: Budget<'_>) -> Vec<(String, String)> {
    passages(article, budget)
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
    let headings = &passages(&article(LONG), budget(12))[2].headings;
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
    let one = passages(&article("Same."), budget(100)).remove(0);
    let edited = passages(&article("Other."), budget(100)).remove(0);
    let mut secret = article("Same.");
    secret.audience = Audience::Agent;
    let secret = passages(&secret, budget(100)).remove(0);
    assert_eq!(one.id, edited.id);
    assert_ne!(one.content_hash, edited.content_hash);
    assert_ne!(one.content_hash, secret.content_hash);
    assert_eq!(one, passages(&article("Same."), budget(100)).remove(0));
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

/// One token for each letter and digit.
fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}

#[test]
fn title_and_headings_count_and_nothing_is_longer_than_the_window() {
    let list: String = (0..40).map(|n| format!("- item number {n:02}\n")).collect();
    let table: String = (0..40)
        .map(|n| format!("| row{n:02} | value |\n"))
        .collect();
    let code = "let a = b;\n".repeat(60);
    let body = format!(
        "# Part\n\nSome words. {}\n\n{}\n\nThe items:\n\n{list}\n## Prices\n\n| kind | price |\n|---|---|\n{table}\n\
         ```\n{code}```\n\n{}\n",
        "word ".repeat(100),
        "Eine Zeile, dann noch eine. ".repeat(20),
        "東京".repeat(100),
    );
    let article = article(&body);
    for (tokens, window) in [(60, 80), (80, 80), (100, 1000)] {
        let found = passages(&article, Budget::new(tokens, Some(window), &letters));
        assert!(found.len() > 5);
        for passage in &found {
            let length = letters(&searchable(passage));
            assert!(length <= window.min(2 * tokens), "{length}: {passage:?}");
        }
        let all: String = found.iter().map(|p| p.text.as_str()).collect();
        for n in 0..40 {
            assert_eq!(all.matches(&format!("item number {n:02}")).count(), 1);
            assert_eq!(all.matches(&format!("row{n:02} ")).count(), 1);
        }
        assert_eq!(all.matches('東').count(), 100);
        assert_eq!(all.matches("let a").count(), 60);
    }
}

#[test]
fn a_table_that_is_cut_repeats_its_head_and_one_that_fits_is_not_cut() {
    let body = "Before:\n\n| kind | fee |\n|---|---|\n| late | 5 |\n| lost | 9 |\n| sent | 2 |\n\nAfter it.";
    let narrow = Budget::new(16, Some(16), &words);
    let found: Vec<String> = texts(&article(body), narrow)
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert_eq!(
        found,
        [
            "Before:\n\n| kind | fee |\n|---|---|\n| late | 5 |",
            "| kind | fee |\n|---|---|\n| lost | 9 |\n| sent | 2 |",
            "After it.",
        ]
    );
    let found: Vec<String> = cut(body, 22).into_iter().map(|(_, text)| text).collect();
    assert_eq!(found, [body.trim_end_matches("\n\nAfter it."), "After it."]);
}

#[test]
fn what_denies_a_list_or_a_table_stays_with_every_part_of_it() {
    let both = "Some words before it all.\n\n**Not refunded:**\n\n- calls\n- texts\n\nNo refund for\n\n- data\n- apps";
    let found: Vec<String> = cut(both, 6).into_iter().map(|(_, text)| text).collect();
    assert_eq!(
        found,
        [
            "Some words before it all.",
            "**Not refunded:**\n\n- calls\n- texts",
            "No refund for\n\n- data\n- apps"
        ]
    );
    let table =
        "Not due now:\n\n| kind | fee |\n|---|---|\n| late | 5 |\n| lost | 9 |\n| sent | 2 |";
    let narrow = Budget::new(21, Some(21), &words);
    let found = texts(&article(table), narrow);
    assert_eq!(found.len(), 2);
    for (_, text) in found {
        assert!(
            text.starts_with("Not due now:\n\n| kind | fee |\n|---|---|\n"),
            "{text}"
        );
    }
}

#[test]
fn no_two_passages_have_one_id() {
    let body = "one two three\n\n## 1\n\nfour five six\n\n## ?\n\nseven eight nine\n\n## 2\n\nten eleven twelve";
    let ids: Vec<String> = cut(body, 4).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["refunds#1", "refunds#1~", "refunds#2", "refunds#2~"]);
    for id in ids {
        assert_eq!(article_of(&id), "refunds");
    }
}

#[test]
fn struck_out_text_and_endless_titles_are_in_no_passage() {
    let found = cut("It costs ~~£30~~ £25.\n\n~~~\n~~a~~\n~~~", 100);
    assert_eq!(found[0].1, "It costs £25.\n\n~~~\n~~a~~\n~~~");
    let mut long = article(&format!("a b c\n\n## {}\n\nd e f", "ä".repeat(5_000)));
    long.title = "ü".repeat(5_000);
    for passage in passages(&long, budget(4)) {
        assert_eq!(passage.title.chars().count(), LONGEST_TITLE);
        assert!(
            passage
                .headings
                .iter()
                .all(|heading| heading.chars().count() <= LONGEST_TITLE)
        );
    }
}

#[test]
fn the_head_of_a_long_table_is_counted_once() {
    let counted = std::cell::Cell::new(0);
    let count = |text: &str| {
        counted.set(counted.get() + usize::from(text.contains("kind")));
        words(text)
    };
    let rows = "| late | 5 |\n".repeat(500);
    let table = article(&format!("| kind | fee |\n|---|---|\n{rows}"));
    assert!(passages(&table, Budget::new(16, Some(16), &count)).len() > 100);
    assert!(counted.get() < 10, "{}", counted.get());
}

#[test]
fn only_the_same_fence_closes_code() {
    let body = "````\n```\n## no heading\n```\n````\n\n## Part\n\none two three";
    let found = cut(body, 5);
    assert_eq!(
        found.last().map(|(id, _)| id.as_str()),
        Some("refunds#part")
    );
    assert!(found.iter().all(|(id, _)| !id.contains("no-heading")));
}

#[test]
fn the_article_of_a_passage_is_known_by_its_id() {
    let mut odd = article(LONG);
    odd.id = "faq#1".into();
    for passage in passages(&odd, budget(12)) {
        assert_eq!(article_of(passage.id.as_str()), "faq#1");
    }
}

#[test]
fn products_are_in_passages_and_hashes_and_change_nothing_where_there_are_none() {
    let of = |products: &[&str]| {
        let products = products.iter().map(|name| (*name).to_owned()).collect();
        let article = KnowledgeArticle {
            products,
            ..article("A refund takes five days.")
        };
        passages(&article, budget(200)).remove(0)
    };
    let (plain, fibre) = (of(&[]), of(&["fibre"]));
    // As it was before there were products: an index from then is not made again.
    assert_eq!(plain.content_hash, "1f448c3d718e593dbd92ebe5403cff3f");
    assert_eq!(fibre.products, ["fibre"]);
    assert_eq!((&fibre.id, &fibre.text), (&plain.id, &plain.text));
    assert_eq!(searchable(&fibre), searchable(&plain));
    let hashes = [
        plain.content_hash,
        fibre.content_hash,
        of(&["mobile"]).content_hash,
        of(&["fibre", "mobile"]).content_hash,
    ];
    assert_eq!(HashSet::from(hashes).len(), 4);
}
