use serde_json::json;

use super::*;
use crate::conversation::{
    AnnotationKind, Conversation, Evidence, NewUtterance, Participant, SectionKind, Summary,
    SummarySection, UtteranceId, WrapUp, WrapUpCode,
};

fn call() -> Conversation {
    let mut call = Conversation::new("acme", Channel::Voice)
        .with_id("call 42/é")
        .with_language("de-CH")
        .with_profile(CustomerProfile {
            id: "c-7".into(),
            display_name: Some("Zoë".into()),
            attributes: [("tariff".to_owned(), "fibre".to_owned())].into(),
            history: vec!["2026-01-02: router replaced".into()],
        });
    call.started_at = "2026-05-04T10:00:00.123456789Z".parse().unwrap();
    call.journey.push(
        JourneyEvent::new("outage", "The line was down.", call.started_at)
            .with_attribute("area", "8000"),
    );
    let mut customer = Participant::new("track-0", Role::EndUser);
    customer.display_name = Some("Zoë Müller 👋".into());
    customer.role_confidence = 0.9;
    let customer = call.join(customer);
    let bot = call.join(Participant::new("bot", Role::AutomatedAgent));
    let agent = call.join(Participant::new("agent-1", Role::HumanAgent));
    let unknown = call.join(Participant::new("track-3", Role::Unknown));
    let mut said =
        NewUtterance::new(customer.clone(), "I pay €42.00, 你好\n\"ok\" \0").with_span(1501, 4203);
    said.language = Some("de".into());
    said.confidence = Some(0.83);
    said.words.push(Word {
        text: "I".into(),
        start_ms: 1501,
        end_ms: 1600,
        confidence: 0.5,
    });
    said.annotations.push(Annotation {
        kind: AnnotationKind::Amount,
        value: "EUR 42.00".into(),
        start: 6,
        end: 14,
        confidence: 0.9,
    });
    call.append(said);
    // Final before the earlier one: the order is that of the transcript, not that of the clock.
    call.append(NewUtterance::new(bot, "Grüezi.").with_span(200, 900));
    let mut listens = NewUtterance::new(agent.clone(), "Mhm.").with_span(3000, 3200);
    listens.back_channel = true;
    call.append(listens);
    call.channel = Channel::Chat;
    call.append(NewUtterance::new(agent, "").with_span(9000, 9000));
    call.append(NewUtterance::new(unknown, "…").with_span(86_400_000 * 3, 86_400_000 * 3 + 1));
    call
}

fn note() -> Summary {
    Summary {
        sections: vec![SummarySection {
            kind: SectionKind::Situation,
            name: None,
            text: "Wants to pay.".into(),
            evidence: vec![Evidence::Utterance(UtteranceId(1))],
        }],
        covers: 5,
        wrap_up: Some(WrapUp {
            code: WrapUpCode {
                id: "BILL".into(),
                label: "Billing".into(),
                description: String::new(),
            },
            confidence: 0.7,
            alternatives: vec![("TECH".into(), 0.2)],
            evidence: Vec::new(),
        }),
        ..Summary::default()
    }
}

fn read(value: Value) -> Result<VconConversation> {
    Vcon::from_value(value)?.to_conversation("acme")
}

fn refused(value: Value, kind: ErrorKind, told: &str) {
    let error = read(value).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(told), "{error}");
}

fn simple(dialog: Value) -> Value {
    json!({
        "uuid": "0183693d-3d9e-8d6c-a0a3-8a5d2f0d2c31",
        "created_at": "2022-09-23T23:44:59.000+00:00",
        "parties": [{ "tel": "+1987654321", "name": "Alice" }, { "mailto": "b@example.com" }],
        "dialog": dialog,
    })
}

#[test]
fn a_conversation_comes_back_through_json() {
    let options = VconOptions {
        summary: Some(note()),
        created_at: Some("2026-05-05T00:00:00Z".parse().unwrap()),
        ..VconOptions::default()
    };
    let vcon = Vcon::from_conversation(&call(), options).unwrap();
    let json = vcon.to_json().unwrap();
    let again = Vcon::from_json(&json).unwrap();
    assert_eq!(again, vcon);
    let read = again.to_conversation("acme").unwrap();
    assert_eq!(read.conversation, call());
    assert_eq!(read.summary, Some(note()));
    assert_eq!(read.passed_over, Vec::<String>::new());
}

