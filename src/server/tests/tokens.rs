//! JSON Web Tokens, mistakes of configurations, and the document.

use std::collections::BTreeSet;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

use super::*;
use crate::error::ErrorKind;

const SECRET: &str = "a secret of the tests that has more than 32 bytes";

/// What a test signs and checks with: HMAC, and key pairs made for the tests.
fn issuer(folder: &std::path::Path, name: &str, algorithm: JwtAlgorithm, key: &str) -> Jwt {
    let path = folder.join(name);
    std::fs::write(&path, key).unwrap();
    Jwt {
        issuer: name.into(),
        audience: "attendant".into(),
        algorithm,
        key: Secret::File(path),
        tenant_claim: "org".into(),
        tenants: vec!["acme".into()],
        scopes: [Permission::Read, Permission::Write].into(),
    }
}

fn authenticator(issuers: Vec<Jwt>) -> Authenticator {
    let auth = Auth {
        keys: Vec::new(),
        jwt: issuers,
    };
    Authenticator::new(&auth, &Limits::default()).unwrap()
}

fn claims(change: &[(&str, Value)]) -> Value {
    let soon = jiff::Timestamp::now().as_second() + 600;
    let mut claims =
        json!({ "iss": "hs", "aud": "attendant", "sub": "u1", "org": "acme", "exp": soon });
    for (name, value) in change {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(*name);
        } else {
            claims[*name] = value.clone();
        }
    }
    claims
}

fn signed(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes()).unwrap();
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

#[test]
fn tokens_are_held_to_signature_time_audience_issuer_and_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let hs = issuer(folder.path(), "hs", JwtAlgorithm::HS256, SECRET);
    let auth = authenticator(vec![hs]);
    let caller = auth.caller(&signed(&claims(&[]), SECRET)).unwrap();
    assert_eq!(caller.tenant.as_str(), "acme");
    assert_eq!(caller.subject, "jwt:hs:u1");
    assert!(caller.require(Permission::Write).is_ok());
    assert!(caller.require(Permission::Supervise).is_err());
    // The claim narrows what the issuer may, and never widens it.
    let narrow = signed(&claims(&[("scope", json!("read supervise"))]), SECRET);
    let scopes = auth.caller(&narrow).unwrap().scopes;
    assert_eq!(scopes, BTreeSet::from([Permission::Read]));

    let past = jiff::Timestamp::now().as_second() - 600;
    let refused = [
        (
            "another secret",
            signed(&claims(&[]), "another secret that has more than 32 bytes"),
        ),
        ("expired", signed(&claims(&[("exp", json!(past))]), SECRET)),
        ("no end", signed(&claims(&[("exp", json!(null))]), SECRET)),
        (
            "not yet",
            signed(&claims(&[("nbf", json!(past + 1200))]), SECRET),
        ),
        (
            "audience",
            signed(&claims(&[("aud", json!("others"))]), SECRET),
        ),
        (
            "no audience",
            signed(&claims(&[("aud", json!(null))]), SECRET),
        ),
        ("issuer", signed(&claims(&[("iss", json!("evil"))]), SECRET)),
        (
            "no tenant",
            signed(&claims(&[("org", json!(null))]), SECRET),
        ),
        (
            "tenant",
            signed(&claims(&[("org", json!("other"))]), SECRET),
        ),
    ];
    for (why, token) in refused {
        let problem = auth.caller(&token).expect_err(why);
        assert_eq!(problem.status, 401, "{why}");
        assert!(!problem.detail.contains(&token), "{why}");
    }
    // A token cannot choose its algorithm.
    let mut parts: Vec<String> = signed(&claims(&[]), SECRET)
        .split('.')
        .map(str::to_owned)
        .collect();
    parts[0] = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0".into();
    parts[2] = String::new();
    assert!(auth.caller(&parts.join(".")).is_err());
}

#[test]
fn tokens_of_key_pairs_are_held_to_their_key_and_a_public_key_is_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let rs = issuer(folder.path(), "rs", JwtAlgorithm::RS256, keys::RSA_PUBLIC);
    let ed = issuer(folder.path(), "ed", JwtAlgorithm::EdDSA, keys::ED_PUBLIC);
    let auth = authenticator(vec![rs, ed]);
    let by = |algorithm, key: &EncodingKey, issuer: &str| {
        let claims = claims(&[("iss", json!(issuer))]);
        encode(&Header::new(algorithm), &claims, key).unwrap()
    };
    let rsa = EncodingKey::from_rsa_pem(keys::RSA_PRIVATE.as_bytes()).unwrap();
    let edwards = EncodingKey::from_ed_pem(keys::ED_PRIVATE.as_bytes()).unwrap();
    for (token, subject) in [
        (by(Algorithm::RS256, &rsa, "rs"), "jwt:rs:u1"),
        (by(Algorithm::EdDSA, &edwards, "ed"), "jwt:ed:u1"),
    ] {
        assert_eq!(auth.caller(&token).unwrap().subject, subject);
        // Another body under the same signature.
        let mut parts: Vec<&str> = token.split('.').collect();
        let other = by(Algorithm::RS256, &rsa, "others");
        parts[1] = other.split('.').nth(1).unwrap();
        assert_eq!(auth.caller(&parts.join(".")).unwrap_err().status, 401);
    }
    // Everybody has the public key: as the secret of a weaker algorithm it proves nothing.
    for (public, issuer) in [(keys::RSA_PUBLIC, "rs"), (keys::ED_PUBLIC, "ed")] {
        let secret = EncodingKey::from_secret(public.as_bytes()).unwrap();
        let forged = by(Algorithm::HS256, &secret, issuer);
        assert_eq!(auth.caller(&forged).unwrap_err().status, 401);
    }
    // Nor does one issuer speak for another.
    let crossed = by(Algorithm::RS256, &rsa, "ed");
    assert_eq!(auth.caller(&crossed).unwrap_err().status, 401);
}

