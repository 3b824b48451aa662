//! HTML, DOCX, PDF and CSV as Markdown.

use super::made::{docx, drawn, pdf, pdf_with};
use super::*;
use crate::knowledge::Audience;

#[test]
fn a_page_becomes_markdown() {
    let page = r#"<!DOCTYPE html><html lang="de_AT"><head><title>Refunds &amp; returns | Acme</title>
        <meta name="viewport" content="width=1"><meta name="attendant:audience" content="agent">
        <style>p { color: red }</style></head><body>
        <nav><ul><li>Home</li></ul></nav><div>Frame</div>
        <main><h1>Refunds</h1><p>Paid within <b>five</b>
        days.<br>Cards take six.</p><p hidden>secret</p>
        <h2>Steps</h2>Do this:<ol><li>Open the app<li><p>Choose</p><ul><li>the order</li><li>the item</li></ul></li></ol>
        <table><caption>Fees</caption><thead><tr><th>kind</th><th>fee | EUR</th></tr></thead>
        <tr><td>late<td>5</tr><tr><td><ul><li>lost</li><li>stolen</li></ul></td><td><table><tr><td>9</td><td>10</td></tr></table></td></tr></table>
        <dl><dt>SIM</dt><dd>The card.</dd></dl><pre>a  b
  c</pre><script>if (a < b) { "<p>no</p>" }</script><svg><text>no</text></svg></main><div>After</div><footer>Imprint</footer></body></html>"#;
    let article = one("refund.html", page.as_bytes());
    assert_eq!(
        article.body,
        "# Refunds\n\nPaid within five days.\nCards take six.\n\n## Steps\n\nDo this:\n\n1. Open the app\n2. Choose\n  - the order\n  - the item\n\n\
         Fees\n\n| kind | fee \\| EUR |\n|---|---|\n| late | 5 |\n| lost stolen | 9 10 |\n\nSIM: The card.\n\n```\na  b\n  c\n```"
    );
    assert_eq!(article.title, "Refunds");
    assert_eq!(article.language, "de-AT");
    assert_eq!(article.audience, Audience::Agent);
}

#[test]
fn a_page_without_headings_has_its_title_and_a_misspelt_meta_tag_refuses_it() {
    let article = one("p.htm", b"<title> A\n title </title><p>text &eacute;");
    assert_eq!(
        (article.title.as_str(), article.body.as_str()),
        ("A title", "text \u{e9}")
    );
    let page = b"<meta name='attendant:audiance' content='agent'><p>internal";
    assert!(refusal("p.html", page).contains("audiance"));
}

#[test]
fn a_layout_table_is_no_table_and_front_matter_works_in_pages_too() {
    let page = b"---\naudience: agent\n---\n<table role=presentation><tr><td><h2>Left</h2><p>one</td><td>two</td></tr></table>";
    let article = one("p.html", page);
    assert_eq!(article.body, "## Left\n\none\n\ntwo");
    assert_eq!(article.audience, Audience::Agent);
}

#[test]
fn other_encodings_are_read_with_a_note() {
    let latin = "Die Rückgabe ist für alle Kunden möglich, solange die Ware ungeöffnet ist: größere Stücke prüfen.";
    let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(latin);
    let russian = "<meta charset=windows-1251><p>Возврат денег занимает пять дней";
    let (named, _, _) = encoding_rs::WINDOWS_1251.encode(russian);
    let report = load(&[("a.md", &bytes), ("b.html", &named)]);
    assert_eq!(report.skipped, []);
    assert_eq!(report.articles[0].body, latin);
    assert_eq!(report.articles[1].body, "Возврат денег занимает пять дней");
    let notes: Vec<&str> = report.notes.iter().map(|note| note.text.as_str()).collect();
    assert!(notes[0].contains("windows-1252"), "{notes:?}");
    assert!(notes[1].contains("windows-1251"), "{notes:?}");
}

#[test]
fn a_word_file_becomes_markdown() {
    let body = r#"<w:p><w:pPr><w:pStyle w:val="TOC"/></w:pPr><w:r><w:t>Refunds 1</w:t></w:r></w:p>
        <w:p><w:pPr><w:pStyle w:val="berschrift1"/></w:pPr><w:r><w:t>Refunds</w:t></w:r></w:p>
        <w:p><w:r><w:t xml:space="preserve">Paid within </w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>five</w:t></w:r><w:r><w:t xml:space="preserve"> days &amp; nights.</w:t><w:br/><w:t>Cards take six.</w:t></w:r>
          <w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom></w:p>
        <w:p><w:pPr><w:pStyle w:val="H2"/></w:pPr><w:r><w:t>Steps</w:t></w:r></w:p>
        <w:p><w:pPr><w:pStyle w:val="Bullet"/></w:pPr><w:r><w:t>Open the app</w:t></w:r></w:p>
        <w:p><w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>Choose</w:t></w:r></w:p>
        <w:p><w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>Send</w:t></w:r></w:p>
        <w:p><w:r><w:t>Done.</w:t></w:r></w:p>
        <w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr><w:tc><w:p><w:r><w:t>kind</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>fee</w:t></w:r></w:p></w:tc></w:tr>
        <w:tr><w:tc><w:p><w:pPr><w:pStyle w:val="Bullet"/></w:pPr><w:r><w:t>late</w:t></w:r></w:p><w:p><w:r><w:t>or lost</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>5</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
        <w:p><w:r><w:t>After.</w:t></w:r></w:p>"#;
    let article = one("refund.docx", &docx(body));
    assert_eq!(
        article.body,
        "# Refunds\n\nPaid within five days & nights.\nCards take six.\n\n## Steps\n\n- Open the app\n  1. Choose\n  2. Send\n\n\
         Done.\n\n| kind | fee |\n|---|---|\n| late or lost | 5 |\n\nAfter."
    );
    assert_eq!(article.title, "Refunds");
}

