//! llama.cpp: its bench for plain speed, its server for questions about one conversation.
//!
//! `ATTENDANT_LLAMACPP` names the folder of the binaries (`scripts/peers.sh` builds and prints it); without it
//! these figures are left out.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use attendant::llm::Prefix;
use serde_json::{Value, json};

use crate::conversation::{ANSWER, LINES, append, conversation, questions};
use crate::{Figures, ROUNDS};

pub(crate) fn measure(model: &Path, figures: &mut Figures) {
    let Some(folder) = std::env::var_os("ATTENDANT_LLAMACPP").map(PathBuf::from) else {
        eprintln!("ATTENDANT_LLAMACPP is not set: llama.cpp is not measured");
        return;
    };
    bench(&folder, model, figures);
    server(&folder, model, figures);
}

fn threads() -> String {
    std::thread::available_parallelism()
        .map_or(1, usize::from)
        .to_string()
}

fn bench(folder: &Path, model: &Path, figures: &mut Figures) {
    let output = Command::new(folder.join("llama-bench"))
        .arg("-m")
        .arg(model)
        .args([
            "-p",
            "1000",
            "-n",
            "64",
            "-r",
            "3",
            "-o",
            "json",
            "-t",
            &threads(),
        ])
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let runs: Value = serde_json::from_slice(&output.stdout).unwrap();
    for run in runs.as_array().unwrap() {
        // The best of the rounds, as for everybody else.
        let samples = run["samples_ts"].as_array().unwrap();
        let best = samples.iter().filter_map(Value::as_f64).fold(0.0, f64::max);
        match run["n_gen"].as_u64() {
            Some(0) => figures.set("llamacpp_prefill_tps", best),
            _ => figures.set("llamacpp_decode_tps", best),
        }
    }
}

struct Server {
    process: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Four slots, prompt cache on, as much context for each as ours has.
    fn start(folder: &Path, model: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = Command::new(folder.join("llama-server"))
            .arg("-m")
            .arg(model)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["-np", "4", "-c", "16384", "-t", &threads()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, port };
        let start = Instant::now();
        while server
            .ask(&Prefix::new("Hello.").ask("Ok?").into(), 1)
            .is_none()
        {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "llama-server does not start"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
        server
    }

    /// The tokens of an answer; `None` while the server is not ready.
    fn ask(&self, question: &Question, tokens: usize) -> Option<u64> {
        let body = json!({
            "messages": [
                { "role": "system", "content": question.system },
                { "role": "user", "content": question.user },
            ],
            "max_tokens": tokens, "temperature": 0, "cache_prompt": true,
        })
        .to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(
            stream,
            "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer);
        let body = &answer[answer.find('{')?..];
        let answer: Value = serde_json::from_str(body).ok()?;
        answer["usage"]["completion_tokens"].as_u64()
    }

    /// Milliseconds for the first `count` questions at once.
    fn fan_out(&self, prefix: &Prefix, count: usize) -> f64 {
        let questions: Vec<Question> = questions()
            .iter()
            .take(count)
            .map(|task| prefix.ask(task.as_str()).into())
            .collect();
        let start = Instant::now();
        std::thread::scope(|scope| {
            for question in &questions {
                scope.spawn(move || {
                    let tokens = self.ask(question, ANSWER);
                    assert_eq!(
                        tokens,
                        Some(ANSWER as u64),
                        "an answer is shorter than it must be"
                    );
                });
            }
        });
        start.elapsed().as_secs_f64() * 1e3
    }
}

struct Question {
    system: String,
    user: String,
}

impl From<attendant::llm::Prompt> for Question {
    fn from(prompt: attendant::llm::Prompt) -> Self {
        Self {
            system: prompt.prefix().system().to_owned(),
            user: prompt.user_message(),
        }
    }
}

fn server(folder: &Path, model: &Path, figures: &mut Figures) {
    let server = Server::start(folder, model);
    let (mut new, mut live) = (f64::INFINITY, f64::INFINITY);
    // The slots are where they are after some use.
    server.fan_out(&conversation(99, 4), 4);
    // One round fewer: a new transcript takes it long.
    for round in 0..ROUNDS - 1 {
        let mut prefix = conversation(100 + round, LINES);
        new = new.min(server.fan_out(&prefix, 4));
        append(&mut prefix);
        live = live.min(server.fan_out(&prefix, 4));
    }
    figures.set("llamaserver_fanout4_new_ms", new);
    figures.set("llamaserver_fanout4_ms", live);
}
