use super::*;

fn text(response: &Response, name: axum::http::HeaderName) -> String {
    response.headers()[name].to_str().unwrap().to_owned()
}

/// Every file that the text names in quotes and that looks like one of ours.
fn named(text: &str) -> Vec<String> {
    let names = regex::Regex::new(r#"["/]([a-z-]+\.(?:js|css|svg))""#).unwrap();
    names
        .captures_iter(text)
        .map(|found| found[1].to_owned())
        .collect()
}

#[test]
fn every_file_that_a_page_or_module_names_is_served() {
    let texts = ASSETS
        .iter()
        .map(|asset| asset.text)
        .chain([DESK, SUPERVISOR]);
    for name in texts.flat_map(named) {
        assert!(ASSETS.iter().any(|asset| asset.name == name), "{name}");
    }
    // And nothing lies in the folder that is not served.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/server/desktop/assets");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_page = name.ends_with(".html");
        assert!(
            is_page || ASSETS.iter().any(|asset| asset.name == name),
            "{name}"
        );
    }
}

#[test]
fn nothing_in_the_pages_needs_a_weaker_policy() {
    for page in [DESK, SUPERVISOR] {
        for forbidden in [
            "<style",
            " style=",
            "<script>",
            "javascript:",
            " onclick",
            "//",
        ] {
            let found = page.contains(forbidden);
            assert!(!found, "{forbidden}");
        }
    }
    for asset in ASSETS.iter().filter(|asset| asset.media_type == JS) {
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(
                !asset.text.contains(forbidden),
                "{}: {forbidden}",
                asset.name
            );
        }
    }
}

#[test]
fn pages_are_asked_for_each_time_and_files_are_kept() {
    let cors = Cors {
        origins: vec![
            "https://desk.example".into(),
            "https://evil; script-src *".into(),
        ],
    };
    let answer = page(&PAGES.desk, &HeaderMap::new(), &cors);
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(text(&answer, CACHE_CONTROL), "no-cache");
    let policy = text(&answer, CONTENT_SECURITY_POLICY);
    assert!(policy.starts_with("default-src 'self'"), "{policy}");
    assert!(
        policy.ends_with("frame-ancestors 'self' https://desk.example"),
        "{policy}"
    );
    let mut headers = HeaderMap::new();
    headers.insert(IF_NONE_MATCH, tag().parse().unwrap());
    let answer = page(&PAGES.desk, &headers, &cors);
    assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
    assert!(
        PAGES
            .desk
            .contains(&format!("desktop/{}/app.js", PAGES.digest))
    );
    assert!(!PAGES.desk.contains(PLACE));
}

#[tokio::test]
async fn a_file_of_today_may_be_kept_and_one_of_another_day_may_not() {
    let get = |digest: &str, name: &str| {
        file(Path((digest.to_owned(), name.to_owned())), HeaderMap::new())
    };
    let answer = get(&PAGES.digest, "app.js").await.unwrap();
    assert!(text(&answer, CACHE_CONTROL).contains("immutable"));
    assert_eq!(text(&answer, CONTENT_TYPE), JS);
    let answer = get("0123", "app.js").await.unwrap();
    assert_eq!(text(&answer, CACHE_CONTROL), "no-cache");
    for missing in ["index.html", "../app.js", "", "app.js.map"] {
        let problem = get(&PAGES.digest, missing).await.unwrap_err();
        assert_eq!(problem.status, 404, "{missing}");
    }
}