#[test]
fn it_has_the_form_of_the_draft() {
    let options = VconOptions {
        summary: Some(note()),
        recordings: vec![VconDialog::recording(
            call().started_at,
            12.5,
            VconContent::file("https://example.com/call.wav", "sha512-Zm9v"),
        )],
        attachments: vec![VconAttachment {
            purpose: Some("bill".into()),
            party: Some(0),
            dialog: Some(0),
            content: VconContent::bytes("application/pdf", &[0xff, 0xfe, 0x00, 0xfb]),
            ..VconAttachment::default()
        }],
        ..VconOptions::default()
    };
    let vcon = Vcon::from_conversation(&call(), options).unwrap();
    let value = serde_json::to_value(&vcon).unwrap();
    assert_eq!(value["vcon"], "0.4.0");
    assert_eq!(value["extensions"], json!(["CC", "attendant"]));
    assert!(value.get("critical").is_none());
    assert_eq!(value["parties"][0]["role"], "customer");
    assert_eq!(value["parties"][0]["name"], "Zoë Müller 👋");
    assert_eq!(value["parties"][1]["type"], "bot");
    assert_eq!(value["parties"][2]["role"], "agent");
    assert!(value["parties"][3].get("role").is_none());
    let first = &value["dialog"][0];
    assert_eq!(first["type"], "text");
    assert_eq!(first["start"], "2026-05-04T10:00:01.624456789Z");
    assert_eq!(first["duration"], 2.702);
    assert_eq!(first["parties"], 0);
    assert_eq!(first["mediatype"], "text/plain");
    assert_eq!(first["encoding"], "none");
    assert_eq!(first["application"], "voice");
    let recording = &value["dialog"][5];
    assert_eq!(recording["type"], "recording");
    assert_eq!(recording["content_hash"], "sha512-Zm9v");
    assert!(recording.get("body").is_none());
    assert_eq!(value["analysis"][0]["type"], "summary");
    assert_eq!(value["analysis"][0]["dialog"], json!([0, 1, 2, 3, 4]));
    assert_eq!(value["analysis"][0]["encoding"], "json");
    assert_eq!(value["analysis"][0]["vendor"], "attendant");
    assert_eq!(value["analysis"][1]["body"]["code"]["id"], "BILL");
    // No padding, and the letters of base64url.
    assert_eq!(value["attachments"][0]["body"], "__4A-w");
    let bytes = vcon.attachments[0].content.body_bytes().unwrap();
    assert_eq!(bytes.unwrap(), [0xff, 0xfe, 0x00, 0xfb]);
    let version = vcon.uuid.get_version_num();
    assert_eq!(version, 8);
    let again = Vcon::from_conversation(&call(), VconOptions::default()).unwrap();
    assert_eq!(again.uuid, vcon.uuid);
    let read = vcon.to_conversation("acme").unwrap();
    assert_eq!(read.passed_over, ["dialog 5 is recording, not text"]);
    // The tenant is nobody else's business.
    assert!(!value.to_string().contains("acme"));
}

#[test]
fn what_the_host_knows_can_be_left_out() {
    let options = VconOptions {
        without_profile: true,
        ..VconOptions::default()
    };
    let vcon = Vcon::from_conversation(&call(), options).unwrap();
    let json = vcon.to_json().unwrap();
    assert!(
        !json.contains("fibre") && !json.contains("outage"),
        "{json}"
    );
}

#[test]
fn an_email_thread_of_another_vendor_is_read() {
    let mut value = simple(json!([
        {
            "type": "text", "start": "2022-09-23T23:34:32.000+00:00", "duration": 0,
            "parties": [1, 0], "mediatype": "text/plain; charset=UTF-8", "encoding": "none",
            "body": "All is fine.\nThanks.", "message_id": "<2@example.com>", "application": "email",
        },
        {
            "type": "text", "start": "2022-09-24T01:24:59+02:00", "parties": 0,
            "mediatype": "text/plain", "encoding": "base64url", "body": "SGkgQm9iIPCfkYs=",
            "some_new_field": { "a": [1] },
        },
        { "type": "text", "start": "2022-09-23T23:36:00Z", "duration": 1.5, "parties": [[null, 1]],
          "originator": 1, "mimetype": "text/plain", "body": "PS" },
        { "type": "text", "start": "2022-09-23T23:37:00Z", "parties": 0, "encoding": "json",
          "body": "as JSON" },
    ]));
    value["parties"][0]["role"] = json!("Agent");
    value["parties"][1]["role"] = json!("customer");
    value["analysis"] = json!([
        { "type": "summary", "vendor": "other", "body": "Account fixed.", "encoding": "none" },
        { "type": "sentiment", "vendor": "other", "schema": "s", "body": { "x": 1 }, "encoding": "json" },
    ]);
    value["group"] = json!([]);
    let vcon = Vcon::from_value(value.clone()).unwrap();
    assert_eq!(vcon.other["group"], json!([]));
    assert_eq!(
        vcon.customer_keys(),
        [("email".to_owned(), "b@example.com".to_owned())].into()
    );
    // What is not known here is written out again.
    let written = serde_json::to_value(&vcon).unwrap();
    assert_eq!(written["dialog"][1]["some_new_field"], json!({ "a": [1] }));
    assert_eq!(written["dialog"][0]["message_id"], "<2@example.com>");

    let read = vcon.to_conversation("acme").unwrap();
    let conversation = read.conversation;
    assert_eq!(
        conversation.id.as_str(),
        "0183693d-3d9e-8d6c-a0a3-8a5d2f0d2c31"
    );
    assert_eq!(conversation.tenant.as_str(), "acme");
    assert_eq!(conversation.channel, Channel::Email);
    assert_eq!(conversation.started_at.to_string(), "2022-09-23T23:24:59Z");
    let said: Vec<_> = conversation.transcript.utterances().iter().collect();
    let texts: Vec<(&str, Role, u64, u64)> = said
        .iter()
        .map(|u| (u.text.as_str(), u.role, u.start_ms, u.end_ms))
        .collect();
    assert_eq!(
        texts,
        [
            ("Hi Bob 👋", Role::HumanAgent, 0, 0),
            ("All is fine.\nThanks.", Role::EndUser, 573_000, 573_000),
            ("PS", Role::EndUser, 661_000, 662_500),
            ("as JSON", Role::HumanAgent, 721_000, 721_000),
        ]
    );
    assert_eq!(
        conversation.participants[0].display_name.as_deref(),
        Some("Alice")
    );
    let note = read.summary.unwrap();
    assert_eq!(note.section(SectionKind::Situation), Some("Account fixed."));
    assert_eq!(
        read.passed_over,
        ["analysis 1 (sentiment by other) is not read"]
    );
}

