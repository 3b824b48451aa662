//! Files that are broken, hostile, or not what their name says.

use std::time::Instant;

use super::made::{docx, drawn, pdf, pdf_with, zipped};
use super::*;

const FORMATS: [Format; 7] = [
    Format::Text,
    Format::Html,
    Format::Pdf,
    Format::Docx,
    Format::Csv,
    Format::Json,
    Format::JsonLines,
];

#[test]
fn broken_files_are_refused_with_a_reason() {
    let whole = pdf(&[&drawn(&[(11, "F", 50, 700, "text")])]);
    let deep_json = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases: [(&str, &[u8], &str); 18] = [
        ("a.pdf", b"hello", "not a PDF"),
        ("b.pdf", b"%PDF-1.4\n%%EOF", "damaged"),
        ("c.pdf", &whole[..120], "damaged"),
        ("d.pdf", &pdf(&[]), "no pages"),
        ("e.pdf", &pdf(&["0 0 100 100 re f"]), "OCR"),
        ("f.docx", b"hello", "not a Word file"),
        ("g.docx", &[0xd0, 0xcf, 0x11, 0xe0, 0, 0], "password"),
        ("h.docx", &zipped(&[("a.txt", b"x")]), "no document"),
        ("i.docx", &docx("<w:p><w:r>"), "damaged"),
        ("j.docx", &docx("<w:p/>"), "empty"),
        ("k.html", b"<nav>only a menu</nav>", "empty"),
        ("l.html", b"a\0b", "zero bytes"),
        ("m.csv", b"frage,antwort\na,b\n", "frage"),
        ("n.csv", b"question,answer,question\na,b,c\n", "twice"),
        ("o.csv", b"question\na\n", "no column `answer`"),
        ("p.json", deep_json.as_bytes(), "not JSON"),
        ("q.json", b"{\"a\": 1}", "not a JSON array"),
        ("r.jsonl", b"\n\n", "empty"),
    ];
    for (name, content, reason) in cases {
        let found = refusal(name, content);
        assert!(found.contains(reason), "{name}: {found}");
    }
}

#[test]
fn garbage_is_no_text_in_any_encoding() {
    let mut seed = 1;
    let noise: Vec<u8> = (0..4000)
        .map(|_| 1 + (random(&mut seed) % 255) as u8)
        .collect();
    assert!(refusal("noise.md", &noise).contains("not a text file"));
}

#[test]
fn an_encrypted_pdf_is_refused() {
    let page = drawn(&[(11, "F", 50, 700, "text")]);
    let lock = format!(
        "/Encrypt << /Filter /Standard /V 1 /R 2 /P -44 /O <{0}> /U <{0}> >> /ID [<00> <00>]",
        "00".repeat(32)
    );
    let found = refusal("a.pdf", &pdf_with(&[&page], "", &lock));
    assert!(found.contains("encrypted"), "{found}");
}

#[test]
fn a_decompression_bomb_is_refused_before_it_is_inflated() {
    let zeros = vec![b' '; 80 * 1024 * 1024];
    let bomb = zipped(&[("word/document.xml", &zeros)]);
    assert!(bomb.len() < 1024 * 1024);
    let found = refusal("a.docx", &bomb);
    assert!(found.contains("bomb"), "{found}");
    let text = format!(
        "<w:p><w:r><w:t>{}</w:t></w:r></w:p>",
        "word ".repeat(10_000)
    )
    .repeat(100);
    let found = refusal("b.docx", &docx(&text));
    assert!(found.contains("4 MB of text"), "{found}");
}

#[test]
fn deep_nesting_and_circles_end_soon() {
    for tag in [
        "div",
        "ul><li",
        "table><tr><td",
        "blockquote",
        "b",
        "nav",
        "main",
        "pre",
    ] {
        let deep = format!("<p>text {}", format!("<{tag}>x").repeat(20_000));
        let report = load(&[("deep.html", deep.as_bytes())]);
        assert_eq!(report.articles.len() + report.skipped.len(), 1, "{tag}");
        let late = |skipped: &Skipped| skipped.reason.contains("took longer");
        assert!(!report.skipped.iter().any(late), "{tag}");
    }
    let nested = "<w:p>".repeat(10_000) + &"</w:p>".repeat(10_000);
    assert!(refusal("deep.docx", &docx(&nested)).contains("empty"));
    let tables = "<w:tbl><w:tr><w:tc>".repeat(5_000) + &"</w:tc></w:tr></w:tbl>".repeat(5_000);
    assert!(refusal("deep.docx", &docx(&tables)).contains("empty"));
    // A form that draws itself twice would be drawn 2^n times.
    let circle = pdf_with(
        &["/X Do"],
        "BT /F 11 Tf 50 700 Td (again) Tj ET /X Do /X Do",
        "",
    );
    let article = one("circle.pdf", &circle);
    assert!(article.body.contains("again"));
    let deep = pdf(&[&format!("{} Tj", "[".repeat(100_000))]);
    assert!(refusal("deep.pdf", &deep).contains("no text"));
}