#[test]
fn a_pdf_becomes_markdown() {
    let page = drawn(&[
        (24, "F", 50, 740, "Refunds"),
        (
            11,
            "F",
            50,
            710,
            "A refund is paid within five days. We write to you when it is sent, and the infor-",
        ),
        (11, "F", 50, 697, "mation is in the app."),
        (16, "F", 50, 660, "How to ask"),
        (
            11,
            "F",
            50,
            640,
            "Open the app and choose the order that you want to send back to us today.",
        ),
        (11, "F", 50, 620, "\\225 the order"),
        (11, "F", 50, 607, "\\225 the item"),
        (11, "B", 50, 580, "Fees"),
        (11, "B", 50, 560, "kind"),
        (11, "B", 250, 560, "fee"),
        (11, "F", 50, 547, "late"),
        (11, "F", 250, 547, "5 EUR"),
        (11, "F", 50, 534, "lost"),
        (11, "F", 250, 534, "9 EUR"),
    ]);
    let spaced = "BT /F 11 Tf 1 0 0 1 50 700 Tm [(Words) -300 (that are) -20 (nt) ( shifted.)] TJ T* ET q 1 0 0 1 0 -30 cm /X Do Q";
    let file = pdf_with(
        &[&page, spaced],
        "BT /F 11 Tf 50 600 Td (From a form.) Tj ET",
        "",
    );
    let article = one("refund.pdf", &file);
    assert_eq!(
        article.body,
        "# Refunds\n\nA refund is paid within five days. We write to you when it is sent, and the information is in the app.\n\n\
         ## How to ask\n\nOpen the app and choose the order that you want to send back to us today.\n\n- the order\n- the item\n\n\
         ### Fees\n\n| kind | fee |\n|---|---|\n| late | 5 EUR |\n| lost | 9 EUR |\n\nWords that arent shifted.\n\nFrom a form."
    );
    assert_eq!(article.title, "Refunds");
}

#[test]
fn running_titles_and_page_numbers_of_a_pdf_are_left_out_and_scans_are_noted() {
    let words = ["Refunds", "Deliveries", "Invoices", "Contracts"];
    let page = |number: usize| {
        let word = words[number - 1];
        drawn(&[
            (9, "F", 50, 780, &format!("Acme handbook - {number}")),
            (11, "F", 50, 700, &format!("{word} begin here.")),
            (11, "F", 50, 640, "It goes on."),
            (11, "F", 50, 580, "And on."),
            (11, "F", 50, 520, &format!("{word} end.")),
            (9, "F", 300, 30, &number.to_string()),
        ])
    };
    let pages: Vec<String> = (1..=4).map(page).collect();
    let mut pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    pages.push("");
    let report = load(&[("book.pdf", &pdf(&pages))]);
    let body = &report.articles[0].body;
    assert!(!body.contains("handbook") && !body.contains('3'), "{body}");
    assert!(
        body.contains("Invoices begin here.") && body.ends_with("Contracts end."),
        "{body}"
    );
    assert!(
        report.notes[0].text.contains("no text on page 5"),
        "{:?}",
        report.notes
    );
}

#[test]
fn titles_that_differ_by_a_number_stay_and_bullets_are_as_deep_as_they_stand() {
    let page = |number: usize, name: &str| {
        drawn(&[
            (9, "F", 50, 780, &format!("Price list, page {number} of 3")),
            (16, "F", 50, 740, name),
            (11, "F", 50, 700, &format!("{name} is sold here.")),
            (11, "F", 50, 660, "You cannot return:"),
            (11, "F", 50, 640, "\\225 phones that were"),
            (11, "F", 60, 627, "used, and"),
            (11, "F", 70, 614, "\\225 opened boxes"),
            (11, "F", 70, 601, "\\225 opened cables"),
            (11, "F", 50, 588, "\\225 cards"),
            (11, "F", 50, 540, &format!("{name} ends.")),
            (9, "F", 50, 30, &number.to_string()),
        ])
    };
    let pages = [
        page(1, "Fibre 100"),
        page(2, "Fibre 300"),
        page(3, "Fibre 500"),
    ];
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let body = one("fibre.pdf", &pdf(&pages)).body;
    let list = "You cannot return:\n\n- phones that were used, and\n  - opened boxes\n  - opened cables\n- cards";
    let expected = ["100", "300", "500"].map(|speed| {
        format!("# Fibre {speed}\n\nFibre {speed} is sold here.\n\n{list}\n\nFibre {speed} ends.")
    });
    assert_eq!(body, expected.join("\n\n"));
}

#[test]
fn csv_pairs_with_any_delimiter_become_articles() {
    let comma = b"Question,Answer,audience,Valid From\r\n\"How much, exactly?\",\"5 EUR\nper day\",agent,2026-01-31\r\nWhen?,\"Now, \"\"today\"\"\",,\r\n";
    let report = load(&[
        ("a.csv", comma),
        ("b.csv", b"question;answer\nA;B, C\n"),
        ("c.tsv", b"question\tanswer\nA\tB\n"),
    ]);
    assert_eq!(report.skipped, []);
    let bodies: Vec<&str> = report.articles.iter().map(|a| a.body.as_str()).collect();
    assert_eq!(
        bodies,
        [
            "# How much, exactly?\n\n5 EUR\nper day",
            "# When?\n\nNow, \"today\"",
            "# A\n\nB, C",
            "# A\n\nB"
        ]
    );
    assert_eq!(report.articles[0].audience, Audience::Agent);
    assert!(report.articles[0].valid_from.is_some());
    assert_eq!(report.articles[1].audience, Audience::Customer);
}
