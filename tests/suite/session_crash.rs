//! A virtual agent whose process is killed in a tool call and around an approval: nothing is done twice, nothing that was
//! said is lost, and what nobody knows goes to a person.
//!
//! A child process (this binary again) leads one conversation; it stands still at a point, and the parent kills it there
//! (kill -9) and starts another.
#![cfg(all(feature = "sqlite", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use attendant::conversation::{Approver, Channel, Conversation, Participant, Role};
use attendant::dialogue::{FnTool, Playbook, Tool, ToolEffect, ToolSpec};
use attendant::session::{Session, SessionInput};
use attendant::store::SqliteStore;
use attendant::{Assistant, ErrorKind};
use futures::StreamExt;
use serde_json::{Map, Value, json};

const DIR: &str = "ATTENDANT_CRASH_DIR";
/// Where the child stands still, until it is killed.
const POINT: &str = "ATTENDANT_CRASH_POINT";
/// More questions after a yes than this, and it will never be given.
const ATTEMPTS: usize = 6;

const BOOK: &str = r#"
id = "order"
title = "Order"
goal = "It is ordered and paid."
examples = ["I want to order the new phone", "order a phone for me"]
[[slots]]
name = "colour"
description = "its colour"
values = ["black", "white"]
ask = "Black or white?"
[[steps]]
id = "reserve"
label = "Reserve it"
kind = "tool"
tool = "reserve"
requires = ["colour"]
done = "One in {{ slots.colour }} is reserved for you."
[[steps]]
id = "pay"
label = "Take the money"
kind = "tool"
tool = "pay"
requires = ["colour"]
after = ["reserve"]
approvals = ["supervisor"]
done = "It is paid."
"#;

fn pause(point: &str) {
    if std::env::var(POINT).is_ok_and(|wanted| wanted == point) {
        println!("\nat {point}");
        std::thread::sleep(Duration::from_secs(60));
    }
}

fn log(dir: &Path) -> PathBuf {
    dir.join("done.log")
}

/// A backend action; one that knows keys again does it once a key.
fn tool(dir: &Path, name: &'static str, effect: ToolEffect) -> Arc<dyn Tool> {
    let path = log(dir);
    let spec = ToolSpec::new(name, "Does it").with_effect(effect);
    Arc::new(FnTool::new(spec, move |_: Map<String, Value>, call| {
        let path = path.clone();
        async move {
            let line = format!("{name} {}", call.idempotency_key);
            let before = std::fs::read_to_string(&path).unwrap_or_default();
            let known = effect == ToolEffect::Idempotent && before.lines().any(|l| l == line);
            pause(&format!("before {name}"));
            if !known {
                let mut file = File::options()
                    .create(true)
                    .append(true)
                    .open(&path)
                    .unwrap();
                file.write_all(format!("{line}\n").as_bytes()).unwrap();
            }
            pause(&format!("after {name}"));
            Ok(json!({}))
        }
    }))
}

async fn assistant(dir: &Path) -> Assistant {
    let store = SqliteStore::open(&dir.join("store.db")).await.unwrap();
    Assistant::builder()
        .store(Arc::new(store))
        .playbooks(vec![Playbook::from_toml(BOOK).unwrap()])
        .tools(vec![
            tool(dir, "reserve", ToolEffect::Idempotent),
            tool(dir, "pay", ToolEffect::Write),
        ])
        .build()
        .await
        .unwrap()
}

/// What the customer was told, in one text.
async fn told(session: &Session) -> String {
    session.settle().await.unwrap();
    let conversation = session.conversation().await.unwrap();
    let said = conversation.transcript.utterances().iter();
    let said = said.filter(|said| said.role == Role::AutomatedAgent);
    said.map(|said| said.text.as_str())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The child; does nothing where no folder is named.
#[tokio::test]
#[ignore = "run by the other test as a process of its own"]
async fn child() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let assistant = assistant(Path::new(&dir)).await;
    let (mut session, is_new) = match assistant.resume("acme", "c1").await {
        Ok(session) => (session, false),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut chat = Conversation::new("acme", Channel::Chat).with_id("c1");
            chat.join(Participant::new("bot", Role::AutomatedAgent));
            (assistant.session(chat), true)
        }
        Err(error) => panic!("{error}"),
    };
    let mut events = session.events();
    tokio::spawn(async move { while events.next().await.is_some() {} });
    if is_new {
        for text in ["I want to order the new phone", "Black, please"] {
            session.say(Role::EndUser, text).await.unwrap();
            println!("\nsaid {text}");
            session.settle().await.unwrap();
        }
        pause("asked");
    }
    for _ in 0..ATTEMPTS {
        let said = told(&session).await;
        if said.contains("It is paid.") || said.contains("colleague now") {
            println!("\nall");
            return;
        }
        let approve = SessionInput::Approve {
            source: "order/pay".into(),
            by: Approver::Supervisor,
            who: "s1".into(),
            yes: true,
        };
        session.send(approve).await.unwrap();
        // Taken, and perhaps under way.
        session.conversation().await.unwrap();
        println!("\napproved");
        pause("approved");
    }
    panic!("it did not end: {}", told(&session).await);
}

fn spawn(dir: &Path, point: &str) -> (Child, Receiver<String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "session_crash::child",
            "--ignored",
            "--nocapture",
        ])
        .env(DIR, dir)
        .env(POINT, point)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (tell, told) = channel();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    std::thread::spawn(move || {
        lines
            .map_while(Result::ok)
            .for_each(|line| drop(tell.send(line)))
    });
    (child, told)
}

#[tokio::test]
async fn a_session_that_is_killed_goes_on_without_doing_anything_twice() {
    for (point, paid) in [
        ("before reserve", true),
        ("after reserve", true),
        ("asked", true),
        ("approved", true),
        ("before pay", false),
        ("after pay", false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (mut child, lines) = spawn(dir.path(), point);
        let there = format!("at {point}");
        loop {
            let line = lines.recv_timeout(Duration::from_secs(50));
            if line.expect(point) == there {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let (mut child, lines) = spawn(dir.path(), "");
        assert!(child.wait().unwrap().success(), "{point}");
        assert!(lines.iter().any(|line| line == "all"), "{point}");

        let done = std::fs::read_to_string(log(dir.path())).unwrap();
        let times = |name: &str| done.lines().filter(|l| l.starts_with(name)).count();
        assert_eq!(times("reserve"), 1, "{point}: {done}");
        // Killed in the payment, nobody knows whether it was made: it is not made again.
        let pays = if point == "before pay" { 0 } else { 1 };
        assert_eq!(times("pay"), pays, "{point}: {done}");
        let assistant = assistant(dir.path()).await;
        let session = assistant.resume("acme", "c1").await.unwrap();
        let conversation = session.conversation().await.unwrap();
        let customer = conversation.transcript.utterances().iter();
        let customer = customer.filter(|said| said.role == Role::EndUser).count();
        assert_eq!(customer, 2, "{point}: words of the customer were lost");
        assert_eq!(
            told(&session).await.contains("It is paid."),
            paid,
            "{point}"
        );
    }
}
