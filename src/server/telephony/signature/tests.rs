use axum::http::{HeaderName, HeaderValue};

use super::*;

/// The example of the platform's documentation, whose secret and signature are public.
const KEY: &str = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh";
const SECRET: &str = "TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU=";
const INPUT: &str = r#"sig1=("@request-target" "@authority" "audiohook-organization-id" "audiohook-session-id" "audiohook-correlation-id" "x-api-key");keyid="SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh";nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256";created=1641013200;expires=3282026430"#;
const SIGNATURE: &str = "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:";
const CREATED: i64 = 1_641_013_200;

fn secret() -> Vec<u8> {
    STANDARD.decode(SECRET).unwrap()
}

fn headers(list: &[(&str, &str)]) -> HeaderMap {
    list.iter()
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect()
}

fn example() -> HeaderMap {
    headers(&[
        (
            "audiohook-organization-id",
            "d7934305-0972-4844-938e-9060eef73d05",
        ),
        (
            "audiohook-correlation-id",
            "e160e428-53e2-487c-977d-96989bf5c99d",
        ),
        (
            "audiohook-session-id",
            "30b0e395-84d3-4570-ac13-9a62d8f514c0",
        ),
        ("x-api-key", KEY),
        ("signature-input", INPUT),
        ("signature", SIGNATURE),
    ])
}

fn signed(headers: &HeaderMap) -> Signed<'_> {
    Signed {
        method: "GET",
        target: "/api/v1/voicebiometrics/ws",
        authority: "audiohook.example.com",
        headers,
    }
}

/// What comes of the example after a change.
fn changed(change: impl FnOnce(&mut HeaderMap)) -> Result<(), SignatureFault> {
    let mut headers = example();
    change(&mut headers);
    Verifier::default().verify(&signed(&headers), KEY, Some(&secret()), CREATED + 1)
}

fn with_input(change: impl FnOnce(String) -> String) -> Result<(), SignatureFault> {
    let input = HeaderValue::from_str(&change(INPUT.to_owned())).unwrap();
    changed(|headers| drop(headers.insert("signature-input", input)))
}

#[test]
fn the_example_of_the_documentation_is_good_once() {
    let verifier = Verifier::default();
    let headers = example();
    let verify = |now| verifier.verify(&signed(&headers), KEY, Some(&secret()), now);
    assert_eq!(verify(CREATED - 6), Err(SignatureFault::TooEarly));
    assert_eq!(verify(CREATED + 36), Err(SignatureFault::Expired));
    assert_eq!(verify(CREATED + 2), Ok(()));
    assert_eq!(verify(CREATED + 2), Err(SignatureFault::Replayed));
    assert_eq!(verify(CREATED + 35), Err(SignatureFault::Replayed));
}

#[test]
fn the_example_of_the_draft_is_good() {
    // Appendix B.2.5 of the draft; it has neither a nonce nor an end.
    let options = SignatureOptions {
        components: &["date", "@authority", "content-type"],
        needs_nonce: false,
        ..SignatureOptions::default()
    };
    let secret = STANDARD
        .decode("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==")
        .unwrap();
    let headers = headers(&[
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("content-type", "application/json"),
        (
            "signature-input",
            r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#,
        ),
        (
            "signature",
            "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
        ),
    ]);
    let request = Signed {
        method: "POST",
        target: "/foo",
        authority: "Example.com",
        headers: &headers,
    };
    let verify = |secret| {
        Verifier::new(options).verify(&request, "test-shared-secret", secret, 1_618_884_475)
    };
    assert_eq!(verify(Some(secret.as_slice())), Ok(()));
    assert_eq!(
        verify(Some(b"another".as_slice())),
        Err(SignatureFault::Wrong)
    );
    assert_eq!(verify(None), Err(SignatureFault::Wrong));
}

#[test]
fn whatever_is_changed_is_noticed() {
    for name in [
        "audiohook-organization-id",
        "audiohook-session-id",
        "audiohook-correlation-id",
        "x-api-key",
    ] {
        let fault = changed(|headers| {
            headers.insert(name, HeaderValue::from_static("something-else"));
        });
        assert_eq!(fault, Err(SignatureFault::Wrong), "{name}");
        let fault = changed(|headers| drop(headers.remove(name)));
        assert_eq!(fault, Err(SignatureFault::Unresolved), "{name}");
        let fault = changed(|headers| {
            headers.append(name, HeaderValue::from_static("twice"));
        });
        assert_eq!(fault, Err(SignatureFault::Wrong), "{name}");
    }
    let headers = example();
    for (target, authority) in [
        ("/api/v1/voicebiometrics/ws?x=1", "audiohook.example.com"),
        ("/api/v1/voicebiometrics/ws", "elsewhere.example.com"),
    ] {
        let request = Signed {
            target,
            authority,
            ..signed(&headers)
        };
        let fault = Verifier::default().verify(&request, KEY, Some(&secret()), CREATED);
        assert_eq!(fault, Err(SignatureFault::Wrong));
    }
    let later = with_input(|input| input.replace("expires=3282026430", "expires=3282026431"));
    assert_eq!(later, Err(SignatureFault::Wrong));
}