#[test]
fn a_parser_that_hangs_or_panics_holds_nobody_up() {
    let long = Duration::from_secs(600);
    let found = guard::run(long, |_| panic!("a defect in a library")).unwrap_err();
    assert!(matches!(&found, Unread::Refused(why) if why.contains("breaks its parser")));
    let (sender, receiver) = std::sync::mpsc::channel();
    let begin = Instant::now();
    let found = guard::run(Duration::from_millis(50), move |stop| {
        while !stop.is_told() {
            std::thread::sleep(Duration::from_millis(5));
        }
        sender.send(()).unwrap();
        Err("late".into())
    });
    let found = found.unwrap_err();
    assert!(matches!(&found, Unread::Unreachable(why) if why.contains("took longer")));
    assert!(begin.elapsed() < Duration::from_secs(10));
    // It was told to stop.
    receiver.recv_timeout(Duration::from_secs(10)).unwrap();
}

#[test]
fn a_file_that_takes_too_long_was_not_taken_away() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.html", "<p>text");
    let options = LoadOptions {
        file_timeout: Duration::ZERO,
        ..LoadOptions::default()
    };
    let report = load_articles_with(dir.path(), &"acme".into(), &options, None).unwrap();
    // A quick thread may be done before anybody waits for it.
    assert_eq!(report.articles.len() + report.unreachable, 1);
    assert_eq!(report.is_complete(), report.skipped.is_empty());
}

#[test]
fn an_unclosed_quote_is_told_and_the_rows_before_it_are_kept() {
    let head = "question,answer\nA?,\"1, \"\"2\"\"\n3\"\n";
    for rest in [
        "B?,\"open\nC?,3\n",
        "B?,\"open\nC?,\"Now\"\nD?,4\n",
        "\"B?,2\nC?,\"3\"\n",
    ] {
        let report = load(&[("a.csv", format!("{head}{rest}").as_bytes())]);
        assert_eq!(report.articles.len(), 1, "{rest}");
        assert_eq!(report.articles[0].body, "# A?\n\n1, \"2\"\n3");
        let reason = &report.skipped[0].reason;
        assert!(reason.contains("line 4: a quote is opened"), "{reason}");
    }
    for whole in ["question,answer\n\"B?,2\n", "\"question,answer\nB?,2\n"] {
        assert!(refusal("a.csv", whole.as_bytes()).contains("a quote is opened"));
    }
    // What is odd in one line only is read as before.
    let odd = load(&[("a.csv", b"question,answer\nA?,\"say \"yes\"\" now\n")]);
    assert_eq!(odd.articles.len(), 1);
}

/// Whatever the bytes, there are articles or a reason, and nothing panics: `parse` is called without the
/// thread that would hide a panic from us.
#[test]
fn random_and_damaged_bytes_never_panic() {
    let page = drawn(&[(11, "F", 50, 700, "some text"), (20, "B", 50, 650, "more")]);
    let seeds: [Vec<u8>; 6] = [
        b"# Title\n\n- a\n- b\n\n| a | b |\n|---|---|\n| c | d |\n".to_vec(),
        b"<html lang=en><table><tr><td>a<ul><li>b</table><h1>c</h1><pre>d".to_vec(),
        pdf(&[&page]),
        docx("<w:p><w:r><w:t>text</w:t></w:r></w:p><w:tbl><w:tr><w:tc/></w:tr></w:tbl>"),
        b"question,answer\n\"a\",b\n".to_vec(),
        b"[{\"question\": \"a\", \"answer\": \"b\"}]".to_vec(),
    ];
    let options = LoadOptions::default();
    let stop = guard::Stop::default();
    let mut seed = 7;
    let mut loaded = 0;
    for round in 0..400 {
        let mut bytes = seeds[round % seeds.len()].clone();
        match round % 4 {
            0 => bytes = (0..200).map(|_| random(&mut seed) as u8).collect(),
            1 => {
                let at = random(&mut seed) as usize % bytes.len();
                bytes.truncate(at);
            }
            _ => {
                for _ in 0..=random(&mut seed) % 8 {
                    let at = random(&mut seed) as usize % bytes.len();
                    bytes[at] = random(&mut seed) as u8;
                }
            }
        }
        for format in FORMATS {
            let parsed = unguarded(&bytes, format, &options, &stop);
            loaded += usize::from(parsed.is_ok());
        }
    }
    // Otherwise nothing but the first check of each format was tried.
    assert!(loaded > 200, "{loaded}");
}

fn unguarded(
    bytes: &[u8],
    format: Format,
    options: &LoadOptions,
    stop: &guard::Stop,
) -> std::result::Result<Parsed, Unread> {
    Ok(match format {
        Format::Html => with_front_matter(bytes, html::charset(bytes).as_deref(), html::parse)?,
        Format::Pdf => pdf::parse(bytes, stop)?,
        Format::Docx => docx::parse(bytes.to_vec(), options)?,
        Format::Csv => with_note(bytes, pairs::parse_csv)?,
        _ => parse(bytes.to_vec(), format, options)?,
    })
}

/// A number that looks random (xorshift).
fn random(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}
