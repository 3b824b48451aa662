//! Tables of pages, Word files and PDF files, and what no longer holds in them.

use std::time::{Duration, Instant};

use super::made::{docx, drawn, pdf};
use super::*;

fn page(html: &str) -> String {
    one("a.html", html.as_bytes()).body
}

#[test]
fn cells_that_span_columns_or_rows_stand_in_each_of_them() {
    let html = "<table><tr><th rowspan=2>Plan</th><th colspan=2>Fee</th></tr><tr><th>now</th><th>later</th></tr>\
        <tr><td rowspan=2>Fibre</td><td>1</td><td>2</td></tr><tr><td colspan=2>none</td></tr>\
        <tr><td>Mobile</td><td rowspan=0>3</td><td>4</td></tr><tr><td>Both</td><td>5</td></tr></table>";
    assert_eq!(
        page(html),
        "| Plan | Fee – now | Fee – later |\n|---|---|---|\n| Fibre | 1 | 2 |\n| Fibre | none | none |\n\
         | Mobile | 3 | 4 |\n| Both | 3 | 5 |"
    );
    let cell = |properties: &str, text: &str| {
        format!("<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>")
    };
    let old = "<w:tcPrChange><w:tcPr><w:gridSpan w:val=\"3\"/></w:tcPr></w:tcPrChange>";
    let body = format!(
        "<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>{}{}{}</w:tr><w:tr>{}{}</w:tr><w:tr>{}{}{}</w:tr>\
         <w:tr><w:trPr><w:gridBefore w:val=\"2\"/></w:trPr>{}</w:tr></w:tbl>",
        cell(old, "Plan"),
        cell("", "shop"),
        cell("", "online"),
        cell("<w:vMerge w:val=\"restart\"/>", "Fibre"),
        cell("<w:gridSpan w:val=\"2\"/>", "no"),
        cell("<w:vMerge/>", ""),
        cell("", "no"),
        cell("", "yes"),
        cell("", "late"),
    );
    assert_eq!(
        one("a.docx", &docx(&body)).body,
        "| Plan | shop | online |\n|---|---|---|\n| Fibre | no | no |\n| Fibre | no | yes |\n|  |  | late |"
    );
}

#[test]
fn only_heads_are_heads_and_sections_are_told_with_their_rows() {
    let plain = "|  |  |\n|---|---|\n| Price | 5 |\n| Term | 6 |";
    for html in [
        "<table><tr><td>Price<td>5<tr><td>Term<td>6</table>",
        "<table><tr><th>Price</th><td>5</td></tr><tr><th scope=row>Term</th><td>6</td></tr></table>",
    ] {
        assert_eq!(page(html), plain);
    }
    let body = "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Price</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>5</w:t></w:r></w:p></w:tc></w:tr>\
        <w:tr><w:tc><w:p><w:r><w:t>Term</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>6</w:t></w:r></w:p></w:tc></w:tr></w:tbl>";
    assert_eq!(one("a.docx", &docx(body)).body, plain);
    let drawn = drawn(&[
        (11, "F", 50, 560, "Price"),
        (11, "F", 250, 560, "5"),
        (11, "F", 50, 547, "Term"),
        (11, "F", 250, 547, "6"),
    ]);
    assert_eq!(one("a.pdf", &pdf(&[&drawn])).body, plain);
    let sections = "<table><thead><tr><td>Item</td><td>Pays</td></tr></thead><tr><td>Theft</td><td>all</td></tr>\
        <tr><td colspan=2>Not covered</td></tr><tr><td>Water</td><td>-</td></tr>\
        <tr><td colspan=2>Ask us.</td></tr></table>";
    assert_eq!(
        page(sections),
        "| Item | Pays |\n|---|---|\n| Theft | all |\n\n| Not covered – Item | Not covered – Pays |\n|---|---|\n\
         | Water | - |\n\nAsk us."
    );
    let again = "<table><tr><th>You can return</th></tr><tr><td>phones</td></tr><tr><th>You cannot return</th></tr><tr><td>cards</td></tr></table>";
    assert_eq!(
        page(again),
        "| You can return |\n|---|\n| phones |\n\n| You cannot return |\n|---|\n| cards |"
    );
    assert_eq!(
        page("<table><tr><th>a<th>b<tr><th>c<th>d</table>"),
        "| a | b |\n|---|---|\n| c | d |"
    );
}