#[test]
fn what_is_missing_or_misshapen_is_told() {
    let none = changed(|headers| {
        headers.remove("signature");
        headers.remove("signature-input");
    });
    assert_eq!(none, Err(SignatureFault::Missing));
    let fault = changed(|headers| drop(headers.remove("signature")));
    assert_eq!(fault, Err(SignatureFault::Malformed("Signature")));
    let fault = changed(|headers| drop(headers.remove("signature-input")));
    assert_eq!(fault, Err(SignatureFault::Malformed("Signature-Input")));
    for signature in ["sig1=abc", "sig2=:aGk=:", "sig1=:a:", "sig1"] {
        let fault = changed(|headers| {
            headers.insert("signature", HeaderValue::from_static(signature));
        });
        assert_eq!(
            fault,
            Err(SignatureFault::Malformed("Signature")),
            "{signature}"
        );
    }
    let short = changed(|headers| {
        headers.insert("signature", HeaderValue::from_static("sig1=:aGk=:"));
    });
    assert_eq!(short, Err(SignatureFault::Wrong));
    for (from, to, fault) in [
        (
            " \"x-api-key\"",
            "",
            SignatureFault::NotCovered("x-api-key"),
        ),
        (
            "\"x-api-key\"",
            "\"x-api-key\";sf",
            SignatureFault::NotCovered("x-api-key"),
        ),
        (
            "\"x-api-key\"",
            "\"x-api-key\" \"x-api-key\"",
            SignatureFault::Malformed("Signature-Input"),
        ),
        (
            "\"x-api-key\"",
            "\"x-api-key\" \"@signature-params\"",
            SignatureFault::Unsupported("a derived component"),
        ),
        (
            "\"x-api-key\"",
            "\"x-api-key\" \"signature\"",
            SignatureFault::Unsupported("a signature of signatures"),
        ),
        (
            "hmac-sha256",
            "none",
            SignatureFault::Unsupported("another algorithm"),
        ),
        ("keyid=\"SGV", "keyid=\"SGW", SignatureFault::OtherKey),
        ("VGhpc0lzQVVuaXF1ZU5vbmNl", "short", SignatureFault::Nonce),
        (
            "nonce=\"VGhpc0lzQVVuaXF1ZU5vbmNl\";",
            "",
            SignatureFault::Nonce,
        ),
        ("created=1641013200;", "", SignatureFault::NoTime),
        (
            "created=1641013200",
            "created=\"x\"",
            SignatureFault::Malformed("Signature-Input"),
        ),
        (
            "expires=3282026430",
            "expires=1641013190",
            SignatureFault::Expired,
        ),
        (
            ";alg=",
            ";odd=1;alg=",
            SignatureFault::Malformed("Signature-Input"),
        ),
        (
            "sig1=(",
            "sig1=",
            SignatureFault::Malformed("Signature-Input"),
        ),
    ] {
        let got = with_input(|input| input.replace(from, to));
        assert_eq!(got, Err(fault), "{from} -> {to}");
    }
}

#[test]
fn another_signature_beside_it_does_no_harm() {
    let two = |first: &str| {
        let input = format!("{first}=(\"@method\");created=1641013200, {INPUT}");
        let signature = format!("{first}=:aGk=:, {SIGNATURE}");
        changed(|headers| {
            headers.insert("signature-input", HeaderValue::from_str(&input).unwrap());
            headers.insert("signature", HeaderValue::from_str(&signature).unwrap());
        })
    };
    assert_eq!(two("other"), Ok(()));
    assert_eq!(
        two("sig1"),
        Err(SignatureFault::Malformed("Signature-Input"))
    );
}

#[test]
fn old_nonces_are_forgotten_and_a_flood_is_refused() {
    let verifier = Verifier::default();
    let remember = |nonce: &str, now| verifier.remember("key", nonce, now + 35, now);
    for number in 0..MOST_NONCES {
        assert_eq!(remember(&number.to_string(), 100), Ok(()));
    }
    assert_eq!(remember("one more", 100), Err(SignatureFault::Busy));
    assert_eq!(remember("one more", 136), Ok(()));
    assert_eq!(verifier.seen.lock().len(), 1);
    assert_eq!(remember("one more", 137), Err(SignatureFault::Replayed));
    assert_eq!(verifier.remember("other key", "one more", 200, 137), Ok(()));
}

#[test]
fn twilio_signs_the_address() {
    let sign = |address: &str| {
        let mut mac = Hmac::<Sha1>::new_from_slice(b"token").unwrap();
        mac.update(address.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    };
    let is_signed = |signature: &str, token: &[u8]| {
        let headers = headers(&[("x-twilio-signature", signature)]);
        is_signed_by_twilio(
            &headers,
            "calls.example.com",
            "/v1/telephony/media-streams",
            token,
        )
    };
    for address in [
        "wss://calls.example.com/v1/telephony/media-streams",
        "wss://calls.example.com/v1/telephony/media-streams/",
        "https://calls.example.com/v1/telephony/media-streams",
    ] {
        assert!(is_signed(&sign(address), b"token"), "{address}");
        assert!(!is_signed(&sign(address), b"other"), "{address}");
    }
    assert!(!is_signed(&sign("wss://elsewhere.example.com/"), b"token"));
    assert!(!is_signed("no base64", b"token"));
    assert!(!is_signed_by_twilio(&HeaderMap::new(), "a", "/", b"token"));
}