#[test]
fn weak_and_missing_secrets_are_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let weak = issuer(folder.path(), "weak", JwtAlgorithm::HS256, "short");
    let mut gone = issuer(folder.path(), "hs", JwtAlgorithm::HS256, SECRET);
    gone.key = Secret::File(folder.path().join("nowhere"));
    let no_pem = issuer(folder.path(), "ed", JwtAlgorithm::EdDSA, SECRET);
    for wrong in [weak, gone, no_pem] {
        let auth = Auth {
            keys: Vec::new(),
            jwt: vec![wrong],
        };
        let error = Authenticator::new(&auth, &Limits::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!error.to_string().contains(SECRET));
    }
}

fn parse(text: &str, environment: &[(&str, &str)]) -> crate::error::Result<ServerConfig> {
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    ServerConfig::parse(text, environment)
}

#[test]
fn mistakes_in_a_configuration_are_named() {
    for (text, named) in [
        (
            "[server]\nlisten = \"127.0.0.1:1\"\nport = 5\n",
            &["port", "line 3"][..],
        ),
        (
            "[limits]\nbody_bytes = \"much\"\n",
            &["body_bytes", "line 2"],
        ),
        ("[limits]\nburst = 0\n", &["limits.burst"]),
        ("[cors]\norigins = [\"*\"]\n", &["cors.origins", "*"]),
        (
            "[store]\nurl = \"postgres://me:hush@db/x\"\n",
            &["store.url", "secret_url"],
        ),
        (
            "[[auth.keys]]\nid = \"a\"\nkey = \"hush\"\n",
            &["key", "line 3"],
        ),
        ("[telephony\n", &["line 1"]),
    ] {
        let error = parse(text, &[]).unwrap_err().to_string();
        for word in named {
            assert!(error.contains(word), "{word}: {error}");
        }
    }
    let two = "[[auth.keys]]\nid='a'\nsha256='00'\ntenant='t'\nscopes=['read']\n";
    let config = parse(two, &[]).unwrap();
    let error = Authenticator::new(&config.auth, &config.limits).unwrap_err();
    assert!(error.to_string().contains("sha256"), "{error}");
}

#[test]
fn the_environment_goes_over_the_file() {
    let text = "[limits]\nburst = 7\n";
    let config = parse(
        text,
        &[
            ("ATTENDANT__SERVER__LISTEN", "0.0.0.0:9"),
            ("ATTENDANT__LIMITS__BODY_BYTES", "10"),
            ("ATTENDANT__CORS__ORIGINS", "[\"https://a.example\"]"),
            ("ATTENDANT_LLM", "none"),
        ],
    )
    .unwrap();
    assert_eq!(config.server.listen.port(), 9);
    assert_eq!((config.limits.body_bytes, config.limits.burst), (10, 7));
    assert_eq!(config.cors.origins, ["https://a.example"]);
    for (name, value) in [
        ("ATTENDANT__SERVER__PORT", "9"),
        ("ATTENDANT__SERVER", "9"),
        ("ATTENDANT__LIMITS__BURST", "many"),
    ] {
        let error = parse(text, &[(name, value)]).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn the_example_says_only_what_a_configuration_can_say() {
    let text = include_str!("../../../examples/attendant.toml");
    let config = parse(text, &[]).unwrap();
    assert_eq!(config.auth.keys.len(), 1);
    // What stands in comments is right too: a line of TOML behind one sign and one space.
    let all: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest.starts_with('[')
                    || rest
                        .split_once(" = ")
                        .is_some_and(|(key, _)| !key.contains(' ')) =>
            {
                rest
            }
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let config = parse(&all, &[]).unwrap();
    assert!(config.server.tls.is_some() && config.telemetry.otlp.is_some());
    assert_eq!(config.auth.jwt.len(), 1);
}

/// Every route of the document is served, and every path below `/v1` that is served is in it.
#[tokio::test]
async fn the_document_is_about_this_server() {
    let server = start(config()).await;
    let document = call(server.address, "GET", "/openapi.json", &[], None)
        .await
        .json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 20);
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    for reference in references {
        let found = document.pointer(reference.trim_start_matches('#'));
        assert!(found.is_some(), "{reference} leads nowhere");
    }
    for (path, operations) in paths {
        for method in operations.as_object().unwrap().keys() {
            // Without a key: guarded routes say so, others answer, and none is unknown.
            let path = path.replace("{id}", "c-1");
            let answer = call(server.address, &method.to_uppercase(), &path, &[], None).await;
            let guarded = operations[method].get("security").is_none();
            assert_eq!(answer.status == 401, guarded, "{method} {path}: {answer:?}");
            assert_ne!(answer.status, 405, "{method} {path}");
        }
    }
    server.stop().await;
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::String(text) if name == "$ref" => {
                        references.insert(text.clone());
                    }
                    other => collect(other, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