#[test]
fn a_few_tags_do_not_become_any_number_of_cells() {
    let word = "word ".repeat(40_000);
    let row = "<tr><td colspan=1000 rowspan=9999>x</td>";
    let html = format!(
        "<table><tr><td rowspan=99999 colspan=1000>{word}</td></tr>{}</table><table>{}</table>",
        "<tr>".repeat(100_000),
        row.repeat(50_000)
    );
    let begin = Instant::now();
    let body = page(&html);
    assert!(body.len() < 4 * 1024 * 1024, "{}", body.len());
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn what_is_struck_out_or_hidden_is_left_out_and_nothing_else() {
    for (html, expected) in [
        (
            "It costs <del>30</del> <s>28</s> <strike>27</strike> <ins>25</ins> a month.",
            "It costs 25 a month.",
        ),
        (
            "<p>It costs <span style='text-decoration: line-through'>30</span> 25.",
            "It costs 25.",
        ),
        ("<p hidden>x<p>rest", "rest"),
        ("<div><p hidden>x</div>rest", "rest"),
        ("<p hidden>x<b>y</b></p>rest", "rest"),
        (
            "<ul><li hidden>x<ul><li>y</ul><li>rest</ul>after",
            "- rest\n\nafter",
        ),
        ("<ul><li hidden>x</ul>after", "after"),
        (
            "<table><tr hidden><td>x<tr><td>rest</table>",
            "|  |\n|---|\n| rest |",
        ),
        (
            "<h2><button>Not covered</button></h2><p>Water. <button>Close</button>",
            "## Not covered\n\nWater.",
        ),
    ] {
        assert_eq!(page(html), expected, "{html}");
    }
    let body = r#"<w:p><w:r><w:t xml:space="preserve">It costs </w:t></w:r><w:r><w:rPr><w:strike/></w:rPr><w:t>30</w:t></w:r>
        <w:r><w:rPr><w:dstrike/><w:vanish w:val="0"/></w:rPr><w:t>28</w:t></w:r>
        <w:r><w:rPr><w:strike w:val="false"/><w:rPrChange><w:rPr><w:strike/></w:rPr></w:rPrChange></w:rPr><w:t>25.</w:t></w:r></w:p>
        <w:p><w:pPr><w:numPr><w:ilvl w:val="18446744073709551615"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>deep</w:t></w:r></w:p>"#;
    let body = one("a.docx", &docx(body)).body;
    assert!(body.starts_with("It costs 25.\n\n"), "{body}");
    assert!(body.ends_with("- deep"), "{body}");
}

#[test]
fn heads_and_sections_of_small_files_do_not_fill_the_memory() {
    // Each section would begin a table as wide as the widest row of all.
    let wide = format!("<table><tr>{}", "<td>a".repeat(20_000));
    let sections = "<tr><td colspan=2>s<tr><td>b".repeat(2_000);
    let html = format!("{wide}{sections}</table>");
    let reason = refusal("a.html", html.as_bytes());
    assert!(reason.contains("repeat too much"), "{reason}");
    let long = format!("<table><tr>{}", "<th>head of a column".repeat(2_000));
    let html = format!("{long}{sections}</table>");
    let reason = refusal("a.html", html.as_bytes());
    assert!(reason.contains("repeat too much"), "{reason}");
    // A cell far to the right that goes on in all rows would fill each up to it.
    let row = format!("<tr>{}<td rowspan=0>c", "<td>a".repeat(5_000));
    let html = format!("<table>{row}{}</table>", "<tr><td>b".repeat(2_000));
    let body = page(&html);
    assert!(body.len() < 1024 * 1024, "{}", body.len());
    assert_eq!(body.matches("| b").count(), 2_000);
    // What somebody writes is far from that.
    let plans = "<tr><td colspan=3>Plan<tr><td>a<td>b<td>c".repeat(2_000);
    let heads = "<table><tr><th>One</th><th>Two</th><th>Three</th></tr>";
    assert!(page(&format!("{heads}{plans}</table>")).ends_with("| a | b | c |"));
}

#[test]
fn items_of_items_take_time_by_their_number() {
    let begin = Instant::now();
    let deep = "<ul><li>x".repeat(400_000);
    let report = load(&[("deep.html", deep.as_bytes())]);
    assert_eq!(report.unreachable, 0, "{:?}", report.skipped);
    assert!(begin.elapsed() < Duration::from_secs(20));
    let nested = "<ul><li>a<ul><li>b</ul><pre>c</pre><li>d</ul><ul><li>e</ul>";
    assert_eq!(page(nested), "- a\n  - b\n\n```\nc\n```\n\n- d\n\n- e");
}