#[test]
fn what_has_no_words_is_passed_over_and_told() {
    let start = "2022-09-23T23:24:59Z";
    let read = read(simple(json!([
        {},
        { "type": "recording", "start": start, "duration": 9, "parties": [0, [0, 1], null],
          "url": "https://example.com/x.wav", "content_hash": ["sha512-eA"] },
        { "type": "incomplete", "start": start, "parties": 0, "disposition": "no-answer" },
        { "type": "text", "start": start, "parties": 0, "mediatype": "text/html", "body": "<b>", "encoding": "none" },
        { "type": "text", "start": start, "parties": 0, "url": "https://example.com/x.txt" },
        { "type": "text", "start": start, "parties": 0 },
    ])))
    .unwrap();
    assert!(read.conversation.transcript.is_empty());
    assert_eq!(read.conversation.channel, Channel::Voice);
    assert_eq!(read.passed_over.len(), 6, "{:?}", read.passed_over);
    assert!(read.passed_over[3].contains("text/html"));
    assert!(read.passed_over[4].contains("elsewhere"));
}

#[test]
fn what_does_not_fit_is_told() {
    use ErrorKind::{InvalidInput, Unsupported};
    let start = "2022-09-23T23:24:59Z";
    let text = |more: Value| {
        let mut dialog = json!({ "type": "text", "start": start, "parties": 0, "body": "Hi", "encoding": "none" });
        for (name, value) in more.as_object().unwrap() {
            dialog[name] = value.clone();
        }
        simple(json!([dialog]))
    };
    assert!(read(text(json!({}))).is_ok());
    refused(json!([]), InvalidInput, "no vCon");
    refused(json!({ "parties": [] }), InvalidInput, "uuid");
    refused(
        text(json!({ "start": "yesterday" })),
        InvalidInput,
        "no vCon",
    );
    refused(text(json!({ "start": null })), InvalidInput, "no start");
    refused(text(json!({ "parties": 2 })), InvalidInput, "party 2");
    refused(text(json!({ "parties": -1 })), InvalidInput, "whose");
    refused(text(json!({ "parties": [[[]]] })), InvalidInput, "whose");
    refused(text(json!({ "parties": null })), InvalidInput, "whose");
    refused(
        text(json!({ "encoding": "base64" })),
        InvalidInput,
        "base64url, json or none",
    );
    refused(
        text(json!({ "encoding": "base64url", "body": "!" })),
        InvalidInput,
        "dialog 0",
    );
    refused(
        text(json!({ "encoding": "base64url", "body": "_w" })),
        InvalidInput,
        "UTF-8",
    );
    refused(
        text(json!({ "body": { "a": 1 } })),
        InvalidInput,
        "no string",
    );
    refused(text(json!({ "duration": -1 })), InvalidInput, "-1 s");
    let mut critical = simple(json!([]));
    critical["critical"] = json!(["CC", "wtf-0"]);
    refused(critical, Unsupported, "wtf-0");
    refused(
        json!({ "payload": "e30", "signatures": [] }),
        Unsupported,
        "signed",
    );
    refused(
        json!({ "ciphertext": "x", "recipients": [] }),
        Unsupported,
        "decrypt",
    );
    assert!(Vcon::from_json("{").is_err());
    let mut odd = Vcon::from_conversation(
        &call(),
        VconOptions {
            summary: Some(note()),
            ..VconOptions::default()
        },
    )
    .unwrap();
    odd.analysis[0].content.body = Some(json!({ "sections": 3 }));
    let error = odd.to_conversation("acme").unwrap_err();
    assert!(error.to_string().contains("analysis 0"), "{error}");
}

#[test]
fn what_stood_beside_a_text_that_was_changed_is_dropped() {
    let mut vcon = Vcon::from_conversation(&call(), VconOptions::default()).unwrap();
    vcon.dialog[0].content.body = Some(json!("[redacted]"));
    let read = vcon.to_conversation("acme").unwrap();
    let said = &read.conversation.transcript.utterances()[0];
    assert_eq!(said.text, "[redacted]");
    assert_eq!((said.annotations.len(), said.words.len()), (0, 0));
}
